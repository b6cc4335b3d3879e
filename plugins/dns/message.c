/* dns/message.c: an answer taken apart (RFC 1035 section 4).
 *
 * Every length in it is the server's word: each read is held against the end
 * of the message, and names, whose pointers may lead in circles, are c-ares'.
 * Pure, but for memory; called by run.c with what c-ares took for an answer to
 * the question. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/dns.h"

#define HEADER      12
#define ANSWERS_MAX 1024
#define TEXT_MAX    4096 /* of one record */
#define TYPE_CNAME  5
#define TYPE_SOA    6
#define TYPE_OPT    41

/* What is left to be read. */
struct input {
    const unsigned char *all, *at;
    const unsigned char *end; /* of the message, or of the record's data */
    size_t len;
    bool bad;
};

/* A record on its way to be text. */
struct output {
    char text[TEXT_MAX];
    size_t len;
};

/* ---------------------------------------------------------------- reading */

static uint32_t read_number(struct input *in, unsigned bytes)
{
    uint32_t number = 0;
    if (in->bad || (size_t)(in->end - in->at) < bytes) {
        in->bad = true;
        return 0;
    }
    while (bytes--)
        number = number << 8 | *in->at++;
    return number;
}

/* NULL: it is bad. The caller frees by ares_free_string(). */
static char *read_name(struct input *in)
{
    char *name = NULL;
    long used = 0;
    if (in->bad || ares_expand_name(in->at, in->all, (int)in->len, &name,
                                    &used) != ARES_SUCCESS) {
        in->bad = true;
        return NULL;
    }
    in->at += used;
    if (in->at > in->end)
        in->bad = true;
    return name;
}

static void skip_name(struct input *in) { ares_free_string(read_name(in)); }

/* ---------------------------------------------------------------- writing */

static void RLV_PRINTF(2, 3) put(struct output *out, const char *fmt, ...)
{
    va_list args;
    size_t room = sizeof out->text - out->len;
    va_start(args, fmt);
    int n = vsnprintf(out->text + out->len, room, fmt, args);
    va_end(args);
    out->len += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static void put_name(struct output *out, struct input *in)
{
    char *name = read_name(in);
    put(out, "%s", name && *name ? name : ".");
    ares_free_string(name);
}

static void put_number(struct output *out, struct input *in, unsigned bytes)
{
    put(out, "%u ", read_number(in, bytes));
}

/* As zone files have them: what is not printable as \DDD. */
static void put_bytes(struct output *out, struct input *in, size_t n)
{
    if (in->bad || (size_t)(in->end - in->at) < n) {
        in->bad = true;
        return;
    }
    for (; n; n--, in->at++) {
        if (*in->at == '"' || *in->at == '\\')
            put(out, "\\%c", *in->at);
        else
            put(out, isprint(*in->at) ? "%c" : "\\%03u", *in->at);
    }
}

/* ------------------------------------------------------------------- types */

static void put_address(struct output *out, struct input *in, int family)
{
    char text[INET6_ADDRSTRLEN];
    long size = family == AF_INET ? 4 : 16;
    if (in->end - in->at != size) {
        in->bad = true;
        return;
    }
    inet_ntop(family, in->at, text, sizeof text);
    put(out, "%s", text);
    in->at = in->end;
}

static void put_a(struct output *out, struct input *in)
{
    put_address(out, in, AF_INET);
}

static void put_aaaa(struct output *out, struct input *in)
{
    put_address(out, in, AF_INET6);
}

static void put_mx(struct output *out, struct input *in)
{
    put_number(out, in, 2);
    put_name(out, in);
}

static void put_soa(struct output *out, struct input *in)
{
    put_name(out, in);
    put(out, " ");
    put_name(out, in);
    put(out, " ");
    for (int i = 0; i < 5; i++)
        put_number(out, in, 4);
    out->text[out->len ? --out->len : 0] = '\0';
}

static void put_srv(struct output *out, struct input *in)
{
    put_number(out, in, 2);
    put_number(out, in, 2);
    put_number(out, in, 2);
    put_name(out, in);
}

/* The strings of a record belong together. */
static void put_txt(struct output *out, struct input *in)
{
    while (!in->bad && in->at < in->end)
        put_bytes(out, in, read_number(in, 1));
}

static void put_caa(struct output *out, struct input *in)
{
    put_number(out, in, 1);
    put_bytes(out, in, read_number(in, 1));
    put(out, " \"");
    put_bytes(out, in, in->bad ? 0 : (size_t)(in->end - in->at));
    put(out, "\"");
}

static void (*writer_of(int type))(struct output *, struct input *)
{
    static const struct {
        int type;
        void (*write)(struct output *, struct input *);
    } table[] = {
        {1, put_a},     {28, put_aaaa}, {TYPE_CNAME, put_name},
        {15, put_mx},   {2, put_name},  {TYPE_SOA, put_soa},
        {16, put_txt},  {33, put_srv},  {12, put_name},
        {257, put_caa},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].type == type)
            return table[i].write;
    return NULL;
}

/* ---------------------------------------------------------------- messages */

static void keep(struct message *m, const struct output *out, uint32_t ttl)
{
    if (m->count == ANSWERS_MAX)
        return;
    m->answers = kit_realloc(m->answers, (m->count + 1) * sizeof *m->answers);
    m->ttls = kit_realloc(m->ttls, (m->count + 1) * sizeof *m->ttls);
    m->answers[m->count] = kit_strdup(out->text);
    /* RFC 2181 section 8 */
    m->ttls[m->count++] = ttl > INT32_MAX ? 0 : (int64_t)ttl;
}

/* The number after the two names. */
static void keep_serial(struct message *m, struct input in)
{
    skip_name(&in);
    skip_name(&in);
    m->serial = read_number(&in, 4);
    if (in.bad)
        m->serial = -1;
}

static void read_data(struct message *m, struct input *in, int type,
                      uint32_t ttl)
{
    struct output out = {.len = 0};
    if (type == TYPE_SOA)
        keep_serial(m, *in);
    out.text[0] = '\0';
    writer_of(type)(&out, in);
    if (in->at != in->end)
        in->bad = true;
    if (!in->bad)
        keep(m, &out, ttl);
}

static void read_record(struct message *m, struct input *in, int wanted,
                        bool answer)
{
    skip_name(in);
    int type = (int)read_number(in, 2);
    uint32_t class = read_number(in, 2), ttl = read_number(in, 4);
    size_t len = read_number(in, 2);
    if (in->bad || (size_t)(in->end - in->at) < len) {
        in->bad = true;
        return;
    }
    const unsigned char *end = in->end;
    in->end = in->at + len;
    if (type == TYPE_OPT && !answer) {
        m->rcode |= (int)(ttl >> 24 << 4);
    } else if (answer && class == 1 && type == wanted) {
        read_data(m, in, type, ttl);
    } else if (answer && class == 1 && type == TYPE_CNAME) {
        free(m->alias);
        char *name = read_name(in);
        m->alias = name ? kit_strdup(name) : NULL;
        ares_free_string(name);
    }
    in->at = in->end;
    in->end = end;
}

/* Sorted, so that the order in which a server turns them makes no difference;
 * each with its own TTL. */
static void sort(struct message *m)
{
    for (size_t i = 1; i < m->count; i++) {
        char *text = m->answers[i];
        int64_t ttl = m->ttls[i];
        size_t at = i;
        for (; at && strcmp(m->answers[at - 1], text) > 0; at--) {
            m->answers[at] = m->answers[at - 1];
            m->ttls[at] = m->ttls[at - 1];
        }
        m->answers[at] = text;
        m->ttls[at] = ttl;
    }
}

bool message_read(struct message *m, const unsigned char *bytes, size_t len,
                  int type)
{
    struct input in = {.all = bytes, .at = bytes, .end = bytes + len};
    *m = (struct message){.serial = -1};
    in.len = len;
    read_number(&in, 2);
    uint32_t flags = read_number(&in, 2);
    uint32_t questions = read_number(&in, 2), answers = read_number(&in, 2);
    uint32_t others = read_number(&in, 2);
    others += read_number(&in, 2);
    m->rcode = flags & 15;
    m->authoritative = flags & 0x0400;
    for (; questions && !in.bad; questions--) {
        skip_name(&in);
        read_number(&in, 4);
    }
    for (; answers && !in.bad; answers--)
        read_record(m, &in, type, true);
    for (; others && !in.bad; others--)
        read_record(m, &in, type, false);
    sort(m);
    return !in.bad;
}

void message_fini(struct message *m)
{
    for (size_t i = 0; i < m->count; i++)
        free(m->answers[i]);
    free(m->answers);
    free(m->ttls);
    free(m->alias);
    *m = (struct message){.serial = -1};
}

const char *message_rcode(int rcode, char *text, size_t size)
{
    static const char *const names[] = {
        "NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
        "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE"};
    if ((size_t)rcode < sizeof names / sizeof *names)
        return names[rcode];
    if (rcode == 16)
        return "BADVERS";
    snprintf(text, size, "RCODE%d", rcode);
    return text;
}
