\set tables 'pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in (''r'', ''p'', ''m'', ''f'') and c.relpersistence <> ''t''  and n.nspname <> ''information_schema'' and n.nspname !~ ''^pg_'' and not exists (   select from pg_depend d where d.classid = ''pg_class''::regclass and d.objid = c.oid and d.deptype = ''e'')'
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
select format('lock table only %I.%I in access share mode', n.nspname, c.relname) from :tables and c.relkind = 'r' \gexec
select string_agg(format('%I.%I', n.nspname, c.relname), ', ') as rewritten from :tables and c.relkind = 'r'
  and pg_relation_filenode(to_regclass(format('%I.%I', n.nspname, c.relname))) is distinct from c.relfilenode \gset
\if :{?rewritten}
\warn rewritten or replaced since the snapshot was taken: :rewritten
\quit
\endif
select format('select json_build_object(''schema'', %L, ''name'', %L, ''kind'', %L, ''rows'', %s, ''checksum'', %s)%s',
  nspname, relname, case relkind when 'r' then 'table' when 'p' then 'partitioned table'
    when 'm' then 'materialized view' else 'foreign table' end,
  case relkind when 'r' then 'count(*)' else 'null' end,
  case relkind when 'r' then format('(coalesce(sum(' || :'row' || '), 0) + %s)::text', columns, fields) else 'null' end,
  case relkind when 'r' then format(' from only %I.%I as t', nspname, relname) end)
from (select n.nspname, c.relname, c.relkind, (
    select string_agg(:column, ', ' order by a.attname) from pg_attribute a, pg_basetype(atttypid) as type
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated <> 'v') as columns, (
    with recursive used as (
      select atttypid as type from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped
      union
      select part from used join pg_type y on y.oid = used.type left join pg_range r on y.oid in (r.rngtypid, r.rngmultitypid)
        left join pg_attribute a on a.attrelid = y.typrelid and a.attnum > 0 and not a.attisdropped,
      unnest(array[y.typelem, y.typbasetype, r.rngsubtype, a.atttypid]) as part where part <> 0)
    select coalesce(sum(hashtextextended(format('%s %s', y.oid::regtype, names), 0)), 0) from used join pg_type y on y.oid = used.type,
    lateral (select string_agg(attname, ' ' order by attnum) as names from pg_attribute
      where attrelid = y.typrelid and attnum > 0 and not attisdropped) where y.typtype = 'c') as fields
  from :tables)
order by nspname, relname \gexec
select json_build_object('schema', 'pg_catalog', 'name', 'pg_largeobject', 'kind', 'large objects',
  'rows', count(distinct m.oid), 'checksum', coalesce(sum(:piece), 0)::text)
from pg_largeobject_metadata m
cross join lateral (select coalesce(max(pageno), 0)::bigint * 2048 as last from pg_largeobject where loid = m.oid)
cross join lateral generate_series(0, last, 1048576) as piece;
\echo end
