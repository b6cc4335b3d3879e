/* The floor: what the requests of an HTTP check cost when nothing else is done
 * with them. libcurl's multi_socket interface on epoll, easy handles set up
 * once and used again, a new connection for each request or kept ones.
 *
 *     bench_curl_multi URL COUNT IN_FLIGHT RATE new|keep
 *
 * With RATE 0 IN_FLIGHT are always under way; else so many requests begin a
 * second, at even distances, as checks do, and IN_FLIGHT is the most.
 * Prints one JSON line: microseconds of CPU a request, from the first to the
 * last, set-up not counted. */
#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

enum { EVENTS = 128 };

struct floor {
    CURLM *multi;
    CURL **idle;
    const char *url;
    int epoll;
    long idle_count, begun, ended, good, count, rate;
    int64_t wanted_ns; /* libcurl's time; -1: none */
    int64_t from_ns;
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
                     void *known)
{
    (void)easy;
    struct floor *f = arg;
    struct epoll_event e = {.data.fd = fd};
    if (what == CURL_POLL_REMOVE)
        return epoll_ctl(f->epoll, EPOLL_CTL_DEL, fd, NULL);
    e.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
               (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    if (known == NULL)
        curl_multi_assign(f->multi, fd, f);
    return epoll_ctl(f->epoll, known == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
                     fd, &e);
}

static int on_timer(CURLM *multi, long after_ms, void *arg)
{
    (void)multi;
    struct floor *f = arg;
    f->wanted_ns = after_ms < 0 ? -1 : now_ns() + after_ms * 1000000;
    return 0;
}

static size_t on_bytes(char *bytes, size_t size, size_t n, void *arg)
{
    (void)bytes;
    (void)arg;
    return size * n;
}

static CURL *make(const char *url, bool keep)
{
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, keep ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, keep ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    return easy;
}

static int64_t next_start_ns(const struct floor *f)
{
    if (f->rate == 0 || f->begun == f->count)
        return -1;
    return f->from_ns + f->begun * INT64_C(1000000000) / f->rate;
}

static void begin(struct floor *f)
{
    while (f->begun < f->count && f->idle_count > 0 &&
           (f->rate == 0 || next_start_ns(f) <= now_ns())) {
        curl_multi_add_handle(f->multi, f->idle[--f->idle_count]);
        f->begun++;
    }
}

static void reap(struct floor *f)
{
    int left;
    CURLMsg *msg;
    while ((msg = curl_multi_info_read(f->multi, &left)) != NULL) {
        CURL *easy = msg->easy_handle;
        long status = 0;
        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        f->good += msg->data.result == CURLE_OK && status == 200;
        f->ended++;
        curl_multi_remove_handle(f->multi, easy);
        f->idle[f->idle_count++] = easy;
    }
}

static int wait_for(struct floor *f, struct epoll_event *events)
{
    int64_t start_ns = f->idle_count > 0 ? next_start_ns(f) : -1;
    int64_t until_ns = f->wanted_ns;
    if (start_ns >= 0 && (until_ns < 0 || start_ns < until_ns))
        until_ns = start_ns;
    int64_t left_ns = until_ns - now_ns();
    if (left_ns < 0)
        left_ns = 0;
    struct timespec t = {left_ns / 1000000000, left_ns % 1000000000};
    return epoll_pwait2(f->epoll, events, EVENTS, until_ns < 0 ? NULL : &t,
                        NULL);
}

static void run(struct floor *f)
{
    struct epoll_event events[EVENTS];
    int running;
    while (f->ended < f->count) {
        begin(f);
        if (f->wanted_ns >= 0 && f->wanted_ns <= now_ns()) {
            f->wanted_ns = -1;
            curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0,
                                     &running);
            reap(f);
            continue;
        }
        int n = wait_for(f, events);
        for (int i = 0; i < n; i++) {
            uint32_t e = events[i].events;
            int mask = (e & EPOLLIN ? CURL_CSELECT_IN : 0) |
                       (e & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                       (e & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
            curl_multi_socket_action(f->multi, events[i].data.fd, mask,
                                     &running);
        }
        reap(f);
    }
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: bench_curl_multi URL COUNT IN_FLIGHT RATE "
                        "new|keep\n");
        return 2;
    }
    struct floor f = {.url = argv[1], .wanted_ns = -1};
    f.count = atol(argv[2]);
    f.idle_count = atol(argv[3]);
    f.rate = atol(argv[4]);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    f.epoll = epoll_create1(EPOLL_CLOEXEC);
    f.multi = curl_multi_init();
    curl_multi_setopt(f.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(f.multi, CURLMOPT_SOCKETDATA, &f);
    curl_multi_setopt(f.multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(f.multi, CURLMOPT_TIMERDATA, &f);
    f.idle = calloc((size_t)f.idle_count, sizeof(CURL *));
    for (long i = 0; i < f.idle_count; i++)
        f.idle[i] = make(f.url, strcmp(argv[5], "keep") == 0);
    double before_us = cpu_us();
    f.from_ns = now_ns();
    run(&f);
    double spent_us = cpu_us() - before_us;
    printf("{\"requests\": %ld, \"good\": %ld, \"cpu_us\": %.2f, "
           "\"seconds\": %.3f}\n",
           f.ended, f.good, spent_us / (double)f.ended,
           (double)(now_ns() - f.from_ns) / 1e9);
    return f.good == f.count ? 0 : 1;
}
