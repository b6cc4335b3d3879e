/* Files: conf.d, @include, folders, what cannot be read, very many errors. */
#include "test_conf_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

struct folder {
    char path[64];
};

static const char *in(const struct folder *f, const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", f->path, name);
    return path;
}

static void put(const struct folder *f, const char *name, const char *text)
{
    FILE *file = fopen(in(f, name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int make_folder(void **state)
{
    struct folder *f = calloc(1, sizeof *f);
    snprintf(f->path, sizeof f->path, "/tmp/relevo-conf-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    assert_int_equal(mkdir(in(f, "conf.d"), 0755), 0);
    *state = f;
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {
        "relevo.cfg",     "more.cfg",      "secret",
        "loop.cfg",       "conf.d/b.cfg",  "conf.d/a.cfg",
        "conf.d/ignored", "conf.d/.c.cfg", "conf.d/bad.cfg"};
    struct folder *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unlink(in(f, names[i]));
    rmdir(in(f, "conf.d"));
    rmdir(f->path);
    free(f);
    return 0;
}

static struct conf *load(const struct folder *f, struct conf_errors *errors)
{
    char path[128];
    snprintf(path, sizeof path, "%s", in(f, "relevo.cfg"));
    struct conf_source source = {.file = path};
    return fixture_load_source(&source, errors);
}

/* What is told, without the folder's name and its slash. */
static char *told_of(const struct folder *f)
{
    struct conf_errors *errors = conf_errors_new();
    struct buf told = {0}, out = {0};
    conf_unref(load(f, errors));
    conf_errors_write(errors, &told);
    const char *s = buf_text(&told);
    size_t n = strlen(f->path);
    for (; *s != '\0'; s++)
        if (strncmp(s, f->path, n) == 0)
            s += n;
        else
            buf_addc(&out, *s);
    conf_errors_free(errors);
    buf_free(&told);
    char *copy = strdup(buf_text(&out));
    buf_free(&out);
    return copy;
}

static void conf_d_is_read_in_sorted_order(void **state)
{
    const struct folder *f = *state;
    struct conf_errors *errors = conf_errors_new();
    put(f, "relevo.cfg",
        "vars = { h = \"one\"; }; checks = { m = { url = \"http://${h}\"; }; "
        "};");
    put(f, "conf.d/b.cfg", "checks = { b = { url = \"http://${h2}\"; }; };");
    put(f, "conf.d/a.cfg",
        "vars = { h2 = \"two\"; }; defaults = { http = { timeout = \"7s\"; }; "
        "};"
        "checks = { a = { url = \"http://h\"; }; };");
    put(f, "conf.d/ignored", "not = = read");
    put(f, "conf.d/.c.cfg", "not = = read");
    struct conf *c = load(f, errors);
    assert_int_equal(conf_errors_count(errors), 0);
    assert_non_null(c);
    assert_int_equal(c->check_count, 3);
    assert_string_equal(c->checks[0].name, "m");
    assert_string_equal(c->checks[1].name, "a");
    assert_string_equal(c->checks[2].name, "b");
    assert_string_equal(c->checks[2].target, "two:80");
    assert_int_equal(c->checks[0].timeout_ns, 7 * NS_PER_S);
    assert_string_equal(c->file, in(f, "relevo.cfg"));
    assert_string_equal(c->checks[1].place.file, in(f, "conf.d/a.cfg"));
    assert_int_equal(strlen(c->sha256), 64);
    conf_unref(c);
    conf_errors_free(errors);
}

static void what_stands_twice_is_told_at_both_places(void **state)
{
    const struct folder *f = *state;
    put(f, "relevo.cfg",
        "timezone = \"UTC\";\nchecks = {\n  a = { url = "
        "\"http://h\"; };\n};");
    put(f, "conf.d/a.cfg",
        "checks = { a = { url = \"http://h\"; }; };\ntimezone = \"UTC\";");
    char *told = told_of(f);
    assert_string_equal(
        told, "conf.d/a.cfg:1:12: check \"a\" is defined twice: here and at "
              "relevo.cfg:3:3\n"
              "relevo.cfg:3:3: check \"a\" is defined twice: here and at "
              "conf.d/a.cfg:1:12\n"
              "conf.d/a.cfg:2:1: timezone is defined twice: here and at "
              "relevo.cfg:1:1\n"
              "relevo.cfg:1:1: timezone is defined twice: here and at "
              "conf.d/a.cfg:2:1\n");
    free(told);
}

static void every_file_is_looked_at(void **state)
{
    const struct folder *f = *state;
    put(f, "relevo.cfg", "checks = { a = { interval = 5s; }; };");
    put(f, "conf.d/bad.cfg", "checks = [,];");
    char *told = told_of(f);
    assert_non_null(strstr(told, "relevo.cfg:1:29: 5s needs quotes"));
    assert_non_null(strstr(told, "conf.d/bad.cfg:1:11: a value is expected"));
    free(told);
}

static void includes_keep_their_places(void **state)
{
    const struct folder *f = *state;
    put(f, "relevo.cfg",
        "checks = {\n  @include \"more.cfg\"\n  c = { url = \"http://h\"; zz = "
        "1; };\n};\n");
    put(f, "more.cfg", "# in between\nb = { url = \"http://h\"; yy = 1; };\n");
    char *told = told_of(f);
    assert_string_equal(told,
                        "more.cfg:2:25: check \"b\": unknown key \"yy\"\n"
                        "relevo.cfg:3:27: check \"c\": unknown key \"zz\"\n");
    free(told);
}

static void an_include_of_itself_ends(void **state)
{
    const struct folder *f = *state;
    put(f, "relevo.cfg", "@include \"loop.cfg\"\n");
    put(f, "loop.cfg", "@include \"loop.cfg\"\n");
    char *told = told_of(f);
    assert_non_null(strstr(told, "does this file include itself?"));
    free(told);
}

static void secret_files_are_beside_the_configuration(void **state)
{
    const struct folder *f = *state;
    struct conf_errors *errors = conf_errors_new();
    put(f, "secret", "swordfish\n");
    put(f, "relevo.cfg",
        "state_dir = \"state\"; checks = { r = { plugin = "
        "\"redis\"; password = { file = \"secret\"; }; }; };");
    struct conf *c = load(f, errors);
    assert_non_null(c);
    assert_null(c->checks[0].missing);
    assert_int_equal(c->secret_count, 1);
    assert_string_equal(c->secrets[0], "swordfish");
    assert_string_equal(c->state_dir, in(f, "state"));
    conf_unref(c);
    conf_errors_free(errors);
}

static void what_cannot_be_read_is_told(void **state)
{
    const struct folder *f = *state;
    char *told = told_of(f);
    assert_string_equal(told, "cannot read \"relevo.cfg\": No such file or "
                              "directory (errno 2)\n");
    free(told);
    assert_int_equal(mkdir(in(f, "relevo.cfg"), 0755), 0);
    told = told_of(f);
    assert_string_equal(told, "\"relevo.cfg\" is not a regular file\n");
    free(told);
    rmdir(in(f, "relevo.cfg"));
    FILE *file = fopen(in(f, "relevo.cfg"), "w");
    assert_int_equal(fwrite("a = 1;\0b", 1, 8, file), 8);
    fclose(file);
    told = told_of(f);
    assert_non_null(strstr(told, ":1:1: the file holds NUL bytes"));
    free(told);
}

static void ten_thousand_errors_end_soon(void **state)
{
    (void)state;
    struct conf_errors *errors = conf_errors_new();
    struct buf text = {0}, told = {0};
    buf_adds(&text, "checks = {\n");
    for (int i = 0; i < 10000; i++)
        buf_addf(&text, "c%d = { url = \"http://h\"; intervall = \"5s\"; };\n",
                 i);
    buf_adds(&text, "};\n");
    int64_t before = clock_mono_ns();
    assert_null(fixture_load(buf_text(&text), errors));
    int64_t spent = clock_mono_ns() - before;
    assert_int_equal(conf_errors_count(errors), 10000);
    assert_non_null(conf_errors_at(errors, 99));
    assert_null(conf_errors_at(errors, 100));
    conf_errors_write(errors, &told);
    assert_true(
        str_ends(buf_text(&told), "… and 9900 more: 10000 errors in all\n"));
    assert_true(spent < 20 * NS_PER_S); /* a hang, not a promise */
    buf_free(&text);
    buf_free(&told);
    conf_errors_free(errors);
}

/* Two megabytes in one line, and a mistake at its end: columns are counted once
 * (a hang, if they were counted from the beginning for each word). */
static void one_long_line(void **state)
{
    (void)state;
    enum { CHECKS = 30000 };
    struct buf text = {0};
    buf_adds(&text, "checks = { ");
    for (int i = 0; i < CHECKS; i++)
        buf_addf(&text, "c%d = { url = \"http://h\"; title = \"\xc3\xa9\"; }; ",
                 i);
    size_t before = text.len - CHECKS; /* each e with an accent is one */
    buf_adds(&text, "last = { url = 'x'; }; };\n");
    struct conf_errors *errors = conf_errors_new();
    struct conf_source source = {.file = "x.cfg", .text = buf_text(&text)};
    assert_null(conf_read(&source, errors));
    struct buf told = {0};
    conf_errors_write(errors, &told);
    char place[40];
    snprintf(place, sizeof place, "x.cfg:1:%zu: texts stand in double",
             before + strlen("last = { url = ") + 1);
    assert_non_null(strstr(buf_text(&told), place));
    buf_free(&text);
    buf_free(&told);
    conf_errors_free(errors);
}

static void plugins_are_found_by_name_scheme_and_defaults(void **state)
{
    (void)state;
    struct conf_errors *errors = conf_errors_new();
    const char *const own[] = {"/q", "/own", NULL};
    struct conf_source source = {
        .file = "x.cfg",
        .plugin_dirs = own,
        .text =
            "plugin_dir = [\"p\", \"/q\"]; state_dir = \"/s\";\n"
            "defaults = { plugin = \"dns\"; tcp = { }; };\n"
            "checks = { a = { url = \"https://h\"; }; b = { }; c = { plugin "
            "= \"redis\"; url = \"http://h\"; }; d = { url = \"wss://h\"; }; "
            "};"};
    static const char *const expected[] = {"http", "dns", "redis", "websocket",
                                           "tcp"};
    const char *const *names;
    struct conf_draft *draft = conf_read(&source, errors);
    assert_non_null(draft);
    assert_int_equal(conf_draft_plugins(draft, &names), 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(names[i], expected[i]);
    assert_int_equal(conf_draft_plugin_dirs(draft)->count, 3);
    assert_string_equal(conf_draft_plugin_dirs(draft)->items[1], "/q");
    assert_string_equal(conf_draft_plugin_dirs(draft)->items[2], "/own");
    assert_string_equal(conf_draft_state_dir(draft), "/s");
    conf_draft_free(draft);
    conf_errors_free(errors);
}

int main(void)
{
#define IN_FOLDER(f) \
    cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(conf_d_is_read_in_sorted_order),
        IN_FOLDER(what_stands_twice_is_told_at_both_places),
        IN_FOLDER(every_file_is_looked_at),
        IN_FOLDER(includes_keep_their_places),
        IN_FOLDER(an_include_of_itself_ends),
        IN_FOLDER(secret_files_are_beside_the_configuration),
        IN_FOLDER(what_cannot_be_read_is_told),
        cmocka_unit_test(ten_thousand_errors_end_soon),
        cmocka_unit_test(one_long_line),
        cmocka_unit_test(plugins_are_found_by_name_scheme_and_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
