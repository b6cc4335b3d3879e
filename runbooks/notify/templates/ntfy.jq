# ntfy. url: the topic's, https://ntfy.sh/my-topic (or the server's, with the
# topic in `to`); key: an access token. Plain text: no markup to escape.
# A message is at most 4096 bytes.
# https://docs.ntfy.sh/publish/#publish-as-json
def fit: until(utf8bytelength <= 4000; .[:length * 9 / 10 | floor]);
($url | capture("^(?<server>https?://[^/]+/?)(?<topic>[^/?#]*)")) as $at
| ($at.topic | if . == "" then $to else . end) as $topic
| if $topic == "" then
    error("there is no topic: neither at the end of url nor in the parameter to")
  else {
    url: $at.server,
    headers: (if $key != "" then {Authorization: "Bearer \($key)"} else {} end),
    body: ({
      topic: $topic,
      title: headline,
      message: (facts | fact_lines | fit),
      priority: (if is_recovery then 3 else 5 end),
      tags: [if is_recovery then "white_check_mark" else "rotating_light" end]
    } + (links | if length > 0 then {click: .[0][1]} else {} end))
  }
  end
