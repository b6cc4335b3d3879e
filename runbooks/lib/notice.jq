# The words of a notice, the same in every format: what, since when, cause,
# diagnosis, impact, what would have run, and how to look further. Input: the
# context of a notify runbook. Texts are cleaned here and not yet escaped: each
# template escapes for its own sink.

include "relevo";

def plain($most): clean($most);

def check_name: (.incident.check? // .check.name? // "a check") | plain(120);

def to_state: (.transition.to? // .state.now? // env.RELEVO_ON // "down")
  | plain(40) | gsub("_"; " "); # still_down

def is_recovery: (env.RELEVO_ON // "") == "recovered"
  or (.run.on? // "") == "recovered" or to_state == "up";

# "orders API (production/api)" where the check has a title.
def subject: (.check.title? // "" | plain(120)) as $title
  | if $title == "" then check_name else "\($title) (\(check_name))" end;

# An incident may end without a recovery: nobody may take that for one.
def headline: if is_recovery and to_state == "paused"
    then "\(subject) is paused: its incident is closed"
  elif is_recovery and to_state == "removed"
    then "\(subject) is not watched any more: its incident is closed"
  elif is_recovery then "\(subject) has recovered"
  else "\(subject) is \(to_state)" end;

def began: (.incident.began? // .incident.opened? // .state.since? // "") | plain(40);

# Seconds since 1970 of "2026-01-02T03:04:05.678Z"; null for anything else.
def instant: (strings
  | (capture("^(?<whole>[^.]*)(?<part>\\.[0-9]+)?Z$")? // {whole: ""})
  | (try (.whole + "Z" | fromdateiso8601) catch null) as $whole
  | if $whole then $whole + ("0\(.part // "")" | tonumber) else null end)
  // null;

# "14.2 s", "3 min 5 s", "2 h 10 min", "1 d 3 h"
def elapsed: if . < 60 then "\(. * 10 | round / 10) s"
  else round
    | if . < 3600 then "\(. / 60 | floor) min \(. % 60) s"
      elif . < 86400 then "\(. / 3600 | floor) h \(. % 3600 / 60 | floor) min"
      else "\(. / 86400 | floor) d \(. % 86400 / 3600 | floor) h" end
  end;

# How long it was down, once that is known.
def lasted: (.incident.began? | instant) as $from
  | (.incident.resolved? | instant) as $to
  | if $from and $to and $to >= $from then $to - $from | elapsed else "" end;

def since: began as $since
  | if $since != "" and is_recovery and lasted != ""
    then "\($since), for \(lasted)" else $since end;

def environment_name: .check.environment? // "" | plain(60);
def owner: .check.owner? // "" | plain(120);
# [name, URL] of what the check's configuration says is worth a look.
def links: [.check.links? | objects | to_entries[]
  | [(.key | plain(60)), (.value | plain(500))]
  | select(.[1] | test("^https?://"))] | .[:10];

# What the probe saw: fault, code and message.
def saw: [(.incident.fault? // .result.fault? // ""), (.incident.code? // .result.code? // "")]
  | map(plain(60)) | map(select(. != "" and . != "none")) | join(" ");
def summary: (.incident.summary? // .result.message? // "") | plain(400);
def cause: [saw, summary] | map(select(. != "")) | join(": ");

def rank: {crit: 0, warn: 1, info: 2}[.sev? // "info"] // 3;

# The strongest finding of the diagnosis, with its next step.
def diagnosis: (.diagnosis? | objects) // null
  | if . == null then null
    else ([.findings? | arrays | .[] | objects | select((.t // "finding") == "finding")]
           | sort_by(rank) | .[0]) as $first
    | {title: ($first.title? // .title? // .verdict? // "" | plain(300)),
       next: ($first.next? // "" | plain(300))}
    | if .title == "" then null else . end
    end;

def names: map(if type == "object" then (.check? // .runbook? // .name? // .) else . end
  | plain(80)) | map(select(. != ""));
def impact: [.incident.impact? // .impact? | arrays | .[]] | names;
def would_have_run: [.would_have_run? | arrays | .[]] | names;

def incident_id: .incident.id? // "" | plain(40);
def command: if incident_id != "" then "relevo incident show \(incident_id | gsub("[^A-Za-z0-9_.-]"; ""))"
  else "relevo status" end;

# [label, text] in the order of reading; empty ones are left out.
def facts: [
  ["since", since],
  [(if is_recovery then "was" else "cause" end), cause],
  ["diagnosis", (diagnosis.title? // "")],
  ["next", (if is_recovery then "" else (diagnosis.next? // "") end)],
  ["owner", owner],
  ["also affected", (impact | .[:20] | join(", "))],
  ["would have run", (would_have_run | .[:20] | join(", "))],
  ["look further", command]
] | map(select(.[1] != ""));

# The same as lines of plain text.
def fact_lines: map("\(.[0]): \(.[1])") | join("\n");

# The same whenever the same notice is sent again, and for all of an incident.
def dedup: .dedup_key? // "" | plain(120)
  | if . == "" then "relevo" else . end;
