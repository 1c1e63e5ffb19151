CREATE TABLE visits (day TEXT, ward TEXT, count INTEGER);
INSERT INTO visits VALUES ('2024-01-01', 'A', 3), ('2024-01-01', 'B', 5), ('2024-01-02', 'A', 4), ('2024-01-02', 'B', 5);
CREATE TABLE ward (name TEXT PRIMARY KEY, beds INTEGER);
INSERT INTO ward VALUES ('A', 20), ('B', 30);
