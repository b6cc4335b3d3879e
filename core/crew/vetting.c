/* crew/vetting.c: see vetting.h.
 *
 * Happy path: a process is asked → catalog, complaints, VETTED → it exits →
 * done() gets the answer.
 * Ways it can fail: it cannot be started (done() in a later turn, never within
 * vet_plugin), it dies before VETTED, it is silent for 5 s (killed): the answer
 * has an error and no catalog. */
#include "crew/vetting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "crew/process.h"

struct vetting {
    struct arena *arena;
    struct process *child; /* NULL: dead, or never lived */
    uv_timer_t timer;      /* silence; or the turn in which to say it failed */
    struct vet_answer answer;
    struct msg_complaint *complaints;
    size_t complaint_cap;
    int64_t asked_ns;
    bool finished; /* VETTED has come */
    const char *path;
    void (*done)(void *, struct vet_answer *);
    void *arg;
};

static void on_timer_closed(uv_handle_t *handle)
{
    struct vetting *v = handle->data;
    free(v->complaints);
    arena_free(v->arena);
    free(v);
}

static void finish(struct vetting *v)
{
    v->answer.complaints = v->complaints;
    if (v->answer.error[0] != '\0') {
        catalog_free(v->answer.catalog);
        v->answer.catalog = NULL;
    }
    v->done(v->arg, &v->answer);
    uv_timer_stop(&v->timer);
    uv_close((uv_handle_t *)&v->timer, on_timer_closed);
}

static void add_complaint(struct vetting *v, const struct msg_complaint *c)
{
    v->complaints = xgrow(v->complaints, v->answer.complaint_count,
                          &v->complaint_cap, sizeof *v->complaints);
    v->complaints[v->answer.complaint_count++] = *c;
}

static bool on_frame(void *arg, const struct frame *f)
{
    struct vetting *v = arg;
    struct msg_complaint complaint;
    switch (f->type) {
    case MSG_CATALOG:
        catalog_free(v->answer.catalog);
        v->answer.catalog = msg_get_catalog(f->payload, f->len);
        return v->answer.catalog != NULL;
    case MSG_COMPLAINT:
        if (!msg_get_complaint(f->payload, f->len, v->arena, &complaint))
            return false;
        add_complaint(v, &complaint);
        return true;
    case MSG_VETTED:
        v->finished = true;
        return msg_get_text(f->payload, f->len, v->arena, &v->answer.error);
    case MSG_LOG: return true;
    default: return false;
    }
}

static void on_death(void *arg, struct process *child, const char *how)
{
    struct vetting *v = arg;
    (void)child;
    v->child = NULL;
    if (!v->finished)
        v->answer.error =
            arena_printf(v->arena, "%s: the plugin could not be described: %s",
                         v->path, how);
    finish(v);
}

static void on_timer(uv_timer_t *timer);

static void give_time(struct vetting *v)
{
    v->asked_ns = clock_mono_ns();
    uv_timer_start(&v->timer, on_timer, VET_SECONDS * 1000, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct vetting *v = timer->data;
    bool slept = clock_mono_ns() - v->asked_ns > 2 * VET_SECONDS * NS_PER_S;
    if (v->child != NULL && slept) /* ourselves: it may have answered */
        give_time(v);
    else if (v->child != NULL)
        process_kill(v->child, "no answer for 5 s");
    else
        finish(v); /* it never started */
}

void vet_plugin(uv_loop_t *loop, const struct msg_vet *request,
                const struct redact *redact,
                void (*done)(void *, struct vet_answer *), void *arg)
{
    struct vetting *v = xcalloc(1, sizeof *v);
    v->arena = arena_new();
    v->done = done;
    v->arg = arg;
    v->answer.error = "";
    v->path = arena_strdup(v->arena, request->path);
    uv_timer_init(loop, &v->timer);
    v->timer.data = v;
    struct process_options options = {.role = "vet",
                                      .label = "vet",
                                      .listen = true,
                                      .redact = redact,
                                      .queue_bytes = SIZE_MAX / 2,
                                      .on_frame = on_frame,
                                      .on_death = on_death,
                                      .arg = v};
    struct err err;
    v->child = process_start(loop, &options, &err);
    if (v->child == NULL) {
        v->answer.error = arena_strdup(v->arena, err.text);
        uv_timer_start(&v->timer, on_timer, 0, 0);
        return;
    }
    struct buf payload = {0};
    msg_put_vet(&payload, request);
    process_send(v->child, MSG_VET, 0, &payload);
    buf_free(&payload);
    give_time(v);
}
