#!/usr/bin/python3
"""Sessions with a real Postfix that asks a real authgate: what the client is told, what is logged.

usage: test_postfix.py --authgate PATH [--only WORD]

A variant is one configuration; each starts one authgate and one Postfix and goes through its
sessions. One line a session; status 0 when all are ok, 77 when this cannot run here.
"""

import os
import re
import socket
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Callable, Optional

sys.dont_write_bytecode = True    # root's files have no business in a checkout
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../driver"))
import postfix as mta  # noqa: E402
import process  # noqa: E402
import script  # noqa: E402
from between import Between  # noqa: E402
from postfix import Authgate, Client, ENGINE, LOG_KEYS, Postfix, log_pairs  # noqa: E402
from process import Failure  # noqa: E402
from script import shortened  # noqa: E402


# Clients. Documentation addresses, so that nobody real is meant.
STRANGER = "192.0.2.1"
KILLED = "203.0.113.66"
TRUSTED = "198.51.100.2"             # in the global relay list
OWN_SERVER = "198.51.100.77"         # in the relay list of example.com only
LONG = "x" * 300                     # longer than any local part may be


# ---------------------------------------------------------------- sessions

@dataclass
class Session:
    name: str
    steps: list                      # (command, answer), see mail(), rcpt(), data()
    client: str = STRANGER
    door: str = "open"               # open, submission, unnamed
    login: str = ""                  # MECHANISM USER
    tls: bool = False
    log: Optional[list] = field(default_factory=list)   # one dict a line, of the fields that
                                                # matter; None: any lines
    check: Optional[Callable] = None            # (run) -> what is wrong, or nothing


@dataclass
class Variant:
    name: str
    files: dict
    sessions: list
    inet: bool = False
    milter_options: str = ""
    local_submission: bool = False
    more: str = ""                   # lines of main.cf
    chroot: bool = False
    macros: Optional[bool] = None    # of class Between; None: nobody is between


# A step's answer is a code, or the whole text. Its command may be a function of the Run that gives
# the answer; a login is `AUTH MECHANISM USER [PASSWORD]`.

def mail(sender, answer="250"):
    return (f"MAIL FROM:<{sender}>", answer)


def rcpt(recipient, answer="250"):
    return (f"RCPT TO:<{recipient}>", answer)


def data(text="From: someone@remote.example\n\nHello.\n", answer="250"):
    return ("DATA", answer, text.replace("\n", "\r\n"))


RSET = ("RSET", "250")


def auth(words, answer="235"):
    return (f"AUTH {words}", answer)


def start_tls(run):
    return run.connection.start_tls()


def start_tls_as(name):
    return (lambda run: run.connection.start_tls(
        certificate=run.server().client_certificate(name)), "220")


def start_tls_without_hello(run):
    return run.connection.start_tls(hello=False)


def drop(run):
    """The client is gone, without a word."""
    run.connection.smtp.close()
    return "250 gone"


def drop_in_message(text):
    """The client is gone in the middle of a message."""
    def drop_here(run):
        heard = run.connection.say("DATA")
        run.connection.smtp.send(text.replace("\n", "\r\n"))
        run.connection.smtp.close()
        return heard
    return (drop_here, "354")


def connect(run):
    """The client comes again."""
    run.connection = run.client()
    return "250 here"


def probe(run):
    """A monitor, or a port scan: connects and hangs up at once."""
    for _ in range(20):
        run.knock().close()
    with run.knock() as late:
        late.recv(100)    # with the greeting read
    return "250 gone"


STARTTLS = (start_tls, "220")
STARTTLS_NO_HELLO = (start_tls_without_hello, "220")
DROP, CONNECT, PROBE = (drop, "250"), (connect, "250"), (probe, "250")


def from_header(*addresses, answer="250"):
    lines = "".join(f"From: {address}\n" for address in addresses)
    return data(f"{lines}Subject: test\n\nHello.\n", answer)


def reject(rule, stage, **more):
    return {"verdict": "reject", "rule": rule, "stage": stage, **more}


def would(rule, stage, **more):
    return {"verdict": "would-reject", "rule": rule, "stage": stage, **more}


def unknown(address):
    return f"550 5.1.1 <{address}>: Recipient address rejected: User unknown"


def denied(address):
    return f"554 5.7.1 <{address}>: Relay access denied"


def not_owned(sender, login):
    return f"553 5.7.1 <{sender}>: Sender address rejected: not owned by {login}@example.com"


def role(sender):
    return f"530 5.7.0 <{sender}>: Sender address rejected: authentication required"


def blocked(what):
    return f"554 5.7.1 {what} is blocked"


NEED_LOGIN = "530 5.7.0 Authentication required"
MECHANISM = "534 5.7.9 Authentication mechanism is not accepted here"
NEED_TLS = "538 5.7.11 Encryption required for authentication"
BAD_SENDER = "501 5.1.7 Bad sender address syntax"
BAD_RECIPIENT = "501 5.1.3 Bad recipient address syntax"

# Domains, as a regular expression, whose alice is alice.
LOCAL_NAMES = r"example\.com|example\.org|(mx\.example\.com|localhost|\[127\.0\.0\.1\])\.?"

ALICE, BOB, REMOTE = "alice@example.com", "bob@example.com", "kim@remote.example"

# What Postfix takes for alice@example.com, or for alice of this host.
SPELLINGS = """\
<alice@example.com>
alice@example.com
<ALICE@EXAMPLE.COM>
<alice@Example.COM>
<alice@example.com.>
<alice>
<Alice>
<alice+tag@example.com>
<"alice"@example.com>
<\\alice@example.com>
<al\\ice@example.com>
<alice\\@example.com>
<alice@mx.example.com>
<alice@localhost>
<alice@[127.0.0.1]>
<alice%example.com@localhost>
<alice%example.com@mx.example.com>
<alice%example.com@example.com>
<alice%example.com@>
<alice%example.com>
<alice%example.com@[127.0.0.1]>
<example.com!alice>
<example.com!alice@localhost>
<mx.example.com!example.com!alice>
<@remote.example:alice@example.com>
<@a.example,@b.example:alice@example.com>
<"alice@example.com"@localhost>
<"alice@example.com"@mx.example.com>
<"alice@example.com">
<alice@example.com@localhost>
<alice@example.com@mx.example.com>
<alice(comment)@example.com>
<alice@example.com(comment)>
<alice@(comment)example.com>
<(comment)alice@example.com>
<alice@example.com (comment)>
(comment)<alice@example.com>
<alice@example.com>(comment)
<Alice <alice@example.com>>
<<alice@example.com>>
alice@example.com>
<alice@example.com>>
<group: alice@example.com;>
<alice@ example.com>
<alice @example.com>
<alice@example.com >
< alice@example.com>
<alice@example.org>
""".splitlines()

# What looks local to a comparison of texts, and is relayed.
RELAYED = """\
kim%remote.example@example.com
remote.example!kim
@example.com:kim@remote.example
"kim@remote.example"@example.com
kim@remote.example@example.com
""".splitlines()


# ---------------------------------------------------------------- variant 1: everything enforced

# How far a client has come, with what it is told on the way and what is logged of that.
STAGES = {
    "contact": ([], []),
    "MAIL": ([mail("x@remote.example")], []),
    "a MAIL whose refusal waits": ([mail("spammer@remote.example")], []),
    "RCPT": ([mail("x@remote.example"), rcpt(BOB)], []),
    "a refused RCPT": ([mail("x@remote.example"), rcpt(BOB), rcpt(REMOTE, denied(REMOTE))],
                       [reject("outgoing_auth", "rcpt")]),
    "a refused sender": ([mail(ALICE), rcpt(BOB, unknown(BOB))],
                         [reject("local_sender_auth", "rcpt", **{"from": ALICE})]),
    "a message": ([mail("x@remote.example"), rcpt(BOB), data()], []),
}

# What takes all that back.
INTERRUPTIONS = {
    "RSET": [RSET],
    "EHLO": [("EHLO again.example", "250")],
    "HELO": [("HELO again.example", "250")],
    "the client drops": [DROP, CONNECT],
    "it drops in a header": [drop_in_message("Subject: test\nFrom: x"), CONNECT],
    "it drops in a body": [drop_in_message("Subject: test\n\nHel"), CONNECT],
    "it drops before the final dot": [drop_in_message("Subject: test\n\nHello.\n"), CONNECT],
}


def interrupted(stage, interruption):
    """What comes behind is judged as if nothing had been before."""
    steps, log = STAGES[stage]
    return Session(f"behind {stage}: {interruption}", [
        *steps, *INTERRUPTIONS[interruption],
        mail(BOB), rcpt(ALICE, unknown(ALICE)), RSET,
        mail("y@remote.example"), rcpt("carol@example.com"), rcpt(REMOTE, denied(REMOTE)), data()],
        log=[*log, reject("local_sender_auth", "rcpt", **{"from": BOB}),
             reject("outgoing_auth", "rcpt", **{"from": "y@remote.example"})])


INTERRUPTED = [
    interrupted(stage, each) for stage in STAGES for each in INTERRUPTIONS
    # there is no DATA before a recipient is accepted
    if "drops in" not in each and "dot" not in each or stage in ("RCPT", "a refused RCPT")]

# Logins come and go; each message is judged by the one in force at its MAIL.
LOGINS = [
    Session("nobody, alice, nobody again behind STARTTLS, bob", [
        mail(ALICE), rcpt(BOB, unknown(BOB)), RSET, auth("PLAIN alice"),
        mail(ALICE), rcpt(REMOTE), data(), mail(BOB), rcpt(REMOTE, "553"), RSET, STARTTLS,
        mail(ALICE), rcpt(BOB, unknown(BOB)), RSET, auth("PLAIN bob"),
        mail(BOB), rcpt(REMOTE), data(), mail(ALICE), rcpt(REMOTE, not_owned(ALICE, "bob"))],
        log=[reject("local_sender_auth", "rcpt", login="-"),
             reject("sender_login_match", "mail", login=ALICE),
             reject("local_sender_auth", "rcpt", login="-"),
             reject("sender_login_match", "mail", login=BOB, mech="PLAIN")]),
    Session("alice, bob and nobody, one connection behind the other", [
        auth("PLAIN alice"), mail(ALICE), rcpt(REMOTE), data(), DROP, CONNECT,
        auth("PLAIN bob"), mail(ALICE), rcpt(REMOTE, not_owned(ALICE, "bob")), RSET,
        mail(BOB), rcpt(REMOTE), data(), DROP, CONNECT,
        mail(BOB), rcpt(ALICE, unknown(ALICE))],
        log=[reject("sender_login_match", "mail", login=BOB),
             reject("local_sender_auth", "rcpt", login="-")]),
    Session("a second AUTH is refused, and the first login stays", [
        auth("PLAIN alice"), auth("PLAIN bob", "503"), mail(BOB),
        rcpt(REMOTE, not_owned(BOB, "alice")), RSET, mail(ALICE), rcpt(REMOTE), data()],
        log=[reject("sender_login_match", "mail", login=ALICE)]),
    Session("AUTH inside a message is refused, and behind it makes a login", [
        mail(ALICE), auth("PLAIN alice", "503"), rcpt(BOB, unknown(BOB)), RSET,
        auth("PLAIN alice"), mail(ALICE), rcpt(REMOTE), data()],
        log=[reject("local_sender_auth", "rcpt", login="-")]),
    Session("STARTTLS, then AUTH, then MAIL, between two messages", [
        mail("x@remote.example"), rcpt(BOB), data(), STARTTLS, auth("PLAIN alice"),
        mail(ALICE), rcpt(REMOTE), data(), mail(BOB), rcpt(REMOTE, "553")],
        log=[reject("sender_login_match", "mail", login=ALICE)]),
    Session("a login that failed, and one that did not", [
        auth("PLAIN alice wrong", "535"), mail(ALICE), rcpt(BOB, unknown(BOB)), RSET,
        auth("PLAIN alice"), mail(ALICE), rcpt(REMOTE), data()],
        log=[reject("local_sender_auth", "rcpt", login="-")]),
    Session("the login outlives RSET and a message", [
        mail(ALICE), RSET, mail(ALICE), rcpt(REMOTE), data(), mail(BOB), rcpt(REMOTE, "553")],
        door="submission", login="PLAIN alice", log=[reject("sender_login_match", "mail")]),
    Session("the login outlives a second EHLO, also inside a message", [
        ("EHLO again.example", "250"), mail(BOB), rcpt(REMOTE, "553"),
        ("EHLO again.example", "250"), mail(ALICE), rcpt(REMOTE), data()],
        door="submission", login="PLAIN alice", log=[reject("sender_login_match", "mail")]),
    Session("the login goes with its connection", [
        mail(ALICE), rcpt(REMOTE), DROP, CONNECT, mail(ALICE), rcpt(BOB, NEED_LOGIN)],
        door="submission", login="PLAIN alice",
        log=[reject("auth_only_listener", "mail", login="-")]),
]

# A domain under another name, in another alphabet, and what is below it.
NAMES = [
    Session("a forged sender in a domain with an A-label", [
        mail("x@xn--bcher-kva.example"), rcpt(BOB, unknown(BOB))],
        log=[reject("local_sender_auth", "rcpt", domain="xn--bcher-kva.example")]),
    Session("a forged sender in a domain with a U-label", [
        ("MAIL FROM:<x@b\u00fccher.example> SMTPUTF8", "250"), rcpt(BOB, unknown(BOB)), RSET,
        ("MAIL FROM:<x@B\u00dcCHER.example.> SMTPUTF8", "250"), rcpt(BOB, unknown(BOB))],
        log=[reject("local_sender_auth", "rcpt", domain="xn--bcher-kva.example")] * 2),
    Session("its alias, and a domain below it", [
        mail("x@books.example"), rcpt(BOB, unknown(BOB)), RSET,
        mail("x@a.b.xn--bcher-kva.example"), rcpt(BOB, unknown(BOB)), RSET,
        mail("x@A.B.XN--BCHER-KVA.Example"), rcpt(BOB, unknown(BOB))],
        log=[reject("local_sender_auth", "rcpt", domain="xn--bcher-kva.example")] * 3),
    Session("domains that are not ours: below an alias, below one without subdomains, beside one", [
        step for sender in ("x@a.books.example", "x@a.example.com", "x@aexample.com",
                            "x@example.com.remote.example", "x@bucher.example")
        for step in (mail(sender), rcpt(BOB), rcpt(REMOTE, denied(REMOTE)), RSET)],
        log=[reject("outgoing_auth", "rcpt")] * 5),
    Session("the same as recipients: ours", [
        mail("x@remote.example"), rcpt("kim@xn--bcher-kva.example"), rcpt("kim@books.example"),
        rcpt("kim@a.b.xn--bcher-kva.example"), rcpt("kim@example.org"),
        rcpt("kim+tag@EXAMPLE.com."), data()]),
    Session("the same as recipients: ours, in another alphabet", [
        ("MAIL FROM:<x@remote.example> SMTPUTF8", "250"), rcpt("kim@b\u00fccher.example"),
        rcpt("kim@B\u00dcCHER.example."), rcpt("kim@a.b\u00fccher.example"), data()]),
    Session("the same as recipients: not ours", [
        mail("x@remote.example"), rcpt("kim@a.books.example", "554"),
        rcpt("kim@a.example.com", "554"), rcpt("kim@aexample.com", "554"),
        rcpt("kim@bucher.example", "554")], log=[reject("outgoing_auth", "rcpt")] * 4),
    Session("a login of one alphabet, and a sender in the other", [
        mail("bob@xn--bcher-kva.example"), rcpt(REMOTE, "553")],
        door="submission", login="PLAIN bob", log=[reject("sender_login_match", "mail")]),
]

# Near alice, and not alice: other mailboxes of her domain; the last two are elsewhere.
OTHERS = """\
alice1@example.com
xalice@example.com
al.ice@example.com
alice.@example.com
alice-list@example.com
alice=tag@example.com
"alice "@example.com
"alice@remote.example"@example.com.
alice%remote.example%example.com@remote.example
""".splitlines()


LISTS = {
    "kill.list": """\
203.0.113.0/24                      # spam runs
!203.0.113.9
2001:db8:bad::/48
198.51.100.5
192.0.2.200 until=2020-01-01
login:mallory@example.com           # stolen password
sender:spammer@remote.example
sender:@bad.example
sender:.worse.example
""",
    "relay.list": "198.51.100.0/28\n!198.51.100.3\n2001:db8:600d::/48\n",
    "domains.list": "listed.example\n",
    "senders.map": ("sales@example.com      alice@example.com\n"
                    "carol@partner.example  carol@example.com\n"),
}

STRICT = Variant("enforced", {
    **LISTS,
    "authgate.ini": """\
[lists]
local_domains = domains.list

[auth]
mechanisms = PLAIN
realm = example.com
sender_logins = senders.map

[listeners]
auth_only = submission {unnamed_port}

[rules]
sender_login_match = enforce
foreign_sender_match = enforce
local_sender_auth = enforce
outgoing_auth = enforce
""",
    "domains/example.com.ini": """\
[domain]
aliases = example.org

[relay]
allow = 198.51.100.77
""",
    "domains/b\u00fccher.example.ini": "[domain]\naliases = books.example\nsubdomains = yes\n",
}, [
    # 1 kill_client
    Session("a killed client hears it at MAIL", [
        mail("x@remote.example", blocked(f"Client {KILLED}")),
        ("NOOP", "250"),
        mail("x@remote.example", blocked(f"Client {KILLED}"))],
        client=KILLED,
        log=[reject("kill_client", "connect", at="kill.list:1", note="spam runs")]),
    Session("an exception in the kill list", [
        mail("x@remote.example"), rcpt(BOB)], client="203.0.113.9"),
    Session("a killed IPv6 client", [
        mail("x@remote.example", blocked("Client 2001:db8:bad::7"))],
        client="2001:db8:bad::7", log=[reject("kill_client", "connect", at="kill.list:3")]),
    Session("an IPv6 client of another network", [
        mail("x@remote.example"), rcpt(BOB)], client="2001:db8:bac::7"),
    Session("an IPv4 client mapped into IPv6 is the IPv4 client", [
        mail("x@remote.example", blocked(f"Client {KILLED}"))],
        client=f"::ffff:{KILLED}", log=[reject("kill_client", "connect", client=KILLED)]),
    Session("a trusted IPv6 client", [mail(ALICE), rcpt(REMOTE), data()],
            client="2001:db8:600d::1"),
    Session("a stranger with an IPv6 address", [mail(ALICE), rcpt(BOB, unknown(BOB))],
            client="2001:db8::1", log=[reject("local_sender_auth", "rcpt")]),
    Session("a trusted IPv4 client mapped into IPv6", [mail(ALICE), rcpt(REMOTE), data()],
            client=f"::ffff:{TRUSTED}"),
    Session("a port probe that hangs up at once", [
        PROBE, mail("x@remote.example"), rcpt(BOB), PROBE, data()]),
    Session("an entry that has run out", [
        mail("x@remote.example"), rcpt(BOB)], client="192.0.2.200"),
    Session("in both lists: killed", [
        mail("x@remote.example", blocked("Client 198.51.100.5"))],
        client="198.51.100.5", log=[reject("kill_client", "connect", at="kill.list:4")]),
    Session("a killed client with a login at the auth-only port", [
        mail(ALICE), rcpt(REMOTE), data()], client=KILLED, door="submission", login="PLAIN alice"),

    # 2 auth_only_listener
    Session("auth-only by name, no login", [
        mail("x@remote.example"), rcpt(BOB, NEED_LOGIN)], door="submission",
        log=[reject("auth_only_listener", "mail", to=BOB, login="-")]),
    Session("auth-only by port number, no login", [
        mail("x@remote.example"), rcpt(BOB, NEED_LOGIN)], door="unnamed",
        log=[reject("auth_only_listener", "mail", to=BOB)]),
    Session("auth-only, a trusted client is not enough", [
        mail(ALICE), rcpt(BOB, NEED_LOGIN)], door="submission", client=TRUSTED,
        log=[reject("auth_only_listener", "mail")]),
    Session("auth-only, a failed login is none", [
        mail(ALICE), rcpt(BOB, NEED_LOGIN)], door="submission", login="PLAIN alice wrong",
        log=[reject("auth_only_listener", "mail", login="-")]),
    Session("auth-only, AUTH= behind MAIL FROM is no login", [
        ("MAIL FROM:<alice@example.com> AUTH=alice@example.com", "250"), rcpt(BOB, NEED_LOGIN)],
        door="submission", log=[reject("auth_only_listener", "mail", login="-")]),
    Session("auth-only by port number, with login", [
        mail(ALICE), rcpt(REMOTE), data()], door="unnamed", login="PLAIN alice"),

    # 3 kill_login
    Session("a killed login, as itself", [
        mail("mallory@example.com"),
        rcpt(BOB, blocked("Login mallory@example.com")),
        rcpt(REMOTE, blocked("Login mallory@example.com"))],
        door="submission", login="PLAIN mallory",
        log=[reject("kill_login", "mail", to=BOB, login="mallory@example.com", mech="PLAIN",
                    at="kill.list:6", note="stolen password"),
             reject("kill_login", "mail", to=REMOTE)]),
    Session("a killed login with the null sender at the open port", [
        mail(""), rcpt(BOB, blocked("Login mallory@example.com"))], login="PLAIN mallory",
        log=[reject("kill_login", "mail")]),

    # 4, 11 bad_address
    Session("a sender nobody can read", [
        mail(f"{LONG}@remote.example"), rcpt(BOB, BAD_SENDER)],
        log=[reject("bad_address", "mail", to=BOB)]),
    Session("a recipient nobody can read, and one that can be read", [
        mail("x@remote.example"), rcpt(f"{LONG}@example.com", BAD_RECIPIENT), rcpt(BOB)],
        log=[reject("bad_address", "rcpt")]),

    # 5 kill_sender
    Session("a killed sender", [
        mail("spammer@remote.example"),
        rcpt(BOB, blocked("<spammer@remote.example>: Sender address"))],
        log=[reject("kill_sender", "mail", **{"from": "spammer@remote.example"}, to=BOB,
                    at="kill.list:7")]),
    Session("a killed sender with a tag, in capitals", [
        mail("Spammer+x@REMOTE.example"), rcpt(BOB, "554")], log=[reject("kill_sender", "mail")]),
    Session("a killed domain", [
        mail("any@bad.example"), rcpt(BOB, "554")],
        log=[reject("kill_sender", "mail", at="kill.list:8")]),
    Session("below a killed domain, which was killed alone", [
        mail("any@sub.bad.example"), rcpt(BOB)]),
    Session("below a domain killed with all below", [
        mail("any@a.b.worse.example"), rcpt(BOB, "554")],
        log=[reject("kill_sender", "mail", at="kill.list:9")]),

    # 6 auth_mechanism
    Session("LOGIN where PLAIN is wanted", [
        mail(ALICE), rcpt(BOB, MECHANISM)], door="submission", login="LOGIN alice",
        log=[reject("auth_mechanism", "mail", mech="LOGIN", login=ALICE)]),

    # 8 sender_login_match
    Session("a login as itself", [mail(ALICE), rcpt(REMOTE), rcpt(BOB), data()],
            door="submission", login="PLAIN alice"),
    Session("a login at the open port", [mail(ALICE), rcpt(REMOTE), data()], login="PLAIN alice"),
    Session("a login with a tag", [mail("alice+list@example.com"), rcpt(REMOTE)],
            door="submission", login="PLAIN alice"),
    Session("a login in an alias domain", [mail("alice@example.org"), rcpt(REMOTE)],
            door="submission", login="PLAIN alice"),
    Session("a login as an address that the map gives it", [
        mail("sales@example.com"), rcpt(REMOTE)], door="submission", login="PLAIN alice"),
    Session("a login as somebody else", [
        mail(BOB), rcpt(REMOTE, not_owned(BOB, "alice")), rcpt(ALICE, "553")],
        door="submission", login="PLAIN alice",
        log=[reject("sender_login_match", "mail", to=REMOTE, **{"from": BOB}, login=ALICE,
                    domain="example.com"),
             reject("sender_login_match", "mail", to=ALICE)]),
    Session("a login as an address that the map gives to another", [
        mail("sales@example.com"), rcpt(REMOTE, not_owned("sales@example.com", "bob"))],
        door="submission", login="PLAIN bob", log=[reject("sender_login_match", "mail")]),
    Session("a login in a listed domain that is not its own", [
        mail("alice@listed.example"), rcpt(REMOTE, "553")], door="submission",
        login="PLAIN alice", log=[reject("sender_login_match", "mail")]),
    Session("a login from a trusted client owns no more for that", [
        mail(BOB), rcpt(REMOTE, "553")], client=TRUSTED, login="PLAIN alice",
        log=[reject("sender_login_match", "mail")]),
    Session("somebody else in disguise", [
        mail("bob%example.com@localhost"), rcpt(REMOTE, "553"), RSET,
        mail("bob@localhost"), rcpt(REMOTE, "553"), RSET,
        mail('"bob@example.com"@localhost'), rcpt(REMOTE, "553")],
        door="submission", login="PLAIN alice",
        log=[reject("sender_login_match", "mail")] * 3),
    Session("itself in every disguise",
            [step for spelling in SPELLINGS
             for step in ((f"MAIL FROM:{spelling}", "250"), rcpt(REMOTE), RSET)],
            door="submission", login="PLAIN alice"),

    # 9 foreign_sender_match
    Session("a login with a foreign sender", [
        mail("x@remote.example"), rcpt(BOB, not_owned("x@remote.example", "alice"))],
        door="submission", login="PLAIN alice", log=[reject("foreign_sender_match", "mail")]),
    Session("a login with a foreign sender that the map gives it", [
        mail("carol@partner.example"), rcpt(REMOTE)], door="submission", login="PLAIN carol"),
    Session("a login with the null sender", [mail(""), rcpt(REMOTE)],
            door="submission", login="PLAIN alice"),

    # 10 role_sender_auth
    Session("a role address without login", [
        mail("postmaster@example.com"), rcpt(BOB, role("postmaster@example.com"))],
        log=[reject("role_sender_auth", "mail", to=BOB)]),
    Session("a role address in capitals, with a tag, in an alias domain", [
        mail("Abuse+x@Example.ORG"), rcpt(BOB, "530")], log=[reject("role_sender_auth", "mail")]),
    Session("a role address without a domain", [
        mail("postmaster"), rcpt(BOB, "530")], log=[reject("role_sender_auth", "mail")]),
    Session("a role address from a trusted client", [
        mail("postmaster@example.com"), rcpt(REMOTE), data()], client=TRUSTED),
    Session("a role address of another domain", [mail("postmaster@remote.example"), rcpt(BOB)]),

    # 12 local_sender_auth
    Session("a forged local sender, three recipients", [
        mail(ALICE), rcpt(REMOTE, unknown(REMOTE)), rcpt(BOB, unknown(BOB)),
        rcpt("nobody@listed.example", unknown("nobody@listed.example"))],
        log=[reject("local_sender_auth", "rcpt", **{"from": ALICE}, to=to, login="-", mech="-",
                    domain="example.com")
             for to in (REMOTE, BOB, "nobody@listed.example")]),
    Session("a forged sender in an alias domain and in a listed one", [
        mail("x@example.org"), rcpt(BOB, unknown(BOB)), RSET,
        mail("x@listed.example"), rcpt(BOB, unknown(BOB))],
        log=[reject("local_sender_auth", "rcpt"),
             reject("local_sender_auth", "rcpt", domain="listed.example")]),
    Session("a local sender from a trusted client", [mail(ALICE), rcpt(REMOTE), rcpt(BOB), data()],
            client=TRUSTED),
    Session("an exception in the relay list", [mail(ALICE), rcpt(BOB, unknown(BOB))],
            client="198.51.100.3", log=[reject("local_sender_auth", "rcpt")]),
    Session("a local sender from the domain's own server", [mail(ALICE), rcpt(REMOTE), data()],
            client=OWN_SERVER),
    Session("another local domain from that server", [
        mail("x@listed.example"), rcpt(BOB, unknown(BOB))], client=OWN_SERVER,
        log=[reject("local_sender_auth", "rcpt", domain="listed.example")]),
    Session("loopback is trusted", [mail(ALICE), rcpt(REMOTE), data()], client="127.0.0.1"),

    # 13 outgoing_auth
    Session("a stranger may write to us", [
        mail("x@remote.example"), rcpt(BOB), rcpt("kim@listed.example"), data()]),
    Session("a stranger may not write through us", [
        mail("x@remote.example"), rcpt(REMOTE, denied(REMOTE)), rcpt(BOB), data()],
        log=[reject("outgoing_auth", "rcpt", to=REMOTE)],
        check=lambda run: run.queue_id_is_logged()),
    Session("nor with the null sender", [mail(""), rcpt(BOB), rcpt(REMOTE, denied(REMOTE))],
            log=[reject("outgoing_auth", "rcpt", **{"from": "-"})]),
    Session("nor from the server of a domain that is not the sender's", [
        mail("x@remote.example"), rcpt(REMOTE, denied(REMOTE))], client=OWN_SERVER,
        log=[reject("outgoing_auth", "rcpt")]),
    Session("nor to what only looks local",
            [mail("x@remote.example")] + [rcpt(each, "554") for each in RELAYED],
            log=[reject("outgoing_auth", "rcpt")] * len(RELAYED)),
    Session("a trusted client may", [mail("x@remote.example"), rcpt(REMOTE), data()],
            client=TRUSTED),

    # what Postfix closes stays closed; one connection, several messages
    Session("Postfix' own refusal stands for a trusted client", [
        mail(ALICE), rcpt(Postfix.REFUSED, "550"), rcpt(BOB)], client=TRUSTED),
    Session("recipients that Postfix refuses, between others", [
        mail("x@remote.example"), rcpt(Postfix.REFUSED, "550"), rcpt(BOB),
        rcpt(REMOTE, denied(REMOTE)), rcpt(Postfix.REFUSED, "550"), data()],
        log=[reject("outgoing_auth", "rcpt", to=REMOTE)]),
    Session("nothing but recipients that Postfix refuses, then a message", [
        mail(ALICE), rcpt(Postfix.REFUSED, "550"), rcpt(Postfix.REFUSED, "550"), RSET,
        mail("spammer@remote.example"), rcpt(Postfix.REFUSED, "550"), RSET,
        mail("x@remote.example"), rcpt(BOB), data()]),
    Session("a recipient in every disguise",
            [mail("x@remote.example")] + [(f"RCPT TO:{each}", "250") for each in SPELLINGS]),
    Session("near alice and not she, to alice's login",
            [step for other in OTHERS for step in (mail(other), rcpt(REMOTE, "553"), RSET)],
            door="submission", login="PLAIN alice", log=[reject("sender_login_match", "mail")] * 7 +
            [reject("foreign_sender_match", "mail")] * 2),
    *INTERRUPTED, *LOGINS, *NAMES,
    Session("two messages on one connection, the second forged", [
        mail("x@remote.example"), rcpt(BOB), data(),
        mail(ALICE), rcpt(BOB, unknown(BOB)), RSET,
        mail("y@remote.example"), rcpt(BOB), data()],
        log=[reject("local_sender_auth", "rcpt", **{"from": ALICE})]),
    Session("two forged messages have ids of their own in one session", [
        mail(ALICE), rcpt(BOB, unknown(BOB)), RSET, mail(ALICE), rcpt(BOB, unknown(BOB))],
        log=[reject("local_sender_auth", "rcpt")] * 2, check=lambda run: run.message_ids_differ()),
    Session("RSET takes back a refused sender", [
        mail(BOB), rcpt(REMOTE, "553"), RSET, mail(ALICE), rcpt(REMOTE), data()],
        door="submission", login="PLAIN alice", log=[reject("sender_login_match", "mail")]),
    Session("a second EHLO takes back a message", [
        mail(ALICE), rcpt(BOB, unknown(BOB)), ("EHLO again.example", "250"),
        mail("x@remote.example"), rcpt(BOB), data()],
        log=[reject("local_sender_auth", "rcpt")]),
    Session("a refusal leaves nothing behind for the next recipient", [
        mail("x@remote.example"), rcpt(REMOTE, denied(REMOTE)), rcpt(BOB),
        rcpt("other@remote.example", denied("other@remote.example")), rcpt("carol@example.com")],
        log=[reject("outgoing_auth", "rcpt")] * 2),
    Session("a percent sign comes through in a reply", [
        mail("x@remote.example"),
        rcpt("50%off@remote.example", "554")],
        log=[reject("outgoing_auth", "rcpt")]),
] + [
    # 12 again, for every way to write a sender
    Session(f"forged, spelt {spelling}", [
        (f"MAIL FROM:{spelling}", "250"), rcpt(REMOTE, unknown(REMOTE))],
        log=[reject("local_sender_auth", "rcpt")])
    for spelling in SPELLINGS
])


# ---------------------------------------------------------------- variant 2: delay_reject = no

AT_MAIL = Variant("at-mail", {
    **LISTS,
    "accounts": "alice\nbob\n",
    "authgate.ini": """\
[lists]
local_domains = domains.list

[auth]
sender_logins = senders.map

[listeners]
auth_only = submission
kill_on_auth_only = yes

[rules]
auth_tls = enforce
sender_login_match = enforce
local_sender_auth = enforce
outgoing_auth = enforce
local_sender_auth_unless_local_recipient = yes

[reply]
outgoing_auth = 450 4.7.1 Come back with a login, %{client}
""",
    "domains/example.com.ini": """\
[domain]
accounts = ../accounts

[reply]
sender_login_match = "550 5.7.1 %{login} is not %{sender}; 100 percent"
""",
    "domains/soft.example.ini": """\
[rules]
role_sender_auth = off
""",
}, [
    Session("a killed client at the auth-only port", [
        mail(ALICE, blocked(f"Client {KILLED}"))], client=KILLED, door="submission",
        log=[reject("kill_client", "connect")]),
    Session("auth-only, said at MAIL, and again at the next", [
        mail("x@remote.example", NEED_LOGIN), mail(ALICE, NEED_LOGIN)], door="submission",
        log=[reject("auth_only_listener", "mail", to="-")] * 2),
    Session("a killed login, at MAIL", [
        mail("mallory@example.com", blocked("Login mallory@example.com"))],
        door="submission", login="PLAIN mallory", tls=True, log=[reject("kill_login", "mail")]),
    Session("a sender nobody can read, at MAIL", [mail(f"{LONG}@remote.example", BAD_SENDER)],
            log=[reject("bad_address", "mail")]),
    Session("a killed sender, at MAIL; the next MAIL is a new chance", [
        mail("spammer@remote.example", blocked("<spammer@remote.example>: Sender address")),
        mail("x@remote.example"), rcpt(BOB), data()], log=[reject("kill_sender", "mail")]),
    Session("a role address, at MAIL", [
        mail("webmaster@example.com", role("webmaster@example.com"))],
        log=[reject("role_sender_auth", "mail", to="-")]),

    # 7 auth_tls
    Session("a login without TLS", [mail(ALICE, NEED_TLS)], door="submission",
            login="PLAIN alice", log=[reject("auth_tls", "mail", login=ALICE)]),
    Session("a login with TLS", [mail(ALICE), rcpt(REMOTE), from_header(ALICE)],
            door="submission", login="PLAIN alice", tls=True),
    Session("LOGIN with TLS where any mechanism will do", [
        mail(ALICE), rcpt(REMOTE), from_header(ALICE)],
        door="submission", login="LOGIN alice", tls=True),
    Session("STARTTLS and AUTH without a second EHLO", [
        STARTTLS_NO_HELLO, auth("PLAIN alice"), mail(ALICE), rcpt(REMOTE), data()]),
    Session("STARTTLS comes too late for a login", [
        auth("PLAIN alice"), mail(ALICE, NEED_TLS), STARTTLS, mail("x@remote.example"), rcpt(BOB),
        data()], log=[reject("auth_tls", "mail", login=ALICE)]),
    Session("a login without TLS from loopback", [mail(ALICE), rcpt(REMOTE)],
            door="submission", login="PLAIN alice", client="127.0.0.1"),

    # 8 with a reply of the domain's own, 9 off
    Session("a login as somebody else, in the domain's own words", [
        mail(BOB, "550 5.7.1 alice@example.com is not bob@example.com; 100 percent"),
        mail(ALICE), rcpt(REMOTE)], door="submission", login="PLAIN alice", tls=True,
        log=[reject("sender_login_match", "mail")]),
    Session("a login with a foreign sender, where that is allowed", [
        mail("x@remote.example"), rcpt(REMOTE)], door="submission", login="PLAIN alice", tls=True),

    # 12 with its exemption
    Session("forged to a local account", [
        mail(ALICE), rcpt(BOB), data()]),
    Session("forged to a local account and to others", [
        mail(ALICE), rcpt(BOB), rcpt("nosuch@example.com", unknown("nosuch@example.com")),
        rcpt(REMOTE, unknown(REMOTE)), rcpt("any@listed.example"), data()],
        log=[reject("local_sender_auth", "rcpt", to="nosuch@example.com"),
             reject("local_sender_auth", "rcpt", to=REMOTE)],
        check=lambda run: run.queue_id_is_logged()),
    Session("a role sender is never exempt, even where rule 10 is off", [
        mail("postmaster@soft.example"), rcpt(BOB, unknown(BOB))],
        log=[reject("local_sender_auth", "rcpt", domain="soft.example")]),
    Session("another sender of that domain is", [mail("x@soft.example"), rcpt(BOB), data()]),

    # 13 with a temporary reply
    Session("a temporary refusal", [
        mail("x@remote.example"),
        rcpt(REMOTE, f"450 4.7.1 Come back with a login, {STRANGER}"), rcpt(BOB)],
        log=[{"verdict": "tempfail", "rule": "outgoing_auth", "stage": "rcpt"}]),
], inet=True, milter_options="delay_reject = no\nuser = nobody")


# ---------------------------------------------------------------- variant 3: what needs headers

# a client certificate as the login

CERTIFICATES = Variant("certificates", {
    "authgate.ini": """\
[auth]
certificates = certificates.list

[listeners]
auth_only = submission

[rules]
sender_login_match = enforce
local_sender_auth = enforce
auth_tls = enforce
""",
    "certificates.list": "alice client, alice@example.com\n",
    "domains/example.com.ini": "",
}, [
    Session("a certificate is a login", [
        start_tls_as("alice"), mail(ALICE), rcpt(REMOTE), data()], door="submission"),
    Session("... that does not own everything", [
        start_tls_as("alice"), mail(BOB, "553")], door="submission",
        log=[reject("sender_login_match", "mail", login=ALICE, mech="-")]),
    Session("a good one that is not listed is none", [
        start_tls_as("nobody"), mail(ALICE, "530")], door="submission",
        log=[reject("auth_only_listener", "mail", login="-")]),
    Session("nor one of that name that nobody vouches for", [
        start_tls_as("impostor"), mail(ALICE, "530")], door="submission",
        log=[reject("auth_only_listener", "mail", login="-")]),
    Session("nor none", [STARTTLS, mail(ALICE, "530")], door="submission",
            log=[reject("auth_only_listener", "mail", login="-")]),
    Session("a login counts, whatever the certificate", [
        start_tls_as("alice"), auth("PLAIN bob"), mail(ALICE, "553")], door="submission",
        log=[reject("sender_login_match", "mail", login=BOB, mech="PLAIN")]),
], milter_options="delay_reject = no")

HEADERS = Variant("headers", {
    "authgate.ini": """\
[listeners]
auth_only = submission

[relay]
allow = 198.51.100.0/28

[rules]
from_header_match = enforce
from_header_local_auth = enforce
from_header_sender_suffices = yes
""",
    "domains/example.com.ini": "",
}, [
    # 14, 15
    Session("a message that is sent again", [
        mail(ALICE), rcpt(REMOTE), data(
            f"Resent-From: {ALICE}\nResent-To: {REMOTE}\nFrom: {BOB}\n\nHello.\n")],
        door="submission", login="PLAIN alice", tls=True),
    Session("... by somebody else, and before by the login", [
        mail(ALICE), rcpt(REMOTE), data(
            f"Resent-From: {BOB}\nResent-To: {REMOTE}\nReceived: from a by b\n"
            f"Resent-From: {ALICE}\nFrom: {BOB}\n\nHello.\n", "550")],
        door="submission", login="PLAIN alice", tls=True,
        log=[reject("from_header_match", "header", address=BOB)]),
    Session("From: that the login does not own", [
        mail(ALICE), rcpt(REMOTE),
        from_header(BOB, answer=f"550 5.7.1 From: <{BOB}> is not owned by {ALICE}")],
        door="submission", login="PLAIN alice", tls=True,
        log=[reject("from_header_match", "header", address=BOB, why="-")],
        check=lambda run: run.lines_have_queue_id()),
    Session("two From: headers of a login", [
        mail(ALICE), rcpt(REMOTE),
        from_header(ALICE, ALICE, answer="550 5.7.1 From: more than one")],
        door="submission", login="PLAIN alice", tls=True,
        log=[reject("from_header_match", "header", address="-", why="more than one")],
        check=lambda run: run.lines_have_queue_id()),
    Session("no From: of a login", [
        mail(ALICE), rcpt(REMOTE), from_header(answer="550 5.7.1 From: is missing")],
        door="submission", login="PLAIN alice", tls=True,
        log=[reject("from_header_match", "header", address="-", why="is missing")]),
    Session("a From: that cannot be read", [
        mail(ALICE), rcpt(REMOTE), from_header(
            f"Alice <{ALICE}", answer=f"550 5.7.1 From: cannot be read: Alice <{ALICE}")],
        door="submission", login="PLAIN alice", tls=True,
        log=[reject("from_header_match", "header", why=f"cannot be read: Alice <{ALICE}")],
        check=lambda run: run.lines_have_queue_id()),
    Session("a local From: without login", [
        mail("x@remote.example"), rcpt(BOB),
        from_header(f"Alice <{ALICE}>", answer=f"550 5.7.1 From: <{ALICE}> needs authentication")],
        log=[reject("from_header_local_auth", "header", address=ALICE)],
        check=lambda run: run.lines_have_queue_id()),
    Session("From: with the MTA's own name", [
        mail("x@remote.example"), rcpt(BOB),
        from_header("alice@mx.example.com", answer="550")],
        log=[reject("from_header_local_auth", "header")]),
    Session("a bounce of another host, without a domain", [
        mail(""), rcpt(BOB), from_header("Mail Delivery Subsystem <MAILER-DAEMON>")]),
    Session("a local From: from a trusted client", [
        mail("x@remote.example"), rcpt(BOB), from_header(ALICE)], client=TRUSTED),
    Session("a refused From:, and a good message after it", [
        mail("x@remote.example"), rcpt(BOB), from_header(ALICE, answer="550"),
        mail("x@remote.example"), rcpt(BOB), data()],
        log=[reject("from_header_local_auth", "header")]),
], more="""\
# of a client that is its own, Postfix adds a missing From: and completes others
local_header_rewrite_clients =
""")

# Ours among those of others, so that removing one moves the others up.
FORGED = """\
mx.example.com; auth=pass smtp.auth=forged1
1.example; auth=pass smtp.auth=other1
MX.Example.COM; auth=pass smtp.auth=forged2
"mx.example.com" 1; auth=pass smtp.auth=forged3
2.example; auth=pass smtp.auth=other2
(mx (is) this) mx.example.com. (really); auth=pass smtp.auth=forged4
mx.example.com.example; auth=pass smtp.auth=other3
mx.example.com
 ; auth=pass smtp.auth=forged5
(no end mx.example.com; auth=pass smtp.auth=forged6
"mx\\.example.com"; auth=pass smtp.auth=forged7
3.example; auth=pass smtp.auth=other4
mx.example.com; auth=pass smtp.auth=forged8
mx.example.com\u00a0; auth=pass smtp.auth=forged9
mx.exam\u200bple.com; auth=pass smtp.auth=forged10
\uff4dx.example.com; auth=pass smtp.auth=forged11
"""
NAMES = ("Authentication-Results: ", "AUTHENTICATION-RESULTS:", "authentication-results:  ",
         "Authentication-Results : ", "Authentication-results\t:")


def with_forged(text):
    """The fields above in front of a message, their name spelt in one way after the other."""
    lines = FORGED.splitlines()
    fields = [NAMES[i % len(NAMES)] + line if line[0] != " " else line
              for i, line in enumerate(lines)]
    return "\n".join(fields) + "\n" + text


RESULTS_OF_OTHERS = [line for line in FORGED.splitlines() if "smtp.auth=other" in line]

RESULTS = Variant("results", {
    "authgate.ini": "[auth]\nresults_header = yes\n",
    "domains/example.com.ini": "",
}, [
    Session("the login's result for the servers behind, and no forged one", [
        mail(ALICE), rcpt(REMOTE),
        data("Authentication-Results: mx.example.com; auth=pass smtp.auth=forged\n"
             f"From: {ALICE}\nSubject: results\n\nHello.\n")],
        door="submission", login="LOGIN alice", tls=True, check=lambda run: run.results_of(
            f"mx.example.com; auth=pass smtp.auth={ALICE} smtp.mailfrom={ALICE}")),
    Session("a forged result of a stranger is taken out", [
        mail("x@remote.example"), rcpt(BOB),
        data("Authentication-Results: mx.example.com; auth=pass smtp.auth=forged\n"
             "Authentication-Results: other.example; auth=pass smtp.auth=other\n"
             "From: x@remote.example\nSubject: forged\n\nHello.\n")],
        check=lambda run: run.results_of(
            "other.example; auth=pass smtp.auth=other")),
    Session("many forged ones among others", [
        mail("x@remote.example"), rcpt(BOB),
        data(with_forged("From: x@remote.example\nSubject: many\n\nHello.\n"))],
        check=lambda run: run.results_of(*RESULTS_OF_OTHERS)),
    Session("... from a login, and the null sender", [
        mail(""), rcpt(REMOTE),
        data(with_forged(f"From: {ALICE}\nSubject: many\n\nHello.\n"))],
        door="submission", login="LOGIN alice", tls=True, check=lambda run: run.results_of(
            f'mx.example.com; auth=pass smtp.auth={ALICE} smtp.mailfrom=""', *RESULTS_OF_OTHERS)),
    Session("two messages: nothing of the first is in the second", [
        mail("x@remote.example"), rcpt(BOB),
        data(with_forged("From: x@remote.example\nSubject: first\n\nHello.\n")),
        mail("x@remote.example"), rcpt(BOB),
        data("Authentication-Results: 1.example; auth=pass smtp.auth=other\n"
             "From: x@remote.example\nSubject: second\n\nHello.\n")],
        check=lambda run: run.results_of("1.example; auth=pass smtp.auth=other")),
])


# ---------------------------------------------------------------- variant 4: everything monitored

MONITORED = Variant("monitored", {
    **LISTS,
    "authgate.ini": """\
[log]
accepted = yes

[lists]
local_domains = domains.list

[auth]
mechanisms = PLAIN
sender_logins = senders.map

[listeners]
auth_only = submission

[rules]
kill_client = monitor
kill_login = monitor
kill_sender = monitor
auth_only_listener = monitor
auth_mechanism = monitor
auth_tls = monitor
sender_login_match = monitor
foreign_sender_match = monitor
role_sender_auth = monitor
local_sender_auth = monitor
outgoing_auth = monitor
""",
    "domains/example.com.ini": "",
    "domains/strict.example.ini": "[rules]\nlocal_sender_auth = enforce\n",
}, [
    Session("a killed client passes, and is reported", [
        mail("x@remote.example"), rcpt(BOB), data()], client=KILLED,
            log=[would("kill_client", "connect", at="kill.list:1"), {"verdict": "accept"}]),
    Session("several rules report one message", [
        mail("postmaster@example.com"), rcpt(BOB), rcpt(REMOTE), data()], door="submission",
        log=[would("auth_only_listener", "mail"),
             would("role_sender_auth", "mail", **{"from": "postmaster@example.com"}),
             would("local_sender_auth", "rcpt", to=BOB), {"verdict": "accept", "to": BOB},
             would("local_sender_auth", "rcpt", to=REMOTE),
             would("outgoing_auth", "rcpt", to=REMOTE), {"verdict": "accept", "to": REMOTE}]),
    Session("a login that several rules report", [
        mail(BOB), rcpt(REMOTE), data()], door="submission", login="LOGIN mallory",
        log=[would("kill_login", "mail", login="mallory@example.com"),
             would("auth_mechanism", "mail", mech="LOGIN"), would("auth_tls", "mail"),
             would("sender_login_match", "mail"), {"verdict": "accept", "to": REMOTE}]),
    Session("a foreign sender that is reported", [
        mail("x@remote.example"), rcpt(BOB)], login="PLAIN alice", tls=True,
        log=[would("foreign_sender_match", "mail"), {"verdict": "accept"}]),
    Session("a killed sender that is reported", [mail("any@bad.example"), rcpt(BOB)],
            log=[would("kill_sender", "mail"), {"verdict": "accept"}]),
    Session("bad_address cannot be monitored", [
        mail("x@remote.example"), rcpt(f"{LONG}@example.com", BAD_RECIPIENT), rcpt(BOB)],
        log=[reject("bad_address", "rcpt"), {"verdict": "accept"}]),
    Session("a domain's file is stricter than the server's", [
        mail("x@strict.example"), rcpt(BOB, unknown(BOB))],
        log=[reject("local_sender_auth", "rcpt", domain="strict.example")]),
    Session("nothing to report", [mail("x@remote.example"), rcpt(BOB), data()],
            log=[{"verdict": "accept", "rule": "-", "to": BOB}]),
    Session("a login that nothing objects to", [mail(ALICE), rcpt(REMOTE), data()],
            door="submission", login="PLAIN alice", tls=True,
            log=[{"verdict": "accept", "login": ALICE, "mech": "PLAIN", "to": REMOTE}]),
])


# ---------------------------------------------------------------- variant 5: local submission

def submit(sender, recipient, arrives, returns=False):
    """Mail through the sendmail command: does it arrive, does a bounce come back?"""
    def check(run):
        subject = f"local-{time.monotonic_ns()}"
        run.postfix.sendmail(sender, [recipient], f"Subject: {subject}\n\nHello.\n")
        process.wait_for(lambda: run.mail_with(subject))
        mails = run.mail_with(subject)
        arrived = [each for each in mails if f"Envelope-To: <{recipient}>" in each]
        returned = [each for each in mails
                    if each not in arrived and each.startswith("Envelope-From: <>")]
        process.wait_for(lambda: not run.postfix.waiting())
        if run.postfix.waiting():
            return f"in the queue: {' '.join(run.postfix.waiting())}"
        if bool(arrived) != arrives or bool(returned) != returns:
            return f"arrived: {bool(arrived)}, came back: {bool(returned)}"
        return None
    return check


KILLED_AND_LOCAL = Session(
    "sendmail, a killed sender: bounces, never stays", [],
    check=submit("any@bad.example", BOB, arrives=False, returns=True),
    log=[reject("kill_sender", "mail", client="127.0.0.1")])

LOCAL = Variant("local", STRICT.files, [
    Session("sendmail, a local sender to the world", [],
            check=submit(ALICE, REMOTE, arrives=True)),
    Session("sendmail, a role address", [],
            check=submit("postmaster@example.com", BOB, arrives=True)),
    Session("sendmail, the null sender", [],
            check=submit("<>", BOB, arrives=True)),
    Session("sendmail, a foreign sender to the world", [],
            check=submit("x@remote.example", REMOTE, arrives=True)),
    KILLED_AND_LOCAL,
    Session("sendmail, a bad recipient is not refused at RCPT", [],
            check=submit(ALICE, f"{LONG}@example.com", arrives=True)),
    Session("SMTP beside it is judged as ever", [mail(ALICE), rcpt(BOB, unknown(BOB))],
            log=[reject("local_sender_auth", "rcpt")]),
    Session("a client whose address Postfix does not know", [
        # libmilter does not take the word that Postfix has for it
        mail("x@remote.example", "451" if ENGINE == "libmilter" else "250")],
            client="[UNAVAILABLE]"),
], local_submission=True)

LOCAL_AT_MAIL = Variant("local, at-mail", STRICT.files, [KILLED_AND_LOCAL],
                        milter_options="delay_reject = no", local_submission=True)


# ---------------------------------------------------------------- variants of Postfix' own settings

# authgate asks for what it needs: what an administrator has put into these lists for another
# milter's sake changes no verdict.
POOR_LISTS = Variant("poor macro lists", STRICT.files, STRICT.sessions, more="""\
milter_connect_macros =
milter_helo_macros =
milter_mail_macros = i {mail_host}
milter_rcpt_macros =
milter_data_macros =
milter_end_of_header_macros =
milter_end_of_data_macros =
""")

# An MTA that sends no macros: there is no login, no listener, and nobody to say what an odd address
# means. What is refused then is on the safe side.
UNNAMED = {"listener": "-", "login": "-", "mech": "-"}
SILENT = {**UNNAMED, "q": "-"}
NO_MACROS = Variant("no macros", STRICT.files, [
    Session("a killed client", [mail("x@remote.example", blocked(f"Client {KILLED}"))],
            client=KILLED, log=[reject("kill_client", "connect", listener="-")]),
    Session("a stranger may write to us", [
        mail("x@remote.example"), rcpt(BOB), rcpt("kim@books.example"), data()]),
    Session("a stranger may not write through us", [
        mail("x@remote.example"), rcpt(REMOTE, denied(REMOTE))],
        log=[reject("outgoing_auth", "rcpt", **SILENT)]),
    Session("a forged sender", [
        mail(ALICE), rcpt(BOB, unknown(BOB)), RSET,
        mail("Alice+tag@EXAMPLE.com."), rcpt(BOB, unknown(BOB)), RSET,
        ("MAIL FROM:<@remote.example:alice@example.com>", "250"), rcpt(BOB, unknown(BOB))],
        log=[reject("local_sender_auth", "rcpt", **SILENT)] * 3),
    Session("a forged sender in disguise", [
        step for sender in ("alice%example.com@localhost", "example.com!alice",
                            '"alice@example.com"@localhost')
        for step in (mail(sender), rcpt(BOB, BAD_SENDER), RSET)],
        log=[reject("bad_address", "mail", **SILENT)] * 3),
    Session("recipients that only look local",
            [mail("x@remote.example")] +
            [rcpt(each, BAD_RECIPIENT if each[0] != "@" else "554") for each in RELAYED],
            log=[reject("outgoing_auth" if each[0] == "@" else "bad_address", "rcpt", **SILENT)
                 for each in RELAYED]),
    Session("a trusted client", [mail(ALICE), rcpt(REMOTE), data()], client=TRUSTED),
    Session("a killed sender", [mail("any@bad.example"), rcpt(BOB, "554")],
            log=[reject("kill_sender", "mail", **SILENT)]),
    Session("a login that nobody hears of", [mail(ALICE), rcpt(REMOTE, unknown(REMOTE))],
            door="submission", login="PLAIN alice",
            log=[reject("local_sender_auth", "rcpt", **SILENT)]),
    Session("RSET and a second message", [
        mail(ALICE), RSET, mail("x@remote.example"), rcpt(BOB), data(),
        mail(ALICE), rcpt(BOB, unknown(BOB))], log=[reject("local_sender_auth", "rcpt", **SILENT)]),
], macros=False)

# An MTA that sends its own lists whatever authgate asks for, and these lack what others put there:
# a login counts although its mechanism is not known, and no listener is auth-only.
OWN_LISTS = Variant("the MTA's own lists", STRICT.files, [
    Session("a login whose mechanism is not known", [
        mail(ALICE), rcpt(REMOTE), data(), mail(BOB), rcpt(REMOTE, not_owned(BOB, "alice"))],
        login="LOGIN alice",
        log=[reject("sender_login_match", "mail", listener="-", login=ALICE, mech="-")]),
    Session("a killed login", [
        mail("mallory@example.com"), rcpt(BOB, blocked("Login mallory@example.com"))],
        login="PLAIN mallory", log=[reject("kill_login", "mail", listener="-", mech="-")]),
    Session("nobody is asked for a login at a listener that is not known", [
        mail("x@remote.example"), rcpt(BOB), rcpt(REMOTE, denied(REMOTE))], door="submission",
        log=[reject("outgoing_auth", "rcpt", **UNNAMED)]),
    Session("a forged sender, then AUTH, then the same", [
        mail(ALICE), rcpt(BOB, unknown(BOB)), RSET, auth("PLAIN alice"), mail(ALICE), rcpt(REMOTE),
        data()], log=[reject("local_sender_auth", "rcpt", **UNNAMED)]),
], macros=True, more="""\
milter_connect_macros =
milter_mail_macros = i {auth_authen}
milter_rcpt_macros =
""")

# ---------------------------------------------------------------- thousands of spellings

def forms():
    """Ways to write a sender: some mean alice to an MTA, some somebody else, some nothing."""
    users = ["Alice", '"alice"', "al\\ice", "alice+x", "(c)alice", " alice", "alice%example.com",
             "example.com!alice", '"alice@example.com"', "alice@example.com",
             "remote.example!alice"]
    places = ["", "@", "@example.com", "@Example.COM.", "@example.com..", "@mx.example.com",
              "@localhost", "@[127.0.0.1]", "@[IPv6:::1]", "@[127.0.0.1", "@(c)example.com",
              "@ example.com", "%example.com@localhost", "%remote.example@example.com",
              "%example.com@remote.example", "@example.com@remote.example", "@remote.example"]
    frames = ["<{}>", "{}", "<@a.example:{}>", "<@a.example,@b.example:{}>", "<<{}>>", "<{}",
              "Alice <{}>", "<{}>(c)", "< {} >", '<"{}"@localhost>', "<{},bob@example.com>",
              "<x@remote.example>,<{}>", "<example.com!{}>", "<{}>AUTH=<>"]
    return [frame.format(user + place) for frame in frames for user in users for place in places]


def none_is_alice(run):
    """What the rules let pass: does the MTA deliver that to alice when it is a recipient?"""
    if len(run.those_that_are_alice(SPELLINGS[:4])) != 4:
        return "not even alice is alice"
    passed = [form for form in forms() if run.passes(form)]
    wrong = run.those_that_are_alice(passed)
    if wrong:
        return f"pass as alice: {' '.join(wrong)}"
    return None if passed else "nothing passes at all"


# What is not local passes, so that only these two rules stand in the way.
FORMS = Variant("forms", {
    "authgate.ini": "[auth]\nrealm = example.com\n\n[relay]\nallow = 198.51.100.0/28\n\n"
                    "[rules]\nlocal_sender_auth = enforce\nsender_login_match = enforce\n",
    "domains/example.com.ini": "[domain]\naliases = example.org\n",
}, [
    Session("no spelling passes local_sender_auth and is alice", [], check=none_is_alice, log=None),
    Session("no spelling passes sender_login_match and is alice", [], check=none_is_alice,
            login="PLAIN bob", log=None),
])


# ---------------------------------------------------------------- a chroot

# As Debian has it: smtpd sees no more of the files than the queue.
CHROOT = Variant("chroot", STRICT.files, [
    Session("a forged sender", [mail(ALICE), rcpt(BOB, unknown(BOB))],
            log=[reject("local_sender_auth", "rcpt")]),
    Session("a stranger may write to us", [mail("x@remote.example"), rcpt(BOB), data()]),
], chroot=True)


# ---------------------------------------------------------------- doing one session

class Run:
    """One session as it went: what was said, what was logged, what is wrong with it."""

    def __init__(self, session, authgate, postfix):
        self.prepare(session, authgate)
        self.postfix = postfix
        self.port = {"open": postfix.open_port, "submission": postfix.submission_port,
                     "unnamed": postfix.unnamed_port}[session.door]

    def prepare(self, session, authgate):
        self.session = session
        self.authgate = authgate
        self.connection = None
        self.dialogue = []      # (command, expected, heard)
        self.lines = []         # authgate's verdicts, as lists of pairs
        self.joins = []         # its lines that only name the queue id
        self.wrong = []

    def do(self):
        mark = len(self.authgate.lines)
        try:
            self.talk()
        except OSError as error:    # every exception of smtplib is one, too
            self.wrong.append(f"the connection ended: {error!r}")
        # A check may send mail of its own; whether it is content is asked when the log is there.
        found = self.session.check(self) if not self.session.steps else None
        if self.connection and not self.session.steps:
            self.connection.close()
        self.read_log(mark)
        self.compare_dialogue()
        self.compare_log()
        if self.session.check and self.session.steps:
            found = self.session.check(self)
        if found:
            self.wrong.append(found)
        return self

    def talk(self):
        if not self.session.steps:
            return
        self.connection = self.client()
        try:
            if self.session.tls:
                self.connection.start_tls()
            if self.session.login:
                self.take(*auth(self.session.login,
                                "535" if self.session.login.count(" ") > 1 else "235"))
            for step in self.session.steps:
                self.take(*step)
        finally:
            self.connection.close()

    def client(self):
        return Client(self.port, self.session.client)

    def knock(self):
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=process.PATIENCE)

    def take(self, command, expected, *text):
        named = command if isinstance(command, str) else f"({command.__name__})"
        self.dialogue.append((named, expected, self.heard(command, *text)))

    def heard(self, command, *text):
        if callable(command):
            return command(self)
        if command == "(greeting)":
            return self.connection.greeting
        if command == "DATA":
            return self.connection.content(*text)
        words = command.split()
        if words[0] == "AUTH" and words[2] in mta.LOGINS:
            return self.connection.login(*words[1:])
        return self.connection.say(command)

    def read_log(self, mark):
        for line in self.authgate.lines_since(mark, len(self.session.log or [])):
            pairs = log_pairs(line)
            (self.lines if pairs[0][0] == "verdict" else self.joins).append(pairs)
        self.wrong += [f"log: {line}" for line in self.authgate.lines[mark:]
                       if not log_pairs(line) and not re.match("policy gen=|stopped$", line)]

    # -- comparing

    def compare_dialogue(self):
        for command, expected, heard in self.dialogue:
            if not answers(expected, heard):
                self.wrong.append(f"{shortened(command, 90)}: expected {expected}, heard {heard}")

    def compare_log(self):
        if self.session.log is None:
            return
        expected, found = len(self.session.log), len(self.lines)
        if expected != found:
            self.wrong.append(f"expected {expected} log lines, found {found}")
        for expected, pairs in zip(self.session.log, self.lines):
            self.compare_line({**self.usual_fields(), **expected}, pairs)

    def usual_fields(self):
        """What every line of a session by SMTP holds, unless the session says otherwise."""
        if not self.session.steps:
            return {}
        door = {"open": "smtp", "submission": "submission", "unnamed": mta.HOSTNAME}
        return {"client": self.session.client,
                "listener": f"{door[self.session.door]}:{self.port}"}

    def compare_line(self, expected, pairs):
        fields = dict(pairs)
        for key, value in expected.items():
            if fields.get(key) != value:
                self.wrong.append(f"log: expected {key}={value}, found {fields.get(key)}")
        keys = [key for key, _ in pairs]
        absent = {"note"} if fields.get("stage") == "header" else {"note", "address", "why"}
        if [key for key in keys if key != "note"] != [key for key in LOG_KEYS if key not in absent]:
            self.wrong.append(f"log: the keys are {' '.join(keys)}")
        heard = [each for _, _, each in self.dialogue]
        if heard and fields["verdict"] in ("reject", "tempfail") and fields["reply"] not in heard:
            self.wrong.append(f"log: reply=\"{fields['reply']}\" is not what the client heard")

    # -- checks that sessions name

    def queue_id(self):
        """Of the last message that Postfix took."""
        text = " ".join(each for _, _, each in self.dialogue)
        found = re.findall(r"queued as (\w+)", text)
        return found[-1] if found else None

    def queue_id_is_logged(self):
        refused = {dict(pairs)["s"] for pairs in self.lines}
        for pairs in map(dict, self.joins):
            if pairs.get("q") == self.queue_id() and pairs.get("s") in refused:
                return None
        return f"no line joins {' '.join(refused)} with queue id {self.queue_id()}: {self.joins}"

    def server(self):
        return self.postfix

    def lines_have_queue_id(self):
        ids = [dict(pairs)["q"] for pairs in self.lines]
        return None if ids and "-" not in ids else f"q= is {' '.join(ids)}"

    def message_ids_differ(self):
        ids = [dict(pairs)["s"] for pairs in self.lines]
        sessions = {each.rpartition("-")[0] for each in ids}
        well = len(set(ids)) == len(ids) == 2 and len(sessions) == 1 and "" not in sessions
        return None if well else f"the ids are {' '.join(ids)}"

    def results_of(self, *expected):
        """The Authentication-Results fields of the delivered message are exactly these."""
        queue_id = self.queue_id()

        mails = process.wait_for(lambda: self.delivered_as(queue_id))
        if not mails:
            return f"{queue_id} was not delivered"
        unfolded = re.sub(r"\n[ \t]+", " ", mails[0])
        found = re.findall(r"(?mi)^authentication-results[ \t]*:[ \t]*(.*)$", unfolded)
        return None if found == list(expected) else f"Authentication-Results are {found}"

    # -- spellings

    def passes(self, form):
        """As a sender."""
        if not self.connection:
            self.connection = self.client()
            if self.session.login:
                self.connection.login(*self.session.login.split())
        self.connection.say("RSET")
        return (self.connection.say(f"MAIL FROM:{form}")[0] == "2" and
                self.connection.say(f"RCPT TO:<{BOB}>")[0] == "2")

    def those_that_are_alice(self, spellings):
        """As recipients, written by a client that may write to anybody."""
        sent = {}
        with Client(self.port, TRUSTED) as client:
            for form in spellings:
                client.say("MAIL FROM:<x@remote.example>")
                if client.say(f"RCPT TO:{form}")[0] == "2":
                    sent[client.content("Subject: who\r\n").split()[-1]] = form
                client.say("RSET")
        process.wait_for(lambda: sent.keys() <= self.delivered_by_id().keys())
        mails = self.delivered_by_id()
        # Of one that did not come nobody knows where it went.
        return [form for queue_id, form in sent.items() if re.search(
            rf"(?mi)^Envelope-To: <alice(\+.*)?@({LOCAL_NAMES})>",
            mails.get(queue_id, f"Envelope-To: <{ALICE}>"))]

    def delivered_by_id(self):
        return {name.partition(".")[0]: text for name, text in self.postfix.delivered().items()}

    def delivered_as(self, queue_id):
        return [text for name, text in self.postfix.delivered().items()
                if name.startswith(f"{queue_id}.")]

    def mail_with(self, subject):
        return [text for text in self.postfix.delivered().values() if subject in text]

    # -- saying

    def decisive(self):
        heard = [each for command, _, each in self.dialogue if command != "RSET"]
        refusals = [each for each in heard if each[0] in "45"]
        return (refusals or heard or ["as expected"])[0 if refusals else -1]

    def details(self):
        for command, expected, heard in self.dialogue:
            mark = " " if answers(expected, heard) else "!"
            yield f"{mark} {shortened(command, 90)}  ->  {heard}"
        for pairs in self.lines + self.joins:
            yield "  log " + " ".join(f"{key}={value!r}" for key, value in pairs)


def answers(expected, heard):
    """A code alone stands for any text; else every word counts."""
    return heard.split(" ")[0] == expected if expected.isdigit() else heard == expected


def run_variant(variant, binary, only, report, stack):
    """Gives back the authgate, which is still busy ending, or None where nothing was chosen."""
    chosen = [each for each in variant.sessions if only in f"{variant.name}: {each.name}"]
    if not chosen:
        return None
    folder = stack.enter_context(process.scratch_folder())
    queue = f"{Postfix.folder_in(folder)}/queue" if variant.chroot else None
    authgate = Authgate(binary, folder, dict(variant.files), inet=variant.inet,
                        milter_options=variant.milter_options, queue=queue)
    milter = authgate.milter
    if variant.macros is not None:
        milter = stack.enter_context(Between(folder, milter, variant.macros))
    postfix = Postfix(folder, milter, ("example.com", "example.org", "listed.example"),
                      local_submission=variant.local_submission, more=variant.more,
                      chroot=variant.chroot)
    # Only now is it known which port the policy is to name.
    authgate.files["authgate.ini"] = authgate.files["authgate.ini"].replace(
        "{unnamed_port}", str(postfix.unnamed_port))
    stack.enter_context(authgate)
    with postfix:
        idle = authgate.descriptors()
        for session in chosen:
            run = Run(session, authgate, postfix).do()
            report.line(f"{variant.name}: {session.name}", run.wrong, run.decisive(), run.details())
        report.line(f"{variant.name}: no connection is left", left_open(authgate, idle))
        report.line(f"{variant.name}: main.cf", main_cf_complaints(variant, postfix))
        report.line(f"{variant.name}: Postfix' log", postfix_complaints(postfix))
    authgate.ask_to_stop()
    return authgate


def try_variant(variant, binary, only, report, stack):
    """A build that says at its start what it cannot do is not tested for that."""
    try:
        return run_variant(variant, binary, only, report, stack)
    except Failure as failure:
        reason = re.search(r".*cannot do it yet", str(failure))
        if not reason:
            raise
        print(f"skipped    {variant.name}: {reason[0]}")
        return None


def run_all(arguments, report):
    """libmilter takes its time to end: they all do so together."""
    ending = []
    with ExitStack() as stack:
        for variant in (STRICT, AT_MAIL, HEADERS, CERTIFICATES, RESULTS, MONITORED, LOCAL,
                        LOCAL_AT_MAIL, POOR_LISTS, NO_MACROS, OWN_LISTS, FORMS, CHROOT):
            authgate = try_variant(variant, arguments.authgate, arguments.only, report, stack)
            if authgate:
                ending.append((variant, authgate))
        for variant, authgate in ending:
            report.line(f"{variant.name}: the end of authgate", end_complaints(authgate))
    report.line("README, manual and contrib", instruction_complaints())


ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../..")


def chapter(name, underlined):
    """A chapter of the README or of the manual."""
    if underlined:
        with open(f"{ROOT}/README", encoding="utf-8") as file:
            return re.search(rf"\n{name}\n-+\n(.*?)\n\n\n", file.read(), re.S)[1]
    with open(f"{ROOT}/milter/authgate.8", encoding="utf-8") as file:
        return re.search(rf"\n\.Sh {name.upper()}\n(.*?)\n\.Sh ", file.read(), re.S)[1]


def instruction_complaints():
    """The README, the manual and contrib's main.cf, which these tests run, say the same: the line
    for a Postfix with chroot and the one for a Postfix without."""
    plain, chrooted = (f"smtpd_milters = unix:{each}authgate/authgate.sock"
                       for each in ("/run/", ""))
    with open(f"{mta.CONTRIB}/main.cf", encoding="utf-8") as file:
        contrib = file.read()
    wrong = []
    for underlined in (True, False):
        found = re.findall(r"(?m)smtpd_milters = .*$", chapter("Postfix", underlined))
        if found != [chrooted, plain]:
            wrong.append(f"the {'README' if underlined else 'manual'} says {found}")
    if re.findall(r"(?m)^\w*milter\w* = .*$", contrib) != [
            chrooted, "milter_default_action = tempfail"] or f"\n#{plain}\n" not in contrib:
        wrong.append("contrib/postfix/main.cf says something else")
    return wrong


def left_open(authgate, idle):
    """Clients have come, gone and dropped out: as many files are open as before the first."""
    process.wait_for(lambda: authgate.descriptors() <= idle)
    more = authgate.descriptors() - idle
    return [f"{more} files more than before"] if more > 0 else []


def main_cf_complaints(variant, postfix):
    """The README's promise: smtpd_milters is all that an administrator has to set, and the action
    while authgate is down."""
    names = re.findall(r"(?m)^(\w*milter\w*) *=", postfix.main_cf())
    ours = {"milter_default_action", "milter_connect_timeout", "milter_command_timeout",
            "milter_content_timeout"}
    expected = (["smtpd_milters"] + ["non_smtpd_milters"] * variant.local_submission +
                re.findall(r"(?m)^(\w*milter\w*) =", variant.more))
    found = [name for name in names if name not in ours]
    return [] if found == expected else [f"main.cf sets {' '.join(found)}"]


def postfix_complaints(postfix):
    """An address that Postfix does not know ends a milter session at CONNECT; all else is wrong."""
    return [line for line in postfix.log.splitlines()
            if re.search(r"(warning|fatal|error|panic):.*milter", line)
            and "can't read SMFIC_CONNECT" not in line]


def end_complaints(authgate):
    status = authgate.stop()
    wrong = [line for line in authgate.lines if "Sanitizer" in line or "runtime error" in line]
    if status != 0:
        wrong += [f"status {status}", *authgate.lines[-3:]]
    return wrong


if __name__ == "__main__":
    sys.exit(script.run(__doc__, ["only"], run_all))
