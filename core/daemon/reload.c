/* daemon/reload.c: a new generation, or nothing at all.
 *
 * A reload validates first, in the background, while the old generation goes
 * on; a configuration with any error changes nothing and says so loudly. A good
 * one becomes the next generation: the model keeps phase, state and counters of
 * checks that did not change, the workers their kept connections. */
#include <stdlib.h>
#include <string.h>

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

/* The model gives new checks their numbers; the workers need those before the
 * probes that the same step asks for. */
void reload_apply(struct daemon *d, struct conf *conf)
{
    enum log_level level;
    if (log_level_parse(conf->log_level, &level))
        log_set_level(level);
    struct redact *old = d->redact;
    d->redact = redact_new(conf->secrets, conf->secret_count);
    log_set_redact(d->redact);
    redact_free(old);
    crew_allow(d->crew, conf);
    struct event e = {.kind = EVENT_CONFIG, .as.conf = conf};
    struct actions actions = model_step(d->model, &e, clock_now());
    uint32_t *ids = numbers_of(d, conf);
    crew_load(d->crew, conf, ids);
    free(ids);
    if (d->conf != conf) {
        conf_unref(d->conf);
        d->conf = conf;
    }
    daemon_perform(d, &actions);
}

struct reload {
    struct daemon *daemon;
    void (*done)(void *, const char *);
    void *arg;
};

static void apply_new(struct daemon *d, struct conf *conf)
{
    if (!str_eq(conf->state_dir, d->state_dir))
        log_warn("state_dir changes only with a restart");
    log_info("reloaded %s: generation %u, %zu checks", conf->file,
             conf->generation, conf->check_count);
    reload_apply(d, conf);
}

static void on_prepared(void *arg, struct conf *conf, struct conf_errors *e)
{
    struct reload *r = arg;
    struct daemon *d = r->daemon;
    struct buf text = {0};
    conf_errors_write(e, &text);
    d->reloading = false;
    if (d->stopping) {
        conf_unref(conf);
    } else if (conf == NULL) {
        r->done(r->arg, buf_text(&text));
    } else {
        if (text.len > 0)
            log_warn("%s", text.data);
        apply_new(d, conf);
        r->done(r->arg, NULL);
    }
    buf_free(&text);
    free(r);
}

void reload_start(struct daemon *d, void (*done)(void *, const char *),
                  void *arg)
{
    if (d->reloading) {
        done(arg, "a reload is under way already");
        return;
    }
    d->reloading = true;
    struct reload *r = xcalloc(1, sizeof *r);
    *r = (struct reload){d, done, arg};
    struct conf_source source =
        places_source(d->conf->file, d->options->state_dir);
    prepare_start(&d->loop, &source, d->conf->generation + 1, on_prepared, r);
}
