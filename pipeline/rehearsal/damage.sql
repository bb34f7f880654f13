-- Damage as users cause it: changed rows, deleted rows, a dropped table.
UPDATE "p_Büro 1".person SET name = 'overwritten' WHERE id % 10 = 0;
DELETE FROM public.measure WHERE taken > '2026-01-01';
DROP TABLE public.doomed;
