#!/usr/bin/python3
"""The founding user's file: staging and production in one, a template, secrets,
a database that only the API sees, reactions and a maintenance window. First as
it is written, before a secret has a value; then on real servers: one probe at a
time, and under a daemon while production's database is gone."""
import json
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from certs import Authority  # noqa: E402
from nginx import Nginx, find  # noqa: E402
from watch import Watch  # noqa: E402

TOKEN = "t0ken-0f-production"
CONFIG = """
timezone = "America/Argentina/Buenos_Aires";
automation = "diagnose";                                   # ceiling: observe | diagnose | approve | auto

environments = {
  staging    = { vars = { base = "staging.example.com"; token = { env = "STG_API_TOKEN"; }; }; };
  production = { vars = { base = "app.example.com";     token = { env = "PRD_API_TOKEN"; }; }; };
};
defaults  = { interval = "30s"; http = { timeout = "5s"; }; };          # for all, then by plugin
templates = { uat = { schedule = "manual"; tags = ["uat"]; }; };

checks = {
  api   = { url = "https://${base}/health/ready"; interval = "10s"; depends_on = ["db", "redis"]; tags = ["smoke", "uat"];
            record = { db = "json('.db')"; redis = "json('.redis')"; };
            expect = ["status == 200", "db == 'ok'", "redis == 'ok'", "latency < 500ms"]; warn_unless = ["latency < 200ms", "cert_expiry > 14d"]; };
  db    = { of = "api"; expect = ["db == 'ok'"]; };        # derived: judged from api's answer
  redis = { of = "api"; expect = ["redis == 'ok'"]; };
  docs  = { use = ["uat"]; url = "https://${base}/docs"; };
  tasks = { use = ["uat"]; url = "https://${base}/api/v1/tasks"; headers = { Authorization = "Bearer ${token}"; }; };
};
runbooks = {
  api-diagnose = { script = "http/diagnose"; match = { plugin = "http"; }; };
  pg-restart   = { script = "service/restart"; on = "down"; match = { check = "db"; when = "db contains '111'"; }; environments = ["production"];
                   params = { service = "postgresql@15-main"; }; cooldown = "30m"; budget = "2 per 24h"; verify_within = "3m"; };
  oncall       = { script = "notify/webhook"; on = ["down", "recovered"]; params = { url = { env = "ONCALL_URL"; }; format = "slack"; }; };
};
maintenance = { weekly = { environments = ["staging"]; cron = "0 3 * * 0"; duration = "1h"; }; };
"""
SERVER = """
    server {
        listen 127.0.0.1:@%(name)s@ ssl;
        ssl_certificate %(cert)s;
        ssl_certificate_key %(key)s;
        default_type application/json;
        location = /docs { return 200 'how to'; }
        location = /api/v1/tasks {
            if ($http_authorization != 'Bearer %(token)s') { return 401; }
            return 200 '[]';
        }
        location = /health/ready {
            if (-f %(folder)s/%(name)s-db) {
                return 503 '{"db":"[Errno 111] Connection refused","redis":"ok"}';
            }
            return 200 '{"db":"ok","redis":"ok"}';
        }
    }
"""
SECRETS = ("STG_API_TOKEN", "PRD_API_TOKEN", "ONCALL_URL")


class File(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.watch = Watch(self.folder.name, CONFIG)
        for name in SECRETS:
            self.watch.env.pop(name, None)

    def tearDown(self):
        self.folder.cleanup()

    def run_it(self, *argv, exit=0):
        code, out, err = self.watch.run(*argv, check=False)
        self.assertEqual(code, exit, out + err)
        return out, err

    def line_of(self, text):
        with open(self.watch.config) as f:
            return next(i for i, line in enumerate(f, 1) if text in line)


class AsWritten(File):
    def test_what_has_no_value_is_named(self):
        out, _ = self.run_it("config", "check")
        self.assertEqual(out.count("not probed: env "), 2)
        self.assertRegex(out, r'(?m)^production/tasks .*not probed: env '
                              r'"PRD_API_TOKEN" has no value$')
        self.assertIn('runbook oncall is held: env "ONCALL_URL" has no value',
                      out)
        self.assertIn("is right: 10 checks, 3 runbooks", out)
        made = json.loads(self.run_it("config", "check", "--json")[0])
        self.assertEqual([c["name"] for c in made["checks"] if c["missing"]],
                         ["staging/tasks", "production/tasks"])
        self.assertEqual([r["name"] for r in made["runbooks"] if r["missing"]],
                         ["oncall"])

    def test_strict(self):
        out, err = self.run_it("config", "check", "--strict", exit=2)
        self.assertEqual(out, "")
        place = "%s:%d:3: " % (self.watch.config, self.line_of("tasks ="))
        self.assertIn(place + 'check "staging/tasks": env "STG_API_TOKEN" has '
                      'no value\n', err)
        self.assertIn('runbook "oncall": env "ONCALL_URL" has no value\n', err)
        self.assertEqual(err.count("\n"), 3)
        _, err = self.run_it("config", "check", "--strict", "--env",
                             "production", exit=2)
        self.assertEqual(err.count("\n"), 2)
        for name in SECRETS:
            self.watch.env[name] = "https://127.0.0.1/" + TOKEN
        out, _ = self.run_it("config", "check", "--strict")
        self.assertNotIn("has no value", out)

    def test_origins(self):
        self.watch.env["PRD_API_TOKEN"] = TOKEN
        out, _ = self.run_it("config", "show", "--env", "production")
        self.assertNotIn("staging/", out)
        self.assertNotIn(TOKEN, out)
        tasks = out.split("  production/tasks = {\n")[1].split("\n  };")[0]
        values = dict(line.strip().split("  # ") for line in
                      tasks.splitlines() if "  # " in line)
        file = self.watch.config
        for value, origin in (
                ('headers = { Authorization = "***"; };',
                 "%s:%d" % (file, self.line_of("tasks ="))),
                ('schedule = "manual";', "%s:%d (template uat)"
                 % (file, self.line_of("templates ="))),
                ('timeout = "5s";', "%s:%d (defaults.http)"
                 % (file, self.line_of("defaults  ="))),
                ('failure_threshold = 3;', "built in"),
                ('plugin = "http";', "the scheme of url"),
                ('expect = ["status in 200..299"];', "plugin http"),
                ('url = "https://app.example.com/api/v1/tasks";',
                 "%s:%d" % (file, self.line_of("tasks =")))):
            self.assertEqual(values[value], origin)
        bare = [line for line in out.splitlines()
                if line.startswith("    ") and line.endswith(";")
                and "  # " not in line and line.strip() != "};"]
        self.assertEqual(bare, [])

    def test_timing(self):
        out, _ = self.run_it("config", "show", "--timing")
        self.assertRegex(out, r"(?m)^staging/api +every 10s +5s +5s +10s +3 +2 "
                              r"+an outage is noticed after 10s to 20s$")
        self.assertRegex(out, r"(?m)^production/db +every 10s, with "
                              r"production/api ")
        self.assertRegex(out, r"(?m)^staging/docs +manual +5s +- +- ")

    def test_an_environment_that_is_none(self):
        for command in ("check", "show"):
            _, err = self.run_it("config", command, "--env", "prodction",
                                 exit=2)
            self.assertIn('did you mean "production"?', err)


@unittest.skipUnless(find() and shutil.which("openssl"), "no nginx or openssl")
class OnServers(File):
    def setUp(self):
        super().setUp()
        at = self.folder.name
        authority = Authority(at)
        cert, key = authority.issue("server")[:2]
        servers = "".join(SERVER % {"name": name, "cert": cert, "key": key,
                                    "token": TOKEN, "folder": at}
                          for name in ("staging", "production"))
        self.web = Nginx(at, servers)
        self.web.__enter__()
        text = CONFIG.replace('timeout = "5s";', 'timeout = "5s"; tls = { '
                              'ca_file = "%s"; };' % authority.cert)
        text = text.replace('interval = "10s"',
                            'interval = "300ms"; retry_interval = "100ms"')
        for name, host in (("staging", "staging.example.com"),
                           ("production", "app.example.com")):
            text = text.replace(host, "127.0.0.1:%d" % self.web.ports[name])
        # How fast a busy machine answers is not what this is about.
        self.watch.write(text.replace("latency < 200ms", "latency < 5s")
                         .replace("latency < 500ms", "latency < 5s"))

    def tearDown(self):
        self.web.__exit__()
        super().tearDown()

    def test_as_a_gate(self):
        self.watch.env["PRD_API_TOKEN"] = TOKEN
        out, _ = self.run_it("test")
        self.assertRegex(out, r'skipped +staging/tasks +env "STG_API_TOKEN" is '
                              r'not set\n')
        self.assertIn("9 of 9 passed (100.0 %), 1 skipped", out)
        out, _ = self.run_it("test", "--env", "production", "--tag", "uat")
        self.assertIn("3 of 3 passed (100.0 %)", out)
        open(os.path.join(self.folder.name, "staging-db"), "w").close()
        out, _ = self.run_it("test", "--min-pass", "80%", exit=1)
        self.assertIn("7 of 9 passed", out)
        self.assertRegex(out, r"FAILED +staging/db .*error_response 503")

    def test_under_a_daemon(self):
        with self.watch as watch:
            for name in ("api", "db", "redis"):
                watch.wait_state("staging/" + name, "up")
                watch.wait_state("production/" + name, "up")
            open(os.path.join(self.folder.name, "production-db"), "w").close()
            watch.wait_state("production/db", "down")
            watch.wait_state("production/api", "impacted")
            self.assertEqual(watch.check("staging/api")["state"], "up")
            self.assertFalse(watch.check("staging/api")["manual"])
            self.assertTrue(watch.check("staging/docs")["manual"])
            out, _ = self.run_it("status", exit=1)
            self.assertRegex(out, r"(?m)^staging/docs +pending +[^ ]+s +manual "
                                  r"+-$")
            self.assertEqual(watch.check("production/redis")["state"], "up")
            self.assertEqual([i["check"] for i in watch.incidents()],
                             ["production/db"])


if __name__ == "__main__":
    unittest.main()
