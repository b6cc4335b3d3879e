# What postgres/diagnose finds at the doors of a PostgreSQL, and what it then
# chooses to look at. Input of each: the runbook's context (relevo.runbook/1);
# $facts is what lib/look.jq made of the looks. shut.jq has what keeps everybody
# out, open.jq what ails one that lets us in, machine.jq what its machine says:
# apart, because jq takes longer to read them than to do what they say.

include "relevo";
include "look";
include "pg";

def early($facts): if type != "object" then error("not an object") else seen_by_check("pg") end;

# ------------------------------------------------------------------ doors ---
# A door is a host and one of its addresses. What it came to, as one word.
def door_kind: (if .curl == null then null else reach_fate end) as $fate
  | ((.curl.time_connect? // 0) > 0) as $taken
  | pg_kind(.login; .exit; .raw) as $kind
  | if $kind == null then
      if $fate then $fate elif .raw then pg_kind(""; "2"; .raw)
      elif (.said // "") == "" then "hung" else "answers" end
    elif $kind != "timeout" then $kind
    elif .address == "" or ($taken and (.said // "") == "") then "hung"
    elif $taken then "slow_login" else "connect_timeout" end;

# Where the server's words say nothing, the code that the check had may.
def doors($facts): (.result?.code? | state_kind) as $seen
  | ($facts.own_doors // "0" | tonumber) as $own | [$facts.tries[] | .n as $n
  | .mine = (.n | tonumber) <= $own
  | .login = ($facts["login_\($n)"] // "") | .exit = $facts["login_\($n)_exit"]
  | .ms = ($facts["login_\($n)_ms"] // "0" | tonumber) | .raw = (.said // "" | raw_state)
  | .kind = door_kind
  | .role = ([.login | fromjson? | objects][0] // null)
  | if .kind == "in" and .role == null then .kind = "other"
    elif .kind == "other" and $seen then .kind = $seen else . end];

def fault: .result?.fault? | text;

# Which role the check asks for, or had when it was well.
def wants($facts): ($facts.target | fromjson | .attrs) as $attrs
  | if $attrs | IN("read-write", "primary") then "primary"
    elif $attrs | IN("standby", "read-only") then "standby"
    elif fault == "readonly" or (.result?.code? | text) == "25006" then "primary"
    elif .last_good?.observations?.role? == "primary" then "primary"
    else "any" end;

def is_wanted($wants): $wants == "any" or .role.recovery == ($wants == "standby");

# The door to ask questions, of those that let us in; null where none does.
def open_door($facts): wants($facts) as $wants
  | [doors($facts)[] | select(.kind == "in")]
  | ([.[] | select(.mine and is_wanted($wants))] + [.[] | select(.mine)])[0] // null;

# The door whose machine counts: the first that is shut, else the open one.
def sick_door($facts): [doors($facts)[] | select(.mine)] as $mine
  | [$mine[] | select(.kind != "in")][0] // open_door($facts) // $mine[0];

# ------------------------------------------------------------------ looks ---
# What the questions of looks.sql came to: by name the JSON, or {error} where one
# was not answered.
def looks_of: reduce ((. // "") | split("\n")[]) as $line ({at: null, all: {}};
    if $line | test("^@[a-z]+$") then .at = $line[1:] | .all[.at] = []
    elif .at then .all[.at] += [$line] else . end)
  | [.all | to_entries[] | (.value | join("\n")) as $text
      | {key, value: (if $text | clean(9) == "" then null else [$text | fromjson?][0] // {error: $text} end)}]
  | from_entries;

def fact: if type == "object" and has("error") | not then . else {} end;

# What its machine said, and how old a backup may be.
def machine_of($facts): $facts.machine | pg_machine
  | .rpo = ($ENV.RELEVO_PARAM_RPO // "26h" | duration);

# ---------------------------------------------------------- what to look at ---
# The check's own query once more, where it only reads and has no parameters:
# as a text that psql hands on as it is.
def own_query: (settings.read_only? | text) as $read_only | settings.query? | text
  | if test("^\\s*(select|with|table|values|show)\\b"; "i") and (test(";\\s*\\S|\\$[0-9]|\\$relevo\\$|\\\\") | not)
      and $read_only != "false"
    then "\\echo @again\nselect $relevo$\(sub(";\\s*$"; ""))$relevo$ \\gexec\n" else "" end;

def choice($facts): own_query as $query | open_door($facts) as $open | sick_door($facts) as $sick
  | ($facts.own // "" | lines) as $own | ($facts.own_doors // "1" | tonumber) as $mine
  | [$open.n, $open.host, $open.port, $open.address, $sick.host, $sick.port,
     (if $sick and ($sick.address == "" or ($sick.address | is_own($own))) then "yes" else "no" end),
     (if $sick.kind | IN("refused", "no_socket") then "yes" else "no" end),
     (if $sick.kind == "connect_timeout" then "yes" else "no" end),
     (if [doors($facts)[] | select(.mine and .kind == "in")] | length == $mine then "no" else "yes" end)] | map(word) + [$query];

def far_address($facts): sick_door($facts).address;

# Whom a standby follows, where no primary is known yet.
def followed($facts): open_door($facts) as $open
  | if $open and $open.role.recovery and ([doors($facts)[] | select(.role.recovery? == false)] == []) then
      $facts.looks | looks_of | .receiver | fact | select(.host != null and .port != null)
      | "\(.host | word)\t\(.port | word)"
    else empty end;

# --------------------------------------------------------------- not seen ---
# What could not be looked at from here, and what would let it.
def not_seen($facts; $machine; $open): ($facts.looks // "" | looks_of | .me | fact) as $me
  | [(if $facts.no_client then "what the server itself says (psql is not installed: apt-get install postgresql-client)" else empty end),
     (if $machine.seen | not then
        (if $facts.place == "ssh" then "its machine: ssh says \($facts.machine_err // "" | clean(160) | if . == "" then "nothing" else . end)"
         else "its machine: processes, disk, log (params = { ssh = \"user@host\"; })" end)
      else
        (if $machine.sees_processes | not then "its processes (no ps there, or /proc hides them)" else empty end),
        (if $machine.data == "" then "its data directory (params = { data-dir = \"…\"; })"
         elif $machine.readable | not then "the inside of \($machine.data), which \($machine.user) may not read: pg_wal, control file" else empty end),
        (if $machine.disks == [] then "its disk" else empty end),
        (if ($machine.log // "") == "" then "its log\(if $machine.logfile != "" then " \($machine.logfile)" else " (params = { log = \"…\"; })" end)" else empty end)
      end),
     (if $open and $me.monitor == false then "sessions of others (grant pg_monitor to \($me.user | clean(40)))" else empty end)]
  | if . == [] then empty else
      finding("info"; "pg.not_seen"; "from here was not seen: \(map(sub(" \\(.*"; "") | sub("^(?<a>[^:]*):.*"; .a)) | join(", "))"; join("; "); "") | remark end;
