CREATE TABLE v (id INTEGER PRIMARY KEY, x);
INSERT INTO v VALUES (1, NULL), (2, 1), (3, '1'), (4, x'00ff'), (5, 1.0), (6, 'null'), (7, 9007199254740993), (8, 'same');
