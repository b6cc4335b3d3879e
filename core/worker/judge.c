/* worker/judge.c: see judge.h.
 *
 * Expectations decide whether a result is good; what the peer answered decides
 * what the fault is called. A plugin that could not observe has said why: then
 * nothing is judged. */
#include "worker/judge.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "model/fault.h"
#include "expect/expect.h"

enum { SHOWN_LINES = 2 }; /* false lines in a message; more are counted */

struct judging {
    struct rlv_probe *probe;
    const struct plugin *plugin;
    struct rlv_value duration;
    struct rlv_value phases[RLV_PH_COUNT];
    struct expect_input input;
    bool trace;
    size_t false_expects, false_warns, errors;
    bool only_durations; /* all false lines of the sort that counts */
    const char *error;   /* the first that could not be judged: why */
};

static struct expect_cache *cache;
static struct buf text; /* work space */

void judge_open(void) { cache = expect_cache_new(); }

void judge_close(void)
{
    expect_cache_free(cache);
    buf_free(&text);
}

/* --------------------------------------------------------------- input --- */

static const struct rlv_value *phase_value(const struct judging *j,
                                           const char *key)
{
    for (int i = 0; i < RLV_PH_COUNT; i++)
        if (str_eq(phase_names[i], key))
            return j->phases[i].type != 0 ? &j->phases[i] : NULL;
    return NULL;
}

static const struct rlv_value *keyed_value(const struct judging *j,
                                           unsigned field, const char *key)
{
    bool nocase = (j->plugin->catalog->fields[field].flags & RLV_NOCASE) != 0;
    for (const struct keyed *k = j->probe->keyed; k != NULL; k = k->next)
        if (k->field == field &&
            (nocase ? strcasecmp(k->key, key) : strcmp(k->key, key)) == 0)
            return &k->value;
    return NULL;
}

static const struct rlv_value *get(const void *arg, unsigned field,
                                   const char *key)
{
    const struct judging *j = arg;
    int number = (int)field;
    if (number == j->plugin->latency || number == j->plugin->duration)
        return &j->duration;
    if (number == j->plugin->phase)
        return key == NULL ? NULL : phase_value(j, key);
    if (key != NULL)
        return keyed_value(j, field, key);
    const struct rlv_value *v = &j->probe->plain[field];
    return v->type != 0 ? v : NULL;
}

static void begin(struct judging *j, struct rlv_probe *p)
{
    const struct result *r = p->result;
    j->probe = p;
    j->plugin = p->check->plugin;
    j->trace = (p->ask.flags & PROBE_TRACE) != 0;
    j->duration = rlv_duration(r->duration_ns);
    for (int i = 0; i < RLV_PH_COUNT; i++)
        if (r->phases_ns[i] != RESULT_NO_PHASE)
            j->phases[i] = rlv_duration(r->phases_ns[i]);
    j->input =
        (struct expect_input){.get = get,
                              .arg = j,
                              .now_us = r->started_us + r->duration_ns / 1000,
                              .cache = cache};
    j->only_durations = true;
    expect_cache_clear(cache);
}

/* --------------------------------------------------------------- lines --- */

static void add_line(struct judging *j, const struct expect *e, bool holds,
                     bool warn)
{
    struct result *r = j->probe->result;
    buf_clear(&text);
    expect_explain(e, &j->input, &text);
    r->lines[r->line_count++] =
        (struct judged_line){.text = expect_text(e),
                             .values = arena_strdup(r->arena, buf_text(&text)),
                             .holds = holds,
                             .warn = warn};
}

static void judge_line(struct judging *j, const struct check_line *line,
                       bool warn)
{
    const struct expect *e = line->line->expect;
    struct err err = {0};
    if (line->is_default && !expect_is_observed(e, &j->input))
        return;
    enum expect_verdict verdict = expect_eval(e, &j->input, &err);
    if (verdict == EXPECT_FALSE) {
        size_t *count = warn ? &j->false_warns : &j->false_expects;
        ++*count;
        j->only_durations &= expect_only_durations(e);
    } else if (verdict == EXPECT_ERROR) {
        if (j->errors++ == 0)
            j->error = arena_printf(j->probe->result->arena, "%s: %s",
                                    expect_text(e), err.text);
    }
    if (verdict != EXPECT_TRUE || j->trace)
        add_line(j, e, verdict == EXPECT_TRUE, warn);
}

/* Only false lines of one sort give their name to the result. */
static bool judge_lines(struct judging *j, const struct check_line *lines,
                        size_t n, bool warn)
{
    j->only_durations = true;
    for (size_t i = 0; i < n; i++)
        judge_line(j, &lines[i], warn);
    return j->only_durations;
}

/* ------------------------------------------------------------- message --- */

static void describe(struct judging *j, bool warn, size_t count)
{
    const struct result *r = j->probe->result;
    size_t shown = 0;
    for (size_t i = 0; i < r->line_count && shown < SHOWN_LINES; i++) {
        const struct judged_line *l = &r->lines[i];
        if (l->holds || l->warn != warn)
            continue;
        buf_addf(&text, "%s%s%s", shown++ > 0 ? ", " : "",
                 warn ? "warn_unless " : "", l->text);
        if (*l->values == '(') /* "(absent)" */
            buf_addf(&text, " %s", l->values);
        else if (*l->values != '\0')
            buf_addf(&text, " (%s)", l->values);
    }
    if (count > shown)
        buf_addf(&text, " and %zu more", count - shown);
}

static void set_message(struct judging *j)
{
    char clean[PROBE_MESSAGE];
    struct result *r = j->probe->result;
    str_clean(clean, sizeof clean, buf_text(&text), text.len);
    r->message = arena_strdup(r->arena, clean);
}

/* ------------------------------------------------------------- outcome --- */

static void fail(struct judging *j, bool slow)
{
    const struct rlv_probe *p = j->probe;
    struct result *r = p->result;
    r->outcome = OUTCOME_FAIL;
    r->fault = p->hinted ? p->hint : slow ? RLV_F_SLOW : RLV_F_MISMATCH;
    if (p->hinted)
        memcpy(r->code, p->hint_code, sizeof r->code);
    buf_clear(&text);
    describe(j, false, j->false_expects);
    if (p->hinted && *p->hint_text != '\0')
        buf_addf(&text, ": %s", p->hint_text);
    set_message(j);
}

static void warn(struct judging *j, bool slow)
{
    struct result *r = j->probe->result;
    r->outcome = OUTCOME_WARN;
    r->fault = slow ? RLV_F_SLOW : RLV_F_MISMATCH;
    buf_clear(&text);
    buf_adds(&text, "degraded: ");
    describe(j, true, j->false_warns);
    set_message(j);
}

static void cannot_judge(struct judging *j)
{
    struct result *r = j->probe->result;
    r->outcome = OUTCOME_UNKNOWN;
    r->fault = RLV_F_CONFIG;
    buf_clear(&text);
    buf_adds(&text, j->error);
    set_message(j);
}

/* What is certainly false counts, even where another line cannot be judged. */
static void judge_observed(struct judging *j)
{
    const struct check *c = j->probe->check;
    struct result *r = j->probe->result;
    r->lines = arena_alloc(r->arena, (c->expect_count + c->warn_count) *
                                         sizeof *r->lines);
    bool slow = judge_lines(j, c->expects, c->expect_count, false);
    bool slowly = judge_lines(j, c->warns, c->warn_count, true);
    if (j->false_expects > 0)
        fail(j, slow);
    else if (j->errors > 0)
        cannot_judge(j);
    else if (j->false_warns > 0)
        warn(j, slowly);
    else
        r->outcome = OUTCOME_OK;
}

/* -------------------------------------------------------------- report --- */

static bool is_reported(const struct judging *j, const struct rlv_field *field,
                        bool *recorded)
{
    *recorded = (field->flags & RLV_RECORDED) != 0;
    return field->type != RLV_T_BODY && (*recorded || j->trace);
}

/* What a plugin did not measure itself is no latency when it saw no answer. */
static void report_plain(struct judging *j, size_t i)
{
    struct result *r = j->probe->result;
    const struct rlv_field *field = &j->plugin->catalog->fields[i];
    bool recorded, unseen = (int)i == j->plugin->latency && j->probe->faulted;
    if (!is_reported(j, field, &recorded) || field->type == RLV_T_MAP || unseen)
        return;
    const struct rlv_value *v = get(j, (unsigned)i, NULL);
    if (v != NULL)
        r->observations[r->observation_count++] =
            (struct observation){field->name, NULL, *v, recorded};
}

static void report_observations(struct judging *j)
{
    struct rlv_probe *p = j->probe;
    struct result *r = p->result;
    const struct catalog *c = j->plugin->catalog;
    r->observations = arena_alloc(r->arena, (c->field_count + p->keyed_count) *
                                                sizeof *r->observations);
    for (size_t i = 0; i < c->field_count; i++)
        report_plain(j, i);
    for (const struct keyed *k = p->keyed; k != NULL; k = k->next) {
        const struct rlv_field *field = &c->fields[k->field];
        bool recorded;
        if (is_reported(j, field, &recorded))
            r->observations[r->observation_count++] =
                (struct observation){field->name, k->key, k->value, recorded};
    }
}

static void report_evidence(struct judging *j)
{
    struct result *r = j->probe->result;
    if (r->outcome == OUTCOME_OK && !j->trace)
        return;
    r->evidence =
        arena_alloc(r->arena, j->probe->piece_count * sizeof *r->evidence);
    for (const struct piece *p = j->probe->pieces; p != NULL; p = p->next) {
        r->evidence[r->evidence_count++] = p->evidence;
        if (p->evidence.dropped > 0)
            r->flags |= RESULT_TRUNCATED;
    }
}

void judge(struct rlv_probe *p)
{
    struct judging j = {0};
    struct result *r = p->result;
    begin(&j, p);
    if (p->faulted)
        r->outcome = fault_info(r->fault)->blame == RLV_BLAME_SELF
                         ? OUTCOME_UNKNOWN
                         : OUTCOME_FAIL;
    else
        judge_observed(&j);
    if (p->plain != NULL)
        report_observations(&j);
    report_evidence(&j);
}
