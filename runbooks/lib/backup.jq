# What lib/backup.sh saw of the newest backup, for postgres/restore-diagnose and
# restore-verify: can it be read, how far does the log reach beyond it, is there
# room, how long would it take, and the commands that restore it. $b is what
# `backup_seen` made of the sections.

include "relevo";
include "look";
include "pg";

# Without "?": that would end what "|=" does before its time.
def size_of: if type == "string" and test("^[0-9]{1,15}$") then tonumber
  elif type == "number" then . else null end;

# ------------------------------------------------------------- what was seen ---
# Of a line "backup: LABEL, status: invalid, …".
def bad_name: capture("^backup: (?<name>[^,]*)").name;

# Of the words of `pgbackrest verify`, which exits with 0 whatever it found, and
# says nothing of a whole repository: what it came to for a backup.
def verified($name; $status; $words):
  ($words | lines | map(sub("^ +"; "")) | map(select(test("^(status|took) [0-9]+$") | not))) as $lines
  | [$lines[] | select(test("^backup: ") and (test("status: valid") | not))] as $bad
  | ([$lines[] | select(test("^archiveId: "))
       | capture("^archiveId: (?<id>[^,]*), total WAL checked: (?<all>[0-9]+), total valid WAL: (?<valid>[0-9]+)")?
       | select(.all != .valid) | "\(.id): \(.valid) of \(.all) segments are sound"] | join("; ")) as $log
  | if $status == "124" or $status == "137" then {readable: "unknown", why: "pgbackrest verify did not end in time"}
    elif $status != "0" then {readable: "unknown", why: "pgbackrest verify: \($lines[-1] // "no answer" | clean(200))"}
    elif $lines | any(test("^status: error")) | not then {readable: "yes", why: null}
    elif ($bad | any(contains($name))) or ($bad == [] and $log == "") then
      {readable: "no", why: "pgbackrest verify: \($lines | map(select(test("^(stanza|status): ") | not)) | join("; ") | clean(300))"}
    else {readable: "yes", why: null, others: ($bad | map(bad_name) | join(", "))} end
  + {log_bad: $log};

def of_pgbackrest($all; $b): ($all.pgbackrest | pgbackrest_newest) as $newest
  | ($all.pgbackrest | pgbackrest_stanza) as $stanza
  | ([$stanza.backup[]? | select(.label == $newest.path)][0] // {}) as $it
  | ($all.verify | pairs) as $check
  | $b + $newest + ($all.manifest | pairs)
  + (if ($stanza.status.code? // 0) | IN(0, 2) then {} else
       {why: ([$stanza.repo[]?.status.message?, $stanza.status.message? | strings | select(IN("ok", "other") | not)] | unique | join("; "))} end)
  + {code: ($stanza.status.code? // null), unheard: ($stanza == null), version: ($stanza.db[-1]?.version? // ""),
     size: $it.info?.size?, stored: $it.info?.repository?.size?, took: $check.took}
  + (if $newest.kind != "pgbackrest" or $newest.readable == "no" then {}
     elif $check.status == null then {readable: "unknown", why: "it was not verified"}
     else verified($newest.path; $check.status; $all.verify) end)
  | .second = if .readable != "no" then null else
      ([$all.verify // "" | lines[] | sub("^ +"; "") | select(test("^backup: ")) | bad_name] as $bad
       | [$stanza.backup[]? | select(.error != true and (.label | IN($bad[]) | not) and .label != $newest.path)]
       | max_by(.timestamp.stop) | if . then {path: .label, time: .timestamp.stop} else null end) end;

def backup_seen: sections as $all | ($all.backup | pairs) as $b
  | (if $b.kind == "pgbackrest" then of_pgbackrest($all; $b) else $b end)
  | .time |= size_of | .size |= size_of | .stored |= size_of | .took |= size_of
  | .second = (if .kind == "pgbackrest" then .second // null
     elif $all.second then $all.second | pairs | .time |= size_of | .size |= size_of else null end)
  | .wal = ($all.wal | pairs | .reached |= size_of | .missing |= size_of | .count |= size_of)
  | .older = [$all.older // "" | lines[]
      | capture("^(?<readable>[a-z]+) (?<kind>[a-z-]+) (?<time>[0-9]+) (?<path>.*)$")? | .time |= tonumber]
  | .space = ($all.space | pairs | .free |= (size_of | if . then . * 1024 else null end))
  | .last = ($all.last | pairs | .time |= size_of | .rto |= size_of);

# The state that can be had: that of the backup, or as far as the log reaches.
def state_at($b): [$b.time, $b.wal.reached | numbers] | max;

def kind_words: {pgbackrest: "a backup of pgbackrest", basebackup: "a base backup",
  "basebackup-tar": "a base backup in archives", dump: "a dump", "dump-sql": "a dump in SQL"}[.] // .;

def called($b): if $b.kind == "pgbackrest" then "\($b.stanza) \($b.path)" else $b.path end | clean(200);

# Room that it takes when restored; a dump's tables have indexes besides.
def room($b): if $b.size == null then null
  elif $b.kind | test("^dump") then $b.size * 2 else $b.size end;

# ------------------------------------------------------------------ whether ---
def none_conclusion($b):
  if $b.unheard then
    finding("crit"; "restore.repository"; "pgbackrest does not answer"; $b.why;
      "run it as the user that makes the backups: pgbackrest --stanza=\($b.stanza | word) info")
    | concludes("backup:repository"; 0.6)
  elif $b.code and ($b.code | IN(0, 2) | not) then
    finding("crit"; "restore.repository"; "the repository of the backups cannot be read";
      "stanza \($b.stanza): \($b.why)"; "mend that first: its disk or mount, its rights, the stanza's name; `pgbackrest info` exits with 0 all the same, so nothing else may have noticed")
    | concludes("backup:repository"; 0.95)
  elif $b.kind == "none" then
    finding("crit"; "restore.none"; "there is no backup to restore from"; $b.why;
      "is it the right place, and its disk mounted? Until there is one, nothing may touch the data directory: it is the only copy")
    | concludes("backup:none"; 0.9)
  else empty end;

# What is restored: the newest, or where that cannot be, the newest that can;
# null where none can.
def usable($b): if $b.readable != "no" then $b elif $b.second then $b + {wal: {}, size: null} + $b.second else null end;

def older_words($b; $now):
  if $b.second then "restore the one before, \($now - $b.second.time | seconds) old, which is readable: \($b.second.path)"
    elif $b.older != [] then "of the \($b.older | length) before it none is readable either: keep the data directory, and look for copies elsewhere"
    else "look for an older one, or for copies elsewhere; keep the data directory" end;

def read_conclusion($b; $now): ($b.why // "" | clean(300)) as $why
  | if $b.readable == "yes" then
      finding("info"; "restore.readable"; "the newest backup can be read";
        "\(if $b.kind == "basebackup-tar" then "Each archive to its end, and names and sizes are those of the manifest; what is in them only restore-verify compares"
           elif $b.kind == "pgbackrest" then "pgbackrest verify compared each file with its checksum"
           elif $b.kind == "basebackup" then "Each file has the checksum of its manifest" else "All of it was read" end)\(
          if $b.took then ", in \($b.took / 1000 | ceil | seconds)" else "" end).";
        if ($b.others // "") != "" then "others cannot: \($b.others)" else "" end) | remark
    elif $b.readable == "unknown" or ($why | test("Permission denied")) then
      finding("warn"; "restore.unread"; "whether the newest backup can be read is not known"; $why;
        "restore-verify, or the same by hand, without a limit of time") | concludes("backup:unread"; 0.5)
    else
      finding("crit"; "restore.damaged"; "the newest backup cannot be restored"; "\(called($b)): \($why)";
        older_words($b; $now)) | concludes("backup:damaged"; 0.95)
    end;

def log_conclusion($b; $now): $b.wal as $wal
  | if $wal == {} or $wal.first == null and $wal.why == null then empty
    elif $wal.why then
      finding("warn"; "restore.log_unseen"; "how far the archived log reaches is not known"; $wal.why; "") | remark
    elif $wal.count == 0 then
      finding("crit"; "restore.gap"; "nothing of the log was archived since the newest backup began";
        "It needs \($wal.first), and nothing from there on is in the archive."; "on the server: select * from pg_stat_archiver; its last_failed_wal and the log say why")
      | concludes("backup:gap"; 0.9)
    elif $wal.missing > 0 then
      finding("crit"; "restore.gap"; "the archived log has a gap: \($wal.gap) is missing";
        (if $wal.last then "It reaches \($wal.last)\(if $wal.reached > 0 then ", of \($now - $wal.reached | seconds) ago" else "" end)" else "Not even what the backup itself needs is there" end)
        + "; \($wal.missing) missing up to \($wal.newest). What came after the gap cannot be restored.";
        "look for \($wal.gap) in pg_wal of the server and of its standbys, and copy it into the archive; a new base backup makes the gap harmless")
      | concludes("backup:gap"; 0.95)
    elif ($b.log_bad // "") != "" then
      finding("crit"; "restore.log_damaged"; "segments of the archived log are damaged"; "pgbackrest verify, \($b.log_bad). A restore ends before the first that is not.";
        "a new backup makes it harmless; then look at the repository's disk") | concludes("backup:gap"; 0.9)
    else
      finding("info"; "restore.log"; "the log is archived without a gap, up to \($now - $wal.reached | seconds) ago";
        "\($wal.count) segments, from \($wal.first) to \($wal.last)."; "") | remark
    end;

def age_conclusion($b; $now; $rpo): usable($b) as $it | ($it // {} | state_at(.)) as $at
  | if $it == null then empty
    elif $at == null then
      finding("warn"; "restore.age"; "how old the newest backup is cannot be told"; called($b); "") | remark
    elif $now - $at > $rpo then
      finding("crit"; "restore.old"; "what can be restored is \($now - $at | seconds) old: more than the \($rpo | seconds) that may be lost";
        "The newest backup\(if $b.readable == "no" then " that can be read" else "" end), \(called($it)), is \($now - $it.time | seconds) old."; "why are there no newer ones? The job that makes them: its log, its timer, its disk")
      | concludes("backup:old"; 0.9)
    else
      finding("info"; "restore.age"; "what can be restored is \($now - $at | seconds) old, of \($rpo | seconds) that may be lost"; "";
        "") | remark
    end;

# ----------------------------------------------------------------- how long ---
def time_words($b; $now):
  if $b.last.rto then "restore-verify took \($b.last.rto | seconds) for one, \($now - $b.last.time | seconds) ago"
  elif $b.took then "reading it took \($b.took / 1000 | ceil | seconds), so restoring takes some \($b.took / 1000 * 2 | ceil | seconds)"
    + (if $b.kind | test("^dump") then ", and longer where it has indexes to build" else "" end)
  else "how long a restore takes is not known" end
  + (if ($b.wal.count // 0) > 0 then "; then \($b.wal.count) segments of the log are replayed" else "" end);

def room_conclusion($b; $now): room($b) as $room | $b.space.free as $free
  | (if $room then "It takes \(if $b.kind | test("^dump") then "some " else "" end)\($room | bytes)"
     else "How much room it takes is not known" end) as $takes
  | if $room and $free and $free < $room then
      finding("crit"; "restore.no_space"; "there is no room to restore it at \($b.space.folder | clean(100))";
        "\($takes), and \($free | bytes) are free."; "choose another disk (the parameter target), or make room; the damaged data directory is not what to delete")
      | concludes("no_space"; 0.9)
    else
      finding("info"; "restore.time"; time_words($b; $now); "\($takes)\(if $free then "; \($free | bytes) are free at \($b.space.folder | clean(100))" else "" end)."; "")
      | remark
    end;

# ----------------------------------------------------------------- commands ---
def shell_word: text | if test("^[A-Za-z0-9_/.:=@%+,-]+$") then . else @sh end;

def joined_path($a; $b): ($a + "/" + $b) | shell_word;

# What fetches a segment of the log back; in quotes of postgresql.conf.
def restore_command($archive; $suffix): ($archive | gsub("%"; "%%") | shell_word) as $folder
  | {"": "cp \($folder)/%f %p", ".gz": "gzip -dc \($folder)/%f.gz > %p", ".zst": "zstd -qdc \($folder)/%f.zst > %p",
     ".lz4": "lz4 -qdc \($folder)/%f.lz4 > %p", ".xz": "xz -dc \($folder)/%f.xz > %p",
     ".bz2": "bzip2 -dc \($folder)/%f.bz2 > %p"}[$suffix // ""] // "cp \($folder)/%f %p";

def conf_line: "restore_command = '\(gsub("'"; "''"))'";

def start_steps($b; $target):
  if $b.conf == "yes" then ["\($b.programs)/pg_ctl -D \($target | shell_word) -l \($target + ".log" | shell_word) -w start"]
  else ["pg_conftool \($b.version) main set data_directory \($target | shell_word)", "pg_ctlcluster \($b.version) main start"] end;

def log_steps($b; $target; $archive):
  if $archive == "" then []
  else ["touch \(joined_path($target; "recovery.signal"))",
    "printf '%s\\n' \(restore_command($archive; $b.wal.suffix) | conf_line | @sh) >>\(joined_path($target; "postgresql.auto.conf"))"] end;

# The commands, one a step, for the user postgres on the database's machine.
def how($b; $target; $archive): ($target | shell_word) as $to | ($b.path | shell_word) as $from
  | if $b.kind == "pgbackrest" then
      ["pgbackrest\(if $b.config != "" then " --config=\($b.config | shell_word)" else "" end) --stanza=\($b.stanza | shell_word) --set=\($b.path | shell_word) --pg1-path=\($to) restore"]
      + start_steps($b; $target)
    elif $b.kind == "basebackup" then
      ["cp -a \($from) \($to)", "chmod 700 \($to)"] + log_steps($b; $target; $archive) + start_steps($b; $target)
    elif $b.kind == "basebackup-tar" then
      ["mkdir -m 700 \($to)", "tar -xf \(joined_path($b.path; $b.base)) -C \($to)"]
      + (if $b.log then ["tar -xf \(joined_path($b.path; $b.log)) -C \(joined_path($target; "pg_wal"))"] else [] end)
      + log_steps($b; $target; $archive) + start_steps($b; $target)
    elif $b.kind == "dump" then ["createdb -T template0 restored", "pg_restore --exit-on-error -d restored \($from)"]
    elif $b.cluster == "yes" then ["\($b.unpack) \($from) | psql -X -d postgres"]
    else ["createdb -T template0 restored", "\($b.unpack) \($from) | psql -X -v ON_ERROR_STOP=1 -d restored"] end;

def how_finding($b; $target; $archive): (how($b; $target; $archive) | join(" && ")) as $all
  | finding("info"; "restore.how"; "how to restore it, as the user postgres";
      if $all | length <= 790 then $all else "The commands are too long for this line: they stand in the transcript." end;
      "put the server's old data directory aside before, and delete nothing of it"
      + (if ($b.spaces // "0") != "0" and $b.kind != "pgbackrest" then "; its tablespaces have to be brought to their places first: see the page" else "" end));
