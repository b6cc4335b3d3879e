# A notice as a message of RFC 5322. Needs $from, $to, $date and $host;
# input: the context of a notify runbook.

include "notice";

def wrap($n): if length <= $n then . else .[:$n] + "\n" + (.[$n:] | wrap($n)) end;

# RFC 2047: words of at most 75 characters; 36 characters of text are at most
# 144 bytes, so the text is cut into pieces of 10 (40 bytes, 56 encoded).
def pieces: if length <= 10 then [.] else [.[:10]] + (.[10:] | pieces) end;
def encoded: pieces | map("=?UTF-8?B?\(@base64)?=") | join("\n ");

def id($what): $what | gsub("[^A-Za-z0-9.-]"; "-");

def mail:
  (["[relevo] \(headline)" | .[:180] | encoded]
    | .[0]) as $subject
  | id(dedup) as $thread
  # A notice that is tried again is the same message as at first.
  | id(.run.first? // .run.id? // "R-0" | plain(40)) as $run
  | ([headline, "", (facts[] | "\(.[0]): \(.[1])"),
      (links | if length > 0 then "" else empty end),
      (links[] | "\(.[0]): \(.[1])"), ""] | join("\r\n")) as $text
  | "Date: \($date)",
    "From: Relevo <\($from)>",
    "To: \($to | gsub(" "; ", "))",
    "Subject: \($subject)",
    "Message-ID: <\($thread).\($run)@\($host)>",
    "References: <\($thread)@\($host)>",
    "In-Reply-To: <\($thread)@\($host)>",
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: base64",
    "",
    ($text | @base64 | wrap(76));
