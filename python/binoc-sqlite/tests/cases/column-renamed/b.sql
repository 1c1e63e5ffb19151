CREATE TABLE person (id INTEGER PRIMARY KEY, full_name TEXT, town TEXT);
INSERT INTO person VALUES (1, 'Ada', 'Rome'), (2, 'Ben', 'Oslo'), (3, 'Cleo', 'Bern'), (4, 'Dan', 'Quito');
