-- Rows and a table after the backup: a restore must remove them.
INSERT INTO public.event SELECT 'late', '{}' FROM generate_series(1, 100);
CREATE TABLE public.too_late (n integer);
