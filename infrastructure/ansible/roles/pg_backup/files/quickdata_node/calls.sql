-- Objects that pg_dump leaves out are left out here too: invalid indexes, members of extensions, schemas of other sessions
-- and of PostgreSQL, and the parts of tables and views in all of these.
select json_build_object('name', format('call by %s %s', d.type, d.identity), 'checksum', hashtextextended(
  string_agg(format('%s %s', r.type, r.identity), ', ' order by r.type collate "C", r.identity collate "C"), 0)::text)
from (select distinct classid, objid, refclassid, refobjid from pg_depend
  where deptype = 'n' and objid >= 16384 and refclassid in ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_collation'::regclass)
  and classid in ('pg_attrdef'::regclass, 'pg_class'::regclass, 'pg_constraint'::regclass, 'pg_policy'::regclass,
    'pg_proc'::regclass, 'pg_publication_rel'::regclass, 'pg_rewrite'::regclass, 'pg_statistic_ext'::regclass,
    'pg_trigger'::regclass)) as calls,
  pg_identify_object(classid, objid, 0) as d, pg_identify_object(refclassid, refobjid, 0) as r
where d.identity !~ '^(pg_catalog|information_schema)\.' and r.identity is not null
  and not exists (
    select from pg_index where indexrelid = objid and classid = 'pg_class'::regclass and not indisvalid)
  and not exists (
    select from pg_depend e where e.classid = calls.classid and e.objid = calls.objid and e.deptype = 'e')
  and not exists (
    select from pg_depend o join pg_class on pg_class.oid = o.refobjid and o.refclassid = 'pg_class'::regclass
    where o.classid = calls.classid and o.objid = calls.objid and o.deptype in ('a', 'i')
      and (relnamespace::regnamespace::text ~ '^(pg_|information_schema$)' or exists (
        select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = pg_class.oid and e.deptype = 'e')))
group by d.type, d.identity;
