/* cli/cmd_db.c: `relevo db stats | check | backup`: the history's file, looked
 * at beside the daemon or without one. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/human.h"
#include "base/str.h"
#include "cli/ledger.h"
#include "cli/out.h"
#include "report/json.h"
#include "store/upkeep.h"

enum { PATIENCE_MS = 3600 * 1000 }; /* a large file takes its time */

/* ----------------------------------------------------------------- stats ---
 */

static json_t *whole_or_null(int64_t n)
{
    return n < 0 ? json_null() : json_integer(n);
}

static json_t *tables_json(const struct store_stats *s)
{
    json_t *all = json_array();
    for (size_t i = 0; i < s->table_count; i++) {
        const struct table_stats *t = &s->tables[i];
        json_array_append_new(all,
                              json_pack("{s:s, s:I, s:o, s:o}", "name", t->name,
                                        "rows", (json_int_t)t->rows, "bytes",
                                        whole_or_null(t->bytes), "oldest",
                                        report_time(t->oldest_us)));
    }
    return all;
}

static json_t *keep_json(const struct history_spec *k)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:I, s:I}", "raw_ms", report_ms(k->raw_ns),
        "minute_ms", report_ms(k->minute_ns), "hour_ms", report_ms(k->hour_ns),
        "day_ms", report_ms(k->day_ns), "outputs_ms", report_ms(k->outputs_ns),
        "max_size", (json_int_t)k->max_bytes, "outputs_size",
        (json_int_t)k->outputs_bytes);
}

static json_t *stats_json(const char *dir, const struct store_stats *s)
{
    return json_pack(
        "{s:o, s:i, s:I, s:I, s:I, s:b, s:I, s:I, s:o, s:o, s:o, s:o}",
        "directory", report_text(dir, strlen(dir)), "schema", s->version,
        "file_bytes", (json_int_t)s->file_bytes, "log_bytes",
        (json_int_t)s->log_bytes, "free_bytes", (json_int_t)s->free_bytes,
        "can_shrink", s->can_shrink, "lost", (json_int_t)s->lost,
        "outputs_bytes", (json_int_t)s->outputs_bytes, "results_since",
        report_time(s->swept_us), "rollups_since",
        report_time(s->rollups_from_us), "keep", keep_json(&s->keep), "tables",
        tables_json(s));
}

static void print_tables(const struct store_stats *s)
{
    static const char *const head[] = {"TABLE", "ROWS", "SIZE", "OLDEST"};
    struct table *t = table_new(ARRAY_LEN(head));
    char size[HUMAN_TEXT];
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        table_cell(t, "%s", head[i]);
    for (size_t i = 0; i < s->table_count; i++) {
        const struct table_stats *one = &s->tables[i];
        table_cell(t, "%s", one->name);
        table_cell(t, "%lld", (long long)one->rows);
        table_cell(t, "%s",
                   one->bytes < 0 ? "?" : human_size(one->bytes, size));
        table_cell(t, "%s", out_time(one->oldest_us));
    }
    table_print(t);
}

static const char *age(int64_t ns, char out[HUMAN_TEXT])
{
    return ns == 0 ? "for ever" : human_duration(ns, out);
}

static void print_keep(const struct history_spec *k)
{
    char a[HUMAN_TEXT], b[HUMAN_TEXT], c[HUMAN_TEXT], d[HUMAN_TEXT];
    printf("kept: results %s; by minute %s, by hour %s, by day %s\n",
           age(k->raw_ns, a), age(k->minute_ns, b), age(k->hour_ns, c),
           age(k->day_ns, d));
    printf("      outputs and evidence %s, at most %s; all at most %s\n",
           age(k->outputs_ns, a),
           k->outputs_bytes == 0 ? "as much as there is"
                                 : human_size(k->outputs_bytes, b),
           k->max_bytes == 0 ? "as much as there is"
                             : human_size(k->max_bytes, c));
}

static void print_stats(const char *dir, const struct store_stats *s)
{
    char file[HUMAN_TEXT], log[HUMAN_TEXT], unused[HUMAN_TEXT],
        lost[HUMAN_TEXT];
    printf("%s/history.db: %s, log %s, free in it %s%s; schema %d\n\n",
           out_line(dir), human_size(s->file_bytes, file),
           human_size(s->log_bytes, log), human_size(s->free_bytes, unused),
           s->can_shrink ? "" : " (used again, never given back)", s->version);
    print_tables(s);
    putchar('\n');
    print_keep(&s->keep);
    if (s->swept_us != 0)
        printf("of results that began before %s only the rollups are kept\n",
               out_time(s->swept_us));
    if (s->rollups_from_us != 0)
        printf("rollups count what came after %s\n",
               out_time(s->rollups_from_us));
    printf("lost: %s%s\n", human_count(s->lost, "result", lost),
           s->lost == 0 ? "" : ", to a full queue or a disk that refused");
}

int cmd_db_stats(const struct args *args)
{
    struct ledger p;
    struct store_stats stats;
    struct err err;
    int status = ledger_open(&p, args);
    if (status != EXIT_FINE)
        return status;
    reader_set_deadline(p.reader, PATIENCE_MS);
    if (!reader_stats(p.reader, p.arena, &stats, &err))
        status = cli_fail(EXIT_INTERNAL, "%s", err.text);
    else if (args_has(args, "json"))
        out_json(stats_json(cli_state_dir(args), &stats));
    else
        print_stats(cli_state_dir(args), &stats);
    ledger_close(&p);
    return status;
}

/* ----------------------------------------------------------------- check ---
 */

struct findings {
    bool as_json;
    json_t *all;
};

static void on_finding(void *arg, const char *text)
{
    struct findings *f = arg;
    if (f->as_json)
        json_array_append_new(f->all, report_text(text, strlen(text)));
    else
        printf("%s\n", out_line(text));
}

static void say_sound(const struct inspection *i)
{
    char results[HUMAN_TEXT], periods[HUMAN_TEXT], checks[HUMAN_TEXT],
        rows[HUMAN_TEXT];
    printf("sound: %s and %s of %s, %s of audit\n",
           human_count(i->results, "packed result", results),
           human_count(i->periods, "period", periods),
           human_count(i->checks, "check", checks),
           human_count(i->audit_rows, "row", rows));
}

static int conclude(const struct findings *f, const struct inspection *i)
{
    char text[HUMAN_TEXT];
    unsigned long long n = i->findings;
    if (f->as_json)
        out_json(json_pack(
            "{s:b, s:I, s:O, s:I, s:I, s:I, s:I}", "sound", n == 0, "count",
            (json_int_t)n, "findings", f->all, "checks", (json_int_t)i->checks,
            "results", (json_int_t)i->results, "periods",
            (json_int_t)i->periods, "audit_rows", (json_int_t)i->audit_rows));
    else if (n == 0)
        say_sound(i);
    else
        printf("%s\n", human_count(n, "finding", text));
    return n == 0 ? EXIT_FINE : EXIT_FINDINGS;
}

static int inspect(const struct args *args, struct findings *f)
{
    struct inspection i = {.finding = on_finding, .arg = f};
    struct err err;
    const char *dir = cli_state_dir(args);
    struct reader *r = reader_open(dir, 0, &err);
    bool ok = r != NULL;
    if (ok) {
        reader_set_deadline(r, PATIENCE_MS);
        ok = reader_inspect(r, &i, &err);
        reader_close(r);
    }
    if (!ok && err.code == ERR_PROTOCOL) { /* not even opened */
        on_finding(f, err.text);
        i.findings++;
        ok = true;
    }
    return ok ? conclude(f, &i) : cli_fail(EXIT_INTERNAL, "%s", err.text);
}

int cmd_db_check(const struct args *args)
{
    struct findings f = {args_has(args, "json"), json_array()};
    int status = inspect(args, &f);
    json_decref(f.all);
    return status;
}

/* ---------------------------------------------------------------- backup ---
 */

static void on_progress(void *arg, int done, int of)
{
    int *shown = arg, percent = of == 0 ? 100 : (int)(100LL * done / of);
    if (percent == *shown)
        return;
    *shown = percent;
    fprintf(stderr, "\r%3d %%%s", percent, percent == 100 ? "\r     \r" : "");
}

int cmd_db_backup(const struct args *args)
{
    struct err err;
    int shown = -1;
    const char *file = args->words[0], *dir = cli_state_dir(args);
    struct reader *r = reader_open(dir, 0, &err);
    bool ok = r != NULL;
    if (ok) {
        reader_set_deadline(r, PATIENCE_MS);
        ok = reader_backup(r, file, isatty(STDERR_FILENO) ? on_progress : NULL,
                           &shown, &err);
        reader_close(r);
    }
    if (!ok)
        return cli_fail(err.code == ERR_USAGE ? EXIT_USAGE : EXIT_INTERNAL,
                        "%s", err.text);
    if (args_has(args, "json"))
        out_json(json_pack("{s:o}", "file", report_text(file, strlen(file))));
    else
        printf("%s: a copy of the history of %s, looked through\n",
               out_line(file), out_line(dir));
    return EXIT_FINE;
}
