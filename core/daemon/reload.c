/* daemon/reload.c: a new generation, or nothing at all.
 *
 * A reload validates first, in the background, while the old generation goes
 * on. A good one becomes the next generation: the model keeps phase, state and
 * counters of checks that did not change, the workers their kept connections.
 *
 * Happy path: reload_start → read and vetted (prepare.c) → reload_apply → done.
 * Ways it can fail: a configuration with any error changes nothing and says so
 * loudly. One that is asked for while another is under way waits for it. Main
 * ends meanwhile: whoever waits is told so. */
#include <stdlib.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/human.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/internal.h"
#include "daemon/places.h"
#include "daemon/prepare.h"

/* Numbers of the checks, parallel to conf->checks. */
static uint32_t *numbers_of(const struct daemon *d, const struct conf *conf)
{
    uint32_t *ids = xcalloc(conf->check_count + 1, sizeof *ids);
    struct check_view v;
    for (size_t i = 0; i < conf->check_count; i++)
        if (model_check_by_name(d->model, conf->checks[i].name, &v))
            ids[i] = v.row->check;
    return ids;
}

/* The secrets of the generation before are still blotted out: results of it may
 * be on their way. */
void reload_redact(struct daemon *d, const struct conf *conf)
{
    size_t before = d->conf == conf ? 0 : d->conf->secret_count;
    const char **values =
        xcalloc(conf->secret_count + before + 1, sizeof *values);
    for (size_t i = 0; i < conf->secret_count; i++)
        values[i] = conf->secrets[i];
    for (size_t i = 0; i < before; i++)
        values[conf->secret_count + i] = d->conf->secrets[i];
    struct redact *old = d->redact;
    d->redact = redact_new(values, conf->secret_count + before);
    log_set_redact(d->redact);
    redact_free(old);
    free(values);
}

/* A text of several lines, a line each. */
void reload_log(enum log_level level, const char *text)
{
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        log_at(level, "%.*s", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

/* The model gives new checks their numbers; the workers need those before the
 * probes that the same step asks for. */
void reload_apply(struct daemon *d, struct conf *conf)
{
    enum log_level level;
    if (log_level_parse(conf->log_level, &level))
        log_set_level(level);
    reload_redact(d, conf);
    crew_allow(d->crew, conf);
    store_keep(d->store, &conf->history);
    struct event e = {.kind = EVENT_CONFIG, .as.conf = conf};
    struct actions actions = model_step(d->model, &e, clock_now());
    uint32_t *ids = numbers_of(d, conf);
    (void)FAILPOINT("daemon.mid_reload");
    crew_load(d->crew, conf, ids);
    free(ids);
    if (d->conf != conf) {
        conf_unref(d->conf);
        d->conf = conf;
    }
    (void)FAILPOINT("daemon.before_reload_is_stored");
    daemon_perform(d, &actions);
    if (uv_is_active((uv_handle_t *)&d->pulse)) /* web_start comes later */
        crew_serve(d->crew, conf);
}

struct reload_request { /* someone who wants to know how it went */
    struct reload_request *next;
    void (*done)(void *, const char *);
    void *arg;
};

struct reload {
    struct daemon *daemon;
    struct reload_request *requests;
};

static void apply_new(struct daemon *d, struct conf *conf)
{
    char checks[HUMAN_TEXT];
    if (!str_eq(conf->state_dir, d->state_dir))
        log_warn("state_dir changes only with a restart");
    log_info("reloaded %s: generation %u, %s", conf->file, conf->generation,
             human_count(conf->check_count, "check", checks));
    reload_apply(d, conf);
}

static void answer_all(struct reload_request *requests, const char *errors)
{
    while (requests != NULL) {
        struct reload_request *next = requests->next;
        requests->done(requests->arg, errors);
        free(requests);
        requests = next;
    }
}

static void begin(struct daemon *d);

static void on_prepared(void *arg, struct conf *conf, struct conf_errors *e)
{
    struct reload *r = arg;
    struct daemon *d = r->daemon;
    struct buf text = {0};
    conf_errors_write(e, &text);
    if (d->stopping) {
        conf_unref(conf);
        conf = NULL;
    } else if (conf != NULL) {
        reload_log(LOG_LEVEL_WARN, buf_text(&text));
        apply_new(d, conf);
    }
    if (!d->stopping)
        manager_reloaded(d, conf == NULL);
    answer_all(r->requests, conf != NULL ? NULL : buf_text(&text));
    buf_free(&text);
    free(r);
    d->reloading = false;
    if (d->reload_requests != NULL && !d->stopping)
        begin(d); /* the files may have changed since they were read */
}

static void begin(struct daemon *d)
{
    struct reload *r = xcalloc(1, sizeof *r);
    *r = (struct reload){d, d->reload_requests};
    d->reload_requests = NULL;
    d->reloading = true;
    manager_reloading(d);
    struct conf_source source =
        places_source(d->conf->file, d->options->state_dir);
    prepare_start(&d->loop, &source, d->conf->generation + 1, on_prepared, r);
}

void reload_start(struct daemon *d, void (*done)(void *, const char *),
                  void *arg)
{
    struct reload_request *request = xcalloc(1, sizeof *request);
    *request = (struct reload_request){d->reload_requests, done, arg};
    d->reload_requests = request;
    if (!d->reloading)
        begin(d);
}

void reload_free(struct daemon *d)
{
    answer_all(d->reload_requests, "Relevo is stopping");
    d->reload_requests = NULL;
}
