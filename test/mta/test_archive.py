#!/usr/bin/python3
"""Copies of mail that real MTAs hand over, compared byte for byte with what they deliver.

usage: test_archive.py --authgate PATH [--only WORD] [--packages FOLDER]

First with Postfix, which delivers each message into a file, then with Sendmail, in whose queue it
stays. One line a message; status 0 when all are ok, 77 when this cannot run here.
"""

import contextlib
import glob
import itertools
import json
import os
import re
import signal
import smtplib
import subprocess
import sys
import threading

sys.dont_write_bytecode = True    # root's files have no business in a checkout
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../driver"))
import process  # noqa: E402
import script  # noqa: E402
import sendmail  # noqa: E402
from postfix import Authgate, Client, Postfix, reply_text  # noqa: E402
from process import Failure, PATIENCE, wait_for  # noqa: E402
from sendmail import Door  # noqa: E402
from test_postfix import end_complaints  # noqa: E402


STRANGER = "192.0.2.1"
SENDER, RCPT = "x@remote.example", "bob@example.com"
CANNOT = "451 4.3.0 Cannot keep a copy of this now, please try again later"

INI = """[auth]
results_header = yes
[archive]
enabled = yes
dir = {dir}
min_free = {free}
on_error = {on_error}
"""

# The lines that authgate puts in front of the copy.
FRONT = 5

HEADER = b"From: x@remote.example\r\nSubject: test\r\n"
LINES = b"".join(b"line %d \xe4\xf6\xfc\r\n" % number for number in range(1000))

# (name, the message as it goes over the wire, before dots are doubled)
MESSAGES = [
    ("one byte", HEADER + b"\r\nx\r\n"),
    ("no body", HEADER + b"\r\n"),
    ("no body and no empty line", HEADER),
    ("no header", b"\r\nHello\r\n"),
    ("a body from the first line on", b"Hello there\r\nthis is it\r\n"),
    ("8 bits", HEADER + b"X-Name: J\xf6rg \xe2\x82\xac\r\n\r\n" + LINES),
    ("lines of 998, 999, 2,047 to 2,049 and 100,000 bytes", HEADER + b"\r\n" + b"\r\n".join(
        b"x" * n for n in (998, 999, 2046, 2047, 2048, 2049, 100000)) + b"\r\n"),
    ("a long header line", HEADER + b"X-Long: " + b"y" * 1500 + b"\r\n\r\nx\r\n"),
    ("folded and odd header lines", b"From: x@remote.example\r\nSubject:no blank\r\n"
     b"X-Two:  two\r\nX-Tab:\ttab\r\nX-Trailing: x  \r\nX-Fold: a\r\n\tb\r\n   c\r\n"
     b"X-Empty:\r\nX-Blank: \r\nx-UPPER: x\r\nSubject: once more\r\n\r\nx\r\n"),
    ("dots", HEADER + b"\r\n.\r\n..\r\n.x\r\n...\r\n"),
    ("NUL", HEADER + b"\r\na\0b\0\0\r\n\0\r\nend\r\n"),
    ("a bare CR", HEADER + b"\r\na\rb\r\r\nc\r\n"),
    ("a bare LF", HEADER + b"\r\na\nb\n\nc\r\n"),
    ("empty lines", HEADER + b"\r\n\r\n\r\nx\r\n\r\n\r\n"),
    ("1,000 fields", HEADER + b"".join(b"X-F%d: %d\r\n" % (n, n) for n in range(1000)) +
     b"\r\nx\r\n"),
    ("lines like ours", HEADER + b"X-Authgate-Login: root\r\nX-Authgate-Recipients: a@b\r\n"
     b"\r\nReturn-Path: <y>\r\n"),
    ("a megabyte", HEADER + b"\r\n" + LINES * 60),
    ("50 megabytes", HEADER + b"\r\n" + (b"z" * 76 + b"\r\n") * (50 * 1024 * 1024 // 78)),
]

# The copy has what came, what is delivered has what authgate put in its place.
FORGED = b"Authentication-Results: mx.example.com; auth=pass smtp.auth=root\r\n"
RESULTS = (b"Authentication-Results: mx.example.com; auth=pass"
           b" smtp.auth=alice@example.com smtp.mailfrom=alice@example.com\n")

# Sendmail hangs up on these.
REFUSED_BY_SENDMAIL = ("a bare CR", "a bare LF")

HUNDRED = [f"user{number}@example.com" for number in range(100)]


# ---------------------------------------------------------------- a client

def dots_doubled(text):
    return re.sub(rb"(?m)^\.", b"..", text)


def send_content(client, text):
    """The answer; nothing is changed but that dots are doubled."""
    answer = client.say("DATA")
    if answer[:3] != "354":
        return answer
    client.smtp.sock.sendall(dots_doubled(text) + b".\r\n")
    return reply_text(client.smtp.getreply())


def send(client, text, rcpts=(RCPT,), sender=SENDER):
    answers = [client.say(f"MAIL FROM:<{sender}> BODY=8BITMIME")]
    answers += [client.say(f"RCPT TO:<{rcpt}>") for rcpt in rcpts]
    bad = [answer for answer in answers if answer[:3] != "250"]
    return bad[0] if bad else send_content(client, text)


def queue_id(answer):
    """Of "250 2.0.0 Ok: queued as 4XYZ" or "250 2.0.0 52B... Message accepted for delivery"."""
    found = re.match(r"250 2\.0\.0 (?:Ok: queued as )?(\w+)", answer)
    if not found:
        raise Failure(f"not taken: {answer}")
    return found[1]


# ---------------------------------------------------------------- messages and copies

def read(path):
    with open(path, "rb") as file:
        return file.read()


def lines_of_header(text):
    """Whole fields, and the rest with its empty line."""
    fields = []
    position = 0
    for line in text.splitlines(keepends=True):
        if not re.match(rb"[!-9;-~]+[ \t]*:|[ \t]+\S", line):
            break
        if line[:1] in b" \t" and fields:
            fields[-1] += line
        else:
            fields.append(line)
        position += len(line)
    return fields, text[position:]


def name_of(field):
    return field.split(b":")[0].strip().lower()


def without_added(fields, text, copied):
    """Those that the MTA has not added to the message, or shown to the milter then."""
    known = {name_of(field) for field in lines_of_header(text)[0] + copied}
    return [field for field in fields if name_of(field) in known]


class Archive:
    """An authgate that keeps copies, and what it kept."""

    def __init__(self, stack, kind, binary, folder):
        self.binary, self.folder = binary, folder
        self.dir = os.path.join(folder, "archive")
        self.authgate = stack.enter_context(kind(binary, folder, {"authgate.ini": self.ini()}))

    def ini(self, free="1M", on_error="tempfail"):
        return INI.format(dir=self.dir, free=free, on_error=on_error)

    def configure(self, **values):
        self.authgate.files = {"authgate.ini": self.ini(**values)}
        mark = len(self.authgate.lines)
        self.authgate.write_files()
        os.kill(self.authgate.process.pid, signal.SIGHUP)
        if not wait_for(lambda: any("is in force" in line
                                      for line in self.authgate.lines[mark:])):
            raise Failure("no reload")

    def command(self, *words):
        return subprocess.run([self.binary, "archive", "-c", self.authgate.config(), *words],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=PATIENCE, check=False)

    def listed(self, *words):
        return [json.loads(line) for line in self.command("list", "--json", *words).stdout
                .splitlines()]

    def of(self, queue):
        found = [each for each in self.listed() if each["queue_id"] == queue]
        if len(found) != 1:
            raise Failure(f"{len(found)} copies with the queue id {queue}")
        return found[0]

    def content(self, queue):
        """Header fields without those in front, and the rest."""
        fields, rest = lines_of_header(read(self.of(queue)["path"]))
        return fields[FRONT:], rest

    def rest(self):
        return glob.glob(os.path.join(self.dir, "*/tmp/*"))


# ---------------------------------------------------------------- what the MTAs made of it

def delivered_by_postfix(postfix, queue):
    """The message that the script put into a file, without the envelope's lines."""
    def find():
        found = glob.glob(f"{postfix.folder}/mail/{queue}.*")
        return found[0] if found else None
    path = wait_for(find)
    if not path:
        raise Failure(f"{queue} is not delivered\n{postfix.log[-2000:]}")
    return re.sub(rb"\A(Envelope-[^\n]*\n)+", b"", read(path))


def content_by_postfix(postfix, queue):
    return lines_of_header(delivered_by_postfix(postfix, queue))


def content_by_sendmail(server, queue):
    """The fields of the queue file, and the body's file behind an empty line. A byte 0xff stands
    in front of some others there."""
    control = read(f"{server.folder}/queue/qf{queue}").replace(b"\xff", b"")
    fields = [field[field.index(b"?", 2) + 1:] for field in
              re.findall(rb"(?m)^H.*\n(?:[ \t].*\n)*", control)]
    return fields, b"\n" + read(f"{server.folder}/queue/df{queue}")


def difference(expected, got):
    """Where two contents part, in words. An MTA does not tell whether an empty line ends a message
    without a body; the copy has it."""
    (fields, rest), (own_fields, own_rest) = expected, got
    for mine, theirs in zip(own_fields + [b"(none)"], fields + [b"(none)"]):
        if mine != theirs:
            return [f"field: the MTA has {theirs[:200]!r}, the copy {mine[:200]!r}"]
    if rest == own_rest or (rest, own_rest) == (b"", b"\n"):
        return []
    at = next((i for i, (a, b) in enumerate(zip(rest, own_rest)) if a != b),
              min(len(rest), len(own_rest)))
    return [f"{len(rest)} and {len(own_rest)} bytes; from {at} on the MTA has "
            f"{rest[at:at + 60]!r}, the copy {own_rest[at:at + 60]!r}"]


# ---------------------------------------------------------------- what is asked of both

class Run:
    def __init__(self, name, report, only, archive, connect, content):
        self.name, self.report, self.only = name, report, only
        self.archive, self.connect, self.content = archive, connect, content

    def line(self, name, check):
        """check gives what is wrong."""
        name = f"{self.name}: {name}"
        if self.only not in name:
            return
        try:
            wrong = check()
        except (Failure, OSError) as error:
            wrong = str(error).splitlines()
        self.report.line(name, wrong)

    def one(self, client, text):
        queue = queue_id(send(client, text))
        fields, rest = self.content(queue)
        copied = self.archive.content(queue)
        return difference((without_added(fields, text, copied[0]), rest), copied)

    def refused(self, text):
        """By the MTA: there is no copy."""
        before = len(self.archive.listed())
        with contextlib.closing(self.connect()) as client:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                answer = send(client, text)
                if answer[:3] == "250":
                    return [answer]
        wait_for(lambda: not self.archive.rest())
        return self.archive.rest() + ["kept"] * (len(self.archive.listed()) - before)

    def messages(self):
        with contextlib.closing(self.connect()) as client:    # all on one connection
            for name, text in MESSAGES:
                if self.name == "Sendmail" and name in REFUSED_BY_SENDMAIL:
                    self.line(f"{name}, refused", lambda text=text: self.refused(text))
                else:
                    self.line(name, lambda text=text: self.one(client, text))

    def hundred(self):
        with contextlib.closing(self.connect()) as client:
            entry = self.archive.of(queue_id(send(client, HEADER + b"\r\nx\r\n", HUNDRED)))
        return [] if sorted(entry["to"]) == sorted(HUNDRED) else [str(entry["to"])]

    def envelope(self):
        with contextlib.closing(self.connect()) as client:
            client.login("PLAIN", "alice")
            client.say("MAIL FROM:<alice@example.com>")
            client.say(f"RCPT TO:<{Postfix.REFUSED}>")
            client.say(f"RCPT TO:<{RCPT}>")
            queue = queue_id(send_content(client, FORGED + HEADER + b"\r\nx\r\n"))
            entry = self.archive.of(queue)
        results = [[field for field in fields if name_of(field) == b"authentication-results"]
                   for fields in (self.content(queue)[0], self.archive.content(queue)[0])]
        if results != [[RESULTS], [FORGED.replace(b"\r\n", b"\n")]]:
            return [f"delivered {results[0]}, copied {results[1]}"]
        got = [entry[key] for key in ("from", "to", "login", "client")]
        expected = ["alice@example.com", [RCPT], "alice@example.com", STRANGER]
        return [] if got == expected else [f"{got}"]

    def full(self):
        wrong = []
        self.archive.configure(free="900000G")
        with contextlib.closing(self.connect()) as client:
            answer = send(client, HEADER + b"\r\nx\r\n")
            wrong += [answer] if answer != CANNOT else []
            self.archive.configure(free="900000G", on_error="accept")
            answer = send(client, HEADER + b"\r\nx\r\n")
            wrong += [answer] if answer[:3] != "250" else []
        self.archive.configure()
        return wrong

    def gone(self):
        """The client is gone in the middle of a message."""
        client = self.connect()
        for command in (f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{RCPT}>", "DATA"):
            client.say(command)
        client.smtp.sock.sendall(HEADER + b"\r\n" + LINES * 20)
        client.smtp.close()
        wait_for(lambda: not self.archive.rest())
        return self.archive.rest()

    def verified(self):
        done = self.archive.command("verify")
        return [] if done.returncode == 0 else done.stdout.splitlines()

    def all(self):
        self.messages()
        self.line("100 recipients", self.hundred)
        self.line("login, client, results; not a recipient that the MTA refuses", self.envelope)
        self.line("less than min_free", self.full)
        self.line("a client that is gone", self.gone)
        self.line("verify", self.verified)


# ---------------------------------------------------------------- kill -9

def send_until_refused(run, number, taken):
    with contextlib.suppress(Failure, OSError, smtplib.SMTPException), \
            contextlib.closing(run.connect()) as client:
        for count in itertools.count():
            name = f"{number}.{count}"
            answer = send(client, HEADER + f"X-Number: {name}\r\n\r\nx\r\n".encode() + LINES)
            if answer[:3] != "250":
                return
            taken.append(name)


def killed(run):
    """Whatever the client was told 250 for has a copy."""
    taken = []
    threads = [threading.Thread(target=send_until_refused, args=(run, number, taken))
               for number in range(4)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(taken) >= 200)
    run.archive.authgate.process.kill()
    for thread in threads:
        thread.join()
    kept = {number.decode() for path in glob.glob(f"{run.archive.dir}/*/new/*")
            for number in re.findall(rb"(?m)^X-Number: ([\d.]+)$", read(path))}
    wrong = [f"no copy of {name}" for name in sorted(set(taken) - kept)]
    if len(taken) < 200:
        wrong.append(f"{len(taken)} messages were taken")
    authgate = run.archive.authgate
    lines = len(authgate.lines)
    authgate.start()
    # it listens before it tidies up, and serves afterwards
    wait_for(lambda: any("is in force" in line for line in authgate.lines[lines:]))
    return wrong + [f"left: {path}" for path in run.archive.rest()]


# ---------------------------------------------------------------- all of it

def run_postfix(binary, only, report):
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(process.scratch_folder())
        archive = Archive(stack, Authgate, binary, folder)
        postfix = stack.enter_context(Postfix(folder, archive.authgate.milter,
                                              more="message_size_limit = 0\n"))
        run = Run("Postfix", report, only, archive,
                  lambda: Client(postfix.open_port, STRANGER),
                  lambda queue: content_by_postfix(postfix, queue))
        run.all()
        run.line("kill -9", lambda: killed(run))
        run.line("verify again", run.verified)
        report.line("Postfix: the end of authgate", end_complaints(archive.authgate))


def run_sendmail(binary, only, report, downloads):
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(process.scratch_folder())
        packages = sendmail.Packages(folder, downloads)
        sendmail.private_network([STRANGER])
        archive = Archive(stack, sendmail.Authgate, binary, folder)
        doors = {"open": Door(25, "MTA")}
        server = stack.enter_context(sendmail.Sendmail(
            packages, folder, archive.authgate.milter, doors, ["example.com"]))
        run = Run("Sendmail", report, only, archive,
                  lambda: sendmail.Client(doors["open"], STRANGER),
                  lambda queue: content_by_sendmail(server, queue))
        run.all()
        report.line("Sendmail: the end of authgate", end_complaints(archive.authgate))


def run_all(arguments, report):
    """Gives back why Sendmail could not be asked, or nothing."""
    binary = os.path.abspath(arguments.authgate)
    run_postfix(binary, arguments.only, report)
    try:
        run_sendmail(binary, arguments.only, report, arguments.packages)
    except sendmail.Unavailable as reason:
        return reason
    return None


if __name__ == "__main__":
    sys.exit(script.run(__doc__, ["only", "packages"], run_all))
