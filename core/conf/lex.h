/* conf/lex.h: the words of configuration files, with their places.
 *
 * libconfig knows lines only, and of a mistake only "syntax error". So the text
 * is cut into tokens here first: outline.c finds mistakes and columns with
 * them; libconfig then reads the values out of the same text. @include lines
 * are followed here, so that libconfig opens no file. */
#ifndef RELEVO_CONF_LEX_H
#define RELEVO_CONF_LEX_H

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "conf/errors.h"

enum token_type {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_TEXT, /* with its quotes */
    TOKEN_INT,
    TOKEN_REAL,
    TOKEN_BOOL,
    TOKEN_MARK /* one of = : ; , { } ( ) [ ] */
};

struct token {
    enum token_type type;
    uint32_t offset, len; /* in words.text */
    struct place place;
};

struct source_file {
    const char *name; /* as shown */
    const char *text;
    size_t len;
};

struct words {
    struct arena *arena;  /* borrowed: file names and texts hang on it */
    struct buf text;      /* of all files, in place of their @include lines */
    struct token *tokens; /* the last one is TOKEN_END */
    size_t count, cap;
    struct source_file *files; /* in the order they were opened */
    size_t file_count, file_cap;
};

/* Reads a whole regular file of at most 16 MiB. Hangs on the arena. */
bool source_read(const char *name, struct arena *, struct source_file *,
                 struct err *) MUST_CHECK;
/* false: told in errors. Call words_free either way. */
bool words_read(struct words *, struct source_file,
                struct conf_errors *) MUST_CHECK;
void words_free(struct words *);

/* Adds "\n    12 | the line\n       |    ^" for the place. */
void words_show_line(const struct words *, struct place, struct buf *out);

#endif
