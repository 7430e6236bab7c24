#!/usr/bin/python3
"""authgate run, asked over the milter protocol as Postfix and Sendmail ask.

usage: test_wire.py AUTHGATE [WORD]      only the parts that have WORD in their name

One line a case; status 1 when one fails.
"""

import contextlib
import grp
import json
import os
import pwd
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True    # no cache folder in a checkout
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../driver"))
import milter  # noqa: E402
from daemon import (Daemon, ENGINE, PATIENCE, is_sanitized, run_once, run_parts,  # noqa: E402
                    wait_for)
from milter import Closed, Failure, Milter, NOT_SENT, SILENT  # noqa: E402

# Clients: addresses for documentation, so that nobody real is meant.
STRANGER = "192.0.2.1"
KILLED = "203.0.113.66"
TRUSTED = "198.51.100.2"

# What the tests' configuration answers.
BLOCKED_CLIENT = f"554 5.7.1 Client {KILLED} is blocked"
AUTH_REQUIRED = "530 5.7.0 Authentication required"
BLOCKED_LOGIN = "554 5.7.1 Login mallory@example.com is blocked"
BAD_SENDER = "501 5.1.7 Bad sender address syntax"
BLOCKED_SENDER = "554 5.7.1 <spam@bad.example>: Sender address is blocked"
MECHANISM = "534 5.7.9 Authentication mechanism is not accepted here"
TLS_REQUIRED = "538 5.7.11 Encryption required for authentication"
NOT_OWNED = "553 5.7.1 <alice@example.com>: Sender address rejected: not owned by bob@example.com"
FOREIGN = "553 5.7.1 <x@remote.example>: Sender address rejected: not owned by bob@example.com"
ROLE = "530 5.7.0 <postmaster@example.com>: Sender address rejected: authentication required"
BAD_RCPT = "501 5.1.3 Bad recipient address syntax"
UNKNOWN_USER = "550 5.1.1 <bob@example.com>: Recipient address rejected: User unknown"
RELAY_DENIED = "554 5.7.1 <carol@example.net>: Relay access denied"
CANNOT_DECIDE = "451 4.3.0 Cannot decide about this now, please try again later"

ALICE, BOB, MALLORY = "alice@example.com", "bob@example.com", "mallory@example.com"

KILL = f"""{KILLED}   # open relay
2001:db8:dead::/48
login:mallory@example.com
sender:spam@bad.example   # bought list
sender:@pct.example
"""

INI = """[milter]
socket = @SOCKET@
on_error = {on_error}
delay_reject = {delay}
{milter}
[log]
accepted = {accepted}
[auth]
mechanisms = PLAIN LOGIN
realm = {realm}
[listeners]
auth_only = submission 465
[rules]
auth_tls = {auth_tls}
sender_login_match = enforce
foreign_sender_match = {foreign}
local_sender_auth = enforce
outgoing_auth = enforce
[relay]
allow = 198.51.100.2
{more}"""

DEFAULTS = {"on_error": "tempfail", "delay": "yes", "milter": "", "accepted": "no",
            "auth_tls": "enforce", "foreign": "enforce", "realm": "", "more": ""}

DOMAIN = """[domain]
aliases = example.org
[rules]
local_sender_auth = enforce
"""


def line_of(text, start):
    """FILE's number of the line that begins so."""
    return 1 + [line.startswith(start) for line in text.split("\n")].index(True)


def at(key):
    return f"authgate.ini:{line_of(config()['authgate.ini'], key)}"


def config(kill=KILL, **changes):
    return {"authgate.ini": INI.format(**{**DEFAULTS, **changes}), "kill.list": kill,
            "domains/example.com.ini": DOMAIN}


# ---------------------------------------------------------------- parts

PARTS = []


def part(function):
    PARTS.append(function)
    return function


# ---------------------------------------------------------------- sessions

def reading(path):
    """The MTA's own reading of a plain path."""
    return path.strip("<>").lower()


class Session:
    """A connection as an MTA makes it, up to HELO. offer and macros are Milter's."""

    def __init__(self, daemon, client=STRANGER, family=None, port=40000, name="host.example",
                 listener="smtp", daemon_port="25", **options):
        self.milter = Milter(daemon.address, **options)
        macros = {"j": "mx.example.com", "v": "test", "{daemon_name}": listener,
                  "{daemon_port}": daemon_port, "{client_addr}": client}
        macros = {key: value for key, value in macros.items() if value is not None}
        family = family or ("6" if ":" in client else "4")
        self.connected = self.milter.connect(name, family, port, client, macros)
        self.milter.helo(macros={})

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None and not self.milter.is_last:
            self.milter.quit()
        else:
            self.milter.hang_up()

    def mail(self, sender="<x@remote.example>", login="", mech="PLAIN", tls="", queue_id="",
             more=(), addr=None, mailer="smtp", mta="mx.example.com", version="test",
             certificate=None):
        macros = {"i": queue_id, "j": mta, "v": version, "{auth_type}": login and mech,
                  "{auth_authen}": login, "{tls_version}": tls, **(certificate or {})}
        macros = {key: value for key, value in macros.items() if value}
        macros["{mail_addr}"] = reading(sender) if addr is None else addr
        macros["{mail_mailer}"] = mailer
        return self.milter.mail(sender, *more, macros=macros)

    def rcpt(self, rcpt="<bob@example.com>", queue_id="", mailer="smtp"):
        macros = {"{rcpt_addr}": reading(rcpt), "{rcpt_mailer}": mailer}
        if queue_id:
            macros["i"] = queue_id
        return self.milter.rcpt(rcpt, macros=macros)

    def end(self, queue_id=""):
        return self.milter.content({"i": queue_id} if queue_id else {})[-1]

    def abort(self):
        self.milter.abort()


def message(session, *rcpts, **mail):
    """The answers to MAIL and to each RCPT; the message is aborted."""
    answers = [session.mail(**mail)]
    if answers[0] not in ("continue", SILENT):
        return answers    # neither RCPT nor ABORT comes after a refused MAIL
    answers += [session.rcpt(rcpt) for rcpt in rcpts or ("<bob@example.com>",)]
    session.abort()
    return answers


def talk(daemon, *rcpts, connection=None, **mail):
    """One message on a connection of its own: answers to CONNECT, MAIL, RCPT."""
    with Session(daemon, **(connection or {})) as session:
        if session.connected not in ("continue", SILENT):
            return [session.connected]
        return [session.connected] + message(session, *rcpts, **mail)


# ---------------------------------------------------------------- negotiation

def negotiated(daemon, **offer):
    with Milter(daemon.address, **offer) as asked:
        return asked.version, hex(asked.actions), hex(asked.steps)


NO_CONTENT = (milter.NO_HELO | milter.NO_HEADERS | milter.NO_EOH | milter.NO_BODY |
              milter.NO_DATA | milter.NO_UNKNOWN)
V1_STEPS = 0x3F    # up to NO_HEADERS; libmilter takes them for granted
SYMBOLS = {"connect": ["{daemon_name}", "{daemon_port}"],
           "mail": ["i", "{auth_authen}", "{auth_type}", "{mail_addr}", "{mail_mailer}",
                    "{tls_version}"],
           "rcpt": ["i", "{rcpt_addr}", "{rcpt_mailer}"],
           "eom": ["i"]}


def symbols(daemon, **offer):
    with Milter(daemon.address, **offer) as asked:
        return {stage: sorted(names) for stage, names in asked.asked.items()}


@part
def negotiation(cases, program):
    delayed = Daemon(program, config()).start()
    at_once = Daemon(program, config(delay="no", kill="login:mallory@example.com\n")).start()
    both = milter.NR_MAIL | milter.NR_CONNECT
    rest = milter.ALL_STEPS & ~milter.NR_MAIL
    yes = hex(milter.SETSYMLIST)

    cases.run("delay_reject: no reply to MAIL, nothing of the content", (6, yes,
              hex(NO_CONTENT | milter.NR_MAIL)), negotiated, delayed)
    cases.run("NR_MAIL is not taken where it is not offered", (6, yes, hex(NO_CONTENT)),
              lambda: negotiated(delayed, steps=rest))
    cases.run("no killed networks: no reply to CONNECT; no delay_reject: one to MAIL",
              (6, yes, hex(NO_CONTENT | milter.NR_CONNECT)), negotiated, at_once)
    cases.run("an MTA of version 1's steps is asked for no more",
              (6, yes, hex(NO_CONTENT & V1_STEPS)), lambda: negotiated(delayed, steps=V1_STEPS))
    cases.run("an MTA that offers no action is asked for none", (6, "0x0",
              hex(NO_CONTENT | milter.NR_MAIL)), lambda: negotiated(delayed, actions=0))
    cases.run("the macros asked for", {stage: sorted(names) for stage, names in SYMBOLS.items()},
              symbols, delayed)

    def few_steps():
        with Session(delayed, steps=V1_STEPS) as session:
            heard = [session.connected] + message(session, sender="<postmaster@example.com>")
            return heard + [session.mail(), session.rcpt()] + session.milter.content()
    cases.run("... what it sends is answered", ["continue", "continue", ROLE, "continue",
              "continue", "continue", NOT_SENT, "continue", NOT_SENT, "continue"], few_steps)
    cases.run("both at once: CONNECT and MAIL are silent", [SILENT, SILENT, AUTH_REQUIRED],
              lambda: talk(with_both(program), connection={"listener": "submission"}))
    cases.same("... and that is what was negotiated", hex(NO_CONTENT | both),
               negotiated(Daemon.all[-1])[2])


CERTIFICATES = """\
alice.example, alice@example.com
/O=Test/CN=Bob Doe, bob@example.com
AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89, bob@example.com
"""
FINGERPRINT = "AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89"
TLS = {"tls": "TLSv1.3", "sender": "<bob@example.com>"}
OF_ALICE = "553 5.7.1 <bob@example.com>: Sender address rejected: not owned by alice@example.com"

# (name, macros of a certificate, the login it is, or empty)
VERIFIED = [
    ("Postfix: a CN", {"{cert_subject}": "alice.example"}, "alice@example.com"),
    ("Postfix: another CN", {"{cert_subject}": "bob.example"}, "-"),
    ("Postfix: a CN that looks like a subject", {"{cert_subject}": "/O=Test/CN=Bob Doe"}, "-"),
    ("Postfix has no fingerprint", {"{cert_fp}": FINGERPRINT}, "-"),
    ("Sendmail: a subject", {"{verify}": "OK", "{cert_subject}": "/O=Test/CN=Bob+20Doe"},
     "bob@example.com"),
    ("Sendmail: a CN", {"{verify}": "OK", "{cert_subject}": "/O=X/CN=alice.example",
                        "{cn_subject}": "alice.example"}, "alice@example.com"),
    ("Sendmail: a subject is no CN", {"{verify}": "OK", "{cert_subject}": "alice.example"}, "-"),
    ("Sendmail: a fingerprint", {"{verify}": "OK", "{cert_fp}": FINGERPRINT.lower()},
     "bob@example.com"),
    ("Sendmail: MD5", {"{verify}": "OK", "{cert_md5}": FINGERPRINT}, "bob@example.com"),
    ("Sendmail: one that is not verified",
     {"{verify}": "FAIL", "{cert_subject}": "/O=Test/CN=Bob+20Doe", "{cn_subject}": "alice.example",
      "{cert_fp}": FINGERPRINT}, "-"),
    ("Sendmail: verified in another way", {"{verify}": "ok", "{cn_subject}": "alice.example"}, "-"),
    ("Sendmail: none", {"{verify}": "NO", "{cert_subject}": ""}, "-"),
    ("a subject that does not end", {"{verify}": "OK", "{cert_subject}": "/O=" + "x" * 2000}, "-"),
]


@part
def certificates(cases, program):
    files = config(more="[auth]\ncertificates = c.list\n")
    daemon = Daemon(program, {**files, "c.list": CERTIFICATES}).start()
    asked = {**SYMBOLS, "mail": SYMBOLS["mail"] + ["{verify}", "{cert_subject}", "{cn_subject}",
                                                   "{cert_fp}", "{cert_md5}"]}
    cases.run("certificates: their macros are asked for",
              {stage: sorted(names) for stage, names in asked.items()}, symbols, daemon)

    def login_of(macros, **more):
        lines = log_of(daemon, lambda: talk(daemon, "<carol@example.net>", certificate=macros,
                                            **{**TLS, "sender": "<carol@example.com>", **more}))
        return field(lines[0], "login")
    for name, macros, login in VERIFIED:
        cases.run(f"certificate of {name}", login, login_of, macros)
    cases.run("certificate, and a login", "bob@example.com", lambda: login_of(
        {"{cert_subject}": "alice.example"}, login=BOB))

    def of_two():
        with Session(daemon) as session:
            heard = [message(session, certificate={"{cert_subject}": "alice.example"}, **TLS)]
            return heard + [message(session, **TLS)]
    cases.run("certificate: it does not reach the next message",
              [["continue", OF_ALICE], ["continue", UNKNOWN_USER]],
              lambda: [[heard[0].replace(SILENT, "continue"), heard[-1]] for heard in of_two()])
    daemon.write("c.list", "# nobody yet\n")
    daemon.reload()
    with Session(daemon) as old:
        daemon.write("c.list", CERTIFICATES)
        daemon.reload()
        cases.run("certificate: a connection that did not ask for it has none", UNKNOWN_USER,
                  lambda: message(old, certificate={"{cert_subject}": "alice.example"}, **TLS)[-1])
    cases.run("certificate: ... the next one has", OF_ALICE, lambda: talk(
        daemon, certificate={"{cert_subject}": "alice.example"}, **TLS)[-1])


def with_both(program):
    return Daemon(program, config(kill="")).start()


# ---------------------------------------------------------------- each rule's refusal

# (name, what is done, answer): refused at MAIL, or at each RCPT with delay_reject
AT_MAIL = [
    ("auth_only_listener by name", {"connection": {"listener": "SUBMISSION"}}, AUTH_REQUIRED),
    ("auth_only_listener by port", {"connection": {"daemon_port": "465"}}, AUTH_REQUIRED),
    ("kill_login", {"login": "Mallory@Example.COM", "tls": "TLSv1.3"}, BLOCKED_LOGIN),
    ("bad_address", {"sender": "<a%b@c@d>", "addr": ""}, BAD_SENDER),
    ("kill_sender", {"sender": "<spam@bad.example>"}, BLOCKED_SENDER),
    ("kill_sender, % signs", {"sender": "<100%s%n%%@pct.example>"},
     "554 5.7.1 <100%s%n%%@pct.example>: Sender address is blocked"),
    ("auth_mechanism", {"login": BOB, "mech": "CRAM-MD5"}, MECHANISM),
    ("auth_tls", {"login": BOB}, TLS_REQUIRED),
    ("sender_login_match", {"login": BOB, "tls": "TLSv1.3", "sender": "<alice@example.com>"},
     NOT_OWNED),
    ("foreign_sender_match", {"login": BOB, "tls": "TLSv1.3"}, FOREIGN),
    ("role_sender_auth", {"sender": "<postmaster@example.com>"}, ROLE),
]

AT_RCPT = [
    ("bad_address of a recipient", "<>", {}, BAD_RCPT),
    ("local_sender_auth", "<bob@example.com>", {"sender": "<alice@example.com>"}, UNKNOWN_USER),
    ("outgoing_auth", "<carol@example.net>", {}, RELAY_DENIED),
    ("outgoing_auth, % signs", "<a%n%s@example.net>", {},
     "554 5.7.1 <a%n%s@example.net>: Relay access denied"),
    ("a stranger to us", "<bob@example.com>", {}, "continue"),
    ("a login with its own address", "<carol@example.net>",
     {"login": BOB, "tls": "TLSv1.3", "sender": "<bob@example.com>"}, "continue"),
    ("a trusted client", "<carol@example.net>",
     {"connection": {"client": TRUSTED}, "sender": "<alice@example.com>"}, "continue"),
]


@part
def refusals(cases, program):
    delayed = Daemon(program, config()).start()
    at_once = Daemon(program, config(delay="no"), inet=True).start()
    no_silence = {"steps": milter.ALL_STEPS & ~milter.NR_MAIL}
    two = ("<bob@example.com>", "<carol@example.net>")

    for name, doing, answer in AT_MAIL:
        connection = doing.get("connection", {})
        spoken = {**doing, "connection": {**connection, **no_silence}}
        cases.run(f"{name}: held, said at each RCPT", ["continue", SILENT, answer, answer],
                  lambda: talk(delayed, *two, **doing))
        cases.run(f"{name}: held, MAIL answered", ["continue", "continue", answer, answer],
                  lambda: talk(delayed, *two, **spoken))
        cases.run(f"{name}: said at MAIL", ["continue", answer],
                  lambda: talk(at_once, **doing)[:2])
    for name, rcpt, doing, answer in AT_RCPT:
        cases.run(f"{name}: delay_reject yes", ["continue", SILENT, answer],
                  lambda: talk(delayed, rcpt, **doing))
        cases.run(f"{name}: delay_reject no", ["continue", "continue", answer],
                  lambda: talk(at_once, rcpt, **doing))
    for daemon, mode in ((delayed, "yes"), (at_once, "no")):
        cases.run(f"kill_client refuses on contact, delay_reject {mode}", [BLOCKED_CLIENT],
                  lambda: talk(daemon, connection={"client": KILLED}))


REPLIES = """[reply]
kill_sender = 450 4.7.1 100%% of %{sender} (%{rule} %{listener} %{client} %{domain})
outgoing_auth = 450 4.2.0 %{rcpt} in a while
"""


@part
def own_replies(cases, program):
    daemon = Daemon(program, config(more=REPLIES, delay="no")).start()
    cases.run("a reply of one's own, temporary, with % signs and values",
              f"450 4.7.1 100%% of spam@bad.example (kill_sender smtp {STRANGER} )",
              lambda: talk(daemon, sender="<spam@bad.example>")[1])
    cases.run("... at RCPT", "450 4.2.0 carol@example.net in a while",
              lambda: talk(daemon, "<carol@example.net>")[2])
    cases.run("... an address that is not ASCII is made printable", "450 4.2.0 b??d@example.net"
              " in a while", lambda: talk(daemon, "<b\xc3\xa5d@example.net>")[2])


# ---------------------------------------------------------------- the header

FROM_NOT_OWNED = "550 5.7.1 From: <alice@example.com> is not owned by bob@example.com"
FROM_NEEDS_AUTH = "550 5.7.1 From: <bob@example.com> needs authentication"
OTHERS_NEED_AUTH = "550 5.7.1 From: <alice@example.com> needs authentication"
MTAS_NOT_OWNED = "550 5.7.1 From: <alice@mx.remote.example> is not owned by bob@example.com"
MTAS_NEED_AUTH = "550 5.7.1 From: <alice@mx.remote.example> needs authentication"
BARE_NEEDS_AUTH = "550 5.7.1 From: <root> needs authentication"
DOMAIN_NEEDS_AUTH = "550 5.7.1 From: <@example.com> needs authentication"
FROM_MISSING = "550 5.7.1 From: is missing"
FROM_TWICE = "550 5.7.1 From: more than one"
FROM_TOO_LONG = "550 5.7.1 From: cannot be read: it is too long"
OWN, OTHERS, FOREIGN_FROM = "bob@example.com", "alice@example.com", "x@remote.example"
BOBS = {"login": BOB, "tls": "TLSv1.3", "sender": "<bob@example.com>"}
STEPS_OF_HEADER = NO_CONTENT & ~(milter.NO_HEADERS | milter.NO_EOH) | milter.NR_HEADER
FROM_RULES = """[rules]
from_header_match = enforce
from_header_local_auth = enforce
from_header_sender_suffices = yes
"""


def send_fields(session, fields):
    """The answer to the end of the header, and what was heard of the fields before."""
    heard = {session.milter.data({})}
    heard |= {session.milter.header(name, value) for name, value in fields}
    heard -= {"continue", SILENT, NOT_SENT}
    return [session.milter.eoh({})] + sorted(heard)


def header(daemon, fields, rcpt="<bob@example.com>", connection=None, **mail):
    """The answer to the end of a header of these (name, value)."""
    with Session(daemon, **(connection or {})) as session:
        envelope = [session.mail(**{"mta": "mx.remote.example", **mail}), session.rcpt(rcpt)]
        if envelope[1] != "continue":
            return envelope
        answers = send_fields(session, fields)
        session.abort()
        return answers[0] if len(answers) == 1 else answers


def froms(*values):
    return [("From", value) for value in values]


# (name, header, answer to a login that owns OWN, answer to who has no login)
HEADERS = [
    ("one's own address", froms(OWN), "continue", FROM_NEEDS_AUTH),
    ("another's address", froms(OTHERS), FROM_NOT_OWNED, OTHERS_NEED_AUTH),
    ("an address in the MTA's own name", froms("alice@mx.remote.example"), MTAS_NOT_OWNED,
     MTAS_NEED_AUTH),
    ("a foreign address", froms(FOREIGN_FROM), "continue", "continue"),
    ("no From:", [("Subject", "x")], FROM_MISSING, "continue"),
    ("no field at all", [], FROM_MISSING, "continue"),
    ("From: without a value", froms(""), "550 5.7.1 From: cannot be read: it is empty", "continue"),
    ("the field's name in another case", [("FROM", OTHERS)], FROM_NOT_OWNED, OTHERS_NEED_AUTH),
    ("Resent-From: is another field", [("Resent-From", OTHERS)] + froms(FOREIGN_FROM), "continue",
     "continue"),
    ("two From:", froms(OWN, OWN), FROM_TWICE, FROM_NEEDS_AUTH),
    ("two foreign From:", froms(FOREIGN_FROM, FOREIGN_FROM), FROM_TWICE, "continue"),
    ("64 From:, the last one local", froms(*[FOREIGN_FROM] * 63, OWN), FROM_TWICE,
     FROM_NEEDS_AUTH),
    ("65 From:, the first one local", froms(OWN, *[FOREIGN_FROM] * 64), FROM_TWICE,
     FROM_NEEDS_AUTH),
    ("65 From:, the last one local", froms(*[FOREIGN_FROM] * 64, OWN), FROM_TWICE,
     FROM_TWICE),
    ("300 From: of one's own", froms(*[OWN] * 300), FROM_TWICE, FROM_NEEDS_AUTH),
    ("33 KB of foreign From:", froms(*[f"{'x' * 1000}\n\t<{FOREIGN_FROM}>"] * 33), FROM_TWICE,
     FROM_TWICE),
    ("a From: of 33 KB", froms("x" * 33000 + f" <{OWN}>"), FROM_TOO_LONG, FROM_TOO_LONG),
    ("a folded From:", froms(f"Bob\n\t<{OWN}>"), "continue", FROM_NEEDS_AUTH),
    ("a From: that cannot be read", froms(OWN + ","),
     "550 5.7.1 From: cannot be read: bob@example.com,", FROM_NEEDS_AUTH),
    ("a group of nobody", froms(f'"{OWN}":;'), f'550 5.7.1 From: cannot be read: "{OWN}":;',
     DOMAIN_NEEDS_AUTH),
    ("another's address, and one's own Sender:", froms(OTHERS) + [("Sender", OWN)], "continue",
     OTHERS_NEED_AUTH),
    ("another's address, and another's Sender:", froms(OTHERS) + [("Sender", OTHERS)],
     FROM_NOT_OWNED, OTHERS_NEED_AUTH),
    ("another's address, and two Sender:", froms(OTHERS) + [("Sender", OWN)] * 2, FROM_NOT_OWNED,
     OTHERS_NEED_AUTH),
    ("another's address, and 65 Sender:", froms(OTHERS) + [("Sender", OWN)] * 65, FROM_NOT_OWNED,
     OTHERS_NEED_AUTH),
    ("another's address, one's own Sender:, and one of 33 KB",
     froms(OTHERS) + [("Sender", OWN), ("Sender", "x" * 33000)], FROM_NOT_OWNED, OTHERS_NEED_AUTH),
    ("one's own address, and 65 Sender:", froms(OWN) + [("Sender", OTHERS)] * 65, "continue",
     FROM_NEEDS_AUTH),
    ("a foreign address, and 65 Sender:", froms(FOREIGN_FROM) + [("Sender", OTHERS)] * 65,
     "continue", "continue"),
    ("another's address, and one's own Resent-From:",
     [("Resent-From", OWN), ("Resent-To", FOREIGN_FROM)] + froms(OTHERS), "continue",
     OTHERS_NEED_AUTH),
    ("another's address, and another's Resent-From: in front of one's own",
     [("Resent-From", OTHERS), ("Resent-From", OWN)] + froms(OTHERS), FROM_NOT_OWNED,
     OTHERS_NEED_AUTH),
    ("another's address, and a Resent-From: of 33 KB",
     [("Resent-From", "x" * 33000 + f" <{OWN}>")] + froms(OTHERS), FROM_NOT_OWNED,
     OTHERS_NEED_AUTH),
    ("no From:, and one's own Sender:", [("Sender", OWN)], FROM_MISSING, "continue"),
]

# who adds its name to a name without a domain, and what is said then
POSTFIX = "Postfix 3.7.11"
VERSIONS = [(POSTFIX, "continue"), ("8.17.1.9", BARE_NEEDS_AUTH), ("", BARE_NEEDS_AUTH)]


@part
def headers(cases, program):
    strict = Daemon(program, config(more=FROM_RULES)).start()
    lax = Daemon(program, config(more=FROM_RULES, on_error="accept", delay="no")).start()
    for daemon, mode in ((strict, "tempfail"), (lax, "accept")):
        for name, fields, owner, stranger in HEADERS:
            cases.run(f"{name}: a login, on_error {mode}", owner,
                      lambda: header(daemon, fields, **BOBS))
            cases.run(f"{name}: no login, on_error {mode}", stranger,
                      lambda: header(daemon, fields))
        cases.run(f"65 From: of a trusted client, on_error {mode}", "continue", lambda: header(
            daemon, froms(*[OWN] * 65), connection={"client": TRUSTED}))
    lines = log_of(strict, lambda: header(strict, froms(*[OWN] * 65), **BOBS))
    cases.same("65 From: the log names the rule, not on_error",
               [["reject", "from_header_match", "header"]],
               [[field(line, key) for key in ("verdict", "rule", "stage")] for line in lines])
    log_of_header(cases, strict)
    for version, answer in VERSIONS:
        cases.run(f"a name without a domain, and the MTA is {version}", answer,
                  lambda: header(strict, froms("root (Cron Daemon)"), version=version))
    cases.run("the MTA's own name where it tells none", "continue",
              lambda: header(strict, froms("alice@mx.remote.example"), mta="", version=POSTFIX))
    on_one_connection(cases, strict)
    asked_for(cases, program)


def log_of_header(cases, daemon):
    """The queue id, which Postfix has by then, and what is the matter with From:."""
    def refused(fields):
        with Session(daemon) as session:
            session.mail(**BOBS)
            session.rcpt()
            session.milter.data({"i": "4HDR"})
            for name, value in fields:
                session.milter.header(name, value)
            session.milter.eoh({"i": "4HDR"})
    for name, fields, address, why in (
            ("another's address", froms(f"Alice <{OTHERS}>"), "alice@example.com", "-"),
            ("no From:", [], "-", '"is missing"'), ("two From:", froms(OWN, OWN), "-",
                                                  '"more than one"'),
            ("an open bracket", froms('"bob" <bob@example.com'), "-",
             r'"cannot be read: \"bob\" <bob@example.com"')):
        line = log_of(daemon, lambda: refused(fields))[0]
        cases.same(f"the log of {name}: q=, address= and why=", ["4HDR", address, why],
                   [field(line, key) for key in ("q", "address", "why")])
        cases.same("... in this order", ["at", "address", "why", "reply", "gen"],
                   [key for key, _ in pairs(line)][-5:])


def on_one_connection(cases, daemon):
    """What one message's header held does not reach the next."""
    def fields_of_two(first, second):
        with Session(daemon) as session:
            heard = []
            for fields in (first, second):
                session.mail(**BOBS)
                session.rcpt()
                heard += send_fields(session, fields)
                session.abort()
            return heard
    cases.run("a From: does not reach the next message", ["continue", FROM_MISSING],
              fields_of_two, froms(OWN), [])
    cases.run("65 From: do not reach the next message", [FROM_TWICE, "continue"],
              fields_of_two, froms(*[OWN] * 65), froms(OWN))
    cases.run("a Sender: does not reach the next message", ["continue", FROM_NOT_OWNED],
              fields_of_two, froms(OTHERS) + [("Sender", OWN)], froms(OTHERS))
    cases.run("a Resent-From: does not reach the next message", ["continue", FROM_NOT_OWNED],
              fields_of_two, froms(OTHERS) + [("Resent-From", OWN)], froms(OTHERS))
    cases.run("... nor what ended its block", [FROM_NOT_OWNED, "continue"], fields_of_two,
              froms(OTHERS) + [("Resent-To", OWN)] * 2 + [("Resent-From", OWN)],
              froms(OTHERS) + [("Resent-From", OWN)])


# (name, rules of authgate.ini, rules of a domain, whether the header is asked for)
ASKING = [
    ("neither rule", "", "", False),
    ("from_header_match", "from_header_match = enforce", "", True),
    ("from_header_match, monitored", "from_header_match = monitor", "", True),
    ("from_header_local_auth", "from_header_local_auth = monitor", "", True),
    ("from_header_match of a domain", "", "from_header_match = monitor", True),
    ("from_header_local_auth of a domain", "", "from_header_local_auth = enforce", True),
    ("both off in a domain", "", "from_header_match = off\nfrom_header_local_auth = off", False),
    ("from_header_strict alone", "from_header_strict = yes", "", False),
    ("from_header_sender_suffices alone", "from_header_sender_suffices = yes", "", False),
]


def asking_files(server, domain):
    files = config(kill="login:mallory@example.com\n", more=f"[rules]\n{server}\n", delay="no")
    files["domains/example.com.ini"] = DOMAIN + domain + "\n"
    return files


def asked_for(cases, program):
    daemon = Daemon(program, asking_files("", "")).start()
    for name, server, domain, asked in ASKING:
        for file, text in asking_files(server, domain).items():
            daemon.write(file, text)
        daemon.reload()
        steps = STEPS_OF_HEADER if asked else NO_CONTENT
        cases.run(f"{name}: {'the' if asked else 'no'} header is asked for",
                  (6, hex(milter.SETSYMLIST), hex(steps | milter.NR_CONNECT)),
                  negotiated, daemon)
    switched_on(cases, daemon)


def switched_on(cases, daemon):
    """A rule that comes with a reload begins with the next connection."""
    def write(rules):
        for file, text in asking_files(rules, "").items():
            daemon.write(file, text)
        daemon.reload()

    def one(session):
        heard = [session.mail(**BOBS), session.rcpt()] + send_fields(session, froms(OTHERS))
        return heard + [session.milter.eom({})]
    write("")
    with Session(daemon) as old:
        write("from_header_match = enforce")
        cases.run("switched on: an open connection goes on without the header",
                  ["continue", "continue", NOT_SENT, "continue"], one, old)
        cases.run("... a new one is judged", FROM_NOT_OWNED,
                  lambda: header(daemon, froms(OTHERS), **BOBS))
    with Session(daemon) as old:
        write("")
        cases.run("switched off: an open connection is not judged any more",
                  ["continue", "continue", "continue", "continue"], one, old)


# ---------------------------------------------------------------- Authentication-Results

RESULTS = "[auth]\nresults_header = yes\n"
EDITS = milter.SETSYMLIST | milter.ADD_HEADERS | milter.CHANGE_HEADERS
BY_BOB = "mx.example.com; auth=pass smtp.auth=bob@example.com smtp.mailfrom=bob@example.com"


def results(*ids):
    return [("Authentication-Results", f"{name}; auth=pass smtp.auth=x") for name in ids]


def whole(session, fields, **mail):
    """The last answer to a message of these fields, and how they were changed."""
    session.milter.changes = []
    session.mail(**mail)
    session.rcpt()
    answers = send_fields(session, fields)
    if answers[0] == "continue":
        answers[0] = session.milter.eom({"i": "Q1"})
    else:
        session.abort()
    return answers + session.milter.changes


def edited(daemon, fields, connection=None, **mail):
    with Session(daemon, **(connection or {})) as session:
        return whole(session, fields, **mail)


def removed(*numbers):
    return [("change", number, "Authentication-Results", "") for number in numbers]


INSERTED = ("insert", 0, "Authentication-Results", BY_BOB)
CLAIMED = results("mx.example.com", "1.example", "MX.EXAMPLE.COM", "2.example", "mx.example.com.")


@part
def results_header(cases, program):
    daemon = Daemon(program, config(more=RESULTS)).start()
    cases.run("what is asked for", (6, hex(EDITS), hex(STEPS_OF_HEADER | milter.NR_MAIL)),
              negotiated, daemon)
    cases.run("the MTA's name too", True, lambda: "j" in symbols(daemon)["mail"])
    cases.run("a stranger: ours go, from the last on", ["continue"] + removed(5, 3, 1),
              edited, daemon, CLAIMED)
    cases.run("a login: and one is put in front", ["continue"] + removed(5, 3, 1) + [INSERTED],
              lambda: edited(daemon, CLAIMED, **BOBS))
    cases.run("the field's name in another case", ["continue"] + removed(1),
              edited, daemon, [("AUTHENTICATION-results", "mx.example.com; none")])
    cases.run("no field, no login: nothing", ["continue"], edited, daemon, froms(FOREIGN_FROM))
    cases.run("a trusted client has no login", ["continue"], lambda: edited(
        daemon, [], connection={"client": TRUSTED}, sender="<bob@example.com>"))
    with Session(daemon) as session:
        cases.run("two messages: numbers begin anew", [
            ["continue"] + removed(5, 3, 1), ["continue"] + removed(1) + [INSERTED], ["continue"]],
            lambda: [whole(session, CLAIMED), whole(session, results("mx.example.com"), **BOBS),
                     whole(session, results("other.example"))])
    cases.run("an MTA that does not tell its name: on_error", [CANNOT_DECIDE],
              lambda: edited(daemon, [], mta=""))
    cases.run("an MTA that allows no change: on_error", [CANNOT_DECIDE], lambda: edited(
        daemon, [], connection={"actions": milter.SETSYMLIST | milter.ADD_HEADERS}))
    unreadable_results(cases, daemon)
    many_results(cases, daemon)
    named = Daemon(program, config(more=RESULTS + "authserv_id = Our.Name\n",
                                   on_error="accept")).start()
    cases.run("a name of one's own", ["continue"] + removed(2) + [
        ("insert", 0, "Authentication-Results", BY_BOB.replace("mx.example.com", "our.name"))],
        lambda: edited(named, results("mx.example.com", "our.name"), mta="", **BOBS))
    cases.run("an MTA that allows no change, on_error = accept", ["continue"], lambda: edited(
        named, results("our.name"), connection={"actions": milter.SETSYMLIST}, **BOBS))
    results_by_reload(cases, program)


TOO_MANY = "550 5.7.1 Too many Authentication-Results fields in our name"


def claims(number):
    return results(*["mx.example.com"] * number)


def unreadable_results(cases, daemon):
    """Whoever trims or drops what is not seen takes these for ours."""
    odd = ["mx.example.com\u00a0", "\u2003mx.example.com", "mx.exam\u200bple.com",
           "\ufeffmx.example.com", "mx\u3002example.com", "mx.example.com\u202e",
           "\uff4dx.example.com", "=?utf-8?q?mx?="]
    ids = [name.encode() for name in odd] + [b"mx.example.com\xa0", b"mx.exam\x0bple.com"]
    fields = [("Authentication-Results", b" " + name + b"; auth=pass") for name in ids]
    others = [("Authentication-Results", name + "; auth=pass") for name in
              ("1.example", "spf=pass smtp.mailfrom=mx.example.com", "xn--exmple-cua.com")]
    cases.run("an authserv-id that cannot be read", ["continue"] + removed(
        *range(len(fields) + 1, 1, -1)), edited, daemon, others[:1] + fields + others[1:])


def many_results(cases, daemon):
    """Postfix takes a time that grows with the square of their number."""
    cases.run("100 of them go", ["continue"] + removed(*range(100, 0, -1)), edited, daemon,
              claims(100) + results(*["1.example"] * 1000))
    daemon.new_lines()
    with Session(daemon) as session:
        cases.run("101: the message is refused", [TOO_MANY], whole, session, claims(101))
        cases.run("... and 16,000", [TOO_MANY], whole, session, claims(16000))
        cases.run("... from a login, too", [TOO_MANY], lambda: whole(session, claims(101), **BOBS))
        cases.run("... and the next is judged by itself", ["continue"] + removed(1),
                  whole, session, claims(1))
    lines = [line for line in daemon.new_lines() if "verdict=reject" in line]
    cases.same("... each has a line", 3, len(lines))
    line = line_of(config(more=RESULTS)["authgate.ini"], "results_header")
    for part_of in ("rule=results_header stage=header", f" at=authgate.ini:{line} ", TOO_MANY,
                    'note="more than 100 Authentication-Results fields claim to be ours"'):
        cases.has("... that says", part_of, lines[0])
    with Session(daemon) as session:
        cases.run("200 in two messages", [["continue"] + removed(*range(100, 0, -1))] * 2,
                  lambda: [whole(session, claims(100)), whole(session, claims(100))])


def results_by_reload(cases, program):
    daemon = Daemon(program, config()).start()

    def write(more):
        daemon.write("authgate.ini", config(more=more)["authgate.ini"])
        daemon.reload()
    with Session(daemon) as old:
        write(RESULTS)
        cases.run("switched on: an open connection goes on without", "continue",
                  lambda: [old.mail(**BOBS), old.rcpt(), old.milter.eom({})][-1])
        cases.run("... a new one has it", ["continue", INSERTED],
                  lambda: edited(daemon, [], **BOBS))
    with Session(daemon) as old:
        write("")
        cases.run("switched off: an open connection is left alone", ["continue"],
                  lambda: whole(old, results("mx.example.com"), **BOBS))


# ---------------------------------------------------------------- two messages on a connection

def two_messages(daemon, first, second, between, connection=None):
    """The answers of two messages; between is "abort", "eom" or "nothing"."""
    with Session(daemon, **(connection or {})) as session:
        heard = []
        for mail in (first, second):
            heard.append([session.mail(**mail), session.rcpt("<carol@example.net>")])
            if between == "eom" and heard[-1][-1] == "continue":
                heard[-1].append(session.end())
            elif between != "nothing":
                session.abort()    # DATA needs a recipient
        return heard


@part
def two_on_one_connection(cases, program):
    delayed = Daemon(program, config()).start()
    at_once = Daemon(program, config(delay="no")).start()
    own = {"login": BOB, "tls": "TLSv1.3", "sender": "<bob@example.com>"}
    other = {"login": ALICE, "tls": "TLSv1.3", "sender": "<alice@example.com>"}
    stolen = {"login": BOB, "tls": "TLSv1.3", "sender": "<alice@example.com>"}
    anonymous = {"sender": "<x@remote.example>"}
    unencrypted = {"login": BOB, "sender": "<bob@example.com>"}
    pairs = [
        ("two logins, two senders", own, other, "continue", "continue"),
        ("a login does not reach the next", own, anonymous, "continue", RELAY_DENIED),
        ("TLS does not reach the next", own, unencrypted, "continue", TLS_REQUIRED),
        ("a held refusal does not reach the next", stolen, own, NOT_OWNED, "continue"),
        ("a sender does not reach the next", own, stolen, "continue", NOT_OWNED),
    ]
    for name, first, second, one, two in pairs:
        for between in ("abort", "eom", "nothing"):
            ends = "continue" if between == "eom" else None
            expected = [[SILENT, answer] + ["continue"] * (answer == ends)
                        for answer in (one, two)]
            cases.run(f"{name}, {between} between", expected, two_messages, delayed, first,
                      second, between)

    def again_after_refusal():
        with Session(at_once) as session:
            return [session.mail(**stolen), session.mail(**own), session.rcpt(),
                    session.mail(**stolen), session.mail(**anonymous),
                    session.rcpt("<carol@example.net>")]
    cases.run("MAIL again after a refused MAIL", [NOT_OWNED, "continue", "continue", NOT_OWNED,
              "continue", RELAY_DENIED], again_after_refusal)

    def refused_recipient():
        with Session(delayed) as session:
            return [session.mail(), session.rcpt("<carol@example.net>"), session.rcpt(),
                    session.end()]
    cases.run("a refused recipient does not refuse the others",
              [SILENT, RELAY_DENIED, "continue", "continue"], refused_recipient)

    def left_over_text():
        with Session(delayed) as session:
            return [session.mail(), session.rcpt("<carol@example.net>"),
                    session.rcpt("<>"), session.rcpt("<carol@example.net>")]
    cases.run("each refusal has its own text", [SILENT, RELAY_DENIED, BAD_RCPT, RELAY_DENIED],
              left_over_text)

    # Not tried: a MAIL whose macro packet is empty or does not come. libmilter keeps the last ones
    # then, and no filter can tell; both MTAs have at least {mail_mailer} to send.

    def new_client():
        with Session(delayed) as session:
            heard = [session.mail(**own), session.rcpt("<carol@example.net>"), session.end()]
            session.milter.quit_nc()
            heard.append(session.milter.connect(macros={}))
            heard += message(session, "<carol@example.net>", **stolen)
            return heard + message(session, "<carol@example.net>", **anonymous)
    cases.run("QUIT_NC: the next client's messages are judged", [SILENT, "continue", "continue",
              "continue", SILENT, NOT_OWNED, SILENT, RELAY_DENIED], new_client)

    def new_killed_client():
        with Session(delayed) as session:
            session.mail()
            session.rcpt()
            session.end()
            session.milter.quit_nc()
            heard = [session.milter.connect(address=KILLED, macros={})]
            return heard + message(session)
    # libmilter does not tell what was negotiated, so that nothing is refused before RCPT
    cases.run("QUIT_NC: the next client is judged", [
        "continue" if ENGINE == "libmilter" else BLOCKED_CLIENT, SILENT, BLOCKED_CLIENT],
              new_killed_client)


# ---------------------------------------------------------------- unusual orders

def bounded(daemon, *steps):
    """What is heard until the daemon hangs up; the next session must be well."""
    heard = []
    try:
        with Milter(daemon.address) as mta:
            for step in steps:
                heard.append(step(mta))
    except Closed:
        heard.append("closed")
    return heard + talk(daemon, "<carol@example.net>")[1:]


WELL = [SILENT, RELAY_DENIED]


@part
def unusual_orders(cases, program):
    delayed = Daemon(program, config()).start()
    at_once = Daemon(program, config(delay="no")).start()
    plain = {"macros": {}}

    def refused(answers):
        """Whether nothing was let through, whatever the words."""
        return all(a in ("closed", SILENT) or a[0] in "45" for a in answers)

    for daemon, mode in ((delayed, "yes"), (at_once, "no")):
        def rcpt_first():
            with Session(daemon) as session:
                try:
                    session.milter.last()
                    return refused([session.rcpt()])
                except Closed:
                    return True
        cases.run(f"RCPT without MAIL is not let through, delay_reject {mode}", True, rcpt_first)

    def end_first():
        with Session(delayed) as session:
            session.milter.last()
            with contextlib.suppress(Closed):
                session.end()
            return talk(delayed, "<carol@example.net>")[1:]
    cases.run("end of message without a message: the next session is well", WELL, end_first)

    if ENGINE == "builtin":
        # libmilter hangs up; Postfix sends it where it does not know the address
        for name, listener in ("", "smtp"), (", no listener", None):
            cases.run(f"an address that cannot be read{name}: a stranger", WELL, lambda listener=
                      listener: talk(delayed, "<carol@example.net>", connection={
                          "client": "unknown", "family": "4", "port": 0, "listener": listener,
                          "daemon_port": None})[1:])

    def aborts():
        with Session(delayed) as session:
            session.abort()
            session.abort()
            first = message(session, "<carol@example.net>")
            session.abort()
            return first + message(session)
    cases.run("ABORT outside a message, and twice", [SILENT, RELAY_DENIED, SILENT, "continue"],
              aborts)

    def helo_in_message():
        with Session(delayed) as session:
            session.mail(login=BOB, tls="TLSv1.3", sender="<bob@example.com>")
            session.abort()
            session.milter.helo(macros={})
            return message(session, "<carol@example.net>")
    cases.run("EHLO in a message", WELL, helo_in_message)
    cases.run("MAIL without CONNECT: the next session is well", WELL, lambda: bounded(
        delayed, lambda m: m.mail("<a@example.com>", **plain), lambda m: m.rcpt("<b@example.net>"),
    )[-2:])
    cases.run("RCPT without CONNECT is not let through", True, lambda: refused(bounded(
        delayed, lambda m: m.mail("<a@example.com>", **plain), lambda m: m.rcpt("<b@example.net>"),
    )[:-2]))
    cases.run("commands before any negotiation: the next session is well", WELL,
              lambda: before_negotiation(delayed))
    cases.run("two negotiations: the next session is well", WELL,
              lambda: bounded(delayed, lambda m: m.last().negotiate())[-2:])
    cases.run("MAIL with an empty list of arguments: libmilter hangs up", ["closed"] + WELL,
              lambda: bounded(delayed, hello, lambda m: m.mail(**plain), lambda m: m.rcpt("<b@c>"),
                              )[2:])
    cases.run("RCPT with an empty list of arguments: libmilter hangs up", ["closed"] + WELL,
              lambda: bounded(delayed, hello, lambda m: m.mail("<a@b>", **plain),
                              lambda m: m.rcpt(**plain))[2:])
    cases.run("MAIL and RCPT with an empty argument", [SILENT, BAD_RCPT] + WELL,
              lambda: bounded(delayed, hello, lambda m: m.mail("", **plain),
                              lambda m: m.rcpt("", **plain))[1:])
    cases.run("MAIL with ESMTP parameters", [SILENT, RELAY_DENIED], lambda: talk(
        delayed, "<carol@example.net>", more=("SIZE=100", "AUTH=bob@example.com"))[1:])
    cases.run("an empty path is the null sender", [SILENT, "continue"],
              lambda: talk(delayed, sender="<>")[1:])


def before_negotiation(daemon):
    hangs_up(daemon, CONNECT + packet(b"M", b"<x@remote.example>\0"), last=True)
    return talk(daemon, "<carol@example.net>")[1:]


def hello(mta):
    return mta.connect(macros={})


@part
def without_macros(cases, program):
    daemon = Daemon(program, config()).start()
    for macros in ("none", "empty", "all"):
        options = {"macros": macros}
        cases.run(f"macros {macros}: our sender without a login", ["continue", SILENT,
                  UNKNOWN_USER], lambda: talk(daemon, sender="<alice@example.com>",
                                              connection=options))
        cases.run(f"macros {macros}: an address that is not plain", ["continue", SILENT,
                  BAD_SENDER], lambda: talk(daemon, sender="<a%b@example.com@x>", addr="",
                                            connection=options))
        cases.run(f"macros {macros}: a killed client", [BLOCKED_CLIENT],
                  lambda: talk(daemon, connection={"client": KILLED, **options}))


# ---------------------------------------------------------------- clients

@part
def clients(cases, program):
    daemon = Daemon(program, config(delay="no")).start()
    killed6 = "554 5.7.1 Client 2001:db8:dead::1 is blocked"
    outgoing = "<carol@example.net>"

    def connected(**connection):
        with Session(daemon, **connection) as session:
            return session.connected

    def rcpt(**connection):
        return talk(daemon, outgoing, connection=connection)[-1]
    cases.run("IPv6, killed", killed6, lambda: connected(client="2001:db8:dead::1"))
    cases.run("IPv6 with Sendmail's prefix, killed", killed6,
              lambda: connected(client="IPv6:2001:db8:dead:0:0:0:0:1", family="6"))
    cases.run("IPv6, not killed", "continue", lambda: connected(client="2001:db8:beef::1"))
    cases.run("IPv4-mapped IPv6, killed", BLOCKED_CLIENT,
              lambda: connected(client="::ffff:" + KILLED))
    cases.run("IPv4-mapped IPv6, trusted", "continue", lambda: rcpt(client="::ffff:" + TRUSTED))
    cases.run("family U with a listener: a stranger", RELAY_DENIED,
              lambda: rcpt(family="U", name="unknown"))
    cases.run("family L with a listener: a stranger", RELAY_DENIED,
              lambda: rcpt(family="L", client="/run/x"))
    cases.run("no macros, but an address: a stranger", RELAY_DENIED,
              lambda: rcpt(listener=None, daemon_port=None))
    cases.run("an address that is none: the next session is well", ["continue", RELAY_DENIED],
              lambda: bounded(daemon, lambda m: m.connect(address="unknown"))[-2:])
    cases.run("127.0.0.1 with a port: not local submission", RELAY_DENIED,
              lambda: rcpt(client="127.0.0.1"))
    cases.run("127.0.0.1 without a port, but a listener's: not local submission", RELAY_DENIED,
              lambda: rcpt(client="127.0.0.1", port=0, daemon_port="25"))
    cases.run("127.0.0.2 without ports: not local submission", RELAY_DENIED,
              lambda: rcpt(client="127.0.0.2", port=0, daemon_port="0"))
    cases.run("::1 without ports: not local submission", RELAY_DENIED,
              lambda: rcpt(client="::1", port=0, daemon_port="0"))
    cases.run("the name may hold anything", "continue",
              lambda: connected(name='a b"\\\x01\xff%s'))


POSTFIX_LOCAL = {"client": "127.0.0.1", "port": 0, "name": "localhost",
                 "listener": "mx.example.com"}
LOCAL_WAYS = [
    ("Postfix, {daemon_port} 0", {**POSTFIX_LOCAL, "daemon_port": "0"}),
    ("Postfix, no {daemon_port}", {**POSTFIX_LOCAL, "daemon_port": None}),
    ("Sendmail -bs", {"family": "U", "name": "localhost", "listener": None, "daemon_port": None}),
]


def local_message(daemon, connection, sender, rcpt):
    """The answers to MAIL and RCPT, and to end of message where MAIL went through."""
    with Session(daemon, **connection) as session:
        heard = [session.mail(sender, queue_id="4XYZ")]
        if heard[0] in (SILENT, "continue"):
            heard += [session.rcpt(rcpt, queue_id="4XYZ"), session.end("4XYZ")]
        return heard


@part
def local_submission(cases, program):
    delayed = Daemon(program, config()).start()
    at_once = Daemon(program, config(delay="no")).start()
    spoken = {"steps": milter.ALL_STEPS & ~milter.NR_MAIL}
    good = [("our sender to anywhere", "alice@example.com", "carol@example.net"),
            ("a role sender", "postmaster@example.com", "carol@example.net"),
            ("the null sender as an empty string", "", "bob@example.com"),
            ("a recipient nobody can read", "alice@example.com", "a%b@c@d"),
            ("an empty recipient", "alice@example.com", "")]

    for way, connection in LOCAL_WAYS:
        for name, sender, rcpt in good:
            cases.run(f"{way}: {name} passes", [SILENT, "continue", "continue"], local_message,
                      delayed, connection, sender, rcpt)
        cases.run(f"{way}: refused at end of message", [SILENT, "continue", BLOCKED_SENDER],
                  local_message, delayed, connection, "spam@bad.example", "bob@example.com")
        # libmilter gives the answer that the filter has negotiated away
        cases.run(f"{way}: so too where the MTA waits for a reply to MAIL",
                  ["continue", "continue", BLOCKED_SENDER], local_message, delayed,
                  {**connection, **spoken}, "spam@bad.example", "bob@example.com")
        cases.run(f"{way}: refused at MAIL, delay_reject no", [BLOCKED_SENDER], local_message,
                  at_once, connection, "spam@bad.example", "bob@example.com")

        def two():
            with Session(delayed, **connection) as session:
                heard = []
                for sender in ("spam@bad.example", "alice@example.com"):
                    heard += [session.mail(sender), session.rcpt("carol@example.net"),
                              session.end("4XYZ")]
                return heard
        cases.run(f"{way}: a refusal does not reach the next message",
                  [SILENT, "continue", BLOCKED_SENDER, SILENT, "continue", "continue"], two)


# ---------------------------------------------------------------- what is no MTA

def connect_raw(daemon):
    family = socket.AF_UNIX if isinstance(daemon.address, str) else socket.AF_INET
    raw = socket.socket(family, socket.SOCK_STREAM)
    raw.settimeout(PATIENCE)
    raw.connect(daemon.address)
    return raw


def throw(daemon, data):
    """Sends bytes and hangs up."""
    with connect_raw(daemon) as raw:
        try:
            raw.sendall(data)
        except OSError:
            pass    # the daemon may have hung up before


def hangs_up(daemon, data, last=False):
    """Whether the daemon ends the connection after these bytes: by itself, or, where they are the
    last ones, when it has read them."""
    with connect_raw(daemon) as raw:
        try:
            raw.sendall(data)
            if last:
                raw.shutdown(socket.SHUT_WR)
            while raw.recv(4096):
                pass
        except (ConnectionError, BrokenPipeError):
            return True
        except socket.timeout:
            return False
        return True


def packet(command, data=b""):
    return struct.pack(">I", len(data) + 1) + command + data


OPTNEG = packet(b"O", struct.pack(">III", 6, milter.ALL_ACTIONS, milter.ALL_STEPS))
CONNECT = packet(b"C", b"host\0" + b"4" + struct.pack(">H", 25) + b"192.0.2.1\0")


def memory_kib(daemon):
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])


@part
def garbage(cases, program):
    delayed = Daemon(program, config()).start()
    inet = Daemon(program, config(), inet=True).start()
    pieces = [("at once", b""), ("in the middle of a length", OPTNEG[:2]),
              ("in the middle of a negotiation", OPTNEG[:9]), ("after a negotiation", OPTNEG),
              ("in the middle of CONNECT", OPTNEG + CONNECT[:9]),
              ("after CONNECT", OPTNEG + CONNECT),
              ("in the middle of MAIL", OPTNEG + CONNECT + packet(b"M", b"<a@b>\0")[:7]),
              ("in a message", OPTNEG + CONNECT + packet(b"M", b"<a@b>\0"))]
    for daemon, kind in ((delayed, "unix"), (inet, "inet")):
        for name, data in pieces:
            throw(daemon, data)
            cases.run(f"{kind}: a probe hangs up {name}; the next session is well", WELL,
                      lambda: talk(daemon, "<carol@example.net>")[1:])

    before = memory_kib(delayed)
    for name, length in (("4 GB", 0xFFFFFFFF), ("2 GB", 0x7FFFFFFF), ("16 MB", 1 << 24)):
        cases.run(f"a packet that claims {name} is not waited for", True, hangs_up, delayed,
                  struct.pack(">I", length) + b"O" + b"x" * 1000)
    cases.run("a packet of no bytes: the next session is well", WELL, lambda: (
        throw(delayed, OPTNEG + struct.pack(">I", 0) + CONNECT),
        talk(delayed, "<carol@example.net>")[1:])[1])
    odd = {"an unknown command": packet(b"z", b"x"), "macros without end": packet(b"D", b"C{a"),
           "macros of no command": packet(b"D"), "an odd number of macros": packet(b"D", b"Ci\0"),
           "MAIL without end": packet(b"M", b"<a@b"),
            "CONNECT without family": packet(b"C", b"h\0"),
           "CONNECT of nothing": packet(b"C"), "a short negotiation": packet(b"O", b"\0\0"),
           "a negotiation of version 99": packet(b"O", struct.pack(">III", 99, 0, 0))}
    for name, data in odd.items():
        throw(delayed, OPTNEG + data)
        throw(delayed, OPTNEG + CONNECT + data)
        cases.run(f"{name}: the next session is well", WELL,
                  lambda: talk(delayed, "<carol@example.net>")[1:])
    cases.run("noise of 300 connections: the next session is well", WELL, noise, delayed)
    # the sanitizers keep what was freed for a while
    cases.same("memory stays bounded", True, memory_kib(delayed) - before < 300 * 1024)


def noise(daemon):
    source = random.Random(1)
    letters = b"OCHMRTELBNADQKU"
    for _ in range(300):
        data = OPTNEG if source.random() < 0.8 else b""
        for _ in range(source.randrange(8)):
            body = source.randbytes(source.randrange(40))
            data += packet(source.choice(letters).to_bytes(1, "big"), body)
        throw(daemon, data)
    return talk(daemon, "<carol@example.net>")[1:]


# ---------------------------------------------------------------- many at once

MIXED = [({"connection": {"client": KILLED}}, [BLOCKED_CLIENT]),
         ({"login": BOB, "tls": "TLSv1.3", "sender": "<alice@example.com>"},
          ["continue", SILENT, NOT_OWNED]),
         ({"sender": "<postmaster@example.com>"}, ["continue", SILENT, ROLE]),
         ({"sender": "<alice@example.com>"}, ["continue", SILENT, UNKNOWN_USER]),
         ({}, ["continue", SILENT, "continue"])]


@part
def in_parallel(cases, program):
    daemon = Daemon(program, config()).start()
    wrong = []
    ready = threading.Barrier(50)

    def one(number):
        doing, expected = MIXED[number % len(MIXED)]
        try:
            ready.wait()
            for _ in range(4):
                got = talk(daemon, **doing)
                if got != expected:
                    wrong.append((number, got))
        except (Failure, OSError, threading.BrokenBarrierError) as error:
            wrong.append((number, repr(error)))
    threads = [threading.Thread(target=one, args=(n,)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cases.same("50 connections in parallel, mixed verdicts", [], wrong)
    lines = daemon.new_verdicts()
    cases.same("... one line a refusal", 160, len(lines))
    cases.same("... each line is whole", [], [
        line for line in lines if not re.fullmatch(r"verdict=reject .* gen=1", line)])


# ---------------------------------------------------------------- very long

LONG_LOGIN = "l" * 5000 + "@example.com"


@part
def very_long(cases, program):
    strict = Daemon(program, config(realm="example.com")).start()
    lax = Daemon(program, config(on_error="accept", realm="example.com")).start()
    long_domain = "alice@" + "d" * 5000
    for name, login in (("local part", LONG_LOGIN), ("domain", long_domain)):
        mail = {"login": login, "tls": "TLSv1.3", "sender": "<bob@example.com>"}
        cases.run(f"a login with a long {name}, on_error tempfail", ["continue", SILENT,
                  CANNOT_DECIDE], lambda: talk(strict, **mail))
        cases.run(f"a login with a long {name}, on_error accept", ["continue", SILENT, "continue"],
                  lambda: talk(lax, **mail))
        lines = lax.new_verdicts()
        cases.same("... the log says so", ["accept", "on_error"], [
            field(lines[0], "verdict"), field(lines[0], "rule")] if lines else lines)
        cases.same("... nothing was said", ["-"], [field(line, "reply") for line in lines[:1]])
        cases.same("... nobody else is named as the login", [], [
            line for line in lines + strict.new_verdicts() if field(line, "login") == ALICE])
        cases.run("... nor counts as authenticated, or not, by how it is too long",
                  ["continue", SILENT, "continue"],
                  lambda: talk(lax, "<carol@example.net>", **mail))
    for name, address in (("local part", "a" * 257 + "@example.com"),
                          ("domain", "a@" + "d" * 256), ("everything", "a" * 60000)):
        for daemon, mode in ((strict, "tempfail"), (lax, "accept")):
            cases.run(f"a sender with a long {name}, on_error {mode}", ["continue", SILENT,
                      BAD_SENDER], lambda: talk(daemon, sender=f"<{address}>", addr=""))
            cases.run(f"a recipient with a long {name}, on_error {mode}",
                      ["continue", SILENT, BAD_RCPT], lambda: talk(daemon, f"<{address}>",
                                                                   connection={"macros": "none"}))
    strict.new_lines()
    two_kb = "<" + "a" * 2000 + "@example.net>"
    cases.run("an address of 2000 bytes in a reply is cut", True, lambda: len(talk(
        strict, two_kb, connection={"macros": "none"})[-1]) < 600)
    cases.run("sender and recipient of 2000 bytes: refused", BAD_SENDER, lambda: talk(
        strict, two_kb, sender=two_kb, addr="")[-1])
    lines = strict.new_verdicts()
    cases.same("... the log line has every field", KEYS, keys(lines[-1]) if lines else lines)
    short_lines(cases, strict)
    cases.run("a name of 60000 bytes", [BLOCKED_CLIENT], lambda: talk(
        strict, connection={"client": KILLED, "name": "n" * 60000}))
    lines = strict.new_verdicts()
    cases.same("... the log line has every field", KEYS, keys(lines[-1]) if lines else lines)
    cases.run("macros of 60000 bytes", ["continue", SILENT, "continue"], lambda: talk(
        strict, connection={"listener": "l" * 30000, "daemon_port": "9" * 30000}))
    cases.run("a mechanism of 5000 bytes is not accepted", MECHANISM, lambda: talk(
        strict, login=BOB, mech="PLAIN" * 1000, tls="TLSv1.3")[-1])


def short_lines(cases, daemon):
    """1,024 bytes are what every syslog takes, with what it puts in front."""
    for filler in ("a", "\x1b", '"', "\xc3\xa9", "\x80"):
        for n in (10, 60, 100, 200, 500, 2000):
            address = "<" + filler * n + "@example.net>"
            daemon.new_lines()
            talk(daemon, address, sender=address, addr="",
                 connection={"name": filler * n, "listener": filler * n, "macros": "none"})
            line = daemon.new_verdicts()[-1]
            cases.same(f"{n} times {filler!r}: every field, in a line that fits", (KEYS, True),
                       (keys(line), len(line) <= 900))
            cases.same("... what decided is whole", (True, "1"),
                       (bool(re.fullmatch(r"default|[\w./]+:\d+", field(line, "at"))),
                        field(line, "gen")))
            cases.same("... a line that is cut says so, and is well used", True,
                       n == 10 or ("..." in line and len(line) > 700) or len(line) < 850)


# ---------------------------------------------------------------- the log

KEYS = ["verdict", "rule", "stage", "s", "q", "client", "name", "listener", "login", "mech",
        "from", "to", "domain", "at", "reply", "gen"]
PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^ "]*)(?: |$)')


def pairs(line):
    """[(key, value as written), ...], and what is left over under "?"."""
    found, at = [], 0
    for match in PAIR.finditer(line):
        if match.start() != at:
            break
        found.append((match[1], match[2]))
        at = match.end()
    return found + ([("?", line[at:])] if at < len(line) else [])


def keys(line):
    """Without note=, which is there where a list's entry has one."""
    return [key for key, _ in pairs(line) if key != "note"]


def field(line, key):
    return dict(pairs(line)).get(key)


def log_of(daemon, function):
    daemon.new_lines()
    function()
    return daemon.new_verdicts()


@part
def the_log(cases, program):
    daemon = Daemon(program, config(accepted="yes")).start()
    monitored = Daemon(program, config(auth_tls="monitor", foreign="monitor")).start()

    cases.run("refused at RCPT", [
        "verdict=reject rule=local_sender_auth stage=rcpt s=S-1 q=- client=192.0.2.1 "
        "name=host.example listener=smtp:25 login=- mech=- from=alice@example.com "
        "to=bob@example.com domain=example.com at=domains/example.com.ini:4 "
        f'reply="{UNKNOWN_USER}" gen=1'],
        log_of, daemon, lambda: talk(daemon, sender="<alice@example.com>"))
    cases.run("refused at CONNECT, with the list's line and note", [
        "verdict=reject rule=kill_client stage=connect s=S-0 q=- client=203.0.113.66 "
        "name=host.example listener=smtp:25 login=- mech=- from=- to=- domain=- "
        f'at=kill.list:1 note="open relay" reply="{BLOCKED_CLIENT}" gen=1'],
        log_of, daemon, lambda: talk(daemon, connection={"client": KILLED}))
    held = ("verdict=reject rule=sender_login_match stage=mail s=S-1 q=%s client=192.0.2.1 "
            "name=host.example listener=smtp:25 login=bob@example.com mech=PLAIN "
            "from=alice@example.com to=%s domain=example.com at=" +
            f'{at("sender_login_match")} reply="{NOT_OWNED}" gen=1')
    cases.run("held, said to two recipients, with the queue id once it is there",
              [held % ("-", "bob@example.com"), held % ("4XYZ", "carol@example.net")],
              log_of, daemon, lambda: held_twice(daemon))
    cases.run("the queue id at the end, only of what was logged before", [
        "verdict=reject rule=outgoing_auth stage=rcpt s=S-1 q=- client=192.0.2.1 "
        "name=host.example listener=smtp:25 login=- mech=- from=x@remote.example "
        f"to=carol@example.net domain=- at={at('outgoing_auth')} "
        f'reply="{RELAY_DENIED}" gen=1',
        "s=S-1 q=4ABC"], lambda: [line for line in log_of(daemon, lambda: one_of_two(daemon))
                                  if "verdict=accept" not in line])
    cases.run("an accepted recipient, where [log] accepted asks for it", [
        "verdict=accept rule=- stage=rcpt s=S-1 q=- client=192.0.2.1 name=host.example "
        "listener=smtp:25 login=- mech=- from=x@remote.example to=bob@example.com domain=- "
        "at=- reply=- gen=1"], log_of, daemon, lambda: talk(daemon))
    cases.run("monitored rules: each once a message, not once a recipient", [
        "verdict=would-reject rule=auth_tls stage=mail s=S-1 q=- client=192.0.2.1 "
        "name=host.example listener=smtp:25 login=bob@example.com mech=LOGIN "
        "from=x@remote.example to=- domain=- at=" + at("auth_tls") + " "
        f'reply="{TLS_REQUIRED}" gen=1',
        "verdict=would-reject rule=foreign_sender_match stage=mail s=S-1 q=- client=192.0.2.1 "
        "name=host.example listener=smtp:25 login=bob@example.com mech=LOGIN "
        "from=x@remote.example to=- domain=- at=" + at("foreign_sender_match") + " "
        f'reply="{FOREIGN}" gen=1', "s=S-1 q=4DEF"],
        log_of, monitored, lambda: monitored_message(monitored))
    cases.run("what cannot be decided", [
        "verdict=tempfail rule=on_error stage=mail s=S-1 q=- client=192.0.2.1 "
        "name=host.example listener=smtp:25 login=- mech=- from=bob@example.com "
        "to=bob@example.com domain=- at=- note=\"the login is too long\" "
        f'reply="{CANNOT_DECIDE}" gen=1'],
        log_of, daemon, lambda: talk(daemon, sender="<bob@example.com>", login=LONG_LOGIN))
    cases.run("local submission, refused at the end", [
        "verdict=reject rule=kill_sender stage=mail s=S-1 q=4XYZ client=127.0.0.1 name=localhost "
        "listener=mx.example.com login=- mech=- from=spam@bad.example to=- domain=- "
        f'at=kill.list:4 note="bought list" reply="{BLOCKED_SENDER}" gen=1', "s=S-1 q=4XYZ"],
        lambda: [line for line in log_of(daemon, lambda: local_message(
            daemon, LOCAL_WAYS[0][1], "spam@bad.example", "bob@example.com"))
            if "verdict=accept" not in line])
    quoting(cases, daemon)
    odd_queue_ids(cases, monitored)
    numbering(cases, daemon)


def held_twice(daemon):
    with Session(daemon) as session:
        session.mail("<alice@example.com>", login=BOB, tls="TLSv1.3")
        session.rcpt("<bob@example.com>")
        session.rcpt("<carol@example.net>", queue_id="4XYZ")
        session.abort()


def one_of_two(daemon):
    with Session(daemon) as session:
        session.mail()
        session.rcpt("<carol@example.net>")
        session.rcpt("<bob@example.com>", queue_id="4ABC")
        session.end("4ABC")


def odd_queue_ids(cases, daemon):
    """A message of which something was logged, with ids that no MTA gives."""
    def message_of(queue_id):
        with Session(daemon) as session:
            session.mail(login=BOB, mech="LOGIN")
            session.rcpt("<bob@example.com>")
            session.rcpt("<carol@example.net>")
            session.end(queue_id)
    for queue_id, shown in (("4A\nverdict=accept", r'"4A\x0averdict=accept"'),
                            ("4 B", '"4 B"'), ("4\xc2\x9b31m\xe2\x80\xae", r'"4\xc2\x9b31m\xe2\x80\xae"')):
        lines = log_of(daemon, lambda: message_of(queue_id))
        cases.same(f"the queue id {queue_id!r}, in the last line", f"s=S-1 q={shown}", lines[-1])
        cases.same("... which is the only one of its kind", 1,
                   sum(line.startswith("s=") for line in lines))


def monitored_message(daemon):
    with Session(daemon) as session:
        session.mail(login=BOB, mech="LOGIN")
        session.rcpt("<bob@example.com>")
        session.rcpt("<carol@example.net>")
        session.end("4DEF")


def quoting(cases, daemon):
    odd = 'a b"c\\d\x01e\x7f'

    def refused():
        talk(daemon, sender="<spam@bad.example>\nverdict=accept", addr="spam@bad.example",
             login='m"m@x y', mech="PLAIN", tls="TLSv1.3",
             connection={"name": odd, "listener": "my smtp"})
    lines = log_of(daemon, refused)
    cases.same("a value with a newline stays on one line", 1, len(lines))
    line = lines[0] if lines else ""
    cases.same("... every field, in order", KEYS, keys(line))
    cases.same("blanks, quotes, backslashes and control bytes", r'"a b\"c\\d\x01e\x7f"',
               field(line, "name"))
    cases.same("... a login", r'"m\"m@x y"', field(line, "login"))
    cases.same("... a listener", '"my smtp:25"', field(line, "listener"))
    lines = log_of(daemon, lambda: talk(daemon, connection={"client": KILLED, "name": "-"}))
    cases.same('a value that is "-" can be told from none', '"-"', field(lines[0], "name"))
    lines = log_of(daemon, lambda: talk(daemon, connection={"client": KILLED, "listener": "",
                                                            "daemon_port": ""}))
    cases.same("empty values", ["-", "-"], [field(lines[0], "listener"), field(lines[0], "login")])


def numbering(cases, daemon):
    def two():
        with Session(daemon) as session:
            message(session, "<carol@example.net>")
            message(session, "<carol@example.net>")
    lines = log_of(daemon, two)
    cases.same("messages of a connection are counted", ["S-1", "S-2"],
               [field(line, "s") for line in lines])
    for _ in range(3):
        talk(daemon, "<carol@example.net>")
    numbers = [field(line, "s") for line in daemon.new_lines()]
    cases.same("connections have different numbers", 3, len(set(numbers)))


# ---------------------------------------------------------------- reload

def generation(line):
    return int(field(line, "gen") or 0)


@part
def reload(cases, program):
    daemon = Daemon(program, config()).start()
    later = "554 5.7.1 Client 192.0.2.7 is blocked"
    client = {"client": "192.0.2.7"}
    spoken = {"steps": milter.ALL_STEPS & ~milter.NR_MAIL}

    cases.run("not killed yet", ["continue", SILENT, "continue"],
              lambda: talk(daemon, connection=client))
    with Session(daemon, **client) as silent, Session(daemon, **client, **spoken) as heard, \
            Session(daemon, **{**LOCAL_WAYS[0][1]}) as local:
        heard.mail()
        daemon.write("kill.list", KILL + "192.0.2.7\n127.0.0.1\n")
        daemon.reload()
        cases.run("SIGHUP takes a changed kill.list", [later],
                  lambda: talk(daemon, connection=client))
        cases.run("a message goes on under the policy of its MAIL", "continue", heard.rcpt)
        heard.abort()
        cases.run("a long connection is judged again at MAIL", ["continue", later], message, heard)
        cases.run("... MAIL is silent", [SILENT, later], message, silent)
        cases.run("... local submission: at the end", [SILENT, "continue",
                  "554 5.7.1 Client 127.0.0.1 is blocked"],
                  lambda: [local.mail("a@example.com"), local.rcpt("b@example.net"), local.end()])
        daemon.write("kill.list", KILL)
        daemon.reload()
        cases.run("... and let go again", ["continue", "continue"], message, heard)
    at_mail(cases, program)
    broken_files(cases, daemon)
    judged_by_its_mail(cases, daemon)
    flags_of_negotiation(cases, daemon)
    restart_settings(cases, daemon)


def at_mail(cases, program):
    daemon = Daemon(program, config(delay="no", kill="")).start()
    with Session(daemon) as session:
        daemon.write("kill.list", STRANGER + "\n")
        daemon.reload()
        cases.run("a long connection is judged again, delay_reject no",
                  f"554 5.7.1 Client {STRANGER} is blocked", session.mail)
        daemon.write("kill.list", "")
        # SIGHUP also takes a file of no bytes
        daemon.reload()
        cases.run("... and let go again", ["continue", "continue"], message, session)


def broken_files(cases, daemon):
    daemon.write("authgate.ini", "[rules]\nkill_clients = off\n")
    lines = daemon.reload()
    cases.same("a broken authgate.ini: file and line", True,
               any(line.startswith("authgate.ini:2: error:") for line in lines))
    cases.same("... the old policy stays, and it is said", True,
               any("the old policy stays" in line for line in lines))
    cases.run("... and decides", [BLOCKED_CLIENT],
              lambda: talk(daemon, connection={"client": KILLED}))
    os.unlink(daemon.config())
    lines = daemon.reload()
    cases.same("a missing authgate.ini: the old policy stays", True,
               any("the old policy stays" in line for line in lines))
    cases.run("... and decides", [BLOCKED_CLIENT],
              lambda: talk(daemon, connection={"client": KILLED}))
    daemon.write("authgate.ini", config()["authgate.ini"])
    daemon.write("kill.list", KILL + "10.1\n")
    lines = daemon.reload()
    cases.same("a bad line in a list is said", True, any("kill.list:6:" in line for line in lines))
    cases.run("... and the rest holds", [BLOCKED_CLIENT],
              lambda: talk(daemon, connection={"client": KILLED}))
    daemon.write("kill.list", KILL)
    daemon.reload()


def judged_by_its_mail(cases, daemon):
    """One message begins before a reload, the next after it."""
    daemon.new_lines()
    with Session(daemon) as session:
        session.mail("<alice@example.com>")
        first = session.rcpt()
        daemon.write("domains/example.com.ini", DOMAIN.replace("auth = enforce", "auth = off"))
        daemon.reload()
        second = session.rcpt()
        session.abort()
        session.mail("<alice@example.com>")
        third = session.rcpt()
        session.abort()
        daemon.write("domains/example.com.ini", DOMAIN)
        daemon.reload()
        session.mail("<alice@example.com>")
        fourth = session.rcpt()
    cases.same("a message is judged from MAIL to its end by the policy of its MAIL",
               [UNKNOWN_USER, UNKNOWN_USER, "continue", UNKNOWN_USER],
               [first, second, third, fourth])
    numbers = [generation(line) for line in daemon.new_verdicts()]
    cases.same("... gen= is that of the policy that decided", [True, True],
               [numbers[0] == numbers[1], numbers[1] < numbers[-1]])


def flags_of_negotiation(cases, daemon):
    """delay_reject changes in the file, which takes a restart."""
    with Session(daemon) as old:
        daemon.write("authgate.ini", config(delay="no")["authgate.ini"])
        daemon.reload()
        cases.run("delay_reject no: an open connection keeps its silence at MAIL",
                  [SILENT, BLOCKED_SENDER],
                  lambda: message(old, sender="<spam@bad.example>"))
        cases.run("... and so does a new one", SILENT,
                  lambda: talk(daemon, sender="<spam@bad.example>")[1])
        message(old)
        old.mail()
        old.rcpt()
        old.end()
        old.milter.quit_nc()
        cases.run("... after QUIT_NC, where the MTA still waits for no reply to MAIL",
                  ["continue", SILENT, BLOCKED_SENDER], lambda: [old.milter.connect(macros={})] +
                  message(old, sender="<spam@bad.example>"))
    daemon.write("authgate.ini", config()["authgate.ini"])
    daemon.reload()


def restart_settings(cases, daemon):
    daemon.write("authgate.ini", config(milter="socket_mode = 0666")["authgate.ini"])
    lines = daemon.reload()
    cases.same("a changed [milter] setting needs a restart, and the log says so", True,
               any("socket_mode" in line and "restart" in line for line in lines))


    daemon.write("authgate.ini", config()["authgate.ini"])
    daemon.reload()


@part
def on_error_needs_a_restart(cases, program):
    for before, after, answer in (("tempfail", "accept", CANNOT_DECIDE),
                                  ("accept", "tempfail", "continue")):
        daemon = Daemon(program, config(on_error=before)).start()
        mail = {"login": LONG_LOGIN, "tls": "TLSv1.3", "sender": "<bob@example.com>"}
        with Session(daemon) as session:
            daemon.write("authgate.ini", config(on_error=after)["authgate.ini"])
            lines = daemon.reload()
            cases.same(f"on_error {after} in place of {before}: the log says that it takes a "
                       "restart", ["[milter] on_error has changed; it takes a restart to come "
                                   "into force"],
                       [line for line in lines if "restart" in line])
            cases.run("... an open connection has the old one", [SILENT, answer],
                      lambda: message(session, **mail))
        cases.run("... and so has a new one", ["continue", SILENT, answer],
                  lambda: talk(daemon, **mail))
        cases.run("... all else is taken", True, lambda: daemon.generations()[-1] > 1)
        lines = daemon.reload()
        cases.same("... it is said again at the next reload", True,
                   any("on_error" in line for line in lines))
        daemon.write("authgate.ini", config(on_error=before)["authgate.ini"])
        cases.same("... and no more when it is as it was", False,
                   any("restart" in line for line in daemon.reload()))


def loaded_anew(daemon, times, sessions=lambda: None):
    """Reloads, with what sessions() gives opened before each and kept: all of them."""
    kept = []
    for i in range(times):
        kept.append(sessions())
        daemon.write("domains.list", f"{i}.example\n")
        daemon.reload()
    return kept


@part
def idle_connections(cases, program):
    """They hold no policy that has been replaced."""
    def after_a_message():
        session = Session(daemon)
        message(session)
        return session
    # a sanitizer keeps what was given back, but knows when it is used
    measured = not is_sanitized(program)
    size = 40000 if measured else 100
    kinds = (("networks, so that CONNECT has a reply", "11.%d.%d.7\n"),
             ("no network, so that it has none", "login:user%d.%d@example.net\n"))
    for name, entry in kinds:
        for kind, sessions in (("CONNECT", lambda: Session(daemon)),
                               ("a message", after_a_message)):
            daemon = Daemon(program, {
                "authgate.ini": "[milter]\nsocket = @SOCKET@\n"
                                "[lists]\nlocal_domains = domains.list\n",
                "domains.list": "",
                "kill.list": "".join(entry % (i >> 8, i & 255) for i in range(size))}).start()
            loaded_anew(daemon, 4)
            before = memory_kib(daemon)
            kept = loaded_anew(daemon, 8, sessions)
            cases.same(f"{name}; connections that are idle after {kind}: each is judged",
                       {"continue"}, {message(session)[-1] for session in kept})
            # eight such policies take 5 MB at least
            if measured:
                cases.same("... and memory does not grow", True, wait_for(
                    lambda: memory_kib(daemon) - before < 2048))
            for session in kept:
                session.milter.hang_up()
            daemon.terminate()


# ---------------------------------------------------------------- syslog

class SyslogDaemon(Daemon):
    """One that logs to syslog, which is a socket of ours; needs root for a /dev of its own.

    log() gives the messages as they come: "<PRIORITY>DATE IDENT[PID]: TEXT".
    """

    SCRIPT = ('mount -t tmpfs none /dev && ln -s /proc/self/fd /dev/fd && ln -s "$1" /dev/log && '
              'exec "$2" run -c "$3"')

    def launch(self):
        self.receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.receiver.bind(os.path.join(self.folder, "log"))
        threading.Thread(target=self.receive, daemon=True).start()
        with open(self.log_name, "ab") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", self.SCRIPT, "sh", self.receiver.getsockname(),
                 self.program, self.config()], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def receive(self):
        with open(self.log_name, "ab", buffering=0) as log:
            while True:
                log.write(self.receiver.recv(65536) + b"\n")

    @staticmethod
    def is_possible():
        try:
            return subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/dev"],
                                  stderr=subprocess.DEVNULL, check=False).returncode == 0
        except FileNotFoundError:
            return False


PRIORITY = re.compile(r"<(\d+)>.* (\S+)\[\d+\]: policy gen=\d+ is in force")
MAIL_INFO, LOCAL3_INFO = 2 * 8 + 6, 19 * 8 + 6


def log_config(**settings):
    files = config()
    lines = "".join(f"{key} = {value}\n" for key, value in settings.items())
    files["authgate.ini"] = files["authgate.ini"].replace("[log]\n", "[log]\n" + lines)
    return files


@part
def syslog(cases, program):
    """[log] changes without a restart."""
    if not SyslogDaemon.is_possible():
        cases.skip("syslog", "no /dev of its own can be had here")
        return
    daemon = SyslogDaemon(program, config()).start()

    def loaded(lines):
        return [(int(found[1]), found[2]) for found in map(PRIORITY.search, lines) if found]
    cases.same("syslog: facility and ident by default", [(MAIL_INFO, "authgate")],
               loaded(daemon.log()))
    for settings, expected in (
            ({"ident": "gate-2", "facility": "local3"}, (LOCAL3_INFO, "gate-2")),
            ({"ident": "i" * 200}, (MAIL_INFO, "i" * 63)),
            ({"ident": "a%sb%n"}, (MAIL_INFO, "a%sb%n")),
            ({}, (MAIL_INFO, "authgate"))):
        daemon.write("authgate.ini", log_config(**settings)["authgate.ini"])
        lines = daemon.reload()
        cases.same(f"a reload takes [log] {settings}", [expected], loaded(lines)[-1:])
        cases.run("... without a restart being asked for", [],
                  lambda: [line for line in lines if "restart" in line])
        # the policy that held the old name is gone
        daemon.reload()
        daemon.new_lines()
        cases.run("... and it answers", WELL, lambda: talk(daemon, "<carol@example.net>")[1:])
        cases.same("... under that name", [expected[1]], wait_for(
            lambda: [re.search(r" (\S+)\[\d+\]: verdict=reject", line)[1]
                     for line in daemon.log()[daemon.count:] if "verdict=" in line]))


@part
def no_syslog(cases, program):
    """Lines that nobody takes are counted, and told of once somebody is there."""
    if not SyslogDaemon.is_possible():
        print("# skipped: no /dev of its own can be had here", flush=True)
        return
    daemon = SyslogDaemon(program, config()).start()

    def lost():
        return json.loads(daemon.says())["log_lines_lost"]
    cases.same("with a syslog nothing is lost", 0, lost())
    place = daemon.receiver.getsockname()
    os.rename(place, place + ".away")
    for _ in range(3):
        talk(daemon, "<carol@example.net>")
    wait_for(lambda: daemon.lines_waiting() == 0, 60)
    cases.same("without: counted", 3, lost())
    os.rename(place + ".away", place)
    talk(daemon, "<carol@example.net>")
    cases.same("... and told when it is there again", True, bool(wait_for(
        lambda: [line for line in daemon.log() if "3 log lines were lost, because nobody "
                 "listened at /dev/log" in line], 60)))
    cases.same("... once", 3, lost())


CONTENT = ("[rules]\nfrom_header_match = enforce\n[auth]\nresults_header = yes\n"
           "[archive]\nenabled = yes\nmin_free = 0\ndir = {}\n")


@part
def what_libmilter_says(cases, program):
    """It logs an error where a callback answers other than was negotiated."""
    if not SyslogDaemon.is_possible():
        cases.skip("what_libmilter_says", "no /dev of its own can be had here")
        return
    for delay, kill in (("yes", KILL), ("no", "login:mallory@example.com\n")):
        daemon = SyslogDaemon(program, config(delay=delay, kill=kill))
        daemon.write("authgate.ini", config(delay=delay, more=CONTENT.format(
            os.path.join(daemon.folder, "archive")))["authgate.ini"])
        daemon.start()
        for steps in (milter.ALL_STEPS, V1_STEPS, milter.ALL_STEPS & ~milter.NR_BODY):
            with Session(daemon, steps=steps) as session:
                session.mail()
                session.rcpt()
                cases.same(f"a message to its end, delay_reject {delay}, steps {steps:#x}",
                           "continue", session.end())
                message(session, "<carol@example.net>")
        daemon.settle()
        cases.same("... and libmilter finds no fault with it", [], [
            line for line in daemon.log() if "claimed" in line])


@part
def many_reloads(cases, program):
    daemon = Daemon(program, config()).start()
    wrong, done = [], []
    stop = threading.Event()

    def traffic(number):
        while not stop.is_set():
            doing, expected = MIXED[number % len(MIXED)]
            number += 1
            try:
                got = talk(daemon, **doing)
            except (Failure, OSError) as error:
                got = repr(error)
            done.append(number)
            if got != expected:
                wrong.append(got)
    threads = [threading.Thread(target=traffic, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for sent in range(20000):    # which no machine needs
        if daemon.status() is not None or sent >= 300 and len(done) > 50:
            break
        daemon.hang_up_signal()
        time.sleep(0.005)
    stop.set()
    for thread in threads:
        thread.join()
    cases.same("300 SIGHUPs under traffic: every session gets its verdict", [], wrong[:3])
    cases.same("... there was traffic", True, len(done) > 50)
    cases.same("... the daemon goes on", None, daemon.status())
    storm(daemon.process.pid)
    # a daemon that was told to stop takes no more connections
    cases.run("SIGHUPs from three processes without a pause: the daemon goes on", WELL,
              lambda: talk(daemon, "<carol@example.net>")[1:])
    cases.run("... the last change is taken", ["continue", SILENT, "continue"],
              lambda: last_change(daemon))


def storm(pid):
    """One sender leaves the daemon time to finish its handler; several do not."""
    senders = [subprocess.Popen([sys.executable, "-c", STORM, str(pid)]) for _ in range(3)]
    for sender in senders:
        sender.wait()


STORM = """
import os, signal, sys, time
end = time.monotonic() + 1
while time.monotonic() < end:
    try:
        os.kill(int(sys.argv[1]), signal.SIGHUP)
    except ProcessLookupError:
        break
"""


def last_change(daemon):
    daemon.write("kill.list", "login:mallory@example.com\n")
    for _ in range(20):
        daemon.hang_up_signal()
    wait_for(lambda: talk(daemon, connection={"client": KILLED})[0] != BLOCKED_CLIENT)
    # negotiated anew: no killed networks are left
    answers = talk(daemon, connection={"client": KILLED})
    return ["continue" if answer == SILENT and place == 0 else answer
            for place, answer in enumerate(answers)]


# ---------------------------------------------------------------- start and end

@part
def start_and_end(cases, program):
    daemon = Daemon(program, config()).start()
    second = Daemon(program, {name: text.replace("@SOCKET@", "unix:" + daemon.path)
                              for name, text in config().items()})
    status, lines = run_once(program, second)
    cases.same("a second daemon on a live socket: status 69 and one line", (69, 1),
               (status, len(lines)))
    cases.run("... the first one is not disturbed", WELL,
              lambda: talk(daemon, "<carol@example.net>")[1:])
    open_sessions = [Session(daemon), Session(daemon)]
    open_sessions[0].mail("<alice@example.com>", login=BOB, tls="TLSv1.3")
    daemon.terminate()
    cases.same("SIGTERM, with sessions open: status 0", 0, daemon.wait())
    cases.same("... the socket is gone", False, os.path.lexists(daemon.path))
    for session in open_sessions:
        session.milter.hang_up()


def fill(pipe):
    """Who writes to it stands still until somebody reads. The descriptor opened here is another
    one than the writer's, which goes on to wait."""
    again = os.open(f"/proc/self/fd/{pipe}", os.O_WRONLY | os.O_NONBLOCK)
    for size in (4096, 1):
        try:
            while True:
                os.write(again, b"x" * size)
        except BlockingIOError:
            pass
    os.close(again)


def answers_nobody(path):
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(path) != 0


@part
def next_daemon(cases, program):
    """It starts while the one before still waits for its log, and keeps its own sockets."""
    old = Daemon(program, config())
    reading_end, writing_end = os.pipe()
    old.launch(stderr=writing_end)
    while b"is in force" not in os.read(reading_end, 65536):
        pass
    fill(writing_end)
    os.close(writing_end)
    old.terminate()
    wait_for(lambda: answers_nobody(old.path), 60)
    old.process.send_signal(signal.SIGSTOP)
    new = Daemon(program, {name: text.replace("@SOCKET@", "unix:" + old.path)
                           for name, text in config().items()})
    new.path = new.address = old.path
    new.start()
    before = [os.stat(path).st_ino for path in (new.path, new.path + ".control")]
    old.process.send_signal(signal.SIGCONT)
    while os.read(reading_end, 65536):    # to its end
        pass
    os.close(reading_end)
    cases.same("a daemon that ends while its log stands still", 0, old.wait(60))
    cases.same("... leaves the sockets of the next one alone", before,
               [os.path.lexists(path) and os.stat(path).st_ino
                for path in (new.path, new.path + ".control")])
    cases.run("... which answers", WELL, lambda: talk(new, "<carol@example.net>")[1:])
    new.terminate()
    cases.same("... and which takes them away at its end", (0, []), (new.wait(60), [
        name for name in os.listdir(old.folder) if "sock" in name]))


def asked_to_end():
    """Before it begins: what a program is blocked from hearing waits for the next one."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    os.kill(os.getpid(), signal.SIGTERM)


@part
def end_in_a_crowd(cases, program):
    """SIGTERM comes while many connections speak at once."""
    statuses = []
    for _ in range(8):
        daemon = Daemon(program, config()).start()
        crowd = [Milter(daemon.address) for _ in range(60)]
        for mta in crowd:
            mta.connect()
        for n in range(40):
            if n == 20:
                daemon.terminate()
            for mta in crowd:
                with contextlib.suppress(Closed):
                    mta.send(b"A")
        statuses.append(daemon.wait())
        for mta in crowd:
            mta.hang_up()
    cases.same("SIGTERM while many speak: each ends with status 0", [0] * 8, statuses)


@part
def end_at_the_start(cases, program):
    """It comes while libmilter makes its threads, in whichever order these run."""
    daemons = [Daemon(program, config()).launch(preexec_fn=asked_to_end) for _ in range(20)]
    for daemon in daemons:
        daemon.asked_to_stop = True
    cases.same("SIGTERM before the start: each ends with status 0", {0},
               {daemon.wait(60) for daemon in daemons})
    cases.same("... and leaves no socket", set(), {
        os.path.basename(path) for daemon in daemons for path in os.listdir(daemon.folder)
        if "sock" in path})


# Many, so that there is time to send signals while it is read.
MANY_NETWORKS = "".join(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}\n" for n in range(100000))


def hang_up_while_it_loads(daemon):
    """Sends SIGHUP from when the program holds it back to when the socket is there: how often."""
    daemon.launch()
    wait_for(lambda: blocks_hangup(daemon) or daemon.status() is not None)
    sent = 0
    while not os.path.exists(daemon.path) and daemon.status() is None and sent < 10000:
        daemon.hang_up_signal()
        sent += 1
        time.sleep(0.001)
    for _ in range(100):
        if daemon.status() is None:
            daemon.hang_up_signal()
    return sent


def blocks_hangup(daemon):
    """Whether the program, not yet only its name, is there and holds SIGHUP back."""
    try:
        with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as status:
            blocked = re.search(r"^SigBlk:\s+(\w+)$", status.read(), re.M)
        return bool(int(blocked[1], 16) & 1 << signal.SIGHUP - 1)
    except (OSError, TypeError):
        return False


@part
def hang_up_at_the_start(cases, program):
    for _ in range(50):    # on a busy machine a start may be over before we look at it
        daemon = Daemon(program, config(kill=KILL + MANY_NETWORKS))
        sent = hang_up_while_it_loads(daemon)
        if sent:
            break
        daemon.kill()
    cases.same("SIGHUP before the socket is there: it was in time", True, sent > 0)
    wait_for(lambda: daemon.generations() or daemon.status() is not None)
    cases.same("... the daemon goes on", None, daemon.status())
    cases.run("... and answers", WELL, lambda: talk(daemon, "<carol@example.net>")[1:])
    daemon.write("kill.list", KILL + STRANGER + "\n")
    daemon.reload()
    cases.run("... and still reloads", f"554 5.7.1 Client {STRANGER} is blocked",
              lambda: wait_for_refusal(daemon))


def wait_for_refusal(daemon):
    """One of the signals of before may still have been at work."""
    return wait_for(lambda: [answer for answer in talk(daemon) if answer.startswith("554")])[0]


@part
def sockets(cases, program):
    stale = Daemon(program, config())
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(stale.path)
    cases.run("a stale socket is replaced", WELL,
              lambda: talk(stale.start(), "<carol@example.net>")[1:])
    stale.kill()
    cases.same("... a killed daemon leaves its socket", True, os.path.lexists(stale.path))
    stale.log_name += ".2"
    cases.run("... and a new one replaces it", WELL,
              lambda: talk(stale.start(), "<carol@example.net>")[1:])
    group = grp.getgrgid(os.getgid()).gr_name
    for mode in ("0600", "0660", "0666"):
        daemon = Daemon(program, config(
            milter=f"socket_mode = {mode}\nsocket_group = {group}")).start()
        cases.same(f"socket_mode {mode}", mode, "%04o" % (os.stat(daemon.path).st_mode & 0o7777))
    cases.same("socket_group", os.getgid(), os.stat(daemon.path).st_gid)
    cases.same("the default mode", "0660", "%04o" % (os.stat(stale.path).st_mode & 0o7777))
    other_user(cases, program)


def other_user(cases, program):
    """Needs root, as dropping privileges does."""
    if os.geteuid() != 0:
        return
    nobody = pwd.getpwnam("nobody")
    daemon = Daemon(program, config(milter="user = nobody"))
    os.chmod(daemon.folder, 0o755)
    daemon.start()
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as file:
        text = file.read()
    ids = [re.search(rf"^{kind}:\s+(.*)$", text, re.M)[1].split() for kind in ("Uid", "Gid")]
    cases.same("user: nothing of root is left",
               [[str(nobody.pw_uid)] * 4, [str(nobody.pw_gid)] * 4], ids)
    cases.run("... and it answers", WELL, lambda: talk(daemon, "<carol@example.net>")[1:])
    cases.run("... and reloads", True, lambda: bool(daemon.reload()))
    cases.same("user: what is root's is not read for him", [], roots_files(program))


# file, what it says, and what the line of the start begins with
ROOTS_FILES = [
    ("domains/example.com.ini", "[relay]\nfile = @FOLDER@/secret\n",
     "domains/example.com.ini:2: error: @FOLDER@/secret cannot be read"),
    ("domains/example.com.ini", "[domain]\naccounts = @FOLDER@/secret\n",
     "domains/example.com.ini:2: error: @FOLDER@/secret cannot be read"),
    ("secret.map", "", "authgate.ini:22: error: @FOLDER@/secret cannot be read"),
    ("domains/secret.ini", "", "domains/secret.ini: error: the file cannot be read"),
]


def roots_files(program):
    """What is not as it should be: no line of such a file is shown, and the user is named."""
    wrong = []
    for name, text, expected in ROOTS_FILES:
        daemon = Daemon(program, config(milter="user = nobody", more=""))
        daemon.open_to_all()
        daemon.write("secret", "root:$y$j9T$secret\n")
        daemon.write(name, text.replace("@FOLDER@", daemon.folder))
        if name == "secret.map":
            daemon.write("authgate.ini", config(
                milter="user = nobody", more=f"[lists]\nkill = {daemon.folder}/secret\n"
            )["authgate.ini"])
        os.chmod(os.path.join(daemon.folder, "secret"), 0o600)
        if "secret" in name:
            os.chmod(os.path.join(daemon.folder, name), 0o600)
        status, lines = run_once(program, daemon)
        line = f"{daemon.folder}/{expected.replace('@FOLDER@', daemon.folder)}: " \
            "Permission denied for the user nobody"
        if (status, lines[:1]) != (78, [line]) or any("$y$" in each for each in lines):
            wrong += [(status, line, lines)]
        if os.path.lexists(daemon.path):
            wrong += ["a socket is left"]
    return wrong


REFUSED_STARTS = [
    ("an unknown user", config(milter="user = no-such-user-here"), 78, 1),
    ("an unknown group", config(milter="socket_group = no-such-group-here"), 78, 1),
    ("an unknown key", config(more="[rules2]\n"), 78, None),
    ("a wrong value", config(delay="on"), 78, 1),
    ("a wrong socket", config(milter="socket = inet:0@127.0.0.1"), 78, None),
    ("a missing list that is named", config(more="[lists]\nrelay = absent.list\n"), 78, 1),
]


@part
def refused_starts(cases, program):
    for name, files, expected, count in REFUSED_STARTS:
        daemon = Daemon(program, files)
        status, lines = run_once(program, daemon)
        cases.same(f"{name}: status", expected, status)
        cases.same(f"{name}: lines", count or True, len(lines) if count else len(lines) > 0)
        cases.same(f"{name}: no socket is left", False, os.path.lexists(daemon.path))
    cases.same("no such file: status 66", 66, run_once(program, Daemon(program, {}))[0])
    blocked = Daemon(program, config())
    with open(blocked.path, "w", encoding="ascii"):
        pass
    status, lines = run_once(program, blocked)
    cases.same("a file where the socket should be: status 78, and it stays", (78, 1, True),
               (status, len(lines), os.path.isfile(blocked.path)))


if __name__ == "__main__":
    sys.exit(run_parts(PARTS, __doc__, sys.argv[1:]))
