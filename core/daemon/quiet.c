/* daemon/quiet.c: what persons say to the watch over the control socket: pause,
 * resume, acknowledge, mark. Called from commands.c.
 *
 * Each request is checked as a whole before anything is done: a refusal changes
 * nothing. Who asks stands in the audit by the user name of /etc/passwd (other
 * directories could keep the loop waiting), else as "uid N". */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemon/client.h"
#include "model/naming.h"
#include "report/json.h"

const char *client_actor(const struct client *c, char out[CLIENT_ACTOR])
{
    struct passwd entry, *found = NULL;
    char buf[4096];
    FILE *file = fopen("/etc/passwd", "re");
    snprintf(out, CLIENT_ACTOR, "uid %u", (unsigned)c->uid);
    while (file != NULL &&
           fgetpwent_r(file, &entry, buf, sizeof buf, &found) == 0)
        if (found->pw_uid == c->uid && found->pw_name[0] != '\0') {
            snprintf(out, CLIENT_ACTOR, "%.60s", found->pw_name);
            break;
        }
    if (file != NULL)
        fclose(file);
    return out;
}

static json_t *text_json(const char *s) { return report_text(s, strlen(s)); }

bool client_environment(const struct client *c, const struct request *r,
                        const char **environment, const char **refusal,
                        struct err *err)
{
    struct naming names = naming_of_conf(c->control->daemon->conf);
    if (!request_saying(r, "environment", environment, refusal))
        return false;
    if ((*environment)[0] == '\0')
        *environment = NULL;
    if (naming_environment(&names, *environment, err))
        return true;
    *refusal = err->text;
    return false;
}

/* ----------------------------------------------------- pause and resume --- */

/* Marks the checks that the words mean. A plain name means one check, a glob
 * all that it fits. */
static bool choose(const struct client *c, const struct request_words *words,
                   const char *environment, bool *chosen, struct err *err)
{
    const struct conf *conf = c->control->daemon->conf;
    struct naming names = naming_of_conf(conf);
    for (size_t w = 0; w < words->count; w++) {
        const char *word = words->items[w];
        size_t index;
        if (naming_is_glob(word)) {
            if (!naming_choose(&names, word, environment, chosen, err))
                return false;
        } else if (naming_find(&names, word, environment, &index, err)) {
            chosen[index] = true;
        } else {
            return false;
        }
    }
    return true;
}

/* What is judged from a check cannot go on without it. */
static bool may_resume(const struct daemon *d, const struct check_spec *spec,
                       const bool *chosen, struct err *err)
{
    struct check_view v;
    if (spec->source == NULL || chosen[spec->source - d->conf->checks] ||
        !model_check_by_name(d->model, spec->source->name, &v) ||
        v.state->state != STATE_PAUSED)
        return true;
    return err_set(err, ERR_USAGE, 0,
                   "\"%s\" is judged from \"%s\", which is paused: resume that",
                   spec->name, spec->source->name);
}

/* Only paused ones are resumed; false: none of them is, or one may not be. */
static bool keep_paused(const struct daemon *d, bool *chosen, struct err *err)
{
    struct check_view v;
    size_t left = 0;
    const char *other = "";
    for (size_t i = 0; i < d->conf->check_count; i++) {
        if (!chosen[i])
            continue;
        if (!may_resume(d, &d->conf->checks[i], chosen, err))
            return false;
        if (model_check_at(d->model, i, &v) && v.state->state == STATE_PAUSED)
            left++;
        else
            other = d->conf->checks[i].name;
    }
    if (left == 0)
        return err_set(err, ERR_USAGE, 0, "\"%s\" is not paused", other);
    return true;
}

/* Only a new configuration enables a check; false: nothing else is meant. */
static bool keep_enabled(const struct daemon *d, bool *chosen, struct err *err)
{
    const char *disabled = NULL;
    size_t left = 0;
    for (size_t i = 0; i < d->conf->check_count; i++) {
        if (chosen[i] && d->conf->checks[i].disabled) {
            disabled = d->conf->checks[i].name;
            chosen[i] = false;
        }
        left += chosen[i];
    }
    if (left == 0 && disabled != NULL)
        return err_set(err, ERR_USAGE, 0,
                       "\"%s\" has enabled = false: change that in the "
                       "configuration, and reload",
                       disabled);
    return true;
}

static void change_all(struct daemon *d, const bool *chosen, struct event *e,
                       json_t *names)
{
    struct check_view v;
    for (size_t i = 0; i < d->conf->check_count; i++) {
        if (!chosen[i] || !model_check_at(d->model, i, &v) ||
            (!e->as.pause.paused && v.state->state != STATE_PAUSED))
            continue;
        json_array_append_new(names, text_json(v.row->name));
        e->as.pause.check = v.row->check;
        daemon_step(d, e);
    }
}

static void pause_or_resume(struct client *c, const struct request *r,
                            bool paused)
{
    struct daemon *d = c->control->daemon;
    struct request_words words;
    struct err err;
    const char *refusal = NULL, *environment, *reason;
    char actor[CLIENT_ACTOR];
    int64_t for_us = 0;
    bool *chosen = xcalloc(d->conf->check_count + 1, sizeof *chosen);
    bool ok = request_words(r, "checks", &words, &refusal) &&
              request_saying(r, "reason", &reason, &refusal) &&
              request_for(r, &for_us, &refusal) &&
              client_environment(c, r, &environment, &refusal, &err);
    if (ok && words.count == 0)
        refusal = "checks: expected the names of those that are meant";
    else if (ok && (!choose(c, &words, environment, chosen, &err) ||
                    !keep_enabled(d, chosen, &err) ||
                    (!paused && !keep_paused(d, chosen, &err))))
        refusal = err.text;
    if (refusal != NULL) {
        client_refuse(c, refusal);
    } else {
        int64_t until_us = for_us == 0 ? 0 : clock_wall_us() + for_us;
        struct event e = {.kind = EVENT_PAUSE};
        e.as.pause.paused = paused;
        e.as.pause.until_us = until_us;
        e.as.pause.actor = client_actor(c, actor);
        e.as.pause.reason = reason;
        json_t *names = json_array();
        change_all(d, chosen, &e, names);
        client_answer(c, json_pack("{s:o, s:o}", paused ? "paused" : "resumed",
                                   names, "until", report_time(until_us)));
    }
    free(chosen);
}

void quiet_pause(struct client *c, const struct request *r)
{
    pause_or_resume(c, r, true);
}

void quiet_resume(struct client *c, const struct request *r)
{
    pause_or_resume(c, r, false);
}

/* ---------------------------------------------------------- acknowledge --- */

/* An incident that may be acknowledged; NULL: *refusal. */
static const struct incident_row *open_incident(const struct daemon *d,
                                                const char *id, struct err *err)
{
    uint64_t number;
    if (id == NULL || !id_parse('I', id, &number)) {
        err_set(err, ERR_USAGE, 0,
                "\"%.40s\" is not an incident; expected I-12 or 12",
                id == NULL ? "" : id);
        return NULL;
    }
    const struct incident_row *row = model_incident(d->model, number);
    if (row != NULL && row->state != INCIDENT_RESOLVED && row->opened_us != 0)
        return row;
    char text[ID_TEXT];
    id_text('I', number, text);
    if (row != NULL && row->opened_us == 0)
        err_set(err, ERR_USAGE, 0, "%s is not confirmed yet", text);
    else if (row != NULL)
        err_set(err, ERR_USAGE, 0, "%s is resolved", text);
    else
        err_set(err, ERR_USAGE, 0,
                "%s is not open: it is resolved, or there is none of that "
                "number",
                text);
    return NULL;
}

void quiet_acknowledge(struct client *c, const struct request *r)
{
    struct daemon *d = c->control->daemon;
    struct err err;
    char actor[CLIENT_ACTOR], id[ID_TEXT];
    const char *refusal = NULL, *note;
    const struct incident_row *row =
        open_incident(d, request_text(r, "incident"), &err);
    if (row == NULL)
        refusal = err.text;
    else
        request_saying(r, "note", &note, &refusal);
    if (refusal != NULL) {
        client_refuse(c, refusal);
        return;
    }
    uint64_t number = row->number;
    bool already = row->state == INCIDENT_ACKNOWLEDGED;
    if (!already) {
        struct event e = {.kind = EVENT_ACKNOWLEDGE};
        e.as.acknowledge.incident = number;
        e.as.acknowledge.actor = client_actor(c, actor);
        e.as.acknowledge.note = note;
        daemon_step(d, &e);
        row = model_incident(d->model, number);
    }
    must(row != NULL);
    client_answer(c, json_pack("{s:s, s:o, s:o, s:b}", "incident",
                               id_text('I', number, id), "by",
                               text_json(row->acknowledged_by), "at",
                               report_time(row->acknowledged_us), "already",
                               (int)already));
}

/* ----------------------------------------------------------------- mark --- */

void quiet_mark(struct client *c, const struct request *r)
{
    struct err err;
    char actor[CLIENT_ACTOR];
    const char *refusal = NULL, *environment, *text;
    if (request_saying(r, "text", &text, &refusal) &&
        client_environment(c, r, &environment, &refusal, &err) &&
        text[0] == '\0')
        refusal = "text: expected what happened";
    if (refusal != NULL) {
        client_refuse(c, refusal);
        return;
    }
    struct event e = {.kind = EVENT_MARK};
    e.as.mark.actor = client_actor(c, actor);
    e.as.mark.text = text;
    e.as.mark.environment = environment == NULL ? "" : environment;
    daemon_step(c->control->daemon, &e);
    client_answer(c, json_pack("{s:b}", "marked", 1));
}
