/* Every kind of record comes back as it went in, field by field; the snapshot
 * at start; the chain of the audit. */
#include "test_store_fixture.h"

#define READ(call, ...)                           \
    do {                                          \
        struct err err_ = {0};                    \
        if (!call(__VA_ARGS__, &err_))            \
            fail_msg("%s: %s", #call, err_.text); \
    } while (0)

static void assert_text(const char *got, const char *want)
{
    if (want == NULL)
        assert_null(got);
    else
        assert_string_equal(got, want);
}

static void append_check(struct fixture *f, uint32_t number, const char *name)
{
    struct record r = {.kind = RECORD_CHECK,
                       .as.check = {number, name, NULL, "http", 5}};
    fixture_append(f, r);
}

static void test_checks_and_states(void **state)
{
    struct fixture *f = *state;
    struct check_row *checks, one;
    struct state_row *states;
    size_t n;
    fixture_open(f);
    append_check(f, 1, "production/api");
    append_check(f, 2, "db \xff\xfe '");
    append_check(f, 1, "production/api2"); /* an upsert */
    struct state_row want = {
        2, STATE_DOWN, INT64_MAX - 1, 3, -4, INT32_MAX, ~0ULL, 77, -1};
    fixture_append(f, (struct record){.kind = RECORD_STATE, .as.state = want});
    fixture_sync(f);
    struct reader *r = fixture_reader(f);
    READ(reader_checks, r, f->arena, &checks, &n);
    assert_int_equal(n, 2);
    assert_text(checks[0].name, "production/api2");
    assert_text(checks[0].environment, ""); /* a text is never missing */
    assert_text(checks[0].plugin, "http");
    assert_int_equal(checks[0].ordinal, 5);
    assert_text(checks[1].name, "db \xff\xfe '");
    READ(reader_check, r, f->arena, "production/api2", &one);
    assert_int_equal(one.check, 1);
    struct err err = {0};
    assert_false(reader_check(r, f->arena, "nothing", &one, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    READ(reader_states, r, f->arena, &states, &n);
    assert_int_equal(n, 1);
    assert_int_equal(states[0].check, want.check);
    assert_int_equal(states[0].state, want.state);
    assert_int_equal(states[0].since_us, want.since_us);
    assert_int_equal(states[0].fails, want.fails);
    assert_int_equal(states[0].goods, want.goods);
    assert_int_equal(states[0].unknowns, want.unknowns);
    assert_int_equal(states[0].window, want.window);
    assert_int_equal(states[0].incident, want.incident);
    assert_int_equal(states[0].suspect_us, want.suspect_us);
    reader_close(r);
}

static void test_transitions(void **state)
{
    struct fixture *f = *state;
    struct transition_row *rows;
    size_t n;
    fixture_open(f);
    for (int i = 0; i < 5; i++) {
        struct record r = {.kind = RECORD_TRANSITION};
        r.as.transition = (struct transition_row){9,
                                                  1000 + i,
                                                  STATE_UP,
                                                  STATE_SUSPECT,
                                                  RLV_F_REFUSED,
                                                  "ECONNREFUSED",
                                                  "1 of 3"};
        fixture_append(f, r);
    }
    fixture_sync(f);
    struct reader *r = fixture_reader(f);
    struct reader_window w = {9, 1001, 1004, 2};
    READ(reader_transitions, r, f->arena, &w, &rows, &n);
    assert_int_equal(n, 2);
    assert_int_equal(rows[0].at_us, 1003);
    assert_int_equal(rows[1].at_us, 1002);
    assert_int_equal(rows[0].from, STATE_UP);
    assert_int_equal(rows[0].to, STATE_SUSPECT);
    assert_int_equal(rows[0].fault, RLV_F_REFUSED);
    assert_text(rows[0].code, "ECONNREFUSED");
    assert_text(rows[0].reason, "1 of 3");
    reader_close(r);
}

static void append_incident(struct fixture *f, uint64_t number,
                            enum incident_state is, int64_t resolved_us)
{
    struct record r = {.kind = RECORD_INCIDENT, .grade = GRADE_DURABLE};
    r.as.incident = (struct incident_row){number,
                                          4,
                                          is,
                                          10,
                                          20,
                                          resolved_us,
                                          RLV_F_ERROR_RESPONSE,
                                          "503",
                                          "bad",
                                          "db down",
                                          (uint32_t)number};
    fixture_append(f, r);
}

static void append_event(struct fixture *f, uint64_t incident, const char *text)
{
    struct record r = {.kind = RECORD_EVENT,
                       .as.event = {incident, 4, 5, "down", text}};
    fixture_append(f, r);
}

static void test_incidents_and_events(void **state)
{
    struct fixture *f = *state;
    struct incident_row *rows, one;
    struct event_row *events;
    size_t n;
    fixture_open(f);
    append_incident(f, 1, INCIDENT_OPEN, 0);
    append_incident(f, 2, INCIDENT_OPEN, 0);
    append_incident(f, 1, INCIDENT_RESOLVED, 99);
    append_event(f, 2, "first");
    append_event(f, 1, "other");
    append_event(f, 2, "second");
    fixture_sync(f);
    struct reader *r = fixture_reader(f);
    READ(reader_incidents, r, f->arena, 0, 0, &rows, &n);
    assert_int_equal(n, 2);
    assert_int_equal(rows[0].number, 2);
    READ(reader_incidents, r, f->arena, 2, 5, &rows, &n);
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].number, 1);
    READ(reader_incident, r, f->arena, 0, &one);
    assert_int_equal(one.number, 2);
    READ(reader_incident, r, f->arena, 1, &one);
    assert_int_equal(one.check, 4);
    assert_int_equal(one.state, INCIDENT_RESOLVED);
    assert_int_equal(one.began_us, 10);
    assert_int_equal(one.opened_us, 20);
    assert_int_equal(one.resolved_us, 99);
    assert_int_equal(one.fault, RLV_F_ERROR_RESPONSE);
    assert_text(one.code, "503");
    assert_text(one.summary, "bad");
    assert_text(one.cause, "db down");
    assert_int_equal(one.reopened, 1);
    READ(reader_events, r, f->arena, 2, &events, &n);
    assert_int_equal(n, 2);
    assert_text(events[0].text, "first");
    assert_text(events[1].text, "second");
    assert_text(events[1].event, "down");
    assert_int_equal(events[1].at_us, 5);
    reader_close(r);
}

static struct run_row a_run(uint64_t number, enum run_state is)
{
    return (struct run_row){number,
                            "pg-restart",
                            RUNBOOK_REMEDIATE,
                            4,
                            12,
                            is,
                            VERDICT_NOT_FIXED,
                            ON_DOWN,
                            1,
                            2,
                            3,
                            -1,
                            "cooldown",
                            "ran 3 min ago",
                            "abc",
                            4321,
                            123456789012345,
                            "boot",
                            "[{\"a\":1}]",
                            "out\nput",
                            RLV_F_TIMEOUT};
}

static void append_run(struct fixture *f, struct run_row run)
{
    struct record r = {.kind = RECORD_RUN, .urgent = true, .as.run = run};
    fixture_append(f, r);
}

static void test_runs(void **state)
{
    struct fixture *f = *state;
    struct run_row *rows, one;
    size_t n;
    fixture_open(f);
    append_run(f, a_run(1, RUN_INTENDED));
    append_run(f, a_run(2, RUN_HELD));
    append_run(f, a_run(1, RUN_ENDED));
    fixture_sync(f);
    struct reader *r = fixture_reader(f);
    READ(reader_runs, r, f->arena, 0, 1, &rows, &n);
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].number, 2);
    READ(reader_incident_runs, r, f->arena, 12, &rows, &n);
    assert_int_equal(n, 2);
    assert_int_equal(rows[0].number, 1);
    READ(reader_run, r, f->arena, 0, &one);
    assert_int_equal(one.number, 2);
    READ(reader_run, r, f->arena, 1, &one);
    struct run_row want = a_run(1, RUN_ENDED);
    assert_text(one.runbook, want.runbook);
    assert_int_equal(one.kind, want.kind);
    assert_int_equal(one.check, want.check);
    assert_int_equal(one.incident, want.incident);
    assert_int_equal(one.state, want.state);
    assert_int_equal(one.verdict, want.verdict);
    assert_int_equal(one.on, want.on);
    assert_int_equal(one.intended_us, want.intended_us);
    assert_int_equal(one.started_us, want.started_us);
    assert_int_equal(one.ended_us, want.ended_us);
    assert_int_equal(one.exit_status, want.exit_status);
    assert_text(one.held_by, want.held_by);
    assert_text(one.reason, want.reason);
    assert_text(one.sha256, want.sha256);
    assert_int_equal(one.pid, want.pid);
    assert_int_equal(one.pid_start, want.pid_start);
    assert_text(one.boot_id, want.boot_id);
    assert_text(one.findings, want.findings);
    assert_text(one.output, want.output);
    assert_int_equal(one.fault, want.fault);
    reader_close(r);
}

static void test_an_enum_from_the_future_is_harmless(void **state)
{
    struct fixture *f = *state;
    struct run_row one;
    fixture_open(f);
    append_run(f, a_run(1, RUN_ENDED));
    fixture_close(f);
    fixture_sql(f, "UPDATE run SET verdict = 99, fault = 77, state = -1");
    struct reader *r = fixture_reader(f);
    READ(reader_run, r, f->arena, 1, &one);
    assert_int_equal(one.verdict, VERDICT_NONE);
    assert_int_equal(one.fault, RLV_F_PLUGIN);
    assert_int_equal(one.state, RUN_INTENDED);
    reader_close(r);
}

/* ------------------------------------------------------------ snapshot --- */

static void append_old_run(struct fixture *f, uint64_t number,
                           enum run_state is, const char *runbook,
                           int64_t intended_us)
{
    struct run_row row = a_run(number, is);
    row.runbook = runbook;
    row.intended_us = intended_us;
    append_run(f, row);
}

static void test_snapshot(void **state)
{
    struct fixture *f = *state;
    const int64_t now = 1700000000 * US_PER_S, old = now - 86500 * US_PER_S;
    struct store_snapshot s;
    fixture_open(f);
    READ(store_load, f->store, now, &s);
    assert_int_equal(s.check_count + s.run_count + s.last_check, 0);
    store_snapshot_free(&s);
    append_check(f, 7, "api");
    append_incident(f, 1, INCIDENT_RESOLVED, now - 601 * US_PER_S);
    append_incident(f, 2, INCIDENT_RESOLVED, now - 599 * US_PER_S);
    append_incident(f, 3, INCIDENT_ACKNOWLEDGED, 0);
    append_event(f, 8, "forming, not stored otherwise");
    append_old_run(f, 1, RUN_ENDED, "a", old); /* not the latest of its sort */
    append_old_run(f, 2, RUN_ENDED, "a", old + 1);
    append_old_run(f, 3, RUN_HELD, "a", now);
    append_old_run(f, 4, RUN_STARTED, "b", old);
    append_old_run(f, 5, RUN_ENDED, "b", old);
    append_old_run(f, 6, RUN_ENDED, "b", now - 5);
    append_old_run(f, 7, RUN_ENDED, "b", now - 4);
    append_old_run(f, 8, RUN_WOULD, "b", now);
    fixture_close(f);
    fixture_open(f);
    READ(store_load, f->store, now, &s);
    assert_int_equal(s.check_count, 1);
    assert_text(s.checks[0].name, "api");
    assert_int_equal(s.incident_count, 2);
    assert_int_equal(s.incidents[0].number, 2);
    assert_int_equal(s.incidents[1].number, 3);
    const uint64_t want[] = {2, 4, 6, 7};
    assert_int_equal(s.run_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(s.runs[i].number, want[i]);
    assert_int_equal(s.last_check, 7);
    assert_int_equal(s.last_incident, 12); /* a run's; the greatest of all */
    assert_int_equal(s.last_run, 8);
    store_snapshot_free(&s);
}

/* Its cause recovered hours ago, while we were stopped; nobody has measured it
 * since, so that its impact could end. */
static void test_snapshot_has_impacts_that_outlive_their_incident(void **state)
{
    struct fixture *f = *state;
    const int64_t now = 1700000000 * US_PER_S, old = now - 8000 * US_PER_S;
    struct store_snapshot s;
    fixture_open(f);
    append_incident(f, 1, INCIDENT_RESOLVED, old);
    append_incident(f, 2, INCIDENT_RESOLVED, old);
    for (uint64_t i = 1; i <= 2; i++) {
        struct record r = {.kind = RECORD_IMPACT};
        r.as.impact = (struct impact_row){.incident = i,
                                          .check = 7,
                                          .since_us = old - 5,
                                          .until_us = i == 1 ? 0 : old};
        fixture_append(f, r);
    }
    fixture_close(f);
    fixture_open(f);
    READ(store_load, f->store, now, &s);
    assert_int_equal(s.incident_count, 1);
    assert_int_equal(s.incidents[0].number, 1);
    assert_int_equal(s.impact_count, 1);
    assert_int_equal(s.impacts[0].incident, 1);
    store_snapshot_free(&s);
}

/* --------------------------------------------------------------- audit --- */

static struct audit_verdict verify(struct fixture *f)
{
    struct audit_verdict v;
    struct reader *r = fixture_reader(f);
    READ(reader_verify_audit, r, &v);
    reader_close(r);
    return v;
}

static void test_audit_chain(void **state)
{
    struct fixture *f = *state;
    struct audit_entry *rows;
    size_t n;
    fixture_open(f);
    fixture_append_audit(f, "one");
    fixture_append_audit(f, "two");
    fixture_close(f);
    fixture_open(f); /* the chain goes on over a restart */
    fixture_append_audit(f, "three");
    fixture_append_audit(f, "four");
    fixture_close(f);
    assert_int_equal(verify(f).bad_id, 0);
    assert_int_equal(verify(f).rows, 4);
    struct reader *r = fixture_reader(f);
    READ(reader_audit, r, f->arena, 4, 2, &rows, &n);
    assert_int_equal(n, 2);
    assert_int_equal(rows[0].id, 3);
    assert_text(rows[0].row.object, "three");
    assert_text(rows[0].row.actor, "uid 1000");
    assert_text(rows[0].row.action, "runbook.hold");
    assert_text(rows[0].row.detail, NULL);
    assert_int_equal(strlen(rows[0].hash), 64);
    reader_close(r);
}

static void test_audit_refuses_changes(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db;
    fixture_open(f);
    fixture_append_audit(f, "one");
    fixture_close(f);
    assert_int_equal(sqlite3_open(f->file, &db), SQLITE_OK);
    const char *const tries[] = {"UPDATE audit SET actor = 'me'",
                                 "DELETE FROM audit"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(sqlite3_exec(db, tries[i], NULL, NULL, NULL),
                         SQLITE_CONSTRAINT);
        assert_string_equal(sqlite3_errmsg(db), "the audit is append-only");
    }
    sqlite3_close(db);
}

static void test_audit_finds_tampering(void **state)
{
    static const struct {
        const char *sql;
        uint64_t bad;
    } cases[] = {
        {"UPDATE audit SET object = 'x' WHERE id = 2", 2},
        {"UPDATE audit SET detail = '' WHERE id = 3", 3},
        {"DELETE FROM audit WHERE id = 2", 3},
        {"DELETE FROM audit WHERE id = 4", 4},
        {"DELETE FROM audit WHERE id = 1; UPDATE audit SET id = id - 1", 1},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        fixture_open(f);
        for (int k = 0; k < 4; k++)
            fixture_append_audit(f, "object");
        fixture_close(f);
        fixture_sql(f, "DROP TRIGGER audit_update; DROP TRIGGER audit_delete");
        fixture_sql(f, cases[i].sql);
        assert_int_equal(verify(f).bad_id, cases[i].bad);
        assert_true(strlen(verify(f).text) > 0);
        assert_int_equal(unlink(f->file), 0);
    }
}

int main(void)
{
#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_checks_and_states),
        TEST(test_transitions),
        TEST(test_incidents_and_events),
        TEST(test_runs),
        TEST(test_an_enum_from_the_future_is_harmless),
        TEST(test_snapshot),
        TEST(test_snapshot_has_impacts_that_outlive_their_incident),
        TEST(test_audit_chain),
        TEST(test_audit_refuses_changes),
        TEST(test_audit_finds_tampering),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
