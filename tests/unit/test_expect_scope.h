/* tests/unit/test_expect_scope.h: one field of each type, observed, and two
 * that are not, for the tests of core/expect. */
#ifndef TEST_EXPECT_SCOPE_H
#define TEST_EXPECT_SCOPE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "expect/expect.h"

enum {
    F_STATUS,
    F_LATENCY,
    F_LIMIT,
    F_MEMORY,
    F_HIT_RATIO,
    F_LOAD,
    F_TLS,
    F_EXPIRES,
    F_ROLE,
    F_VERSION,
    F_BODY,
    F_HEADER,
    F_VALUE,
    F_REPLY,
    F_MISSING,
    F_GONE
};

// clang-format off
static const struct rlv_field scope_fields[] = {
    {"status",    RLV_T_INT,      RLV_RECORDED, "", ""},
    {"latency",   RLV_T_DURATION, RLV_RECORDED, "", ""},
    {"limit",     RLV_T_DURATION, 0, "", ""},
    {"memory",    RLV_T_SIZE,     0, "", ""},
    {"hit_ratio", RLV_T_PERCENT,  0, "", ""},
    {"load",      RLV_T_REAL,     0, "", ""},
    {"tls",       RLV_T_BOOL,     0, "", ""},
    {"expires",   RLV_T_TIME,     0, "", ""},
    {"role",      RLV_T_TEXT,     0, "", ""},
    {"version",   RLV_T_TEXT,     0, "", ""},
    {"body",      RLV_T_BODY,     0, "", ""},
    {"header",    RLV_T_MAP,      RLV_NOCASE, "", ""},
    {"value",     RLV_T_MAP,      0, "", ""},
    {"reply",     RLV_T_ANY,      0, "", ""},
    {"missing",   RLV_T_INT,      0, "", ""},
    {"gone",      RLV_T_TEXT,     0, "", ""},
};
// clang-format on

static const struct expect_scope scope = {
    scope_fields, sizeof scope_fields / sizeof *scope_fields};

#define SCOPE_NOW_US 1774699200000000LL /* 2026-03-28T12:00:00Z */

/* What is not in here is absent. */
struct observed {
    const char *body;
    size_t body_len;
    unsigned gets; /* how often was asked */
};

static const struct rlv_value *scope_answer(struct rlv_value v)
{
    static struct rlv_value kept[8];
    static unsigned next;
    struct rlv_value *slot = &kept[next++ % 8];
    *slot = v;
    return slot;
}

static const struct rlv_value *scope_key(unsigned field, const char *key)
{
    if (field == F_HEADER && strcmp(key, "etag") == 0)
        return scope_answer(rlv_text("\"a1\""));
    if (field == F_HEADER && strcmp(key, "date") == 0)
        return scope_answer(rlv_text("Sat, 28 Mar 2026 11:59:30 GMT"));
    if (field == F_VALUE && strcmp(key, "lag") == 0)
        return scope_answer(rlv_duration(1500000000));
    if (field == F_VALUE && strcmp(key, "count") == 0)
        return scope_answer(rlv_int(3));
    return NULL;
}

static const struct rlv_value *scope_get(const void *arg, unsigned field,
                                         const char *key)
{
    struct observed *o = (struct observed *)(uintptr_t)arg;
    struct rlv_value percent = rlv_real(97.5);
    percent.type = RLV_T_PERCENT;
    o->gets++;
    if (key != NULL)
        return scope_key(field, key);
    switch (field) {
    case F_STATUS: return scope_answer(rlv_int(503));
    case F_LATENCY: return scope_answer(rlv_duration(612000000));
    case F_LIMIT: return scope_answer(rlv_duration(500000000));
    case F_MEMORY: return scope_answer(rlv_size(3 << 20));
    case F_HIT_RATIO: return scope_answer(percent);
    case F_LOAD: return scope_answer(rlv_real(0.75));
    case F_TLS: return scope_answer(rlv_bool(true));
    case F_EXPIRES:
        return scope_answer(rlv_time(SCOPE_NOW_US - 90 * 1000000LL));
    case F_ROLE: return scope_answer(rlv_text("primary"));
    case F_VERSION: return scope_answer(rlv_text("7.10.2"));
    case F_REPLY: return scope_answer(rlv_text("PONG"));
    case F_BODY:
        return o->body == NULL ? NULL
                               : scope_answer(rlv_body(o->body, o->body_len));
    default: return NULL;
    }
}

static inline struct expect_input scope_input(const struct observed *o)
{
    return (struct expect_input){scope_get, o, SCOPE_NOW_US, NULL};
}

static inline struct expect *scope_parse(const char *text)
{
    struct expect_error error;
    struct expect *e = expect_parse(text, &scope, &error);
    if (e == NULL)
        fail_msg("%s\n  column %d: %s", text, error.column, error.text);
    return e;
}

#endif
