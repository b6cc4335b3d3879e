# What postgres/restart concludes: is this a crash that a restart mends? Input of
# each: the runbook's context (relevo.runbook/1); $facts: "machine" is what
# pg_machine.sh saw before, "later" after; "others" a line "PLACE f" for each
# other server that is not in recovery.

include "relevo";
include "look";
include "pg";
include "machine";

def machine_of($facts): $facts.machine // "" | pg_machine;

# A reason not to restart: a finding, and the exit status.
def stops($status): {finding: ., $status};

# ------------------------------------------------------------ which failure ---
def fault: .result?.fault? // "" | clean(40);

def fault_reason: fault as $fault
  | if $fault | IN("auth", "forbidden") then
      finding("crit"; "pg.credential"; "it answers, and does not let the monitor in: nothing to restart"; .result?.message? // "" | clean(300);
        "the monitor's own credential is the suspect: was it changed, did it expire?") | stops(20)
    elif $fault | IN("certificate", "tls", "dns", "unreachable", "overloaded", "starting", "readonly", "slow", "stale", "protocol",
        "config", "resource", "exec", "plugin", "cancelled") then
      finding("info"; "pg.not_a_crash"; "a restart does not mend \"\($fault)\""; .result?.message? // "" | clean(300); "") | stops(10)
    else empty end;

# Said before anything is looked at.
def early($facts): fault_reason | .finding;

# ------------------------------------------------------------- which machine ---
# Where pg_isready asks a server that is alive, one word a line.
def door($facts): machine_of($facts) as $m
  | [if $m | is_alive then "yes" else "" end, $m.programs, ($m.pidfile[4]? // ""), ($m.pidfile[3]? // ""),
     (if $m.files | index("standby.signal") then "yes" else "" end), ($m.pidfile[0]? // "")] | map(word);

# Between its start and the first word that it hears it looks like one that hangs;
# so does one that fails to start again and again, whenever it is looked at.
def is_young($m; $started): ($m.main.age? // (if $started then $m.now - $started else null end)) as $age
  | $age != null and $age < 10 and ($m | main_stat | test("^[TD]") | not);

def alive_reason($m; $facts): ($facts.ready // "" | clean(8)) as $ready | ($m.pidfile[2]? // "" | tonumber? // null) as $started
  | if $ready == "0" then
      finding("info"; "pg.already"; "it runs and takes connections"; "Started \(if $started then "\($m.now - $started | seconds) ago" else "some time ago" end). It is left alone."; "") | stops(11)
    elif $ready == "1" or is_young($m; $started) then
      finding("info"; "pg.starting"; "it is starting already: a restart would begin anew"; ""; "wait; its log says how far it is") | stops(75)
    else
      finding("crit"; "pg.hung"; "its process is there and answers nothing: \($m | main_stat | stat_words)"; "Process \($m.pidfile[0] // "" | clean(12)).";
        "a person has to look before it is ended: it may wake up and take writes; ps -o stat,wchan on it, dmesg") | stops(20)
    end;

def low_reason($m; $facts): [$m.disks[] | select(.name != "log" and .kib > 0 and .free * 100 < .kib * ($facts.free | tonumber))]
  | if . == [] then empty else
      finding("crit"; "pg.disk_low"; "the disk is nearly full: do not restart"; map("\(disk_words), under \($facts.free)%") | join("; ");
        "free space first, not in pg_wal: recovery writes before it can serve") | stops(20) end;

def others_reason($facts): [$facts.others // "" | lines[] | select(endswith(" f")) | rtrimstr(" f")]
  | if . == [] then empty else
      finding("crit"; "pg.two_primaries"; "another primary is there: \(join(", ") | clean(120))"; "Started again, this one would take writes, too.";
        "a failover has happened: let the clients go there, and make this one its standby (pg_rewind)") | stops(21) end;

def reasons($facts): machine_of($facts) as $m
  | if $m.seen | not then
      finding("warn"; "pg.unseen"; "its machine could not be looked at"; $facts.machine_err // "" | clean(200); "") | stops(75)
    elif $m | is_managed then
      finding("info"; "pg.managed"; "\($m.managers | join(", ")) manages it: hands off"; ""; $m | managed_words) | stops(10)
    elif $m.data == "" or ($m.control["Database cluster state"] // "") == "" and ($m | is_alive | not) then
      $m | blind_conclusion | .finding | stops(if $m.data == "" or $m.folder == "closed" then 78 else 20 end)
    elif $facts.ready == "0" then alive_reason($m; $facts)
    else
      # A server that cannot write its log panics, starts, and panics again.
      ($m | disk_conclusions(true) | .finding | stops(20)),
      (if $m | is_alive then alive_reason($m; $facts) else empty end),
      low_reason($m; $facts), ($m | corruption_conclusion(true) | .finding | stops(20)),
      ($m | ended_conclusion | select(.class != "crashed" and .class != "out_of_memory") | .finding | stops(20)),
      others_reason($facts)
    end;

def safe_finding($m): ($m | memory_line) as $memory
  | finding("info"; "pg.restart_safe"; "\(if $memory then "the kernel killed it for want of memory" else "it crashed" end), \($m | disk_fine), no other primary was seen: it is restarted";
      "Its control file says \"\($m.control["Database cluster state"])\". \($memory // "" | clean(200))"; "");

# Says the first reason, or that there is none.
def before($facts): [reasons($facts)][0] as $no
  | if $no then $no.finding else safe_finding(machine_of($facts)) end;

def status($facts): [fault_reason, reasons($facts)][0] // {status: 0} | .status | tostring;

# ----------------------------------------------------------------- after it ---
def later_of($facts): $facts.later // "" | pg_machine;

# Whether it serves: "yes", "no" while it recovers, "dead".
def serves($facts): later_of($facts) as $m | ($m.control["Database cluster state"] // "") as $state
  | if $m | is_alive | not then "dead"
    elif $state | IN("in production", "in archive recovery") then "yes" else "no" end;

def timeline: .control["Latest checkpoint\u0027s TimeLineID"] // "" | clean(12);

def after($facts): machine_of($facts) as $m | later_of($facts) as $now
  | if ($now | timeline) != ($m | timeline) then
      finding("crit"; "pg.timeline"; "its timeline was \($m | timeline), and is \($now | timeline) now"; "A restart does not do that: it was promoted meanwhile."; "is there another primary?")
    elif serves($facts) == "dead" then
      finding("crit"; "pg.not_started"; "it was restarted, and is not running"; $now | start_failure | .line? // ""; "its log \($now.logfile)")
    elif serves($facts) == "no" then
      finding("warn"; "pg.recovering"; "it was restarted, and is still recovering"; "Its control file says \"\($now.control["Database cluster state"])\"."; "wait: each restart would begin anew")
    else
      finding("info"; "pg.restarted"; "it was restarted, and serves"; "Process \($now.pidfile[0] // "" | clean(12)), timeline \($now | timeline) as before."; "find out what ended it: its log \($m.logfile), the kernel\u0027s")
    end;
