/* websocket/watchful.c: gaps, age and sequence of the messages of one
 * connection.
 *
 * Pure but for the wall clock, which an age is measured against. Called by
 * link.c for each message. */
#include "websocket/websocket.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define S_NS 1000000000ll

void watchful_begin(struct watchful *w, int64_t now)
{
    *w = (struct watchful){.last_ns = now};
}

void watchful_end(struct watchful *w, int64_t now)
{
    if (w->last_ns && now - w->last_ns > w->gap_ns)
        w->gap_ns = now - w->last_ns;
}

/* ----------------------------------------------------------------- time -- */

/* Up to nanoseconds; *text is moved past the digits. */
static int64_t read_fraction(const char **text)
{
    int64_t ns = 0, unit = S_NS / 10;
    if (**text != '.' && **text != ',')
        return 0;
    for (++*text; **text >= '0' && **text <= '9'; ++*text, unit /= 10)
        ns += (**text - '0') * unit;
    return ns;
}

/* Z, +02:00, -0330. */
static bool read_offset(const char *text, int64_t *seconds)
{
    int hours, minutes;
    *seconds = 0;
    if (!strcmp(text, "Z") || !strcmp(text, "z"))
        return true;
    if ((*text != '+' && *text != '-') ||
        (sscanf(text + 1, "%2d:%2d", &hours, &minutes) != 2 &&
         sscanf(text + 1, "%2d%2d", &hours, &minutes) != 2))
        return false;
    *seconds = (*text == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

static bool read_rfc3339(const char *text, int64_t *ns)
{
    struct tm tm = {0};
    int64_t offset;
    const char *rest = strptime(text, "%Y-%m-%d", &tm);
    if (!rest || (*rest != 'T' && *rest != 't' && *rest != ' '))
        return false;
    rest = strptime(rest + 1, "%H:%M:%S", &tm);
    if (!rest)
        return false;
    int64_t fraction = read_fraction(&rest);
    if (!read_offset(rest, &offset))
        return false;
    int64_t s = (int64_t)timegm(&tm) - offset;
    if (s < 0 || s >= INT64_MAX / S_NS) /* until 2262 */
        return false;
    *ns = s * S_NS + fraction;
    return true;
}

/* Which unit a number is in, its size tells: each of these covers 1973 to
 * 2262. */
static bool read_number(double number, int64_t *ns)
{
    double unit = number < 1e11   ? 1e9
                  : number < 1e14 ? 1e6
                  : number < 1e17 ? 1e3
                                  : 1;
    if (number < 0 || number * unit > 9.2e18)
        return false;
    *ns = (int64_t)(number * unit);
    return true;
}

bool watchful_time(const json_t *value, int64_t *ns)
{
    if (json_is_string(value))
        return read_rfc3339(json_string_value(value), ns);
    return json_is_number(value) && read_number(json_number_value(value), ns);
}

/* -------------------------------------------------------------- messages - */

static void see_age(struct watchful *w, const json_t *value)
{
    struct timespec now;
    int64_t made;
    if (!value || !watchful_time(value, &made))
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age = (int64_t)now.tv_sec * S_NS + now.tv_nsec - made;
    if (!w->aged || age > w->age_ns)
        w->age_ns = age;
    w->aged = true;
}

static void see_number(struct watchful *w, const json_t *value)
{
    if (!json_is_integer(value))
        return;
    int64_t number = json_integer_value(value), missing;
    if (w->numbered && number <= w->number)
        w->disordered++;
    else if (w->numbered &&
             (__builtin_sub_overflow(number, w->number + 1, &missing) ||
              __builtin_add_overflow(w->missing, missing, &w->missing)))
        w->missing = INT64_MAX;
    w->number = number;
    w->numbered = true;
}

void watchful_message(struct watchful *w, const struct websocket_conf *conf,
                      const struct message *message)
{
    watchful_end(w, message->at_ns);
    w->last_ns = message->at_ns;
    if (!conf->sequence && !conf->timestamp)
        return;
    json_t *root =
        json_loadb(message->bytes, message->len, JSON_DECODE_ANY, NULL);
    if (!root)
        return;
    if (conf->sequence)
        see_number(w, path_get(conf->sequence, root));
    if (conf->timestamp)
        see_age(w, path_get(conf->timestamp, root));
    json_decref(root);
}
