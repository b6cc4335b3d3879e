# PagerDuty's Events API v2. url: https://events.pagerduty.com/v2/enqueue (or
# the EU's); key: the integration's routing key. The dedup key joins all events
# of an incident, so a recovery resolves what the outage triggered.
# https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
def cut($most): if length > $most then .[:$most - 1] + "…" else . end;
if $key == "" then error("the parameter key is missing: the routing key")
else {
  body: ({
      routing_key: $key,
      event_action: (if is_recovery then "resolve" else "trigger" end),
      dedup_key: dedup
    } + if is_recovery then {} else {
      client: "Relevo",
      payload: ({
        summary: ("\(headline): \(cause)" | cut(1024)),
        source: check_name,
        severity: "critical",
        component: check_name,
        group: environment_name,
        class: (.incident.fault? // .result.fault? // "" | plain(40)),
        custom_details: (facts | map({key: .[0], value: .[1]}) | from_entries)
      } + (began | if instant then {timestamp: .} else {} end)),
      links: (links | map({href: .[1], text: .[0]}))
    } end)
}
end
