"""A real mail server for tests: Debian's exim4 with a configuration of its own,
on a port of its own. Accepts for example.test, refuses other domains, answers
"later" for later@example.test, keeps each message in a file; with TLS and an
account where asked for. Used by tests/plugin/runbook_email.py."""

import email
import email.policy
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile
import time

import runbook_env as env

EXIM = shutil.which("exim4", path=env.PATH + ":/usr/local/sbin")
USER, PASSWORD = "relevo", 'p"ass\\word w1th {x}'

CONFIG = """
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/exim.pid
exim_user = {user}
exim_group = {group}
primary_hostname = mail.example.test
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
domainlist local_domains = example.test
acl_smtp_rcpt = rcpt
host_lookup =
rfc1413_query_timeout = 0s
log_selector = +all
keep_environment =
never_users = nobody
tls_advertise_hosts = {tls}
{certificate}
auth_advertise_hosts = {auth}
begin acl
rcpt:
  defer local_parts = later
        message = come back later
  {who}
  deny message = relay not permitted
begin routers
local:
  driver = accept
  domains = +local_domains
  transport = file
begin transports
file:
  driver = appendfile
  maildir_format
  directory = {folder}/mail
  create_directory
  user = {user}
  group = {group}
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{name}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
"""


class Mail:
    def __init__(self, tls=False, auth=False):
        self.tls, self.auth = tls, auth

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="relevo-exim-")
        os.chmod(self.folder, 0o755)
        me = pwd.getpwuid(os.geteuid())
        if me.pw_uid == 0:  # exim delivers nothing as root
            me = pwd.getpwnam("mail")
        for name in ("spool", "log", "mail"):
            path = pathlib.Path(self.folder, name)
            path.mkdir()
            if os.geteuid() == 0:
                os.chown(path, me.pw_uid, me.pw_gid)
        certificate = ""
        if self.tls:
            self.make_certificate()
            certificate = (f"tls_certificate = {self.folder}/cert.pem\n"
                           f"tls_privatekey = {self.folder}/key.pem")
        self.port = env.free_port()
        config = pathlib.Path(self.folder, "exim.conf")
        config.write_text(CONFIG.format(
            folder=self.folder, user=me.pw_name, group=me.pw_gid,
            port=self.port, tls="*" if self.tls else "", name=USER,
            certificate=certificate, auth="*" if self.auth else "",
            password=PASSWORD.replace("\\", "\\\\").replace("{", "\\{")
            .replace("}", "\\}"),
            who="accept authenticated = *" if self.auth
            else "accept domains = +local_domains"))
        self.process = subprocess.Popen(
            [EXIM, "-C", str(config), "-bdf", "-q1h"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.wait()
        return self

    def make_certificate(self):
        key = f"{self.folder}/key.pem"
        self.ca = f"{self.folder}/cert.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
             self.ca, "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
             "subjectAltName=IP:127.0.0.1"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.chmod(key, 0o644)

    def wait(self):
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    raise RuntimeError(self.process.stderr.read().decode()) \
                        from None
                time.sleep(0.05)
        raise RuntimeError("exim does not listen")

    def messages(self, count=1, limit=20):
        """The first `count` messages, parsed, as they came."""
        new = pathlib.Path(self.folder, "mail", "new")
        until = time.monotonic() + limit
        files = []
        while time.monotonic() < until:
            files = sorted(new.iterdir(), key=lambda f: f.stat().st_mtime_ns) \
                if new.exists() else []
            if len(files) >= count:
                break
            time.sleep(0.05)
        return [email.message_from_bytes(f.read_bytes(),
                                         policy=email.policy.default)
                for f in files]

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=20)
        shutil.rmtree(self.folder, ignore_errors=True)
