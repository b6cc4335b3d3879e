# What redis/diagnose concludes. Input of each: the runbook's context
# (relevo.runbook/1); $facts is what lib/look.jq made of the looks. `late` says
# the findings of all conclusions and the class of the first that has one.

include "relevo";
include "look";

# ---------------------------------------------------------- where to look ---
def not_blotted: if test("^\\*+$") then "" else . end;

# [user, password, password as it was written]
def user_info: ((text | capture("^[A-Za-z]+://(?<info>[^/?#]*)@")?) // {info: ""})
  | .info | (index(":") // length) as $at
  | [(.[:$at] | decoded), (.[$at + 1:] // "" | decoded), (.[$at + 1:] // "")]
  | map(not_blotted);

def where($facts): (.check // {}) as $check | settings as $set
  | ([$facts.url, $check.url?] | map(text | select(. != ""))[0] // "") as $given
  | ($given | url_parts) as $url | ($given | user_info) as $who
  | (if $url.scheme != "" then $url.host else $set.host // $check.target?.host? // "" end) as $host
  | (if $url.scheme == "unix" then $url.path | decoded
     elif $host | text | startswith("/") then $host else "" end) as $socket
  | (if $url.scheme != "" then $url.port else $set.port // $check.target?.port? // "" end
      | text | if test("^[0-9]+$") then . else "6379" end) as $port
  | (($url.query | capture("(^|&)db=(?<db>[0-9]+)")? | .db)
      // ($url.path | select($url.scheme != "unix") | capture("^/(?<db>[0-9]+)$")? | .db)
      // $set.db // "0") as $db
  | [$check.plugin? // "redis", $socket, (if $socket == "" then $host else "" end),
     $port, (if $set.username then $set.username else $who[0] end),
     ($db | text | if test("^[0-9]+$") then . else "0" end),
     (if $url.scheme == "rediss" or ($set["tls.enabled"] | text) == "true" then "yes" else "no" end),
     ($set["tls.server_name"] // ($host | text | if test("^[0-9.]+$|:") then "" else . end)),
     $set["tls.ca_file"], $set["tls.cert_file"], $set["tls.key_file"],
     ($set["tls.verify"] // "true"), $who[1], $who[2]]
  | map(word);

def place_of($facts): where($facts) as $w
  | if $w[1] != "" then $w[1] else $w[2] | place($w[3]) end;

def taken: .curl?.time_connect? // 0 | . > 0;

# ------------------------------------------------------------ what it says ---
def reply_kind($facts): ($facts.ping // "" | split("AUTH failed: ") | join("\n")) as $said
  | ($facts.tries | map(.said? // "") | join("\n")) as $unasked
  | def says($re): $said | test($re);
    if $facts.ping == null or $facts.ping_exit == "125" then null
    elif says("max number of clients") or ($unasked | test("max number of clients")) then "max_clients"
    elif says("DENIED") or ($unasked | test("-DENIED")) then "denied"
    elif says("WRONGPASS|invalid password") then "wrongpass"
    elif says("NOAUTH") then "noauth"
    elif says("NOPERM") then "noperm"
    elif says("(^|\n)PONG") then "pong"
    elif says("(^|\n)(LOADING|BUSY|MASTERDOWN|MISCONF) ") then
      $said | capture("(^|\n)(?<word>LOADING|BUSY|MASTERDOWN|MISCONF) ")
        | .word | ascii_downcase
    elif where($facts)[6] == "no" and ($unasked | startswith("\u0015")) then "closed"
    elif says("certificate") then "certificate"
    elif ($unasked | test("^[+]PONG|^-[A-Z]+ ")) and where($facts)[6] == "yes" then "plain"
    elif says("SSL|TLS") then "tls"
    elif says("No such file") then "no_socket"
    elif says("temporarily unavailable") then "queue_full"
    elif says("Permission denied") then "socket_forbidden"
    elif says("refused") then "refused"
    elif $facts.ping_exit == "124" then "hung"
    elif says("closed the connection|reset by peer|Broken pipe|I/O error") or ($said | clean(10)) == "" then "closed"
    else "other" end;

# INFO as an object of texts; a refusal ("ERR …: …") is none.
def fields: reduce (. // "" | split("\n")[] | rtrimstr("\r")) as $line ({};
  ($line | index(":")) as $at
  | if $at == null or ($line[:$at] | index(" ")) then .
    else .[$line[:$at]] = $line[$at + 1:] end);

def number($key): .[$key] // "" | tonumber? // null;

# ---------------------------------------------- a reply that says it all ---
def access_conclusion($kind; $where; $said):
  if $kind == "max_clients" then
    finding("crit"; "redis.max_clients"; "\($where) has no connection left to give: its limit maxclients is reached"; $said;
      "who holds them? CLIENT LIST on the machine itself (a connection that is open already still works); a pool that leaks, or a deployment that doubled them; then raise maxclients and the limit of open files")
    | concludes("overloaded:clients"; 0.95)
  elif $kind == "denied" then
    finding("crit"; "redis.denied"; "\($where) is in protected mode: it answers only its own machine"; $said;
      "set a password and bind to the address that is meant; it was reachable from here, so look at the firewall, too")
    | concludes("forbidden"; 0.95)
  elif $kind == "wrongpass" then
    finding("crit"; "redis.wrongpass"; "\($where) does not accept the user or the password"; $said;
      "the password was changed on one side only, or the user is disabled: ACL LIST on the server")
    | concludes("credentials"; 0.9)
  elif $kind == "noauth" then
    finding("crit"; "redis.noauth"; "\($where) wants a password, and this diagnosis has none"; $said;
      "where the check has one, give it to the runbook, too: params = { password = { file = \"…\"; }; }; where it has none, requirepass was set meanwhile")
    | concludes("credentials"; 0.7)
  elif $kind == "noperm" then
    finding("warn"; "redis.noperm"; "the user may not do what the check does"; $said;
      "ACL GETUSER on the server; the check's page lists what it needs")
    | concludes("forbidden"; 0.7)
  else empty end;

def loading_eta: fields
  | number("loading_eta_seconds") as $eta
  | (if .loading_loaded_perc then "\(.loading_loaded_perc | rtrimstr("%"))% are loaded" else "How much is not known" end)
    + (if $eta then ", the server expects \($eta) s more." else "." end);

def state_conclusion($kind; $where; $said; $facts):
  if $kind == "loading" then
    finding("warn"; "redis.loading"; "\($where) was started just now and reads its data from disk"; ($facts.info | loading_eta);
      "wait; do not restart it, that begins anew. Then find out why it had stopped: its log, the kernel's (out of memory)")
    | concludes("starting"; 0.95)
  elif $kind == "busy" then
    finding("crit"; "redis.busy"; "a script holds \($where): it answers nothing else"; $said;
      "SCRIPT KILL ends one that has written nothing yet; one that has can only be ended by SHUTDOWN NOSAVE, which loses data: a decision for a person")
    | concludes("busy_script"; 0.95)
  elif $kind == "masterdown" then
    finding("crit"; "redis.masterdown"; "\($where) is a replica without its primary, and is not to show old data"; $said;
      "the primary is what is ill: look there; replica-serve-stale-data yes lets this one answer meanwhile")
    | concludes("primary_down"; 0.9)
  else empty end;

def transport_conclusion($kind; $where; $said; $facts):
  if $kind | IN("hung", "queue_full") then
    (if $kind == "hung" then
       {title: "takes the connection and answers nothing",
        detail: "No reply to PING within \($facts.ping_ms) ms. The kernel takes connections, the process does not serve them."}
     else
       {title: "takes no more connections: its queue is full",
        detail: "Somebody listens there, so the process is up, and does not accept those that wait."} end) as $what
    | finding("crit"; "redis.hung"; "\($where) \($what.title)"; $what.detail;
      "on its machine: is it stopped (ps -o stat, T), in a slow command (it has one thread), swapping, or waiting for a disk (appendfsync always, D)? Look before restarting, that destroys the evidence")
    | concludes("hung"; 0.9)
  elif $kind == "plain" then
    finding("crit"; "redis.plain"; "\($where) speaks without TLS, the check wants TLS"; $said; "redis:// instead of rediss://, or tls-port in the server's configuration")
    | concludes("tls"; 0.95)
  elif $kind | IN("tls", "certificate") then
    finding("crit"; "redis.\($kind)"; "TLS with \($where) fails"; $said;
      "openssl s_client -connect \($where): dates, names, issuer; does the server ask for a certificate of ours (tls-auth-clients)?")
    | concludes($kind; 0.85)
  elif $kind == "closed" then
    finding("crit"; "redis.closed"; "\($where) takes the connection and hangs up without an answer"; $said;
      (if where($facts)[6] == "yes" then "does the server ask for a certificate of ours (tls-auth-clients)? tls.cert_file is what shows one."
       else "a port with TLS does this to a client without: rediss://?" end)
      + " Else a proxy without a server behind it, or a process that crashes")
    | concludes("closed"; 0.7)
  elif $kind | IN("no_socket", "refused", "socket_forbidden") then
    finding("crit"; "redis.\($kind)"; (if $kind == "socket_forbidden" then "the monitor's user may not use \($where)" else "nobody listens at \($where)" end); $said;
      (if $kind == "socket_forbidden" then "unixsocketperm, and the group of the socket" else "systemctl status redis-server; its log; df -h: a full disk stops it, too" end))
    | concludes(if $kind == "socket_forbidden" then "forbidden" else "not_listening" end; 0.9)
  elif $kind == "other" then
    finding("crit"; "redis.error"; "\($where) answers PING with an error"; $said; "") | concludes("error_response"; 0.5)
  else empty end;

# ------------------------------------------------------ what INFO points at ---
def disk($facts): [($facts.df, $facts.df_inodes) // "" | [splits(" +")]
    | select(length >= 6) | {used: (.[4] | rtrimstr("%") | tonumber? // 0), at: .[5:] | join(" ")}]
  | max_by(.used) // null;

def persistence_conclusions($code; $facts):
  disk($facts) as $disk
  | (if $disk == null then "" else " \($disk.at | clean(80)) is \($disk.used)% full here." end) as $here
  | if .rdb_last_bgsave_status == "err" then
      finding("crit"; "redis.misconf"; "the last snapshot failed" + (if $disk != null and $disk.used >= 98 then ": the disk is full" else "" end);
        "Unless stop-writes-on-bgsave-error is off, writes are refused with MISCONF; reads go on.\($here) \(.rdb_changes_since_last_save // "?") changes are not saved.";
        "on its machine: df -h and df -i of its dir, and the log's line after \"Background saving error\" (No space left, Permission denied, Cannot allocate memory); free that first, then BGSAVE")
      | concludes("disk:snapshots"; if $disk != null and $disk.used >= 98 then 0.95 else 0.85 end)
    elif .aof_last_write_status == "err" then
      finding("crit"; "redis.aof"; "the append-only file cannot be written"; "Writes are refused until it can.\($here)"; "df -h and df -i of its dir; free that first")
      | concludes("disk:aof"; 0.9)
    elif $code == "MISCONF" then
      finding("warn"; "redis.misconf"; "writes were refused with MISCONF; snapshots succeed by now"; $here; "look at the disk's history") | remark
    elif $disk != null and $disk.used >= 95 then
      finding("warn"; "redis.disk"; "the disk of its snapshots is \($disk.used)% full"; $disk.at; "free some before a snapshot fails") | remark
    else empty end;

def memory_conclusions($code; $later):
  number("used_memory") as $used | number("maxmemory") as $most
  | ((($later | number("evicted_keys")) - number("evicted_keys"))? // 0) as $evicted
  | if $most != null and $most > 0 and $used >= 0.98 * $most and .maxmemory_policy == "noeviction" then
      finding("crit"; "redis.memory"; "its memory is full: \($used | bytes) of \($most | bytes), and nothing may be evicted";
        "Writes are refused with OOM; reads go on.";
        "which keys? redis-cli --memkeys-samples 1000; give those an end (EXPIRE), raise maxmemory, or, for a cache, set maxmemory-policy")
      | concludes("memory_full"; 0.9)
    elif $code == "OOM" then
      finding("crit"; "redis.memory"; "writes were refused for lack of memory"; "Now \($used // 0 | bytes) of \($most // 0 | bytes), policy \(.maxmemory_policy).";
        "with a volatile policy only keys that have an end can be evicted") | concludes("memory_full"; 0.8)
    elif $evicted > 0 then
      finding("warn"; "redis.evictions"; "keys are being evicted now: \($evicted) during this look";
        "\($used // 0 | bytes) of \($most // 0 | bytes), policy \(.maxmemory_policy)."; "a cache may; for anything else raise maxmemory, or move what grows")
      | concludes("memory:evicting"; 0.5)
    else empty end;

# The connection that has the most output waiting for it.
def biggest_buffer: [. // "" | lines[] | select(startswith("id="))
    | [capture("(?<key>[a-z-]+)=(?<value>[^ ]*)"; "g")] | from_entries
    | {addr, name, cmd, sub: (.sub // "0"), omem: (.omem // "0" | tonumber? // 0)}]
  | max_by(.omem) // {omem: 0};

def client_conclusions($facts):
  number("connected_clients") as $n | number("maxclients") as $most
  | number("blocked_clients") as $blocked | ($facts.clients | biggest_buffer) as $big
  | (if $most != null and $most > 0 and $n >= 0.9 * $most then
       finding("warn"; "redis.clients"; "\($n) of \($most) connections are in use"; "";
         "CLIENT LIST: which addresses hold most, and how long idle? A pool that leaks grows without an end")
       | concludes("overloaded:clients"; 0.6) else empty end),
    (if $blocked != null and $blocked > 0 then
       finding("info"; "redis.blocked"; "\($blocked) clients wait in a blocking command"; "Of BLPOP and the like that is what they are for.";
         "many more than usual: nobody fills the queue that they wait for") | remark else empty end),
    (if $big.omem > 1048576 then
       finding("warn"; "redis.output_buffer"; "a client does not read what it is sent: \($big.omem | bytes) wait for it";
         "\($big.addr | clean(60)), name \"\($big.name | clean(40))\", last command \($big.cmd | clean(30)), \($big.sub) subscriptions.";
         "it is slow or hangs; Redis drops it at client-output-buffer-limit, and a subscriber then misses messages")
       | concludes("client:slow_reader"; 0.5) else empty end);

def replica_conclusion($code): (.master_link_status // "") as $link
  | number("master_link_down_since_seconds") as $down
  | "\(.master_host | clean(80)):\(.master_port)" as $primary
  | if $link == "down" then
      finding("crit"; "redis.link"; "this is a replica, and its link to the primary \($primary) is down\(if $down != null and $down >= 0 then " for \($down) s" else "" end)";
        (if .master_sync_in_progress == "1" then "It is taking over the whole data set." else "What it answers may be old." end);
        "is the primary up, and does it let this one in (masterauth)? Its log says why")
      | concludes("replication:link_down"; 0.8)
    elif $code == "READONLY" then
      finding("crit"; "redis.readonly"; "this is a replica now: the check writes to the wrong server"; "Its primary is \($primary), the link is \($link | clean(10)).";
        "a failover changed the roles: let clients ask a sentinel, or point the name at the primary")
      | concludes("readonly"; 0.95)
    else empty end;

def replication_conclusions($code; $facts):
  (number("connected_slaves") // 0) as $connected | number("min_slaves_good_slaves") as $good
  | [to_entries[] | select(.key | test("^slave[0-9]+$")) | .value
     | [capture("(?<key>[a-z_]+)=(?<value>[^,]*)"; "g")] | from_entries] as $replicas
  | ($replicas | map(.lag | tonumber? // 0) | max // 0) as $lag
  | if .role == "slave" then replica_conclusion($code)
    elif $code == "NOREPLICAS" or ("\($facts.ping // "")\($facts.publish // "")" | test("NOREPLICAS")) then
      finding("crit"; "redis.noreplicas"; "fewer good replicas than min-replicas-to-write: writes are refused";
        "\($connected) connected\(if $good != null then ", \($good) good" else "" end).";
        "bring the replicas back; lowering min-replicas-to-write risks writes that a failover loses")
      | concludes("no_replicas"; 0.95)
    elif $lag >= 10 or ($replicas | any(.state != "online")) then
      finding("warn"; "redis.lag";
        (if $lag >= 10 then "a replica was last heard of \($lag) s ago" else "a replica is not online yet: it is taking over the data set" end);
        ($replicas | map("\(.ip):\(.port) \(.state), \(.lag) s") | join("; ")); "its machine (stopped, swapping?), its disk, the network between")
      | concludes("replication:lag"; 0.5)
    else empty end;

def cluster_conclusion($code; $cluster): ($cluster | fields) as $is
  | if $is.cluster_state == "fail" then
      finding("crit"; "redis.clusterdown"; "the cluster is down: \($is.cluster_slots_assigned | clean(9)) of 16384 slots have a node, \($is.cluster_slots_ok | clean(9)) one that is up";
        "As this node sees it, which knows \($is.cluster_known_nodes | clean(9)), itself too. Reading and writing keys is refused with CLUSTERDOWN.";
        "redis-cli --cluster check on any node; start the node that is missing, or let a replica take over")
      | concludes("cluster_down"; 0.9)
    elif $code == "CLUSTERDOWN" then
      finding("info"; "redis.clusterdown"; "keys were refused with CLUSTERDOWN; the cluster is well by now"; ""; "why was a node away? Its log") | remark
    elif $code | IN("MOVED", "ASK", "TRYAGAIN") then
      finding("warn"; "redis.moved"; "the key that the check asks for is another node's"; "Slots move when a cluster is resharded, and at a failover.";
        "CLUSTER KEYSLOT and CLUSTER SLOTS say which; a hash tag in key_prefix leads to a slot of this node")
      | concludes("moved"; 0.8)
    else empty end;

def restart_conclusion($run_id): number("uptime_in_seconds") as $up
  | if $up != null and ($up < 120 or ($run_id != null and .run_id != $run_id)) then
      finding("warn"; "redis.restarted"; "it was started \($up) s ago\(if $run_id != null and .run_id != $run_id then ", since the last good result" else "" end)"; "";
        "why? Its log; the kernel's (out of memory); a deployment") | remark
    else empty end;

# -------------------------------------------------------- slow, and pub/sub ---
def slow_conclusions($facts):
  ([$facts.slowlog // "" | fromjson? | arrays | .[] | arrays
    | {at: .[1], us: .[2], command: (.[3][0]? | clean(30)), words: (.[3] | length)}
    | select((.at | numbers) > now - 600 and (.us | numbers) >= 100000)] | max_by(.us)) as $slow
  | ([$facts.latency // "" | fromjson? | arrays | .[] | arrays
      | {event: (.[0] | clean(40)), at: .[1], ms: .[2]}
      | select((.at | numbers) > now - 600)] | max_by(.ms)) as $event
  | ($facts.ping_ms // "0" | tonumber) as $ping
  | (if $slow then
       finding("warn"; "redis.slow_command"; "\($slow.command) took \($slow.us / 1000 | round) ms, and nobody else was served meanwhile";
         "\(now - $slow.at | round) s ago, with \($slow.words) words."; "SLOWLOG GET has it in full; SCAN instead of KEYS, UNLINK instead of DEL, less at a time")
       | concludes("slow:command"; 0.6) else empty end),
    (if $event then
       finding("warn"; "redis.latency_event"; "the server itself stood still: \($event.event), \($event.ms) ms"; "\(now - $event.at | round) s ago."; "LATENCY DOCTOR explains it")
       | concludes("slow:\($event.event)"; 0.5) else empty end),
    (if $ping > 1000 and reply_kind($facts) == "pong" then
       finding("warn"; "redis.slow_ping"; "a new connection with PING took \($ping) ms"; ""; "the load of its machine, and the path") | concludes("slow:ping"; 0.4)
     else empty end);

def pubsub_conclusion($facts):
  "\($facts.subscribe // "") \($facts.publish // "")" as $said
  | if $facts.publish == null or $facts.pubsub_ms != null or ($said | clean(9)) == "" then empty
    elif ($said | test("subscribe") | not) or ($facts.publish | test("^[0-9]+\\s*$") | not) then
      finding("info"; "redis.pubsub_unknown"; "whether messages get through was not seen: the server refuses the try"; $said; "") | remark
    else
      finding("crit"; "redis.pubsub"; "a message that was published did not arrive on another connection"; "PING is answered all the same. \($said | clean(200))";
        "a proxy that speaks Redis and has no pub/sub? Else CLIENT LIST TYPE pubsub, and MONITOR for a moment")
      | concludes("pubsub"; 0.85)
    end;

# ------------------------------------------------------------------- parts ---
def reach_conclusions($facts; $port):
  [$facts.tries[] | {seen: ., fate: (if taken then null else reach_fate // "connect" end)}] as $all
  | ($all | map(select(.fate != null and .fate != "skipped"))) as $bad
  | ($bad[] | .fate as $fate | .seen | reach_finding($facts; $port; $fate; "redis")
      | if $all | any(.fate == null) then remark else concludes($fate | reach_class; 0.85) end),
    ($all | one_address("redis"));

# Where there is no INFO, the refusals themselves are all there is.
def code_conclusion($code; $said):
  ({OOM: "memory_full", READONLY: "readonly", NOREPLICAS: "no_replicas",
    CLUSTERDOWN: "cluster_down", MOVED: "moved"}[$code]
   // if "\($code) \($said)" | test("MISCONF") then
        (if $said | test("AOF") then "disk:aof" else "disk:snapshots" end)
      else empty end) as $class
  | finding("warn"; "redis.code"; "what the check was told is all that is known: \(if $class | startswith("disk") then "MISCONF" else $code end)"; $said;
      "the page of this diagnosis has what to do about \($class)")
  | concludes($class; 0.5);

def info_conclusions($facts): (.result?.code? | text) as $code
  | ((.last_good?.observations?.run_id? | strings) // null) as $run_id
  | ($facts.info | fields) as $info | ($facts.info_later | fields) as $later
  | if ($info | length) == 0 then
      (if $facts.info | clean(9) == "" then empty else
        (finding("info"; "redis.no_info"; "the server does not offer INFO"; $facts.info; "a managed server: its own console has what INFO would say") | remark),
        code_conclusion($code; $facts.ping | clean(300)) end)
    else $info
      | persistence_conclusions($code; $facts), memory_conclusions($code; $later),
        replication_conclusions($code; $facts),
        cluster_conclusion($code; $facts.cluster), client_conclusions($facts),
        restart_conclusion($run_id)
    end;

def reply_conclusion($facts): reply_kind($facts) as $kind
  | place_of($facts) as $where | ($facts.ping // "" | clean(300)) as $said
  | if $kind == null then empty
    else access_conclusion($kind; $where; $said),
         state_conclusion($kind; $where; $said; $facts),
         transport_conclusion($kind; $where; $said; $facts) end;

def conclusions($facts): where($facts) as $w
  | reach_conclusions($facts; $w[3]), reply_conclusion($facts),
    (if $facts.no_client then
       finding("warn"; "redis.no_client"; "redis-cli is not installed: what the server itself says was not seen"; ""; "apt-get install redis-tools") | remark
     else empty end),
    (if settings.proxy then
       finding("info"; "redis.proxy"; "the check goes through a proxy, this diagnosis does not"; ""; "") | remark else empty end),
    info_conclusions($facts), pubsub_conclusion($facts), slow_conclusions($facts);

def metrics($facts): ("ping_ms", "pubsub_ms") as $name
  | $facts[$name] | select(. != null) | metric("redis.\($name)"; tonumber; "ms");

def early($facts): if type != "object" then error("not an object") else seen_by_check("redis") end;

def late($facts): where($facts) as $w | [conclusions($facts)] as $all
  | ($all | map(select(.class != null))[0]) as $first
  | (if $w[1] == "" then name_findings($facts; $w[2]; "redis") else empty end),
    $all[].finding, metrics($facts),
    (if $first then verdict($first.class; $first.sure)
     elif reply_kind($facts) == "pong" then
       finding("info"; "redis.well_now"; "it answers well from here now";
         "PING \($facts.ping_ms) ms with the connection\(if $facts.pubsub_ms then ", a message got through in \($facts.pubsub_ms) ms" else "" end).";
         "a passing failure, or one that only the check's own command or expectations meet")
     else empty end);
