/* report/postmortem.c: an incident as a post-mortem to fill in, in Markdown:
 * what is known stands in it, what only people know is asked for in italics.
 * See story.h; untrusted text goes through md.h. Times are UTC. */
#include "report/story.h"

#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "model/finding.h"
#include "report/json.h"
#include "report/md.h"
#include "report/suite.h"

enum { EVIDENCE_MOST = 1500 };

static void put_time(struct buf *b, int64_t at_us)
{
    char text[CLOCK_TEXT];
    buf_adds(b, clock_format(at_us, text));
}

/* ---------------------------------------------------------------- head --- */

static void put_title(struct buf *b, const struct story *s)
{
    char id[ID_TEXT];
    buf_addf(b, "# %s: ", id_text('I', s->row.number, id));
    md_text(b, s->check);
    buf_addf(b, " %s down%s for ", story_is_open(s) ? "has been" : "was",
             story_on_and_off(s));
    story_put_lasted(b, s);
    buf_adds(b, "\n\n| Incident | |\n|---|---|\n");
}

static void put_fact(struct buf *b, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    buf_addf(b, "| %s | ", name);
    md_text(b, text);
    buf_adds(b, " |\n");
}

static void put_moment(struct buf *b, const char *name, int64_t at_us)
{
    if (at_us == 0)
        return;
    buf_addf(b, "| %s | ", name);
    put_time(b, at_us);
    buf_adds(b, " |\n");
}

static void put_made(struct buf *b, const char *name, const struct story *s,
                     void (*put)(struct buf *, const struct story *))
{
    struct buf text = {0};
    put(&text, s);
    put_fact(b, name, buf_text(&text));
    buf_free(&text);
}

static void put_acknowledged(struct buf *b, const struct story *s)
{
    const struct incident_row *row = &s->row;
    if (row->acknowledged_us == 0)
        return;
    put_time(b, row->acknowledged_us);
    buf_addf(b, " by %s%s%s", row->acknowledged_by, row->note[0] ? ": " : "",
             row->note);
}

static void put_head(struct buf *b, const struct story *s)
{
    put_title(b, s);
    put_fact(b, "Check", s->check);
    put_fact(b, "Title", s->title);
    put_fact(b, "Owner", s->owner);
    put_made(b, "State", s, story_put_state);
    put_moment(b, "Began", s->row.began_us);
    put_moment(b, "Confirmed", s->row.opened_us);
    put_made(b, "Acknowledged", s, put_acknowledged);
    put_moment(b, "Recovered", s->row.resolved_us);
    put_made(b, "Fault", s, story_put_fault);
    put_fact(b, "Message", s->row.summary);
    put_made(b, "Cause", s, story_put_cause);
    for (size_t i = 0; i < s->link_count; i++) {
        buf_adds(b, i == 0 ? "\n- " : "- ");
        md_text(b, s->links[i].name);
        buf_adds(b, ": ");
        md_url(b, s->links[i].url);
        buf_adds(b, "\n");
    }
}

/* -------------------------------------------------------------- impact --- */

static void put_impact(struct buf *b, const struct story *s)
{
    buf_adds(b, "\n## Summary\n\n_What happened, in two sentences that a user "
                "of the service would understand._\n\n## Impact\n\n");
    if (s->impact_count == 0)
        buf_adds(b, "No other check was down because of it.\n");
    else
        buf_adds(b, "Also down because of it:\n\n");
    for (size_t i = 0; i < s->impact_count; i++) {
        const struct story_impact *impact = &s->impacts[i];
        buf_adds(b, "- ");
        md_text(b, impact->check);
        buf_adds(b, ", since ");
        put_time(b, impact->since_us);
        if (impact->until_us != 0) {
            buf_adds(b, ", for ");
            story_put_elapsed(b, impact->since_us, impact->until_us);
        }
        buf_adds(b, "\n");
    }
    buf_adds(b, "\n_Who noticed it, how many of them, and what could they not "
                "do?_\n");
}

static void put_timeline(struct buf *b, const struct story *s)
{
    buf_adds(b, "\n## Timeline\n\n| Time (UTC) | After | Event | What happened "
                "|\n|---|---:|---|---|\n");
    for (size_t i = 0; i < s->event_count; i++) {
        const struct event_row *e = &s->events[i];
        buf_adds(b, "| ");
        put_time(b, e->at_us);
        buf_adds(b, " | ");
        if (e->at_us >= s->row.began_us)
            story_put_elapsed(b, s->row.began_us, e->at_us);
        buf_adds(b, " | ");
        md_text(b, e->event);
        buf_adds(b, " | ");
        md_text(b, e->text);
        buf_adds(b, " |\n");
    }
}

/* ------------------------------------------------------- runs, findings --- */

static void put_run(struct buf *b, const struct run_row *run)
{
    char id[ID_TEXT];
    buf_addf(b, "| %s | %s | ", id_text('R', run->number, id),
             runbook_kind_name(run->kind));
    md_text(b, run->runbook);
    buf_addf(b, " | %s | ", story_run_result(run));
    if (run->started_us != 0 && run->ended_us != 0)
        story_put_elapsed(b, run->started_us, run->ended_us);
    buf_adds(b, " | ");
    md_text(b, run->reason);
    buf_adds(b, " |\n");
}

static void put_runs(struct buf *b, const struct story *s)
{
    buf_adds(b, "\n## What was tried\n\n");
    if (s->run_count == 0)
        buf_adds(b, "No runbook is configured for it.\n");
    else
        buf_adds(b, "| Run | Kind | Runbook | Result | Took | Reason "
                    "|\n|---|---|---|---|---:|---|\n");
    for (size_t i = 0; i < s->run_count; i++)
        put_run(b, &s->runs[i]);
    buf_adds(b, "\n_What did people try, and what of it helped?_\n");
}

static void put_finding(struct buf *b, const json_t *said)
{
    const char *detail = report_member(said, "detail");
    const char *next = report_member(said, "next");
    buf_addf(b, "- **%s** ", report_member(said, "sev"));
    md_text(b, report_member(said, "title"));
    if (detail[0] != '\0') {
        buf_adds(b, ": ");
        md_text(b, detail);
    }
    if (next[0] != '\0') {
        buf_adds(b, " (next: ");
        md_text(b, next);
        buf_addc(b, ')');
    }
    buf_addc(b, '\n');
}

static void put_remark(struct buf *b, const json_t *said)
{
    struct buf text = {0};
    story_put_remark(&text, said);
    if (text.len > 0) {
        buf_adds(b, "- ");
        md_text(b, text.data);
        buf_addc(b, '\n');
    }
    buf_free(&text);
}

/* The weightiest first; then what is no finding. */
static void put_findings_of(struct buf *b, const struct run_row *run)
{
    static const char *const severities[] = {FINDING_SEVERITIES};
    json_t *all = json_loads(run->findings, 0, NULL), *said;
    char id[ID_TEXT];
    size_t i;
    buf_adds(b, "\n### ");
    md_text(b, run->runbook);
    buf_addf(b, " (%s)\n\n", id_text('R', run->number, id));
    for (size_t level = ARRAY_LEN(severities); level-- > 0;)
        json_array_foreach (all, i, said) {
            if (str_eq(report_member(said, "t"), "finding") &&
                str_eq(report_member(said, "sev"), severities[level]))
                put_finding(b, said);
        }
    json_array_foreach (all, i, said) {
        put_remark(b, said);
    }
    json_decref(all);
}

static void put_findings(struct buf *b, const struct story *s)
{
    buf_adds(b, "\n## Findings\n");
    bool any = false;
    for (size_t i = s->run_count; i-- > 0;)
        if (story_run_tells(s, i)) {
            put_findings_of(b, &s->runs[i]);
            any = true;
        }
    if (!any)
        buf_adds(b, "\nNo runbook found anything.\n");
}

/* -------------------------------------------------------- first result --- */

static void put_phases(struct buf *b, const struct result *r)
{
    struct buf text = {0};
    story_put_phases(&text, r);
    if (text.len > 0)
        buf_addf(b, "Phases: %s.\n\n", buf_text(&text));
    buf_free(&text);
}

static void put_first(struct buf *b, const struct story *s)
{
    const struct result *r = s->first;
    if (r == NULL)
        return;
    buf_adds(b, "\n## First failing result\n\n");
    put_time(b, r->started_us);
    buf_adds(b, ": ");
    md_text(b, r->message == NULL ? "" : r->message);
    buf_adds(b, "\n\n");
    put_phases(b, r);
    for (size_t i = 0; i < r->line_count; i++) {
        struct buf line = {0};
        if (r->lines[i].holds)
            continue;
        suite_put_line(&line, &r->lines[i]);
        buf_adds(b, "- false: ");
        md_code(b, buf_text(&line));
        buf_addc(b, '\n');
        buf_free(&line);
    }
    for (size_t i = 0; i < r->evidence_count; i++) {
        const struct evidence *e = &r->evidence[i];
        buf_adds(b, "\n");
        md_text(b, e->label);
        buf_adds(b, ":\n\n");
        md_block(b, e->bytes, e->len < EVIDENCE_MOST ? e->len : EVIDENCE_MOST);
        if (e->len > EVIDENCE_MOST || e->dropped > 0)
            buf_adds(b, "\n(cut)\n");
    }
}

void story_markdown(const struct story *s, struct buf *b)
{
    put_head(b, s);
    put_impact(b, s);
    put_timeline(b, s);
    put_runs(b, s);
    put_findings(b, s);
    put_first(b, s);
    buf_adds(b, "\n## Open questions\n\n"
                "- [ ] Why did it happen? _And why did that?_\n"
                "- [ ] What made it stop?\n"
                "- [ ] Could it have been noticed earlier, or by somebody "
                "else?\n"
                "- [ ] What keeps it from happening again; who does it, by "
                "when?\n");
}
