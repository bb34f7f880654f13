-- Data of many types, as users of NocoDB store it: each base has its own schema.
CREATE SCHEMA "p_Büro 1";
CREATE TYPE "p_Büro 1".mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN "p_Büro 1".positive AS integer CHECK (VALUE > 0);

CREATE TABLE "p_Büro 1".person (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  born date,
  mood "p_Büro 1".mood DEFAULT 'ok',
  age "p_Büro 1".positive,
  tags text[],
  profile jsonb,
  photo bytea,
  balance numeric(20, 6),
  ratio double precision,
  seen timestamptz,
  worked interval,
  address inet,
  token uuid,
  active int4range,
  shout text GENERATED ALWAYS AS (upper(name)) STORED
);

INSERT INTO "p_Büro 1".person (name, born, mood, age, tags, profile, photo, balance, ratio, seen, worked, address, token, active)
SELECT
  'Zoë ' || n || E' "quoted"\n''line''',
  date '1900-01-01' + n,
  (ARRAY['sad', 'ok', 'happy'])[1 + n % 3]::"p_Büro 1".mood,
  1 + n % 99,
  ARRAY['a' || n, NULL, 'ü,{}'],
  jsonb_build_object('n', n, 'deep', jsonb_build_array(n, NULL, 'x')),
  decode(md5(n::text), 'hex'),
  n * 1234.567891,
  CASE n % 5 WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' ELSE sqrt(n) END,
  timestamptz '2000-01-01 00:00:00+00' + n * interval '1 hour',
  make_interval(days => n, secs => n / 7.0),
  ('10.0.' || n % 256 || '.1')::inet,
  md5('t' || n)::uuid,
  int4range(n, n + 10)
FROM generate_series(1, 5000) n;

-- No primary key, and rows that are equal: a doubled restore must be seen.
CREATE TABLE public.event (kind text, payload json);
INSERT INTO public.event SELECT 'click', '{"b": 1, "a": 2}' FROM generate_series(1, 1000);

CREATE TABLE public.measure (taken timestamptz NOT NULL, value real) PARTITION BY RANGE (taken);
CREATE TABLE public.measure_2025 PARTITION OF public.measure FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE public.measure_rest PARTITION OF public.measure DEFAULT;
INSERT INTO public.measure SELECT timestamptz '2025-06-01' + n * interval '1 day', n / 3.0 FROM generate_series(1, 400) n;

CREATE VIEW public.happy AS SELECT name FROM "p_Büro 1".person WHERE mood = 'happy';
CREATE MATERIALIZED VIEW public.by_mood AS SELECT mood, count(*) FROM "p_Büro 1".person GROUP BY mood;
CREATE TABLE public.doomed AS SELECT n, repeat('x', n % 50) AS filler FROM generate_series(1, 2000) n;
SELECT lo_from_bytea(0, decode(repeat('c0ffee', 5000), 'hex'));
ALTER DATABASE nocodb_db SET work_mem = '5MB';
