#!/usr/bin/env python3
"""Slow and hostile peers: thousands of connections that hold on, while ordinary mail goes on.

usage: test_peers.py AUTHGATE [--peers N]

Some say nothing, some send half a packet and then nothing, some a byte a second, and some never
read what is answered. Each is closed at its deadline; ordinary sessions are served meanwhile.
It is for the builtin engine: libmilter takes a thread for each and looks every ten minutes.
"""

import argparse
import json
import os
import resource
import select
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True    # no cache folder in a checkout
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../driver"))
from daemon import (Cases, Daemon, check_ends, remove_all, stop_all,  # noqa: E402
                    wait_for)
from milter import ALL_ACTIONS, ALL_STEPS, Milter  # noqa: E402

# the daemon's own are 60 seconds for a packet that began, and for an answer
FILES = {"authgate.ini": "[milter]\nsocket = @SOCKET@\ntimeout = 15s\n[rules]\n"
                         "outgoing_auth = enforce\n[relay]\nallow =\n",
         "domains/example.com.ini": ""}
REFUSED = "554 5.7.1 <x@remote.example>: Relay access denied"
END = 600    # seconds; ten times the longest deadline


def packet(command, data=b""):
    return struct.pack(">I", len(data) + 1) + command + data


OFFER = packet(b"O", struct.pack(">III", 6, ALL_ACTIONS, ALL_STEPS & ~0xFFE7F))
HELO = packet(b"H", b"host.example\0")


class Peer:
    """A connection that has said something, and may go on to."""

    def __init__(self, address, kind):
        self.kind = kind
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(address)
        self.socket.setblocking(False)
        self.rest = b""
        if kind == "half a packet":
            self.say(OFFER + HELO[:9])
        elif kind == "a byte a second":
            self.rest = packet(b"M", b"<" + b"x" * 1000 + b">\0")
            self.say(OFFER)
        elif kind == "never reads":
            self.say(OFFER)
            self.rest = HELO * 60000

    def say(self, data):
        """As much as is taken."""
        try:
            return self.socket.send(data)
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            return 0

    def go_on(self):
        if self.kind == "a byte a second":
            self.rest = self.rest[self.say(self.rest[:1]):]
        elif self.rest:
            self.rest = self.rest[self.say(self.rest[:1 << 16]):]

    def drain(self):
        """Reads, where it does; whether the other end has closed."""
        try:
            return self.kind != "never reads" and self.socket.recv(65536) == b""
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True


def make(daemon, count):
    """One in twenty never reads: what fills a socket costs memory here too."""
    kinds = ["silent", "half a packet", "a byte a second"] * 6 + ["never reads", "silent"]
    return [Peer(daemon.path, kinds[n % len(kinds)]) for n in range(count)]


def ordinary(daemon):
    with Milter(daemon.path) as mta:
        mta.connect(macros={"{daemon_name}": "smtp"})
        mta.mail("<a@remote.example>", macros={"{mail_mailer}": "smtp"})
        return mta.rcpt("<x@remote.example>")


def hold_on(daemon, peers):
    """Until all are closed, or the time is over: those that are left, and ordinary answers."""
    poll = select.poll()
    by_number = {peer.socket.fileno(): peer for peer in peers}
    for number, peer in by_number.items():
        poll.register(number, 0 if peer.kind == "never reads" else select.POLLIN)
    heard, end, tick = [], time.monotonic() + END, time.monotonic()
    while by_number and time.monotonic() < end:
        for number, event in poll.poll(200):
            if event & (select.POLLHUP | select.POLLERR) or by_number[number].drain():
                poll.unregister(number)
                by_number.pop(number).socket.close()
        heard.append(ordinary(daemon))
        if time.monotonic() >= tick:
            tick += 1
            for peer in by_number.values():
                peer.go_on()
    return by_number.values(), heard


def run(cases, daemon, count):
    peers = make(daemon, count)
    left, heard = hold_on(daemon, peers)
    for kind in ("silent", "half a packet", "a byte a second", "never reads"):
        cases.same(f"{kind}: each is closed at its deadline", 0,
                   sum(peer.kind == kind for peer in left))
    cases.same("ordinary sessions were served meanwhile", {REFUSED}, set(heard))
    cases.same("... many of them", True, len(heard) >= 20)
    cases.same("... and no connection is left", True, bool(wait_for(
        lambda: json.loads(daemon.says())["engine"]["connections"] == 0)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("authgate")
    parser.add_argument("--peers", type=int, default=4000)
    options = parser.parse_args()
    cases = Cases()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    peers = min(options.peers, (hard if hard > 0 else soft) - 200)
    print(f"# {peers} peers", flush=True)
    try:
        run(cases, Daemon(os.path.abspath(options.authgate), FILES).start(), peers)
        check_ends(cases)
    finally:
        stop_all()
        remove_all()
    return cases.finish()


if __name__ == "__main__":
    sys.exit(main())
