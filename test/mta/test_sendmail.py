#!/usr/bin/python3
"""Sessions with a real Sendmail that asks a real authgate: what the client is told, what is logged.

usage: test_sendmail.py --authgate PATH [--only WORD] [--packages FOLDER]

A variant is one configuration; each starts one authgate and one Sendmail and goes through its
sessions. One line a session; status 0 when all are ok, 77 when this cannot run here.

Every session of test_postfix.py is held here, too, except those that DIFFERENT names with the
reason. What differs for all of them is done by adapted() and with_address():

* Sendmail puts "<address>... " in front of the text of a 450, 550 or 553 reply to MAIL and RCPT,
  but not of 501, 530, 534, 538 and 554. authgate logs the text without it.
* At CONNECT it hears from a milter that mail is refused, and words that itself.
* It knows the queue id from MAIL on, so every line but those of CONNECT holds one.
* There is no XCLIENT: clients really come from their addresses, IPv6 ones to a door of their own.
"""

import base64
import os
import re
import signal
import socket
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Optional

sys.dont_write_bytecode = True    # root's files have no business in a checkout
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../driver"))
import process  # noqa: E402
import script  # noqa: E402
from between import Between  # noqa: E402
import sendmail  # noqa: E402
import test_postfix as model  # noqa: E402
from process import Failure  # noqa: E402
from sendmail import Authgate, Client, Door, LocalClient, Sendmail  # noqa: E402
from test_postfix import (  # noqa: E402
    ALICE, BAD_RECIPIENT, BAD_SENDER, BOB, KILLED, NEED_LOGIN, NEED_TLS, OTHERS, REMOTE, RELAYED,
    RSET, STARTTLS, STRANGER, Session, auth, blocked, data, denied, from_header, mail, not_owned,
    rcpt, reject,
    start_tls_as, unknown)


# The last two doors are known by their port, and by their family.
DOORS = {
    "open": Door(25, "MTA"),
    "submission": Door(587, "MSA", "E"),
    "strict": Door(588, "MSA", "Ea"),    # Sendmail itself wants a login here before MAIL
    "unnamed": Door(465),
    "six": Door(2525, "MTA6", family="inet6"),
}

LATE = "192.0.2.66"                  # is put into the kill list while it is connected

REJECTED = "550 5.0.0 Command rejected"


# ---------------------------------------------------------------- from Postfix' sessions to ours

FORMS = "Sendmail: see SPELLINGS, for its macros say less than Postfix' of what a sender means"

LENGTH = "Sendmail refuses a word of more than 255 characters itself"
U_LABELS = "Sendmail has no SMTPUTF8; of 8-bit bytes it refuses some and takes others as they are"
UNREADABLE = "bob%example.com@localhost"

# Sessions of test_postfix.py that go otherwise: the reason, and what is put in place (nothing: the
# session is left out).
DIFFERENT = {
    "itself in every disguise": (FORMS, None),
    "somebody else in disguise": (
        "Sendmail's {mail_addr} is `bob`, whichever domain the unreadable sender means", dict(
            steps=[mail(UNREADABLE), rcpt(REMOTE, BAD_SENDER), RSET,
                   mail("bob@localhost"), rcpt(REMOTE, not_owned("bob@localhost", "alice")), RSET,
                   mail('"bob@example.com"@localhost'), rcpt(REMOTE, BAD_SENDER)],
            log=[reject("bad_address", "mail"), reject("sender_login_match", "mail"),
                 reject("bad_address", "mail")])),
    "a recipient in every disguise": (FORMS, None),
    "near alice and not she, to alice's login": (FORMS, dict(
        steps=[step for other in OTHERS for step in (
            mail(other), rcpt(REMOTE, "501" if " " in other else "553"), RSET)],
        log=[reject("sender_login_match", "mail")] * 6 + [reject("bad_address", "mail")] +
            [reject("foreign_sender_match", "mail")] * 2)),
    "nobody, alice, nobody again behind STARTTLS, bob": (
        "a login outlives STARTTLS, and Sendmail takes no second one", dict(
            steps=[mail(ALICE), rcpt(BOB, unknown(BOB)), RSET, auth("PLAIN alice"),
                   mail(ALICE), rcpt(REMOTE), data(), STARTTLS, mail(ALICE), rcpt(REMOTE), data(),
                   auth("PLAIN bob", "503"), mail(BOB), rcpt(REMOTE, not_owned(BOB, "alice"))],
            log=[reject("local_sender_auth", "rcpt", login="-"),
                 reject("sender_login_match", "mail", login=ALICE)])),
    "STARTTLS comes too late for a login": (
        "a login outlives STARTTLS, and is one with TLS from then on", dict(
            steps=[auth("PLAIN alice"), mail(ALICE, NEED_TLS), STARTTLS, mail(ALICE), rcpt(REMOTE),
                   data()])),
    "a bounce of another host, without a domain": (
        "Sendmail adds its own domain to a From: without one", dict(
            steps=[mail(""), rcpt(BOB), from_header(
                "Mail Delivery Subsystem <MAILER-DAEMON>",
                answer="550 5.7.1 From: <mailer-daemon> needs authentication")],
            log=[reject("from_header_local_auth", "header", address="mailer-daemon")])),
    "a forged sender in a domain with a U-label": (U_LABELS, dict(
        steps=[mail("x@b\u00fccher.example"), rcpt(BOB, unknown(BOB)), RSET,
               mail("x@B\u00dcCHER.example", "501")],
        log=[reject("local_sender_auth", "rcpt", domain="xn--bcher-kva.example")])),
    "the same as recipients: ours, in another alphabet": (U_LABELS, dict(
        steps=[mail("x@remote.example"), rcpt("kim@b\u00fccher.example"),
               rcpt("kim@B\u00dcCHER.example.", "501"), rcpt("kim@a.b\u00fccher.example"),
               data()])),
    "a role address without a domain": (
        "Sendmail wants a domain; see the variant that does not", dict(
            steps=[mail("postmaster", "553 5.5.4 Domain name required for sender address "
                                      "postmaster")], log=[])),
    "nor to what only looks local": (
        "Sendmail refuses two @ itself", dict(
            steps=[mail("x@remote.example")] + [rcpt(each, "554") for each in RELAYED[:-1]] +
                  [rcpt(RELAYED[-1], "553")],
            log=[reject("outgoing_auth", "rcpt")] * (len(RELAYED) - 1))),
    "recipients that only look local": (
        "Sendmail refuses two @ itself", dict(
            steps=[mail("x@remote.example")] +
                  [rcpt(each, BAD_RECIPIENT if each[0] != "@" else "554")
                   for each in RELAYED[:-1]] + [rcpt(RELAYED[-1], "553")],
            log=[reject("outgoing_auth" if each[0] == "@" else "bad_address", "rcpt",
                        **model.SILENT) for each in RELAYED[:-1]])),
    "a sender nobody can read": (LENGTH, dict(
        steps=[mail(UNREADABLE), rcpt(BOB, BAD_SENDER)])),
    "a recipient nobody can read, and one that can be read": (LENGTH, dict(
        steps=[mail("x@remote.example"), rcpt(UNREADABLE, BAD_RECIPIENT), rcpt(BOB)])),
    "a sender nobody can read, at MAIL": (LENGTH, dict(
        steps=[mail(UNREADABLE, BAD_SENDER)])),
    "bad_address cannot be monitored": (LENGTH, dict(
        steps=[mail("x@remote.example"), rcpt(UNREADABLE, BAD_RECIPIENT), rcpt(BOB)])),
    "a client whose address Postfix does not know": (
        "Sendmail always knows it, but in `sendmail -bs`", None),
}


def adapted(session):
    """A session of test_postfix.py as Sendmail would have it; None where it has none."""
    if session.name.startswith("forged, spelt ") or session.name.startswith("sendmail, "):
        return None    # SPELLINGS; and Postfix' sendmail command, for which LOCAL stands
    if session.name in DIFFERENT:
        _reason, fields = DIFFERENT[session.name]
        if fields is None:
            return None
        session = replace(session, **fields)
    door, client = session.door, session.client
    if ":" in client:
        door, client = "six", client.removeprefix("::ffff:")
    steps = [(command, answer_at_connect(answer), *text)
             for command, answer, *text in session.steps]
    return replace(session, steps=steps, door=door, client=client)


def answer_at_connect(answer):
    """Who is killed at CONNECT hears it at MAIL, in the MTA's words."""
    return REJECTED if answer.startswith("554 5.7.1 Client ") else answer


def with_address(command, answer, *text):
    """What authgate says, as Sendmail passes it on."""
    parts = re.match(r"(450|550|553) (\S+) (.*)", answer)
    argument = re.match(r"(?:MAIL FROM|RCPT TO):(\S+)", command if not callable(command) else "")
    if parts and argument and answer != REJECTED:
        answer = f"{parts[1]} {parts[2]} {argument[1]}... {parts[3]}"
    return (command, answer, *text)


def without_address(heard):
    return re.sub(r"^((?:450|550|553) \S+) \S+\.\.\. ", r"\1 ", heard)


@dataclass
class Variant:
    name: str
    files: dict
    sessions: list
    inet: bool = False
    milter_options: str = ""
    sendmail_options: str = ""
    macros: Optional[bool] = None

    def __post_init__(self):
        self.sessions = [replace(each, steps=[with_address(*step) for step in each.steps])
                         for each in self.sessions]
        ini = self.files["authgate.ini"].replace("{unnamed_port}", str(DOORS["unnamed"].port))
        ini = re.sub(r"(?m)^(auth_only = .*)submission", r"\1msa", ini)
        self.files = {**self.files, "authgate.ini": ini}


def like(variant, more=(), sendmail_options=""):
    """A variant of test_postfix.py, and sessions of our own behind its own."""
    sessions = [each for each in map(adapted, variant.sessions) if each]
    return Variant(variant.name, variant.files, [*sessions, *more], inet=variant.inet,
                   milter_options=variant.milter_options, sendmail_options=sendmail_options,
                   macros=variant.macros)


# ---------------------------------------------------------------- every way to write a sender

# What becomes of alice's address without a login, to a recipient that is not ours.
FORGED, BAD, FOREIGN, REFUSED = "forged", "bad", "foreign", "refused by Sendmail"

# Sendmail: {mail_addr} is `alice` for nearly all of these, without a domain. Where authgate can
# read the sender by itself, that tells the domain. Where it cannot, the address is a bad one, and
# for alice's own login as well, whereas Postfix' macros name the domain. Some are refused by
# Sendmail before authgate hears of them.
SPELLINGS = [
    ("<alice@example.com>", FORGED),
    ("alice@example.com", FORGED),
    ("<ALICE@EXAMPLE.COM>", FORGED),
    ("<alice@Example.COM>", FORGED),
    ("<alice@example.com.>", FORGED),
    ("<alice@example.com..>", BAD),
    ("<alice>", REFUSED),
    ("<Alice>", REFUSED),
    ("<alice+tag@example.com>", FORGED),
    ('<"alice"@example.com>', FORGED),
    ("<\\alice@example.com>", BAD),
    ("<al\\ice@example.com>", BAD),
    ("<alice\\@example.com>", REFUSED),
    ("<alice@mx.example.com>", FORGED),
    ("<alice@localhost>", FORGED),
    ("<alice@localhost.example.com>", FORGED),
    ("<alice@[127.0.0.1]>", FORGED),
    ("<alice@[IPv6:::1]>", FOREIGN),    # Sendmail does not take this for itself
    ("<alice%example.com@localhost>", BAD),
    ("<alice%example.com@mx.example.com>", BAD),
    ("<alice%example.com@example.com>", BAD),
    ("<alice%example.com@>", REFUSED),
    ("<alice%example.com>", BAD),
    ("<alice%example.com@[127.0.0.1]>", BAD),
    ("<example.com!alice>", BAD),
    ("<example.com!alice@localhost>", BAD),
    ("<mx.example.com!example.com!alice>", BAD),
    ("<@remote.example:alice@example.com>", FORGED),
    ("<@a.example,@b.example:alice@example.com>", FORGED),
    ('<"alice@example.com"@localhost>', BAD),
    ('<"alice@example.com"@mx.example.com>', BAD),
    ('<"alice@example.com">', BAD),
    ("<alice@example.com@localhost>", REFUSED),
    ("<alice@example.com@mx.example.com>", REFUSED),
    ("<alice(comment)@example.com>", BAD),
    ("<alice@example.com(comment)>", BAD),
    ("<alice@(comment)example.com>", BAD),
    ("<(comment)alice@example.com>", BAD),
    ("<alice@example.com (comment)>", BAD),
    ("(comment)<alice@example.com>", BAD),
    ("<alice@example.com>(comment)", BAD),
    ("<Alice <alice@example.com>>", BAD),
    ("<<alice@example.com>>", BAD),
    ("alice@example.com>", REFUSED),
    ("<alice@example.com>>", REFUSED),
    ("<group: alice@example.com;>", BAD),
    ("<alice@ example.com>", BAD),
    ("<alice @example.com>", BAD),
    ("<alice@example.com >", BAD),
    ("< alice@example.com>", BAD),
    ("<alice\t@example.com>", BAD),
    ("<alice@example.com\x0b>", BAD),
    # further ones that Sendmail takes for alice
    ("<alice@example.com;>", BAD),
    ("<alice@mx.example.com.>", FORGED),
    ("<alice@example.org>", FORGED),
    # {mail_addr} is that of the last
    ("<bob@example.com>,<alice@example.com>", BAD),
]

# A recipient needs no domain.
UNQUALIFIED_RECIPIENTS = ("<alice>", "<Alice>", "<alice\\@example.com>")

# Whole local parts to Sendmail, however they look: not alice, and no role address.
NOT_ALICE = ("x;alice alice;x alice; ;alice [x]alice alice[x] \"x,alice\" \"alice;x\" alice. "
             "x;postmaster").split()

# What Sendmail refuses itself.
LISTED = ("x,postmaster@example.com x,alice@example.com alice,x@example.com ,alice@example.com "
          "alice@example.com,x@remote.example x@remote.example,alice@example.com").split()


def forged(spelling, outcome):
    steps, log = {
        FORGED: ([rcpt(REMOTE, unknown(REMOTE))], [reject("local_sender_auth", "rcpt")]),
        BAD: ([rcpt(REMOTE, BAD_SENDER)], [reject("bad_address", "mail")]),
        FOREIGN: ([rcpt(REMOTE, denied(REMOTE))], [reject("outgoing_auth", "rcpt")]),
    }.get(outcome, ([], []))
    return Session(f"forged, spelt {spelling!r}", [mail_as(spelling, outcome), *steps], log=log)


def own(spelling, outcome):
    """The login alice, as herself: hers, or unreadable, but never somebody else's refusal."""
    steps, log = {
        FORGED: ([rcpt(REMOTE)], []),
        BAD: ([rcpt(REMOTE, BAD_SENDER)], [reject("bad_address", "mail")]),
        FOREIGN: ([rcpt(REMOTE, "553")], [reject("foreign_sender_match", "mail")]),
    }.get(outcome, ([], []))
    return Session(f"own, spelt {spelling!r}", [mail_as(spelling, outcome), *steps], log=log,
                   door="submission", login="PLAIN alice")


def mail_as(spelling, outcome):
    return (f"MAIL FROM:{spelling}", "553" if outcome == REFUSED else "250")


def recipient(spelling, outcome):
    """As a recipient she is local, or unreadable."""
    answer, log = {
        FORGED: ("250", []),
        BAD: ("501", [reject("bad_address", "rcpt")]),
        FOREIGN: ("554", [reject("outgoing_auth", "rcpt")]),
    }.get(outcome, ("553", []))
    if spelling in UNQUALIFIED_RECIPIENTS:
        answer = "250"
    return Session(f"recipient, spelt {spelling!r}", [
        mail("x@remote.example"), (f"RCPT TO:{spelling}", answer)], log=log)


# ---------------------------------------------------------------- local submission

def local(name, steps, log=(), check=None):
    """`sendmail -bs`: no listener, no address; refused at MAIL or at the end, never at RCPT."""
    return Session(f"sendmail -bs, {name}", steps, door="local", client="-", log=list(log),
                   check=check)


def killed_is_not_queued(run):
    found = "any@bad.example" in run.sendmail.senders()
    return "the refused mail is in the queue" if found else None


LOCAL = [
    local("a local sender to the world", [mail(ALICE), rcpt(REMOTE), rcpt(BOB), data()]),
    local("a role address", [mail("postmaster@example.com"), rcpt(BOB), data()]),
    local("the null sender", [mail(""), rcpt(BOB), rcpt(REMOTE), data()]),
    local("a foreign sender to the world", [mail("x@remote.example"), rcpt(REMOTE), data()]),
    local("a bad recipient is not refused at RCPT", [
        mail(ALICE), rcpt(UNREADABLE), data()]),
]

LOCAL_KILLED = local(
    "a killed sender is refused at the end, and the next message is judged anew", [
        mail("any@bad.example"), rcpt(BOB), rcpt(REMOTE),
        data(answer=blocked("<any@bad.example>: Sender address")),
        mail("x@remote.example"), rcpt(BOB), data()],
    log=[reject("kill_sender", "mail")], check=killed_is_not_queued)

LOCAL_KILLED_AT_MAIL = local(
    "a killed sender is refused at MAIL", [
        mail("any@bad.example", blocked("<any@bad.example>: Sender address")),
        mail("x@remote.example"), rcpt(BOB), data()],
    log=[reject("kill_sender", "mail")], check=killed_is_not_queued)


# ---------------------------------------------------------------- the variants

def kill_now(address):
    """A step that adds a line to the kill list and waits until that is in force."""
    def kill(run):
        path = os.path.join(run.authgate.folder, "kill.list")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        generations = len(run.generations())
        process.write(path, f"{text}{address}\n")
        run.authgate.process.send_signal(signal.SIGHUP)
        if not process.wait_for(lambda: len(run.generations()) > generations):
            return "no new policy"
        return "250 in force"
    return (kill, "250")


def stop_authgate(run):
    """A step, after which nobody answers Sendmail."""
    return f"250 status {run.authgate.stop()}"


def plain(*words):
    """AUTH PLAIN in full: the identity to act as, the login, its password."""
    return f"AUTH PLAIN {base64.b64encode(chr(0).join(words).encode()).decode()}", "235"


STRICT = like(model.STRICT, [
    Session("a killed client hears it in the greeting", [
        ("(greeting)", "554 mx.example.com ESMTP not accepting messages"),
        mail("x@remote.example", REJECTED), ("NOOP", "250")], client=KILLED,
        log=[reject("kill_client", "connect", at="kill.list:1", note="spam runs")]),
    Session("a killed client hears no more than others where it may log in", [
        ("(greeting)", "220"), mail("x@remote.example"), rcpt(BOB, NEED_LOGIN)],
        client=KILLED, door="submission", log=[reject("auth_only_listener", "mail")]),
    Session("Sendmail's own M=a, no login", [mail(ALICE, NEED_LOGIN)], door="strict"),
    Session("Sendmail's own M=a, with login", [mail(ALICE), rcpt(REMOTE), data()],
            door="strict", login="PLAIN alice"),
    Session("Sendmail's own M=a, a login as somebody else", [
        mail(BOB), rcpt(REMOTE, not_owned(BOB, "alice"))], door="strict", login="PLAIN alice",
        log=[reject("sender_login_match", "mail", listener="MSA:588")]),
    # Sendmail's own check lets the identity pass; {auth_authen} stays the login.
    Session("to act as somebody else is not to be somebody else", [
        plain("bob@example.com", ALICE, "wonderland"),
        mail(BOB), rcpt(REMOTE, not_owned(BOB, "alice")), RSET, mail(ALICE), rcpt(REMOTE)],
        door="submission", log=[reject("sender_login_match", "mail", login=ALICE)]),

    Session("a recipient without a domain is local", [
        mail("x@remote.example"), rcpt("bob"), rcpt("postmaster"), data()]),
    Session("a local recipient in Sendmail's eyes alone", [
        mail("x@remote.example"), rcpt("bob@localhost"), rcpt("bob@mx.example.com"), data()]),

    Session("what is not alice, to alice's login", [
        step for user in NOT_ALICE for step in (
            mail(f"{user}@example.com"), rcpt(REMOTE, not_owned(f"{user}@example.com", "alice")),
            RSET)],
        login="PLAIN alice", log=[reject("sender_login_match", "mail")] * len(NOT_ALICE)),
    Session("what is not alice, and still local", [
        step for user in NOT_ALICE for step in (
            mail(f"{user}@example.com"), rcpt(REMOTE, unknown(REMOTE)), RSET)],
        log=[reject("local_sender_auth", "rcpt")] * len(NOT_ALICE)),
    Session("senders with a comma", [mail(each, "553") for each in LISTED]),
    *LOCAL, LOCAL_KILLED,
    Session("SMTP beside it is judged as ever", [mail(ALICE), rcpt(BOB, unknown(BOB))],
            client=STRANGER, log=[reject("local_sender_auth", "rcpt")]),
    *[forged(*each) for each in SPELLINGS],
    *[own(*each) for each in SPELLINGS],
    *[recipient(*each) for each in SPELLINGS],
    # The last, for it changes the lists. The answer to MAIL was given away by delay_reject.
    Session("a client that is killed while it is connected", [
        mail("x@remote.example"), rcpt(BOB), data(), kill_now(LATE),
        mail("x@remote.example"), rcpt(BOB, blocked(f"Client {LATE}"))],
        client=LATE, log=[reject("kill_client", "connect", to=BOB)]),
])

AT_MAIL = like(model.AT_MAIL, [
    *LOCAL, LOCAL_KILLED_AT_MAIL,
    Session("a sender nobody can read, and a good one after it, at MAIL", [
        mail(UNREADABLE, BAD_SENDER), mail("x@remote.example"), rcpt(BOB)],
        log=[reject("bad_address", "mail")]),
    Session("a client that is killed while it is connected, at MAIL", [
        mail("x@remote.example"), rcpt(BOB), data(), kill_now(LATE),
        ("MAIL FROM:<x@remote.example>", blocked(f"Client {LATE}"))],
        client=LATE, log=[reject("kill_client", "connect", to="-")]),
])

# As Debian's sendmail.mc has it: what MAIL would hear is said at RCPT, and no domain is needed.
UNQUALIFIED = Variant("unqualified", model.STRICT.files, [
    Session("a forged sender without a domain", [mail("alice"), rcpt(BOB, unknown(BOB))],
            log=[reject("local_sender_auth", "rcpt")]),
    Session("in capitals, with a tag", [mail("Alice+tag"), rcpt(BOB, unknown(BOB))],
            log=[reject("local_sender_auth", "rcpt")]),
    Session("a login as itself, without a domain", [mail("alice"), rcpt(REMOTE), data()],
            login="PLAIN alice"),
    Session("a login as somebody else, without a domain", [
        mail("bob"), rcpt(REMOTE, not_owned("bob", "alice"))], login="PLAIN alice",
        log=[reject("sender_login_match", "mail")]),
    Session("a role address without a domain", [mail("postmaster"), rcpt(BOB, "530")],
            log=[reject("role_sender_auth", "mail")]),
    Session("an empty {mail_addr} for what is not empty", [
        ("MAIL FROM:<alice@example.com>AUTH=<>", "250"), rcpt(REMOTE, BAD_SENDER)],
        log=[reject("bad_address", "mail")]),
    Session("an escaped @", [mail("alice\\@example.com"), rcpt(REMOTE, unknown(REMOTE))],
            log=[reject("local_sender_auth", "rcpt")]),
    Session("the null sender", [mail(""), rcpt(BOB), data()]),
    Session("what Sendmail refuses stays refused", [
        mail("x@remote.example"), rcpt(Sendmail.REFUSED, "550"), rcpt(BOB), data()]),
    # The last, for obvious reasons. F=T of the filter's line.
    Session("without authgate no mail, and none is lost", [
        mail("x@remote.example"), rcpt(BOB), data(), (stop_authgate, "250 status 0"),
        mail("x@remote.example", "451 4.3.2 Please try again later")]),
], sendmail_options="FEATURE(`delay_checks')\nFEATURE(`accept_unqualified_senders')")

# What an administrator has put into these lists for another milter's sake changes no verdict.
POOR_LISTS = like(model.POOR_LISTS, sendmail_options="""\
define(`confMILTER_MACROS_CONNECT', `')
define(`confMILTER_MACROS_HELO', `')
define(`confMILTER_MACROS_ENVFROM', `{mail_host}')
define(`confMILTER_MACROS_ENVRCPT', `')
define(`confMILTER_MACROS_DATA', `')
define(`confMILTER_MACROS_EOH', `')
define(`confMILTER_MACROS_EOM', `')""")

NO_MACROS = like(model.NO_MACROS)

FORMS = like(model.FORMS)

OWN_LISTS = like(model.OWN_LISTS, sendmail_options="""\
define(`confMILTER_MACROS_CONNECT', `j')
define(`confMILTER_MACROS_ENVFROM', `i, {auth_authen}')
define(`confMILTER_MACROS_ENVRCPT', `')""")

# a client certificate as the login; its subject, where Sendmail has verified it
CERTIFICATES = Variant("certificates", {
    **model.CERTIFICATES.files,
    "certificates.list": "/O=Test/CN=alice client, alice@example.com\n"}, [
        Session("a certificate is a login", [
            start_tls_as("alice"), mail(ALICE), rcpt(REMOTE), data()]),
        Session("... that does not own everything", [
            start_tls_as("alice"), mail(BOB, not_owned(BOB, "alice"))],
            log=[reject("sender_login_match", "mail", login=ALICE, mech="-")]),
        Session("a good one that is not listed is none", [
            start_tls_as("nobody"), mail(ALICE), rcpt(BOB, "550")],
            log=[reject("local_sender_auth", "rcpt", login="-")]),
        Session("nor one of that name that nobody vouches for", [
            start_tls_as("impostor"), mail(ALICE), rcpt(BOB, "550")],
            log=[reject("local_sender_auth", "rcpt", login="-")]),
    ], milter_options="delay_reject = no")

VARIANTS = (STRICT, AT_MAIL, like(model.HEADERS), CERTIFICATES, like(model.RESULTS),
            like(model.MONITORED), UNQUALIFIED, POOR_LISTS, NO_MACROS,
            OWN_LISTS, FORMS)


# ---------------------------------------------------------------- doing one session

class Run(model.Run):
    """One session as it went."""

    def __init__(self, session, authgate, server):
        self.prepare(session, authgate)
        self.sendmail = server

    def server(self):
        return self.sendmail

    def client(self):
        if self.session.door == "local":
            return LocalClient(self.sendmail)
        return Client(DOORS[self.session.door], self.session.client)

    def knock(self):
        door = DOORS[self.session.door]
        return socket.create_connection(("::1" if door.family == "inet6" else "127.0.0.1",
                                         door.port), timeout=process.PATIENCE)

    def generations(self):
        """The lines that tell of a policy that came into force."""
        return [line for line in self.authgate.lines if line.startswith("policy gen=")]

    def usual_fields(self):
        if self.session.door == "local":
            return {"listener": "-", "name": "localhost"}
        client, door = self.session.client, DOORS[self.session.door]
        usual = {"client": client,
                 "listener": f"{door.name or self.default_name(door)}:{door.port}"}
        if ":" not in client and client != "127.0.0.1":
            usual["name"] = f"[{client}]"
        return usual

    @staticmethod
    def default_name(door):
        """Sendmail counts the doors from 0."""
        return f"Daemon{list(DOORS.values()).index(door)}"

    def compare_line(self, expected, pairs):
        """The client has heard the reply behind Sendmail's own address, or other words."""
        fields = dict(pairs)
        at_contact = fields.get("stage") == "connect" and fields.get("q") == "-"
        dialogue = self.dialogue
        self.dialogue = [] if at_contact else [
            (command, answer, without_address(text)) for command, answer, text in dialogue]
        super().compare_line(expected, pairs)
        self.dialogue = dialogue
        if not at_contact and fields.get("q") == "-" and expected.get("q") != "-":
            self.wrong.append("log: no queue id")

    def those_that_are_alice(self, spellings):
        """Sendmail tells how it would deliver: its test mode prints a line for each."""
        said = process.run(self.sendmail.packages.sendmail, "-C", self.sendmail.config, "-bt",
                       environment=self.sendmail.packages.environment,
                       give="".join(f"/parse {form}\n" for form in spellings))
        blocks = said.split("Cracked address = ")[1:]
        if len(blocks) != len(spellings):
            raise Failure(f"sendmail -bt tells of {len(blocks)} of {len(spellings)} addresses")
        return [form for form, block in zip(spellings, blocks)
                if re.search(r"(?mi)^mailer local, user alice(\+.*)?$", block)]

    def queue_id(self):
        """Of the last message that Sendmail took."""
        text = " ".join(each for _, _, each in self.dialogue)
        found = re.findall(r"250 2\.0\.0 (\w+) Message accepted", text)
        return found[-1] if found else None

    def results_of(self, *expected):
        """The Authentication-Results fields of the queued message are exactly these."""
        fields = [rest for letter, rest in self.sendmail.queued(self.queue_id()) if letter == "H"]
        found = [each[1] for field in fields
                 if (each := re.fullmatch(r"\?.*\?authentication-results[ \t]*:[ \t]*(.*)", field, re.I))]
        return None if found == list(expected) else f"Authentication-Results are {found}"


# ---------------------------------------------------------------- all variants

def run_variant(variant, binary, packages, only, report, stack):
    """Gives back the authgate, which is still busy ending, or None where nothing was chosen."""
    chosen = [each for each in variant.sessions if only in f"{variant.name}: {each.name}"]
    if not chosen:
        return None
    folder = stack.enter_context(process.scratch_folder())
    authgate = Authgate(binary, folder, dict(variant.files), inet=variant.inet,
                        milter_options=variant.milter_options)
    milter = authgate.milter
    if variant.macros is not None:
        milter = stack.enter_context(Between(folder, milter, variant.macros))
    server = Sendmail(packages, folder, milter, DOORS,
                      ("example.com", "example.org", "listed.example"), variant.sendmail_options)
    stack.enter_context(authgate)
    with server:
        idle = authgate.descriptors()
        for session in chosen:
            run = Run(session, authgate, server).do()
            report.line(f"{variant.name}: {session.name}", run.wrong, run.decisive(), run.details())
        if authgate.process.poll() is None:
            report.line(f"{variant.name}: no connection is left", model.left_open(authgate, idle))
        report.line(f"{variant.name}: what Sendmail has to say", server.said.splitlines())
    authgate.ask_to_stop()
    return authgate


def try_variant(variant, binary, *rest):
    """A build that says at its start what it cannot do is not tested for that."""
    try:
        return run_variant(variant, binary, *rest)
    except Failure as failure:
        reason = re.search(r".*cannot do it yet", str(failure))
        if not reason:
            raise
        print(f"skipped    {variant.name}: {reason[0]}")
        return None


def run_all(arguments, report):
    """Gives back why Sendmail could not be asked, or nothing."""
    try:
        with process.scratch_folder() as folder:
            packages = sendmail.Packages(folder, arguments.packages)
            sendmail.private_network(client_addresses())
            run_variants(arguments, packages, report)
    except sendmail.Unavailable as reason:
        return reason
    report.line("the table of differences", stale_differences())
    report.line("README, manual and contrib", instruction_complaints())
    return None


def run_variants(arguments, packages, report):
    """libmilter takes its time to end: they all do so together."""
    ending = []
    with ExitStack() as stack:
        for variant in VARIANTS:
            authgate = try_variant(variant, arguments.authgate, packages, arguments.only, report,
                                   stack)
            if authgate:
                ending.append((variant, authgate))
        for variant, authgate in ending:
            report.line(f"{variant.name}: the end of authgate", model.end_complaints(authgate))


def instruction_complaints():
    """The README, the manual and contrib, whose line these tests run, say the same."""
    with open(sendmail.CONTRIB, encoding="utf-8") as file:
        texts = [file.read(), model.chapter("Sendmail", True), model.chapter("Sendmail", False)]
    lines = {re.sub(r"\s+", " ", each) for text in texts
             for each in re.findall(r"(?s)INPUT_MAIL_FILTER\(.*?\)dnl", text)}
    return [] if len(lines) == 1 else sorted(lines)


def stale_differences():
    names = {session.name for variant in (model.STRICT, model.AT_MAIL, model.HEADERS, model.RESULTS,
                                          model.MONITORED, model.LOCAL, model.NO_MACROS)
             for session in variant.sessions}
    return [f"test_postfix.py has no session {name!r}" for name in DIFFERENT if name not in names]


def client_addresses():
    return sorted({session.client for variant in VARIANTS for session in variant.sessions}
                  - {"-", "127.0.0.1"})


if __name__ == "__main__":
    sys.exit(script.run(__doc__, ["only", "packages"], run_all))
