# Telegram's bot API. url: https://api.telegram.org/botTOKEN/sendMessage; to:
# the chat. Texts are escaped for its HTML; 4096 characters at most.
# https://core.telegram.org/bots/api#sendmessage
def html: gsub("&"; "&amp;") | gsub("<"; "&lt;") | gsub(">"; "&gt;");
def cut($most): if length > $most then .[:$most - 1] + "…" else . end;
if $to == "" then error("the parameter to is missing: the id of the chat")
else {
  body: {
    chat_id: $to,
    parse_mode: "HTML",
    disable_web_page_preview: true,
    disable_notification: is_recovery,
    text: (["<b>\(headline | html)</b>"]
      + (facts | map(if .[0] == "look further"
          then "\(.[0]): <code>\(.[1] | html)</code>"
          else "<i>\(.[0])</i>: \(.[1] | cut(300) | html)" end))
      + (links | .[:3] | map("\(.[0] | html): \(.[1] | cut(200) | html)"))
      | join("\n"))
  }
}
end
