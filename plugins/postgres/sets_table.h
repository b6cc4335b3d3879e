/* postgres/sets_table.h: the sets of observations, each as one entry: what it
 * is, the fields that it fills, and the statements that fill them. There is no
 * code for a single column. Included by those who define what they want of it,
 * and undefined at its end:
 *
 *   SETS_SET(name, help)
 *   SETS_FIELD(set, NAME, "name", TYPE, flags, help)
 *       the column has the field's name
 *   SETS_SHOWN(set, NAME, "name", "column", TYPE, AS, flags, help)
 *       the column has a name of its own; AS is the type of a map's values, or
 *       SETS_CHANGED: whether the text is another than in the probe before
 *   SETS_SQL(set, from, below, sql)
 *       for servers of these versions (server_version_num; 0: any)
 *   SETS_SHOW(set, "command", "key", ...)
 *       for a pgbouncer's console: the columns that make up a map's keys
 *
 * Times are in seconds, sizes in bytes, below 0 as 0. Null is absent, and so is
 * all of a statement that yields no row. A column "key" is the key of a row's
 * maps. A column "refused" says what this role is not shown. Of several rows
 * numbers and sizes are summed up, of durations and percentages the greatest
 * counts.
 *
 * Rules that the statements keep: they rather leave a column null than count
 * what they cannot see; they read no table of the user's and show no query,
 * which may hold his data; they have an upper bound of rows; and what needs a
 * privilege of its own is a statement of its own, because a refusal takes the
 * whole of it. They know the versions from 13 on. */
// clang-format off

#ifndef SETS_SET
#define SETS_SET(set, help)
#endif
#ifndef SETS_FIELD
#define SETS_FIELD(set, NAME, name, type, flags, help)
#endif
#ifndef SETS_SHOWN
#define SETS_SHOWN(set, NAME, name, column, type, as, flags, help)
#endif
#ifndef SETS_SQL
#define SETS_SQL(set, from, below, sql)
#endif
#ifndef SETS_SHOW
#define SETS_SHOW(set, command, ...)
#endif

#define RECORDED (RLV_COSTLY | RLV_RECORDED)
#define COUNTER (RLV_COSTLY | RLV_RECORDED | RLV_COUNTER)

/* Whether the role sees what other users' sessions do. */
#define SEES_ALL \
    "(select pg_has_role('pg_read_all_stats', 'usage') as everything) sees "

/* How far the log is written, or on a standby replayed. */
#define HEAD \
    "(select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() " \
    "else pg_current_wal_lsn() end as lsn) head "

/* A row a of pg_stat_activity in words. */
#define SESSION \
    "format('pid %s, user %s, application %s, %s for %s s', a.pid, a.usename, " \
    "coalesce(nullif(a.application_name, ''), '-'), a.state, " \
    "extract(epoch from clock_timestamp() - a.state_change)::bigint)"

/* Seconds since then. */
#define SINCE(time) "extract(epoch from clock_timestamp() - " time ")"

/* ------------------------------------------------------------ connections */

SETS_SET(connections, "how many sessions there are, of how many, and what they do")
SETS_FIELD(connections, CONNECTIONS, "connections", PERCENT, RECORDED,
    "sessions of clients, of those that others than a superuser may have.")
SETS_FIELD(connections, CONNECTED, "connected", INT, RECORDED,
    "sessions of clients, this one too.")
SETS_FIELD(connections, ACTIVE, "active", INT, RECORDED,
    "those that run a query, this one too.")
SETS_FIELD(connections, IDLE, "idle", INT, RECORDED,
    "those that wait for their client.")
SETS_FIELD(connections, IDLE_IN_TRANSACTION, "idle_in_transaction", INT, RECORDED,
    "those that wait for their client within a transaction.")
SETS_SQL(connections, 0, 0,
    "select 100.0 * s.connected / nullif("
    "current_setting('max_connections')::int - "
    "current_setting('superuser_reserved_connections')::int - "
    "coalesce(nullif(current_setting('reserved_connections', true), '')::int, 0), 0) "
    "as connections, s.connected, "
    "case when everything then s.active end as active, "
    "case when everything then s.idle end as idle, "
    "case when everything then s.in_transaction end as idle_in_transaction, "
    "case when not everything then 'the state of sessions' end as refused "
    "from (select count(*) as connected, "
    "count(*) filter (where state = 'active') as active, "
    "count(*) filter (where state = 'idle') as idle, "
    "count(*) filter (where state like 'idle in transaction%') as in_transaction "
    "from pg_stat_activity where datid is not null and usesysid is not null "
    "and coalesce(backend_type, 'client backend') = 'client backend') s, " SEES_ALL)

/* ------------------------------------------------------------ replication */

SETS_SET(replication, "of a primary: its standbys and how far they are behind; of a standby: its link, and how far it is behind itself")
SETS_FIELD(replication, STANDBYS, "standbys", INT, RECORDED,
    "of a primary: standbys that are streaming.")
SETS_FIELD(replication, STANDBYS_SYNC, "standbys_sync", INT, RECORDED,
    "of a primary: those that commits wait for.")
SETS_FIELD(replication, SYNC_WAITS, "sync_waits", INT, RECORDED,
    "of a primary: sessions whose commit waits for a standby.")
SETS_FIELD(replication, WAL_RECEIVER, "wal_receiver", TEXT, RECORDED,
    "of a standby: streaming, starting, waiting, ..., or none: cut off, or it reads from an archive.")
SETS_FIELD(replication, WAL_HEARD, "wal_heard", DURATION, RECORDED,
    "of a standby: since its primary was last heard of.")
SETS_FIELD(replication, LAG_BYTES, "lag_bytes", SIZE, RECORDED,
    "of a primary: what the last of its standbys has not replayed; of a standby: what it knows of and has not replayed.")
SETS_FIELD(replication, LAG, "lag", DURATION, RECORDED,
    "the same in time, 0 where nothing is missing: of a primary by the standby's last report; of a standby the age of the last transaction that it shows.")
SETS_FIELD(replication, REPLAY_PAUSED, "replay_paused", BOOL, RECORDED,
    "of a standby: whether somebody has paused replay.")
SETS_FIELD(replication, RECOVERY_CONFLICTS, "recovery_conflicts", INT, COUNTER,
    "of a standby: queries cancelled because replay could not wait for them.")
SETS_FIELD(replication, TIMELINE, "timeline", INT, RECORDED,
    "number of the timeline, which grows with each promotion.")
SETS_SHOWN(replication, TIMELINE_CHANGED, "timeline_changed", "timeline", BOOL, SETS_CHANGED, RECORDED,
    "whether timeline is another than in the probe before; absent in the first.")
SETS_SHOWN(replication, STANDBY_LAG, "standby_lag", "standby_lag", MAP, RLV_T_SIZE, RECORDED,
    "of a primary: lag_bytes of each by its application_name: standby_lag('replica1').")
SETS_SQL(replication, 0, 0,
    "select case when everything then count(*) filter (where r.state = 'streaming') end as standbys, "
    "case when everything then count(*) filter (where r.sync_state in ('sync', 'quorum')) end "
    "as standbys_sync, "
    "max(pg_wal_lsn_diff(head.lsn, r.replay_lsn)) as lag_bytes, "
    "extract(epoch from max(case when r.replay_lsn >= head.lsn then interval '0' "
    "else r.replay_lag end)) as lag, "
    "case when everything then (select count(*) from pg_stat_activity "
    "where wait_event = 'SyncRep') end as sync_waits, "
    "('x' || substr(pg_walfile_name(head.lsn), 1, 8))::bit(32)::int as timeline, "
    "case when not everything then 'standbys' end as refused "
    "from (select pg_current_wal_lsn() as lsn where not pg_is_in_recovery()) head "
    "cross join " SEES_ALL "left join pg_stat_replication r on true "
    "group by head.lsn, everything")
SETS_SQL(replication, 0, 0,
    "select coalesce(nullif(application_name, ''), pid::text) as key, "
    "max(pg_wal_lsn_diff(head.lsn, replay_lsn)) as standby_lag "
    "from pg_stat_replication, "
    "(select pg_current_wal_lsn() as lsn where not pg_is_in_recovery()) head "
    "where replay_lsn is not null group by 1 order by 2 desc limit 64")
SETS_SQL(replication, 0, 0,
    "select case when w.pid is null then 'none' else w.status end as wal_receiver, "
    SINCE("w.last_msg_receipt_time") " as wal_heard, "
    "pg_wal_lsn_diff(known.lsn, pg_last_wal_replay_lsn()) as lag_bytes, "
    "case when coalesce(w.status, '') in ('', 'streaming') and w.pid is not null "
    "and pg_last_wal_replay_lsn() >= known.lsn then 0 "
    "else " SINCE("pg_last_xact_replay_timestamp()") " end as lag, "
    "pg_is_wal_replay_paused() as replay_paused, "
    "(select sum(conflicts) from pg_stat_database) as recovery_conflicts, "
    "greatest(w.received_tli, c.timeline_id) as timeline, "
    "case when not everything then 'the state of the link' end as refused "
    "from (select where pg_is_in_recovery()) standby "
    "cross join " SEES_ALL "cross join pg_control_checkpoint() c "
    "left join pg_stat_wal_receiver w on true "
    "cross join lateral (select greatest(pg_last_wal_receive_lsn(), w.latest_end_lsn) as lsn) known")

/* ------------------------------------------------------------------ slots */

SETS_SET(slots, "replication slots, and the log that they keep from being removed")
SETS_FIELD(slots, SLOTS, "slots", INT, RECORDED, "replication slots.")
SETS_FIELD(slots, SLOTS_INACTIVE, "slots_inactive", INT, RECORDED,
    "those that nobody reads from.")
SETS_FIELD(slots, SLOTS_LOST, "slots_lost", INT, RECORDED,
    "those whose log is gone already: their readers must begin anew.")
SETS_FIELD(slots, SLOT_RETAINED, "slot_retained", SIZE, RECORDED,
    "the most that a slot keeps from being removed; 0 without slots.")
SETS_FIELD(slots, SLOT_WORST, "slot_worst", TEXT, RECORDED, "the name of that slot.")
SETS_FIELD(slots, WAL_SIZE, "wal_size", SIZE, RECORDED, "all files in pg_wal.")
SETS_SHOWN(slots, SLOT, "slot", "slot", MAP, RLV_T_SIZE, RECORDED,
    "what a slot keeps from being removed: slot('replica1').")
SETS_SQL(slots, 0, 0,
    "select count(*) as slots, count(*) filter (where not active) as slots_inactive, "
    "count(*) filter (where wal_status = 'lost') as slots_lost, "
    "coalesce(max(kept), 0) as slot_retained, "
    "(array_agg(slot_name order by kept desc nulls last))[1] as slot_worst "
    "from (select slot_name, active, wal_status, "
    "pg_wal_lsn_diff(head.lsn, restart_lsn) as kept "
    "from pg_replication_slots, " HEAD ") s")
SETS_SQL(slots, 0, 0,
    "select slot_name as key, pg_wal_lsn_diff(head.lsn, restart_lsn) as slot "
    "from pg_replication_slots, " HEAD "where restart_lsn is not null order by 2 desc limit 64")
SETS_SQL(slots, 0, 0, "select coalesce(sum(size), 0) as wal_size from pg_ls_waldir()")

/* ----------------------------------------------------------- transactions */

SETS_SET(transactions, "the oldest transactions, and what keeps vacuum from cleaning up")
SETS_FIELD(transactions, OLDEST_TRANSACTION, "oldest_transaction", DURATION, RECORDED,
    "since the oldest of a client's transactions began; 0 where there is none.")
SETS_FIELD(transactions, LONGEST_QUERY, "longest_query", DURATION, RECORDED,
    "since the oldest of the queries that run was begun.")
SETS_FIELD(transactions, LONGEST_IDLE, "longest_idle_in_transaction", DURATION, RECORDED,
    "how long a session has waited for its client within a transaction.")
SETS_FIELD(transactions, OLDEST_SESSION, "oldest_session", TEXT, RECORDED,
    "whose the oldest transaction is: process, user, application, state.")
SETS_FIELD(transactions, PREPARED, "prepared_transactions", INT, RECORDED,
    "transactions prepared for a commit in two phases.")
SETS_FIELD(transactions, OLDEST_PREPARED, "oldest_prepared", DURATION, RECORDED,
    "since the oldest of these was prepared.")
SETS_FIELD(transactions, XMIN_AGE, "xmin_age", INT, RECORDED,
    "transactions that vacuum cannot clean up after, because of a session, a slot or a prepared transaction.")
SETS_SQL(transactions, 0, 0,
    "select coalesce(max(" SINCE("xact_start") "), 0) as oldest_transaction, "
    "coalesce(max(" SINCE("query_start") ") filter (where state = 'active'), 0) as longest_query, "
    "coalesce(max(" SINCE("state_change") ") filter (where state like 'idle in transaction%'), 0) "
    "as longest_idle_in_transaction, "
    "(array_agg(" SESSION " order by a.xact_start) filter (where a.xact_start is not null))[1] "
    "as oldest_session "
    "from " SEES_ALL "left join pg_stat_activity a "
    "on backend_type = 'client backend' and pid <> pg_backend_pid() "
    "where everything group by everything")
SETS_SQL(transactions, 0, 0,
    "select greatest(0, (select max(age(backend_xmin)) from pg_stat_activity where pid <> pg_backend_pid()), "
    "(select max(greatest(age(xmin), age(catalog_xmin))) from pg_replication_slots), "
    "(select max(age(transaction)) from pg_prepared_xacts)) as xmin_age "
    "from " SEES_ALL "where everything")
SETS_SQL(transactions, 0, 0,
    "select count(*) as prepared_transactions, "
    "coalesce(max(" SINCE("prepared") "), 0) as oldest_prepared from pg_prepared_xacts")
SETS_SQL(transactions, 0, 0,
    "select 'the transactions of sessions' as refused from " SEES_ALL "where not everything")

/* ------------------------------------------------------------------ locks */

SETS_SET(locks, "who waits for a lock, since when, and who is at the root of it")
SETS_FIELD(locks, LOCK_WAITERS, "lock_waiters", INT, RECORDED,
    "sessions that wait for a lock.")
SETS_FIELD(locks, LOCK_WAIT, "lock_wait", DURATION, RECORDED,
    "how long the first of them has waited.")
SETS_FIELD(locks, ROOT_BLOCKERS, "root_blockers", INT, RECORDED,
    "sessions that others wait for and that wait for no lock themselves.")
SETS_FIELD(locks, BLOCKED, "blocked", INT, RECORDED,
    "how many wait for the worst of these, one behind the other.")
SETS_FIELD(locks, BLOCKER, "blocker", TEXT, RECORDED,
    "which that is: process, user, application, state.")
SETS_FIELD(locks, DEADLOCKS, "deadlocks", INT, COUNTER, "deadlocks broken by the server.")
/* Since: when a session began to wait. */
#define LOCKS(since) \
    "with recursive waiting as materialized (" \
    "select l.pid, min(" since ") as since from pg_locks l " \
    "left join pg_stat_activity a on a.pid = l.pid where not l.granted group by l.pid), " \
    "edge as materialized (select w.pid, b.pid as blocker " \
    "from waiting w, unnest(pg_blocking_pids(w.pid)) as b(pid)), " \
    "root as (select distinct blocker as pid from edge " \
    "where blocker not in (select pid from waiting)), " \
    "tree as (select r.pid as root, e.pid from root r join edge e on e.blocker = r.pid " \
    "union select t.root, e.pid from tree t join edge e on e.blocker = t.pid), " \
    "worst as (select root, count(*) as blocked from tree group by root order by 2 desc, 1 limit 1) " \
    "select count(*) as lock_waiters, coalesce(max(" SINCE("since") "), 0) as lock_wait, " \
    "(select count(*) from root) as root_blockers, " \
    "coalesce((select blocked from worst), 0) as blocked, " \
    "(select case when w.root = 0 then 'a prepared transaction' else " SESSION " end " \
    "from worst w left join pg_stat_activity a on a.pid = w.root) as blocker from waiting"
SETS_SQL(locks, 0, 140000, LOCKS("a.query_start"))
SETS_SQL(locks, 140000, 0, LOCKS("l.waitstart"))
SETS_SQL(locks, 0, 0, "select sum(deadlocks) as deadlocks from pg_stat_database")

/* ------------------------------------------------------------- wraparound */

SETS_SET(wraparound, "how much of the range of transaction ids is used up")
SETS_FIELD(wraparound, WRAPAROUND, "wraparound", PERCENT, RECORDED,
    "how much of the range of transaction ids, or of multixacts, is used up; near 100 % the server stops writing.")
SETS_FIELD(wraparound, XID_AGE, "xid_age", INT, RECORDED,
    "age of the oldest transaction id in any database.")
SETS_FIELD(wraparound, MXID_AGE, "mxid_age", INT, RECORDED,
    "age of the oldest multixact.")
SETS_FIELD(wraparound, WRAPAROUND_DATABASE, "wraparound_database", TEXT, RECORDED,
    "the database that is furthest.")
SETS_SQL(wraparound, 0, 0,
    "select 100.0 * max(greatest(xid, mxid)) / 2147483648 as wraparound, "
    "max(xid) as xid_age, max(mxid) as mxid_age, "
    "(array_agg(datname order by greatest(xid, mxid) desc))[1] as wraparound_database "
    "from (select datname, age(datfrozenxid) as xid, mxid_age(datminmxid) as mxid "
    "from pg_database) d")

/* --------------------------------------------------------------- archiver */

SETS_SET(archiver, "whether the log is being archived, and what waits for it; nothing where archive_mode is off")
SETS_FIELD(archiver, ARCHIVED, "archived", INT, COUNTER, "files archived.")
SETS_FIELD(archiver, ARCHIVE_FAILURES, "archive_failures", INT, COUNTER,
    "attempts that failed.")
SETS_FIELD(archiver, ARCHIVE_FAILING, "archive_failing", BOOL, RECORDED,
    "whether the last attempt failed.")
SETS_FIELD(archiver, ARCHIVE_FAILED_FILE, "archive_failed_file", TEXT, RECORDED,
    "the file that the last failure was about.")
SETS_FIELD(archiver, ARCHIVE_AGE, "archive_age", DURATION, RECORDED,
    "since a file was archived; an idle server has none to archive.")
SETS_FIELD(archiver, ARCHIVE_BACKLOG, "archive_backlog", INT, RECORDED,
    "files that wait to be archived.")
SETS_FIELD(archiver, ARCHIVE_WAIT, "archive_wait", DURATION, RECORDED,
    "how long the first of them has waited; 0 where none does.")
/* A standby archives only where it is told to do so always. */
#define ARCHIVES \
    "(select where current_setting('archive_mode') = 'always' or " \
    "current_setting('archive_mode') = 'on' and not pg_is_in_recovery()) archives "
SETS_SQL(archiver, 0, 0,
    "select archived_count as archived, failed_count as archive_failures, "
    "coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) as archive_failing, "
    "last_failed_wal as archive_failed_file, "
    SINCE("last_archived_time") " as archive_age from pg_stat_archiver, " ARCHIVES)
SETS_SQL(archiver, 0, 0,
    "select count(f.name) as archive_backlog, "
    "coalesce(max(" SINCE("f.modification") "), 0) as archive_wait "
    "from " ARCHIVES "left join pg_ls_archive_statusdir() f on f.name like '%.ready' "
    "having count(archives) > 0")

/* ------------------------------------------------------------ checkpoints */

SETS_SET(checkpoints, "how often, how long ago, and how much a crash would have to replay")
SETS_FIELD(checkpoints, CHECKPOINTS_TIMED, "checkpoints_timed", INT, COUNTER,
    "checkpoints made because it was time.")
SETS_FIELD(checkpoints, CHECKPOINTS_REQUESTED, "checkpoints_requested", INT, COUNTER,
    "checkpoints made before their time.")
SETS_FIELD(checkpoints, CHECKPOINTS_EARLY, "checkpoints_early", PERCENT, RECORDED,
    "these, of all since the statistics began; many of them: max_wal_size is small.")
SETS_FIELD(checkpoints, CHECKPOINT_AGE, "checkpoint_age", DURATION, RECORDED,
    "since the last one; an idle server makes none.")
SETS_FIELD(checkpoints, CHECKPOINT_DISTANCE, "checkpoint_distance", SIZE, RECORDED,
    "the log that a start after a crash would have to replay.")
#define CHECKPOINTS(timed, requested, view) \
    "select " timed " as checkpoints_timed, " requested " as checkpoints_requested, " \
    "100.0 * " requested " / nullif(" timed " + " requested ", 0) as checkpoints_early " \
    "from " view
SETS_SQL(checkpoints, 0, 170000,
    CHECKPOINTS("checkpoints_timed", "checkpoints_req", "pg_stat_bgwriter"))
SETS_SQL(checkpoints, 170000, 0,
    CHECKPOINTS("num_timed", "num_requested", "pg_stat_checkpointer"))
SETS_SQL(checkpoints, 0, 0,
    "select " SINCE("c.checkpoint_time") " as checkpoint_age, "
    "pg_wal_lsn_diff(head.lsn, c.redo_lsn) as checkpoint_distance "
    "from pg_control_checkpoint() c, " HEAD)

/* ------------------------------------------------------------------ sizes */

SETS_SET(sizes, "bytes of the database, and of all")
SETS_FIELD(sizes, DATABASE_SIZE, "database_size", SIZE, RECORDED, "this database.")
SETS_FIELD(sizes, DATABASES_SIZE, "databases_size", SIZE, RECORDED, "all databases of the server.")
SETS_SQL(sizes, 0, 0, "select pg_database_size(current_database()) as database_size")
SETS_SQL(sizes, 0, 0, "select sum(pg_database_size(oid)) as databases_size from pg_database")

/* ------------------------------------------------------------------ cache */

SETS_SET(cache, "what this database found in memory, committed, and wrote to temporary files")
SETS_FIELD(cache, HIT_RATIO, "hit_ratio", PERCENT, RECORDED,
    "blocks found in memory, of all since the statistics began.")
SETS_FIELD(cache, BLOCKS_READ, "blocks_read", INT, COUNTER, "blocks that were not.")
SETS_FIELD(cache, COMMITS, "commits", INT, COUNTER, "transactions committed.")
SETS_FIELD(cache, ROLLBACKS, "rollbacks", INT, COUNTER, "transactions rolled back.")
SETS_FIELD(cache, TEMP_FILES, "temp_files", INT, COUNTER,
    "temporary files, of queries that did not fit into work_mem.")
SETS_FIELD(cache, TEMP_BYTES, "temp_bytes", SIZE, COUNTER, "what was written to these.")
SETS_SQL(cache, 0, 0,
    "select 100.0 * blks_hit / nullif(blks_hit + blks_read, 0) as hit_ratio, "
    "blks_read as blocks_read, xact_commit as commits, xact_rollback as rollbacks, "
    "temp_files, temp_bytes from pg_stat_database where datname = current_database()")

/* ------------------------------------------------------------- extensions */

SETS_SET(extensions, "extensions of this database, and whether the server still has their files")
SETS_SHOWN(extensions, EXTENSION, "extension", "extension", MAP, RLV_T_TEXT, RECORDED,
    "version of an extension: extension('postgis') >= '3.3'.")
SETS_FIELD(extensions, POSTGIS, "postgis", TEXT, RECORDED,
    "version of PostGIS, as its library says when it is called; absent where it is not there, or does not load.")
SETS_FIELD(extensions, EXTENSIONS_OUTDATED, "extensions_outdated", TEXT, RECORDED,
    "those of which the server has another version; empty for none.")
SETS_FIELD(extensions, EXTENSIONS_MISSING, "extensions_missing", TEXT, RECORDED,
    "those whose files are gone from the server; empty for none.")
SETS_SQL(extensions, 0, 0,
    "select extname as key, extversion as extension from pg_extension order by 1 limit 256")
SETS_SQL(extensions, 0, 0,
    "select coalesce(string_agg(format('%s %s (%s)', extname, extversion, default_version), ', ' "
    "order by extname) filter (where default_version <> extversion), '') as extensions_outdated, "
    "coalesce(string_agg(extname, ', ' order by extname) filter (where name is null), '') "
    "as extensions_missing from pg_extension left join pg_available_extensions on name = extname")
/* By way of XML, because which schema it is in is not known before. */
SETS_SQL(extensions, 0, 0,
    "select (xpath('//v/text()', query_to_xml("
    "format('select %I.postgis_lib_version() as v', nspname), true, false, '')))[1]::text as postgis "
    "from pg_extension join pg_namespace n on n.oid = extnamespace where extname = 'postgis'")

/* --------------------------------------------------------------- settings */

SETS_SET(settings, "settings that wait for a restart, or were changed")
SETS_FIELD(settings, PENDING_RESTART, "pending_restart", INT, RECORDED,
    "settings changed in the files that only a restart puts in force.")
SETS_FIELD(settings, PENDING_SETTINGS, "pending_settings", TEXT, RECORDED, "their names.")
SETS_SHOWN(settings, SETTINGS_CHANGED, "settings_changed", "settings", BOOL, SETS_CHANGED, RECORDED,
    "whether any setting is another than in the probe before; absent in the first.")
SETS_SQL(settings, 0, 0,
    "select count(*) filter (where pending_restart) as pending_restart, "
    "coalesce(string_agg(name, ', ' order by name) filter (where pending_restart), '') as pending_settings, "
    "md5(string_agg(name || '=' || setting, ',' order by name) filter (where source in "
    "('default', 'environment variable', 'configuration file', 'command line', 'global', "
    "'database', 'user', 'database user'))) as settings from pg_settings")

/* ---------------------------------------------------------------- indexes */

SETS_SET(indexes, "indexes of this database that failed while they were built")
SETS_FIELD(indexes, INVALID_INDEXES, "invalid_indexes", INT, RECORDED,
    "indexes that no query uses, because building them failed; none that is being built.")
SETS_FIELD(indexes, INVALID_NAMES, "invalid_index_names", TEXT, RECORDED, "their names.")
SETS_SQL(indexes, 0, 0,
    "select count(*) as invalid_indexes, "
    "coalesce(string_agg(name, ', ' order by name) filter (where nth <= 20), '') as invalid_index_names "
    "from (select i.indexrelid::regclass::text as name, row_number() over (order by i.indexrelid) as nth "
    "from pg_index i join pg_class c on c.oid = i.indexrelid "
    "where not i.indisvalid and c.relkind = 'i' and not exists ("
    "select from pg_stat_progress_create_index p join pg_locks l on l.pid = p.pid "
    "where l.relation = i.indrelid and p.datname = current_database())) x")

/* ----------------------------------------------------------------- backup */

SETS_SET(backup, "the age of the last base backup of this server")
SETS_FIELD(backup, BACKUP_AGE, "backup_age", DURATION, RECORDED,
    "since the last base backup of this primary ended; absent where it knows of none.")
SETS_FIELD(backup, BACKUPS_RUNNING, "backups_running", INT, RECORDED,
    "base backups that are being taken by pg_basebackup.")
/* Each base backup of a primary leaves such a file, whoever took it; the last
 * one stays. */
SETS_SQL(backup, 0, 0,
    "select " SINCE("max(modification)") " as backup_age from pg_ls_waldir() "
    "where name ~ '^[0-9A-F]{24}[.][0-9A-F]{8}[.]backup$' and not pg_is_in_recovery() "
    "having count(*) > 0")
SETS_SQL(backup, 0, 0,
    "select count(*) as backups_running from pg_stat_progress_basebackup")

/* ----------------------------------------------------------------- uptime */

SETS_SET(uptime, "how long the server has been running, and whether it was restarted")
SETS_FIELD(uptime, UPTIME, "uptime", DURATION, RECORDED,
    "since the start, or since it recovered from the crash of one of its processes.")
SETS_SHOWN(uptime, RESTARTED, "restarted", "started", BOOL, SETS_CHANGED, RECORDED,
    "whether that happened since the probe before; absent in the first.")
/* After a crash of a session's process the server starts all others anew, its
 * checkpointer too, but remains the same server. */
SETS_SQL(uptime, 0, 0,
    "select " SINCE("at") " as uptime, extract(epoch from at) as started "
    "from (select greatest(pg_postmaster_start_time(), max(backend_start)) as at "
    "from pg_stat_activity where backend_type = 'checkpointer') s")

/* ------------------------------------------------------------------ pools */

SETS_SET(pools, "the pools of a pgbouncer; on its console, the database pgbouncer")
SETS_SHOWN(pools, POOL_CLIENTS, "pool_clients", "cl_active", INT, RLV_T_INT, RECORDED,
    "clients that have a server, or need none (cl_active), of all pools.")
SETS_SHOWN(pools, POOL_WAITING, "pool_waiting", "cl_waiting", INT, RLV_T_INT, RECORDED,
    "clients that wait for a server (cl_waiting).")
SETS_SHOWN(pools, POOL_WAIT, "pool_wait", "maxwait", DURATION, RLV_T_DURATION, RECORDED,
    "how long the first of them has waited (maxwait), in whole seconds.")
SETS_SHOWN(pools, POOL_SERVERS_ACTIVE, "pool_servers_active", "sv_active", INT, RLV_T_INT, RECORDED,
    "servers at work for a client (sv_active).")
SETS_SHOWN(pools, POOL_SERVERS_IDLE, "pool_servers_idle", "sv_idle", INT, RLV_T_INT, RECORDED,
    "servers ready for one (sv_idle).")
SETS_SHOWN(pools, POOL, "pool", "cl_waiting", MAP, RLV_T_INT, RECORDED,
    "clients that wait in a pool, by database and user: pool('app/web').")
SETS_SHOWN(pools, POOLS_PAUSED, "pools_paused", "paused", INT, RLV_T_INT, RECORDED,
    "databases that are paused: their clients wait.")
SETS_SHOWN(pools, POOLS_DISABLED, "pools_disabled", "disabled", INT, RLV_T_INT, RECORDED,
    "databases that are disabled: new clients are turned away.")
SETS_SHOW(pools, "SHOW POOLS", "database", "user")
SETS_SHOW(pools, "SHOW DATABASES", "name")

#undef RECORDED
#undef COUNTER
#undef SETS_SET
#undef SETS_FIELD
#undef SETS_SHOWN
#undef SETS_SQL
#undef SETS_SHOW
// clang-format on
