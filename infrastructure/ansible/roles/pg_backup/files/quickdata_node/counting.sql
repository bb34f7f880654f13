set local timezone = 'UTC';
select format('lock table only %I.%I in access share mode', n.nspname, c.relname) from :tables and c.relkind = 'r' \gexec
select string_agg(format('%I.%I', n.nspname, c.relname), ', ') as rewritten from :tables and c.relkind = 'r'
  and pg_relation_filenode(to_regclass(format('%I.%I', n.nspname, c.relname))) is distinct from c.relfilenode \gset
\if :{?rewritten}
\warn rewritten or replaced since the snapshot was taken: :rewritten
\quit
\endif
