/* What a runner that is a unit of its own refuses, and what it makes of the
 * rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/str.h"
#include "runner/rules.h"

static char dir[64], script[160], linked[160], elsewhere[160];
static const char *scripts[2] = {"/no/such/folder", dir};
static const char *users[] = {"backup", "root"};
static const struct runner_rules rules = {.daemon = "nobody",
                                          .runs = "/var/lib/relevo/runs",
                                          .scripts = {scripts, 2},
                                          .users = {users, 2}};

static int set_up(void **state)
{
    struct err err;
    char folder[100];
    snprintf(dir, sizeof dir, "/tmp/relevo-rules-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(folder, sizeof folder, "%s/allowed", dir);
    scripts[1] = xstrdup(folder);
    snprintf(script, sizeof script, "%s/allowed/look", dir);
    snprintf(linked, sizeof linked, "%s/link", dir);
    snprintf(elsewhere, sizeof elsewhere, "%s/allowed-not", dir);
    *state = arena_new();
    return fs_mkdirs(folder, 0755, &err) &&
                   fs_replace(script, "#!/bin/sh\n", 10, 0755, &err) &&
                   fs_replace(elsewhere, "#!/bin/sh\n", 10, 0755, &err) &&
                   symlink(script, linked) == 0
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    char command[96];
    arena_free(*state);
    free((char *)scripts[1]);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

static struct msg_run order(void)
{
    return (struct msg_run){
        .run = 7, .dir = "/var/lib/relevo/runs/R-7", .script = script};
}

static void taken(void **state, struct msg_run *m)
{
    struct err err = {0};
    if (!rules_apply(&rules, m, *state, &err))
        fail_msg("%s", err.text);
}

static void refused(void **state, struct msg_run m, const char *why)
{
    struct err err = {0};
    assert_false(rules_apply(&rules, &m, *state, &err));
    if (strstr(err.text, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
}

static void users_are_named_or_the_daemons(void **state)
{
    struct msg_run m = order();
    taken(state, &m);
    assert_string_equal(m.user, "nobody");
    m.user = "";
    taken(state, &m);
    assert_string_equal(m.user, "nobody");
    m.user = "root";
    taken(state, &m);
    assert_string_equal(m.user, "root");
    m.user = "daemon";
    refused(state, m, "does not allow the user \"daemon\"");
}

static void folders_are_those_of_runs(void **state)
{
    static const char *const others[] = {
        "",
        "/etc",
        "/var/lib/relevo/runs",
        "/var/lib/relevo/runs/",
        "/var/lib/relevo/runs/R-",
        "/var/lib/relevo/runs/R-7/..",
        "/var/lib/relevo/runs/R-7/../../x",
        "/var/lib/relevo/runs/../R-7",
        "/var/lib/relevo/runs-too/R-7",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct msg_run m = order();
        m.dir = others[i];
        refused(state, m, "is no folder of a run below /var/lib/relevo/runs");
    }
}

static void scripts_lie_in_the_folders(void **state)
{
    struct msg_run m = order();
    m.script = elsewhere; /* its name only begins like the folder's */
    refused(state, m, "is in no folder that relevo-runner.service allows");
    m.script = "/no/such/script";
    refused(state, m, "/no/such/script");
    assert_int_equal(chmod(script, 0775), 0);
    refused(state, order(), "is writable by its group");
}

/* Who owns the link could turn it after the check, and what it then leads to
 * would be run: /bin/sh, with an input of his. */
static void a_link_cannot_be_turned(void **state)
{
    struct msg_run m = order();
    m.script = linked;
    taken(state, &m);
    assert_string_equal(m.script, script);
}

static const char *variable(const struct msg_run *m, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < m->environment_count; i++)
        if (str_eq(m->environment[i].name, name)) {
            assert_null(value); /* twice */
            value = m->environment[i].value;
        }
    return value;
}

static void the_environment_is_new(void **state)
{
    struct msg_pair sent[] = {{"PATH", "/tmp"},
                              {"LD_PRELOAD", "/tmp/x.so"},
                              {"BASH_ENV", "/tmp/x"},
                              {"HOME", "/tmp"},
                              {"RELEVO_CHECK", "api"}};
    struct msg_run m = order();
    m.environment = sent;
    m.environment_count = sizeof sent / sizeof *sent;
    m.user = "root";
    taken(state, &m);
    assert_int_equal(m.environment_count, 4);
    assert_string_equal(variable(&m, "PATH"), "/usr/sbin:/usr/bin:/sbin:/bin");
    assert_string_equal(variable(&m, "HOME"), "/root");
    assert_string_equal(variable(&m, "RELEVO_CHECK"), "api");
    assert_null(variable(&m, "LD_PRELOAD"));
    assert_null(variable(&m, "BASH_ENV"));
}

/* ------------------------------------------------- commands of checks --- */

static void commands_are_the_daemons_or_a_named_users(void **state)
{
    (void)state;
    struct err err = {0};
    struct msg_command m = {0};
    assert_true(rules_command(&rules, &m, &err));
    assert_string_equal(m.user, "nobody");
    m.user = "backup";
    assert_true(rules_command(&rules, &m, &err));
    assert_string_equal(m.user, "backup");
    m.user = "daemon";
    assert_false(rules_command(&rules, &m, &err));
    assert_non_null(strstr(err.text, "does not allow the user \"daemon\""));
}

static void commands_get_no_variable_of_mains(void **state)
{
    (void)state;
    struct err err = {0};
    struct msg_pair pairs[] = {{"RELEVO_MARK", "x"}, {"LD_PRELOAD", "/x.so"}};
    struct msg_command m = {.environment = pairs, .environment_count = 1};
    assert_true(rules_command(&rules, &m, &err));
    m.environment_count = 2;
    assert_false(rules_command(&rules, &m, &err));
    assert_non_null(strstr(err.text, "LD_PRELOAD is refused"));
}

static void programs_lie_in_a_folder_of_scripts(void **state)
{
    (void)state;
    struct err err = {0};
    assert_true(rules_allow(&rules, script, &err));
    assert_false(rules_allow(&rules, elsewhere, &err));
    assert_false(rules_allow(&rules, "/usr/bin/env", &err));
    assert_non_null(strstr(err.text, "--scripts"));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(users_are_named_or_the_daemons),
        CASE(folders_are_those_of_runs),
        CASE(scripts_lie_in_the_folders),
        CASE(a_link_cannot_be_turned),
        CASE(the_environment_is_new),
        CASE(commands_are_the_daemons_or_a_named_users),
        CASE(commands_get_no_variable_of_mains),
        CASE(programs_lie_in_a_folder_of_scripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
