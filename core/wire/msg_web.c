/* wire/msg_web.c: what main and the web role tell each other, as bytes. */
#include "wire/code.h"
#include "wire/msg.h"

void msg_put_web(struct buf *b, const struct msg_web *m)
{
    wire_put_text(b, m->state_dir);
    wire_put_list(b, &m->hosts);
    wire_put_text(b, m->token);
    wire_put_text(b, m->timezone);
}

bool msg_get_web(const void *p, size_t n, struct arena *arena,
                 struct msg_web *m)
{
    struct wire_reader r = wire_reader(p, n, arena);
    m->state_dir = wire_text_or(&r, "");
    m->hosts = wire_list(&r);
    m->token = wire_text(&r);
    m->timezone = wire_text_or(&r, "UTC");
    return wire_done(&r);
}

void msg_put_pulse(struct buf *b, const struct msg_pulse *m)
{
    wire_put_i64(b, m->lag_ns);
    wire_put_i64(b, m->writer_ns);
    wire_put_u64(b, m->lost);
    wire_put_u32(b, m->checks);
}

bool msg_get_pulse(const void *p, size_t n, struct msg_pulse *m)
{
    struct wire_reader r = wire_reader(p, n, NULL);
    m->lag_ns = wire_i64(&r);
    m->writer_ns = wire_i64(&r);
    m->lost = wire_u64(&r);
    m->checks = wire_u32(&r);
    return wire_done(&r) && m->lag_ns >= 0 && m->writer_ns >= 0;
}

void msg_put_question(struct buf *b, const struct msg_question *m)
{
    wire_put_u64(b, m->ticket);
    wire_put_u16(b, (uint16_t)m->kind);
    wire_put_bytes(b, m->content, m->len);
}

bool msg_get_question(const void *p, size_t n, struct arena *arena,
                      struct msg_question *m)
{
    struct wire_reader r = wire_reader(p, n, arena);
    m->ticket = wire_u64(&r);
    m->kind = (enum question_kind)wire_u16(&r);
    m->content = wire_bytes(&r, &m->len);
    return wire_done(&r);
}
