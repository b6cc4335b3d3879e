/* conf/tables.c: see tables.h. */
#include "conf/tables.h"

#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/str.h"

#define ROW(type, kind, name, field, fallback, limits, help)             \
    {                                                                    \
        name, kind, 0, (uint32_t)offsetof(struct type, field), fallback, \
            limits, help                                                 \
    }

// clang-format off
#define GLOBAL(...) ROW(global_values, __VA_ARGS__)
static const struct rlv_option global_rows[] = {
    GLOBAL(RLV_STRING, "timezone", timezone, "UTC", NULL,
        "The time zone of `cron` lines that name none, such as \"Europe/Madrid\"."),
    GLOBAL(RLV_STRING, "automation", automation, "diagnose", "observe|diagnose|approve|auto",
        "What may happen by itself, at most: \"observe\" only watches and notifies, \"diagnose\" also runs diagnoses, \"approve\" and \"auto\" also remediations; in this version these are only recorded as what would have run. An environment may have its own."),
    GLOBAL(RLV_STRING, "state_dir", state_dir, NULL, NULL,
        "The folder for the history and everything else that is kept; without it /var/lib/relevo for root, else ~/.local/state/relevo."),
    GLOBAL(RLV_LIST, "runbook_dir", runbook_dir, NULL, NULL,
        "Folders that scripts with a relative name are looked for in, in order, before Relevo's own; a relative folder is beside the configuration file."),
    GLOBAL(RLV_LIST, "plugin_dir", plugin_dir, NULL, NULL,
        "Folders that plugins are looked for in, in order, before Relevo's own; a relative folder is beside the configuration file."),
    GLOBAL(RLV_STRING, "runner", runner, NULL, NULL,
        "The socket of a runner that is a unit of its own, /run/relevo-runner.sock; without it the daemon starts its own. A change needs a restart."),
    GLOBAL(RLV_STRING, "user", user, NULL, NULL,
        "The user that a daemon started as root becomes."),
    GLOBAL(RLV_STRING, "log", log, "info", "debug|info|warn|error",
        "The least important lines that are logged."),
    GLOBAL(RLV_INT, "workers", workers, "0", "0..64",
        "How many worker processes run probes; 0 is one for each core, at most 4, "
        "of which no more get checks than there is work for."),
    GLOBAL(RLV_INT, "blocking", blocking, "8", "1..64",
        "How many processes at most run probes that block."),
    GLOBAL(RLV_INT, "target_probes", target_probes, "4", "0..10000",
        "How many probes at most run against one host and port at once; 0 is no limit."),
};

#define SPEC(kind, name, field, ...) ROW(check_values, kind, name, spec.field, __VA_ARGS__)
#define CHECK(...) ROW(check_values, __VA_ARGS__)
static const struct rlv_option check_rows[] = {
    SPEC(RLV_STRING, "plugin", plugin, NULL, NULL,
        "The plugin that observes; may be left out where the scheme of `url` names it."),
    SPEC(RLV_DURATION, "interval", interval_ns, "30s", "50ms..366d",
        "The time from one probe to the next."),
    SPEC(RLV_DURATION, "retry_interval", retry_interval_ns, NULL, "50ms..366d",
        "The same while the check is suspect; without it the shorter of `interval` and 5 s."),
    SPEC(RLV_DURATION, "down_interval", down_interval_ns, NULL, "50ms..366d",
        "The same while the check is down; without it `interval`."),
    SPEC(RLV_STRING, "cron", cron, NULL, NULL,
        "Probes at the times of these five fields, such as \"15 3 * * *\", instead of by `interval`."),
    SPEC(RLV_STRING, "timezone", timezone, NULL, NULL,
        "The time zone of `cron`; without it the one of the whole configuration."),
    SPEC(RLV_STRING, "schedule", schedule_word, NULL, "manual",
        "\"manual\": no probes but those that someone asks for."),
    SPEC(RLV_DURATION, "timeout", timeout_ns, "10s", "1ms..1h",
        "How long a probe may take."),
    SPEC(RLV_INT, "failure_threshold", failure_threshold, "3", "1..100",
        "How many failing results in a row make the check down."),
    SPEC(RLV_INT, "success_threshold", success_threshold, "2", "1..100",
        "How many good results in a row end that."),
    SPEC(RLV_STRING, "failure_window", failure_window, NULL, NULL,
        "Such as \"3 of 5\": so many failing results among the last ones make the check down, too."),
    SPEC(RLV_LIST, "tags", tags, NULL, NULL,
        "Words to select checks by."),
    SPEC(RLV_BOOL, "enabled", enabled, "true", NULL,
        "false: the check is read and checked, and not run but by hand; it is shown as paused."),
    CHECK(RLV_LIST, "expect", expect, NULL, NULL,
        "Expectations: where one is false, the probe failed."),
    CHECK(RLV_LIST, "warn_unless", warn_unless, NULL, NULL,
        "Expectations: where one is false, the check is degraded."),
    SPEC(RLV_LIST, "expect_fault", expect_faults, NULL, NULL,
        "Faults such as \"refused\": the probe must fail with one of them, for instance at a firewall; an answer is the failure, and no line is judged."),
    SPEC(RLV_SIZE, "evidence", evidence_bytes, "4KiB", "0..16KiB",
        "How much of each piece of a failing answer is kept."),
    CHECK(RLV_LIST, "use", use, NULL, NULL,
        "Templates whose options come before the check's own, in order."),
    CHECK(RLV_LIST, "environments", environments, NULL, NULL,
        "Only in these environments; without it in all of them."),
    SPEC(RLV_STRING, "of", of, NULL, NULL,
        "Derived: judged from every answer of that check of the same environment, without a probe of its own."),
    CHECK(RLV_DICT, "record", record, NULL, NULL,
        "Named values out of the answer, such as { db = \"json('.db')\"; }: stored, and names for `expect` and `when`."),
    CHECK(RLV_LIST, "depends_on", depends_on, NULL, NULL,
        "Checks of the same environment that this one needs: names or patterns, { any = [\"a\", \"b\"]; } (one is enough), { tags = [\"x\"]; } (all that have the tag)."),
    SPEC(RLV_STRING, "title", title, NULL, NULL,
        "What people call it: in incidents, notices and reports."),
    SPEC(RLV_STRING, "owner", owner, NULL, NULL,
        "Who is to be asked: in incidents, notices and reports."),
    SPEC(RLV_DICT, "links", links, NULL, NULL,
        "What to look at in an outage: { dashboard = \"https://…\"; }."),
    SPEC(RLV_STRING, "severity", severity, "major", "major|minor",
        "\"minor\": alone it does not fail `relevo test`."),
    SPEC(RLV_STRING, "skip", skip, NULL, NULL,
        "`relevo test` skips it; the text says why."),
    SPEC(RLV_LIST, "requires", needs_vars, NULL, NULL,
        "Variables that must have a value: without it the check is unknown, and skipped by `relevo test`."),
};

#define BOOK(...) ROW(runbook_values, __VA_ARGS__)
static const struct rlv_option runbook_rows[] = {
    {"script", RLV_STRING, RLV_REQUIRED, (uint32_t)offsetof(struct runbook_values, script), NULL, NULL,
        "The executable: an absolute path, or a name in `runbook_dir` such as \"http/diagnose\"."},
    BOOK(RLV_LIST, "on", on, NULL, NULL,
        "When to run: \"suspect\", \"degraded\", \"down\", \"recovered\", \"unknown\"; without it what the script's header says, else suspect for a diagnosis, down for a remediation, down and recovered for a notice."),
    BOOK(RLV_DURATION, "timeout", timeout_ns, NULL, "1s..24h",
        "How long the script may run; without it what its header says, else 5 min for a remediation and 30 s for others."),
    BOOK(RLV_DURATION, "grace", grace_ns, "10s", "0..10m",
        "The time between asking a script that ran too long to end, and killing it."),
    BOOK(RLV_DURATION, "cooldown", cooldown_ns, NULL, "0..30d",
        "The time after a run in which it is not run again for the same; without it 5 min for a diagnosis, 30 min for a remediation, none for a notice."),
    BOOK(RLV_STRING, "automation", automation, NULL, "observe|diagnose|approve|auto",
        "A lower limit than the global one for this runbook."),
    BOOK(RLV_STRING, "user", user, NULL, NULL,
        "The user that the script runs as; needs a runner that was started as root."),
    BOOK(RLV_LIST, "environments", environments, NULL, NULL,
        "Only for checks of these environments."),
    BOOK(RLV_LIST, "active", active, NULL, NULL,
        "When it may run, such as \"Mon-Fri 09:00-18:00\", in the configuration's time zone; a notice that it holds back is sent when the time comes, if it still holds."),
    BOOK(RLV_DURATION, "repeat", repeat_ns, NULL, "1m..30d",
        "A notice again after this time, as long as the incident is open and nobody has acknowledged it."),
    BOOK(RLV_STRING, "budget", budget, NULL, NULL,
        "How often a remediation may run for one target: \"2 per 24h\", which is also the default. In this version remediations are only recorded: it is checked, and has no effect yet, as `settle` and `verify_within`."),
    BOOK(RLV_DURATION, "settle", settle_ns, "10s", "0..10m",
        "The time after a remediation before its outcome is verified."),
    BOOK(RLV_DURATION, "verify_within", verify_within_ns, "2m", "1s..1h",
        "How long after that the check may take to be up again."),
};

#define MATCH(name, field, help) \
    ROW(runbook_values, RLV_LIST, name, match.field, NULL, NULL, help)
static const struct rlv_option match_rows[] = {
    MATCH("check", checks, "Names of checks, with * and ?."),
    MATCH("plugin", plugins, "The check's plugin."),
    MATCH("tags", tags, "The check has one of these tags."),
    MATCH("fault", faults, "What was wrong, such as \"refused\"; `relevo fault list` has all."),
    MATCH("code", codes, "The protocol's own word, such as \"503\" or \"ECONNREFUSED\"."),
    MATCH("state", states, "The check's state, such as \"down\"."),
    MATCH("environments", environments, "The check's environment."),
    BOOK(RLV_STRING, "when", match.when, NULL, NULL,
        "An expression over the failing result that must be true, such as \"db contains '111'\"."),
};

#define WINDOW(...) ROW(maintenance_values, __VA_ARGS__)
static const struct rlv_option maintenance_rows[] = {
    WINDOW(RLV_LIST, "checks", checks, NULL, NULL,
        "Names of checks, with * and ?; without `checks`, `tags` and `environments` all. An empty list is a mistake."),
    WINDOW(RLV_LIST, "tags", tags, NULL, NULL,
        "Checks that have one of these tags."),
    WINDOW(RLV_LIST, "environments", environments, NULL, NULL,
        "Checks of these environments."),
    WINDOW(RLV_STRING, "cron", cron, NULL, NULL,
        "When it begins, again and again: five fields, such as \"0 3 * * 0\"."),
    WINDOW(RLV_STRING, "timezone", timezone, NULL, NULL,
        "The time zone of `cron`; without it the one of the whole configuration."),
    WINDOW(RLV_DURATION, "duration", duration_ns, NULL, "1m..30d",
        "How long it lasts."),
    WINDOW(RLV_STRING, "from", from, NULL, NULL,
        "When it begins, once: \"2026-12-24T22:00:00+01:00\"."),
    WINDOW(RLV_STRING, "until", until, NULL, NULL,
        "When it ends, instead of `duration`."),
    WINDOW(RLV_STRING, "reason", reason, "", NULL,
        "Shown with the window."),
};

#define KEEP(...) ROW(history_spec, __VA_ARGS__)
static const struct rlv_option history_rows[] = {
    KEEP(RLV_DURATION, "raw", raw_ns, "14d", "0..36500d",
        "How long each result is kept; 0, here and below: for ever."),
    KEEP(RLV_DURATION, "minute", minute_ns, "90d", "0..36500d",
        "How long counts and percentiles by minute are kept."),
    KEEP(RLV_DURATION, "hour", hour_ns, "730d", "0..36500d",
        "The same by hour."),
    KEEP(RLV_DURATION, "day", day_ns, "0", "0..36500d",
        "The same by day."),
    KEEP(RLV_DURATION, "outputs", outputs_ns, "90d", "0..36500d",
        "How long what runbooks printed, and evidence, is kept; findings and verdicts stay."),
    KEEP(RLV_SIZE, "outputs_size", outputs_bytes, "1GiB", "0..1000000GiB",
        "How much room these may take; the oldest go first."),
    KEEP(RLV_SIZE, "max_size", max_bytes, "2GiB", "0..1000000GiB",
        "How large the whole file may become (3 MiB at least); the oldest results go first."),
};

#define PAGE(...) ROW(web_spec, __VA_ARGS__)
static const struct rlv_option web_rows[] = {
    PAGE(RLV_BOOL, "enabled", enabled, "true", NULL,
        "false: there is no page, and no process for it."),
    PAGE(RLV_LIST, "listen", listen, WEB_LISTEN, NULL,
        "Where it is served, at most four: an address and a port such as \"127.0.0.1:8970\" or \"[::1]:8970\" (port 0: any that is free), or the absolute path of a socket. A change below port 1024 needs a restart."),
    PAGE(RLV_LIST, "hosts", hosts, NULL, NULL,
        "Names by which it may be asked for (`Host`), beside localhost and the addresses of `listen`; \"status.example.com\" without a port."),
    PAGE(RLV_SECRET, "token", token, NULL, NULL,
        "Without it nothing but beats and /healthz is answered: `Authorization: Bearer TOKEN`, or a password of a browser with any name."),
};

static const struct {
    unsigned scopes;
    const char *word;
} later[] = {
    {SCOPE_TOP, "budget"},            {SCOPE_TOP, "suites"},
    {SCOPE_TOP, "connectivity"},
    {SCOPE_CHECK, "suite"},           {SCOPE_CHECK, "slo"},
    {SCOPE_CHECK, "group"},           {SCOPE_CHECK, "connectivity"},
    {SCOPE_RUNBOOK, "title"},         {SCOPE_RUNBOOK, "owner"},
    {SCOPE_RUNBOOK, "links"},
    {SCOPE_CHECK | SCOPE_RUNBOOK, "witness"},
    {SCOPE_CHECK | SCOPE_RUNBOOK, "maintenance"},
    {SCOPE_CHECK, "active"},          {SCOPE_RUNBOOK, "after"},
    {SCOPE_RUNBOOK, "lock"},          {SCOPE_RUNBOOK, "ladder"},
    {SCOPE_RUNBOOK, "privileges"},    {SCOPE_RUNBOOK, "fence"},
    {SCOPE_RUNBOOK, "destructive"},   {SCOPE_RUNBOOK, "retries"},
    {SCOPE_RUNBOOK, "approval"},      {SCOPE_RUNBOOK, "requires"},
    {SCOPE_RUNBOOK, "when"},
    {SCOPE_PLUGIN, "group"},          {SCOPE_PLUGIN, "suite"},
};

static const struct {
    const char *scheme, *plugin;
    int port;
} schemes[] = {
    {"http", "http", 80},           {"https", "http", 443},
    {"redis", "redis", 6379},       {"rediss", "redis", 6379},
    {"postgres", "postgres", 5432}, {"postgresql", "postgres", 5432},
    {"ws", "websocket", 80},        {"wss", "websocket", 443},
    {"tcp", "tcp", 0},              {"tls", "tcp", 0},
    {"dns", "dns", 53},
};
// clang-format on

const struct option_table global_options = {global_rows,
                                            ARRAY_LEN(global_rows)};
const struct option_table check_options = {check_rows, ARRAY_LEN(check_rows)};
const struct option_table runbook_options = {runbook_rows,
                                             ARRAY_LEN(runbook_rows)};
const struct option_table match_options = {match_rows, ARRAY_LEN(match_rows)};
const struct option_table maintenance_options = {maintenance_rows,
                                                 ARRAY_LEN(maintenance_rows)};
const struct option_table history_options = {history_rows,
                                             ARRAY_LEN(history_rows)};

const struct option_table web_options = {web_rows, ARRAY_LEN(web_rows)};

bool table_is_later(enum scope scope, const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(later); i++)
        if ((later[i].scopes & (unsigned)scope) != 0 &&
            str_eq(later[i].word, word))
            return true;
    return false;
}

const char *table_scheme(const char *url, int *port)
{
    const char *colon = url == NULL ? NULL : strstr(url, "://");
    for (size_t i = 0; colon != NULL && i < ARRAY_LEN(schemes); i++)
        if (strlen(schemes[i].scheme) == (size_t)(colon - url) &&
            strncasecmp(url, schemes[i].scheme, (size_t)(colon - url)) == 0) {
            *port = schemes[i].port;
            return schemes[i].plugin;
        }
    return NULL;
}

const char *table_scheme_nth(size_t i, const char **plugin, int *port)
{
    if (i >= ARRAY_LEN(schemes))
        return NULL;
    *plugin = schemes[i].plugin;
    *port = schemes[i].port;
    return schemes[i].scheme;
}
