"""Test vectors that others wrote, and one `relevo test` over many checks.

    path = vectors.find("http/curl_http_responses.jsonl")   # None: not here
    results = await vectors.results(config)                 # by check
"""
import asyncio
import json
import os
import subprocess

SOURCE = os.environ.get("RELEVO_SOURCE") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..")
FOLDER = os.environ.get("RELEVO_VECTORS") or os.path.join(
    SOURCE, "..", "shared", "vectors")


def find(name):
    """A file of $RELEVO_VECTORS, else of ../shared/vectors beside the source.
    None, having said so, where it is not there: the test is to be skipped."""
    path = os.path.join(FOLDER, name)
    if os.path.exists(path):
        return path
    print("skipped: no vectors at %s" % path)
    return None


async def results(config):
    """Of all checks of that file, while the caller's loop serves them."""
    done = await asyncio.create_subprocess_exec(
        os.path.join(os.environ["RELEVO_BUILD"], "relevo"), "-c", config,
        "test", "--format", "json", stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = await done.communicate()
    try:
        return {r["check"]: r for r in json.loads(out)["checks"]}
    except ValueError:
        raise SystemExit("exit %s: %s %s" % (done.returncode, out[:2000],
                                             err[:4000]))
