/* store/schema.c: the tables, as steps from one version to the next.
 *
 * PRAGMA user_version counts the steps that a file has seen. A step that was
 * shipped never changes; what comes later is a further step. */
#include "store/db.h"

#include "base/attr.h"
#include "base/buf.h"
#include "base/failpoint.h"

static const char step_1[] =
    /* Names and numbers. */
    "CREATE TABLE \"check\"("
    " node INTEGER NOT NULL, check_id INTEGER NOT NULL, name TEXT,"
    " environment TEXT, plugin TEXT, ordinal INTEGER NOT NULL,"
    " PRIMARY KEY(node, check_id)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX check_by_name ON \"check\"(node, name);"
    "CREATE TABLE state("
    " node INTEGER NOT NULL, check_id INTEGER NOT NULL,"
    " state INTEGER NOT NULL, since_us INTEGER NOT NULL,"
    " fails INTEGER NOT NULL, goods INTEGER NOT NULL,"
    " unknowns INTEGER NOT NULL, recent_bits INTEGER NOT NULL,"
    " incident INTEGER NOT NULL, suspect_us INTEGER NOT NULL,"
    " PRIMARY KEY(node, check_id)) STRICT, WITHOUT ROWID;"
    /* The highest number ever given out, by kind: check, incident, run,
     * audit. A row that retention deletes takes no number back. And sums that
     * would be dear to count again (write.h). */
    "CREATE TABLE counter("
    " node INTEGER NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL,"
    " PRIMARY KEY(node, name)) STRICT, WITHOUT ROWID;"

    /* Results: written to hot, packed into chunk; detail beside both. */
    "CREATE TABLE hot("
    " node INTEGER NOT NULL, check_id INTEGER NOT NULL,"
    " started_us INTEGER NOT NULL, started_ns INTEGER NOT NULL,"
    " duration_ns INTEGER NOT NULL, probe INTEGER NOT NULL,"
    " generation INTEGER NOT NULL, outcome INTEGER NOT NULL,"
    " purpose INTEGER NOT NULL, flags INTEGER NOT NULL,"
    " has_detail INTEGER NOT NULL, observations BLOB) STRICT;"
    "CREATE TABLE chunk("
    " node INTEGER NOT NULL, check_id INTEGER NOT NULL,"
    " t0 INTEGER NOT NULL, n INTEGER NOT NULL, data BLOB NOT NULL,"
    " PRIMARY KEY(node, check_id, t0)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE detail("
    " node INTEGER NOT NULL, check_id INTEGER NOT NULL,"
    " started_us INTEGER NOT NULL, probe INTEGER NOT NULL,"
    " fault INTEGER NOT NULL, sys_errno INTEGER NOT NULL, code TEXT,"
    " message TEXT, data BLOB, evidence BLOB,"
    " PRIMARY KEY(node, check_id, started_us, probe)) STRICT, WITHOUT ROWID;"

    /* What happened. */
    "CREATE TABLE transition("
    " node INTEGER NOT NULL, check_id INTEGER NOT NULL,"
    " at_us INTEGER NOT NULL, from_state INTEGER NOT NULL,"
    " to_state INTEGER NOT NULL, fault INTEGER NOT NULL, code TEXT,"
    " reason TEXT) STRICT;"
    "CREATE INDEX transition_by_check ON transition(node, check_id, at_us);"
    "CREATE TABLE incident("
    " node INTEGER NOT NULL, number INTEGER NOT NULL,"
    " check_id INTEGER NOT NULL, state INTEGER NOT NULL,"
    " began_us INTEGER NOT NULL, opened_us INTEGER NOT NULL,"
    " resolved_us INTEGER NOT NULL, fault INTEGER NOT NULL, code TEXT,"
    " summary TEXT, cause TEXT, reopened INTEGER NOT NULL,"
    " PRIMARY KEY(node, number)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX incident_by_end ON incident(node, resolved_us);"
    "CREATE TABLE event("
    " node INTEGER NOT NULL, incident INTEGER NOT NULL,"
    " check_id INTEGER NOT NULL, at_us INTEGER NOT NULL, event TEXT,"
    " text TEXT) STRICT;"
    "CREATE INDEX event_by_incident ON event(node, incident);"
    "CREATE TABLE run("
    " node INTEGER NOT NULL, number INTEGER NOT NULL, runbook TEXT,"
    " kind INTEGER NOT NULL, check_id INTEGER NOT NULL,"
    " incident INTEGER NOT NULL, state INTEGER NOT NULL,"
    " verdict INTEGER NOT NULL, occasion INTEGER NOT NULL,"
    " intended_us INTEGER NOT NULL, started_us INTEGER NOT NULL,"
    " ended_us INTEGER NOT NULL, exit_status INTEGER NOT NULL, held_by TEXT,"
    " reason TEXT, sha256 TEXT, pid INTEGER NOT NULL,"
    " pid_start INTEGER NOT NULL, boot_id TEXT, findings TEXT, output TEXT,"
    " fault INTEGER NOT NULL,"
    " PRIMARY KEY(node, number)) STRICT;"
    "CREATE INDEX run_by_incident ON run(node, incident);"
    /* 0 to 2: intended, started, ended. */
    "CREATE INDEX run_live ON run(node, number, state) WHERE state < 2;"
    "CREATE INDEX run_by_time ON run(node, intended_us, number, state) WHERE "
    "state <= 2;"
    "CREATE INDEX run_latest ON run(node, runbook, check_id, fault, number,"
    " state)"
    " WHERE state <= 2;"

    /* Who did what. */
    "CREATE TABLE audit("
    " node INTEGER NOT NULL, id INTEGER NOT NULL, at_us INTEGER NOT NULL,"
    " actor TEXT, action TEXT, object TEXT, detail TEXT, hash TEXT NOT NULL,"
    " PRIMARY KEY(node, id)) STRICT;"
    "CREATE TRIGGER audit_update BEFORE UPDATE ON audit BEGIN"
    " SELECT RAISE(ABORT, 'the audit is append-only'); END;"
    "CREATE TRIGGER audit_delete BEFORE DELETE ON audit BEGIN"
    " SELECT RAISE(ABORT, 'the audit is append-only'); END;";

static const char step_2[] =
    "ALTER TABLE state ADD COLUMN until_us INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE incident"
    " ADD COLUMN acknowledged_us INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE incident ADD COLUMN acknowledged_by TEXT;"
    "ALTER TABLE incident ADD COLUMN note TEXT;"
    "ALTER TABLE run ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE run ADD COLUMN first_run INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE run ADD COLUMN not_before_us INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE impact("
    " node INTEGER NOT NULL, incident INTEGER NOT NULL,"
    " check_id INTEGER NOT NULL, since_us INTEGER NOT NULL,"
    " until_us INTEGER NOT NULL,"
    " PRIMARY KEY(node, incident, check_id)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE mark("
    " node INTEGER NOT NULL, at_us INTEGER NOT NULL, actor TEXT, text TEXT,"
    " environment TEXT) STRICT;"
    "CREATE INDEX mark_by_time ON mark(node, at_us);"
    "CREATE TABLE maintenance("
    " node INTEGER NOT NULL, number INTEGER NOT NULL,"
    " from_us INTEGER NOT NULL, until_us INTEGER NOT NULL,"
    " ended_us INTEGER NOT NULL, checks TEXT, tags TEXT, environments TEXT,"
    " actor TEXT, reason TEXT,"
    " PRIMARY KEY(node, number)) STRICT, WITHOUT ROWID;";

/* What was packed before has no rollups: they are counted from then on
 * ("rollups_from"; readers compare them with results only after it). */
static const char step_3[] =
    /* Counts by period: an hour or a day a row; fifteen minutes a row, because
     * a row of its own for each would take as much room as the results. */
    "CREATE TABLE rollup_minute("
    " node INTEGER NOT NULL, check_id INTEGER NOT NULL,"
    " t0 INTEGER NOT NULL, data BLOB NOT NULL,"
    " PRIMARY KEY(node, check_id, t0)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE rollup_hour("
    " node INTEGER NOT NULL, check_id INTEGER NOT NULL,"
    " t0 INTEGER NOT NULL, data BLOB NOT NULL,"
    " PRIMARY KEY(node, check_id, t0)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE rollup_day("
    " node INTEGER NOT NULL, check_id INTEGER NOT NULL,"
    " t0 INTEGER NOT NULL, data BLOB NOT NULL,"
    " PRIMARY KEY(node, check_id, t0)) STRICT, WITHOUT ROWID;"
    /* What ages by time, whatever check it is of. */
    "CREATE INDEX run_output ON run(node, number) WHERE output IS NOT NULL;"
    "CREATE INDEX detail_evidence ON detail(node, started_us)"
    " WHERE evidence IS NOT NULL;"
    "INSERT OR REPLACE INTO counter"
    " SELECT node, 'rollups_from', (unixepoch('now') + 1) * 1000000"
    " FROM chunk GROUP BY node;"
    "INSERT OR REPLACE INTO counter SELECT node, 'outputs_bytes', sum(n) FROM("
    " SELECT node, length(CAST(output AS BLOB)) AS n FROM run"
    "  WHERE output IS NOT NULL"
    " UNION ALL SELECT node, length(evidence) FROM detail"
    "  WHERE evidence IS NOT NULL) GROUP BY node;";

static const char step_4[] =
    "CREATE TABLE beat("
    " node INTEGER NOT NULL, check_id INTEGER NOT NULL,"
    " from_us INTEGER NOT NULL, last_us INTEGER NOT NULL,"
    " missed_us INTEGER NOT NULL, runs TEXT,"
    " PRIMARY KEY(node, check_id)) STRICT, WITHOUT ROWID;";

static const char *const steps[] = {step_1, step_2, step_3, step_4};

const int db_schema_version = (int)ARRAY_LEN(steps);

enum db_failure db_check_version(struct db *db, struct err *err)
{
    int64_t id = 0, version = 0, tables = 0;
    int rc = db_number(db, "PRAGMA application_id", &id);
    if (rc == SQLITE_OK)
        rc = db_number(db, "PRAGMA user_version", &version);
    if (rc == SQLITE_OK)
        rc = db_number(db, "SELECT count(*) FROM sqlite_schema", &tables);
    if (rc != SQLITE_OK) {
        db_err(db, err, "reading it");
        return db_failure_of(rc);
    }
    if (tables > 0 && id != DB_APPLICATION_ID) {
        err_set(err, ERR_PROTOCOL, 0,
                "history: a database of something else (application id %lld)",
                (long long)id);
        return DB_BROKEN;
    }
    if (version > db_schema_version) {
        err_set(err, ERR_DENIED, 0,
                "history: written by a newer relevo (schema %lld; this one "
                "knows %d)",
                (long long)version, db_schema_version);
        return DB_NEWER;
    }
    if (version == db_schema_version)
        return DB_FINE;
    err_set(err, version == 0 ? ERR_NOT_FOUND : ERR_IO, 0,
            "history: schema %lld is older than %d: start relevo run once",
            (long long)version, db_schema_version);
    return DB_REFUSED;
}

static int migrate_step(struct db *db, int version)
{
    struct buf sql = {0};
    buf_addf(&sql, "PRAGMA application_id = %d; PRAGMA user_version = %d;",
             DB_APPLICATION_ID, version + 1);
    int rc = db_exec(db, steps[version]);
    if (rc == SQLITE_OK && FAILPOINT("store.mid_migration"))
        rc = SQLITE_IOERR;
    if (rc == SQLITE_OK)
        rc = db_exec(db, sql.data);
    buf_free(&sql);
    return rc;
}

enum db_failure db_migrate_to(struct db *db, int last, struct err *err)
{
    enum db_failure failure = db_check_version(db, err);
    if (failure != DB_REFUSED)
        return failure;
    int64_t version = 0;
    int rc = db_exec(db, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK)
        rc = db_number(db, "PRAGMA user_version", &version);
    while (rc == SQLITE_OK && version < last)
        rc = migrate_step(db, (int)version++);
    if (rc == SQLITE_OK)
        rc = db_exec(db, "COMMIT");
    if (rc == SQLITE_OK)
        return DB_FINE;
    db_err(db, err, "bringing it to the present schema");
    sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    return db_failure_of(rc);
}

enum db_failure db_migrate(struct db *db, struct err *err)
{
    return db_migrate_to(db, db_schema_version, err);
}
