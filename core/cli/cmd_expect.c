/* cli/cmd_expect.c: `relevo expect EXPR`: what an expectation is worth over
 * observations from a file; without a file, whether it is right and of which
 * type. Exit status: 0 true, 1 false, 2 it cannot be used, 3 it could not be
 * judged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/human.h"
#include "base/str.h"
#include "cli/observed.h"
#include "cli/out.h"
#include "cli/plugin_page.h"
#include "cli/vetted.h"
#include "report/json.h"

#define FILE_LIMIT ((size_t)16 << 20)

struct question {
    const char *text;
    const struct catalog *catalog;
    struct expect *expect;
    bool is_value; /* good for `record` only */
    bool json;
    struct expect_input in;
    struct arena *arena;
};

/* ---------------------------------------------------------------- load --- */

static int refuse(const char *text, const struct expect_error *error)
{
    cli_fail(EXIT_USAGE, "%s", error->text);
    out_point(text, error->column);
    return EXIT_USAGE;
}

static int parse(struct question *q)
{
    struct expect_scope scope = {q->catalog->fields, q->catalog->field_count};
    struct expect_error error, unread;
    q->expect = expect_parse(q->text, &scope, &error);
    if (q->expect != NULL)
        return EXIT_FINE;
    q->expect = expect_parse_value(q->text, &scope, &unread);
    q->is_value = q->expect != NULL;
    return q->is_value ? EXIT_FINE : refuse(q->text, &error);
}

static json_t *text_of(const char *s) { return report_text(s, strlen(s)); }

static int say_type(const struct question *q)
{
    const char *type = plugin_type_name(expect_type(q->expect));
    if (q->json)
        out_json(json_pack("{s:o, s:s, s:b}", "expression", text_of(q->text),
                           "type", q->is_value ? type : "condition",
                           "condition", !q->is_value));
    else if (q->is_value)
        printf("a value (%s), for record; an expectation needs a condition\n",
               type);
    else
        puts("a condition (true or false)");
    return EXIT_FINE;
}

/* --------------------------------------------------------------- judge --- */

static json_t *value_json(const struct rlv_value *v)
{
    switch (v->type) {
    case RLV_T_BOOL: return json_boolean(v->as.i != 0);
    case RLV_T_REAL:
    case RLV_T_PERCENT: return json_real(v->as.d);
    case RLV_T_TEXT:
    case RLV_T_BODY: return report_text(v->as.s, v->len);
    case RLV_T_DURATION: return report_ms(v->as.i);
    default: return json_integer(v->as.i);
    }
}

static int say_value(const struct question *q, const char *seen)
{
    struct err err = {0};
    struct rlv_value v;
    bool there = expect_yield(q->expect, &q->in, q->arena, &v, &err);
    if (!there && err.text[0] != '\0')
        return cli_fail(EXIT_INTERNAL, "%s", err.text);
    if (q->json)
        out_json(json_pack("{s:o, s:o, s:s}", "expression", text_of(q->text),
                           "value", there ? value_json(&v) : json_null(),
                           "values", seen));
    else
        puts(seen);
    return there ? EXIT_FINE : EXIT_FINDINGS;
}

static int say_verdict(const struct question *q, const char *seen)
{
    struct err err = {0};
    enum expect_verdict verdict = expect_eval(q->expect, &q->in, &err);
    if (verdict == EXPECT_ERROR)
        return cli_fail(EXIT_INTERNAL, "%s", err.text);
    bool holds = verdict == EXPECT_TRUE;
    if (q->json)
        out_json(json_pack("{s:o, s:b, s:s}", "expression", text_of(q->text),
                           "true", holds, "values", seen));
    else {
        puts(out_colour(holds ? GREEN : RED, holds ? "true" : "false"));
        if (seen[0] != '\0')
            puts(seen);
    }
    return holds ? EXIT_FINE : EXIT_FINDINGS;
}

static int judge(struct question *q, const json_t *given, const char *file)
{
    struct err err;
    struct buf seen = {0};
    struct observed *o = observed_read(q->catalog, given, q->arena, &err);
    if (o == NULL)
        return cli_fail(EXIT_USAGE, "%s: %s", file, err.text);
    q->in = (struct expect_input){.get = observed_get,
                                  .arg = o,
                                  .now_us = clock_wall_us(),
                                  .cache = expect_cache_new()};
    expect_explain(q->expect, &q->in, &seen);
    int status = q->is_value ? say_value(q, buf_text(&seen))
                             : say_verdict(q, buf_text(&seen));
    expect_cache_free(q->in.cache);
    buf_free(&seen);
    return status;
}

/* ---------------------------------------------------------------- file --- */

static bool read_input(struct buf *out, struct err *err)
{
    char block[65536];
    ssize_t n;
    while ((n = read(STDIN_FILENO, block, sizeof block)) > 0) {
        buf_add(out, block, (size_t)n);
        if (out->len > FILE_LIMIT)
            return err_set(err, ERR_LIMIT, 0, "standard input is too long");
    }
    return true;
}

/* NULL: it has been said why. "-" is standard input. */
static json_t *read_json(const char *file)
{
    struct buf text = {0};
    struct err err;
    json_error_t wrong;
    json_t *given = NULL;
    bool ok = str_eq(file, "-") ? read_input(&text, &err)
                                : fs_read(file, FILE_LIMIT, &text, &err);
    if (!ok)
        cli_fail(EXIT_USAGE, "--with: %s", err.text);
    else if ((given = json_loadb(buf_text(&text), text.len,
                                 JSON_REJECT_DUPLICATES, &wrong)) == NULL)
        cli_fail(EXIT_USAGE, "%s:%d:%d: not JSON: %s", file, wrong.line,
                 wrong.column, wrong.text);
    buf_free(&text);
    return given;
}

/* ------------------------------------------------------------- command --- */

/* The file comes first: a result brings names that its check recorded. */
static int answer(struct question *q, const char *file)
{
    json_t *given = file == NULL ? NULL : read_json(file);
    if (file != NULL && given == NULL)
        return EXIT_USAGE;
    if (given != NULL)
        q->catalog = observed_names(q->catalog, given, q->arena);
    int status = parse(q);
    if (status == EXIT_FINE)
        status = given == NULL ? say_type(q) : judge(q, given, file);
    json_decref(given);
    return status;
}

int cmd_expect(const struct args *args)
{
    const char *plugin = args_get(args, "plugin");
    struct catalog *catalog =
        vetted_find(args, plugin == NULL ? "http" : plugin);
    if (catalog == NULL)
        return EXIT_USAGE;
    struct question q = {.text = args->words[0],
                         .catalog = catalog,
                         .json = args_has(args, "json"),
                         .arena = arena_new()};
    int status = answer(&q, args_get(args, "with"));
    expect_free(q.expect);
    arena_free(q.arena);
    catalog_free(catalog);
    return status;
}
