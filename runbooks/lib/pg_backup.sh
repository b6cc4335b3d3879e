# shellcheck shell=sh
# shellcheck disable=SC2154 # pg_backup and such: see pg_machine.sh
# The newest backup of a PostgreSQL, and whether it can be read. Follows
# pg_machine.sh, or stands alone, where pg.sh runs it; reads only. pg_backup is
#
#     pgbackrest:STANZA or pgbackrest:STANZA:CONFIG
#     a folder   base backups (plain or tar), dumps, or both; the newest counts
#     a file     a dump
#
# and pg_limit how many seconds reading it may take. Prints a section "backup"
# of lines NAME VALUE:
#
#     kind      pgbackrest, basebackup, basebackup-tar, dump, dump-sql or none
#     path      of a folder or file
#     time      when it was taken (basebackup: when that began), unix seconds
#     count     how many there are
#     readable  yes, no, unknown (not ended in time, no program for it)
#     why       of anything but yes
#
# and for pgbackrest, whose words only jq understands, a section "pgbackrest".
# The commands that lie are not asked: `pg_restore -l` accepts a dump that was
# cut off, `pgbackrest info` ends well where its repository cannot be read.
LC_ALL=C
export LC_ALL

backup_section() {
    printf '%s\n' "$1"
    head -c 262144 | sed 's/^/ /'
}

# What stands at the head of a dump in a format of its own.
is_dump() { [ "$(head -c 5 -- "$1" 2>/dev/null)" = PGDMP ]; }

# Prints KIND of a folder or a file, nothing for what is no backup.
backup_kind() {
    if [ -d "$1" ]; then
        if [ -f "$1/toc.dat" ]; then
            printf dump
        elif [ -f "$1/base.tar" ] || [ -f "$1/base.tar.gz" ] ||
            [ -f "$1/base.tar.zst" ] || [ -f "$1/base.tar.lz4" ]; then
            printf 'basebackup-tar'
        elif [ -f "$1/PG_VERSION" ] &&
            { [ -f "$1/backup_label" ] || [ -f "$1/backup_manifest" ]; }; then
            printf basebackup
        fi
    elif is_dump "$1"; then
        printf dump
    else
        case $1 in
        *.sql | *.sql.gz | *.sql.zst | *.sql.xz | *.sql.bz2) printf 'dump-sql' ;;
        *.dump | *.pgdump | *.backup | *.dump.* | *.tar) printf dump ;;
        esac
    fi
}

# When PATH, a backup of KIND, was taken.
backup_time() {
    began=
    if [ "$1" = basebackup ]; then
        began=$(sed -n 's/^START TIME: //p' "$2/backup_label" 2>/dev/null)
    fi
    if [ -n "$began" ] && date -d "$began" +%s 2>/dev/null; then return; fi
    case $1 in
    basebackup) stat -c %Y -- "$2/backup_manifest" ;;
    basebackup-tar) stat -c %Y -- "$2"/base.tar* | sort -n | tail -n 1 ;;
    *) if [ -d "$2" ]; then stat -c %Y -- "$2/toc.dat"; else stat -c %Y -- "$2"; fi ;;
    esac 2>/dev/null
}

# The backups at and below a path, the newest first: that was written last.
backup_list() {
    timeout -k 1 2 find "$1" -maxdepth 3 -type f \( -name backup_label \
        -o -name backup_manifest -o -name 'base.tar*' -o -name toc.dat \
        -o -name '*.dump' -o -name '*.pgdump' -o -name '*.backup' -o -name '*.tar' \
        -o -name '*.sql' -o -name '*.sql.gz' -o -name '*.sql.zst' -o -name '*.sql.xz' \
        -o -name '*.sql.bz2' \) -printf '%T@ %p\n' 2>/dev/null |
        sort -rn | head -n 1000 | cut -d' ' -f2- |
        while IFS= read -r path; do
            case ${path##*/} in
            backup_label | backup_manifest | base.tar* | toc.dat | pg_wal.tar)
                path=${path%/*}
                ;;
            esac
            printf '%s\n' "$path"
        done | awk '!seen[$0]++'
}

# Says a program's last words, and how it came out: for `readable`.
backup_judge() { # STATUS
    case $1 in
    0) printf 'readable yes\n' ;;
    124 | 137) printf 'readable unknown\nwhy reading all of it takes longer than %s s\n' "$pg_limit" ;;
    *) printf 'readable no\nwhy %s\n' "$(grep -av '^$' "$said" | tail -n 1 | head -c 300)" ;;
    esac
}

backup_program() { # NAME: where it is
    for place in ${programs:+"$programs"} /usr/lib/postgresql/*/bin; do
        if [ -x "$place/$1" ]; then program=$place/$1; fi
        if [ -n "$programs" ] && [ -n "$program" ]; then break; fi
    done
    if [ -z "$program" ]; then program=$(command -v "$1"); fi
    if [ -z "$program" ]; then
        printf 'readable unknown\nwhy %s is not installed here\n' "$1"
        return 1
    fi
}

# A text dump says at its end that it is whole.
backup_read_sql() {
    case $1 in
    *.gz) set -- "$1" gzip ;;
    *.zst) set -- "$1" zstd ;;
    *.xz) set -- "$1" xz ;;
    *.bz2) set -- "$1" bzip2 ;;
    *) set -- "$1" cat ;;
    esac
    case $2 in
    cat) tail -c 4096 -- "$1" >"$said.end" 2>"$said" ;;
    *)
        { timeout -k 1 "$pg_limit" "$2" -dc -- "$1" 2>"$said" || printf '%s' "$?" >"$said.status"; } |
            tail -c 4096 >"$said.end"
        ;;
    esac
    status=$(cat "$said.status" 2>/dev/null || printf 0)
    if [ "$status" = 0 ] && ! grep -aqE 'database (cluster )?dump complete' "$said.end"; then
        printf 'it lacks the line "dump complete" at its end\n' >"$said"
        status=1
    fi
    backup_judge "$status"
}

# KIND PATH: reads all of it, as far as the time reaches.
backup_read() {
    program=
    case $1 in
    basebackup)
        backup_program pg_verifybackup || return 0
        # Taken without its log (-X none), it has none to look at.
        without=
        if [ -z "$(find "$2/pg_wal" -maxdepth 1 -name '[0-9A-F]*[0-9A-F]' 2>/dev/null)" ]; then
            without=-n
        fi
        timeout -k 1 "$pg_limit" "$program" -q $without "$2" >"$said" 2>&1
        backup_judge "$?"
        ;;
    basebackup-tar)
        for part in "$2"/*.tar*; do
            case $part in
            *.gz) timeout -k 1 "$pg_limit" gzip -t -- "$part" ;;
            *.zst) timeout -k 1 "$pg_limit" zstd -qt -- "$part" ;;
            *.lz4) timeout -k 1 "$pg_limit" lz4 -qt -- "$part" ;;
            *) timeout -k 1 "$pg_limit" tar -tf "$part" >/dev/null ;;
            esac 2>"$said"
            status=$?
            if [ "$status" != 0 ]; then break; fi
        done
        backup_judge "$status"
        ;;
    dump)
        backup_program pg_restore || return 0
        timeout -k 1 "$pg_limit" "$program" -f /dev/null -- "$2" >"$said" 2>&1
        backup_judge "$?"
        ;;
    dump-sql) backup_read_sql "$2" ;;
    esac
}

backup_newest() {
    if ! [ -e "$pg_backup" ]; then
        printf 'kind none\nwhy %s is not there, or this user may not see it\n' "$pg_backup"
        return
    fi
    if [ -f "$pg_backup" ]; then
        backups=$pg_backup
    else
        backups=$(backup_list "$pg_backup")
    fi
    path=$(printf '%s\n' "$backups" | head -n 1)
    kind=$(backup_kind "${path:-/nonexistent}")
    if [ -z "$kind" ]; then
        printf 'kind none\nwhy there is no backup in %s\n' "$pg_backup"
        return
    fi
    printf 'kind %s\npath %s\ntime %s\ncount %s\n' "$kind" "$path" \
        "$(backup_time "$kind" "$path")" "$(printf '%s\n' "$backups" | wc -l)"
    said=$(mktemp) || return
    backup_read "$kind" "$path"
    rm -f "$said" "$said.end" "$said.status"
}

backup_pgbackrest() {
    rest=${pg_backup#pgbackrest:}
    stanza=${rest%%:*}
    config=${rest#"$stanza"}
    config=${config#:}
    printf 'kind pgbackrest\nstanza %s\n' "$stanza" | backup_section backup
    timeout -k 1 "$pg_limit" pgbackrest ${config:+"--config=$config"} \
        "--stanza=$stanza" --output=json --log-level-console=off info 2>&1 |
        backup_section pgbackrest
}

case $pg_backup in
'') ;;
pgbackrest:*) backup_pgbackrest ;;
*) backup_newest | backup_section backup ;;
esac
