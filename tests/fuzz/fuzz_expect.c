/* tests/fuzz/fuzz_expect.c: any expression over a scope of all types; what
 * parses is evaluated, explained and kept. The first line of the input is the
 * expression, the rest the body. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "expect/expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rlv_field fields[] = {
    {"bool", RLV_T_BOOL}, {"int", RLV_T_INT},
    {"real", RLV_T_REAL}, {"duration", RLV_T_DURATION},
    {"size", RLV_T_SIZE}, {"percent", RLV_T_PERCENT},
    {"time", RLV_T_TIME}, {"text", RLV_T_TEXT},
    {"body", RLV_T_BODY}, {"map", RLV_T_MAP, RLV_NOCASE},
    {"any", RLV_T_ANY},   {"absent", RLV_T_INT},
};

static const struct expect_scope scope = {fields, ARRAY_LEN(fields)};

struct observed {
    struct rlv_value values[ARRAY_LEN(fields)];
};

static const struct rlv_value *get(const void *arg, unsigned field,
                                   const char *key)
{
    const struct observed *o = arg;
    must(field < ARRAY_LEN(fields));
    must((key != NULL) == (fields[field].type == RLV_T_MAP));
    if (key != NULL) /* a value of another type for each key */
        field = (unsigned)(strlen(key) % 9);
    return o->values[field].type == 0 ? NULL : &o->values[field];
}

static struct observed observe(const char *body, size_t n)
{
    struct rlv_value percent = rlv_real(12.5);
    percent.type = RLV_T_PERCENT;
    return (struct observed){{
        rlv_bool(true),
        rlv_int((int64_t)n),
        rlv_real(0.5),
        rlv_duration(612000000),
        rlv_size(4096),
        percent,
        rlv_time(1774699200000000),
        rlv_text_n(body, n < 64 ? n : 64),
        rlv_body(body, n),
        {0},
        rlv_text_n(body, n < 8 ? n : 8),
        {0},
    }};
}

static void judge(const struct expect *e, const struct observed *o)
{
    struct expect_input in = {get, o, 1774699200000000, NULL};
    struct err err = {0};
    struct buf out = {0};
    enum expect_verdict verdict = expect_eval(e, &in, &err);
    must((verdict == EXPECT_ERROR) == (err.text[0] != '\0'));
    in.cache = expect_cache_new();
    must(expect_eval(e, &in, &err) == verdict);
    expect_explain(e, &in, &out);
    (void)expect_is_undecided(e, &in);
    struct arena *arena = arena_new();
    struct rlv_value v;
    if (expect_yield(e, &in, arena, &v, &err))
        must(v.type >= RLV_T_BOOL && v.type < RLV_T_MAP);
    arena_free(arena);
    expect_cache_free(in.cache);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = memchr(data, '\n', size);
    size_t n = newline == NULL ? size : (size_t)(newline - data);
    char *text = xstrndup((const char *)data, n);
    struct observed o = newline == NULL
                            ? observe("{\"a\":[1,\"x\",null]}", 18)
                            : observe((const char *)newline + 1, size - n - 1);
    struct expect_error error;
    struct expect *e = expect_parse_value(text, &scope, &error);
    must((e == NULL) == (error.column != 0));
    must(error.column <= (int)strlen(text) + 1);
    must(strlen(error.text) < sizeof error.text);
    if (e != NULL)
        judge(e, &o);
    expect_free(e);
    expect_free(expect_parse(text, &scope, &error));
    free(text);
    return 0;
}
