savepoint counted;
select format('select json_build_object(''schema'', %L, ''name'', %L, ''kind'', %L, ''rows'', %s, ''checksum'', %s)%s',
  nspname, relname, case relkind when 'r' then 'table' when 'p' then 'partitioned table'
    when 'm' then 'materialized view' else 'foreign table' end,
  case relkind when 'r' then 'count(*)' else 'null' end,
  case relkind when 'r' then format('(coalesce(sum(' || :'row' || '), 0) + %s)::text', columns, fields) else 'null' end,
  case relkind when 'r' then format(' from only %I.%I as t', nspname, relname) end), 'rollback to savepoint counted'
from (select n.nspname, c.relname, c.relkind, (
    select string_agg(:column, ', ' order by a.attname) from pg_attribute a, pg_basetype(atttypid) as type
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and :data) as columns, (
    with recursive used as (
      select atttypid as type from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped
      union
      select part from used join pg_type y on y.oid = used.type left join pg_range r on y.oid in (r.rngtypid, r.rngmultitypid)
        left join pg_attribute a on a.attrelid = y.typrelid and a.attnum > 0 and not a.attisdropped,
      unnest(array[y.typelem, y.typbasetype, r.rngsubtype, a.atttypid]) as part where part <> 0)
    select coalesce(sum(hashtextextended(format('%s %s', y.oid::regtype, names), 0)), 0) from used join pg_type y on y.oid = used.type,
    lateral (select string_agg(attname, ' ' order by attnum) as names from pg_attribute
      where attrelid = y.typrelid and attnum > 0 and not attisdropped) where y.typtype = 'c') as fields
  from :tables and :counted)
order by nspname, relname \gexec
release savepoint counted;
