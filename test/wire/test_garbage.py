#!/usr/bin/env python3
"""Packets that no MTA sends: whatever comes, the daemon lives, and serves the others.

usage: test_garbage.py AUTHGATE [--cases N] [--seed S]

Each case is one connection: what comes before it may be in order, then comes a packet of one of
the kinds below. A kind that is "closed" ends its connection, and nothing else; of one that is
"survived" only that is asked. A witness is served on a connection of its own meanwhile. The seed
is printed; give it again to see the same run.

It is for the builtin engine: libmilter ends its process on some of these packets.
"""

import argparse
import os
import random
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../driver"))
from daemon import (Cases, Daemon, PATIENCE, check_ends, is_sanitized, remove_all,  # noqa: E402
                    stop_all)
from milter import ALL_ACTIONS, ALL_STEPS, Milter

FILES = {"authgate.ini": """
[milter]
socket = @SOCKET@
[auth]
realm = example.com
results_header = yes
[rules]
sender_login_match = enforce
outgoing_auth = enforce
from_header_match = enforce
[relay]
allow =
""", "domains/example.com.ini": ""}

WITNESS = ["silent", "554 5.7.1 <carol@example.net>: Relay access denied"]
MACROS = {"i": "4XYZ", "{auth_authen}": "bob@example.com"}


def packet(command, data=b""):
    return struct.pack(">I", len(data) + 1) + command + data


def offer(version=6):
    return packet(b"O", struct.pack(">III", version, ALL_ACTIONS, ALL_STEPS))


CONNECT = packet(b"C", b"h.example\x004" + struct.pack(">H", 40000) + b"192.0.2.1\0")
MAIL = packet(b"D", b"Mi\x004XYZ\0{auth_authen}\0bob@example.com\0") + \
    packet(b"M", b"<bob@example.com>\0SIZE=9\0")
RCPT = packet(b"R", b"<carol@example.net>\0")
HEADER = packet(b"L", b"From\0 bob@example.com\0")
REST = [packet(b"T"), HEADER, packet(b"N"), packet(b"B", b"Hello\r\n"), packet(b"E"),
        packet(b"A"), packet(b"U", b"JUNK\0"), packet(b"H", b"h.example\0"), RCPT, MAIL,
        packet(b"D", b"E"), packet(b"D", b"Ri\x004XYZ\0")]
COMMANDS = b"ABCDEHKLMNOQRTU"


def noise(rng, most=40):
    return bytes(rng.randrange(256) for _ in range(rng.randrange(1, most)))


def text(rng, most=40):
    """Bytes without a NUL."""
    return noise(rng, most).replace(b"\0", b"x")


def other_letter(rng):
    return bytes([rng.choice([c for c in range(256) if c not in COMMANDS])])


def within(rng):
    """Somewhere in a message."""
    return offer() + CONNECT + b"".join([MAIL, RCPT, packet(b"T"), HEADER][:rng.randrange(5)])


OPEN = offer() + CONNECT

# kind: (what becomes of the connection, a function that gives what is sent)
KINDS = {
    "length 0": ("closed", lambda r: within(r) + bytes(4)),
    "a length above the limit": ("closed", lambda r: within(r) + struct.pack(
        ">I", r.randrange(65537, 1 << 24))),
    "the greatest length": ("closed", lambda r: within(r) + b"\xff\xff\xff\xff" + noise(r)),
    "no such command": ("closed", lambda r: within(r) + packet(other_letter(r), noise(r))),
    "a command in lower case": ("closed", lambda r: within(r) + packet(
        bytes([r.choice(COMMANDS)]).lower(), noise(r))),
    "NUL as a command": ("closed", lambda r: within(r) + packet(b"\0", noise(r))),
    "macros without an end": ("closed", lambda r: within(r) + packet(
        b"D", b"M" + text(r) + b"\0" + text(r))),
    "a macro without a value": ("closed", lambda r: within(r) + packet(
        b"D", b"M" + text(r) + b"\0")),
    "an odd number of texts": ("closed", lambda r: within(r) + packet(
        b"D", b"R" + (text(r) + b"\0") * (2 * r.randrange(1, 9) + 1))),
    "macros of no command": ("closed", lambda r: within(r) + packet(
        b"D", other_letter(r) + b"i\0x\0")),
    "macros of nothing": ("closed", lambda r: within(r) + packet(b"D")),
    "a short offer": ("closed", lambda r: packet(b"O", noise(r, 12))),
    "an offer of an old version": ("closed", lambda r: offer(r.randrange(2))),
    "a second offer": ("closed", lambda r: within(r) + offer()),
    "a command before the offer": ("closed", lambda r: packet(
        bytes([r.choice(b"ABCDEHKLMNRTU")]), text(r) + b"\0")),
    "a second CONNECT": ("closed", lambda r: within(r) + CONNECT),
    "CONNECT without an end": ("closed", lambda r: offer() + packet(b"C", text(r))),
    "CONNECT without a family": ("closed", lambda r: offer() + packet(b"C", text(r) + b"\0")),
    "CONNECT of another family": ("closed", lambda r: offer() + packet(
        b"C", b"h\0" + r.choice([b"5", b"u", b"\0", b"\xff"]) + b"\0\x191.2.3.4\0")),
    "CONNECT without a port": ("closed", lambda r: offer() + packet(
        b"C", b"h\0" + r.choice([b"4", b"6", b"L"]) + bytes(r.randrange(3)))),
    "CONNECT, no end of the address": ("closed", lambda r: offer() + packet(
        b"C", b"h\x004\0\x19192.0.2.1")),
    "CONNECT, no address": ("survived", lambda r: offer() + packet(
        b"C", b"h\x00" + r.choice([b"4", b"6"]) + b"\0\x19x" + text(r) + b"\0")),
    "MAIL without an end": ("closed", lambda r: OPEN + packet(b"M", text(r))),
    "MAIL without an argument": ("closed", lambda r: OPEN + packet(b"M")),
    "MAIL, the last argument without an end": ("closed", lambda r: OPEN + packet(
        b"M", b"<a@b>\0" + text(r))),
    "RCPT without an end": ("closed", lambda r: OPEN + MAIL + packet(b"R", text(r))),
    "HELO without an end": ("closed", lambda r: OPEN + packet(b"H", text(r))),
    "a field without a value": ("closed", lambda r: within(r) + packet(
        b"L", text(r) + b"\0")),
    "a field without an end": ("closed", lambda r: within(r) + packet(
        b"L", b"From\0" + text(r))),
    "a field without a name": ("closed", lambda r: within(r) + packet(
        b"L", b"\0" + text(r) + b"\0")),
    "commands in any order": ("survived", lambda r: offer() + b"".join(
        r.choices(REST, k=r.randrange(1, 30)))),
    "a part of a packet": ("survived", lambda r: (OPEN + MAIL + RCPT + b"".join(REST))[
        :r.randrange(1, 400)]),
    "noise": ("survived", lambda r: noise(r, 300)),
    "noise behind an offer": ("survived", lambda r: offer() + noise(r, 300)),
    "noise in packets": ("survived", lambda r: offer() + b"".join(
        packet(bytes([r.choice(COMMANDS)]), noise(r)) for _ in range(r.randrange(1, 20)))),
    "bytes that are changed": ("survived", lambda r: change(r, OPEN + MAIL + RCPT + HEADER +
                                                            packet(b"E"))),
    "session behind session": ("survived", lambda r: offer() + (packet(b"K") + CONNECT) *
                               r.randrange(1, 20)),
    "texts that are long": ("survived", lambda r: OPEN + packet(
        b"M", b"<" + b"a" * r.randrange(65000) + b"@example.com>\0") + RCPT),
}


def change(rng, data):
    data = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def is_closed(connection):
    """Reads to the end; False where there is none."""
    try:
        while connection.recv(65536):
            pass
        return True
    except ConnectionResetError:
        return True
    except socket.timeout:
        return False


def send(address, data, must_close):
    """Whether what became of the connection is what should."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(address)
        try:
            connection.sendall(data)
            if not must_close:
                # the end of what is sent is an event that the daemon answers with its own
                connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            return True
        return is_closed(connection)


def memory(daemon):
    """Kilobytes of the process."""
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def serve_witness(milter):
    milter.abort()
    return [milter.mail("<x@remote.example>", macros={"i": "4XYZ"}),
            milter.rcpt("<carol@example.net>")]


# the log's queue has a megabyte, of which memory is taken as lines go through it
LOG_QUEUE = 1 << 20


def fill_log_queue(daemon, milter):
    """Each round is a line; the files of the test are not counted in."""
    while os.path.getsize(daemon.log_name) < LOG_QUEUE * 5 // 4:
        for _ in range(100):
            serve_witness(milter)


def run_cases(cases, daemon, rng, count):
    names = sorted(KINDS)
    bad = {name: 0 for name in names}
    unserved = 0
    half = 0
    with Milter(daemon.address) as witness:
        witness.connect()
        fill_log_queue(daemon, witness)
        for i in range(count):
            name = names[i % len(names)]
            fate, make = KINDS[name]
            bad[name] += not send(daemon.address, make(rng), fate == "closed")
            if i % 20 == 0:
                unserved += serve_witness(witness) != WITNESS
            if i == count // 2:
                half = memory(daemon)
    for name in names:
        cases.same(f"{name}: {KINDS[name][0]}", 0, bad[name])
    cases.same("the witness was served meanwhile", 0, unserved)
    return half


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("authgate")
    parser.add_argument("--cases", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    print(f"# seed {options.seed}, {options.cases} cases, {len(KINDS)} kinds", flush=True)
    cases = Cases()
    try:
        daemon = Daemon(os.path.abspath(options.authgate), FILES).start()
        half = run_cases(cases, daemon, random.Random(options.seed), options.cases)
        if not is_sanitized(options.authgate):
            cases.same("memory grows by less than 5 percent", True,
                       memory(daemon) <= half * 1.05)
        check_ends(cases)
    finally:
        stop_all()
        remove_all()
    return cases.finish()


if __name__ == "__main__":
    sys.exit(main())
