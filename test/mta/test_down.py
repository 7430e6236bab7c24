#!/usr/bin/python3
"""What clients of a real Postfix and a real Sendmail are told while authgate is down.

usage: test_down.py --authgate PATH [--packages FOLDER]

authgate is stopped, killed and made to hang while clients are at each stage, and each client goes
on: once for each thing that an MTA can be told to do then. EXPECTED is the table of answers; the
manual has the same in plain words. One line an answer; status 0 when all are ok, 77 when this
cannot run here, or not with Sendmail.

One authgate serves all clients, and the MTA has a door for each default action: so the clients
wait for their answers together, and an authgate that hangs costs one timeout and not thirty.
"""

import os
import re
import signal
import smtplib
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

sys.dont_write_bytecode = True    # root's files have no business in a checkout
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../driver"))
import process  # noqa: E402
import script  # noqa: E402
import sendmail  # noqa: E402
import test_postfix as model  # noqa: E402
from postfix import Authgate, Postfix, reply_text  # noqa: E402
from process import Failure  # noqa: E402
from sendmail import Door, Sendmail  # noqa: E402
from test_postfix import ALICE, BOB, REMOTE  # noqa: E402

TIMEOUT = 10           # how long the MTA waits for authgate, in seconds

# Nobody is trusted, so that a client may come from loopback.
CONFIGURATION = {
    "authgate.ini": "[relay]\nallow =\n\n"
                    "[rules]\nlocal_sender_auth = enforce\noutgoing_auth = enforce\n",
    "domains/example.com.ini": "",
}
TEXT = "From: x@remote.example\r\nSubject: down\r\n\r\nHello.\r\n.\r\n"

# What authgate says to the forger when it is there.
FORGED = f"RCPT 550 5.1.1 <{REMOTE}>: Recipient address rejected: User unknown"

# ---------------------------------------------------------------- the table

POSTFIX_4 = "451 4.7.1 Service unavailable - try again later"
POSTFIX_5 = "550 5.5.0 Service unavailable"
POSTFIX_421 = "421 4.7.1 Service unavailable - try again later"
SENDMAIL_4 = "451 4.3.2 Please try again later"
SENDMAIL_5 = "550 5.7.1 <{address}>... Command rejected"
TAKEN, HELD, CLOSED = "taken", "held", "closed"


@dataclass
class Row:
    """What a client is told that connects; at MAIL or RCPT; at the end of a message; and at a
    later message on the same connection, when authgate is back."""
    connect: str
    command: str
    end: str
    later: str


# By MTA and default action. It makes no difference whether authgate was stopped, killed or hangs.
EXPECTED = {
    ("postfix", "tempfail"): Row(f"MAIL {POSTFIX_4}", POSTFIX_4, POSTFIX_4, POSTFIX_4),
    ("postfix", "reject"): Row("greeting 554 mx.example.com ESMTP not accepting connections",
                               POSTFIX_5, POSTFIX_5, POSTFIX_5),
    ("postfix", "shutdown"): Row("greeting 421 mx.example.com Service unavailable - try again "
                               "later", POSTFIX_421, POSTFIX_421, CLOSED),
    ("postfix", "quarantine"): Row(HELD, HELD, HELD, HELD),
    ("postfix", "accept"): Row(TAKEN, TAKEN, TAKEN, TAKEN),
    ("sendmail", "F=T"): Row(f"MAIL {SENDMAIL_4}", SENDMAIL_4, SENDMAIL_4, SENDMAIL_4),
    ("sendmail", "F=R"): Row("greeting 554 mx.example.com ESMTP not accepting messages",
                             SENDMAIL_5, "554 5.7.1 Command rejected", SENDMAIL_5),
    ("sendmail", "F=4"): Row("greeting 421 4.7.0 mx.example.com closing connection",
                             "421 4.3.0 closing connection",
                             "421 4.7.0 mx.example.com closing connection", CLOSED),
    ("sendmail", "no F"): Row(TAKEN, TAKEN, TAKEN, TAKEN),
}


def expected(name, action, stage, delay_reject, put_down):
    """What one visitor is told, as Visitor.told has it."""
    row = EXPECTED[name, action]
    if stage == "new":
        # Sendmail puts the address in front of a 550.
        return [FORGED if name == "postfix" else FORGED.replace("<", f"<{REMOTE}>... <", 1)]
    later = told_at("MAIL", row.later)
    if stage == "connect":
        if (name, action) == ("sendmail", "F=R"):
            later = "MAIL 550 5.0.0 Command rejected"
        return [row.connect, later]
    if stage == "end":
        # There cleanup(8) has asked, and smtpd(8) does not know yet.
        late = name == "postfix" and delay_reject and row.later != CLOSED
        now = row.end if row.end in (TAKEN, HELD) else f"end {row.end}"
        return [now, told_at("RCPT" if late else "MAIL", row.later)]
    if stage == "mail" and not (delay_reject and waits_for_no_answer(name, put_down)):
        return [told_at("MAIL", row.command), later]
    return [told_at("RCPT", row.command), later]


def waits_for_no_answer(name, put_down):
    """With delay_reject = yes the MTA is told that there will be no answer to MAIL, and hears at
    RCPT that nobody is there. Sendmail sees at MAIL already that a connection was closed."""
    return name == "postfix" or put_down is hang


def told_at(command, answer):
    if answer in (TAKEN, HELD):
        return answer
    return f"{command} {answer.format(address=ALICE if command == 'MAIL' else REMOTE)}"


# ---------------------------------------------------------------- the MTAs

def knows_shutdown():
    """Postfix has it from 3.10 on, as its default."""
    version = process.run("postconf", "-dh", "mail_version").split(".")
    return tuple(map(int, version[:2])) >= (3, 10)


class DownPostfix(Postfix):
    """A Postfix with one more door for each default action."""

    NAME = "postfix"
    ACTIONS = ("tempfail", "reject", "shutdown", "quarantine", "accept")

    def __init__(self, folder, milter):
        super().__init__(folder, milter)
        if not knows_shutdown():
            self.ACTIONS = tuple(each for each in self.ACTIONS if each != "shutdown")
        self.ports = dict(zip(self.ACTIONS, process.free_ports(len(self.ACTIONS))))

    def main_cf(self):
        return re.sub(r"(milter_\w+_timeout) = .*", rf"\1 = {TIMEOUT}s", super().main_cf())

    def doors(self):
        return super().doors() + "".join(
            f"127.0.0.1:{port} inet n - n - - smtpd\n  -o milter_default_action={action}\n"
            for action, port in self.ports.items())

    def taken(self, answer):
        """Mail in the hold queue waits for an administrator."""
        queue_id = answer.split()[-1]
        return "held" if queue_id in os.listdir(f"{self.folder}/queue/hold") else "taken"

    def complaints(self):
        """It warns of a milter that is down, as it should."""
        return [line for line in self.log.splitlines() if re.search(r"(fatal|panic):", line)]


class DownSendmail(Sendmail):
    """A Sendmail with a filter and a door for each default action, which is its F=."""

    NAME = "sendmail"
    ACTIONS = ("F=T", "F=R", "F=4", "no F")

    def __init__(self, packages, folder, milter):
        self.ports = {action: 2500 + number for number, action in enumerate(self.ACTIONS)}
        doors = {action: Door(port, f"Down{port}, InputFilter=filter{port}")
                 for action, port in self.ports.items()}
        super().__init__(packages, folder, milter, doors, ("example.com",))

    def filter(self):
        """The line that we tell administrators to write, once with each action."""
        line = super().filter().replace("INPUT_MAIL_FILTER", "MAIL_FILTER")
        line = re.sub(r"T=[^']*", f"T=C:{TIMEOUT}s;S:{TIMEOUT}s;R:{TIMEOUT}s;E:{TIMEOUT}s", line)
        return "\n".join(
            line.replace("`authgate'", f"`filter{port}'")
            .replace("F=T, ", "" if action == "no F" else f"{action}, ")
            for action, port in self.ports.items())

    def taken(self, _answer):
        return "taken"

    def complaints(self):
        return self.said.splitlines()


# ---------------------------------------------------------------- one client

class Visitor:
    """A client that is brought to a stage while authgate works, and goes on when it does not.

    Each of its messages becomes one text: at which command it was refused and how, or `taken`.
    """

    STAGES = ("connect", "mail", "rcpt", "end")

    def __init__(self, server, action, stage):
        self.server, self.action, self.stage = server, action, stage
        self.smtp = smtplib.SMTP(local_hostname="client.example",
                                 timeout=10 * process.PATIENCE)
        # Forgers, so that it shows what an action lets through; but those do not come to DATA.
        addresses = ("x@remote.example", BOB) if stage == "end" else (ALICE, REMOTE)
        self.commands = self.message(*addresses)
        self.told = []

    @staticmethod
    def message(sender, recipient):
        return [f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA", TEXT]

    def come(self):
        """To the stage, where nothing is refused yet."""
        if self.stage == "connect":
            return
        self.greeting()
        for _ in range(("mail", "rcpt", None, "end").index(self.stage)):
            command = self.commands.pop(0)
            heard = self.say(command)
            if heard[0] not in "23":
                raise Failure(f"{command}: {heard}")

    def greeting(self):
        answer = reply_text(self.smtp.connect("127.0.0.1", self.server.ports[self.action]))
        if not answer.startswith("421"):
            self.smtp.docmd("EHLO client.example")
        return answer

    def say(self, command):
        """A command, or the text of a message."""
        try:
            self.smtp.send(command if command.endswith("\n") else f"{command}\r\n")
            return reply_text(self.smtp.getreply())
        except OSError:    # every exception of smtplib is one, too
            return "closed"

    def outcome(self, commands):
        for command in commands:
            answer = self.say(command)
            if answer[0] not in "23":
                return f"{'end' if command == TEXT else command.split()[0]} {answer}"
        return self.server.taken(answer)

    def go_on(self):
        if self.stage == "connect":
            answer = self.greeting()
            if not answer.startswith("220"):
                self.told.append(f"greeting {answer}")
                return
        self.told.append(self.outcome(self.commands))

    def come_again(self):
        """With another message on the same connection."""
        self.say("RSET")
        self.told.append(self.outcome(self.message(ALICE, REMOTE)))

    def close(self):
        self.smtp.close()


# ---------------------------------------------------------------- all clients of one MTA

def stop(authgate):
    authgate.stop()


def kill(authgate):
    authgate.process.kill()
    authgate.process.wait()


def hang(authgate):
    authgate.process.send_signal(signal.SIGSTOP)
    # its threads stop one after the other; one of them might still answer
    os.waitid(os.P_PID, authgate.process.pid, os.WSTOPPED | os.WNOWAIT)


def bring_back(authgate):
    if authgate.process.poll() is None:
        authgate.process.send_signal(signal.SIGCONT)
    else:
        authgate.start()


def visit(server, authgate, put_down):
    """{(action, stage): what the client was told, and what at its next message}, and for the
    stage `new` what one is told that comes when authgate is back."""
    visitors = [Visitor(server, action, stage)
                for action in server.ACTIONS for stage in Visitor.STAGES]
    late = [Visitor(server, action, "connect") for action in server.ACTIONS]
    with ThreadPoolExecutor(len(visitors)) as pool:
        list(pool.map(Visitor.come, visitors))
        put_down(authgate)
        try:
            list(pool.map(Visitor.go_on, visitors))
        finally:
            bring_back(authgate)
        list(pool.map(Visitor.come_again, visitors))
        list(pool.map(Visitor.go_on, late))
    for each in visitors + late:
        each.close()
    told = {(each.action, each.stage): each.told for each in visitors}
    return {**told, **{(each.action, "new"): each.told for each in late}}


# ---------------------------------------------------------------- the manual

def manual_complaints():
    """The manual's table is EXPECTED: of each answer the code and the status."""
    text = model.chapter("When authgate is down", False)
    return [f"the manual lacks the row {row!r}" for row in map(manual_row, EXPECTED)
            if row not in text.splitlines()]


def manual_row(key):
    name, action = key
    first = {"postfix": f"Cm {action}", "sendmail": f"Li {action}"}[name]
    if action == "no F":
        first = "no Li F="
    row = EXPECTED[key]
    return " Ta ".join([f".It {first}", *map(in_short, (row.connect, row.command, row.end))])


def in_short(answer):
    if answer in (TAKEN, HELD):
        return {TAKEN: "not filtered", HELD: "held"}[answer]
    return re.match(r"greeting \d+|(MAIL )?\d+ \S+", answer)[0]


# ---------------------------------------------------------------- both

def try_server(make, binary, report):
    """make: (folder, milter) -> the MTA"""
    for delay_reject in (True, False):
        with process.scratch_folder() as folder:
            options = f"delay_reject = {'yes' if delay_reject else 'no'}"
            authgate = Authgate(binary, folder, CONFIGURATION, milter_options=options)
            server = make(folder, authgate.milter)
            with authgate, server:
                # To stop takes libmilter five seconds; once is enough.
                for put_down in (stop, kill, hang) if delay_reject else (kill, hang):
                    name = f"{server.NAME}, {options}, {put_down.__name__}"
                    told = visit(server, authgate, put_down)
                    compare(name, server, delay_reject, put_down, told, report)
                report.line(f"{server.NAME}, {options}: its log", server.complaints())
                report.line(f"{server.NAME}, {options}: the end of authgate",
                            model.end_complaints(authgate))


def compare(name, server, delay_reject, put_down, told, report):
    for (action, stage), heard in told.items():
        wanted = expected(server.NAME, action, stage, delay_reject, put_down)
        wrong = [] if heard == wanted else [f"expected {wanted}", f"heard    {heard}"]
        report.line(f"{name}, {action}, {stage}", wrong, " / ".join(heard))


def run_all(arguments, report):
    """Gives back why Sendmail could not be asked, or nothing."""
    report.line("the manual's table", manual_complaints())
    try_server(DownPostfix, arguments.authgate, report)
    try:
        with process.scratch_folder() as folder:
            packages = sendmail.Packages(folder, arguments.packages)
            sendmail.private_network([])
            try_server(lambda *where: DownSendmail(packages, *where), arguments.authgate, report)
    except sendmail.Unavailable as reason:
        return reason
    return None


if __name__ == "__main__":
    sys.exit(script.run(__doc__, ["packages"], run_all))
