-- Counts the differences of two versions of the table of the benchmarks. All values are compared as text.
SELECT
    count(*) FILTER (b.id IS NULL) AS removed,
    count(*) FILTER (a.id IS NULL) AS added,
    count(*) FILTER (a.name <> b.name) AS name,
    count(*) FILTER (a.city <> b.city) AS city,
    count(*) FILTER (a.category <> b.category) AS category,
    count(*) FILTER (a.date <> b.date) AS date,
    count(*) FILTER (a.amount <> b.amount) AS amount,
    count(*) FILTER (a.quantity <> b.quantity) AS quantity,
    count(*) FILTER (a.note <> b.note) AS note
FROM read_csv($before, header = true, all_varchar = true) AS a
FULL JOIN read_csv($after, header = true, all_varchar = true) AS b ON a.id = b.id
