/* cli/ledger.c: see ledger.h. */
#include "cli/ledger.h"

#include "base/str.h"
#include "model/naming.h"

struct reader *ledger_reader(const char *state_dir, struct err *err)
{
    struct reader *reader = reader_open(state_dir, 0, err);
    if (reader == NULL && err->code == ERR_NOT_FOUND)
        err_set(err, ERR_NOT_FOUND, 0, "no history in %s yet: start relevo run",
                state_dir);
    return reader;
}

int ledger_open(struct ledger *p, const struct args *args)
{
    struct err err;
    const char *dir = cli_state_dir(args);
    *p = (struct ledger){0};
    p->reader = ledger_reader(dir, &err);
    if (p->reader == NULL)
        return cli_fail(EXIT_INTERNAL, "%s", err.text);
    p->arena = arena_new();
    if (reader_checks(p->reader, p->arena, &p->checks, &p->check_count, &err))
        return EXIT_FINE;
    ledger_close(p);
    return cli_fail(EXIT_INTERNAL, "history in %s: %s", dir, err.text);
}

void ledger_close(struct ledger *p)
{
    reader_close(p->reader);
    arena_free(p->arena);
    *p = (struct ledger){0};
}

struct story_source ledger_source(const struct ledger *p)
{
    return (struct story_source){p->reader, p->arena, p->checks,
                                 p->check_count};
}

static const struct check_row *by_number(const struct ledger *p, uint32_t check)
{
    for (size_t i = 0; i < p->check_count; i++)
        if (p->checks[i].check == check)
            return &p->checks[i];
    return NULL;
}

const char *ledger_name(const struct ledger *p, uint32_t check)
{
    const struct check_row *row = by_number(p, check);
    return row == NULL ? "" : row->name;
}

bool ledger_is_of(const struct ledger *p, uint32_t check,
                  const char *environment)
{
    const struct check_row *row = by_number(p, check);
    return environment == NULL ||
           (row != NULL && str_eq(row->environment, environment));
}

static bool at_ledger(const void *arg, size_t i, struct named *out)
{
    const struct ledger *p = arg;
    if (i >= p->check_count)
        return false;
    *out = (struct named){p->checks[i].name, p->checks[i].environment};
    return true;
}

static struct naming naming_of(const struct ledger *p)
{
    return (struct naming){p, at_ledger, "in the history"};
}

bool ledger_environment(const struct ledger *p, const char *environment,
                        struct err *err)
{
    struct naming names = naming_of(p);
    return naming_environment(&names, environment, err);
}

const struct check_row *ledger_check(const struct ledger *p,
                                     const struct args *args, const char *word)
{
    struct naming names = naming_of(p);
    struct err err;
    size_t index;
    if (naming_find(&names, word, args_get(args, "env"), &index, &err))
        return &p->checks[index];
    cli_fail(EXIT_USAGE, "%s",
             p->check_count == 0 ? "no check has a history yet" : err.text);
    return NULL;
}

bool ledger_runs(struct ledger *p, uint64_t before, size_t limit,
                 struct run_row **runs, size_t *count, struct err *err)
{
    if (!reader_runs(p->reader, p->arena, before, limit, runs, count, err))
        return false;
    for (size_t i = 0; i < *count; i++) {
        struct incident_row incident;
        struct run_row *run = &(*runs)[i];
        if (run->incident == 0 ||
            reader_incident(p->reader, p->arena, run->incident, &incident, err))
            continue;
        if (err->code != ERR_NOT_FOUND)
            return false;
        run->incident = 0;
    }
    return true;
}

int ledger_limit(const struct args *args, size_t *limit)
{
    int64_t n;
    const char *text = args_get(args, "limit");
    if (text == NULL)
        return EXIT_FINE;
    if (!str_to_i64(text, &n) || n < 1)
        return cli_fail(EXIT_USAGE,
                        "--limit: \"%s\" is not a whole number above 0", text);
    *limit = (size_t)n;
    return EXIT_FINE;
}
