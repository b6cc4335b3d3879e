# One flat JSON document for any receiver. `dedup_key` is the same for all
# notices of an incident, and whenever one is sent again.
{
  headers: (if $key != "" then {Authorization: "Bearer \($key)"} else {} end),
  body: {
    source: "relevo",
    event: (if is_recovery then "recovered" else to_state | gsub(" "; "_") end),
    dedup_key: dedup,
    title: headline,
    text: ([headline, (facts | fact_lines)] | join("\n")),
    check: check_name,
    environment: environment_name,
    state: to_state,
    since: began,
    fault: (.incident.fault? // .result.fault? // "" | plain(40)),
    code: (.incident.code? // .result.code? // "" | plain(40)),
    summary: summary,
    diagnosis: diagnosis,
    impact: impact,
    would_have_run: would_have_run,
    owner: owner,
    links: (links | map({name: .[0], url: .[1]})),
    incident: (if incident_id == "" then null else incident_id end),
    command: command
  }
}
