# What http/diagnose concludes. Input of each: the runbook's context
# (relevo.runbook/1). `early` reads only that; `late` also what was seen from
# here. Both give lines of descriptor 3.

include "relevo";
include "health";
include "look";

def objects_of($key): .[$key]? | objects;

# [plugin, url without credentials, scheme, host, port]
def where:
  (.check // {}) as $check
  | ($check.target // {}) as $target
  | (($check.url // "") | text | gsub("[\\x{00}-\\x{20}\\x{7f}]"; "")
      | sub("^(?<s>[A-Za-z]+://)[^/?#]*@"; "\(.s)")) as $given
  | (if $given | test("^https?://"; "i") then $given
     elif $target.host then
       "http\(if "\($target.port)" | IN("443", "8443") then "s" else "" end)://\(if $target.host | text | contains(":") then "[\($target.host)]" else $target.host end):\($target.port // 80)/"
     else "" end) as $url
  | ($url | capture("^(?<scheme>[A-Za-z]+)://(\\[(?<six>[^\\]]*)\\]|(?<name>[^/?#:]*))(:(?<port>[0-9]+))?")?
      // {}) as $parts
  | ($parts.scheme // "http" | ascii_downcase) as $scheme
  | [($check.plugin // "http"), $url, $scheme,
     ($parts.six // $parts.name // ""),
     ($parts.port // (if $scheme == "https" then "443" else "80" end))]
  | map(text | gsub("[\\x{00}-\\x{1f}\\x{7f}]"; ""));

# Who answered: the check, or the one that it is judged from.
def check_name: .check.of? // .check.name? // "" | clean(80);

# --------------------------------------------------- a component is blamed ---
def errno_hint:
  if test("111|refused"; "i") then
    "Refused means that no process listens there. A full disk can be the reason: a database that cannot write its log stops, and restarting does not help. "
  elif test("110|timed? ?out"; "i") then
    "A timeout means that its host or the path to it is down, or that it hangs. "
  elif test("too many|slots|53300"; "i") then
    "It is up and has no connection left to give. "
  elif test("password|authenti|28P01|NOAUTH|WRONGPASS"; "i") then
    "It is up and does not accept the credentials: nothing to restart. "
  elif test("113|101|unreach|no route"; "i") then
    "There is no route to it: look at the network before the service. "
  else "" end;

def blamed($components; $map; $source): . as $context
  | ($components | map(select(.state == "bad")) | by_weight) as $bad
  | ($components | map(select(.state == "good") | .name) | join(", ")) as $good
  | if $bad | length == 0 then empty
    else
      ($bad | to_entries[] | .key as $rank | .value
        | (.name | component_kind) as $kind
        | (if $kind then "the \($kind)" else .name end) as $who
        | finding(if $rank == 0 then "crit" else "warn" end; "http.dependency";
            if $rank == 0 then "\($who) is the cause: \(.name) says \"\(.text)\""
            else "\(.name) fails as well: \(.text)" end;
            (.text | errno_hint) + "\($context | check_name) answered by itself and passes this on."
              + (if $good != "" then " Fine: \($good)." else "" end) + " Read \($source).";
            "look at \(.name), with a free disk first; restarting \($context | check_name) would not help")),
      verdict("dependency:\($bad[0].name)";
        if $bad | length == 1 then 0.95
        elif ($bad[0].name | component_kind) == "database" then 0.8 else 0.6 end),
      ($bad[0] | runbook_for([.name, (.name | component_kind)]; $map)
        | recommend(.; "\($bad[0].name) is the cause, \($context | check_name) only reports it"))
    end;

def evidence_components:
  [(.result?.evidence? | arrays | .[]) | objects | .text? | strings
    | health_components[]]
  | group_by(.name) | map(worst);

def false_lines: [.result?.expectations? | arrays | .[] | objects
  | select(.true == false)
  | "\(.line | clean(120)) (\(.values | clean(120)))"];

def early($facts): . as $context
  | ($facts.recommend // "") as $map
  | if type != "object" then error("not an object") else . end
  | evidence_components as $components
  | blamed($components; $map; "from the failing answer"),
    (false_lines | if length > 0 then
       finding("info"; "http.expectations"; "not as expected: \(.[0])";
         (.[1:5] | join("; ")); "") else empty end);

# ------------------------------------------------------- one address's fate ---
def good_code: . >= 200 and . < 400;

def fate: .curl as $c
  | if $c == null then "skipped"
    elif ($c.exitcode == 0 or $c.exitcode == 23) and ($c.http_code // 0) > 0 then
      (if $c.http_code >= 500 then "5xx" elif $c.http_code >= 400 then "4xx"
       elif $c.http_code >= 300 then "3xx" else "fine" end)
    elif reach_fate then reach_fate
    elif $c.exitcode == 60 then "certificate"
    elif $c.exitcode == 35 then "tls"
    elif $c.exitcode == 28 and ($c.http_code // 0) > 0 then "unfinished"
    elif tls_hangs then "tls_timeout"
    elif $c.exitcode == 28 then "timeout"
    elif $c.exitcode == 52 then "closed"
    elif $c.exitcode == 56 then "reset"
    else "other" end;

def tls_next($facts):
  ($facts.expires | tonumber? // null) as $expires
  | ($facts.starts | tonumber? // null) as $starts
  | if $expires and $expires < now then
      "renew the certificate, and reload the server: renewed but not reloaded is the common case. Is this machine's clock right (\(now | todate))?"
    elif $starts and $starts > now then
      "the certificate is not valid yet: look at the clocks, here it is \(now | todate)"
    else "compare what is served (openssl s_client -connect HOST:PORT -servername NAME) with what was meant: name, issuer, intermediate certificates" end;

def fate_finding($facts; $port; $scheme; $fate):
  .curl as $c
  | (.address | place($port)) as $where
  | if $fate == "fine" or $fate == "skipped" then empty
    elif $fate | reach_class then reach_finding($facts; $port; $fate; "http")
    elif $fate == "5xx" then
      finding("warn"; "http.status"; "\($where) answers \($c.http_code)";
        (.body | clean(300)); "")
    elif $fate == "4xx" then
      finding("warn"; "http.status"; "\($where) answers \($c.http_code)";
        (if $c.http_code == 401 or $c.http_code == 403 then "This diagnosis sends no credentials; the check may." else (.body | clean(300)) end); "")
    elif $fate == "3xx" then
      finding("info"; "http.redirect"; "\($where) redirects to \($c.redirect_url | clean(120))";
        (if .hops > 5 then "After \(.hops) redirects on the same host: a loop." else "Another host or scheme: not followed from here." end);
        "give the check the final URL")
    elif $fate == "tls_timeout" then
      finding("crit"; "http.tls_timeout"; "\($where) takes the connection, and TLS never starts";
        ""; "the kernel answers, the process does not: it hangs, or speaks plain HTTP on this port")
    elif $fate == "timeout" then
      finding("crit"; "http.timeout"; "\($where) takes the request and does not answer";
        "Connected in \($c.time_connect * 1000 | round) ms, no byte within \($c.time_total | round) s.";
        "the process hangs or waits for something (a lock, a connection pool, its database): look at what its threads wait for before restarting it")
    elif $fate == "unfinished" then
      finding("warn"; "http.unfinished"; "\($where) starts to answer \($c.http_code) and does not end";
        "\($c.size_download) bytes within \($c.time_total | round) s."; "a proxy or the network between is slow, or the body has no end")
    elif $fate == "certificate" then
      finding("crit"; "http.certificate"; "the certificate of \($where) is not accepted: \($c.errormsg | clean(120))";
        (if ($facts.expires | tonumber? // null) then "Valid until \($facts.expires | tonumber | todate)." else "" end);
        tls_next($facts))
    elif $fate == "tls" then
      finding("crit"; "http.tls"; "the TLS handshake with \($where) fails"; ($c.errormsg | clean(200));
        "does the port speak TLS at all, and which versions? openssl s_client -connect \($where)")
    elif $fate == "closed" or $fate == "reset" then
      finding("crit"; "http.\($fate)"; "\($where) takes the request and hangs up without an answer";
        ($c.errormsg | clean(200));
        "the process behind crashes on it or is being restarted: its log of this minute; behind a proxy, the proxy's")
    else
      finding("crit"; "http.\($fate)"; "\($where): \($c.errormsg | clean(160))"; "curl's exit status is \($c.exitcode)."; "")
    end;

# ----------------------------------------------------------------- phases ---
def phase_of($name): .[$name]? // .["\($name)_ms"]? | numbers;

# Against the last good result: what got slow?
def phase_findings: . as $context
  | ["dns", "connect", "tls", "auth", "send", "wait", "receive"][] as $name
  | ($context.result?.phases? | objects | phase_of($name)) as $now
  | ($context.last_good?.phases? | objects | phase_of($name)) as $before
  | select($now > 3 * $before and $now - $before > 100)
  | {name: $name, now: $now, before: $before};

def phase_next: {
  dns: "the nameservers", connect: "the path and the load of its host",
  tls: "the load of its host", auth: "what checks the credentials",
  send: "the path", wait: "the application and what it waits for: its database, a pool, a lock",
  receive: "the path, or the size of the answer"}[.] // "the service";

def expiry_findings($facts): ($facts.expires | tonumber? // null) as $at
  | if $at == null then empty
    else ((($at - now) / 86400) * 10 | round / 10) as $days
    | metric("http.cert_days"; $days; "d"),
      (if $days >= 0 and $days < 14 then
         finding("warn"; "http.cert_expiry"; "the certificate ends in \($days) days"; "Valid until \($at | todate).";
           "renew it now, then reload the server")
       else empty end)
    end;

# --------------------------------------------------------------- all of it ---
def class_of($fates; $scheme; $facts):
  ($fates | map(.fate)) as $all
  | ($all | map(select(. == "fine"))) as $fine
  | if $fine | length > 0 then
      (if ($fine | length) < ($all | map(select(. != "skipped")) | length)
       then ["backend:one_of_several", 0.9] else null end)
    else ($all | map(select(. != "skipped" and . != "3xx"))) as $bad
      | if $bad | length == 0 then null
        else ({"5xx": "application:5xx", "4xx": "application:4xx",
               refused: "not_listening", unreachable: "no_route",
               connect_timeout: "host_or_path", connect: "host_or_path",
               tls_timeout: "hung", timeout: "hung", unfinished: "slow_body",
               closed: "crashing", reset: "crashing", tls: "tls",
               certificate: "certificate"}[$bad[0]] // "unknown") as $class
          | [if $class == "certificate" and ($facts.expires | tonumber? // now) < now then "certificate:expired" else $class end,
             if $bad | unique | length == 1 then 0.85 else 0.5 end]
        end
    end;

def late($facts): . as $context
  | where as [$plugin, $url, $scheme, $host, $port]
  | (evidence_components | map(select(.state == "bad"))) as $known
  | [$facts.tries[] | . as $seen | {seen: $seen, fate: fate}] as $fates
  | ([$facts.tries[].body | health_components[]] | group_by(.name) | map(worst)) as $live
  | ($live | map(select(.state == "bad"))) as $live_bad
  | ([phase_findings]) as $slow
  | name_findings($facts; $host; "http"),
    ($fates[] | .fate as $fate | .seen
      | fate_finding($facts; $port; $scheme; $fate)),
    (if $known == [] and $live_bad != [] then
       ($context | blamed($live; $facts.recommend; "from an answer given to this diagnosis"))
     else empty end),
    ($slow[] | finding("warn"; "http.slow_phase";
       "\(.name) took \(.now | round) ms, last time it was good \(.before | round) ms"; "";
       "look at \(.name | phase_next)")),
    ($fates[] | select(.fate == "fine") | .seen.curl
      | metric("http.total_ms"; .time_total * 1000 | round; "ms")),
    expiry_findings($facts),
    (if $fates != [] and ($fates | all(.fate == "fine")) and $live_bad == [] then
       finding("info"; "http.well_now"; "it answers well from here now";
         "All of \($fates | length) address(es), status \($fates[0].seen.curl.http_code).";
         "a passing failure, or one that only the check's own method, headers or expectations meet")
     elif ($fates | any(.fate == "fine")) and ($fates | any(.fate != "fine" and .fate != "skipped")) then
       finding("crit"; "http.one_backend"; "one address fails while another answers well";
         ($fates | map("\(.seen.address): \(.fate)") | join("; "));
         "take the failing address out of DNS or out of the balancer, then mend it")
     else empty end),
    # One verdict a run: the failing answer's own word goes before ours.
    (if $known != [] or $live_bad != [] or $fates == [] then empty
     else (class_of($fates; $scheme; $facts)
       // (if $slow != [] then ["slow:\($slow[0].name)", 0.7] else null end)) as $class
       | if $class == null then empty else verdict($class[0]; $class[1]) end
     end);
