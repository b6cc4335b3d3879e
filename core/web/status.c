/* web/status.c: see status.h. */
#include "web/status.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "web/link.h"

#define FRESH_NS (1 * NS_PER_S)

static struct status *known;  /* NULL: nothing so far */
static struct status *coming; /* NULL: nothing was asked */
static uint32_t generation;   /* of `coming` */
static uint64_t ticket;       /* of the part that is waited for */
static size_t room;           /* in coming->checks */

static void status_free(struct status *s)
{
    if (s == NULL)
        return;
    free(s->checks);
    arena_free(s->arena);
    free(s);
}

static void ask_from(uint32_t from)
{
    struct buf content = {0};
    msg_put_from(&content, from);
    ticket = link_ask(QUESTION_STATUS, &content);
    buf_free(&content);
}

static void set_out(void)
{
    status_free(coming);
    coming = xcalloc(1, sizeof *coming);
    coming->arena = arena_new();
    coming->at_us = clock_wall_us();
    coming->at_ns = clock_mono_ns();
    room = 0;
    ask_from(0);
}

void status_want(void)
{
    if (coming == NULL)
        set_out();
}

void status_give_up(void)
{
    status_free(coming);
    coming = NULL;
}

static void add_part(const struct msg_status *m)
{
    struct status *s = coming;
    for (size_t i = 0; i < m->check_count; i++) {
        s->checks = xgrow(s->checks, s->check_count, &room, sizeof *s->checks);
        s->checks[s->check_count++] = m->checks[i];
    }
    s->troubles = m->troubles;
    s->trouble_count = m->trouble_count;
    s->distrust = m->distrust;
    s->distrust_ns = m->distrust_ns;
    s->letters = m->letters;
    s->letter_count = m->letter_count;
}

bool status_take(const struct msg_question *answer)
{
    struct msg_status m;
    if (coming == NULL || answer->ticket != ticket)
        return false; /* given up before */
    if (!msg_get_status(answer->content, answer->len, coming->arena, &m))
        die("main sends a status that is none");
    if (coming->check_count > 0 && m.generation != generation) {
        set_out();
        return false;
    }
    generation = m.generation;
    add_part(&m);
    if (m.next != 0) {
        ask_from(m.next);
        return false;
    }
    status_free(known);
    known = coming;
    coming = NULL;
    return true;
}

const struct status *status_now(void) { return known; }

int64_t status_age_ns(const struct status *s)
{
    return clock_mono_ns() - s->at_ns;
}

bool status_is_fresh(void)
{
    return known != NULL && status_age_ns(known) < FRESH_NS;
}

const struct check_view *status_check(const struct status *s, const char *name)
{
    for (size_t i = 0; i < s->check_count; i++)
        if (str_eq(s->checks[i].row->name, name))
            return &s->checks[i];
    return NULL;
}

void status_close(void)
{
    status_give_up();
    status_free(known);
    known = NULL;
}
