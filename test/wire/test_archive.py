#!/usr/bin/python3
"""Copies of mail, asked for over the milter protocol: their bytes, and what goes wrong.

usage: test_archive.py AUTHGATE [WORD]      only the parts that have WORD in their name

One line a case; status 1 when one fails.
"""

import datetime
import glob
import itertools
import json
import os
import pwd
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True    # no cache folder in a checkout
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../driver"))
import milter  # noqa: E402
from daemon import (Daemon, ENGINE, PATIENCE, run_once, run_parts,  # noqa: E402
                    wait_for)
from milter import ALL_STEPS, Failure, Milter  # noqa: E402

CANNOT = "451 4.3.0 Cannot keep a copy of this now, please try again later"
NAME = re.compile(r"^\d+\.M\d{6}P\d+R[0-9a-f]{8}Q\d+\.[^,:/]+,S=(\d+),X=[0-9a-f]{16}$")

INI = """[milter]
socket = @SOCKET@
{milter}
[rules]
local_sender_auth = enforce
{rules}
[archive]
enabled = {enabled}
dir = {dir}
min_free = {free}
{archive}
{more}"""
DEFAULTS = {"milter": "", "rules": "", "enabled": "yes", "free": "1M", "archive": "", "more": ""}


PARTS = []


def part(function):
    PARTS.append(function)
    return function


class Archive(Daemon):
    """A daemon, and the directory where it keeps copies."""

    def __init__(self, program, files=None, folder=None, **changes):
        super().__init__(program, {})
        self.dir = folder or os.path.join(self.folder, "archive")
        self.configure(**changes)
        for name, text in (files or {}).items():
            self.write(name, text)

    def configure(self, **changes):
        self.write("authgate.ini", INI.format(**{**DEFAULTS, "dir": self.dir, **changes}))

    def start_with_clock(self, ahead=0):
        """A clock that is so many seconds ahead, and to be set."""
        self.steady = 0
        self.clock = os.path.join(self.folder, "clock")
        self.set_clock(ahead)
        return self.start(env=self.with_preloaded(os.path.join(HERE, "clock.c"),
                                                  AUTHGATE_CLOCK=self.clock))

    def set_clock(self, ahead, monotonic=0):
        """The keeper's own clock goes on as it is."""
        with open(self.clock + ".new", "w", encoding="ascii") as file:
            file.write(f"{ahead} {self.steady} {monotonic}")
        os.rename(self.clock + ".new", self.clock)
        self.ahead = ahead

    def hours_until(self, condition):
        """What it gives in the end. Days go when they are over at two looks an hour apart; a
        reload has the keeper look. The time of day stays, lest another day begin."""
        for _ in range(100):
            if wait_for(condition, 0.5):
                break
            self.steady += 3600
            self.set_clock(self.ahead)
            self.reload()
        return condition()

    def restart(self):
        count = len(self.generations())
        self.launch()
        if not wait_for(lambda: len(self.generations()) > count):
            raise Failure("it does not start again")
        self.asked_to_stop = False

    def files(self, sub="new", folder=None):
        return sorted(glob.glob(os.path.join(folder or self.dir, "*-*-*", sub, "*")))

    def copies(self, folder=None):
        """The bytes of each, in the order in which they came."""
        return [read(path) for path in self.files(folder=folder)]

    def rest(self, folder=None):
        return self.files("tmp", folder)

    def clear(self):
        for path in self.files():
            os.unlink(path)

    def command(self, *words):
        """The status, and the lines of standard output."""
        done = subprocess.run([self.program, "archive", "-c", self.config(), *words], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=PATIENCE, check=False)
        return done.returncode, done.stdout.splitlines()

    def listed(self, *words):
        status, lines = self.command("list", "--json", *words)
        return [json.loads(line) for line in lines] if status == 0 else (status, lines)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def front(sender="x@remote.example", rcpts="y@remote.example", client="192.0.2.1", login="-",
          queue="-"):
    return (f"Return-Path: <{sender}>\nX-Authgate-Recipients: {rcpts}\n"
            f"X-Authgate-Client: {client}\nX-Authgate-Login: {login}\n"
            f"X-Authgate-Queue-Id: {queue}\n").encode()


class Session:
    def __init__(self, daemon, client="192.0.2.1", **options):
        self.milter = Milter(daemon.address, seconds=20.0, **options)
        self.milter.connect(family="6" if ":" in client else "4", address=client, macros={"{daemon_name}": "smtp",
                                                    "{daemon_port}": "25"})

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.milter.quit()
        else:
            self.milter.hang_up()

    def envelope(self, sender="x@remote.example", rcpts=("y@remote.example",), login="",
                 queue=""):
        macros = {"{mail_addr}": sender, "{mail_mailer}": "smtp"}
        if login:
            macros.update({"{auth_authen}": login, "{auth_type}": "PLAIN"})
        self.milter.mail(f"<{sender}>", macros=macros)
        answers = [self.milter.rcpt(f"<{rcpt}>", macros={"{rcpt_addr}": rcpt,
                                                         "{rcpt_mailer}": "smtp"})
                   for rcpt in rcpts]
        self.milter.data(macros={"i": queue} if queue else {})
        return answers

    def content(self, header=((b"Subject", b" x"),), body=(b"Hello\r\n",)):
        for name, value in header:
            self.milter.header(name, value)
        answer = self.milter.eoh()
        if answer not in ("continue", "silent", "not sent"):
            return answer
        for piece in body:
            self.milter.body(piece)
        return self.milter.eom()

    def message(self, header=((b"Subject", b" x"),), body=(b"Hello\r\n",), **envelope):
        self.envelope(**envelope)
        return self.content(header, body)


def begin(daemon, session):
    """A message up to its first field, when its file is there."""
    before = len(daemon.rest())
    session.envelope()
    session.milter.header("A", " b")
    wait_for(lambda: len(daemon.rest()) > before)


# ---------------------------------------------------------------- bytes

SUBJECT = b"Subject: x\n\n"
CHUNK = 65535

# name, header, body, the copy without the lines in front
CONTENTS = [
    ("a small message", [(b"Subject", b" x")], [b"Hello\r\n"], SUBJECT + b"Hello\n"),
    ("no body", [(b"Subject", b" x")], [], SUBJECT),
    ("no header", [], [b"Hello\r\n"], b"\nHello\n"),
    ("nothing at all", [], [], b"\n"),
    ("one byte, no line end", [(b"Subject", b" x")], [b"x"], SUBJECT + b"x"),
    ("blanks in a header", [(b"A", b"x"), (b"B", b"   x  "), (b"C", b"\tx"), (b"D", b""),
                            (b"E", b" a\n\tb\n  c")], [],
     b"A:x\nB:   x  \nC:\tx\nD:\nE: a\n\tb\n  c\n\n"),
    ("line ends in a header", [(b"A", b" a\r\n b\r c")], [], b"A: a\n b\r c\n\n"),
    ("8 bits in a header", [(b"Subject", b" \xff\xc3\xa9")], [], b"Subject: \xff\xc3\xa9\n\n"),
    ("a header of 60,000 bytes", [(b"A", b" " + b"x" * 60000)], [],
     b"A: " + b"x" * 60000 + b"\n\n"),
    ("1,000 fields", [(b"F%d" % i, b" %d" % i) for i in range(1000)], [],
     b"".join(b"F%d: %d\n" % (i, i) for i in range(1000)) + b"\n"),
    ("every byte", [(b"Subject", b" x")], [bytes(range(256)) * 3],
     SUBJECT + bytes(range(256)) * 3),
    ("NUL", [(b"Subject", b" x")], [b"a\0b\0\r\n\0"], SUBJECT + b"a\0b\0\n\0"),
    ("bare CR", [(b"Subject", b" x")], [b"a\rb\r\r\nc\r"], SUBJECT + b"a\rb\r\nc\r"),
    ("bare LF", [(b"Subject", b" x")], [b"a\nb\n\r\n"], SUBJECT + b"a\nb\n\n"),
    ("CRLF over two pieces", [(b"Subject", b" x")], [b"a\r", b"\nb\r", b"\r", b"\nc\r", b"d"],
     SUBJECT + b"a\nb\r\nc\rd"),
    ("single bytes", [(b"Subject", b" x")], [b"\r", b"\n", b"\r", b"a", b"\n", b"\r"],
     SUBJECT + b"\n\ra\n\r"),
    ("CR at the edge of a full piece", [(b"Subject", b" x")],
     [b"a" * (CHUNK - 1) + b"\r", b"\n" + b"b" * (CHUNK - 1)],
     SUBJECT + b"a" * (CHUNK - 1) + b"\n" + b"b" * (CHUNK - 1)),
    ("a line of 200,000 bytes", [(b"Subject", b" x")],
     [b"x" * 50000] * 4 + [b"\r\n"], SUBJECT + b"x" * 200000 + b"\n"),
    ("a body that looks like the lines in front", [(b"Subject", b" x")],
     [b"X-Authgate-Login: root@x\r\n"], SUBJECT + b"X-Authgate-Login: root@x\n"),
]


@part
def contents(cases, program):
    daemon = Archive(program).start()
    with Session(daemon) as session:
        for name, header, body, expected in CONTENTS:
            cases.same(f"{name}: answer", "continue", session.message(header, body))
            cases.same(f"{name}: copy", [front() + expected], daemon.copies())
            cases.same(f"{name}: nothing is left in tmp", [], daemon.rest())
            daemon.clear()
    random_contents(cases, daemon)
    without_flags(cases, daemon)


@part
def body_with_the_end(cases, program):
    """The packet that ends the message may bring the last piece of its body, or all of it."""
    daemon = Archive(program).start()
    for steps in (ALL_STEPS, ALL_STEPS & ~(milter.NR_BODY | milter.NR_HEADER | 0x100000)):
        with Session(daemon, steps=steps) as session:
            for name, pieces, last, expected in (
                    ("a body that comes with the end", [], b"Hello\r\n", b"Hello\n"),
                    ("its last piece", [b"Hello\r"], b"\n\r", b"Hello\n\r"),
                    ("nothing", [b"Hello\r\n"], b"", b"Hello\n")):
                session.envelope()
                session.milter.header("Subject", b" x" if steps == ALL_STEPS else b"x")
                session.milter.eoh()
                for piece in pieces:
                    session.milter.body(piece)
                cases.run(f"{name}, steps {steps:#x}", "continue",
                          lambda last=last: session.milter.command(b"E", last))
                cases.same("... is in the copy", [front() + SUBJECT + expected], daemon.copies())
                daemon.clear()


def random_contents(cases, daemon):
    """Bodies of bytes that matter, cut anywhere."""
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    bad = 0
    with Session(daemon) as session:
        for _ in range(60):
            body = bytes(rng.choice(b"\r\r\r\n\n\0a") for _ in range(rng.randrange(300)))
            cuts = sorted(rng.randrange(len(body) + 1) for _ in range(rng.randrange(9)))
            pieces = [body[a:b] for a, b in zip([0] + cuts, cuts + [len(body)]) if a < b]
            session.message(body=pieces)
            bad += daemon.copies() != [front() + SUBJECT + body.replace(b"\r\n", b"\n")]
            daemon.clear()
    cases.same(f"random bodies (seed {seed})", 0, bad)


def without_flags(cases, daemon):
    """An MTA that offers less."""
    steps = ALL_STEPS & ~(milter.NR_BODY | milter.NR_HEADER | 0x100000)
    with Session(daemon, steps=steps) as session:
        cases.same("an old MTA: answer", "continue",
                   session.message([(b"A", b"x"), (b"B", b" y")], [b"a\r", b"\n"]))
    cases.same("an old MTA has taken the blank away", [front() + b"A: x\nB:  y\n\na\n"],
               daemon.copies())
    daemon.clear()


@part
def envelopes(cases, program):
    daemon = Archive(program, {"domains/example.com.ini": "",
                               "kill.list": "sender:spam@bad.example\n"}).start()
    with Session(daemon) as session:
        session.message(sender="alice@example.com", login="Alice@Example.com", queue="4XYZ",
                        rcpts=("bob@example.com", '"a,b"@remote.example'))
        cases.same("login and queue id", [front(
            "alice@example.com", 'bob@example.com, "a,b"@remote.example',
            login="alice@example.com", queue="4XYZ") + SUBJECT + b"Hello\n"], daemon.copies())
        cases.same("listed", [["bob@example.com", '"a,b"@remote.example'], "4XYZ"],
                   [daemon.listed()[0][key] for key in ("to", "queue_id")])
        daemon.clear()
        many = tuple(f"user{i}@remote.example" for i in range(100))
        session.message(sender="", rcpts=many)
        copy = daemon.copies()[0]
        cases.same("100 recipients", list(many), daemon.listed()[0]["to"])
        cases.same("... in lines of at most 78 bytes", True,
                   max(len(line) for line in copy.split(b"\n")) <= 78)
        cases.same("the null sender", b"Return-Path: <>", copy.split(b"\n")[0])
        daemon.clear()
        answers = session.envelope(sender="alice@example.com", rcpts=("bob@example.com",))
        cases.same("everybody is refused", True, answers[0].startswith("550"))
        session.milter.abort()
        cases.same("... and nothing kept", ([], []), (daemon.copies(), daemon.rest()))
        session.envelope(rcpts=("<>", "bob@example.com"))
        session.content()
        cases.same("a refused recipient is not named", ["bob@example.com"],
                   daemon.listed()[0]["to"])
        daemon.clear()
        begin(daemon, session)
        cases.same("in the middle there is a file in tmp", (0, 1),
                   (len(daemon.copies()), len(daemon.rest())))
        session.milter.abort()
        session.message()
        cases.same("an aborted message leaves nothing", (1, []),
                   (len(daemon.copies()), daemon.rest()))
        daemon.clear()
        for number in range(5):
            session.message(body=[b"%d\r\n" % number], rcpts=(f"u{number}@remote.example",))
        cases.same("five messages on a connection",
                   [front(rcpts=f"u{n}@remote.example") + SUBJECT + b"%d\n" % n for n in range(5)],
                   daemon.copies())
        session.message([(b"X-Authgate-Login", b" root"), (b"X-Authgate-Queue-Id", b" 1")],
                        sender="forger@remote.example")
        cases.same("what a message brings itself means nothing", [["", ""]],
                   [[entry["login"], entry["queue_id"]]
                    for entry in daemon.listed("--from", "forger@remote.example")])
        hostile(cases, daemon, session)
    hang_up(cases, daemon)
    modes(cases, daemon)


def hostile(cases, daemon, session):
    """Bytes that no MTA lets through."""
    daemon.clear()
    session.envelope(queue="1\nX-Authgate-Login: root\n\n")
    session.content()
    cases.same("no line comes in through a macro",
               [front(queue="1?X-Authgate-Login: root??") + SUBJECT + b"Hello\n"],
               daemon.copies())


def hang_up(cases, daemon):
    session = Session(daemon)
    begin(daemon, session)
    session.milter.body(b"x" * 60000)
    session.milter.hang_up()
    cases.same("an MTA that hangs up leaves nothing", True,
               wait_for(lambda: not daemon.rest()))
    with Session(daemon) as again:
        again.message()
        again.milter.quit_nc()
        again.milter.connect(macros={})
        again.envelope(sender="z@remote.example")
        # libmilter does not tell what was negotiated for it
        cases.same("a further session on a connection", CANNOT if ENGINE == "libmilter" else
                   "continue", again.content())


def modes(cases, daemon):
    day = glob.glob(os.path.join(daemon.dir, "*"))
    cases.same("a directory a day", [datetime.datetime.utcnow().strftime("%Y-%m-%d")],
               [os.path.basename(path) for path in day])
    paths = [daemon.dir, day[0]] + [os.path.join(day[0], sub) for sub in ("tmp", "new", "cur")]
    cases.same("directories are 0700", {0o700}, {os.stat(path).st_mode & 0o777 for path in paths})
    cases.same("files are 0600", {0o600}, {os.stat(path).st_mode & 0o777
                                           for path in daemon.files()})
    cases.same("names say the size", [], [
        path for path in daemon.files()
        if int(NAME.match(os.path.basename(path))[1]) != os.path.getsize(path)])


@part
def refused_later(cases, program):
    """By a rule of the header, and local submission at its end."""
    daemon = Archive(program, {"domains/example.com.ini": "", "kill.list": "sender:s@bad.example"},
                     rules="from_header_local_auth = enforce\n").start()
    with Session(daemon) as session:
        cases.same("a forged From: behind one blank", True,
                   session.message([(b"From", b" alice@example.com")]).startswith("550"))
        cases.same("... without a blank", True,
                   session.message([(b"From", b"alice@example.com")]).startswith("550"))
        cases.same("... and nothing is kept", ([], []), (daemon.copies(), daemon.rest()))
        cases.same("any other From: is let through", "continue",
                   session.message([(b"From", b" x@remote.example")]))
        cases.same("... and kept", 1, len(daemon.copies()))
    daemon.clear()
    with Milter(daemon.address) as local:
        local.connect(family="4", port=0, address="127.0.0.1", macros={})
        local.mail("<s@bad.example>", macros={"{mail_addr}": "s@bad.example"})
        local.rcpt("<y@remote.example>", macros={"{rcpt_addr}": "y@remote.example"})
        cases.same("local submission is refused at its end", True,
                   local.content()[-1].startswith("554"))
        cases.same("... and not kept", ([], []), (daemon.copies(), daemon.rest()))
    undecided(cases, program)


def undecided(cases, program):
    """Let through by [milter] on_error, which nobody judged."""
    daemon = Archive(program, milter="on_error = accept").start()
    with Session(daemon) as session:
        cases.same("a login that is too long is let through", "continue",
                   session.message(login="x" * 600))
        cases.same("... and the message kept", [front() + SUBJECT + b"Hello\n"], daemon.copies())


# ---------------------------------------------------------------- who keeps

@part
def negotiation(cases, program):
    daemon = Archive(program, enabled="no").start()
    no_content = milter.NO_BODY | milter.NO_HEADERS | milter.NO_EOH
    with Session(daemon) as old:
        cases.same("off: no content is asked for", no_content, old.milter.steps & no_content)
        daemon.configure()
        daemon.reload()
        cases.same("on: an old connection goes on", "continue", old.message())
        cases.same("... without copies", [], daemon.copies())
        with Session(daemon) as new:
            cases.same("the next is asked for it, but for the end of the header", milter.NO_EOH,
                       new.milter.steps & no_content)
            cases.same("... with the blank, and without a reply for each field",
                       0x100000 | milter.NR_HEADER,
                       new.milter.steps & (0x100000 | milter.NR_BODY | milter.NR_HEADER))
            new.message()
            cases.same("... and copied", 1, len(daemon.copies()))
            daemon.configure(enabled="no")
            daemon.reload()
            cases.same("off again: it goes on", "continue", new.message())
            cases.same("... without a copy", 1, len(daemon.copies()))
    with Session(daemon) as last:
        cases.same("... and the next is not asked", no_content, last.milter.steps & no_content)


def other_file_system(near):
    """A folder in another file system, or None."""
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(near).st_dev:
        return None
    return tempfile.mkdtemp(prefix="authgate-archive.", dir="/dev/shm")


@part
def directories(cases, program):
    daemon = Archive(program)
    own, far = os.path.join(daemon.folder, "own"), other_file_system(daemon.folder)
    daemon.write("domains/own.example.ini", f"[archive]\ndir = {own}/\n")
    daemon.write("domains/off.example.ini", "[archive]\nenabled = no\n")
    daemon.write("domains/far.example.ini", f"[archive]\ndir = {far or own}\n")
    daemon.start()

    def kept(sender, *rcpts):
        before = {folder: len(daemon.copies(folder)) for folder in (daemon.dir, own, far or own)}
        with Session(daemon) as session:
            session.message(sender=sender, rcpts=rcpts)
        return [name for name, folder in (("main", daemon.dir), ("own", own), ("far", far))
                if folder and len(daemon.copies(folder)) != before[folder]]

    cases.same("a stranger to a stranger", ["main"], kept("a@x.example", "b@y.example"))
    cases.same("a stranger to a domain with its own", ["main", "own"],
               kept("a@x.example", "b@own.example"))
    cases.same("a domain without to itself", [], kept("a@off.example@x"[:13], "b@off.example"))
    cases.same("one recipient of two", ["main", "own"],
               kept("a@x.example", "b@off.example", "b@own.example"))
    shutil.rmtree(glob.glob(os.path.join(own, "*"))[0])
    cases.same("the day is gone in the second of them", ["own"],
               [name for name in kept("a@x.example", "b@own.example") if name == "own"])
    cases.same("a day is the same file in both", daemon.files()[-1].split("/")[-1],
               daemon.files(folder=own)[-1].split("/")[-1])
    if far:
        try:
            cases.same("in another file system", ["main", "far"],
                       kept("a@x.example", "b@far.example"))
            cases.same("... the same bytes", daemon.copies()[-1], daemon.copies(far)[-1])
            shutil.rmtree(far)
            with Session(daemon) as session:
                before = daemon.copies()
                cases.same("... one of two directories is gone: tempfail", CANNOT,
                           session.message(rcpts=("b@far.example",)))
                cases.same("... and no copy is left in the other", (before, []),
                           (daemon.copies(), daemon.rest()))
        finally:
            daemon.terminate()
            daemon.wait()
            shutil.rmtree(far, ignore_errors=True)
    else:
        cases.skip("two file systems", "/dev/shm is no other file system")


@part
def two_names(cases, program):
    """One directory that two files call differently."""
    daemon = Archive(program)
    link = os.path.join(daemon.folder, "link")
    os.mkdir(daemon.dir)
    os.symlink("archive", link)
    daemon.write("domains/ex1.example.ini", f"[archive]\ndir = {link}\n")
    daemon.write("domains/ex2.example.ini", f"[archive]\ndir = {daemon.folder}/./link\n")
    daemon.start_with_clock()
    with Session(daemon) as session:
        for _ in range(3):
            cases.same("a message for both", "continue", session.message(
                rcpts=("b@ex1.example", "c@remote.example", "d@ex2.example")))
    cases.same("... is kept once", (3, []), (len(daemon.copies()), daemon.rest()))
    cases.same("... verified once", (0, ["3 copies, 0 damaged"]), daemon.command("verify"))
    cases.same("... and listed once", 3, len(daemon.listed()))
    for days in (50, 5, 4, 3):
        make_old(daemon, days, 1000000)
    daemon.configure(archive="max_total = 4M\nretention = 40d")
    with Session(daemon) as session:
        session.message(rcpts=("b@ex1.example",))
    daemon.hours_until(lambda: day_before(50) not in days_kept(daemon))
    daemon.steady += 3600
    daemon.set_clock(daemon.ahead)
    daemon.reload()
    make_old(daemon, 50, 10)
    daemon.hours_until(lambda: day_before(50) not in days_kept(daemon))
    cases.same("max_total weighs it once", [day_before(n) for n in (5, 4, 3, 0)],
               days_kept(daemon))
    check(cases, daemon)
    bind_mount(cases, daemon)


def check(cases, daemon):
    done = subprocess.run([daemon.program, "check", "-c", daemon.config()], text=True,
                          stdout=subprocess.PIPE, timeout=PATIENCE, check=False)
    lines = [line for line in done.stdout.splitlines() if "same directory" in line]
    cases.same("check warns of each further name", [
        f"{daemon.config()}: warning: [archive] dir: {daemon.folder}/{name} is the same directory "
        f"as {daemon.dir}; each copy is kept once" for name in ("link", "./link")], lines)
    cases.same("... which is no error", (0, True), (
        done.returncode, "0 errors, 0 bad lines, " in done.stdout))


def bind_mount(cases, daemon):
    """Where there is one directory without a link between its names."""
    other = os.path.join(daemon.folder, "other")
    os.mkdir(other)
    if os.geteuid() != 0 or subprocess.run(["mount", "--bind", daemon.dir, other], check=False,
                                           stderr=subprocess.DEVNULL).returncode != 0:
        cases.skip("a directory mounted twice", "nothing can be mounted here")
        return
    try:
        daemon.write("domains/ex3.example.ini", f"[archive]\ndir = {other}\n")
        daemon.reload()
        before = len(daemon.copies())
        with Session(daemon) as session:
            cases.same("mounted twice", "continue", session.message(
                rcpts=("b@ex3.example", "c@remote.example")))
        cases.same("... a message is kept once", (before + 1, []),
                   (len(daemon.copies()), daemon.rest()))
    finally:
        daemon.terminate()
        daemon.wait()
        subprocess.run(["umount", "-l", other], check=False)


# ---------------------------------------------------------------- what goes wrong

def error_line(daemon, *parts):
    """The line of an error that has all these parts, as soon as it is in the log; or those that
    are there."""
    def find():
        return [line for line in daemon.log() if "rule=on_error" in line
                and all(each in line for each in parts)]
    lines = wait_for(find)
    return lines[-1] if lines else daemon.log()[-3:]


def says(cases, name, daemon, *parts):
    line = error_line(daemon, *parts)
    cases.same(name, list(parts), [each for each in parts if each in line] or line)


@part
def full(cases, program):
    daemon = Archive(program, free="900000G").start()
    with Session(daemon) as session:
        cases.same("less than min_free", CANNOT, session.message())
        says(cases, "... the log says why", daemon, "verdict=tempfail rule=on_error",
             f'note="archive {daemon.dir}: less than min_free is left"', CANNOT)
        cases.same("... no file", ([], []), (daemon.copies(), daemon.rest()))
        daemon.configure(free="900000G", archive="on_error = accept")
        daemon.reload()
        cases.same("on_error = accept", "continue", session.message())
        says(cases, "... the log says it all the same", daemon, "verdict=accept rule=on_error",
             "less than min_free")
    gone(cases, program)
    small_disk(cases, program)


def gone(cases, program):
    daemon = Archive(program).start()
    with Session(daemon) as session:
        session.message()
        shutil.rmtree(glob.glob(os.path.join(daemon.dir, "*"))[0])
        cases.same("a day that is gone is made again", "continue", session.message())
        shutil.rmtree(glob.glob(os.path.join(daemon.dir, "*", "tmp"))[0])
        cases.same("... and its tmp alone", "continue", session.message())
        shutil.rmtree(daemon.dir)
        cases.same("a directory that is gone: tempfail", CANNOT, session.message())
        says(cases, "... says so", daemon, "No such file or directory")
        cases.same("... which a reload says, and does not make it", True, any(
            "cannot keep copies" in line for line in daemon.reload()))
        cases.same("... it is still gone", CANNOT, session.message())
        os.mkdir(daemon.dir)
        cases.same("... made again, it serves at once", "continue", session.message())
        begin(daemon, session)
        shutil.rmtree(daemon.dir)
        session.milter.eoh()
        cases.same("gone in the middle of a message", CANNOT, session.milter.eom())
        with open(daemon.dir, "w", encoding="ascii"):
            pass
        cases.same("a file in its place", CANNOT, session.message())
        os.unlink(daemon.dir)


def small_disk(cases, program):
    """Needs root, to mount a file system of two megabytes."""
    daemon = Archive(program, free="0")
    os.makedirs(daemon.dir)
    if os.geteuid() != 0 or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "authgate", daemon.dir],
            stderr=subprocess.DEVNULL, check=False).returncode != 0:
        cases.skip("a full disk", "no file system can be mounted here")
        return
    try:
        daemon.start()
        with Session(daemon) as session:
            for _ in range(3):
                cases.same("a full disk", CANNOT, session.message(body=[b"x" * 60000] * 50))
                cases.same("... leaves nothing there", ([], []), (daemon.copies(), daemon.rest()))
            says(cases, "... says so", daemon, "No space left on device")
            cases.same("what fits is kept", "continue", session.message(body=[b"x" * 60000] * 20))
            daemon.configure(free="0", archive="on_error = accept")
            daemon.reload()
            goes_on(cases, daemon, session, "a full disk", "No space left on device",
                    body=[b"x" * 60000] * 50)
            subprocess.run(["mount", "-o", "remount,ro", daemon.dir], check=True)
            goes_on(cases, daemon, session, "a read-only file system", "Read-only file system")
            daemon.configure(free="0")
            daemon.reload()
            cases.same("a read-only file system", CANNOT, session.message())
            says(cases, "... says so", daemon, "verdict=tempfail", "Read-only file system")
        second = Archive(program, folder=daemon.dir)
        status, lines = run_once(program, second)
        cases.same("... ends a start with status 73", (73, True),
                   (status, "Read-only file system" in lines[-1]))
    finally:
        daemon.terminate()
        daemon.wait()
        subprocess.run(["umount", "-l", daemon.dir], check=False)


def goes_on(cases, daemon, session, name, why, **message):
    """With on_error = accept."""
    kept = len(daemon.copies())
    cases.same(f"{name}, on_error = accept: mail goes on", "continue", session.message(**message))
    says(cases, "... the log says why", daemon, "verdict=accept", why)
    cases.same("... and nothing is left", (kept, []), (len(daemon.copies()), daemon.rest()))


def small_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (300000, 300000))


@part
def size_limit(cases, program):
    """Of files, which the system tells by a signal that ends a program."""
    large = [b"x" * 60000] * 10
    daemon = Archive(program).start(preexec_fn=small_files)
    with Session(daemon) as session:
        cases.same("a copy above the limit of a file's size", CANNOT, session.message(body=large))
        says(cases, "... says so", daemon, "verdict=tempfail", "File too large")
        cases.same("... and leaves nothing there", ([], []), (daemon.copies(), daemon.rest()))
        cases.same("what is smaller is kept", "continue", session.message())
        daemon.configure(archive="on_error = accept")
        daemon.reload()
        goes_on(cases, daemon, session, "a limit of the size", "File too large", body=large)
    cases.same("... and the daemon lives", None, daemon.status())


@part
def links(cases, program):
    """Whoever may write to the directory could lead copies elsewhere."""
    daemon = Archive(program)
    outside = os.path.join(daemon.folder, "outside")
    for name in ("tmp", "new", "cur"):
        os.makedirs(os.path.join(outside, name))
    day = os.path.join(daemon.dir, day_before(0))
    os.makedirs(daemon.dir)
    os.symlink(outside, day)
    daemon.start()
    why = f"archive {daemon.dir}: a folder of the day is a link, or none"
    with Session(daemon) as session:
        cases.same("a day that is a link", CANNOT, session.message())
        says(cases, "... says so", daemon, "verdict=tempfail", why)
        os.unlink(day)
        cases.same("... gone, it is made", "continue", session.message())
        for name in ("tmp", "new", ""):
            place = os.path.join(day, name).rstrip("/")
            os.rename(place, daemon.folder + "/aside")
            os.symlink(os.path.join(outside, name), place)
            cases.same(f"DAY/{name} that became one", CANNOT, session.message())
            os.unlink(place)
            os.rename(daemon.folder + "/aside", place)
        session.envelope()
        session.milter.header("A", " b")
        wait_for(daemon.rest, 5)
        os.rename(day + "/new", day + "/old")
        os.symlink(outside + "/new", day + "/new")
        session.milter.eoh()
        cases.same("in the middle of a message", CANNOT, session.milter.eom())
        os.unlink(day + "/new")
        os.rename(day + "/old", day + "/new")
        cases.same("... put right, copies are kept again", "continue", session.message())
        cases.same("... which are here", (2, []), (len(daemon.copies()), daemon.rest()))
        os.rename(day, daemon.folder + "/aside")
        with open(day, "w", encoding="ascii"):
            pass
        cases.same("a day that is a file", CANNOT, session.message())
        daemon.configure(archive="on_error = accept")
        daemon.reload()
        goes_on(cases, daemon, session, "a day that is a file", why)
    cases.same("nothing was written elsewhere", [], glob.glob(outside + "/*/*"))


@part
def starts(cases, program):
    daemon = Archive(program)
    with open(daemon.dir, "w", encoding="ascii"):
        pass
    status, lines = run_once(program, daemon)
    cases.same("a file where the directory should be", (73, 1), (status, len(lines)))
    cases.same("... one line says it", f"archive: cannot keep copies in {daemon.dir}: "
               "Not a directory", lines[0])
    cases.same("... no socket is left", False, os.path.lexists(daemon.path))
    deep = Archive(program, folder=os.path.join(daemon.folder, "a/b/c")).start()
    cases.same("missing parents are made", 0o700, os.stat(deep.dir).st_mode & 0o777)
    deep.configure(dir="/proc/authgate")
    cases.same("a reload to a bad one: the log says so", True,
               any("cannot keep copies in /proc/authgate" in line for line in deep.reload()))
    with Session(deep) as session:
        cases.same("... and mail waits", CANNOT, session.message())
    if os.geteuid() == 0:
        as_nobody(cases, program)


def as_nobody(cases, program):
    nobody = pwd.getpwnam("nobody")
    daemon = Archive(program, milter="user = nobody")
    os.chmod(daemon.folder, 0o755)
    status, lines = run_once(program, daemon)
    cases.same("a directory that the user cannot make", (77, 1), (status, len(lines)))
    os.mkdir(daemon.dir, 0o755)
    status, lines = run_once(program, daemon)
    cases.same("... or not write to", (77, 2), (status, len(lines)))
    os.chown(daemon.dir, nobody.pw_uid, nobody.pw_gid)
    daemon.start()
    with Session(daemon) as session:
        cases.same("the user's own directory", "continue", session.message())
        cases.same("... has his files", {nobody.pw_uid},
                   {os.stat(path).st_uid for path in daemon.files()})
        os.chmod(os.path.dirname(daemon.files()[0]).replace("/new", "/tmp"), 0o500)
        cases.same("a tmp that became read-only", CANNOT, session.message())
        says(cases, "... says so", daemon, "Permission denied")


@part
def large(cases, program):
    """50 MB, and no more memory for it."""
    daemon = Archive(program).start()
    # with a sanitizer freed memory is not given back
    counts = b"__asan_init" not in read(program) and b"__tsan_init" not in read(program)
    with Session(daemon) as session:
        session.message()
        before = peak(daemon)
        piece = os.urandom(CHUNK // 2).replace(b"\r", b"x").replace(b"\n", b"y") + b"\r\n"
        count = 50 * 1024 * 1024 // len(piece)
        cases.same("50 MB", "continue", session.message(body=[piece] * count))
        if counts:
            cases.same("... take less than 2 MB of memory", True, peak(daemon) - before < 2048)
    copy = read(max(daemon.files(), key=os.path.getsize))
    cases.same("... and are all there", True,
               copy == front() + SUBJECT + piece.replace(b"\r\n", b"\n") * count)
    cases.same("... verified", (0, ["2 copies, 0 damaged"]), daemon.command("verify"))


def peak(daemon):
    """In kilobytes."""
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1])


# ---------------------------------------------------------------- descriptors

LIMIT = 201
ASIDE = 64    # descriptors, and one more for each directory
NOT_JUDGED = "451 4.3.0 Cannot decide about this now, please try again later"


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, LIMIT))


def crowd(cases, daemon, name, room, expected):
    """So many connections at once, which have a message each, and some more: what these hear."""
    sessions = [Session(daemon) for _ in range(room)]
    late = [Milter(daemon.address, seconds=20.0) for _ in range(5)]
    try:
        cases.same(f"{name}: further connections than {room}", {expected},
                   {milter.connect(macros={}) for milter in late})
        for session in sessions:
            session.envelope()
            session.milter.header("A", " b")
        cases.same(f"{name}: those are all served", {"continue"},
                   {session.content() for session in sessions})
    finally:
        for milter in late + [session.milter for session in sessions]:
            milter.hang_up()
    cases.same(f"{name}: all of them go", True, wait_for(lambda: sessions_open(daemon) == 0))


def sessions_open(daemon):
    done = subprocess.run([daemon.program, "status", "-c", daemon.config(), "--json"],
                          stdout=subprocess.PIPE, timeout=PATIENCE, check=False)
    return json.loads(done.stdout)["sessions_open"] if done.returncode == 0 else None


@part
def few(cases, program):
    """Nobody is let through without a copy for want of a descriptor for his connection."""
    daemon = Archive(program, milter="on_error = accept").start(preexec_fn=few_descriptors)
    one, two = (LIMIT - ASIDE - 1) // 2, (LIMIT - ASIDE - 2) // 2
    crowd(cases, daemon, "copies", one, NOT_JUDGED)
    cases.same("... all are there", one, len(daemon.copies()))
    daemon.configure(milter="on_error = accept", archive="on_error = accept")
    daemon.write("domains/own.example.ini", f"[archive]\ndir = {daemon.folder}/own\n")
    daemon.reload()
    crowd(cases, daemon, "copies that may be missing, two directories", two, "accept")
    daemon.configure(milter="on_error = accept", enabled="no")
    daemon.write("domains/own.example.ini", "")
    daemon.reload()
    # a directory stays locked
    crowd(cases, daemon, "no copies any more", LIMIT - ASIDE - 2, "accept")
    daemon.configure(milter="on_error = accept")
    daemon.reload()
    crowd(cases, daemon, "copies again", two, NOT_JUDGED)


# ---------------------------------------------------------------- kill -9

CONNECTIONS, MESSAGES = 8, 500    # that are taken before the end


def send_until_killed(daemon, number, taken):
    try:
        with Session(daemon) as session:
            for count in itertools.count():
                name = f"{number}.{count}"
                if session.message([(b"Message-Id", f" <{name}>".encode())],
                                   [b"x" * 3000 + b"\r\n"] * 3) == "continue":
                    taken.append(name)
    except (Failure, OSError):
        pass


def kept_names(daemon):
    return {re.search(rb"Message-Id: <([\d.]+)>", copy)[1].decode() for copy in daemon.copies()}


@part
def killed(cases, program):
    daemon = Archive(program).start()
    taken = []
    threads = [threading.Thread(target=send_until_killed, args=(daemon, number, taken))
               for number in range(CONNECTIONS)]
    waiting = Session(daemon)    # is in the middle of a message then
    begin(daemon, waiting)
    for thread in threads:
        thread.start()
    wait_for(lambda: len(taken) >= MESSAGES)
    daemon.kill()
    for thread in threads:
        thread.join()
    waiting.milter.hang_up()
    cases.same("killed in the middle", True, len(taken) >= MESSAGES)
    cases.same("all that was taken is there", set(), set(taken) - kept_names(daemon))
    cases.same("... whole", 0, daemon.command("verify")[0])
    cases.same("and some that was not is left in tmp", True, len(daemon.rest()) > 0)
    foreign = os.path.join(os.path.dirname(daemon.rest()[0]), "somebody.else")
    with open(foreign, "w", encoding="ascii"):
        pass
    daemon.restart()
    cases.same("the next start removes it, and nothing else", [foreign], daemon.rest())
    cases.same("... and keeps the rest", set(), set(taken) - kept_names(daemon))


@part
def two_daemons(cases, program):
    """A directory is one daemon's. What is in work there is not removed by the start of another,
    which waits: a restart may begin the new one while the old one ends."""
    first = Archive(program).start()
    with Session(first) as session:
        begin(first, session)
        before = first.rest()
        third = Archive(program).start()
        third.configure(dir=first.dir)
        cases.same("a reload to another one's directory says so", 1, sum(
            f"cannot keep copies in {first.dir}: another authgate keeps copies there; stop it"
            in line for line in third.reload()))
        with Session(third) as other:
            cases.same("... and mail waits", CANNOT, other.message())
            says(cases, "... with the reason", third, "another authgate keeps copies there")
        second = Archive(program, folder=first.dir).launch()
        cases.same("a second daemon says that it waits", True, wait_for(
            lambda: told(second, f"another authgate keeps copies in {first.dir}; waiting")))
        refused = Archive(program, folder=first.dir)
        cases.same("... leaves the first one's files alone", before, first.rest())
        session.milter.eoh()
        cases.same("... so that it can go on", "continue", session.milter.eom())
    first.terminate()
    cases.same("when the first ends, the second begins", True,
               bool(wait_for(second.generations)))
    with Session(second) as session:
        cases.same("... and keeps copies", "continue", session.message())
    refused.launch()
    cases.same("one that waits in vain ends with status 75", 75, refused.wait(100))
    cases.same("... and says what to do", True, told(refused, "another authgate keeps copies "
               "there; stop it, or give each an [archive] dir of its own") == 1)
    cases.same("... and leaves no socket", False, os.path.lexists(refused.path))
    second.terminate()
    second.wait(60)
    with Session(third) as session:
        cases.same("it is free: the third has it at once", "continue", session.message())


# ---------------------------------------------------------------- old copies

def day_before(days):
    return (datetime.datetime.utcnow() - datetime.timedelta(days)).strftime("%Y-%m-%d")


def make_old(daemon, days, size, sub="new"):
    """A faked copy of that many days ago."""
    folder = os.path.join(daemon.dir, day_before(days))
    for name in ("tmp", "new", "cur"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    name = f"{int(time.time()) - days * 86400}.M000000P1R00000000Q{size}.h"
    name += f",S={size},X=0000000000000000" + (":2,S" if sub == "cur" else "")
    with open(os.path.join(folder, sub, name), "wb") as file:
        file.truncate(size)


def days_kept(daemon):
    return sorted(name for name in os.listdir(daemon.dir))


@part
def old_days(cases, program):
    daemon = Archive(program, archive="retention = 10d")
    for days in (0, 1, 9, 10, 11, 12, 400):
        make_old(daemon, days, 10)
    make_old(daemon, 12, 10, "cur")
    for name in ("example.com", "2020-01-32", "x2020-01-01"):
        os.makedirs(os.path.join(daemon.dir, name, "new"))
    os.symlink(daemon.folder, os.path.join(daemon.dir, day_before(500)))
    os.makedirs(os.path.join(daemon.dir, day_before(600), "somebody", "new"))
    os.mkdir(os.path.join(daemon.dir, day_before(700)))
    os.makedirs(os.path.join(daemon.dir, day_before(800), "tmp"))
    daemon.start_with_clock()
    before = days_kept(daemon)
    daemon.reload()
    cases.same("nothing goes in the first hour", before, days_kept(daemon))
    expected = sorted([day_before(n) for n in (0, 1, 9, 10, 500, 600)] +
                      ["example.com", "2020-01-32", "x2020-01-01"])
    daemon.hours_until(lambda: days_kept(daemon) == expected)
    cases.same("retention: whole days, and nothing else", expected, days_kept(daemon))
    cases.same("... each is in the log", True, wait_for(lambda: 5 == sum(
        "is removed, retention" in line for line in daemon.log())))
    cases.same("... a link leads nowhere", True, os.path.exists(daemon.config()))
    os.unlink(os.path.join(daemon.dir, day_before(500)))
    for name in ("example.com", "2020-01-32", "x2020-01-01", day_before(600)):
        shutil.rmtree(os.path.join(daemon.dir, name))
    total(cases, daemon)


def put_file(*names):
    path = os.path.join(*names)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        file.write("precious")


def all_below(folder):
    """All that is there, with what links lead to."""
    return sorted(os.path.join(place, name) for place, folders, files in os.walk(folder)
                  for name in folders + files)


OURS = "1600000000.M000001P2R0000000aQ3.host"

COPY = re.compile(r"\.M000000P1R00000000Q\d+\.h,S=\d+,X=0{16}$")    # as make_old() names them

# what somebody else has put into a day
ELSE = ["etc/passwd", "home/thesis", "new.txt", ".Later/cur/x", "dovecot-uidlist",
        "cur/dovecot.index.log", "cur/.dovecot/x", "new/1600000000.M1P2.host,S=8,W=8:2,S",
        "new/1600000000.M000001P2Q3.host,S=8,X=0000000000000000",
        f"new/{OURS}",    # has no checksum, and is not in tmp
        "cur/thesis", "tmp/thesis", "tmp/1600000000.M1P2.host",
        f"new/{OURS},S=8,X=0000000000000000/thesis"]


@part
def somebody_elses(cases, program):
    """Retention and max_total take copies, and leave alone what is none."""
    daemon = Archive(program, archive="retention = 10d\nmax_total = 3M")
    for days, name in enumerate(ELSE, 100):
        make_old(daemon, days, 10)
        put_file(daemon.dir, day_before(days), name)
    put_file(daemon.dir, day_before(200), "tmp", "x")
    put_file(daemon.dir, day_before(200), "etc", "x")
    outside = os.path.join(daemon.folder, "outside")
    for name in ("new", "cur", "tmp"):
        put_file(outside, name, OURS + ("" if name == "tmp" else ",S=8,X=0000000000000000"))
    os.mkdir(os.path.join(daemon.dir, day_before(201)))
    for name in ("new", "cur", "tmp"):
        os.symlink(os.path.join(outside, name), os.path.join(daemon.dir, day_before(201), name))
    os.symlink(outside, os.path.join(daemon.dir, day_before(202)))
    make_old(daemon, 203, 10)
    os.symlink("/dev/null", os.path.join(daemon.dir, day_before(203), "new",
                                         OURS + ",S=8,X=0000000000000000"))
    # what is not ours is not weighed
    with open(os.path.join(daemon.dir, day_before(100), "new", "large"), "wb") as file:
        file.truncate(10000000)
    make_old(daemon, 1, 2000000)
    before = all_below(daemon.folder)
    make_old(daemon, 300, 10)
    daemon.start_with_clock()
    gone = os.path.join(daemon.dir, day_before(300))
    cases.same("a day of ours goes", True,
               daemon.hours_until(lambda: not os.path.exists(gone)))
    staying = [day_before(n) for n in [*range(100, 100 + len(ELSE)), 200, 201, 203]]

    def told():
        return sorted(found[1] for found in (
            re.search(r"/(\d{4}-\d\d-\d\d) stays: there is something in it that is no copy", line)
            for line in daemon.log()) if found)
    wait_for(lambda: len(told()) >= len(staying))
    cases.same("every other stays, and the log says so once", sorted(staying), told())
    make_old(daemon, 300, 10)
    daemon.reload()
    cases.same("... and a day of ours goes again", True,
               wait_for(lambda: not os.path.exists(gone)))
    cases.same("... it is not said again", sorted(staying), told())
    left = set(all_below(daemon.folder))
    cases.same("... with all that is no copy", [], sorted(
        path for path in set(before) - left
        if not os.path.basename(path) in ("new", "cur", "tmp") and not COPY.search(path)))
    cases.same("... and without a copy", [], sorted(
        path for path in left if COPY.search(path) and os.path.isfile(path) and
        not os.path.islink(path) and day_before(1) not in path and not path.startswith(outside)))
    os.unlink(os.path.join(daemon.dir, day_before(101), ELSE[1]))
    os.rmdir(os.path.join(daemon.dir, day_before(101), "home"))
    daemon.reload()
    cases.same("when that is taken away, the day goes", True, wait_for(
        lambda: not os.path.exists(os.path.join(daemon.dir, day_before(101)))))


@part
def stuck(cases, program):
    """A day that cannot be removed entirely costs no other."""
    root = os.geteuid() == 0
    daemon = Archive(program, milter="user = nobody" if root else "",
                     archive="max_total = 9M")
    daemon.open_to_all(0o777)
    for days in (5, 4, 3):
        for size in (1000000, 1000001, 1000002, 1000003):
            make_old(daemon, days, size)
    make_old(daemon, 5, 8, "cur")
    if root:
        for place, folders, files in [(daemon.folder, ["archive"], []), *os.walk(daemon.dir)]:
            for name in folders + files:
                shutil.chown(os.path.join(place, name), "nobody")
    os.chmod(os.path.join(daemon.dir, day_before(5), "cur"), 0o500)
    daemon.start_with_clock()
    cases.same("it says that the day cannot be removed", True, daemon.hours_until(lambda: any(
        f"{day_before(5)} cannot be removed: Permission denied" in line
        for line in daemon.log())))
    cases.same("... of which all went that can", True, wait_for(
        lambda: not glob.glob(os.path.join(daemon.dir, day_before(5), "new", "*"))))
    daemon.reload()
    with Session(daemon) as session:
        session.message()
    cases.same("... and the next one stays", [day_before(n) for n in (5, 4, 3, 0)],
               days_kept(daemon))
    os.chmod(os.path.join(daemon.dir, day_before(5), "cur"), 0o700)


def total(cases, daemon):
    for days in (1, 9, 10):
        make_old(daemon, days, 1000000)
        make_old(daemon, days, 1, "cur")
    daemon.configure(archive="max_total = 2500K")
    expected = sorted(day_before(n) for n in (0, 1, 9))
    daemon.hours_until(lambda: days_kept(daemon) == expected)
    cases.same("max_total: the oldest go first", expected, days_kept(daemon))
    daemon.configure(archive="max_total = 1K")
    daemon.hours_until(lambda: days_kept(daemon) == [day_before(0)])
    cases.same("... today stays", [day_before(0)], days_kept(daemon))
    cases.same("... with a warning", True, wait_for(lambda: any(
        "more than max_total" in line for line in daemon.log())))
    with Session(daemon) as session:
        cases.same("... and mail goes on", "continue", session.message())


# ---------------------------------------------------------------- clocks

DAY = 86400
NOT_BELIEVED = "no copies are removed until it is right, or for the next 7 days"


def told(daemon, words):
    """How often the log says it."""
    return sum(words in line for line in daemon.log())


@part
def clock_set_back(cases, program):
    """The next look comes after an hour, whatever the time of day was before."""
    daemon = Archive(program, archive="retention = 10d")
    make_old(daemon, 1, 10)
    daemon.start_with_clock()
    make_old(daemon, 100, 10)
    daemon.set_clock(-DAY, monotonic=-3598)
    daemon.reload()    # after it the keeper waits for two seconds, which it takes for an hour
    daemon.steady = 2 * 3600
    daemon.set_clock(-DAY, monotonic=-3598)
    cases.same("an hour by a clock that nobody sets", True,
               wait_for(lambda: day_before(100) not in days_kept(daemon)))


@part
def clock_jumps_ahead(cases, program):
    """Nothing goes that is not old by the time that has passed as well."""
    daemon = Archive(program, archive="retention = 90d")
    for days in (100, 80, 1):
        make_old(daemon, days, 10)
    daemon.start_with_clock()
    with Session(daemon) as session:
        session.message()
        cases.same("an old day goes", True,
                   daemon.hours_until(lambda: day_before(100) not in days_kept(daemon)))
        for days in (1400, -8000):
            before = told(daemon, NOT_BELIEVED)
            daemon.set_clock(days * DAY)
            daemon.reload()
            cases.same(f"a clock that is set by {days} days: it is said", before + 1, wait_for(
                lambda before=before: told(daemon, NOT_BELIEVED) > before) and
                       told(daemon, NOT_BELIEVED))
            cases.same("... and mail goes on", "continue", session.message())
            for _ in range(3):
                daemon.steady += 3600
                daemon.set_clock(daemon.ahead)
                daemon.reload()
            daemon.set_clock(0)
            cases.same("... set right: it is said", True, daemon.hours_until(
                lambda before=before: told(daemon, "the clock is believed again") > before))
            cases.same("... once", before + 1, told(daemon, NOT_BELIEVED))
    make_old(daemon, 100, 10)
    cases.same("old days go again", True,
               daemon.hours_until(lambda: day_before(100) not in days_kept(daemon)))
    other = [day_before(-1400), day_before(-1401), day_before(8000), day_before(7999)]
    kept = [day for day in days_kept(daemon) if day not in other]
    cases.same("... all others are there", [day_before(n) for n in (80, 1, 0)], kept)
    cases.same("... and what was kept meanwhile", True, 2 <= len(set(days_kept(daemon)) - set(kept)))
    cases.same("... whole", 3, len([path for path in daemon.files()
                                    if os.path.getsize(path) > 10]))


@part
def start_with_another_clock(cases, program):
    """2001, as of a machine without a battery, and years ahead."""
    for days in (-8000, 1400):
        daemon = Archive(program, archive="retention = 90d\nmax_total = 100K")
        for old in (200, 80, 1):
            make_old(daemon, old, 1000000)
        daemon.start_with_clock(days * DAY)
        cases.same(f"a start {days} days off: it is said", True, wait_for(
            lambda daemon=daemon: told(daemon, NOT_BELIEVED) == 1))
        with Session(daemon) as session:
            cases.same("... mail goes on", "continue", session.message())
        for _ in range(3):
            daemon.steady += 3600
            daemon.set_clock(daemon.ahead)
            daemon.reload()
        cases.same("... nothing is removed", 4, len(days_kept(daemon)))
        meanwhile = [day for day in days_kept(daemon) if day not in (
            day_before(200), day_before(80), day_before(1))]
        daemon.set_clock(0)
        cases.same("... set right: old days go", True, daemon.hours_until(
            lambda daemon=daemon: day_before(80) not in days_kept(daemon)))
        cases.same("... but not what was kept meanwhile", [meanwhile, []], [
            [day for day in days_kept(daemon) if day in meanwhile], daemon.rest()])


# ---------------------------------------------------------------- the command

@part
def command(cases, program):
    daemon = Archive(program).start()
    cases.same("nothing is kept", [], daemon.listed())
    with Session(daemon, client="2001:db8::1") as session:
        session.message(sender="a@x.example", rcpts=("b@y.example", "c@z.example"), queue="Q1",
                        login="a@x.example")
        session.message(sender="", rcpts=("B@Y.example",), queue="Q2")

    def queue_ids(*words):
        return [entry["queue_id"] for entry in daemon.listed(*words)]

    cases.same("all", ["Q1", "Q2"], queue_ids())
    today = datetime.datetime.utcnow()
    for words, expected in (
            (("--from", "A@X.EXAMPLE"), ["Q1"]), (("--from", "<>"), ["Q2"]),
            (("--from", "@x.example"), ["Q1"]), (("--from", "b@y.example"), []),
            (("--to", "b@y.example"), ["Q1", "Q2"]), (("--to", "@z.example"), ["Q1"]),
            (("--login", "A@x.example"), ["Q1"]), (("--login", "a"), []),
            (("--since", day_before(0)), ["Q1", "Q2"]), (("--since", day_before(-1)), []),
            (("--until", day_before(0)), ["Q1", "Q2"]), (("--until", day_before(1)), []),
            (("--until", (today - datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")), []),
            (("--from", "a@x.example", "--to", "@nowhere.example"), [])):
        cases.same("list " + " ".join(words), expected, queue_ids(*words))
    entry = daemon.listed()[0]
    cases.same("an entry", ("a@x.example", ["b@y.example", "c@z.example"], "2001:db8::1",
                            "a@x.example", os.path.getsize(entry["path"]), daemon.files()[0]),
               tuple(entry[key] for key in ("from", "to", "client", "login", "size", "path")))
    table = daemon.command("list")
    cases.same("as text, three lines each", (0, 9, True),
               (table[0], len(table[1]), table[1][0].startswith("TIME")))
    cases.same("... none too long but the file's", [],
               [line for n, line in enumerate(table[1]) if len(line) > 80 and n % 3 < 2])
    cases.same("... sender and recipients", "    <a@x.example> -> b@y.example, c@z.example",
               table[1][4])
    cases.same("... the file alone", ["    " + name for name in daemon.files()], table[1][5::3])
    cases.same("... with the null sender", True, table[1][7].startswith("    <> -> "))
    for words in (("list", "--since", "yesterday"), ("nothing",), (), ("list", "x"),
                  ("verify", "--from", "a@x.example")):
        cases.same("usage: " + " ".join(words), 64, daemon.command(*words)[0])
    spellings(cases, program)
    verification(cases, daemon)


# How alice@example.com can be spelt, and what the MTA makes of it
SPELLINGS = [
    ("<alice@example.com>", "alice@example.com"), ("<ALICE@Example.COM>", "alice@example.com"),
    ("alice@example.com", "alice@example.com"), ("<alice@example.com.>", "alice@example.com"),
    ('<"alice"@example.com>', "alice@example.com"), ("<al\\ice@example.com>", "alice@example.com"),
    ("<@remote.example:alice@example.com>", "alice@example.com"),
    ("<alice%example.com@localhost>", "alice@example.com"),
    ("<example.com!alice>", "alice@example.com"), ("<alice(comment)@example.com>", "alice@example.com"),
    ('<"alice@example.com"@mx.example.com>', "alice@example.com"), ("<alice>", "alice"),
    ("<alice@ example.com>", "alice@example.com"), ("<alice@EXAMPLE.com >", "alice@example.com"),
    ("<alice+list@example.com>", "alice+list@example.com")]


def spellings(cases, program):
    """Whoever looks for the mail of a sender finds it, however that was spelt."""
    daemon = Archive(program, {"domains/example.com.ini": ""},
                     more="[auth]\nrealm = example.com\n").start()
    with Session(daemon) as session:
        for number, (path, reading) in enumerate(SPELLINGS):
            session.milter.mail(path, macros={"{mail_addr}": reading, "{mail_mailer}": "local",
                                              "{auth_authen}": "alice", "{auth_type}": "PLAIN"})
            session.milter.rcpt("<b@y.example>", macros={"{rcpt_addr}": "b@y.example"})
            session.milter.data(macros={"i": str(number)})
            cases.same(f"a copy of mail from {path}", "continue", session.content())
        session.message(sender="alice@example.net", queue="other",
                        rcpts=("@a.example:bob@y.example", '"bob"@y.example', "bob+x@y.example"))

    def found(*words):
        return {entry["queue_id"] for entry in daemon.listed(*words)}
    all_of_them = {str(number) for number in range(len(SPELLINGS))}
    for words in ("alice@example.com", "Alice@EXAMPLE.com.", "<alice@example.com>",
                  '"alice"@example.com', "@example.com"):
        cases.same(f"list --from {words} finds every spelling", all_of_them,
                   found("--from", words))
    cases.same("... with a tag that alone", {str(len(SPELLINGS) - 1)},
               found("--from", "alice+list@example.com"))
    cases.same("... as it was sent, that alone", {"7"},
               found("--from", "alice%example.com@localhost"))
    cases.same("list --to, too", {"other"}, found("--to", "bob@y.example"))
    odd = [path for path in daemon.files() if b"\nX-Authgate-Sender: alice@example.com\n"
           in read(path)]
    cases.same("what the address comes to stands there where it is not plain to see", 8, len(odd))
    cases.same("... and all copies are whole", 0, daemon.command("verify")[0])


def verification(cases, daemon):
    cases.same("verify", (0, ["2 copies, 0 damaged"]), daemon.command("verify"))
    first, second = daemon.files()
    moved = first.replace("/new/", "/cur/") + ":2,S"
    os.rename(first, moved)
    cases.same("... what a mail reader has moved", (0, ["2 copies, 0 damaged"]),
               daemon.command("verify"))
    cases.same("... is listed too", 2, len(daemon.listed()))
    whole = read(second)
    for name, data, words in (
            ("cut", whole[:-1], "bytes are missing"),
            ("empty", b"", "bytes are missing"),
            ("longer", whole + b"x", "there are more bytes than were written"),
            ("changed", whole[:-2] + b"X\n", "its content is not what was written")):
        with open(second, "wb") as file:
            file.write(data)
        cases.same(f"verify: {name}", (1, [f"{second}: {words}", "2 copies, 1 damaged"]),
                   daemon.command("verify"))
    with open(second, "wb") as file:
        file.write(b"Subject: x\n\n")
    cases.same("list: without our lines", 1, daemon.command("list")[0])
    with open(second, "wb") as file:
        file.write(whole)
    daemon.configure(enabled="no")
    cases.same("what was kept is found when it is switched off", (0, ["2 copies, 0 damaged"]),
               daemon.command("verify"))
    shutil.rmtree(daemon.dir)
    cases.same("off, and no directory: nothing", (0, ["0 copies, 0 damaged"]),
               daemon.command("verify"))
    daemon.configure()
    cases.same("on, and no directory: an error", 74, daemon.command("verify")[0])


if __name__ == "__main__":
    sys.exit(run_parts(PARTS, __doc__, sys.argv[1:]))
