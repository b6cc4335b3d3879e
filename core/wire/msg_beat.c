/* wire/msg_beat.c: a beat that came to the web role, and what main says to it.
 * See msg.h. */
#include "wire/code.h"
#include "wire/msg.h"

void msg_put_beat(struct buf *b, const struct msg_beat *m)
{
    wire_put_text(b, m->token);
    wire_put_u8(b, (uint8_t)m->kind);
    wire_put_i64(b, m->exit);
    wire_put_text(b, m->rid);
    wire_put_text(b, m->text);
}

bool msg_get_beat(const void *p, size_t n, struct arena *arena,
                  struct msg_beat *m)
{
    struct wire_reader r = wire_reader(p, n, arena);
    m->token = wire_text_or(&r, "");
    m->kind = (enum beat_kind)wire_u8(&r);
    m->exit = wire_i64(&r);
    m->rid = wire_text_or(&r, "");
    m->text = wire_text_or(&r, "");
    return wire_done(&r) && m->kind < BEAT_OVERDUE;
}

void msg_put_heard(struct buf *b, enum heard heard)
{
    wire_put_u8(b, (uint8_t)heard);
}

bool msg_get_heard(const void *p, size_t n, enum heard *heard)
{
    struct wire_reader r = wire_reader(p, n, NULL);
    *heard = (enum heard)wire_u8(&r);
    return wire_done(&r) && *heard <= HEARD_LATER;
}
