/* postgres/away.c: a step of a login that computes for long, off the loop.
 *
 * A server may ask for many rounds of SCRAM, and libpq computes them all in one
 * call: 1.2 ms for a thousand, while every other check of the worker waits.
 * Above what guard.c lets onto the loop, that call is made in a thread. There
 * is one at a time, so that no server can have more than one core of us; the
 * others wait in a queue. Owns the queue, its connections, the thread, and an
 * eventfd. Called by open.c and session.c.
 *
 * Happy path: away_step() → work() in a thread → on_done() on the loop →
 * session_stepped().
 *
 * Ways it can fail: no thread or no eventfd: away_step() says so. The session
 * is closed meanwhile, as the deadline does: its connection is closed in its
 * turn, and until then the thread goes on, as libpq cannot be stopped. */
#include "postgres/away.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kit/init.h"

#define STACK 262144

struct job {
    struct job *next;
    struct session *session; /* NULL: forgotten */
    PGconn *conn;
    PostgresPollingStatusType polled;
};

static struct {
    struct job *first; /* the one that the thread is at */
    pthread_t thread;
    int done; /* eventfd; 0: none yet */
} away;

/* In the thread: nothing but libpq, and its connection. */
static void *work(void *arg)
{
    struct job *job = arg;
    static const uint64_t one = 1;
    job->polled = PQconnectPoll(job->conn);
    (void)!write(away.done, &one, sizeof one);
    return NULL;
}

/* Signals are the loop's. */
static int begin(struct job *job)
{
    sigset_t all, before;
    pthread_attr_t attr;
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&away.thread, &attr, work, job);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return error;
}

/* What libpq would tell the session may not come from another thread. */
static void hear_nothing(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

static void give_back(struct job *job, int error)
{
    struct session *session = job->session;
    if (session)
        session_stepped(session, job->conn, job->polled, error);
    else
        PQfinish(job->conn);
    free(job);
}

static struct job *take_first(void)
{
    struct job *job = away.first;
    away.first = job->next;
    return job;
}

/* What nobody wants any more need not be computed. */
static void begin_next(void)
{
    int error = 0;
    while (away.first &&
           (!away.first->session || (error = begin(away.first)) != 0))
        give_back(take_first(), error);
}

static void on_done(void *arg, int events)
{
    (void)arg;
    (void)events;
    uint64_t count;
    if (read(away.done, &count, sizeof count) != sizeof count || !away.first)
        return;
    pthread_join(away.thread, NULL);
    struct job *job = take_first();
    begin_next();
    give_back(job, 0);
}

/* OpenSSL may not be taken down under the thread. */
static void on_worker_ends(void *arg)
{
    (void)arg;
    if (away.first)
        pthread_join(away.thread, NULL);
}

static bool be_ready(void)
{
    if (away.done > 0)
        return true;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return false;
    away.done = fd;
    postgres_host->watch(postgres_host->worker_scope(), fd, RLV_READ, on_done,
                         NULL);
    postgres_host->defer(postgres_host->worker_scope(), on_worker_ends, NULL);
    return true;
}

bool away_step(struct session *session)
{
    if (!be_ready())
        return false;
    struct job *job = kit_calloc(1, sizeof *job);
    *job = (struct job){.session = session, .conn = session->conn};
    struct job **end = &away.first;
    while (*end)
        end = &(*end)->next;
    PQsetNoticeReceiver(session->conn, hear_nothing, NULL);
    int error = end == &away.first ? begin(job) : 0;
    if (error) {
        free(job);
        errno = error;
        return false;
    }
    *end = job;
    session->conn = NULL;
    return true;
}

static struct job *job_of(const struct session *session)
{
    struct job *job = away.first;
    while (job && job->session != session)
        job = job->next;
    return job;
}

bool away_has(const struct session *session) { return job_of(session); }

void away_forget(const struct session *session)
{
    struct job *job = job_of(session);
    if (job)
        job->session = NULL;
}
