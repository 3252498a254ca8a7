-- Counts are updated again and again. With room for the next version of a row on its own page, no
-- index has to be told where it went, and the room of the last version is used for the next one.
-- It costs disk for rows that no longer change: little for hours and days, which are most of them.
ALTER TABLE click_totals SET (fillfactor = 50);
ALTER TABLE click_hours SET (fillfactor = 80);
ALTER TABLE click_days SET (fillfactor = 80);
