-- Replaces the tables that NocoDB creates at its first start, because local nodes do not run NocoDB.
CREATE TABLE public.nc_bases_v2 (id text PRIMARY KEY, title text, meta jsonb);
CREATE TABLE public.nc_users_v2 (id text PRIMARY KEY, email text UNIQUE, roles text);
INSERT INTO public.nc_bases_v2 VALUES ('b1', 'Getting started', '{"icon": "⭐"}');
INSERT INTO public.nc_users_v2 VALUES ('u1', 'owner@example.org', 'owner');
