# shellcheck shell=bash disable=SC2034,SC2154
# What `./dev run` watches: a web server, a PostgreSQL, a Redis, a gateway and a
# job, started and ended here, and the configuration of the Relevo that watches
# them. Sourced by ./dev only: they share variables and words (top, relevo,
# relevo_q, say, die).

# An nginx of our own: loopback, a port that is free, its own folder, one
# process in the foreground, never root where that can be avoided.
run_dir=$top/build/run
target_dir=$run_dir/target
target_pid_file=$target_dir/nginx.pid
config=$run_dir/relevo.cfg
break_file=$run_dir/db-down
# tests/lib/dev_servers.py looks for these files, and for the one above.
breaks=(redis-paused redis-down gateway-deaf backup-stops)

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The process of the pid file, if it is really ours.
target_pid() {
    local pid
    pid=$(cat "$target_pid_file" 2>/dev/null) || return 1
    if [[ $pid =~ ^[0-9]+$ ]] &&
        grep -qaF "$target_dir" "/proc/$pid/cmdline" 2>/dev/null; then
        say "$pid"
    else
        return 1
    fi
}

# The port of the last time where it is free, so that the config stays as it is.
choose_port() {
    local port
    port=$(sed -nE 's#.*127\.0\.0\.1:([0-9]+)/health/ready.*#\1#p' "$config" 2>/dev/null | head -n 1)
    port=${port:-18080}
    while ! port_is_free "$port"; do
        port=$((port < 65535 ? port + 1 : 18080))
    done
    say "$port"
}

write_target_conf() { # PORT
    cat >"$target_dir/nginx.conf" <<CONF
# Written by ./dev at each start.
daemon off;
master_process off;
pid "$target_pid_file";
error_log "$target_dir/error.log" warn;
events { worker_connections 256; }
http {
    access_log off;
    server_tokens off;
    client_body_temp_path "$target_dir/tmp-body";
    proxy_temp_path "$target_dir/tmp-proxy";
    fastcgi_temp_path "$target_dir/tmp-fastcgi";
    uwsgi_temp_path "$target_dir/tmp-uwsgi";
    scgi_temp_path "$target_dir/tmp-scgi";
    default_type application/json;
    server {
        listen 127.0.0.1:$1;
        root "$run_dir";
        location = /health/ready {
            # An API whose database is gone, as long as the file is there.
            if (-f \$document_root/db-down) {
                return 503 '{"status":"degraded","db":"[Errno 111] Connection refused","redis":"ok"}';
            }
            return 200 '{"status":"ready","db":"ok","redis":"ok"}';
        }
        location / { return 404 '{"error":"not found"}'; }
    }
}
CONF
}

# How to start nginx without root's rights. A folder that only root may enter
# (/root) leaves no choice: it could not see the file that breaks it.
target_command() {
    command=(setsid)
    if ((EUID == 0)); then
        local drop=(setpriv --reuid=65534 --regid=65534 --clear-groups)
        if "${drop[@]}" test -x "$run_dir" 2>/dev/null; then
            command+=("${drop[@]}")
            chown -R 65534:65534 "$target_dir"
        else
            say "only root may enter $run_dir: its web server runs as root, on loopback"
            chown -R 0:0 "$target_dir"
        fi
    fi
    command+=(nginx -e "$target_dir/error.log" -p "$target_dir/" -c "$target_dir/nginx.conf")
}

target_start() { # sets target_child and target_port
    local command=() try
    target_child=''
    mkdir -p "$target_dir"
    target_port=$(choose_port)
    write_target_conf "$target_port"
    target_command
    "${command[@]}" >>"$target_dir/output.log" 2>&1 </dev/null 9>&- &
    target_child=$!
    for try in {1..100}; do
        if ! port_is_free "$target_port"; then
            return
        fi
        if ! kill -0 "$target_child" 2>/dev/null || ((try == 100)); then
            tail -n 5 "$target_dir/error.log" "$target_dir/output.log" >&2
            die "the web server did not start"
        fi
        sleep 0.05
    done
}

target_stop() {
    local pid try
    if ! pid=$(target_pid); then
        return 0
    fi
    kill "$pid" 2>/dev/null || return 0
    for try in {1..60}; do
        [[ -d /proc/$pid ]] || return 0
        [[ $(cut -d ' ' -f 3 "/proc/$pid/stat" 2>/dev/null) != Z ]] || return 0
        if ((try == 50)); then
            kill -KILL "$pid" 2>/dev/null || true
        fi
        sleep 0.1
    done
}

# The port of an URL in the config, or another.
port_in_config() { # URL_UP_TO_THE_PORT OTHERWISE
    local port
    port=$(sed -nE "s#.*$1([0-9]+).*#\1#p" "$config" 2>/dev/null | head -n 1)
    say "${port:-$2}"
}

# The folder of the database in the config.
db_dir_in_config() {
    sed -nE 's#.*"([^"]*/relevo-db-[^/"]+)/.*#\1#p' "$config" | head -n 1
}

# A process of its own with all but nginx; sets servers_child, the ports and
# db_dir.
servers_start() {
    local ports=$run_dir/servers.ports try
    servers_child=''
    rm -f "${breaks[@]/#/$run_dir/}"
    : >"$ports"
    setsid python3 -W ignore tests/lib/dev_servers.py "$run_dir" "$relevo" \
        "$(port_in_config redis://127.0.0.1: 18379)" \
        "$(port_in_config ws://127.0.0.1: 18081)" \
        >"$ports" 2>"$run_dir/servers.log" </dev/null 9>&- &
    servers_child=$!
    for try in {1..600}; do
        if read -r db_port redis_port gateway_port db_dir <"$ports"; then
            return
        fi
        if ! kill -0 "$servers_child" 2>/dev/null || ((try == 600)); then
            tail -n 5 "$run_dir/servers.log" >&2
            die "PostgreSQL, Redis or the gateway did not start"
        fi
        sleep 0.05
    done
}

servers_stop() {
    [[ -n ${servers_child:-} ]] || return 0
    kill "$servers_child" 2>/dev/null || true
    wait "$servers_child" 2>/dev/null || true
    servers_child=''
}

write_config() { # PORT REDIS_PORT GATEWAY_PORT DB_PORT DB_DIR
    if [[ ! -f $config ]]; then
        cat >"$config" <<CONF
# The configuration of ./dev run. Edit it, then make the running Relevo read
# it:
#     $relevo_q reload
# A mistake changes nothing and is told. ./dev run keeps this file and only
# puts the port of its web server in; delete the file to get it back as it was.

defaults = { interval = "1s"; timeout = "1s"; };

checks = {
  # ./dev's web server. Try another check beside it:
  #   docs = { url = "https://www.debian.org/"; interval = "30s"; };
  api = {
    url = "http://127.0.0.1:$1/health/ready";
    timeout = "1s";
    expect = ["status == 200"];
    warn_unless = ["latency < 500ms"];
    depends_on = ["db"];
  };

  # Its database, a real PostgreSQL.
  db = { url = "postgres://postgres@127.0.0.1:$4/postgres"; query = "select 1"; };

  # A Redis, a gateway that subscribes to it, and the journey of a message from
  # the one through the other: \`live\` subscribes, has \`publish\` probed, waits.
  cache   = { url = "redis://127.0.0.1:$2"; };
  gateway = { url = "ws://127.0.0.1:$3/live"; };
  live    = { url = "ws://127.0.0.1:$3/live";
              steps = ( { send_json = "{\"subscribe\": \"events\"}"; },
                        { receive_contains = "subscribed"; within = "500ms"; } );
              trigger = "publish"; depends_on = ["cache", "gateway"]; };
  publish = { url = "redis://127.0.0.1:$2"; timeout = "500ms"; schedule = "manual";
              operations = ["publish"]; channel = "events"; message = "{{nonce}}"; allow_write = true; };

  # A job that reports itself: it makes the database's backup anew every 20 s, as
  #     */5 * * * *  relevo beat backup -- pg_dump -f ...
  # would in a crontab, and is missed when it does not run.
  backup = { plugin = "heartbeat"; period = "20s"; grace = "10s"; depends_on = ["db"]; };

  # One of Nagios' plugins: at least 100 MB free where Relevo keeps its history.
  disk = { plugin = "exec"; command = ["check_disk", "-w", "500", "-c", "100", "-p", "$run_dir"];
           interval = "10s"; };
};

runbooks = {
  # Run when a check of that plugin fails, and say why.
  api-diagnose       = { script = "http/diagnose"; match = { plugin = "http"; }; };
  postgres-diagnose  = { script = "postgres/diagnose"; match = { plugin = "postgres"; };
                         params = { data-dir = "$5/pg0/data"; log = "$5/pg0/log"; backup = "$5/backups"; rpo = "26h"; }; };
  redis-diagnose     = { script = "redis/diagnose"; match = { plugin = "redis"; }; };
  websocket-diagnose = { script = "websocket/diagnose"; match = { plugin = "websocket"; }; };

  # Tells somebody. Put a webhook's URL into the environment first.
  #   oncall = { script = "notify/webhook"; on = ["down", "recovered"];
  #              params = { url = { env = "ONCALL_URL"; }; format = "slack"; }; };
};
CONF
    else
        sed -i -E -e "s#(127\.0\.0\.1:)[0-9]+(/health/ready)#\1$1\2#" \
            -e "s#(redis://127\.0\.0\.1:)[0-9]+#\1$2#" \
            -e "s#(postgres://postgres@127\.0\.0\.1:)[0-9]+#\1$4#" \
            -e "s#\"[^\"]*/relevo-db-[^/\"]+/#\"$5/#g" \
            -e "s#(ws://127\.0\.0\.1:)[0-9]+#\1$3#" "$config"
    fi
}
