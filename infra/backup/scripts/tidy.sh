# tidy: the new database stands; the one that it replaced goes.
rm -rf "$PGDATA/.replaced"
