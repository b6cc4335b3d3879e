# What the files of lib/look.sh mean, for every diagnosis: names that do not
# resolve, ports that nobody listens on, hosts that do not answer. $area begins
# the codes: "http", "redis", "websocket".

include "relevo";

def lines: split("\n") | map(select(. != ""));

# Secrets that a target may have echoed; short ones would blot out anything.
def without($secrets):
  ($secrets | map(select(length >= 6)) | unique | sort_by(-length)) as $all
  | walk(if type == "string" then
      reduce $all[] as $secret (.; split($secret) | join("***")) else . end);

# The files as one object of texts; `tries` as a list.
def seen: (.secrets // "" | lines) as $secrets
  | del(.secrets)
  | .tries = ((.tries // "") | lines | map(fromjson? | objects))
  | without($secrets);

def text: if type == "string" then . elif . == null then "" else tojson end;

# One word of a line for `read`: no control character may end it early.
def word: text | gsub("[\\x{00}-\\x{1f}\\x{7f}]"; "");

# A URL's parts; user information is not among them.
def url_parts: text | gsub("[\\x{00}-\\x{20}\\x{7f}]"; "")
  | sub("^(?<s>[A-Za-z]+://)[^/?#]*@"; "\(.s)")
  | . as $url
  | (capture("^(?<scheme>[A-Za-z]+)://(\\[(?<six>[^\\]]*)\\]|(?<name>[^/?#:]*))(:(?<port>[0-9]+))?(?<path>[^?#]*)(\\?(?<query>[^#]*))?")?
      // {})
  | {url: $url, scheme: (.scheme // "" | ascii_downcase),
     host: (.six // .name // ""), port: (.port // ""), path: (.path // ""),
     query: (.query // "")};

# Bytes as text; what is no UTF-8 is left out.
def utf8:
  reduce .[] as $byte ({out: [], rest: 0, code: 0};
    if $byte < 128 then .out += [$byte]
    elif $byte < 192 and .rest > 0 then
      .code = .code * 64 + $byte - 128 | .rest -= 1
      | if .rest == 0 then .out += [.code] else . end
    elif $byte < 192 then .
    elif $byte < 224 then .code = $byte - 192 | .rest = 1
    elif $byte < 240 then .code = $byte - 224 | .rest = 2
    else .code = $byte % 8 | .rest = 3 end)
  | .out | implode;

def settings: .check?.settings? | if type == "object" then . else {} end;

def hex_digit: if . < 58 then . - 48 elif . < 71 then . - 55 else . - 87 end;

# "%40" and such in a part of a URL.
def decoded: gsub("(?<run>(%[0-9A-Fa-f]{2})+)";
  .run | explode | [range(0; length; 3) as $at
    | (.[$at + 1] | hex_digit) * 16 + (.[$at + 2] | hex_digit)] | utf8);

def bytes: if . >= 1073741824 then "\(. / 107374182.4 | round / 10) GiB"
  elif . >= 1048576 then "\(. / 104857.6 | round / 10) MiB" else "\(. / 1024 | round) KiB" end;

# A conclusion: a finding, and the class of the verdict if it is the cause.
def concludes($class; $sure): {finding: ., $class, $sure};
def remark: {finding: ., class: null, sure: 0};

# What the failing answer came to, said before anything is looked at.
def seen_by_check($area): (.result? | objects) as $result
  | ($result.message? | clean(160)) as $message
  | if $message == "" then empty
    else finding("info"; "\($area).seen"; "the check saw: \($message)";
      ["fault", "code"] | map(. as $key | $result[$key]? | clean(60)
        | select(. != "") | "\($key) \(.)") | join(", "); "")
    end;

# Which runbook goes first for which component: "db=pg-diagnose redis=…".
def runbook_for($names; $map):
  ([$map | splits(" +") | select(contains("=")) | split("=")
     | select(.[0] | IN($names[])) | .[1:] | join("=")][0]) // empty;

# --------------------------------------------------------- several addresses ---
# Of [{seen, fate}], fate null where all is well: does only one of them fail?
def one_address($area): map(select(.fate != "skipped"))
  | if any(.fate == null) and any(.fate != null) then
      finding("crit"; "\($area).one_address"; "one address fails while another answers well";
        (map("\(.seen.address): \(.fate // "fine")") | join("; "));
        "take the failing address out of DNS or out of the balancer, then mend it")
      | concludes("backend:one_of_several"; 0.9)
    else empty end;

# ------------------------------------------------------------------- name ---
def name_findings($facts; $host; $area): ($facts.nameservers // "" | lines
    | map(sub("^nameserver +"; "")) | join(", ")) as $servers
  | if ($facts.addresses // "" | lines | length) > 0 then
      ($facts.dns_ms | tonumber) as $ms
      | if $ms > 1000 then
          finding("warn"; "\($area).dns_slow"; "resolving \($host) took \($ms) ms";
            "Nameservers here: \($servers)"; "look at the first nameserver: it is probably not answering")
        else empty end
    elif $facts.dns_exit == "124" then
      finding("crit"; "\($area).dns"; "resolving \($host) did not end within 3 s";
        "Nameservers here: \($servers). Nobody answered, so the name may well be right.";
        "look at the nameservers and at this host's network: every other check here suffers too"),
      verdict("dns:timeout"; 0.9)
    else
      finding("crit"; "\($area).dns"; "\($host) does not resolve here";
        "Nameservers here: \($servers)";
        "ask another resolver (dig \($host) @9.9.9.9): if that one knows it, mend the resolver, else the zone or the domain's registration"),
      verdict("dns:no_such_name"; 0.9)
    end;

# ------------------------------------------------------------------ reach ---
# Of {curl, reason, tls_began}: why no connection came about; null where one
# did. Of a TLS that does not end curl says that it took no time to connect.
def reach_fate: .curl as $c
  | if $c == null then "skipped"
    elif $c.exitcode == 7 and (.reason | test("refused"; "i")) then "refused"
    elif $c.exitcode == 7 and (.reason | test("unreach|no route"; "i")) then "unreachable"
    elif $c.exitcode == 28 and $c.time_connect == 0 and (.tls_began | not) then "connect_timeout"
    elif $c.exitcode == 7 then "connect"
    else null end;

def tls_hangs: .tls_began and .curl.exitcode == 28 and .curl.time_appconnect == 0;

def reach_class: {refused: "not_listening", unreachable: "no_route",
  connect_timeout: "host_or_path", connect: "host_or_path"}[.];

def place($port): if contains(":") then "[\(.)]:\($port)" else "\(.):\($port)" end;

def is_own($own): . as $address | ($address | test("^(127\\.|::1$)"))
  or ($own | index($address) != null);

def refused_finding($facts; $port; $area): (.address | place($port)) as $where
  | .address as $address
  | ($facts.own // "" | lines) as $own
  | ($facts.listening // "" | lines
      | map([splits(" +")] | select(length > 3) | .[3])) as $sockets
  | if $address | is_own($own) then
      ($sockets | map(select(endswith(":\($port)")))) as $same
      | finding("crit"; "\($area).refused"; "nothing listens on \($where)";
          if $sockets == [] then "This is the monitor's own machine."
          elif $same != [] then "This is the monitor's own machine; port \($port) is open on \($same | unique | join(", ")), which is another address."
          else "This is the monitor's own machine. Ports that are listened on: \($sockets | map(sub(".*:"; "")) | unique_by(tonumber? // .) | .[:20] | join(", "))." end;
          if $same != [] then "the service is bound to another address: correct its listen address or the check's URL"
          else "the service is down or on another port: systemctl --failed; its last log lines; df -h, a full disk stops services too" end)
    else
      finding("crit"; "\($area).refused"; "nothing listens on \($where)";
        "The host is up and answered at once that the port is closed.";
        "on \($address): is the process running (ss -ltn 'sport = :\($port)'), was it deployed or killed just now, is the disk full?")
    end;

# Of {address, curl, reason}, for a fate of reach_fate.
def reach_finding($facts; $port; $fate; $area): (.address | place($port)) as $where
  | if $fate == "refused" then refused_finding($facts; $port; $area)
    elif $fate == "unreachable" then
      finding("crit"; "\($area).unreachable"; "no route to \($where)"; .reason;
        "ip route get \(.address); is the other family (IPv4 or IPv6) the one that works?")
    elif $fate == "connect_timeout" then
      finding("crit"; "\($area).connect_timeout"; "\($where) does not take the connection";
        "No answer to the handshake within \(.curl.time_total | round) s: the host is down, a firewall drops it, or its accept queue is full.";
        "try another port of the host (ssh): no answer at all is the host or the path, an answer is a firewall or a hung service")
    else
      finding("crit"; "\($area).connect"; "\($where): \(.curl.errormsg | clean(160))";
        .reason; "")
    end;
