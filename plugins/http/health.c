/* http/health.c: see health.h.
 *
 * A page is read in this order: its own state; the components in the members
 * that are known to hold them (CONTAINERS); if there are none, those that stand
 * beside the state. Keys are compared without case: some serializers write
 * Status and Entries. */
#include "http/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const states[] = {"status",  "state",   "health",
                                     "outcome", "overall", "result",
                                     "healthy", "ok",      NULL};
static const char *const containers[] = {
    "components", "checks",     "entries",      "details",
    "results",    "services",   "dependencies", "checkResults",
    "failures",   "indicators", "health",       NULL};
static const char *const names[] = {"name",    "id",    "checkID", "component",
                                    "service", "label", NULL};
static const char *const errors[] = {"error",
                                     "output",
                                     "message",
                                     "exception",
                                     "description",
                                     "reason",
                                     "notificationMessage",
                                     NULL};

/* What stands on health pages beside the components. */
static const char *const about[] = {
    "version",     "release",       "releaseId",   "serviceId", "name",
    "service",     "description",   "timestamp",   "time",      "date",
    "uptime",      "host",          "hostname",    "commit",    "sha",
    "build",       "env",           "environment", "region",    "message",
    "notes",       "links",         "id",          "traceId",   "finishedAt",
    "duration",    "totalDuration", "error",       "output",    "app",
    "application", "instance",      "system",      "path",      "cluster_name",
    NULL};

static const char OK[] = "ok", DEGRADED[] = "degraded", FAIL[] = "fail",
                  UNKNOWN[] = "unknown";

static const struct {
    const char *word, *state;
} words[] = {{"ok", OK},
             {"up", OK},
             {"pass", OK},
             {"passing", OK},
             {"passed", OK},
             {"healthy", OK},
             {"green", OK},
             {"success", OK},
             {"working", OK},
             {"alive", OK},
             {"ready", OK},
             {"online", OK},
             {"connected", OK},
             {"running", OK},
             {"available", OK},
             {"serving", OK},
             {"operational", OK},
             {"true", OK},
             {"degraded", DEGRADED},
             {"warn", DEGRADED},
             {"warning", DEGRADED},
             {"yellow", DEGRADED},
             {"partially available", DEGRADED},
             {"fail", FAIL},
             {"failed", FAIL},
             {"failing", FAIL},
             {"down", FAIL},
             {"unhealthy", FAIL},
             {"error", FAIL},
             {"critical", FAIL},
             {"red", FAIL},
             {"crashed", FAIL},
             {"out_of_service", FAIL},
             {"unavailable", FAIL},
             {"offline", FAIL},
             {"disconnected", FAIL},
             {"not ready", FAIL},
             {"not_ready", FAIL},
             {"not_serving", FAIL},
             {"shutting_down", FAIL},
             {"timeout", FAIL},
             {"false", FAIL},
             {"unknown", UNKNOWN},
             {"skipped", UNKNOWN}};

/* NULL: no such word. */
static const char *state_of_word(const char *word)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(words[i].word, word) == 0)
            return words[i].state;
    return NULL;
}

static bool is_one_of(const char *const *list, const char *key)
{
    while (*list && strcasecmp(*list, key) != 0)
        list++;
    return *list != NULL;
}

/* ------------------------------------------------------------------- JSON - */

static json_t *member(json_t *object, const char *name)
{
    const char *key;
    json_t *value;
    json_object_foreach (object, key, value)
        if (strcasecmp(key, name) == 0)
            return value;
    return NULL;
}

/* The first text that is there and not empty. */
static const char *text_among(json_t *object, const char *const *list)
{
    for (; *list; list++) {
        const char *text = json_string_value(member(object, *list));
        if (text && *text)
            return text;
    }
    return NULL;
}

/* What a value says of health by itself; NULL: nothing. */
static const char *state_of(json_t *value)
{
    const char *text = json_string_value(value);
    if (json_is_boolean(value))
        return json_is_true(value) ? OK : FAIL;
    if (!text || !*text)
        return NULL;
    const char *state = state_of_word(text);
    return state ? state : text;
}

static const char *own_state(json_t *object)
{
    for (const char *const *name = states; *name; name++) {
        const char *state = state_of(member(object, *name));
        if (state)
            return state;
    }
    return NULL;
}

/* ------------------------------------------------------------- components - */

static int badness(const char *state)
{
    return state == OK ? 0 : state == DEGRADED ? 1 : state == FAIL ? 3 : 2;
}

static bool is_there(const struct health *health, const char *name)
{
    for (size_t i = 0; i < health->count; i++)
        if (strcmp(health->components[i].name, name) == 0)
            return true;
    return false;
}

static void add(struct health *health, const char *name, const char *state,
                const char *error)
{
    if (!state || health->count == HEALTH_MOST || is_there(health, name))
        return;
    struct component *c = &health->components[health->count++];
    snprintf(c->name, sizeof c->name, "%s", name);
    c->state = state;
    c->error = state == OK ? NULL : error;
}

static const char *error_of(json_t *object)
{
    const char *text = text_among(object, errors);
    if (!text)
        text = text_among(member(object, "details"), errors);
    return text ? text : text_among(member(object, "data"), errors);
}

/* Several measurements of one thing, as the draft of the IETF has them: the
 * worst speaks for it. */
static json_t *worst_of(json_t *list)
{
    json_t *worst = NULL, *value;
    size_t i;
    json_array_foreach (list, i, value) {
        const char *state = own_state(value);
        if (state && (!worst || badness(state) > badness(own_state(worst))))
            worst = value;
    }
    return worst;
}

/* Composites of Spring's hold others: two levels of them. */
static void add_within(struct health *health, const char *name, json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach (member(object, "components"), key, value) {
        char whole[sizeof health->components->name];
        snprintf(whole, sizeof whole, "%.63s.%.63s", name, key);
        add(health, whole, own_state(value), error_of(value));
    }
}

static void add_member(struct health *health, const char *name, json_t *value)
{
    if (json_is_array(value))
        value = worst_of(value);
    if (!json_is_object(value)) {
        add(health, name, state_of(value), NULL);
        return;
    }
    add(health, name, own_state(value), error_of(value));
    add_within(health, name, value);
}

/* Of a list, each says its name itself. */
static void add_list(struct health *health, json_t *list)
{
    size_t i;
    json_t *value;
    json_array_foreach (list, i, value) {
        const char *name = text_among(value, names);
        if (name)
            add_member(health, name, value);
    }
}

/* A text that is no word of health is one only where it can be nothing else. */
static bool is_component(const char *key, json_t *value, bool texts)
{
    if (!json_is_string(value))
        return true;
    return state_of_word(json_string_value(value)) ||
           (texts && !is_one_of(about, key));
}

static void add_container(struct health *health, const char *name, json_t *held)
{
    const char *key;
    json_t *value;
    bool failures = strcasecmp(name, "failures") == 0;
    add_list(health, held);
    json_object_foreach (held, key, value) {
        if (failures)
            add(health, key, FAIL, json_string_value(value));
        else if (is_component(key, value, true))
            add_member(health, key, value);
    }
}

/* Beside the state of the whole; true or false says too little there, and a
 * text is an error in place of a word only where not all is well. */
static void add_beside(struct health *health, json_t *page)
{
    const char *key;
    json_t *value;
    bool texts = health->state && health->state != OK;
    json_object_foreach (page, key, value)
        texts = texts || (!health->state && json_is_string(value) &&
                          state_of_word(json_string_value(value)));
    json_object_foreach (page, key, value) {
        if (is_one_of(states, key) || json_is_array(value) ||
            json_is_boolean(value) || !is_component(key, value, texts))
            continue;
        add_member(health, key, value);
    }
}

static void read_page(struct health *health)
{
    json_t *page = health->page;
    add_list(health, page);
    health->state = own_state(page);
    for (const char *const *name = containers; *name; name++)
        add_container(health, *name, member(page, *name));
    if (!health->count)
        add_beside(health, page);
}

/* ------------------------------------------------------------------- text - */

/* Kubernetes: "[+]ping ok", "[-]etcd failed: reason withheld". */
static void read_line(struct health *health, char *line)
{
    bool good = strncmp(line, "[+]", 3) == 0;
    if (!good && strncmp(line, "[-]", 3) != 0)
        return;
    char *name = line + 3, *rest = name + strcspn(name, " \t\r");
    if (*rest)
        *rest++ = '\0';
    rest[strcspn(rest, "\r")] = '\0';
    if (*name)
        add(health, name, good ? OK : FAIL, rest);
}

/* ASP.NET Core says one word unless it was told to say more. */
static void read_text(struct health *health)
{
    char *text = health->text + strspn(health->text, " \t\r\n");
    char *end = text + strlen(text);
    while (end > text && strchr(" \t\r\n", end[-1]))
        *--end = '\0';
    health->state = state_of_word(text);
    for (char *line = text, *next; *line; line = next) {
        size_t n = strcspn(line, "\n");
        next = line + n + (line[n] == '\n');
        line[n] = '\0';
        read_line(health, line);
    }
}

/* -------------------------------------------------------------------- all - */

static const char *worst_state(const struct health *health)
{
    const char *worst = NULL;
    for (size_t i = 0; i < health->count; i++) {
        const char *state = health->components[i].state;
        if (!worst || badness(state) > badness(worst))
            worst = state;
    }
    return worst && badness(worst) == 2 ? UNKNOWN : worst;
}

bool health_read(struct health *health, const char *body, size_t len)
{
    *health = (struct health){0};
    if (len > HEALTH_BODY)
        return false;
    health->page = json_loadb(body, len, 0, NULL);
    if (health->page) {
        read_page(health);
    } else if ((health->text = strndup(body, len)) != NULL) {
        read_text(health);
    }
    if (!health->state)
        health->state = worst_state(health);
    if (!health->state)
        health_end(health);
    return health->state != NULL;
}

void health_end(struct health *health)
{
    json_decref(health->page);
    free(health->text);
    *health = (struct health){0};
}

const struct component *health_cause(const struct health *health)
{
    const struct component *cause = NULL;
    for (size_t i = 0; i < health->count; i++) {
        const struct component *c = &health->components[i];
        if (c->state != OK &&
            (!cause || badness(c->state) > badness(cause->state)))
            cause = c;
    }
    return cause;
}

bool health_is_bad(const struct health *health)
{
    const struct component *cause = health_cause(health);
    return badness(health->state) >= 2 || (cause && badness(cause->state) >= 2);
}
