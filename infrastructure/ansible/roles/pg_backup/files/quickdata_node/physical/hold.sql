begin isolation level read committed;
-- Writers wait at most these 3 s, and then 5 s. A deadlock ends our session, and not theirs.
set local statement_timeout = '3s';
set local idle_in_transaction_session_timeout = '5s';
set local deadlock_timeout = '100ms';
\set logged 'c.relpersistence <> ''u'''
select coalesce(json_agg(json_build_array(n.nspname, c.relname)), '[]') as locked from :tables and :logged \gset
select format('lock table %s in share mode', concat_ws(', ', string_agg(format('only %I.%I', n.nspname, c.relname), ', '),
  'pg_catalog.pg_largeobject', 'pg_catalog.pg_largeobject_metadata')) from :tables and :logged and c.relkind = 'r' \gexec
set local statement_timeout = 0;
select pg_create_restore_point(:'point') as lsn, clock_timestamp() at time zone 'UTC' as time \gset
select json_build_object('snapshot', pg_export_snapshot(), 'lsn', :'lsn', 'time', to_char(:'time'::timestamp, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  'timeline', ('x' || left(pg_walfile_name(:'lsn'), 8))::bit(32)::int, 'version', current_setting('server_version'),
  'system_id', (select system_identifier::text from pg_control_system()), 'locked', :'locked'::json);
