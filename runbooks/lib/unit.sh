# shellcheck shell=sh
# shellcheck disable=SC2154 # runbook_dir is of relevo.sh
# A unit of systemd that is to be restarted: what says that it cannot be, and
# what became of it. Sourced after relevo.sh by service/restart and
# postgres/restart:
#
#     unit_begin "$name"     ends the run where there is nothing to restart
#     unit_restart; unit_await SECONDS
#
# Each ends the run with a finding and an exit status of the contract.

# What systemd says of it: unit_property ActiveState
unit_property() {
    timeout 10 systemctl show --property="$1" --value -- "$unit" 2>/dev/null
}

# unit_begin NAME: 78 no such unit, 10 no systemd, 20 masked, 75 no answer.
unit_begin() {
    unit=$1
    case $unit in
    '' | -* | *[!A-Za-z0-9@:._\\-]*)
        finding crit service.name "the parameter service is missing or not the name of a unit" "" \
            "correct params.service of the runbook"
        exit 78
        ;;
    esac
    if ! command -v systemctl >/dev/null 2>&1; then
        finding info service.no_systemd "there is no systemd on this machine"
        exit 10
    fi
    case $(unit_property LoadState) in
    loaded) ;;
    masked)
        finding crit service.masked "$unit is masked" \
            "Somebody has forbidden that it starts." "ask who masked it: systemctl unmask $unit"
        exit 20
        ;;
    not-found)
        finding crit service.unknown "there is no unit $unit here" "" \
            "systemctl list-units --all shows what there is; correct params.service"
        exit 78
        ;;
    *)
        finding warn service.unclear "systemd does not say whether $unit can be started" "" \
            "systemctl status $unit"
        exit 75
        ;;
    esac
}

# Ends the run with 78 if this user may not, with 30 if it does not start.
unit_restart() {
    timeout 10 systemctl reset-failed -- "$unit" >/dev/null 2>&1
    if timeout "$(runbook_left 90)" systemctl restart --no-ask-password -- "$unit" >"$runbook_dir/restart.out" 2>&1; then
        return
    fi
    case $(cat "$runbook_dir/restart.out") in
    *"nteractive authentication required"* | *"ccess denied"* | *"ot permitted"*)
        finding crit service.denied "this user may not restart $unit" "" \
            "give the runbook user = \"root\", with a runner started as root"
        exit 78
        ;;
    esac
    finding crit service.failed "$unit does not start" \
        "$(timeout 10 journalctl -q -n 5 -o cat -u "$unit" 2>/dev/null | tail -n 5)" \
        "journalctl -u $unit -n 50"
    exit 30
}

# unit_await SECONDS: until it is active; else ends the run with 30.
unit_await() {
    wait=$1
    case $wait in
    '' | *[!0-9]*) wait=60 ;;
    esac
    left=$(runbook_left "$wait")
    while [ "$(unit_property ActiveState)" != active ]; do
        if [ "$left" -le 0 ]; then
            finding crit service.not_active "$unit was restarted and is not active after $wait s" "" \
                "journalctl -u $unit -n 50"
            exit 30
        fi
        sleep 1
        left=$((left - 1))
    done
}
