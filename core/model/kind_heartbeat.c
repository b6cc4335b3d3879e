/* model/kind_heartbeat.c: the tables of the kind `heartbeat`. */
#include <stdio.h>
#include <string.h>

#include "model/kind.h"
#include "model/kind_heartbeat.h"

enum { TOKEN_LEAST = 16, TOKEN_MOST = 128 };

// clang-format off
#define ROW(kind, name, field, fallback, limits, help) \
    {name, kind, 0, (uint32_t)offsetof(struct heartbeat_conf, field), fallback, limits, help}
static const struct rlv_option options[] = {
    ROW(RLV_DURATION, "period", period_ns, NULL, "1s..366d",
        "The time from one beat to the next, at most; or else `cron` says when the job runs."),
    ROW(RLV_DURATION, "grace", grace_ns, "5m", "1s..30d",
        "How long after that, or after the time of `cron`, the beat may still come; and how long a run may last whose start was reported."),
    ROW(RLV_SECRET, "token", token, NULL, NULL,
        "Lets whoever knows it report this job by HTTP, at /beat/TOKEN: 16 to 128 letters, digits, - and _; without it the job is reported on this machine only."),
};

static const struct rlv_field fields[] = {
    [HEARTBEAT_EXIT] = {"exit", RLV_T_INT, RLV_RECORDED, "",
        "the exit status that the job reported; 0 for a plain beat"},
    [HEARTBEAT_DURATION] = {"duration", RLV_T_DURATION, RLV_RECORDED, "",
        "from the start that the run reported to its end; absent where it reported none"},
    [HEARTBEAT_STARTED] = {"started", RLV_T_TIME, 0, "",
        "when the run reported its start"},
    [HEARTBEAT_LATE] = {"late", RLV_T_DURATION, 0, "",
        "how long after its time the beat came; absent where it came in time"},
    [HEARTBEAT_BODY] = {"body", RLV_T_BODY, 0, "",
        "what the job sent along: the end of its output"},
};
// clang-format on

static const char *const expects[] = {"exit == 0", NULL};

static bool is_token(const char *s)
{
    size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                         "0123456789-_");
    return s[n] == '\0' && n >= TOKEN_LEAST && n <= TOKEN_MOST;
}

static bool validate(const void *conf, const char **option, char *why,
                     size_t size)
{
    const struct heartbeat_conf *c = conf;
    if (c->token == NULL || is_token(c->token))
        return true;
    *option = "token";
    snprintf(why, size,
             "a token has %d to %d letters, digits, - and _, such as `openssl "
             "rand -hex 16` prints",
             TOKEN_LEAST, TOKEN_MOST);
    return false;
}

const struct rlv_plugin kind_heartbeat = {
    .magic = RLV_MAGIC,
    .size = sizeof(struct rlv_plugin),
    .major = RLV_ABI_MAJOR,
    .minor = RLV_ABI_MINOR,
    .name = "heartbeat",
    .version = RELEVO_VERSION,
    .summary = "a job that reports itself, and is missed when it does not",
    RLV_OPTIONS(struct heartbeat_conf, options),
    RLV_FIELDS(fields),
    .expects = expects,
    .validate = validate,
};
