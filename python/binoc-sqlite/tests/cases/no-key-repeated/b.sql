CREATE TABLE sale (item TEXT, price REAL);
INSERT INTO sale VALUES ('pad', 3.0), ('pen', 1.5), ('ink', 8.0), ('ink', 8.0), ('ink', 8.0), ('pen', 1.5), ('pen', 1.5);
