/* tests/unit/test_expect_type.c: what an expression must not be, with the
 * column and the words of each refusal; and what is known after loading. */
#include "test_expect_scope.h"

#include <stdlib.h>

#include "base/str.h"

struct refusal {
    const char *text;
    int column;
    const char *says;
};

static void check_refusal(const struct refusal *r)
{
    struct expect_error error;
    struct expect *e = expect_parse(r->text, &scope, &error);
    if (e != NULL)
        fail_msg("%s: was accepted", r->text);
    if (error.column != r->column || strcmp(error.text, r->says) != 0)
        fail_msg("%s\n  got    %d: %s\n  wanted %d: %s", r->text, error.column,
                 error.text, r->column, r->says);
}

// clang-format off
static const struct refusal refusals[] = {
    {"stauts == 200", 1, "unknown field \"stauts\"; did you mean \"status\"?"},
    {"status = 200", 8, "unknown operator \"=\"; did you mean \"==\"?"},
    {"status == 200 && tls", 15, "unknown operator \"&&\"; did you mean \"and\"?"},
    {"status == 200 || tls", 15, "unknown operator \"||\"; did you mean \"or\"?"},
    {"body =~ /x/", 6, "unknown operator \"=~\"; did you mean \"~\"?"},
    {"body matches /x/", 6, "unknown operator \"matches\"; did you mean \"~\"?"},
    {"role is 'x'", 6, "unknown operator \"is\"; did you mean \"==\"?"},
    {"role like 'x'", 6, "unknown operator \"like\"; did you mean \"~\"?"},
    {"latency < 500", 11, "latency is a duration: write 500ms, not 500"},
    {"latency < '500ms'", 11, "latency is a duration and '500ms' a text: they do not compare; write 500ms without quotes"},
    {"latency < 'abc'", 11, "latency is a duration and 'abc' a text: they do not compare"},
    {"500 > latency", 1, "latency is a duration: write 500ms, not 500"},
    {"latency < 500msec", 14, "unknown unit \"msec\"; did you mean \"ms\"?"},
    {"latency < 500 msec", 15, "unknown unit \"msec\"; did you mean \"ms\"?"},
    {"latency < 500sec", 14, "unknown unit \"sec\"; did you mean \"s\"?"},
    {"latency < 5x", 12, "unknown unit \"x\"; there are us ms s m h d w, B KB MB GB KiB MiB GiB, %"},
    {"latency < 500MiB", 11, "latency is a duration and 500MiB a size: they do not compare"},
    {"latency < 1MiB", 11, "latency is a duration and 1MiB a size: they do not compare"},
    {"status == '200'", 11, "status is a number and '200' a text: they do not compare; write 200 without quotes"},
    {"status == 'ok'", 11, "status is a number and 'ok' a text: they do not compare"},
    {"status", 1, "status is a number, not a condition: compare it with something, or write exists status"},
    {"latency and tls", 1, "latency is a duration, not a condition: compare it with something, or write exists latency"},
    {"hit_ratio > 95", 13, "hit_ratio is a percentage: write 95%, not 95"},
    {"memory > 1MiB and memory == '1MiB'", 29, "memory is a size and '1MiB' a text: they do not compare; write 1MiB without quotes"},
    {"header == 'x'", 1, "header is a map: write header('key')"},
    {"header() == 'x'", 1, "header needs one key in quotes: header('key')"},
    {"header(etag) == 'x'", 8, "header needs one key in quotes: header('key')"},
    {"status('x') == 1", 1, "status is a number, not a map or a function: write status without parentheses"},
    {"jsn('.a') == 1", 1, "unknown function \"jsn\"; did you mean \"json\"?"},
    {"json('.a' == 1", 11, "expected \",\" or the closing bracket, found \"==\""},
    {"json('a') == 1", 7, "path \"a\": must begin with a dot, as in \".db\""},
    {"json('.a[x]') == 1", 10, "path \".a[x]\": in brackets stands an index such as [0] or [-1], or a quoted name such as [\"a.b\"]"},
    {"json('.a') < 500ms", 14, "json() never yields a duration: JSON knows numbers, texts, true and false"},
    {"json(body) == 1", 6, "json() takes a path in quotes, as in json('.components.db.status'); body is a body"},
    {"body ~ 'x'", 8, "~ takes a regex: write /…/, not 'x'"},
    {"body ~ /a(/", 11, "the regex is wrong here: missing closing parenthesis"},
    {"body ~ /a[/i", 11, "the regex is wrong here: missing terminating ] for character class"},
    {"body ~ /a/g", 11, "unknown regex flag \"g\"; there is i (case does not count), others are written (?s) in the pattern"},
    {"body ~ /a", 8, "the regex that begins here does not end"},
    {"body ~ /\\C/", 11, "the regex is wrong here: using \\C is disabled by the application"},
    {"role == 'abc", 9, "the text that begins here does not end"},
    {"role == 'a\\q'", 11, "unknown escape \"\\q\"; there are \\n \\t \\r \\\\ \\' \\\" \\xHH \\uHHHH"},
    {"role == ok", 9, "unknown field \"ok\"; there are status, latency, limit, memory, hit_ratio, load, tls, expires, role, version, body, header, value, reply, missing, gone (a text needs quotes)"},
    {"role == null", 9, "there is no null; to ask whether something is there, write exists or not exists"},
    {"status in 200", 11, "in takes a range such as 200..299 or a list such as [200, 204], not 200"},
    {"status == 200..299", 8, "== does not take a range; did you mean \"in\"?"},
    {"status == [200, 204]", 8, "== does not take a list; did you mean \"in\"?"},
    {"status in 299..200", 11, "the range is upside down: the lower end stands first"},
    {"status in [200, 'x']", 17, "status is a number and 'x' a text: they do not compare"},
    {"status in []", 11, "the list is empty"},
    {"latency in 100..500ms", 12, "the ends of the range do not fit: a number and a duration; both need the unit"},
    {"latency in 1s..500", 16, "the ends of the range do not fit: a duration and a number; both need the unit"},
    {"status < 200 < 300", 14, "comparisons do not chain: write a < b and b < c"},
    {"status not 200", 12, "expected in, contains, starts_with or ends_with after not, found \"200\""},
    {"status exists", 8, "exists stands before what it asks for: exists status"},
    {"exists 5", 8, "exists asks for something observed: 5 is always there"},
    {"exists status == 5", 15, "expected and, or, or the end, found \"==\""},
    {"role > 5", 8, "role is a text and 5 a number: they do not compare"},
    {"tls > true", 5, "> does not order true and false: tls is true or false"},
    {"body < 'x'", 6, "< does not order bodies: body is a body"},
    {"role contains 5", 15, "contains takes a text in quotes: 5 is a number"},
    {"role contains /x/", 15, "contains takes a text; for a regex write ~"},
    {"status contains '5'", 1, "contains looks into a text: status is a number"},
    {"status ~ /5/", 1, "~ looks into a text: status is a number"},
    {"len(status) > 5", 5, "len() takes an observed text or body, as in len(body) < 1MiB; status is a number"},
    {"len('x') > 5", 5, "len() takes an observed text or body, as in len(body) < 1MiB; 'x' is a text"},
    {"within(role, '5')", 8, "within() takes an observed number, as in within(queue, '~:100'); role is a text"},
    {"within(status, 5)", 16, "within() takes a range in quotes second, as in within(queue, '~:100'); 5 is a number"},
    {"within(status, '2:1')", 16, "'2:1' is no Nagios range such as '10:20', '~:5' or '@0:1'"},
    {"within(status)", 1, "within() takes 2 arguments, as in within(queue, '~:100')"},
    {"age(status) > 5m", 5, "age() takes an observed time, as in age(json('.updated_at')) < 5m; status is a number"},
    {"lower() == 'x'", 1, "lower() takes 1 argument, as in lower(header('server')) contains 'nginx'"},
    {"p95(latency, 7d) < 500ms", 1, "p95() is not in this version"},
    {"p95(latency) < 500ms", 1, "p95() takes 2 arguments, as in p95(latency, 7d)"},
    {"p95(role, 7d) < 1s", 5, "p95() takes a field that is a number, as in p95(latency, 7d); role is a text"},
    {"prev(status) == status", 1, "prev() is not in this version"},
    {"tls and avg(latency, 1h) > 1s", 9, "avg() is not in this version"},
    {"rate(status) > 1 ", 1, "rate() is not in this version"},
    {"p96(latency, 7d) < 1s", 1, "unknown function \"p96\"; did you mean \"p90\"?"},
    {"(status == 200", 15, "expected \")\", found the end"},
    {"", 1, "the expression is empty"},
    {"status == ", 11, "expected a field, a function or a value, found the end"},
    {"== 200", 1, "expected a field, a function or a value, found \"==\""},
    {"status == 200 tls", 15, "expected and, or, or the end, found \"tls\""},
    {"status == 200 adn tls", 15, "unknown operator \"adn\"; did you mean \"and\"?"},
    {"status == 200 AND tls", 15, "unknown operator \"AND\"; did you mean \"and\"?"},
    {"status == 99999999999999999999", 11, "the number is too large"},
    {"latency < 99999999999d", 11, "the number is too large"},
    {"status == .5", 11, "a number begins with a digit: write 0.5"},
    {"status == 5.", 12, "unexpected \".\""},
    {"status ? 5", 8, "unexpected \"?\""},
    {"status == 2e3", 12, "unknown unit \"e\"; there are us ms s m h d w, B KB MB GB KiB MiB GiB, %"},
    {"expires < 'yesterday'", 11, "'yesterday' is not a time such as '2026-03-28T12:00:00Z'"},
    {"expires < 5", 11, "expires is a time and 5 a number: they do not compare"},
    {"status <> 5", 8, "unknown operator \"<>\"; did you mean \"!=\"?"},
    {"status =! 5", 8, "unknown operator \"=!\"; did you mean \"!=\"?"},
    {"! tls", 1, "unknown operator \"!\"; did you mean \"not\"?"},
    {"not", 4, "expected a field, a function or a value, found the end"},
    {"status == not", 11, "expected a field, a function or a value, found \"not\""},
    {"'a' == 5", 8, "'a' is a text and 5 a number: they do not compare"},
    {"header('a', 'b') == 1", 1, "header needs one key in quotes: header('key')"},
    {"[1] == 1", 1, "a list stands right of the operator, as in status in 200..299"},
    {"/x/ ~ body", 1, "a regex stands right of the operator, as in body ~ /ready/"},
    {"1..2 == 3", 1, "a range stands right of the operator, as in status in 200..299"},
    {"latency < 1h30", 15, "a unit is missing here"},
    {"latency < 1h30MiB", 15, "the unit \"MiB\" does not fit the one before"},
    {"status == limit", 11, "status is a number and limit a duration: they do not compare"},
    {"status == contains", 11, "expected a field, a function or a value, found \"contains\""},
    {"len == 5", 1, "len is a function: write len(body) < 1MiB"},
    {"json == 5", 1, "json is a function: write json('.components.db.status')"},
    {"role == 'x' 'y'", 13, "expected and, or, or the end, found \"'y'\""},
    {"status in [1 2]", 14, "expected \",\" or the closing bracket, found \"2\""},
    {"exists nothere", 8, "unknown field \"nothere\"; there are status, latency, limit, memory, hit_ratio, load, tls, expires, role, version, body, header, value, reply, missing, gone (a text needs quotes)"},
    {"latency < −5", 11, "unexpected \"−\""},
    {"status == 5 %", 11, "status is a number and 5 % a percentage: they do not compare"},
    {"statusx", 1, "unknown field \"statusx\"; did you mean \"status\"?"},
    {"status-code == 5", 1, "unknown field \"status-code\"; there are status, latency, limit, memory, hit_ratio, load, tls, expires, role, version, body, header, value, reply, missing, gone (a text needs quotes)"},
    {"role == “x”", 9, "unexpected \"“\"; a text stands in plain quotes, ' or \""},
    {"body ~ /a\\/b[/", 14, "the regex is wrong here: missing terminating ] for character class"},
    {"exists status == 5", 15, "expected and, or, or the end, found \"==\""},
    {"body ~ /\\/", 8, "the regex that begins here does not end"},
};
// clang-format on

static void wrong_lines_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
        check_refusal(&refusals[i]);
}

static char *repeat(const char *what, size_t times, const char *end)
{
    struct buf b = {0};
    for (size_t i = 0; i < times; i++)
        buf_adds(&b, what);
    buf_adds(&b, end);
    return buf_take(&b);
}

static void check_limit(const char *what, size_t times, const char *end,
                        const char *says)
{
    char *text = repeat(what, times, end);
    struct expect_error error;
    struct expect *e = expect_parse(text, &scope, &error);
    if (says == NULL && e == NULL)
        fail_msg("%s… refused: %s", what, error.text);
    if (says != NULL) {
        assert_null(e);
        assert_string_equal(error.text, says);
    }
    expect_free(e);
    free(text);
}

static void nesting_and_length_are_limited(void **state)
{
    (void)state;
    check_limit("not ", 64, "tls", NULL);
    check_limit("not ", 65, "tls", "nested more than 64 deep");
    check_limit("(", 65, "tls", "nested more than 64 deep");
    check_limit("[", 65, "1", "nested more than 64 deep");
    check_limit("lower(", 65, "role", "nested more than 64 deep");
    check_limit("exists (", 65, "role", "nested more than 64 deep");
    check_limit(" ", 4093, "tls", NULL);
    check_limit(" ", 4094, "tls", "the expression is longer than 4096 bytes");
    check_limit("tls or ", 580, "tls", NULL);
}

static void a_scope_without_a_body_has_no_json(void **state)
{
    (void)state;
    static const struct rlv_field fields[] = {{"db", RLV_T_ANY, 0, "", ""}};
    struct expect_scope small = {fields, 1}, none = {NULL, 0};
    struct expect_error error;
    assert_null(expect_parse("json('.a') == 1", &small, &error));
    assert_string_equal(error.text, "json() looks into the body, and no body "
                                    "is observed here");
    assert_null(expect_parse("db == 1", &none, &error));
    assert_string_equal(error.text,
                        "unknown field \"db\"; nothing is observed here");
}

static void a_value_may_be_anything_but_a_list(void **state)
{
    (void)state;
    struct expect_error error;
    assert_null(expect_parse_value("[1]", &scope, &error));
    assert_string_equal(error.text, "a list alone is not a value");
    assert_null(expect_parse_value("/x/", &scope, &error));
    assert_null(expect_parse_value("jsn('.a')", &scope, NULL));
    struct expect *e = expect_parse_value("latency", &scope, &error);
    assert_non_null(e);
    assert_int_equal(expect_type(e), RLV_T_DURATION);
    expect_free(e);
}

static void reads_are_known(void **state)
{
    (void)state;
    struct expect *e = scope_parse("status == 200 and header('ETag') == 'x' "
                                   "and json('.a') == 1");
    static const struct {
        unsigned field;
        const char *key;
    } wanted[] = {{F_STATUS, NULL}, {F_HEADER, "etag"}, {F_BODY, NULL}};
    unsigned field;
    const char *key;
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        assert_true(expect_read_at(e, i, &field, &key));
        assert_int_equal(field, wanted[i].field);
        assert_true(str_eq(key, wanted[i].key));
        assert_true(expect_reads(e, field));
    }
    assert_false(expect_read_at(e, 3, &field, &key));
    assert_false(expect_reads(e, F_LATENCY));
    expect_free(e);
}

static void durations_are_told_from_the_rest(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool only;
    } rows[] = {
        {"latency < 1s", true},
        {"latency < 1s and latency > limit", true},
        {"latency in 1ms..1s", true},
        {"latency not in [1ms, 2ms]", true},
        {"value('lag') < 1s", true},
        {"age(expires) < 1s", true},
        {"latency < 1s and status == 200", false},
        {"exists latency and latency < 1s", false},
        {"latency < 1s and tls", false},
        {"latency > 14d", false},
        {"14d < latency", false},
        {"1s > latency", true},
        {"500ms >= latency", true},
        {"status == 200", false},
        {"true", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct expect *e = scope_parse(rows[i].text);
        if (expect_only_durations(e) != rows[i].only)
            fail_msg("%s: wanted %d", rows[i].text, rows[i].only);
        assert_false(expect_uses_history(e));
        expect_free(e);
    }
}

static void what_was_parsed_is_kept(void **state)
{
    (void)state;
    char text[] = "header('etag') == '\"a1\"' and body ~ /x/";
    struct expect *e = scope_parse(text);
    memset(text, 'z', sizeof text - 1);
    struct observed o = {"x", 1, 0};
    struct expect_input in = scope_input(&o);
    assert_int_equal(expect_eval(e, &in, NULL), EXPECT_TRUE);
    assert_string_equal(expect_text(e),
                        "header('etag') == '\"a1\"' and body ~ /x/");
    expect_free(e);
    expect_free(NULL);
}

static void words_of_the_language_are_reserved(void **state)
{
    (void)state;
    assert_true(expect_is_reserved("contains"));
    assert_true(expect_is_reserved("exists"));
    assert_true(expect_is_reserved("true"));
    assert_false(expect_is_reserved("status"));
    assert_false(expect_is_reserved("len"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_lines_are_refused),
        cmocka_unit_test(nesting_and_length_are_limited),
        cmocka_unit_test(a_scope_without_a_body_has_no_json),
        cmocka_unit_test(a_value_may_be_anything_but_a_list),
        cmocka_unit_test(reads_are_known),
        cmocka_unit_test(durations_are_told_from_the_rest),
        cmocka_unit_test(what_was_parsed_is_kept),
        cmocka_unit_test(words_of_the_language_are_reserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
