# erase: the loss that `lab restore` is there for. Everything of the database goes.
find "$PGDATA" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
