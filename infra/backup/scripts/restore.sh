# restore LABEL LINE RUN [TIME]: that base backup, with the log replayed up to TIME or its end in that run of it, takes the
# database's place. It says when the newest write in it was committed, and when the archive lost the server. The old one
# stays as it is until the new one is whole. 3: no room; 6: the log could not be replayed; 7: Postgres runs;
# 8: a part of the log is missing or damaged.
new=$PGDATA/.restored
work=$(mktemp -d) # its path is short: a socket's may have 107 bytes
log=$work/log
export WAL="$ARCHIVE/wal/$2"
timeline=$((0x${3%????????????????}))

clean_up() {
    trap '' INT TERM
    if [ -s "$new/postmaster.pid" ]; then kill -QUIT "$(head -n 1 "$new/postmaster.pid")" 2>/dev/null || :; fi
    wait
    rm -rf "$new" "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# The segment that was being written when the log ended is called .partial.
fetch='for file in "$WAL"/*/%f "$WAL"/*/%f.partial; do [ -f "$file" ] && exec cp "$file" "%p"; done; exit 1'

tell_progress() {
    done=$(sed -n 's/.*restored log file "\([0-9A-F]*\)".*/\1/p' "$log" | sort -u | wc -l)
    if [ $((done * 10 / all)) != "$tenths" ]; then
        tenths=$((done * 10 / all))
        say "$done of $all segments of the log are replayed"
    fi
}

# A Postgres that nobody else can reach replays the log. What it wrote is brought to the disk once, when it has ended.
replay() { # [SETTING ...]: whether it got there
    rm -f "$work/ended"
    looks=0
    (
        postgres -D "$new" -p 5432 -c listen_addresses= -c unix_socket_directories="$work" -c hot_standby=off \
            -c archive_mode=off -c fsync=off -c timezone=UTC -c restore_command="$fetch" "$@" >>"$log" 2>&1 || :
        : >"$work/ended"
    ) &
    until pg_isready -q -h "$work" -p 5432; do
        if [ -e "$work/ended" ]; then return 1; fi
        looks=$((looks + 1))
        if [ $((looks % 20)) = 0 ]; then tell_progress; fi # it costs more than the look
        sleep 0.05
    done
}

# A server that finds no next segment, or nothing sound in this one, takes that for the end of the log.
whole() {
    newest=$(find "$WAL/$1" -name '*0*' -type f ! -name '*.history' | sed 's|.*/||; s/\.partial$//' | sort | tail -n 1)
    if [ -z "$newest" ] || grep -q "restored log file \"$newest\"" "$log"; then return 0; fi
    last=$(sed -n 's/.*restored log file "\([0-9A-F]*\)".*/\1/p' "$log" | tail -n 1)
    say "the log goes on until the segment $newest, but ends for Postgres in $last"
    sed -n 's/.*last completed transaction was at log time \(.*\)/  any moment before \1 can still be restored/p' "$log" | tail -n 1 >&2
    return 1
}

stop() { # as a server stops that will be started again: with everything on disk
    kill -INT "$(head -n 1 "$new/postmaster.pid")"
    wait
    pg_controldata "$new" | grep -q '^Database cluster state: *shut down$' || return 1
    initdb --sync-only --pgdata="$new" >/dev/null
}

finish_exchange
rm -rf "$new" "$PGDATA/.replaced"
say "the base backup $1 is laid down"
if ! cp -Rp "$ARCHIVE/base/$1/data" "$new" 2>"$work/copied"; then
    head -n 1 "$work/copied" >&2 # on a full disk it says the same of each file
    exit 3
fi
chmod 700 "$new"
: >"$new/recovery.signal"
: >"$log"
tenths=0 all=$(find "$WAL" -name '*0*' -type f ! -name '*.history' | wc -l)
[ "$all" -gt 0 ] || all=1

say "the log is replayed"
if replay -c recovery_target_timeline="$timeline" ${4:+-c recovery_target_time="$4" -c recovery_target_action=promote}; then
    [ -n "${4:-}" ] || whole "$3" || exit 8
else
    # Nothing was committed after TIME: the end of the log is the state at TIME.
    if [ -z "${4:-}" ] || ! grep -q 'recovery ended before configured recovery target was reached' "$log" ||
        ! replay -c recovery_target_timeline="$timeline"; then
        grep -E 'FATAL|PANIC|ERROR|No space' "$log" | tail -n 5 >&2
        exit 6
    fi
    whole "$3" || exit 8
fi
# Numbers that were drawn in what is lost may be known elsewhere, such as in Kafka: none of them is drawn again.
psql -h "$work" -p 5432 -Xq -v ON_ERROR_STOP=1 >/dev/null <<'SQL' || exit 6
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, last_value + 1000000)
FROM pg_sequences WHERE increment_by > 0 AND last_value + 1000000 < max_value
SQL
stop || exit 6

if pg_isready -q -d "$SERVER"; then exit 7; fi # somebody started the old one meanwhile
trap '' INT TERM
mv "$new" "$PGDATA/.next"
finish_exchange
# The bit of shared memory by which a server that was killed still guards the old files; its number is in line 7.
if [ -s "$PGDATA/.replaced/postmaster.pid" ]; then
    shared=$(sed -n '7s/.* //p' "$PGDATA/.replaced/postmaster.pid")
    ipcrm -m "$shared" 2>/dev/null || :
fi
sed -n 's/.*last completed transaction was at log time /kept /p' "$log" | tail -n 1
if [ -e "$WAL/$3/lost" ]; then echo "lost $(cat "$WAL/$3/lost")"; fi
