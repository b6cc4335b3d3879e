/* Health pages of the usual frameworks, as they write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/health.h"

/* What is read, as "STATE | NAME=STATE[ (ERROR)] …"; "none": no health page. */
static const struct page {
    const char *sort, *body, *read;
} pages[] = {
    // clang-format off
    {"one word", "{\"status\":\"ok\",\"db\":\"ok\",\"redis\":\"ok\"}",
     "ok | db=ok redis=ok"},
    {"an error in place of a word",
     "{\"status\":\"degraded\",\"db\":\"[Errno 111] Connection refused\","
     "\"redis\":\"ok\",\"version\":\"1.4.2\",\"hostname\":\"app-1\"}",
     "degraded | db=[Errno 111] Connection refused redis=ok"},
    {"the same without a state of the whole",
     "{\"db\":\"[Errno 111] Connection refused\",\"redis\":\"ok\"}",
     "unknown | db=[Errno 111] Connection refused redis=ok"},
    {"texts of a page that is well",
     "{\"status\":\"ok\",\"motto\":\"semper paratus\",\"db\":\"ok\"}",
     "ok | db=ok"},
    {"no health page", "{\"title\":\"Tasks\",\"docs\":\"/docs\"}", "none"},
    {"true and false beside the state say nothing",
     "{\"status\":\"ok\",\"maintenance\":false,\"sealed\":false}", "ok |"},
    {"true and false as parts",
     "{\"ok\":false,\"checks\":{\"db\":true,\"mail\":false}}",
     "fail | db=ok mail=fail"},
    {"Spring Boot",
     "{\"status\":\"DOWN\",\"components\":{\"db\":{\"status\":\"DOWN\","
     "\"details\":{\"error\":\"java.net.ConnectException: Connection refused\"}},"
     "\"diskSpace\":{\"status\":\"UP\",\"details\":{\"total\":1,\"path\":\"/\"}},"
     "\"r2dbc\":{\"status\":\"UP\",\"components\":{\"a\":{\"status\":\"UP\","
     "\"details\":{\"validationQuery\":\"x\"}},\"b\":{\"status\":\"OUT_OF_SERVICE\"}}}},"
     "\"groups\":[\"liveness\",\"readiness\"]}",
     "fail | db=fail (java.net.ConnectException: Connection refused) "
     "diskSpace=ok r2dbc=ok r2dbc.a=ok r2dbc.b=fail"},
    {"Spring Boot 2.0", "{\"status\":\"UP\",\"details\":{\"db\":{\"status\":"
     "\"UP\",\"details\":{\"database\":\"PostgreSQL\",\"hello\":1}}}}",
     "ok | db=ok"},
    {"ASP.NET, one word", "Unhealthy", "fail |"},
    {"ASP.NET, UI client",
     "{\"status\":\"Degraded\",\"totalDuration\":\"00:00:00.05\",\"entries\":{"
     "\"sql\":{\"data\":{},\"description\":\"slow\",\"duration\":\"00:00:00.04\","
     "\"status\":\"Degraded\",\"tags\":[]},\"cache\":{\"status\":\"Healthy\"}}}",
     "degraded | sql=degraded (slow) cache=ok"},
    {"ASP.NET, own writer",
     "{\"Status\":\"Unhealthy\",\"Results\":[{\"Name\":\"sql\",\"Status\":"
     "\"Unhealthy\",\"Exception\":\"timeout expired\"}]}",
     "fail | sql=fail (timeout expired)"},
    {"application/health+json",
     "{\"status\":\"fail\",\"version\":\"1\",\"releaseId\":\"1.2.2\",\"notes\":"
     "[\"\"],\"output\":\"\",\"serviceId\":\"f03\",\"description\":\"health of "
     "authz\",\"checks\":{\"cassandra:responseTime\":[{\"componentId\":\"a\","
     "\"componentType\":\"datastore\",\"observedValue\":250,\"status\":\"pass\"},"
     "{\"componentId\":\"b\",\"status\":\"fail\",\"output\":\"no route\"}],"
     "\"uptime\":[{\"componentType\":\"system\",\"status\":\"pass\"}]},"
     "\"links\":{\"about\":\"http://x\"}}",
     "fail | cassandra:responseTime=fail (no route) uptime=ok"},
    {"MicroProfile",
     "{\"status\":\"DOWN\",\"checks\":[{\"name\":\"datasource\",\"status\":"
     "\"DOWN\",\"data\":{\"error\":\"Unable to execute the validation check\"}},"
     "{\"name\":\"disk\",\"status\":\"UP\",\"data\":{}}]}",
     "fail | datasource=fail (Unable to execute the validation check) disk=ok"},
    {"NestJS terminus",
     "{\"status\":\"error\",\"info\":{\"api\":{\"status\":\"up\"}},\"error\":{"
     "\"db\":{\"status\":\"down\",\"message\":\"timeout of 1000ms exceeded\"}},"
     "\"details\":{\"api\":{\"status\":\"up\"},\"db\":{\"status\":\"down\","
     "\"message\":\"timeout of 1000ms exceeded\"}}}",
     "fail | api=ok db=fail (timeout of 1000ms exceeded)"},
    {"alexliesenfeld/health",
     "{\"status\":\"down\",\"details\":{\"db\":{\"status\":\"down\","
     "\"timestamp\":\"2026-01-01T00:00:00Z\",\"error\":\"bad connection\"}}}",
     "fail | db=fail (bad connection)"},
    {"hellofresh/health-go",
     "{\"status\":\"Partially Available\",\"timestamp\":\"x\",\"failures\":{"
     "\"rabbitmq\":\"dial tcp: connection refused\"},\"system\":{\"version\":"
     "\"go1.20\"}}",
     "degraded | rabbitmq=fail (dial tcp: connection refused)"},
    {"django-health-check",
     "{\"Cache backend: default\":\"working\",\"DatabaseBackend\":\"unavailable: "
     "Database error\"}",
     "unknown | Cache backend: default=ok "
     "DatabaseBackend=unavailable: Database error"},
    {"Laravel",
     "{\"finishedAt\":1,\"checkResults\":[{\"name\":\"Database\",\"label\":\"DB\","
     "\"notificationMessage\":\"could not connect\",\"status\":\"failed\"},"
     "{\"name\":\"Cache\",\"status\":\"ok\"}]}",
     "fail | Database=fail (could not connect) Cache=ok"},
    {"Consul", "[{\"Node\":\"n\",\"CheckID\":\"service:web\",\"Name\":\"Web\","
     "\"Status\":\"critical\",\"Output\":\"HTTP 500\"}]",
     "fail | Web=fail (HTTP 500)"},
    {"Kubernetes", "[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\n"
     "readyz check failed\n",
     "fail | ping=ok log=ok etcd=fail (failed: reason withheld)"},
    {"Elasticsearch", "{\"cluster_name\":\"x\",\"status\":\"yellow\","
     "\"timed_out\":false,\"number_of_nodes\":1}",
     "degraded |"},
    {"parts beside the state, as objects",
     "{\"status\":\"ok\",\"db\":{\"healthy\":false,\"message\":\"gone\"},"
     "\"build\":{\"version\":\"7\"}}",
     "ok | db=fail (gone)"},
    {"nothing", "", "none"},
    {"not closed", "{\"status\":\"ok\"", "none"},
    {"a number", "503", "none"},
    {"a page", "<html>\n<body>502 Bad Gateway</body></html>", "none"},
    {"odd", "{\"status\":{},\"checks\":[1,null,[],{}],\"components\":\"x\","
     "\"details\":null,\"a\":{\"status\":[]}}", "none"},
    // clang-format on
};

static void show(const struct health *health, char *text, size_t size)
{
    int n = snprintf(text, size, "%s |", health->state);
    for (size_t i = 0; i < health->count; i++) {
        const struct component *c = &health->components[i];
        n += snprintf(text + n, size - (size_t)n, " %s=%s", c->name, c->state);
        if (c->error)
            n += snprintf(text + n, size - (size_t)n, " (%s)", c->error);
    }
}

static void each_page_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        struct health health;
        char text[1000] = "none";
        print_message("%s\n", pages[i].sort);
        if (health_read(&health, pages[i].body, strlen(pages[i].body))) {
            show(&health, text, sizeof text);
            health_end(&health);
        }
        assert_string_equal(text, pages[i].read);
    }
}

static void the_worst_is_the_cause(void **state)
{
    (void)state;
    static const char body[] =
        "{\"status\":\"DOWN\",\"components\":{\"a\":\"UP\",\"b\":\"WARN\","
        "\"c\":\"DOWN\",\"d\":\"DOWN\"}}";
    static const char well[] = "{\"status\":\"degraded\",\"db\":\"ok\"}";
    struct health health;
    assert_true(health_read(&health, body, strlen(body)));
    assert_string_equal(health_cause(&health)->name, "c");
    assert_true(health_is_bad(&health));
    health_end(&health);
    assert_true(health_read(&health, well, strlen(well)));
    assert_null(health_cause(&health));
    assert_false(health_is_bad(&health));
    health_end(&health);
}

static void many_parts_are_cut(void **state)
{
    (void)state;
    char *body = malloc(20000);
    int n = sprintf(body, "{\"status\":\"ok\",\"checks\":{");
    for (int i = 0; i < 500; i++)
        n += sprintf(body + n, "%s\"part-%d\":\"ok\"", i ? "," : "", i);
    n += sprintf(body + n, "}}");
    struct health health;
    assert_true(health_read(&health, body, (size_t)n));
    assert_int_equal(health.count, HEALTH_MOST);
    assert_string_equal(health.components[HEALTH_MOST - 1].name, "part-63");
    health_end(&health);
    free(body);
}

static void large_bodies_are_not_read(void **state)
{
    (void)state;
    size_t len = HEALTH_BODY + 1;
    char *body = malloc(len);
    memset(body, ' ', len);
    memcpy(body, "{\"status\":\"ok\"}", 15);
    struct health health;
    assert_true(health_read(&health, body, HEALTH_BODY));
    health_end(&health);
    assert_false(health_read(&health, body, len));
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_page_is_read),
        cmocka_unit_test(the_worst_is_the_cause),
        cmocka_unit_test(many_parts_are_cut),
        cmocka_unit_test(large_bodies_are_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
