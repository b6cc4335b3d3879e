# What postgres/restore-diagnose concludes. Input of each: the runbook's context
# (relevo.runbook/1); $facts is what lib/look.jq made of the looks: "quick" what
# backup.sh saw without reading, "machine" with it. `late` says the findings of
# all conclusions and the class of the first that has one.

include "relevo";
include "look";
include "pg";
include "backup";

def rpo($facts): $facts.rpo | duration;

# What the parameters lack, or nothing.
def unfit($facts):
  if rpo($facts) == null then
    finding("crit"; "restore.params"; "the parameter rpo is no duration: \($facts.rpo | clean(60))"; ""; "26h, 90m or 1d")
  elif $facts.restore_target | startswith("/") | not then
    finding("crit"; "restore.params"; "the parameter target is no absolute path"; $facts.restore_target; "a folder that is not there yet, on a disk with room")
  elif $facts.restore_target | test("[\"$`\\\\\\x00-\\x1f\\x7f]") then
    finding("crit"; "restore.params"; "the parameter target has a character that pg_ctl would hand to a shell"; $facts.restore_target; "a path without \" $ ` and \\")
  elif $facts.limit | test("^[0-9]{1,6}$") | not then
    finding("crit"; "restore.params"; "the parameter limit is no number of seconds"; $facts.limit; "200")
  else empty end;

def now_of($facts): $facts.now | tonumber;

# Before anything is read: what is there, and how old.
def early($facts): seen_by_check("restore"),
  (now_of($facts) as $now | $facts.quick | backup_seen as $b
   | if $b.time == null then empty
     else finding("info"; "restore.newest"; "the newest backup is \($now - $b.time | seconds) old";
       "\($b.kind | kind_words), \(called($b))\(if $b.stored then ", \($b.stored | bytes) on disk" else "" end)\(
         if ($b.count | text | IN("", "1")) then "" else ", one of \($b.count)" end).";
       "") end);

# Nothing was seen: why.
def unseen_conclusion($facts): if $facts.machine_exit == null then
    finding("warn"; "restore.no_time"; "there was no time left to look"; ""; "") | remark
  else
  finding("crit"; "restore.unseen"; "the machine with the backups does not say what it has";
    "\($facts.machine_err // "" | clean(300)) (exit \($facts.machine_exit // "?"))";
    "try the same by hand: ssh with this user and key, without a password") | concludes("no_route"; 0.4)
  end;

def good($b): if $b.readable == "yes" then null | concludes("backup:good"; 0.9) else empty end;

def conclusions($facts): now_of($facts) as $now
  | ($facts.machine // "" | backup_seen) as $b
  | if $b.kind == null then unseen_conclusion($facts)
    else [none_conclusion($b)] as $none
    | if $none != [] then $none[]
      else read_conclusion($b; $now), log_conclusion($b; $now), age_conclusion($b; $now; rpo($facts)),
        (usable($b) | select(.) | room_conclusion(.; $now),
          (how_finding(.; $facts.restore_target; $facts.archive) | remark)), good($b)
      end
    end;

def figures($facts): now_of($facts) as $now | ($facts.machine // "" | backup_seen) as $b
  | (if $b.time then metric("pg.backup_age"; $now - $b.time; "s") else empty end),
    (usable($b) // {} | state_at(.) // empty | metric("pg.restorable_age"; $now - .; "s"));

def late($facts): [conclusions($facts)] as $all
  | ($all[] | .finding | values), figures($facts),
    ([$all[] | select(.class)][0] // empty | verdict(.class; .sure));

# The commands in full, for the transcript.
def commands($facts): ($facts.machine // "" | backup_seen) as $b
  | if $b.kind == null or ([none_conclusion($b)] != []) then empty
    else usable($b) | select(.) | how(.; $facts.restore_target; $facts.archive)[] end;
