# A PostgreSQL that lets us in, for postgres/diagnose: what ails it all the same?
# $looks is looks_of doors.jq, $machine as in shut.jq. `open` says the findings of
# all conclusions and the class of the first that has one, unless a door that is
# shut has settled that.

include "relevo";
include "look";
include "pg";
include "machine";
include "doors";

def rows: if type == "array" then . else [] end;
def number: if type == "number" then . else 0 end;

# A statement without its values: those may be anybody's.
def masked: text | gsub("'[^']*'?"; "'…'") | gsub("\\b[0-9]+(\\.[0-9]+)?\\b"; "?") | clean(120);

def who: "\(.user // "?" | clean(40))\(if (.app // "") != "" then " (\(.app | clean(40)))" else "" end) from \(.client // "?" | clean(45))";

# ---------------------------------------------------------------- storage ---
def retained($looks): [$looks.slots | rows[] | select((.active | not) and (.bytes | number) > 0)]
  | max_by(.bytes);

def slot_words: if . then "The slot \(.name | clean(60)) is not used and keeps \(.bytes | number | bytes) of log (\(.status // "?"))." else "" end;

def archive_fails($looks): $looks.archiver | fact
  | select((.failed | number) > 0 and .since != null and (.good == null or .since <= .good));

def archiver_words($looks): ([archive_fails($looks)][0] // null)
  | if . then "archive_command has failed \(.failed) times, \(.since | seconds) ago for \(.wal | clean(40))." else "" end;

def storage_conclusions($looks; $code; $machine): [$machine | select(.seen) | disk_conclusions(false)] as $disks
  | $disks[],
    (if $code == "53100" and $disks == [] then
       finding("crit"; "pg.disk_full"; "it refused a write because a disk is full";
         (if $machine.seen then "There is space again: \($machine | disk_fine)." else "Its disk was not seen from here." end)
         + " \(retained($looks) | slot_words) \(archiver_words($looks))";
         "df -h on its machine: the data directory, pg_wal, tablespaces, temporary files. Never delete anything in pg_wal; an unused slot or a failing archive_command is what makes it grow")
       | concludes("disk_full"; if $machine.seen then 0.6 else 0.85 end)
     else empty end);

def again_state($looks): $looks.again | if type == "object" then .error // "" | (capture("ERROR: +(?<state>[0-9A-Z]{5}):") | .state)? // null else null end;

def corruption_conclusions($looks; $code; $message; $machine):
  again_state($looks) as $again | ($looks.checksums | rows) as $checksums
  | (if $machine.seen then $machine | corruption_line else null end) as $line
  | if ([$code, $again] | any(. != null and test("^XX00[12]$"))) then
      finding("crit"; "pg.corruption"; "its data is damaged: a read fails with \(if $again | . != null and startswith("XX00") then $again else $code end)";
        "\(if $again | . != null and startswith("XX00") then $looks.again.error | sub("^.*?ERROR:"; "ERROR:") else $message // "" end | clean(300)) \($line // "")";
        "stop writing to it and keep the data directory as it is: copy it before anything is tried. Look at the disk (dmesg, smartctl). pg_amcheck shows how far it goes; restore the newest backup elsewhere")
      | concludes("corruption"; 0.9)
    elif $checksums | length > 0 then
      finding("crit"; "pg.corruption"; "its data is damaged: pages that do not fit their checksums";
        "\($checksums | map("\(.name | clean(40)): \(.n), last \(.since // 0 | seconds) ago") | join("; ")). \($line // "")";
        "keep the data directory as it is; look at the disk; pg_amcheck shows how far it goes")
      | concludes("corruption"; 0.85)
    elif $line then
      finding("crit"; "pg.corruption"; "its log says that its data is damaged"; $line; "keep the data directory as it is; look at the disk; pg_amcheck shows how far it goes")
      | concludes("corruption"; 0.7)
    else empty end;

# ------------------------------------------------------------------- role ---
def place_words: "\(.host | clean(80)):\(.port)";

# $door is the one that was asked, $others all that let us in.
def role_conclusions($door; $others; $wants; $looks):
  ($others | map(select(.role.recovery == false)) | unique_by(.role.instance)) as $primaries
  | ($looks.receiver | fact) as $receiver
  | if ($primaries | length) > 1 then
      finding("crit"; "pg.two_primaries"; "two of the hosts take writes: \($primaries | map(place_words) | join(" and "))";
        "Neither is in recovery. What is written to one is not on the other."; "fence the one that is not meant to be it at once; then compare before anything is thrown away")
      | concludes("two_primaries"; 0.9)
    elif $wants == "primary" and $door.role.recovery == true then
      finding("crit"; "pg.role"; "\($door | place_words) is a standby now\(if $primaries != [] then "; the primary is \($primaries[0] | place_words)" else "; where the primary is was not found" end)";
        (if $receiver.host then "It follows \($receiver.host | clean(80)):\($receiver.port // "?"), \($receiver.status // "?" | clean(20))." else "It follows nobody at present." end);
        "a failover has happened: look at why, and point the check and the clients at the primary (host=a,b target_session_attrs=read-write)\(if $primaries == [] then "; params = { hosts = \"…\"; } names more hosts to look at" else "" end)")
      | concludes("readonly"; 0.95)
    elif $wants == "standby" and $door.role.recovery == false then
      finding("crit"; "pg.role"; "\($door | place_words) takes writes: it is no standby any more"; "";
        "it was promoted: by whom? If the old primary is still there, two take writes") | concludes("promoted"; 0.9)
    elif $door.role.recovery == false and $door.role.read_only == "on" then
      finding("crit"; "pg.readonly"; "\($door | place_words) is the primary, and sessions are read-only: default_transaction_read_only is on"; "";
        "who set that, and where? (alter system, alter database, alter role; some providers do it when a disk is nearly full)") | concludes("readonly"; 0.9)
    else empty end;

# ------------------------------------------------------- sessions and locks ---
def root_words: if .pid == 0 then "a prepared transaction" else
    "process \(.pid), \(who), \(.state // .type // "?")\(if .age then ", its transaction is \(.age | seconds) old" else "" end)" end;

def lock_conclusions($looks; $code): ($looks.locks | fact) as $locks | ($locks.roots // []) as $roots
  | if ($locks.waiting | number) == 0 then empty
    else
      finding(if ($locks.longest | number) >= 5 then "crit" else "warn" end; "pg.locked";
        "\($locks.waiting) sessions wait for a lock\(if $roots != [] then ", behind \($roots[0] | root_words)" else "" end)";
        "The longest waits \($locks.longest | number | seconds): \($locks.query | masked). "
        + ($roots | map("\(root_words): \(.query | masked)") | join("; "));
        (if $roots != [] and $roots[0].pid != 0 then
          "ask its owner; select pg_cancel_backend(\($roots[0].pid)) ends its statement, pg_terminate_backend(\($roots[0].pid)) its session\(if $roots[0].state == "idle in transaction" then " (it idles in a transaction: only that helps)" else "" end)"
         else "select * from pg_prepared_xacts; then commit prepared or rollback prepared, as its owner says" end))
      | concludes("locked"; if ($locks.longest | number) >= 2 or ($code | IN("57014", "55P03")) then 0.85 else 0.4 end)
    end;

def session_conclusions($looks): ($looks.settings | fact) as $set | ($looks.holders | fact) as $holders
  | ($set.max_connections // "0" | tonumber? // 0) as $most | ($holders.all | number) as $n
  | ($looks.long | rows | map(select(.age >= 300))) as $long | ($looks.prepared | rows) as $prepared
  | (if $most > 0 and $n >= 0.9 * $most then
       finding("warn"; "pg.connections"; "\($n) of \($most) connections are in use";
         [$holders.groups | rows[] | "\(.n) of \(who), \(.state)"] | .[:5] | join("; ");
         "a pool that leaks, or a deployment that doubled it; a pooler before max_connections")
       | concludes("overloaded:connections"; 0.6) else empty end),
    (if ($looks.syncrep | fact | .waiting | number) > 0 then
       finding("crit"; "pg.sync_standby"; "\($looks.syncrep.waiting) commits wait for a synchronous standby that does not answer";
         "synchronous_standby_names is \($set.synchronous_standby_names // "?" | clean(100)); connected: \($looks.replicas | rows | map(.name | clean(40)) | if . == [] then "none" else join(", ") end).";
         "bring the standby back; to go on without it empty synchronous_standby_names and reload: then a failover may lose what is committed")
       | concludes("sync_standby"; 0.9) else empty end),
    (if $prepared != [] then
       finding("warn"; "pg.prepared"; "a prepared transaction waits for \($prepared[0].age | seconds)"; "\($prepared[0].gid | clean(80)) of \($prepared[0].owner | clean(40)): it holds its locks, and keeps vacuum from its work.";
         "its transaction manager has forgotten it: commit prepared or rollback prepared") | remark else empty end),
    (if $long != [] then
       finding("warn"; "pg.long_transaction"; "a transaction is \($long[0].age | seconds) old: \($long[0] | who), \($long[0].state // "?")"; $long[0].query | masked;
         "it keeps vacuum from its work, and its locks") | concludes("long_transaction"; 0.35) else empty end);

# ------------------------------------------------------------- replication ---
def lag_most: 67108864; # 64 MiB: four segments

def standby_conclusions($looks; $machine): ($looks.receiver | fact) as $receiver | ($looks.standby | fact) as $standby
  | (if $machine.seen then $machine | line_with("could not receive data from WAL stream.*") | if . then bare else null end else null end) as $line
  | if $standby.paused == true then
      finding("crit"; "pg.replay_paused"; "replay is paused on this standby: what it shows grows old"; "\($standby.bytes | number | bytes) wait to be replayed.";
        "who paused it? select pg_wal_replay_resume()") | concludes("replication:paused"; 0.9)
    elif $receiver.status != "streaming" then
      finding("crit"; "pg.no_receiver"; "this standby receives nothing from its primary";
        "The last transaction that it replayed is \($standby.age | number | seconds) old. \($line // "")";
        (if $line | . != null and test("already been removed") then "the primary has thrown away what it needs: take a new base backup, and give it a slot"
         else "is the primary up, does its pg_hba.conf let this one in, is there its slot? The log says why" end))
      | concludes("replication:link_down"; 0.85)
    elif ($standby.bytes | number) >= lag_most then
      finding("warn"; "pg.lag"; "this standby has \($standby.bytes | bytes) still to replay"; "Conflicts with queries so far: \($standby.conflicts // 0).";
        "a long query on it (max_standby_streaming_delay), or its disk") | concludes("replication:lag"; 0.6)
    else empty end;

def primary_conclusions($looks): ($looks.replicas | rows) as $replicas
  | ($replicas | map(select((.bytes | number) >= lag_most or (.state != "streaming" and .state != "backup")))) as $behind
  | ([$looks.slots | rows[] | select(.status | IN("unreserved", "lost") or (.bytes | number) >= 1073741824)
      | select(.active | not)] | max_by(.bytes | number)) as $slot
  | (if $behind != [] then
       finding("warn"; "pg.lag"; "a standby is behind: \($behind[0].name | clean(60)), \($behind[0].bytes | number | bytes)";
         ($replicas | map("\(.name | clean(40)) \(.client): \(.state), \(.sync), \(.bytes | number | bytes)\(if .seconds then ", \(.seconds) s" else "" end)") | join("; "));
         "its machine, its disk, the network between; is its replay paused?") | concludes("replication:lag"; 0.5) else empty end),
    (if $slot then
       finding("warn"; "pg.slot"; "nobody reads the slot \($slot.name | clean(60)): it keeps \($slot.bytes | number | bytes) of log"; "Its state is \($slot.status // "?").";
         "is its standby or subscriber gone for good? Then drop it (pg_drop_replication_slot): a decision of its owner. Until then the disk fills") | concludes("slot"; 0.4) else empty end),
    (archive_fails($looks) |
       finding("warn"; "pg.archiver"; "archive_command fails: \(.wal | clean(40))"; archiver_words($looks);
         "its log has the command's own words; until it works pg_wal grows, and no backup reaches further than that segment") | concludes("archiver"; 0.45));

# ------------------------------------------------------------------- slow burn ---
def age_conclusions($looks; $code): ($looks.age | rows[0] // null) as $worst
  | ($worst | if . then [.xids, .multixacts] | map(number) | max else 0 end) as $age
  | if $age > 1000000000 or $code == "54000" then
      finding(if $age > 1900000000 or $code == "54000" then "crit" else "warn" end; "pg.wraparound";
        "the transaction ids of \($worst.name | clean(60)) are \($age / 10000000 | round / 100) thousand million old, of 2.1 that there can be";
        "Near the end it refuses to write, and only vacuum as a superuser helps.";
        "what keeps vacuum from freezing? A long or prepared transaction, a slot, autovacuum turned off. Then vacuum (freeze) the oldest tables")
      | concludes("wraparound"; if $age > 1900000000 then 0.95 else 0.6 end)
    else empty end;

def restart_remark($role; $last_good): ($role.now - $role.started) as $up
  | ($last_good // "" | sub("\\.[0-9]+Z$"; "Z") | try fromdateiso8601 catch null) as $good
  | if $up < 120 or ($good != null and $role.started > $good) then
      finding("warn"; "pg.restarted"; "it was started \($up | seconds) ago\(if $good != null and $role.started > $good then ", since the last good result" else "" end)"; "";
        "why? Its log, the kernel's (out of memory), a deployment") | remark
    else empty end;

# ------------------------------------------------------- the check's own query ---
def query_conclusion($looks): again_state($looks) as $state
  | ($looks.again | if type == "object" then .error // "" else "" end | sub("^.*?ERROR:"; "ERROR:") | clean(300)) as $said
  | if $state == null or ($state | startswith("XX00")) then empty
    elif $state == "42501" then
      finding("crit"; "pg.forbidden"; "the monitor's user may not do what the check asks"; $said; "grant what it needs; the page of the plugin has the least") | concludes("forbidden"; 0.9)
    elif $state | IN("57014", "55P03") then
      finding("crit"; "pg.slow_query"; "the check's query does not end within 2 s"; $said; "explain (analyze) it; is it locked out, is a statistic or an index missing?") | concludes("slow:query"; 0.6)
    else
      finding("crit"; "pg.query"; "the check's query fails: \($state)"; $said; "a migration that renamed something, or a mistake in the query") | concludes("error_response"; 0.8) end;

def slow_login_conclusion($open): if $open.ms > 1000 then
    finding("warn"; "pg.slow_login"; "a login and one question took \($open.ms) ms"; ""; "the load of its machine, and the path; a name service that pg_hba.conf asks") | concludes("slow:login"; 0.4)
  else empty end;

# The doors that let us in, and whom a standby follows.
def all_open($facts): [doors($facts)[] | select(.kind == "in")]
  + [$facts.followed // "" | fromjson? | objects | {role: .} + ($facts.leader | split("\t") | {host: .[0], port: .[1]})];

def open_conclusions($facts; $door): (.result? // {}) as $result | ($result.code? | text) as $code
  | ($facts.looks | looks_of) as $looks | machine_of($facts) as $machine
  | storage_conclusions($looks; $code; $machine),
    corruption_conclusions($looks; $code; $result.message?; $machine),
    role_conclusions($door; all_open($facts); wants($facts); $looks),
    lock_conclusions($looks; $code), session_conclusions($looks),
    (if $door.role.recovery == true then standby_conclusions($looks; $machine) else primary_conclusions($looks) end),
    age_conclusions($looks; $code), query_conclusion($looks),
    restart_remark($door.role; .last_good?.at?), slow_login_conclusion($door),
    (if fault == "auth" then
       finding("crit"; "pg.auth"; "the monitor's own credential is the suspect: this runbook's login is accepted, the check's was not"; "";
         "give both the same secret; nothing was touched, and nothing should be") | concludes("credentials"; 0.9) else empty end),
    not_seen($facts; $machine; $door);

def open($facts): open_door($facts) as $door | [open_conclusions($facts; $door)] as $all
  | ($all | map(select(.class != null))[0]) as $first
  | $all[].finding, metric("pg.login_ms"; $door.ms; "ms"),
    (if $facts.settled then empty
     elif $first then verdict($first.class; $first.sure)
     else
       finding("info"; "pg.well_now"; "it answers well from here now"; "A login and one question took \($door.ms) ms; it is \(if $door.role.recovery then "a standby" else "the primary" end), version \($door.role.version | clean(40)).";
         "a passing failure, or one that only the check's own query or expectations meet")
     end);
