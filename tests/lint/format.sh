#!/usr/bin/env bash
# Every C source is as clang-format leaves it. Needs clang-format (else 77).
set -euo pipefail
source=${RELEVO_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
if ! command -v clang-format >/dev/null; then
    echo "skipped: clang-format is not installed"
    exit 77
fi
cd "$source"

# It must be able to fail.
if printf 'int  f( void ){return 1 ;}\n' |
    clang-format --dry-run -Werror --assume-filename=core/x.c 2>/dev/null; then
    echo "format.sh does not see a badly formatted line"
    exit 1
fi
# The public header is aligned by hand.
mapfile -t files < <(find core plugins tests -type f \
    \( -name '*.c' -o -name '*.h' \) | sort)
mapfile -t bad < <(printf '%s\0' "${files[@]}" |
    xargs -0 clang-format --dry-run 2>&1 |
    sed -nE 's/^([^:]+):[0-9]+:[0-9]+: (warning|error).*/\1/p' | sort -u)
if ((${#bad[@]} > 0)); then
    echo "not as clang-format leaves them; mend with: clang-format -i ${bad[*]}"
    exit 1
fi
echo "format: ${#files[@]} files"
