/* cli/ledger.c: see ledger.h. */
#include "cli/ledger.h"

#include "base/str.h"

int ledger_open(struct ledger *p, const struct args *args)
{
    struct err err;
    const char *dir = cli_state_dir(args);
    *p = (struct ledger){0};
    p->reader = reader_open(dir, 0, &err);
    if (p->reader == NULL && err.code == ERR_NOT_FOUND)
        return cli_fail(EXIT_INTERNAL, "no history in %s yet: start relevo run",
                        dir);
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

const char *ledger_name(const struct ledger *p, uint32_t check)
{
    for (size_t i = 0; i < p->check_count; i++)
        if (p->checks[i].check == check)
            return p->checks[i].name;
    return "";
}

static const char *nth_name(const void *arg, size_t i)
{
    const struct ledger *p = arg;
    return i < p->check_count ? p->checks[i].name : NULL;
}

const struct check_row *ledger_check(const struct ledger *p, const char *name,
                                     const char **near)
{
    for (size_t i = 0; i < p->check_count; i++)
        if (str_eq(p->checks[i].name, name))
            return &p->checks[i];
    *near = str_nearest(name, nth_name, p);
    return NULL;
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
