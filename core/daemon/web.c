/* daemon/web.c: what main does for the page: it tells the web role each second
 * how it fares, and answers what only it knows.
 *
 * Happy path: web_start → crew_serve, a pulse each second → questions answered.
 * Ways it can fail: the web role is not there: nothing is sent. We stand still:
 * no pulse comes, and the web role says so itself. */
#include <string.h>

#include "base/listen.h"
#include "daemon/internal.h"

enum { PULSE_MS = 1000 };

/* How late the wake is that the model asked for. A loop turn that takes long is
 * no lag yet. */
static int64_t lag_ns(const struct daemon *d, int64_t now_ns)
{
    if (d->wake_due_ns == MODEL_NEVER || now_ns <= d->wake_due_ns)
        return 0;
    return now_ns - d->wake_due_ns;
}

static int64_t writer_ns(struct daemon *d, int64_t now_ns)
{
    struct store_pulse pulse = store_pulse(d->store);
    if (pulse.waits || pulse.turns != d->writer_turns)
        d->writer_moved_ns = now_ns;
    d->writer_turns = pulse.turns;
    return now_ns - d->writer_moved_ns;
}

static void on_pulse(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    int64_t now_ns = clock_mono_ns();
    struct msg_pulse pulse = {.lag_ns = lag_ns(d, now_ns),
                              .writer_ns = writer_ns(d, now_ns),
                              .lost = store_lost(d->store),
                              .checks = (uint32_t)model_check_count(d->model)};
    crew_pulse(d->crew, &pulse);
}

void web_start(struct daemon *d)
{
    d->writer_moved_ns = clock_mono_ns();
    uv_timer_init(&d->loop, &d->pulse);
    d->pulse.data = d;
    uv_timer_start(&d->pulse, on_pulse, PULSE_MS, PULSE_MS);
    crew_serve(d->crew, d->conf);
}

void web_on_question(void *arg, const struct msg_question *question)
{
    struct daemon *d = arg;
    (void)d;
    (void)question;
}

json_t *web_addresses(const struct daemon *d)
{
    char url[LISTEN_URL];
    json_t *all = json_array();
    for (size_t i = 0; crew_web_url(d->crew, i, url, sizeof url) != NULL; i++)
        if (url[0] != '\0')
            json_array_append_new(all, json_string(url));
    return all;
}
