/* cli/incident_page.c: see incident_page.h.
 *
 * Messages, findings and evidence come from targets and scripts: each goes
 * through out_clean, line by line behind a margin of ours. */
#include "cli/incident_page.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/out.h"
#include "model/finding.h"
#include "report/json.h"

enum { EVIDENCE_LINES = 12, EVIDENCE_BYTES = 1500, OUTPUT_LINES = 10 };
enum { IMPACTS = 20 }; /* that are named */

static const char *elapsed(int64_t from_us, int64_t to_us, char *out)
{
    int64_t us = to_us > from_us ? to_us - from_us : 0;
    return human_elapsed(us * NS_PER_US, out);
}

/* The text's first lines, each cleaned and behind the margin. */
static void print_lines(const char *first_margin, const char *margin,
                        const char *text, size_t n, size_t most)
{
    struct buf clean = {0};
    size_t at = 0, lines = 0;
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    for (; at < n && lines < most; lines++) {
        const char *end = memchr(text + at, '\n', n - at);
        size_t length = end == NULL ? n - at : (size_t)(end - text) - at;
        size_t shown = length;
        while (shown > 0 && text[at + shown - 1] == '\r')
            shown--;
        buf_clear(&clean);
        str_clean_buf(&clean, text + at, shown, false);
        fputs(lines == 0 ? first_margin : margin, stdout);
        out_wrapped(buf_text(&clean), out_width(margin));
        putchar('\n');
        at += length + 1;
    }
    if (at < n)
        printf("%s…\n", margin);
    buf_free(&clean);
}

static void print_value(const char *label, const char *text)
{
    char margin[16];
    snprintf(margin, sizeof margin, "  %-8s ", label);
    print_lines(margin, "           ", text, strlen(text), SIZE_MAX);
}

static void print_heading(const char *text)
{
    printf("\n%s\n", out_colour(BOLD, text));
}

/* ----------------------------------------------------------------- top --- */

/* It was closed because nobody measured the check any more. */
static bool was_paused(const struct story *s)
{
    for (size_t i = s->event_count; i-- > 0;)
        if (s->events[i].at_us >= s->row.resolved_us &&
            str_eq(s->events[i].event, "paused"))
            return true;
    return false;
}

static void print_top(const struct story *s)
{
    char id[ID_TEXT], lasted[HUMAN_TEXT];
    const struct incident_row *row = &s->row;
    bool open = row->state != INCIDENT_RESOLVED;
    struct buf text = {0};
    elapsed(row->began_us, open ? s->now_us : row->resolved_us, lasted);
    id_text('I', row->number, id);
    if (open)
        buf_addf(&text, "%s is %s%s since %s, for %s", out_clean(s->check),
                 out_colour(RED, "DOWN"), story_on_and_off(s),
                 out_time(row->began_us), lasted);
    else
        buf_addf(&text, "%s was down%s for %s, from %s to %s; it %s",
                 out_clean(s->check), story_on_and_off(s), lasted,
                 out_time(row->began_us), out_time(row->resolved_us),
                 was_paused(s) ? "was paused then"
                               : out_colour(GREEN, "has recovered"));
    printf("%s  ", out_colour(BOLD, id));
    out_wrapped(buf_text(&text), out_width(id) + 2);
    putchar('\n');
    buf_free(&text);
}

/* A line of the head; nothing where there is nothing to say. */
static void print_made(const char *label, const struct story *s,
                       void (*put)(struct buf *, const struct story *))
{
    struct buf text = {0};
    put(&text, s);
    if (text.len > 0)
        print_value(label, text.data);
    buf_free(&text);
}

static void put_acknowledged(struct buf *b, const struct story *s)
{
    const struct incident_row *row = &s->row;
    if (row->acknowledged_us != 0)
        buf_addf(b, "%s, by %s%s%s", out_time(row->acknowledged_us),
                 row->acknowledged_by, row->note[0] ? ": " : "", row->note);
}

/* "also down because of it: api (since 14:30), web (14:30 to 14:35)", and only
 * how many more there are: --json has them all. */
static void put_impact(struct buf *b, const struct story *s)
{
    size_t shown = s->impact_count < IMPACTS ? s->impact_count : IMPACTS;
    for (size_t i = 0; i < shown; i++) {
        const struct story_impact *impact = &s->impacts[i];
        bool over = impact->until_us != 0;
        buf_addf(b, "%s%s (%s%s%s%s)",
                 i > 0 ? ", " : "also down because of it: ", impact->check,
                 over ? "" : "since ", out_clock(impact->since_us),
                 over ? " to " : "", over ? out_clock(impact->until_us) : "");
    }
    if (shown < s->impact_count)
        buf_addf(b, ", and %zu more", s->impact_count - shown);
}

static void print_head(const struct story *s)
{
    if (s->title != NULL && s->title[0] != '\0')
        print_value("title", s->title);
    if (s->owner != NULL && s->owner[0] != '\0')
        print_value("owner", s->owner);
    print_made("state", s, story_put_state);
    print_made("taken", s, put_acknowledged);
    print_made("fault", s, story_put_fault);
    if (s->row.summary[0] != '\0')
        print_value("message", s->row.summary);
    print_made("cause", s, story_put_cause);
    print_made("impact", s, put_impact);
    for (size_t i = 0; i < s->link_count; i++) {
        struct buf text = {0};
        buf_addf(&text, "%s: %s", s->links[i].name, s->links[i].url);
        print_value("link", text.data);
        buf_free(&text);
    }
}

/* ------------------------------------------------------------ findings --- */

static void print_finding(const json_t *o, const char *severity,
                          enum colour colour)
{
    const char *title = report_member(o, "title"),
               *detail = report_member(o, "detail");
    const char *next = report_member(o, "next");
    printf("  %s", out_colour(colour, severity));
    print_lines("  ", "        ", title, strlen(title), SIZE_MAX);
    if (detail[0] != '\0')
        print_lines("        ", "        ", detail, strlen(detail), SIZE_MAX);
    if (next[0] != '\0')
        print_lines("        next: ", "              ", next, strlen(next),
                    SIZE_MAX);
}

static void print_remark(const json_t *o)
{
    struct buf text = {0};
    story_put_remark(&text, o);
    if (text.len > 0)
        print_lines("  ", "  ", text.data, text.len, SIZE_MAX);
    buf_free(&text);
}

static void print_findings(const struct run_row *run)
{
    static const char *const severities[] = {FINDING_SEVERITIES};
    static const enum colour colours[] = {BLUE, YELLOW, RED};
    json_t *all = json_loads(run->findings, 0, NULL);
    char id[ID_TEXT];
    json_t *item;
    size_t i;
    if (json_array_size(all) > 0) {
        char heading[160], clean[120];
        str_clean(clean, sizeof clean, run->runbook, strlen(run->runbook));
        snprintf(heading, sizeof heading, "Found by %s (%s)", clean,
                 id_text('R', run->number, id));
        print_heading(heading);
    }
    for (size_t level = ARRAY_LEN(severities); level-- > 0;)
        json_array_foreach (all, i, item) {
            if (strcmp(report_member(item, "t"), "finding") == 0 &&
                strcmp(report_member(item, "sev"), severities[level]) == 0)
                print_finding(item, severities[level], colours[level]);
        }
    json_array_foreach (all, i, item) {
        print_remark(item);
    }
    json_decref(all);
}

/* Of each runbook what it found last, the newest first. */
static void print_all_findings(const struct story *s)
{
    for (size_t i = s->run_count; i-- > 0;)
        if (story_run_tells(s, i))
            print_findings(&s->runs[i]);
}

/* ------------------------------------------------------------ timeline --- */

static void print_timeline(const struct story *s)
{
    char zone[16] = "", heading[64], after[HUMAN_TEXT];
    time_t began = (time_t)(s->row.began_us / US_PER_S);
    struct tm tm;
    if (localtime_r(&began, &tm) != NULL)
        strftime(zone, sizeof zone, "%Z", &tm);
    snprintf(heading, sizeof heading, "Timeline (local time, %s)", zone);
    print_heading(heading);
    struct table *t = table_new(4);
    table_cell(t, "TIME");
    table_cell(t, "AFTER");
    table_cell(t, "EVENT");
    table_cell(t, "WHAT HAPPENED");
    for (size_t i = 0; i < s->event_count; i++) {
        const struct event_row *e = &s->events[i];
        table_cell(t, "%s", out_time(e->at_us));
        table_cell(t, "%s",
                   e->at_us < s->row.began_us
                       ? ""
                       : elapsed(s->row.began_us, e->at_us, after));
        table_cell(t, "%s", e->event);
        table_cell(t, "%s", e->text);
    }
    table_print(t);
}

/* -------------------------------------------------------- first result --- */

static void print_evidence(const struct evidence *e)
{
    struct buf label = {0};
    size_t shown = e->len < EVIDENCE_BYTES ? e->len : EVIDENCE_BYTES;
    str_clean_buf(&label, e->label, strlen(e->label), false);
    printf("  %s (%zu bytes):\n", buf_text(&label), e->len + e->dropped);
    print_lines("    | ", "    | ", e->bytes, shown, EVIDENCE_LINES);
    if (shown < e->len || e->dropped > 0)
        puts("    | …");
    buf_free(&label);
}

static void print_phases(const struct result *r)
{
    struct buf text = {0};
    story_put_phases(&text, r);
    if (text.len > 0)
        print_lines("  phases: ", "          ", text.data, text.len, SIZE_MAX);
    buf_free(&text);
}

static void print_result(const char *which, const struct result *r)
{
    char heading[120], took[HUMAN_TEXT];
    if (r == NULL)
        return;
    snprintf(heading, sizeof heading, "%s failing result (%s, took %s)", which,
             out_time(r->started_us), human_duration(r->duration_ns, took));
    print_heading(heading);
    if (r->message != NULL && r->message[0] != '\0')
        print_lines("  ", "  ", r->message, strlen(r->message), SIZE_MAX);
    print_phases(r);
    for (size_t i = 0; i < r->line_count; i++) {
        const struct judged_line *l = &r->lines[i];
        if (l->holds)
            continue;
        struct buf text = {0};
        buf_addf(&text, "%s %s%s%s%s", l->warn ? "warn_unless" : "expect",
                 l->text, l->values[0] ? " (" : "", l->values,
                 l->values[0] ? ")" : "");
        print_lines("  false: ", "         ", text.data, text.len, SIZE_MAX);
        buf_free(&text);
    }
    for (size_t i = 0; i < r->evidence_count; i++)
        print_evidence(&r->evidence[i]);
}

/* ---------------------------------------------------------------- runs --- */

static void print_held(const struct story *s, enum run_state state,
                       const char *heading)
{
    bool any = false;
    for (size_t i = 0; i < s->run_count; i++) {
        const struct run_row *run = &s->runs[i];
        char id[ID_TEXT];
        if (run->state != state)
            continue;
        if (!any)
            print_heading(heading);
        any = true;
        struct buf text = {0};
        buf_addf(&text, "%s %s (%s): %s", runbook_kind_name(run->kind),
                 run->runbook, id_text('R', run->number, id), run->reason);
        print_lines("  ", "  ", text.data, text.len, SIZE_MAX);
        buf_free(&text);
    }
}

static void add_run(struct table *t, const struct run_row *run)
{
    char id[ID_TEXT], took[HUMAN_TEXT] = "";
    if (run->started_us != 0 && run->ended_us != 0)
        elapsed(run->started_us, run->ended_us, took);
    table_cell(t, "  %s", id_text('R', run->number, id));
    table_cell(t, "%s", runbook_kind_name(run->kind));
    table_cell(t, "%s", run->runbook);
    table_cell(t, "%s", story_run_result(run));
    table_cell(t, "%s", took);
    table_cell(t, "%s", run->reason);
}

static void print_runs(const struct story *s)
{
    static const char *const head[] = {"  RUN",  "KIND", "RUNBOOK",
                                       "RESULT", "TOOK", "REASON"};
    size_t ran = 0;
    for (size_t i = 0; i < s->run_count; i++)
        ran += s->runs[i].state <= RUN_ENDED;
    if (ran == 0)
        return;
    print_heading("What ran");
    struct table *t = table_begin(head, ARRAY_LEN(head));
    for (size_t i = 0; i < s->run_count; i++)
        if (s->runs[i].state <= RUN_ENDED)
            add_run(t, &s->runs[i]);
    table_print(t);
}

/* A failed diagnosis says why in its output. */
static void print_failed_output(const struct story *s)
{
    const struct run_row *run = story_diagnosis(s);
    if (run == NULL || run->state != RUN_ENDED ||
        run->verdict == VERDICT_DONE || run->output[0] == '\0')
        return;
    print_heading("Output of the diagnosis that failed");
    print_lines("    | ", "    | ", run->output, strlen(run->output),
                OUTPUT_LINES);
}

static void print_more(const struct story *s)
{
    char id[ID_TEXT];
    int64_t minutes = (s->now_us - s->row.began_us) / (60 * US_PER_S) + 10;
    const char *check = out_clean(s->check);
    printf("\nMore: relevo history %s --since %lld%s, relevo runbook log,\n"
           "      relevo incident show %s --json\n",
           check, (long long)(minutes < 120 ? minutes : minutes / 60 + 1),
           minutes < 120 ? "m" : "h", id_text('I', s->row.number, id));
}

void incident_page(const struct story *s)
{
    print_top(s);
    print_head(s);
    print_all_findings(s);
    print_timeline(s);
    print_result("First", s->first);
    print_result("Latest", s->again);
    print_failed_output(s);
    print_held(s, RUN_WOULD, "Would have run");
    print_held(s, RUN_HELD, "Held back");
    print_runs(s);
    print_more(s);
}
