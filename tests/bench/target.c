/* An HTTP server that notes when it was asked for what: one thread, epoll, a
 * response and a close for each connection.
 *
 *     bench_target LOG      prints its port on standard output
 *
 * It listens on every address of the loopback device: to Relevo each is a
 * target of its own.
 *
 * Paths: /c/N answers 200, or as /set/N/MODE has said: 0 as ever, 1 with 503,
 * 2 never. LOG gets a line "monotonic_ns wall_ns N status" for each request of
 * /c/N, taken before the answer is sent; after each turn of the loop it is
 * written out. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { NAMES = 20000, EVENTS = 128, REQUEST = 2048 };
enum mode { MODE_GOOD, MODE_FAIL, MODE_HANG };

static enum mode modes[NAMES];
static FILE *log_file;

static long long clock_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void must(int ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    exit(3);
}

static void answer(int fd, int status)
{
    char text[256];
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 %d %s\r\nContent-Length: 3\r\n"
                     "Connection: close\r\n\r\nok\n",
                     status, status == 200 ? "OK" : "Service Unavailable");
    if (write(fd, text, (size_t)n) != n)
        perror("write");
    close(fd);
}

/* Hanging connections end when the client ends them: epoll says so. */
static void serve(int fd)
{
    char request[REQUEST];
    unsigned name = 0, mode = 0;
    ssize_t n = read(fd, request, sizeof request - 1);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            close(fd);
        return;
    }
    request[n] = '\0';
    if (sscanf(request, "GET /set/%u/%u", &name, &mode) == 2 && name < NAMES) {
        modes[name] = (enum mode)mode;
        answer(fd, 200);
        return;
    }
    if (sscanf(request, "GET /c/%u", &name) != 1 || name >= NAMES) {
        answer(fd, 200);
        return;
    }
    int status = modes[name] == MODE_FAIL ? 503 : 200;
    fprintf(log_file, "%lld %lld %u %d\n", clock_ns(CLOCK_MONOTONIC),
            clock_ns(CLOCK_REALTIME), name, status);
    if (modes[name] != MODE_HANG)
        answer(fd, status);
}

static void accept_all(int listener, int epoll)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
           0) {
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0, "epoll_ctl");
    }
}

static int listen_anywhere(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    must(fd >= 0, "socket");
    must(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) == 0,
         "SO_BINDTODEVICE");
    must(bind(fd, (struct sockaddr *)&a, len) == 0, "bind");
    must(listen(fd, 4096) == 0, "listen");
    must(getsockname(fd, (struct sockaddr *)&a, &len) == 0, "getsockname");
    printf("%u\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    struct rlimit files = {65536, 65536};
    struct epoll_event events[EVENTS];
    must(argc == 2, "usage: bench_target LOG");
    log_file = fopen(argv[1], "w");
    must(log_file != NULL, argv[1]);
    setrlimit(RLIMIT_NOFILE, &files);
    int listener = listen_anywhere();
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = listener};
    must(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e) == 0, "epoll_ctl");
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == listener)
                accept_all(listener, epoll);
            else
                serve(events[i].data.fd);
        }
        fflush(log_file);
    }
}
