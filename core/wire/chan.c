/* wire/chan.c: see chan.h. */
#include "wire/chan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "wire/code.h"

enum { HEADER = 12, FLAG_MEMFD = 1 };

struct packet {
    struct packet *next;
    struct buf bytes;
    int memfd; /* -1: none */
};

struct chan {
    int fd;
    size_t limit, queued; /* bytes that wait */
    struct packet *first, *last;
    unsigned char *in; /* one packet */
};

struct chan *chan_new(int fd, size_t queue_limit)
{
    struct chan *c = xcalloc(1, sizeof *c);
    c->fd = fd;
    c->limit = queue_limit;
    c->in = xmalloc(CHAN_PACKET);
    int flags = fcntl(fd, F_GETFL);
    must(flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0);
    return c;
}

static void drop_first(struct chan *c)
{
    struct packet *p = c->first;
    c->first = p->next;
    if (c->first == NULL)
        c->last = NULL;
    c->queued -= p->bytes.len;
    if (p->memfd >= 0)
        close(p->memfd);
    buf_free(&p->bytes);
    free(p);
}

void chan_free(struct chan *c)
{
    if (c == NULL)
        return;
    while (c->first != NULL)
        drop_first(c);
    close(c->fd);
    free(c->in);
    free(c);
}

int chan_fd(const struct chan *c) { return c->fd; }

void chan_shut(const struct chan *c)
{
    if (c != NULL)
        (void)shutdown(c->fd, SHUT_RDWR);
}

bool chan_wants_write(const struct chan *c) { return c->first != NULL; }

static struct packet *add_packet(struct chan *c)
{
    struct packet *p = xcalloc(1, sizeof *p);
    p->memfd = -1;
    if (c->last != NULL)
        c->last->next = p;
    else
        c->first = p;
    c->last = p;
    return p;
}

static void put_frame(struct chan *c, struct packet *p, uint16_t type,
                      uint16_t flags, uint32_t generation, size_t len,
                      const void *payload, size_t inline_len)
{
    size_t before = p->bytes.len;
    wire_put_u16(&p->bytes, type);
    wire_put_u16(&p->bytes, flags);
    wire_put_u32(&p->bytes, generation);
    wire_put_u32(&p->bytes, (uint32_t)len);
    buf_add(&p->bytes, payload, inline_len);
    c->queued += p->bytes.len - before;
}

static bool write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t w = write(fd, bytes, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return false;
        bytes += w;
        n -= (size_t)w;
    }
    return true;
}

/* A sealed memfd with the payload, or -1. */
static int make_memfd(const struct buf *payload)
{
    int fd = memfd_create("relevo", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -1;
    if (!write_all(fd, payload->data, payload->len) ||
        fcntl(fd, F_ADD_SEALS,
              F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool send_large(struct chan *c, uint16_t type, uint32_t generation,
                       const struct buf *payload)
{
    int memfd = payload->len <= CHAN_LARGEST ? make_memfd(payload) : -1;
    if (memfd < 0)
        return false;
    struct packet *p = add_packet(c);
    p->memfd = memfd;
    put_frame(c, p, type, FLAG_MEMFD, generation, payload->len, "", 0);
    return true;
}

bool chan_send(struct chan *c, uint16_t type, uint32_t generation,
               const struct buf *payload)
{
    size_t need = HEADER + payload->len;
    if (c->queued + HEADER > c->limit)
        return false;
    if (need > CHAN_PACKET)
        return send_large(c, type, generation, payload);
    if (c->queued + need > c->limit)
        return false;
    struct packet *p = c->last;
    if (p == NULL || p->memfd >= 0 || p->bytes.len + need > CHAN_PACKET)
        p = add_packet(c);
    put_frame(c, p, type, 0, generation, payload->len, buf_text(payload),
              payload->len);
    return true;
}

static ssize_t send_packet(int fd, const struct packet *p)
{
    struct iovec iov = {p->bytes.data, p->bytes.len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    if (p->memfd >= 0) {
        msg.msg_control = control.space;
        msg.msg_controllen = sizeof control.space;
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &p->memfd, sizeof(int));
    }
    return sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

enum chan_status chan_flush(struct chan *c, struct err *err)
{
    while (c->first != NULL) {
        if (send_packet(c->fd, c->first) >= 0) {
            drop_first(c);
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN || errno == ENOBUFS)
            return CHAN_OPEN;
        bool gone = errno == EPIPE || errno == ECONNRESET;
        err_set(err, ERR_IO, errno, "sending");
        return gone ? CHAN_CLOSED : CHAN_BROKEN;
    }
    return CHAN_OPEN;
}

/* The descriptor that came along, or -1; surplus ones are closed. */
static int take_fd(struct msghdr *msg)
{
    int found = -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (found < 0)
                found = fd;
            else
                close(fd);
        }
    }
    return found;
}

/* Only a memfd that can no longer change may be mapped. */
static bool deliver_memfd(int fd, struct frame *f, chan_frame_fn *fn, void *arg)
{
    const int needed = F_SEAL_SHRINK | F_SEAL_WRITE;
    struct stat st;
    int seals = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & needed) != needed || fstat(fd, &st) != 0 ||
        f->len == 0 || f->len > CHAN_LARGEST || (size_t)st.st_size != f->len)
        return false;
    void *map = mmap(NULL, f->len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return false;
    f->payload = map;
    bool ok = fn(arg, f);
    munmap(map, f->len);
    return ok;
}

static bool deliver(const unsigned char *bytes, size_t n, int memfd,
                    chan_frame_fn *fn, void *arg)
{
    struct wire_reader r = wire_reader(bytes, n, NULL);
    while (r.left > 0) {
        struct frame f = {0};
        f.type = wire_u16(&r);
        uint16_t flags = wire_u16(&r);
        f.generation = wire_u32(&r);
        f.len = wire_u32(&r);
        if (r.bad)
            return false;
        if (flags == FLAG_MEMFD) {
            if (!deliver_memfd(memfd, &f, fn, arg))
                return false;
            continue;
        }
        if (flags != 0 || f.len > r.left)
            return false;
        f.payload = r.at;
        r.at += f.len;
        r.left -= f.len;
        if (!fn(arg, &f))
            return false;
    }
    return true;
}

static ssize_t receive_packet(struct chan *c, int *memfd, bool *cut)
{
    struct iovec iov = {c->in, CHAN_PACKET};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(4 * sizeof(int))];
    } control;
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.space,
                         .msg_controllen = sizeof control.space};
    ssize_t n;
    do
        n = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    *memfd = n < 0 ? -1 : take_fd(&msg);
    *cut = n >= 0 && (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    return n;
}

enum chan_status chan_receive(struct chan *c, chan_frame_fn *fn, void *arg,
                              struct err *err)
{
    for (;;) {
        int memfd;
        bool cut;
        ssize_t n = receive_packet(c, &memfd, &cut);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return CHAN_OPEN;
        if (n < 0 && errno != ECONNRESET) {
            err_set(err, ERR_IO, errno, "receiving");
            return CHAN_BROKEN;
        }
        if (n <= 0) {
            if (memfd >= 0)
                close(memfd);
            err_set(err, ERR_IO, 0, "the peer closed the channel");
            return CHAN_CLOSED;
        }
        bool ok = !cut && deliver(c->in, (size_t)n, memfd, fn, arg);
        if (memfd >= 0)
            close(memfd);
        if (!ok) {
            err_set(err, ERR_PROTOCOL, 0, "the peer sent nonsense");
            return CHAN_BROKEN;
        }
    }
}

bool chan_pair(int fds[2], struct err *err)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0)
        return true;
    return err_set(err, ERR_IO, errno, "socketpair");
}
