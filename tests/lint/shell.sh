#!/usr/bin/env bash
# Shell scripts by shellcheck, Python by its compiler, jq programs by jq, and
# the header of each runbook by the contract. Needs shellcheck (else 77).
set -euo pipefail
source=${RELEVO_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
if ! command -v shellcheck >/dev/null; then
    echo "skipped: shellcheck is not installed"
    exit 77
fi
cd "$source"
failed=0

# A script is what ends in .sh or begins with a shell's #! line.
scripts() {
    find dev .ci runbooks tests -type f ! -name '*.py' ! -name '*.c' \
        ! -name '*.h' ! -name '*.md' ! -name '*.jq' 2>/dev/null | sort |
        while IFS= read -r file; do
            if [[ $file == *.sh ]] ||
                head -n 1 "$file" | tr -d '\0' | grep -qE '^#!.*\b(sh|bash)$'; then
                printf '%s\n' "$file"
            fi
        done
}

# Runbooks: the executables, wherever they lie below runbooks/.
runbooks() { find runbooks -type f -perm -u+x ! -path 'runbooks/lib/*' | sort; }

check_header() { # FILE
    local file=$1 head
    head=$(head -n 30 "$file" | tr -d '\0' | grep '^#' || true)
    grep -qE '^# kind: (diagnose|remediate|notify)$' <<<"$head" ||
        echo "$file: no line '# kind: diagnose|remediate|notify'"
    grep -qE '^# title: .' <<<"$head" || echo "$file: no line '# title: …'"
    grep '^# param: ' <<<"$head" |
        grep -vE '^# param: [a-z][a-z0-9_-]*( secret)?( required)?( default=[^ ]*)? "[^"]+"$' |
        sed "s|^|$file: not a parameter: |" || true
    [[ -f $file.md ]] || echo "$file: no page $file.md beside it"
    local part
    for part in Meaning Impact Diagnosis Mitigation 'Escalate to'; do
        grep -qsx "## $part" "$file.md" || echo "$file.md: no section \"$part\""
    done
    # Text of a target must never be read as a command.
    grep -nE '(^|[;&| ])eval |`' "$file" | grep -vE '^[0-9]+:[[:space:]]*#' |
        sed "s|^|$file: eval or a backquote: |" || true
}

# It must be able to fail.
bad=$(mktemp -d)
trap 'rm -rf "$bad"' EXIT
printf '#!/bin/sh\n# kind: repair\n# param: x y z\neval "$1"\n' >"$bad/bad"
if [[ $(check_header "$bad/bad" | wc -l) != 10 ]]; then
    echo "shell.sh does not see what is wrong with a bad runbook:"
    check_header "$bad/bad"
    exit 1
fi
if shellcheck -s sh - <<<'rm -rf $1/*' >/dev/null; then
    echo "shellcheck does not see an unquoted word"
    exit 1
fi

mapfile -t files < <(scripts)
# 2015 and 2016: "a && b || true" and $ in single quotes are meant.
shellcheck -x -e SC2015,SC2016 "${files[@]}" || failed=1

if command -v python3 >/dev/null; then
    find tests -name '*.py' -print0 |
        xargs -0 -r python3 -c 'import ast, sys
for name in sys.argv[1:]:
    ast.parse(open(name, encoding="utf-8").read(), name)' || failed=1
fi

while IFS= read -r runbook; do
    check_header "$runbook"
done < <(runbooks) >"$bad/headers"
if [[ -s $bad/headers ]]; then
    cat "$bad/headers"
    failed=1
fi
if ((failed == 0)); then
    echo "shell: ${#files[@]} scripts"
fi
exit "$failed"
