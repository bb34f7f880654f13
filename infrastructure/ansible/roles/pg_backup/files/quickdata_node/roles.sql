select json_build_object(
  'roles', (select json_agg(json_build_object('name', rolname, 'superuser', rolsuper, 'inherit', rolinherit,
      'createrole', rolcreaterole, 'createdb', rolcreatedb, 'login', rolcanlogin, 'replication', rolreplication,
      'bypassrls', rolbypassrls, 'connection_limit', rolconnlimit, 'password', rolpassword,
      'valid_until', rolvaliduntil::text, 'comment', shobj_description(oid, 'pg_authid'), 'settings', (
        select coalesce(json_agg(json_build_object(
          'name', split_part(setting, '=', 1), 'value', substr(setting, strpos(setting, '=') + 1))), '[]')
        from pg_db_role_setting, unnest(setconfig) as setting where setrole = a.oid and setdatabase = 0)))
    from pg_authid a where not starts_with(rolname, 'pg_')),
  'memberships', (select coalesce(json_agg(json_build_object('role', pg_get_userbyid(roleid),
      'member', pg_get_userbyid(member), 'grantor', pg_get_userbyid(grantor),
      'admin', admin_option, 'inherit', inherit_option, 'set', set_option)), '[]')
    from pg_auth_members),
  'parameters', (select coalesce(json_agg(json_build_object('parameter', parname, 'privilege', privilege_type,
      'to', pg_get_userbyid(grantee), 'grantable', is_grantable)), '[]')
    from pg_parameter_acl, aclexplode(paracl) where grantee <> 0));
