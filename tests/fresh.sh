#!/usr/bin/env bash
# A fresh machine: a minimal Debian 12 made by debootstrap, entered in
# namespaces of its own. In one tree README's two commands run in a clean clone;
# in another the package is installed and watches: as its own user, a check, an
# outage, an incident, a runbook; upgraded and purged it keeps its state.
#
# Long (RELEVO_LONG), as root, with debootstrap and a Debian mirror; else it
# says what is missing and is skipped (77). RELEVO_MIRROR: another mirror;
# RELEVO_FRESH_TESTS: only those tests in the clone, as `./dev test -R`.
set -euo pipefail
here=$(readlink -f "${BASH_SOURCE[0]}")
source=${RELEVO_SOURCE:-$(dirname "$(dirname "$here")")}
mirror=${RELEVO_MIRROR:-http://deb.debian.org/debian}

skip() {
    echo "skipped: $*"
    exit 77
}
fail() {
    echo "failed: $*" >&2
    exit 1
}
stage() { printf '[%4d s] %s\n' "$SECONDS" "$*"; }

until_true() { # SECONDS WHAT COMMAND…
    local tries=$(($1 * 5)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        ((tries-- > 0)) || fail "waited for $what"
        sleep 0.2
    done
}

# ----------------------------------------------------- inside a tree ---
# What README promises, read out of it, so that this cannot test anything else.
inside_clone() {
    local commands dev status=0
    cd /src
    mapfile -t commands < <(sed -nE 's/^    (\.\/dev (run|test)) .*/\1/p' README.md)
    [[ ${commands[*]} == './dev run ./dev test' ]] ||
        fail "README's two commands are: ${commands[*]}"
    stage './dev run'
    ./dev run >/tmp/run.log 2>&1 &
    dev=$!
    if ! (until_true 1200 'the first result' \
        sh -c 'build/release/relevo -c build/run/relevo.cfg status | grep -q " up "' &&
        touch build/run/db-down &&
        until_true 120 'an incident' \
            sh -c 'build/release/relevo -c build/run/relevo.cfg incident list | grep -q I-1'); then
        tail -n 40 /tmp/run.log
        fail './dev run'
    fi
    kill "$dev" # an INT is ignored by what a script starts in the background
    wait "$dev" || status=$?
    ((status == 0)) || fail "./dev run ended with $status"
    stage "./dev test ${RELEVO_FRESH_TESTS:+-R $RELEVO_FRESH_TESTS}"
    ./dev test ${RELEVO_FRESH_TESTS:+-R "$RELEVO_FRESH_TESTS"} >/tmp/test.log 2>&1 || {
        grep -A 60 -E '\*\*\*(Failed|Timeout|Not Run|Exception)' /tmp/test.log || true
        tail -n 60 /tmp/test.log
        fail './dev test'
    }
    stage 'the package'
    (cd build/release && cpack -G DEB) >/tmp/pack.log 2>&1 || {
        cat /tmp/pack.log
        fail cpack
    }
}

serve() { # a web server that needs nothing but what a minimal Debian has
    exec perl -MIO::Socket::INET -e '
        my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 18099,
            Listen => 16, ReuseAddr => 1) or die $!;
        while (my $c = $s->accept) {
            while (<$c>) { last if /^\r?\n/ }
            print $c "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
            close $c;
        }'
}

as_relevo() { exec setpriv --reuid relevo --regid relevo --init-groups "$@"; }
told() { relevo -c /etc/relevo/relevo.cfg "$@"; }
told_has() { # PATTERN COMMAND…
    local pattern=$1
    shift
    told "$@" 2>&1 | grep -qE "$pattern"
}

inside_package() {
    local deb=/relevo.deb daemon server
    export DEBIAN_FRONTEND=noninteractive
    if ! apt-get -q update >/tmp/apt.log 2>&1 ||
        ! apt-get -qy install --no-install-recommends "$deb" >>/tmp/apt.log 2>&1; then
        tail -n 40 /tmp/apt.log
        fail 'apt-get install'
    fi
    [[ $(stat -c '%U:%G %a' /etc/relevo/relevo.cfg) == 'root:relevo 640' ]] ||
        fail "$(stat -c '%U:%G %a' /etc/relevo/relevo.cfg): /etc/relevo/relevo.cfg"
    [[ $(stat -c '%U:%G %a' /var/lib/relevo) == 'relevo:relevo 700' ]] || fail /var/lib/relevo
    told config check || fail 'the configuration of the package is not right'
    sed -i 's|^checks = {|&\n  web = { url = "http://127.0.0.1:18099/"; interval = "1s"; timeout = "1s"; };|' \
        /etc/relevo/relevo.cfg
    install -d -o relevo -g relevo -m 0750 /run/relevo # by systemd elsewhere
    serve &
    server=$!
    as_relevo relevo -c /etc/relevo/relevo.cfg run >/tmp/relevo.log 2>&1 &
    daemon=$!
    until_true 30 'the check to be up' told_has '^ *web .* up |up .*web|web +up' status
    grep -qE "^Uid:\s+$(id -u relevo)\s" "/proc/$daemon/status" || fail 'the daemon is not relevo'
    [[ -S /run/relevo/control.sock ]] || fail 'no control socket'
    kill "$server"
    until_true 60 'the incident' told_has 'web is DOWN' incident show
    until_true 60 'the diagnosis' told_has 'diagnose +.*R-|R-.*diagnose' runbook log
    serve &
    server=$!
    until_true 60 'the recovery' told_has 'it has recovered' incident show
    stage 'upgrade and purge'
    apt-get -qy install --reinstall --no-install-recommends "$deb" >>/tmp/apt.log 2>&1 ||
        fail 'upgrade'
    grep -q 18099 /etc/relevo/relevo.cfg || fail 'the upgrade lost the configuration'
    told_has 'I-1' incident list || fail 'the upgrade lost the history'
    kill "$daemon" "$server"
    wait "$daemon" || fail "the daemon ended with $?"
    apt-get -qy purge relevo >>/tmp/apt.log 2>&1 || fail purge
    [[ -s /var/lib/relevo/history.db ]] || fail 'the purge took the history'
    [[ ! -e /usr/bin/relevo && ! -e /etc/relevo/relevo.cfg ]] || fail 'the purge left something'
}

# ---------------------------------------------------------- outside ---
# All that is mounted and started ends with the namespaces. The tree is mounted
# on itself: where / is no mount point, tests cannot make namespaces of their own.
enter() { # TREE FUNCTION
    install -m 755 "$here" "$1/fresh.sh"
    # shellcheck disable=SC2016 # for the inner shell
    unshare --mount --pid --fork --kill-child -- bash -euc '
        mount --make-rprivate /
        mount --bind "$1" "$1"
        mount --rbind /dev "$1/dev"
        mount -t proc proc "$1/proc"
        mount -t sysfs -o ro sysfs "$1/sys"
        exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            HOME=/root LANG=C.UTF-8 TERM=dumb \
            RELEVO_FRESH_TESTS="${RELEVO_FRESH_TESTS:-}" \
            chroot "$1" bash /fresh.sh "$2"' enter "$1" "$2"
}

# Packages come the way they come on this machine: proxies and mirrors.
lend_apt() { # TREE
    cp -a /etc/apt/apt.conf.d/. "$1/etc/apt/apt.conf.d/"
    [[ ! -f /etc/apt/apt.conf ]] || cp -a /etc/apt/apt.conf "$1/etc/apt/"
    cp -L /etc/resolv.conf /etc/hosts "$1/etc/"
}

make_base() { # TREE
    local proxy=''
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [[ -z $proxy || -n ${http_proxy:-} ]] || export http_proxy=$proxy
    debootstrap --variant=minbase --include=ca-certificates bookworm "$1" "$mirror" \
        >"$work/debootstrap.log" 2>&1 || {
        tail -n 5 "$work/debootstrap.log"
        skip "debootstrap cannot make a Debian from $mirror"
    }
    lend_apt "$1"
}

case ${1:-} in
clone) inside_clone && exit ;;
package) inside_package && exit ;;
esac

[[ -n ${RELEVO_LONG:-} ]] || skip 'it makes a whole Debian: only with RELEVO_LONG=1'
((EUID == 0)) || skip 'it needs root'
for program in debootstrap git unshare setpriv; do
    command -v "$program" >/dev/null || skip "$program is not here"
done
work=$(mktemp -d "${TMPDIR:-/tmp}/relevo-fresh-XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
unshare --mount --pid --fork true || skip 'namespaces are not allowed here'

stage 'a minimal Debian'
make_base "$work/base"
cp -a "$work/base" "$work/package"
git -c safe.directory='*' clone -q --no-local "$source" "$work/base/src"
stage 'a clean clone'
enter "$work/base" clone
cp "$work"/base/src/build/release/relevo_*.deb "$work/package/relevo.deb"
stage 'the package on another Debian'
enter "$work/package" package
stage 'done'
