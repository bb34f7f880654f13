select json_build_object('archives', current_setting('archive_mode') <> 'off',
  'waiting', (select count(*) from pg_ls_archive_statusdir() where name like '%.ready'),
  'lag_seconds', (select coalesce(extract(epoch from clock_timestamp() - min(modification)), 0)::bigint
    from pg_ls_archive_statusdir() where name like '%.ready'),
  'wal_bytes', (select coalesce(sum(size), 0)::bigint from pg_ls_waldir()));
