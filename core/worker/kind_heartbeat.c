/* worker/kind_heartbeat.c: a beat, judged as a probe. Main sends what the job
 * reported, or that it is overdue, with the PROBE (model/beat.h); here it
 * becomes observations, so that expectations, records, derived checks and
 * evidence are those of every check. */
#include <stdio.h>
#include <string.h>

#include "base/human.h"
#include "base/str.h"
#include "model/beat.h"
#include "model/kind_heartbeat.h"
#include "worker/kinds.h"
#include "worker/probe.h"

/* What the job said last is what matters: the end of it. */
static void keep_end(struct rlv_probe *p, const char *label, const char *text)
{
    size_t n = strlen(text), most = (size_t)p->check->evidence_bytes;
    if (n == 0)
        return;
    probe_evidence(p, label, n > most ? text + n - most : text,
                   n > most ? most : n);
}

static void observe_run(struct rlv_probe *p, const struct beat_report *b)
{
    if (b->started_us > 0) {
        p->result->duration_ns = b->duration_ns;
        probe_observe(p, HEARTBEAT_DURATION, NULL,
                      rlv_duration(b->duration_ns));
        probe_observe(p, HEARTBEAT_STARTED, NULL, rlv_time(b->started_us));
    }
    if (b->late_ns > 0)
        probe_observe(p, HEARTBEAT_LATE, NULL, rlv_duration(b->late_ns));
    probe_observe(p, HEARTBEAT_BODY, NULL, rlv_body(b->text, strlen(b->text)));
}

static void observe_exit(struct rlv_probe *p, int64_t status)
{
    char code[24];
    probe_observe(p, HEARTBEAT_EXIT, NULL, rlv_int(status));
    if (status == 0)
        return;
    snprintf(code, sizeof code, "%lld", (long long)status);
    probe_hint(p, RLV_F_ERROR_RESPONSE, code, "the job ended with status %s",
               code);
}

void heartbeat_start(struct rlv_probe *p, const void *conf)
{
    struct beat_report b;
    (void)conf;
    p->reported = true;
    if (!beat_report_get(&p->ask.values, &b)) {
        probe_fault(p, RLV_F_CONFIG, "", 0,
                    "a heartbeat is not probed: its job reports it");
        probe_finish(p);
        return;
    }
    keep_end(p, "output", b.text);
    keep_end(p, "log", b.log);
    observe_run(p, &b);
    if (b.kind == BEAT_OVERDUE)
        probe_fault(p, RLV_F_STALE, "", 0, "%s", b.why);
    else if (b.kind == BEAT_FAIL)
        probe_fault(p, RLV_F_ERROR_RESPONSE, "fail", 0, "%s",
                    b.why[0] ? b.why : "the job says that it failed");
    else
        observe_exit(p, b.exit);
    probe_finish(p);
}
