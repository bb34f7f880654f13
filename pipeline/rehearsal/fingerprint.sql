-- The content of every table, counted in another way than the program's checksums.
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SELECT format(
  $$SELECT %L, count(*), md5(coalesce(string_agg(t::text, E'\n' ORDER BY t::text COLLATE "C"), '')) FROM ONLY %I.%I t$$,
  n.nspname || '.' || c.relname, n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY n.nspname, c.relname
\gexec
SELECT 'large objects', count(*), md5(coalesce(string_agg(encode(data, 'hex'), '' ORDER BY data), ''))
FROM pg_largeobject;
