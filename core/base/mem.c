/* base/mem.c: see mem.h. */
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"

/* Says it without allocating, and without the logger's lock: we may be called
 * by whoever holds it. */
void mem_exhausted(size_t n)
{
    char text[64];
    snprintf(text, sizeof text, "out of memory (%zu bytes)", n);
    log_last_words(text);
    _exit(3);
}

static void *checked(void *p, size_t n)
{
    if (p == NULL)
        mem_exhausted(n);
    return p;
}

void *xmalloc(size_t n) { return checked(malloc(n ? n : 1), n); }

void *xcalloc(size_t count, size_t size)
{
    return checked(calloc(count ? count : 1, size ? size : 1), count * size);
}

void *xrealloc(void *old, size_t n)
{
    return checked(realloc(old, n ? n : 1), n);
}

char *xstrdup(const char *s) { return xstrndup(s, strlen(s)); }

char *xstrndup(const char *s, size_t n)
{
    char *copy = xmalloc(n + 1);
    memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *xasprintf(const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0)
        mem_exhausted(0);
    return text;
}

void *xgrow(void *items, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return items;
    *cap = *cap ? *cap * 2 : 8;
    must(*cap <= SIZE_MAX / size);
    return xrealloc(items, *cap * size);
}

/* Blocks grow from 256 bytes to 64 KiB, so that a small arena costs little and
 * a large one few calls. */
struct block {
    struct block *next;
    size_t used, size;
    max_align_t data[];
};

/* The first block, which may be empty, lies right behind it. */
struct arena {
    _Alignas(max_align_t) struct block *head;
    size_t next_size, bytes;
};

enum { FIRST_BLOCK = 256, LARGEST_BLOCK = 64 * 1024 };

static struct block *first_block(struct arena *a)
{
    return (struct block *)(void *)(a + 1);
}

struct arena *arena_new(void) { return arena_new_sized(0); }

struct arena *arena_new_sized(size_t first)
{
    size_t bytes = sizeof(struct arena) + sizeof(struct block) + first;
    struct arena *a = xmalloc(bytes);
    *a = (struct arena){first_block(a), FIRST_BLOCK, bytes};
    *a->head = (struct block){.size = first};
    return a;
}

void arena_free(struct arena *a)
{
    if (a == NULL)
        return;
    while (a->head != first_block(a)) {
        struct block *next = a->head->next;
        free(a->head);
        a->head = next;
    }
    free(a);
}

void arena_reset(struct arena *a)
{
    struct block *first = first_block(a), *kept = a->head;
    if (kept != first)
        for (struct block *b = kept->next, *next; b != first; b = next) {
            next = b->next;
            a->bytes -= sizeof *b + b->size;
            free(b);
        }
    first->used = kept->used = 0;
    if (kept != first)
        kept->next = first;
}

static struct block *arena_grow(struct arena *a, size_t n)
{
    size_t size = n > a->next_size ? n : a->next_size;
    struct block *b = xmalloc(sizeof *b + size);
    b->next = a->head;
    b->used = 0;
    b->size = size;
    a->head = b;
    a->bytes += sizeof *b + size;
    if (a->next_size < LARGEST_BLOCK)
        a->next_size *= 2;
    return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    must(n <= SIZE_MAX / 2);
    size_t step = _Alignof(max_align_t);
    size_t rounded = (n + step - 1) / step * step;
    struct block *b = a->head;
    if (b->size - b->used < rounded)
        b = arena_grow(a, rounded);
    char *p = (char *)b->data + b->used;
    b->used += rounded;
    return memset(p, 0, rounded);
}

void *arena_memdup(struct arena *a, const void *bytes, size_t n)
{
    void *copy = arena_alloc(a, n);
    if (n > 0)
        memcpy(copy, bytes, n);
    return copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    char *copy = arena_alloc(a, n + 1);
    memcpy(copy, s, n);
    return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return s == NULL ? NULL : arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    must(n >= 0);
    char *text = arena_alloc(a, (size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return text;
}

size_t arena_bytes(const struct arena *a) { return a->bytes; }
