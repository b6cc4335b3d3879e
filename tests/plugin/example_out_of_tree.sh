#!/bin/sh
# A plugin is built by a stranger: the example's source alone, copied elsewhere,
# with the public header and the pkg-config file from an installation prefix.
# It must compile as C11 without warnings, also with the public header as C++,
# need no library but libc, and export the one symbol relevo_plugin_v1. So must
# the one that does not block; it also says each way a peer fails as it is.
set -eu

source_dir=${RELEVO_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
: "${CC:=cc}"
for tool in pkg-config nm "$CC"; do
    command -v "$tool" >/dev/null || {
        echo "no $tool: skipped"
        exit 77
    }
done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT INT TERM

fail() {
    echo "FAIL: $1"
    exit 1
}

prefix=$dir/prefix
mkdir -p "$prefix/include/relevo" "$prefix/lib/pkgconfig" "$dir/mine"
cp "$source_dir/include/relevo/plugin.h" "$prefix/include/relevo/"
sed -e "s|@CMAKE_INSTALL_PREFIX@|$prefix|" -e 's|@PROJECT_VERSION@|1.2.3|' \
    "$source_dir/packaging/relevo-plugin.pc.in" \
    >"$prefix/lib/pkgconfig/relevo-plugin.pc"
cp "$source_dir/plugins/example/example.c" "$dir/mine/"

PKG_CONFIG_PATH=$prefix/lib/pkgconfig
export PKG_CONFIG_PATH
version=$(pkg-config --modversion relevo-plugin)
[ "$version" = 1.2.3 ] || fail "version is '$version', wanted 1.2.3"
flags=$(pkg-config --cflags relevo-plugin)
cd "$dir/mine"
# shellcheck disable=SC2086 # flags are words
"$CC" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror \
    -Wno-missing-field-initializers -shared -fPIC -fvisibility=hidden -o example.so example.c \
    $flags || fail "does not compile with: $flags"

mkdir "$dir/async"
# shellcheck disable=SC2086
"$CC" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror \
    -Wno-missing-field-initializers -shared -fPIC -fvisibility=hidden \
    -o "$dir/async/memcached.so" "$source_dir/plugins/example/async/memcached.c" \
    $flags || fail "the one that does not block does not compile"

exported=$(nm -D --defined-only example.so | awk '{ print $3 }')
[ "$exported" = relevo_plugin_v1 ] ||
    fail "exports '$exported', wanted relevo_plugin_v1 alone"
needed=$(ldd example.so | awk '{ print $1 }' |
    grep -Ev '^(linux-|/lib|libc\.so)' || true)
[ -z "$needed" ] || fail "needs '$needed', wanted libc alone"

if command -v c++ >/dev/null; then
    echo '#include <relevo/plugin.h>' >header.cc
    # shellcheck disable=SC2086
    c++ -std=c++20 -Wall -Wextra -Werror -c -o header.o header.cc $flags ||
        fail "the header does not compile as C++20"
fi

# The program that loads it, where it is built.
relevo=${RELEVO_BUILD:-/nonexistent}/relevo
if [ -x "$relevo" ]; then
    ours=
    if [ -e "$RELEVO_BUILD/plugins/http.so" ]; then
        ours='  web = { url = "http://127.0.0.1:1/"; };'
    fi
    cat >"$dir/relevo.cfg" <<CFG
state_dir = "$dir/state";
plugin_dir = "$dir/mine";
checks = {
  here = { plugin = "example"; path = "$dir/relevo.cfg"; expect = ["size > 10B"]; };
  gone = { plugin = "example"; path = "$dir/none"; };
$ours
};
CFG
    # A folder of one's own takes nothing away.
    "$relevo" -c "$dir/relevo.cfg" config check >"$dir/config" 2>&1 ||
        fail "config check: $(cat "$dir/config")"
    "$relevo" -c "$dir/relevo.cfg" check here --json >"$dir/here.json" ||
        fail "check here: $(cat "$dir/here.json")"
    grep -q '"outcome": *"ok"' "$dir/here.json" ||
        fail "check here: $(cat "$dir/here.json")"
    "$relevo" -c "$dir/relevo.cfg" check gone --json >"$dir/gone.json" || true
    grep -q '"fault": *"mismatch"' "$dir/gone.json" ||
        fail "check gone: $(cat "$dir/gone.json")"
fi
echo "ok: $exported, flags $flags"
