# shellcheck shell=sh
# shellcheck disable=SC2154 # pg_backup, pg_limit, pg_archive: set by the caller
# The newest backup of a PostgreSQL: which it is, when it was taken, whether it
# can be read, and how far the archived log reaches beyond it. Reads only. For
# postgres/restore-diagnose and restore-verify, and for postgres/diagnose, which
# hands this text to `sh -s` at the other end of ssh: so no program but those of
# any Linux and of PostgreSQL, and no jq. It begins with these set:
#
#     pg_backup   pgbackrest:STANZA or pgbackrest:STANZA:CONFIG
#                 a folder   base backups (plain or tar), dumps, or both
#                 a file     a dump
#     pg_limit    how many seconds reading may take; 0: nothing is read
#     pg_archive  a folder of archived log segments, or nothing
#
# Prints sections: a line with a name, then lines NAME VALUE, each begun by a
# blank.
#
#     backup    the newest: kind (pgbackrest, basebackup, basebackup-tar, dump,
#               dump-sql, none), path, time (unix seconds), count, version,
#               size (bytes when restored; of a dump: of its SQL), stored
#               (bytes on disk), readable (yes, no, unknown), why (of anything
#               but yes), seconds (that reading took)
#     older     where the newest is not readable: the next ones, a line each,
#               READABLE KIND TIME PATH, until one is
#     wal       first (segment that the backup needs), last (that can be reached
#               from there), last_time, newest, missing (how many), gap (the
#               first that is), count
#     pgbackrest, verify   its own words, that jq understands
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
# The word of Debian's and of Red Hat's packages for where programs are.
program_of() { # VERSION NAME; without a version the newest
    for place in "/usr/lib/postgresql/${1:-*}/bin" "/usr/pgsql-${1:-*}/bin"; do
        # shellcheck disable=SC2086 # a pattern where there is no version
        printf '%s\n' $place/"$2"
    done | sort -V | while IFS= read -r found; do
        if [ -x "$found" ]; then printf '%s\n' "$found"; fi
    done | tail -n 1
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

# A file's content on standard output, as far as the time reaches. How that
# ended stands in $work/status, for a pipe shows only the end of its last part.
unpacked() {
    program=$(unpacker "$1")
    case $program in
    cat) in_time cat -- "$1" ;;
    *) in_time "$program" -dc -- "$1" ;;
    esac 2>"$work/said"
    printf '%s' "$?" >"$work/status"
}

# Prints the kind of a folder or a file, nothing for what is no backup.
backup_kind() {
    if [ -d "$1" ]; then
        # A data directory in use may have the manifest that it was made from.
        if [ -e "$1/postmaster.pid" ]; then return; fi
        if [ -f "$1/toc.dat" ]; then
            printf dump
        elif [ -n "$(find "$1/" -maxdepth 1 -name 'base.tar*')" ]; then
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
        as_seconds "$(label_of "$1" | sed -n 's/^START TIME: //p')"
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
    for part in "$1"/base.tar* "$1"/pg_wal.tar* "$1"/[0-9]*.tar*; do
        if ! [ -f "$part" ]; then continue; fi
        if lacks_unpacker "$part"; then return; fi
        prefix=
        case ${part##*/} in
        pg_wal.tar*) prefix=pg_wal/ ;;
        [0-9]*) prefix=pg_tblspc/$(basename "$part" | sed 's/[.]tar.*//')/ ;;
        esac
        {
            unpacked "$part" | tar -tvf - 2>"$work/tar" || printf '%s' "$?" >"$work/tar_status"
        } | sed -n "s,^-[^ ]* *[^ ]* *\([0-9]*\) [^ ]* [^ ]* \([.]/\)*,\1 $prefix,p" >>"$work/listed"
        if [ "$(cat "$work/status")" = 0 ] && [ -f "$work/tar_status" ]; then
            cp "$work/tar" "$work/said"
            cp "$work/tar_status" "$work/status"
        fi
        if [ "$(cat "$work/status")" != 0 ]; then
            judged "$(cat "$work/status")"
            return
        fi
    done
    if ! [ -f "$1/backup_manifest" ]; then
        unknown "its archives can be read, but there is no backup_manifest to hold them against"
        return
    fi
    manifest_files "$1" | sort >"$work/wanted"
    sort "$work/listed" | comm -23 "$work/wanted" - | head -n 1 |
        sed "s/^[0-9]* /a file of the manifest is missing, or of another size: /" >"$work/said"
    judged "$(grep -c . "$work/said")"
}

# backup_read KIND PATH
backup_read() {
    began=$(date +%s)
    case $1 in
    basebackup) read_base "$2" ;;
    basebackup-tar) read_tar "$2" ;;
    dump) read_dump "$2" ;;
    dump-sql) read_sql "$2" ;;
    esac
    printf 'seconds %s\n' "$(($(date +%s) - began))"
}

# ------------------------------------------------------------- the newest ---
# What is known without reading all of it.
backup_about() { # KIND PATH
    case $1 in
    basebackup*)
        if [ -f "$2/backup_manifest" ]; then
            manifest_files "$2" | awk '{ size += $1 } END { printf "size %.0f\n", size }'
        elif [ "$1" = basebackup ]; then
            printf 'size %s\n' "$(in_time du -sb -- "$2" | cut -f1)"
        fi
        ;;
    esac
    case $1 in
    basebackup) printf 'version %s\n' "$(head -c 8 "$2/PG_VERSION")" ;;
    basebackup-tar)
        for part in "$2"/base.tar*; do
            unpacked "$part" | tar --occurrence=1 -xOf - PG_VERSION 2>/dev/null |
                sed 's/^/version /'
        done
        ;;
    esac
    printf 'stored %s\n' "$(in_time du -sb -- "$2" | cut -f1)"
}

backup_none() { printf 'kind none\nwhy %s\n' "$*" | section backup; }

backup_newest() {
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
    if grep -q '^readable no' "$work/newest"; then backup_older | section older; fi
    case $kind in
    basebackup*) wal_of "$path" | section wal ;;
    esac
}

backup_older() {
    tail -n +2 "$work/backups" | head -n 3 | while read -r time kind path; do
        readable=$(backup_read "$kind" "$path" | sed -n 's/^readable //p')
        printf '%s %s %s %s\n' "$readable" "$kind" "$time" "$path"
        if [ "$readable" = yes ]; then break; fi
    done
}

# ---------------------------------------------------------------- the log ---
# Standard input: "SEGMENT TIME" a line, in any order. How far it reaches from
# segment $1 on without a gap; $2 is a segment's size. After a promotion the log
# goes on in the timeline with the highest number.
wal_reach() {
    awk -v first="$1" -v bytes="$2" '
        function hex(text, i, n) {
            for (i = 1; i <= length(text); i++)
                n = n * 16 + index("0123456789ABCDEF", substr(text, i, 1)) - 1
            return n + 0
        }
        function place(name) { return hex(substr(name, 9, 8)) * per + hex(substr(name, 17, 8)) }
        function line_at(n, t, best) {
            best = since
            for (t in begins) if (t + 0 > best && begins[t] <= n) best = t + 0
            return best
        }
        function name_of(t, n) { return sprintf("%08X%08X%08X", t, int(n / per), n % per) }
        BEGIN { per = 4294967296 / bytes; from = place(first); since = hex(substr(first, 1, 8)); to = -1 }
        length($1) == 24 && $1 !~ /[^0-9A-F]/ {
            t = hex(substr($1, 1, 8)); n = place($1)
            if (t < since || n < from) next
            if (!((t, n) in have)) count++
            have[t, n] = $2
            if (!(t in begins) || n < begins[t]) begins[t] = n
            if (n > to) { to = n; newest = $1 }
        }
        END {
            print "first " first; print "count " count + 0
            if (to - from > 2000000) { print "why the numbers of its segments make no sense"; exit }
            for (n = from; n <= to; n++) {
                t = line_at(n)
                if (!((t, n) in have)) { if (!missing++) gap = name_of(t, n) }
                else if (!missing) { last = name_of(t, n); last_time = have[t, n] }
            }
            if (to < 0) { missing = 1; gap = first }
            if (last != "") { print "last " last; print "last_time " last_time }
            if (newest != "") print "newest " newest
            print "missing " missing + 0
            if (gap != "") print "gap " gap
        }'
}

# Segments below a folder: "NAME TIME"; packed ones, too.
wal_in() {
    timeout -k 1 5 find "$1" -maxdepth 3 -type f -name '[0-9A-F]*' -printf '%f %T@\n' 2>/dev/null |
        awk '{ name = $1; sub(/[.-].*/, "", name); split($2, at, ".")
               if (length(name) == 24 && $1 !~ /[.](partial|backup|tmp)/) print name, at[1] }'
}

# The backup_label of a base backup: a file, or the first in its archive.
label_of() {
    cat "$1/backup_label" 2>/dev/null && return
    for part in "$1"/base.tar*; do
        unpacked "$part" | tar --occurrence=1 -xOf - backup_label 2>/dev/null
    done
}

# The size of segments in which SEGMENT $1 holds position $2 ("0/2000028"): 16
# MiB, unless initdb was told otherwise.
wal_size() {
    low=$((0x${2##*/}))
    number=$((0x$(printf '%s' "$1" | cut -c17-24)))
    for mib in 16 1 2 4 8 32 64 128 256 512 1024; do
        if [ "$((low / (mib * 1048576)))" = "$number" ]; then
            printf '%s' "$((mib * 1048576))"
            return
        fi
    done
    printf 16777216
}

# Of a base backup: its own log, then what was archived.
wal_of() {
    if [ -z "$pg_archive" ]; then return; fi
    if ! [ -r "$pg_archive" ]; then
        printf 'why %s is not there, or this user may not read it\n' "$pg_archive"
        return
    fi
    label_of "$1" | sed -n 's/^START WAL LOCATION: \([0-9A-F/]*\) (file \([0-9A-F]\{24\}\)).*/\1 \2/p' >"$work/start"
    if ! read -r position first <"$work/start"; then
        printf 'why its backup_label does not say where its log begins\n'
        return
    fi
    {
        wal_in "$pg_archive"
        wal_in "$1/pg_wal"
        for part in "$1"/pg_wal.tar*; do
            if [ -f "$part" ]; then unpacked "$part" | tar -tf - 2>/dev/null; fi
        done | awk '{ print $1, 0 }'
    } | wal_reach "$first" "$(wal_size "$first" "$position")"
}

# -------------------------------------------------------------- pgbackrest ---
backrest() {
    in_time pgbackrest ${config:+"--config=$config"} "--stanza=$stanza" \
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
    id=$(last_of '"id":"[0-9]*-[0-9]*"' | cut -d'"' -f4)
    key=$(last_of '"repo-key":[0-9]*},"error"' | tr -dc 0-9)
    position=$(last_of '"lsn":{"start":"[0-9A-F/]*"' | cut -d'"' -f6)
    if [ -n "$first" ]; then
        backrest "--repo=${key:-1}" repo-ls --recurse --output=json "archive/$stanza/$id" 2>/dev/null |
            grep -oE '/[0-9A-F]{24}-[^"]*":[{]"type":"file","size":[0-9]*,"time":[0-9]*' |
            sed 's,^/\([0-9A-F]*\)-.*:\([0-9]*\)$,\1 \2,' |
            wal_reach "$first" "$(wal_size "$first" "$position")" | section wal
        began=$(date +%s)
        backrest --output=text verify >"$work/said" 2>&1
        {
            printf 'status %s\nseconds %s\n' "$?" "$(($(date +%s) - began))"
            cat "$work/said"
        } | section verify
    fi
}

work=$(mktemp -d) || exit 75
trap 'rm -rf "$work"' EXIT
trap 'exit 75' HUP INT TERM
case $pg_backup in
'') ;;
pgbackrest:*) backup_pgbackrest ;;
*) backup_newest ;;
esac
