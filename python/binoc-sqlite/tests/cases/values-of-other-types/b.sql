CREATE TABLE v (id INTEGER PRIMARY KEY, x);
INSERT INTO v VALUES (1, ''), (2, '1'), (3, 1.0), (4, x'00fe'), (5, 1), (6, NULL), (7, 9007199254740992), (8, 'same');
