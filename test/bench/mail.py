"""The part with Postfix: whole messages through a private instance, end to end.

One Postfix with a door for each subject, so that they can be asked in turn; smtp-source sends one
message a session, discard takes it, and the queue is in memory: no disk is measured. The
machine's own Postfix stays as it is. Needs root.
"""

import contextlib
import os
import pwd
import re
import shutil
import signal
import time

from parts import median
from programs import ENVIRONMENT, Daemon, Failure, Forking, command, free_port, wait_for

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {queue}
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
smtpd_peername_lookup = no
myhostname = mx.example.com
mydestination =
mynetworks = 127.0.0.0/8
local_recipient_maps =
alias_maps =
default_transport = discard:
relay_transport = discard:
smtpd_relay_restrictions = permit_mynetworks reject
milter_default_action = tempfail
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
default_process_limit = 200
in_flow_delay = 0
"""

DOOR = "127.0.0.1:{port} inet n - n - - smtpd\n{options}"
MASTER_CF = """\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
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
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""


class Door:
    """A port of Postfix, and what is asked of each client there."""

    def __init__(self, name, messages, *options):
        """messages: how many a round."""
        self.name, self.messages, self.options, self.port = name, messages, options, free_port()

    def lines(self):
        return DOOR.format(port=self.port, options="".join(f"  -o {o}\n" for o in self.options))


class Postfix:
    """One private instance with the doors."""

    def __init__(self, folder, memory, doors):
        """memory: a folder for the queue, so that no disk is measured."""
        self.folder, self.doors = os.path.join(folder, "postfix"), doors
        self.queue = os.path.join(memory, "queue")
        self.config = os.path.join(self.folder, "etc")

    def __enter__(self):
        try:
            self.write_files()
            command("postfix", "-c", self.config, "start")
            if not wait_for(lambda: all(self.door_is_open(door) for door in self.doors), 10):
                raise Failure("Postfix does not start: " + self.log()[-200:])
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def write_files(self):
        for path, owner in ((self.config, "root"), (self.queue, "root"),
                            (f"{self.folder}/data", "postfix")):
            os.makedirs(path)
            shutil.chown(path, owner)
        for name, text in (("main.cf", MAIN_CF.format(folder=self.folder, queue=self.queue)),
                           ("master.cf", "".join(d.lines() for d in self.doors) + MASTER_CF)):
            path = f"{self.config}/{name}"
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
            # Postfix reads a file of this very second again and again, until it has a past
            os.utime(path, (time.time() - 10, time.time() - 10))

    def door_is_open(self, door):
        return Daemon("", (), f"inet:{door.port}@127.0.0.1").answers()

    def log(self):
        try:
            with open(f"{self.folder}/log", encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def master_pid(self):
        """Of our own master, while it runs: it works in our queue folder."""
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
        os.kill(pid, signal.SIGTERM)
        if not wait_for(lambda: not self.master_pid(), 10):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)    # master leads a process group of its own

    def waiting(self):
        return sum(len(files) for name in ("incoming", "active", "maildrop")
                   for _, _, files in os.walk(f"{self.queue}/{name}"))


def cidr_table(bench, entries, name):
    """The IPv4 kill list as a cidr: table, without what that does not know."""
    path = os.path.join(bench.scratch, name)
    with open(os.path.join(bench.data(entries), "kill4.list"), encoding="ascii") as source, \
            open(path, "w", encoding="ascii") as table:
        for line in source:
            if line[0] not in "!#":
                table.write(line.split()[0] + " REJECT\n")
    return path


THREE_RULES = """\
id=SENDER ; sender==nobody@blocked.example ; action=REJECT blocked
id=CLIENT ; client_address=192.0.2.0/24 ; action=REJECT blocked
id=SIZE ; size==999999999 ; action=REJECT too large
"""


def postfwd(bench, networks):
    """postfwd with three rules, or with so many networks."""
    folder = os.path.join(bench.scratch, f"postfwd{networks}")
    os.makedirs(folder)
    with open(f"{folder}/rules", "w", encoding="ascii") as file:
        if not networks:
            file.write(THREE_RULES)
        for number in range(networks):
            file.write(f"id=N{number} ; client_address=198.{18 + number // 65536}."
                       f"{number // 256 % 256}.{number % 256}/32 ; action=REJECT blocked\n")
    port = free_port()
    os.chmod(folder, 0o755)
    # without its cache, for clients of real mail differ
    words = ["/usr/sbin/postfwd1", "--file", f"{folder}/rules", "--interface", "127.0.0.1",
             "--port", str(port), "--user", "nobody", "--group", "nogroup",
             "--pidfile", f"{folder}/pid", "--nodns", "--perfmon", "--cache", "0", "--daemon"]
    name = f"postfwd, {networks or 3} {'networks' if networks else 'rules'}"
    return Forking(name, words, f"inet:{port}@127.0.0.1", f"{folder}/log", f"{folder}/pid")


def send(postfix, door, messages):
    """One round at a door: messages a second; fails when the log says that something went wrong."""
    before = len(postfix.log())
    start = time.monotonic()
    command("smtp-source", "-s", "10", "-m", str(messages), "-l", "2048",
            "-f", "sender@elsewhere.invalid", "-t", "recipient@elsewhere.invalid",
            f"inet:127.0.0.1:{door.port}")
    seconds = time.monotonic() - start
    # what is still in the queue is not to burden the next door
    if not wait_for(lambda: not postfix.waiting(), 60, 0.05):
        raise Failure(f"{door.name}: the queue does not become empty")
    log = postfix.log()[before:]
    wrong = re.search(r".*(?:\breject:|milter-reject|smtpd.*: (?:warning|error|fatal):).*", log)
    if wrong:
        raise Failure(f"{door.name}: {wrong[0]}")
    return messages / seconds


def make_doors(bench, daemons, messages):
    """The subjects: nothing, milters, Postfix's own tables, policy servers.

    A thousand messages are a hundred for each of ten processes of Postfix, which is its life
    (max_use): each reads its tables once in that.
    """

    def milter(name):
        return f"smtpd_milters={daemons[name].place}"

    def tables(entries, name):
        path = cidr_table(bench, entries, name)
        return f"smtpd_client_restrictions=check_client_access,cidr:{path}"

    def policy(name):
        place = daemons[name].place
        port = re.search(r"inet:(\d+)@", place)[1]
        return f"smtpd_recipient_restrictions=check_policy_service,inet:127.0.0.1:{port}"

    doors = [Door("none", messages), Door("noop", messages, milter("noop")),
             Door("tuned noop", messages, milter("tuned noop")),
             Door("authgate, empty tables", messages, milter("authgate, empty tables")),
             Door("authgate, full data", messages, milter("authgate, full data"))]
    for entries in bench.scale.cidr_sizes:
        doors.append(Door(f"cidr: {entries:,}", messages, tables(entries, f"cidr{entries}")))
    for name in daemons:
        if name.startswith("postfwd"):
            doors.append(Door(name, max(messages // 10, 20) if "networks" in name else messages,
                              policy(name)))
    return doors


def postfix(bench):
    """Messages a second through Postfix, each subject in turn."""
    if os.geteuid() != 0:
        raise Failure("needs root, for Postfix does")
    if not shutil.which("smtp-source", path=ENVIRONMENT["PATH"]):
        raise Failure("smtp-source is not installed")
    pwd.getpwnam("postfix")
    with contextlib.ExitStack() as stack:
        daemons = {}
        for daemon in (bench.noop("noop"), bench.noop("tuned noop", "--tuned"),
                       bench.authgate("authgate, empty tables", 0),
                       bench.authgate("authgate, full data", bench.scale.full),
                       postfwd(bench, 0), postfwd(bench, 1000)):
            daemons[daemon.name] = stack.enter_context(daemon)
        doors = make_doors(bench, daemons, bench.scale.messages)
        memory = stack.enter_context(bench.memory_folder())
        private = stack.enter_context(Postfix(bench.scratch, memory, doors))
        found = send_in_turn(bench, private, doors)
    return figures(found)


def send_in_turn(bench, private, doors):
    found = {door.name: [] for door in doors}
    for turn in range(bench.scale.rounds + 1):
        for door in doors:
            bench.say(f"Postfix, round {turn} of {bench.scale.rounds}: {door.name}")
            if turn == 0:    # to have Postfix's processes running
                send(private, door, max(door.messages // 10, 20))
            else:
                found[door.name].append(send(private, door, door.messages))
    return found


def figures(found):
    def to(name, other):
        return median([a / b for a, b in zip(found[name], found[other])])

    full = "authgate, full data"
    return {"messages_per_s": {name: median(rates) for name, rates in found.items()},
            "to_none": {name: to(name, "none") for name in found},
            "authgate_to": {name: to(full, name) for name in found if name != full}}
