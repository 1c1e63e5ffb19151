CREATE TABLE sale (item TEXT, price REAL);
INSERT INTO sale VALUES ('pen', 1.5), ('pen', 1.5), ('pad', 3.0), ('ink', 8.0), ('ink', 8.0), ('ink', 8.0);
