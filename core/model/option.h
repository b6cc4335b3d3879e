/* model/option.h: option tables put to work.
 *
 * A plugin's options and the core's own (checks, runbooks, globals) are rows of
 * `struct rlv_option`: name, kind, offset into a conf struct, default, limits,
 * one sentence. This file turns what a configuration says into values in such
 * a struct; help, docs and validation are made from the same rows. */
#ifndef RELEVO_MODEL_OPTION_H
#define RELEVO_MODEL_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "relevo/plugin.h"

/* Where something stands in a file; file NULL: not from a file. 1-based. */
struct place {
    const char *file;
    int line, column;
};

enum raw_type {
    RAW_TEXT = 1, /* a quoted string */
    RAW_INT,
    RAW_REAL,
    RAW_BOOL,
    RAW_LIST, /* of strings */
    RAW_DICT, /* a group of scalars */
    RAW_STEPS /* a list of groups of scalars */
};

/* A value as a configuration gives it, before its option's kind is known.
 * Scalars are kept as text whatever their type ("true", "5", "30s"). */
struct raw {
    enum raw_type type;
    bool secret; /* holds a secret: shown nowhere */
    const char *text;
    struct rlv_list list;
    struct rlv_dict dict;
    struct rlv_steps steps;
};

/* One `name = value` of a configuration. "tls.ca_file" for ca_file in tls. */
struct setting {
    const char *name;
    struct raw value;
    struct place place;
};

const struct rlv_option *option_find(const struct rlv_option *table,
                                     size_t count, const char *name);
/* The nearest name, or NULL. */
const char *option_suggest(const struct rlv_option *table, size_t count,
                           const char *name);
/* "a duration", "text", "a list of texts": for messages and docs. */
const char *option_kind_text(unsigned kind);

/* Checks the value against kind and limits and stores it at the row's offset
 * in conf. What is stored hangs on the arena. The error names the value and
 * what was expected, not the option: callers prepend that. */
bool option_set(const struct rlv_option *row, const struct raw *value,
                void *conf, struct arena *, struct err *) MUST_CHECK;

/* Stores every row's default; rows without one become zero. A default that
 * does not fit its own row is a bug of the table: returned as an error. */
bool option_defaults(const struct rlv_option *table, size_t count, void *conf,
                     struct arena *, struct err *) MUST_CHECK;

/* Defaults, then every setting that the table knows, then REQUIRED. On failure
 * *culprit (may be NULL) is the setting to blame, or NULL when one is absent.
 */
bool option_fill(const struct rlv_option *table, size_t count,
                 const struct setting *settings, size_t setting_count,
                 void *conf, struct arena *, const struct setting **culprit,
                 struct err *) MUST_CHECK;

/* The same, with every text in that arena. */
struct rlv_list option_copy_list(const struct rlv_list *, struct arena *);
struct rlv_dict option_copy_dict(const struct rlv_dict *, struct arena *);
struct rlv_steps option_copy_steps(const struct rlv_steps *, struct arena *);
struct raw option_copy_raw(const struct raw *, struct arena *);
struct setting *option_copy_settings(const struct setting *, size_t count,
                                     struct arena *);

/* The value as it would be written in a configuration; secrets as "***". */
void option_show(const struct rlv_option *row, const void *conf,
                 struct buf *out);

#endif
