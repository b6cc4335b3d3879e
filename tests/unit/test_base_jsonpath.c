/* tests/unit/test_base_jsonpath.c: what paths find, and how bad ones are
 * refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/jsonpath.h"

static const char document[] =
    "{\"db\":\"ok\",\"components\":{\"db\":{\"status\":\"down\"}},"
    "\"checks\":[{\"a.b\":{\"up\":true}},{\"it's\":1},3],\"null\":null,"
    "\"\":\"empty\",\"quote\\\"d\":2,\"space d\":4,\"é\":5,\"0\":6}";

static void check(const char *path, const char *wanted)
{
    json_t *root = json_loads(document, 0, NULL);
    struct err err = {0};
    struct jsonpath *p = jsonpath_parse(path, NULL, &err);
    if (p == NULL)
        fail_msg("%s: %s", path, err.text);
    const json_t *at = jsonpath_get(p, root);
    char *got = at == NULL ? NULL : json_dumps(at, JSON_ENCODE_ANY);
    if (wanted == NULL ? got != NULL : got == NULL || strcmp(got, wanted) != 0)
        fail_msg("%s: got %s, wanted %s", path, got ? got : "nothing",
                 wanted ? wanted : "nothing");
    free(got);
    jsonpath_free(p);
    json_decref(root);
}

static void paths_lead_to_values(void **state)
{
    (void)state;
    check(".db", "\"ok\"");
    check("$.db", "\"ok\"");
    check(".components.db.status", "\"down\"");
    check("$.checks[0][\"a.b\"].up", "true");
    check(".checks[0]['a.b'].up", "true");
    check(".checks[1][\"it's\"]", "1");
    check(".checks[1]['it\\'s']", "1");
    check(".checks[2]", "3");
    check(".checks[-1]", "3");
    check(".checks.[-3][\"a.b\"]", "{\"up\": true}");
    check("[\"db\"]", "\"ok\"");
    check(".[\"db\"]", "\"ok\"");
    check("[\"\"]", "\"empty\"");
    check("[\"quote\\\"d\"]", "2");
    check(".space d", "4");
    check(".é", "5");
    check(".0", "6");
    check(".null", "null");
}

static void paths_lead_nowhere(void **state)
{
    (void)state;
    check(".DB", NULL);
    check(".db.x", NULL);
    check(".db[0]", NULL);
    check(".checks[3]", NULL);
    check(".checks[-4]", NULL);
    check(".checks.length", NULL);
    check(".components[0]", NULL);
    check(".null.x", NULL);
}

static void the_whole_document_has_a_path(void **state)
{
    (void)state;
    static const char *const paths[] = {".", "$", "$."};
    json_t *root = json_integer(7);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct jsonpath *p = jsonpath_parse(paths[i], NULL, NULL);
        assert_non_null(p);
        assert_ptr_equal(jsonpath_get(p, root), root);
        jsonpath_free(p);
    }
    json_decref(root);
}

static void bad_paths_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        size_t offset;
        const char *says;
    } rows[] = {
        {"", 0, "is empty"},
        {"db", 0, "must begin with a dot, as in \".db\""},
        {".a..b", 3, "a name must follow the dot"},
        {".a.", 3, "a name must follow the dot"},
        {".a[", 3, "in brackets stands an index"},
        {".a[]", 3, "in brackets stands an index"},
        {".a[x]", 3, "in brackets stands an index"},
        {".a[1", 4, "expected \"]\""},
        {".a[1x]", 4, "expected \"]\""},
        {".a[*]", 3, "in brackets stands an index"},
        {".a[1234567890]", 3, "in brackets stands an index"},
        {".a[-0]", 3, "the last item is [-1]"},
        {".a[\"b]", 6, "the quoted name does not end"},
        {".a[\"b\\", 6, "the quoted name does not end"},
        {".a[0]b", 5, "expected \".name\""},
        {".a]", 2, "expected \".name\""},
        {".a\"b\"", 1, "a name with quotes"},
        {"$db", 1, "expected \".name\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t offset = 99;
        struct err err = {0};
        if (jsonpath_parse(rows[i].path, &offset, &err) != NULL)
            fail_msg("%s: was accepted", rows[i].path);
        if (offset != rows[i].offset || strstr(err.text, rows[i].says) == NULL)
            fail_msg("%s: got %zu %s, wanted %zu %s", rows[i].path, offset,
                     err.text, rows[i].offset, rows[i].says);
    }
}

static void length_is_limited(void **state)
{
    (void)state;
    struct buf path = {0};
    for (int i = 0; i < 64; i++)
        buf_adds(&path, ".a");
    struct jsonpath *p = jsonpath_parse(path.data, NULL, NULL);
    assert_non_null(p);
    jsonpath_free(p);
    buf_adds(&path, ".a");
    struct err err = {0};
    assert_null(jsonpath_parse(path.data, NULL, &err));
    assert_string_equal(err.text, "path is longer than 64 steps");
    buf_free(&path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_lead_to_values),
        cmocka_unit_test(paths_lead_nowhere),
        cmocka_unit_test(the_whole_document_has_a_path),
        cmocka_unit_test(bad_paths_are_refused_with_their_place),
        cmocka_unit_test(length_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
