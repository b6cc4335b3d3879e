/* web/web.c: see web.h.
 *
 * Happy path: MSG_WEB comes, then requests are answered until main closes the
 * channel.
 * Ways it can fail: libmicrohttpd cannot be loaded, main talks nonsense: we end
 * and are started anew. A handler crashes: the same, and the watch goes on. */
#include "web/web.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/harden.h"
#include "base/log.h"
#include "web/calls.h"
#include "web/link.h"
#include "web/server.h"
#include "web/status.h"
#include "web/storage.h"

enum { POLLED_MOST = 8, NICE = 10, TASKS = 8, HEAP_BYTES = 128 << 20 };

/* Probes come first: we yield to them. */
static void harden(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpriority(PRIO_PROCESS, 0, NICE);
    if (!harden_rights())
        die("capabilities cannot be given up: %s", strerror(errno));
    harden_tasks(TASKS);
    harden_heap(HEAP_BYTES);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGTERM, SIG_IGN); /* main closes our channel */
    dup2(STDERR_FILENO, STDOUT_FILENO);
}

/* An answer over many checks takes megabytes for a moment; malloc would keep
 * them. Once a second at most: it takes a few milliseconds. */
static void give_back(void)
{
    static int64_t gave_ns;
    static uint64_t answered;
    int64_t now_ns = clock_mono_ns();
    if (calls_answered() == answered || now_ns - gave_ns < NS_PER_S)
        return;
    answered = calls_answered();
    gave_ns = now_ns;
    malloc_trim(0);
}

static bool turn(void)
{
    struct pollfd fds[POLLED_MOST];
    fds[0] = (struct pollfd){link_fd(), POLLIN, 0};
    if (link_wants_write())
        fds[0].events |= POLLOUT;
    size_t n = 1 + server_polled(fds + 1, POLLED_MOST - 1);
    if (poll(fds, n, server_timeout()) < 0 && errno != EINTR)
        die("poll: %s", strerror(errno));
    if (!link_run())
        return false;
    server_run();
    give_back();
    return true;
}

/* Until then nobody is answered: who connects waits in the socket's queue. */
static bool wait_for_settings(void)
{
    while (link_settings() == NULL) {
        struct pollfd p = {link_fd(), POLLIN, 0};
        if (poll(&p, 1, -1) < 0 && errno != EINTR)
            die("poll: %s", strerror(errno));
        if (!link_run())
            return false;
    }
    return true;
}

int web_main(void)
{
    log_init("web");
    harden();
    link_open(calls_answer);
    if (wait_for_settings()) {
        server_open();
        while (turn())
            ;
        server_close();
    }
    storage_close();
    status_close();
    link_close();
    return 0;
}
