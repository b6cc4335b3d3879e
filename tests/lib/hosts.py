"""What this machine calls localhost, and the program with an /etc/hosts of its
own, where root may mount.

    if own_mounts():
        probe.program = with_hosts(folder, probe.program, "127.0.0.2 many\\n")
"""
import os
import socket
import stat
import subprocess
import tempfile


def localhost_has_two():
    """Both an address of IPv4 and one of IPv6."""
    found = {address[4][0] for address in socket.getaddrinfo("localhost", 1)}
    return found == {"::1", "127.0.0.1"}


def own_mounts():
    return subprocess.run(["unshare", "-m", "mount", "--bind", "/dev/null",
                           "/etc/hosts"], stderr=subprocess.DEVNULL
                          ).returncode == 0


def with_hosts(folder, program, text):
    """A script that runs the program so; both lie in a folder of their own."""
    where = tempfile.mkdtemp(dir=folder)
    hosts = os.path.join(where, "hosts")
    script = os.path.join(where, os.path.basename(program))
    with open(hosts, "w") as f:
        f.write(text)
    with open(script, "w") as f:
        f.write("#!/bin/sh\nexec unshare -m sh -c 'mount --bind \"$0\" "
                "/etc/hosts && exec \"$@\"' %s %s \"$@\"\n" % (hosts, program))
    os.chmod(script, stat.S_IRWXU)
    return script
