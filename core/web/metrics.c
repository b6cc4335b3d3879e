/* web/metrics.c: /metrics in Prometheus' text format 0.0.4: names of our own,
 * and for http and tcp checks those of blackbox_exporter, so that alerts and
 * boards that exist go on.
 *
 * Every series is one of a configured check, or of Relevo itself: what a target
 * says makes no label. */
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/str.h"
#include "web/handlers.h"
#include "web/link.h"
#include "web/status.h"

struct subject { /* one check, as the series see it */
    const struct check_view *view;
    const struct result *last; /* NULL: none yet */
    const char *labels;        /* check="…",environment="…" */
    bool is_blackbox;
};

struct family {
    const char *name, *type, *help;
    bool blackbox; /* of http and tcp checks only */
    bool (*value)(const struct subject *, double *);
};

/* -------------------------------------------------------------- values --- */

static double seconds(int64_t ns) { return (double)ns / (double)NS_PER_S; }

static bool state_since(const struct subject *s, double *v)
{
    *v = (double)s->view->state->since_us / (double)US_PER_S;
    return s->view->state->since_us != 0;
}

static bool last_at(const struct subject *s, double *v)
{
    *v = s->last == NULL ? 0 : (double)s->last->started_us / (double)US_PER_S;
    return s->last != NULL;
}

/* Unknown is neither: it says nothing about the target. */
static bool last_success(const struct subject *s, double *v)
{
    if (s->last == NULL || s->last->outcome == OUTCOME_UNKNOWN)
        return false;
    *v = s->last->outcome != OUTCOME_FAIL;
    return true;
}

static bool last_duration(const struct subject *s, double *v)
{
    *v = s->last == NULL ? 0 : seconds(s->last->duration_ns);
    return s->last != NULL;
}

static const struct rlv_value *observed(const struct subject *s,
                                        const char *name, uint32_t type)
{
    const struct rlv_value *v =
        s->last == NULL ? NULL : result_observation(s->last, name, NULL);
    return v != NULL && v->type == type ? v : NULL;
}

static bool last_latency(const struct subject *s, double *v)
{
    const struct rlv_value *found = observed(s, "latency", RLV_T_DURATION);
    *v = found == NULL ? 0 : seconds(found->as.i);
    return found != NULL;
}

static bool is_down(const struct subject *s, double *v)
{
    *v = s->view->state->state == STATE_DOWN;
    return true;
}

static bool http_status(const struct subject *s, double *v)
{
    const struct rlv_value *found = observed(s, "status", RLV_T_INT);
    *v = found == NULL ? 0 : (double)found->as.i;
    return str_eq(s->view->row->plugin, "http") && s->last != NULL;
}

static bool dns_time(const struct subject *s, double *v)
{
    if (s->last == NULL || s->last->phases_ns[RLV_PH_DNS] == RESULT_NO_PHASE)
        return false;
    *v = seconds(s->last->phases_ns[RLV_PH_DNS]);
    return true;
}

/* The earliest of the chain where that is observed, else the peer's own. */
static bool cert_expiry(const struct subject *s, double *v)
{
    const struct rlv_value *found = observed(s, "chain_expiry", RLV_T_DURATION);
    if (found == NULL)
        found = observed(s, "cert_expiry", RLV_T_DURATION);
    if (found == NULL)
        return false;
    *v = (double)s->last->started_us / (double)US_PER_S + seconds(found->as.i);
    return true;
}

static bool has_tls(const struct subject *s, double *v)
{
    *v = observed(s, "cert_expiry", RLV_T_DURATION) != NULL;
    return str_eq(s->view->row->plugin, "http") && s->last != NULL;
}

// clang-format off
static const struct family families[] = {
    {"relevo_check_down", "gauge", "1 while the check is down.", false, is_down},
    {"relevo_check_state_since_timestamp_seconds", "gauge", "When the state began.", false, state_since},
    {"relevo_check_last_timestamp_seconds", "gauge", "When the last probe began.", false, last_at},
    {"relevo_check_success", "gauge", "1 if the last result was good; absent if the monitor could not look.", false, last_success},
    {"relevo_check_duration_seconds", "gauge", "How long the last probe took.", false, last_duration},
    {"relevo_check_latency_seconds", "gauge", "What a user waited for at the last probe.", false, last_latency},
    {"probe_success", "gauge", "Displays whether or not the probe was a success.", true, last_success},
    {"probe_duration_seconds", "gauge", "Returns how long the probe took to complete in seconds.", true, last_duration},
    {"probe_dns_lookup_time_seconds", "gauge", "Returns the time taken for probe dns lookup in seconds.", true, dns_time},
    {"probe_http_status_code", "gauge", "Response HTTP status code.", true, http_status},
    {"probe_http_ssl", "gauge", "Indicates if SSL was used for the final redirect.", true, has_tls},
    {"probe_ssl_earliest_cert_expiry", "gauge", "Returns earliest SSL cert expiry in unixtime.", true, cert_expiry},
};
// clang-format on

/* --------------------------------------------------------------- lines --- */

static void put_head(struct buf *b, const char *name, const char *type,
                     const char *help)
{
    buf_addf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_label(struct buf *b, const char *name, const char *value)
{
    struct buf clean = {0};
    str_to_utf8(&clean, value, strlen(value));
    buf_addf(b, "%s=\"", name);
    for (const char *c = buf_text(&clean); *c != '\0'; c++) {
        if (*c == '\\' || *c == '"')
            buf_addc(b, '\\');
        if (*c == '\n')
            buf_adds(b, "\\n");
        else
            buf_addc(b, *c);
    }
    buf_addc(b, '"');
    buf_free(&clean);
}

static const char *labels_of(const struct check_row *row, struct arena *arena)
{
    struct buf b = {0};
    put_label(&b, "check", row->name);
    buf_addc(&b, ',');
    put_label(&b, "environment", row->environment);
    const char *labels = arena_strdup(arena, buf_text(&b));
    buf_free(&b);
    return labels;
}

static void put_family(struct buf *b, const struct family *f,
                       const struct subject *subjects, size_t count)
{
    double value;
    put_head(b, f->name, f->type, f->help);
    for (size_t i = 0; i < count; i++) {
        const struct subject *s = &subjects[i];
        if ((!f->blackbox || s->is_blackbox) && f->value(s, &value))
            buf_addf(b, "%s{%s} %.15g\n", f->name, s->labels, value);
    }
}

/* blackbox_exporter's five, from ours. */
static void put_phases(struct buf *b, const struct subject *subjects,
                       size_t count)
{
    static const struct {
        const char *name;
        int phase;
    } phases[] = {{"resolve", RLV_PH_DNS},
                  {"connect", RLV_PH_CONNECT},
                  {"tls", RLV_PH_TLS},
                  {"processing", RLV_PH_WAIT},
                  {"transfer", RLV_PH_RECEIVE}};
    put_head(b, "probe_http_duration_seconds", "gauge",
             "Duration of http request by phase, summed over all redirects.");
    for (size_t i = 0; i < count; i++) {
        const struct subject *s = &subjects[i];
        if (s->last == NULL || !str_eq(s->view->row->plugin, "http"))
            continue;
        for (size_t k = 0; k < ARRAY_LEN(phases); k++) {
            int64_t ns = s->last->phases_ns[phases[k].phase];
            buf_addf(b, "probe_http_duration_seconds{%s,phase=\"%s\"} %.15g\n",
                     s->labels, phases[k].name,
                     ns == RESULT_NO_PHASE ? 0 : seconds(ns));
        }
    }
}

/* How many checks are in each state: as many series as there are states. */
static void put_states(struct buf *b, const struct subject *subjects,
                       size_t count)
{
    size_t in[STATE_COUNT] = {0};
    for (size_t i = 0; i < count; i++)
        in[subjects[i].view->state->state]++;
    put_head(b, "relevo_checks", "gauge", "Configured checks by state.");
    for (int i = 0; i < STATE_COUNT; i++)
        buf_addf(b, "relevo_checks{state=\"%s\"} %zu\n",
                 state_name((enum check_state)i), in[i]);
}

static void put_self(struct buf *b, const struct status *s)
{
    const struct pulse *p = link_pulse();
    put_head(b, "relevo_build_info", "gauge", "The version.");
    buf_adds(b, "relevo_build_info{version=\"" RELEVO_VERSION "\"} 1\n");
    put_head(b, "relevo_troubles", "gauge",
             "Troubles of the monitor itself that are on.");
    buf_addf(b, "relevo_troubles %zu\n", s->trouble_count);
    put_head(b, "relevo_notices_given_up", "gauge",
             "Notices that reached nobody after all attempts.");
    buf_addf(b, "relevo_notices_given_up %zu\n", s->letter_count);
    put_head(b, "relevo_scheduler_lag_seconds", "gauge",
             "How late the scheduler is.");
    buf_addf(b, "relevo_scheduler_lag_seconds %.15g\n", seconds(p->lag_ns));
    put_head(b, "relevo_history_writer_idle_seconds", "gauge",
             "How long the history's writer has not moved although it should.");
    buf_addf(b, "relevo_history_writer_idle_seconds %.15g\n",
             seconds(p->writer_ns));
    put_head(b, "relevo_history_lost_total", "counter",
             "Results that could not be stored.");
    buf_addf(b, "relevo_history_lost_total %llu\n",
             (unsigned long long)p->lost);
}

void metrics_handle(const struct web_request *q, struct web_response *r)
{
    const struct status *s = q->status;
    if (s == NULL) {
        response_error(r, 503, "the scheduler does not answer");
        return;
    }
    struct subject *subjects =
        arena_alloc(q->arena, (s->check_count + 1) * sizeof *subjects);
    for (size_t i = 0; i < s->check_count; i++) {
        const struct check_view *v = &s->checks[i];
        bool blackbox =
            str_eq(v->row->plugin, "http") || str_eq(v->row->plugin, "tcp");
        subjects[i] = (struct subject){v, v->last, labels_of(v->row, q->arena),
                                       blackbox && v->spec->of == NULL};
    }
    put_self(&r->body, s);
    put_states(&r->body, subjects, s->check_count);
    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        put_family(&r->body, &families[i], subjects, s->check_count);
    put_phases(&r->body, subjects, s->check_count);
}
