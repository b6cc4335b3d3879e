# shellcheck shell=sh
# shellcheck disable=SC2154 # pg_port and such: pg.sh puts them before this text
# What the machine of a PostgreSQL can say about it: processes, folders, disks,
# its log, its control file, the newest backup. Reads only. pg.sh hands this
# text to `sh -s`, here or at the other end of ssh, after lines that set
#
#     pg_port    the port that is asked about
#     pg_data    its data directory, or nothing: then it is looked for
#     pg_log     its log, or nothing
#     pg_socket  the folder of its socket, or nothing
#
# so no program but those of any Linux may be needed. Prints sections: a line
# with a name, then what belongs to it, each line begun by a blank. What can be
# seen without touching a disk comes first: one that hangs takes none of it.
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin

section() {
    printf '%s\n' "$1"
    sed 's/^/ /'
}

# NAME VALUE: a section of one line.
say() { printf '%s\n %s\n' "$1" "$2"; }

# What hangs is left behind after a second.
soon() { timeout -k 1 1 "$@" 2>/dev/null; }

# pid, parent, state, seconds of life, user, where it waits, command line.
all_processes() {
    ps -ww -eo pid=,ppid=,stat=,etimes=,user:32=,wchan:24=,args= 2>/dev/null
}

postgres_processes() {
    awk '{ name = $7; sub(/.*\//, "", name) }
         name ~ /^(postgres|postmaster)(:|$)/ { print substr($0, 1, 400) }'
}

# Of the package's clusters the one with that port: version, name, port, where
# its data and its log are, with blanks between. What pg_lsclusters says, in less
# than a tenth of its time.
packaged_cluster() {
    awk -v port="$pg_port" -F '[ \t=]+' '
        function value(line) {
            sub(/^[^=]*=?[ \t]*/, "", line)
            sub(/[ \t]*(#.*)?$/, "", line)
            gsub(/\047/, "", line)
            return line
        }
        FNR == 1 { place = FILENAME }
        /^[ \t]*data_directory[ \t=]/ { data[place] = value($0) }
        /^[ \t]*port[ \t=]/ { if (value($0) + 0 == port) mine = place }
        END {
            if (mine == "") exit
            split(mine, part, "/")
            print part[4], part[5], port, data[mine], "/var/log/postgresql/postgresql-" part[4] "-" part[5] ".log"
        }' /etc/postgresql/*/*/postgresql.conf 2>/dev/null
}

# ------------------------------------------------------- whose data it is ---
# Prints the folder and how it was found.
find_data() {
    if [ -n "$pg_data" ]; then
        printf '%s\nparam\n' "$pg_data"
        return
    fi
    if [ -n "$cluster" ]; then
        printf '%s\npackage\n' "$(printf '%s' "$cluster" | awk '{ print $4 }')"
        return
    fi
    # What a server that was killed leaves behind beside its socket.
    for folder in "$pg_socket" /run/postgresql /var/run/postgresql /tmp; do
        found=$(sed -n 2p "$folder/.s.PGSQL.$pg_port.lock" 2>/dev/null)
        if [ -n "$found" ]; then
            printf '%s\nsocket\n' "$found"
            return
        fi
    done
    # A server stands in its folder; what else it is called by may be anything.
    printf '%s\n' "$processes" | awk '$7 !~ /:$/ { print $1 }' | while read -r one; do
        found=$(readlink "/proc/$one/cwd")
        if [ "$(sed -n 4p "$found/postmaster.pid" 2>/dev/null)" = "$pg_port" ]; then
            printf '%s\nprocess\n' "$found"
            break
        fi
    done
}

find_programs() {
    version=$(cat "$data/PG_VERSION" 2>/dev/null)
    if [ -z "$version" ]; then
        version=$(printf '%s' "$cluster" | awk '{ print $1 }')
    fi
    for folder in "/usr/lib/postgresql/$version/bin" "/usr/pgsql-$version/bin" \
        $(command -v pg_controldata | sed 's,/pg_controldata$,,'); do
        if [ -x "$folder/pg_controldata" ]; then
            printf '%s\n' "$folder"
            return
        fi
    done
}

find_log() {
    if [ -n "$pg_log" ]; then
        printf '%s\n' "$pg_log"
        return
    fi
    for found in "$(printf '%s' "$cluster" | awk '{ print $5 }')" \
        "$data/$(awk '$1 == "stderr" { print $2 }' "$data/current_logfiles" 2>/dev/null)" \
        "$(readlink "/proc/$pid/fd/2" 2>/dev/null)"; do
        if [ -f "$found" ]; then
            printf '%s\n' "$found"
            return
        fi
    done
    find "$data/log" -maxdepth 1 -type f -name '*.log' 2>/dev/null | sort | tail -n 1
}

# ------------------------------------------------------------------ disks ---
# NAME FOLDER: one line NAME, folder, KiB and free KiB, inodes and free ones,
# rw or ro, where it is mounted; with tabs between. Each file system once.
disk_of() {
    device=$(soon stat -c %d -- "$2")
    case " $devices " in
    *" $device "*) return ;;
    esac
    devices="$devices $device"
    {
        soon df -Pk -- "$2" | tail -n 1
        soon df -Pi -- "$2" | tail -n 1
        cat /proc/mounts
    } | awk -v name="$1" -v folder="$2" '
        NR == 1 { size = $2; free = $4; sub(/^.*% +/, ""); where = $0 }
        NR == 2 { inodes = $2; left = $4 }
        NR > 2 && $2 == where { split($4, option, ","); mode = option[1] }
        END {
            OFS = "\t"
            if (size != "") print name, folder, size, free, inodes, left, mode, where
        }'
}

disks() {
    devices=
    disk_of data "$data"
    disk_of wal "$data/pg_wal/."
    for folder in "$data"/pg_tblspc/*; do
        if [ -d "$folder" ]; then disk_of tablespace "$folder/."; fi
    done
    if [ -n "$log" ]; then disk_of log "${log%/*}"; fi
}

# The newest segment of the write-ahead log, how many there are, how many wait
# to be archived.
wal() {
    newest=$(soon ls -t "$data/pg_wal" | grep -E '^[0-9A-F]{24}$' | head -n 1)
    count=$(soon ls "$data/pg_wal" | grep -cE '^[0-9A-F]{24}$')
    ready=$(soon ls "$data/pg_wal/archive_status" | grep -c '[.]ready$')
    if [ -n "$newest" ]; then printf '%s %s %s\n' "$newest" "$count" "$ready"; fi
}

# -------------------------------------------------------- kernel, services ---
killed_for_memory() {
    {
        soon dmesg
        soon journalctl -kq -o short-monotonic --since -2h
    } | grep -aiE '(Out of memory|oom-kill|Killed process).*(postgres|postmaster)' | tail -n 5
}

# Who else starts and stops it: a person or a runbook is not to. By what runs
# here, and by what that has left in its folder.
managers() {
    awk 'BEGIN {
            what["patroni"] = "patroni"; what["pg_autoctl"] = "pg_auto_failover"
            what["repmgrd"] = "repmgr"; what["stolon-keeper"] = "stolon"
            what["pacemakerd"] = "pacemaker"
        }
        {   # the program, or what an interpreter runs
            for (i = 7; i <= 8; i++) {
                name = $i
                sub(/.*\//, "", name)
                if (name in what) print what[name]
            }
        }'
    if [ -e "$data/patroni.dynamic.json" ]; then printf 'patroni\n'; fi
    if [ -e "$data/postgresql-auto-failover.conf" ]; then printf 'pg_auto_failover\n'; fi
    if soon grep -qE '^[ \t]*shared_preload_libraries.*repmgr' "$data/postgresql.conf" "$data/postgresql.auto.conf"; then
        printf 'repmgr\n'
    fi
}

service() {
    if [ ! -d /run/systemd/system ]; then return; fi
    unit=postgresql.service
    if [ -n "$cluster" ]; then
        unit=$(printf '%s' "$cluster" | awk '{ print "postgresql@" $1 "-" $2 ".service" }')
    fi
    soon systemctl show -p Id -p LoadState -p ActiveState -p Result -- "$unit"
}

everything=$(all_processes)
processes=$(printf '%s\n' "$everything" | postgres_processes)
cluster=$(packaged_cluster)
found=$(find_data)
data=$(printf '%s\n' "$found" | sed -n 1p)
pid=$(sed -n 1p "$data/postmaster.pid" 2>/dev/null)

say now "$(date +%s)"
read -r uptime _ </proc/uptime
say uptime "$uptime"
say user "$(id -un)"
say machine "$(uname -n)"
# Where /proc hides other people's processes, none is seen, which says nothing.
if command -v ps >/dev/null && [ -d /proc/1 ]; then printf '%s\n' "$processes" | section processes; fi
say cluster "$cluster"
printf '%s\n' "$found" | section data
printf '%s\n' "$everything" | managers | sort -u | section managers
service | section service
killed_for_memory | section memory
if [ -r "$data/postmaster.pid" ]; then
    soon cat "$data/postmaster.pid" | section pidfile
    # The number may have gone to another program.
    case $(cat "/proc/$pid/comm" 2>/dev/null) in
    postgres | postmaster) sed 's/^.*) \(.\).*/\1/' "/proc/$pid/stat" 2>/dev/null | section pidstate ;;
    esac
fi
log=$(find_log)
disks | section disks
programs=$(find_programs)
say programs "$programs"
if [ -d "$data" ] && [ -x "$data" ]; then
    say folder open
elif [ -e "$data" ]; then
    say folder closed
else
    say folder absent
fi
soon ls -d "$data"/*.signal "$data/backup_label" "$data/PG_VERSION" | section files
if [ -n "$programs" ]; then
    soon "$programs/pg_controldata" -D "$data" | section control
fi
# Written at the end of a stop, and while recovering.
say stopped "$(soon stat -c %Y -- "$data/global/pg_control")"
wal | section wal
say logfile "$log"
if [ -n "$log" ]; then
    soon tail -n 300 -- "$log" | tail -c 32768 | section log
fi
