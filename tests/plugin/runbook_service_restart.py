#!/usr/bin/env python3
"""runbooks/service/restart with a systemctl that is told what to say: a machine
that runs tests has no systemd to spare. What it restarts, and above all what it
leaves alone."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import runbook_env as env  # noqa: E402

SCRIPT = "service/restart"

SYSTEMCTL = """#!/bin/sh
printf '%s\\n' "$*" >>"$0.log"
case $1 in
show)
    name=${2#--property=}
    if [ -e "$0.restarted" ] && [ -e "$0.after.$name" ]; then
        cat "$0.after.$name"
    else
        cat "$0.$name"
    fi ;;
restart) cat "$0.says"; touch "$0.restarted"; exit "$(cat "$0.status")" ;;
esac
"""


class Machine:
    """A folder with a systemctl for PATH, and the facts that it tells."""

    def __init__(self, **facts):
        self.folder = tempfile.TemporaryDirectory()
        self.program = pathlib.Path(self.folder.name, "systemctl")
        self.program.write_text(SYSTEMCTL)
        self.program.chmod(0o755)
        known = {"LoadState": "loaded", "ActiveState": "failed",
                 "ActiveEnterTimestamp": "", "MainPID": "0", "status": "0",
                 "says": "", "after.ActiveState": "active",
                 "after.MainPID": "77"}
        known.update({name.replace("_", "."): value
                      for name, value in facts.items()})
        for name, value in known.items():
            pathlib.Path(f"{self.program}.{name}").write_text(value)

    def run(self, service="myapp", document=None, **params):
        return env.run(SCRIPT, document or env.context(),
                       {"service": service, **params}, None,
                       {"PATH": f"{self.folder.name}:{env.PATH}"})

    def restarted(self):
        return pathlib.Path(f"{self.program}.restarted").exists()


def began(at):
    return env.context(incident={"id": "I-1", "began": at})


class Restart(unittest.TestCase):
    def expect(self, machine, ran, status, code, restarted):
        self.assertEqual(ran.status, status, ran)
        ran.finding(code)
        self.assertEqual(machine.restarted(), restarted, ran)

    def test_a_failed_unit_is_restarted(self):
        machine = Machine()
        ran = machine.run()
        self.expect(machine, ran, 0, "service.restarted", True)
        self.assertIn("77", ran.finding("service.restarted")["detail"])

    def test_a_unit_that_hangs_is_restarted(self):
        machine = Machine(ActiveState="active",
                          ActiveEnterTimestamp="Thu 2026-01-01 00:00:00 UTC")
        ran = machine.run(document=began("2026-01-02T03:04:05.678Z"))
        self.expect(machine, ran, 0, "service.restarted", True)

    def test_one_that_somebody_has_just_started_is_left_alone(self):
        machine = Machine(ActiveState="active",
                          ActiveEnterTimestamp="Fri 2026-01-02 03:05:05 UTC")
        ran = machine.run(document=began("2026-01-02T03:04:05.678Z"))
        self.expect(machine, ran, 11, "service.already", False)

    def test_a_second_run_finds_it_done(self):
        machine = Machine(
            **{"after.ActiveEnterTimestamp": "Fri 2026-01-02 03:05:05 UTC"})
        document = began("2026-01-02T03:04:05.678Z")
        self.assertEqual(machine.run(document=document).status, 0)
        self.assertEqual(machine.run(document=document).status, 11)

    def test_masked_or_unknown(self):
        machine = Machine(LoadState="masked")
        self.expect(machine, machine.run(), 20, "service.masked", False)
        machine = Machine(LoadState="not-found")
        self.expect(machine, machine.run(), 78, "service.unknown", False)
        machine = Machine(LoadState="")
        self.expect(machine, machine.run(), 75, "service.unclear", False)

    def test_a_full_disk_is_not_cured_by_a_restart(self):
        machine = Machine()
        ran = machine.run(full="0")
        self.expect(machine, ran, 20, "disk.full", False)

    def test_it_does_not_come_back(self):
        machine = Machine(**{"after.ActiveState": "failed"})
        ran = machine.run(wait="1")
        self.expect(machine, ran, 30, "service.not_active", True)
        machine = Machine(status="1")
        self.expect(machine, machine.run(), 30, "service.failed", True)

    def test_it_may_not(self):
        machine = Machine(status="1", says="Interactive authentication "
                          "required.\n")
        self.assertEqual(machine.run().status, 78)

    def test_no_systemd(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("jq", "mktemp", "cat", "rm", "date"):
                pathlib.Path(folder, name).symlink_to(f"/usr/bin/{name}")
            ran = env.run(SCRIPT, env.context(), {"service": "x"}, None,
                          {"PATH": folder})
        self.assertEqual(ran.status, 10, ran)

    def test_names_that_are_none(self):
        for name in ["", "-f", "a b", "$(id)", "a;b", "../x", "a\nb"]:
            with self.subTest(name=name):
                machine = Machine()
                ran = machine.run(name)
                self.assertEqual(ran.status, 78, ran)
                self.assertFalse(machine.restarted())


if __name__ == "__main__":
    env.need("jq")
    env.main()
