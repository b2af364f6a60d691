# verify LABEL: whether the backup is still what it was when it was made.
[ -d "$ARCHIVE/base/$1/data" ] || exit 3
pg_verifybackup --quiet "$ARCHIVE/base/$1/data" >&2 || exit 4
