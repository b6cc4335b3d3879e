# Health bodies: which component does an answer blame? Understands
#   {"status":"degraded","db":"[Errno 111] …","redis":"ok"}         flat
#   {"components":{"db":{"status":"DOWN"}}}                         Spring Boot
#   {"checks":{"db:responseTime":[{"status":"fail"}]}}              health+json
#   {"checks":[{"name":"db","status":"fail"}]}                      MicroProfile
# and the same under details, entries, services, dependencies, or wrapped once
# in detail, data or health. Gives [{name, state: good|bad|other, text}].

include "relevo";

def good_word: IN("ok", "up", "pass", "passing", "healthy", "green", "true",
  "ready", "alive", "connected", "running", "online", "available", "good",
  "success", "operational", "serving", "pong", "1");

def bad_word: test("errno|error|fail|down|refus|time[d]? ?out|unhealthy|"
  + "unavail|unreach|degraded|exception|closed|critical|denied|disconnect|"
  + "cannot|could ?n.t|not connected|no route|lost|dead|broken|red$|false");

def judged:
  if . == true then "good" elif . == false then "bad"
  elif type != "string" then "other"
  else (clean(400) | ascii_downcase) as $word
    | if $word | good_word then "good"
      elif $word | bad_word then "bad" else "other" end
  end;

def first_text($keys): . as $o
  | first(($keys[] | $o[.]?) | select(type == "string" and . != "")) // null;

def status_of: . as $o
  | first(("status", "state", "healthy", "ok", "up", "result")
      | $o[.]? | select(type == "string" or type == "boolean")) // null;

# The worst of several answers about one component.
def worst: (map(select(.state == "bad")) + map(select(.state == "other")) + .)[0];

def component($name):
  if type == "object" then
    (status_of) as $status
    | ([., .details?, .data?] | map(objects | first_text(
        ["error", "message", "output", "description", "reason", "exception",
         "detail", "cause", "msg"])) | map(values)[0]) as $text
    | {name: $name,
       state: (if $status == null then ($text | judged) else ($status | judged) end),
       text: ($text // $status)}
  elif type == "array" then
    ([.[] | component($name)] | if length == 0 then empty else worst end)
  else {name: $name, state: judged, text: .} end;

def of_container:
  if type == "array" then
    (.[] | objects | . as $o
      | (first_text(["name", "id", "component", "service"])) as $name
      | select($name != null) | $o | component($name))
  else (to_entries[] | .key as $key | .value | component($key | split(":")[0] // $key)) end;

def not_components: IN("status", "state", "healthy", "ok", "message", "msg",
  "error", "detail", "title", "type", "description", "version", "releaseId",
  "serviceId", "notes", "output", "timestamp", "time", "name", "code", "path",
  "environment", "env", "commit", "uptime", "instance", "reason");

def found:
  if type == "string" then (fromjson? // null) else . end
  | if type != "object" then empty
    else . as $doc
    | [("components", "checks", "details", "entries", "services", "dependencies")
        | $doc[.]? | select((type == "object" or type == "array") and length > 0)
        | of_container]
    | if length > 0 then .[]
      else
        ([$doc | to_entries[] | select(.key | not_components | not)
          | .key as $key | .value
          | select(type == "string" or type == "boolean" or
                   (type == "object" and status_of != null))
          | component($key) | select(.state != "other")]) as $flat
        | if $flat | length > 0 then $flat[]
          else (("detail", "data", "health", "error") | $doc[.]? // empty | found) end
      end
    end;

# A body that was cut, or is not quite JSON: the pairs that can be read.
def scanned: [try match("\"([A-Za-z0-9_.:-]{1,40})\"\\s*:\\s*\"([^\"\\\\]{1,300})"; "g")
    catch empty | .captures]
  | .[] | {key: .[0].string, text: .[1].string}
  | select(.key | not_components | not)
  | {name: .key, text, state: (.text | judged)} | select(.state == "bad");

# In: the body as text, perhaps with header lines before it.
def health_components:
  .[:65536] | . as $text
  | ([try fromjson catch null] | .[0]) as $doc
  | (if $doc == null then
       ([$text | indices("{")[:1][] | $text[.:] | fromjson?] | .[0])
     else $doc end) as $doc
  | [if $doc != null then ($doc | found) else ($text | scanned) end
     | {name: (.name | clean(40)), state, text: (.text | clean(300))}
     | select(.name != "")]
  | group_by(.name) | map(worst);

# What people call it; null where the name says nothing.
def component_kind: ascii_downcase
  | if test("^(db|database|postgres|pg|mysql|mariadb|sql|mongo|primary)") or test("(database|postgres)") then "database"
    elif test("redis|cache|valkey|memcache") then "cache"
    elif test("queue|rabbit|kafka|broker|celery|nats") then "queue"
    else null end;

# The likeliest cause first: a database takes the others with it.
def by_weight: sort_by((.name | component_kind) as $kind
  | {"database": 0, "queue": 1, "cache": 2}[$kind // ""] // 3, .name);
