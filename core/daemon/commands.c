/* daemon/commands.c: what each request of the control socket does. Called from
 * control.c; pauses and the like are in quiet.c, maintenance in windows.c. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/client.h"
#include "model/naming.h"
#include "report/json.h"

/* While the monitor distrusts itself. */
static void answer_distrust(struct client *c)
{
    int64_t left_ns;
    const char *why =
        model_distrust(c->control->daemon->model, clock_mono_ns(), &left_ns);
    if (why != NULL)
        client_answer(c, json_pack("{s:{s:s, s:o}}", "distrust", "reason", why,
                                   "left_ms", report_ms(left_ns)));
}

/* Of all checks, or of the one that "check" names in full; then the troubles of
 * the monitor itself, and the notices that were given up. */
static void do_status(struct client *c, const struct request *request)
{
    const struct model *m = c->control->daemon->model;
    const char *only = request_text(request, "check");
    const struct run_row *letter;
    struct check_view v;
    for (size_t i = 0; i < model_check_count(m); i++)
        if (model_check_at(m, i, &v) &&
            (only == NULL || str_eq(only, v.row->name)))
            client_answer(c, report_check(&v));
    for (size_t i = 0; only == NULL && model_trouble(m, i, &v); i++)
        client_answer(
            c, json_pack("{s:o}", "trouble",
                         report_trouble(v.row, v.state,
                                        model_incident(m, v.state->incident))));
    answer_distrust(c);
    if (only == NULL)
        client_answer(c, json_pack("{s:{s:o}}", "web", "addresses",
                                   web_addresses(c->control->daemon)));
    for (size_t i = 0; (letter = model_dead_letter(m, i)) != NULL; i++)
        if (only == NULL && model_check_known(m, letter->check, &v)) {
            json_t *o = report_run(letter, v.row->name);
            json_object_del(o, "output"); /* may be longer than a line */
            client_answer(c, json_pack("{s:o}", "dead_letter", o));
        }
    client_answer(c, json_pack("{s:b}", "end", 1));
}

static void do_version(struct client *c, const struct request *request)
{
    const struct daemon *d = c->control->daemon;
    (void)request;
    client_answer(
        c, json_pack("{s:s, s:i, s:o, s:o}", "version", RELEVO_VERSION, "pid",
                     (int)getpid(), "state_dir",
                     report_text(d->state_dir, strlen(d->state_dir)), "file",
                     report_text(d->conf->file, strlen(d->conf->file))));
}

/* A reload is answered when it is done; the client may have left by then. */
struct reload_wait {
    struct control *control;
    struct client *client;
};

static void on_reloaded(void *arg, const char *errors)
{
    struct reload_wait *wait = arg;
    if (client_is_there(wait->control, wait->client)) {
        if (errors == NULL)
            client_answer(wait->client, json_pack("{s:b}", "reloaded", 1));
        else
            client_refuse(wait->client, errors);
        client_flush(wait->client);
    }
    free(wait);
}

static void do_reload(struct client *c, const struct request *request)
{
    struct reload_wait *wait = xcalloc(1, sizeof *wait);
    (void)request;
    *wait = (struct reload_wait){c->control, c};
    reload_start(c->control->daemon, on_reloaded, wait);
}

bool command_check(struct client *c, const struct request *request,
                   const char *member, struct check_view *v)
{
    const struct daemon *d = c->control->daemon;
    struct naming names = naming_of_conf(d->conf);
    const char *word = request_text(request, member), *environment;
    const char *refusal = NULL;
    struct err err;
    size_t index = 0;
    names.where = "in the running configuration";
    if (word == NULL)
        refusal = "no such check in the running configuration";
    else if (client_environment(c, request, &environment, &refusal, &err) &&
             !naming_find(&names, word, environment, &index, &err))
        refusal = err.text;
    if (refusal == NULL &&
        !model_check_by_name(d->model, d->conf->checks[index].name, v))
        refusal = "no such check in the running configuration";
    if (refusal != NULL)
        client_refuse(c, refusal);
    return refusal == NULL;
}

static void do_check(struct client *c, const struct request *request)
{
    struct daemon *d = c->control->daemon;
    struct check_view v;
    if (!command_check(c, request, "name", &v))
        return;
    const struct check_spec *prober = v.spec->source ? v.spec->source : v.spec;
    if (prober->schedule == SCHEDULE_BEAT) {
        client_refuse(c, "a heartbeat is not probed: its job reports it; "
                         "`relevo status` shows what it said last");
        return;
    }
    c->waits_for = v.row->check;
    struct event e = {.kind = EVENT_PROBE_ASKED};
    e.as.probe_asked.check = v.row->check;
    e.as.probe_asked.purpose = PURPOSE_MANUAL;
    e.as.probe_asked.trace =
        json_is_true(json_object_get(request->object, "trace"));
    daemon_step(d, &e);
}

void control_result(struct daemon *d, const struct result *r)
{
    struct check_view v;
    if (d->control == NULL || r->purpose != PURPOSE_MANUAL ||
        !model_check_by_id(d->model, r->check, &v))
        return;
    for (struct client *c = d->control->clients; c != NULL; c = c->next)
        if (c->waits_for == r->check && !c->closing) {
            c->waits_for = 0;
            client_answer(c, report_result(r, v.row->name));
            client_flush(c);
        }
}

static void do_runbook_run(struct client *c, const struct request *request)
{
    struct daemon *d = c->control->daemon;
    struct check_view v;
    char id[ID_TEXT];
    const char *name = request_text(request, "runbook");
    const struct runbook_spec *book = conf_runbook(d->conf, name);
    if (book == NULL) {
        client_refuse(c, "no such runbook in the running configuration");
        return;
    }
    if (!command_check(c, request, "check", &v))
        return;
    struct event e = {.kind = EVENT_RUN_ASKED};
    e.as.run_asked.check = v.row->check;
    e.as.run_asked.runbook = book;
    daemon_step(d, &e);
    id_text('R', model_last_run(d->model), id);
    client_answer(c, json_pack("{s:s}", "run", id));
}

static void (*const commands[])(struct client *, const struct request *) = {
    [REQUEST_STATUS] = do_status,
    [REQUEST_VERSION] = do_version,
    [REQUEST_BEAT] = beats_take,
    [REQUEST_CHECK] = do_check,
    [REQUEST_RELOAD] = do_reload,
    [REQUEST_RUNBOOK_RUN] = do_runbook_run,
    [REQUEST_PAUSE] = quiet_pause,
    [REQUEST_RESUME] = quiet_resume,
    [REQUEST_ACKNOWLEDGE] = quiet_acknowledge,
    [REQUEST_MARK] = quiet_mark,
    [REQUEST_MAINTENANCE_START] = windows_start,
    [REQUEST_MAINTENANCE_END] = windows_end,
    [REQUEST_MAINTENANCE_LIST] = windows_list,
};

void command_run(struct client *c, const struct request *request)
{
    commands[request->kind](c, request);
}
