/* The reports for programs: JUnit against the schema of Jenkins, TAP against
 * perl's parser, JSON read back; and the text for people. Each with every
 * naughty string in every place. xmllint and perl are used where they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "test_report_fixture.h"

static bool says(const struct buf *text, const char *part)
{
    if (strstr(text->data, part) != NULL)
        return true;
    fprintf(stderr, "expected \"%s\" in:\n%s\n", part, text->data);
    return false;
}

static int setup(void **state)
{
    static char dir[64];
    snprintf(dir, sizeof dir, "/tmp/relevo-report-XXXXXX");
    assert_non_null(mkdtemp(dir));
    *state = dir;
    return 0;
}

static int teardown(void **state)
{
    fs_remove_tree(*state);
    return 0;
}

static bool has_program(const char *name)
{
    char command[200];
    snprintf(command, sizeof command, "command -v %s >/dev/null", name);
    return system(command) == 0;
}

/* Every string's report, one after the other in one folder. */
static const char *files_dir, *files_suffix;
static void (*files_render)(const struct suite *, struct buf *);
static size_t files_count;

static void write_file(const char *string)
{
    char path[200];
    struct buf text = {0};
    struct suite *s = fixture_named(string);
    files_render(s, &text);
    snprintf(path, sizeof path, "%s/%04zu.%s", files_dir, files_count++,
             files_suffix);
    assert_true(fs_replace(path, text.data, text.len, 0600, NULL));
    buf_free(&text);
    fixture_free(s);
}

static size_t write_files(const char *dir, const char *suffix,
                          void (*render)(const struct suite *, struct buf *))
{
    files_dir = dir;
    files_suffix = suffix;
    files_render = render;
    files_count = 0;
    return fixture_each(write_file);
}

/* ---------------------------------------------------------------- text --- */

static void text_for_people(void **state)
{
    (void)state;
    struct suite *s = fixture_suite();
    struct buf text = {0};
    suite_text(s, &text);
    assert_true(says(&text, "  ok         staging/check-00       1ms\n"));
    assert_true(says(&text,
                     "  minor      staging/check-03       4ms  mismatch\n"
                     "              The documentation can be read (owner: web "
                     "team)\n"
                     "              status == 200 (503)\n"));
    assert_true(says(&text,
                     "  degraded   staging/check-05       6ms  mismatch\n"
                     "              warn_unless latency < 200ms (312ms)\n"));
    assert_true(says(&text, "  skipped    staging/check-11            "
                            "env \"STG_API_TOKEN\" is not set\n"));
    assert_true(says(&text, "\n10 of 11 passed (90.9 %)"));
    assert_null(strchr(text.data, '\033'));
    buf_clear(&text);
    s->colour = true;
    suite_text(s, &text);
    assert_true(says(&text, "\033[32mok       \033[0m"));
    buf_free(&text);
    fixture_free(s);
}

static void text_is_safe(const char *string)
{
    struct buf text = {0};
    struct suite *s = fixture_named(string);
    suite_text(s, &text);
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] < 0x20 && text.data[i] != '\n')
            fail_msg("control character:\n%s", text.data);
    buf_free(&text);
    fixture_free(s);
}

static void text_of_any_string(void **state)
{
    (void)state;
    fixture_each(text_is_safe);
}

/* ---------------------------------------------------------------- JSON --- */

static void json_has_its_members(void **state)
{
    (void)state;
    struct suite *s = fixture_suite();
    struct buf text = {0};
    suite_json(s, &text);
    json_t *o = json_loadb(text.data, text.len, 0, NULL);
    json_t *summary = json_object_get(o, "summary");
    json_t *checks = json_object_get(o, "checks");
    assert_string_equal(json_string_value(json_object_get(summary, "verdict")),
                        "passed");
    assert_int_equal(json_integer_value(json_object_get(summary, "run")), 11);
    assert_int_equal(json_integer_value(json_object_get(summary, "skipped")),
                     6);
    assert_true(says(&text, "\"pass_rate\":90.9,"));
    assert_int_equal(json_array_size(checks), FIXTURE_CHECKS);
    json_t *failed = json_array_get(checks, 3);
    assert_string_equal(json_string_value(json_object_get(failed, "status")),
                        "failed");
    assert_string_equal(json_string_value(json_object_get(failed, "severity")),
                        "minor");
    assert_string_equal(json_string_value(json_object_get(failed, "outcome")),
                        "fail");
    json_t *skipped = json_array_get(checks, 16);
    assert_string_equal(json_string_value(json_object_get(skipped, "skip")),
                        "env \"STG_API_TOKEN\" is not set");
    assert_null(json_object_get(skipped, "outcome"));
    json_decref(o);
    buf_free(&text);
    fixture_free(s);
}

/* The same text comes back, with U+FFFD for what is not UTF-8. */
static void json_survives(const char *string)
{
    struct buf text = {0}, valid = {0};
    struct suite *s = fixture_named(string);
    str_to_utf8(&valid, string, strlen(string));
    suite_json(s, &text);
    json_t *o = json_loadb(text.data, text.len, 0, NULL);
    assert_non_null(o);
    json_t *checks = json_object_get(o, "checks");
    json_t *first = json_array_get(checks, 0);
    static const char *const members[] = {"check",       "title",   "owner",
                                          "environment", "message", "target"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        assert_string_equal(
            json_string_value(json_object_get(first, members[i])),
            buf_text(&valid));
    json_t *skip = json_object_get(json_array_get(checks, 1), "skip");
    assert_string_equal(json_string_value(skip), buf_text(&valid));
    json_decref(o);
    buf_free(&text);
    buf_free(&valid);
    fixture_free(s);
}

static void json_of_any_string(void **state)
{
    (void)state;
    fixture_each(json_survives);
}

/* --------------------------------------------------------------- JUnit --- */

static void junit_has_its_elements(void **state)
{
    (void)state;
    struct suite *s = fixture_suite();
    struct buf text = {0};
    suite_junit(s, &text);
    assert_true(says(&text, "<testsuites name=\"relevo test\" tests=\"17\" "
                            "failures=\"1\" errors=\"0\" time=\"2.300\">"));
    assert_true(says(&text, "<testsuite name=\"staging\" tests=\"17\" "
                            "failures=\"1\" errors=\"0\" skipped=\"6\" "
                            "time=\"0.132\" "
                            "timestamp=\"2026-03-28T00:00:00\">"));
    assert_true(says(&text, "<property name=\"pass_rate\" value=\"90.9\"/>"));
    assert_true(says(&text, "<testcase name=\"check-03\" "
                            "classname=\"relevo.staging\" time=\"0.012\">"));
    assert_true(says(&text, "<failure type=\"mismatch\" message=\"status == "
                            "200 (503)\">"));
    assert_true(says(&text, "<skipped message=\"env &quot;STG_API_TOKEN&quot; "
                            "is not set\"/>"));
    buf_free(&text);
    fixture_free(s);
}

static void junit_tells_unknown_as_error(void **state)
{
    (void)state;
    struct suite *s = fixture_suite();
    struct buf text = {0};
    result_free((struct result *)(uintptr_t)s->checks[0].result);
    s->checks[0].result = fixture_result(OUTCOME_UNKNOWN, "it crashed", "");
    suite_judge(s);
    suite_junit(s, &text);
    assert_true(says(&text, " errors=\"1\""));
    assert_true(says(&text, "<error type=\"plugin\" message=\"it crashed"));
    buf_free(&text);
    fixture_free(s);
}

static void junit_fits_the_schema(void **state)
{
    char command[900], dir[600];
    const char *vectors = getenv("RELEVO_VECTORS");
    const char *source = getenv("RELEVO_SOURCE");
    if (!has_program("xmllint"))
        skip();
    snprintf(dir, sizeof dir, vectors != NULL ? "%s" : "%s/../shared/vectors",
             vectors != NULL  ? vectors
             : source != NULL ? source
                              : "..");
    size_t n = write_files(*state, "xml", suite_junit);
    struct suite *s = fixture_suite();
    struct buf text = {0};
    suite_junit(s, &text);
    snprintf(command, sizeof command, "%s/suite.xml", (const char *)*state);
    assert_true(fs_replace(command, text.data, text.len, 0600, NULL));
    buf_free(&text);
    fixture_free(s);
    print_message("%zu reports for xmllint\n", n + 1);
    snprintf(command, sizeof command, "xmllint --noout '%s'/*.xml",
             (const char *)*state);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command, "%s/junit/junit-10-jenkins.xsd", dir);
    if (access(command, R_OK) != 0) {
        print_message("skipped: no %s\n", command);
        skip();
    }
    snprintf(command, sizeof command,
             "xmllint --noout --schema '%s/junit/junit-10-jenkins.xsd' "
             "'%s'/*.xml 2>'%s/out' || { tail -n 5 '%s/out'; exit 1; }",
             dir, (const char *)*state, (const char *)*state,
             (const char *)*state);
    assert_int_equal(system(command), 0);
}

/* ----------------------------------------------------------------- TAP --- */

static void tap_has_its_lines(void **state)
{
    (void)state;
    struct suite *s = fixture_suite();
    struct buf text = {0};
    suite_tap(s, &text);
    assert_int_equal(strncmp(text.data, "TAP version 14\n1..17\n", 21), 0);
    assert_true(says(&text, "\nok 1 - staging/check-00\nok 2 - "));
    assert_true(says(&text, "\nnot ok 4 - staging/check-03\n  ---\n  result: "
                            "failed\n  severity: minor\n"));
    assert_true(says(&text, "  lines: |\n    - status == 200 (503)\n  ...\n"));
    assert_true(says(&text, "\nok 12 - staging/check-11 # SKIP env "
                            "\"STG_API_TOKEN\" is not set\n"));
    buf_free(&text);
    fixture_free(s);
}

/* Perl's parser knows version 13, of which 14 is a superset here. It must see
 * two tests, the second skipped, and YAML with the severity. */
static const char tap_script[] =
    "use TAP::Parser; my $bad = 0;\n"
    "for my $file (@ARGV) {\n"
    "  open(my $in, '<', $file) or die; local $/; my $text = <$in>;\n"
    "  $text =~ s/^TAP version 14/TAP version 13/ or die 'version';\n"
    "  my $p = TAP::Parser->new({tap => $text});\n"
    "  my ($tests, $yaml, $odd, $skips) = (0, 0, 0, 0);\n"
    "  while (my $r = $p->next) {\n"
    "    $tests++ if $r->is_test; $odd++ if $r->is_unknown;\n"
    "    $skips++ if $r->is_test && $r->has_skip;\n"
    "    $odd++ if $r->is_bailout || ($r->is_test && $r->has_todo);\n"
    "    $yaml++ if $r->is_yaml && $r->data->{severity} eq 'major';\n"
    "  }\n"
    "  next if $tests == 2 && $yaml == 1 && $skips == 1 && !$odd\n"
    "    && !$p->parse_errors && $p->failed == 1;\n"
    "  $bad++; print \"$file: $tests $yaml $skips $odd \",\n"
    "    join('; ', $p->parse_errors), \"\\n$text\\n\";\n"
    "}\n"
    "exit($bad ? 1 : 0);\n";

static void tap_is_parsed_by_perl(void **state)
{
    char command[300], script[200];
    if (!has_program("perl") ||
        system("perl -MTAP::Parser -e 1 2>/dev/null") != 0)
        skip();
    write_files(*state, "tap", suite_tap);
    snprintf(script, sizeof script, "%s/parse.pl", (const char *)*state);
    assert_true(fs_replace(script, tap_script, strlen(tap_script), 0600, NULL));
    snprintf(command, sizeof command, "perl '%s' '%s'/*.tap", script,
             (const char *)*state);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_for_people),
        cmocka_unit_test(text_of_any_string),
        cmocka_unit_test(json_has_its_members),
        cmocka_unit_test(json_of_any_string),
        cmocka_unit_test(junit_has_its_elements),
        cmocka_unit_test(junit_tells_unknown_as_error),
        cmocka_unit_test(tap_has_its_lines),
        cmocka_unit_test_setup_teardown(junit_fits_the_schema, setup, teardown),
        cmocka_unit_test_setup_teardown(tap_is_parsed_by_perl, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
