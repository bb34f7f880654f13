begin;
-- An exception handler is a savepoint: it takes back all that the statement created.
create function pg_temp.fails(statement text) returns boolean language plpgsql as $$
begin
  execute statement;
  raise sqlstate 'QD000';
exception
  when sqlstate 'QD000' then return false;
  when others then return true;
end $$;
select 'the extension ' || name from json_array_elements_text(:'needs'::json -> 'extensions') as name
where name not in (select a.name from pg_available_extensions a);
select 'the locale ' || named from json_array_elements_text(:'needs'::json -> 'locales') as named
where getdatabaseencoding() = 'UTF8' and pg_temp.fails(format('create collation pg_temp.tried (provider = %s, locale = %L)',
  split_part(named, ' ', 1), substr(named, strpos(named, ' ') + 1)));
select 'the collation ' || name from json_array_elements_text(:'needs'::json -> 'collations') as name
where getdatabaseencoding() = 'UTF8' and pg_temp.fails(format('select ''a'' < ''b'' collate pg_catalog.%I', name));
select 'the compression ' || name from json_array_elements_text(:'needs'::json -> 'compression') as name
where name not in (select unnest(enumvals) from pg_settings s where s.name = 'default_toast_compression');
rollback;
