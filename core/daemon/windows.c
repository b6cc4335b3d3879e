/* daemon/windows.c: maintenance over the control socket: windows that are
 * opened, ended and listed. Called from commands.c.
 *
 * A window that is bound to its connection ends when that closes without having
 * ended it; when we stop first, it lasts until its time is over. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "daemon/client.h"
#include "model/naming.h"
#include "report/json.h"

/* What a window is to cover. */
struct wanted {
    struct request_words checks, tags;
    const char *environment; /* NULL: any */
};

static size_t fits_word(const struct conf *conf, const char *word)
{
    size_t n = 0;
    for (size_t i = 0; i < conf->check_count; i++) {
        struct named named = {conf->checks[i].name,
                              conf->checks[i].environment};
        n += naming_fits(&named, word);
    }
    return n;
}

static bool check_tag(const struct conf *conf, const char *tag, struct err *err)
{
    if (conf_has_tag(conf, tag))
        return true;
    const char *near = str_nearest(tag, conf_nth_tag, conf);
    return err_set(err, ERR_NOT_FOUND, 0, "no check has the tag \"%s\"%s%s%s",
                   tag, near ? "; did you mean \"" : "", near ? near : "",
                   near ? "\"?" : "");
}

/* Each word means something, and together they leave something. */
static bool check_wanted(const struct conf *conf, const struct wanted *w,
                         struct err *err)
{
    struct naming names = naming_of_conf(conf);
    size_t index, covered = 0;
    if (!naming_environment(&names, w->environment, err))
        return false;
    for (size_t i = 0; i < w->checks.count; i++) {
        const char *word = w->checks.items[i];
        if (fits_word(conf, word) > 0)
            continue;
        if (naming_is_glob(word))
            return err_set(err, ERR_NOT_FOUND, 0, "no check fits \"%s\"", word);
        return naming_find(&names, word, NULL, &index, err);
    }
    for (size_t i = 0; i < w->tags.count; i++)
        if (!check_tag(conf, w->tags.items[i], err))
            return false;
    struct rlv_list checks = {w->checks.items, w->checks.count};
    struct rlv_list tags = {w->tags.items, w->tags.count};
    struct rlv_list environments = {&w->environment, w->environment != NULL};
    for (size_t i = 0; i < conf->check_count; i++)
        covered +=
            check_is_selected(&conf->checks[i], &checks, &tags, &environments);
    return covered > 0 ||
           err_set(err, ERR_NOT_FOUND, 0, "no check is all of that at once");
}

static void join(const struct request_words *words, struct buf *out)
{
    for (size_t i = 0; i < words->count; i++)
        buf_addf(out, "%s%s", i > 0 ? " " : "", words->items[i]);
}

/* Opens it; the answer says what it covers. */
static void open_window(struct client *c, const struct wanted *w,
                        int64_t for_us, const char *reason, bool bound)
{
    struct daemon *d = c->control->daemon;
    struct buf checks = {0}, tags = {0};
    struct window_view v = {0};
    char actor[CLIENT_ACTOR], id[ID_TEXT];
    join(&w->checks, &checks);
    join(&w->tags, &tags);
    struct event e = {.kind = EVENT_WINDOW};
    e.as.window = (struct window_row){
        .until_us = clock_wall_us() + for_us,
        .checks = buf_text(&checks),
        .tags = buf_text(&tags),
        .environments = w->environment == NULL ? "" : w->environment,
        .actor = client_actor(c, actor),
        .reason = reason};
    daemon_step(d, &e);
    uint64_t number = model_last_window(d->model);
    for (size_t i = 0; model_maintenance(d->model, i, &v); i++)
        if (v.row != NULL && v.row->number == number)
            break;
    if (bound)
        c->window = number;
    bool all =
        w->checks.count == 0 && w->tags.count == 0 && w->environment == NULL;
    client_answer(c, json_pack("{s:s, s:I, s:b, s:o}", "window",
                               id_text('M', number, id), "checks",
                               (json_int_t)v.checks, "everything", (int)all,
                               "until", report_time(e.as.window.until_us)));
    buf_free(&checks);
    buf_free(&tags);
}

void windows_start(struct client *c, const struct request *r)
{
    struct wanted w;
    struct err err;
    const char *refusal = NULL, *reason;
    int64_t for_us;
    bool bound = json_is_true(json_object_get(r->object, "bound"));
    if (request_words(r, "checks", &w.checks, &refusal) &&
        request_words(r, "tags", &w.tags, &refusal) &&
        request_saying(r, "reason", &reason, &refusal) &&
        request_saying(r, "environment", &w.environment, &refusal) &&
        request_for(r, &for_us, &refusal)) {
        if (w.environment[0] == '\0')
            w.environment = NULL;
        if (for_us == 0)
            refusal = "for_ms: expected how long it lasts, in milliseconds";
        else if (bound && c->window != 0)
            refusal = "this connection has a window already";
        else if (!check_wanted(c->control->daemon->conf, &w, &err))
            refusal = err.text;
    }
    if (refusal != NULL)
        client_refuse(c, refusal);
    else
        open_window(c, &w, for_us, reason, bound);
}

/* ------------------------------------------------------------------ end --- */

static void end_window(struct daemon *d, uint64_t number, const char *actor)
{
    struct event e = {.kind = EVENT_WINDOW};
    e.as.window = (struct window_row){.number = number,
                                      .checks = "",
                                      .tags = "",
                                      .environments = "",
                                      .actor = actor,
                                      .reason = ""};
    daemon_step(d, &e);
}

static bool is_open(const struct daemon *d, uint64_t number)
{
    const struct window_row *row;
    for (size_t i = 0; (row = model_window(d->model, i)) != NULL; i++)
        if (row->number == number)
            return true;
    return false;
}

/* A window of the configuration has a name and no number. */
static const char *cannot_end(const struct daemon *d, const char *id,
                              struct err *err)
{
    uint64_t number;
    for (size_t i = 0; i < d->conf->maintenance_count; i++)
        if (str_eq(d->conf->maintenance[i].name, id)) {
            err_set(err, ERR_USAGE, 0,
                    "\"%s\" is of the configuration: change it there", id);
            return err->text;
        }
    if (id == NULL || !id_parse('M', id, &number))
        err_set(err, ERR_USAGE, 0,
                "\"%.40s\" is not a window; expected M-3 or 3: see relevo "
                "maintenance list",
                id == NULL ? "" : id);
    else if (!is_open(d, number))
        err_set(err, ERR_NOT_FOUND, 0,
                "M-%llu is not open: see relevo "
                "maintenance list",
                (unsigned long long)number);
    else
        return NULL;
    return err->text;
}

void windows_end(struct client *c, const struct request *r)
{
    struct daemon *d = c->control->daemon;
    struct err err;
    uint64_t number = 0;
    char actor[CLIENT_ACTOR], text[ID_TEXT];
    const char *id = request_text(r, "window");
    const char *refusal = cannot_end(d, id, &err);
    if (refusal != NULL) {
        client_refuse(c, refusal);
        return;
    }
    must(id_parse('M', id, &number));
    if (c->window == number)
        c->window = 0;
    end_window(d, number, client_actor(c, actor));
    client_answer(c, json_pack("{s:s}", "ended", id_text('M', number, text)));
}

void windows_client_left(struct client *c)
{
    struct daemon *d = c->control->daemon;
    uint64_t number = c->window;
    c->window = 0;
    if (number != 0 && !d->stopping && is_open(d, number))
        end_window(d, number, "relevo");
}

/* ----------------------------------------------------------------- list --- */

static json_t *text_json(const char *s)
{
    return report_text(s == NULL ? "" : s, s == NULL ? 0 : strlen(s));
}

static json_t *list_json(const struct rlv_list *list)
{
    json_t *all = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(all, text_json(list->items[i]));
    return all;
}

static json_t *window_json(const struct window_view *v)
{
    char id[ID_TEXT];
    json_t *o = json_object();
    const struct window_row *row = v->row;
    const struct maintenance_spec *spec = v->spec;
    bool never = v->from_us == INT64_MAX;
    json_object_set_new(o, "id",
                        row != NULL ? json_string(id_text('M', row->number, id))
                                    : text_json(spec->name));
    json_object_set_new(o, "state", json_string(v->open ? "open" : "coming"));
    json_object_set_new(o, "from", report_time(never ? 0 : v->from_us));
    json_object_set_new(o, "until", report_time(never ? 0 : v->until_us));
    json_object_set_new(o, "checks", json_integer((json_int_t)v->checks));
    json_object_set_new(
        o, "match",
        json_pack("{s:o, s:o, s:o}", "check",
                  row ? report_words(row->checks) : list_json(&spec->checks),
                  "tags",
                  row ? report_words(row->tags) : list_json(&spec->tags),
                  "environments",
                  row ? report_words(row->environments)
                      : list_json(&spec->environments)));
    json_object_set_new(o, "by", row ? text_json(row->actor) : json_null());
    json_object_set_new(o, "reason",
                        text_json(row ? row->reason : spec->reason));
    return o;
}

/* It may cover checks of that environment; NULL: any. */
static bool is_of(json_t *window, const char *environment)
{
    json_t *all = json_object_get(json_object_get(window, "match"),
                                  "environments"),
           *one;
    size_t i;
    json_array_foreach (all, i, one)
        if (str_eq(json_string_value(one), environment))
            return true;
    return environment == NULL || json_array_size(all) == 0;
}

/* One that is over and does not come again is not listed. */
void windows_list(struct client *c, const struct request *r)
{
    const struct model *m = c->control->daemon->model;
    int64_t now_us = clock_wall_us();
    struct window_view v;
    struct err err;
    const char *environment, *refusal = NULL;
    if (!client_environment(c, r, &environment, &refusal, &err)) {
        client_refuse(c, refusal);
        return;
    }
    for (size_t i = 0; model_maintenance(m, i, &v); i++) {
        json_t *window = window_json(&v);
        if (v.until_us > now_us && v.from_us != INT64_MAX &&
            is_of(window, environment))
            client_answer(c, window);
        else
            json_decref(window);
    }
    client_answer(c, json_pack("{s:b}", "end", 1));
}
