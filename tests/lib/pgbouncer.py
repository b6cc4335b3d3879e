"""A real pgbouncer in front of a real PostgreSQL (pg.py), in a folder of its
own, on a port that was free.

    with Pgbouncer(folder, server, "default_pool_size = 1") as bouncer:
        bouncer.url(), bouncer.command("PAUSE")    of its console
        with bouncer.client(user="app") as held:   by its unix socket
            held.ask("begin")

The lines are those of the section [pgbouncer]. Every database of the server
can be had, by the users in users, without a password, and one called unused; `monitor` may look at
the console, `admin` may command there. Like PostgreSQL it will not run as root,
and then runs as the user of that. Leaving the block ends it by its pid.
"""
import itertools
import os
import shutil
import subprocess
import time

import peer
import pg

CONF = """
[databases]
unused = host=127.0.0.1 port=%(server)d dbname=postgres
* = host=127.0.0.1 port=%(server)d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %(port)d
unix_socket_dir = %(folder)s
auth_type = trust
auth_file = %(folder)s/users
admin_users = admin
stats_users = monitor
%(lines)s
"""

_numbers = itertools.count()


def find():
    return shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin")


class Pgbouncer:
    def __init__(self, folder, server, *lines, users=("postgres", "app")):
        self.folder = os.path.join(folder, "bouncer%d" % next(_numbers))
        self.server = server
        self.lines = lines
        self.users = ("monitor", "admin", *users)
        self.port = None
        self.process = None

    @property
    def socket(self):
        return os.path.join(self.folder, ".s.PGSQL.%d" % self.port)

    def url(self, user="monitor", database="pgbouncer"):
        return "postgres://%s@127.0.0.1:%d/%s" % (user, self.port, database)

    def client(self, user="app", database="postgres"):
        return pg.Client(self, user=user, database=database)

    def command(self, words):
        with self.client(user="admin", database="pgbouncer") as console:
            return console.ask(words)

    def log(self):
        with open(os.path.join(self.folder, "log"), errors="replace") as f:
            return f.read()

    def _spawn(self):
        conf = os.path.join(self.folder, "pgbouncer.ini")
        with open(conf, "w") as f:
            f.write(CONF % {"server": self.server.port, "port": self.port,
                            "folder": self.folder,
                            "lines": "\n".join(self.lines)})
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(
                [find(), conf], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd="/", **pg.as_owner())

    def _is_up(self, limit=60):
        end = time.monotonic() + limit
        while self.process.poll() is None:
            try:
                self.client("monitor", "pgbouncer").close()
                return True
            except OSError:
                if time.monotonic() > end:
                    raise AssertionError("no pgbouncer: " + self.log())
                time.sleep(0.03)
        return False

    def __enter__(self):
        os.mkdir(self.folder)
        with open(os.path.join(self.folder, "users"), "w") as f:
            f.writelines('"%s" ""\n' % user for user in self.users)
        pg.own(self.folder)
        for _ in range(5):  # another may have taken the port
            self.port = peer.closed_port()
            self._spawn()
            if self._is_up():
                return self
        raise AssertionError("pgbouncer does not start: " + self.log())

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
