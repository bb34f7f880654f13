-- Photos, which do not compress, and persons, which do; :megabytes in all, :incompressible percent of them photos.
DROP SCHEMA IF EXISTS bench CASCADE;
CREATE SCHEMA bench;

CREATE TABLE bench.photo (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, content bytea NOT NULL);
INSERT INTO bench.photo (content)
SELECT (SELECT string_agg(sha512((random() || '-' || n || '-' || part)::bytea), ''::bytea) FROM generate_series(1, 1024) AS part)
FROM generate_series(1, :megabytes * 15 * :incompressible / 100) AS n;

CREATE TABLE bench.person (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  email text,
  note text,
  born date,
  balance numeric(12, 2),
  seen timestamptz,
  profile jsonb
);
INSERT INTO bench.person (name, email, note, born, balance, seen, profile)
SELECT
  initcap(substr(md5(n::text), 1, 3 + n % 8)) || ' ' || initcap(substr(md5('s' || n), 1, 4 + n % 9)),
  'p' || n || '@example.org',
  repeat('The customer called about order ' || n % 9973 || '. ', 1 + n % 3),
  date '1930-01-01' + (random() * 30000)::int,
  (random() * 100000)::numeric(12, 2),
  timestamptz '2024-01-01' + random() * interval '700 days',
  jsonb_build_object('plan', (ARRAY['free', 'team', 'business'])[1 + n % 3], 'seats', n % 40, 'tags', jsonb_build_array('a' || n % 17, 'b' || n % 5))
FROM generate_series(1, :megabytes * 34 * (100 - :incompressible)) AS n;
CREATE INDEX ON bench.person (email);
CREATE INDEX ON bench.person (seen);

ANALYZE;
CHECKPOINT;
