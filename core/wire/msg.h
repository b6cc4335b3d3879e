/* wire/msg.h: every message between roles: its number, who may send it, and
 * how its fields are coded. Decoders check everything; false means nonsense.
 * What a decoder returns hangs on the arena it was given. */
#ifndef RELEVO_WIRE_MSG_H
#define RELEVO_WIRE_MSG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/beat.h"
#include "model/catalog.h"
#include "model/model.h"
#include "model/result.h"
#include "model/spec.h"

/* X(number, NAME, from, to, purpose) */
#define MSG_MAP(X)                                                           \
    X(1, VET, "main", "vet", "open this plugin, check these settings")       \
    X(2, CATALOG, "vet", "main", "the plugin's tables")                      \
    X(3, COMPLAINT, "vet", "main", "a setting that the plugin refuses")      \
    X(4, VETTED, "vet", "main", "end of the answer; text when it failed")    \
    X(10, LOAD, "main", "worker", "plugins and checks of a generation")      \
    X(11, LOADED, "worker", "main", "the generation is ready")               \
    X(12, PROBE, "main", "worker", "probe this check when due")              \
    X(13, RESULT, "worker", "main", "what a probe came to")                  \
    X(14, LOG, "any", "main", "a line for the log")                          \
    X(15, PING, "main", "worker", "are you there?")                          \
    X(16, PONG, "worker", "main", "yes")                                     \
    X(17, RETIRE, "worker", "main", "I am to be replaced; text says why")    \
    X(18, TRIGGER, "worker", "main", "a probe wants another check probed")   \
    X(19, TRIGGERED, "main", "worker", "what that came to")                  \
    X(20, ALLOW, "main", "runner", "the scripts that may run")               \
    X(21, RUN, "main", "runner", "run this script")                          \
    X(22, STOP_RUN, "main", "runner", "end this run")                        \
    X(23, RUN_STARTED, "runner", "main", "its keeper lives")                 \
    X(24, RUN_EXITED, "runner", "main", "its outcome file is there, or not") \
    X(25, HELLO, "runner", "main", "the version of one that is a unit")      \
    X(26, ASK_COMMAND, "worker", "main", "run the command of this probe")    \
    X(27, COMMAND, "main", "runner", "run this command of a check")          \
    X(28, STOP_COMMAND, "main", "runner", "nobody waits for it any more")    \
    X(29, COMMAND_ENDED, "runner", "main", "what it came to, and printed")   \
    X(30, WEB, "main", "web", "what it is to serve, and for whom")           \
    X(31, PULSE, "main", "web", "how main fares; answered with PONG")        \
    X(32, QUESTION, "web", "main", "what only main knows, or may do")        \
    X(33, ANSWER, "main", "web", "to one question")                          \
    X(34, COMMAND_DONE, "main", "worker", "as COMMAND_ENDED, for the probe")

enum msg_type {
#define X(n, NAME, from, to, text) MSG_##NAME = n,
    MSG_MAP(X)
#undef X
};

const char *msg_name(unsigned type); /* "?" when unknown */

/* ----------------------------------------------------------------- vet --- */

struct msg_subject { /* one check's settings of this plugin */
    const char *name;
    const struct setting *settings;
    size_t setting_count;
};

struct msg_vet {
    const char *path;       /* of the shared object */
    bool describe;          /* send the catalog too */
    struct rlv_list denied; /* paths that the plugin is not to reach */
    struct msg_subject *subjects;
    size_t subject_count;
};

struct msg_complaint {
    uint32_t subject;   /* index */
    const char *option; /* to point at; NULL: none in particular */
    const char *text;
};

void msg_put_vet(struct buf *, const struct msg_vet *);
bool msg_get_vet(const void *, size_t, struct arena *, struct msg_vet *);
void msg_put_catalog(struct buf *, const struct catalog *);
struct catalog *msg_get_catalog(const void *, size_t); /* NULL: nonsense */
void msg_put_complaint(struct buf *, const struct msg_complaint *);
bool msg_get_complaint(const void *, size_t, struct arena *,
                       struct msg_complaint *);
void msg_put_text(struct buf *, const char *text); /* VETTED, "" when fine;
                                                     RETIRE */
bool msg_get_text(const void *, size_t, struct arena *, const char **text);

/* -------------------------------------------------------------- worker --- */

struct msg_check {
    uint32_t check;
    uint32_t of;     /* judged from this check's results, not probed; 0: probed.
                        Its source is among the same checks. */
    uint16_t plugin; /* index in msg_load.plugins */
    const char *name, *target; /* "host:port" */
    int64_t timeout_ns, evidence_bytes;
    uint64_t fingerprint; /* unchanged: the check's scope is kept */
    struct line_spec *expects, *warns; /* places are not carried */
    size_t expect_count, warn_count;
    struct rlv_list expect_faults; /* names */
    struct record_spec *records;   /* places are not carried */
    size_t record_count;
    const struct setting *settings;
    size_t setting_count;
};

struct msg_load {
    struct rlv_list plugins; /* paths; of built-in kinds, names */
    struct rlv_list denied;  /* paths that no plugin is to reach */
    uint32_t target_probes;  /* at once against one target; 0: no limit */
    struct msg_check *checks;
    size_t check_count;
};

enum probe_flag {
    PROBE_TRACE = 1,  /* report all observations, lines, evidence, log */
    PROBE_RETRIED = 2 /* its first worker died */
};

struct msg_probe {
    uint64_t probe;
    uint32_t check;
    enum purpose purpose;
    unsigned flags;
    int64_t due_ns; /* monotonic; the worker's own timer starts it then */
    struct rlv_dict values; /* for its {{name}} places */
};

/* At most, of one trigger. */
enum { TRIGGER_VALUES = 16, TRIGGER_VALUE_BYTES = 4096 };

struct msg_trigger {
    uint64_t probe;    /* that asks */
    uint64_t ticket;   /* the worker's word for this question; never used again,
                          not even by the worker after it */
    const char *check; /* as the asking check's option names it */
    int64_t deadline_ns; /* of the asking probe: after that nobody listens */
    struct rlv_dict values;
};

struct msg_triggered {
    uint64_t probe, ticket;       /* as asked */
    enum rlv_fault fault;         /* of the result; or why there is none */
    int64_t started_ns, ended_ns; /* monotonic; 0: it was not probed */
    const char *text;             /* what a person wants to know of it */
};

struct msg_log {
    unsigned level; /* enum log_level */
    uint32_t check; /* 0: none */
    const char *text;
};

void msg_put_load(struct buf *, const struct msg_load *);
bool msg_get_load(const void *, size_t, struct arena *, struct msg_load *);
void msg_put_probe(struct buf *, const struct msg_probe *);
bool msg_get_probe(const void *, size_t, struct arena *, struct msg_probe *);
void msg_put_trigger(struct buf *, const struct msg_trigger *);
bool msg_get_trigger(const void *, size_t, struct arena *,
                     struct msg_trigger *);
void msg_put_triggered(struct buf *, const struct msg_triggered *);
bool msg_get_triggered(const void *, size_t, struct arena *,
                       struct msg_triggered *);
void msg_put_result(struct buf *, const struct result *);
struct result *msg_get_result(const void *, size_t); /* NULL: nonsense */
/* Hangs on the arena: not to be freed by result_free. */
struct result *msg_get_result_on(const void *, size_t, struct arena *);
void msg_put_log(struct buf *, const struct msg_log *);
bool msg_get_log(const void *, size_t, struct arena *, struct msg_log *);

/* -------------------------------------------------------------- runner --- */

struct msg_allow {            /* nothing else is run */
    struct rlv_list scripts;  /* absolute paths */
    struct rlv_list commands; /* programs of `exec` checks, as written */
};

struct msg_pair { /* environment, secrets */
    const char *name, *value;
};

struct msg_run {
    uint64_t run;
    const char *dir;    /* the run's own folder, made by the keeper, 0700 */
    const char *script; /* absolute */
    const char *user;   /* NULL: unchanged */
    int64_t timeout_ns, grace_ns;
    int64_t output_bytes; /* kept of each of stdout and stderr */
    const char *input;    /* JSON for standard input */
    size_t input_len;
    struct msg_pair *environment; /* whole; RELEVO_SECRET_… is added */
    size_t environment_count;
    struct msg_pair *secrets; /* parameter name → value, written as files */
    size_t secret_count;
    struct rlv_list redact; /* values that must not appear in the outputs */
};

struct msg_run_started {
    uint64_t run;
    int32_t pid;       /* of the keeper */
    int64_t pid_start; /* field 22 of /proc/PID/stat, clock ticks */
};

struct msg_run_exited {
    uint64_t run;
    bool has_outcome; /* DIR/outcome.json was written */
    bool killed;      /* its keeper ended by a signal */
    const char *text; /* why not, when it was not */
};

void msg_put_allow(struct buf *, const struct msg_allow *);
bool msg_get_allow(const void *, size_t, struct arena *, struct msg_allow *);
void msg_put_run(struct buf *, const struct msg_run *);
bool msg_get_run(const void *, size_t, struct arena *, struct msg_run *);
void msg_put_stop_run(struct buf *, uint64_t run);
bool msg_get_stop_run(const void *, size_t, uint64_t *run);
void msg_put_run_started(struct buf *, const struct msg_run_started *);
bool msg_get_run_started(const void *, size_t, struct msg_run_started *);
void msg_put_run_exited(struct buf *, const struct msg_run_exited *);
bool msg_get_run_exited(const void *, size_t, struct arena *,
                        struct msg_run_exited *);

/* A worker names the probe, and no more: main knows its command. */
struct msg_ask_command {
    uint64_t probe;
    int64_t deadline_ns; /* monotonic */
};

struct msg_command {
    uint64_t order;
    int64_t deadline_ns;  /* monotonic: then it is killed */
    int64_t output_bytes; /* kept of each of stdout and stderr */
    const char *user;     /* NULL: unchanged */
    struct rlv_list argv;
    struct msg_pair *environment; /* beside what every command gets */
    size_t environment_count;
};

/* How a command ended. `status` is the exit status, the signal, or an errno. */
enum command_end {
    COMMAND_EXITED,
    COMMAND_SIGNALLED,
    COMMAND_TIMED_OUT,
    COMMAND_FLOODED,    /* it printed without end, and was killed */
    COMMAND_NOT_STARTED /* text says why */
};

struct msg_printed { /* on one of its outputs */
    const char *bytes;
    size_t len;
    uint64_t dropped; /* bytes beyond */
};

struct msg_command_ended {
    uint64_t number; /* of the order; on the way to a worker, of the probe */
    enum command_end how;
    int32_t status;
    int64_t spent_ns;
    const char *text;
    struct msg_printed output, errors;
};

void msg_put_ask_command(struct buf *, const struct msg_ask_command *);
bool msg_get_ask_command(const void *, size_t, struct msg_ask_command *);
void msg_put_command(struct buf *, const struct msg_command *);
bool msg_get_command(const void *, size_t, struct arena *,
                     struct msg_command *);
void msg_put_stop_command(struct buf *, uint64_t order);
bool msg_get_stop_command(const void *, size_t, uint64_t *order);
void msg_put_command_ended(struct buf *, const struct msg_command_ended *);
bool msg_get_command_ended(const void *, size_t, struct arena *,
                           struct msg_command_ended *);
/* Main looks at nothing of it but the number, and gives the rest on. */
bool msg_command_number(const void *, size_t, uint64_t *number);
void msg_renumber_command(struct buf *, const void *, size_t, uint64_t number);

/* ----------------------------------------------------------------- web --- */

struct msg_web {
    const char *state_dir; /* the history is in it */
    struct rlv_list hosts; /* beside localhost and the addresses */
    const char *token;     /* NULL: none is asked for */
    const char *timezone;  /* that times are shown in */
};

struct msg_pulse {
    int64_t lag_ns;    /* of the scheduler; 0: it is on time */
    int64_t writer_ns; /* the history's writer has not moved for so long */
    uint64_t lost;     /* records that could not be stored */
    uint32_t checks;
};

/* What a question is about; how its content is coded is the matter of those
 * who ask and answer it. */
enum question_kind {
    QUESTION_STATUS = 1, /* msg_put_from; answered by a struct msg_status */
    QUESTION_BEAT = 2    /* a struct msg_beat; answered by an enum heard */
};

struct msg_beat {
    const char *token;
    enum beat_kind kind;
    int64_t exit;
    const char *rid, *text;
};

enum heard {
    HEARD,         /* it counts, and is stored */
    HEARD_UNKNOWN, /* no check has that token */
    HEARD_LATER    /* it does not count: to be sent again */
};

struct msg_question { /* an answer has the same form */
    uint64_t ticket;  /* the asker's word for it; never used again */
    enum question_kind kind;
    const void *content;
    size_t len;
};

struct msg_trouble { /* of the monitor itself, and its incident */
    struct check_row row;
    struct state_row state;
    struct incident_row incident; /* number 0: there is none */
};

/* A part of what `relevo status` shows; whoever wants all of it asks again from
 * `next` on, and from the beginning where the generation is another one. */
struct msg_status {
    uint32_t generation;
    uint32_t next; /* 0: this is the last part */
    /* Their spec has title, owner, links, tags, severity, `disabled`, interval,
     * the texts of its lines, and a schedule that is manual or not; their last
     * result no evidence; no more is filled in. */
    struct check_view *checks;
    size_t check_count;
    /* In the last part: */
    struct msg_trouble *troubles;
    size_t trouble_count;
    const char *distrust; /* NULL: it trusts itself */
    int64_t distrust_ns;
    uint64_t *letters; /* runs: notices that were given up */
    size_t letter_count;
};

void msg_put_from(struct buf *, uint32_t from); /* 0: the first check */
bool msg_get_from(const void *, size_t, uint32_t *from);
void msg_put_status(struct buf *, const struct msg_status *);
bool msg_get_status(const void *, size_t, struct arena *, struct msg_status *);
void msg_put_beat(struct buf *, const struct msg_beat *);
bool msg_get_beat(const void *, size_t, struct arena *, struct msg_beat *);
void msg_put_heard(struct buf *, enum heard);
bool msg_get_heard(const void *, size_t, enum heard *);
void msg_put_web(struct buf *, const struct msg_web *);
bool msg_get_web(const void *, size_t, struct arena *, struct msg_web *);
void msg_put_pulse(struct buf *, const struct msg_pulse *);
bool msg_get_pulse(const void *, size_t, struct msg_pulse *);
void msg_put_question(struct buf *, const struct msg_question *);
bool msg_get_question(const void *, size_t, struct arena *,
                      struct msg_question *);

#endif
