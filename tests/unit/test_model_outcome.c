/* outcome.json as main reads it: whole, or an error that names the member. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "model/outcome.h"

static const char good[] =
    "{\"run\":7,\"exit\":3,\"signal\":0,\"timed_out\":false,\"stopped\":true,"
    "\"survivors_killed\":2,\"left_behind\":[11,12],\"started_us\":100,"
    "\"ended_us\":200,\"sha256\":\"abc\",\"error\":\"\",\"stdout\":\"out\","
    "\"stderr\":\"err\\n\",\"stdout_dropped\":5,\"stderr_dropped\":0,"
    "\"findings\":[{\"t\":\"set\",\"key\":\"k\"}]}";

static void every_member_is_read(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct run_outcome o;
    struct err err = {0};
    if (!outcome_parse(good, strlen(good), &o, arena, &err))
        fail_msg("%s", err.text);
    assert_int_equal(o.run, 7);
    assert_int_equal(o.exit, 3);
    assert_int_equal(o.signal, 0);
    assert_false(o.timed_out);
    assert_true(o.stopped);
    assert_int_equal(o.survivors_killed, 2);
    assert_int_equal(o.left_behind, 2);
    assert_int_equal(o.started_us, 100);
    assert_int_equal(o.ended_us, 200);
    assert_string_equal(o.sha256, "abc");
    assert_string_equal(o.error, "");
    assert_string_equal(o.findings, "[{\"t\":\"set\",\"key\":\"k\"}]");
    assert_string_equal(o.output, "out\n--- standard error ---\nerr\n");
    assert_int_equal(o.stdout_dropped, 5);
    arena_free(arena);
}

/* The good text with one part replaced. */
static void assert_refused(const char *part, const char *by, const char *why)
{
    struct arena *arena = arena_new();
    struct run_outcome o;
    struct err err = {0};
    const char *at = strstr(good, part);
    assert_non_null(at);
    char *text = arena_printf(arena, "%.*s%s%s", (int)(at - good), good, by,
                              at + strlen(part));
    assert_false(outcome_parse(text, strlen(text), &o, arena, &err));
    assert_string_equal(err.text, why);
    arena_free(arena);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    assert_refused("\"exit\":3,", "",
                   "\"exit\" is missing, a whole number "
                   "expected");
    assert_refused("\"exit\":3", "\"exit\":\"3\"",
                   "\"exit\" is of another type, a whole number expected");
    assert_refused("\"exit\":3", "\"exit\":99999", "\"exit\" is out of range");
    assert_refused("\"run\":7", "\"run\":-7", "\"run\" is out of range");
    assert_refused("[11,12]", "{}",
                   "\"left_behind\" is of another type, an array expected");
    assert_refused("\"out\"", "null",
                   "\"stdout\" is of another type, a string expected");
    assert_refused("\"stopped\":true", "\"stopped\":1",
                   "\"stopped\" is of another type, true or false expected");
}

static void any_other_text_is_an_error(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "[]", "7", "{", "\"x\"", "{}"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct arena *arena = arena_new();
        struct run_outcome o;
        struct err err = {0};
        assert_false(
            outcome_parse(texts[i], strlen(texts[i]), &o, arena, &err));
        assert_true(err.text[0] != '\0');
        arena_free(arena);
    }
}

static void a_link_is_not_followed(void **state)
{
    (void)state;
    char dir[] = "/tmp/relevo-outcome-XXXXXX", path[64];
    struct arena *arena = arena_new();
    struct run_outcome o;
    struct err err = {0};
    assert_non_null(mkdtemp(dir));
    assert_false(outcome_read(dir, &o, arena, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    snprintf(path, sizeof path, "%s/%s", dir, OUTCOME_FILE);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_false(outcome_read(dir, &o, arena, &err));
    assert_int_equal(err.code, ERR_IO);
    unlink(path);
    rmdir(dir);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_is_read),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(any_other_text_is_an_error),
        cmocka_unit_test(a_link_is_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
