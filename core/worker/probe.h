/* worker/probe.h: one probe, from the message that asks for it to its result.
 *
 * A plugin may break its word and name a probe that is over: structs are not
 * freed but used again, the longest unused first, so that for a while such a
 * call is seen for what it is, logged and ignored. */
#ifndef RELEVO_WORKER_PROBE_H
#define RELEVO_WORKER_PROBE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "model/result.h"
#include "wire/msg.h"
#include "worker/load.h"
#include "worker/loop.h"
#include "worker/scope.h"

#define PROBE_MESSAGE  401              /* bytes, NUL included */
#define PROBE_GRACE_NS (50 * NS_PER_MS) /* from the deadline to our own end */
#define PROBE_TEXT     4096u            /* bytes kept of a TEXT */
#define PROBE_KEY      255u             /* bytes of a key of a MAP */
#define PROBE_KEYS     1024u            /* values of MAPs in a probe */
#define PROBE_PIECE    (16u << 10)      /* bytes of one piece of evidence */
#define PROBE_EVIDENCE (48u << 10)      /* of all of them */

enum { PROBE_FAULTS = RLV_F_CANCELLED + 1 };

enum probe_state { PROBE_WAITING, PROBE_RUNNING, PROBE_ENDING, PROBE_OVER };

/* Among the probes that may run against one target at once. */
enum admission { PLACE_NONE, PLACE_AWAITED, PLACE_HELD };

struct keyed { /* one value of a MAP */
    struct keyed *next;
    unsigned field;
    const char *key;
    struct rlv_value value;
};

struct piece {
    struct piece *next;
    struct evidence evidence;
};

struct rlv_probe {
    uint32_t magic;
    enum probe_state state;
    struct rlv_probe *next, **link; /* of those in flight, or over */
    struct loop_timer timer;        /* due; then the end that we put to it */
    struct check *check;            /* referenced */
    enum admission place;           /* at the check's target */
    struct rlv_probe *next_waiting; /* for a place there */
    struct msg_probe ask;
    struct rlv_scope scope;
    struct result *result; /* its arena is the scope's */
    int64_t deadline_ns;
    bool faulted, hinted;
    int64_t stalled_ns; /* so long we stood still while it ran */
    bool reported;      /* a built-in kind was told of it: it says how long it
                           took, in result->duration_ns, and none of it is ours */
    enum rlv_fault hint;
    char hint_code[RESULT_CODE];
    const char *hint_text;
    const char *says;        /* of itself, for a warning's message; or NULL */
    struct rlv_value *plain; /* by field; type 0: not observed */
    struct keyed *keyed, **keyed_end;
    struct piece *pieces, **pieces_end;
    size_t keyed_count, piece_count, evidence_bytes;
    struct asker *askers;              /* resolve.c */
    struct trigger *triggers;          /* trigger.c; not answered so far */
    bool trigger_faults[PROBE_FAULTS]; /* what those that were came to */
};

void probe_ask(const struct msg_probe *, uint32_t generation);
bool probe_is_running(void);            /* any */
struct rlv_probe *probe_find(uint64_t); /* that runs, or NULL */
void probe_finish(struct rlv_probe *);  /* judged, told, released */
/* It can be observed into and ended; else false, with a line in the log. */
bool probe_is_live(const struct rlv_probe *, const char *function);
/* We stood still so long: all that run now, but the one with that number, have
 * measured that, too. */
void probe_disturb_all(uint64_t but, int64_t stalled_ns);
void probe_close(void); /* releases all, tells nothing */

/* observe.c: the first fault counts. A breach of the contract by the plugin is
 * the fault `plugin`, and goes before any other. */
void probe_fault(struct rlv_probe *, enum rlv_fault, const char *code, int sys,
                 const char *fmt, ...) PRINTF(5, 6);
void probe_faultv(struct rlv_probe *, enum rlv_fault, const char *code, int sys,
                  const char *fmt, va_list);
void probe_breach(struct rlv_probe *, const char *fmt, ...) PRINTF(2, 3);
void probe_hint(struct rlv_probe *, enum rlv_fault, const char *code,
                const char *fmt, ...) PRINTF(4, 5);
void probe_hintv(struct rlv_probe *, enum rlv_fault, const char *code,
                 const char *fmt, va_list);
void probe_observe(struct rlv_probe *, unsigned field, const char *key,
                   struct rlv_value);
void probe_evidence(struct rlv_probe *, const char *label, const void *bytes,
                    size_t len);
/* All that was observed, hinted, and kept as evidence. */
void probe_forget(struct rlv_probe *);
/* The monitor itself ran out of files or memory. */
bool probe_is_shortage(int sys);

#endif
