/* cli/listing.c: see listing.h.
 *
 * Rows do not know their environment, their checks do: they are read page by
 * page until enough of them fit. */
#include "cli/listing.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum { DEFAULT_LIMIT = 20, PAGE = 500 };

bool listing_read(const struct listing *l, struct ledger *p,
                  const char *environment, size_t limit, const void ***rows,
                  size_t *count, struct err *err)
{
    uint64_t before = 0;
    size_t cap = 0, page_count = 0;
    size_t page = environment == NULL ? limit : PAGE;
    *rows = NULL;
    *count = 0;
    do {
        const void *found;
        if (!l->read(p, before, page, &found, &page_count, err)) {
            free(*rows);
            return false;
        }
        for (size_t i = 0; i < page_count && *count < limit; i++) {
            const void *row = (const char *)found + i * l->row_size;
            before = l->number(row);
            if (!ledger_is_of(p, l->check(row), environment))
                continue;
            *rows = xgrow(*rows, *count, &cap, sizeof **rows);
            (*rows)[(*count)++] = row;
        }
    } while (page_count == page && *count < limit);
    return true;
}

static void print(const struct listing *l, const struct ledger *p,
                  const void *const *rows, size_t count)
{
    if (count == 0) {
        puts(l->none);
        return;
    }
    struct table *t = table_begin(l->head, l->columns);
    for (size_t i = 0; i < count; i++)
        l->add(t, p, rows[i]);
    table_print(t);
}

static json_t *to_json(const struct listing *l, const struct ledger *p,
                       const void *const *rows, size_t count)
{
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(all, l->json(p, rows[i]));
    return all;
}

int listing_run(const struct listing *l, const struct args *args)
{
    struct ledger ledger;
    struct err err;
    const void **rows;
    size_t count, limit = DEFAULT_LIMIT;
    const char *environment = args_get(args, "env");
    int status = ledger_limit(args, &limit);
    if (status == EXIT_FINE)
        status = ledger_open(&ledger, args);
    if (status != EXIT_FINE)
        return status;
    if (!ledger_environment(&ledger, environment, &err)) {
        status = cli_fail(EXIT_USAGE, "%s", err.text);
    } else if (!listing_read(l, &ledger, environment, limit, &rows, &count,
                             &err)) {
        status = cli_fail(EXIT_INTERNAL, "%s", err.text);
    } else {
        if (args_has(args, "json"))
            out_json(to_json(l, &ledger, rows, count));
        else
            print(l, &ledger, rows, count);
        free(rows);
    }
    ledger_close(&ledger);
    return status;
}
