# Lines of descriptor 3, for runbooks that write them with jq:
#     jq -c -L runbooks/lib 'include "relevo"; finding("warn"; "disk.full"; …)'
# Each text is cut and freed of control characters here, so that a line stays
# under 8 KiB whatever a target said.

def clean($most):
  (if type == "string" then . elif . == null then "" else tojson end)
  # C0, DEL, C1, line separators, and what turns the reading direction round
  | gsub("[\\x{00}-\\x{1f}\\x{7f}-\\x{9f}\\x{200e}\\x{200f}\\x{2028}-\\x{202e}\\x{2066}-\\x{2069}]+"; " ")
  | gsub("^ +| +$"; "")
  | if length > $most then .[:$most - 1] + "…" else . end;

def finding($sev; $code; $title; $detail; $next):
  {t: "finding", sev: $sev, code: ($code | clean(64)),
   title: ($title | clean(300))}
  + (if ($detail | clean(800)) != "" then {detail: ($detail | clean(800))} else {} end)
  + (if ($next | clean(400)) != "" then {next: ($next | clean(400))} else {} end);

def verdict($class; $confidence):
  {t: "verdict", class: ($class | clean(64)), confidence: $confidence};

def metric($name; $value; $unit):
  {t: "metric", name: $name, value: $value, unit: $unit};

# A line in words, for the transcript.
def transcript:
  if .t == "finding" then "\(.sev): \(.title)"
  elif .t == "verdict" then "verdict: \(.class)"
  elif .t == "recommend" then "recommended: \(.runbook)"
  else empty end;

def recommend($runbook; $reason):
  {t: "recommend", runbook: ($runbook | clean(64)), reason: ($reason | clean(200))};
