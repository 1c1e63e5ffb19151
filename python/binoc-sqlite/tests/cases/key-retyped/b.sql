CREATE TABLE sample (code INTEGER PRIMARY KEY, place TEXT, depth REAL);
INSERT INTO sample VALUES (101, 'north', 1.5), (102, 'south', 2.75), (103, 'east', 0.5), (110, 'west', 4.0);
