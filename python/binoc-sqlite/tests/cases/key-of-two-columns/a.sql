CREATE TABLE reading (site TEXT, year INTEGER, value REAL, PRIMARY KEY (site, year)) WITHOUT ROWID;
INSERT INTO reading VALUES ('n', 2020, 1.0), ('n', 2021, 2.0), ('s', 2020, 3.0), ('s', 2021, 4.0);
