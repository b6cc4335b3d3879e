/* expect/expect.h: the expectation language.
 *
 * `status == 200 and latency < 500ms`: an expression over what a probe
 * observed, true or false. Parsed and typed against the fields of a check when
 * the configuration is loaded, so that a misspelt field or a duration compared
 * with a text is an error there, with a column; judged over each result.
 * docs/expectations.md is the language as its users see it.
 *
 * Called by conf (check the lines, find the default lines that stay), worker
 * (judge, record), daemon (`when` of a runbook) and cli. No I/O, and no clock
 * but the one that ends an endless regex. One struct expect must not be
 * evaluated by two threads at once: it keeps its regex's work space. */
#ifndef RELEVO_EXPECT_EXPECT_H
#define RELEVO_EXPECT_EXPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "relevo/plugin.h"

#define EXPECT_TEXT_LIMIT 4096 /* bytes of an expression */
#define EXPECT_DEPTH      64   /* parentheses and nots inside each other */

/* ---------------------------------------------------------------- load --- */

struct expect_scope {               /* the names that an expression may use */
    const struct rlv_field *fields; /* an index here is a `field` below */
    size_t field_count;
};

struct expect_error {
    int column;     /* from 1, in bytes */
    char text[300]; /* with a suggestion where there is one */
};

struct expect;

/* A condition, for `expect`, `warn_unless` and `when`. NULL with *error filled
 * in. Copies what it needs of text and scope. The caller frees. */
struct expect *expect_parse(const char *text, const struct expect_scope *,
                            struct expect_error *) MUST_CHECK;
/* Any expression, also one that is a value: json('.db'), for `record`. */
struct expect *expect_parse_value(const char *text, const struct expect_scope *,
                                  struct expect_error *) MUST_CHECK;
void expect_free(struct expect *); /* NULL is fine */

const char *expect_text(const struct expect *);
/* What expect_yield yields: a condition's is BOOL, json()'s is ANY. */
enum rlv_type expect_type(const struct expect *);
bool expect_reads(const struct expect *, unsigned field);
/* The i-th thing that it reads; key is NULL for a plain field; false past the
 * end. One that is read twice stands there twice. */
bool expect_read_at(const struct expect *, size_t i, unsigned *field,
                    const char **key);
/* Every comparison in it compares a duration, and none asks for more of it: if
 * it is false, that is `slow`. */
bool expect_only_durations(const struct expect *);
bool expect_uses_history(const struct expect *);
/* The language uses that word itself: a recorded name must not be it. */
bool expect_is_reserved(const char *word);

/* --------------------------------------------------------------- judge --- */

/* Remembers the body as parsed JSON between evaluations over one result. */
struct expect_cache;

struct expect_cache *expect_cache_new(void) MUST_CHECK;
void expect_cache_clear(struct expect_cache *); /* before the next result */
void expect_cache_free(struct expect_cache *);  /* NULL is fine */

struct expect_input { /* one result's observations */
    /* NULL: absent. key is NULL for a plain field; for a MAP that is
     * RLV_NOCASE it arrives in lower case, and the caller's stored keys are to
     * be compared without case. The answer must live until the call ends. */
    const struct rlv_value *(*get)(const void *arg, unsigned field,
                                   const char *key);
    const void *arg;
    int64_t now_us;             /* wall clock, for age() */
    struct expect_cache *cache; /* may be NULL: then json() parses each time */
};

enum expect_verdict { EXPECT_FALSE, EXPECT_TRUE, EXPECT_ERROR };

/* EXPECT_ERROR with *err (ERR_LIMIT) when it cannot be judged: a regex reached
 * its limits. For an expression that is a value: is it true? */
enum expect_verdict expect_eval(const struct expect *,
                                const struct expect_input *, struct err *);
/* The value, its text copied into the arena: at most 4 KiB of it, a list or an
 * object as JSON. false: absent, or an error (*err is set). */
bool expect_yield(const struct expect *, const struct expect_input *,
                  struct arena *, struct rlv_value *, struct err *);
/* Everything it reads is there: else a plugin's default line is skipped. */
bool expect_is_observed(const struct expect *, const struct expect_input *);
/* What is absent decides it: taken as not known rather than as no, it would be
 * neither true nor false. `status == 200 and db == 'ok'` over a status of 200
 * and no db; over a status of 502 it is false. `exists` is always decided. */
bool expect_is_undecided(const struct expect *, const struct expect_input *);

/* Appends the values seen: "503"; with several operands "status 503, latency
 * 612ms"; "(absent)" for what is not there. Texts are quoted, cleaned for a
 * terminal and cut. Nothing where it reads nothing. */
void expect_explain(const struct expect *, const struct expect_input *,
                    struct buf *out);

/* ---------------------------------------------------------------- help --- */

struct expect_word { /* an operator or a function, for help and docs */
    const char *name;
    const char *form; /* latency < 500ms; len(text) */
    const char *help;
};

/* The i-th; NULL past the end. */
const struct expect_word *expect_operator_at(size_t i);
const struct expect_word *expect_function_at(size_t i);

#endif
