# One flat JSON document for any receiver. `dedup_key` is the same whenever the
# same notice is sent again.
{
  source: "relevo",
  event: (if is_recovery then "recovered" else to_state end),
  dedup_key: (.dedup_key // "" | plain(120)),
  title: headline,
  text: ([headline] + (facts | map("\(.[0]): \(.[1])")) | join("\n")),
  check: check_name,
  state: to_state,
  since: since,
  fault: (.incident.fault? // .result.fault? // "" | plain(40)),
  code: (.incident.code? // .result.code? // "" | plain(40)),
  summary: summary,
  diagnosis: diagnosis,
  impact: impact,
  would_have_run: would_have_run,
  incident: (if incident_id == "" then null else incident_id end),
  command: command
}
