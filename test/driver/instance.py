"""A private Postfix: its folders, its start and its end.

What it listens on and whom it asks is said by who makes one. It lives in a folder of its own; the
machine's own Postfix and /etc/postfix stay as they are. Needs root.
"""

import contextlib
import os
import shutil
import signal
import time

from process import Failure, Started, run, write, wait_for

# What makes it private, quick, and without opinions about clients.
MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {queue}
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
disable_dns_lookups = yes
smtpd_peername_lookup = no
local_recipient_maps =
alias_maps =
alias_database =
smtpd_client_connection_count_limit = 0
in_flow_delay = 0
"""

MASTER_CF = """\
pickup unix n - n 60 1 pickup
cleanup unix n - {chroot} - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Instance(Started):
    """One private Postfix. Its log is in `log`."""

    def __init__(self, folder, queue=None, chroot=False):
        """queue: its queue directory, where that is not to be in the folder."""
        self.folder = folder
        self.config = os.path.join(folder, "etc")
        self.queue = queue or os.path.join(folder, "queue")
        self.chroot = chroot

    def main_cf(self):
        """The lines of main.cf beyond those of every private one."""
        raise NotImplementedError

    def doors(self):
        """The lines of master.cf that say where it listens."""
        raise NotImplementedError

    @property
    def log(self):
        try:
            with open(f"{self.folder}/log", encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def make_folder(self, path, owner):
        os.makedirs(path, exist_ok=True)    # authgate's socket may be in the queue
        shutil.chown(path, owner)

    def write_files(self):
        for path, owner in ((self.config, "root"), (self.queue, "root"),
                            (f"{self.folder}/data", "postfix")):
            self.make_folder(path, owner)
        common = MAIN_CF.format(folder=self.folder, queue=self.queue)
        services = MASTER_CF.format(chroot="y" if self.chroot else "n")
        for name, text in (("main.cf", common + self.main_cf()),
                           ("master.cf", self.doors() + services)):
            path = f"{self.config}/{name}"
            write(path, text)
            # Postfix reads a file of this very second again and again, until it has a past.
            os.utime(path, (time.time() - 60,) * 2)

    def start(self):
        self.write_files()
        run("postfix", "-c", self.config, "start")
        if not wait_for(self.master_pid):
            raise Failure(f"Postfix did not start:\n{self.log}")

    def master_pid(self):
        """Of our own master, and only while it runs: its command line names no folder, but the
        lock file is in our queue and the process works in it."""
        try:
            with open(f"{self.queue}/pid/master.pid", encoding="ascii") as file:
                pid = int(file.read())
            if os.readlink(f"/proc/{pid}/cwd") == self.queue:
                return pid
        except (OSError, ValueError):
            pass
        return None

    def stop(self):
        pid = self.master_pid()
        if not pid:
            return
        os.kill(pid, signal.SIGTERM)    # what `postfix stop` does, without its pause of a second
        if not wait_for(lambda: not self.master_pid()):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)    # master leads a process group of its own

    def waiting(self):
        """The names of the mails that are in the queue, on their way or stuck."""
        found = []
        for name in ("maildrop", "incoming", "active", "deferred", "hold"):
            for _folder, _folders, files in os.walk(f"{self.queue}/{name}"):
                found += files
        return found
