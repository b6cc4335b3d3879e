/* conf/show_runbook.c: a runbook as it stands in a configuration. See show.h.
 */
#include "conf/show.h"

#include <string.h>

#include "base/human.h"
#include "base/str.h"
#include "conf/tables.h"

static void show_on(const struct runbook_spec *r, struct buf *out)
{
    const char *name;
    bool first = true;
    buf_adds(out, "    on = [");
    for (size_t i = 0; (name = runbook_on_nth(i)) != NULL; i++) {
        bool later;
        if ((r->on & runbook_on_parse(name, &later)) == 0)
            continue;
        buf_addf(out, "%s\"%s\"", first ? "" : ", ", name);
        first = false;
    }
    buf_adds(out, "];\n");
}

static void show_match(const struct runbook_spec *r, struct buf *out)
{
    struct runbook_values values = {.match = r->match};
    struct buf inner = {0};
    for (size_t i = 0; i < match_options.count; i++) {
        const struct rlv_option *row = &match_options.rows[i];
        const void *at = (const char *)&values + row->offset;
        if (row->kind == RLV_LIST ? ((const struct rlv_list *)at)->count == 0
                                  : *(const char *const *)at == NULL)
            continue;
        buf_addf(&inner, " %s = ", row->name);
        option_show(row, &values, &inner);
        buf_adds(&inner, ";");
    }
    if (inner.len > 0)
        buf_addf(out, "    match = {%s };\n", buf_text(&inner));
    buf_free(&inner);
}

static void show_params(const struct runbook_spec *r, struct buf *out)
{
    if (r->param_count == 0)
        return;
    buf_adds(out, "    params = {");
    for (size_t i = 0; i < r->param_count; i++) {
        const struct param_spec *p = &r->params[i];
        buf_addf(out, " %s = ", p->name);
        show_text(p->secret ? "***" : p->value, out);
        buf_adds(out, ";");
    }
    buf_adds(out, " };\n");
}

/* What only its kind has. */
static void show_kind(const struct runbook_spec *r, struct buf *out)
{
    char text[HUMAN_TEXT];
    if (r->repeat_ns > 0)
        show_duration("repeat", r->repeat_ns, out);
    if (r->kind != RUNBOOK_REMEDIATE)
        return;
    buf_addf(out, "    budget = \"%lld per %s\";\n", (long long)r->budget,
             human_duration(r->budget_ns, text));
    show_duration("settle", r->settle_ns, out);
    show_duration("verify_within", r->verify_within_ns, out);
}

static void show_days(unsigned days, struct buf *out)
{
    static const char *const names[] = {"Mon", "Tue", "Wed", "Thu",
                                        "Fri", "Sat", "Sun"};
    const char *joint = "";
    for (unsigned d = 0; d < ARRAY_LEN(names); d++)
        if ((days & (1u << d)) != 0) {
            buf_addf(out, "%s%s", joint, names[d]);
            joint = ",";
        }
}

static void show_active(const struct runbook_spec *r, struct buf *out)
{
    if (r->active_count == 0)
        return;
    buf_adds(out, "    active = [");
    for (size_t i = 0; i < r->active_count; i++) {
        const struct active_span *s = &r->active[i];
        buf_adds(out, i > 0 ? ", \"" : "\"");
        show_days(s->days, out);
        buf_addf(out, " %02d:%02d-%02d:%02d\"", s->from / 60, s->from % 60,
                 s->to / 60, s->to % 60);
    }
    buf_adds(out, "];\n");
}

void show_runbook(const struct runbook_spec *r, struct buf *out)
{
    buf_addf(out, "  %s = { # %s", r->name, runbook_kind_name(r->kind));
    if (r->missing != NULL) {
        buf_adds(out, "; missing: ");
        str_clean_buf(out, r->missing, strlen(r->missing), false);
    }
    buf_adds(out, "\n");
    show_pair("    ", "script", r->path, out);
    show_on(r, out);
    show_match(r, out);
    show_duration("timeout", r->timeout_ns, out);
    show_duration("grace", r->grace_ns, out);
    show_duration("cooldown", r->cooldown_ns, out);
    show_kind(r, out);
    show_active(r, out);
    show_pair("    ", "automation", automation_name(r->mode), out);
    show_pair("    ", "user", r->user, out);
    show_params(r, out);
    buf_adds(out, "  };\n");
}
