"""Cases of a test script that hold results of probes against what they ought
to be.

    def case_refused():
        must(probe.check({"url": …}), fault="refused", errno=111)

    run(globals(), sys.argv[1:])      # all functions whose name begins case_
"""
import concurrent.futures
import os
import shutil
import traceback


def lacks(plugin, *programs):
    """Whether the test is to be skipped, because the build was made without
    that plugin, or a program is not there; says so."""
    missing = [p for p in programs if not shutil.which(p)]
    if not os.path.exists(os.path.join(os.environ.get("RELEVO_BUILD", ""),
                                       "plugins", plugin + ".so")):
        missing.append("$RELEVO_BUILD/plugins/%s.so" % plugin)
    if missing:
        print("no %s: skipped" % ", ".join(missing))
    return bool(missing)


def must(result, **wanted):
    """Compares members of the result; a name ending _has looks for a part."""
    for name, value in wanted.items():
        if name.endswith("_has"):
            seen_value = result.get(name[:-4]) or ""
            fine = value in seen_value
        else:
            seen_value = result.get(name)
            fine = seen_value == value
        if not fine:
            raise AssertionError("%s is %r, wanted %r, in %r" %
                                 (name, seen_value, value, result))


def seen(result, name):
    """An observation; a duration may be named with _ms at its end."""
    all_seen = result["observations"]
    return all_seen.get(name, all_seen.get(name + "_ms"))


def must_see(result, **wanted):
    for name, value in wanted.items():
        if seen(result, name) != value:
            raise AssertionError("%s is %r, wanted %r, in %r" %
                                 (name, seen(result, name), value, result))


def _run_case(name, function):
    try:
        function()
    except Exception as error:
        print("FAIL %s: %s" % (name, error), flush=True)
        if not isinstance(error, AssertionError):
            traceback.print_exc()
        return False
    print("ok   %s" % name, flush=True)
    return True


def run(names, words, skip=lambda name: False, at_once=4):
    """Of the script's names; words: only cases whose name contains one of
    them. Returns the exit status."""
    cases = [(name[5:], function) for name, function in names.items()
             if name.startswith("case_")]
    if words:
        cases = [c for c in cases if any(word in c[0] for word in words)]
    cases = [c for c in cases if not skip(c[0])]
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        done = list(pool.map(lambda c: _run_case(*c), cases))
    print("%d of %d passed" % (sum(done), len(done)))
    return 0 if done and all(done) else 1
