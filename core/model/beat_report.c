/* model/beat_report.c: a beat's report as the values of a probe. See beat.h. */
#include <string.h>

#include "base/str.h"
#include "model/beat.h"

enum { KIND, EXIT, STARTED, DURATION, LATE, NUMBERS };
enum { TEXT, LOG, WHY, TEXTS };

static const char *const number_names[NUMBERS] = {"kind", "exit", "started_us",
                                                  "duration_ns", "late_ns"};
static const char *const text_names[TEXTS] = {"text", "log", "why"};

bool beat_is_rid(const char *s)
{
    size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                         "0123456789-_.:");
    return n <= BEAT_RID && s[n] == '\0';
}

struct rlv_dict beat_report_put(const struct beat_report *b,
                                struct arena *arena)
{
    const int64_t numbers[NUMBERS] = {b->kind, b->exit, b->started_us,
                                      b->duration_ns, b->late_ns};
    const char *const texts[TEXTS] = {b->text, b->log, b->why};
    struct rlv_pair *pairs =
        arena_alloc(arena, (NUMBERS + TEXTS) * sizeof *pairs);
    for (int i = 0; i < NUMBERS; i++)
        pairs[i] = (struct rlv_pair){
            number_names[i],
            arena_printf(arena, "%lld", (long long)numbers[i])};
    for (int i = 0; i < TEXTS; i++)
        pairs[NUMBERS + i] =
            (struct rlv_pair){text_names[i], texts[i] ? texts[i] : ""};
    return (struct rlv_dict){pairs, NUMBERS + TEXTS};
}

static const char *value_of(const struct rlv_dict *values, const char *name)
{
    for (size_t i = 0; i < values->count; i++)
        if (str_eq(values->pairs[i].key, name))
            return values->pairs[i].value;
    return NULL;
}

bool beat_report_get(const struct rlv_dict *values, struct beat_report *b)
{
    int64_t numbers[NUMBERS];
    const char *texts[TEXTS];
    for (int i = 0; i < NUMBERS; i++) {
        const char *text = value_of(values, number_names[i]);
        if (text == NULL || !str_to_i64(text, &numbers[i]))
            return false;
    }
    for (int i = 0; i < TEXTS; i++)
        if ((texts[i] = value_of(values, text_names[i])) == NULL)
            return false;
    if (numbers[KIND] < BEAT_END || numbers[KIND] > BEAT_OVERDUE)
        return false;
    *b = (struct beat_report){(enum beat_kind)numbers[KIND],
                              numbers[EXIT],
                              numbers[STARTED],
                              numbers[DURATION],
                              numbers[LATE],
                              texts[TEXT],
                              texts[LOG],
                              texts[WHY]};
    return true;
}
