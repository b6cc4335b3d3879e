/* The states as components by environments: what stands where, at any width of
 * the terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/matrix.h"
#include "cli/out.h"
#include "test_cli_capture.h"

static void add(json_t *checks, const char *name, const char *environment,
                const char *state, const char *count, const char *waits_for)
{
    json_array_append_new(
        checks,
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:n, s:b}", "name", name,
                  "environment", environment, "state", state, "count", count,
                  "waits_for", waits_for, "maintenance", "acknowledged", 0));
}

static json_t *worlds(void)
{
    json_t *checks = json_array();
    add(checks, "staging/api", "staging", "suspect", "2/3", "");
    add(checks, "staging/db", "staging", "up", "", "");
    add(checks, "production/api", "production", "impacted", "",
        "production/db, staging/x");
    add(checks, "production/db", "production", "down", "", "");
    add(checks, "production/docs", "production", "up", "", "");
    json_object_set_new(json_array_get(checks, 3), "acknowledged", json_true());
    json_object_set_new(json_array_get(checks, 4), "maintenance",
                        json_string("M-3 until 14:30"));
    return checks;
}

/* What is printed at that width; to be freed. */
static struct buf printed(const json_t *checks, int columns)
{
    char path[] = "/tmp/relevo-matrix-XXXXXX";
    struct buf text = {0};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    fflush(NULL);
    int old = divert(STDOUT_FILENO, path);
    matrix_print(checks, columns);
    fflush(NULL);
    restore(STDOUT_FILENO, old);
    assert_true(fs_read(path, 1 << 20, &text, NULL));
    unlink(path);
    return text;
}

static void what_stands_where(void **state)
{
    (void)state;
    json_t *checks = worlds();
    struct buf text = printed(checks, 0);
    assert_string_equal(text.data,
                        "COMPONENT  staging      production\n"
                        "api        suspect 2/3  waits for db, staging/x\n"
                        "db         up           down, acknowledged\n"
                        "docs       -            up, maintenance\n");
    buf_free(&text);
    json_decref(checks);
}

static void without_environments(void **state)
{
    (void)state;
    json_t *checks = json_array();
    add(checks, "api", "", "up", "", "");
    struct buf text = printed(checks, 80);
    assert_string_equal(text.data, "COMPONENT  STATE\napi        up\n");
    buf_free(&text);
    json_decref(checks);
}

static void no_line_is_wider_than_the_terminal(void **state)
{
    (void)state;
    json_t *checks = json_array();
    char name[80], environment[40];
    for (int i = 0; i < 7; i++) {
        snprintf(environment, sizeof environment, "environment-%d", i);
        snprintf(name, sizeof name, "%s/a-component-with-a-long-name",
                 environment);
        add(checks, name, environment, "impacted", "",
            "a-database-with-a-long-name, an-other-one-\xc3\xa9\xc3\xa9");
    }
    for (int columns = 20; columns < 200; columns += 7) {
        struct buf text = printed(checks, columns);
        for (char *line = strtok(text.data, "\n"); line != NULL;
             line = strtok(NULL, "\n"))
            if (out_width(line) > columns)
                fail_msg("%d wide, at most %d: %s", out_width(line), columns,
                         line);
        buf_free(&text);
    }
    struct buf narrow = printed(checks, 70);
    assert_true(says(&narrow, "waits for a-database-with-a-l…"));
    assert_true(says(&narrow, "\n\nCOMPONENT"));
    assert_true(says(&narrow, "environment-6"));
    buf_free(&narrow);
    json_decref(checks);
}

static void as_json(void **state)
{
    (void)state;
    json_t *checks = worlds(), *o = matrix_json(checks);
    json_t *docs = json_array_get(json_object_get(o, "components"), 2);
    assert_int_equal(json_array_size(json_object_get(o, "environments")), 2);
    assert_string_equal(json_string_value(json_object_get(docs, "name")),
                        "docs");
    json_t *states = json_object_get(docs, "states");
    assert_true(json_is_null(json_array_get(states, 0)));
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(states, 1), "name")),
        "production/docs");
    json_decref(o);
    json_decref(checks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stands_where),
        cmocka_unit_test(without_environments),
        cmocka_unit_test(no_line_is_wider_than_the_terminal),
        cmocka_unit_test(as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
