"""Cases that need what they do to be seen by nobody else: a disk of their own
that can be full, an address of their own that is not 127.0.0.1.

    @apart
    def case_full_disk():
        fill(tiny_disk(folder))

Such a case has its own network interfaces and mounts, and so has every process
that it starts; all of it is gone when the last of them ends. Only root may have
that: for others the case is left out, saying so.
"""
import ctypes
import errno
import functools
import os
import subprocess
import tempfile
import threading

ADDRESS = "192.0.2.77"  # of documentation (RFC 5737): nobody's; ours in there
NOWHERE = "198.51.100.1"  # likewise; no route leads there

_NEW_MOUNTS, _NEW_NETWORK = 0x00020000, 0x40000000


def _separate():
    """The calling thread, from the rest of the process; False: not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_MOUNTS | _NEW_NETWORK) != 0:
        return False
    for line in ("mount --make-rprivate /", "ip link set lo up",
                 "ip addr add %s/32 dev lo" % ADDRESS):
        subprocess.run(line.split(), check=True)
    return True


def apart(function):
    @functools.wraps(function)
    def case():
        failure = []

        def run():
            try:
                if _separate():
                    function()
                else:
                    print("%s: skipped, it needs root" % function.__name__)
            except BaseException as error:
                failure.append(error)

        # Namespaces are a thread's: this one's end with it.
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if failure:
            raise failure[0]
    return case


def tiny_disk(folder, size="4m"):
    """An empty file system of that size, seen in this case only."""
    where = tempfile.mkdtemp(dir=folder)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs",
                    where], check=True)
    return where


def name_addresses(folder, text):
    """What stands in /etc/hosts, as this case alone sees it."""
    path = os.path.join(tempfile.mkdtemp(dir=folder), "hosts")
    with open(path, "w") as f:
        f.write("127.0.0.1 localhost\n" + text)
    subprocess.run(["mount", "--bind", path, "/etc/hosts"], check=True)


def fill(disk):
    """Until nothing more fits; returns the file that takes all the room."""
    path = os.path.join(disk, "full")
    with open(path, "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 65536)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    return path
