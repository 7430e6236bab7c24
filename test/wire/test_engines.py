#!/usr/bin/env python3
"""The same dialogs to the builtin engine and to libmilter: each byte of each answer is the same.

usage: test_engines.py AUTHGATE [--cases N] [--seed S]

A case is a connection with some messages as an MTA sends them: offers, macros, senders, logins,
recipients and content are chosen by the seed, which is printed. So are the lines of the log, but
for the number of the session. Status 77 where authgate was built without libmilter.
"""

import argparse
import os
import random
import re
import sys

sys.dont_write_bytecode = True    # no cache folder in a checkout
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../driver"))
from cases import SKIPPED  # noqa: E402
from daemon import Cases, Daemon, check_ends, remove_all, stop_all, wait_for  # noqa: E402
from milter import (ALL_ACTIONS, ALL_STEPS, Failure, Milter, NOT_SENT,  # noqa: E402
                    SILENT)

INI = """
[milter]
socket = @SOCKET@
engine = {engine}
delay_reject = {delay}
[auth]
realm = example.com
results_header = {results}
[listeners]
auth_only = submission
[log]
accepted = yes
[rules]
auth_tls = monitor
sender_login_match = enforce
local_sender_auth = enforce
outgoing_auth = monitor
from_header_match = enforce
[relay]
allow = 198.51.100.0/24
"""
FILES = {"domains/example.com.ini": "[domain]\naliases = example.org\n",
         "kill.list": "192.0.2.66\nlogin:mallory\nsender:.bad.example # why\n"}
CLIENTS = ("192.0.2.1", "192.0.2.66", "198.51.100.7", "127.0.0.1")
SENDERS = ("<>", "<alice@example.com>", "<bob@example.org>", "<x@remote.example>",
           "<y@a.bad.example>", "<postmaster@example.com>", "<alice+tag@example.com>", "<a b@c>")
LOGINS = ("", "", "alice", "alice@example.com", "bob@example.org", "mallory", "x@remote.example")
RCPTS = ("<bob@example.com>", "<z@remote.example>", "<>", "<" + "x" * 300 + "@example.com>")
FROMS = ("alice@example.com", "Bob <bob@example.org>", "x@remote.example", "=?utf-8?q?a?= <a@b>",
         "alice@example.com, x@remote.example", "\"no end", "")
FIELDS = ("Subject", "Authentication-Results", "Received", "Sender")


class Recorder(Milter):
    """A client that keeps each byte that it hears."""

    def __init__(self, *arguments, **options):
        self.heard = b""
        super().__init__(*arguments, **options)

    def read_exactly(self, count, end):
        data = super().read_exactly(count, end)
        self.heard += data
        return data


def goes_on(answer):
    return answer in ("continue", SILENT, NOT_SENT)


def named(**values):
    return {f"{{{name}}}" if len(name) > 1 else name: value for name, value in values.items()
            if value}


def send_content(mta, rng):
    """Header, body and end, as long as nothing is refused."""
    sender, queue = rng.choice(FROMS), named(i="4XYZ")
    if not goes_on(mta.data(queue)):
        return
    for name in ["From"] * rng.choice((0, 1, 1, 1, 2)) + rng.choices(FIELDS, k=rng.randrange(4)):
        value = sender if name == "From" else rng.choice((
            "mx.example.com; auth=pass", "some text", "x" * rng.randrange(900)))
        if not goes_on(mta.header(name, " " + value)):
            return
    if not goes_on(mta.eoh(queue)):
        return
    # of no bytes there is none: libmilter hangs up
    for _ in range(rng.randrange(3)):
        if not goes_on(mta.body(bytes(rng.choices(b"abc\r\n\0", k=rng.randrange(1, 2000))))):
            return
    mta.eom(named(i="4XYZ", j="mx.example.com"))


def send_message(mta, rng):
    sender, login = rng.choice(SENDERS), rng.choice(LOGINS)
    more = rng.choice(((), ("SIZE=9",), ("BODY=8BITMIME", "X")))
    rcpts, has_content = rng.choices(RCPTS, k=rng.randrange(1, 4)), rng.random() < 0.7
    answer = mta.mail(sender, *more, macros=named(
        i=rng.choice(("", "4XYZ")), auth_authen=login, auth_type=login and "PLAIN",
        mail_addr=sender.strip("<>"), mail_mailer="smtp", j="mx.example.com", v="test",
        tls_version=rng.choice(("", "TLSv1.3"))))
    if not goes_on(answer):
        return
    accepted = [rcpt for rcpt in rcpts if goes_on(mta.rcpt(rcpt, macros=named(
        rcpt_addr=rcpt.strip("<>"), rcpt_mailer="smtp", i="4XYZ")))]
    if accepted and has_content:
        send_content(mta, rng)
    mta.abort()


def converse(daemon, seed):
    """All that is heard in a connection; what the seed chooses does not depend on the answers,
    and where they are the same, neither does what is sent."""
    rng = random.Random(seed)
    actions = ALL_ACTIONS if rng.random() < 0.8 else rng.getrandbits(32) & ALL_ACTIONS
    steps = ALL_STEPS if rng.random() < 0.7 else rng.getrandbits(32) & ALL_STEPS
    mta = Recorder(daemon.path, negotiate=False)
    try:
        mta.negotiate(actions=actions, steps=steps)
        address = {"address": rng.choice(CLIENTS), "port": rng.choice((0, 40000))}
        if rng.random() < 0.1:
            address = {"name": "localhost", "family": "U"}
        answer = mta.connect(**address, macros=named(
            j="mx.example.com", daemon_name=rng.choice(("smtp", "submission", "")),
            daemon_port=rng.choice(("", "25")), v="test"))
        if goes_on(answer):
            mta.helo(macros={})
            for _ in range(rng.randrange(4)):
                send_message(mta, rng)
        mta.quit()
    except Failure as error:
        mta.hang_up()
        return mta.heard + b" " + str(error).encode()
    return mta.heard


def lines_of(daemon):
    daemon.settle()
    return [re.sub(r"\bs=\S+", "s=S", line) for line in daemon.log() if "verdict=" in line]


def compare(cases, program, variant, rng, count):
    daemons = [Daemon(program, {**FILES, "authgate.ini": INI.format(engine=engine, **variant)})
               for engine in ("builtin", "libmilter")]
    for daemon in daemons:
        daemon.start()
    different = []
    for number in range(count):
        seed = rng.getrandbits(64)
        heard = [converse(daemon, seed) for daemon in daemons]
        if heard[0] != heard[1]:
            different.append((number, *heard))
    name = ", ".join(f"{key} {value}" for key, value in variant.items())
    cases.same(f"{name}: each answer is the same", [], different[:1])
    told = [lines_of(daemon) for daemon in daemons]
    cases.same("... and each line of the log", [], [
        pair for pair in zip(*told) if pair[0] != pair[1]][:2])
    cases.same("... as many, and there are some", (True, True), (
        len(told[0]) == len(told[1]), len(told[0]) > count / 10))
    for daemon in daemons:
        daemon.terminate()
        daemon.wait()


def has_libmilter(program):
    daemon = Daemon(program, {**FILES, "authgate.ini": INI.format(
        engine="libmilter", delay="yes", results="no")})
    daemon.launch()
    found = wait_for(lambda: daemon.generations() or daemon.status() is not None)
    daemon.terminate()
    return bool(found) and daemon.wait() == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("authgate")
    parser.add_argument("--cases", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    program = os.path.abspath(options.authgate)
    print(f"# seed {options.seed}, {options.cases} dialogs", flush=True)
    rng = random.Random(options.seed)
    cases = Cases()
    try:
        if not has_libmilter(program):
            print("skipped - built without libmilter")
            return SKIPPED
        variants = [{"delay": delay, "results": results} for delay in ("yes", "no")
                    for results in ("no", "yes")]
        for variant in variants:
            compare(cases, program, variant, rng, options.cases // len(variants))
        check_ends(cases)
    finally:
        stop_all()
        remove_all()
    return cases.finish()


if __name__ == "__main__":
    sys.exit(main())
