-- Written after the backup: a restore takes it away again.
INSERT INTO public.event SELECT 'late', '{}' FROM generate_series(1, 100);
CREATE TABLE public.too_late (n integer);
