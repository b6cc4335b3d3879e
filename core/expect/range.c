/* expect/range.c: see range.h. */
#include "expect/range.h"

#include <math.h>
#include <string.h>

#include "base/str.h"

enum { LONGEST = 63 }; /* bytes of a number; those of ours take 24 */

static size_t count_digits(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && text[i] >= '0' && text[i] <= '9')
        i++;
    return i;
}

static size_t sign_at(const char *text, size_t n)
{
    return n > 0 && (text[0] == '+' || text[0] == '-') ? 1 : 0;
}

/* "e-5" at the beginning; 0: no exponent. */
static size_t exponent_at(const char *text, size_t n)
{
    if (n == 0 || (text[0] != 'e' && text[0] != 'E'))
        return 0;
    size_t sign = sign_at(text + 1, n - 1);
    size_t digits = count_digits(text + 1 + sign, n - 1 - sign);
    return digits == 0 ? 0 : 1 + sign + digits;
}

size_t nagios_number(const char *text, size_t n, double *value)
{
    char copy[LONGEST + 1];
    size_t i = sign_at(text, n);
    size_t digits = count_digits(text + i, n - i);
    i += digits;
    if (i < n && text[i] == '.') {
        size_t more = count_digits(text + i + 1, n - i - 1);
        digits += more;
        i += 1 + more;
    }
    if (digits == 0)
        return 0;
    i += exponent_at(text + i, n - i);
    if (i > LONGEST)
        return 0;
    memcpy(copy, text, i);
    copy[i] = '\0';
    return str_to_double(copy, value) ? i : 0;
}

/* A number, or nothing at all, which is `otherwise`. */
static bool read_end(const char *text, size_t n, double otherwise, double *end)
{
    *end = otherwise;
    return n == 0 || nagios_number(text, n, end) == n;
}

bool nagios_range_parse(const char *text, size_t n, struct nagios_range *r)
{
    *r = (struct nagios_range){.high = INFINITY};
    if (n > 0 && text[0] == '@') {
        r->inside = true;
        text++;
        n--;
    }
    const char *colon = n == 0 ? NULL : memchr(text, ':', n);
    if (colon == NULL) {
        r->plain = !r->inside;
        return n > 0 && nagios_number(text, n, &r->high) == n && r->high >= 0;
    }
    size_t first = (size_t)(colon - text);
    bool open = first == 1 && text[0] == '~';
    if (open)
        r->low = -INFINITY;
    else if (!read_end(text, first, 0, &r->low))
        return false;
    return n > 1 && read_end(colon + 1, n - first - 1, INFINITY, &r->high) &&
           r->low <= r->high;
}

bool nagios_range_alerts(const struct nagios_range *r, double value)
{
    bool within = value >= r->low && value <= r->high;
    return within == r->inside;
}
