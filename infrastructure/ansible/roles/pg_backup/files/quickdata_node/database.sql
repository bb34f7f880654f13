select json_build_object('database', json_build_object(
  'owner', pg_get_userbyid(datdba), 'encoding', pg_encoding_to_char(encoding),
  'collate', datcollate, 'ctype', datctype,
  'provider', case datlocprovider when 'c' then 'libc' when 'i' then 'icu' else 'builtin' end,
  'locale', datlocale, 'icu_rules', daticurules, 'connection_limit', datconnlimit,
  'comment', shobj_description(oid, 'pg_database'), 'settings', (
    select coalesce(json_agg(json_build_object(
      'role', case when setrole <> 0 then pg_get_userbyid(setrole) end, 'name', name, 'value', value)), '[]')
    from pg_db_role_setting, unnest(setconfig) as setting,
      lateral (select split_part(setting, '=', 1) as name, substr(setting, strpos(setting, '=') + 1) as value)
    where setdatabase = d.oid and name <> 'quickdata.mark'),
  'grants', case when datacl is not null then (
    select coalesce(json_agg(json_build_object('privilege', privilege_type,
      'to', case when grantee <> 0 then pg_get_userbyid(grantee) end, 'grantable', is_grantable)), '[]')
    from aclexplode(datacl)) end))
from pg_database d where datname = current_database();
