/* daemon/prepare.c: see prepare.h.
 *
 * Happy path:
 *   1. conf_read: files, variables, secrets; which plugins are used
 *   2. each plugin described: from the cache, else by a vet process; all at
 * once
 *   3. conf_build: everything checked against their tables
 *   4. each plugin asked about its own checks' options by a vet process; a
 *      built-in kind here
 *   5. done.
 * Ways it can fail, each told with file and line: unreadable files, no such
 * plugin, a plugin that crashes or is silent, wrong options. */
#include "daemon/prepare.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "crew/vetting.h"
#include "daemon/describe.h"
#include "model/kind.h"
#include "plug/plug.h"

struct asked { /* one plugin that a vet process is asked about */
    struct prepare *prepare;
    size_t plugin;
    const struct check_spec **subjects; /* second round: whose settings */
    size_t subject_count;
};

struct prepare {
    uv_loop_t *loop;
    uint32_t generation;
    struct conf_errors *errors;
    struct conf_draft *draft;
    struct catalog **catalogs;
    struct asked *asked;
    size_t plugin_count;
    size_t open; /* questions without answer */
    struct conf *conf;
    struct redact *redact; /* of its secrets */
    void (*done)(void *, struct conf *, struct conf_errors *);
    void *arg;
};

static void finish(struct prepare *p)
{
    if (conf_errors_count(p->errors) > 0) {
        conf_unref(p->conf);
        p->conf = NULL;
    }
    for (size_t i = 0; i < p->plugin_count; i++) {
        catalog_free(p->catalogs[i]);
        free(p->asked[i].subjects);
    }
    p->done(p->arg, p->conf, p->errors);
    conf_draft_free(p->draft);
    conf_errors_free(p->errors);
    redact_free(p->redact);
    free(p->catalogs);
    free(p->asked);
    free(p);
    /* The draft, and the generation before where there was one, leave holes
     * that glibc would keep. */
    malloc_trim(0);
}

/* ---------------------------------------------------------- validation --- */

static struct place place_of(const struct check_spec *spec, const char *option)
{
    for (size_t i = 0; option != NULL && i < spec->setting_count; i++)
        if (str_eq(spec->settings[i].name, option))
            return spec->settings[i].place;
    return spec->place;
}

static void on_validated(void *arg, struct vet_answer *answer)
{
    struct asked *a = arg;
    struct prepare *p = a->prepare;
    for (size_t i = 0; i < answer->complaint_count; i++) {
        const struct msg_complaint *c = &answer->complaints[i];
        if (c->subject >= a->subject_count)
            continue;
        const struct check_spec *spec = a->subjects[c->subject];
        conf_error(p->errors, place_of(spec, c->option), "check \"%s\": %s%s%s",
                   spec->name, c->option ? c->option : "",
                   c->option ? ": " : "", c->text);
    }
    if (answer->error[0] != '\0' && a->subject_count > 0)
        conf_error(p->errors, a->subjects[0]->place, "check \"%s\": %s",
                   a->subjects[0]->name, answer->error);
    catalog_free(answer->catalog);
    if (--p->open == 0)
        finish(p);
}

/* The checks of a catalog that are probed, but those whose secret is missing.
 */
static void gather(struct asked *a, const struct conf *conf,
                   const struct catalog *catalog)
{
    a->subjects = xcalloc(conf->check_count + 1, sizeof *a->subjects);
    for (size_t i = 0; i < conf->check_count; i++) {
        const struct check_spec *spec = &conf->checks[i];
        if (spec->catalog == catalog && spec->missing == NULL &&
            spec->source == NULL)
            a->subjects[a->subject_count++] = spec;
    }
}

/* A built-in kind needs no other process. Its settings fit: conf_build has seen
 * to that. */
static void validate_kind(const struct asked *a, const struct catalog *catalog)
{
    const struct rlv_plugin *kind = kind_find(catalog->name);
    struct arena *arena = arena_new();
    for (size_t i = 0; i < a->subject_count; i++) {
        const struct check_spec *spec = a->subjects[i];
        const char *option = NULL;
        char why[300] = "";
        struct err err;
        void *conf = arena_alloc(arena, catalog->conf_size);
        if (kind->validate == NULL ||
            !option_fill(catalog->options, catalog->option_count,
                         spec->settings, spec->setting_count, conf, arena, NULL,
                         &err) ||
            kind->validate(conf, &option, why, sizeof why))
            continue;
        conf_error(a->prepare->errors, place_of(spec, option),
                   "check \"%s\": %s%s%s", spec->name, option ? option : "",
                   option ? ": " : "", why);
    }
    arena_free(arena);
}

static void ask_validation(struct asked *a, const struct catalog *catalog)
{
    struct msg_vet vet = {.path = catalog->path,
                          .denied = a->prepare->conf->private_paths};
    vet.subjects = xcalloc(a->subject_count + 1, sizeof *vet.subjects);
    for (size_t i = 0; i < a->subject_count; i++)
        vet.subjects[vet.subject_count++] =
            (struct msg_subject){a->subjects[i]->name, a->subjects[i]->settings,
                                 a->subjects[i]->setting_count};
    vet_plugin(a->prepare->loop, &vet, a->prepare->redact, on_validated, a);
    free(vet.subjects);
}

static void validate(struct prepare *p)
{
    p->open = 1;
    p->redact = redact_new(p->conf->secrets, p->conf->secret_count);
    for (size_t i = 0; i < p->conf->catalog_count; i++) {
        const struct catalog *catalog = p->conf->catalogs[i];
        struct asked *a = &p->asked[i];
        gather(a, p->conf, catalog);
        if (catalog->path == NULL) {
            validate_kind(a, catalog);
        } else if (a->subject_count > 0) {
            p->open++;
            ask_validation(a, catalog);
        }
    }
    if (--p->open == 0)
        finish(p);
}

static void build(struct prepare *p)
{
    p->conf = conf_build(p->draft, p->catalogs, p->plugin_count, p->generation,
                         p->errors);
    if (p->conf == NULL)
        finish(p);
    else
        validate(p);
}

/* --------------------------------------------------------- description --- */

static void on_described(void *arg, struct vet_answer *answer)
{
    struct asked *a = arg;
    struct prepare *p = a->prepare;
    p->catalogs[a->plugin] = answer->catalog;
    if (answer->catalog != NULL)
        describe_put(conf_draft_state_dir(p->draft), answer->catalog);
    else
        conf_draft_blame(p->draft, a->plugin, p->errors, "%s", answer->error);
    if (--p->open == 0)
        build(p);
}

static void say_unknown(struct prepare *p, size_t i)
{
    struct arena *arena = arena_new();
    size_t count;
    const struct plug_file *files =
        plug_list(conf_draft_plugin_dirs(p->draft), arena, &count);
    size_t kinds = 0;
    while (kind_nth(kinds) != NULL)
        kinds++;
    const char **known =
        arena_alloc(arena, (count + kinds + 1) * sizeof *known);
    for (size_t k = 0; k < count; k++)
        known[k] = files[k].name;
    for (size_t k = 0; k < kinds; k++)
        known[count + k] = kind_nth(k)->name;
    conf_draft_unknown(p->draft, i, known, p->errors);
    arena_free(arena);
}

static void describe(struct prepare *p, size_t i, const char *name)
{
    char path[4300];
    const struct rlv_plugin *kind = kind_find(name);
    if (kind != NULL) {
        p->catalogs[i] = kind_catalog(kind);
        return;
    }
    if (!plug_find(conf_draft_plugin_dirs(p->draft), name, path, sizeof path,
                   NULL)) {
        say_unknown(p, i);
        return;
    }
    p->catalogs[i] = describe_get(conf_draft_state_dir(p->draft), path);
    if (p->catalogs[i] != NULL)
        return;
    struct arena *arena = arena_new();
    struct msg_vet vet = {.path = path,
                          .describe = true,
                          .denied = conf_draft_private(p->draft, arena)};
    p->open++;
    vet_plugin(p->loop, &vet, NULL, on_described, &p->asked[i]);
    arena_free(arena);
}

void prepare_start(uv_loop_t *loop, const struct conf_source *source,
                   uint32_t generation,
                   void (*done)(void *, struct conf *, struct conf_errors *),
                   void *arg)
{
    struct prepare *p = xcalloc(1, sizeof *p);
    p->loop = loop;
    p->generation = generation;
    p->errors = conf_errors_new();
    p->done = done;
    p->arg = arg;
    p->draft = conf_read(source, p->errors);
    if (p->draft == NULL) {
        finish(p);
        return;
    }
    const char *const *names;
    p->plugin_count = conf_draft_plugins(p->draft, &names);
    p->catalogs = xcalloc(p->plugin_count + 1, sizeof *p->catalogs);
    p->asked = xcalloc(p->plugin_count + 1, sizeof *p->asked);
    p->open = 1;
    for (size_t i = 0; i < p->plugin_count; i++) {
        p->asked[i].prepare = p;
        p->asked[i].plugin = i;
        describe(p, i, names[i]);
    }
    if (--p->open == 0)
        build(p);
}

/* ------------------------------------------------------------- waiting --- */

struct wait {
    struct conf *conf;
    bool done;
};

static void on_prepared(void *arg, struct conf *conf, struct conf_errors *e)
{
    struct wait *w = arg;
    struct buf text = {0};
    conf_errors_write(e, &text);
    fputs(buf_text(&text), stderr);
    buf_free(&text);
    w->conf = conf;
    w->done = true;
}

struct conf *prepare_now(uv_loop_t *loop, const struct conf_source *source,
                         uint32_t generation)
{
    struct wait w = {0};
    prepare_start(loop, source, generation, on_prepared, &w);
    while (!w.done)
        uv_run(loop, UV_RUN_ONCE);
    uv_run(loop, UV_RUN_NOWAIT); /* lets the vet processes' handles close */
    return w.conf;
}
