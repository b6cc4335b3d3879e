/* daemon/alarms.c: what is wrong with the monitor itself beyond its plugins, as
 * troubles: the history is not written or loses results, its file was set
 * aside; probes are short of descriptors or memory, processes cannot be
 * started.
 *
 * Happy path: the store's writer tells something on its own thread; it is
 * logged at once, queued here, and becomes a trouble on the loop. What ends
 * when nothing is heard of it any more (a probe that was short of something
 * says so each time; results that are lost while commits are slow) is over
 * after half a minute of silence.
 * Ways it can fail: main dies while a trouble is on: the next one goes on with
 * it, and it is over a little later unless it is told again. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/internal.h"

#define TICK_MS   1000
#define SILENT_NS (30 * NS_PER_S)
#define RECALL_NS (10 * NS_PER_S)

struct alarm {
    struct alarm *next;
    enum trouble_kind kind;
    char *object;
    int64_t over_ns; /* 0: whoever told it says when */
};

struct news {
    struct news *next;
    enum store_news kind;
    char *text;
};

struct alarms {
    struct daemon *daemon;
    struct alarm *on;
    uv_async_t async;
    uv_timer_t timer;
    pthread_mutex_t lock; /* of the news */
    struct news *first, **end;
};

/* What the history's news come to. A trouble that is over lasts on for a while
 * where it may begin again with the next commit. */
static const struct {
    const char *object;
    bool over;
    int64_t lasts_ns;
} troubles[] = {
    [STORE_REFUSED] = {"writing", false, 0},
    [STORE_WRITES] = {"writing", true, 0},
    [STORE_LOSES] = {"results", false, 0},
    [STORE_LOST] = {"results", true, SILENT_NS},
    [STORE_REPLACED] = {"file", false, SILENT_NS},
    [STORE_REMARK] = {NULL, false, 0},
};

static struct alarm **find(struct alarms *a, enum trouble_kind kind,
                           const char *object)
{
    struct alarm **link = &a->on;
    while (*link != NULL &&
           ((*link)->kind != kind || !str_eq((*link)->object, object)))
        link = &(*link)->next;
    return link;
}

static void remember(struct alarms *a, enum trouble_kind kind,
                     const char *object, int64_t over_ns)
{
    struct alarm **link = find(a, kind, object);
    if (*link == NULL) {
        *link = xcalloc(1, sizeof **link);
        (*link)->kind = kind;
        (*link)->object = xstrdup(object);
    }
    (*link)->over_ns = over_ns;
}

static void begin(struct alarms *a, const struct trouble *t, int64_t lasts_ns)
{
    bool is_on = *find(a, t->kind, t->object) != NULL;
    remember(a, t->kind, t->object,
             lasts_ns == 0 ? 0 : clock_mono_ns() + lasts_ns);
    if (!is_on)
        daemon_trouble(a->daemon, t);
}

static void end(struct alarms *a, struct alarm **link, const char *text)
{
    struct alarm *alarm = *link;
    struct trouble t = {alarm->kind, alarm->object, true, text};
    *link = alarm->next;
    daemon_trouble(a->daemon, &t);
    free(alarm->object);
    free(alarm);
}

static void on_timer(uv_timer_t *timer)
{
    struct alarms *a = timer->data;
    int64_t now_ns = clock_mono_ns();
    for (struct alarm **link = &a->on; *link != NULL;)
        if ((*link)->over_ns != 0 && now_ns >= (*link)->over_ns)
            end(a, link, "nothing more was heard of it");
        else
            link = &(*link)->next;
}

/* --------------------------------------------------------------- history ---
 */

static void take_news(struct alarms *a, const struct news *n)
{
    const char *object = troubles[n->kind].object;
    if (object == NULL)
        return;
    struct trouble t = {TROUBLE_OF_HISTORY, object, false, n->text};
    struct alarm **link = find(a, t.kind, object);
    if (!troubles[n->kind].over)
        begin(a, &t, troubles[n->kind].lasts_ns);
    else if (*link != NULL && troubles[n->kind].lasts_ns != 0)
        (*link)->over_ns = clock_mono_ns() + troubles[n->kind].lasts_ns;
    else if (*link != NULL)
        end(a, link, n->text);
}

static void on_news(uv_async_t *async)
{
    struct alarms *a = async->data;
    pthread_mutex_lock(&a->lock);
    struct news *n = a->first;
    a->first = NULL;
    a->end = &a->first;
    pthread_mutex_unlock(&a->lock);
    for (struct news *next; n != NULL; n = next) {
        next = n->next;
        if (!a->daemon->stopping)
            take_news(a, n);
        free(n->text);
        free(n);
    }
}

void alarms_on_store(void *arg, enum store_news kind, const char *text)
{
    struct daemon *d = arg;
    struct alarms *a = d->alarms;
    struct news *n = xcalloc(1, sizeof *n);
    log_error("%s", text);
    n->kind = kind;
    n->text = xstrdup(text);
    pthread_mutex_lock(&a->lock);
    *a->end = n;
    a->end = &n->next;
    pthread_mutex_unlock(&a->lock);
    uv_async_send(&a->async);
}

/* --------------------------------------------------------------- results ---
 */

void alarms_on_result(struct daemon *d, const struct result *r)
{
    const char *what = r->code[0] != '\0' ? r->code : "resources";
    if (r->fault != RLV_F_RESOURCE)
        return;
    struct trouble t = {TROUBLE_OF_RESOURCES, what, false, r->message};
    begin(d->alarms, &t, SILENT_NS);
}

void alarms_on_trouble(struct daemon *d, const struct trouble *t)
{
    struct alarm **link = find(d->alarms, t->kind, t->object);
    if (!t->over)
        begin(d->alarms, t, 0);
    else if (*link != NULL)
        end(d->alarms, link, t->text);
}

/* -------------------------------------------------------------- lifetime ---
 */

void alarms_open(struct daemon *d)
{
    struct alarms *a = d->alarms = xcalloc(1, sizeof *a);
    a->daemon = d;
    a->end = &a->first;
    pthread_mutex_init(&a->lock, NULL);
    uv_async_init(&d->loop, &a->async, on_news);
    uv_timer_init(&d->loop, &a->timer);
    a->async.data = a->timer.data = a;
    uv_timer_start(&a->timer, on_timer, TICK_MS, TICK_MS);
}

void alarms_recall(struct daemon *d, const struct trouble *t)
{
    if (t->kind == TROUBLE_OF_HISTORY || t->kind == TROUBLE_OF_RESOURCES)
        remember(d->alarms, t->kind, t->object, clock_mono_ns() + RECALL_NS);
}

void alarms_free(struct daemon *d)
{
    struct alarms *a = d->alarms;
    if (a == NULL)
        return;
    on_news(&a->async); /* frees them: we are stopping */
    for (struct alarm *i = a->on, *next; i != NULL; i = next) {
        next = i->next;
        free(i->object);
        free(i);
    }
    pthread_mutex_destroy(&a->lock);
    free(a);
    d->alarms = NULL;
}
