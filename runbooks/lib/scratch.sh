# shellcheck shell=sh
# shellcheck disable=SC2154,SC2034 # runbook_dir is of relevo.sh; scratch_* and scratch are for who sources this
# A folder in which a PostgreSQL is restored, started and thrown away, whatever
# ends the runbook: its end, a signal, kill -9. For postgres/restore-verify.
# Sourced after relevo.sh:
#
#     scratch_begin FOLDER || …      makes $scratch below it
#     scratch_run SECONDS NAME COMMAND…
#     scratch_conf PROGRAMS; scratch_start PROGRAMS; scratch_wait PROGRAMS ROLE; scratch_stop
#
# What is deleted is only a folder that has the mark which is put there first.
# What a run that was killed together with its guard has left behind, the next
# one deletes.

scratch_mark=relevo-restore-verify/1

# scratch_begin FOLDER: else $scratch_why, $scratch_next, $scratch_status.
scratch_begin() {
    scratch_status=78
    scratch_next="a folder of the user $(id -un), on a disk with room: install -d -m 700 -o $(id -un) FOLDER"
    if [ -L "$1" ] || ! [ -d "$1" ]; then
        scratch_why="the scratch folder is not there, or is a link"
        return 1
    fi
    if [ "$(stat -c %u -- "$1")" != "$(id -u)" ] || ! [ -w "$1" ]; then
        scratch_why="the scratch folder belongs to somebody else"
        return 1
    fi
    if [ -e "$1/PG_VERSION" ]; then
        scratch_why="the scratch folder is a data directory"
        return 1
    fi
    # The server's working directory is known by its real name.
    scratch_folder=$(cd -P -- "$1" && pwd -P)
    case $scratch_folder in
    *[!A-Za-z0-9/._-]*) scratch_plain= ;;
    *) scratch_plain=yes ;;
    esac
    # A socket's name has at most 107.
    if [ -z "$scratch_plain" ] || [ "${#scratch_folder}" -gt 60 ]; then
        scratch_why="the real name of the scratch folder is no plain path of at most 60 characters: $scratch_folder"
        return 1
    fi
    exec 9>"$scratch_folder/.lock"
    if ! flock -n 9; then
        scratch_status=75
        scratch_why="another restore is at work in the scratch folder"
        scratch_next="wait for it, or give each its own"
        return 1
    fi
    # Nobody else is at work here: these are left behind.
    for old in "$scratch_folder"/restore.??????; do scratch_destroy "$old"; done
    scratch=$(mktemp -d "$scratch_folder/restore.XXXXXX") || {
        scratch_why="nothing can be made in the scratch folder"
        return 1
    }
    printf '%s\n' "$scratch_mark" >"$scratch/mark"
    trap 'scratch_end; rm -rf "$runbook_dir"' EXIT
    scratch_guard
}

# scratch_destroy FOLDER: ends the server in it, and deletes it.
scratch_destroy() {
    if [ -L "$1" ] || ! [ -d "$1" ] || [ "$(stat -c %u -- "$1")" != "$(id -u)" ] ||
        [ "$(cat "$1/mark" 2>/dev/null)" != "$scratch_mark" ]; then
        return
    fi
    server=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
    tries=0
    # Its working directory says that the number is still that server's.
    while [ "$(readlink "/proc/${server:-none}/cwd")" = "$1/data" ]; do
        tries=$((tries + 1))
        case $tries in
        1) kill -QUIT "$server" 2>/dev/null ;;
        100) kill -KILL "$server" 2>/dev/null ;;
        200) break ;;
        esac
        sleep 0.1
    done
    # Links in it are deleted, not followed. What another program is just
    # writing may come in between.
    rm -rf --one-file-system -- "$1/data" "$1/spaces" 2>/dev/null || sleep 0.5
    rm -rf --one-file-system -- "$1"
}

# Does the same once more when the runbook is gone without having done it.
scratch_guard() {
    (
        trap '' HUP INT TERM
        while kill -0 "$$" 2>/dev/null; do sleep 0.5; done
        kill "$(cat "$scratch/running" 2>/dev/null)" 2>/dev/null
        scratch_destroy "$scratch"
    ) </dev/null >/dev/null 2>&1 3>&- 9>&- &
    scratch_guard_pid=$!
}

scratch_end() {
    kill "$(cat "$scratch/running" 2>/dev/null)" 2>/dev/null
    scratch_destroy "$scratch"
    kill -KILL "$scratch_guard_pid" 2>/dev/null
}

# scratch_run SECONDS NAME PROGRAM…: in the background, so that a signal is heard
# at once, and by timeout, which ends all of it; 124 when the time is over. Its
# words are for scratch_words.
scratch_run() {
    limit=$1
    out=$scratch/$2.out
    shift 2
    if [ "$limit" -lt 1 ]; then return 124; fi
    timeout -k 5 "$limit" "$@" </dev/null >"$out" 2>&1 3>&- 9>&- &
    printf '%s' "$!" >"$scratch/running"
    wait "$!"
    status=$?
    rm -f "$scratch/running"
    return "$status"
}

# What a step had to say: what went wrong, else its last words.
scratch_words() {
    {
        grep -aE '(PANIC|FATAL|ERROR|error): ' "$scratch/$1.out" ||
            grep -av '^[[:space:]]*$' "$scratch/$1.out"
    } 2>/dev/null | tail -n 5 | head -c 2000
}

# A link that leads out of it, and is none of a tablespace.
scratch_stray_link() {
    find "$scratch/data" "$scratch/spaces" -type l ! -path "$scratch/data/pg_tblspc/*" | head -n 1
}

# ------------------------------------------------------------- the server ---
control() { # NAME: of pg_controldata
    sed -n "s/^$1: *//p" "$scratch/control"
}

# Settings of its own: not one of those of its source is read. What recovery
# needs at least as large as it was there comes from the control file.
scratch_conf() { # PROGRAMS
    mkdir -p "$scratch/conf" "$scratch/socket"
    LC_ALL=C "$1/pg_controldata" -D "$scratch/data" >"$scratch/control" 2>/dev/null
    printf 'local all all trust\n' >"$scratch/conf/pg_hba.conf"
    : >"$scratch/conf/pg_ident.conf"
    cat >"$scratch/conf/postgresql.conf" <<CONF
hba_file = '$scratch/conf/pg_hba.conf'
ident_file = '$scratch/conf/pg_ident.conf'
listen_addresses = ''
port = 5432
unix_socket_directories = '$scratch/socket'
unix_socket_permissions = 0700
max_connections = 20
archive_mode = off
wal_level = minimal
max_wal_senders = 0
max_logical_replication_workers = 0
max_replication_slots = 100
max_prepared_transactions = $(control 'max_prepared_xacts setting' | grep . || echo 0)
max_locks_per_transaction = $(control 'max_locks_per_xact setting' | grep . || echo 64)
hot_standby = off
shared_preload_libraries = ''
shared_buffers = 32MB
dynamic_shared_memory_type = mmap
autovacuum = off
fsync = off
full_page_writes = off
logging_collector = off
log_destination = stderr
log_timezone = UTC
lc_messages = C
CONF
}

# It ends with the runbook, also when that is killed.
scratch_start() { # PROGRAMS
    (
        cd / || exit
        if setpriv --pdeathsig QUIT true 2>/dev/null; then
            exec setpriv --pdeathsig QUIT "$1/postgres" -D "$scratch/data" -c "config_file=$scratch/conf/postgresql.conf"
        fi
        exec "$1/postgres" -D "$scratch/data" -c "config_file=$scratch/conf/postgresql.conf"
    ) </dev/null >"$scratch/start.out" 2>&1 3>&- 9>&- &
    scratch_server=$!
}

# scratch_wait PROGRAMS ROLE: until it can be written to; not longer than there is time.
scratch_wait() {
    while kill -0 "$scratch_server" 2>/dev/null; do
        case $(timeout 10 "$1/psql" -XAtqw -h "$scratch/socket" -U "$2" -d postgres -c 'select pg_is_in_recovery()' 2>&1) in
        f) return 0 ;;
        *'role "'*) return 3 ;;
        esac
        if [ "$(runbook_left 1)" -lt 1 ]; then return 124; fi
        sleep 0.1
    done
    return 1
}

scratch_stop() {
    kill -INT "$scratch_server" 2>/dev/null
    wait "$scratch_server"
}

# The newest commit that was replayed from the log, as its log says it: UTC.
scratch_replayed() {
    sed -n 's/.*last completed transaction was at log time \(.*\)/\1/p' "$scratch/start.out" | tail -n 1
}

# What restore-diagnose tells of the last one that went well.
scratch_remember() {
    cat >"$scratch_folder/.last" && mv "$scratch_folder/.last" "$scratch_folder/last-restore"
}
