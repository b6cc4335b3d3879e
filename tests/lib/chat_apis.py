"""The receivers of notices as their documentation describes them: for each
format the path, the headers and the shape of the body that its API accepts,
with its limits. Used by tests/plugin/runbook_webhook.py, which posts to a local
server and holds what came against these. Each entry names its source."""

import datetime
import html
import re


class Wrong(Exception):
    """What the API would answer 400 to."""


def text(most, least=0):
    def check(value, where):
        if not isinstance(value, str):
            raise Wrong(f"{where}: {value!r} is no text")
        if not least <= len(value) <= most:
            raise Wrong(f"{where}: {len(value)} characters of at most {most}")
    return check


def octets(most):
    def check(value, where):
        text(most)(value, where)
        if len(value.encode()) > most:
            raise Wrong(f"{where}: {len(value.encode())} bytes of {most}")
    return check


def one_of(*words):
    def check(value, where):
        if value not in words:
            raise Wrong(f"{where}: {value!r} is none of {words}")
    return check


def matches(pattern):
    def check(value, where):
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise Wrong(f"{where}: {value!r} does not match {pattern}")
    return check


def number(low, high):
    def check(value, where):
        if isinstance(value, bool) or not isinstance(value, (int, float)) \
                or not low <= value <= high:
            raise Wrong(f"{where}: {value!r} is not in {low}..{high}")
    return check


def moment(value, where):
    try:
        datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    except (AttributeError, ValueError):
        raise Wrong(f"{where}: {value!r} is no RFC 3339 time") from None


def texts(most_key, most_value):
    def check(value, where):
        if not isinstance(value, dict):
            raise Wrong(f"{where}: {value!r} is no object")
        for key, one in value.items():
            text(most_key, 1)(key, f"{where} key")
            text(most_value)(one, f"{where}.{key}")
    return check


def many(shape, most, least=0):
    def check(value, where):
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise Wrong(f"{where}: {least} to {most} are allowed")
        for i, one in enumerate(value):
            fits(shape, one, f"{where}[{i}]")
    return check


def fits(shape, value, where="body"):
    """shape: a check, or {name: shape}; "name?" may be absent; no others."""
    if callable(shape):
        shape(value, where)
        return
    if not isinstance(value, dict):
        raise Wrong(f"{where}: {value!r} is no object")
    for name, inner in shape.items():
        plain = name.rstrip("?")
        if plain in value:
            fits(inner, value[plain], f"{where}.{plain}")
        elif not name.endswith("?"):
            raise Wrong(f"{where}.{plain} is missing")
    for name in value:
        if name not in shape and name + "?" not in shape:
            raise Wrong(f"{where}.{name} is not known there")


def anything(_value, _where):
    pass


URL = matches(r"https?://\S{1,500}")

# https://api.slack.com/messaging/webhooks, .../reference/messaging/attachments
SLACK = {
    "text": text(40000, 1),
    "attachments": many({
        "color": one_of("good", "warning", "danger"),
        "fallback": text(40000, 1), "text": text(40000, 1),
        "mrkdwn_in": many(one_of("text", "pretext", "fields"), 3)}, 20, 1),
}

# https://discord.com/developers/docs/resources/webhook#execute-webhook
# https://discord.com/developers/docs/resources/message#embed-object-embed-limits
def discord_embeds(value, where):
    """At most 6000 characters in all of them together."""
    many({"title": text(256, 1), "color": number(0, 0xffffff),
          "fields": many({"name": text(256, 1), "value": text(1024, 1)}, 25),
          }, 10, 1)(value, where)
    text(6000)("".join(e["title"] + "".join(f["name"] + f["value"]
                                            for f in e["fields"])
                       for e in value), where)


DISCORD = {
    "username": text(80, 1),
    "allowed_mentions": {"parse": many(one_of("roles", "users", "everyone"),
                                       0)},
    "embeds": discord_embeds,
}

RUN = {"type": one_of("TextRun"), "text": text(28000, 1),
       "weight?": one_of("Default", "Lighter", "Bolder"),
       "size?": one_of("Default", "Small", "Medium", "Large", "ExtraLarge"),
       "color?": one_of("Default", "Dark", "Light", "Accent", "Good",
                        "Warning", "Attention")}

# https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
# https://adaptivecards.io/explorer/RichTextBlock.html
TEAMS = {
    "type": one_of("message"),
    "attachments": many({
        "contentType": one_of("application/vnd.microsoft.card.adaptive"),
        "contentUrl": one_of(None),
        "content": {
            "$schema": one_of(
                "http://adaptivecards.io/schemas/adaptive-card.json"),
            "type": one_of("AdaptiveCard"), "version": one_of("1.4"),
            "fallbackText": text(28000, 1),
            "body": many({"type": one_of("RichTextBlock"),
                          "spacing?": one_of("None", "Small", "Default"),
                          "inlines": many(RUN, 100, 1)}, 100, 1),
            "actions": many({"type": one_of("Action.OpenUrl"),
                             "title": text(200, 1), "url": URL}, 6)},
    }, 1, 1),
}

# https://core.telegram.org/bots/api#sendmessage
def telegram_html(value, where):
    """4096 characters after its entities are parsed; only tags that it has."""
    text(20000, 1)(value, where)
    for tag in re.findall(r"<[^>]*>", value):
        one_of("<b>", "</b>", "<i>", "</i>", "<code>", "</code>")(tag, where)
    text(4096, 1)(html.unescape(re.sub(r"<[^>]*>", "", value)), where)


TELEGRAM = {
    "chat_id": matches(r"@?[-A-Za-z0-9_]+"),
    "parse_mode": one_of("HTML", "MarkdownV2", "Markdown"),
    "text": telegram_html,
    "disable_web_page_preview?": one_of(True, False),
    "disable_notification?": one_of(True, False),
}

# https://docs.ntfy.sh/publish/#publish-as-json
NTFY = {
    "topic": matches(r"[-_A-Za-z0-9]{1,64}"), "title": text(1000),
    "message": octets(4096), "priority": number(1, 5),
    "tags": many(matches(r"[a-z_0-9]+"), 20), "click?": URL,
}

# https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
PAGERDUTY = {
    "routing_key": text(32, 32),
    "event_action": one_of("trigger", "acknowledge", "resolve"),
    "dedup_key": text(255, 1), "client?": text(255),
    "payload?": {
        "summary": text(1024, 1), "source": text(1024, 1),
        "severity": one_of("critical", "error", "warning", "info"),
        "timestamp?": moment, "component?": text(1024), "group?": text(1024),
        "class?": text(1024), "custom_details?": texts(100, 20000)},
    "links?": many({"href": URL, "text?": text(255)}, 50),
}

# https://docs.opsgenie.com/docs/alert-api#create-alert and #close-alert
OPSGENIE = {
    "message": text(130, 1), "alias": text(512, 1),
    "description": text(15000), "entity": text(512),
    "source": text(100), "priority": one_of("P1", "P2", "P3", "P4", "P5"),
    "tags": many(text(50, 1), 20), "details": texts(200, 8000),
}
OPSGENIE_CLOSE = {"source": text(100), "note": text(25000)}

# https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
LABELS = texts(200, 20000)


def label_names(value, where):
    LABELS(value, where)
    for name in value:
        matches(r"[A-Za-z_][A-Za-z0-9_]*")(name, f"{where} name")


ALERTMANAGER = many({
    "labels": label_names, "annotations": label_names,
    "startsAt": moment, "endsAt": moment}, 1, 1)

JSON = {name: anything for name in (
    "source event dedup_key title text check environment state since fault "
    "code summary diagnosis impact would_have_run owner links incident "
    "command").split()}

# format: (url after the server, key, to, path of an outage, of a recovery,
#          headers, shape of an outage, of a recovery, status)
APIS = {
    "json": ("/hook", "k", None, "/hook", "/hook",
             {"Authorization": "Bearer k"}, JSON, JSON, 200),
    "slack": ("/services/T/B/X", None, None, "/services/T/B/X",
              "/services/T/B/X", {}, SLACK, SLACK, 200),
    "discord": ("/api/webhooks/1/x", None, None, "/api/webhooks/1/x",
                "/api/webhooks/1/x", {}, DISCORD, DISCORD, 204),
    "teams": ("/workflows/w/triggers/manual/paths/invoke?sig=x", None, None,
              "/workflows/w/triggers/manual/paths/invoke?sig=x",
              "/workflows/w/triggers/manual/paths/invoke?sig=x", {},
              TEAMS, TEAMS, 202),
    "telegram": ("/bot1:x/sendMessage", None, "-1001", "/bot1:x/sendMessage",
                 "/bot1:x/sendMessage", {}, TELEGRAM, TELEGRAM, 200),
    "ntfy": ("/my-topic", "tk_x", None, "/", "/",
             {"Authorization": "Bearer tk_x"}, NTFY, NTFY, 200),
    "pagerduty": ("/v2/enqueue", "k" * 32, None, "/v2/enqueue", "/v2/enqueue",
                  {}, PAGERDUTY, PAGERDUTY, 202),
    "opsgenie": ("", "k", None, "/v2/alerts",
                 "/v2/alerts/relevo-I-12/close?identifierType=alias",
                 {"Authorization": "GenieKey k"}, OPSGENIE, OPSGENIE_CLOSE,
                 202),
    "alertmanager": ("", None, None, "/api/v2/alerts", "/api/v2/alerts", {},
                     ALERTMANAGER, ALERTMANAGER, 200),
}
