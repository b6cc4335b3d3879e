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

def headline: if is_recovery then "\(check_name) has recovered"
  else "\(check_name) is \(to_state)" end;

def since: (.incident.began? // .incident.opened? // .state.since? // "") | plain(40);

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
  ["also affected", (impact | .[:20] | join(", "))],
  ["would have run", (would_have_run | join(", "))],
  ["look further", command]
] | map(select(.[1] != ""));
