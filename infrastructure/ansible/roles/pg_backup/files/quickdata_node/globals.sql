\echo -- quickdata: create
select format('create database :"target" template template0 encoding %L lc_collate %L lc_ctype %L locale_provider %s',
    pg_encoding_to_char(encoding), datcollate, datctype,
    case datlocprovider when 'c' then 'libc' when 'i' then 'icu' else 'builtin' end)
  || case datlocprovider when 'i' then format(' icu_locale %L', datlocale) when 'b' then format(' builtin_locale %L', datlocale) else '' end
  || coalesce(' icu_rules ' || quote_literal(daticurules), '') || ';'
from pg_database where datname = current_database();
\echo -- quickdata: money as in C
\echo -- quickdata: settings
select format('alter database :"target" owner to %I;', pg_get_userbyid(datdba)) from pg_database where datname = current_database();
select format('alter database :"target" connection limit %s;', datconnlimit) from pg_database where datname = current_database();
select 'comment on database :"target" is ' || quote_literal(shobj_description(oid, 'pg_database')) || ';'
from pg_database where datname = current_database();
-- Each element of a list is a literal, any other value is one: SET FROM CURRENT stores whatever its owner had written.
select format('alter %s :"target" set %I to %s;',
    case setrole when 0 then 'database' else format('role %I in database', pg_get_userbyid(setrole)) end, name,
    case when name in ('search_path', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries') then
      (select coalesce(string_agg(quote_literal(coalesce(replace(element[1], '""', '"'), rtrim(element[2]))), ', '), '''''')
        from regexp_matches(value, '"((?:[^"]|"")*)"|([^,\s][^,]*)', 'g') as element)
    else quote_literal(value) end)
from pg_db_role_setting, unnest(setconfig) as setting,
  lateral (select split_part(setting, '=', 1) as name, substr(setting, strpos(setting, '=') + 1) as value)
where setdatabase = (select oid from pg_database where datname = current_database()) and name <> 'quickdata.mark';
select format('revoke all on database :"target" from public, %I;', pg_get_userbyid(datdba))
from pg_database where datname = current_database() and datacl is not null;
select format('grant %s on database :"target" to %s%s;', privilege_type,
    case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
    case when is_grantable then ' with grant option' else '' end)
from pg_database, aclexplode(datacl) where datname = current_database();
