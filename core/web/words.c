/* web/words.c: see words.h. */
#include "web/words.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/str.h"

static const char *const words[WORD_COUNT][LANGUAGE_COUNT] = {
#define X(NAME, english, spanish) [W_##NAME] = {english, spanish},
    WORDS(X)
#undef X
};

/* An empty text would be a sentence that nobody has translated. */
#define X(NAME, english, spanish)                              \
    _Static_assert(sizeof(english) > 1 && sizeof(spanish) > 1, \
                   #NAME " has no words in one of the languages");
WORDS(X)
#undef X

static const char *const tags[LANGUAGE_COUNT] = {"en", "es"};

const char *word_in(enum language l, enum word w) { return words[w][l]; }

const char *language_tag(enum language l) { return tags[l]; }

static bool tag_is(const char *tag, size_t n, enum language *out)
{
    for (unsigned i = 0; i < LANGUAGE_COUNT; i++)
        if (n >= 2 && strncasecmp(tag, tags[i], 2) == 0 &&
            (n == 2 || tag[2] == '-')) {
            *out = (enum language)i;
            return true;
        }
    return false;
}

bool language_parse(const char *tag, enum language *out)
{
    return tag != NULL && tag_is(tag, strlen(tag), out);
}

/* Of "es-AR;q=0.8": thousandths (RFC 9110, 12.4.2), 1000 where none is given.
 */
static int weight(const char *item, size_t n)
{
    size_t i = 0;
    while (i + 2 < n && strncasecmp(item + i, "q=", 2) != 0)
        i++;
    if (i + 2 >= n)
        return 1000;
    int thousandths = item[i + 2] == '1' ? 1000 : 0, unit = 100;
    for (i += 4; i < n && isdigit((unsigned char)item[i]); i++, unit /= 10)
        thousandths += (item[i] - '0') * unit;
    return thousandths;
}

enum language language_for(const char *query, const char *accept)
{
    enum language best = ENGLISH, one;
    int most = 0;
    if (language_parse(query, &best) || accept == NULL)
        return best;
    while (*accept != '\0') {
        size_t n = strcspn(accept, ",");
        size_t blank = strspn(accept, " \t");
        if (blank < n) {
            size_t tag = strcspn(accept + blank, ",; \t");
            int q = weight(accept, n);
            if (q > most && tag_is(accept + blank, tag, &one)) {
                best = one;
                most = q;
            }
        }
        accept += n + (accept[n] == ',');
    }
    return best;
}

enum word word_of_state(enum check_state state)
{
    static const enum word of[STATE_COUNT] = {
        [STATE_PENDING] = W_STATE_PENDING,
        [STATE_UP] = W_STATE_UP,
        [STATE_DEGRADED] = W_STATE_DEGRADED,
        [STATE_SUSPECT] = W_STATE_SUSPECT,
        [STATE_DOWN] = W_STATE_DOWN,
        [STATE_IMPACTED] = W_STATE_IMPACTED,
        [STATE_UNKNOWN] = W_STATE_UNKNOWN,
        [STATE_PAUSED] = W_STATE_PAUSED,
    };
    return of[state];
}

enum word word_of_outcome(enum outcome outcome)
{
    static const enum word of[OUTCOME_COUNT] = {
        [OUTCOME_OK] = W_OUTCOME_OK,
        [OUTCOME_WARN] = W_OUTCOME_WARN,
        [OUTCOME_FAIL] = W_OUTCOME_FAIL,
        [OUTCOME_UNKNOWN] = W_OUTCOME_UNKNOWN,
    };
    return of[outcome];
}

enum word word_of_incident(enum incident_state state)
{
    return state == INCIDENT_RESOLVED       ? W_INCIDENT_RESOLVED
           : state == INCIDENT_ACKNOWLEDGED ? W_INCIDENT_ACKNOWLEDGED
                                            : W_INCIDENT_OPEN;
}

enum word word_of_error(unsigned status)
{
    switch (status) {
    case 400: return W_ERROR_400;
    case 401: return W_ERROR_401;
    case 403: return W_ERROR_403;
    case 404: return W_ERROR_404;
    case 405: return W_ERROR_405;
    case 500: return W_ERROR_500;
    case 503: return W_ERROR_503;
    default: return W_ERROR_OTHER;
    }
}
