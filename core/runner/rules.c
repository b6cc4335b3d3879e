/* runner/rules.c: see rules.h. */
#include "runner/rules.h"

#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "runner/script.h"

/* RUNS/R-7 and nothing else. */
static bool is_run_folder(const struct runner_rules *rules, const char *dir)
{
    size_t n = strlen(rules->runs);
    if (strncmp(dir, rules->runs, n) != 0 || strncmp(dir + n, "/R-", 3) != 0)
        return false;
    const char *number = dir + n + 3;
    return number[0] != '\0' && number[strspn(number, "0123456789")] == '\0';
}

static bool lies_in(const char *path, const char *folder)
{
    char real[PATH_MAX];
    if (realpath(folder, real) == NULL)
        return false;
    size_t n = strlen(real);
    return strncmp(path, real, n) == 0 && path[n] == '/';
}

bool rules_allow(const struct runner_rules *rules, const char *path,
                 struct err *err)
{
    for (size_t i = 0; i < rules->scripts.count; i++)
        if (lies_in(path, rules->scripts.items[i]))
            return true;
    return err_set(err, ERR_DENIED, 0,
                   "%s is in no folder that relevo-runner.service allows "
                   "(--scripts)",
                   path);
}

/* Owned by root all the way up, as the user could else change what runs; and
 * run from where it was found, as a link on the way there could be turned. */
static bool settle_script(const struct runner_rules *rules, struct msg_run *m,
                          struct arena *arena, struct err *err)
{
    struct script s;
    if (!script_check(&s, m->script, 0, err))
        return false;
    m->script = arena_strdup(arena, s.path);
    return rules_allow(rules, s.path, err);
}

static bool check_user(const struct runner_rules *rules, const char *user,
                       struct err *err)
{
    if (str_eq(user, rules->daemon))
        return true;
    for (size_t i = 0; i < rules->users.count; i++)
        if (str_eq(user, rules->users.items[i]))
            return true;
    return err_set(err, ERR_DENIED, 0,
                   "relevo-runner.service does not allow the user \"%s\" "
                   "(--user)",
                   user);
}

/* A loader's or a shell's variables would let main run what it likes. */
static void renew_environment(struct msg_run *m, struct arena *arena)
{
    const struct passwd *p = getpwnam(m->user);
    const struct msg_pair fixed[] = {
        {"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"},
        {"LANG", "C.UTF-8"},
        {"HOME", arena_strdup(arena, p != NULL ? p->pw_dir : "/")}};
    struct msg_pair *kept = arena_alloc(
        arena, (m->environment_count + ARRAY_LEN(fixed)) * sizeof *kept);
    size_t n = ARRAY_LEN(fixed);
    memcpy(kept, fixed, sizeof fixed);
    for (size_t i = 0; i < m->environment_count; i++)
        if (str_starts(m->environment[i].name, "RELEVO_"))
            kept[n++] = m->environment[i];
    m->environment = kept;
    m->environment_count = n;
}

bool rules_apply(const struct runner_rules *rules, struct msg_run *m,
                 struct arena *arena, struct err *err)
{
    if (m->user == NULL || m->user[0] == '\0')
        m->user = rules->daemon;
    if (!is_run_folder(rules, m->dir))
        return err_set(err, ERR_DENIED, 0, "%s is no folder of a run below %s",
                       m->dir, rules->runs);
    if (!check_user(rules, m->user, err) ||
        !settle_script(rules, m, arena, err))
        return false;
    renew_environment(m, arena);
    return true;
}

bool rules_command(const struct runner_rules *rules, struct msg_command *m,
                   struct err *err)
{
    if (m->user == NULL || m->user[0] == '\0')
        m->user = rules->daemon;
    for (size_t i = 0; i < m->environment_count; i++)
        if (!str_starts(m->environment[i].name, "RELEVO_"))
            return err_set(err, ERR_DENIED, 0,
                           "environment: %s is refused: a runner that is a "
                           "unit of its own takes only RELEVO_*",
                           m->environment[i].name);
    return check_user(rules, m->user, err);
}
