# A PostgreSQL that lets nobody in, for postgres/diagnose: why? Input of each is
# a door (a host and address that was tried, see doors.jq); $machine is what
# pg_machine made of its machine, .seen false where that was not seen. `shut` says
# the findings of all doors that are shut, and the class of the first.

include "relevo";
include "look";
include "pg";
include "machine";
include "doors";

def at: .port as $port | if .host == "" then "the server of its service"
  elif .address == "" then "\(.host):\(.port)" else .address | place($port) end;

def said: .login | sub("^psql: error: "; "") | clean(300) | sub("[.]?$"; ".");

# ---------------------------------------------------------------- refused ---
# Its process is there, and yet nobody listens where the check looks.
def elsewhere_conclusion($machine): $machine.pidfile as $file
  | ($file[3]? // "" | clean(8)) as $port | ($file[5]? // "" | clean(80)) as $listens
  | if $port != "" and $port != .port then
      finding("crit"; "pg.port"; "it runs, on port \($port): the check looks at \(.port)"; "Process \($file[0] | clean(12)), \($machine.data).";
        "correct the check's port, or port in its configuration (that takes a restart)")
      | concludes("wrong_port"; 0.9)
    else
      finding("crit"; "pg.listen"; "it runs, and does not listen at \(at)";
        "Process \($file[0] // $machine.main.pid | clean(12)) is \($machine | main_stat | stat_words); it listens at \(if $listens == "" then "its socket only, or is about to start or to stop" else "\"\($listens)\"" end).";
        "listen_addresses in its configuration (that takes a restart), or the check's host; what does its log \($machine.logfile) say?")
      | concludes("not_listening"; 0.8)
    end;

# Without its machine a crash and a full disk look the same.
def from_far: at as $at | .host as $host
  | finding("crit"; "pg.refused"; "nothing listens on \($at); from here a crash and a full disk look the same";
      "The host is up and answered at once that the port is closed. Its processes, disk and log were not seen.";
      "on \($host | clean(80)): df -h first, a server that stopped for a full disk must not be restarted before there is space; then pg_lsclusters and its log. Let the runbook in: params = { ssh = \"…\"; }")
  | concludes("not_listening"; 0.6);

def refused_conclusions($machine): . as $door
  | if $machine.seen | not then from_far
    else $machine
      | if is_alive then $door | elsewhere_conclusion($machine)
        else [corruption_conclusion(true)][0] // ended_conclusion end
    end;

def socket_conclusion: at as $at
  | finding("crit"; "pg.socket_forbidden"; "the monitor's user may not use the socket at \($at)"; said; "unix_socket_permissions, and the group of the socket")
  | concludes("forbidden"; 0.9);

# ------------------------------------------------------------------- hung ---
def hung_conclusion($machine): at as $at | ($machine | main_stat) as $stat
  | finding("crit"; "pg.hung"; "\($at) takes the connection and answers nothing\(if $stat != "" then ": its main process is \($stat | stat_words)" else "" end)";
      "The kernel takes connections, the server does not. Sessions that are open, and a standby's stream, may go on all the same. "
      + (if $machine.seen then "\($machine.children | length) child processes\($machine.children | map(select(.stat | startswith("D"))) | if length > 0 then ", \(length) of them waiting for a disk" else "" end). \($machine | disk_fine)." else "" end);
      (if $stat | startswith("T") then "kill -CONT \($machine.main.pid // $machine.pidfile[0] | clean(12)) lets it go on, if nobody is debugging it. "
       elif $stat | startswith("D") then "dmesg and the storage behind it: a restart would hang, too. "
       else "on its machine: ps -o pid,stat,wchan:20,args -C postgres (T: stopped, D: the disk), before a restart destroys that. " end)
      + "It may wake up and take writes: fence it before a standby is promoted")
  | concludes("hung"; 0.9);

def connect_timeout_conclusion($facts): at as $at
  | ($facts.ssh_port // "" | fromjson? // null) as $ssh
  | finding("crit"; "pg.connect_timeout"; "\($at) does not take the connection";
      "No answer to the handshake within 2 s. "
      + (if $ssh == null then "" elif ($ssh.said // "") != "" or ($ssh.curl.time_connect? // 0) > 0 or ($ssh | reach_fate) == "refused"
         then "The host answers on port 22: a firewall drops this port, or its accept queue is full." else "Nothing answers on port 22 either: the host or the path." end);
      "the host's console, the firewall, the network between; a standby's view: is it still streaming?")
  | concludes("host_or_path"; 0.85);

def unreachable_conclusion: at as $at
  | finding("crit"; "pg.unreachable"; "no route to \($at)"; said; "ip route get \(.address); is the other family (IPv4 or IPv6) the one that works?")
  | concludes("no_route"; 0.85);

def closed_conclusion: at as $at
  | finding("crit"; "pg.closed"; "\($at) takes the connection and hangs up without a word"; said;
      "a pooler or balancer without a server behind it, a port that wants TLS first, or a process that crashes: its log")
  | concludes("closed"; 0.7);

def pooler_conclusion: at as $at
  | finding("crit"; "pg.pooler"; "\($at) is a pooler, and the server behind it does not let it in"; said;
      "its configuration and its log name that server: look at that one, with a check of its own")
  | concludes("pooler"; 0.9);

# --------------------------------------------------------------- starting ---
# "3/2A000060" as a number of bytes.
def hex: ascii_upcase | explode | reduce .[] as $c (0; . * 16 + (if $c < 58 then $c - 48 else $c - 55 end));
def lsn: capture("^(?<high>[0-9A-Fa-f]+)/(?<low>[0-9A-Fa-f]+)$") | (.high | hex) * 4294967296 + (.low | hex);

# Of a segment's name and size: where it begins.
def segment_at($size): (.[8:16] | hex) * 4294967296 + (.[16:24] | hex) * $size;

# Where recovery began, is, and will end, as far as can be seen.
def redo: (segment_kib * 1024) as $size
  | (.control["Latest checkpoint's REDO location"] // "" | lsn? // null) as $from
  | ([.children[].title | capture("startup +recovering (?<file>[0-9A-F]{24})") | .file][0] // null) as $file
  | (line_of("LOG"; "redo in progress") | if . then capture("LSN: (?<at>[0-9A-F]+/[0-9A-F]+)") | .at | lsn else null end) as $logged
  | (.wal[0]? // "" | if test("^[0-9A-F]{24}$") then segment_at($size) + $size else null end) as $to
  | ([$logged, (if $file then $file | segment_at($size) else null end)] | max) as $now
  | {from: $from, now: $now, to: $to, file: $file};

def redo_words: redo | if .from == null or .to == null or .to <= .from then
      (if .file then "It reads segment \(.file) of its log." else "" end)
    else "\([.to - .from, 0] | max | bytes) of its log are to be read"
      + (if .now then ", about \([[(.now - .from) * 100 / (.to - .from), 0] | max, 100] | min | round) % are" else "" end)
      + (if .file then "; it is at \(.file)" else "" end) + "." end;

def startup: [.children[] | select(.title | test("startup"))][0] // null;

def starting_conclusion($machine): at as $at | said as $said | ($machine | startup) as $startup
  | (if $machine.seen then $machine | killed_line else null end) as $killed
  | finding("warn"; "pg.starting";
      (if $said | test("in recovery mode") then "\($at) recovers from the crash of one of its processes"
       elif $said | test("not yet accepting|Consistent recovery") then "\($at) is a standby that has not caught up far enough to answer"
       else "\($at) was started just now and recovers" end);
      (if $machine.seen then $machine | redo_words else "How far it is was not seen." end)
      + (if $startup then " Its startup process is \($startup.stat | stat_words), \($startup.age | seconds) old." else "" end)
      + (if $killed then " \($killed)" else "" end);
      (if $startup and ($startup.stat | startswith("T")) then "kill -CONT \($startup.pid) lets recovery go on"
       elif $startup and ($startup.stat | startswith("D")) then "its disk is what it waits for: leave it, look at the storage"
       else "wait; do not restart it, that begins anew, and do not fail over to a standby for this" end)
      + ". Then find out why it had stopped: its log, the kernel's")
  | concludes("starting"; 0.95);

def stopping_conclusion($machine): at as $at
  | ($machine.children | map(select(is_session)) | length) as $sessions
  | finding("warn"; "pg.stopping"; "\($at) is shutting down";
      (if $machine.seen then "\($sessions) sessions are still open. \(if $machine.service.ActiveState then "\($machine.service.Id) is \($machine.service.ActiveState)." else "" end)" else said end);
      (if $machine | (.seen and is_managed) then $machine | managed_words
       else "somebody stops it: who? (systemctl status, an upgrade of the package). A smart shutdown waits for every session to end" end))
  | concludes("stopping"; 0.9);

# ------------------------------------------------------------------- auth ---
def auth_why: said | if test("no password supplied") then "no_password"
  elif test("no pg_hba.conf entry|rejects connection") then "pg_hba"
  elif test("role \".*\" does not exist") then "no_role"
  elif test("not permitted to log in") then "no_login"
  elif test("permission denied for database") then "no_connect"
  else "refused" end;

def auth_next: {no_password: "where the check has a password, give it to the runbook, too: params = { password = { file = \"…\"; }; }",
  pg_hba: "pg_hba.conf has no line for this user, database, address and TLS or not: was it reloaded with a new one? (select * from pg_hba_file_rules)",
  no_role: "the role was dropped or renamed, or the check's user is misspelt (\\du)",
  no_login: "alter role … login: somebody has locked it",
  no_connect: "grant connect on database … to the monitor's role",
  refused: "was the password changed on one side only, or has the role expired (rolvaliduntil)? Correct the check's secret"}[.];

def auth_conclusion($machine; $fault): at as $at | auth_why as $why | said as $said
  | ($machine.children | map(select(is_session)) | length) as $sessions
  | (if $sessions > 0 then " \($sessions) sessions of others are being served." else "" end) as $others
  | if $why == "no_password" and $fault != "auth" then
      finding("warn"; "pg.no_password"; "\($at) is up and wants a password, which this diagnosis has none of"; "\($said)\($others)"; $why | auth_next)
      | remark
    else
      finding("crit"; "pg.auth"; "the monitor's own credential is the suspect: \($at) is up and refuses its login";
        "\($said)\($others) Nothing was touched, and nothing should be: a restart cannot help.";
        $why | auth_next)
      | concludes("credentials"; 0.9)
    end;

# --------------------------------------------------------------- too many ---
# "12 of app as app from 10.0.0.9, idle": the biggest groups of .user, .database,
# .client, .state, .n.
def holder_words: map("\(.n) of \(.user | clean(40)) in \(.database | clean(40)) from \(.client | clean(45))\(if (.app // "") != "" then " (\(.app | clean(40)))" else "" end), \(.state)")
  | .[:5] | join("; ");

def title_holders: [.children[] | session | objects]
  | group_by([.user, .database, .client, .state])
  | map(.[0] + {n: length}) | sort_by(-.n);

def too_many_conclusion($machine; $good): at as $at | ($machine | title_holders) as $holders
  | finding("crit"; "pg.too_many"; "\($at) has no connection left to give\(if $holders != [] then ": \($holders[0].n) are held by \($holders[0].user | clean(40)) from \($holders[0].client | clean(45)), \($holders[0].state)" else "" end)";
      said + (if $holders != [] then " \($holders | holder_words)."
        else " Who holds them was not seen\(if $good then ": at the last good result there were \($good)" else "" end)." end);
      (if $holders | any(.state == "idle in transaction") then "sessions that idle in a transaction leak: idle_in_transaction_session_timeout, and the application that forgets to commit"
       else "a pool that leaks, or a deployment that doubled it: look there first; a pooler (pgbouncer) before max_connections" end)
      + ". A superuser still gets in: select * from pg_stat_activity")
  | concludes("overloaded:connections"; 0.95);

# ------------------------------------------------------------------ others ---
def other_conclusion: at as $at | said as $said
  | if .kind == "no_database" then
      finding("crit"; "pg.no_database"; "\($at) has no such database"; $said; "was it dropped or renamed, is this another server? (\\l)") | concludes("no_database"; 0.9)
    elif .kind | IN("tls", "certificate") then
      finding("crit"; "pg.\(.kind)"; "TLS with \($at) fails"; $said;
        "openssl s_client -starttls postgres -connect \($at): dates, names, issuer; sslmode and sslrootcert of the check") | concludes(.kind; 0.85)
    elif .kind == "slow_login" then
      finding("warn"; "pg.slow_login"; "\($at) asks for a login and does not come to its end in 3 s"; $said;
        "a pooler that waits for its server, authentication that asks another one (ldap, radius, pam), a catalogue that is locked, a machine that swaps") | concludes("slow:login"; 0.7)
    elif .kind == "wraparound" then
      finding("crit"; "pg.wraparound"; "it refuses work to save its transaction ids"; $said; "vacuum the database that is named, as a superuser; no restart helps") | concludes("wraparound"; 0.95)
    elif .kind == "disk_full" then
      finding("crit"; "pg.disk_full"; "the disk is full"; $said; "free space there first; never in pg_wal") | concludes("disk_full"; 0.9)
    else finding("crit"; "pg.error"; "\($at) refuses the connection"; $said; "") | concludes("error_response"; 0.5) end;

def shut_conclusion($facts; $machine; $fault; $good):
  if .kind | IN("refused", "no_socket") then refused_conclusions($machine)
  elif .kind == "socket_forbidden" then socket_conclusion
  elif .kind == "hung" then hung_conclusion($machine)
  elif .kind == "connect_timeout" then connect_timeout_conclusion($facts)
  elif .kind == "unreachable" then unreachable_conclusion
  elif .kind == "closed" then closed_conclusion
  elif .kind == "pooler" then pooler_conclusion
  elif .kind == "starting" then starting_conclusion($machine)
  elif .kind == "stopping" then stopping_conclusion($machine)
  elif .kind == "auth" then auth_conclusion($machine; $fault)
  elif .kind == "too_many" then too_many_conclusion($machine; $good)
  elif .kind == "answers" then empty
  else other_conclusion end;

# A full disk is what a refusal, an endless recovery and a hang may all be, and
# then it is all that counts: what else the machine says is a remark.
def closed_conclusions($facts; $machine; $fault; $good):
  (if $machine.seen and (.kind | IN("refused", "no_socket", "hung", "closed", "starting", "stopping", "disk_full", "other"))
   then [$machine | disk_conclusions(true)] else [] end) as $disk
  | if $disk == [] then shut_conclusion($facts; $machine; $fault; $good)
    elif .kind | IN("refused", "no_socket") then $disk[0]
    else $disk[0], (shut_conclusion($facts; $machine; $fault; $good) | .class = null | .finding |= del(.next)) end;

# ------------------------------------------------------------------ doors ---
# What the server said of its connections when it was well.
def last_connections: .last_good?.observations? | objects | select(.connected != null)
  | "\(.connected) sessions, \(.idle // "?") idle, \(.idle_in_transaction // "?") idle in a transaction" | clean(100);

def one_door: if length > 1 and (map([.host, .port]) | unique | length) == 1 and any(.kind == "in") and any(.kind != "in") then
    map({seen: {address}, fate: (if .kind == "in" then null else .kind end)}) | one_address("pg") else empty end;

# A host that is shut counts only as a remark where another does what is wanted.
def shut_conclusions($facts; $machine; $open): fault as $fault | wants($facts) as $wants
  | ([last_connections][0] // null) as $good
  | ($open != null and ($open | is_wanted($wants))) as $served
  | sick_door($facts) as $sick
  | [doors($facts)[] | select(.mine and .kind != "in")] | unique_by([.kind, .host, .port])
  | sort_by(.n != $sick.n)[] | .n as $n
  | closed_conclusions($facts; (if $n == $sick.n then $machine else {seen: false, children: []} end); $fault; $good)
  | if $served then .finding.sev = "warn" | .class = null else . end;

# May another have become the primary? Of those that let us in, one that takes
# writes; where none does, how many standbys there were when all was well.
def with_others($context; $facts): [$context | doors($facts)[] | select(.role != null)] as $others
  | .primary = ([$others[] | select(.role.recovery == false) | "\(.host | clean(80)):\(.port)"][0] // null)
  | .standbys = (if $others == [] then $context.last_good?.observations?.standbys? // 0 else 0 end);

def shut($facts): open_door($facts) as $open
  | . as $context | (machine_of($facts) | with_others($context; $facts)) as $machine
  | [([doors($facts)[] | select(.mine)] | one_door), shut_conclusions($facts; $machine; $open),
     (if $open then empty else not_seen($facts; $machine; null) end)] as $all
  | ($all | map(select(.class != null))[0]) as $first
  | (if $facts.tries == [] then name_findings($facts; $facts.target | fromjson | .host; "pg") else empty end),
    $all[].finding,
    (if $first then verdict($first.class; $first.sure) else empty end);
