# take LABEL KEEP: a base backup, verified; then only the newest KEEP of them stay, and the log from the oldest one on.
# 3: it could not be made; 4: it is not what the server sent; 5: the archive does not follow.
making=$ARCHIVE/base/.making
trap 'rm -rf "$making"' EXIT
trap 'exit 130' INT TERM
ask() { psql "$SERVER" -XqAt -F ' ' -v ON_ERROR_STOP=1 -c "$1"; }

archived() { # LSN: does the archive have the log up to there?
    [ "$(ask "SELECT restart_lsn >= '$1' FROM pg_replication_slots WHERE slot_name = 'archive' AND active")" = t ]
}

finish_exchange
rm -rf "$making" "$PGDATA/.replaced"
mkdir -p "$making"
archived 0/0 || exit 5
say "the database is copied"
pg_basebackup --dbname="$SERVER" --pgdata="$making/data" --checkpoint=fast --progress --label="$1" >&2 || exit 3
say "the copy is verified: each file by its checksum, its part of the log record by record"
pg_verifybackup --quiet "$making/data" >&2 || exit 4

end=$(sed -n 's/.*"End-LSN": "\([^"]*\)".*/\1/p' "$making/data/backup_manifest" | tail -n 1)
tries=0
until archived "$end"; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || exit 5
    sleep 0.1
done
first=$(sed -n 's/^START WAL LOCATION: .*(file \(.*\))$/\1/p' "$making/data/backup_label")
set -- "$1" "$2" $(ask "SELECT current_setting('archive.lineage'), extract(epoch FROM clock_timestamp())")
echo "$1 $3 $first $end $4 $(du -sk "$making/data" | cut -f 1)" >"$making/info"
mv "$making" "$ARCHIVE/base/$1"

cd "$ARCHIVE"
ls base | sort -r | tail -n "+$(($2 + 1))" | while read -r old; do rm -rf "base/$old"; done
for line in wal/*; do
    oldest=$(cat base/*/info | awk -v line="${line#wal/}" '$2 == line { print $3; exit }')
    if [ -z "$oldest" ]; then
        rm -rf "$line" # of a database that is gone, and of which no backup is left
        continue
    fi
    for run in "$line"/*; do pg_archivecleanup "$run" "$oldest"; done
done
