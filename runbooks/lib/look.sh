# shellcheck shell=sh
# shellcheck disable=SC2154 # runbook_dir and such are those of relevo.sh
# What a diagnosis looks at from here before it speaks any protocol: the name,
# its addresses, whether they take a connection, and this machine's own sockets
# and addresses. Sourced after relevo.sh by http/diagnose, redis/diagnose and
# websocket/diagnose:
#
#     runbook_begin jq curl
#     look_begin "${0%/*}"
#     look_up "$host"; look_around
#     conclude late
#
# Each look leaves a file in $facts; lib/look.jq says what they mean.

# look_begin FOLDER [NAME]: where the runbook's own diagnose.jq lies, or NAME.jq.
look_begin() {
    here=$1
    facts=$runbook_dir/facts
    tries=$runbook_dir/tries # of each address its own files
    mkdir -p "$facts" "$tries"
    look_program "${2:-diagnose}" >"$runbook_dir/program.jq"
}

# look_program NAME: relevo.jq, look.jq, NAME.jq and all that they include, each
# once, as one text: jq would read and bind what several files include again for
# each of them, every time it starts.
look_program() {
    awk -v here="$here" -v lib="$runbook_lib" -v name="$1" '
        function load(name, file, line) {
            if (name in loaded) return
            loaded[name] = 1
            file = here "/" name ".jq"
            if ((getline line <file) < 0) file = lib "/" name ".jq"
            else close(file)
            while ((getline line <file) > 0)
                if (split(line, part, "\"") == 3 && part[1] == "include ") load(part[2])
                else print line
        }
        BEGIN { load("relevo"); load("look"); load(name) }' </dev/null
}

# ask FILTER: that program on the context, with all that was seen so far.
ask() {
    filter=$1
    set --
    for file in "$facts"/*; do
        if [ -f "$file" ]; then set -- "$@" --rawfile "${file##*/}" "$file"; fi
    done
    # "input": a context that is empty is an error, not silence.
    {
        cat "$runbook_dir/program.jq"
        printf '($ARGS.named | seen) as $facts | input | %s' "$filter"
    } | jq -nrc "$@" -f /dev/stdin "$runbook_context"
}

# conclude NAME [FILTER]: what early($facts) or late($facts) of it come
# to, said on descriptor 3, and in words on standard output; a context that is
# not as promised ends the run. FILTER: words that are asked for in the same
# breath, as starting jq takes longer than what it does; told() has them.
conclude() {
    ask "($1(\$facts) | tojson, transcript), (${2:-empty} | \"=\" + .)" \
        >"$runbook_dir/$1.said" 2>"$runbook_dir/$1.err" || {
        finding warn runbook.context "the context on standard input is not the JSON that was promised" \
            "$(head -c 300 "$runbook_dir/$1.err")"
        exit 78
    }
    grep '^{' "$runbook_dir/$1.said" >&3
    grep -v '^[{=]' "$runbook_dir/$1.said"
}

# told NAME: the words that conclude NAME was asked for, one a line.
told() { sed -n 's/^=//p' "$runbook_dir/$1.said"; }

# concluded NAME TEXT: whether a line of that conclusion has this text.
concluded() { grep '^{' "$runbook_dir/$1.said" | grep -qF "$2"; }

# look_up NAME: its addresses, at most four; how long that took.
look_up() {
    began=$(date +%s%3N)
    timeout 3 getent ahosts -- "$1" >"$facts/ahosts" 2>/dev/null
    printf '%s' "$?" >"$facts/dns_exit"
    printf '%s' "$(($(date +%s%3N) - began))" >"$facts/dns_ms"
    awk '$2 == "STREAM" && !seen[$1]++ { print $1 }' "$facts/ahosts" |
        head -n 4 >"$facts/addresses"
}

# look_around: who listens on this machine, which addresses it has, whom it asks
# for names.
look_around() {
    : >"$facts/listening"
    if command -v ss >/dev/null 2>&1; then
        timeout 2 ss -Hltn >"$facts/listening" 2>/dev/null
    fi
    if command -v ip >/dev/null 2>&1; then
        timeout 2 ip -o addr show 2>/dev/null | awk '{ sub("/.*", "", $4); print $4 }'
    else
        timeout 2 hostname -I 2>/dev/null | tr ' ' '\n'
    fi >"$facts/own"
    grep -E '^nameserver' /etc/resolv.conf >"$facts/nameservers" 2>/dev/null ||
        : >"$facts/nameservers"
}

# look_knock NUMBER ADDRESS PORT FILE [HOST]: what ADDRESS says to the bytes of
# FILE, or unasked, or why no connection comes about: as $tries/NUMBER.try, for
# reach_fate of look.jq. For the background; knocks at several addresses run together.
look_knock() {
    : >"$tries/$1.said"
    # 2 KiB, then curl is ended: no peer can fill the disk.
    (ulimit -f 4 && exec timeout 4 curl -q -svN --noproxy '*' \
        --connect-timeout 2 --max-time 2 -w '%{stderr}\n%{json}\n' -- \
        "telnet://$(bracketed "$2"):$3") <"$4" \
        >"$tries/$1.said" 2>"$tries/$1.log" 3>&- &
    looker=$!
    while kill -0 "$looker" 2>/dev/null && ! [ -s "$tries/$1.said" ]; do
        sleep 0.02
    done
    if [ -s "$tries/$1.said" ]; then
        # It would wait for more, and says nothing when it is ended.
        kill "$looker" 2>/dev/null
        wait "$looker" 2>/dev/null
        printf '{"exitcode":0,"time_connect":0.001}' >"$tries/$1.json"
    else
        wait "$looker" 2>/dev/null
        tail -n 1 "$tries/$1.log" >"$tries/$1.json"
    fi
    curl_reason "$tries/$1.log" >"$tries/$1.reason"
    jq -nc --arg n "$1" --arg address "$2" --arg port "$3" --arg host "${5:-}" --slurpfile curl "$tries/$1.json" \
        --rawfile said "$tries/$1.said" --rawfile reason "$tries/$1.reason" \
        '{$n, $host, $address, $port, curl: $curl[0], $said,
          reason: ($reason | rtrimstr("\n"))}' >"$tries/$1.try"
    if grep -q '"time_connect":[0-9.]*[1-9]' "$tries/$1.json"; then
        printf '%s' "$2" >"$tries/$1.taken"
    fi
}

# look_taken: the first address that took the connection of look_knock.
look_taken() {
    for file in "$tries"/*.taken; do
        if [ -f "$file" ]; then
            cat "$file"
            return
        fi
    done
}

# curl_reason LOG: curl's own words for why a connection failed.
curl_reason() {
    grep -aoE '(failed:|connect fail for [^ ]+:) .*' "$1" | tail -n 1 |
        sed 's/^.*: //'
}

# tls_began LOG: whether curl got as far as TLS, true or false. Its times do not
# tell a handshake that never ends from no connection.
tls_began() {
    if grep -qa 'Client hello' "$1"; then echo true; else echo false; fi
}

# bracketed ADDRESS: as it stands in a URL.
bracketed() {
    case $1 in
    *:*) printf '[%s]' "$1" ;;
    *) printf '%s' "$1" ;;
    esac
}

# secret_value NAME: the value of a secret parameter, its last newline gone;
# nothing where it is not given. Only for builtins and the environment of the
# one program that needs it, never for an argument.
secret_value() {
    secret_file=$(printenv "RELEVO_SECRET_$1") || return 0
    cat -- "$secret_file"
}

# keep_secret: what stands on standard input is blotted out of every finding.
keep_secret() {
    cat >>"$runbook_dir/secrets" && printf '\n' >>"$runbook_dir/secrets"
    cp "$runbook_dir/secrets" "$facts/secrets"
}
