# What the machine of a PostgreSQL says, for postgres/diagnose and restart: is its
# disk full, is its process there, what does its log say, how was it ended? Input
# of each: what pg_machine of lib/pg.jq made of it. Beside that may be .rpo, the
# age in seconds that a backup may have, .primary, "host:port" of another server
# that takes writes, and .standbys, how many of it nobody looked at.

include "relevo";
include "look";
include "pg";

# ------------------------------------------------------------------- disk ---
def segment_kib: (.control["Bytes per WAL segment"] // "" | tonumber? // 16777216) / 1024;

# Its log since it was last ready, or all that was seen; without the lines that
# go on with another's text.
def last_log: .log // "" | split("ready to accept") | last // "" | gsub("\n\t[^\n]*"; "");

# The last message that begins with that, from its severity on. What a client
# sent, the server quotes further back or in lines of another kind: that is not
# to be taken for words of its own.
def line_of($severity; $re):
  "(^|\n)((?![A-Z]+:  )[^\n])*?(?<line>(\($severity)):  ([0-9A-Z]{5}: )?(\($re))[^\n]*)" as $all
  | [last_log | match($all; "g") | .captures[] | select(.name == "line") | .string]
  | last // null;

def line_with($re): line_of("PANIC|FATAL|ERROR|LOG|WARNING"; $re);

def bare: clean(240);

def no_space: line_with("could not .*(No space left on device|Disk quota exceeded)");

# Disks on which a server cannot go on. Two segments of its log are what it
# needs to start; after "No space left" it takes more than that to be sure.
def full_disks: segment_kib as $segment | (no_space != null) as $said
  | [.disks[] | select(.name != "log")
     | select(.free < 2 * $segment or (.inodes > 0 and .inodes_free == 0)
         or ($said and .free < .kib * 0.05))]
  | unique_by(.at);

def locked_disks: [.disks[] | select(.name != "log" and .mode == "ro")] | unique_by(.at);

def disk_words: if .inodes > 0 and .inodes_free == 0 then "\(.at) has no inode left"
  else "\(.at) has \(.free * 1024 | bytes) of \(.kib * 1024 | bytes) left" end;

# "disk fine (12 GiB free)"; of the fullest.
def disk_fine: [.disks[] | select(.name != "log")] | min_by(.free)
  | if . == null then "disk not seen" else "disk fine (\(.free * 1024 | bytes) free)" end;

def wal_size: (.wal[1]? // "" | tonumber? // 0) * segment_kib;

def disk_conclusions($down): full_disks as $full | locked_disks as $locked
  | no_space as $said | wal_size as $wal | .wal[2]? as $ready
  | (if $full != [] then
       finding("crit"; "pg.disk_full";
         (if $down then "disk full: do not restart" else "the disk is full, or nearly" end);
         "\($full | map(disk_words) | join("; ")). Its write-ahead log takes \($wal * 1024 | bytes)\(if ($ready // "0" | tonumber? // 0) > 0 then ", \($ready) segments wait to be archived" else "" end). \($said | bare)";
         (if $down then "A restart cannot help: it stops again at once. " else "" end)
         + "Free space on \($full[0].at) first (old logs, other people's files), or enlarge it. Never delete anything in pg_wal: a slot or a failing archive_command is what keeps it. Then: \(pg_start)")
       | concludes("disk_full"; 0.95)
     elif $locked != [] then
       finding("crit"; "pg.disk_readonly"; "the file system of the database is read-only\(if $down then ": do not restart" else "" end)";
         ($locked | map("\(.at), for \(.folder)") | join("; "));
         "dmesg says why: an error of the disk makes the kernel do this. Look at the disk, and at the backup, before anything is written")
       | concludes("disk_readonly"; 0.9)
     else empty end);

# -------------------------------------------------------------------- log ---
def corruption_words: "invalid page in block|could not locate a valid checkpoint record|invalid (primary )?checkpoint record|could not read block|could not open file .(base|global)/.*No such file|could not access status of transaction|incorrect checksum in control file|page verification failed|unexpected zero page|WAL contains references to invalid pages|missing chunk number|index .* contains (unexpected zero|corrupted) page";

# Only a server that starts dies of these (FATAL).
def start_words: {
  owner: "data directory .* has (wrong ownership|group or world access|invalid permissions)",
  port: "could not create any TCP/IP sockets|lock file .* already exists",
  settings: "configuration file .* contains errors|could not load (server certificate|private key|root certificate|[^ ]*pg_hba)",
  memory: "could not (map anonymous|create) shared memory",
  left: "pre-existing shared memory block",
  version: "database files are incompatible",
  files: "could not (open|read|write|fsync|access) .*(Permission denied|Input/output error|Read-only file system)"};

# Why its last start failed: {why, line}; null where no line says so.
def start_failure: . as $machine
  | [start_words | to_entries[] | . as $e | ($machine | line_of("PANIC|FATAL"; $e.value))
     | select(. != null) | {why: $e.key, line: bare}][0] // null;

def corruption_line: line_with(corruption_words) | if . then bare else null end;

# The kernel's line, of the last hour of its clock, about the main process and not
# one of its children.
def memory_line: .uptime as $up | (.pidfile[0]? // "") as $pid
  | [.memory[] | . as $line | capture("^\\[ *(?<at>[0-9]+)[.][0-9]+\\].*process (?<pid>[0-9]+)")?
     | select($up - (.at | tonumber) < 3600 and .pid == $pid) | $line] | last // null;

def killed_line: line_with("[a-z ]+process \\(PID [0-9]+\\) was terminated by signal") | if . then bare else null end;

# ---------------------------------------------------------------- process ---
def is_alive: .main != null or (.pidstate // "Z" | clean(2) | IN("Z", "X", "") | not);

def main_stat: .main.stat // .pidstate // "" | clean(8);

# What a process waits for, said by its state.
def stat_words: if startswith("T") then "stopped by a signal (T)"
  elif startswith("D") then "waiting for a disk (D)"
  elif startswith("Z") then "dead, and not yet reaped (Z)"
  elif startswith("R") then "running (R)" else "sleeping (\(.[:1]))" end;

def is_session: .title | test("^postgres: .*\\(([0-9]+)\\)|^postgres: .*\\[local\\]");

# "postgres: 15/main: user database 10.0.0.9(5000) idle in transaction"
def session: .title | capture("^postgres: (?<cluster>[^ ]+: )?(?<user>[^ ]+) (?<database>[^ ]+) (?<client>\\[local\\]|[^ ]+\\([0-9]+\\))( (?<state>.*))?$")?
  | .client |= sub("\\([0-9]+\\)$"; "")
  | .state = (.state // "" | if startswith("idle in transaction") then "idle in transaction" elif startswith("idle") then "idle" else "active" end);

# ---------------------------------------------------------- how it was ended ---
def is_managed: .managers | length > 0;

def managed_words: "\(.managers | join(", ")) manages it: leave the start to that, and ask it (\({patroni: "patronictl list", pg_auto_failover: "pg_autoctl show state", repmgr: "repmgr cluster show"}[.managers[0]] // .managers[0])) what it waits for";

def rebooted: .uptime > 0 and .uptime < 900;

# Started as it is, it would be a second one that takes writes.
def is_replaced: .primary != null and (.files | index("standby.signal") | not);

def replaced_words: "\(.primary) is the primary now. As it is, it must not be started: touch standby.signal in its folder first, then pg_rewind, or a new base backup";

def restart_words: if is_managed then managed_words
  elif is_replaced then replaced_words
  elif pg_start == "" then "start it as it is always started"
  else pg_start end;

def more_words: [(if rebooted then "The machine was booted \(.uptime | seconds) ago." else empty end),
    (if .files | index("standby.signal") then "It is a standby." else empty end),
    (if .left | length > 0 then "\(.left | length) processes of a PostgreSQL without its parent are still ending." else empty end),
    (killed_line // empty)] | join(" ");

# A crash: nothing says that somebody wanted it.
def crash_conclusion: pg_backup as $backup | memory_line as $memory | .now as $now
  | .rpo as $rpo | ($backup | backup_words($now; $rpo)) as $words
  | (if $memory then "the kernel killed it for want of memory" else "crashed" end) as $how
  | (if $backup and $backup.kind != "none" then "\($backup.path // $backup.stanza // ""). " else "" end) as $which
  | ($backup != null and ($backup.kind == "none" or $backup.readable == "no")) as $bare_of
  | (if is_managed then "managed by \(.managers[0])" elif is_replaced then "do not start it: \(.primary) is the primary now"
     elif (.standbys // 0) > 0 then "restart is safe if none of its \(.standbys) standbys was promoted"
     else "restart is safe" end) as $safe
  | "\($how), \(disk_fine), \($words), \($safe)" as $title
  | "\($title): \(restart_words)" as $whole
  # Half a command would be worse than none.
  | finding("crit"; "pg.crashed"; (if is_managed or is_replaced or ($whole | length) > 300 then $title else $whole end);
      "No process of it is there, and its control file says \"\(.control["Database cluster state"] // "?")\". \($which)\($backup.why? // "" | clean(200)) \($memory // "" | clean(200)) \(more_words)";
      (if is_managed or is_replaced then restart_words
       elif $bare_of then "\(restart_words); then take a backup: there is none to go back to"
       else "\(restart_words); then find out what killed it: its log\(if .logfile != "" then " \(.logfile)" else "" end), the kernel's" end))
  | concludes(if $memory then "out_of_memory" else "crashed" end; 0.9);

def stopped_conclusion: finding("crit"; "pg.stopped";
    "it was stopped cleanly\(if .stopped then " \(.now - .stopped | seconds) ago" else "" end): somebody did that";
    "Its control file says \"\(.control["Database cluster state"])\". \(disk_fine). \(more_words)";
    (if is_managed or is_replaced then restart_words
     elif rebooted then "it was not started after the boot: \(restart_words); and is it enabled?"
     else "ask who did it, and why (a deployment, an upgrade of the package: /var/log/apt/history.log), then: \(restart_words)" end))
  | concludes("stopped"; 0.9);

def cannot_start_conclusion: start_failure as $failure
  | finding("crit"; "pg.cannot_start"; "it is not running: its last start failed"; "\($failure.line) \(more_words)";
      {owner: "the data directory has to belong to its user alone: chown -R postgres, chmod 700",
       port: "something else holds its port or its folder: ss -ltnp",
       settings: "correct the line of its configuration that is named; then: \(restart_words)",
       memory: "shared_buffers is more than this machine has, or other programs hold it",
       left: "processes of the old server are still there: wait until they end, do not kill -9 them; then: \(restart_words)",
       version: "its files were written by another major version: nobody has upgraded them",
       files: "its files cannot be read: the disk, or their owner"}[$failure.why])
  | concludes("cannot_start"; 0.85);

def corruption_conclusion($down): corruption_line as $line | pg_backup as $backup | .now as $now | .rpo as $rpo
  | if $line == null then empty else
    finding("crit"; "pg.corruption"; "its data is damaged\(if $down then ": do not start it again, do not restore over it" else "" end)";
      "\($line) \(if $backup then "\($backup | backup_words($now; $rpo))." else "" end) \(more_words)";
      "copy the whole data directory away first: what is tried on it can lose more. Look at the disk (dmesg, smartctl). Then restore the newest backup elsewhere, or let somebody who knows repair the copy; never pg_resetwal on the original")
    | concludes("corruption"; 0.9) end;

# Its folder is not there, or closed to us: then nothing of the above is known.
def blind_conclusion: if .folder == "absent" and .data != "" then
      finding("crit"; "pg.no_data"; "its data directory is not there: \(.data)"; more_words;
        "is the volume mounted (findmnt, /etc/fstab)? Starting it would not help, and an initdb there would hide what is missing")
      | concludes("no_data"; 0.85)
  else
      finding("crit"; "pg.not_running"; "it is not running; whether it crashed or was stopped could not be seen";
        (if .data == "" then "Its data directory was not found." elif .readable then "Processes of others are hidden from \(.user)."
         else "\(.data) may not be read by \(.user)." end) + " \(disk_fine). \(more_words)";
        "df -h first, a full disk stops it, too; then its log. \(if .data == "" then "Give the runbook params = { data-dir = \"…\"; }" else "Let the monitor's user read it, or give the runbook user = \"postgres\"" end)")
      | concludes("not_running"; 0.6) end;

def ended_conclusion: (.control["Database cluster state"] // "") as $state
  | if ($state | startswith("shut down")) and start_failure == null then stopped_conclusion
    elif start_failure then cannot_start_conclusion
    elif $state == "" or (.sees_processes | not) then blind_conclusion
    else crash_conclusion end;
