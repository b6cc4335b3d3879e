"""All processes of one Relevo under test, by what they are, and their end.

    victims = Victims(folder)        watch.env has victims.mark in it
    victims.find("keeper", "worker")     pids
    victims.kill_all()                   until none is left

Roles are found by a variable that they inherit and nobody else has; what they
started, by its run: RELEVO_RUN_ID, with our state directory beside it."""
import os
import signal

from watch import until

MARK = "LC_RELEVO_TEST"  # LC_* is inherited by every role


def _read(pid, name):
    try:
        with open("/proc/%d/%s" % (pid, name), "rb") as f:
            return f.read()
    except OSError:
        return b""


def _is_zombie(pid):
    return _read(pid, "stat").rsplit(b")", 1)[-1][1:2] in (b"Z", b"")


def role_of(pid):
    """A keeper is a fork of its runner: only its name tells them apart."""
    comm = _read(pid, "comm").strip()
    if comm.startswith(b"relevo-"):
        return comm[len(b"relevo-"):].decode()
    argv = _read(pid, "cmdline").split(b"\0")
    if argv[1:2] == [b"--role"]:
        return argv[2].decode()
    return "main" if b"run" in argv else "other"


class Victims:
    def __init__(self, folder):
        self.mark = {MARK: folder, "RELEVO_DUMPABLE": "1"}  # not only for root
        self._ours = ("%s=%s" % (MARK, folder)).encode()
        self._state = ("RELEVO_STATE_DIR=%s/" % folder).encode()

    def all(self):
        """{pid: "main" | "worker" | "runner" | "keeper" | "vet" | "script"}"""
        found = {}
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            pid = int(entry)
            environment = _read(pid, "environ").split(b"\0")
            if any(v.startswith(b"RELEVO_RUN_ID=") for v in environment) and \
                    any(v.startswith(self._state) for v in environment):
                found[pid] = "script"
            elif self._ours in environment:
                found[pid] = role_of(pid)
        return {pid: role for pid, role in found.items()
                if role != "other" and not _is_zombie(pid)}

    def find(self, *roles):
        return [pid for pid, role in self.all().items() if role in roles]

    def kill_all(self, order=sorted):
        """SIGKILL to each, in that order; to what they started meanwhile, too.
        Returns how many."""
        killed = set()

        def none_left():
            pids = list(self.all())
            for pid in order(pids):
                kill(pid)
                killed.add(pid)
            return not pids
        until("no process to be left", none_left, 20, 0.01)
        return len(killed)


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False
