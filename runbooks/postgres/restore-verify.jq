# What postgres/restore-verify concludes. Input of each: the runbook's context
# (relevo.runbook/1); $facts is what lib/look.jq made of the looks: "machine" is
# what backup.sh saw, "steps" a line "NAME MILLISECONDS" for each, "failed" the
# one that did. `late` says the findings of all conclusions and the class of the
# first that has one.

include "relevo";
include "look";
include "pg";
include "backup";

def now_of($facts): $facts.now | tonumber;
def seen_backup($facts): $facts.machine // "" | backup_seen;

# What the parameters lack, or nothing.
def unfit($facts): def wrong($what; $is; $next): finding("crit"; "restore.params"; $what; $is; $next);
  if $facts.backup == "" then wrong("the parameter backup is missing"; ""; "params = { backup = \"/var/backups/postgresql\"; … }")
  elif $facts.scratch | test("^/[A-Za-z0-9/._-]{1,60}$") | not then
    wrong("the parameter scratch is no plain absolute path of at most 60 characters"; $facts.scratch; "letters, digits and / . _ - only: /var/lib/postgresql/scratch")
  elif $facts.rpo | duration == null then wrong("the parameter rpo is no duration"; $facts.rpo; "26h, 90m or 1d")
  elif $facts.rto != "" and ($facts.rto | duration) == null then wrong("the parameter rto is no duration"; $facts.rto; "30m")
  elif $facts.limit | test("^[0-9]{1,6}$") | not then wrong("the parameter limit is no number of seconds"; $facts.limit; "3500")
  elif $facts.uid | lines[0] == "0" then
    wrong("PostgreSQL does not run as root"; ""; "give the runbook user = \"postgres\", or whoever may read the backups")
  else empty end;

# ---------------------------------------------------------------- before ---
def room_lacks($b): room($b) as $room | $b.space.free as $free
  | if $room and $free and $free < $room * 1.1 + 67108864 then
      finding("crit"; "restore.no_space"; "there is no room to restore it in the scratch folder";
        "It takes \($room | bytes), and \($free | bytes) are free."; "a scratch folder on a larger disk"),
      verdict("no_space"; 0.9)
    else empty end;

def early($facts): seen_by_check("restore"),
  (now_of($facts) as $now | seen_backup($facts) as $b
   | if $facts.machine_exit == null then
       finding("crit"; "restore.no_time"; "there was no time left to look"; ""; "a larger limit, and a larger timeout of the runbook"),
       verdict("backup:unread"; 0.3)
     elif $b.kind == null then
       finding("crit"; "restore.unseen"; "where the backups are could not be looked at"; $facts.machine_err // "" | clean(300); ""),
       verdict("backup:none"; 0.3)
     else [none_conclusion($b)] as $none
       | if $none != [] then $none[] | .finding, verdict(.class; .sure)
         else finding("info"; "restore.newest"; "the newest backup is \($now - $b.time | seconds) old";
             "\($b.kind | kind_words), \(called($b))."; ""), room_lacks($b) end
     end);

def fetch_line($b; $facts): if $b.kind == "pgbackrest" then
      ["pgbackrest", (if $b.config != "" then "--config=\($b.config)" else empty end), "--stanza=\($b.stanza)", "--reset-pg1-host",
       "--pg1-path=@relevo-scratch@/data", "--lock-path=@relevo-scratch@/lock", "--no-archive-async", "--log-level-file=off",
       "archive-get"] | map(gsub("%"; "%%") | shell_word) | join(" ") + " %f %p" | conf_line
    elif $facts.archive != "" and ($b.kind | startswith("basebackup")) then
      restore_command($facts.archive; $b.wal.suffix) | conf_line
    else "" end;

def plan($facts): seen_backup($facts) as $b
  | if $b.kind == null then [] else
    [$b.kind, $b.path, $b.programs, $b.base, $b.log, ($b.unpack // ""), $b.cluster, $b.stanza, $b.config, fetch_line($b; $facts)]
    | map(word) end;

# ----------------------------------------------------------------- after ---
def took($facts; $step): [$facts.steps // "" | lines[] | split(" ") | select(.[0] == $step) | .[1] | tonumber] | add // 0;

def step_words: {files: "its files cannot be restored", verify: "its files are not those of its manifest",
  links: "it has links that lead out of it", start: "what was restored does not start",
  load: "it cannot be loaded"}[.] // .;

# The server's reason is not its last line.
def reason: [lines[] | select(test("FATAL|PANIC|ERROR|error"))] as $bad
  | if $bad == [] then . else $bad[-1] end | sub("^[0-9-]+ [0-9:.]+ UTC \\[[0-9]+\\] "; "");

def failed_conclusion($facts): $facts.failed as $step
  | if $step == null then empty
    elif $facts.failed_exit | IN("124", "137") then
      finding("crit"; "restore.no_time"; "the restore did not end in time"; "It was at: \($step)."; "a larger limit, and a larger timeout of the runbook")
      | concludes("backup:unread"; 0.5)
    elif $step == "start" and $facts.failed_exit == "3" then
      finding("crit"; "restore.role"; "the restored server does not know the role"; $facts.said | reason; "give the runbook a superuser of it: params = { role = \"…\"; }")
      | concludes("backup:unread"; 0.5)
    else
      finding("crit"; "restore.failed"; "the newest backup cannot be restored: \($step | step_words)"; $facts.said // "" | reason;
        "restore-diagnose says which of the older ones can be read; take a new one now")
      | concludes("backup:damaged"; 0.95)
    end;

def rto_conclusion($facts): if $facts.rto_ms == null then empty else ($facts.rto_ms | tonumber / 1000) as $rto
  | ([["files", "files"], ["verify", "manifest"], ["start", "start and log"], ["load", "loading"]]
     | map(took($facts; .[0]) as $ms | select($ms > 0) | "\(.[1]) \($ms / 100 | ceil / 10) s") | join(", ")) as $parts
  | if $facts.rto != "" and $rto > ($facts.rto | duration) then
      finding("crit"; "restore.slow"; "restoring took \($rto | ceil | seconds): more than the \($facts.rto | duration | seconds) that it may take"; $parts;
        "a newer base backup has less log to replay; a faster disk, more processes") | concludes("restore:slow"; 0.9)
    else finding("info"; "restore.restored"; "it was restored in \($rto | ceil | seconds)"; $parts; "") | remark end end;

def check_conclusion($facts): if $facts.rto_ms == null then empty
  elif $facts.amcheck_exit == "2" then
    finding("crit"; "restore.corrupt"; "pg_amcheck finds damage in what was restored"; $facts.amcheck;
      "the source may have it, too: run pg_amcheck there; keep older backups") | concludes("backup:damaged"; 0.9)
  elif $facts.checksums_exit == "1" and ($facts.checksums | test("not enabled|must be shut down") | not) then
    finding("crit"; "restore.corrupt"; "pages of what was restored do not fit their checksum"; $facts.checksums;
      "the source may have it, too; keep older backups") | concludes("backup:damaged"; 0.9)
  elif $facts.amcheck_exit == null then
    finding("info"; "restore.checked"; "pg_amcheck is not there: it came with PostgreSQL 14"; ""; "") | remark
  elif $facts.amcheck_exit != "0" then
    finding("warn"; "restore.unchecked"; "pg_amcheck could not look at all of it"; $facts.amcheck; "does it need a library that is preloaded at the source?") | remark
  else finding("info"; "restore.checked"; "pg_amcheck finds no damage in what was restored";
      if $facts.checksums_exit == "0" then "Its pages fit their checksums." else "It has no checksums." end; "") | remark end;

# The newest thing in it: what the heartbeat says, else its last commit, else
# the time of the backup.
def state_of($facts): seen_backup($facts) as $b
  | ($facts.heartbeat // "" | lines | last // "") as $beat
  | ($facts.replayed // "" | capture("^(?<day>[0-9-]{10}) (?<time>[0-9:]{8})")? // null) as $commit
  | if $facts.heartbeat_exit == "0" and ($beat | test("^[0-9]+([.][0-9]+)?$")) then {at: ($beat | tonumber | floor), from: "its heartbeat"}
    elif $commit then {at: ("\($commit.day)T\($commit.time)Z" | fromdateiso8601), from: "its last commit"}
    else {at: $b.time, from: "when the backup was taken"} end;

def heartbeat_conclusion($facts): if $facts.heartbeat_exit == null then empty
  elif $facts.heartbeat_exit != "0" then
    finding("crit"; "restore.heartbeat"; "the heartbeat cannot be read in what was restored"; $facts.heartbeat; "the parameters heartbeat and database: or is it a backup of something else?")
    | concludes("backup:unread"; 0.5)
  elif $facts.heartbeat | lines | last // "" | test("^[0-9.]+$") | not then
    finding("crit"; "restore.heartbeat"; "there is no heartbeat in what was restored"; ""; "is it the right database, and was it written at the source?")
    | concludes("backup:damaged"; 0.6)
  else empty end;

def rpo_conclusion($facts): if $facts.rto_ms == null then empty else
  (now_of($facts) - state_of($facts).at) as $age | ($facts.rpo | duration) as $rpo
  | if $age > $rpo then
      finding("crit"; "restore.old"; "what was restored is \($age | seconds) old: more than the \($rpo | seconds) that may be lost"; "By \(state_of($facts).from).";
        "why is there nothing newer? The job that makes backups; the server's pg_stat_archiver") | concludes("backup:old"; 0.9)
    else finding("info"; "restore.age"; "what was restored is \($age | seconds) old, of \($rpo | seconds) that may be lost"; "By \(state_of($facts).from)."; "") | remark end end;

def good($facts): if $facts.rto_ms == null then empty else null | concludes("restore:good"; 0.95) end;

def conclusions($facts): failed_conclusion($facts), check_conclusion($facts), heartbeat_conclusion($facts),
  rpo_conclusion($facts), rto_conclusion($facts), good($facts);

def late($facts): [conclusions($facts)] as $all
  | ($all[] | .finding | values),
    (if $facts.rto_ms == null then empty else metric("pg.restore_rto"; $facts.rto_ms | tonumber / 1000; "s"),
       metric("pg.restore_rpo"; now_of($facts) - state_of($facts).at; "s") end),
    ([$all[] | select(.class)][0] // empty | verdict(.class; .sure));

# For restore-diagnose, next time.
def remembered($facts): seen_backup($facts) as $b
  | state_of($facts).at as $at
  | if $at == null then [] else
    ["time \(now_of($facts))", "rto \($facts.rto_ms | tonumber / 1000 | ceil)", "kind \($b.kind)", "rpo \(now_of($facts) - $at)"] end;
