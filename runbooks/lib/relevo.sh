# shellcheck shell=sh
# Helpers for runbooks, POSIX sh: findings on descriptor 3, the context from
# standard input, a time budget. Source it right after the header comment:
#
#     . "${0%/*}/../lib/relevo.sh"
#     runbook_begin jq curl
#
# Everything that came from a target is text in a JSON document and stays
# there: jq reads it, jq writes it. It never becomes a word of a command.

# Run by hand, a script has no descriptor 3: its findings go to the terminal.
if ! (: >&3) 2>/dev/null; then
    exec 3>&1
fi

# The environment ends the run before the engine would have to kill it.
# runbook_budget SECONDS: from now on, and never beyond RELEVO_DEADLINE.
runbook_budget() {
    runbook_ends=$(($(date +%s) + $1))
    case ${RELEVO_DEADLINE:-} in
    '' | *[!0-9]*) ;;
    *)
        if [ "$((RELEVO_DEADLINE - 1))" -lt "$runbook_ends" ]; then
            runbook_ends=$((RELEVO_DEADLINE - 1))
        fi
        ;;
    esac
}

# Seconds left, capped at the first argument, never below 0.
runbook_left() {
    left=$((runbook_ends - $(date +%s)))
    if [ "$left" -gt "$1" ]; then left=$1; fi
    if [ "$left" -lt 0 ]; then left=0; fi
    printf '%s\n' "$left"
}

# runbook_begin PROGRAM...: checks what the script needs, makes a folder to work
# in ($runbook_dir) and puts the context there ($runbook_context).
runbook_begin() {
    umask 077
    for program in "$@"; do
        if ! command -v "$program" >/dev/null 2>&1; then
            # Constant text: the one place that cannot ask jq to quote it.
            printf '{"t":"finding","sev":"warn","code":"runbook.needs",%s}\n' \
                "\"title\":\"the runbook needs $program, which is not installed\",\"next\":\"apt-get install $program\"" >&3
            exit 78
        fi
    done
    # Inside the run's own folder, and gone at the end: what a target said
    # stays only where the engine keeps it.
    runbook_dir=$(mktemp -d "${RELEVO_RUN_DIR:-${TMPDIR:-/tmp}}/work.XXXXXX") ||
        exit 75
    trap 'rm -rf "$runbook_dir"' EXIT
    trap 'exit 75' HUP INT TERM
    runbook_context=$runbook_dir/context.json
    cat >"$runbook_context" || exit 75
}

# Passes JSON lines from standard input on to descriptor 3 and says each once
# more in words, for the transcript.
runbook_emit() {
    cat >"$runbook_dir/emit.jsonl"
    if [ -s "$runbook_dir/emit.jsonl" ]; then
        cat "$runbook_dir/emit.jsonl" >&3
        jq -r -L "$runbook_lib" 'include "relevo"; transcript' \
            "$runbook_dir/emit.jsonl"
    fi
}

# finding SEVERITY CODE TITLE [DETAIL [NEXT]]; severity is info, warn or crit.
finding() {
    jq -nc -L "$runbook_lib" --arg sev "$1" --arg code "$2" --arg title "$3" \
        --arg detail "${4:-}" --arg next "${5:-}" \
        'include "relevo"; finding($sev; $code; $title; $detail; $next)' |
        runbook_emit
}

# verdict CLASS CONFIDENCE: what is the cause, and how sure that is (0 to 1).
verdict() {
    jq -nc -L "$runbook_lib" --arg class "$1" --argjson confidence "$2" \
        'include "relevo"; verdict($class; $confidence)' | runbook_emit
}

runbook_lib=${0%/*}/../lib
