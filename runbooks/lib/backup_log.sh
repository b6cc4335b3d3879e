# shellcheck shell=sh
# shellcheck disable=SC2154 # pg_archive, work: see backup.sh
# How far the log of a PostgreSQL that was archived reaches beyond a backup:
# archives say what they have, not what they lack. Stands before backup.sh, and
# is of its kind.

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
                else if (!missing) { last = name_of(t, n); reached = have[t, n] }
            }
            if (to < 0) { missing = 1; gap = first }
            if (last != "") { print "last " last; print "reached " reached }
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
    base_file "$1" backup_label | sed -n 's/^START WAL LOCATION: \([0-9A-F/]*\) (file \([0-9A-F]\{24\}\)).*/\1 \2/p' >"$work/start"
    if ! read -r position first <"$work/start"; then
        printf 'why its backup_label does not say where its log begins\n'
        return
    fi
    {
        wal_in "$pg_archive"
        wal_in "$1/pg_wal"
        archive_of "$1" pg_wal | while IFS= read -r part; do
            unpacked "$part" 5 | tar -tf - 2>/dev/null
        done | awk '{ print $1, 0 }'
    } | wal_reach "$first" "$(wal_size "$first" "$position")"
    timeout -k 1 5 find "$pg_archive" -maxdepth 1 -type f -name "$first.*" |
        sed -n 's/.*\([.][a-z0-9]*\)$/suffix \1/p' | grep -v '[.]\(backup\|partial\)$' | head -n 1
}
