-- What postgres/diagnose asks a PostgreSQL that lets it in. Each answer is one
-- line of JSON after a line "@name"; a question that this user or this version
-- does not allow leaves an error there and takes no other one with it. Reads
-- only; needs pg_monitor to see the sessions of others.
\echo @settings
select jsonb_object_agg(name, setting) from pg_settings where name in
  ('max_connections', 'superuser_reserved_connections', 'reserved_connections', 'synchronous_standby_names',
   'archive_mode', 'data_directory', 'autovacuum_freeze_max_age', 'max_slot_wal_keep_size', 'cluster_name');
\echo @me
select jsonb_build_object('user', current_user, 'database', current_database(),
  'monitor', pg_has_role(current_user, 'pg_monitor', 'usage'));
\echo @holders
select jsonb_build_object('all', (select count(*) from pg_stat_activity where backend_type = 'client backend'),
  'groups', (select jsonb_agg(g) from (
    select coalesce(usename, '') as "user", coalesce(datname, '') as database, coalesce(application_name, '') as app,
      coalesce(host(client_addr), 'local') as client, coalesce(state, '') as state, count(*) as n,
      round(max(extract(epoch from clock_timestamp() - state_change))) as since
    from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()
    group by 1, 2, 3, 4, 5 order by n desc limit 12) g));
\echo @locks
with waiting as materialized (
  select pid, pg_blocking_pids(pid) as by, extract(epoch from clock_timestamp() - state_change) as since, left(query, 200) as query
  from pg_stat_activity where wait_event_type = 'Lock'),
edges as (select pid, unnest(by) as blocker from waiting)
select jsonb_build_object('waiting', (select count(*) from waiting),
  'longest', (select round(max(since)) from waiting),
  'query', (select query from waiting order by since desc limit 1),
  'roots', (select jsonb_agg(r) from (
    select e.blocker as pid, count(distinct e.pid) as blocks, max(a.usename) as "user", max(a.application_name) as app,
      max(coalesce(host(a.client_addr), 'local')) as client, max(a.state) as state, max(a.backend_type) as type,
      round(max(extract(epoch from clock_timestamp() - a.xact_start))) as age, max(left(a.query, 200)) as query
    from edges e left join pg_stat_activity a on a.pid = e.blocker
    where e.blocker not in (select pid from waiting) group by 1 order by 2 desc limit 5) r));
\echo @long
select jsonb_agg(l) from (
  select pid, coalesce(usename, '') as "user", coalesce(application_name, '') as app, coalesce(host(client_addr), 'local') as client,
    state, wait_event, round(extract(epoch from clock_timestamp() - xact_start)) as age, left(query, 200) as query
  from pg_stat_activity where backend_type = 'client backend' and xact_start < clock_timestamp() - interval '1 min'
    and pid <> pg_backend_pid() order by xact_start limit 5) l;
\echo @syncrep
select jsonb_build_object('waiting', count(*)) from pg_stat_activity where wait_event = 'SyncRep';
\echo @prepared
select jsonb_agg(p) from (
  select gid, owner, database, round(extract(epoch from clock_timestamp() - prepared)) as age
  from pg_prepared_xacts where prepared < clock_timestamp() - interval '1 min' order by prepared limit 5) p;
\echo @replicas
select jsonb_agg(s) from (
  select application_name as name, coalesce(host(client_addr), 'local') as client, state, sync_state as sync,
    pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_receive_lsn() else pg_current_wal_lsn() end, replay_lsn) as bytes,
    round(extract(epoch from replay_lag)) as seconds
  from pg_stat_replication order by bytes desc nulls last limit 8) s;
\echo @slots
select jsonb_agg(s) from (
  select slot_name as name, slot_type as type, active, wal_status as status,
    pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_receive_lsn() else pg_current_wal_lsn() end, restart_lsn) as bytes
  from pg_replication_slots order by bytes desc nulls last limit 8) s;
\echo @archiver
select jsonb_build_object('failed', failed_count, 'wal', last_failed_wal,
  'since', round(extract(epoch from clock_timestamp() - last_failed_time)),
  'good', round(extract(epoch from clock_timestamp() - last_archived_time))) from pg_stat_archiver;
\echo @receiver
select jsonb_build_object('status', status, 'host', sender_host, 'port', sender_port, 'slot', slot_name,
  'silent', round(extract(epoch from clock_timestamp() - last_msg_receipt_time))) from pg_stat_wal_receiver;
\echo @standby
select jsonb_build_object('bytes', pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()),
  'paused', case when pg_is_in_recovery() then pg_is_wal_replay_paused() else false end,
  'age', round(extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())),
  'conflicts', (select sum(conflicts) from pg_stat_database));
\echo @age
select jsonb_agg(a) from (
  select datname as name, age(datfrozenxid) as xids, mxid_age(datminmxid) as multixacts from pg_database
  order by greatest(age(datfrozenxid), mxid_age(datminmxid)) desc limit 1) a;
\echo @checksums
select jsonb_agg(c) from (
  select datname as name, checksum_failures as n, round(extract(epoch from clock_timestamp() - checksum_last_failure)) as since
  from pg_stat_database where checksum_failures > 0) c;
