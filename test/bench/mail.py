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
import time

from parts import median
from programs import Daemon, Forking, command
from instance import Instance
from process import ENVIRONMENT, Failure, free_ports, wait_for

MAIN_CF = """\
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.com
mydestination =
mynetworks = 127.0.0.0/8
default_transport = discard:
relay_transport = discard:
smtpd_relay_restrictions = permit_mynetworks reject
milter_default_action = tempfail
smtpd_client_connection_rate_limit = 0
default_process_limit = 200
"""

DOOR = "127.0.0.1:{port} inet n - n - - smtpd\n{options}"


class Door:
    """A port of Postfix, and what is asked of each client there."""

    def __init__(self, name, messages, *options):
        """messages: how many a round."""
        self.name, self.messages, self.options = name, messages, options
        self.port, = free_ports(1)

    def lines(self):
        return DOOR.format(port=self.port, options="".join(f"  -o {o}\n" for o in self.options))

    def is_open(self):
        return Daemon("", (), f"inet:{self.port}@127.0.0.1").answers()


class Postfix(Instance):
    """One private instance with the doors."""

    def __init__(self, folder, memory, doors):
        """memory: a folder for the queue, so that no disk is measured."""
        super().__init__(os.path.join(folder, "postfix"), os.path.join(memory, "queue"))
        self.open = doors

    def main_cf(self):
        return MAIN_CF

    def doors(self):
        return "".join(door.lines() for door in self.open)

    def start(self):
        super().start()
        if not wait_for(lambda: all(door.is_open() for door in self.open), 10):
            raise Failure("Postfix does not listen: " + self.log[-200:])


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
    port, = free_ports(1)
    os.chmod(folder, 0o755)
    # without its cache, for clients of real mail differ
    words = ["/usr/sbin/postfwd1", "--file", f"{folder}/rules", "--interface", "127.0.0.1",
             "--port", str(port), "--user", "nobody", "--group", "nogroup",
             "--pidfile", f"{folder}/pid", "--nodns", "--perfmon", "--cache", "0", "--daemon"]
    name = f"postfwd, {networks or 3} {'networks' if networks else 'rules'}"
    return Forking(name, words, f"inet:{port}@127.0.0.1", f"{folder}/log", f"{folder}/pid")


def send(postfix, door, messages):
    """One round at a door: messages a second; fails when the log says that something went wrong."""
    before = len(postfix.log)
    start = time.monotonic()
    command("smtp-source", "-s", "10", "-m", str(messages), "-l", "2048",
            "-f", "sender@elsewhere.invalid", "-t", "recipient@elsewhere.invalid",
            f"inet:127.0.0.1:{door.port}")
    seconds = time.monotonic() - start
    # what is still in the queue is not to burden the next door
    if not wait_for(lambda: not postfix.waiting(), 60, 0.05):
        raise Failure(f"{door.name}: the queue does not become empty")
    log = postfix.log[before:]
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
