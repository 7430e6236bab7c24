"""The MTA's side of the milter protocol, version 6, as Postfix and Sendmail speak it.

A Milter is one connection. What was negotiated is honoured: a command that the milter asked not
to be told is not sent, a reply that it asked not to give is not waited for, and of the macros
only those that it asked for go out. Every wait has a limit.

The letters and bits are those of libmilter's mfdef.h.
"""

import os
import select
import socket
import struct
import sys
import time

from cases import PATIENCE
from process import Failure

# Actions and steps, as far as they matter here.
ADD_HEADERS, CHANGE_HEADERS, SETSYMLIST = 0x01, 0x10, 0x100
ALL_ACTIONS = 0x1FF

NO_CONNECT, NO_HELO, NO_MAIL, NO_RCPT = 0x01, 0x02, 0x04, 0x08
NO_BODY, NO_HEADERS, NO_EOH, NR_HEADER = 0x10, 0x20, 0x40, 0x80
NO_UNKNOWN, NO_DATA, SKIP, RCPT_REJ = 0x100, 0x200, 0x400, 0x800
NR_CONNECT, NR_HELO, NR_MAIL, NR_RCPT = 0x1000, 0x2000, 0x4000, 0x8000
NR_DATA, NR_UNKNOWN, NR_EOH, NR_BODY = 0x10000, 0x20000, 0x40000, 0x80000
ALL_STEPS = 0x1FFFFF

# command: (not to be sent, no reply, number of the macros' stage)
COMMANDS = {
    b"C": (NO_CONNECT, NR_CONNECT, 0),
    b"H": (NO_HELO, NR_HELO, 1),
    b"M": (NO_MAIL, NR_MAIL, 2),
    b"R": (NO_RCPT, NR_RCPT, 3),
    b"T": (NO_DATA, NR_DATA, 4),
    b"E": (0, 0, 5),
    b"N": (NO_EOH, NR_EOH, 6),
    b"L": (NO_HEADERS, NR_HEADER, None),
    b"B": (NO_BODY, NR_BODY, None),
    b"U": (NO_UNKNOWN, NR_UNKNOWN, None),
}
STAGE_NAMES = ("connect", "helo", "mail", "rcpt", "data", "eom", "eoh")

# What the answer is where there is none.
SILENT = "silent"        # no reply was to be waited for
NOT_SENT = "not sent"    # the milter asked not to be told

ANSWERS = {b"c": "continue", b"t": "tempfail", b"r": "reject", b"a": "accept", b"d": "discard",
           b"s": "skip", b"4": "shutdown", b"f": "connection failure"}
PROGRESS = b"p"
CHANGE_HEADER, INSERT_HEADER = b"m", b"i"


class Closed(Failure):
    """The milter hung up."""


def to_bytes(text):
    """Latin 1: every byte can be written in a string."""
    return text if isinstance(text, bytes) else text.encode("latin-1")


def strings(items):
    return b"".join(to_bytes(item) + b"\0" for item in items)


def read_text(raw):
    """A reply's words as an MTA shows them: the text is a format, "%%" stands for "%"."""
    text = raw.rstrip(b"\0").decode("latin-1")
    if "%" in text.replace("%%", ""):
        # Sendmail drops such a text, Postfix drops the sign
        raise Failure(f"a single % in the reply {text!r}")
    return text.replace("%%", "%")


def read_symbols(raw):
    """The macros asked for: {stage: [name, ...]}."""
    asked = {}
    while raw:
        stage, = struct.unpack(">I", raw[:4])
        names, _, raw = raw[4:].partition(b"\0")
        asked[STAGE_NAMES[stage]] = names.decode().replace(",", " ").split()
    return asked


class Milter:
    """One connection. address is a path, or a pair of host and port.

    macros says which of the macros given with a command are sent: "asked", those that the milter
    asked for (all where it did not ask for a stage); "all"; "empty", a packet without any; "none",
    no packet.
    """

    def __init__(self, address, macros="asked", seconds=PATIENCE, negotiate=True, **offer):
        self.macros = macros
        self.seconds = seconds
        self.actions = self.steps = 0
        self.version = 0
        self.asked = {}
        self.changes = []
        self.is_last = False
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(seconds)
        try:
            self.socket.connect(address)
            if negotiate:
                self.negotiate(**offer)
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.hang_up()

    def hang_up(self):
        self.socket.close()

    # ---- packets ----

    def send_raw(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed(str(error)) from error
        except socket.timeout as error:
            raise Failure("the milter takes no more bytes") from error

    def send(self, command, data=b""):
        self.send_raw(struct.pack(">I", len(data) + 1) + command + data)
        if self.is_last and command != b"D":
            self.socket.shutdown(socket.SHUT_WR)

    def last(self):
        """The next command is the last one: where no reply comes to it, the milter hangs up, and
        how long it takes does not matter."""
        self.is_last = True
        return self

    def read_exactly(self, count, end):
        data = b""
        while len(data) < count:
            self.socket.settimeout(max(end - time.monotonic(), 0.001))
            try:
                piece = self.socket.recv(count - len(data))
            except socket.timeout as error:
                raise Failure(f"no reply within {self.seconds} s") from error
            except ConnectionResetError as error:
                raise Closed(str(error)) from error
            if not piece:
                raise Closed("the milter hung up")
            data += piece
        return data

    def receive(self):
        end = time.monotonic() + self.seconds
        try:
            length, = struct.unpack(">I", self.read_exactly(4, end))
            if not 0 < length < 100000:
                raise Failure(f"a reply of {length} bytes")
            data = self.read_exactly(length, end)
        finally:
            self.socket.settimeout(self.seconds)
        return data[:1], data[1:]

    def is_quiet(self, seconds=0.0):
        """Whether nothing has come that nobody waited for."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return not poll.poll(seconds * 1000)

    # ---- negotiation ----

    def negotiate(self, actions=ALL_ACTIONS, steps=ALL_STEPS, version=6):
        self.send(b"O", struct.pack(">III", version, actions, steps))
        letter, data = self.receive()
        if letter != b"O" or len(data) < 12:
            raise Failure(f"answer {letter!r} {data!r} to the negotiation")
        self.version, self.actions, self.steps = struct.unpack(">III", data[:12])
        self.asked = read_symbols(data[12:])
        if self.actions & ~actions or self.steps & ~steps:
            raise Failure(f"wants {self.actions:#x} {self.steps:#x}, "
                          f"was offered {actions:#x} {steps:#x}")

    # ---- commands ----

    def send_macros(self, command, macros):
        stage = COMMANDS[command][2]
        if self.macros == "none" or stage is None:
            return
        names = self.asked.get(STAGE_NAMES[stage])
        if self.macros == "empty":
            macros = {}
        elif self.macros == "asked" and names is not None:
            macros = {name: macros[name] for name in names if name in macros}
        # both MTAs send the packet when it is empty, and for commands that they do not send
        self.send(b"D", command + strings(part for pair in macros.items() for part in pair))

    def command(self, letter, data=b"", macros=None):
        not_sent, no_reply, _ = COMMANDS[letter]
        if not self.is_quiet():
            raise Failure(f"before {letter!r} came what nobody waited for: {self.receive()!r}")
        self.send_macros(letter, macros or {})
        if self.steps & not_sent:
            return NOT_SENT
        self.send(letter, data)
        return SILENT if self.steps & no_reply else self.answer()

    def answer(self):
        """continue, tempfail, reject, ... or "CODE STATUS TEXT"."""
        letter, data = self.receive()
        while letter in (PROGRESS, CHANGE_HEADER, INSERT_HEADER):
            if letter != PROGRESS:
                self.keep_change(letter, data)
            letter, data = self.receive()
        if letter == b"y":
            return read_text(data)
        if letter not in ANSWERS or data:
            raise Failure(f"reply {letter!r} {data!r}")
        return ANSWERS[letter]

    def keep_change(self, letter, data):
        """To .changes: ("change" or "insert", number, name, value)."""
        if not self.actions & (CHANGE_HEADERS if letter == CHANGE_HEADER else ADD_HEADERS):
            raise Failure(f"changes the header without leave: {data!r}")
        number, = struct.unpack(">I", data[:4])
        name, value = data[4:].rstrip(b"\0").decode("latin-1").partition("\0")[::2]
        self.changes.append(("change" if letter == CHANGE_HEADER else "insert", number, name,
                             value))

    def connect(self, name="host.example", family="4", port=40000, address="192.0.2.1",
                macros=None):
        data = to_bytes(name) + b"\0" + to_bytes(family)
        if family != "U":
            data += struct.pack(">H", port) + to_bytes(address) + b"\0"
        return self.command(b"C", data, macros)

    def helo(self, name="host.example", macros=None):
        return self.command(b"H", strings([name]), macros)

    def mail(self, *arguments, macros=None):
        return self.command(b"M", strings(arguments), macros)

    def rcpt(self, *arguments, macros=None):
        return self.command(b"R", strings(arguments), macros)

    def data(self, macros=None):
        return self.command(b"T", b"", macros)

    def header(self, name, value):
        return self.command(b"L", strings([name, value]))

    def eoh(self, macros=None):
        return self.command(b"N", b"", macros)

    def body(self, data):
        return self.command(b"B", to_bytes(data))

    def eom(self, macros=None):
        return self.command(b"E", b"", macros)

    def unknown(self, line):
        return self.command(b"U", strings([line]))

    def abort(self):
        self.send(b"A")

    def content(self, macros=None):
        """DATA, a small message and its end: the answers, first refusal last."""
        steps = (lambda: self.data(macros), lambda: self.header("From", "x@example.com"),
                 lambda: self.eoh(macros), lambda: self.body("Hello\r\n"),
                 lambda: self.eom(macros))
        answers = []
        for step in steps:
            answers.append(step())
            if answers[-1] not in (SILENT, NOT_SENT, "continue"):
                break
        return answers

    def quit(self):
        """Ends the connection; the milter may say nothing more."""
        self.send(b"Q")
        end = time.monotonic() + self.seconds
        try:
            rest = self.read_exactly(1, end)
        except Closed:
            return
        finally:
            self.hang_up()
        raise Failure(f"after QUIT came {rest!r}")

    def quit_nc(self):
        """Ends the session; a new one begins on the same connection with CONNECT."""
        self.send(b"K")
