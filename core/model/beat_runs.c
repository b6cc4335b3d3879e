/* model/beat_runs.c: the latest runs of a heartbeat's job. A run is known by
 * the name that its beats give it (rid), so that two at once have a duration
 * each, and a beat that is sent twice counts once. Used by beat.c.
 *
 * They are stored as one text: a line a run, its fields between tabs, what it
 * said with \n, \t and \\ in place of those characters. */
#include "model/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

struct beat_run *beat_runs_find(struct beat_runs *runs, const char *rid)
{
    for (size_t i = 0; i < runs->count; i++)
        if (str_eq(runs->items[i].rid, rid))
            return &runs->items[i];
    return NULL;
}

static void drop(struct beat_runs *runs, size_t i)
{
    free(runs->items[i].log);
    runs->count--;
    memmove(&runs->items[i], &runs->items[i + 1],
            (runs->count - i) * sizeof *runs->items);
}

struct beat_run *beat_runs_add(struct beat_runs *runs, const char *rid)
{
    size_t over = 0;
    while (over < runs->count && runs->items[over].ended_us == 0)
        over++;
    if (runs->count == BEAT_RUNS)
        drop(runs, over < runs->count ? over : 0);
    struct beat_run *run = &runs->items[runs->count++];
    *run = (struct beat_run){0};
    snprintf(run->rid, sizeof run->rid, "%s", rid);
    return run;
}

void beat_run_log(struct beat_run *run, const char *text)
{
    const char *before = run->log == NULL ? "" : run->log;
    char *all = xasprintf("%s%s%s", before, before[0] ? "\n" : "", text);
    size_t n = strlen(all);
    free(run->log);
    run->log = n <= BEAT_TEXT ? all : xstrdup(all + n - BEAT_TEXT);
    if (run->log != all)
        free(all);
}

void beat_runs_clear(struct beat_runs *runs)
{
    while (runs->count > 0)
        drop(runs, runs->count - 1);
}

/* ---------------------------------------------------------------- bytes --- */

static void put_text(struct buf *out, const char *s)
{
    for (; s != NULL && *s != '\0'; s++)
        switch (*s) {
        case '\n': buf_adds(out, "\\n"); break;
        case '\t': buf_adds(out, "\\t"); break;
        case '\\': buf_adds(out, "\\\\"); break;
        default: buf_addc(out, *s);
        }
}

void beat_runs_put(const struct beat_runs *runs, struct buf *out)
{
    for (size_t i = 0; i < runs->count; i++) {
        const struct beat_run *run = &runs->items[i];
        put_text(out, run->rid);
        buf_addf(out, "\t%lld\t%lld\t%lld\t%d\t", (long long)run->started_us,
                 (long long)run->ended_us, (long long)run->late_ns,
                 (int)run->missed);
        put_text(out, run->log);
        buf_addc(out, '\n');
    }
}

/* The field that begins there, on the heap; *at is where the next one begins,
 * or the end of the line. */
static char *take_text(const char **at)
{
    struct buf text = {0};
    const char *s = *at;
    for (; *s != '\0' && *s != '\t' && *s != '\n'; s++) {
        bool escaped = *s == '\\' && s[1] != '\0';
        s += escaped;
        buf_addc(&text, !escaped    ? *s
                        : *s == 'n' ? '\n'
                        : *s == 't' ? '\t'
                                    : *s);
    }
    *at = *s == '\t' ? s + 1 : s;
    char *copy = xstrdup(buf_text(&text));
    buf_free(&text);
    return copy;
}

static bool take_number(const char **at, int64_t *out)
{
    char *text = take_text(at);
    bool ok = str_to_i64(text, out);
    free(text);
    return ok;
}

static bool take_time(const char **at, int64_t *us)
{
    return take_number(at, us) && *us >= 0 && *us < BEAT_LATEST_US;
}

static bool take_run(struct beat_runs *runs, const char **at)
{
    struct beat_run run = {0};
    int64_t missed = 0;
    char *rid = take_text(at);
    bool ok = strlen(rid) < sizeof run.rid && take_time(at, &run.started_us) &&
              take_time(at, &run.ended_us) && take_number(at, &run.late_ns) &&
              take_number(at, &missed) && runs->count < BEAT_RUNS;
    if (ok) {
        struct beat_run *to = beat_runs_add(runs, rid);
        memcpy(run.rid, to->rid, sizeof run.rid);
        run.missed = missed != 0;
        run.log = take_text(at);
        *to = run;
    }
    free(rid);
    return ok && **at == '\n';
}

void beat_runs_get(struct beat_runs *runs, const char *text)
{
    while (*text != '\0' && take_run(runs, &text))
        text++;
}
