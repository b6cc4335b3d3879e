"""Calls that fail when a test wants them to, in a role that it names.

    faulty = Faulty(folder, below=watch.state)
    watch.env.update(faulty.env())
    faulty.fail(DISK, MAIN, errno.ENOSPC, first=7)        only the 7th
    faulty.fail(DISK, ANY, errno.ENOSPC, 1, FOREVER)      all, from now on
    faulty.heal()

Needs tests/lib/preload/faulty.c, which a build with failpoints makes. A rule
counts from when it is given; faulty.seen() says how many calls it has seen.
"""
import mmap
import os
import shutil
import struct

from watch import BUILD

DISK, FORK, MEMORY = 1, 2, 3
ANY, MAIN, RUNNER, KEEPER, WORKER, VET, COMMAND = range(7)
FOREVER = 2 ** 62
LIBRARY = os.path.join(BUILD, "tests", "preload", "faulty.so")
RULE = struct.Struct("<iiiiqqq")
RULES, FOLDER = 8, 256


def is_built():
    return os.path.exists(LIBRARY)


class Faulty:
    def __init__(self, folder, below=""):
        self.library = os.path.join(folder, "faulty.so")
        shutil.copy(LIBRARY, self.library)
        size = FOLDER + RULES * RULE.size
        with open(self.library + ".plan", "w+b") as f:
            f.write(os.path.abspath(below).encode().ljust(FOLDER, b"\0")
                    if below else bytes(FOLDER))
            f.write(bytes(size - FOLDER))
            f.flush()
            os.chmod(f.name, 0o666)  # whoever a role becomes
            self.plan = mmap.mmap(f.fileno(), size)
        self.next = 0

    def env(self):
        return {"LD_PRELOAD": self.library}

    def fail(self, sort, role, error, first, last=None):
        """Returns the rule's number."""
        number, self.next = self.next, self.next + 1
        at = FOLDER + number * RULE.size
        last = first if last is None else last
        RULE.pack_into(self.plan, at, role, 0, error, 0, first, last, 0)
        struct.pack_into("<i", self.plan, at + 4, sort)  # last: it holds now
        return number

    def seen(self, number=0):
        return RULE.unpack_from(self.plan, FOLDER + number * RULE.size)[-1]

    def heal(self):
        for number in range(RULES):
            struct.pack_into("<i", self.plan, FOLDER + number * RULE.size + 4,
                             0)
        self.next = 0
