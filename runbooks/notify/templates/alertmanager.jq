# Prometheus Alertmanager's API v2. url: http://alertmanager:9093; key: a bearer
# token. The labels are the alert's identity: the same from first to last. It
# is kept firing for a week unless told otherwise, so it needs no `repeat`.
# https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
($url | sub("/+$"; "") | sub("/api/v2/alerts$"; "")) as $base
| {
    url: "\($base)/api/v2/alerts",
    headers: (if $key != "" then {Authorization: "Bearer \($key)"} else {} end),
    body: [{
      labels: ({
        alertname: "RelevoCheck",
        check: check_name,
        severity: "critical",
        dedup_key: dedup
      } + (environment_name | if . != "" then {environment: .} else {} end)),
      annotations: ({
        summary: headline,
        description: (facts | fact_lines),
        command: command
      } + (links | map({key: (.[0] | "link_" + gsub("[^A-Za-z0-9_]"; "_")),
                        value: .[1]}) | from_entries)),
      startsAt: (began | if instant then . else (now | todate) end),
      endsAt: (if is_recovery then now else now + 604800 end | todate)
    }]
  }
