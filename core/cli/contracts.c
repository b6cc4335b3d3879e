/* cli/contracts.c: see contracts.h. Two workers: one that probes and is looked
 * at before and after, one that is told to end while probes are under way.
 * Where a worker dies, what it was to keep there is broken, and what would
 * have come after is untried. */
#include "cli/contracts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/human.h"
#include "base/str.h"
#include "cli/trial.h"

enum {
    WARM = 3,    /* probes before the first look: caches fill */
    PROBES = 12, /* one after another, before the second */
    CROWD = 16,
    UNDER_WAY = 4,
    MOST_KIB = 16 * 1024
};

const char *const contract_names[] = {
    "opens", "says",  "comes_up", "answers", "deadline", "crowd",
    "turns", "calls", "keeps",    "leaves",  "lets_go"};
#define X(NAME, promise) promise,
const char *const contract_promises[] = {CONTRACT_MAP(X)};
#undef X

static void PRINTF(4, 5) judge(struct contracts *c, enum contract_number n,
                               bool kept, const char *fmt, ...)
{
    va_list ap;
    if (c->verdict[n] == BROKEN)
        return; /* what was seen first stays */
    c->verdict[n] = kept ? KEPT : BROKEN;
    va_start(ap, fmt);
    vsnprintf(c->text[n], sizeof c->text[n], fmt, ap);
    va_end(ap);
}

static void keep(struct contracts *c, enum contract_number n)
{
    if (c->verdict[n] == UNTRIED)
        c->verdict[n] = KEPT;
}

bool contracts_hold(const struct contracts *c)
{
    for (size_t i = 0; i < CONTRACT_COUNT; i++)
        if (c->verdict[i] == BROKEN)
            return false;
    return true;
}

/* -------------------------------------------------------------- tables --- */

static bool is_empty(const char *s) { return s == NULL || *s == '\0'; }

static const char *undocumented(const struct catalog *c, char *out, size_t size)
{
    if (is_empty(c->version) || is_empty(c->summary))
        return is_empty(c->version) ? "it has no version" : "it has no summary";
    for (size_t i = 0; i < c->option_count; i++)
        if (is_empty(c->options[i].help)) {
            snprintf(out, size, "option \"%s\" has no help",
                     c->options[i].name);
            return out;
        }
    for (size_t i = 0; i < c->own_field_count; i++)
        if (is_empty(c->fields[i].help)) {
            snprintf(out, size, "field \"%s\" has no help", c->fields[i].name);
            return out;
        }
    return NULL;
}

void contracts_of_tables(struct contracts *c, const struct catalog *catalog)
{
    char text[120];
    const char *why = undocumented(catalog, text, sizeof text);
    judge(c, CONTRACT_OPENS, true, "%s %s, %s, %zu options, %zu fields",
          catalog->name, catalog->version,
          catalog->blocking ? "blocking" : "asynchronous",
          catalog->option_count, catalog->own_field_count);
    judge(c, CONTRACT_SAYS, why == NULL, "%s", why == NULL ? "" : why);
}

/* -------------------------------------------------------------- probes --- */

static void judge_results(struct contracts *c, const struct trial_sum *s)
{
    char *so_far = c->text[CONTRACT_ANSWERS];
    size_t used = strlen(so_far);
    if (s->breach[0] != '\0')
        judge(c, CONTRACT_ANSWERS, false, "%s", s->breach);
    else if (c->verdict[CONTRACT_ANSWERS] == KEPT) /* at another target */
        snprintf(so_far + used, sizeof c->text[0] - used,
                 "; %zu more, %zu good%s%s", s->results, s->good,
                 s->fault[0] ? ", else " : "", s->fault);
    else
        judge(c, CONTRACT_ANSWERS, true, "%zu probes, %zu good%s%s", s->results,
              s->good, s->fault[0] ? ", else " : "", s->fault);
    if (s->overdue > 0)
        judge(c, CONTRACT_DEADLINE, false,
              "%zu of %zu probes were ended by the host, as timeout",
              s->overdue, s->results);
    else
        judge(c, CONTRACT_DEADLINE, true, "%zu probes", s->results);
}

/* Once may be the machine's fault. */
static void judge_turns(struct contracts *c, const struct trial_sum *s,
                        bool blocking)
{
    char took[HUMAN_TEXT];
    if (blocking)
        judge(c, CONTRACT_TURNS, true, "it may block");
    else if (s->slow > 1)
        judge(c, CONTRACT_TURNS, false,
              "%zu times it did not; %s took at least %s", s->slow, s->slow_in,
              human_elapsed(s->slowest_ns, took));
    else
        keep(c, CONTRACT_TURNS);
}

static void judge_kept(struct contracts *c, const struct trial_view *before,
                       const struct trial_view *after)
{
    if (after->descriptors > before->descriptors)
        judge(c, CONTRACT_KEEPS, false,
              "%ld more descriptors after %d more probes",
              after->descriptors - before->descriptors, PROBES);
    else if (after->threads > before->threads)
        judge(c, CONTRACT_KEEPS, false, "%ld more threads after %d more probes",
              after->threads - before->threads, PROBES);
    else if (after->kib > before->kib + MOST_KIB)
        judge(c, CONTRACT_KEEPS, false,
              "%ld MiB more memory after %d more probes",
              (after->kib - before->kib) / 1024, PROBES);
    else
        keep(c, CONTRACT_KEEPS);
}

static void judge_left(struct contracts *c, const struct trial_view *before,
                       const struct trial_view *after,
                       const struct trial_sum *s)
{
    if (s->locale[0] != '\0')
        judge(c, CONTRACT_LEAVES, false, "%s", s->locale);
    else if (!str_eq(before->folder, after->folder))
        judge(c, CONTRACT_LEAVES, false, "the folder is now %s", after->folder);
    else if (!str_eq(before->umask, after->umask))
        judge(c, CONTRACT_LEAVES, false, "the umask was %s and is %s",
              before->umask, after->umask);
    else if (!str_eq(before->signals, after->signals))
        judge(c, CONTRACT_LEAVES, false,
              "signals are blocked, ignored or caught otherwise");
    else
        keep(c, CONTRACT_LEAVES);
}

static bool in_turn(struct trial *t, size_t count)
{
    while (count-- > 0)
        if (!trial_probe(t, 1))
            return false;
    return true;
}

/* The worker that lives as long as there is something to see. */
static void try_probes(struct contracts *c, struct trial *t, bool blocking)
{
    struct trial_view before, warm, after;
    const struct trial_sum *s = trial_sum(t);
    if (!trial_is_up(t)) {
        judge(c, CONTRACT_COMES_UP, false, "no worker: %s", trial_how(t));
        return;
    }
    trial_look(t, &before);
    bool up = trial_load(t);
    judge(c, CONTRACT_COMES_UP, up, "%s", up ? "" : trial_how(t));
    if (!up)
        return;
    bool ok = in_turn(t, WARM);
    trial_look(t, &warm);
    if (!ok || !in_turn(t, PROBES)) {
        judge(c, CONTRACT_ANSWERS, false, "%s", trial_how(t));
        return;
    }
    trial_look(t, &after);
    judge_kept(c, &warm, &after);
    bool crowd = blocking || trial_probe(t, CROWD);
    judge(c, CONTRACT_CROWD, crowd, "%s",
          !crowd     ? trial_how(t)
          : blocking ? "one process each"
                     : "");
    judge_results(c, s);
    judge_left(c, &before, &after, s);
}

static void try_end(struct contracts *c, struct trial *t, bool blocking)
{
    if (!trial_is_up(t) || !trial_load(t))
        return;
    bool ended = trial_end(t, blocking ? 0 : UNDER_WAY);
    judge(c, CONTRACT_LETS_GO, ended, "%s", ended ? "" : trial_how(t));
}

void contracts_of_probes(struct contracts *c, const struct check_spec *spec)
{
    bool blocking = spec->catalog->blocking;
    struct trial *t = trial_new(spec);
    try_probes(c, t, blocking);
    const struct trial_sum *s = trial_sum(t);
    if (s->results > 0 || s->slow > 1)
        judge_turns(c, s, blocking);
    if (s->complaint[0] != '\0')
        judge(c, CONTRACT_CALLS, false, "%s", s->complaint);
    else if (s->results > 0)
        keep(c, CONTRACT_CALLS);
    trial_free(t);
    if (c->verdict[CONTRACT_COMES_UP] != KEPT)
        return;
    t = trial_new(spec);
    try_end(c, t, blocking);
    trial_free(t);
}
