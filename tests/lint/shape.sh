#!/usr/bin/env bash
# The shape of the sources: functions of at most 80 lines, files of at most 800,
# each opening with a comment that says what it is for; nothing left open,
# nothing that is true on one machine only. Needs universal-ctags (else 77).
set -euo pipefail
source=${RELEVO_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
most_function=80
most_file=800

list() { # ROOT: sources in C
    (cd "$1" && find core plugins include tests -type f \
        \( -name '*.c' -o -name '*.h' \) 2>/dev/null | sort)
}

long_functions() { # ROOT
    (cd "$1" && list . | ctags -L - --languages=C --langmap=C:.c.h \
        --kinds-C=f --fields=+ne -o - 2>/dev/null || true) |
        awk -F '\t' -v most="$most_function" '{
            from = to = 0
            for (i = 4; i <= NF; i++) {
                if ($i ~ /^line:/) from = substr($i, 6)
                if ($i ~ /^end:/) to = substr($i, 5)
            }
            if (to - from + 1 > most)
                print $2 ":" from ": " $1 "() has " to - from + 1 " lines, at most " most
        }'
}

long_files() { # ROOT
    local file n
    while IFS= read -r file; do
        n=$(wc -l <"$1/$file")
        if ((n > most_file)); then
            echo "$file: $n lines, at most $most_file"
        fi
    done < <(list "$1"; cd "$1" && find dev tests runbooks -type f \
        \( -name '*.sh' -o -name '*.py' -o -name dev \) 2>/dev/null)
}

no_opening() { # ROOT
    local file
    while IFS= read -r file; do
        case $(head -c 2 "$1/$file") in
        '/*' | '//') ;;
        *) echo "$file:1: opens without a comment that says what it is for" ;;
        esac
    done < <(list "$1")
}

# The words are written apart here so that they are not found in this file.
left_open() { # ROOT
    local words="\b(T""ODO|F""IXME)\b|\bX""XX([: ]|\$)"
    (cd "$1" && grep -rnIE "$words" core plugins include runbooks tests \
        docs dev .ci CMakeLists.txt 2>/dev/null || true) |
        grep -vE '(mkdtemp|mkstemp|mktemp|XX''XXXX)' || true
}

one_machine() { # ROOT
    local paths="/wo""rk/|/ho""me/|/tmp/b""ash_jobs"
    (cd "$1" && grep -rnIE "($paths)" core plugins include runbooks tests docs \
        dev .ci CMakeLists.txt README.md 2>/dev/null || true)
}

all_of() { # ROOT
    long_functions "$1"
    long_files "$1"
    no_opening "$1"
    left_open "$1"
    one_machine "$1"
}

self_test() {
    local bad got
    bad=$(mktemp -d)
    trap 'rm -rf "$bad"' RETURN
    mkdir -p "$bad/core/base" "$bad/docs"
    {
        echo '/* a */'
        echo 'int f(void)'
        echo '{'
        for _ in {1..80}; do echo '    g();'; done
        echo '}'
    } >"$bad/core/base/a.c"
    for _ in {1..801}; do echo '// b'; done >"$bad/core/base/b.h"
    echo 'int c;' >"$bad/core/base/c.c"
    printf '/* T%s */\n' ODO >"$bad/core/base/d.c"
    printf 'see /wo%s\n' rk/x >"$bad/docs/e.md"
    got=$(all_of "$bad" | wc -l)
    if [[ $got != 5 ]]; then
        echo "shape.sh does not see what it should: $got of 5"
        all_of "$bad"
        exit 1
    fi
}

if ! ctags --version 2>/dev/null | grep -q Universal; then
    echo "skipped: universal-ctags is not installed"
    exit 77
fi
self_test
found=$(all_of "$source")
if [[ -n $found ]]; then
    printf '%s\n' "$found"
    exit 1
fi
echo "shape: fine"
