/* web/facts_status.c: what main told (status.h) as the facts that pages show.
 * See facts.h. */
#include "web/facts.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/fault.h"
#include "model/naming.h"
#include "web/status.h"

/* Older than a page may be without saying so. */
#define FRESH_NS (10 * NS_PER_S)

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

static void take_links(struct fact *f, const struct rlv_dict *links,
                       struct arena *a)
{
    struct fact_link *all = arena_alloc(a, (links->count + 1) * sizeof *all);
    for (size_t i = 0; i < links->count; i++)
        all[i] = (struct fact_link){links->pairs[i].key, links->pairs[i].value};
    f->links = all;
    f->link_count = links->count;
}

static void take_lines(struct fact *f, const struct check_spec *spec,
                       struct arena *a)
{
    struct fact_line *all = arena_alloc(
        a, (spec->expect_count + spec->warn_count + 1) * sizeof *all);
    for (size_t i = 0; i < spec->expect_count; i++)
        all[f->line_count++] = (struct fact_line){spec->expects[i].text, false};
    for (size_t i = 0; i < spec->warn_count; i++)
        all[f->line_count++] = (struct fact_line){spec->warns[i].text, true};
    f->lines = all;
}

static void take_spec(struct fact *f, const struct check_spec *spec,
                      struct arena *a)
{
    f->disabled = spec->disabled;
    f->manual = spec->schedule == SCHEDULE_MANUAL;
    f->title = or_empty(spec->title);
    f->owner = or_empty(spec->owner);
    f->tags = spec->tags.items;
    f->tag_count = spec->tags.count;
    f->interval_ns =
        spec->schedule == SCHEDULE_INTERVAL ? spec->interval_ns : 0;
    take_links(f, &spec->links, a);
    take_lines(f, spec, a);
}

static void take_result(struct fact *f, const struct result *last)
{
    f->last = last;
    if (last->outcome == OUTCOME_OK)
        return;
    f->fault = last->fault == RLV_F_NONE ? "" : fault_name(last->fault);
    f->code = last->code;
    f->message = or_empty(last->message);
}

static struct fact told(const struct check_view *v, struct arena *a)
{
    struct named named = {v->row->name, v->row->environment};
    struct fact f = {
        .check = v->row->check,
        .name = v->row->name,
        .plain_name = naming_plain(&named),
        .environment = v->row->environment,
        .plugin = v->row->plugin,
        .state = v->state->state,
        .count = v->count,
        .since_us = v->state->since_us,
        .until_us = v->state->state == STATE_PAUSED && v->state->until_us > 0
                        ? v->state->until_us
                        : 0,
        .incident = v->state->incident,
        .acknowledged = v->acknowledged,
        .maintenance = or_empty(v->maintenance),
        .waits_for = or_empty(v->waits_for),
        .title = "",
        .owner = "",
        .fault = "",
        .code = "",
        .message = "",
    };
    if (v->spec != NULL)
        take_spec(&f, v->spec, a);
    if (v->last != NULL)
        take_result(&f, v->last);
    return f;
}

/* How often something should be heard, and when it last was. */
static void note_pace(struct facts *out, const struct fact *f)
{
    if (f->last != NULL && f->last->started_us > out->newest_us)
        out->newest_us = f->last->started_us;
    if (f->interval_ns > 0 && f->state != STATE_PAUSED && !f->disabled &&
        (out->least_ns == 0 || f->interval_ns < out->least_ns))
        out->least_ns = f->interval_ns;
}

static void take_troubles(struct facts *out, const struct status *s,
                          struct arena *a)
{
    struct fact_trouble *all =
        arena_alloc(a, (s->trouble_count + 1) * sizeof *all);
    for (size_t i = 0; i < s->trouble_count; i++)
        all[i] = (struct fact_trouble){
            s->troubles[i].incident.number, s->troubles[i].row.name,
            or_empty(s->troubles[i].incident.summary)};
    out->troubles = all;
    out->trouble_count = s->trouble_count;
}

/* Main names them by number; the history has the rest. */
static void take_letters(struct facts *out, const struct status *s,
                         struct reader *reader, struct arena *a)
{
    struct fact_letter *all =
        arena_alloc(a, (s->letter_count + 1) * sizeof *all);
    for (size_t i = 0; i < s->letter_count && reader != NULL; i++) {
        struct run_row run;
        struct err err;
        char id[ID_TEXT];
        if (!reader_run(reader, a, s->letters[i], &run, &err))
            continue;
        all[out->letter_count++] =
            (struct fact_letter){arena_strdup(a, id_text('R', run.number, id)),
                                 run.runbook, run.reason, run.check};
    }
    out->letters = all;
}

void facts_from_status(const struct status *s, struct reader *reader,
                       struct arena *a, struct facts *out)
{
    *out = (struct facts){.at_us = s->at_us,
                          .live = status_age_ns(s) < FRESH_NS,
                          .distrust = s->distrust,
                          .distrust_ns = s->distrust_ns};
    out->checks = arena_alloc(a, (s->check_count + 1) * sizeof *out->checks);
    for (size_t i = 0; i < s->check_count; i++) {
        struct fact f = told(&s->checks[i], a);
        out->checks[out->count++] = f;
        note_pace(out, &f);
    }
    take_troubles(out, s, a);
    take_letters(out, s, reader, a);
}
