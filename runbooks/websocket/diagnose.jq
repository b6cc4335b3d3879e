# What websocket/diagnose concludes. Input of each: the runbook's context
# (relevo.runbook/1); $facts is what lib/look.jq made of the looks. `early`
# reads only the failing answer; `late` also what was seen from here.

include "relevo";
include "look";

# ---------------------------------------------------------- where to look ---
def given($facts): [$facts.url, .check?.url?] | map(text | select(. != ""))[0] // "";

def parts($facts): settings as $set | (.check?.target? // {}) as $target
  | (given($facts) | url_parts) as $url
  | (if $url.scheme == "" then $target.host else $url.host end | word) as $host
  | (if $url.scheme | IN("wss", "https") then "wss" else "ws" end) as $scheme
  | {$host, $scheme, plugin: (.check?.plugin? // "websocket"),
     port: (if $url.port != "" then $url.port
            elif $url.scheme == "" and $target.port then "\($target.port)"
            elif $scheme == "wss" then "443" else "80" end),
     goal: ((if $url.path == "" then "/" else $url.path end)
       + (if $url.query == "" then "" else "?" + $url.query end)),
     origin: $set.origin, name: ($set["tls.server_name"] // $host),
     ca_file: $set["tls.ca_file"], verify: ($set["tls.verify"] // "true")};

def where($facts): parts($facts)
  | [.plugin, .scheme, .host, .port, .goal, .origin, .name, .ca_file, .verify]
  | map(word);

# A line for curl -K: no argument shows the URL.
def curl_url($facts): parts($facts)
  | (if .name | contains(":") then "[\(.name)]" else .name end) as $name
  | "url = \("http\(if .scheme == "wss" then "s" else "" end)://\($name):\(.port)\(.goal)" | word | tojson)";

# Of a URL that is a secret: its query's values and its user information.
def url_secrets($facts): ($facts.url // "" | word) as $url
  | [($url | select(. != "")),
     ($url | url_parts | .query | splits("&") | sub("^[^=]*="; "")),
     ($url | capture("^[A-Za-z]+://(?<info>[^/?#]*)@")? | .info | ., splits(":"))];

# -------------------------------------------------------------- a journey ---
def spent: [.result?.phases? | objects | to_entries[]
    | select(.value | type == "number") | "\(.key | rtrimstr("_ms")) \(.value | round) ms"]
  | join(", ");

def evidence($name): [.result?.evidence? | arrays | .[] | objects
  | select(.label == $name) | .text | strings][0] // "";

def journey($map): (.result?.code? | text) as $code | (.result?.fault? | text) as $fault
  | settings as $set | ($set.trigger | text | clean(60)) as $trigger | spent as $spent
  | if $code == "deliver" then
      finding("crit"; "websocket.deliver"; "subscribed and published, and nothing arrived: the gateway lost its subscription";
        "The gateway answers its client, the server that publishes took the message. \($spent)";
        "on the server that publishes: PUBSUB NUMSUB of the channel; 0 is a gateway that did not subscribe again after its connection broke: restart the gateway, not Redis"),
      verdict("gateway:subscription"; 0.9),
      (runbook_for(["gateway"]; $map) | recommend(.; "the message was published and the gateway did not hand it on"))
    elif $code == "publish" then
      finding("crit"; "websocket.publish"; "the gateway is well, and what publishes is not: \($trigger) failed";
        "\($fault | clean(40)): \(evidence("trigger") | clean(300)) \($spent)";
        (if $fault == "refused" then "Redis, or whatever publishes, is down: start it"
         elif $fault == "timeout" then "Redis, or whatever publishes, hangs: look at its process before restarting it"
         else "look at the check \($trigger)" end) + "; restarting the gateway would not help"),
      verdict("publisher:\($fault)"; 0.95),
      (runbook_for([$trigger, "redis", "publisher"]; $map) | recommend(.; "\($trigger) fails: the gateway has nothing to hand on"))
    elif $trigger != "" and $fault == "timeout" and ($code | IN("upgrade") | not) then
      finding("crit"; "websocket.subscribe"; "the gateway opened the connection and did not confirm the subscription";
        "Nothing was published yet. \($spent)";
        "the gateway's log: it may wait for its Redis, or refuse the channel"),
      verdict("gateway:subscribe"; 0.8),
      (runbook_for(["gateway"]; $map) | recommend(.; "it does not confirm a subscription"))
    else empty end;

def early($facts): if type != "object" then error("not an object") else . end
  | journey($facts.recommend // ""), seen_by_check("websocket");

# ----------------------------------------------------- an answer's head ---
def status: .curl?.http_code? // 0;

def header($name): [.head // "" | split("\n")[] | rtrimstr("\r")
  | select(ascii_downcase | startswith($name + ":")) | .[($name | length) + 1:]
  | gsub("^ +| +$"; "")] | last;

def accepted($facts): ($facts.accept // "" | gsub("\\s"; "")) as $due
  | $due == "" or (header("sec-websocket-accept") == $due);

def has_token($name; $token): header($name) | text | ascii_downcase | split(",")
  | any(gsub("\\s"; "") == $token);

# null: the connection is open as it should be.
def fate($facts): .curl as $c
  | if $c == null then "skipped"
    elif tls_hangs then "tls"
    elif reach_fate then reach_fate
    elif status == 101 then
      (if accepted($facts) | not then "accept"
       elif (has_token("upgrade"; "websocket") and has_token("connection"; "upgrade")) | not then "head"
       elif header("sec-websocket-extensions") then "extensions"
       else null end)
    elif status > 0 then "status"
    elif $c.exitcode == 60 then "certificate"
    elif $c.exitcode == 35 then "tls"
    elif $c.exitcode == 28 then "hung"
    elif $c.exitcode | IN(52, 56) then "closed"
    else "other" end;

def first_opened($facts): [$facts.tries[] | select(fate($facts) == null) | .address][0] // "";
def first_refused($facts): [$facts.tries[] | select(fate($facts) == "status") | .address][0] // "";

# ------------------------------------------------------- it did not open ---
def server_hint: header("server") | text | clean(60)
  | if . == "" then "" else "The server calls itself \(.)." end;

# Whether the answer is the same without Upgrade: then somebody removed it, or
# nobody there has ever read it.
def stripped($facts): ($facts.plain // "" | fromjson? // null) as $plain
  | $plain != null and ($plain | status) == status
    and (($plain.body // "") == (.body // "") or (status | IN(400, 426)));

def stripped_conclusion($where): status as $s |
  finding("crit"; "websocket.upgrade_stripped";
    "\($where) answers \(status) whether it is asked to upgrade or not: \(if status | IN(400, 426) then "a proxy before it removes Upgrade" else "a proxy removes Upgrade, or this is no WebSocket's path" end)";
    "\(server_hint) \(.body | clean(200))";
    "in nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\"; ask the server behind it directly, too")
  | concludes("upgrade_stripped"; if $s | IN(400, 426) then 0.9 else 0.7 end);

def forbidden_conclusion($where; $facts; $origin): ($facts.other // "" | fromjson? // {} | status) as $other
  | if $other == 101 then
      finding("crit"; "websocket.origin"; "\($where) refuses this origin, and opens with another";
        "With \(if $origin != "" then "no origin" else "its own address as origin" end) it answers 101.";
        "the list of origins that the server allows, and the check's `origin`")
      | concludes("origin"; 0.95)
    else
      finding("crit"; "websocket.forbidden"; "\($where) refuses with 403"; "\(server_hint) \(.body | clean(200))";
        "its list of origins, its firewall, or credentials: this diagnosis sends only what its parameter `headers` has")
      | concludes("forbidden"; 0.7)
    end;

def refusal_conclusion($where; $facts; $origin): status as $s
  | if $s == 401 then
      finding("crit"; "websocket.auth"; "\($where) wants credentials, or others"; (header("www-authenticate") | text);
        "has the token expired? This diagnosis sends only what its parameter `headers` has: without it a 401 from here says nothing new")
      | concludes("credentials"; 0.6)
    elif $s == 403 then forbidden_conclusion($where; $facts; $origin)
    elif $s | IN(502, 503, 504) then
      finding("crit"; "websocket.backend"; "\($where) is a proxy that answers \($s): the gateway behind it is \(if $s == 504 then "silent" elif $s == 502 then "down" else "down or overloaded" end)"; "\(server_hint) \(.body | clean(200))";
        "the gateway's process and log, not the proxy's")
      | concludes("backend:\($s)"; 0.9)
    elif $s == 429 then
      finding("crit"; "websocket.overloaded"; "\($where) has too many connections, or too many of ours"; (header("retry-after") | text | if . == "" then "" else "Retry-After: \(.)" end); "its limits")
      | concludes("overloaded"; 0.9)
    elif $s >= 300 and $s < 400 then
      finding("crit"; "websocket.redirect"; "\($where) redirects to \(header("location") | clean(120))"; "No browser follows a redirect of an upgrade."; "give the check the final URL; a login page means that credentials are missing")
      | concludes("redirect"; 0.9)
    elif header("sec-websocket-version") and (has_token("sec-websocket-version"; "13") | not) then
      finding("crit"; "websocket.version"; "\($where) speaks another version of the protocol: \(header("sec-websocket-version") | clean(40))"; ""; "a server from before 2011, or none at all") | concludes("version"; 0.9)
    elif $s == 404 then
      finding("crit"; "websocket.not_found"; "\($where) has nothing at this path"; server_hint; "the path of the check; a route of the proxy that a deployment changed") | concludes("not_found"; 0.85)
    elif $s < 500 and stripped($facts) then stripped_conclusion($where)
    else
      finding("crit"; "websocket.status"; "\($where) answers \($s) to the upgrade"; "\(server_hint) \(.body | clean(200))"; "")
      | concludes(if $s >= 500 then "application:5xx" else "application:\($s)" end; 0.7)
    end;

def handshake_conclusion($fate; $where):
  if $fate == "accept" then
    finding("crit"; "websocket.accept"; "\($where) answers 101 with \(if header("sec-websocket-accept") then "a wrong" else "no" end) Sec-WebSocket-Accept"; server_hint;
      "a cache or a proxy that repeats an old answer, or a server that imitates: no browser opens this")
    | concludes("handshake"; 0.9)
  elif $fate == "head" then
    finding("crit"; "websocket.handshake"; "\($where) answers 101 without Upgrade: websocket and Connection: Upgrade"; server_hint; "a proxy that removes headers of the answer")
    | concludes("handshake"; 0.9)
  else
    finding("crit"; "websocket.extensions"; "\($where) chose an extension that was not offered: \(header("sec-websocket-extensions") | clean(80))"; ""; "a client has to close such a connection")
    | concludes("handshake"; 0.9)
  end;

def transport_conclusion($fate; $where): (.curl.errormsg | clean(200)) as $why
  | if $fate == "hung" then
      finding("crit"; "websocket.hung"; "\($where) takes the connection and does not answer the upgrade"; "No byte within \(.curl.time_total | round) s."; "the process hangs, or all its threads have a connection: look before restarting it") | concludes("hung"; 0.85)
    elif $fate | IN("certificate", "tls") then
      finding("crit"; "websocket.\($fate)"; "TLS with \($where) fails"; $why; "openssl s_client -connect HOST:PORT -servername NAME: dates, names, issuer; does the port speak TLS at all (ws:// instead of wss://)?") | concludes($fate; 0.9)
    elif $fate == "closed" then
      finding("crit"; "websocket.closed"; "\($where) takes the request and hangs up without an answer"; $why; "the process crashes on it, or is being restarted; a port with TLS does this to ws://") | concludes("crashing"; 0.8)
    else finding("crit"; "websocket.error"; "\($where): \($why)"; "curl's exit status is \(.curl.exitcode)."; "") | concludes("unknown"; 0.4) end;

def try_conclusion($facts; $port; $origin; $fate): (.address | place($port)) as $where
  | if $fate == null or $fate == "skipped" then empty
    elif $fate | reach_class then
      ($fate | reach_class) as $class
      | reach_finding($facts; $port; $fate; "websocket") | concludes($class; 0.85)
    elif $fate == "status" then refusal_conclusion($where; $facts; $origin)
    elif $fate | IN("accept", "head", "extensions") then handshake_conclusion($fate; $where)
    else transport_conclusion($fate; $where) end;

# ------------------------------------------------------------- once open ---
# Bytes as frames; one that is cut is left out.
def frames:
  if length < 2 then empty
  else (.[1] % 128) as $short | (if .[1] >= 128 then 4 else 0 end) as $mask
    | (if $short == 126 then [4, (.[2] // 0) * 256 + (.[3] // 0)]
       elif $short == 127 then [10, (.[2:10] | reduce .[] as $b (0; . * 256 + $b))]
       else [2, $short] end) as [$head, $size]
    | ($head + $mask) as $at
    | if length < $at + $size then empty
      else {op: (.[0] % 16), masked: ($mask > 0), payload: .[$at:$at + $size]},
           (.[$at + $size:] | frames) end
  end;

def received($facts): ($facts.bytes // "" | split(" ") | map(tonumber?)) as $bytes
  | ($bytes | indices([13, 10, 13, 10])[0]) as $ended
  | if $ended == null then [] else [limit(500; $bytes[$ended + 4:] | frames)] end;

def close_of: [.[] | select(.op == 8) | .payload][0]
  | if . == null then null
    elif length < 2 then {code: 1005, reason: ""}
    else {code: (.[0] * 256 + .[1]), reason: (.[2:] | utf8 | clean(120))} end;

def close_meaning: {
  "1000": ["closes as if all were done", "closed:1000"],
  "1001": ["goes away: it is being shut down", "closed:1001"],
  "1002": ["says that the protocol was broken", "protocol"],
  "1008": ["closes for its policy: credentials, or an origin", "forbidden"],
  "1011": ["closes for an error of its own", "application:1011"],
  "1012": ["restarts", "starting"], "1013": ["is overloaded", "overloaded"],
  "1014": ["is a proxy whose server behind answers badly", "backend:1014"],
  "3000": ["wants credentials", "credentials"], "4401": ["wants credentials", "credentials"],
  "4429": ["is overloaded", "overloaded"]}[tostring]
  // ["closes with a code of its own", "closed:\(.)"];

def session_conclusions($facts; $where): received($facts) as $all | ($all | close_of) as $close
  | ($facts.dropped_ms | if . then tonumber else null end) as $dropped
  | if $facts.bytes == null then empty
    elif $facts.flooded then
      finding("info"; "websocket.flooded"; "\($where) opens, and sends without a pause: whether it answers was not seen"; ""; "") | remark
    elif $close and ($close.code != 1000 or $dropped != null) then
      ($close.code | close_meaning) as [$meaning, $class]
      | finding("crit"; "websocket.close"; "\($where) opens and then \($meaning)";
          "Close code \($close.code)\(if $close.reason == "" then "" else ": \($close.reason)" end).";
          "its log of this minute") | concludes($class; 0.85)
    elif $dropped != null then
      finding("crit"; "websocket.dropped"; "\($where) opens, and the connection is dropped after \($dropped) ms without a close frame";
        "That is code 1006 of a browser."; "a crash of the gateway, or a proxy's idle time-out (nginx: proxy_read_timeout): pings more often than that, or a longer time-out")
      | concludes("dropped"; 0.85)
    elif $facts.pong_ms == null then
      finding("crit"; "websocket.no_pong"; "\($where) opens and does not answer a ping within 3 s"; "A server has to, whatever it is for.";
        "its event loop is held by something: what its threads wait for") | concludes("hung"; 0.85)
    elif $close == null then
      finding("warn"; "websocket.no_close"; "\($where) does not answer a close within a second"; ""; "connections may pile up there") | remark
    else empty end;

# Dropped without a word while it was held open: what the check saw.
def idle_conclusion: (.result?.code? | text) as $code
  | if $code == "1006" then
      finding("warn"; "websocket.idle"; "the check's connection was dropped without a close frame"; (.result?.message? | clean(200));
        "always after the same time: a proxy's idle time-out (nginx: proxy_read_timeout, 60 s), so ping more often; at any time: the gateway crashes or is restarted")
      | concludes("dropped"; 0.5)
    else empty end;

# --------------------------------------------------------------- all of it ---
def late($facts): parts($facts) as $where
  | [$facts.tries[] | {seen: ., fate: fate($facts)}] as $tries
  | ((first_opened($facts) | select(. != "")) // $where.host | place($where.port)) as $open
  | ([($tries | one_address("websocket")),
      ($tries[] | .fate as $fate | .seen | try_conclusion($facts; $where.port; ($where.origin | text); $fate)),
      session_conclusions($facts; $open)]) as $seen
  | (if $tries != [] and $seen == [] then [idle_conclusion] else [] end) as $idle
  | (($seen + $idle) | map(select(.class != null))[0]) as $first
  | name_findings($facts; $where.host; "websocket"),
    ($seen + $idle)[].finding,
    (if $facts.accept == null then
       finding("warn"; "websocket.no_openssl"; "openssl is not installed: Sec-WebSocket-Accept was not verified"; ""; "apt-get install openssl") else empty end),
    ($facts.pong_ms | select(. != null) | metric("websocket.ping_ms"; tonumber; "ms")),
    (if [journey("")] | length > 0 then empty
     elif $first then verdict($first.class; $first.sure) else empty end),
    (if ($tries | any(.fate == null)) and $seen == [] then
       finding("info"; "websocket.well_now"; "it opens well from here now";
         "Status 101\(if $facts.pong_ms then ", a ping was answered within \($facts.pong_ms) ms" else "" end), silence and close are borne.";
         if [journey("")] | length > 0 then "opening is not what failed: it is what goes through it"
         else "a passing failure, or one that only the check's own steps and credentials meet" end)
     else empty end);
