/* vet/vet.c: see vet.h.
 *
 * Happy path: main sends MSG_VET over descriptor 3; the plugin is opened, each
 * check's settings fill a conf struct, which the plugin's validate() sees;
 * the answer is MSG_CATALOG where it was asked for, MSG_COMPLAINT for each
 * setting that was refused, MSG_VETTED.
 * Ways it can fail: the plugin does not open: MSG_VETTED carries why. It
 * crashes, hangs or exits: main notices, and names it. Main goes away: we do.
 */
#include "vet/vet.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/enclose.h"
#include "base/fs.h"
#include "base/harden.h"
#include "base/log.h"
#include "plug/plug.h"
#include "wire/blackbox.h"
#include "wire/chan.h"
#include "wire/msg.h"

enum { QUEUE_BYTES = 64 << 20, WHY_BYTES = 400, TASKS = 16 };

struct vet {
    struct chan *chan;
    bool answered;
};

static void answer(struct vet *v, enum msg_type type, struct buf *payload)
{
    if (!chan_send(v->chan, (uint16_t)type, 0, payload))
        die("the answer is too long");
    buf_free(payload);
}

static void complain(struct vet *v, size_t subject, const char *option,
                     const char *text)
{
    struct buf payload = {0};
    msg_put_complaint(&payload,
                      &(struct msg_complaint){(uint32_t)subject, option, text});
    answer(v, MSG_COMPLAINT, &payload);
}

static void check_subject(struct vet *v, const struct plug *plug,
                          const struct msg_subject *s, size_t index)
{
    struct arena *arena = arena_new();
    const struct setting *culprit = NULL;
    const char *option = NULL;
    char why[WHY_BYTES] = "";
    struct err err;
    const struct rlv_plugin *table = plug_table(plug);
    void *conf = plug_fill(plug, s->settings, s->setting_count, NULL, arena,
                           &culprit, &err);
    if (conf == NULL)
        complain(v, index, culprit == NULL ? NULL : culprit->name, err.text);
    else if (table->validate != NULL &&
             !table->validate(conf, &option, why, sizeof why)) {
        why[sizeof why - 1] = '\0';
        complain(v, index, option,
                 *why == '\0' ? "the plugin refuses it without a reason" : why);
    }
    arena_free(arena);
}

static void enclose_plugin(const struct msg_vet *request)
{
    struct err err;
    char *folder = fs_folder(request->path);
    if (!enclose(request->denied.items, request->denied.count,
                 (const char *const *)&folder, 1, &err))
        log_warn("the plugin is not kept from files of Relevo's: %s", err.text);
    free(folder);
}

static void vet(struct vet *v, const struct msg_vet *request)
{
    struct err err;
    struct buf payload = {0};
    enclose_plugin(request);
    struct plug *plug = plug_open(request->path, &err);
    if (plug == NULL) {
        msg_put_text(&payload, err.text);
        answer(v, MSG_VETTED, &payload);
        return;
    }
    if (request->describe) {
        msg_put_catalog(&payload, plug_catalog(plug));
        answer(v, MSG_CATALOG, &payload);
    }
    for (size_t i = 0; i < request->subject_count; i++)
        check_subject(v, plug, &request->subjects[i], i);
    msg_put_text(&payload, "");
    answer(v, MSG_VETTED, &payload);
}

static bool on_frame(void *arg, const struct frame *f)
{
    struct vet *v = arg;
    struct msg_vet request;
    if (f->type != MSG_VET || v->answered)
        return false;
    struct arena *arena = arena_new();
    bool ok = msg_get_vet(f->payload, f->len, arena, &request);
    if (ok)
        vet(v, &request);
    v->answered = ok;
    arena_free(arena);
    return ok;
}

/* What a plugin prints goes to the log, not into somebody's JSON. */
static void harden(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!harden_rights())
        die("capabilities cannot be given up: %s", strerror(errno));
    harden_tasks(TASKS);
    signal(SIGPIPE, SIG_IGN);
    dup2(STDERR_FILENO, STDOUT_FILENO);
}

/* Waits until the channel can be read, or written. */
static void wait_for(const struct chan *chan, short events)
{
    struct pollfd p = {chan_fd(chan), events, 0};
    while (poll(&p, 1, -1) < 0)
        if (errno != EINTR)
            die("poll: %s", strerror(errno));
}

int vet_main(void)
{
    struct err err;
    struct vet v = {0};
    log_init("vet");
    harden();
    v.chan = chan_new(ROLE_FD_CHAN, QUEUE_BYTES);
    enum chan_status status = CHAN_OPEN;
    while (!v.answered && status == CHAN_OPEN) {
        wait_for(v.chan, POLLIN);
        status = chan_receive(v.chan, on_frame, &v, &err);
    }
    if (status == CHAN_BROKEN)
        log_error("%s", err.text);
    status = status == CHAN_BROKEN ? status : chan_flush(v.chan, &err);
    while (status == CHAN_OPEN && chan_wants_write(v.chan)) {
        wait_for(v.chan, POLLOUT);
        status = chan_flush(v.chan, &err);
    }
    chan_free(v.chan);
    return status == CHAN_BROKEN ? EXIT_FAILURE : EXIT_SUCCESS;
}
