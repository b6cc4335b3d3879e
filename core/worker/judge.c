/* worker/judge.c: see judge.h.
 *
 * Expectations decide whether a result is good; what the peer answered decides
 * what the fault is called. A plugin that could not observe has said why: then
 * nothing is judged.
 *
 * A derived check is judged over the same observations and what its source
 * recorded out of them. An answer that does not speak of it (an error page in
 * place of the JSON) says nothing about it: that is unknown, not failed.
 *
 * A check that must fail (`expect_fault`) is good when its fault is one of
 * those: what the plugin could not get past, or what its answer hints at. No
 * line is judged. */
#include "worker/judge.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/human.h"
#include "base/str.h"
#include "model/fault.h"
#include "expect/expect.h"
#include "worker/judging.h"
#include "worker/tell.h"

/* Of a timing that is ours: a fourth. */
enum { STALLED_PART = 4 };
enum { SHOWN_LINES = 2 }; /* false lines in a message; more are counted */

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

const struct rlv_value *judging_get(const void *arg, unsigned field,
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
    size_t observed = j->plugin->catalog->field_count;
    const struct rlv_value *v = field < observed
                                    ? &j->probe->plain[field]
                                    : &j->recorded[field - observed];
    return v->type != 0 ? v : NULL;
}

static void begin(struct judging *j, struct rlv_probe *p)
{
    const struct result *r = p->result;
    j->probe = p;
    j->check = p->check;
    j->result = p->result;
    j->plugin = p->check->plugin;
    j->trace = (p->ask.flags & PROBE_TRACE) != 0;
    j->duration = rlv_duration(r->duration_ns);
    for (int i = 0; i < RLV_PH_COUNT; i++)
        if (r->phases_ns[i] != RESULT_NO_PHASE)
            j->phases[i] = rlv_duration(r->phases_ns[i]);
    j->input =
        (struct expect_input){.get = judging_get,
                              .arg = j,
                              .now_us = r->started_us + r->duration_ns / 1000,
                              .cache = cache};
    j->only_durations = true;
    expect_cache_clear(cache);
}

/* ------------------------------------------------------------- records --- */

static void cannot(struct judging *j, const char *error)
{
    if (j->errors++ == 0)
        j->error = error;
}

/* Recorded by this very check: what its source recorded is there already. */
static void record(struct judging *j)
{
    const struct names *names = j->check->names;
    struct arena *arena = j->result->arena;
    const struct rlv_field *fields = names->scope.fields + names->observed;
    for (size_t i = 0; i < names->record_count; i++) {
        size_t at = names->inherited + i;
        struct err err = {0};
        if (expect_yield(names->records[i], &j->input, arena, &j->recorded[at],
                         &err))
            continue;
        j->recorded[at].type = 0;
        if (err.text[0] == '\0')
            continue;
        j->unrecorded[at] =
            arena_printf(arena, "record %s: %s", fields[at].name, err.text);
        cannot(j, j->unrecorded[at]);
    }
}

/* Room for what this check records, after what its source has. */
static void make_room(struct judging *j)
{
    const struct names *names = j->check->names;
    size_t n = judging_recorded_count(names), have = names->inherited;
    struct arena *arena = j->result->arena;
    struct rlv_value *values = arena_alloc(arena, n * sizeof *values);
    const char **errors = arena_alloc(arena, n * sizeof *errors);
    if (have > 0) {
        memcpy(values, j->recorded, have * sizeof *values);
        memcpy(errors, j->unrecorded, have * sizeof *errors);
    }
    j->recorded = values;
    j->unrecorded = errors;
}

/* --------------------------------------------------------------- lines --- */

static void add_line(struct judging *j, const struct expect *e, bool holds,
                     bool warn)
{
    struct result *r = j->result;
    buf_clear(&text);
    expect_explain(e, &j->input, &text);
    r->lines[r->line_count++] =
        (struct judged_line){.text = expect_text(e),
                             .values = arena_strdup(r->arena, buf_text(&text)),
                             .holds = holds,
                             .warn = warn};
}

/* A recorded value that it reads could not be had: why; NULL: none such. */
static const char *unreadable(const struct judging *j, const struct expect *e)
{
    unsigned field;
    const char *key;
    size_t observed = j->plugin->catalog->field_count;
    for (size_t i = 0; expect_read_at(e, i, &field, &key); i++)
        if (field >= observed && j->unrecorded[field - observed] != NULL)
            return j->unrecorded[field - observed];
    return NULL;
}

/* "db" or "json('.db')", for the message. */
static const char *first_absent(const struct judging *j, const struct expect *e)
{
    unsigned field;
    const char *key;
    for (size_t i = 0; expect_read_at(e, i, &field, &key); i++)
        if (judging_get(j, field, key) == NULL)
            return j->check->names->scope.fields[field].name;
    return expect_text(e);
}

static void count_false(struct judging *j, const struct expect *e, bool warn)
{
    bool unsaid = j->check->source != NULL && expect_is_undecided(e, &j->input);
    const char *error = unsaid ? unreadable(j, e) : NULL;
    if (error != NULL) {
        cannot(j, error);
        return;
    }
    if (unsaid && j->unsaid == NULL)
        j->unsaid = first_absent(j, e);
    if (unsaid)
        *(warn ? &j->unsaid_warns : &j->unsaid_expects) += 1;
    else
        *(warn ? &j->false_warns : &j->false_expects) += 1;
    if (!unsaid || warn)
        j->only_durations &= expect_only_durations(e);
}

static void judge_line(struct judging *j, const struct check_line *line,
                       bool warn)
{
    const struct expect *e = line->line->expect;
    struct err err = {0};
    if (line->is_default && !expect_is_observed(e, &j->input))
        return;
    enum expect_verdict verdict = expect_eval(e, &j->input, &err);
    if (verdict == EXPECT_FALSE)
        count_false(j, e, warn);
    else if (verdict == EXPECT_ERROR)
        cannot(j, arena_printf(j->result->arena, "%s: %s", expect_text(e),
                               err.text));
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
    const struct result *r = j->result;
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
    struct result *r = j->result;
    str_clean(clean, sizeof clean, buf_text(&text), text.len);
    r->message = arena_strdup(r->arena, clean);
}

/* ------------------------------------------------------------- outcome --- */

static void fail(struct judging *j, bool slow)
{
    const struct rlv_probe *p = j->probe;
    struct result *r = j->result;
    r->outcome = OUTCOME_FAIL;
    r->fault = p->hinted ? p->hint : slow ? RLV_F_SLOW : RLV_F_MISMATCH;
    if (p->hinted)
        memcpy(r->code, p->hint_code, sizeof r->code);
    buf_clear(&text);
    describe(j, false, j->false_expects + j->unsaid_expects);
    if (p->hinted && *p->hint_text != '\0')
        buf_addf(&text, ": %s", p->hint_text);
    set_message(j);
}

static void warn(struct judging *j, bool slow)
{
    struct result *r = j->result;
    r->outcome = OUTCOME_WARN;
    r->fault = slow ? RLV_F_SLOW : RLV_F_MISMATCH;
    buf_clear(&text);
    buf_adds(&text, "degraded: ");
    describe(j, true, j->false_warns + j->unsaid_warns);
    if (j->probe->says != NULL && *j->probe->says != '\0')
        buf_addf(&text, ": %s", j->probe->says);
    set_message(j);
}

static void PRINTF(3, 4)
    unknown(struct judging *j, enum rlv_fault fault, const char *fmt, ...)
{
    va_list ap;
    j->result->outcome = OUTCOME_UNKNOWN;
    j->result->fault = fault;
    buf_clear(&text);
    va_start(ap, fmt);
    buf_addv(&text, fmt, ap);
    va_end(ap);
    set_message(j);
}

/* What it took was to a good part our own standstill: that says nothing about
 * the target. */
static bool is_ours(const struct judging *j)
{
    const struct result *r = j->result;
    bool timing = r->fault == RLV_F_TIMEOUT ||
                  r->fault == RLV_F_CONNECT_TIMEOUT || r->fault == RLV_F_SLOW;
    return timing && !j->probe->reported && r->outcome != OUTCOME_OK &&
           j->probe->stalled_ns * STALLED_PART >= r->duration_ns;
}

static void excuse(struct judging *j)
{
    struct result *r = j->result;
    char stalled[HUMAN_TEXT];
    if (!is_ours(j))
        return;
    r->code[0] = '\0';
    r->sys_errno = 0;
    unknown(j, RLV_F_CANCELLED, "the monitor stood still for %s meanwhile: %s",
            human_elapsed(j->probe->stalled_ns, stalled), r->message);
}

/* Of a derived check. Where it expects nothing, its warnings speak for it. */
static bool is_unsaid(const struct judging *j)
{
    return j->unsaid_expects > 0 ||
           (j->unsaid_warns > 0 && j->check->expect_count == 0);
}

/* What is certainly false counts, even where another line cannot be judged. */
static void judge_observed(struct judging *j)
{
    const struct check *c = j->check;
    struct result *r = j->result;
    r->lines = arena_alloc(r->arena, (c->expect_count + c->warn_count) *
                                         sizeof *r->lines);
    bool slow = judge_lines(j, c->expects, c->expect_count, false);
    bool slowly = judge_lines(j, c->warns, c->warn_count, true);
    if (j->false_expects > 0)
        fail(j, slow);
    else if (j->errors > 0)
        unknown(j, RLV_F_CONFIG, "%s", j->error);
    else if (is_unsaid(j))
        unknown(j, RLV_F_CANCELLED, "%s said nothing about %s", c->source_name,
                j->unsaid);
    else if (j->false_warns + j->unsaid_warns > 0)
        warn(j, slowly);
    else
        r->outcome = OUTCOME_OK;
}

/* -------------------------------------------------------- expect_fault --- */

/* What an answer hints at is as good as a failure. */
static void take_answer(struct judging *j)
{
    const struct rlv_probe *p = j->probe;
    struct result *r = j->result;
    r->outcome = OUTCOME_FAIL;
    r->fault = p->hinted ? p->hint : RLV_F_MISMATCH;
    if (p->hinted) {
        memcpy(r->code, p->hint_code, sizeof r->code);
        r->message = p->hint_text;
    }
}

/* In a result that is good, it is told to who watches only. */
static void take_as_good(struct judging *j)
{
    struct result *r = j->result;
    buf_clear(&text);
    if (j->trace)
        buf_addf(&text, "%s, as expected: %s", fault_name(r->fault),
                 r->message);
    set_message(j);
    r->outcome = OUTCOME_OK;
    r->fault = RLV_F_NONE;
    r->code[0] = '\0';
    r->sys_errno = 0;
}

static void judge_must_fail(struct judging *j)
{
    struct result *r = j->result;
    bool answered = !j->probe->faulted;
    if (answered)
        take_answer(j);
    excuse(j);
    if (r->outcome != OUTCOME_FAIL)
        return;
    if (fault_set_has(&j->check->wanted_faults, r->fault)) {
        take_as_good(j);
        return;
    }
    buf_clear(&text);
    buf_addf(&text, "expected %s, ", j->check->must_fail);
    if (answered)
        buf_adds(&text, "but the target answered");
    else
        buf_addf(&text, "not %s", fault_name(r->fault));
    buf_addf(&text, "%s%s", *r->message == '\0' ? "" : ": ", r->message);
    set_message(j);
}

/* ------------------------------------------------------------- derived --- */

/* A result of its own, of the same probe; nothing of the source's judgement. */
static void begin_derived(struct judging *j, const struct judging *source,
                          const struct check *c)
{
    *j = *source;
    j->check = c;
    j->input.arg = j;
    j->errors = 0;
    j->error = NULL;
    j->result = arena_alloc(source->result->arena, sizeof *j->result);
    *j->result = *source->result;
    j->result->check = c->id;
    j->result->fault = RLV_F_NONE;
    j->result->code[0] = '\0';
    j->result->sys_errno = 0;
    j->result->message = "";
}

static void judge_recorded(struct judging *j)
{
    if (judging_recorded_count(j->check->names) > j->check->names->inherited) {
        make_room(j);
        record(j);
    }
    judge_observed(j);
}

static void judge_derived(const struct judging *source, const struct check *c)
{
    struct judging j;
    begin_derived(&j, source, c);
    if (c->broken != NULL) {
        unknown(&j, RLV_F_CONFIG, "%s", c->broken);
    } else if (source->probe->faulted) {
        unknown(&j, RLV_F_CANCELLED, "%s was not observed: %s", c->source_name,
                source->result->message);
    } else {
        judge_recorded(&j);
        excuse(&j);
        judging_report_observations(&j);
        judging_report_evidence(&j);
    }
    tell_result(j.result);
}

bool judge_is_well(struct rlv_probe *p)
{
    const struct check *c = p->check;
    struct judging j = {0}, derived;
    struct result so_far = *p->result;
    if (p->faulted || c->must_fail != NULL) /* it is decided by this one */
        return false;
    so_far.duration_ns = clock_mono_ns() - so_far.started_ns;
    begin(&j, p);
    j.result = &so_far;
    j.duration = rlv_duration(so_far.duration_ns);
    if (judging_recorded_count(c->names) > 0) {
        make_room(&j);
        record(&j);
    }
    for (size_t i = 0; i < c->derived_count; i++) {
        begin_derived(&derived, &j, c->derived[i]);
        if (c->derived[i]->broken != NULL)
            continue;
        judge_recorded(&derived);
        if (derived.result->outcome != OUTCOME_OK)
            return false;
    }
    judge_observed(&j);
    return so_far.outcome == OUTCOME_OK;
}

void judge(struct rlv_probe *p)
{
    struct judging j = {0};
    struct result *r = p->result;
    const struct check *c = p->check;
    begin(&j, p);
    if (!p->faulted && judging_recorded_count(c->names) > 0) {
        make_room(&j);
        record(&j);
    }
    for (size_t i = 0; i < c->derived_count; i++)
        judge_derived(&j, c->derived[i]);
    if (p->faulted)
        r->outcome = fault_info(r->fault)->blame == RLV_BLAME_SELF
                         ? OUTCOME_UNKNOWN
                         : OUTCOME_FAIL;
    else if (c->must_fail == NULL)
        judge_observed(&j);
    if (c->must_fail != NULL)
        judge_must_fail(&j);
    else
        excuse(&j);
    if (p->plain != NULL)
        judging_report_observations(&j);
    judging_report_evidence(&j);
    tell_result(r);
}
