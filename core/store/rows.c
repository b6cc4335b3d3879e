/* store/rows.c: see rows.h. */
#include "store/rows.h"

#include <string.h>

#include "base/attr.h"
#include "model/fault.h"

/* These numbers are in files: they may be added to, never changed. */
_Static_assert(STATE_PENDING == 0 && STATE_PAUSED == 7, "stored");
_Static_assert(INCIDENT_OPEN == 0 && INCIDENT_RESOLVED == 2, "stored");
_Static_assert(RUN_INTENDED == 0 && RUN_WOULD == 4, "stored");
_Static_assert(VERDICT_NONE == 0 && VERDICT_DENIED == 9, "stored");
_Static_assert(RUNBOOK_DIAGNOSE == 0 && RUNBOOK_NOTIFY == 2, "stored");
_Static_assert(OUTCOME_OK == 0 && OUTCOME_UNKNOWN == 3, "stored");
_Static_assert(PURPOSE_SCHEDULE == 0 && PURPOSE_TEST == 8, "stored");
_Static_assert(RLV_T_BOOL == 1 && RLV_T_ANY == 11, "stored");

// clang-format off
#define COL(row, field, name, type)   {name, COLUMN_##type, offsetof(struct row, field), 0}
#define ENUM(row, field, name, count) {name, COLUMN_ENUM, offsetof(struct row, field), count}

static const struct row_column check_columns[] = {
    COL(check_row, check,       "check_id",    U32),
    COL(check_row, name,        "name",        TEXT),
    COL(check_row, environment, "environment", TEXT),
    COL(check_row, plugin,      "plugin",      TEXT),
    COL(check_row, ordinal,     "ordinal",     U32),
};
static const struct row_column state_columns[] = {
    COL(state_row, check,      "check_id",    U32),
    ENUM(state_row, state,     "state",       STATE_COUNT),
    COL(state_row, since_us,   "since_us",    I64),
    COL(state_row, fails,      "fails",       I32),
    COL(state_row, goods,      "goods",       I32),
    COL(state_row, unknowns,   "unknowns",    I32),
    COL(state_row, window,     "recent_bits", U64),
    COL(state_row, incident,   "incident",    U64),
    COL(state_row, suspect_us, "suspect_us",  I64),
    COL(state_row, until_us,   "until_us",    I64),
};
static const struct row_column transition_columns[] = {
    COL(transition_row, check,  "check_id",   U32),
    COL(transition_row, at_us,  "at_us",      I64),
    ENUM(transition_row, from,  "from_state", STATE_COUNT),
    ENUM(transition_row, to,    "to_state",   STATE_COUNT),
    COL(transition_row, fault,  "fault",      FAULT),
    COL(transition_row, code,   "code",       TEXT),
    COL(transition_row, reason, "reason",     TEXT),
};
static const struct row_column incident_columns[] = {
    COL(incident_row, number,      "number",      U64),
    COL(incident_row, check,       "check_id",    U32),
    ENUM(incident_row, state,      "state",       INCIDENT_RESOLVED + 1),
    COL(incident_row, began_us,    "began_us",    I64),
    COL(incident_row, opened_us,   "opened_us",   I64),
    COL(incident_row, resolved_us, "resolved_us", I64),
    COL(incident_row, fault,       "fault",       FAULT),
    COL(incident_row, code,        "code",        TEXT),
    COL(incident_row, summary,     "summary",     TEXT),
    COL(incident_row, cause,       "cause",       TEXT),
    COL(incident_row, reopened,    "reopened",    U32),
    COL(incident_row, acknowledged_us, "acknowledged_us", I64),
    COL(incident_row, acknowledged_by, "acknowledged_by", TEXT),
    COL(incident_row, note,        "note",        TEXT),
};
static const struct row_column event_columns[] = {
    COL(event_row, incident, "incident", U64),
    COL(event_row, check,    "check_id", U32),
    COL(event_row, at_us,    "at_us",    I64),
    COL(event_row, event,    "event",    TEXT),
    COL(event_row, text,     "text",     TEXT),
};
static const struct row_column run_columns[] = {
    COL(run_row, number,      "number",      U64),
    COL(run_row, runbook,     "runbook",     TEXT),
    ENUM(run_row, kind,       "kind",        RUNBOOK_NOTIFY + 1),
    COL(run_row, check,       "check_id",    U32),
    COL(run_row, incident,    "incident",    U64),
    ENUM(run_row, state,      "state",       RUN_WOULD + 1),
    ENUM(run_row, verdict,    "verdict",     VERDICT_COUNT),
    COL(run_row, on,          "occasion",    U32),
    COL(run_row, intended_us, "intended_us", I64),
    COL(run_row, started_us,  "started_us",  I64),
    COL(run_row, ended_us,    "ended_us",    I64),
    COL(run_row, exit_status, "exit_status", INT),
    COL(run_row, held_by,     "held_by",     TEXT),
    COL(run_row, reason,      "reason",      TEXT),
    COL(run_row, sha256,      "sha256",      TEXT),
    COL(run_row, pid,         "pid",         INT),
    COL(run_row, pid_start,   "pid_start",   I64),
    COL(run_row, boot_id,     "boot_id",     TEXT),
    COL(run_row, findings,    "findings",    TEXT),
    COL(run_row, output,      "output",      TEXT),
    COL(run_row, fault,       "fault",       FAULT),
    COL(run_row, attempt,     "attempt",     I32),
    COL(run_row, first,       "first_run",   U64),
    COL(run_row, not_before_us, "not_before_us", I64),
};
static const struct row_column audit_columns[] = {
    COL(audit_row, at_us,  "at_us",  I64),
    COL(audit_row, actor,  "actor",  TEXT),
    COL(audit_row, action, "action", TEXT),
    COL(audit_row, object, "object", TEXT),
    COL(audit_row, detail, "detail", TEXT),
};

static const struct row_column impact_columns[] = {
    COL(impact_row, incident, "incident", U64),
    COL(impact_row, check,    "check_id", U32),
    COL(impact_row, since_us, "since_us", I64),
    COL(impact_row, until_us, "until_us", I64),
};
static const struct row_column mark_columns[] = {
    COL(mark_row, at_us,       "at_us",       I64),
    COL(mark_row, actor,       "actor",       TEXT),
    COL(mark_row, text,        "text",        TEXT),
    COL(mark_row, environment, "environment", TEXT),
};
static const struct row_column window_columns[] = {
    COL(window_row, number,       "number",       U64),
    COL(window_row, from_us,      "from_us",      I64),
    COL(window_row, until_us,     "until_us",     I64),
    COL(window_row, ended_us,     "ended_us",     I64),
    COL(window_row, checks,       "checks",       TEXT),
    COL(window_row, tags,         "tags",         TEXT),
    COL(window_row, environments, "environments", TEXT),
    COL(window_row, actor,        "actor",        TEXT),
    COL(window_row, reason,       "reason",       TEXT),
};
static const struct row_column beat_columns[] = {
    COL(beat_row, check,     "check_id",  U32),
    COL(beat_row, from_us,   "from_us",   I64),
    COL(beat_row, last_us,   "last_us",   I64),
    COL(beat_row, missed_us, "missed_us", I64),
    COL(beat_row, runs,      "runs",      TEXT),
};

#define TABLE(kind, name, key) \
    {name, key, kind##_columns, ARRAY_LEN(kind##_columns), sizeof(struct kind##_row)}

static const struct row_table tables[] = {
    [RECORD_CHECK]      = TABLE(check,      "\"check\"",  "check_id"),
    [RECORD_STATE]      = TABLE(state,      "state",      "check_id"),
    [RECORD_TRANSITION] = TABLE(transition, "transition", NULL),
    [RECORD_INCIDENT]   = TABLE(incident,   "incident",   "number"),
    [RECORD_EVENT]      = TABLE(event,      "event",      NULL),
    [RECORD_RUN]        = TABLE(run,        "run",        "number"),
    [RECORD_AUDIT]      = TABLE(audit,      "audit",      NULL),
    [RECORD_IMPACT]     = TABLE(impact,     "impact",     "incident, check_id"),
    [RECORD_MARK]       = TABLE(mark,       "mark",       NULL),
    [RECORD_WINDOW]     = TABLE(window,     "maintenance", "number"),
    [RECORD_BEAT]       = TABLE(beat,       "beat",       "check_id"),
};
// clang-format on

const struct row_table *row_table(enum record_kind kind)
{
    return tables[kind].name == NULL ? NULL : &tables[kind];
}

void rows_columns_sql(const struct row_table *t, struct buf *out)
{
    for (size_t i = 0; i < t->column_count; i++)
        buf_addf(out, "%s%s", i > 0 ? ", " : "", t->columns[i].name);
}

void rows_insert_sql(const struct row_table *t, const char *more, size_t n_more,
                     struct buf *out)
{
    buf_addf(out, "INSERT INTO %s(node, ", t->name);
    rows_columns_sql(t, out);
    buf_addf(out, "%s) VALUES(?", more);
    for (size_t i = 0; i < t->column_count + n_more; i++)
        buf_adds(out, ", ?");
    buf_adds(out, ")");
    if (t->key == NULL)
        return;
    buf_addf(out, " ON CONFLICT(node, %s) DO UPDATE SET ", t->key);
    const char *comma = "";
    for (size_t i = 0; i < t->column_count; i++) {
        const char *name = t->columns[i].name;
        if (strcmp(name, t->key) == 0)
            continue;
        buf_addf(out, "%s%s = excluded.%s", comma, name, name);
        comma = ", ";
    }
}

/* Through memcpy: an enum's own type is the compiler's choice. */
static int64_t number_at(const struct row_column *c, const char *at)
{
    union {
        int i;
        uint32_t u32;
        int64_t i64;
    } v;
    switch (c->type) {
    case COLUMN_U64:
    case COLUMN_I64: memcpy(&v.i64, at, sizeof v.i64); return v.i64;
    case COLUMN_U32: memcpy(&v.u32, at, sizeof v.u32); return v.u32;
    default: memcpy(&v.i, at, sizeof v.i); return v.i;
    }
}

int rows_bind(sqlite3_stmt *stmt, const struct row_table *t, uint16_t node,
              const void *row)
{
    int rc = sqlite3_bind_int(stmt, 1, node);
    for (size_t i = 0; i < t->column_count && rc == SQLITE_OK; i++) {
        const struct row_column *c = &t->columns[i];
        const char *at = (const char *)row + c->offset;
        int place = (int)i + 2;
        if (c->type != COLUMN_TEXT) {
            rc = sqlite3_bind_int64(stmt, place, number_at(c, at));
            continue;
        }
        const char *text;
        memcpy(&text, at, sizeof text);
        rc = sqlite3_bind_text(stmt, place, text, -1, SQLITE_STATIC);
    }
    return rc;
}

static void read_number(const struct row_column *c, int64_t v, char *at)
{
    int i = (int)v;
    uint32_t u32 = (uint32_t)v;
    if (c->type == COLUMN_ENUM && (v < 0 || v >= c->most))
        i = 0;
    if (c->type == COLUMN_FAULT)
        i = (int)fault_checked((unsigned)v);
    switch (c->type) {
    case COLUMN_U64:
    case COLUMN_I64: memcpy(at, &v, sizeof v); break;
    case COLUMN_U32: memcpy(at, &u32, sizeof u32); break;
    default: memcpy(at, &i, sizeof i); break;
    }
}

/* NULL: there is none. */
static const char *read_text(sqlite3_stmt *stmt, int place, struct arena *a)
{
    if (sqlite3_column_type(stmt, place) == SQLITE_NULL)
        return NULL;
    const void *bytes = sqlite3_column_text(stmt, place);
    if (bytes == NULL)
        mem_exhausted((size_t)sqlite3_column_bytes(stmt, place));
    return arena_strndup(a, bytes, (size_t)sqlite3_column_bytes(stmt, place));
}

/* Only the audit tells no text from an empty one (its hashes do); what is read
 * of anything else has texts, whatever a damaged file says. */
void rows_read(sqlite3_stmt *stmt, int first, const struct row_table *t,
               struct arena *a, void *row)
{
    for (size_t i = 0; i < t->column_count; i++) {
        const struct row_column *c = &t->columns[i];
        char *at = (char *)row + c->offset;
        int place = first + (int)i;
        if (c->type != COLUMN_TEXT) {
            read_number(c, sqlite3_column_int64(stmt, place), at);
            continue;
        }
        const char *text = read_text(stmt, place, a);
        if (text == NULL && t != row_table(RECORD_AUDIT))
            text = "";
        memcpy(at, &text, sizeof text);
    }
}
