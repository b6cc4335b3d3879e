# Opsgenie's alert API. url: https://api.opsgenie.com (or api.eu.opsgenie.com);
# key: an API key of an integration. A recovery closes the alert by its alias.
# https://docs.opsgenie.com/docs/alert-api
def cut($most): if length > $most then .[:$most - 1] + "…" else . end;
($url | sub("/+$"; "") | sub("/v2/alerts$"; "")) as $base
| if $key == "" then error("the parameter key is missing: the API key")
  else {
    url: (if is_recovery
      then "\($base)/v2/alerts/\(dedup | @uri)/close?identifierType=alias"
      else "\($base)/v2/alerts" end),
    headers: {Authorization: "GenieKey \($key)"},
    body: (if is_recovery
      then {source: "Relevo", note: "\(headline)\n\(facts | fact_lines)" | cut(25000)}
      else {
        message: (headline | cut(130)),
        alias: (dedup | cut(512)),
        description: (facts | fact_lines | cut(15000)),
        entity: (check_name | cut(512)),
        source: "Relevo",
        priority: "P1",
        tags: ([environment_name] | map(select(. != "") | cut(50))),
        details: (links | map({key: .[0], value: .[1]}) | from_entries)
      } end)
  }
  end
