/* Frames over a socket: batches, large payloads, full queues, bad peers. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "wire/chan.h"
#include "wire/code.h"

struct seen {
    size_t count, bytes;
    uint16_t last_type;
    uint32_t last_generation;
    bool in_order, refuse;
    uint64_t sum;
};

static uint64_t sum_of(const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint64_t sum = n;
    for (size_t i = 0; i < n; i++)
        sum = sum * 31 + p[i];
    return sum;
}

/* Frames are numbered by their generation. */
static bool on_frame(void *arg, const struct frame *f)
{
    struct seen *s = arg;
    s->in_order = s->count == 0 || f->generation == s->last_generation + 1;
    s->count++;
    s->bytes += f->len;
    s->last_type = f->type;
    s->last_generation = f->generation;
    s->sum = sum_of(f->payload, f->len);
    return !s->refuse;
}

struct pair {
    struct chan *a, *b;
    int raw; /* a's descriptor, for sending nonsense */
};

static struct pair pair_of(size_t limit)
{
    int fds[2];
    struct err err;
    assert_true(chan_pair(fds, &err));
    assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
    return (struct pair){chan_new(fds[0], limit), chan_new(fds[1], limit),
                         fds[0]};
}

static void pair_free(struct pair *p)
{
    chan_free(p->a);
    chan_free(p->b);
}

static struct buf payload_of(size_t n)
{
    struct buf b = {0};
    buf_reserve(&b, n);
    for (size_t i = 0; i < n; i++)
        buf_addc(&b, (char)(i * 7 + n));
    return b;
}

static void test_sizes(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,     1,     100,   32755,   32756,
                                   32757, 32768, 50000, 3u << 20};
    struct err err;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct pair p = pair_of(1u << 20);
        struct seen seen = {0};
        struct buf b = payload_of(sizes[i]);
        assert_true(chan_send(p.a, 7, 99, &b));
        assert_true(chan_wants_write(p.a));
        assert_int_equal(chan_flush(p.a, &err), CHAN_OPEN);
        assert_false(chan_wants_write(p.a));
        assert_int_equal(chan_receive(p.b, on_frame, &seen, &err), CHAN_OPEN);
        assert_int_equal(seen.count, 1);
        assert_int_equal(seen.bytes, sizes[i]);
        assert_int_equal(seen.last_type, 7);
        assert_int_equal(seen.last_generation, 99);
        assert_true(seen.sum == sum_of(b.data, b.len));
        buf_free(&b);
        pair_free(&p);
    }
}

/* Small and large ones keep their order, whatever the socket takes at once. */
static void test_many(void **state)
{
    (void)state;
    enum { N = 3000 };
    struct pair p = pair_of(64u << 20);
    struct seen seen = {0};
    struct err err;
    size_t bytes = 0;
    for (uint32_t i = 0; i < N; i++) {
        struct buf b = payload_of(i % 50 == 0 ? 40000 : i % 700);
        bytes += b.len;
        assert_true(chan_send(p.a, 1, i, &b));
        buf_free(&b);
    }
    for (int i = 0; i < 100000 && seen.count < N; i++) {
        assert_int_equal(chan_flush(p.a, &err), CHAN_OPEN);
        assert_int_equal(chan_receive(p.b, on_frame, &seen, &err), CHAN_OPEN);
        assert_true(seen.in_order);
    }
    assert_int_equal(seen.count, N);
    assert_int_equal(seen.bytes, bytes);
    pair_free(&p);
}

static void test_queue_limit(void **state)
{
    (void)state;
    struct pair p = pair_of(10000);
    struct buf b = payload_of(1000), large = payload_of(40000);
    struct seen seen = {0};
    struct err err;
    unsigned sent = 0;
    while (sent < 100 && chan_send(p.a, 1, sent, &b))
        sent++;
    assert_int_equal(sent, 9); /* of 1012 bytes each */
    for (unsigned i = 0; i < 2000 && chan_send(p.a, 1, sent, &large); i++)
        sent++; /* only their headers count */
    assert_in_range(sent, 9, 9 + 892 / 12);
    assert_int_equal(chan_flush(p.a, &err), CHAN_OPEN);
    assert_int_equal(chan_receive(p.b, on_frame, &seen, &err), CHAN_OPEN);
    assert_int_equal(chan_flush(p.a, &err), CHAN_OPEN);
    assert_true(chan_send(p.a, 1, 0, &b)); /* there is room again */
    buf_free(&b);
    buf_free(&large);
    pair_free(&p);
}

static void test_peer_is_gone(void **state)
{
    (void)state;
    struct pair p = pair_of(1u << 20);
    struct buf b = payload_of(10);
    struct seen seen = {0};
    struct err err = {0};
    assert_true(chan_send(p.b, 1, 0, &b));
    assert_int_equal(chan_flush(p.b, &err), CHAN_OPEN);
    chan_free(p.b);
    /* what it said before is still heard */
    assert_int_equal(chan_receive(p.a, on_frame, &seen, &err), CHAN_CLOSED);
    assert_int_equal(seen.count, 1);
    assert_true(chan_send(p.a, 1, 0, &b));
    assert_int_equal(chan_flush(p.a, &err), CHAN_CLOSED);
    assert_string_not_equal(err.text, "");
    chan_free(p.a);
    buf_free(&b);
}

static void test_refused_frame(void **state)
{
    (void)state;
    struct pair p = pair_of(1u << 20);
    struct buf b = payload_of(10);
    struct seen seen = {.refuse = true};
    struct err err;
    assert_true(chan_send(p.a, 1, 0, &b));
    assert_true(chan_send(p.a, 1, 1, &b));
    assert_int_equal(chan_flush(p.a, &err), CHAN_OPEN);
    assert_int_equal(chan_receive(p.b, on_frame, &seen, &err), CHAN_BROKEN);
    assert_int_equal(seen.count, 1);
    assert_int_equal(err.code, ERR_PROTOCOL);
    buf_free(&b);
    pair_free(&p);
}

/* ------------------------------------------------------------ nonsense --- */

static void broken_by(const void *bytes, size_t n, int fd)
{
    struct pair p = pair_of(1u << 20);
    struct seen seen = {0};
    struct err err;
    struct iovec iov = {(void *)(uintptr_t)bytes, n};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    if (fd >= 0) {
        msg.msg_control = control.space;
        msg.msg_controllen = sizeof control.space;
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    assert_int_equal(sendmsg(p.raw, &msg, 0), n);
    assert_int_equal(chan_receive(p.b, on_frame, &seen, &err), CHAN_BROKEN);
    assert_int_equal(seen.count, 0);
    pair_free(&p);
}

static struct buf header_of(uint16_t flags, uint32_t len)
{
    struct buf b = {0};
    wire_put_u16(&b, 1);
    wire_put_u16(&b, flags);
    wire_put_u32(&b, 0);
    wire_put_u32(&b, len);
    return b;
}

static void broken_by_header(uint16_t flags, uint32_t len, int fd)
{
    struct buf b = header_of(flags, len);
    broken_by(b.data, b.len, fd);
    buf_free(&b);
}

static void test_nonsense(void **state)
{
    (void)state;
    char big[40000] = {0};
    broken_by("short", 5, -1);
    broken_by(big, sizeof big, -1); /* longer than a packet may be */
    broken_by_header(0, 1, -1);     /* a payload that is not there */
    broken_by_header(0, UINT32_MAX, -1);
    broken_by_header(2, 0, -1); /* an unknown flag */
    broken_by_header(1, 5, -1); /* no descriptor came along */
}

static void test_bad_memfds(void **state)
{
    (void)state;
    int plain = memfd_create("plain", MFD_CLOEXEC);
    int sealed = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(write(plain, "12345", 5), 5);
    assert_int_equal(write(sealed, "12345", 5), 5);
    broken_by_header(1, 5, plain);  /* it could still change */
    broken_by_header(1, 5, sealed); /* not sealed yet */
    assert_int_equal(
        fcntl(sealed, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
        0);
    broken_by_header(1, 4, sealed); /* another size than it says */
    broken_by_header(1, 0, sealed);
    broken_by_header(1, 5, pipes[0]);
    close(plain);
    close(sealed);
    close(pipes[0]);
    close(pipes[1]);
}

/* A descriptor that nobody asked for is closed again. */
static void test_no_descriptor_is_kept(void **state)
{
    (void)state;
    int before = dup(0);
    close(before);
    test_bad_memfds(state);
    test_sizes(state);
    int after = dup(0);
    close(after);
    assert_int_equal(after, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_queue_limit),
        cmocka_unit_test(test_peer_is_gone),
        cmocka_unit_test(test_refused_frame),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_bad_memfds),
        cmocka_unit_test(test_no_descriptor_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
