# What lib/pg.sh saw of a PostgreSQL, for the runbooks of postgres/: where it
# is, what an answer of psql means, what its machine said about folders, disks,
# processes and the newest backup, and the command that starts it.

include "relevo";
include "look";

# ---------------------------------------------------------- where to look ---
# "key = 'value'" pairs, as libpq reads them.
def conninfo_pairs: [match("([A-Za-z_]+)\\s*=\\s*('((?:[^'\\\\]|\\\\.)*)'|((?:[^\\s'\\\\]|\\\\.)*))"; "g")
    | .captures as $part
    | {key: $part[0].string,
       value: ($part[2].string // $part[3].string // "" | gsub("\\\\(?<c>.)"; .c))}]
  | from_entries;

# postgresql://user:password@host:port,host:port/db?key=value
def conninfo_uri:
  (capture("^postgres(ql)?://((?<info>[^/?#]*)@)?(?<hosts>[^/?#]*)(/(?<db>[^?#]*))?([?](?<query>[^#]*))?")? // {})
  | ((.info // "") | (index(":") // length) as $at | [.[:$at], .[$at + 1:] // ""]) as $who
  | [.hosts // "" | split(",")[]
      | capture("^(\\[(?<six>[^\\]]*)\\]|(?<name>[^:]*))(:(?<port>[0-9]*))?$")?
      | {host: (.six // .name // ""), port: (.port // "")}] as $hosts
  | {host: ($hosts | map(.host) | join(",") | decoded), port: ($hosts | map(.port) | join(",")),
     user: ($who[0] | decoded), password: ($who[1] | decoded), encoded: $who[1],
     dbname: (.db // "" | decoded)}
  + ([.query // "" | split("&")[] | select(contains("=")) | split("=")
      | {key: .[0], value: (.[1:] | join("=") | decoded)}] | from_entries)
  | with_entries(select(.value != ""));

def conninfo: text
  | if test("^postgres(ql)?://") then conninfo_uri
    elif test("^\\s*[A-Za-z_]+\\s*=") then conninfo_pairs else {} end;

# Which of libpq's words are handed to psql as they are.
def handed_on: ["dbname", "user", "service", "sslmode", "sslrootcert", "sslcert", "sslkey",
  "sslcrl", "sslsni", "ssl_min_protocol_version", "channel_binding", "krbsrvname"];

# Blotted out: not a value.
def known: text | if test("^\\*+$") then "" else . end;

def pg_target($facts): (.check // {}) as $check | settings as $set
  # As it came: the password may be a part of a name, too.
  | ([$ARGS.named.url, $check.url?] | map(text | select(. != ""))[0] // "" | conninfo) as $url
  | ([$set | to_entries[] | select(.value | type | IN("string", "number", "boolean"))
      | .value |= text] | from_entries) as $set
  # As the plugin reads them: a role and a database of their own come first.
  | ($set + $url + ($set | with_entries(select(.key | IN("user", "dbname", "password"))))) as $all
  | (if ($set.sslmode // "auto") != "auto" then $set.sslmode
     else $url.sslmode // if $set["tls.ca_file"] then "verify-full"
       elif $set.service then null else "prefer" end end) as $mode
  | ($all + {sslmode: $mode, sslcert: ($set["tls.cert_file"] // $url.sslcert), sslkey: ($set["tls.key_file"] // $url.sslkey),
      sslrootcert: ($set["tls.ca_file"] // $url.sslrootcert
        // if $mode | text | startswith("verify") then "/etc/ssl/certs/ca-certificates.crt" else null end)}) as $all
  | (if ($all.host // "") != "" then $all.host elif $all.service or $all.hostaddr then $all.hostaddr // ""
     else $check.target?.host? // "" | text end) as $host
  | (if $all.port then $all.port else $check.target?.port? // "" | text end) as $port
  | {plugin: ($check.plugin? // "postgres" | word), host: ($host | word), port: ($port | word),
     attrs: ($all.target_session_attrs // "any" | word),
     password: ($all.password // "" | known | word), encoded: ($all.encoded // "" | known | word),
     passfile: ($all.passfile // "" | word), services: ($all.service_file // "" | word),
     conn: ([$all | to_entries[] | select(.key | IN(handed_on[])) | .value |= (known | word)
       | select(.value != "")] | from_entries)};

# Of a target: [{host, port}], at most six; ports may be fewer than hosts.
def pg_hosts: (.port | split(",")) as $ports
  | [.host | split(",") | to_entries[]
      | select(.value != "") | {host: .value,
          port: ($ports[.key] // $ports[0] // "" | if test("^[0-9]+$") then . else "5432" end)}]
  | .[:6];

# Of a target: libpq's words for all of its hosts.
def pg_conninfo: .conn + {gssencmode: "disable"} | to_entries
  | map("\(.key)=\u0027\(.value | gsub("(?<c>[\u0027\\\\])"; "\\\(.c)"))\u0027") | join(" ");

# "host:port host" of a parameter, as pg_hosts.
def pg_more_hosts($hosts): [$hosts | splits("[ ,]+") | select(. != "")
    | (capture("^(\\[(?<six>[^\\]]*)\\]|(?<name>[^:]*))(:(?<port>[0-9]+))?$")? // {name: .})
    | {host: (.six // .name | word), port: (.port // "5432")} | select(.host != "")] | .[:6];

# Of a target: a StartupMessage for that user.
def pg_hello: (.conn.user // "relevo") as $user | (.conn.dbname // $user) as $db
  | "user\u0000\($user)\u0000database\u0000\($db)\u0000\u0000"
  | if utf8bytelength > 110 then "user\u0000relevo\u0000\u0000" else . end
  | "\u0000\u0000\u0000\([utf8bytelength + 8] | implode)\u0000\u0003\u0000\u0000\(.)";

# What pg_where of pg.sh reads: lines, at the end the hosts, those of $more last.
def pg_lines($facts; $more): pg_target($facts) as $target | ($target | pg_hosts) as $hosts
  | $target.plugin, $target.password, $target.encoded, $target.passfile, $target.services,
    ($target | del(.password, .encoded) | tojson), ($target | pg_conninfo),
    ($target | pg_hello | @base64), ($hosts | length | tostring),
    (($hosts + pg_more_hosts($more))[] | "\(.host)\t\(.port)");

# ------------------------------------------------------------- what it says ---
# Bytes of an ErrorResponse that came without a login: its SQLSTATE, whatever
# the server's language. Null where there is none.
def raw_state: split("\u0000") | map(select(test("^C[0-9A-Z]{5}$")))[0] // null | .[1:]?;

# What a SQLSTATE of a refused login says; null where it says nothing.
def state_kind: text | {"57P03": "starting", "57P01": "stopping", "53300": "too_many", "3D000": "no_database"}[.]
  // if startswith("28") then "auth" else null end;

# What a login came to: one word. $said is psql's text, $state a SQLSTATE that
# the server gave without a login, or null; psql does not say it.
def pg_kind($said; $status; $state): ($said // "" | text) as $said
  | def says($re): $said | test($re; "i");
    if $status == "0" then "in"
    elif $status == null or $status == "125" then null
    elif says("starting up|not yet accepting connections|in recovery mode") then "starting"
    elif says("is shutting down|due to administrator command") then "stopping"
    elif says("too many clients|remaining connection slots|too many connections for|no more connections allowed") then "too_many"
    elif says("database \".*\" does not exist") then "no_database"
    elif says("server login has been failing|cannot connect to server") then "pooler" # pgbouncer's words
    elif says("authentication failed|no password supplied|no pg_hba.conf entry|role \".*\" does not exist|not permitted to log in|rejects connection|permission denied for database") then "auth"
    elif says("wraparound data loss") then "wraparound"
    elif says("could not translate host name|Name or service not known") then "dns"
    elif $state | state_kind then $state | state_kind
    elif says("No space left on device|53100") then "disk_full"
    elif says("Connection refused") then "refused"
    elif says("No such file or directory") then "no_socket"
    elif says("Permission denied") then "socket_forbidden"
    elif says("No route to host|Network is unreachable") then "unreachable"
    elif says("certificate") then "certificate"
    elif says("SSL") then "tls"
    elif says("timeout expired") or $status == "124" or $status == "137" then "timeout"
    elif says("closed the connection|reset by peer|could not receive data") then "closed"
    else "other" end;

# ---------------------------------------------------------------- machine ---
# The sections that pg_machine.sh printed, as one object of texts.
def sections: reduce ((. // "") | split("\n")[]) as $line ({at: null, all: {}};
    if $line | startswith(" ") then
      (if .at then .all[.at] += [$line[1:]] else . end)
    elif $line | test("^[a-z]+$") then .at = $line | .all[$line] = []
    else . end)
  | .all | map_values(join("\n"));

# Lines "name value" as an object.
def pairs: [(. // "") | lines[] | capture("^(?<key>[a-z]+) (?<value>.*)$")?] | from_entries;

def control: [(. // "") | lines[] | capture("^(?<key>[^:]*): *(?<value>.*)$")?] | from_entries;

def disks: [(. // "") | lines[] | split("\t") | select(length >= 8)
  | {name: .[0], folder: .[1], kib: (.[2] | tonumber? // 0), free: (.[3] | tonumber? // 0),
     inodes: (.[4] | tonumber? // 0), inodes_free: (.[5] | tonumber? // 0), mode: .[6], at: .[7]}];

def processes: [(. // "") | lines[] | [splits(" +")] | map(select(. != "")) | select(length >= 7)
  | {pid: .[0], parent: .[1], stat: .[2], age: (.[3] | tonumber? // 0), user: .[4],
     waits: .[5], title: (.[6:] | join(" "))}];

def is_postmaster: .title | test("^[^ ]*(postgres|postmaster)( |$)");

# All that the machine said, understood. .seen: whether it said anything.
def pg_machine: sections as $all
  | ($all.data // "" | split("\n")) as $data
  | ($all.cluster // "" | [splits(" +")] | if length >= 5 then . else null end) as $cluster
  | ($all.processes | processes) as $processes
  | ($all.pidfile // "" | split("\n")) as $pidfile
  | ($processes | map(select(is_postmaster
      and (.pid == $pidfile[0] or ($data[0] != "" and ("\(.title) " | contains(" -D \($data[0]) "))))))[0]) as $main
  | {seen: ($all.now != null), now: ($all.now // "0" | tonumber? // 0),
     uptime: ($all.uptime // "0" | tonumber? // 0), user: ($all.user // ""), machine: ($all.machine // ""),
     data: ($data[0] // ""), found: ($data[1] // ""), cluster: $cluster,
     readable: ($all.files // "" | contains("PG_VERSION")),
     files: ($all.files // "" | lines | map(sub(".*/"; ""))),
     sees_processes: ($all.processes != null), main: $main,
     children: (if $main then $processes | map(select(.parent == $main.pid)) else [] end),
     left: (if $main then [] else $processes | map(select(is_postmaster | not)
       | select(.parent == "1")) end),
     folder: ($all.folder // ""), stopped: ($all.stopped // "" | tonumber? // null),
     managers: ($all.managers // "" | lines), service: ($all.service // "" | lines
       | map(capture("^(?<key>[A-Za-z]+)=(?<value>.*)$")?) | from_entries),
     memory: ($all.memory // "" | lines), pidfile: $pidfile, pidstate: $all.pidstate,
     disks: ($all.disks | disks), control: ($all.control | control),
     wal: ($all.wal // "" | [splits(" +")]), programs: ($all.programs // ""),
     logfile: ($all.logfile // ""), log: $all.log,
     backup: ($all.backup | pairs), pgbackrest: $all.pgbackrest};

# ------------------------------------------------------------------- words ---
# "26h", "90m", "1d": seconds; null for what is none.
def duration: (text | capture("^(?<n>[0-9]{1,7})(?<unit>[smhd]?)$")?) // null
  | if . == null then null
    else (.n | tonumber) * {"": 1, s: 1, m: 60, h: 3600, d: 86400}[.unit] end;

def seconds: if . < 0 then "0 s" elif . < 120 then "\(round) s"
  elif . < 7200 then "\(. / 60 | round) min"
  elif . < 172800 then "\(. / 3600 | round) h" else "\(. / 86400 | round) days" end;

# ------------------------------------------------------------------ backup ---
# The stanza of pgbackrest's JSON; null where that is none.
def pgbackrest_stanza: [. // "" | fromjson? | arrays | .[0]? | objects][0];

# The newest backup of pgbackrest's JSON: {time, readable, why, count}.
def pgbackrest_newest: pgbackrest_stanza as $stanza
  | ($stanza.backup // [] | map(select(.timestamp.stop? | type == "number"))) as $backups
  | ($backups | max_by(.timestamp.stop)) as $newest
  | if $stanza == null then
      {kind: "none", why: "pgbackrest does not answer: \(. // "" | clean(200))"}
    elif ($stanza.status.code? // 99) != 0 then
      {kind: (if $newest then "pgbackrest" else "none" end), time: $newest.timestamp.stop?,
       readable: "no", why: ($stanza.status.message? // "its status is not ok" | clean(200))}
    elif $newest == null then {kind: "none", why: "the stanza has no backup"}
    else {kind: "pgbackrest", path: $newest.label, time: $newest.timestamp.stop,
      count: ($backups | length)}
      + (if $newest.error == true then {readable: "no", why: "it was taken with errors: pages that do not fit their checksum"}
         else {readable: "yes"} end)
    end;

# Of pg_machine: {kind, path, time, readable, why}; null where none was asked for.
def pg_backup: if .backup.kind == "pgbackrest" then .pgbackrest | pgbackrest_newest
  elif .backup.kind then .backup | .time = (.time // "" | tonumber? // null)
  else null end;

# "newest backup 3 h old and readable"; $rpo: how old it may be, or null.
def backup_words($now; $rpo): if . == null then "backups were not looked at"
  elif .kind == "none" then "no backup was found"
  else "newest backup \(if .time then "\($now - .time | seconds) old\(if $rpo and $now - .time > $rpo then " (more than \($rpo | seconds))" else "" end)" else "of unknown age" end)"
    + (if .readable == "yes" then " and readable" elif .readable == "no" then ", which cannot be read"
       else ", not read to its end" end) end;

# ------------------------------------------------------------------ start ---
# Of pg_machine: the command that starts it, run on its own machine.
def pg_start: .cluster as $c
  | if .service.LoadState == "loaded" and $c then "systemctl start postgresql@\($c[0])-\($c[1])"
    elif $c then "pg_ctlcluster \($c[0]) \($c[1]) start"
    elif .programs != "" and .data != "" then
      (if .user == "root" then "runuser -u postgres -- " else "" end)
        + "\(.programs)/pg_ctl -D \(.data)\(if .logfile != "" then " -l \(.logfile)" else "" end) -w start"
    elif .service.LoadState == "loaded" then "systemctl start \(.service.Id)"
    else "" end;
