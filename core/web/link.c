/* web/link.c: see link.h. */
#include "web/link.h"

#include "base/clock.h"
#include "base/log.h"
#include "wire/blackbox.h"
#include "wire/chan.h"

enum { QUEUE_BYTES = 4 << 20 };

static struct chan *chan;
static struct arena *arena; /* of the settings */
static struct msg_web settings;
static bool has_settings;
static struct pulse pulse;
static uint64_t last_ticket;
static void (*on_answered)(const struct msg_question *);

static void send_frame(uint16_t type, const struct buf *payload)
{
    if (!chan_send(chan, type, 0, payload))
        die("main does not read what it is sent");
}

static bool on_settings(const struct frame *f)
{
    struct arena *fresh = arena_new();
    struct msg_web m;
    if (!msg_get_web(f->payload, f->len, fresh, &m)) {
        arena_free(fresh);
        return false;
    }
    arena_free(arena);
    arena = fresh;
    settings = m;
    has_settings = true;
    return true;
}

static bool on_pulse(const struct frame *f)
{
    struct msg_pulse m;
    const struct buf nothing = {0};
    if (!msg_get_pulse(f->payload, f->len, &m))
        return false;
    pulse = (struct pulse){clock_mono_ns(), m.lag_ns, m.writer_ns, m.lost,
                           m.checks};
    send_frame(MSG_PONG, &nothing);
    return true;
}

static bool on_answer(const struct frame *f)
{
    struct msg_question answer;
    struct arena *content = arena_new();
    bool ok = msg_get_question(f->payload, f->len, content, &answer);
    if (ok)
        on_answered(&answer);
    arena_free(content);
    return ok;
}

static bool on_frame(void *arg, const struct frame *f)
{
    (void)arg;
    switch (f->type) {
    case MSG_WEB: return on_settings(f);
    case MSG_PULSE: return on_pulse(f);
    case MSG_ANSWER: return on_answer(f);
    default: return false;
    }
}

void link_open(void (*answered)(const struct msg_question *))
{
    on_answered = answered;
    chan = chan_new(ROLE_FD_CHAN, QUEUE_BYTES);
    pulse.at_ns = clock_mono_ns(); /* it has started us just now */
}

void link_close(void)
{
    chan_free(chan);
    arena_free(arena);
}

int link_fd(void) { return ROLE_FD_CHAN; }

bool link_wants_write(void) { return chan_wants_write(chan); }

bool link_run(void)
{
    struct err err;
    enum chan_status status = chan_receive(chan, on_frame, NULL, &err);
    if (status == CHAN_OPEN)
        status = chan_flush(chan, &err);
    if (status == CHAN_BROKEN)
        log_error("%s", err.text);
    return status == CHAN_OPEN;
}

const struct msg_web *link_settings(void)
{
    return has_settings ? &settings : NULL;
}

const struct pulse *link_pulse(void) { return &pulse; }

uint64_t link_ask(enum question_kind kind, const struct buf *content)
{
    struct buf payload = {0};
    struct msg_question question = {++last_ticket, kind, content->data,
                                    content->len};
    msg_put_question(&payload, &question);
    send_frame(MSG_QUESTION, &payload);
    buf_free(&payload);
    return question.ticket;
}
