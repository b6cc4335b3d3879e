/* daemon/web.c: what main does for the page: it tells the web role each second
 * how it fares, and answers what only it knows.
 *
 * Happy path: web_start → crew_serve, a pulse each second → questions answered.
 * Ways it can fail: the web role is not there: nothing is sent. We stand still:
 * no pulse comes, and the web role says so itself. */
#include <string.h>

#include "base/listen.h"
#include "base/mem.h"
#include "daemon/internal.h"

enum { PULSE_MS = 1000, CHECKS_A_PART = 200 };

/* How late the wake is that the model asked for. A loop turn that takes long is
 * no lag yet. */
static int64_t lag_ns(const struct daemon *d, int64_t now_ns)
{
    if (d->wake_due_ns == MODEL_NEVER || now_ns <= d->wake_due_ns)
        return 0;
    return now_ns - d->wake_due_ns;
}

static int64_t writer_ns(struct daemon *d, int64_t now_ns)
{
    struct store_pulse pulse = store_pulse(d->store);
    if (pulse.waits || pulse.turns != d->writer_turns)
        d->writer_moved_ns = now_ns;
    d->writer_turns = pulse.turns;
    return now_ns - d->writer_moved_ns;
}

static void on_pulse(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    int64_t now_ns = clock_mono_ns();
    struct msg_pulse pulse = {.lag_ns = lag_ns(d, now_ns),
                              .writer_ns = writer_ns(d, now_ns),
                              .lost = store_lost(d->store),
                              .checks = (uint32_t)model_check_count(d->model)};
    crew_pulse(d->crew, &pulse);
}

void web_start(struct daemon *d)
{
    d->writer_moved_ns = clock_mono_ns();
    uv_timer_init(&d->loop, &d->pulse);
    d->pulse.data = d;
    uv_timer_start(&d->pulse, on_pulse, PULSE_MS, PULSE_MS);
    crew_serve(d->crew, d->conf);
}

/* -------------------------------------------------------------- status --- */

struct part { /* of the status; its arrays live as long as the answer is made */
    struct msg_status m;
    struct arena *arena;
};

static void add_checks(const struct model *m, uint32_t from, struct part *p)
{
    size_t all = model_check_count(m), i = from;
    p->m.checks = arena_alloc(p->arena, CHECKS_A_PART * sizeof *p->m.checks);
    for (; i < all && p->m.check_count < CHECKS_A_PART; i++)
        p->m.check_count +=
            model_check_at(m, i, &p->m.checks[p->m.check_count]);
    p->m.next = i < all ? (uint32_t)i : 0;
}

static void add_troubles(const struct model *m, struct part *p)
{
    struct check_view v;
    while (model_trouble(m, p->m.trouble_count, &v))
        p->m.trouble_count++;
    p->m.troubles =
        arena_alloc(p->arena, (p->m.trouble_count + 1) * sizeof *p->m.troubles);
    for (size_t i = 0; model_trouble(m, i, &v); i++) {
        const struct incident_row *row = model_incident(m, v.state->incident);
        struct msg_trouble *t = &p->m.troubles[i];
        t->row = *v.row;
        t->state = *v.state;
        if (row != NULL)
            t->incident = *row;
    }
}

static void add_letters(const struct model *m, struct part *p)
{
    while (model_dead_letter(m, p->m.letter_count) != NULL)
        p->m.letter_count++;
    p->m.letters =
        arena_alloc(p->arena, (p->m.letter_count + 1) * sizeof *p->m.letters);
    for (size_t i = 0; i < p->m.letter_count; i++)
        p->m.letters[i] = model_dead_letter(m, i)->number;
}

/* In parts, so that no turn of the loop is long, however many checks there are:
 * the web role asks for the next one when it has this. */
static void answer_status(struct daemon *d, const struct msg_question *question)
{
    struct part p = {.arena = arena_new()};
    struct buf content = {0};
    uint32_t from;
    p.m.generation = d->conf->generation;
    if (msg_get_from(question->content, question->len, &from)) {
        add_checks(d->model, from, &p);
        if (p.m.next == 0) {
            add_troubles(d->model, &p);
            add_letters(d->model, &p);
            p.m.distrust =
                model_distrust(d->model, clock_mono_ns(), &p.m.distrust_ns);
        }
        msg_put_status(&content, &p.m);
    }
    struct msg_question answer = {question->ticket, question->kind,
                                  content.data, content.len};
    crew_answer_web(d->crew, &answer);
    buf_free(&content);
    arena_free(p.arena);
}

void web_on_question(void *arg, const struct msg_question *question)
{
    struct daemon *d = arg;
    switch (question->kind) {
    case QUESTION_STATUS: answer_status(d, question); break;
    case QUESTION_BEAT: beats_on_question(d, question); break;
    }
}

json_t *web_addresses(const struct daemon *d)
{
    char url[LISTEN_URL];
    json_t *all = json_array();
    for (size_t i = 0; crew_web_url(d->crew, i, url, sizeof url) != NULL; i++)
        if (url[0] != '\0')
            json_array_append_new(all, json_string(url));
    return all;
}
