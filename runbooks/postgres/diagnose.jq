# What postgres/diagnose looks at and concludes. Input of each: the runbook's
# context (relevo.runbook/1); $facts is what lib/look.jq made of the looks.
# closed.jq has what keeps everybody out, open.jq what ails one that lets us in,
# machine.jq what its machine says. `late` says the findings of all conclusions
# and the class of the first that has one.

include "relevo";
include "look";
include "pg";
include "machine";
include "closed";
include "open";

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
def doors($facts): (.result?.code? | state_kind) as $seen | ($facts.own_doors // "0" | tonumber) as $own | [$facts.tries[] | .n as $n
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
    elif .last_good?.observations?.in_recovery? == false or .last_good?.observations?.role? == "primary" then "primary"
    else "any" end;

def is_wanted($wants): $wants == "any" or .role.recovery == ($wants == "standby");

# The door to ask questions, of those that let us in; null where none does.
def open_door($facts): wants($facts) as $wants
  | [doors($facts)[] | select(.kind == "in")]
  | ([.[] | select(.mine and is_wanted($wants))] + [.[] | select(.mine)])[0] // null;

# The door whose machine counts: the first that is shut, else the open one.
def sick_door($facts): [doors($facts)[] | select(.mine)] as $mine
  | [$mine[] | select(.kind != "in")][0] // open_door($facts) // $mine[0];

# ---------------------------------------------------------- what to look at ---
# The check's own query once more, where it only reads and has no parameters:
# as a text that psql hands on as it is.
def own_query: (settings.read_only? | text) as $read_only | settings.query? | text
  | if test("^\\s*(select|with|table|values|show)\\b"; "i") and (test(";\\s*\\S|\\$[0-9]|\\$relevo\\$|\\\\") | not)
      and $read_only != "false"
    then "\\echo @again\nselect $relevo$\(sub(";\\s*$"; ""))$relevo$ \\gexec\n" else "" end;

def choice($facts): own_query as $query | open_door($facts) as $open | sick_door($facts) as $sick
  | ($facts.own // "" | lines) as $own
  | [$open.n, $open.host, $open.port, $open.address, $sick.host, $sick.port,
     (if $sick and ($sick.address == "" or ($sick.address | is_own($own))) then "yes" else "no" end),
     (if $sick.kind | IN("refused", "no_socket") then "yes" else "no" end),
     (if $sick.kind == "connect_timeout" then "yes" else "no" end)] | map(word) + [$query];

def far_address($facts): sick_door($facts).address;

# Whom a standby follows, where no primary is known yet.
def followed($facts): open_door($facts) as $open
  | if $open and $open.role.recovery and ([doors($facts)[] | select(.role.recovery? == false)] == []) then
      $facts.looks | looks_of | .receiver | fact | select(.host != null and .port != null)
      | "\(.host | word)\t\(.port | word)"
    else empty end;

# ------------------------------------------------------------------- parts ---
def early($facts): if type != "object" then error("not an object") else seen_by_check("pg") end;

# What the server said of its connections when it was well.
def last_connections: .last_good?.observations? | objects | select(.connected != null)
  | "\(.connected) sessions, \(.idle // "?") idle, \(.idle_in_transaction // "?") idle in a transaction" | clean(100);

def not_seen($facts; $machine; $sick; $open): ($facts.looks // "" | looks_of | .me | fact) as $me
  | [(if $facts.no_client then "what the server itself says (psql is not installed: apt-get install postgresql-client)" else empty end),
     (if $machine.seen | not then
        (if $facts.place == "ssh" then "its machine: ssh says \($facts.machine_err // "" | clean(160) | if . == "" then "nothing" else . end)"
         else "its machine: processes, disk, log (params = { ssh = \"user@host\"; })" end)
      else
        (if $machine.sees_processes | not then "its processes (ps is not installed there)" else empty end),
        (if $machine.data == "" then "its data directory (params = { data-dir = \"…\"; })"
         elif $machine.readable | not then "the inside of \($machine.data), which \($machine.user) may not read: pg_wal, control file" else empty end),
        (if $machine.disks == [] then "its disk" else empty end),
        (if ($machine.log // "") == "" then "its log\(if $machine.logfile != "" then " \($machine.logfile)" else " (params = { log = \"…\"; })" end)" else empty end)
      end),
     (if $open and $me.monitor == false then "sessions of others (grant pg_monitor to \($me.user | clean(40)))" else empty end)]
  | if . == [] then empty else
      finding("info"; "pg.not_seen"; "from here was not seen: \(map(sub(" \\(.*"; "") | sub("^(?<a>[^:]*):.*"; .a)) | join(", "))"; join("; "); "") | remark end;

def one_door: .[0] as $first | if length > 1 and (map([.host, .port]) | unique | length) == 1 and any(.kind == "in") and any(.kind != "in") then
    map({seen: {address}, fate: (if .kind == "in" then null else .kind end)}) | one_address("pg") else empty end;

# A host that is shut counts only as a remark where another does what is wanted.
def shut_conclusions($facts; $machine; $wants; $open): . as $context | fault as $fault
  | ([last_connections][0] // null) as $good
  | ($open != null and ($open | is_wanted($wants))) as $served
  | sick_door($facts) as $sick
  | [doors($facts)[] | select(.mine and .kind != "in")] | unique_by([.kind, .host, .port])
  | sort_by(.n != $sick.n)[] | .n as $n
  | closed_conclusions($facts; (if $n == $sick.n then $machine else {seen: false, children: []} end); $fault; $good)
  | if $served then .finding.sev = "warn" | .class = null else . end;

def slow_login_conclusion($open): if $open.ms > 1000 then
    finding("warn"; "pg.slow_login"; "a login and one question took \($open.ms) ms"; ""; "the load of its machine, and the path; a name service that pg_hba.conf asks") | concludes("slow:login"; 0.4)
  else empty end;

def conclusions($facts): ($facts.machine | pg_machine | .rpo = ($ENV.RELEVO_PARAM_RPO // "26h" | duration)) as $machine | open_door($facts) as $open
  | wants($facts) as $wants | doors($facts) as $doors | . as $context
  | ([$doors[] | select(.kind == "in")]
     + [$facts.followed // "" | fromjson? | objects | {role: .} + ($facts.leader | split("\t") | {host: .[0], port: .[1]})]) as $others
  | ($doors | map(select(.mine)) | one_door),
    shut_conclusions($facts; $machine; $wants; $open),
    (if $open then
       open_conclusions($facts; $open; $others; $wants; $machine; .result? // {}; .last_good?.at?), slow_login_conclusion($open)
     else empty end),
    (if $open and fault == "auth" then
       finding("crit"; "pg.auth"; "the monitor's own credential is the suspect: this runbook's login is accepted, the check's was not"; "";
         "give both the same secret; nothing was touched, and nothing should be") | concludes("credentials"; 0.9) else empty end),
    not_seen($facts; $machine; sick_door($facts); $open);

def late($facts): [conclusions($facts)] as $all | open_door($facts) as $open
  | ($all | map(select(.class != null))[0]) as $first
  | ($facts.target | fromjson | .host) as $host
  | (if $facts.tries == [] then name_findings($facts; $host; "pg") else empty end),
    $all[].finding,
    (if $open then metric("pg.login_ms"; $open.ms; "ms") else empty end),
    (if $first then verdict($first.class; $first.sure)
     elif $open and $facts.tries != [] then
       finding("info"; "pg.well_now"; "it answers well from here now"; "A login and one question took \($open.ms) ms; it is \(if $open.role.recovery then "a standby" else "the primary" end), version \($open.role.version | clean(40)).";
         "a passing failure, or one that only the check's own query or expectations meet")
     else empty end);
