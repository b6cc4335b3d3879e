/* tests/unit/test_expect_eval.c: every operator over every type, absence,
 * JSON, and the values that are kept. Observed: see test_expect_scope.h. */
#include "test_expect_scope.h"

#define JSON                                                              \
    "{\"db\":\"ok\",\"count\":3,\"ratio\":0.5,\"up\":true,\"none\":null," \
    "\"tags\":[\"a\",2,true],\"at\":\"2026-03-28T11:55:00Z\","            \
    "\"epoch\":1774699140,\"stamp\":\"1774699140\",\"epoch_ms\":"         \
    "1774699140000,\"text\":\"503\","                                     \
    "\"deep\":{\"a.b\":[{\"up\":false}]}}"

static void check(const char *text, const char *body,
                  enum expect_verdict wanted)
{
    struct observed o = {body, body == NULL ? 0 : strlen(body), 0};
    struct expect_input in = scope_input(&o);
    struct expect *e = scope_parse(text);
    struct err err = {0};
    enum expect_verdict got = expect_eval(e, &in, &err);
    if (got != wanted)
        fail_msg("%s: verdict %d, wanted %d (%s)", text, got, wanted, err.text);
    expect_free(e);
}

/* The first half of each pair is true, the second false. */
static void check_pairs(const char *const (*pairs)[2], size_t n,
                        const char *body)
{
    for (size_t i = 0; i < n; i++) {
        check(pairs[i][0], body, EXPECT_TRUE);
        check(pairs[i][1], body, EXPECT_FALSE);
    }
}

#define CHECK_PAIRS(pairs, body) \
    check_pairs(pairs, sizeof(pairs) / sizeof *(pairs), body)

// clang-format off
static void numbers_compare(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"status == 503",              "status == 200"},
        {"status != 200",              "status != 503"},
        {"status < 504",               "status < 503"},
        {"status <= 503",              "status <= 502"},
        {"status > 502",               "status > 503"},
        {"status >= 503",              "status >= 504"},
        {"status > -1",                "status < -1"},
        {"503 == status",              "200 == status"},
        {"status == 503.0",            "status == 503.5"},
        {"load == 0.75",               "load == 0.7501"},
        {"load < 1",                   "load > 1"},
        {"status in 500..599",         "status in 200..299"},
        {"status in 503..503",         "status in 504..504"},
        {"status in [200, 503]",       "status in [200, 204]"},
        {"status in [200, 500..599]",  "status in [200, 300..399]"},
        {"status not in 200..299",     "status not in 500..599"},
        {"status not in [200, 204]",   "status not in [503]"},
        {"load in 0.5..1",             "load in 1..2"},
    };
    CHECK_PAIRS(pairs, NULL);
}

static void units_compare(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"latency == 612ms",           "latency == 613ms"},
        {"latency != 500ms",           "latency != 612000us"},
        {"latency < 1s",               "latency < 500ms"},
        {"latency <= 0.612s",          "latency <= 0.611 s"},
        {"latency > 500 ms",           "latency > 1m30s"},
        {"latency in 100ms..1s",       "latency in 1s..2s"},
        {"latency > limit",            "latency < limit"},
        {"latency < 1d",               "latency > 1w"},
        {"memory == 3MiB",             "memory == 3MB"},
        {"memory > 3MB",               "memory > 1GiB"},
        {"memory < 1GB",               "memory < 1KB"},
        {"memory == 3145728",          "memory == 3145727"},
        {"memory in 1KiB..4MiB",       "memory in 4MiB..1GiB"},
        {"hit_ratio > 95%",            "hit_ratio > 97.5 %"},
        {"hit_ratio == 97.5%",         "hit_ratio == 97%"},
        {"hit_ratio in 90%..100%",     "hit_ratio in 0%..90%"},
        {"value('lag') == 1.5s",       "value('lag') > 2s"},
        {"value('count') in 1..3",     "value('count') in 4..5"},
        {"age(expires) == 90s",        "age(expires) < 1m30s"},
        {"within(status, '503')",      "within(status, '~:502')"},
        {"within(latency, '0.6:')",    "within(latency, '@0.5:0.7')"},
        {"within(memory, '3145728')",  "within(memory, '10')"},
        {"within(hit_ratio, '95:')",   "within(hit_ratio, '95')"},
        {"within(value('count'), '@4:5')", "within(value('lag'), '1')"},
        {"expires < '2026-03-28T12:00:00Z'", "expires > '2026-03-28T12:00:00Z'"},
        {"expires == '2026-03-28T11:58:30Z'", "expires != '2026-03-28T11:58:30Z'"},
    };
    CHECK_PAIRS(pairs, NULL);
}

static void texts_compare(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"role == 'primary'",          "role == 'replica'"},
        {"role == \"primary\"",        "role == 'Primary'"},
        {"role != 'replica'",          "role != 'primary'"},
        {"role in ['primary', 'x']",   "role in ['replica']"},
        {"role not in ['replica']",    "role not in ['primary']"},
        {"role contains 'rim'",        "role contains 'RIM'"},
        {"role contains ''",           "role not contains ''"},
        {"role not contains 'x'",      "role not contains 'p'"},
        {"role starts_with 'prim'",    "role starts_with 'rim'"},
        {"role ends_with 'mary'",      "role ends_with 'prim'"},
        {"role not starts_with 'x'",   "role not ends_with 'y'"},
        {"role ~ /^p.*y$/",            "role ~ /^x/"},
        {"role ~ /PRIM/i",             "role ~ /PRIM/"},
        {"role !~ /x/",                "role !~ /p/"},
        {"version > '7.9'",            "version < '7.9.99'"},
        {"version >= '7.10.2'",        "version > '7.10.2'"},
        {"version < '7.10.2-rc1'",     "version >= '7.10.02x'"},
        {"version < '10'",             "version > '10.0'"},
        {"reply == 'PONG'",            "reply == 'PING'"},
        {"lower(reply) == 'pong'",     "lower(reply) == 'PONG'"},
        {"header('ETag') == '\"a1\"'", "header('etag') == ''"},
        {"header('etag') ~ /a\\d/",    "header('etag') ~ /\\//"},
        {"len(role) == 7",             "len(role) > 1KiB"},
        {"'primary' == role",          "'x' == role"},
        {"age(header('date')) == 30s", "age(header('etag')) > 0s"},
        {"role == 'pri\\x6dary'",      "role == 'pri\\u00e9'"},
    };
    CHECK_PAIRS(pairs, NULL);
}

static void truths_combine(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"tls",                        "not tls"},
        {"tls == true",                "tls == false"},
        {"tls != false",               "tls != true"},
        {"tls in [true]",              "tls in [false]"},
        {"true",                       "false"},
        {"(status == 503)",            "not (status == 503)"},
        {"not not tls",                "not not not tls"},
        {"status == 503 and tls",      "status == 503 and not tls"},
        {"status == 200 or tls",       "status == 200 or not tls"},
        /* or binds least, not most but comparisons */
        {"tls or tls and false",       "(tls or tls) and false"},
        {"not status == 200",          "not status == 503"},
        {"not false and tls",          "not (false or tls)"},
        {"(status == 503) == tls",     "(status == 503) != tls"},
        {"exists tls and tls",         "exists missing or not tls"},
    };
    CHECK_PAIRS(pairs, NULL);
}

static void absent_is_false(void **state)
{
    (void)state;
    static const char *const falses[] = {
        "missing == 1", "missing != 1", "missing < 1", "missing <= 1",
        "missing > 1", "missing >= 1", "missing in 1..2", "missing not in 1..2",
        "missing in [1]", "missing not in [1]", "gone ~ /x/", "gone !~ /x/",
        "gone contains 'x'", "gone not contains 'x'", "gone starts_with 'x'",
        "gone not starts_with 'x'", "gone ends_with 'x'",
        "gone not ends_with 'x'", "gone == 'x'", "gone != 'x'",
        "exists missing", "exists header('x-none')", "exists body",
        "exists json('.db')", "header('x-none') == ''", "header('x-none') != ''",
        "value('other') > 1s", "status == missing", "status != missing",
        "len(gone) == 0", "lower(gone) == ''", "age(value('other')) > 0s",
        "within(value('other'), '~:5')",
        "json('.db') == 'ok'", "json('.db') != 'ok'", "role contains gone",
    };
    static const char *const trues[] = {
        "not (missing == 1)", "not (missing != 1)", "not exists missing",
        "not exists missing or missing == 1", "exists status",
        "exists header('ETAG')", "exists (status)", "exists reply",
        "exists age(expires)", "not json('.up')",
    };
    for (size_t i = 0; i < sizeof falses / sizeof *falses; i++)
        check(falses[i], NULL, EXPECT_FALSE);
    for (size_t i = 0; i < sizeof trues / sizeof *trues; i++)
        check(trues[i], NULL, EXPECT_TRUE);
}

static void kinds_that_do_not_compare_are_false(void **state)
{
    (void)state;
    static const char *const falses[] = {
        "json('.text') == 503", "json('.text') != 503", "json('.text') > 1",
        "json('.count') == '3'", "json('.count') != '3'",
        "json('.count') == true", "json('.up') == 1", "json('.up') != 'x'",
        "json('.count') ~ /3/", "json('.count') !~ /4/",
        "json('.count') in ['3']", "json('.count') not in ['4']",
        "json('.count') contains '3'", "json('.count') not contains '4'",
        "json('.tags') == 'a'", "json('.tags') != 'a'", "json('.deep') > 1",
        "reply > 5", "reply < 1s", "value('lag') == 1", "value('count') == '3'",
        "json('.count')", "json('.db')", "len(json('.count')) == 1",
        "lower(json('.count')) == '3'", "age(json('.up')) > 0s",
    };
    for (size_t i = 0; i < sizeof falses / sizeof *falses; i++)
        check(falses[i], JSON, EXPECT_FALSE);
}

static void json_is_looked_into(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"json('.db') == 'ok'",             "json('.db') != 'ok'"},
        {"json('.count') == 3",             "json('.count') > 3"},
        {"json('.count') in 1..5",          "json('.count') not in 1..5"},
        {"json('.count') in ['3', 3]",      "json('.count') not in ['3', 3]"},
        {"json('.ratio') == 0.5",           "json('.ratio') < 0.5"},
        {"json('.up')",                     "not json('.up')"},
        {"json('.up') == true",             "json('.up') != true"},
        {"exists json('.db')",              "exists json('.none')"},
        {"not exists json('.deep.x')",      "exists json('.tags[7]')"},
        {"json('.tags') contains 'a'",      "json('.tags') contains 'b'"},
        {"json('.tags') contains 2",        "json('.tags') contains 3"},
        {"json('.tags') contains true",     "json('.tags') contains false"},
        {"json('.deep') contains 'a.b'",    "json('.deep') contains 'x'"},
        {"json('.tags[0]') == 'a'",         "json('.tags[-1]') == 'a'"},
        {"json('.deep[\"a.b\"][0].up') == false", "json('.deep[\"a.b\"][0].up')"},
        {"len(json('.tags')) == 3",         "len(json('.tags')) == 2"},
        {"len(json('.')) == 12",            "len(json('$')) == 2"},
        {"len(json('.db')) == 2",           "len(json('.db')) == 3"},
        {"age(json('.at')) == 5m",          "age(json('.at')) > 5m"},
        {"age(json('.epoch')) == 1m",       "age(json('.epoch')) == 0s"},
        {"age(json('.epoch_ms')) == 1m",    "age(json('.db')) >= 0s"},
        {"age(json('.stamp')) == 1m",       "age(json('.stamp')) == 0s"},
        {"json('.db') ~ /^ok$/",            "json('.db') !~ /^ok$/"},
        {"json('.db') == json('.db')",      "json('.db') == json('.up')"},
        {"body contains '\"db\":\"ok\"'",   "body contains 'refused'"},
        {"body ~ /\"count\":\\d/",          "body !~ /\"count\":\\d/"},
        {"len(body) > 100",                 "len(body) > 1KiB"},
        {"lower(body) contains '\"db\"'",   "body == ''"},
    };
    CHECK_PAIRS(pairs, JSON);
}
// clang-format on

static void bodies_that_are_odd(void **state)
{
    (void)state;
    check("exists json('.a')", "not JSON at all", EXPECT_FALSE);
    check("exists json('.a')", "{\"a\":1", EXPECT_FALSE);
    check("exists json('.a')", "", EXPECT_FALSE);
    check("json('.a') == 1", "\xef\xbb\xbf{\"a\":1}", EXPECT_TRUE);
    check("json('.') == 7", " 7 ", EXPECT_TRUE);
    check("json('.b') == 1", "{\"a\":123456789012345678901234567890,\"b\":1}",
          EXPECT_TRUE);
}

static void large_numbers_keep_their_digits(void **state)
{
    (void)state;
    check("json('.a') == 9007199254740993", "{\"a\":9007199254740993}",
          EXPECT_TRUE);
    check("json('.a') == 9007199254740992", "{\"a\":9007199254740993}",
          EXPECT_FALSE);
    check("json('.a') == 9007199254740992.0", "{\"a\":9007199254740993}",
          EXPECT_FALSE);
}

static void a_text_may_hold_nul(void **state)
{
    (void)state;
    struct observed o = {"a\0b", 3, 0};
    struct expect_input in = scope_input(&o);
    struct expect *e =
        scope_parse("body contains '\\x00b' and len(body) == 3 and body ~ "
                    "/a\\x00b/ and body == 'a\\x00b'");
    assert_int_equal(expect_eval(e, &in, NULL), EXPECT_TRUE);
    expect_free(e);
}

static void a_regex_that_explodes_is_an_error(void **state)
{
    (void)state;
    const char *body = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!";
    struct observed o = {body, strlen(body), 0};
    struct expect_input in = scope_input(&o);
    static const char *const lines[] = {"body ~ /^(a+)+$/",
                                        "body !~ /^(a+)+$/",
                                        "not body ~ /^(a+)+$/",
                                        "status == 503 and body ~ /^(a|aa)+$/",
                                        "body ~ /^(a+)+$/ or status == 503",
                                        "(body ~ /^(a+)+$/) == true"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct expect *e = scope_parse(lines[i]);
        struct err err = {0};
        assert_int_equal(expect_eval(e, &in, &err), EXPECT_ERROR);
        assert_int_equal(err.code, ERR_LIMIT);
        assert_non_null(strstr(err.text, "regex needs too much work"));
        expect_free(e);
    }
    check("status == 200 and body ~ /^(a+)+$/", body, EXPECT_FALSE);
}

static void a_cache_parses_the_body_once(void **state)
{
    (void)state;
    struct observed o = {"{\"a\":1}", 7, 0};
    struct expect_input in = scope_input(&o);
    in.cache = expect_cache_new();
    struct expect *e = scope_parse("json('.a') == 1 and json('.b') != 1");
    expect_eval(e, &in, NULL);
    expect_eval(e, &in, NULL);
    assert_int_equal(o.gets, 1);
    o.body = "{\"a\":2,\"b\":2}";
    o.body_len = strlen(o.body);
    expect_cache_clear(in.cache);
    assert_int_equal(expect_eval(e, &in, NULL), EXPECT_FALSE);
    assert_int_equal(o.gets, 2);
    expect_free(e);
    expect_cache_free(in.cache);
}

static void values_are_kept(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum rlv_type declared, type;
        int64_t i;
        const char *s;
    } rows[] = {
        {"json('.db')", RLV_T_ANY, RLV_T_TEXT, 0, "ok"},
        {"json('.count')", RLV_T_ANY, RLV_T_INT, 3, NULL},
        {"json('.up')", RLV_T_ANY, RLV_T_BOOL, 1, NULL},
        {"json('.tags')", RLV_T_ANY, RLV_T_TEXT, 0, "[\"a\",2,true]"},
        {"len(body)", RLV_T_INT, RLV_T_INT, sizeof JSON - 1, NULL},
        {"latency", RLV_T_DURATION, RLV_T_DURATION, 612000000, NULL},
        {"age(expires)", RLV_T_DURATION, RLV_T_DURATION, 90000000000, NULL},
        {"lower(reply)", RLV_T_TEXT, RLV_T_TEXT, 0, "pong"},
        {"header('etag')", RLV_T_ANY, RLV_T_TEXT, 0, "\"a1\""},
        {"status == 200", RLV_T_BOOL, RLV_T_BOOL, 0, NULL},
        {"body", RLV_T_TEXT, RLV_T_TEXT, 0, JSON},
    };
    struct observed o = {JSON, sizeof JSON - 1, 0};
    struct expect_input in = scope_input(&o);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct expect_error error;
        struct expect *e = expect_parse_value(rows[i].text, &scope, &error);
        if (e == NULL)
            fail_msg("%s: %s", rows[i].text, error.text);
        struct arena *arena = arena_new();
        struct rlv_value v;
        assert_true(expect_yield(e, &in, arena, &v, NULL));
        assert_int_equal(expect_type(e), rows[i].declared);
        assert_int_equal(v.type, rows[i].type);
        if (rows[i].s != NULL)
            assert_string_equal(v.as.s, rows[i].s);
        else
            assert_int_equal(v.as.i, rows[i].i);
        arena_free(arena);
        expect_free(e);
    }
}

static void an_absent_value_is_not_kept(void **state)
{
    (void)state;
    struct observed o = {0};
    struct expect_input in = scope_input(&o);
    struct expect *e = expect_parse_value("json('.db')", &scope, NULL);
    struct rlv_value v;
    assert_false(expect_yield(e, &in, NULL, &v, NULL));
    assert_false(expect_is_observed(e, &in));
    expect_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_compare),
        cmocka_unit_test(units_compare),
        cmocka_unit_test(texts_compare),
        cmocka_unit_test(truths_combine),
        cmocka_unit_test(absent_is_false),
        cmocka_unit_test(kinds_that_do_not_compare_are_false),
        cmocka_unit_test(json_is_looked_into),
        cmocka_unit_test(bodies_that_are_odd),
        cmocka_unit_test(large_numbers_keep_their_digits),
        cmocka_unit_test(a_text_may_hold_nul),
        cmocka_unit_test(a_regex_that_explodes_is_an_error),
        cmocka_unit_test(a_cache_parses_the_body_once),
        cmocka_unit_test(values_are_kept),
        cmocka_unit_test(an_absent_value_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
