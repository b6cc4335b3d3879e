# shellcheck shell=sh
# shellcheck disable=SC2154,SC2034 # runbook_dir and such are those of relevo.sh and look.sh; pg_plugin is for who sources this
# What every runbook for PostgreSQL does: find out where the database is, ask it
# something, look at its machine and its newest backup. Sourced after relevo.sh
# and look.sh by the runbooks of postgres/:
#
#     look_begin "${0%/*}"
#     pg_begin; pg_where
#     pg_ask said 3 "$(pg_conninfo "$host" "$port" "$address")" -c 'select 1'
#     pg_place=here; pg_machine machine 4 "$port" "$RELEVO_PARAM_BACKUP"
#
# Parameters that they share: url and password (secret), ssh, ssh-key (secret),
# ssh-known-hosts, data-dir, log, backup. lib/pg.jq says what the facts mean.
# Nothing here changes anything.

# pg_begin: takes the secrets in; none of their text gets into a finding.
pg_begin() {
    pg_password=$(secret_value PASSWORD)
    printf '%s' "$pg_password" | keep_secret
    secret_value URL >"$facts/url"
}

# pg_where: takes what "conclude early 'pg_lines($facts; HOSTS)'" was told, HOSTS
# as a text of jq: "host:port host". Leaves $pg_plugin (of the check), the fact
# "target" (what pg_target of pg.jq made of it, without a password), and the file
# $pg_hosts: a line of host, tab, port for each; a host that begins with a slash
# is the folder of a socket. The first $pg_own are the check's, then come HOSTS.
pg_where() {
    pg_hosts=$runbook_dir/hosts
    told early >"$runbook_dir/where"
    rm -f "$runbook_dir/early.said"
    {
        IFS= read -r pg_plugin
        IFS= read -r own_password
        IFS= read -r encoded
        IFS= read -r pg_passfile
        IFS= read -r pg_services
        IFS= read -r target
        IFS= read -r pg_conn
        IFS= read -r pg_hello # a StartupMessage, in base64
        IFS= read -r pg_own
        cat >"$pg_hosts"
    } <"$runbook_dir/where"
    rm -f "$runbook_dir/where"
    printf '%s\n%s' "$own_password" "$encoded" | keep_secret
    if [ -z "$pg_password" ]; then pg_password=$own_password; fi
    if [ -n "$pg_password" ]; then
        pg_passfile=$runbook_dir/pgpass
        printf '*:*:*:*:%s\n' "$(printf '%s' "$pg_password" | sed 's/[\\:]/\\&/g')" >"$pg_passfile"
    fi
    # From now on facts have no credentials.
    rm -f "$facts/url"
    printf '%s' "$target" >"$facts/target"
    # Debian's own psql first asks perl which it is to be.
    pg_psql=psql
    for found in /usr/lib/postgresql/*/bin/psql /usr/pgsql-*/bin/psql; do
        if [ -x "$found" ]; then pg_psql=$found; fi
    done
}

# pg_conninfo HOST PORT [ADDRESS]: how psql gets there; without a password.
pg_conninfo() {
    printf '%s' "$pg_conn"
    if [ -n "$1" ]; then
        printf " host='%s' port='%s'" "$(printf '%s' "$1" | sed "s/['\\\\]/\\\\&/g")" "$2"
    fi
    if [ -n "${3:-}" ]; then printf " hostaddr='%s'" "$3"; fi
}

# become_psql SECONDS CONNINFO WORD...: for a subshell, which becomes psql.
# Status 125: there was no time left. The password is in a file that only this
# user may read.
become_psql() {
    limit=$(runbook_left "$1")
    conninfo=$2
    shift 2
    if [ "$limit" -lt 1 ]; then exit 125; fi
    if [ -n "$pg_passfile" ]; then
        PGPASSFILE=$pg_passfile
        export PGPASSFILE
    fi
    if [ -n "$pg_services" ]; then
        PGSERVICEFILE=$pg_services
        export PGSERVICEFILE
    fi
    PGCONNECT_TIMEOUT=3
    PGOPTIONS=${pg_options-"-c statement_timeout=2s -c lock_timeout=500ms -c default_transaction_read_only=on"}
    PGAPPNAME=relevo-runbook
    export PGCONNECT_TIMEOUT PGOPTIONS PGAPPNAME
    exec timeout -k 1 "$limit" "$pg_psql" -XAtqw -v VERBOSITY=verbose "$@" -d "$conninfo"
}

# pg_ask FACT SECONDS CONNINFO WORD...: what psql says, with its errors, as a
# fact, and its status as FACT_exit. 512 KiB are enough, and no answer can fill
# the disk.
pg_ask() {
    fact=$1
    shift
    {
        (become_psql "$@") 2>&1 3>&-
        printf '%s' "$?" >"$facts/${fact}_exit"
    } | head -c 524288 >"$facts/$fact"
}

# ---------------------------------------------------------------- machine ---
# quoted TEXT: as one word of a shell.
quoted() {
    printf "'"
    printf '%s' "$1" | sed "s/'/'\\\\''/g"
    printf "'"
}

# pg_on_machine FACT SECONDS: runs the script on standard input with sh on the
# database's machine: $pg_place is "here" or "ssh" (then $pg_ssh says where). A
# fact, its errors and its status are left as FACT, FACT_err and FACT_exit; what
# was said before the time was up counts.
pg_on_machine() {
    fact=$1
    limit=$(runbook_left "$2")
    if [ "$limit" -lt 1 ]; then return; fi
    case $pg_place in
    ssh)
        set -- -T -o BatchMode=yes -o ConnectTimeout=3 -o ConnectionAttempts=1
        if [ -n "${RELEVO_SECRET_SSH_KEY:-}" ]; then
            set -- "$@" -o IdentitiesOnly=yes -i "$RELEVO_SECRET_SSH_KEY"
        fi
        if [ -n "${RELEVO_PARAM_SSH_KNOWN_HOSTS:-}" ]; then
            set -- "$@" -o "UserKnownHostsFile=$RELEVO_PARAM_SSH_KNOWN_HOSTS"
        fi
        set -- ssh "$@" -- "$pg_ssh" sh -s
        ;;
    *) set -- sh -s ;;
    esac
    timeout -k 1 "$limit" "$@" >"$facts/$fact" 2>"$facts/${fact}_err" 3>&-
    printf '%s' "$?" >"$facts/${fact}_exit"
}

# pg_backup_script BACKUP SECONDS [ARCHIVE [TARGET [SCRATCH]]]: what looks at the
# newest backup, for SECONDS; see backup.sh.
pg_backup_script() {
    printf 'pg_backup=%s\npg_limit=%s\n' "$(quoted "$1")" "$2"
    printf 'pg_archive=%s\npg_target=%s\n' "$(quoted "${3:-}")" "$(quoted "${4:-}")"
    printf 'pg_scratch=%s\n' "$(quoted "${5:-}")"
    cat "$runbook_lib/backup_log.sh" "$runbook_lib/backup.sh"
}

# pg_machine FACT SECONDS PORT SOCKET BACKUP: what pg_machine.sh sees there,
# with BACKUP (a parameter "backup", may be empty) looked at, too.
pg_machine() {
    {
        printf 'pg_port=%s\npg_socket=%s\n' "$(quoted "$3")" "$(quoted "$4")"
        printf 'pg_data=%s\n' "$(quoted "${RELEVO_PARAM_DATA_DIR:-}")"
        printf 'pg_log=%s\n' "$(quoted "${RELEVO_PARAM_LOG:-}")"
        cat "$runbook_lib/pg_machine.sh"
        if [ -n "$5" ]; then pg_backup_script "$5" "${pg_limit:-2}"; fi
    } >"$runbook_dir/machine.sh"
    pg_on_machine "$1" "$2" <"$runbook_dir/machine.sh"
}
