select json_build_object('schema', 'pg_catalog', 'name', 'pg_largeobject', 'kind', 'large objects',
  'rows', count(distinct m.oid), 'checksum', coalesce(sum(:piece), 0)::text)
from pg_largeobject_metadata m
cross join lateral (select coalesce(max(pageno), 0)::bigint * 2048 as last from pg_largeobject where loid = m.oid)
cross join lateral generate_series(0, last, 1048576) as piece;
