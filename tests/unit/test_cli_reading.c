/* The commands that read the history, over a store that each test writes:
 * what a person reads, the JSON, exit statuses, hostile text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/clock.h"
#include "store/store.h"
#include "test_cli_capture.h"

enum { API = 1, DB = 2 };

struct fixture {
    char dir[64], state[80];
    struct store *store;
    uint64_t sequence;
    int64_t began_us; /* of the incident: an hour ago, to the second */
};

static int setup(void **state)
{
    static struct fixture f;
    struct store_options options = {0};
    setenv("TZ", "UTC", 1);
    f = (struct fixture){.dir = "/tmp/relevo-cli-XXXXXX"};
    assert_non_null(mkdtemp(f.dir));
    snprintf(f.state, sizeof f.state, "%s/state", f.dir);
    options.dir = f.state;
    f.store = store_open(&options, NULL);
    assert_non_null(f.store);
    f.began_us = (clock_wall_us() / US_PER_S - 3600) * US_PER_S;
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[160];
    store_close(f->store);
    snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    return system(command);
}

static void append(struct fixture *f, struct record *r)
{
    r->sequence = ++f->sequence;
    r->grade = GRADE_DURABLE;
    store_append(f->store, record_copy(r));
}

static void add_check_of(struct fixture *f, uint32_t number, const char *name,
                         const char *environment)
{
    struct record r = {.kind = RECORD_CHECK};
    r.as.check = (struct check_row){number, name, environment, "http", 0};
    append(f, &r);
}

static void add_check(struct fixture *f, uint32_t number, const char *name)
{
    add_check_of(f, number, name, "");
}

static struct result *new_result(const struct fixture *f, int64_t at_us,
                                 enum outcome outcome, int64_t latency_ns)
{
    struct result *r = result_new();
    (void)f;
    r->check = API;
    r->started_us = at_us;
    r->duration_ns = latency_ns + NS_PER_MS;
    r->outcome = outcome;
    r->observations = arena_alloc(r->arena, sizeof *r->observations);
    r->observations[0] = (struct observation){
        .name = "latency", .value = rlv_duration(latency_ns), .recorded = true};
    r->observation_count = 1;
    return r;
}

static void add_result(struct fixture *f, struct result *r)
{
    struct record record = {.kind = RECORD_RESULT, .as.result = r};
    append(f, &record);
    result_free(r);
}

static void add_failing(struct fixture *f, int64_t at_us)
{
    struct result *r = new_result(f, at_us, OUTCOME_FAIL, 12 * NS_PER_MS);
    r->fault = RLV_F_ERROR_RESPONSE;
    snprintf(r->code, sizeof r->code, "503");
    r->message = "status 503 \x1b[31mService\x1b[0m Unavailable";
    r->lines = arena_alloc(r->arena, sizeof *r->lines);
    r->lines[0] =
        (struct judged_line){.text = "status == 200", .values = "503"};
    r->line_count = 1;
    r->evidence = arena_alloc(r->arena, sizeof *r->evidence);
    r->evidence[0] = (struct evidence){
        .label = "body", .bytes = "{\"db\":\r\n\"refused\x07\"}", .len = 19};
    r->evidence_count = 1;
    add_result(f, r);
}

static void add_event(struct fixture *f, int64_t at_us, const char *event,
                      const char *text)
{
    struct record r = {.kind = RECORD_EVENT};
    r.as.event = (struct event_row){1, API, at_us, event, text};
    append(f, &r);
}

static struct run_row new_run(const struct fixture *f, uint64_t number,
                              const char *book, enum runbook_kind kind,
                              enum run_state state)
{
    return (struct run_row){.number = number,
                            .runbook = book,
                            .kind = kind,
                            .check = API,
                            .incident = 1,
                            .state = state,
                            .on = ON_SUSPECT,
                            .intended_us = f->began_us + 100,
                            .exit_status = -1,
                            .held_by = "",
                            .reason = "",
                            .sha256 = "",
                            .boot_id = "",
                            .findings = "",
                            .output = ""};
}

static void add_run(struct fixture *f, const struct run_row *row)
{
    struct record r = {.kind = RECORD_RUN};
    r.as.run = *row;
    append(f, &r);
}

static void add_runs(struct fixture *f)
{
    struct run_row diagnosis =
        new_run(f, 1, "http-diagnose", RUNBOOK_DIAGNOSE, RUN_ENDED);
    diagnosis.verdict = VERDICT_DONE;
    diagnosis.started_us = f->began_us + 1000;
    diagnosis.ended_us = f->began_us + 1000 + 2 * US_PER_S;
    diagnosis.exit_status = 0;
    diagnosis.findings =
        "[{\"t\":\"finding\",\"sev\":\"info\",\"title\":\"DNS is fine\"},"
        "{\"t\":\"finding\",\"sev\":\"crit\",\"title\":\"the database is the "
        "cause\",\"detail\":\"Nothing listens.\\nOn 5432.\",\"next\":\"start "
        "it\"},{\"t\":\"verdict\",\"class\":\"dependency:db\","
        "\"confidence\":0.95}]";
    add_run(f, &diagnosis);
    struct run_row would =
        new_run(f, 2, "pg-restart", RUNBOOK_REMEDIATE, RUN_WOULD);
    would.held_by = "mode";
    would.reason = "automation is \"diagnose\"";
    add_run(f, &would);
    struct run_row held = new_run(f, 3, "oncall", RUNBOOK_NOTIFY, RUN_HELD);
    held.held_by = "secret";
    held.reason = "env ONCALL_URL has no value";
    add_run(f, &held);
}

static void add_incident_of(struct fixture *f, uint64_t number, uint32_t check,
                            enum incident_state state)
{
    struct record r = {.kind = RECORD_INCIDENT};
    r.as.incident = (struct incident_row){
        .number = number,
        .check = check,
        .state = state,
        .began_us = f->began_us,
        .opened_us = f->began_us + 10 * US_PER_S,
        .resolved_us =
            state == INCIDENT_RESOLVED ? f->began_us + 605 * US_PER_S : 0,
        .fault = RLV_F_ERROR_RESPONSE,
        .code = "503",
        .summary = "status 503",
        .cause = "the database is the cause"};
    append(f, &r);
}

static void add_incident(struct fixture *f, enum incident_state state)
{
    add_incident_of(f, 1, API, state);
    add_event(f, f->began_us, "failing", "error_response 503: status 503");
    add_event(f, f->began_us + 10 * US_PER_S, "down", "3 in a row");
}

/* Everything is on disk when it returns. */
static void settle(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
}

static void fill(struct fixture *f, enum incident_state state)
{
    add_check(f, API, "api");
    add_check(f, DB, "db");
    for (int i = 1; i <= 18; i++)
        add_result(f, new_result(f, f->began_us - i * 30 * US_PER_S, OUTCOME_OK,
                                 i * NS_PER_MS));
    add_failing(f, f->began_us);
    add_incident(f, state);
    add_runs(f);
    settle(f);
}

/* ------------------------------------------------------------- history --- */

static void history_shows_newest_first(void **state)
{
    struct fixture *f = *state;
    fill(f, INCIDENT_OPEN);
    struct captured c = RUN(f->dir, "--state-dir", f->state, "history", "api");
    assert_int_equal(c.status, EXIT_FINE);
    assert_true(says(&c.out, "19 results: 18 ok, 1 fail (94.7 % ok); latency "
                             "p50 10ms, p95 18ms"));
    assert_true(says(&c.out, "error_response  503"));
    const char *fail = strstr(c.out.data, "fail"),
               *ok = strstr(c.out.data, "ok");
    assert_true(fail < ok);
    assert_null(strchr(c.out.data, '\x1b'));
    captured_free(&c);
}

static void history_as_json(void **state)
{
    struct fixture *f = *state;
    fill(f, INCIDENT_OPEN);
    struct captured c = RUN(f->dir, "history", "api", "--json", "-n", "2",
                            "--state-dir", f->state);
    json_t *all = json_loads(c.out.data, 0, NULL);
    assert_int_equal(c.status, EXIT_FINE);
    assert_int_equal(json_array_size(all), 2);
    const json_t *first = json_array_get(all, 0);
    assert_string_equal(json_string_value(json_object_get(first, "check")),
                        "api");
    assert_string_equal(json_string_value(json_object_get(first, "outcome")),
                        "fail");
    assert_string_equal(json_string_value(json_object_get(first, "code")),
                        "503");
    json_decref(all);
    captured_free(&c);
}

static void history_of_a_time(void **state)
{
    struct fixture *f = *state;
    fill(f, INCIDENT_OPEN);
    struct captured c = RUN(f->dir, "history", "api", "--since", "62m",
                            "--state-dir", f->state);
    assert_int_equal(c.status, EXIT_FINE);
    assert_true(says(&c.out, "\n4 results: 3 ok, 1 fail"));
    captured_free(&c);
    c = RUN(f->dir, "history", "api", "--since", "1m", "--state-dir", f->state);
    assert_int_equal(c.status, EXIT_FINE);
    assert_true(says(&c.out, "no results of api in that time"));
    captured_free(&c);
}

static void history_mistakes(void **state)
{
    struct fixture *f = *state;
    fill(f, INCIDENT_OPEN);
    struct captured c = RUN(f->dir, "history", "apj", "--state-dir", f->state);
    assert_int_equal(c.status, EXIT_USAGE);
    assert_true(says(&c.err, "no check \"apj\" in the history; did you mean "
                             "\"api\"?"));
    captured_free(&c);
    c = RUN(f->dir, "history", "api", "--since", "5", "--state-dir", f->state);
    assert_int_equal(c.status, EXIT_USAGE);
    assert_true(says(&c.err, "--since"));
    captured_free(&c);
    c = RUN(f->dir, "history", "api", "-n", "0", "--state-dir", f->state);
    assert_int_equal(c.status, EXIT_USAGE);
    assert_true(says(&c.err, "--limit: \"0\""));
    captured_free(&c);
}

static void nothing_stored_yet(void **state)
{
    static const char *const words[][3] = {{"history", "api", NULL},
                                           {"incident", "list", NULL},
                                           {"incident", "show", NULL},
                                           {"runbook", "log", NULL}};
    struct fixture *f = *state;
    char sentence[160];
    snprintf(sentence, sizeof sentence,
             "no history in %s/none yet: start relevo run", f->dir);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        char none[100];
        snprintf(none, sizeof none, "%s/none", f->dir);
        struct captured c =
            RUN(f->dir, words[i][0], words[i][1], "--state-dir", none);
        assert_int_equal(c.status, EXIT_INTERNAL);
        assert_true(says(&c.err, sentence));
        captured_free(&c);
    }
}

/* --------------------------------------------------------------- incidents --
 */

static void incident_in_a_list(void **state)
{
    struct fixture *f = *state;
    fill(f, INCIDENT_RESOLVED);
    struct captured c =
        RUN(f->dir, "incident", "list", "--state-dir", f->state);
    assert_int_equal(c.status, EXIT_FINE);
    assert_true(says(&c.out, "I-1  api    resolved"));
    assert_true(says(&c.out, "10m 5s"));
    assert_true(says(&c.out, "error_response 503  the database is the cause"));
    captured_free(&c);
}

static void incident_at_night(void **state)
{
    static const char *const parts[] = {
        "I-1  api is DOWN since ",
        ", for 1h 0m\n",
        "fault    error_response 503: the peer answered with a failure of its "
        "own (blames the target)\n",
        "cause    the database is the cause\n",
        "Found by http-diagnose (R-1)\n"
        "  crit  the database is the cause\n"
        "        Nothing listens.\n"
        "        On 5432.\n"
        "        next: start it\n"
        "  info  DNS is fine\n"
        "  verdict dependency:db (95 %)\n",
        "Timeline (local time, UTC)\n",
        "10.0s  down     3 in a row\n",
        "First failing result (",
        "  status 503 \\x1b[31mService\\x1b[0m Unavailable\n"
        "  false: expect status == 200 (503)\n"
        "  body (19 bytes):\n"
        "    | {\"db\":\n"
        "    | \"refused\\x07\"}\n",
        "Would have run\n  remediate pg-restart (R-2): automation is "
        "\"diagnose\"\n",
        "Held back\n  notify oncall (R-3): env ONCALL_URL has no value\n",
        "More: relevo history api --since 70m",
    };
    struct fixture *f = *state;
    fill(f, INCIDENT_OPEN);
    struct captured c =
        RUN(f->dir, "incident", "show", "--state-dir", f->state);
    assert_int_equal(c.status, EXIT_FINE);
    const char *at = buf_text(&c.out);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        assert_true(says(&c.out, parts[i]));
        const char *found = strstr(at, parts[i]);
        assert_non_null(found); /* and in this order */
        at = found;
    }
    captured_free(&c);
}

static void incident_that_is_over(void **state)
{
    struct fixture *f = *state;
    fill(f, INCIDENT_RESOLVED);
    struct captured c =
        RUN(f->dir, "incident", "show", "i-1", "--state-dir", f->state);
    assert_int_equal(c.status, EXIT_FINE);
    assert_true(says(&c.out, "I-1  api was down for 10m 5s, from "));
    captured_free(&c);
}

static void incident_as_json(void **state)
{
    struct fixture *f = *state;
    char began[CLOCK_TEXT];
    fill(f, INCIDENT_OPEN);
    struct captured c =
        RUN(f->dir, "incident", "show", "1", "--json", "--state-dir", f->state);
    json_t *o = json_loads(c.out.data, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(o, "id")), "I-1");
    assert_string_equal(json_string_value(json_object_get(o, "began")),
                        clock_format(f->began_us, began));
    assert_int_equal(json_array_size(json_object_get(o, "timeline")), 2);
    assert_int_equal(json_array_size(json_object_get(o, "runs")), 3);
    const json_t *result = json_object_get(o, "result");
    assert_string_equal(json_string_value(json_object_get(result, "at")),
                        began);
    json_decref(o);
    captured_free(&c);
}

static void incident_that_is_not(void **state)
{
    struct fixture *f = *state;
    fill(f, INCIDENT_OPEN);
    struct captured c =
        RUN(f->dir, "incident", "show", "I-9", "--state-dir", f->state);
    assert_int_equal(c.status, EXIT_USAGE);
    assert_true(says(&c.err, "no incident I-9; the latest is I-1"));
    captured_free(&c);
    c = RUN(f->dir, "incident", "show", "R-9", "--state-dir", f->state);
    assert_int_equal(c.status, EXIT_USAGE);
    assert_true(says(&c.err, "\"R-9\" is not an incident"));
    captured_free(&c);
}

static void no_incident_at_all(void **state)
{
    struct fixture *f = *state;
    add_check(f, API, "api");
    settle(f);
    struct captured c =
        RUN(f->dir, "incident", "show", "--json", "--state-dir", f->state);
    assert_int_equal(c.status, EXIT_INTERNAL);
    assert_int_equal(c.out.len, 0);
    assert_true(says(&c.err, "no incidents so far"));
    captured_free(&c);
    c = RUN(f->dir, "incident", "list", "--json", "--state-dir", f->state);
    assert_int_equal(c.status, EXIT_FINE);
    assert_string_equal(c.out.data, "[]\n");
    captured_free(&c);
}

/* ---------------------------------------------------------------- runs --- */

/* A failure that passed, or that another check was the cause of, before it was
 * confirmed: its number was never an incident. */
static void a_run_of_no_incident(void **state)
{
    struct fixture *f = *state;
    const char *const faces[][2] = {{"runbook", "log"}, {"report", "handover"}};
    add_check(f, API, "api");
    add_incident(f, INCIDENT_OPEN);
    add_runs(f);
    struct run_row held =
        new_run(f, 4, "http-diagnose", RUNBOOK_DIAGNOSE, RUN_HELD);
    held.incident = 77;
    held.reason = "db is suspect";
    add_run(f, &held);
    settle(f);
    for (size_t i = 0; i < ARRAY_LEN(faces); i++) {
        struct captured c = RUN(f->dir, faces[i][0], faces[i][1], "--json",
                                "--state-dir", f->state);
        assert_int_equal(c.status, EXIT_FINE);
        assert_true(says(&c.out, "\"reason\":\"db is suspect\""));
        assert_true(says(&c.out, "\"incident\":\"I-1\""));
        assert_null(strstr(c.out.data, "I-77"));
        captured_free(&c);
    }
}

static void runs_in_a_log(void **state)
{
    struct fixture *f = *state;
    fill(f, INCIDENT_OPEN);
    struct captured c = RUN(f->dir, "runbook", "log", "--state-dir", f->state);
    assert_int_equal(c.status, EXIT_FINE);
    const char *held = strstr(c.out.data, "R-3"),
               *ran = strstr(c.out.data, "R-1");
    assert_true(held != NULL && ran != NULL && held < ran);
    assert_true(says(&c.out, "would have run"));
    assert_true(says(&c.out, "2.0s  the database is the cause"));
    captured_free(&c);
    c = RUN(f->dir, "runbook", "log", "--json", "-n1", "--state-dir", f->state);
    json_t *all = json_loads(c.out.data, 0, NULL);
    assert_int_equal(json_array_size(all), 1);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(all, 0), "held_by")),
        "secret");
    json_decref(all);
    captured_free(&c);
}

/* -------------------------------------------------------- environments --- */

enum { STAGING_API = 1, PRODUCTION_API, PRODUCTION_DB };

static void add_state(struct fixture *f, uint32_t check, enum check_state state)
{
    struct record r = {.kind = RECORD_STATE};
    r.as.state = (struct state_row){
        .check = check, .state = state, .since_us = f->began_us};
    append(f, &r);
}

/* staging/api has had twice as many incidents as a page of rows. */
static void fill_worlds(struct fixture *f)
{
    enum { STAGING_INCIDENTS = 1100 };
    add_check_of(f, STAGING_API, "staging/api", "staging");
    add_check_of(f, PRODUCTION_API, "production/api", "production");
    add_check_of(f, PRODUCTION_DB, "production/db", "production");
    add_state(f, STAGING_API, STATE_UP);
    add_state(f, PRODUCTION_API, STATE_IMPACTED);
    add_state(f, PRODUCTION_DB, STATE_DOWN);
    add_incident_of(f, 1, PRODUCTION_DB, INCIDENT_OPEN);
    for (uint64_t i = 0; i < STAGING_INCIDENTS; i++)
        add_incident_of(f, 2 + i, STAGING_API, INCIDENT_RESOLVED);
    struct record r = {.kind = RECORD_IMPACT};
    r.as.impact = (struct impact_row){1, PRODUCTION_API, f->began_us, 0};
    append(f, &r);
    r = (struct record){.kind = RECORD_MARK};
    r.as.mark = (struct mark_row){f->began_us - 60 * US_PER_S, "ana",
                                  "deployed 1.4.2", "production"};
    append(f, &r);
    r.as.mark = (struct mark_row){f->began_us - 50 * US_PER_S, "ana",
                                  "elsewhere", "staging"};
    append(f, &r);
    settle(f);
}

static void lists_of_an_environment(void **state)
{
    struct fixture *f = *state;
    fill_worlds(f);
    struct captured c = RUN(f->dir, "incident", "list", "--env", "production",
                            "--state-dir", f->state);
    assert_int_equal(c.status, EXIT_FINE);
    assert_true(says(&c.out, "I-1  production/db  open"));
    assert_true(says(&c.out, "so far  production/api  "));
    assert_null(strstr(c.out.data, "staging"));
    captured_free(&c);
    c = RUN(f->dir, "incident", "list", "--env", "prodction", "--state-dir",
            f->state);
    assert_int_equal(c.status, EXIT_USAGE);
    assert_true(says(&c.err, "no environment \"prodction\" in the history; did "
                             "you mean \"production\"?"));
    captured_free(&c);
    c = RUN(f->dir, "runbook", "log", "--env", "staging", "--state-dir",
            f->state);
    assert_int_equal(c.status, EXIT_FINE);
    assert_true(says(&c.out, "nothing ran so far"));
    captured_free(&c);
}

static void the_latest_incident_of_an_environment(void **state)
{
    struct fixture *f = *state;
    fill_worlds(f);
    struct captured c = RUN(f->dir, "--env", "production", "incident", "show",
                            "--state-dir", f->state);
    assert_int_equal(c.status, EXIT_FINE);
    assert_true(says(&c.out, "I-1  production/db is DOWN since "));
    assert_true(says(&c.out, "impact   also down because of it: "
                             "production/api (since "));
    assert_true(says(&c.out, "mark   by ana: deployed 1.4.2"));
    assert_null(strstr(c.out.data, "elsewhere"));
    captured_free(&c);
    c = RUN(f->dir, "incident", "show", "1", "--json", "--state-dir", f->state);
    json_t *o = json_loads(c.out.data, 0, NULL);
    assert_string_equal(
        json_string_value(json_object_get(
            json_array_get(json_object_get(o, "impact"), 0), "check")),
        "production/api");
    json_decref(o);
    captured_free(&c);
}

static void names_of_one_check(void **state)
{
    struct fixture *f = *state;
    fill_worlds(f);
    struct captured c = RUN(f->dir, "history", "api", "--state-dir", f->state);
    assert_int_equal(c.status, EXIT_USAGE);
    assert_true(says(&c.err, "\"api\" is in 2 environments: staging/api, "
                             "production/api; give the whole name, or --env"));
    captured_free(&c);
    c = RUN(f->dir, "history", "api", "--env", "staging", "--state-dir",
            f->state);
    assert_int_equal(c.status, EXIT_FINE);
    assert_true(says(&c.out, "no results of staging/api in that time"));
    captured_free(&c);
    c = RUN(f->dir, "history", "db", "--state-dir", f->state);
    assert_int_equal(c.status, EXIT_FINE);
    captured_free(&c);
}

static void states_without_a_daemon(void **state)
{
    struct fixture *f = *state;
    fill_worlds(f);
    struct captured c = RUN(f->dir, "status", "api", "--state-dir", f->state);
    assert_int_equal(c.status, EXIT_FINE);
    assert_true(says(&c.err, "this is what was stored"));
    assert_true(says(&c.out, "staging/api     up"));
    assert_true(says(&c.out, "production/api  impacted"));
    assert_true(says(&c.out, "\n2 checks, 0 down, 1 impacted\n"));
    captured_free(&c);
    c = RUN(f->dir, "status", "--env", "production", "--state-dir", f->state);
    assert_int_equal(c.status, EXIT_FINDINGS);
    assert_true(says(&c.out, "\n2 checks, 1 down, 1 impacted\n"));
    captured_free(&c);
    c = RUN(f->dir, "status", "redis", "--state-dir", f->state);
    assert_int_equal(c.status, EXIT_USAGE);
    assert_true(says(&c.err, "no check \"redis\""));
    captured_free(&c);
}

static void states_without_a_history(void **state)
{
    struct fixture *f = *state;
    settle(f);
    struct captured c = RUN(f->dir, "status", "--state-dir", f->dir);
    assert_int_equal(c.status, EXIT_INTERNAL);
    assert_true(says(&c.err, "relevo: no history in "));
    assert_true(says(&c.err, " yet: start relevo run\n"));
    assert_null(strstr(buf_text(&c.err), "what was stored"));
    captured_free(&c);
}

static void what_has_no_environment(void **state)
{
    struct fixture *f = *state;
    struct captured c = RUN(f->dir, "cron", "* * * * *", "--env", "staging");
    assert_int_equal(c.status, EXIT_USAGE);
    assert_true(says(&c.err, "relevo cron is not of an environment: --env has "
                             "no meaning here"));
    captured_free(&c);
    settle(f);
}

static void what_has_no_json(void **state)
{
    struct fixture *f = *state;
    struct captured c = RUN(f->dir, "config", "show", "--json");
    assert_int_equal(c.status, EXIT_USAGE);
    assert_int_equal(c.out.len, 0);
    assert_true(says(&c.err, "relevo config show prints text only, no JSON"));
    captured_free(&c);
    settle(f);
}

static void add_notice(struct fixture *f, uint64_t number, uint64_t first,
                       enum run_verdict verdict)
{
    struct run_row row =
        new_run(f, number, "oncall", RUNBOOK_NOTIFY, RUN_ENDED);
    row.first = first;
    row.verdict = verdict;
    row.reason = "exit status 1";
    add_run(f, &row);
}

static void add_transition(struct fixture *f, int64_t at_us,
                           enum check_state from, enum check_state to)
{
    struct record r = {.kind = RECORD_TRANSITION};
    r.as.transition =
        (struct transition_row){API, at_us, from, to, RLV_F_NONE, "", ""};
    append(f, &r);
}

/* A notice that was delivered at the second attempt is none. */
static void what_a_handover_counts(void **state)
{
    struct fixture *f = *state;
    add_check(f, API, "api");
    add_notice(f, 1, 0, VERDICT_FAILED);
    add_notice(f, 2, 1, VERDICT_DONE);
    add_notice(f, 3, 0, VERDICT_FAILED);
    add_notice(f, 4, 3, VERDICT_FAILED);
    for (int i = 0; i < 3; i++) {
        int64_t at_us = f->began_us + i * US_PER_S;
        add_transition(f, at_us, STATE_UP, STATE_SUSPECT);
        add_transition(f, at_us + 1, STATE_SUSPECT, STATE_UP);
    }
    add_transition(f, f->began_us + 4 * US_PER_S, STATE_SUSPECT, STATE_DOWN);
    settle(f);
    struct captured c =
        RUN(f->dir, "report", "handover", "--json", "--state-dir", f->state);
    json_t *o = json_loads(c.out.data, 0, NULL);
    json_t *dead = json_object_get(o, "dead_letters");
    json_t *flap = json_array_get(json_object_get(o, "flaps"), 0);
    assert_int_equal(json_array_size(dead), 1);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(dead, 0), "id")),
        "R-4");
    assert_int_equal(json_integer_value(json_object_get(flap, "times")), 3);
    json_decref(o);
    captured_free(&c);
}

static void a_handover(void **state)
{
    struct fixture *f = *state;
    fill_worlds(f);
    struct captured c = RUN(f->dir, "report", "handover", "--env", "production",
                            "--state-dir", f->state);
    assert_int_equal(c.status, EXIT_FINE);
    assert_true(says(&c.out, "Handover of production\n"));
    assert_true(says(&c.out, ": 1 open, 0 resolved\n"));
    assert_true(says(&c.out, "; nobody has acknowledged it"));
    assert_true(says(&c.out, "by ana, production: deployed 1.4.2"));
    assert_null(strstr(c.out.data, "elsewhere"));
    captured_free(&c);
    c = RUN(f->dir, "report", "handover", "--since", "10m", "--json",
            "--state-dir", f->state);
    json_t *o = json_loads(c.out.data, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(o, "open")), 1);
    assert_int_equal(json_array_size(json_object_get(o, "marks")), 0);
    json_decref(o);
    captured_free(&c);
    c = RUN(f->dir, "report", "handover", "--format", "markdwn", "--state-dir",
            f->state);
    assert_int_equal(c.status, EXIT_USAGE);
    assert_true(says(&c.err, "did you mean \"markdown\"?"));
    captured_free(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(history_shows_newest_first),
        TEST(history_as_json),
        TEST(history_of_a_time),
        TEST(history_mistakes),
        TEST(nothing_stored_yet),
        TEST(incident_in_a_list),
        TEST(incident_at_night),
        TEST(incident_that_is_over),
        TEST(incident_as_json),
        TEST(incident_that_is_not),
        TEST(no_incident_at_all),
        TEST(runs_in_a_log),
        TEST(a_run_of_no_incident),
        TEST(lists_of_an_environment),
        TEST(the_latest_incident_of_an_environment),
        TEST(names_of_one_check),
        TEST(states_without_a_daemon),
        TEST(states_without_a_history),
        TEST(what_has_no_environment),
        TEST(what_has_no_json),
        TEST(a_handover),
        TEST(what_a_handover_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
