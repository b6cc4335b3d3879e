"""A real PostgreSQL in a folder of its own, on a port that was free.

    with Postgres(folder, "max_connections = 5") as pg:
        pg.sql("select 1")          [["1"]], as the superuser, by unix socket
        pg.port, pg.url(), pg.process, pg.data, pg.log()
        with pg.client() as held:   a session that stays
            held.ask("begin")

The lines are those of its configuration, in which @dir@ is its folder. By its
unix socket (in pg.folder) everybody is let in; hba says who is by TCP:

    Postgres(folder, hba=["host all all all scram-sha-256"])
    Postgres(folder, tls=(cert, key))       both with TLS and without
    Postgres(folder, volume="64m")          on a tmpfs of that size: needs root
    pg.standby()                            another, which follows this one
    pg.stop("smart" | "fast" | "immediate"), pg.kill(), pg.again()
    pg.pause(), pg.resume()                 the postmaster; all=True: everything
    pg.recover()                            starts it, and it stays starting up

A cluster is made once in a process and then copied. Root runs the server as
the user postgres, because it will not run as root; the folder is made to be
passable for that. Leaving the block ends it by its pids, however it is by then.
"""
import contextlib
import ctypes
import glob
import itertools
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import peer

STOPS = {"smart": signal.SIGTERM, "fast": signal.SIGINT,
         "immediate": signal.SIGQUIT}
CONF = """
listen_addresses = '127.0.0.1'
port = %(port)d
unix_socket_directories = '%(folder)s'
fsync = off
shared_buffers = 8MB
dynamic_shared_memory_type = mmap  # nothing is left behind after a kill -9
max_connections = 20
wal_level = replica
"""
HBA = ["host all all all trust"]
SUPERUSER = "postgres"

_numbers = itertools.count()
_templates = {}
_making = threading.Lock()


def find(program="postgres"):
    """Its path; None where it is not installed. Debian keeps them out of
    PATH."""
    places = sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)
    return shutil.which(program, path=":".join([*places, os.environ["PATH"]]))


def url(port, user=SUPERUSER, host="127.0.0.1", database=SUPERUSER):
    return "postgres://%s@%s:%d/%s" % (user, host, port, database)


def is_root():
    return os.geteuid() == 0


def as_owner():
    """Arguments of subprocess for what must not run as root."""
    if not is_root():
        return {}
    user = pwd.getpwnam(SUPERUSER)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def own(path):
    """Gives a file or folder, with all in it, to the user of the server."""
    if not is_root():
        return
    user = pwd.getpwnam(SUPERUSER)
    os.chown(path, user.pw_uid, user.pw_gid)
    for where, folders, files in os.walk(path):
        for name in folders + files:
            os.chown(os.path.join(where, name), user.pw_uid, user.pw_gid,
                     follow_symlinks=False)


def run(*argv):
    """One of PostgreSQL's programs, as its owner."""
    done = subprocess.run([find(argv[0]), *argv[1:]], cwd="/",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **as_owner())
    if done.returncode:
        raise AssertionError("%s: %s" % (" ".join(argv), done.stdout.decode()))
    return done.stdout.decode()


def _template(folder):
    with _making:
        if folder not in _templates:
            path = os.path.join(folder, "pg-template")
            os.chmod(folder, os.stat(folder).st_mode | 0o055)
            os.mkdir(path)
            own(path)
            run("initdb", "-D", path, "-U", SUPERUSER, "--auth=trust",
                "--no-sync", "--data-checksums", "--locale=C.UTF-8",
                "--encoding=UTF8", "--wal-segsize=1")
            _templates[folder] = path
    return _templates[folder]


class Error(Exception):
    """An ErrorResponse: code is its SQLSTATE."""

    def __init__(self, fields):
        super().__init__(fields.get("C", "") + ": " + fields.get("M", ""))
        self.code = fields.get("C")


class Client:
    """One session by the unix socket; speaks as much of the protocol as tests
    need: no passwords."""

    def __init__(self, server, user=SUPERUSER, database=SUPERUSER,
                 timeout=60, **parameters):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.file = self.sock.makefile("rb")
        try:
            self.sock.connect(server.socket)
            words = {"user": user, "database": database, **parameters}
            body = b"".join(b"%s\0%s\0" % (k.encode(), v.encode())
                            for k, v in words.items()) + b"\0"
            self.sock.sendall(struct.pack("!ii", len(body) + 8, 196608) + body)
            self._until_ready()
        except BaseException:
            self.close()
            raise

    def _message(self):
        head = self.file.read(5)
        if len(head) < 5:
            raise OSError("postgres closed the connection")
        kind, length = struct.unpack("!ci", head)
        return kind, self.file.read(length - 4)

    @staticmethod
    def _row(body):
        row, at = [], 2
        for _ in range(struct.unpack("!h", body[:2])[0]):
            size, = struct.unpack("!i", body[at:at + 4])
            at += 4
            row.append(None if size < 0 else body[at:at + size].decode())
            at += max(size, 0)
        return row

    def _until_ready(self):
        rows, error = [], None
        while True:
            kind, body = self._message()
            if kind == b"D":
                rows.append(self._row(body))
            elif kind == b"K":
                self.pid = struct.unpack("!i", body[:4])[0]
            elif kind == b"E":
                error = Error({f[:1].decode(): f[1:].decode(errors="replace")
                               for f in body.split(b"\0") if f})
                if error.code[:2] in ("57", "53", "28", "3D"):
                    raise error  # it closes the connection
            elif kind == b"Z":
                if error:
                    raise error
                return rows

    def send(self, sql):
        text = sql.encode() + b"\0"
        self.sock.sendall(b"Q" + struct.pack("!i", len(text) + 4) + text)

    def ask(self, sql):
        """All rows, each value a text or None."""
        self.send(sql)
        return self._until_ready()

    def close(self):
        self.file.close()  # has a hand on the socket, too
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Postgres:
    def __init__(self, folder, *lines, hba=(), tls=None, volume=None,
                 standby_of=None):
        self.where = folder
        self.folder = os.path.join(folder, "pg%d" % next(_numbers))
        self.data = os.path.join(self.folder, "data")
        self.lines = list(lines)
        self.hba = list(hba) or HBA
        self.tls = tls
        self.volume = volume
        self.standby_of = standby_of
        self.mounted = False
        self.port = None
        self.process = None
        self.segment = None

    # ------------------------------------------------------------- to make ---

    def _make(self):
        os.mkdir(self.folder)
        if self.volume:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + self.volume,
                            "tmpfs", self.folder], check=True)
            self.mounted = True
        own(self.folder)
        if self.standby_of:
            run("pg_basebackup", "-h", self.standby_of.folder, "-p",
                str(self.standby_of.port), "-U", SUPERUSER, "-D", self.data,
                "-R", "-X", "stream", "-c", "fast", "--no-sync")
        else:
            subprocess.run(["cp", "-a", _template(self.where), self.data],
                           check=True)
        if self.tls:
            for source, name in zip(self.tls, ("server.crt", "server.key")):
                shutil.copy(source, os.path.join(self.data, name))
                os.chmod(os.path.join(self.data, name), 0o600)
            self.lines.append("ssl = on")
            own(self.data)
        self.write_hba(*self.hba)

    def write_hba(self, *lines):
        """To be read when it starts, or at pg.reload()."""
        with open(os.path.join(self.data, "pg_hba.conf"), "w") as f:
            f.write("\n".join(["local all all trust",
                               "local replication all trust",
                               *lines]) + "\n")

    def configure(self, *lines):
        """Further lines; likewise."""
        self.lines += lines
        self._write_conf()

    def _write_conf(self):
        text = CONF % {"port": self.port, "folder": self.folder}
        text += "\n".join(self.lines).replace("@dir@", self.folder) + "\n"
        with open(os.path.join(self.data, "postgresql.conf"), "w") as f:
            f.write(text)

    # ---------------------------------------------------------- to run it ---

    def spawn(self):
        """Begins to start it, and waits for nothing."""
        with open(self.log_file(), "ab") as log:
            self.process = subprocess.Popen(
                [find(), "-D", self.data], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd="/", start_new_session=True, **as_owner())

    def state(self):
        """"up", the SQLSTATE of the refusal, or "down"."""
        try:
            Client(self, timeout=10).close()
            return "up"
        except Error as error:
            return error.code
        except OSError:
            return "down"

    def wait_state(self, wanted, limit=60):
        end = time.monotonic() + limit
        while self.state() != wanted:
            if self.process.poll() is not None and wanted != "down":
                return False
            if time.monotonic() > end:
                raise AssertionError("postgres is %s, not %s: %s" % (
                    self.state(), wanted, self.log()[-2000:]))
            time.sleep(0.03)
        self._note_segment()
        return True

    def start(self):
        self._make()
        for _ in range(5):  # another may have taken the port
            self.port = peer.closed_port()
            self._write_conf()
            self.spawn()
            if self.wait_state("up"):
                return self
            self.process.wait()
        raise AssertionError("postgres does not start: " + self.log())

    def again(self):
        """The same server once more, after it ended."""
        self.spawn()
        assert self.wait_state("up"), self.log()

    def recover(self):
        """It was stopped; starts it, waiting for an archive that never
        answers: 57P03 until it is stopped."""
        self.configure("restore_command = 'sleep 600'")
        open(os.path.join(self.data, "recovery.signal"), "w").close()
        own(self.data)
        self.spawn()
        assert self.wait_state("57P03"), self.log()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def standby(self, *lines, **options):
        """To be entered like any other."""
        return Postgres(self.where, *lines, standby_of=self, **options)

    # ---------------------------------------------------------- to end it ---

    def stop(self, mode="fast", wait=True):
        self.process.send_signal(STOPS[mode])
        if wait:
            self.process.wait(60)

    def kill(self):
        """kill -9 of the postmaster, and until its children have seen it."""
        pids = self.pids()
        self.process.kill()
        self.process.wait()
        self._forget(pids)

    def pids(self):
        """The postmaster first, then its children."""
        if self.process is None or self.process.poll() is not None:
            return []
        found = [self.process.pid]
        for stat in glob.glob("/proc/[0-9]*/stat"):
            with contextlib.suppress(OSError, ValueError), open(stat) as f:
                if int(f.read().rsplit(")", 1)[1].split()[1]) == found[0]:
                    found.append(int(stat.split("/")[2]))
        return found

    def pause(self, all=False):
        self._signal(self.pids() if all else self.pids()[:1], signal.SIGSTOP)

    def resume(self):
        self._signal(self.pids(), signal.SIGCONT)

    @staticmethod
    def _signal(pids, what):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, what)

    def _note_segment(self):
        """The shared memory that is left behind by kill -9."""
        with contextlib.suppress(OSError, IndexError, ValueError):
            with open(os.path.join(self.data, "postmaster.pid")) as f:
                self.segment = int(f.read().split("\n")[6].split()[1])

    def _forget(self, pids):
        end = time.monotonic() + 30
        while any(os.path.exists("/proc/%d" % pid) for pid in pids):
            if time.monotonic() > end:
                self._signal(pids, signal.SIGKILL)
            time.sleep(0.02)
        if self.segment is not None:
            ctypes.CDLL(None).shmctl(self.segment, 0, None)  # IPC_RMID

    def close(self):
        pids = self.pids()
        if pids:
            self._signal(pids, signal.SIGCONT)
            self.stop("immediate", wait=False)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self._signal(pids, signal.SIGKILL)
                self.process.wait()
            self._forget(pids)
        if self.mounted:
            subprocess.run(["umount", "-l", self.folder], check=True)
            self.mounted = False

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()

    # ----------------------------------------------------------- to use it ---

    @property
    def socket(self):
        return os.path.join(self.folder, ".s.PGSQL.%d" % self.port)

    def url(self, user=SUPERUSER, database=SUPERUSER, host="127.0.0.1"):
        return url(self.port, user, host, database)

    def client(self, **options):
        return Client(self, **options)

    def sql(self, *statements, **options):
        """The rows of the last one; each is a transaction of its own."""
        with Client(self, **options) as client:
            for statement in statements:
                rows = client.ask(statement)
        return rows

    def dump(self, folder, name):
        """A backup of its database, in a new folder."""
        os.mkdir(folder)
        own(folder)
        run("pg_dump", "-h", self.folder, "-p", str(self.port), "-U", SUPERUSER,
            "-Fc", "-f", os.path.join(folder, name), SUPERUSER)

    def fill(self, left=0):
        """Leaves so many bytes of its volume; once more: of what has become
        free since."""
        st = os.statvfs(self.folder)
        size = st.f_bavail * st.f_frsize - left
        with open(self.filler(), "ab") as f:
            with contextlib.suppress(OSError):
                os.posix_fallocate(f.fileno(), f.tell(), size)

    def filler(self):
        return os.path.join(self.folder, "filler")

    def exhaust(self, limit=60):
        """Fills its volume, and writes until that ends the sessions."""
        # A slot that nobody reads keeps its log, so that nothing is reused.
        self.sql("select pg_create_physical_replication_slot('gone', true)")
        self.fill()
        end = time.monotonic() + limit
        while time.monotonic() < end:
            try:
                self.sql("select pg_logical_emit_message(true, 'x', "
                         "repeat('x', 400000))")
            except (Error, OSError):
                return
            time.sleep(0.03)
        raise AssertionError("it still writes on a full volume")

    def log_file(self):
        return os.path.join(self.folder, "log")

    def log(self):
        with contextlib.suppress(OSError):
            with open(self.log_file(), errors="replace") as f:
                return f.read()
        return ""
