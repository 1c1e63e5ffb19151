CREATE TABLE sample (code TEXT PRIMARY KEY, place TEXT, depth REAL);
INSERT INTO sample VALUES ('101', 'north', 1.5), ('102', 'south', 2.5), ('103', 'east', 0.5), ('110', 'west', 4.0);
