"""One probe by the real program, as a Python call.

    result = Probe(folder).check({"url": "http://127.0.0.1:1/"}, timeout="1s")
    result["fault"] == "refused"

Writes a configuration with one check into a folder of its own and runs
`relevo -c FILE check NAME --json` from $RELEVO_BUILD.
"""
import json
import os
import re
import subprocess
import tempfile


def literal(value):
    """A Python value in the configuration's language."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        return "{ " + " ".join("%s = %s;" % (k, literal(v))
                               for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)) and value and isinstance(value[0],
                                                                 dict):
        return "(" + ", ".join(literal(v) for v in value) + ")"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(literal(v) for v in value) + "]"
    return '"%s"' % str(value).replace("\\", "\\\\").replace('"', '\\"')


def undisturbed(ask):
    """The result of ask(); once more, and again, where the machine stood still
    meanwhile and so nothing was found out, or the plugin came too late to its
    deadline."""
    for _ in range(5):
        result = ask()
        late = "did not end the probe itself" in result["message"] and \
            "disturbed" in result["flags"]
        if "stood still" not in result["message"] and not late:
            break
    return result


class Probe:
    def __init__(self, folder, plugin, **settings):
        """settings: of the configuration's top level."""
        self.folder = folder
        self.plugin = plugin
        self.settings = "".join("%s = %s;\n" % (name, literal(value))
                                for name, value in settings.items())
        self.program = os.path.join(os.environ["RELEVO_BUILD"], "relevo")

    def run(self, *argv, env=None):
        done = subprocess.run([self.program, *argv], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=100, env=dict(os.environ, **(env or {})))
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def check(self, options, timeout="5s", env=None, **common):
        return undisturbed(
            lambda: self._check(options, timeout, env, common))

    def _check(self, options, timeout, env, common):
        where = tempfile.mkdtemp(dir=self.folder)
        conf = os.path.join(where, "relevo.cfg")
        settings = {"plugin": self.plugin, "timeout": timeout}
        settings.update(common)
        settings.update(options)
        with open(conf, "w") as f:
            f.write("%sstate_dir = %s;\nchecks = { it = %s; };\n" %
                    (self.settings, literal(os.path.join(where, "state")),
                     literal(settings)))
        code, out, err = self.run("-c", conf, "check", "it", "--json", env=env)
        try:
            result = json.loads(out)
        except ValueError:
            raise AssertionError("exit %d, stdout %r, stderr %r, conf %s" %
                                 (code, out, err, settings))
        result["exit"] = code
        return result

    def must_refuse(self, wrong):
        """Each (options, words) is a mistake that the configuration names with
        those words; all in one file."""
        where = tempfile.mkdtemp(dir=self.folder)
        conf = os.path.join(where, "relevo.cfg")
        with open(conf, "w") as f:
            f.write("checks = {\n%s};\n" % "".join(
                "m%d = %s;\n" % (i, literal(dict(options,
                                                 plugin=self.plugin)))
                for i, (options, _) in enumerate(wrong)))
        code, out, err = self.run("-c", conf, "--state-dir",
                                  os.path.join(where, "state"), "config",
                                  "check")
        told = dict(re.findall(r'check "(m\d+)": (.*)', out + err))
        assert code == 2 and len(told) == len(wrong), (code, out, err)
        for i, (options, words) in enumerate(wrong):
            assert words in told["m%d" % i], (options, told["m%d" % i])
