"""history.db as it lies on the disk, read by nothing of ours.

    ledger = Ledger(state_dir)       a copy, with its write-ahead log, of one
                                     that nobody writes any more
    ledger = Ledger.live(state_dir)  while it is written
    ledger.rows("transition")        in the order in which they were written
"""
import hashlib
import os
import shutil
import sqlite3
import tempfile

ORDER = {"transition": "rowid", "event": "rowid", "hot": "rowid",
         "audit": "node, id", "incident": "number", "run": "number",
         "state": "check_id", "counter": "node, name"}


class Ledger:
    def __init__(self, state_dir):
        with tempfile.TemporaryDirectory(prefix="relevo-ledger-") as folder:
            for name in ("history.db", "history.db-wal"):
                path = os.path.join(state_dir, name)
                if os.path.exists(path):
                    shutil.copy(path, os.path.join(folder, name))
            self._read(sqlite3.connect(os.path.join(folder, "history.db")))

    @classmethod
    def live(cls, state_dir):
        """A copy of two files that change would be neither's."""
        ledger = cls.__new__(cls)
        ledger._read(sqlite3.connect(
            "file:%s?mode=ro" % os.path.join(state_dir, "history.db"),
            uri=True, timeout=30))
        return ledger

    def _read(self, db):
        db.row_factory = sqlite3.Row
        db.execute("BEGIN")
        self.integrity = db.execute("PRAGMA integrity_check").fetchone()[0]
        self.tables = {}
        for table, order in ORDER.items():
            found = db.execute("SELECT 1 FROM sqlite_schema WHERE name = ?",
                               (table,)).fetchone()
            self.tables[table] = [] if not found else [
                dict(row) for row in db.execute(
                    "SELECT * FROM %s ORDER BY %s" % (table, order))]
        db.close()

    def rows(self, table):
        return self.tables[table]


def audit_hash(previous, row):
    """As core/store/audit.h says."""
    h = hashlib.sha256(previous.encode() + b"\n")
    for column in ("node", "id", "at_us", "actor", "action", "object",
                   "detail"):
        value = row[column]
        if value is None:
            h.update(b"-\n")
            continue
        value = str(value).encode()
        h.update(b"%d:%s\n" % (len(value), value))
    return h.hexdigest()
