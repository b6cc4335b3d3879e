# Discord's webhook. Markdown of a target is escaped, and nobody is ever
# mentioned (allowed_mentions). Limits: title 256, field name 256, value 1024,
# 25 fields, 6000 characters in all.
# https://discord.com/developers/docs/resources/webhook#execute-webhook
def discord: gsub("(?<c>[\\\\*_~`|>\\[\\]()#-])"; "\\\(.c)");
def cut($most): if length > $most then .[:$most - 1] + "…" else . end;
{
  body: {
    username: "Relevo",
    allowed_mentions: {parse: []},
    embeds: [{
      title: (headline | discord | cut(256)),
      color: (if is_recovery then 3066993 else 15158332 end),
      fields: ((facts | map({name: .[0],
          value: (if .[0] == "look further" then "`\(.[1])`"
                  else (.[1] | discord | cut(350)) end)}))
        + (links | .[:3] | map({name: (.[0] | discord | cut(256)),
                                value: (.[1] | cut(300))})))
    }]
  }
}
