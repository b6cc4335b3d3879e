/* report/story.c: see story.h. */
#include "report/story.h"

#include <string.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/str.h"
#include "model/fault.h"
#include "report/json.h"

bool story_is_open(const struct story *s)
{
    return s->row.state != INCIDENT_RESOLVED;
}

void story_put_elapsed(struct buf *b, int64_t from_us, int64_t to_us)
{
    char text[HUMAN_TEXT];
    int64_t us = to_us > from_us ? to_us - from_us : 0;
    buf_adds(b, human_elapsed(us * NS_PER_US, text));
}

void story_put_lasted(struct buf *b, const struct story *s)
{
    story_put_elapsed(b, s->row.began_us,
                      story_is_open(s) ? s->now_us : s->row.resolved_us);
}

const char *story_on_and_off(const struct story *s)
{
    return s->row.reopened > 0 ? " on and off" : "";
}

void story_put_state(struct buf *b, const struct story *s)
{
    const struct incident_row *row = &s->row;
    buf_addf(b, "%s; confirmed after ", incident_state_name(row->state));
    story_put_elapsed(b, row->began_us, row->opened_us);
    if (row->reopened > 0)
        buf_addf(b, "; reopened %u time%s", row->reopened,
                 row->reopened == 1 ? "" : "s");
}

void story_put_fault(struct buf *b, const struct story *s)
{
    const struct fault_info *f = fault_info(s->row.fault);
    buf_addf(b, "%s%s%s: %s (blames the %s)", f->name,
             s->row.code[0] ? " " : "", s->row.code, f->text,
             f->blame == RLV_BLAME_SELF ? "monitor itself"
                                        : blame_name(f->blame));
}

/* ---------------------------------------------------------------- runs --- */

const struct run_row *story_diagnosis(const struct story *s)
{
    for (size_t i = s->run_count; i-- > 0;)
        if (s->runs[i].kind == RUNBOOK_DIAGNOSE)
            return &s->runs[i];
    return NULL;
}

void story_put_cause(struct buf *b, const struct story *s)
{
    const struct run_row *run = story_diagnosis(s);
    char id[ID_TEXT];
    if (s->row.cause[0] != '\0') {
        buf_adds(b, s->row.cause);
        return;
    }
    if (run == NULL) {
        buf_adds(b, "not known: no diagnosis is configured for it");
        return;
    }
    buf_addf(b, "not known: diagnosis %s (%s) ", run->runbook,
             id_text('R', run->number, id));
    if (run->state == RUN_HELD)
        buf_addf(b, "was held: %s", run->reason);
    else if (run->state != RUN_ENDED)
        buf_adds(b, "is not done yet");
    else if (run->reason[0] != '\0')
        buf_addf(b, "says nothing: %s", run->reason);
    else
        buf_adds(b, "found none");
}

static bool is_outdated(const struct story *s, size_t at)
{
    for (size_t i = at + 1; i < s->run_count; i++)
        if (str_eq(s->runs[i].runbook, s->runs[at].runbook) &&
            s->runs[i].findings[0] != '\0')
            return true;
    return false;
}

bool story_run_tells(const struct story *s, size_t run)
{
    return s->runs[run].kind != RUNBOOK_NOTIFY &&
           s->runs[run].findings[0] != '\0' && !is_outdated(s, run);
}

const char *story_run_result(const struct run_row *run)
{
    return run->state == RUN_ENDED ? verdict_name(run->verdict)
                                   : run_state_name(run->state);
}

void story_put_remark(struct buf *b, const json_t *o)
{
    const char *type = report_member(o, "t");
    const char *reason = report_member(o, "reason");
    const char *unit = report_member(o, "unit");
    const json_t *number =
        json_object_get(o, str_eq(type, "metric") ? "value" : "confidence");
    if (str_eq(type, "verdict"))
        buf_addf(b, "verdict %s", report_member(o, "class"));
    else if (str_eq(type, "recommend"))
        buf_addf(b, "recommends runbook %s%s%s", report_member(o, "runbook"),
                 reason[0] ? ": " : "", reason);
    else if (str_eq(type, "metric"))
        buf_addf(b, "%s %g%s%s", report_member(o, "name"),
                 json_number_value(number), unit[0] ? " " : "", unit);
    else if (str_eq(type, "artifact"))
        buf_addf(b, "left %s", report_member(o, "path"));
    if (str_eq(type, "verdict") && json_is_number(number))
        buf_addf(b, " (%.0f %%)", 100 * json_number_value(number));
}

void story_put_phases(struct buf *b, const struct result *r)
{
    char spent[HUMAN_TEXT];
    const char *comma = "";
    for (size_t i = 0; i < RLV_PH_COUNT; i++) {
        if (r->phases_ns[i] == RESULT_NO_PHASE)
            continue;
        buf_addf(b, "%s%s %s", comma, phase_names[i],
                 human_duration(r->phases_ns[i], spent));
        comma = ", ";
    }
}
