/* cli/cmd_runbook.c: `relevo runbook list`, from the configuration, and
 * `relevo runbook log`, from the store. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/str.h"
#include "cli/out.h"
#include "cli/listing.h"
#include "cli/use.h"
#include "model/finding.h"
#include "model/naming.h"
#include "report/json.h"
#include "report/story.h"

/* ---------------------------------------------------------------- list --- */

static void add_words(struct buf *out, const char *what,
                      const struct rlv_list *words)
{
    for (size_t i = 0; i < words->count; i++)
        buf_addf(out, "%s%s%s",
                 i > 0          ? " or "
                 : out->len > 0 ? ", "
                                : "",
                 i == 0 ? what : "", words->items[i]);
}

/* "check api* or db, fault refused, when db contains '111'"; "every check". */
static void describe_match(struct buf *out, const struct runbook_match *m)
{
    add_words(out, "check ", &m->checks);
    add_words(out, "plugin ", &m->plugins);
    add_words(out, "tag ", &m->tags);
    add_words(out, "fault ", &m->faults);
    add_words(out, "code ", &m->codes);
    add_words(out, "state ", &m->states);
    add_words(out, "environment ", &m->environments);
    if (m->when != NULL)
        buf_addf(out, "%swhen %s", out->len > 0 ? ", " : "", m->when);
    if (out->len == 0)
        buf_adds(out, "every check");
}

static void describe_on(struct buf *out, unsigned on)
{
    const char *name;
    for (size_t i = 0; (name = runbook_on_nth(i)) != NULL; i++)
        if (on & 1u << i)
            buf_addf(out, "%s%s", out->len > 0 ? ", " : "", name);
}

/* What is listed: the books that are for the environment (NULL: all). */
struct books {
    const struct conf *conf;
    const char *environment;
};

static bool is_listed(const struct books *b, const struct runbook_spec *book)
{
    const struct rlv_list *all = &book->match.environments;
    if (b->environment == NULL || all->count == 0)
        return true;
    for (size_t i = 0; i < all->count; i++)
        if (str_glob(all->items[i], b->environment))
            return true;
    return false;
}

/* What it may do in the end: the lowest of its own mode, that of the
 * environment and the global one. A notice is never muted by it. */
static const char *mode_of(const struct books *b,
                           const struct runbook_spec *book)
{
    const struct environment_spec *environment =
        b->environment == NULL ? NULL
                               : conf_environment(b->conf, b->environment);
    enum automation mode = b->conf->automation;
    if (book->kind == RUNBOOK_NOTIFY)
        return "always";
    if (environment != NULL && environment->automation < mode)
        mode = environment->automation;
    return automation_name(mode < book->mode ? mode : book->mode);
}

static json_t *text_of(const char *s)
{
    return s == NULL ? json_null() : report_text(s, strlen(s));
}

static json_t *list_of(const struct rlv_list *l)
{
    json_t *all = json_array();
    for (size_t i = 0; i < l->count; i++)
        json_array_append_new(all, text_of(l->items[i]));
    return all;
}

static json_t *book_json(const struct books *b, const struct runbook_spec *book)
{
    const struct runbook_match *m = &book->match;
    json_t *on = json_array();
    const char *name;
    for (size_t i = 0; (name = runbook_on_nth(i)) != NULL; i++)
        if (book->on & 1u << i)
            json_array_append_new(on, json_string(name));
    json_t *match = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "check",
        list_of(&m->checks), "plugin", list_of(&m->plugins), "tags",
        list_of(&m->tags), "fault", list_of(&m->faults), "code",
        list_of(&m->codes), "state", list_of(&m->states), "environments",
        list_of(&m->environments), "when", text_of(m->when));
    return json_pack("{s:o, s:s, s:o, s:o, s:o, s:s, s:o, s:o}", "name",
                     text_of(book->name), "kind", runbook_kind_name(book->kind),
                     "title", text_of(book->title ? book->title : ""), "on", on,
                     "match", match, "mode", mode_of(b, book), "script",
                     text_of(book->path), "missing", text_of(book->missing));
}

static void add_book(struct table *t, const struct books *b,
                     const struct runbook_spec *book)
{
    struct buf on = {0}, match = {0};
    describe_on(&on, book->on);
    describe_match(&match, &book->match);
    table_cell(t, "%s", book->name);
    table_cell(t, "%s", runbook_kind_name(book->kind));
    table_cell(t, "%s", buf_text(&on));
    table_cell(t, "%s", buf_text(&match));
    if (book->missing != NULL)
        table_cell(t, "held: %s has no value here", book->missing);
    else
        table_cell(t, "%s", mode_of(b, book));
    table_cell(t, "%s", book->path);
    buf_free(&on);
    buf_free(&match);
}

static void print_books(const struct books *b)
{
    static const char *const head[] = {"RUNBOOK", "KIND", "ON",
                                       "MATCHES", "MODE", "SCRIPT"};
    if (b->conf->runbook_count == 0) {
        puts("no runbooks are configured");
        return;
    }
    struct table *t = table_begin(head, ARRAY_LEN(head));
    for (size_t i = 0; i < b->conf->runbook_count; i++)
        if (is_listed(b, &b->conf->runbooks[i]))
            add_book(t, b, &b->conf->runbooks[i]);
    table_print(t);
}

static json_t *books_json(const struct books *b)
{
    json_t *all = json_array();
    for (size_t i = 0; i < b->conf->runbook_count; i++)
        if (is_listed(b, &b->conf->runbooks[i]))
            json_array_append_new(all, book_json(b, &b->conf->runbooks[i]));
    return all;
}

int cmd_runbook_list(const struct args *args)
{
    struct err err;
    struct conf *conf = use_conf(args);
    if (conf == NULL)
        return EXIT_USAGE; /* it has said why */
    struct books books = {conf, args_get(args, "env")};
    struct naming names = naming_of_conf(conf);
    int status = EXIT_FINE;
    if (!naming_environment(&names, books.environment, &err))
        status = cli_fail(EXIT_USAGE, "%s", err.text);
    else if (args_has(args, "json"))
        out_json(books_json(&books));
    else
        print_books(&books);
    conf_unref(conf);
    return status;
}

/* ----------------------------------------------------------------- log --- */

/* The weightiest sentence there is about a run. */
static const char *remark_of(const struct ledger *p, const struct run_row *run)
{
    return run->reason[0] ? run->reason
                          : finding_weightiest(run->findings, p->arena);
}

static void add_run(struct table *t, const struct ledger *p, const void *row)
{
    const struct run_row *run = row;
    char id[ID_TEXT], incident[ID_TEXT], took[HUMAN_TEXT] = "";
    int64_t us = run->ended_us - run->started_us;
    if (run->started_us != 0 && run->ended_us != 0)
        human_elapsed((us < 0 ? 0 : us) * NS_PER_US, took);
    table_cell(t, "%s", id_text('R', run->number, id));
    table_cell(t, "%s",
               out_time(run->started_us ? run->started_us : run->intended_us));
    table_cell(t, "%s", run->runbook);
    table_cell(t, "%s", runbook_kind_name(run->kind));
    table_cell(t, "%s", ledger_name(p, run->check));
    table_cell(t, "%s", id_text('I', run->incident, incident));
    table_cell(t, "%s", story_run_result(run));
    if (run->exit_status < 0)
        table_cell(t, "%s", "");
    else
        table_cell(t, "%d", run->exit_status);
    table_cell(t, "%s", took);
    table_cell(t, "%s", remark_of(p, run));
}

static bool read_runs(struct ledger *p, uint64_t before, size_t limit,
                      const void **rows, size_t *count, struct err *err)
{
    struct run_row *runs;
    bool ok = ledger_runs(p, before, limit, &runs, count, err);
    *rows = ok ? runs : NULL;
    return ok;
}

static uint64_t number_of(const void *row)
{
    return ((const struct run_row *)row)->number;
}

static uint32_t check_of(const void *row)
{
    return ((const struct run_row *)row)->check;
}

static json_t *run_json(const struct ledger *p, const void *row)
{
    const struct run_row *run = row;
    return report_run(run, ledger_name(p, run->check));
}

int cmd_runbook_log(const struct args *args)
{
    static const char *const head[] = {
        "RUN",      "TIME",   "RUNBOOK", "KIND", "CHECK",
        "INCIDENT", "RESULT", "EXIT",    "TOOK", "REASON OR FINDING"};
    static const struct listing runs = {"nothing ran so far",
                                        head,
                                        ARRAY_LEN(head),
                                        sizeof(struct run_row),
                                        read_runs,
                                        number_of,
                                        check_of,
                                        add_run,
                                        run_json};
    return listing_run(&runs, args);
}
