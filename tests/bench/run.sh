#!/usr/bin/env bash
# Measures: see docs/performance.md. `run.sh [NAME…]`; the build is
# $RELEVO_BUILD, else build/release.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
export RELEVO_BUILD=${RELEVO_BUILD:-$top/build/release}
if [[ ! -f $RELEVO_BUILD/build.ninja ]]; then
    echo "$RELEVO_BUILD is not there: ./dev build release" >&2
    exit 2
fi
ninja -C "$RELEVO_BUILD" relevo plugins/all bench_programs >"$RELEVO_BUILD/bench.log" || {
    cat "$RELEVO_BUILD/bench.log" >&2
    exit 2
}
exec python3 "$top/tests/bench/bench.py" "$@"
