/* store/retain.c: see retain.h.
 *
 * By age: every ten minutes a pass deletes what is older than the
 * configuration wants to keep it.
 *
 * By size: the pages in use and the log together stay below max_bytes. An
 * eighth of it (64 MiB at most) is the log's; when the pages in use come near
 * the rest, a squeeze deletes the oldest sixteenth of one kind, and again,
 * until a tenth is free: of outputs and evidence while these have more than an
 * eighth; else of results, then of minutes, outputs, hours, days. Where the
 * oldest sixteenth is nothing (a chunk is deleted whole) twice as much is
 * taken. Pages that became free are used again; when many are, the file is
 * made shorter.
 *
 * It can be exceeded by one batch of records (a quarter of the log's share) and
 * one packing, before which nobody knows how much they need. What must stay is
 * never deleted: if that alone is too much it is told, once. */
#include "store/retain.h"

#include "base/clock.h"
#include "base/human.h"
#include "store/writer.h"

#define PASS_NS       (600 * NS_PER_S)
#define FIRST_PASS_NS (60 * NS_PER_S)
#define CROWDED_NS    (60 * NS_PER_S) /* until it is tried again */
#define WORK_NS       (200 * NS_PER_MS)
#define LOG_LEAST     ((int64_t)1 << 20)
#define SIZE_LEAST    ((int64_t)3 << 20) /* docs/config.md says so */
#define LOG_MOST      ((int64_t)64 << 20)

enum {
    SHIFT = 4,           /* a sixteenth */
    HOT_ROW_BYTES = 128, /* about */
    SHRINK_PAGES = 256   /* in a step */
};

static const enum purge_kind order[] = {PURGE_RESULTS, PURGE_MINUTES,
                                        PURGE_OUTPUTS, PURGE_HOURS, PURGE_DAYS};

/* ------------------------------------------------------------------ size ---
 */

struct pages {
    int64_t size, count, unused;
};

static bool count_pages(struct db *db, struct pages *p)
{
    return db_number(db, "PRAGMA page_size", &p->size) == SQLITE_OK &&
           db_number(db, "PRAGMA page_count", &p->count) == SQLITE_OK &&
           db_number(db, "PRAGMA freelist_count", &p->unused) == SQLITE_OK;
}

/* For the pages in use; INT64_MAX: no bound. */
static int64_t room(const struct sqlite_store *s)
{
    int64_t most = s->retention.keep.max_bytes;
    return most == 0 ? INT64_MAX : most - s->retention.log_bytes;
}

static int64_t used(const struct pages *p)
{
    return (p->count - p->unused) * p->size;
}

static bool has_too_many_outputs(const struct sqlite_store *s)
{
    int64_t most = s->retention.keep.outputs_bytes;
    return most > 0 && s->counters.outputs_bytes > (uint64_t)most;
}

uint64_t retain_hot_rows(const struct sqlite_store *s)
{
    int64_t most = s->retention.keep.max_bytes / 8 / HOT_ROW_BYTES;
    return most > 0 && (uint64_t)most < s->options.hot_rows
               ? (uint64_t)most
               : s->options.hot_rows;
}

/* --------------------------------------------------------------- squeeze ---
 */

static enum purge_kind choose(const struct sqlite_store *s)
{
    const struct retention *r = &s->retention;
    bool large = room(s) != INT64_MAX &&
                 s->counters.outputs_bytes > (uint64_t)room(s) / 8;
    if ((has_too_many_outputs(s) || large) && !(r->empty & 1u << PURGE_OUTPUTS))
        return PURGE_OUTPUTS;
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        if (!(r->empty & 1u << order[i]))
            return order[i];
    return PURGE_RESULTS;
}

/* false: nothing is left that could go. */
static bool begin_squeeze(struct sqlite_store *s)
{
    struct retention *r = &s->retention;
    int64_t oldest_us, newest_us;
    while (r->empty != (1u << PURGE_KINDS) - 1) {
        r->victim = choose(s);
        if (purge_span(&s->db, s->options.node, r->victim, &oldest_us,
                       &newest_us))
            break;
        r->empty |= 1u << r->victim;
    }
    if (r->empty == (1u << PURGE_KINDS) - 1)
        return false;
    for (unsigned i = 0; i < PURGE_KINDS; i++)
        r->purge.before_us[i] = PURGE_NOTHING;
    r->purge.before_us[r->victim] =
        r->shift == 0 ? PURGE_ALL
                      : oldest_us + ((newest_us - oldest_us) >> r->shift) + 1;
    r->squeezing = true;
    purge_begin(&r->purge);
    return true;
}

/* What gave nothing gives more next time; what gave all gives no more. */
static void end_squeeze(struct retention *r)
{
    r->squeezing = false;
    if (r->purge.deleted > 0)
        r->shift = SHIFT;
    else if (r->shift > 0)
        r->shift--;
    else {
        r->empty |= 1u << r->victim;
        r->shift = SHIFT;
    }
}

static void tell_crowded(struct sqlite_store *s, const struct pages *p)
{
    char has[HUMAN_TEXT], most[HUMAN_TEXT];
    if (!s->retention.is_crowded)
        writer_tell(s, STORE_REMARK,
                    "history: what must be kept takes %s, more than max_size "
                    "(%s) leaves room for",
                    human_size(used(p), has),
                    human_size(s->retention.keep.max_bytes, most));
    s->retention.is_crowded = true;
}

/* Whether a squeeze has to begin, or one more has to follow. */
static bool is_too_large(const struct sqlite_store *s, const struct pages *p,
                         bool again)
{
    int64_t most = room(s);
    if (has_too_many_outputs(s) && !(s->retention.empty & 1u << PURGE_OUTPUTS))
        return true;
    return most != INT64_MAX && used(p) > most - most / (again ? 10 : 16);
}

/* ------------------------------------------------------------------- age ---
 */

/* The first time: goes on from what an earlier process saw. */
static void look_at_clock(struct sqlite_store *s, struct now now)
{
    struct age *a = &s->retention.age;
    if (a->last.wall_us == 0)
        *a = (struct age){{0, (int64_t)s->counters.aged_us},
                          (int64_t)s->counters.jumped_to_us,
                          (int64_t)s->counters.jumped_by_us};
    age_look(a, now);
}

static void begin_pass(struct sqlite_store *s, const struct now *now)
{
    struct retention *r = &s->retention;
    int64_t pass_ns = s->options.purge_ns == 0 ? PASS_NS : s->options.purge_ns;
    r->due_ns = now->mono_ns + pass_ns;
    const int64_t keep_ns[PURGE_KINDS] = {r->keep.raw_ns, r->keep.minute_ns,
                                          r->keep.hour_ns, r->keep.day_ns,
                                          r->keep.outputs_ns};
    for (unsigned i = 0; i < PURGE_KINDS; i++)
        r->purge.before_us[i] =
            keep_ns[i] == 0 ? PURGE_NOTHING
                            : age_before(&r->age, now->wall_us, keep_ns[i]);
    purge_begin(&r->purge);
}

/* ---------------------------------------------------------------- shrink ---
 */

/* Files that were begun by an older version cannot be made shorter: their free
 * pages are used again. */
static int shrink(struct sqlite_store *s, const struct pages *p)
{
    int64_t kept = p->count / 8, mode = 0;
    bool many = p->unused > p->count / 4 && p->unused > 4 * SHRINK_PAGES;
    bool large = p->count * p->size > room(s) && p->unused > SHRINK_PAGES;
    if (!(many || (large && p->unused > kept)))
        return SQLITE_OK;
    int rc = db_number(&s->db, "PRAGMA auto_vacuum", &mode);
    if (rc != SQLITE_OK || mode != 2)
        return rc;
    return db_exec(&s->db, "PRAGMA incremental_vacuum(256)");
}

/* ----------------------------------------------------------------- steps ---
 */

void retain_set(struct sqlite_store *s, const struct history_spec *keep)
{
    struct retention *r = &s->retention;
    r->keep = *keep;
    if (keep->max_bytes > 0 && keep->max_bytes < SIZE_LEAST)
        r->keep.max_bytes = SIZE_LEAST;
    int64_t eighth = r->keep.max_bytes / 8;
    r->is_crowded = false;
    r->empty = 0;
    r->shift = SHIFT;
    r->log_bytes = keep->max_bytes == 0 || eighth > LOG_MOST ? LOG_MOST
                   : eighth < LOG_LEAST                      ? LOG_LEAST
                                                             : eighth;
    s->queue.batch_bytes = (size_t)r->log_bytes / 4;
    int64_t first_ns =
        s->options.purge_ns == 0 ? FIRST_PASS_NS : s->options.purge_ns;
    r->due_ns = clock_mono_ns() + first_ns;
}

struct counters retain_counters(const struct sqlite_store *s)
{
    const struct history_spec *keep = &s->retention.keep;
    struct counters c = s->counters;
    c.keep_raw_ns = (uint64_t)keep->raw_ns;
    c.keep_minute_ns = (uint64_t)keep->minute_ns;
    c.keep_hour_ns = (uint64_t)keep->hour_ns;
    c.keep_day_ns = (uint64_t)keep->day_ns;
    c.keep_outputs_ns = (uint64_t)keep->outputs_ns;
    c.keep_bytes = (uint64_t)keep->max_bytes;
    c.keep_outputs_bytes = (uint64_t)keep->outputs_bytes;
    c.aged_us = (uint64_t)s->retention.age.last.wall_us;
    c.jumped_to_us = (uint64_t)s->retention.age.jumped_to_us;
    c.jumped_by_us = (uint64_t)s->retention.age.jumped_by_us;
    return c;
}

int64_t retain_due_ns(const struct sqlite_store *s)
{
    return s->retention.purge.running ? 0 : s->retention.due_ns;
}

static int step(struct sqlite_store *s)
{
    struct retention *r = &s->retention;
    struct counters now = retain_counters(s);
    int rc = purge_step(&s->db, s->options.node, &r->purge, &s->counters, &now);
    if (rc == SQLITE_OK)
        s->counters = now;
    if (rc == SQLITE_OK && !r->purge.running && r->squeezing)
        end_squeeze(r);
    return rc;
}

/* What is to be done next; false: nothing. */
static bool begin_next(struct sqlite_store *s, const struct pages *p,
                       bool again)
{
    struct retention *r = &s->retention;
    struct now now = {clock_mono_ns(), clock_wall_us()};
    look_at_clock(s, now);
    if (now.mono_ns >= r->due_ns) {
        r->empty = 0;
        begin_pass(s, &now);
        return r->purge.running;
    }
    if (r->is_crowded && now.mono_ns < r->crowded_ns + CROWDED_NS)
        return false;
    if (!is_too_large(s, p, again)) {
        r->is_crowded = r->is_crowded && again;
        r->empty = 0;
        return false;
    }
    if (begin_squeeze(s))
        return true;
    if (!has_too_many_outputs(s))
        tell_crowded(s, p);
    r->crowded_ns = now.mono_ns;
    return false;
}

int retain(struct sqlite_store *s, int64_t now_ns)
{
    int64_t end_ns = now_ns + WORK_NS;
    bool again = false;
    struct pages p;
    int rc = SQLITE_OK;
    do {
        if (!count_pages(&s->db, &p))
            return sqlite3_extended_errcode(s->db.handle);
        if (!s->retention.purge.running && !begin_next(s, &p, again))
            return shrink(s, &p);
        again = s->retention.squeezing;
        rc = step(s);
        /* Beyond the bound nothing else may be written, but for what presses.
         */
    } while (rc == SQLITE_OK && !queue_is_pressing(&s->queue) &&
             (clock_mono_ns() < end_ns || used(&p) > room(s)));
    return rc;
}
