"""A shop: an API over a real PostgreSQL with a backup, and the checks that watch
both, the database by a login of the monitor's own.

    with Shop(folder) as shop:
        shop.checks(), shop.runbook()   # for a configuration
        shop.environ()                  # what that takes from the environment
        shop.database.kill(); shop.database.again()
        shop.change_password("other")   # of the monitor's role
        shop.fill_up(); shop.make_room()    # where it has a volume of its own

Used by `./dev demo`. Root gives the database a small volume of its own, where
one may be mounted: shop.database.volume, else None.
"""
import contextlib
import os
import shutil
import subprocess

import founding
import pg

PASSWORD = "k3ys-of-the-shop"
VOLUME = "160m"
CHECKS = """
  shop    = { %(more)surl = "%(base)s/health/ready"; timeout = "1s"; depends_on = ["shop-db"]; };
  shop-db = { %(more)surl = "%(url)s"; password = { env = "SHOP_DB_PASSWORD"; };
              timeout = "1s"; query = "select count(*) as n from orders";
              title = "The shop's PostgreSQL"; };
"""
RUNBOOK = """
  shop-db    = { script = "postgres/diagnose"; match = { plugin = "postgres"; }; cooldown = "1s";
                 params = { password = { env = "SHOP_DB_PASSWORD"; }; data-dir = "%(data)s"; log = "%(log)s";
                            backup = "%(backups)s"; rpo = "26h"; read = "10"; }; };
"""


class Part:
    """The database as the API sees it, which has a login of its own."""

    def __init__(self, database):
        self.database = database

    def answer(self):
        state = self.database.state()
        return "ok" if state == "up" else state


def may_mount(folder):
    """Whether a small volume can be had: not without root, nor in most
    containers."""
    if not pg.is_root() or not shutil.which("mount"):
        return False
    tried = os.path.join(folder, "volume")
    os.mkdir(tried)
    done = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", tried],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if done.returncode == 0:
        subprocess.run(["umount", tried], check=True)
    os.rmdir(tried)
    return done.returncode == 0


class Shop:
    def __init__(self, folder):
        self.database = pg.Postgres(
            folder, "restart_after_crash = off",
            hba=["host all all all scram-sha-256"],
            volume=VOLUME if may_mount(folder) else None)
        self.backups = os.path.join(folder, "backups")

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.database)
            self.database.sql(
                "create table orders (id int)", "create role relevo login",
                "grant select on orders to relevo",
                "grant pg_monitor to relevo")
            self.change_password(PASSWORD)
            self.database.dump(self.backups, "shop.dump")
            self.site = stack.enter_context(
                founding.Site({"db": Part(self.database)}))
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def change_password(self, password):
        self.database.sql("alter role relevo password '%s'" % password)

    def fill_up(self):
        """Until the server ends, as it can no longer write its log."""
        self.database.exhaust()
        self.database.process.wait(60)

    def make_room(self):
        os.unlink(self.database.filler())

    # ------------------------------------------------------ configuration ---

    def checks(self, more=""):
        """more: options that all of them have."""
        return CHECKS % {"more": more, "base": self.site.base,
                         "url": self.database.url("relevo")}

    def runbook(self):
        return RUNBOOK % {"data": self.database.data, "backups": self.backups,
                          "log": self.database.log_file()}

    @staticmethod
    def environ():
        return {"SHOP_DB_PASSWORD": PASSWORD}
