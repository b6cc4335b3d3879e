"""Throw-away certificates for tests, made by the openssl command.

    ca = Authority(folder)
    cert, key = ca.issue("good", san="DNS:localhost,IP:127.0.0.1")

Files lie in the folder given, which the caller removes.
"""
import datetime
import os
import subprocess
import threading

CONF = """
[ca]
default_ca = own
[own]
dir = {folder}
database = {folder}/index.txt
new_certs_dir = {folder}
serial = {folder}/serial
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
"""


def run(*argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise RuntimeError("%s: %s" % (" ".join(argv), done.stdout.decode()))


def days_from_now(days):
    when = datetime.datetime.utcnow() + datetime.timedelta(days=days)
    return when.strftime("%Y%m%d%H%M%SZ")


def new_key(path, rsa_bits=None):
    kind = ("RSA", "rsa_keygen_bits:%d" % rsa_bits) if rsa_bits else (
        "EC", "ec_paramgen_curve:P-256")
    run("openssl", "genpkey", "-algorithm", kind[0], "-pkeyopt", kind[1],
        "-out", path)


def dns_name_der(name):
    """A subjectAltName of any bytes, as openssl takes it."""
    inner = bytes([0x82, len(name)]) + name
    return "DER:" + ":".join("%02x" % b
                             for b in bytes([0x30, len(inner)]) + inner)


def self_signed(folder, name, san):
    """A certificate that nobody vouches for but itself."""
    cert, key = (os.path.join(folder, name + end) for end in (".crt", ".key"))
    new_key(key)
    run("openssl", "req", "-x509", "-new", "-key", key, "-out", cert, "-subj",
        "/CN=" + name, "-days", "30", "-addext", "subjectAltName=" + san)
    return cert, key


class Authority:
    def __init__(self, folder, name="Test CA", days=3650):
        self.lock = threading.Lock()  # its files are one writer's at a time
        self.folder = os.path.join(folder, name.replace(" ", "-"))
        os.mkdir(self.folder)
        self.cert = os.path.join(self.folder, "ca.crt")
        self.key = os.path.join(self.folder, "ca.key")
        self.conf = os.path.join(self.folder, "ca.conf")
        with open(self.conf, "w") as f:
            f.write(CONF.format(folder=self.folder))
        open(os.path.join(self.folder, "index.txt"), "w").close()
        with open(os.path.join(self.folder, "serial"), "w") as f:
            f.write("1000\n")
        new_key(self.key)
        run("openssl", "req", "-x509", "-new", "-key", self.key, "-out",
            self.cert, "-subj", "/CN=" + name, "-days", str(days))

    def issue(self, name, san="DNS:localhost,IP:127.0.0.1", start_days=-1,
              end_days=90, rsa_bits=None, digest="sha256", extension=None):
        """Returns (certificate, key); days count from now."""
        base = os.path.join(self.folder, name)
        cert, key, request = base + ".crt", base + ".key", base + ".csr"
        new_key(key, rsa_bits)
        extensions = ["subjectAltName=" + san] if san else []
        extensions += [extension] if extension else []
        run("openssl", "req", "-new", "-key", key, "-out", request, "-subj",
            "/CN=" + name, *(word for text in extensions
                             for word in ("-addext", text)))
        with self.lock:
            run("openssl", "ca", "-config", self.conf, "-batch", "-notext",
                "-in", request, "-out", cert, "-cert", self.cert, "-keyfile",
                self.key, "-md", digest, "-startdate",
                days_from_now(start_days), "-enddate",
                days_from_now(end_days))
        return cert, key

    def subordinate(self, name):
        """An authority that this one vouches for."""
        below = Authority(os.path.dirname(self.folder), name)
        below.cert, below.key = self.issue(
            name, san=None, extension="basicConstraints=critical,CA:TRUE")
        return below
