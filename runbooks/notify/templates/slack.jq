# Slack's incoming webhook, and those that speak its format (Mattermost,
# Discord with /slack). Slack asks for & < > to be escaped; that also takes the
# force out of <!channel> and <url|text>. Receivers that react to a bare
# @channel see a zero-width space in it. Backquotes would end a code span.
# https://api.slack.com/reference/surfaces/formatting
def slack: gsub("&"; "&amp;") | gsub("<"; "&lt;") | gsub(">"; "&gt;")
  | gsub("@(?<who>channel|here|everyone|all)"; "@\u200b\(.who)"; "i")
  | gsub("`"; "'");
{
  body: {
    text: "*\(headline | slack)*",
    attachments: [{
      color: (if is_recovery then "good" else "danger" end),
      fallback: (headline | slack),
      mrkdwn_in: ["text"],
      text: ((facts | map("*\(.[0])*: "
          + (if .[0] == "look further" then "`\(.[1] | slack)`"
             else (.[1] | slack) end)))
        + (links | map("*\(.[0] | slack)*: \(.[1] | slack)"))
        | join("\n"))
    }]
  }
}
