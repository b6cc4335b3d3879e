/* daemon/beats.c: what the jobs of heartbeats report.
 *
 * A job on this machine names its check, over the control socket; one elsewhere
 * sends a token, which the web role gives on. Members of the socket's group may
 * beat, too: jobs run as many users, and all that a beat says is that one of
 * them ran.
 *
 * Happy path: understood → the model hears of it → its result, or what was
 * noted, is on disk → answered.
 * Ways it can fail: the client leaves (the beat counts all the same); the disk
 * takes nothing (answered after PATIENCE_NS: it is in memory, and will be
 * written as soon as may be). */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/client.h"
#include "report/json.h"

/* The web role waits for two seconds. */
#define PATIENCE_NS (500 * NS_PER_MS)
#define EXIT_MOST   255
#define RAN_MS      (366LL * 24 * 60 * 60 * 1000)

struct beat_wait {
    struct beat_wait *next;
    uint64_t ticket;
    struct client *client; /* NULL: the web role's question is meant */
    uint64_t question;     /* its ticket */
    const char *check;     /* its name; owned */
    uint64_t after; /* answered when that is stored; 0: not judged so far */
    int64_t noted_ns;
};

/* -------------------------------------------------------------- answers --- */

static struct beat_wait **find(struct daemon *d, uint64_t ticket)
{
    struct beat_wait **link = &d->beats;
    while (*link != NULL && (*link)->ticket != ticket)
        link = &(*link)->next;
    return link;
}

static void drop(struct beat_wait **link)
{
    struct beat_wait *w = *link;
    *link = w->next;
    free((void *)(uintptr_t)w->check);
    free(w);
}

static void answer_web(struct daemon *d, uint64_t ticket, enum heard heard)
{
    struct buf content = {0};
    msg_put_heard(&content, heard);
    crew_answer_web(d->crew, &(struct msg_question){ticket, QUESTION_BEAT,
                                                    content.data, content.len});
    buf_free(&content);
}

static void refuse(struct daemon *d, const struct beat_wait *w, const char *why)
{
    if (w->client == NULL) {
        answer_web(d, w->question, HEARD_LATER);
        return;
    }
    client_refuse(w->client, why);
    client_flush(w->client);
}

static void answer(struct daemon *d, const struct beat_wait *w, bool is_stored)
{
    if (w->client == NULL) {
        answer_web(d, w->question, HEARD);
        return;
    }
    client_answer(w->client, json_pack("{s:o, s:b}", "heard",
                                       report_text(w->check, strlen(w->check)),
                                       "stored", is_stored));
    client_flush(w->client);
}

void beats_heard(struct daemon *d, uint64_t ticket, uint64_t after,
                 const char *refusal)
{
    struct beat_wait **link = find(d, ticket), *w = *link;
    if (w == NULL)
        return;
    if (refusal != NULL) {
        refuse(d, w, refusal);
        drop(link);
        return;
    }
    w->after = after;
    w->noted_ns = clock_mono_ns();
    perform_watch(d);
}

void beats_answer(struct daemon *d, uint64_t committed)
{
    struct beat_wait **link = &d->beats;
    while (*link != NULL) {
        struct beat_wait *w = *link;
        bool is_stored = w->after != 0 && w->after <= committed;
        bool late =
            w->after != 0 && clock_mono_ns() - w->noted_ns > PATIENCE_NS;
        if (is_stored || late) {
            answer(d, w, is_stored);
            drop(link);
        } else {
            link = &w->next;
        }
    }
}

void beats_client_left(struct client *c)
{
    struct beat_wait **link = &c->control->daemon->beats;
    while (*link != NULL)
        if ((*link)->client == c)
            drop(link);
        else
            link = &(*link)->next;
}

void beats_free(struct daemon *d)
{
    while (d->beats != NULL)
        drop(&d->beats);
}

/* ------------------------------------------------------------- requests --- */

static bool read_event(const struct request *r, struct beat *b)
{
    static const struct {
        const char *word;
        enum beat_kind kind;
    } events[] = {{"start", BEAT_START},
                  {"log", BEAT_LOG},
                  {"end", BEAT_END},
                  {"fail", BEAT_FAIL}};
    const char *word = request_text(r, "event");
    for (size_t i = 0; word != NULL && i < ARRAY_LEN(events); i++)
        if (str_eq(word, events[i].word)) {
            b->kind = events[i].kind;
            return true;
        }
    return false;
}

static bool read_exit(const struct request *r, struct beat *b)
{
    const json_t *status = json_object_get(r->object, "exit");
    b->exit = json_integer_value(status);
    return status == NULL ||
           (json_is_integer(status) && b->exit >= 0 && b->exit <= EXIT_MOST);
}

static bool read_ran(const struct request *r, struct beat *b)
{
    const json_t *ran = json_object_get(r->object, "ran_ms");
    int64_t ms = json_integer_value(ran);
    b->ran_us = ms < 0 || ms > RAN_MS ? 0 : ms * US_PER_MS;
    return ran == NULL || (json_is_integer(ran) && ms >= 0 && ms <= RAN_MS);
}

static bool read_rid(const struct request *r, struct beat *b)
{
    const json_t *rid = json_object_get(r->object, "rid");
    b->rid = rid == NULL ? "" : json_string_value(rid);
    return b->rid != NULL && beat_is_rid(b->rid);
}

/* NULL, or why it is not understood. */
static const char *read_beat(const struct request *r, struct beat *b)
{
    const json_t *text = json_object_get(r->object, "text");
    if (!read_event(r, b))
        return "event: expected \"start\", \"log\", \"end\" or \"fail\"";
    if (!read_exit(r, b))
        return "exit: expected a number from 0 to 255";
    if (!read_ran(r, b))
        return "ran_ms: expected milliseconds, at most a year";
    if (!read_rid(r, b))
        return "rid: the name of a run has at most 64 letters, digits and "
               "-_.:";
    b->text = text == NULL ? "" : json_string_value(text);
    return b->text == NULL ? "text: expected a text" : NULL;
}

/* The end of the text, from the first whole character on. */
static const char *end_of(const char *text)
{
    size_t n = strlen(text);
    if (n <= BEAT_TEXT)
        return text;
    text += n - BEAT_TEXT;
    while (((unsigned char)*text & 0xc0) == 0x80)
        text++;
    return text;
}

/* The text is blotted out first: it is stored, and judged. */
static void hear(struct daemon *d, struct beat_wait *w, struct beat *b)
{
    struct buf safe = {0};
    must(!d->stepping); /* what it holds is borrowed */
    w->ticket = b->ticket = ++d->last_beat;
    w->next = d->beats;
    d->beats = w;
    redact_text(d->redact, b->text, strlen(b->text), &safe);
    b->text = end_of(buf_text(&safe));
    struct event e = {.kind = EVENT_BEAT, .as.beat = *b};
    daemon_step(d, &e);
    buf_free(&safe);
}

void beats_take(struct client *c, const struct request *r)
{
    struct beat b = {0};
    struct check_view v;
    const char *refusal = read_beat(r, &b);
    if (refusal != NULL) {
        client_refuse(c, refusal);
        return;
    }
    if (!command_check(c, r, "name", &v))
        return;
    if (v.spec->schedule != SCHEDULE_BEAT || v.spec->source != NULL) {
        client_refuse(c, "the check is no heartbeat");
        return;
    }
    struct beat_wait *w = xcalloc(1, sizeof *w);
    b.check = v.row->check;
    w->client = c;
    w->check = xstrdup(v.row->name);
    hear(c->control->daemon, w, &b);
}

/* ------------------------------------------------------------- web role --- */

/* Every token is compared, and as a whole: how long that takes says nothing. */
static bool check_of_token(const struct daemon *d, const char *token,
                           struct check_view *v)
{
    const struct check_spec *found = NULL;
    for (size_t i = 0; i < d->conf->check_count; i++) {
        const struct check_spec *c = &d->conf->checks[i];
        if (c->heartbeat.token != NULL &&
            str_eq_secret(c->heartbeat.token, token))
            found = c;
    }
    return found != NULL && model_check_by_name(d->model, found->name, v);
}

void beats_on_question(struct daemon *d, const struct msg_question *question)
{
    struct arena *arena = arena_new();
    struct msg_beat m;
    struct check_view v;
    bool sane = msg_get_beat(question->content, question->len, arena, &m) &&
                beat_is_rid(m.rid) && m.exit >= 0 && m.exit <= EXIT_MOST;
    if (!sane || !check_of_token(d, m.token, &v)) {
        answer_web(d, question->ticket, HEARD_UNKNOWN);
    } else {
        struct beat b = {.check = v.row->check,
                         .kind = m.kind,
                         .exit = m.exit,
                         .rid = m.rid,
                         .text = m.text};
        struct beat_wait *w = xcalloc(1, sizeof *w);
        w->question = question->ticket;
        w->check = xstrdup(v.row->name);
        hear(d, w, &b);
    }
    arena_free(arena);
}
