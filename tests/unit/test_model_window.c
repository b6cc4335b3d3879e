/* test_model_window.c: maintenance windows: once, by cron in a zone, opened by
 * hand; whom they cover, how they overlap, what a restart and a reload do. What
 * they do to notices: test_model_outbox.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/str.h"
#include "lib/world.h"

enum { WINDOWS = 4 };

/* ------------------------------------------------------------- helpers --- */

static int64_t at_us(const char *text)
{
    int64_t us = 0;
    if (!clock_parse(text, &us))
        fail_msg("\"%s\" is not a time", text);
    return us;
}

static struct tz *zone(const char *name)
{
    struct err err = {0};
    struct tz *tz = tz_load(name, &err);
    if (tz == NULL && err.code == ERR_NOT_FOUND) {
        print_message("skipped: %s (tzdata)\n", err.text);
        skip();
    }
    if (tz == NULL)
        fail_msg("%s", err.text);
    return tz;
}

/* Checks that go down and up with one result, at that time. */
static void begin(struct world *w, size_t checks, const char *now)
{
    world_begin(w, checks, 10 * NS_PER_S);
    for (size_t i = 0; i < checks; i++)
        w->conf->checks[i].failure_threshold =
            w->conf->checks[i].success_threshold = 1;
    w->conf->maintenance =
        arena_alloc(w->conf->arena, WINDOWS * sizeof *w->conf->maintenance);
    w->now.wall_us = at_us(now);
}

static struct maintenance_spec *add(struct world *w, const char *name)
{
    struct maintenance_spec *s =
        &w->conf->maintenance[w->conf->maintenance_count++];
    s->name = name;
    s->reason = "";
    return s;
}

static void add_once(struct world *w, const char *name, const char *from,
                     const char *until)
{
    struct maintenance_spec *s = add(w, name);
    s->from_us = at_us(from);
    s->until_us = at_us(until);
}

static void add_cron(struct world *w, const char *name, const char *cron,
                     const struct tz *tz, int minutes)
{
    struct maintenance_spec *s = add(w, name);
    s->cron = cron;
    s->zone = tz;
    s->duration_ns = minutes * 60 * NS_PER_S;
}

/* The clock moves on to that time, in one step. */
static void go_to(struct world *w, const char *time)
{
    world_pass(w, (at_us(time) - w->now.wall_us) * NS_PER_US);
}

/* As wakes would let it pass. */
static void wait_until(struct world *w, const char *time)
{
    for (int64_t end = at_us(time); w->now.wall_us < end;)
        world_pass(w, NS_PER_S);
}

static const char *covered(struct world *w, uint32_t check)
{
    struct check_view v;
    assert_true(model_check_by_id(w->model, check, &v));
    return v.maintenance == NULL ? "" : v.maintenance;
}

static void assert_open(struct world *w, const char *time, bool open)
{
    go_to(w, time);
    if (open != (covered(w, 1)[0] != '\0'))
        fail_msg("at %s: \"%s\"", time, covered(w, 1));
}

/* What people heard since the last call. */
static const char *heard(struct world *w)
{
    static char text[4096];
    snprintf(text, sizeof text, "%s", buf_text(&w->tells));
    buf_clear(&w->tells);
    return text;
}

static uint64_t open_by_hand(struct world *w, const char *checks,
                             int64_t seconds)
{
    struct event e = {.kind = EVENT_WINDOW};
    e.as.window =
        (struct window_row){.until_us = w->now.wall_us + seconds * US_PER_S,
                            .checks = checks,
                            .tags = "",
                            .environments = "",
                            .actor = "root",
                            .reason = "a new disk"};
    world_step(w, &e);
    return model_last_window(w->model);
}

static void end_by_hand(struct world *w, uint64_t number)
{
    struct event e = {.kind = EVENT_WINDOW};
    e.as.window = (struct window_row){.number = number,
                                      .checks = "",
                                      .tags = "",
                                      .environments = "",
                                      .actor = "ana",
                                      .reason = ""};
    world_step(w, &e);
}

/* --------------------------------------------------------------- times --- */

static void once_from_until(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1, "2026-03-01T09:59:58Z");
    add_once(&w, "move", "2026-03-01T10:00:00Z", "2026-03-01T11:30:00Z");
    w.conf->maintenance[0].reason = "new racks";
    world_config(&w);
    assert_string_equal(covered(&w, 1), "");
    assert_open(&w, "2026-03-01T10:00:00Z", true);
    assert_string_equal(covered(&w, 1), "move until 11:30");
    assert_says(heard(&w),
                "maintenance move begins: 1 check, until 11:30: new racks\n");
    world_wait(&w, 5399 * NS_PER_S);
    assert_open(&w, "2026-03-01T11:29:59.999Z", true);
    assert_string_equal(heard(&w), "");
    assert_open(&w, "2026-03-01T11:30:00Z", false);
    assert_string_equal(heard(&w), "maintenance move ends\n");
    assert_open(&w, "2027-03-01T10:00:00Z", false);
    world_end(&w);
}

/* The model asks to be woken for the begin, not only now and then. */
static void its_begin_wakes_the_model(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1, "2026-03-01T10:00:00Z");
    w.conf->checks[0].interval_ns = 3600 * NS_PER_S;
    add_once(&w, "move", "2026-03-01T10:00:07Z", "2026-03-01T11:00:00Z");
    world_config(&w);
    FINE(&w, 1);
    for (int i = 0; i < 9 && covered(&w, 1)[0] == '\0'; i++)
        world_wake(&w);
    assert_int_equal(w.now.wall_us, at_us("2026-03-01T10:00:07Z"));
    world_end(&w);
}

static void by_cron_in_a_zone_of_its_own(void **unused)
{
    (void)unused;
    struct world w;
    struct window_view v;
    struct tz *tz = zone("America/Argentina/Buenos_Aires"); /* UTC-3 */
    begin(&w, 1, "2026-03-07T12:00:00Z");
    add_cron(&w, "weekly", "0 3 * * 0", tz, 60);
    world_config(&w);
    assert_true(model_maintenance(w.model, 0, &v));
    assert_false(v.open);
    assert_int_equal(v.from_us, at_us("2026-03-08T06:00:00Z"));
    assert_int_equal(v.until_us, at_us("2026-03-08T07:00:00Z"));
    assert_int_equal(v.checks, 1);
    assert_open(&w, "2026-03-08T05:59:59Z", false);
    assert_open(&w, "2026-03-08T06:00:00Z", true);
    assert_open(&w, "2026-03-08T06:59:59Z", true);
    assert_open(&w, "2026-03-08T07:00:00Z", false);
    assert_true(model_maintenance(w.model, 0, &v));
    assert_int_equal(v.from_us, at_us("2026-03-15T06:00:00Z"));
    assert_open(&w, "2026-03-15T06:30:00Z", true);
    assert_false(model_maintenance(w.model, 1, &v));
    world_end(&w);
    tz_free(tz);
}

/* A time that the clock jumps over begins at the jump; one that it shows twice
 * begins once. It lasts its duration, whatever the clock shows. */
static void by_cron_over_the_clocks_jumps(void **unused)
{
    (void)unused;
    struct world w;
    struct tz *tz = zone("Europe/Madrid");
    begin(&w, 1, "2026-03-28T12:00:00Z");
    add_cron(&w, "night", "30 2 * * *", tz, 60);
    world_config(&w);
    assert_open(&w, "2026-03-29T00:59:59Z", false);
    assert_open(&w, "2026-03-29T01:00:00Z", true);
    assert_open(&w, "2026-03-29T01:59:59Z", true);
    assert_open(&w, "2026-03-29T02:00:00Z", false);
    assert_open(&w, "2026-03-30T00:30:00Z", true); /* 02:30 of summer */
    assert_open(&w, "2026-10-25T00:29:59Z", false);
    assert_open(&w, "2026-10-25T00:30:00Z", true);
    assert_open(&w, "2026-10-25T01:30:00Z", false); /* 02:30 again */
    assert_open(&w, "2026-10-26T01:30:00Z", true);  /* 02:30 of winter */
    world_end(&w);
    tz_free(tz);
}

/* One that lasts longer than the time to its next begin never ends. */
static void by_cron_overlapping_itself(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1, "2026-03-01T10:05:00Z");
    add_cron(&w, "often", "*/10 * * * *", NULL, 15);
    world_config(&w);
    wait_until(&w, "2026-03-01T11:05:00Z");
    assert_string_equal(covered(&w, 1), "often until 11:15");
    assert_int_equal(occurrences(buf_text(&w.tells), "maintenance often"), 1);
    assert_silent(heard(&w), "ends");
    world_end(&w);
}

static void one_that_is_open_at_the_start(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1, "2026-03-01T03:59:59Z");
    add_cron(&w, "night", "0 1 * * *", NULL, 180);
    world_config(&w);
    assert_string_equal(covered(&w, 1), "night until 04:00");
    assert_says(heard(&w), "maintenance night is open: 1 check, until 04:00\n");
    assert_open(&w, "2026-03-01T04:00:00Z", false);
    world_end(&w);
}

static void an_end_on_another_day_is_told_with_its_date(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1, "2026-03-01T23:00:00Z");
    add_once(&w, "move", "2026-03-01T22:00:00Z", "2026-03-02T01:00:00Z");
    world_config(&w);
    assert_string_equal(covered(&w, 1), "move until 2026-03-02 01:00");
    world_end(&w);
}

/* The clock was set back: the window is still to come. */
static void the_wall_clock_goes_back(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1, "2026-03-01T10:00:00Z");
    add_once(&w, "move", "2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z");
    world_config(&w);
    assert_string_equal(covered(&w, 1), "move until 11:00");
    w.now.wall_us = at_us("2026-03-01T09:00:00Z");
    world_pass(&w, 0);
    assert_string_equal(covered(&w, 1), "");
    assert_open(&w, "2026-03-01T10:30:00Z", true);
    world_end(&w);
}

/* ------------------------------------------------------------ selection --- */

static const char *const a_glob[] = {"a*"}, *const b_glob[] = {"b"};
static const char *const smoke[] = {"smoke"}, *const staging[] = {"staging"};
static const char *const full_name[] = {"production/*"};

static void by_selectors(void **unused)
{
    (void)unused;
    struct world w;
    struct window_view v;
    static const struct {
        struct rlv_list checks, tags, environments;
        const char *covers;
    } rows[] = {
        {{0}, {0}, {0}, "abcd"},
        {{a_glob, 1}, {0}, {0}, "ab"},
        {{full_name, 1}, {0}, {0}, "bd"},
        {{b_glob, 1}, {0}, {0}, "cd"},
        {{0}, {smoke, 1}, {0}, "ac"},
        {{0}, {0}, {staging, 1}, "ac"},
        {{a_glob, 1}, {smoke, 1}, {staging, 1}, "a"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        begin(&w, 4, "2026-03-01T10:00:00Z");
        for (size_t k = 0; k < 4; k++) {
            struct check_spec *c = &w.conf->checks[k];
            c->plain_name = k < 2 ? "a" : "b";
            c->environment = k % 2 == 0 ? "staging" : "production";
            c->name = arena_printf(w.conf->arena, "%s/%s", c->environment,
                                   c->plain_name);
            if (k % 2 == 0)
                c->tags = (struct rlv_list){smoke, 1};
        }
        add_once(&w, "move", "2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z");
        w.conf->maintenance[0].checks = rows[i].checks;
        w.conf->maintenance[0].tags = rows[i].tags;
        w.conf->maintenance[0].environments = rows[i].environments;
        world_config(&w);
        char covers[5] = "", *end = covers;
        for (uint32_t k = 0; k < 4; k++)
            if (covered(&w, k + 1)[0] != '\0')
                *end++ = "abcd"[k];
        *end = '\0';
        assert_string_equal(covers, rows[i].covers);
        assert_true(model_maintenance(w.model, 0, &v));
        assert_int_equal(v.checks, strlen(rows[i].covers));
        world_end(&w);
    }
}

/* ------------------------------------------------------- what it does --- */

static void an_incident_hears_of_it_once(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 2, "2026-03-01T09:00:00Z");
    add_once(&w, "short", "2026-03-01T10:00:00Z", "2026-03-01T10:30:00Z");
    add_once(&w, "long", "2026-03-01T10:10:00Z", "2026-03-01T11:00:00Z");
    world_config(&w);
    FAIL(&w, 1);
    wait_until(&w, "2026-03-01T10:05:00Z");
    assert_string_equal(covered(&w, 1), "short until 10:30");
    wait_until(&w, "2026-03-01T10:20:00Z");
    assert_string_equal(covered(&w, 1), "long until 11:00");
    wait_until(&w, "2026-03-01T10:40:00Z");
    assert_string_equal(covered(&w, 1), "long until 11:00");
    assert_silent(buf_text(&w.texts), "maintenance: ends");
    wait_until(&w, "2026-03-01T11:05:00Z");
    assert_int_equal(occurrences(buf_text(&w.texts), "maintenance: "), 2);
    assert_says(buf_text(&w.texts), "1 maintenance: begins: short until 10:30\n"
                                    "1 maintenance: ends\n");
    world_end(&w);
}

/* Measuring goes on, and the incident is kept; only notices are held. */
static void measuring_goes_on(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1, "2026-03-01T10:00:00Z");
    world_book(&w, "look", RUNBOOK_DIAGNOSE, ON_SUSPECT);
    world_book(&w, "call", RUNBOOK_NOTIFY, ON_DOWN | ON_RECOVERED);
    add_once(&w, "move", "2026-03-01T09:00:00Z", "2026-03-01T11:00:00Z");
    world_config(&w);
    FAIL(&w, 1);
    const char *said = world_said(&w);
    assert_says(said, "transition 1 down");
    assert_says(said, "incident 1 open");
    assert_says(said, "run look");
    assert_says(said, "stored call held maintenance");
    assert_silent(said, "run call");
    world_end(&w);
}

/* Down and up again within the window: nobody is ever told. */
static void what_recovers_inside_is_never_told(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1, "2026-03-01T10:00:00Z");
    world_book(&w, "call", RUNBOOK_NOTIFY, ON_DOWN | ON_RECOVERED);
    add_once(&w, "move", "2026-03-01T09:00:00Z", "2026-03-01T10:30:00Z");
    world_config(&w);
    FAIL(&w, 1);
    FINE(&w, 1);
    assert_says(world_said(&w), "incident 1 resolved");
    wait_until(&w, "2026-03-01T11:30:00Z");
    assert_silent(world_said(&w), "run call");
    world_end(&w);
}

/* Two windows of which the first ends: what is held stays held. */
static void what_is_held_waits_for_the_last_window(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 1, "2026-03-01T10:00:00Z");
    world_book(&w, "call", RUNBOOK_NOTIFY, ON_DOWN);
    add_once(&w, "move", "2026-03-01T09:00:00Z", "2026-03-01T10:30:00Z");
    world_config(&w);
    uint64_t number = open_by_hand(&w, "a", 3600);
    FAIL(&w, 1);
    wait_until(&w, "2026-03-01T10:40:00Z");
    assert_silent(world_said(&w), "run call");
    end_by_hand(&w, number);
    assert_int_equal(occurrences(world_said(&w), "run call"), 1);
    world_end(&w);
}

/* ------------------------------------------------------------- by hand --- */

static const struct record *stored(const struct world *w, enum record_kind kind)
{
    for (size_t i = 0; i < w->last.count; i++)
        if (w->last.items[i].kind == ACTION_COMMIT &&
            w->last.items[i].as.record.kind == kind)
            return &w->last.items[i].as.record;
    fail_msg("no record of kind %d", (int)kind);
    return NULL;
}

static void by_hand_is_on_disk_with_who_and_why(void **unused)
{
    (void)unused;
    struct world w;
    begin(&w, 2, "2026-03-01T10:00:00Z");
    world_config(&w);
    assert_int_equal(open_by_hand(&w, "a", 1800), 1);
    const struct record *r = stored(&w, RECORD_WINDOW);
    assert_int_equal(r->grade, GRADE_DURABLE);
    assert_int_equal(r->as.window.number, 1);
    assert_int_equal(r->as.window.from_us, w.now.wall_us);
    r = stored(&w, RECORD_AUDIT);
    assert_string_equal(r->as.audit.actor, "root");
    assert_string_equal(r->as.audit.action, "maintenance.start");
    assert_string_equal(r->as.audit.object, "M-1");
    assert_string_equal(r->as.audit.detail, "checks a until 10:30: a new disk");
    assert_string_equal(covered(&w, 1), "M-1 until 10:30");
    assert_string_equal(covered(&w, 2), "");
    assert_string_equal(heard(&w), "maintenance M-1 begins: 1 check, until "
                                   "10:30: a new disk\n");
    go_to(&w, "2026-03-01T10:10:00Z");
    end_by_hand(&w, 1);
    assert_int_equal(stored(&w, RECORD_WINDOW)->as.window.ended_us,
                     w.now.wall_us);
    assert_string_equal(stored(&w, RECORD_AUDIT)->as.audit.actor, "ana");
    assert_string_equal(covered(&w, 1), "");
    assert_null(model_window(w.model, 0));
    assert_says(heard(&w), "maintenance M-1 ends\n");
    end_by_hand(&w, 1); /* is over: nothing */
    assert_silent(heard(&w), "maintenance");
    world_end(&w);
}

static void by_hand_for_later(void **unused)
{
    (void)unused;
    struct world w;
    struct window_view v;
    struct event e = {.kind = EVENT_WINDOW};
    begin(&w, 1, "2026-03-01T10:00:00Z");
    world_config(&w);
    e.as.window = (struct window_row){.from_us = at_us("2026-03-01T12:00:00Z"),
                                      .until_us = at_us("2026-03-01T13:00:00Z"),
                                      .checks = "",
                                      .tags = "",
                                      .environments = "",
                                      .actor = "root",
                                      .reason = ""};
    world_step(&w, &e);
    assert_true(model_maintenance(w.model, 0, &v));
    assert_false(v.open);
    assert_open(&w, "2026-03-01T11:59:59Z", false);
    assert_open(&w, "2026-03-01T12:00:00Z", true);
    assert_open(&w, "2026-03-01T13:00:00Z", false);
    world_end(&w);
}

/* ---------------------------------------------------- restart and reload ---
 */

static void restart_windows(struct world *w, struct world *old)
{
    w->now = old->now;
    world_restart(w, old);
    const struct window_row *row;
    for (size_t i = 0; (row = model_window(old->model, i)) != NULL; i++)
        model_restore_window(w->model, row);
}

static void open_over_a_restart(void **unused)
{
    (void)unused;
    struct world a, b;
    struct world *both[] = {&a, &b};
    for (size_t i = 0; i < 2; i++) {
        begin(both[i], 1, "2026-03-01T10:00:00Z");
        world_book(both[i], "call", RUNBOOK_NOTIFY, ON_DOWN);
    }
    world_config(&a);
    open_by_hand(&a, "a", 3600);
    FAIL(&a, 1);
    restart_windows(&b, &a);
    world_config(&b);
    assert_string_equal(covered(&b, 1), "M-1 until 11:00");
    assert_says(heard(&b), "maintenance M-1 is open");
    assert_silent(buf_text(&b.texts), "maintenance");
    wait_until(&b, "2026-03-01T10:59:00Z");
    assert_silent(world_said(&b), "run call");
    wait_until(&b, "2026-03-01T11:01:00Z");
    assert_int_equal(occurrences(world_said(&b), "run call"), 1);
    assert_says(buf_text(&b.texts), "1 maintenance: ends\n");
    assert_int_equal(open_by_hand(&b, "a", 60), 2); /* no number twice */
    world_end(&a);
    world_end(&b);
}

/* It ended while nobody watched: what it held is made up for at once. */
static void over_before_the_restart(void **unused)
{
    (void)unused;
    struct world a, b;
    struct world *both[] = {&a, &b};
    for (size_t i = 0; i < 2; i++) {
        begin(both[i], 1, "2026-03-01T10:00:00Z");
        world_book(both[i], "call", RUNBOOK_NOTIFY, ON_DOWN);
    }
    world_config(&a);
    open_by_hand(&a, "a", 60);
    FAIL(&a, 1);
    restart_windows(&b, &a);
    b.now.wall_us += 3600 * US_PER_S;
    b.now.mono_ns += 3600 * NS_PER_S;
    world_config(&b);
    assert_string_equal(covered(&b, 1), "");
    assert_int_equal(occurrences(world_said(&b), "run call"), 1);
    world_end(&a);
    world_end(&b);
}

/* Another generation of the same configuration, or of one without windows. */
static void reload(struct world *w, struct conf *copy, size_t windows)
{
    struct event e = {.kind = EVENT_CONFIG, .as.conf = copy};
    *copy = *w->conf;
    copy->refs = 2;
    copy->generation = w->model->conf->generation + 1;
    copy->maintenance_count = windows;
    world_step(w, &e);
}

static void a_reload_that_keeps_it_says_nothing(void **unused)
{
    (void)unused;
    struct world w;
    struct conf next, last;
    begin(&w, 1, "2026-03-01T10:00:00Z");
    add_once(&w, "move", "2026-03-01T09:00:00Z", "2026-03-01T11:00:00Z");
    world_config(&w);
    FAIL(&w, 1);
    heard(&w);
    reload(&w, &next, 1);
    assert_string_equal(covered(&w, 1), "move until 11:00");
    assert_string_equal(heard(&w), "");
    assert_silent(buf_text(&w.texts), "maintenance");
    reload(&w, &last, 0);
    assert_string_equal(covered(&w, 1), "");
    assert_says(heard(&w),
                "maintenance move ends: it is no longer configured\n");
    assert_says(buf_text(&w.texts), "1 maintenance: ends\n");
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(once_from_until),
        cmocka_unit_test(its_begin_wakes_the_model),
        cmocka_unit_test(by_cron_in_a_zone_of_its_own),
        cmocka_unit_test(by_cron_over_the_clocks_jumps),
        cmocka_unit_test(by_cron_overlapping_itself),
        cmocka_unit_test(one_that_is_open_at_the_start),
        cmocka_unit_test(an_end_on_another_day_is_told_with_its_date),
        cmocka_unit_test(the_wall_clock_goes_back),
        cmocka_unit_test(by_selectors),
        cmocka_unit_test(an_incident_hears_of_it_once),
        cmocka_unit_test(measuring_goes_on),
        cmocka_unit_test(what_recovers_inside_is_never_told),
        cmocka_unit_test(what_is_held_waits_for_the_last_window),
        cmocka_unit_test(by_hand_is_on_disk_with_who_and_why),
        cmocka_unit_test(by_hand_for_later),
        cmocka_unit_test(open_over_a_restart),
        cmocka_unit_test(over_before_the_restart),
        cmocka_unit_test(a_reload_that_keeps_it_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
