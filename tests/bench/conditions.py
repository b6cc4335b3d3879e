"""Under what the measurements are taken: quiet, noisy, or beside other work.

Quiet is a load under 0.3 for ten seconds before the round; noisy is beside
`stress-ng --cpu 2`. Load is how many threads wanted a processor, on the average
of many looks: the one of /proc/loadavg remembers our own last round for
minutes. A machine that does not become quiet is measured all the same, and the
figure says beside how much.
"""
import contextlib
import os
import shutil
import subprocess
import time

QUIET = 0.3
QUIET_SECONDS = 10

_loads = []
_noisy = False
# How often in all a round may wait for ten seconds more.
_patience = int(os.environ.get("RELEVO_BENCH_PATIENCE", "12"))


def _running():
    """Threads that run or could, without the one that asks."""
    with open("/proc/stat") as f:
        for line in f:
            if line.startswith("procs_running"):
                return int(line.split()[1]) - 1
    return 0


def load_of(seconds, every=0.05):
    looks = []
    for _ in range(int(seconds / every)):
        time.sleep(every)
        looks.append(_running())
    return sum(looks) / len(looks)


def begin():
    """A new measurement: what stands about the rounds before is forgotten."""
    _loads.clear()


def settle():
    """Before each round: waits for quiet, as long as patience lasts, and notes
    what it got. Beside our own noise there is nothing to wait for."""
    global _patience
    if _noisy:
        return
    load = load_of(QUIET_SECONDS)
    while load >= QUIET and _patience > 0:
        _patience -= 1
        load = load_of(QUIET_SECONDS)
    _loads.append(load)


@contextlib.contextmanager
def noise():
    """Beside `stress-ng --cpu 2` for as long as this lasts."""
    global _noisy
    begin()
    settle()
    program = shutil.which("stress-ng")
    if program is None:
        raise SystemExit("stress-ng is not installed: ./dev deps bench")
    process = subprocess.Popen([program, "--quiet", "--cpu", "2"])
    _noisy = True
    try:
        time.sleep(1)
        yield
    finally:
        _noisy = False
        process.terminate()
        process.wait()


def told():
    """"quiet", "noisy", "load 2.4", or both where it was noisy by itself."""
    loads = sorted(_loads)
    load = loads[len(loads) // 2] if loads else 0
    words = (["noisy"] if _noisy else []) + (
        ["load %.1f" % load] if load >= QUIET else [])
    return " + ".join(words) or "quiet"
