#!/usr/bin/python3
"""Makes the data of the measurements, the same each time: lists, maps, domains, and sessions.

usage: data.py FOLDER ENTRIES

A folder has an authgate.ini and what it names: ENTRIES IPv4 and as many IPv6 entries in the kill
list, ENTRIES lines of the sender map, a tenth as many local domains, a thousandth as many with a
file of their own. 0 gives empty tables.

Two files of sessions are made beside them, one session a line, fields separated by tabs:

    verdict client listener port login sender recipient

verdict is what authgate must answer: ok, connect (refused there) or rcpt (refused at each RCPT).
pass.sessions holds only such as go through, which is what other milters are compared by; each
table is asked. mixed.sessions holds one in seven that is to be refused. What must be answered
comes from how the data was made, not from authgate.
"""

import os
import random
import sys
import zlib

SEED = 20261122
SESSIONS = 200000
ENDED, LIVE = "until=2020-01-01", "until=2099-12-31"
NOTES = ("spam", "ticket 4711", "probing port 587", "open proxy", "password guessing")
NAMES = ("anna ben carla david emma felix greta hugo ida jonas karl lena mia noah olga paul "
         "rosa sven tina ulf vera willi").split()
WORDS = ("mail post news shop host data blue green north south east west river stone wood light "
         "world house garden media office print music sport travel").split()

INI = """\
[milter]
socket = {socket}
socket_mode = 0666
timeout = 10m

[lists]
local_domains = domains.list
kill = kill4.list kill6.list names.list

[auth]
realm = realm.example
sender_logins = senders.map

[listeners]
auth_only = submission

[rules]
sender_login_match = enforce
local_sender_auth = enforce
{strict}
"""

# What refuses nearly everybody where the tables are empty.
STRICT = "foreign_sender_match = enforce\noutgoing_auth = enforce\n"


def word(rng):
    """A local part or a domain's first label, of 4 to 20 bytes."""
    return rng.choice(WORDS) + rng.choice(("", "-", "")) + rng.choice(NAMES)


class Networks:
    """Entries of one address family, and what they say of an address."""

    def __init__(self, rng, bits, inside, mix):
        """inside: an entry lies below it; mix: (prefix length or (shortest, longest), share)."""
        self.rng, self.bits, self.inside, self.mix = rng, bits, inside, mix
        self.entries = {}      # (length, network): [is an exception, is live]
        self.wide = []         # those that others are put into
        self.excepted = []     # addresses that an exception or an ended entry lets through

    def random_address(self):
        net, length = self.inside
        return net | self.rng.getrandbits(self.bits - length)

    def masked(self, address, length):
        return address >> (self.bits - length) << (self.bits - length)

    def pick_length(self):
        at = self.rng.random()
        for length, share in self.mix:
            at -= share
            if at < 0:
                return length if isinstance(length, int) else self.rng.randint(*length)
        return self.bits

    def make(self, count):
        """The lines of count entries."""
        while len(self.entries) < count:
            nested = self.wide and self.rng.random() < 0.1
            line = self.nested_line() if nested else self.line(self.random_address(),
                                                               self.pick_length(), False)
            if line:
                yield line

    def nested_line(self):
        """A host or a smaller network within an earlier entry; half of them exceptions."""
        length, net = self.rng.choice(self.wide)
        address = net | self.rng.getrandbits(self.bits - length)
        inner = self.rng.choice((self.bits, self.bits, min(self.bits, length + 4)))
        return self.line(address, inner, self.rng.random() < 0.5)

    def line(self, address, length, exception):
        net = self.masked(address, length)
        if (length, net) in self.entries:
            return None
        end = self.rng.random()
        live = end >= 0.02
        self.entries[length, net] = (exception, live)
        if length < self.bits - 4 and live and not exception:
            self.wide.append((length, net))
        elif exception or not live:
            self.excepted.append(address)
        text = "!" * exception + self.text(net)
        if length < self.bits:
            text += f"/{length}"
        if end < 0.04:
            text += " " + (LIVE if live else ENDED)
        if self.rng.random() < 0.1:
            text += "  # " + self.rng.choice(NOTES)
        return text + "\n"

    def text(self, address):
        if self.bits == 32:
            return "%d.%d.%d.%d" % (address >> 24, address >> 16 & 255, address >> 8 & 255,
                                    address & 255)
        groups = ["%x" % (address >> shift & 0xFFFF) for shift in range(112, -16, -16)]
        if groups[-2:] != ["0", "0"]:
            return ":".join(groups)
        while groups[-1] == "0":
            groups.pop()
        return ":".join(groups) + "::"

    def finish(self):
        """Called before holds(): the lengths that there are, longest first."""
        self.lengths = sorted({length for length, _ in self.entries}, reverse=True)

    def holds(self, address):
        """Whether the live entry with the longest prefix kills the address."""
        for length in self.lengths:
            entry = self.entries.get((length, self.masked(address, length)))
            if entry and entry[1]:
                return not entry[0]
        return False


class Data:
    def __init__(self, entries):
        self.count = entries
        self.rng = random.Random(SEED)
        self.v4 = Networks(self.rng, 32, (0x80000000, 2), ((24, 0.25), ((25, 31), 0.05),
                                                           ((18, 23), 0.003)))
        self.v6 = Networks(self.rng, 128, (0x2A << 120, 8), ((64, 0.40), (48, 0.20), (32, 0.01)))
        self.domains, self.below, self.with_file = [], [], []
        self.senders = []      # (address, logins)
        self.killed_logins, self.killed_senders = [], []

    # ---- the files ----

    def killed_names(self):
        for number in range(self.count // 100):
            self.killed_logins.append(f"stolen{number}@realm.example")
            yield f"login:{self.killed_logins[-1]}  # stolen\n"
            self.killed_senders.append(f"spammer{number}@bulk{number % 97}.example")
            yield f"sender:{self.killed_senders[-1]}\n"

    def domains_list(self):
        for number in range(max(self.count // 10, 1 if self.count else 0)):
            self.domains.append(f"{word(self.rng)}{number}.example")
        if self.domains:
            yield "realm.example\n"
        files = self.count // 1000
        self.with_file = self.domains[:files]
        for name in self.domains[files:]:
            if self.rng.random() < 0.1:
                self.below.append(name)
                yield f".{name}\n"
            else:
                yield f"{name}\n"

    def domain_files(self):
        """(name, text) of each."""
        for number, name in enumerate(self.with_file):
            text = f"[domain]\naliases = alias{number}.example\n"
            text += "subdomains = yes\n" if number % 4 == 0 else ""
            text += "\n[rules]\nrole_sender_auth = enforce\n"
            text += f"\n[relay]\nallow = 198.18.{number % 256}.0/24\n" if number % 2 else ""
            yield f"{name}.ini", text

    def senders_map(self):
        for number in range(self.count):
            logins = [self.login() for _ in range(self.rng.choice((1, 1, 1, 2, 3)))]
            kind = self.rng.random()
            if kind < 0.75:
                left = f"{self.rng.choice(NAMES)}{number}@{self.rng.choice(self.domains)}"
            elif kind < 0.98:
                left = f"{self.rng.choice(NAMES)}.{number}@{word(self.rng)}.invalid"
            else:
                left = f"{self.rng.choice(NAMES)}.{number}@realm.example"
            self.senders.append((left, logins))
            if kind < 0.03 and number:
                # a chain of two: who owns the address before owns this one
                before = self.senders[number - 1]
                yield f"{left} {before[0]}\n"
                self.senders[number] = (left, before[1])
            else:
                yield f"{left} {', '.join(logins)}\n"

    def login(self):
        return f"{self.rng.choice(NAMES)}{self.rng.randrange(self.count)}@realm.example"

    # ---- sessions ----

    def client(self, killed=False):
        """One that is killed or not, the latter now and then by an exception."""
        nets = self.v4 if self.rng.random() < 0.75 else self.v6
        while True:
            if killed:
                length, net = self.rng.choice(nets.keys)
                address = net | self.rng.getrandbits(nets.bits - length)
            elif nets.excepted and self.rng.random() < 0.05:
                address = self.rng.choice(nets.excepted)
            else:
                address = nets.random_address()
            if nets.holds(address) == killed:
                return nets.text(address)

    def foreign(self):
        return f"{self.rng.choice(NAMES)}{self.rng.randrange(99999)}@{word(self.rng)}.invalid"

    def local(self):
        domain = self.rng.choice(self.domains)
        if domain in self.subdomains and self.rng.random() < 0.5:
            domain = "sub." + domain
        return f"{self.rng.choice(NAMES)}@{domain}"

    def passing(self):
        kind = self.rng.random()
        if kind < 0.40:
            return "ok", self.client(), "smtp", 25, "", self.foreign(), self.local()
        if kind < 0.50:
            return "ok", self.client(), "smtp", 25, "", "", self.local()
        if kind < 0.80:
            sender, logins = self.rng.choice(self.senders)
            return ("ok", self.client(), "submission", 587, self.rng.choice(logins), sender,
                    self.foreign())
        if kind < 0.90:
            login = self.login()
            return "ok", self.client(), "submission", 587, login, login, self.local()
        return "ok", "127.0.0.1", "smtp", 25, "", self.local(), self.foreign()

    def refused(self):
        kind = self.rng.random()
        if kind < 0.4:
            return "connect", self.client(True), "smtp", 25, "", self.foreign(), self.local()
        if kind < 0.6:
            return "rcpt", self.client(), "smtp", 25, "", self.local(), self.local()
        if kind < 0.75:
            return "rcpt", self.client(), "smtp", 25, "", self.foreign(), self.foreign()
        if kind < 0.9:
            sender, _ = self.rng.choice(self.senders)
            return ("rcpt", self.client(), "submission", 587, "mallory@realm.example", sender,
                    self.foreign())
        if kind < 0.95:
            login = self.rng.choice(self.killed_logins)
            return "rcpt", self.client(), "submission", 587, login, login, self.foreign()
        return ("rcpt", self.client(), "smtp", 25, "", self.rng.choice(self.killed_senders),
                self.local())

    def prepare_sessions(self):
        for nets in (self.v4, self.v6):
            nets.finish()
            nets.keys = list(nets.entries)
        self.subdomains = set(self.below) | set(self.with_file[::4])
        self.killed_logins = self.killed_logins or ["nobody@realm.example"]

    def sessions(self, count, share_refused):
        for _ in range(min(count, 20 * self.count)):
            refuse = self.rng.random() < share_refused
            yield "\t".join(map(str, self.refused() if refuse else self.passing())) + "\n"


def write(folder, name, lines):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        file.writelines(lines)


def write_ini(folder, entries, socket):
    write(folder, "authgate.ini", [INI.format(socket=socket, strict=STRICT if entries > 1 else "")])


def mark():
    """What "complete" holds: another program or seed makes other data."""
    with open(os.path.realpath(__file__), encoding="utf-8") as file:
        return f"{SEED} {zlib.crc32(file.read().encode())}\n"


def make(folder, entries, socket="unix:/run/authgate/authgate.sock"):
    """All files; with the mark "complete" at the end, so that they can be used again."""
    data = Data(entries)
    write_ini(folder, entries, socket)
    write(folder, "kill4.list", data.v4.make(entries))
    write(folder, "kill6.list", data.v6.make(entries))
    write(folder, "names.list", data.killed_names())
    write(folder, "domains.list", data.domains_list())
    for name, text in data.domain_files():
        write(folder, f"domains/{name}", [text])
    write(folder, "senders.map", data.senders_map())
    write(folder, "relay.list", ["198.51.100.0/24\n"] if entries else [])
    if entries > 1:
        data.prepare_sessions()
        write(folder, "pass.sessions", data.sessions(SESSIONS, 0))
        write(folder, "mixed.sessions", data.sessions(SESSIONS // 4, 1 / 7))
    write(folder, "complete", [mark()])


if __name__ == "__main__":
    if len(sys.argv) != 3 or not sys.argv[2].isdigit():
        sys.exit(__doc__.split("\n\n")[1])
    make(sys.argv[1], int(sys.argv[2]))
