/* Texts that are no configuration: place, line, caret and guess of each. */
#include "test_conf_fixture.h"

// clang-format off
static const struct {
    const char *text, *told;
} cases[] = {
    {
     "checks = { a = { url = \"http://h\"; interval = 30s; }; };",
     "x.cfg:1:47: 30s needs quotes: \"30s\"\n"
     "    1 | checks = { a = { url = \"http://h\"; interval = 30s; }; };\n"
     "      |                                               ^\n"},
    {
     "checks = { a = { url = \"http://h\"; interval = 1.5h; }; };",
     "x.cfg:1:47: 1.5h needs quotes: \"1.5h\"\n"
     "    1 | checks = { a = { url = \"http://h\"; interval = 1.5h; }; };\n"
     "      |                                               ^\n"},
    {
     "checks = { a = { url = \"http://h\"; max_body = 4KiB; }; };",
     "x.cfg:1:47: 4KiB needs quotes: \"4KiB\"\n"
     "    1 | checks = { a = { url = \"http://h\"; max_body = 4KiB; }; };\n"
     "      |                                               ^\n"},
    {
     "checks = { a = { url = \"http://h\"; tags = [1h30m]; }; };",
     "x.cfg:1:44: 1h30m needs quotes: \"1h30m\"\n"
     "    1 | checks = { a = { url = \"http://h\"; tags = [1h30m]; }; };\n"
     "      |                                            ^\n"},
    {
     "checks = { a = { url = \"http://h\"; max_body = 10%; }; };",
     "x.cfg:1:49: a percentage stands in quotes: \"90%\"\n"
     "    1 | checks = { a = { url = \"http://h\"; max_body = 10%; }; };\n"
     "      |                                                 ^\n"},
    {
     "checks = { a = { url = \"http://h\"; expect = [\"status == 200\",]; }; };",
     "x.cfg:1:61: remove the comma before \"]\"\n"
     "    1 | checks = { a = { url = \"http://h\"; expect = [\"status == 200\",]; }; };\n"
     "      |                                                             ^\n"},
    {
     "checks = { a = { url = \"http://h\"; steps = ({ a = 1; },); }; };",
     "x.cfg:1:55: remove the comma before \")\"\n"
     "    1 | checks = { a = { url = \"http://h\"; steps = ({ a = 1; },); }; };\n"
     "      |                                                       ^\n"},
    {
     "checks = {\n"
     "  a = { url = \"http://h\";\n"
     "    interval = \"5s\";\n"
     "  b = { url = \"http://h\"; };\n"
     "};\n",
     "x.cfg:2:7: the block \"a\" that opens in line 2 is never closed: a \"}\" is missing\n"
     "    2 |   a = { url = \"http://h\";\n"
     "      |       ^\n"},
    {
     "checks = {\n"
     "  a = { url = \"http://h\"; }\n",
     "x.cfg:1:10: the block \"checks\" that opens in line 1 is never closed: a \"}\" is missing\n"
     "    1 | checks = {\n"
     "      |          ^\n"},
    {
     "checks = {\n"
     "  a = { url = \"http://h; interval = \"5s\"; };\n"
     "};\n",
     "x.cfg:2:15: this text ends right before a word: is its closing quote missing?\n"
     "    2 |   a = { url = \"http://h; interval = \"5s\"; };\n"
     "      |               ^\n"},
    {
     "checks = {\n"
     "  a = { url = \"http://h;\n"
     "  };\n"
     "  b = { url = \"http://h\"; };\n"
     "};\n",
     "x.cfg:2:15: this text goes on over the end of its line: is its closing quote missing?\n"
     "    2 |   a = { url = \"http://h;\n"
     "      |               ^\n"},
    {
     "checks = { a = { url = \"http://h ",
     "x.cfg:1:24: the quote that opens here is never closed\n"
     "    1 | checks = { a = { url = \"http://h \n"
     "      |                        ^\n"},
    {
     "checks = {\n"
     "  a = { tags = [\"a, \"b\"]; };\n"
     "};",
     "x.cfg:2:17: this text ends right before a word: is its closing quote missing?\n"
     "    2 |   a = { tags = [\"a, \"b\"]; };\n"
     "      |                 ^\n"},
    {
     "checks = { a = { url = \"http://h\", }\n"
     "}\n"
     "}\n",
     "x.cfg:3:1: no block is open that this \"}\" could close\n"
     "    3 | }\n"
     "      | ^\n"},
    {
     "checks = { a = { url = http://h; }; };",
     "x.cfg:1:24: text needs quotes: url = \"http://h\"\n"
     "    1 | checks = { a = { url = http://h; }; };\n"
     "      |                        ^\n"},
    {
     "checks = { a = { plugin = http; }; };",
     "x.cfg:1:27: text needs quotes: plugin = \"http\"\n"
     "    1 | checks = { a = { plugin = http; }; };\n"
     "      |                           ^\n"},
    {
     "checks = { a = { enabled = yes; }; };",
     "x.cfg:1:28: yes is not a value: write true\n"
     "    1 | checks = { a = { enabled = yes; }; };\n"
     "      |                            ^\n"},
    {
     "checks = { a = { enabled = Off; }; };",
     "x.cfg:1:28: Off is not a value: write false\n"
     "    1 | checks = { a = { enabled = Off; }; };\n"
     "      |                            ^\n"},
    {
     "checks = { a = { url \"http://h\"; }; };",
     "x.cfg:1:22: \"=\" is missing after \"url\"\n"
     "    1 | checks = { a = { url \"http://h\"; }; };\n"
     "      |                      ^\n"},
    {
     "checks = { a { url = \"http://h\"; }; };",
     "x.cfg:1:14: \"=\" is missing after \"a\"\n"
     "    1 | checks = { a { url = \"http://h\"; }; };\n"
     "      |              ^\n"},
    {
     "checks = { \"a\" = { url = \"http://h\"; }; };",
     "x.cfg:1:12: a name is written without quotes\n"
     "    1 | checks = { \"a\" = { url = \"http://h\"; }; };\n"
     "      |            ^\n"},
    {
     "{ \"checks\": {} }",
     "x.cfg:1:1: a name is expected here, not \"{\"\n"
     "    1 | { \"checks\": {} }\n"
     "      | ^\n"},
    {
     "checks = { a.b = 1; };",
     "x.cfg:1:12: a name has letters, digits, \"-\" and \"_\"; what is inside a is written a = { … }\n"
     "    1 | checks = { a.b = 1; };\n"
     "      |            ^\n"},
    {
     "checks = { 1a = 1; };",
     "x.cfg:1:12: a name begins with a letter\n"
     "    1 | checks = { 1a = 1; };\n"
     "      |            ^\n"},
    {
     "\357\273\277checks = { };",
     "x.cfg:1:1: the file begins with a byte-order mark (the bytes EF BB BF): save it as UTF-8 without one\n"
     "    1 | \\ufeffchecks = { };\n"
     "      | ^\n"},
    {
     "checks = { a = { url = 'http://h'; }; };",
     "x.cfg:1:24: texts stand in double quotes\n"
     "    1 | checks = { a = { url = 'http://h'; }; };\n"
     "      |                        ^\n"},
    {
     "checks = { a = { url = “http://h”; }; };",
     "x.cfg:1:24: use plain double quotes \" here\n"
     "    1 | checks = { a = { url = “http://h”; }; };\n"
     "      |                        ^\n"},
    {
     "checks = { a = { url = ${base}; }; };",
     "x.cfg:1:24: a variable stands inside quotes: \"${name}\"\n"
     "    1 | checks = { a = { url = ${base}; }; };\n"
     "      |                        ^\n"},
    {
     "checks = { a = { url = \"http://h\"; tags = [\"a\"; \"b\"]; }; };",
     "x.cfg:1:47: values of a list are separated by \",\", not by \";\"\n"
     "    1 | checks = { a = { url = \"http://h\"; tags = [\"a\"; \"b\"]; }; };\n"
     "      |                                               ^\n"},
    {
     "checks = { a = { url = \"http://h\"; tags = [\"a\", \"b\" }; }; };",
     "x.cfg:1:53: \"]\" is missing: the \"[\" of line 1 is not closed before \"}\"\n"
     "    1 | checks = { a = { url = \"http://h\"; tags = [\"a\", \"b\" }; }; };\n"
     "      |                                                     ^\n"},
    {
     "checks = { a = { url = \"http://h\"; tags = (\"a\" 5); }; };",
     "x.cfg:1:48: a \",\" is missing before this value\n"
     "    1 | checks = { a = { url = \"http://h\"; tags = (\"a\" 5); }; };\n"
     "      |                                                ^\n"},
    {
     "checks = { a = { url = \"http://h\"; tags = [\"a\", 5]; }; };",
     "x.cfg:1:49: all values of an array [ ] are of one type; a list ( ) may mix them\n"
     "    1 | checks = { a = { url = \"http://h\"; tags = [\"a\", 5]; }; };\n"
     "      |                                                 ^\n"},
    {
     "checks = { a = { url = \"http://h\"; tags = [{}]; }; };",
     "x.cfg:1:44: an array [ ] holds plain values only; a list ( ) may hold a group { }\n"
     "    1 | checks = { a = { url = \"http://h\"; tags = [{}]; }; };\n"
     "      |                                            ^\n"},
    {
     "checks = { a = { url = ; }; };",
     "x.cfg:1:24: the value of \"url\" is missing: this is \";\"\n"
     "    1 | checks = { a = { url = ; }; };\n"
     "      |                        ^\n"},
    {
     "checks = { a = { url =",
     "x.cfg:1:22: the value of \"url\" is missing\n"
     "    1 | checks = { a = { url =\n"
     "      |                      ^\n"},
    {
     "checks = { a =",
     "x.cfg:1:14: the value of \"a\" is missing\n"
     "    1 | checks = { a =\n"
     "      |              ^\n"},
    {
     "checks = { };;",
     "x.cfg:1:14: nothing stands before this \";\": remove it\n"
     "    1 | checks = { };;\n"
     "      |              ^\n"},
    {
     "checks = { a = { url = \"http://h\"; ) }; };",
     "x.cfg:1:36: no list is open that this \")\" could close\n"
     "    1 | checks = { a = { url = \"http://h\"; ) }; };\n"
     "      |                                    ^\n"},
    {
     "checks = { a = { url = \"http://h\"; failure_threshold = 99999999999999999999L; }; };",
     "x.cfg:1:56: 99999999999999999999L is too large a number\n"
     "    1 | checks = { a = { url = \"http://h\"; failure_threshold = 99999999999999999999L\n"
     "      |                                                        ^\n"},
    {
     "checks = { a = { url = \"http://h\"; failure_threshold = 1e999; }; };",
     "x.cfg:1:56: 1e999 is not a number that can be held\n"
     "    1 | checks = { a = { url = \"http://h\"; failure_threshold = 1e999; }; };\n"
     "      |                                                        ^\n"},
    {
     "checks = {\n"
     "\ta = {\turl = \"http://h\"; interval = 5m };\n"
     "};",
     "x.cfg:2:37: 5m needs quotes: \"5m\"\n"
     "    2 |  a = { url = \"http://h\"; interval = 5m };\n"
     "      |                                     ^\n"},
    {
     "checks = { /* all of them\n"
     "};",
     "x.cfg:1:12: the comment that opens here is never closed\n"
     "    1 | checks = { /* all of them\n"
     "      |            ^\n"},
    {
     "checks = { a = { url = \"http://h\"; }; a = { url = \"http://h\"; }; };",
     "x.cfg:1:39: \"a\" stands twice in the same block; the first one is at x.cfg:1:12\n"},
    {
     "checks = { a = { url = \"http://h\"; url = \"http://i\"; }; };\n"
     "checks = {};",
     "x.cfg:1:36: \"url\" stands twice in the same block; the first one is at x.cfg:1:18\n"
     "x.cfg:2:1: \"checks\" stands twice in the same block; the first one is at x.cfg:1:1\n"},
    {
     "x = (((((((((((((((((((((((((((((((((((((((())))))))))))))))))))))))))))))))))))))))",
     "x.cfg:1:37: blocks are nested too deep\n"
     "    1 | x = (((((((((((((((((((((((((((((((((((((((())))))))))))))))))))))))))))))))\n"
     "      |                                     ^\n"},
    {
     "@include \"no/such.cfg\"",
     "x.cfg:1:1: cannot read \"no/such.cfg\": No such file or directory (errno 2)\n"
     "    1 | @include \"no/such.cfg\"\n"
     "      | ^\n"},
    {
     "@import \"x\"",
     "x.cfg:1:1: only @include \"file\" at the beginning of a line is known\n"
     "    1 | @import \"x\"\n"
     "      | ^\n"},
    {
     "checks = { é = 1; };",
     "x.cfg:1:12: this character has no meaning here; texts stand in double quotes\n"
     "    1 | checks = { é = 1; };\n"
     "      |            ^\n"},
    {
     "# éé é\n"
     "checks = { a = { url = \"http://éé\"; interval = 5m; }; };",
     "x.cfg:2:48: 5m needs quotes: \"5m\"\n"
     "    2 | checks = { a = { url = \"http://éé\"; interval = 5m; }; };\n"
     "      |                                                ^\n"},
};
// clang-format on

static void each_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *told = fixture_told(cases[i].text);
        assert_string_equal(told, cases[i].told);
        free(told);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
