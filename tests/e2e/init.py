#!/usr/bin/python3
"""`relevo init`: what it writes passes `config check`, as it is and with every
option that it offers; no file is ever changed; no password is written."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from watch import PROGRAM  # noqa: E402

# What a shell may hand over, and the name that it gets.
AWKWARD = [
    ("http://127.0.0.1:8080/health", "host-127-0-0-1-8080-health"),
    ("https://www.Example.com/a?b=c&d=\"e\"", "example-a"),
    ("http://[::1]:8080/", "host-1-8080"),
    ("http://[fe80::1%25lo]/x", "host-fe80-1-25lo-x"),
    ("http://h/a${b}$${c}\\d", "h-a-b-c-d"),
    ("http://h/{{x}}", "h-x"),
    ("http://h/", "h"),
    ("http://h", "h-2"),
    ("HTTP://H#x", "h-3"),
    ("http://h/it's", "h-it-s"),
    ("http://xn--bcher-kva.example/\u00e9", "xn-bcher-kva"),
    ("http://localhost/" + "long/" * 40,
     "localhost-long-long-long-long-long-long-long-lon"),
]


def has(plugin):
    return os.path.exists(os.path.join(os.path.dirname(PROGRAM), "plugins",
                                       plugin + ".so"))


class Init(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.at = self.folder.name
        self.file = os.path.join(self.at, "relevo.cfg")
        self.env = dict(os.environ, RELEVO_STATE_DIR=self.at + "/state")
        self.env.pop("RELEVO_CONFIG", None)

    def tearDown(self):
        self.folder.cleanup()

    def run_it(self, *argv, exit=0, **env):
        done = subprocess.run([PROGRAM, *argv], text=True, cwd=self.at,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=dict(self.env, **env), timeout=120)
        self.assertEqual(done.returncode, exit,
                         "%s\n%s%s" % (argv, done.stdout, done.stderr))
        return done.stdout, done.stderr

    def written(self, file=None):
        with open(file or self.file) as f:
            return f.read()

    def values(self):
        """Name and URL of each check, as `config show` reads them back."""
        out, _ = self.run_it("config", "show")
        block = out.split("checks = {")[1].split("\nrunbooks = {")[0]
        names = re.findall(r"^  ([\w-]+) = \{$", block, re.M)
        urls = re.findall(r'^ *url = "(.*)";', block, re.M)
        return list(zip(names, urls))

    def test_without_a_url_only_a_warning(self):
        out, err = self.run_it("init")
        self.assertIn("relevo.cfg is written, with 0 checks.", out)
        _, err = self.run_it("config", "check")
        self.assertEqual(err.count("\n"), 1, err)
        self.assertIn("there are no checks", err)

    def test_all_that_it_offers_is_right(self):
        for urls in ([], ["http://127.0.0.1:1/"]):
            with self.subTest(urls=urls):
                self.run_it("init", *urls)
                text = re.sub("^//", "", self.written(), flags=re.M)
                self.assertNotEqual(text, self.written())
                os.unlink(self.file)
                with open(self.file, "w") as f:
                    f.write(text)
                self.run_it("config", "check")
                os.unlink(self.file)

    def test_awkward_urls(self):
        self.run_it("init", *[url for url, _ in AWKWARD])
        out, _ = self.run_it("config", "check")
        listed = re.findall(r"^(\S+) +http ", out, re.M)
        self.assertEqual(listed, [name for _, name in AWKWARD])

    def test_a_url_is_read_back_as_it_was_given(self):
        self.run_it("init", *[url for url, _ in AWKWARD])
        unquoted = [(name, re.sub(r"\\(.)", r"\1", url).replace("$${", "${")
                     .replace("{{{{", "{{"))
                    for name, url in self.values()]
        expected = [(name, url.replace("$${", "${")) for url, name in AWKWARD]
        self.assertEqual(unquoted, expected)

    def test_a_password_is_not_written(self):
        out, err = self.run_it("init", "https://u:s3cret@h:8443/health",
                               "https://t0ken@h/", "http://h/a@b")
        self.assertNotRegex(self.written() + out + err, "s3cret|t0ken")
        for name in ("H_8443_HEALTH_URL", "H_URL"):
            self.assertIn("set the variable %s to it." % name, out)
        self.assertIn('url = "http://h/a@b"', self.written())
        shown, _ = self.run_it("config", "check")
        self.assertIn('env "H_URL" has no value', shown)
        shown, _ = self.run_it("config", "check", H_URL="https://t0ken@h/")
        self.assertNotIn('env "H_URL"', shown)

    def test_a_scheme_without_plugin(self):
        for url, told in (("ftp://u:s3cret@h", 'no plugin for "ftp://"'),
                          ("app.example.com/s3cret", "has no scheme"),
                          ("http://h/s3cret x", "a space"),
                          ("http://h/s3cret\n", "a control character")):
            with self.subTest(url=url):
                out, err = self.run_it("init", "http://h", url, exit=2)
                self.assertIn("URL 2", err)
                self.assertIn(told, err)
                self.assertNotIn("s3cret", out + err)
                self.assertEqual(os.listdir(self.at), [])

    def test_urls_of_other_plugins_than_http(self):
        if not has("redis"):
            self.skipTest("the build has no redis plugin")
        out, err = self.run_it("init", "redis://127.0.0.1:6379/2")
        self.assertEqual(err, "")
        self.assertIn('url = "redis://127.0.0.1:6379/2"', self.written())
        _, err = self.run_it("config", "check")
        self.assertEqual(err, "")

    def test_urls_of_postgres(self):
        if not has("postgres"):
            self.skipTest("the build has no postgres plugin")
        url = "postgresql://mon:s3cret@db.example.com:5433/shop"
        _, err = self.run_it("init", "postgres://127.0.0.1/shop", url)
        self.assertIn('url = "postgres://127.0.0.1/shop"', self.written())
        self.assertIn('plugin = "postgres"; url = { env = "', self.written())
        self.assertNotIn("s3cret", self.written())
        self.run_it("config", "check", DB_5433_SHOP_URL=url)

    def diagnoses(self):
        """Of each runbook: plugins, checks, and the script."""
        out, _ = self.run_it("runbook", "list", "--json")
        return {r["name"]: (r["match"]["plugin"], r["match"]["check"],
                            r["script"].split("/runbooks/")[-1])
                for r in json.loads(out)}

    def test_each_plugin_has_its_diagnosis(self):
        for url, plugin in (("http://h", "http"), ("ws://h/", "websocket"),
                            ("redis://h", "redis"),
                            ("postgres://h", "postgres")):
            if not has(plugin):
                continue
            with self.subTest(url=url):
                self.run_it("init", url)
                self.assertEqual(self.diagnoses(), {plugin + "-diagnose": (
                    [plugin], [], plugin + "/diagnose")})
                os.unlink(self.file)

    def test_a_diagnosis_is_given_the_secret_url_of_its_check(self):
        if not has("redis"):
            self.skipTest("the build has no redis plugin")
        self.run_it("init", "redis://:s3cret@h", "redis://http",
                    "http://u:s3cret@z")
        self.assertEqual(self.diagnoses(), {
            "diagnose-h": ([], ["h"], "redis/diagnose"),
            "diagnose-http": ([], ["http"], "redis/diagnose"),
            "http-diagnose": (["http"], [], "http/diagnose")})
        out, _ = self.run_it("config", "check")
        self.assertIn('runbook diagnose-h is held: env "H_URL"', out)
        out, _ = self.run_it("config", "check", H_URL="redis://:s3cret@h")
        self.assertNotIn("held", out)

    def test_a_url_that_its_plugin_refuses(self):
        _, err = self.run_it("init", "http://h:99999/", exit=2)
        self.assertIn("url: not a valid URL", err)
        self.assertIn("relevo.cfg is not written", err)
        self.assertFalse(os.path.lexists(self.file))

    def test_never_over_a_file(self):
        with open(self.file, "w") as f:
            f.write("# mine\n")
        _, err = self.run_it("init", exit=2)
        self.assertIn("relevo.cfg is there already and stays as it is", err)
        self.assertEqual(self.written(), "# mine\n")
        link = os.path.join(self.at, "link.cfg")
        os.symlink("nowhere", link)
        self.run_it("-c", link, "init", exit=2)
        self.assertEqual(os.readlink(link), "nowhere")
        self.assertFalse(os.path.lexists(os.path.join(self.at, "nowhere")))

    def test_another_file(self):
        other = os.path.join(self.at, "other.cfg")
        self.run_it("init", "http://h", "-c", other)
        self.assertIn('url = "http://h"', self.written(other))
        third = os.path.join(self.at, "third.cfg")
        self.run_it("init", RELEVO_CONFIG=third)
        self.assertTrue(os.path.isfile(third))
        self.assertFalse(os.path.lexists(self.file))

    def test_a_folder_that_is_not_there_or_closed(self):
        _, err = self.run_it("-c", self.at + "/none/x.cfg", "init", exit=2)
        self.assertIn("No such file or directory", err)

    # Of many at once, one writes and the others say so; nothing is left over.
    def test_many_at_once(self):
        racers = [subprocess.Popen(
            [PROGRAM, "init", "http://h%d" % i], cwd=self.at, env=self.env,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for i in range(5)]
        codes = sorted(r.wait(120) for r in racers)
        self.assertEqual(codes, [0, 2, 2, 2, 2])
        self.assertEqual(len(self.values()), 1)
        self.assertEqual([n for n in os.listdir(self.at) if "cfg" in n],
                         ["relevo.cfg"])


if __name__ == "__main__":
    unittest.main()
