# What there is, a line each, for infra/backup/catalog.py: whether the database is there, and took another one's place; the
# base backups, the runs of the log, and where timelines fork.
if [ -e "$PGDATA/PG_VERSION" ] || [ -d "$PGDATA/.next" ] || [ -d "$PGDATA/.placing" ]; then echo data; fi
if [ -d "$PGDATA/.replaced" ]; then echo replaced; fi
[ -d "$ARCHIVE" ] || exit 0
cd "$ARCHIVE"
for info in base/*/info; do
    if [ -e "$info" ]; then echo "backup $(cat "$info")"; fi
done
for began in wal/*/*/began; do
    [ -e "$began" ] || continue
    run=${began%/began}
    line=${run#wal/}
    echo "run ${line%/*} ${run##*/} $(cat "$began") $(cat "$run/lost" 2>/dev/null || echo -)"
done
for history in wal/*/*/*.history; do
    [ -e "$history" ] || continue
    line=${history#wal/} name=${history##*/}
    echo "fork ${line%%/*} ${name%.history} $(sed '/^$/d' "$history" | tail -n 1 | cut -f 1,2 | tr '\t' ' ')"
done
