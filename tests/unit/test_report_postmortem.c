/* The post-mortem and the handover: what stands in them, and that no text from
 * outside can break them or become markup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/handover.h"
#include "report/json.h"
#include "report/md.h"
#include "report/story.h"
#include "test_report_fixture.h"
#include "test_report_markup.h"

#define BEGAN_US INT64_C(1774656000000000) /* 2026-03-28T00:00:00Z */

static bool says(const struct buf *text, const char *part)
{
    if (strstr(buf_text(text), part) != NULL)
        return true;
    fprintf(stderr, "expected \"%s\" in:\n%s\n", part, buf_text(text));
    return false;
}

/* ----------------------------------------------------------- post-mortem ---
 */

/* Everything that a story can hold; each text is `text`, where it is given. */
struct tale {
    struct story story;
    struct story_link link;
    struct event_row events[2];
    struct run_row runs[3];
    struct story_impact impacts[2];
    char *findings;
};

static const char * or (const char *text, const char *otherwise)
{
    return text == NULL ? otherwise : text;
}

static struct run_row tale_run(uint64_t number, const char *runbook,
                               enum runbook_kind kind, enum run_state state,
                               const char *reason)
{
    return (struct run_row){.number = number,
                            .runbook = runbook,
                            .kind = kind,
                            .state = state,
                            .reason = reason,
                            .held_by = "",
                            .findings = "",
                            .intended_us = BEGAN_US,
                            .incident = 7};
}

static char *tale_findings(const char *text)
{
    json_t *all = json_pack(
        "[{s:s, s:s, s:o, s:o, s:o}, {s:s, s:o, s:f}]", "t", "finding", "sev",
        "crit", "title",
        report_text(or (text, "nothing listens"),
                    strlen(or (text, "nothing listens"))),
        "detail",
        report_text(or (text, "on 5432"), strlen(or (text, "on 5432"))), "next",
        report_text(or (text, "start it"), strlen(or (text, "start it"))), "t",
        "verdict", "class",
        report_text(or (text, "dependency:db"),
                    strlen(or (text, "dependency:db"))),
        "confidence", 0.95);
    char *dumped = json_dumps(all, 0);
    json_decref(all);
    return dumped;
}

static struct tale *tale_new(const char *text)
{
    struct tale *t = xcalloc(1, sizeof *t);
    t->findings = tale_findings(text);
    t->link = (struct story_link){
        or (text, "dashboard"), or (text, "https://grafana.example.com/d/1")};
    t->events[0] =
        (struct event_row){7, 1, BEGAN_US - 60 * US_PER_S, or (text, "mark"),
                           or (text, "by ana: deployed 1.4.2")};
    t->events[1] =
        (struct event_row){7, 1, BEGAN_US + 10 * US_PER_S, or (text, "down"),
                           or (text, "3 in a row")};
    t->runs[0] =
        tale_run(1, or (text, "pg-diagnose"), RUNBOOK_DIAGNOSE, RUN_ENDED, "");
    t->runs[0].verdict = VERDICT_DONE;
    t->runs[0].started_us = BEGAN_US + US_PER_S;
    t->runs[0].ended_us = BEGAN_US + 3 * US_PER_S;
    t->runs[0].findings = t->findings;
    t->runs[1] = tale_run(2, or (text, "pg-restart"), RUNBOOK_REMEDIATE,
                          RUN_WOULD, or (text, "automation is \"diagnose\""));
    t->impacts[0] = (struct story_impact){ or (text, "staging/api"),
                                           BEGAN_US + 5 * US_PER_S, 0};
    t->impacts[1] =
        (struct story_impact){ or (text, "staging/ws"), BEGAN_US + 5 * US_PER_S,
                               BEGAN_US + 65 * US_PER_S};
    t->story = (struct story){
        .row = {.number = 7,
                .check = 1,
                .state = INCIDENT_RESOLVED,
                .began_us = BEGAN_US,
                .opened_us = BEGAN_US + 10 * US_PER_S,
                .resolved_us = BEGAN_US + 605 * US_PER_S,
                .acknowledged_us = BEGAN_US + 30 * US_PER_S,
                .acknowledged_by = or (text, "ana"),
                .note = or (text, "on it"),
                .fault = RLV_F_REFUSED,
                .code = or (text, "ECONNREFUSED"),
                .summary = or (text, "connection refused"),
                .cause = or (text, "nothing listens")},
        .check = or (text, "staging/db"),
        .title = or (text, "The database"),
        .owner = or (text, "data team"),
        .links = &t->link,
        .link_count = 1,
        .events = t->events,
        .event_count = 2,
        .runs = t->runs,
        .run_count = 2,
        .impacts = t->impacts,
        .impact_count = 2,
        .first = fixture_result(OUTCOME_FAIL, or (text, "db == 'ok'"),
                                or (text, "refused")),
        .now_us = BEGAN_US + 900 * US_PER_S};
    t->story.first->evidence =
        arena_alloc(t->story.first->arena, sizeof(struct evidence));
    t->story.first->evidence[0] =
        (struct evidence){.label = "body", .bytes = "down", .len = 4};
    t->story.first->evidence_count = 1;
    return t;
}

static void tale_free(struct tale *t)
{
    result_free(t->story.first);
    free(t->findings);
    free(t);
}

static struct buf post_mortem(const char *string)
{
    struct buf text = {0};
    struct tale *t = tale_new(string);
    story_markdown(&t->story, &text);
    tale_free(t);
    return text;
}

static void what_a_post_mortem_says(void **state)
{
    static const char *const parts[] = {
        "# I-7: staging/db was down for 10m 5s\n",
        "| Title | The database |\n| Owner | data team |\n",
        "| Acknowledged | 2026-03-28T00:00:30.000Z by ana: on it |\n",
        "| Fault | refused ECONNREFUSED: ",
        "| Cause | nothing listens |\n",
        "- dashboard: <https://grafana.example.com/d/1>\n",
        "## Summary\n\n_What happened",
        "- staging/api, since 2026-03-28T00:00:05.000Z\n"
        "- staging/ws, since 2026-03-28T00:00:05.000Z, for 1m 0s\n",
        "| 2026-03-27T23:59:00.000Z |  | mark | by ana: deployed 1.4.2 |\n"
        "| 2026-03-28T00:00:10.000Z | 10.0s | down | 3 in a row |\n",
        "| R-1 | diagnose | pg-diagnose | done | 2.0s |  |\n"
        "| R-2 | remediate | pg-restart | would have run |  | automation is "
        "\"diagnose\" |\n",
        "### pg-diagnose (R-1)\n\n- **crit** nothing listens: on 5432 (next: "
        "start it)\n- verdict dependency:db (95 %)\n",
        "- false: `db == 'ok' (refused)`\n",
        "body:\n\n```\ndown\n```\n",
        "- [ ] Why did it happen?",
    };
    struct buf text = post_mortem(NULL);
    (void)state;
    const char *at = buf_text(&text);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        assert_true(says(&text, parts[i]));
        const char *found = strstr(at, parts[i]);
        assert_non_null(found); /* and in this order */
        at = found;
    }
    buf_free(&text);
}

static void what_is_not_known_is_said(void **state)
{
    struct tale *t = tale_new(NULL);
    struct buf text = {0};
    (void)state;
    t->story.run_count = t->story.impact_count = t->story.link_count = 0;
    t->story.title = t->story.owner = NULL;
    t->story.row.cause = "";
    t->story.row.state = INCIDENT_OPEN;
    story_markdown(&t->story, &text);
    assert_true(says(&text, "# I-7: staging/db has been down for 15m 0s\n"));
    assert_true(says(&text, "| Cause | not known: no diagnosis is configured "
                            "for it |\n"));
    assert_true(says(&text, "No other check was down because of it.\n"));
    assert_true(says(&text, "No runbook is configured for it.\n"));
    assert_true(says(&text, "No runbook found anything.\n"));
    buf_clear(&text);
    t->story.row.reopened = 2;
    story_markdown(&t->story, &text);
    assert_true(says(&text, "staging/db has been down on and off for 15m"));
    assert_null(strstr(text.data, "| Owner |"));
    buf_free(&text);
    tale_free(t);
}

static void a_post_mortem_keeps_its_shape(const char *string)
{
    if (string[0] != '\0') /* lines would be left out */
        assert_keeps_shape(post_mortem, string);
}

static void any_text_keeps_the_post_mortem(void **state)
{
    (void)state;
    assert_in_range(fixture_each(a_post_mortem_keeps_its_shape), 14, 10000);
}

/* Evidence has lines of its own: the fence holds whatever they are. */
static void a_block_ends(const char *string)
{
    struct buf text = {0};
    buf_adds(&text, "before\n");
    md_block(&text, string, strlen(string));
    buf_adds(&text, "after\n");
    assert_clean(&text);
    assert_no_markup(text.data, string);
    assert_non_null(strstr(text.data, "`\nafter\n"));
    buf_free(&text);
}

static void any_text_stays_in_its_block(void **state)
{
    (void)state;
    fixture_each(a_block_ends);
    a_block_ends("```\n# not a title\n````\n");
    a_block_ends("<b>\r\n\r\n");
}

static void only_plain_urls_become_links(void **state)
{
    static const char *const urls[][2] = {
        {"https://example.com/a?b=c#d", "<https://example.com/a?b=c#d>"},
        {"javascript:alert(1)", "`javascript:alert(1)`"},
        {"https://example.com/><script>", "`https://example.com/><script>`"},
        {"https://example.com/a b", "`https://example.com/a b`"},
        {"https://example.com/`x", "``https://example.com/`x``"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct buf text = {0};
        md_url(&text, urls[i][0]);
        assert_string_equal(text.data, urls[i][1]);
        buf_free(&text);
    }
}

/* ------------------------------------------------------------- handover --- */

static const char *fixed_clock(int64_t at_us)
{
    return at_us < BEGAN_US ? "before" : "14:30";
}

static void render_handover(const char *text, struct buf *out,
                            void (*render)(const struct handover *,
                                           struct buf *),
                            json_t **json)
{
    struct tale *t = tale_new(text);
    struct incident_row open = t->story.row;
    open.state = INCIDENT_OPEN;
    open.acknowledged_us = 0;
    open.number = 8;
    struct handover_incident opened = {&open, or (text, "staging/api")};
    struct handover_incident resolved = {&t->story.row, t->story.check};
    struct handover_run would = {&t->runs[1], t->story.check};
    struct handover_pause pause = { or (text, "staging/docs"), BEGAN_US, 0,
                                    or (text, "by ana: moved")};
    struct handover_window window = {"M-3",
                                     or (text, "tag uat"),
                                     or (text, "ana"),
                                     or (text, "release"),
                                     BEGAN_US,
                                     BEGAN_US + 1,
                                     true};
    struct mark_row mark = {BEGAN_US, or (text, "ana"), or (text, "1.4.2"),
                            or (text, "staging")};
    struct handover_flap flap = { or (text, "staging/redis"), 4};
    struct handover h = {.since_us = BEGAN_US - 8 * 3600 * US_PER_S,
                         .now_us = BEGAN_US + 900 * US_PER_S,
                         .environment = or (text, "staging"),
                         .open = &opened,
                         .open_count = 1,
                         .resolved = &resolved,
                         .resolved_count = 1,
                         .paused = &pause,
                         .paused_count = 1,
                         .windows = &window,
                         .windows_count = 1,
                         .marks = &mark,
                         .mark_count = 1,
                         .would = &would,
                         .would_count = 1,
                         .held = &would,
                         .held_count = 1,
                         .dead = &would,
                         .dead_count = 1,
                         .flaps = &flap,
                         .flaps_count = 1,
                         .clock = fixed_clock};
    if (render != NULL)
        render(&h, out);
    if (json != NULL)
        *json = handover_json(&h);
    tale_free(t);
}

static struct buf handed_over(const char *string)
{
    struct buf text = {0};
    render_handover(string, &text, handover_markdown, NULL);
    return text;
}

static void what_is_handed_over(void **state)
{
    static const char *const parts[] = {
        "Handover of staging\nbefore to 14:30 (8h 15m): 1 open, 1 resolved\n",
        "\nOpen incidents\n  I-8 staging/api is down since 14:30, for 15m 0s; "
        "refused ECONNREFUSED: nothing listens; nobody has acknowledged it\n",
        "\nResolved\n  I-7 staging/db was down from 14:30 for 10m 5s; refused "
        "ECONNREFUSED: nothing listens; acknowledged by ana at 14:30: on it\n",
        "\nNotices that were given up\n  R-2 14:30 pg-restart for staging/db, "
        "I-7: automation",
        "\nPaused checks\n  staging/docs since 14:30, until somebody resumes "
        "it, by ana: moved\n",
        "\nMaintenance\n  M-3 is open from 14:30 to 14:30, for tag uat, by "
        "ana: release\n",
        "\nMarks\n  14:30 by ana, staging: 1.4.2\n",
        "\nWould have run\n  R-2 ",
        "\nHeld back\n  R-2 ",
        "\nSuspect and up again most often\n  staging/redis: 4 times\n",
    };
    struct buf text = {0};
    (void)state;
    render_handover(NULL, &text, handover_text, NULL);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        assert_true(says(&text, parts[i]));
    buf_free(&text);
}

static void nothing_to_hand_over(void **state)
{
    struct handover h = {.since_us = BEGAN_US,
                         .now_us = BEGAN_US + US_PER_S,
                         .clock = fixed_clock};
    struct buf text = {0};
    (void)state;
    handover_markdown(&h, &text);
    assert_string_equal(text.data,
                        "# Handover\n\n14:30 to 14:30 (1.0s): 0 open, 0 "
                        "resolved\n\n## Open incidents\n\n- none\n\n## "
                        "Resolved\n\n- none\n");
    buf_free(&text);
}

static void a_handover_keeps_its_shape(const char *string)
{
    if (string[0] != '\0')
        assert_keeps_shape(handed_over, string);
}

static void any_text_keeps_the_handover(void **state)
{
    (void)state;
    assert_in_range(fixture_each(a_handover_keeps_its_shape), 14, 10000);
}

static void any_text_is_json(const char *string)
{
    json_t *o;
    render_handover(string, NULL, NULL, &o);
    char *dumped = json_dumps(o, JSON_COMPACT);
    json_t *again = json_loads(dumped, 0, NULL);
    assert_true(json_equal(o, again));
    assert_int_equal(json_array_size(json_object_get(o, "dead_letters")), 1);
    json_t *valid = json_string(string); /* NULL: it is no UTF-8 */
    if (valid != NULL)
        assert_string_equal(
            report_member(json_array_get(json_object_get(o, "flaps"), 0),
                          "check"),
            string);
    json_decref(valid);
    json_decref(again);
    json_decref(o);
    free(dumped);
}

static void the_handover_as_json(void **state)
{
    (void)state;
    fixture_each(any_text_is_json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_post_mortem_says),
        cmocka_unit_test(what_is_not_known_is_said),
        cmocka_unit_test(any_text_keeps_the_post_mortem),
        cmocka_unit_test(any_text_stays_in_its_block),
        cmocka_unit_test(only_plain_urls_become_links),
        cmocka_unit_test(what_is_handed_over),
        cmocka_unit_test(nothing_to_hand_over),
        cmocka_unit_test(any_text_keeps_the_handover),
        cmocka_unit_test(the_handover_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
