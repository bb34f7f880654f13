\set data 'a.attgenerated <> ''v'''
\set column 'format(''t.%I'', a.attname)'
\set row 'hashtextextended(row(%s)::text, 0)'
\set piece 'hashtextextended(format(''%s %s %s'', m.oid, piece, lo_get(m.oid, piece, 1048576)), 0)'
