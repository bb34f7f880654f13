-- As many kinds of data, and of names, as one database can hold.

create schema "Bäse 1"; create schema "p ""q"" 'r'";
create type mood as enum ('sad', 'très gai'); create domain percent as int check (value between 0 and 100);
create type pair as (a int, b text);
create table "Bäse 1"."Ünï ""quoted"" \ 'name'" (
  id int generated always as identity primary key, "Select" text[], j json, jb jsonb, b bytea, n numeric, d double precision,
  r real, m money, t timestamptz, tz timetz, i interval, u uuid, net inet, p point, range tstzrange, e mood, pc percent, c pair,
  bits bit varying, vector tsvector, t2 text generated always as (upper("Select"[1])) stored, v numeric generated always as (n + 1) virtual);
insert into "Bäse 1"."Ünï ""quoted"" \ 'name'" ("Select", j, jb, b, n, d, r, m, t, tz, i, u, net, p, range, e, pc, c, bits, vector)
select array['ü', null, 'a,b', n::text], '{"b" : 1,  "a":[1]}', '{"b":1,"a":null}', decode(md5(n::text), 'hex'), n / 7.0, n / 7.0, 0.1,
  n::money, '2024-02-29 12:00+05:30'::timestamptz + n * interval '1 s', '12:00+02', '1 mon -2 days', gen_random_uuid(), '10.0.0.1/8', '(1,2)',
  tstzrange(now(), null), 'très gai', n % 100, row(n, E'x\ty')::pair, B'101', 'a:1 b:2'
from generate_series(1, 300) n;
insert into "Bäse 1"."Ünï ""quoted"" \ 'name'" (d, n, t) values ('NaN', 'Infinity', '-infinity'), ('-0', 'NaN', 'infinity'), (null, null, null);
create table t (t text); insert into t values (''), (null), ('same'), ('same');
create table "fails when it is read" (a int, b int generated always as (1 / a) virtual);
insert into "fails when it is read" values (0);
create table "no columns" (); insert into "no columns" default values;
create table parts (day date, v int) partition by range (day);
create table parts_1 partition of parts for values from ('2024-01-01') to ('2025-01-01');
create table parts_2 (v int, day date); alter table parts attach partition parts_2 default;
insert into parts select date '2024-06-01' + n, n from generate_series(1, 400) n;
create table parent (a int); create table child (own int) inherits (parent);
insert into child values (1, 2); insert into parent values (3);
create unlogged table "p ""q"" 'r'".unlogged as select 1 as one;
create materialized view stale as select count(*) from t; insert into t values ('after the refresh');
create materialized view never as select 1 with no data;
create view "a view" as select * from t; create sequence seq start 42; select nextval('seq');
create function f() returns trigger language plpgsql as 'begin return new; end'; create trigger tr before update on t for each row execute function f();
select lo_from_bytea(0, decode(repeat('00ff', 2000000), 'hex')), lo_from_bytea(0, ''), lo_create(0);
