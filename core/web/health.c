/* web/health.c: /healthz, for a load balancer or another monitor: does the
 * watch go on? It tells nothing else, and is open to all. */
#include "base/clock.h"
#include "web/handlers.h"
#include "web/link.h"

/* Half a minute is what a scheduler or a disk may need on a bad day. */
#define LAG_MOST_NS    (10 * NS_PER_S)
#define WRITER_MOST_NS (30 * NS_PER_S)
#define SILENCE_NS     (10 * NS_PER_S) /* main's pulse comes each second */

void health_handle(const struct web_request *q, struct web_response *r)
{
    const struct pulse *p = link_pulse();
    (void)q;
    if (clock_mono_ns() - p->at_ns > SILENCE_NS)
        response_error(r, 503, "the scheduler does not answer");
    else if (p->lag_ns > LAG_MOST_NS)
        response_error(r, 503, "the scheduler is %lld s late",
                       (long long)(p->lag_ns / NS_PER_S));
    else if (p->writer_ns > WRITER_MOST_NS)
        response_error(r, 503, "the history's writer does not move");
    else
        buf_adds(&r->body, "ok\n");
}
