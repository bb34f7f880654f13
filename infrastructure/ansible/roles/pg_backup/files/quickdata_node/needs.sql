-- 100 is the database's default collation of text. The savepoint releases the locks.
savepoint needs;
select json_build_object(
  'extensions', (select coalesce(json_agg(extname order by extname), '[]') from pg_extension where oid >= 16384),
  'locales', (select coalesce(json_agg(distinct format('%s %s', case provider when 'c' then 'libc' when 'i' then 'icu' else 'builtin' end, locale)), '[]')
    from (
      select datlocprovider as provider, case datlocprovider when 'c' then array[datcollate, datctype] else array[datlocale] end as locales
      from pg_database where datname = current_database() and (datlocprovider <> 'c'
        or exists (select from pg_partitioned_table where partstrat = 'r' and 100 = any(partcollation))
        or exists (select from pg_range where rngtypid >= 16384 and rngcollation = 100))
      union all
      select collprovider, array[collcollate, collctype, colllocale] from pg_collation where collnamespace <> 'pg_catalog'::regnamespace
    ), unnest(locales) as locale
    where locale is not null and getdatabaseencoding() = 'UTF8'),
  'collations', (select coalesce(json_agg(distinct collname), '[]') from pg_collation
    where collnamespace = 'pg_catalog'::regnamespace and collname <> all('{default,C,POSIX}') and oid in (
      select refobjid from pg_depend where refclassid = 'pg_collation'::regclass and objid >= 16384
        and objid not in (select oid from pg_class where relpersistence = 't')
      union all select attcollation from pg_attribute join pg_class r on r.oid = attrelid
        where attrelid >= 16384 and not attisdropped and relpersistence <> 't')),
  'compression', (select coalesce(json_agg(distinct case attcompression when 'l' then 'lz4' when 'p' then 'pglz' else attcompression::text end), '[]')
    from pg_attribute join pg_class r on r.oid = attrelid
    where attcompression <> '' and attrelid >= 16384 and attnum > 0 and not attisdropped and relpersistence <> 't')
);
rollback to savepoint needs;
release savepoint needs;
