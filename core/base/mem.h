/* base/mem.h: memory that is there or the process ends, and arenas.
 *
 * An arena owns everything allocated from it; what hangs on one probe, one
 * request or one generation of the configuration dies with it at once. */
#ifndef RELEVO_BASE_MEM_H
#define RELEVO_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

#include "base/attr.h"

/* Says so and ends the process with exit status 3, whatever locks are held. A
 * supervisor starts it again; what was committed stays. */
NORETURN void mem_exhausted(size_t n);

/* Never NULL: without memory the process ends. Free with free(). */
void *xmalloc(size_t n) MUST_CHECK;
void *xcalloc(size_t count, size_t size) MUST_CHECK;
void *xrealloc(void *old, size_t n) MUST_CHECK;
char *xstrdup(const char *s) MUST_CHECK;
char *xstrndup(const char *s, size_t n) MUST_CHECK;
char *xasprintf(const char *fmt, ...) MUST_CHECK PRINTF(1, 2);

/* Doubles an array that is full: *items has *cap elements of `size` bytes. */
void *xgrow(void *items, size_t count, size_t *cap, size_t size) MUST_CHECK;

struct arena;

struct arena *arena_new(void);
/* Its first bytes come with it, in one piece: for arenas of which there are
 * many, and which seldom hold more. */
struct arena *arena_new_sized(size_t first);
void arena_free(struct arena *); /* NULL is fine */
/* Nothing that it gave is valid any longer; a block of it is kept for what
 * comes, so that filling and emptying it in turns costs no heap calls. */
void arena_reset(struct arena *);
/* Zeroed, aligned for any type, valid until arena_free or arena_reset. */
void *arena_alloc(struct arena *, size_t n) MUST_CHECK;
char *arena_strdup(struct arena *, const char *s); /* NULL stays NULL */
char *arena_strndup(struct arena *, const char *s, size_t n);
void *arena_memdup(struct arena *, const void *bytes, size_t n);
char *arena_printf(struct arena *, const char *fmt, ...) PRINTF(2, 3);
size_t arena_bytes(const struct arena *); /* taken from the heap so far */

#endif
