-- As many kinds of definitions as one database can hold, and those that PostgreSQL writes otherwise when it has read them.

create foreign data wrapper fdw;
create schema "other Schema"; create type mood as enum ('sad', 'gai'); create type pair as (a int, b text);
create domain percent as int default 7 check (value between 0 and 100);
create function twice(int) returns int language sql immutable begin atomic select $1 * 2; end;
create function twice(text) returns text language sql immutable as $$ select $1 ||

'
--
-- Name: x; Type: TABLE; Schema: y; Owner: z
--
' $$;
create procedure nothing() language sql as ''; create aggregate total(int) (sfunc = int4pl, stype = int);
create table kept (
  id int generated always as identity primary key, state varchar(20) default 'a' not null,
  code char(3) check (code in ('abc', 'def')), price numeric(10, 2) check (price > 0 and price <> 13),
  m mood default 'sad', p pair, pc percent, seen timestamptz default now(), note text collate "C",
  double int generated always as (twice(2)) stored, span tstzrange default '[2024-01-01,2025-01-01)',
  constraint states check (state in ('a', 'b, (c', 'it''s') and state not in ('x', 'y')),
  constraint lists check (note = any (array['a', 'b']) or seen in ('2024-01-01', '2024-02-01')),
  unique nulls not distinct (state, code), exclude using gist (span with &&));
alter table kept alter note set storage external, alter note set statistics 7;
create index on kept (lower(state), (price * 2)) include (m) where state in ('a', 'b') and m <> 'gai';
create table other (kept int references kept on delete cascade deferrable, "Q ""x""" text[] default array['a'::varchar, 'b']);
create table parent (a int, b varchar check (b in ('x', 'y'))); create table child (own int, b varchar constraint parent_b_check check (b in ('x', 'y')), a int);
alter table child inherit parent; alter table parent add late int default 3;
create table parts (day date, v int) partition by range (day); create table parts_2 (v int, day date);
alter table parts attach partition parts_2 default; create index on parts (v);
create view seen as select *, case state when 'a' then 1 end as one from kept where state in ('a', 'b') order by 1;
create view more with (security_barrier) as select id, x from kept left join lateral (select max(k.price) as x from kept k) y on true
  where (id, state) in (select 1, 'a') union all select 1, 2.0;
create materialized view counted as select state, count(*) from kept group by rollup (state);
create unique index on counted (state);
create rule never as on delete to other do instead nothing;
create function tr() returns trigger language plpgsql as 'begin return new; end';
create trigger tr before update of state on kept for each row when (new.state in ('a', 'b')) execute function tr();
create policy p on kept for select to pg_monitor using (state in ('a', 'b')); alter table kept enable row level security;
create publication pub for table kept (id, state) where (id > 0); create statistics st on state, code from kept;
create sequence "other Schema".seq increment 5 cache 7; comment on table kept is E'two\nlines';
create text search configuration words (copy = simple); create cast (pair as mood) with inout;
create server srv foreign data wrapper fdw; create foreign table far (a int) server srv;
grant select (id), insert on kept to pg_monitor; grant select on kept to pg_read_all_stats with grant option;
alter default privileges in schema public grant select on tables to pg_monitor, pg_read_all_stats;
revoke create on schema "other Schema" from public; grant usage on schema "other Schema" to public;
create function ev() returns event_trigger language plpgsql as 'begin end';
create event trigger ev on ddl_command_end execute function ev(); alter event trigger ev enable always;
select lo_create(77); comment on column kept.state is 'x';
