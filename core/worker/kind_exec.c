/* worker/kind_exec.c: a command, observed. Here what it printed is read: bytes
 * of somebody else's, which neither main nor the runner looks at.
 *
 * Happy path: exec_start asks main for it, which has the runner run it →
 * exec_done gets its end and its output: cut, its performance data read,
 * observed, judged like any probe.
 * Ways it can fail: it could not be started, died of a signal or says itself
 * that it could not look (status 3, 126, 127): the monitor is to blame, as
 * `exec` or `resource`. It did not end: `timeout`. It printed without end:
 * `protocol`. Nobody answers: the runner is to blame, and so is the monitor. */
#include "worker/kind_exec.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/human.h"
#include "model/kind_exec.h"
#include "model/nagios.h"
#include "model/perfdata.h"
#include "worker/box.h"
#include "worker/kinds.h"
#include "worker/probe.h"
#include "worker/tell.h"

/* The runner tells at the deadline what became of it. So long that may take to
 * get here, through main: on a machine that has much to do, a while. */
#define ANSWER_NS NS_PER_S

enum { ITEMS = 128, CAN_NOT_LOOK = 3, NOT_EXECUTABLE = 126, NOT_FOUND = 127 };

#define NS_LIMIT    9.2e9  /* seconds that an int64_t of nanoseconds holds */
#define WHOLE_LIMIT 9.0e15 /* whole numbers that a double holds */

static void on_silence(void *arg, int events)
{
    struct rlv_probe *p = arg;
    (void)events;
    probe_fault(p, RLV_F_EXEC, "", 0,
                "the runner did not say what became of the command");
    probe_finish(p);
}

void exec_start(struct rlv_probe *p, const void *conf)
{
    (void)conf; /* main has it, too; what a worker says is not believed */
    int64_t left_ns = p->deadline_ns + ANSWER_NS - clock_mono_ns();
    watch_timer(&p->scope, left_ns, on_silence, p);
    loop_timer_set(&p->timer, p->deadline_ns + ANSWER_NS + PROBE_GRACE_NS);
    tell_ask_command(&(struct msg_ask_command){.probe = p->ask.probe,
                                               .deadline_ns = p->deadline_ns});
}

/* --------------------------------------------------- performance data --- */

static struct rlv_value value_of(const struct perf_item *item)
{
    double v = item->value;
    bool whole = v == floor(v) && fabs(v) <= WHOLE_LIMIT;
    if (strcmp(item->unit, "s") == 0 && fabs(v) < NS_LIMIT)
        return rlv_duration((int64_t)llround(v * (double)NS_PER_S));
    if (strcmp(item->unit, "B") == 0 && whole)
        return rlv_size((int64_t)v);
    if (strcmp(item->unit, "%") == 0) {
        struct rlv_value percent = rlv_real(v);
        percent.type = RLV_T_PERCENT;
        return percent;
    }
    return whole && item->whole ? rlv_int((int64_t)v) : rlv_real(v);
}

static void observe_item(struct rlv_probe *p, const struct perf_item *item)
{
    const char *key = item->label;
    probe_observe(p, EXEC_VALUE, key, value_of(item));
    if (item->unit[0] != '\0')
        probe_observe(p, EXEC_UNIT, key, rlv_text(item->unit));
    if (item->has_warn)
        probe_observe(p, EXEC_WITHIN_WARN, key,
                      rlv_bool(!nagios_range_alerts(&item->warn, item->value)));
    if (item->has_crit)
        probe_observe(p, EXEC_WITHIN_CRIT, key,
                      rlv_bool(!nagios_range_alerts(&item->crit, item->value)));
}

static void observe_perfdata(struct rlv_probe *p, const char *text, size_t n)
{
    struct perfdata all = {.at = text, .left = n};
    struct perf_item item;
    char line[96];
    int count = 0;
    while (count < ITEMS && perfdata_next(&all, p->result->arena, &item)) {
        count++;
        if (item.known)
            observe_item(p, &item);
    }
    if (all.bad == 0 || (p->ask.flags & PROBE_TRACE) == 0)
        return;
    snprintf(line, sizeof line, "%zu items of performance data are none",
             all.bad);
    tell_log(LOG_LEVEL_INFO, p->check->id, line);
}

/* -------------------------------------------------------------- output --- */

static struct rlv_value line_of(const char *text, size_t n)
{
    const char *newline = n == 0 ? NULL : memchr(text, '\n', n);
    return rlv_text_n(text, newline == NULL ? n : (size_t)(newline - text));
}

/* What it says of itself; on the arena. */
static const char *observe_output(struct rlv_probe *p,
                                  const struct msg_command_ended *m)
{
    struct arena *arena = p->result->arena;
    struct nagios_output out;
    nagios_cut(m->output.bytes, m->output.len, arena, &out);
    struct rlv_value text =
        out.text != NULL && out.text_len + out.perfdata_len > 0
            ? rlv_text_n(out.text, out.text_len)
            : line_of(m->errors.bytes, m->errors.len);
    probe_observe(p, EXEC_TEXT, NULL, text);
    while (out.long_len > 0 && out.long_text[out.long_len - 1] == '\n')
        out.long_len--;
    if (out.long_len > 0)
        probe_observe(p, EXEC_LONG_TEXT, NULL,
                      rlv_text_n(out.long_text, out.long_len));
    if (m->errors.len > 0)
        probe_observe(p, EXEC_STDERR, NULL,
                      rlv_text_n(m->errors.bytes, m->errors.len));
    probe_observe(p, EXEC_BODY, NULL, rlv_body(m->output.bytes, m->output.len));
    if (out.perfdata != NULL)
        observe_perfdata(p, out.perfdata, out.perfdata_len);
    return arena_strndup(arena, text.as.s, text.len);
}

static void keep_output(struct rlv_probe *p, const struct msg_command_ended *m)
{
    if (m->output.len > 0)
        probe_evidence(p, "stdout", m->output.bytes, m->output.len);
    if (m->errors.len > 0)
        probe_evidence(p, "stderr", m->errors.bytes, m->errors.len);
    if (m->output.dropped + m->errors.dropped > 0)
        p->result->flags |= RESULT_TRUNCATED;
}

/* ----------------------------------------------------------------- end --- */

/* It says that it could not look; unless a line of the check says what its
 * status means. */
static bool could_not_look(const struct rlv_probe *p, int status)
{
    return !p->check->wanted[EXEC_EXIT] &&
           (status == CAN_NOT_LOOK || status == NOT_EXECUTABLE ||
            status == NOT_FOUND);
}

static void exited(struct rlv_probe *p, const struct msg_command_ended *m)
{
    char code[16];
    const char *says = observe_output(p, m);
    const char *text = says[0] != '\0' ? says : "it printed nothing";
    snprintf(code, sizeof code, "%d", (int)m->status);
    probe_observe(p, EXEC_EXIT, NULL, rlv_int(m->status));
    probe_observe(p, EXEC_LATENCY, NULL, rlv_duration(m->spent_ns));
    p->says = says;
    if (could_not_look(p, m->status))
        probe_fault(p, RLV_F_EXEC, code, 0,
                    "it ended with status %s, which says that it could not "
                    "look: %s",
                    code, text);
    else if (m->status != 0)
        probe_hint(p, RLV_F_ERROR_RESPONSE, code, "%s", text);
}

static void not_started(struct rlv_probe *p, const struct msg_command_ended *m)
{
    bool shortage = probe_is_shortage(m->status) || m->status == EAGAIN;
    probe_fault(p, shortage ? RLV_F_RESOURCE : RLV_F_EXEC, NULL, m->status,
                "%s", m->text);
}

static void observe_end(struct rlv_probe *p, const struct msg_command_ended *m)
{
    char limit[HUMAN_TEXT], name[24];
    const char *signal = sigabbrev_np(m->status);
    switch (m->how) {
    case COMMAND_EXITED: exited(p, m); return;
    case COMMAND_SIGNALLED:
        snprintf(name, sizeof name, "SIG%s", signal == NULL ? "?" : signal);
        probe_fault(p, RLV_F_EXEC, name, 0, "killed by signal %d (%s)",
                    (int)m->status, strsignal(m->status));
        return;
    case COMMAND_TIMED_OUT:
        probe_fault(p, RLV_F_TIMEOUT, "", 0,
                    "it did not end within %s, and was killed",
                    human_duration(p->check->timeout_ns, limit));
        return;
    case COMMAND_FLOODED:
        probe_fault(p, RLV_F_PROTOCOL, "", 0,
                    "it printed more than 16 MiB, and was killed");
        return;
    case COMMAND_NOT_STARTED: not_started(p, m); return;
    }
}

/* NULL: nobody waits for that any more. */
static struct rlv_probe *asker_of(uint64_t number)
{
    struct rlv_probe *p = probe_find(number);
    return p != NULL && p->check->plugin->table->start == exec_start ? p : NULL;
}

bool exec_done(const void *payload, size_t n)
{
    uint64_t number;
    struct msg_command_ended m;
    if (!msg_command_number(payload, n, &number))
        return false;
    struct rlv_probe *p = asker_of(number);
    if (p == NULL)
        return true;
    if (!msg_get_command_ended(payload, n, p->result->arena, &m))
        return false;
    struct box_frame before =
        box_enter(BLACKBOX_COMMAND, p->check->plugin, p->ask.probe);
    keep_output(p, &m);
    observe_end(p, &m);
    probe_finish(p);
    box_leave(&before);
    return true;
}
