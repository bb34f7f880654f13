# shellcheck shell=bash
# What is counted of a database, when it is backed up and when it was restored: the proof compares the two.

# One JSON line per table, in the transaction of the caller: what is there, how many rows, which content.
# - All tables are locked before one is counted: who wants to drop or truncate one waits, as for pg_dump.
# - Columns go by name, because a restore may order those of inheritance children differently, and the fields of rows
#   in a column with their names, because pg_dump does not mind. Virtual columns are no data.
# - What is not data of this database counts by its presence only: partitioned parents (their partitions count),
#   foreign tables, and materialized views, which a restore computes anew.
# - Sequences do not count: nextval() ignores snapshots, so their value in the dump may be a later one.
# - Tables of extensions belong to CREATE EXTENSION, not to the dump.
fingerprints() {
  local tables="pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm', 'f') and c.relpersistence <> 't'
  and n.nspname <> 'information_schema' and n.nspname !~ '^pg_' and not exists (
    select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')"
  cat <<SQL
set local datestyle = 'ISO, YMD';
set local timezone = 'UTC';
set local intervalstyle = 'postgres';
set local bytea_output = 'hex';
set local extra_float_digits = 1;
set local lc_monetary = 'C';
set local row_security = off;
set local lock_timeout = '10min';
set local idle_in_transaction_session_timeout = 0;
set local transaction_timeout = 0;
set local search_path = pg_catalog;
select format('lock table only %I.%I in access share mode', n.nspname, c.relname) from $tables and c.relkind = 'r' \gexec
select format('select json_build_object(''schema'', %L, ''name'', %L, ''kind'', %L, ''rows'', %s, ''checksum'', %s)%s',
  nspname, relname, case relkind when 'r' then 'table' when 'p' then 'partitioned table'
    when 'm' then 'materialized view' else 'foreign table' end,
  case relkind when 'r' then 'count(*)' else 'null' end,
  case relkind when 'r' then format('coalesce(sum(hashtextextended(row(%s)::text, 0)), 0)::text', columns) else 'null' end,
  case relkind when 'r' then format(' from only %I.%I as t', nspname, relname) end)
from (select n.nspname, c.relname, c.relkind, (
    select string_agg(format(case when 'C' in (y.typcategory, e.typcategory) then 'to_json(t.%I)' else 't.%I' end, a.attname),
      ', ' order by a.attname)
    from pg_attribute a join pg_type y on y.oid = a.atttypid left join pg_type e on e.oid = y.typelem
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated <> 'v') as columns
  from $tables)
order by nspname, relname \gexec
select json_build_object('schema', 'pg_catalog', 'name', 'pg_largeobject', 'kind', 'large objects',
  'rows', count(distinct m.oid), 'checksum', coalesce(sum(hashtextextended(
    format('%s %s %s', m.oid, piece, lo_get(m.oid, piece, 1048576)), 0)), 0)::text)
from pg_largeobject_metadata m
cross join lateral (select coalesce(max(pageno), 0)::bigint * 2048 as last from pg_largeobject where loid = m.oid)
cross join lateral generate_series(0, last, 1048576) as piece;
SQL
}
