/* daemon/context.c: what a runbook is told: its environment, its JSON on
 * standard input, its secrets. The contract is docs/runbooks.md; additions are
 * allowed, changes are not. Texts that a target controls travel only in the
 * JSON, except RELEVO_CODE, which is cleaned. The check of a notice may be no
 * longer configured: then little is known of it. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemon/internal.h"
#include "model/fault.h"
#include "report/json.h"

#define OUTPUT_BYTES (128 * 1024) /* of each of the two */

struct context {
    struct daemon *daemon;
    const struct run_row *run;
    const struct runbook_spec *book;
    const struct result *about; /* what called it, or the latest; or NULL */
    struct check_view check;
    /* The check's own, or its source's; NULL: it is not configured. */
    const struct check_spec *probed;
    const struct incident_row *incident; /* NULL: none, or still forming */
    char run_id[ID_TEXT], incident_id[ID_TEXT];
    char host[256], port[8];
    int64_t deadline_us;
    struct arena *arena;
    struct msg_pair *environment;
    size_t environment_count, environment_cap;
};

void context_run_dir(const struct daemon *d, uint64_t run, char *out,
                     size_t size)
{
    char id[ID_TEXT];
    if (spare_has(d, run))
        spare_run_dir(d, run, out, size);
    else
        snprintf(out, size, "%s/runs/%s", d->state_dir, id_text('R', run, id));
}

/* "host:port", "[::1]:5432" or just a name. */
static void split_target(struct context *c)
{
    const char *target = c->probed == NULL ? "" : c->probed->target;
    const char *colon = strrchr(target, ':');
    size_t n = colon == NULL ? strlen(target) : (size_t)(colon - target);
    if (n >= 2 && target[0] == '[' && target[n - 1] == ']') {
        target++;
        n -= 2;
    }
    snprintf(c->host, sizeof c->host, "%.*s", (int)n, target);
    snprintf(c->port, sizeof c->port, "%s", colon == NULL ? "" : colon + 1);
}

/* --------------------------------------------------------- environment --- */

static void set(struct context *c, const char *name, const char *value)
{
    if (c->environment_count == c->environment_cap) {
        size_t cap = c->environment_cap ? c->environment_cap * 2 : 32;
        struct msg_pair *more = arena_alloc(c->arena, cap * sizeof *more);
        if (c->environment_count > 0)
            memcpy(more, c->environment, c->environment_count * sizeof *more);
        c->environment = more;
        c->environment_cap = cap;
    }
    c->environment[c->environment_count++] =
        (struct msg_pair){arena_strdup(c->arena, name),
                          arena_strdup(c->arena, value == NULL ? "" : value)};
}

static void set_number(struct context *c, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    set(c, name, text);
}

/* "dedup-key" → RELEVO_PARAM_DEDUP_KEY */
static void set_param(struct context *c, const struct param_spec *p)
{
    char name[128];
    int n = snprintf(name, sizeof name, "RELEVO_PARAM_%s", p->name);
    for (int i = 0; i < n && i < (int)sizeof name - 1; i++)
        name[i] = name[i] == '-' ? '_' : (char)toupper((unsigned char)name[i]);
    set(c, name, p->value);
}

static void set_plain(struct context *c)
{
    const char *home = getenv("HOME");
    set(c, "PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    set(c, "LANG", "C.UTF-8");
    set(c, "HOME", home == NULL ? "/" : home);
    set(c, "RELEVO_API", "1");
    set(c, "RELEVO_RUN_ID", c->run_id);
    set(c, "RELEVO_INCIDENT_ID", c->incident_id);
    set(c, "RELEVO_RUNBOOK", c->book->name);
    set(c, "RELEVO_KIND", runbook_kind_name(c->book->kind));
    set(c, "RELEVO_ON", runbook_on_name((enum runbook_on)c->run->on));
    set_number(c, "RELEVO_DEADLINE", c->deadline_us / US_PER_S);
    set(c, "RELEVO_STATE_DIR", c->daemon->state_dir);
    set(c, "RELEVO_CONFIG", c->daemon->conf->file);
    for (size_t i = 0; i < c->book->param_count; i++)
        if (!c->book->params[i].secret)
            set_param(c, &c->book->params[i]);
}

static void set_check(struct context *c)
{
    const struct result *last = c->about;
    char code[RESULT_CODE * 4];
    set(c, "RELEVO_CHECK", c->check.row->name);
    set(c, "RELEVO_PLUGIN",
        c->probed == NULL ? c->check.row->plugin : c->probed->plugin);
    set(c, "RELEVO_STATE", state_name(c->check.state->state));
    set(c, "RELEVO_TARGET_HOST", c->host);
    set(c, "RELEVO_TARGET_PORT", c->port);
    set(c, "RELEVO_FAULT", last == NULL ? "" : fault_name(last->fault));
    const char *raw = last == NULL ? "" : last->code;
    set(c, "RELEVO_CODE", str_clean(code, sizeof code, raw, strlen(raw)));
    set_number(c, "RELEVO_ERRNO", last == NULL ? 0 : last->sys_errno);
    if (c->check.state->suspect_us != 0)
        set_number(c, "RELEVO_DOWN_SINCE",
                   c->check.state->suspect_us / US_PER_S);
}

/* --------------------------------------------------------------- input --- */

static json_t *run_json(const struct context *c)
{
    char first[ID_TEXT];
    id_text('R', c->run->first != 0 ? c->run->first : c->run->number, first);
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:i, s:s}", "id", c->run_id,
                     "runbook", c->book->name, "kind",
                     runbook_kind_name(c->book->kind), "on",
                     runbook_on_name((enum runbook_on)c->run->on), "deadline",
                     report_time(c->deadline_us), "attempt",
                     (int)c->run->attempt, "first", first);
}

static json_t *text_json(const char *text)
{
    return text == NULL ? json_null() : report_text(text, strlen(text));
}

static json_t *impact_json(const struct context *c)
{
    const struct check_row *row;
    json_t *list = json_array();
    for (size_t i = 0;
         (row = model_impact(c->daemon->model, c->run->incident, i)); i++)
        json_array_append_new(list, text_json(row->name));
    return list;
}

static json_t *incident_json(const struct context *c)
{
    if (c->incident == NULL)
        return json_null();
    json_t *o = report_incident(c->incident, c->check.row->name);
    json_object_set_new(o, "impact", impact_json(c));
    if (c->incident->opened_us == 0)
        json_object_set_new(o, "state", json_string("forming"));
    return o;
}

static json_t *settings_json(const struct check_spec *spec)
{
    json_t *o = json_object();
    for (size_t i = 0; i < spec->setting_count; i++) {
        const struct setting *s = &spec->settings[i];
        if (s->value.secret || s->value.text == NULL)
            continue;
        json_object_set_new(o, s->name,
                            report_text(s->value.text, strlen(s->value.text)));
    }
    return o;
}

/* What only the configuration says. Where to look is where its source looks,
 * for one that is derived. */
static void add_spec(const struct context *c, json_t *o)
{
    const struct check_spec *spec = c->check.spec;
    json_t *tags = json_array(), *settings = settings_json(c->probed);
    for (size_t i = 0; i < spec->tags.count; i++)
        json_array_append_new(tags, text_json(spec->tags.items[i]));
    json_t *url = json_object_get(settings, "url");
    json_object_set_new(o, "tags", tags);
    json_object_set(o, "url", url);
    json_object_set_new(o, "plugin", text_json(c->probed->plugin));
    if (spec->source != NULL)
        json_object_set_new(o, "of", text_json(spec->source->name));
    json_object_set_new(o, "interval_ms", report_ms(c->probed->interval_ns));
    json_object_set_new(o, "settings", settings);
    json_object_set_new(o, "title", text_json(spec->title));
    json_object_set_new(o, "owner", text_json(spec->owner));
    json_object_set_new(o, "links", report_links(&spec->links));
}

static json_t *check_json(const struct context *c)
{
    int64_t port;
    json_t *o = json_pack(
        "{s:s, s:s, s:s, s:[], s:{s:s, s:o}, s:n, s:n, s:{}}", "name",
        c->check.row->name, "environment", c->check.row->environment, "plugin",
        c->check.row->plugin, "tags", "target", "host", c->host, "port",
        str_to_i64(c->port, &port) ? json_integer(port) : json_null(), "url",
        "of", "settings");
    if (c->check.spec != NULL)
        add_spec(c, o);
    return o;
}

static json_t *history_json(const struct context *c)
{
    json_t *list = json_array();
    for (size_t i = 0; i < c->check.history_count; i++) {
        const struct past *p = &c->check.history[i];
        json_array_append_new(
            list, json_pack("{s:o, s:s, s:o, s:s}", "at", report_time(p->at_us),
                            "outcome", outcome_name(p->outcome), "duration_ms",
                            report_ms(p->duration_ns), "fault",
                            fault_name(p->fault)));
    }
    return list;
}

static json_t *params_json(const struct context *c)
{
    json_t *o = json_object();
    for (size_t i = 0; i < c->book->param_count; i++)
        if (!c->book->params[i].secret)
            json_object_set_new(o, c->book->params[i].name,
                                text_json(c->book->params[i].value));
    return o;
}

static json_t *diagnosis_json(const struct context *c)
{
    const struct run_row *run =
        model_diagnosis(c->daemon->model, c->run->incident);
    if (run == NULL)
        return json_null();
    json_t *whole = report_run(run, c->check.row->name);
    json_t *o =
        json_pack("{s:s, s:o, s:O}", "runbook", run->runbook, "title",
                  text_json(c->incident == NULL ? "" : c->incident->cause),
                  "findings", json_object_get(whole, "findings"));
    json_decref(whole);
    return o;
}

static json_t *would_json(const struct context *c)
{
    const struct run_row *run;
    json_t *list = json_array();
    for (size_t i = 0;
         (run = model_would_run(c->daemon->model, c->run->incident, i)); i++)
        json_array_append_new(list, json_string(run->runbook));
    return list;
}

/* What ended an incident, if it was no recovery. */
static const char *ended_as(const struct context *c)
{
    if (c->check.spec == NULL && !trouble_is(c->check.row))
        return "removed";
    return c->check.state->state == STATE_PAUSED ? "paused" : "up";
}

/* What became of the check; by hand: what it is now. */
static json_t *transition_json(const struct context *c)
{
    bool well = c->run->on == ON_RECOVERED;
    bool was_down = well || c->run->on == ON_STILL_DOWN;
    const char *now = state_name(c->check.state->state);
    const char *to = runbook_on_name((enum runbook_on)c->run->on);
    if (c->run->on == ON_ASKED)
        return json_pack("{s:s, s:s}", "from", now, "to", now);
    return json_pack("{s:s, s:s}", "from", was_down ? "down" : "suspect", "to",
                     well ? ended_as(c) : to);
}

static void add_notice(const struct context *c, json_t *o)
{
    char key[256];
    if (c->run->incident != 0)
        snprintf(key, sizeof key, "relevo-%s", c->incident_id);
    else
        snprintf(key, sizeof key, "relevo-%s-%s", c->check.row->name,
                 runbook_on_name((enum runbook_on)c->run->on));
    json_object_set_new(o, "transition", transition_json(c));
    json_object_set_new(o, "diagnosis", diagnosis_json(c));
    json_object_set_new(o, "dedup_key", json_string(key));
    json_object_set_new(o, "would_have_run", would_json(c));
}

static json_t *input_json(const struct context *c)
{
    const char *name = c->check.row->name;
    json_t *o = json_object();
    json_object_set_new(o, "schema", json_string("relevo.runbook/1"));
    json_object_set_new(o, "run", run_json(c));
    json_object_set_new(o, "incident", incident_json(c));
    json_object_set_new(o, "check", check_json(c));
    json_object_set_new(o, "state",
                        json_pack("{s:s, s:s, s:o}", "now",
                                  state_name(c->check.state->state), "count",
                                  c->check.count, "since",
                                  report_time(c->check.state->since_us)));
    json_object_set_new(o, "result",
                        c->about == NULL ? json_null()
                                         : report_result(c->about, name));
    json_object_set_new(o, "last_good",
                        c->check.last_good == NULL
                            ? json_null()
                            : report_result(c->check.last_good, name));
    json_object_set_new(o, "history", history_json(c));
    json_object_set_new(o, "params", params_json(c));
    if (c->book->kind == RUNBOOK_NOTIFY)
        add_notice(c, o);
    return o;
}

/* --------------------------------------------------------------- order --- */

static void add_secrets(const struct context *c, struct msg_run *m)
{
    m->secrets =
        arena_alloc(c->arena, (c->book->param_count + 1) * sizeof *m->secrets);
    for (size_t i = 0; i < c->book->param_count; i++)
        if (c->book->params[i].secret)
            m->secrets[m->secret_count++] = (struct msg_pair){
                c->book->params[i].name, c->book->params[i].value};
}

static struct context context_of(struct daemon *d, const struct run_row *run,
                                 const struct runbook_spec *book,
                                 const struct result *about)
{
    struct context c = {.daemon = d, .run = run, .book = book};
    c.arena = arena_new();
    must(model_check_known(d->model, run->check, &c.check));
    const struct check_spec *spec = c.check.spec;
    c.probed = spec != NULL && spec->source != NULL ? spec->source : spec;
    c.about = about != NULL ? about : c.check.last;
    c.incident = model_incident(d->model, run->incident);
    id_text('R', run->number, c.run_id);
    id_text('I', run->incident, c.incident_id);
    c.deadline_us = clock_wall_us() + book->timeout_ns / NS_PER_US;
    split_target(&c);
    return c;
}

void context_order(struct daemon *d, const struct conf *conf,
                   const struct run_row *run, const struct runbook_spec *book,
                   const struct result *about, const char *dir,
                   struct buf *payload)
{
    struct context c = context_of(d, run, book, about);
    set_plain(&c);
    set_check(&c);
    json_t *input = input_json(&c);
    char *text = json_dumps(input, JSON_COMPACT);
    must(text != NULL);
    struct msg_run m = {
        .run = run->number,
        .dir = dir,
        .script = book->path,
        .user = book->user != NULL ? book->user : d->run_as,
        .timeout_ns = book->timeout_ns,
        .grace_ns = book->grace_ns,
        .output_bytes = OUTPUT_BYTES,
        .input = text,
        .input_len = strlen(text),
        .environment = c.environment,
        .environment_count = c.environment_count,
        .redact = {(const char *const *)conf->secrets, conf->secret_count},
    };
    add_secrets(&c, &m);
    msg_put_run(payload, &m);
    free(text);
    json_decref(input);
    arena_free(c.arena);
}
