/* conf/guess.h: what a syntax error probably is.
 *
 * Called by outline.c at the token that does not fit. Each of these reports one
 * error with the source line and a caret, and returns false. */
#ifndef RELEVO_CONF_GUESS_H
#define RELEVO_CONF_GUESS_H

#include "conf/lex.h"

struct guess {
    const struct words *words;
    struct conf_errors *errors;
    size_t at; /* the next token */
    /* The first block whose "}" stands under another column than the line that
     * opened it: where one is missing, this is where to look. */
    const struct token *suspect;
    const char *suspect_name;
};

bool guess_fail(const struct guess *, const struct token *, const char *fmt,
                ...) PRINTF(3, 4);
/* A setting's name is expected. open: the block's "{", or NULL. */
bool guess_name(const struct guess *, const struct token *open,
                const char *block, const struct token *found);
/* "=" is expected after the name. */
bool guess_equals(const struct guess *, const struct token *name,
                  const struct token *found);
/* A value is expected. name NULL: in a list. */
bool guess_value(const struct guess *, const char *name,
                 const struct token *found);
/* "," or the closer is expected. */
bool guess_separator(const struct guess *, const struct token *open,
                     char closer, const struct token *found);
/* A block was closed: remembers one that looks wrong. */
void guess_note_close(struct guess *, const struct token *open,
                      const char *block, const struct token *close);

#endif
