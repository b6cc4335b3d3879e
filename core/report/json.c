/* report/json.c: see json.h. */
#include "report/json.h"

#include <string.h>

#include "base/str.h"
#include "model/fault.h"

json_t *report_text(const char *s, size_t n)
{
    struct buf clean = {0};
    str_to_utf8(&clean, s, n);
    json_t *text = json_stringn(buf_text(&clean), clean.len);
    buf_free(&clean);
    return text;
}

const char *report_member(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));
    return text == NULL ? "" : text;
}

static json_t *text_of(const char *s)
{
    return report_text(s == NULL ? "" : s, s == NULL ? 0 : strlen(s));
}

json_t *report_words(const char *words)
{
    json_t *all = json_array();
    for (const char *at = words + strspn(words, " "); *at != '\0';) {
        size_t n = strcspn(at, " ");
        json_array_append_new(all, report_text(at, n));
        at += n + strspn(at + n, " ");
    }
    return all;
}

json_t *report_time(int64_t wall_us)
{
    char text[CLOCK_TEXT];
    return wall_us == 0 ? json_null()
                        : json_string(clock_format(wall_us, text));
}

json_t *report_pause_end(const struct state_row *state)
{
    bool ends = state->state == STATE_PAUSED && state->until_us > 0;
    return report_time(ends ? state->until_us : 0);
}

/* Microseconds are all that is meant: 1.234, not 1.2340000000000001. */
json_t *report_ms(int64_t ns)
{
    int64_t us = ns / NS_PER_US;
    if (us % 1000 == 0)
        return json_integer(us / 1000);
    return json_real((double)us / 1000.0);
}

static json_t *value_json(const struct rlv_value *v)
{
    switch (v->type) {
    case RLV_T_BOOL: return json_boolean(v->as.i != 0);
    case RLV_T_DURATION: return report_ms(v->as.i);
    case RLV_T_TIME: return report_time(v->as.i);
    case RLV_T_REAL:
    case RLV_T_PERCENT: return json_real(v->as.d);
    case RLV_T_TEXT:
    case RLV_T_BODY: return report_text(v->as.s, v->len);
    default: return json_integer(v->as.i);
    }
}

static json_t *phases_json(const struct result *r)
{
    json_t *phases = json_object();
    for (int i = 0; i < RLV_PH_COUNT; i++) {
        if (r->phases_ns[i] == RESULT_NO_PHASE)
            continue;
        char name[32];
        snprintf(name, sizeof name, "%s_ms", phase_names[i]);
        json_object_set_new(phases, name, report_ms(r->phases_ns[i]));
    }
    return phases;
}

static json_t *observations_json(const struct result *r)
{
    json_t *all = json_object();
    for (size_t i = 0; i < r->observation_count; i++) {
        const struct observation *o = &r->observations[i];
        if (o->key == NULL) {
            json_object_set_new(all, o->name, value_json(&o->value));
            continue;
        }
        json_t *map = json_object_get(all, o->name);
        if (!json_is_object(map)) {
            map = json_object();
            json_object_set_new(all, o->name, map);
        }
        json_t *key = text_of(o->key);
        json_object_set_new(map, json_string_value(key), value_json(&o->value));
        json_decref(key);
    }
    return all;
}

/* What the plain numbers of observations are counted in, where that is not
 * said by the field's own unit: durations and sizes. */
static json_t *units_json(const struct result *r)
{
    json_t *units = json_object();
    for (size_t i = 0; i < r->observation_count; i++) {
        const struct observation *o = &r->observations[i];
        const char *unit = o->value.type == RLV_T_DURATION  ? "ms"
                           : o->value.type == RLV_T_SIZE    ? "B"
                           : o->value.type == RLV_T_PERCENT ? "%"
                                                            : NULL;
        if (unit != NULL && o->key == NULL)
            json_object_set_new(units, o->name, json_string(unit));
    }
    return units;
}

static json_t *lines_json(const struct result *r)
{
    json_t *lines = json_array();
    for (size_t i = 0; i < r->line_count; i++) {
        const struct judged_line *l = &r->lines[i];
        json_t *line = json_object();
        json_object_set_new(line, "line", text_of(l->text));
        json_object_set_new(line, "true", json_boolean(l->holds));
        json_object_set_new(line, "values", text_of(l->values));
        if (l->warn)
            json_object_set_new(line, "warn", json_true());
        json_array_append_new(lines, line);
    }
    return lines;
}

static json_t *evidence_json(const struct result *r)
{
    json_t *all = json_array();
    for (size_t i = 0; i < r->evidence_count; i++) {
        const struct evidence *e = &r->evidence[i];
        json_t *one = json_object();
        json_object_set_new(one, "label", text_of(e->label));
        json_object_set_new(one, "text", report_text(e->bytes, e->len));
        if (e->dropped > 0)
            json_object_set_new(one, "dropped",
                                json_integer((json_int_t)e->dropped));
        json_array_append_new(all, one);
    }
    return all;
}

static json_t *flags_json(unsigned flags)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {{RESULT_LATE, "late"},
                 {RESULT_DISTURBED, "disturbed"},
                 {RESULT_RETRIED, "retried"},
                 {RESULT_TRUNCATED, "truncated"}};
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (flags & names[i].bit)
            json_array_append_new(list, json_string(names[i].name));
    return list;
}

json_t *report_result(const struct result *r, const char *check)
{
    json_t *o = json_object();
    json_object_set_new(o, "check", text_of(check));
    json_object_set_new(o, "at", report_time(r->started_us));
    json_object_set_new(o, "outcome", json_string(outcome_name(r->outcome)));
    json_object_set_new(o, "fault", json_string(fault_name(r->fault)));
    json_object_set_new(o, "code", text_of(r->code));
    json_object_set_new(o, "errno", json_integer(r->sys_errno));
    json_object_set_new(o, "message", text_of(r->message));
    json_object_set_new(o, "duration_ms", report_ms(r->duration_ns));
    json_object_set_new(o, "purpose", json_string(purpose_name(r->purpose)));
    json_object_set_new(o, "flags", flags_json(r->flags));
    json_object_set_new(o, "phases", phases_json(r));
    json_object_set_new(o, "observations", observations_json(r));
    json_object_set_new(o, "units", units_json(r));
    json_object_set_new(o, "expectations", lines_json(r));
    if (r->evidence_count > 0)
        json_object_set_new(o, "evidence", evidence_json(r));
    return o;
}

json_t *report_links(const struct rlv_dict *links)
{
    json_t *o = json_object();
    for (size_t i = 0; i < links->count; i++)
        json_object_set_new(o, links->pairs[i].key,
                            text_of(links->pairs[i].value));
    return o;
}

json_t *report_check(const struct check_view *v)
{
    json_t *o = json_object();
    json_object_set_new(o, "name", text_of(v->row->name));
    json_object_set_new(o, "environment", text_of(v->row->environment));
    json_object_set_new(o, "plugin", text_of(v->row->plugin));
    json_object_set_new(o, "state", json_string(state_name(v->state->state)));
    json_object_set_new(o, "count", json_string(v->count));
    json_object_set_new(o, "since", report_time(v->state->since_us));
    char id[ID_TEXT];
    id_text('I', v->state->incident, id);
    json_object_set_new(o, "incident", id[0] ? json_string(id) : json_null());
    json_object_set_new(o, "until", report_pause_end(v->state));
    json_object_set_new(o, "enabled", json_boolean(!v->spec->disabled));
    json_object_set_new(o, "maintenance",
                        v->maintenance == NULL ? json_null()
                                               : text_of(v->maintenance));
    json_object_set_new(o, "acknowledged", json_boolean(v->acknowledged));
    json_object_set_new(o, "waits_for", text_of(v->waits_for));
    const struct check_spec *prober =
        v->spec->source == NULL ? v->spec : v->spec->source;
    json_object_set_new(o, "manual",
                        json_boolean(prober->schedule == SCHEDULE_MANUAL));
    json_object_set_new(o, "title", text_of(v->spec->title));
    json_object_set_new(o, "owner", text_of(v->spec->owner));
    json_object_set_new(o, "links", report_links(&v->spec->links));
    json_object_set_new(o, "last",
                        v->last == NULL ? json_null()
                                        : report_result(v->last, v->row->name));
    return o;
}

static json_t *findings_json(const char *text)
{
    json_t *findings =
        text == NULL || text[0] == '\0' ? NULL : json_loads(text, 0, NULL);
    return json_is_array(findings) ? findings : json_array();
}

json_t *report_run(const struct run_row *row, const char *check)
{
    char id[ID_TEXT], incident[ID_TEXT];
    json_t *o = json_object();
    json_object_set_new(o, "id", json_string(id_text('R', row->number, id)));
    json_object_set_new(o, "runbook", text_of(row->runbook));
    json_object_set_new(o, "kind", json_string(runbook_kind_name(row->kind)));
    json_object_set_new(o, "check", text_of(check));
    id_text('I', row->incident, incident);
    json_object_set_new(o, "incident",
                        incident[0] ? json_string(incident) : json_null());
    json_object_set_new(o, "state", json_string(run_state_name(row->state)));
    json_object_set_new(
        o, "on",
        json_string(row->on ? runbook_on_name((enum runbook_on)row->on) : ""));
    json_object_set_new(o, "intended", report_time(row->intended_us));
    json_object_set_new(o, "started", report_time(row->started_us));
    json_object_set_new(o, "ended", report_time(row->ended_us));
    json_object_set_new(o, "exit",
                        row->exit_status < 0 ? json_null()
                                             : json_integer(row->exit_status));
    json_object_set_new(o, "verdict", json_string(verdict_name(row->verdict)));
    json_object_set_new(o, "held_by", text_of(row->held_by));
    json_object_set_new(o, "reason", text_of(row->reason));
    json_object_set_new(o, "sha256", text_of(row->sha256));
    json_object_set_new(o, "findings", findings_json(row->findings));
    json_object_set_new(o, "output", text_of(row->output));
    return o;
}

json_t *report_incident(const struct incident_row *row, const char *check)
{
    char id[ID_TEXT];
    json_t *o = json_object();
    json_object_set_new(o, "id", json_string(id_text('I', row->number, id)));
    json_object_set_new(o, "check", text_of(check));
    json_object_set_new(o, "state",
                        json_string(incident_state_name(row->state)));
    json_object_set_new(o, "began", report_time(row->began_us));
    json_object_set_new(o, "opened", report_time(row->opened_us));
    json_object_set_new(o, "resolved", report_time(row->resolved_us));
    json_object_set_new(o, "fault", json_string(fault_name(row->fault)));
    json_object_set_new(o, "code", text_of(row->code));
    json_object_set_new(o, "summary", text_of(row->summary));
    json_object_set_new(o, "cause", text_of(row->cause));
    json_object_set_new(o, "reopened", json_integer(row->reopened));
    json_object_set_new(o, "impact", json_array());
    return o;
}

json_t *report_event(const struct event_row *row)
{
    json_t *o = json_object();
    json_object_set_new(o, "at", report_time(row->at_us));
    json_object_set_new(o, "event", text_of(row->event));
    json_object_set_new(o, "text", text_of(row->text));
    return o;
}

json_t *report_trouble(const struct check_row *row,
                       const struct state_row *state,
                       const struct incident_row *incident)
{
    char id[ID_TEXT];
    enum trouble_kind kind;
    const char *object;
    bool known = trouble_parse(row, &kind, &object);
    json_t *o = json_object();
    json_object_set_new(o, "name", text_of(row->name));
    json_object_set_new(o, "kind",
                        json_string(known ? trouble_kind_name(kind) : ""));
    json_object_set_new(o, "object", text_of(known ? object : ""));
    json_object_set_new(o, "since", report_time(state->since_us));
    json_object_set_new(o, "incident",
                        json_string(id_text('I', state->incident, id)));
    json_object_set_new(
        o, "fault",
        json_string(incident == NULL ? "" : fault_name(incident->fault)));
    json_object_set_new(o, "message",
                        text_of(incident == NULL ? "" : incident->summary));
    return o;
}
