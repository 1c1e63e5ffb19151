CREATE TABLE "a`b""c
# heading" ("sel""ect" TEXT PRIMARY KEY, "<b>" TEXT);
INSERT INTO "a`b""c
# heading" VALUES ('k1', 'x'), ('k2', 'y'), ('k3', 'z');
