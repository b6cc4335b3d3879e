# shellcheck shell=sh
# shellcheck disable=SC2154 # pg_backup and such: set by the caller
# The newest backup of a PostgreSQL: which it is, when it was taken, whether it
# can be read, and how far the archived log reaches beyond it. Reads only. For
# postgres/restore-diagnose and restore-verify, and for postgres/diagnose, which
# hands this text to `sh -s` at the other end of ssh: so no program but those of
# any Linux and of PostgreSQL, and no jq. It follows backup_log.sh, and these:
#
#     pg_backup   pgbackrest:STANZA or pgbackrest:STANZA:CONFIG
#                 a folder   base backups (plain or tar), dumps, or both
#                 a file     a dump
#     pg_limit    how many seconds reading may take; 0: nothing is read
#     pg_archive  a folder of archived log segments, or nothing
#     pg_target   a folder that may be restored into, or nothing
#     pg_scratch  where restore-verify works, or nothing
#
# Prints sections: a line with a name, then lines NAME VALUE, each begun by a
# blank.
#
#     backup    the newest: kind (pgbackrest, basebackup, basebackup-tar, dump,
#               dump-sql, none), path, time (unix seconds), count, version,
#               programs (the folder of that version's), size (bytes when
#               restored; of a dump: of its SQL), stored (bytes on disk), conf
#               (yes: postgresql.conf is in it), spaces (how many tablespaces),
#               base, log (the archives
#               that hold it), unpack (what a dump in SQL is unpacked with),
#               cluster (yes: of pg_dumpall), readable (yes, no, unknown), why
#               (of anything but yes), took (milliseconds of reading)
#     older     where the newest is not readable: the next ones, a line each,
#               READABLE KIND TIME PATH, until one is: that is `second`, with
#               the names of `backup`
#     wal       first (segment that the backup needs), last (that can be reached
#               from there), reached (its time), newest, missing (how many), gap
#               (the first that is), count, suffix (of packed ones), or why
#     manifest  of pgbackrest: programs, conf, spaces
#     pgbackrest, verify   its own words; the latter with a limit over 2 s
#     space     of the target: folder, free (KiB), exists
#     last      how restore-verify ended the last time: its own lines
#
# Commands that lie are not asked: `pg_restore -l` accepts a dump that was cut
# off; `pgbackrest info` and `pgbackrest verify` exit with 0 whatever they found,
# and neither sees that a log segment is gone.
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin
ends=$(($(date +%s) + ${pg_limit:-0}))

section() {
    printf '%s\n' "$1"
    head -c 262144 | awk '{ print " " $0 }'
}

seconds_left() {
    left=$((ends - $(date +%s)))
    if [ "$left" -lt 0 ]; then left=0; fi
    printf '%s' "$left"
}

# Runs a command for as long as there is time; 124 when there is none.
in_time() {
    left=$(seconds_left)
    if [ "$left" = 0 ]; then return 124; fi
    timeout -k 1 "$left" "$@"
}

# --------------------------------------------------------- what is a backup ---
# Where Debian's and Red Hat's packages have a program of a version; of the
# newest, if none is given.
program_of() { # VERSION NAME
    if [ -n "$1" ]; then
        for found in "/usr/lib/postgresql/$1/bin/$2" "/usr/pgsql-$1/bin/$2"; do
            if [ -x "$found" ]; then printf '%s\n' "$found"; fi
        done
        return
    fi
    printf '%s\n' /usr/lib/postgresql/*/bin/"$2" /usr/pgsql-*/bin/"$2" | grep -v '[*]' |
        sort -V | tail -n 1 | grep . || command -v "$2"
}

# What unpacks a file; cat where it is not packed.
unpacker() {
    case $1 in
    *.gz | *.tgz) printf gzip ;;
    *.zst) printf zstd ;;
    *.lz4) printf lz4 ;;
    *.xz) printf xz ;;
    *.bz2) printf bzip2 ;;
    *) printf cat ;;
    esac
}

# unpacked FILE [SECONDS]: its content on standard output, for so long, or as far
# as the time reaches. How that ended stands in $work/status, for a pipe shows
# only the end of its last part.
unpacked() {
    set -- "$1" "${2:-$(seconds_left)}" "$(unpacker "$1")"
    case $2:$3 in
    0:*) false ;;
    *:cat) timeout -k 1 "$2" cat -- "$1" ;;
    *) timeout -k 1 "$2" "$3" -dc -- "$1" ;;
    esac 2>"$work/said"
    came=$?
    if [ "$2" = 0 ]; then came=124; fi
    printf '%s' "$came" >"$work/status"
}

# archive_of FOLDER NAME: NAME.tar, packed or not; nothing where there is none.
archive_of() {
    for suffix in tar tar.gz tar.zst tar.lz4 tar.xz tar.bz2; do
        if [ -f "$1/$2.$suffix" ]; then printf '%s\n' "$1/$2.$suffix"; fi
    done | head -n 1
}

# A small file of a base backup: as such, or out of its archive. backup_label is
# the first in there, so that little is read.
base_file() { # FOLDER NAME
    cat "$1/$2" 2>/dev/null && return
    archive_of "$1" base | while IFS= read -r part; do
        unpacked "$part" 5 | tar --occurrence=1 -xOf - "$2" 2>/dev/null
    done
}

# Prints the kind of a folder or a file, nothing for what is no backup.
backup_kind() {
    if [ -d "$1" ]; then
        # A data directory in use may have the manifest that it was made from.
        if [ -e "$1/postmaster.pid" ]; then return; fi
        if [ -f "$1/toc.dat" ]; then
            printf dump
        elif [ -n "$(archive_of "$1" base)" ]; then
            printf 'basebackup-tar'
        elif [ -f "$1/PG_VERSION" ] &&
            { [ -f "$1/backup_label" ] || [ -f "$1/backup_manifest" ]; }; then
            printf basebackup
        fi
        return
    fi
    case $(head -c 7 -- "$1" 2>/dev/null | tr -d '\000') in
    PGDMP* | toc.dat) printf dump ;;
    *) case $1 in
        *.sql | *.sql.??? | *.sql.gz) printf 'dump-sql' ;;
        *.dump | *.pgdump | *.backup) printf dump ;;
        esac ;;
    esac
}

as_seconds() { [ -n "$1" ] && date -d "$1" +%s 2>/dev/null; }

# Of a base backup: when it began. Its manifest says it in GMT; the zone of
# backup_label may be a word that nobody else knows.
base_time() {
    as_seconds "$(sed -n '/"Path": "backup_label"/{s/.*"Last-Modified": "\([^"]*\)".*/\1/p;q;}' \
        "$1/backup_manifest" 2>/dev/null)" ||
        as_seconds "$(base_file "$1" backup_label | sed -n 's/^START TIME: //p')"
}

# backup_time KIND PATH: what the backup itself says, for a copy has a new date;
# else the date of the file. A dump has the local time of wherever it was made:
# that cannot be after the file was written.
backup_time() {
    case $1 in
    basebackup*) base_time "$2" || stat -c %Y -- "$2" ;;
    dump)
        file=$2
        if [ -d "$2" ]; then file=$2/toc.dat; fi
        written=$(stat -c %Y -- "$file")
        began=$(as_seconds "$("$(program_of '' pg_restore)" -l -- "$2" 2>/dev/null |
            sed -n 's/^; *Archive created at //p;/^; *Dump Version/q')")
        if [ -n "$began" ] && [ "$began" -lt "$written" ]; then written=$began; fi
        printf '%s\n' "$written"
        ;;
    *) stat -c %Y -- "$2" ;;
    esac 2>/dev/null
}

# The backups at and below a path, the newest first, a line each: TIME KIND PATH.
# Of many only those that were written last are opened.
backup_list() {
    timeout -k 1 5 find "$1" -maxdepth 3 ! -name '*[[:cntrl:]]*' -type f \
        \( -name backup_label -o -name backup_manifest -o -name 'base.tar*' \
        -o -name toc.dat -o -name '*.dump' -o -name '*.pgdump' -o -name '*.backup' \
        -o -name '*.tar' -o -name '*.sql' -o -name '*.sql.*' \) \
        -printf '%T@ %p\n' 2>/dev/null | sort -rn | cut -d' ' -f2- |
        awk '{ name = $0; sub(/.*\//, "", name) }
             name ~ /^[0-9A-F]+[.][0-9A-F]+[.]backup$/ { next } # of archived log
             name ~ /^(backup_label|backup_manifest|toc[.]dat|base[.]tar.*|pg_wal[.]tar.*|[0-9]+[.]tar.*)$/ {
                 sub(/\/[^\/]*$/, "") }
             !seen[$0]++' >"$work/found"
    head -n 12 "$work/found" | while IFS= read -r path; do
        kind=$(backup_kind "$path")
        if [ -n "$kind" ]; then
            printf '%s %s %s\n' "$(backup_time "$kind" "$path")" "$kind" "$path"
        fi
    done | sort -k1,1nr
}

# ------------------------------------------------------------------ reading ---
# How a reading ended: for `readable` and `why`. The program's words: $work/said.
judged() { # STATUS
    case $1 in
    0) printf 'readable yes\n' ;;
    124 | 137) printf 'readable unknown\nwhy it was not read to its end within %s s\n' "${pg_limit:-0}" ;;
    *) printf 'readable no\nwhy %s\n' "$(grep -av '^$' "$work/said" | tail -n 1 | head -c 300)" ;;
    esac
}

unknown() { printf 'readable unknown\nwhy %s\n' "$*"; }

# Prints readable, and why, of a packed file that lacks its program.
lacks_unpacker() {
    program=$(unpacker "$1")
    if command -v "$program" >/dev/null; then return 1; fi
    unknown "$program is not installed here"
}

# A dump in text says at its end that it is whole.
read_sql() {
    if lacks_unpacker "$1"; then return; fi
    unpacked "$1" | awk '{ size += length($0) + 1; if ($0 != "") last = before "\n" $0; before = $0 }
        /^-- PostgreSQL database (cluster )?dump complete/ { whole = 1; next }
        END { print size > "/dev/stderr"; exit !whole }' 2>"$work/size"
    whole=$?
    if [ "$(cat "$work/status")" = 0 ] && [ "$whole" != 0 ]; then
        printf 'it lacks the line "dump complete" at its end: it was cut off\n' >"$work/said"
        printf 1 >"$work/status"
    fi
    printf 'size %s\n' "$(cat "$work/size")"
    judged "$(cat "$work/status")"
}

# pg_restore without a database writes the SQL: that takes every byte of it.
read_dump() {
    program=$(program_of '' pg_restore)
    if [ -z "$program" ]; then
        unknown "pg_restore is not installed here"
        return
    fi
    {
        in_time "$program" -f - -- "$1" 2>"$work/said"
        printf '%s' "$?" >"$work/status"
    } | wc -c | sed 's/^/size /'
    judged "$(cat "$work/status")"
}

read_base() {
    if ! [ -f "$1/global/pg_control" ]; then
        printf 'readable no\nwhy it has no global/pg_control, which is written last: it did not end\n'
        return
    fi
    if ! [ -f "$1/backup_manifest" ]; then
        unknown "it has no backup_manifest: it did not end, or was taken with --no-manifest"
        return
    fi
    version=$(cat "$1/PG_VERSION")
    program=$(program_of "$version" pg_verifybackup)
    if [ -z "$program" ]; then
        unknown "pg_verifybackup of PostgreSQL $version is not installed here"
        return
    fi
    # Taken without its log (-X none), it has none to look at.
    without=
    if [ -z "$(find "$1/pg_wal" -maxdepth 1 -name '[0-9A-F]*[0-9A-F]' 2>/dev/null)" ]; then
        without=-n
    fi
    in_time "$program" -q $without "$1" >"$work/said" 2>&1
    judged "$?"
}

# What a manifest lists, "SIZE PATH" a line.
manifest_files() {
    sed -n 's/.*"Path": "\([^"]*\)", "Size": \([0-9]*\),.*/\2 \1/p' "$1/backup_manifest"
}

# pg_verifybackup of 15 cannot look into archives: each is read to its end, and
# held against the names and sizes of the manifest.
read_tar() {
    : >"$work/listed"
    for part in "$(archive_of "$1" base)" "$(archive_of "$1" pg_wal)" "$1"/[0-9]*.tar*; do
        name=${part##*/}
        case ${name%%.tar*} in
        base) prefix= ;;
        pg_wal) prefix=pg_wal/ ;;
        '' | *[!0-9]*) continue ;;
        *) prefix=pg_tblspc/${name%%.tar*}/ ;;
        esac
        if lacks_unpacker "$part"; then return; fi
        {
            unpacked "$part" | tar -tvf - 2>"$work/tar"
            printf '%s' "$?" >"$work/tar_status"
        } | sed -n "s,^-[^ ]* *[^ ]* *\([0-9]*\) [^ ]* [^ ]* \([.]/\)*,\1 $prefix,p" >>"$work/listed"
        # Where tar gives up, the one before it ends without a word.
        if ! [ -s "$work/said" ]; then head -n 1 "$work/tar" >"$work/said"; fi
        if [ "$(cat "$work/status" "$work/tar_status")" != 00 ]; then
            sed -i 's/^/the archive is damaged: /' "$work/said"
            judged "$(sed 's/^0$/1/' "$work/status")"
            return
        fi
    done
    if ! [ -f "$1/backup_manifest" ]; then
        unknown "its archives can be read, but there is no backup_manifest to hold them against"
        return
    fi
    manifest_files "$1" | sort >"$work/wanted"
    sort "$work/listed" | comm -23 "$work/wanted" - | head -n 1 |
        sed 's/^[0-9]* /a file of the manifest is missing, or of another size: /' >"$work/said"
    judged "$(grep -c . "$work/said")"
}

# backup_read KIND PATH
backup_read() {
    if [ "$(seconds_left)" = 0 ]; then
        judged 124
        return
    fi
    began=$(date +%s%3N)
    case $1 in
    basebackup) read_base "$2" ;;
    basebackup-tar) read_tar "$2" ;;
    dump) read_dump "$2" ;;
    dump-sql) read_sql "$2" ;;
    esac
    printf 'took %s\n' "$(($(date +%s%3N) - began))"
}

# ------------------------------------------------------------- the newest ---
# What is known without reading all of it.
backup_about() { # KIND PATH
    printf 'stored %s\n' "$(timeout -k 1 5 du -sb -- "$2" | cut -f1)"
    case $1 in
    basebackup) ;;
    basebackup-tar)
        archive_of "$2" base | sed 's,.*/,base ,'
        archive_of "$2" pg_wal | sed 's,.*/,log ,'
        ;;
    dump-sql)
        printf 'unpack %s\n' "$(unpacker "$2" | sed '/^cat$/!s/$/ -dc/')"
        unpacked "$2" 5 | head -c 200 | sed -n 's/^-- PostgreSQL database cluster dump.*/cluster yes/p'
        return
        ;;
    *) return ;;
    esac
    version=$(base_file "$2" PG_VERSION | head -c 8)
    printf 'version %s\nprograms %s\n' "$version" "$(program_of "$version" pg_ctl | sed 's,/pg_ctl$,,')"
    if [ -f "$2/backup_manifest" ]; then
        manifest_files "$2" >"$work/files"
    elif [ "$1" = basebackup ]; then
        timeout -k 1 5 find "$2/" -type f -printf '%s %P\n' >"$work/files"
    else
        return
    fi
    awk '{ size += $1; if ($2 == "postgresql.conf") conf = "yes"; split($2, at, "/") }
         at[1] == "pg_tblspc" && !(at[2] in seen) { seen[at[2]]; spaces++ }
         END { printf "size %.0f\nconf %s\nspaces %d\n", size, conf ? conf : "no", spaces }' "$work/files"
}

backup_none() { printf 'kind none\nwhy %s\n' "$*" | section backup; }

backup_newest() {
    case $pg_backup in
    /*) ;;
    *)
        backup_none "$pg_backup is not an absolute path"
        return
        ;;
    esac
    if ! [ -e "$pg_backup" ]; then
        backup_none "$pg_backup is not there, or this user may not see it"
        return
    fi
    if [ -f "$pg_backup" ] || [ -n "$(backup_kind "$pg_backup")" ]; then
        kind=$(backup_kind "$pg_backup")
        printf '%s %s %s\n' "$(backup_time "$kind" "$pg_backup")" "$kind" "$pg_backup"
    else
        backup_list "$pg_backup"
    fi >"$work/backups"
    if ! read -r time kind path <"$work/backups" || [ -z "$path" ]; then
        backup_none "there is no backup in $pg_backup"
        return
    fi
    {
        printf 'kind %s\npath %s\ntime %s\ncount %s\n' "$kind" "$path" "$time" \
            "$(grep -c . "$work/found" 2>/dev/null || printf 1)"
        backup_about "$kind" "$path"
        backup_read "$kind" "$path"
    } >"$work/newest"
    section backup <"$work/newest"
    if grep -q '^readable no' "$work/newest"; then
        backup_older | section older
        if [ -f "$work/second" ]; then section second <"$work/second"; fi
    fi
    case $kind in
    basebackup*) wal_of "$path" | section wal ;;
    esac
}

backup_older() {
    tail -n +2 "$work/backups" | head -n 3 | while read -r time kind path; do
        readable=$(backup_read "$kind" "$path" | sed -n 's/^readable //p')
        printf '%s %s %s %s\n' "$readable" "$kind" "$time" "$path"
        if [ "$readable" = yes ]; then
            {
                printf 'kind %s\npath %s\ntime %s\n' "$kind" "$path" "$time"
                backup_about "$kind" "$path"
            } >"$work/second"
            break
        fi
    done
}

# -------------------------------------------------------------- pgbackrest ---
# What it asks is quick, but for `verify`.
backrest() {
    left=$(seconds_left)
    if [ "$left" -lt 5 ] && [ "$1" != --output=text ]; then left=5; fi
    timeout -k 1 "$left" pgbackrest ${config:+"--config=$config"} "--stanza=$stanza" \
        --log-level-file=off --log-level-console=off --log-level-stderr=error "$@"
}

# The last of a kind of text in its JSON, whose backups are in order of time.
last_of() { grep -o "$1" "$work/info" | tail -n 1; }

backup_pgbackrest() {
    rest=${pg_backup#pgbackrest:}
    stanza=${rest%%:*}
    config=${rest#"$stanza"}
    config=${config#:}
    printf 'kind pgbackrest\nstanza %s\nconfig %s\n' "$stanza" "$config" | section backup
    backrest --output=json info >"$work/info" 2>&1
    section pgbackrest <"$work/info"
    first=$(last_of '"archive":{"start":"[0-9A-F]\{24\}"' | grep -o '[0-9A-F]\{24\}')
    position=$(last_of '"lsn":{"start":"[0-9A-F/]*"' | cut -d'"' -f6)
    id=$(last_of '"id":"[0-9]*-[0-9]*"' | cut -d'"' -f4)
    label=$(last_of '"label":"[0-9A-Za-z_-]*"' | cut -d'"' -f4)
    repo=--repo=$(last_of '"repo-key":[0-9]*},"error"' | tr -dc 0-9)
    if [ -z "$first" ]; then return; fi
    {
        printf 'programs %s\n' "$(program_of "${id%%-*}" pg_ctl)" | sed 's,/pg_ctl$,,'
        backrest "$repo" repo-get "backup/$stanza/$label/backup.manifest" 2>/dev/null |
            awk '/^pg_data.postgresql.conf=/ { conf = "yes" } /^pg_tblspc.[0-9]+=.*"tablespace-id"/ { spaces++ }
                 END { printf "conf %s\nspaces %d\n", conf ? conf : "no", spaces }'
    } | section manifest
    backrest "$repo" repo-ls --recurse --output=json "archive/$stanza/$id" 2>/dev/null |
        grep -oE '/[0-9A-F]{24}-[^"]*":[{]"type":"file","size":[0-9]*,"time":[0-9]*' |
        sed 's,^/\([0-9A-F]*\)-.*:\([0-9]*\)$,\1 \2,' |
        wal_reach "$first" "$(wal_size "$first" "$position")" | section wal
    if [ "$pg_limit" -le 2 ]; then return; fi
    began=$(date +%s%3N)
    backrest --output=text verify >"$work/said" 2>&1
    {
        printf 'status %s\n' "$?"
        printf 'took %s\n' "$(($(date +%s%3N) - began))"
        cat "$work/said"
    } | section verify
}

# Where the target, or the nearest folder above it, lies.
space_at() {
    near=$1
    while [ -n "$near" ] && ! [ -d "$near" ]; do near=${near%/*}; done
    printf 'folder %s\nfree %s\n' "$1" "$(timeout -k 1 2 df -Pk -- "${near:-/}" | awk 'END { print $4 }')"
    if [ -e "$1" ]; then printf 'exists yes\n'; fi
}

work=$(mktemp -d) || exit 75
trap 'rm -rf "$work"' EXIT
trap 'exit 75' HUP INT TERM
case $pg_target in
/*) space_at "$pg_target" | section space ;;
esac
if [ -f "$pg_scratch/last-restore" ]; then section last <"$pg_scratch/last-restore"; fi
case $pg_backup in
'') ;;
pgbackrest:*) backup_pgbackrest ;;
*) backup_newest ;;
esac
