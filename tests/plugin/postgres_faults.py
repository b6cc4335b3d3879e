#!/usr/bin/python3
"""The postgres plugin against real servers that fail in every way that a real
one can be made to; for the others see postgres_scripted.py.

Each case is one probe (or a few) by `relevo check`; what it must come to is
stated as fault, code, outcome, observations. A case is a function whose name
begins with case_; all run, several at a time, each with servers of its own.

    postgres_faults.py [NAME...]    only the cases whose name contains one of these
"""
import base64
import concurrent.futures
import contextlib
import hashlib
import hmac
import json
import os
import re
import signal
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import cases  # noqa: E402
import certs  # noqa: E402
import peer  # noqa: E402
import pg  # noqa: E402
from cases import must, must_see, seen  # noqa: E402
from peer import BlackHole  # noqa: E402
from pg import Postgres, url  # noqa: E402
from probe import Probe  # noqa: E402
from watch import BUILD, Watch, until  # noqa: E402

probe = None
folder = None
files = None   # certificates
shared = None  # a server that the cases leave as they found it


class Files:
    def __init__(self, where):
        ca = certs.Authority(where)
        foreign = certs.Authority(where, "Foreign CA")
        self.ca = ca.cert
        self.foreign_ca = foreign.cert
        self.good = ca.issue("good", end_days=40)
        self.expired = ca.issue("expired", start_days=-20, end_days=-10)
        self.other = ca.issue("other", san="DNS:other.example.com")
        self.mine = ca.issue("postgres")
        self.foreign = foreign.issue("foreign")


def look(server, options=None, timeout="5s", user="postgres", **common):
    settings = {"url": url(server.port, user=user)}
    settings.update(options or {})
    return probe.check(settings, timeout, **common)


# ------------------------------------------------------------- connection ---

def case_plain():
    result = look(shared)
    must(result, outcome="ok")
    must_see(result, role="primary", read_only=False, ip="127.0.0.1",
             host="127.0.0.1")
    assert seen(result, "version").startswith("1"), result
    for level in ("ready", "auth"):
        result = look(shared, {"level": level})
        must(result, outcome="ok")
        assert seen(result, "latency") > 0, result
    must(look(shared, {"level": "ready"}, user="nobody"), outcome="ok")
    must(look(shared, {"level": "auth"}, user="nobody"), fault="auth",
         code="28000")


def case_unix_socket():
    at = {"host": shared.folder, "port": shared.port, "user": "postgres"}
    must(probe.check(at), outcome="ok")
    must(probe.check(dict(at, host="/nonexistent")), fault="refused",
         code="ENOENT", message_has="/nonexistent")
    must(probe.check({"url": "postgres://postgres@/postgres?host=%s&port=%d" % (
        shared.folder, shared.port)}), outcome="ok")


def case_list_instead_of_a_url():
    must(probe.check({"url": "host=127.0.0.1 port=%d user=postgres" %
                      shared.port}), outcome="ok")


def case_refused():
    must(probe.check({"url": url(peer.closed_port())}), fault="refused",
         code="ECONNREFUSED", errno=111, outcome="fail",
         message_has="Connection refused")


def case_unknown_name():
    must(probe.check({"url": url(5432, host="no-such-host.invalid")}),
         fault="dns", message_has="no-such-host.invalid")


def case_a_name_is_resolved():
    result = probe.check({"url": url(shared.port, host="localhost")})
    must(result, outcome="ok")
    must_see(result, host="localhost", ip="127.0.0.1")
    assert "dns_ms" in result["phases"], result


def case_connect_timeout():
    with BlackHole() as hole:
        must(probe.check({"url": url(hole.port)}, "2s"),
             fault="connect_timeout", code="ETIMEDOUT", outcome="fail")
        both = "postgres://postgres@127.0.0.1:%d,127.0.0.1:%d/postgres" % (
            hole.port, shared.port)
        must(probe.check({"url": both}, "4s"), outcome="ok")


def case_stopped_server_hangs_and_is_not_refused():
    with Postgres(folder) as server:
        server.pause()
        result = look(server, timeout="2s")
        must(result, fault="timeout", code="startup", outcome="fail",
             message_has="says nothing")
        if not 1900 < result["duration_ms"] < 20000:
            raise AssertionError("duration_ms is %r" % result["duration_ms"])
        must(look(server, {"sslmode": "disable"}, timeout="1s"),
             fault="timeout", code="startup")
        must(look(server, {"level": "ready"}, timeout="1s"), fault="timeout",
             code="startup")
        server.resume()
        must(look(server), outcome="ok")


def case_killed_server_is_refused():
    with Postgres(folder) as server:
        server.kill()
        must(look(server), fault="refused", code="ECONNREFUSED")


def case_starting_up_and_shutting_down():
    with Postgres(folder) as server:
        with server.client():
            server.stop("smart", wait=False)
            assert server.wait_state("57P03")
            must(look(server), fault="starting", code="57P03", outcome="fail",
                 message_has="shutting down")
        server.process.wait(60)
        server.recover()
        must(look(server), fault="starting", code="57P03",
             message_has="starting up")
        must(look(server, {"level": "ready"}), fault="starting", code="57P03")


def during(server, query, act):
    """The result of that query, with act() once the server is at it."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        result = pool.submit(look, server, {"query": query}, "20s")
        until("the query to run", lambda: server.sql(
            "select 1 from pg_stat_activity where query = '%s'" % query))
        act()
        return result.result()


def case_killed_in_the_midst_of_a_query():
    with Postgres(folder) as server:
        must(during(server, "select pg_sleep(60)", server.kill),
             fault="closed", outcome="fail")


def case_stopped_in_the_midst_of_a_query():
    with Postgres(folder) as server:
        must(during(server, "select pg_sleep(60)", server.stop),
             fault="closed", code="57P01")


def case_backend_crashes_in_the_midst_of_a_query():
    with Postgres(folder) as server:
        def crash():
            with server.client() as client:
                os.kill(client.pid, signal.SIGKILL)
        must(during(server, "select pg_sleep(60)", crash),
             fault="closed", code="57P02")


def case_too_many_connections():
    with Postgres(folder, "max_connections = 5",
                  "superuser_reserved_connections = 2") as server:
        server.sql("create role mon login")
        with contextlib.ExitStack() as held:
            for _ in range(3):
                held.enter_context(server.client(user="mon"))
            must(look(server, user="mon"), fault="overloaded", code="53300",
                 outcome="fail", message_has="slots")
            until("the slots of the superuser to be free again", lambda:
                  look(server)["outcome"] == "ok")
            for _ in range(2):
                held.enter_context(server.client())
            must(look(server), fault="overloaded", code="53300")
            must(look(server, {"level": "ready"}), fault="overloaded",
                 code="53300")


# ------------------------------------------------------------ credentials ---

def case_passwords():
    with Postgres(folder, hba=["host all mon all scram-sha-256",
                               "host all old all md5",
                               "host all plain all password",
                               "host all banned all reject"]) as server:
        server.sql("create role mon login password 's3cret:/@'",
                   "create role plain login password 's3cret:/@'",
                   "set password_encryption = md5; "
                   "create role old login password 's3cret:/@'",
                   "create role banned login", "create role other login")
        for user in ("mon", "old", "plain"):
            base = {"url": url(server.port, user)}
            must(probe.check(base), fault="auth", code="no_password")
            result = probe.check(dict(base, password="wr0ngwr0ng"))
            must(result, fault="auth", code="28P01", outcome="fail")
            assert "wr0ngwr0ng" not in json.dumps(result), result
            must(probe.check(dict(base, password="s3cret:/@")), outcome="ok")
        must(probe.check({"url": url(server.port, "mon:s3cret%3A%2F%40")}),
             outcome="ok")
        must(look(server, user="banned"), fault="auth", code="28000",
             message_has="pg_hba.conf")
        must(look(server, user="other"), fault="auth", code="28000",
             message_has="no pg_hba.conf entry")
        passfile(server)
        service(server)


def write(name, text, mode=0o600):
    path = os.path.join(tempfile.mkdtemp(dir=folder), name)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def passfile(server):
    line = "127.0.0.1:%d:*:mon:s3cret\\:/@\n" % server.port
    base = {"url": url(server.port, "mon")}
    must(probe.check(dict(base, passfile=write("pass", line))), outcome="ok")
    must(probe.check(dict(base, passfile=write("pass", line, 0o644))),
         fault="config", code="passfile", message_has="0600")
    must(probe.check(dict(base, passfile="/nonexistent/pass")),
         fault="config", code="passfile")


def service(server):
    path = write("services", """# those of this test
[other]
host=127.0.0.2

[mine]
host = 127.0.0.1
port=%d
user=mon
dbname=postgres
password=s3cret:/@
[last]
nonsense=1
""" % server.port)
    base = {"plugin": "postgres", "service": "mine", "service_file": path}
    must(probe.check(base), outcome="ok")
    must(probe.check(dict(base, user="other")), fault="auth", code="28000")
    must(probe.check(dict(base, service="none")), fault="config",
         code="service", message_has="none")
    must(probe.check(dict(base, service="last")), fault="config",
         message_has="nonsense")
    must(probe.check(dict(base, service_file="/nonexistent")),
         fault="config", code="service_file")


def rounds_verifier(password, rounds):
    """As the server stores it."""
    salt = b"0123456789abcdef"
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    client = hmac.digest(salted, b"Client Key", "sha256")
    text = [base64.b64encode(b).decode() for b in (
        salt, hashlib.sha256(client).digest(),
        hmac.digest(salted, b"Server Key", "sha256"))]
    return "SCRAM-SHA-256$%d:%s$%s:%s" % (rounds, *text)


def case_rounds_of_scram_have_a_limit():
    with Postgres(folder, hba=["host all all all scram-sha-256"]) as server:
        for role, rounds in (("usual", 4096), ("many", 100000),
                             ("over", 262145)):
            server.sql("create role %s login password '%s'" % (
                role, rounds_verifier("s3cret", rounds)))
        for role in "usual", "many":
            must(look(server, {"password": "s3cret"}, "20s", user=role),
                 outcome="ok")
        must(look(server, {"password": "wrong"}, "20s", user="many"),
             fault="auth", code="28P01")
        must(look(server, {"password": "s3cret"}, user="over"),
             fault="protocol", code="scram_iterations")


def case_database_is_not_there():
    must(probe.check({"url": url(shared.port, database="nonsense")}),
         fault="error_response", code="3D000", outcome="fail",
         message_has="nonsense")
    must(probe.check({"url": url(shared.port, database="nonsense"),
                      "level": "ready"}), outcome="ok")


def case_not_permitted():
    with Postgres(folder) as server:
        server.sql("create role mon login", "create table secret (x int)",
                   "create database closed",
                   "revoke connect on database closed from public")
        must(look(server, {"query": "table secret"}, user="mon"),
             fault="forbidden", code="42501", message_has="secret")
        must(probe.check({"url": url(server.port, "mon",
                                     database="closed")}),
             fault="forbidden", code="42501")


def recipe():
    """What docs/postgres.md says that the role needs."""
    with open(os.path.join(os.environ["RELEVO_SOURCE"],
                           "docs/postgres.md")) as f:
        page = " ".join(f.read().split())
    table, = re.findall(r"`(create table relevo_heartbeat [^`]*)`", page)
    role, = re.findall(r"`(CREATE ROLE relevo [^`]*)`", page)
    grant, = re.findall(r"`(GRANT SELECT, INSERT[^`]*)`", page)
    return [table, *role.replace("…", "s3cret").split("; "), grant]


def case_least_privilege_of_the_page():
    with Postgres(folder, hba=["host all all all scram-sha-256"]) as server:
        server.sql(*recipe(), "create table private (x int)",
                   "revoke create on schema public from public")
        settings = {"password": "s3cret", "heartbeat": "relevo_heartbeat",
                    "allow_write": True}
        must(look(server, settings, user="relevo"), outcome="ok")
        settings = {"password": "s3cret", "sets": ["connections", "locks",
                                                   "replication", "slots"]}
        result = look(server, settings, user="relevo")
        must(result, outcome="ok")
        must_see(result, refused=None)
        assert seen(result, "connected") >= 1, result
        must(look(server, {"password": "s3cret",
                           "query": "table private"}, user="relevo"),
             fault="forbidden", code="42501")


# -------------------------------------------------------------------- TLS ---

def case_tls():
    with Postgres(folder, tls=files.good) as server:
        trusting = {"tls": {"ca_file": files.ca}}
        result = look(server, trusting)
        must(result, outcome="ok")
        assert seen(result, "tls_version").startswith("TLSv1."), result
        assert 3e9 < seen(result, "cert_expiry") < 4e9, result
        assert {"connect_ms", "tls_ms", "auth_ms", "wait_ms"} <= set(
            result["phases"]), result
        must(probe.check(dict(trusting, url=url(server.port,
                                                host="localhost"))),
             outcome="ok")
        must(look(server, {"sslmode": "require"}), outcome="ok")
        must(look(server, {"sslmode": "verify-full"}), fault="certificate",
             code="UNABLE_TO_GET_LOCAL_ISSUER", outcome="fail")
        must(look(server, {"tls": {"ca_file": files.foreign_ca}}),
             fault="certificate")
        result = probe.check({"url": url(server.port) + "?sslrootcert=%s"
                              "&sslmode=verify-full" % files.ca})
        must(result, outcome="ok")
        result = look(server, {"sslmode": "disable"})
        must(result, outcome="ok")
        must_see(result, tls_version=None)
        must(look(server, {"tls": {"ca_file": "/nonexistent"}}),
             fault="config", code="tls.ca_file")


def case_tls_certificates():
    for pair, code in ((files.expired, "CERT_HAS_EXPIRED"),
                       (files.other, "IP_ADDRESS_MISMATCH"),
                       (files.foreign, "UNABLE_TO_GET_LOCAL_ISSUER")):
        with Postgres(folder, tls=pair) as server:
            result = look(server, {"tls": {"ca_file": files.ca}})
            must(result, fault="certificate", code=code, outcome="fail")
            assert seen(result, "cert_expiry") is not None, result
            if pair is files.other:
                must(look(server, {"tls": {"ca_file": files.ca},
                                   "sslmode": "verify-ca"}), outcome="ok")


def case_tls_not_offered():
    must(look(shared, {"sslmode": "require"}), fault="tls",
         code="not_offered")
    must(look(shared, {"sslmode": "prefer"}), outcome="ok")


def case_tls_of_our_own():
    with Postgres(folder, "ssl_ca_file = '%s'" % files.ca, tls=files.good,
                  hba=["hostssl all all all trust clientcert=verify-ca",
                       "hostnossl all all all reject"]) as server:
        base = {"ca_file": files.ca}
        must(look(server, {"tls": base}), fault="auth", code="28000",
             message_has="certificate")
        cert, key = files.mine
        must(look(server, {"tls": dict(base, cert_file=cert, key_file=key)}),
             outcome="ok")
        must(look(server, {"sslmode": "disable"}), fault="auth",
             code="28000", message_has="reject")
        must(look(server, {"tls": dict(base, cert_file=cert,
                                       key_file="/nonexistent")}),
             fault="config", code="tls.key_file")


# ---------------------------------------------------------- several hosts ---

def hosts(*servers, attrs="any"):
    return "postgres://postgres@%s/postgres?target_session_attrs=%s" % (
        ",".join("127.0.0.1:%d" % (s if isinstance(s, int) else s.port)
                 for s in servers), attrs)


def port_of(server):
    return {"query": "select current_setting('port')::int as port",
            "expect": ["value('port') == %d" % server.port]}


def case_roles():
    write_it = {"heartbeat": "beat", "allow_write": True}
    with Postgres(folder) as one:
        one.sql("create table beat (name text primary key,"
                " at timestamptz not null)")
        with one.standby() as two:
            closed = peer.closed_port()
            result = look(two)
            must(result, outcome="ok")
            must_see(result, role="standby")
            must(look(two, {"target_session_attrs": "primary"}),
                 fault="readonly", code="role", outcome="fail")
            must(look(one, {"target_session_attrs": "standby"}),
                 fault="readonly", code="role")
            until("the table to be there", lambda: look(
                two, {"query": "table beat"})["outcome"] == "ok")
            must(look(two, write_it), fault="readonly", code="25006",
                 message_has="read-only")
            must(look(one, write_it), outcome="ok")
            for attrs, wanted in (("primary", one), ("read-write", one),
                                  ("standby", two), ("read-only", two),
                                  ("prefer-standby", two), ("any", one)):
                must(probe.check(dict(port_of(wanted), url=hosts(
                    closed, one, two, attrs=attrs))), outcome="ok")
            two.stop()
            must(probe.check({"url": hosts(one, two, attrs="prefer-standby")}),
                 outcome="ok")
            must(probe.check({"url": hosts(two, one, attrs="standby")}),
                 fault="readonly", code="role")
            must(probe.check({"url": hosts(two, closed)}), fault="refused")


def case_read_only_server():
    with Postgres(folder, "default_transaction_read_only = on") as server:
        result = look(server)
        must(result, outcome="ok")
        must_see(result, read_only=True, role="primary")
        must(look(server, {"target_session_attrs": "read-write"}),
             fault="readonly", code="role")


def case_full_disk():
    if not pg.is_root():
        print("full_disk: needs root to mount a small volume: skipped")
        return
    with Postgres(folder, volume="64m") as server:
        server.sql("create table t (x text)",
                   "alter table t alter x set storage external")
        server.fill(left=1 << 19)
        must(look(server, {
            "query": "insert into t select repeat('x', 100000) "
                     "from generate_series(1, 100)", "read_only": False,
            "allow_write": True}, "20s"), fault="overloaded", code="53100",
            message_has="No space left")


# ----------------------------------------------------------------- queries ---

def ask(query, timeout="5s", **options):
    return look(shared, dict(query=query, **options), timeout)


def case_values():
    result = ask("""select 7 as i, -1.5::float8 as f, 2.25::numeric as n,
        true as yes, 'té' as t, null as nothing, interval '1 day 90 s' as iv,
        now() as now, timestamptz '2026-01-02 03:04:05.5+00' as at,
        date '2026-01-02' as day, 'NaN'::float8 as nan,
        timestamptz 'infinity' as never, '{1,2}'::int[] as list""",
                 expect=["value('i') == 7", "value('f') == -1.5",
                         "value('n') > 2", "value('yes')",
                         "value('t') == 'té'", "not exists value('nothing')",
                         "value('iv') > 1d", "value('iv') < 25h",
                         "age(value('now')) < 5m",
                         "age(value('at')) > 1h", "rows == 1",
                         "not exists value('nan')",
                         "not exists value('never')",
                         "value('list') == '{1,2}'"])
    must(result, outcome="ok")


def case_rows_and_cells():
    result = ask("select i, i * 2 as twice from generate_series(1, 3) i",
                 expect=["rows == 3", "value('i') == 1",
                         "cell('2.twice') == 6", "cell('0.i') == 1"])
    must(result, outcome="ok")
    must(ask("select 1 where false", expect=["rows == 0"]), outcome="ok")
    result = ask("select 1 where false", expect=["rows > 0"])
    must(result, outcome="fail", fault="mismatch")
    must(ask("select $1::int + $2::int as sum", params=["2", "3"],
             expect=["value('sum') == 5"]), outcome="ok")


def case_errors_of_queries():
    must(ask("select nonsense"), fault="error_response", code="42703")
    must(ask("selec"), fault="error_response", code="42601")
    must(ask("select 1; drop table x"), fault="error_response", code="42601")
    must(ask("select 1 / 0"), fault="error_response", code="22012")
    must(ask("select $1::int", params=["x"]), code="22P02")
    must(ask("select $1::int"), fault="error_response")
    must(ask("copy pg_class to stdout"), fault="protocol", code="copy")
    must(ask("select"), outcome="ok")
    must(ask(""), outcome="ok")


def case_limits():
    must(ask("select generate_series(1, 1001)"), fault="protocol",
         code="rows")
    must(ask("select generate_series(1, 1000)", expect=["rows == 1000"]),
         outcome="ok")
    must(ask("select repeat('x', 3000000)", "20s"), fault="protocol",
         code="size", message_has="max_bytes")
    must(ask("select repeat('x', 3000000)", "20s", max_bytes="4MiB"),
         outcome="ok")
    local = {"url": "postgres://postgres@/postgres?host=%s&port=%d" % (
        shared.folder, shared.port), "max_rows": 1000000}
    rows = "select repeat('x', 100) from generate_series(1, %d)"
    must(probe.check(dict(local, query=rows % 200000), "20s"),
         fault="protocol", code="size")
    must(probe.check(dict(local, query=rows % 8000), "20s"), outcome="ok")
    must(ask(rows % 8000, "20s", max_rows=1000000), outcome="ok")


def case_statement_timeout():
    result = ask("select pg_sleep(60)", timeout="2s")
    must(result, fault="timeout", code="57014", outcome="fail")
    assert result["duration_ms"] < 15000, result


def case_writing():
    writing = {"read_only": False, "allow_write": True}
    for query in ("create table x (i int)", "select set_config("
                  "'transaction_read_only', 'off', false), nextval('s')"):
        result = ask(query)
        must(result, outcome="fail")
        assert result["code"] in ("25006", "42P01", "25001"), result
    must(ask("create table written (i int)", **writing), outcome="ok")
    result = ask("insert into written select generate_series(1, 3)",
                 expect=["affected == 3"], **writing)
    must(result, outcome="ok")
    must(ask("insert into written values (1)"), fault="readonly",
         code="25006")
    assert shared.sql("select count(*) from written") == [["3"]]


def case_heartbeat():
    with Postgres(folder) as server:
        beat = {"heartbeat": "public.beat", "allow_write": True}
        must(look(server, beat), fault="error_response", code="42P01")
        server.sql("create table beat (name text primary key,"
                   " at timestamptz not null)")
        result = look(server, beat)
        must(result, outcome="ok")
        must_see(result, heartbeat_age=None)
        assert seen(result, "write") > 0, result
        result = look(server, dict(beat, allow_write=False))
        must(result, outcome="ok")
        must_see(result, write=None)
        assert seen(result, "heartbeat_age") > 0, result
        server.sql("update beat set at = now() - interval '1 hour'")
        must(look(server, beat, expect=["heartbeat_age > 50m"]), outcome="ok")
        must(look(server, beat, expect=["heartbeat_age < 5m"]), outcome="ok")
        assert server.sql("select name from beat") == [["relevo"]]


# ---------------------------------------------------------- kept sessions ---

def case_kept_session():
    with tempfile.TemporaryDirectory(dir=folder) as where, \
            Postgres(folder) as server, \
            Watch(where, """workers = 1; plugin_dir = "%s/plugins";
                checks = { it = { url = "%s"; keep_connection = true;
                  query = "select pg_backend_pid() as pid, 1 as one";
                  interval = "100ms"; }; };
                """ % (os.path.abspath(BUILD), server.url())) as watch:
        def pids():
            return [r["observations"]["value"]["pid"] for r in
                    watch.history("it", 500) if r["outcome"] == "ok"]
        until("ten results", lambda: len(pids()) > 10)
        assert len(set(pids())) == 1, pids()
        server.sql("select pg_terminate_backend(pid) from pg_stat_activity"
                   " where application_name = 'relevo'")
        until("another session", lambda: len(set(pids())) == 2)
        faults = {r["fault"] for r in watch.history("it", 500)}
        assert faults == {"none"}, faults


# ------------------------------------------------------------------ config ---

def case_bad_options():
    base = {"url": "postgres://127.0.0.1:1/x"}
    for options, word in (
            ({"url": "postgres://h:99999/x"}, "port"),
            ({"url": "postgres://h/x?sslmode=nonsense"}, "sslmode"),
            ({"url": "postgres://h/x?nonsense=1"}, "query parameter"),
            ({"url": "postgres://h/x?password=p"}, "password"),
            ({"url": "host=h password=p", "plugin": "postgres"}, "password"),
            ({"url": "mysql://h/x", "plugin": "postgres"}, "postgres://"),
            ({"url": "postgres://h/x?gssencmode=require"}, "GSSAPI"),
            ({"url": "postgres://h/x?replication=true"}, "replication"),
            ({"url": "postgres://h,i:1:2/x"}, "port"),
            ({"url": "postgres://h:1,i:2,j/x?hostaddr=127.0.0.1"}, "hosts"),
            ({"url": "postgres://h/x?hostaddr=name"}, "addresses"),
            ({"url": "postgres://h/x?target_session_attrs=x"}, "prefer"),
            ({"query": "select 1", "level": "auth"}, "level"),
            ({"keep_connection": True, "level": "auth"}, "level"),
            ({"params": ["1"]}, "query"),
            ({"read_only": False}, "allow_write"),
            ({"heartbeat": "x; drop table y"}, "name of a table"),
            ({"heartbeat": "a.b.c"}, "name of a table"),
            ({"tls": {"key_file": "/x"}}, "cert_file"),
            ({"max_rows": 0}, "max_rows")):
        try:
            result = probe.check(dict(base, **options))
        except AssertionError as error:
            assert "exit 2" in str(error), error
            assert word in str(error), (word, error)
        else:
            raise AssertionError("%r gave %r" % (options, result))


def case_no_secret_is_shown():
    secret = "hunter2hunter2"
    for text in ("postgres://u:%s@127.0.0.1:1/x" % secret,
                 "postgres://u:%s@h:nonsense/x" % secret,
                 "host=h password=%s" % secret):
        try:
            shown = json.dumps(probe.check({"url": text,
                                            "plugin": "postgres"}))
        except AssertionError as error:
            shown = str(error).split("conf {")[0]  # of this test's making
        assert secret not in shown, shown


def main():
    global probe, folder, files, shared
    if not pg.find():
        print("no postgres: skipped")
        return 77
    if cases.lacks("postgres"):
        return 77
    with tempfile.TemporaryDirectory(prefix="rlv-pg-") as folder:
        os.chmod(folder, 0o755)
        probe = Probe(folder, "postgres")
        files = Files(folder)
        with Postgres(folder) as shared:
            return cases.run(globals(), sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
