/* expect/regex.c: see regex.h. */
#include "expect/regex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    MATCH_LIMIT = 100000, /* steps from one starting place */
    DEPTH_LIMIT = 1000,
    HEAP_LIMIT_KIB = 2048,
    FIRST_WINDOW = 16 /* starting places tried before the clock is looked at */
};
#define MOST_NS  (200 * NS_PER_MS) /* of one search; a worker may take 1 s */
#define QUICK_NS (2 * NS_PER_MS)   /* of a window, for the next to be wider */

struct regex {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *limits;
};

struct regex *regex_compile(const char *pattern, size_t n, bool nocase,
                            size_t *offset, char *why, size_t size)
{
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF |
                       PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT;
    int code;
    pcre2_code *compiled = pcre2_compile(
        (PCRE2_SPTR)pattern, n, options | (nocase ? PCRE2_CASELESS : 0), &code,
        offset, NULL);
    if (compiled == NULL) {
        pcre2_get_error_message(code, (PCRE2_UCHAR *)why, size);
        return NULL;
    }
    struct regex *r = xcalloc(1, sizeof *r);
    r->code = compiled;
    r->data = pcre2_match_data_create(1, NULL);
    r->limits = pcre2_match_context_create(NULL);
    if (r->data == NULL || r->limits == NULL)
        die("out of memory");
    pcre2_set_match_limit(r->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(r->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(r->limits, HEAP_LIMIT_KIB);
    return r;
}

void regex_free(struct regex *r)
{
    if (r == NULL)
        return;
    pcre2_match_context_free(r->limits);
    pcre2_match_data_free(r->data);
    pcre2_code_free(r->code);
    free(r);
}

static int gave_up(int code, struct err *err)
{
    PCRE2_UCHAR text[120];
    pcre2_get_error_message(code, text, sizeof text);
    err_set(err, ERR_LIMIT, 0, "the regex needs too much work on this text: %s",
            (const char *)text);
    return -1;
}

/* PCRE2 looks at all of a text before each search unless told it is UTF-8. */
static bool is_utf8(const char *s, size_t n)
{
    uint32_t codepoint;
    for (size_t i = 0, len; i < n; i += len) {
        uint64_t eight;
        if (n - i >= sizeof eight) {
            memcpy(&eight, s + i, sizeof eight);
            if ((eight & 0x8080808080808080u) == 0) {
                len = sizeof eight;
                continue;
            }
        }
        len = str_utf8(s + i, n - i, &codepoint);
        if (len == 0)
            return false;
    }
    return true;
}

/* The next place to start from, not inside a character. */
static size_t window_end(const char *s, size_t n, size_t from, size_t window)
{
    if (n - from <= window)
        return n;
    size_t to = from + window;
    while (to < n && (s[to] & 0xc0) == 0x80)
        to++;
    return to;
}

/* The step limit holds for each starting place anew, and a step may run over
 * all of the text: [a-z]+[0-9] over 1 MiB of letters would take minutes. So
 * the starting places are tried in windows, the clock is looked at between
 * them, and they widen as long as they are quick. */
int regex_match(const struct regex *r, const char *s, size_t n, struct err *err)
{
    size_t from = 0, window = FIRST_WINDOW;
    int64_t start_ns = 0, last_ns = 0;
    uint32_t options =
        n > FIRST_WINDOW && is_utf8(s, n) ? PCRE2_NO_UTF_CHECK : 0;
    for (;;) {
        size_t to = window_end(s, n, from, window);
        pcre2_set_offset_limit(r->limits, to == n ? PCRE2_UNSET : to - 1);
        int code = pcre2_match(r->code, (PCRE2_SPTR)(n > 0 ? s : ""), n, from,
                               options, r->data, r->limits);
        if (code >= 0)
            return 1;
        if (code != PCRE2_ERROR_NOMATCH)
            return gave_up(code, err);
        if (to == n)
            return 0;
        int64_t now_ns = clock_mono_ns();
        if (start_ns == 0)
            start_ns = last_ns = now_ns;
        if (now_ns - start_ns > MOST_NS) {
            err_set(err, ERR_LIMIT, 0,
                    "the regex needs too much work on this text: stopped "
                    "after %zu of %zu bytes",
                    to, n);
            return -1;
        }
        if (now_ns - last_ns < QUICK_NS)
            window *= 4;
        last_ns = now_ns;
        from = to;
    }
}
