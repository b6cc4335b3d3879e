/* wire/msg_run.c: the runner's messages as bytes. */
#include "base/err.h"
#include "wire/code.h"
#include "wire/msg.h"

void msg_put_allow(struct buf *b, const struct msg_allow *m)
{
    wire_put_list(b, &m->scripts);
    wire_put_list(b, &m->commands);
}

bool msg_get_allow(const void *p, size_t n, struct arena *a,
                   struct msg_allow *m)
{
    struct wire_reader r = wire_reader(p, n, a);
    m->scripts = wire_list(&r);
    m->commands = wire_list(&r);
    return wire_done(&r);
}

static void put_pairs(struct buf *b, const struct msg_pair *pairs, size_t n)
{
    wire_put_u32(b, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        wire_put_text(b, pairs[i].name);
        wire_put_text(b, pairs[i].value);
    }
}

static struct msg_pair *get_pairs(struct wire_reader *r, size_t *count)
{
    uint32_t n = wire_count(r, 8);
    struct msg_pair *pairs = arena_alloc(r->arena, n * sizeof *pairs);
    for (uint32_t i = 0; i < n; i++) {
        pairs[i].name = wire_text_or(r, "");
        pairs[i].value = wire_text_or(r, "");
    }
    *count = n;
    return pairs;
}

void msg_put_run(struct buf *b, const struct msg_run *m)
{
    wire_put_u64(b, m->run);
    wire_put_text(b, m->dir);
    wire_put_text(b, m->script);
    wire_put_text(b, m->user);
    wire_put_i64(b, m->timeout_ns);
    wire_put_i64(b, m->grace_ns);
    wire_put_i64(b, m->output_bytes);
    wire_put_bytes(b, m->input, m->input_len);
    put_pairs(b, m->environment, m->environment_count);
    put_pairs(b, m->secrets, m->secret_count);
    wire_put_list(b, &m->redact);
}

bool msg_get_run(const void *p, size_t n, struct arena *a, struct msg_run *m)
{
    struct wire_reader r = wire_reader(p, n, a);
    m->run = wire_u64(&r);
    m->dir = wire_text_or(&r, "");
    m->script = wire_text_or(&r, "");
    m->user = wire_text(&r);
    m->timeout_ns = wire_i64(&r);
    m->grace_ns = wire_i64(&r);
    m->output_bytes = wire_i64(&r);
    m->input = wire_bytes(&r, &m->input_len);
    m->environment = get_pairs(&r, &m->environment_count);
    m->secrets = get_pairs(&r, &m->secret_count);
    m->redact = wire_list(&r);
    return wire_done(&r) && m->timeout_ns > 0 && m->grace_ns >= 0 &&
           m->output_bytes >= 0 && m->dir[0] == '/' && m->script[0] == '/';
}

void msg_put_stop_run(struct buf *b, uint64_t run) { wire_put_u64(b, run); }

bool msg_get_stop_run(const void *p, size_t n, uint64_t *run)
{
    struct wire_reader r = wire_reader(p, n, NULL);
    *run = wire_u64(&r);
    return wire_done(&r);
}

void msg_put_run_started(struct buf *b, const struct msg_run_started *m)
{
    wire_put_u64(b, m->run);
    wire_put_u32(b, (uint32_t)m->pid);
    wire_put_i64(b, m->pid_start);
}

bool msg_get_run_started(const void *p, size_t n, struct msg_run_started *m)
{
    struct wire_reader r = wire_reader(p, n, NULL);
    m->run = wire_u64(&r);
    m->pid = (int32_t)wire_u32(&r);
    m->pid_start = wire_i64(&r);
    return wire_done(&r) && m->pid > 0;
}

void msg_put_run_exited(struct buf *b, const struct msg_run_exited *m)
{
    wire_put_u64(b, m->run);
    wire_put_u8(b, m->has_outcome);
    wire_put_u8(b, m->killed);
    wire_put_text(b, m->text);
}

bool msg_get_run_exited(const void *p, size_t n, struct arena *a,
                        struct msg_run_exited *m)
{
    struct wire_reader r = wire_reader(p, n, a);
    m->run = wire_u64(&r);
    m->has_outcome = wire_u8(&r) != 0;
    m->killed = wire_u8(&r) != 0;
    m->text = wire_text_or(&r, "");
    return wire_done(&r);
}

/* ------------------------------------------------------------ commands --- */

enum { NUMBER_BYTES = 8 };

void msg_put_ask_command(struct buf *b, const struct msg_ask_command *m)
{
    wire_put_u64(b, m->probe);
    wire_put_i64(b, m->deadline_ns);
}

bool msg_get_ask_command(const void *p, size_t n, struct msg_ask_command *m)
{
    struct wire_reader r = wire_reader(p, n, NULL);
    m->probe = wire_u64(&r);
    m->deadline_ns = wire_i64(&r);
    return wire_done(&r);
}

void msg_put_command(struct buf *b, const struct msg_command *m)
{
    wire_put_u64(b, m->order);
    wire_put_i64(b, m->deadline_ns);
    wire_put_i64(b, m->output_bytes);
    wire_put_text(b, m->user);
    wire_put_list(b, &m->argv);
    put_pairs(b, m->environment, m->environment_count);
}

bool msg_get_command(const void *p, size_t n, struct arena *a,
                     struct msg_command *m)
{
    struct wire_reader r = wire_reader(p, n, a);
    m->order = wire_u64(&r);
    m->deadline_ns = wire_i64(&r);
    m->output_bytes = wire_i64(&r);
    m->user = wire_text(&r);
    m->argv = wire_list(&r);
    m->environment = get_pairs(&r, &m->environment_count);
    return wire_done(&r) && m->output_bytes >= 0 && m->argv.count > 0;
}

void msg_put_stop_command(struct buf *b, uint64_t order)
{
    wire_put_u64(b, order);
}

bool msg_get_stop_command(const void *p, size_t n, uint64_t *order)
{
    return msg_get_stop_run(p, n, order);
}

static void put_printed(struct buf *b, const struct msg_printed *m)
{
    wire_put_bytes(b, m->bytes, m->len);
    wire_put_u64(b, m->dropped);
}

static struct msg_printed get_printed(struct wire_reader *r)
{
    struct msg_printed m = {0};
    m.bytes = wire_bytes(r, &m.len);
    m.dropped = wire_u64(r);
    return m;
}

/* The number first: see msg_renumber_command. */
void msg_put_command_ended(struct buf *b, const struct msg_command_ended *m)
{
    wire_put_u64(b, m->number);
    wire_put_u8(b, (uint8_t)m->how);
    wire_put_u32(b, (uint32_t)m->status);
    wire_put_i64(b, m->spent_ns);
    wire_put_text(b, m->text);
    put_printed(b, &m->output);
    put_printed(b, &m->errors);
}

bool msg_get_command_ended(const void *p, size_t n, struct arena *a,
                           struct msg_command_ended *m)
{
    struct wire_reader r = wire_reader(p, n, a);
    m->number = wire_u64(&r);
    unsigned how = wire_u8(&r);
    m->how = (enum command_end)how;
    m->status = (int32_t)wire_u32(&r);
    m->spent_ns = wire_i64(&r);
    m->text = wire_text_or(&r, "");
    m->output = get_printed(&r);
    m->errors = get_printed(&r);
    return wire_done(&r) && how <= COMMAND_NOT_STARTED;
}

bool msg_command_number(const void *p, size_t n, uint64_t *number)
{
    struct wire_reader r = wire_reader(p, n, NULL);
    *number = wire_u64(&r);
    return !r.bad;
}

void msg_renumber_command(struct buf *b, const void *p, size_t n,
                          uint64_t number)
{
    wire_put_u64(b, number);
    if (n > NUMBER_BYTES)
        buf_add(b, (const char *)p + NUMBER_BYTES, n - NUMBER_BYTES);
}
