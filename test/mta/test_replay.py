#!/usr/bin/python3
"""authgate replay says of a real MTA's log what the daemon said of the mail.

usage: test_replay.py --authgate PATH --syslog LIBRARY [--packages FOLDER]

Mail goes through a private Postfix and a private Sendmail, which ask an authgate whose rules are
all monitored; replay then judges what these MTAs have logged by the same policy. One line a
message; status 0 when all are ok, 77 when this cannot run here.
"""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict

sys.dont_write_bytecode = True    # root's files have no business in a checkout
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../driver"))
import postfix  # noqa: E402
import process  # noqa: E402
import script  # noqa: E402
import sendmail  # noqa: E402
from postfix import log_pairs  # noqa: E402
from process import ENVIRONMENT, Failure, PATIENCE, wait_for, write  # noqa: E402


RULES = ("kill_client kill_login kill_sender auth_only_listener auth_mechanism auth_tls "
         "sender_login_match foreign_sender_match role_sender_auth local_sender_auth "
         "outgoing_auth").split()
FILES = {
    "authgate.ini": "[auth]\nrealm = example.com\nmechanisms = PLAIN\nsender_logins = map\n"
                    "[listeners]\nauth_only = submission MSA\nkill_on_auth_only = yes\n"
                    "[log]\naccepted = yes\n[rules]\n"
                    + "".join(f"{rule} = monitor\n" for rule in RULES),
    "map": "info@example.com alice@example.com\n",
    "kill.list": "192.0.2.66\nlogin:mallory\nsender:@bad.example\n",
    "relay.list": "198.51.100.2\n!198.51.100.3\n",
    "domains/example.com.ini": "[domain]\naliases = example.org\n[relay]\nallow = 198.51.100.77\n",
}

STRANGER, TRUSTED, OWN, KILLED, SIX = ("192.0.2.1", "198.51.100.2", "198.51.100.77", "192.0.2.66",
                                       "2001:db8::9")
ALICE, BOB, KIM = "alice@example.com", "bob@example.com", "kim@remote.example"

# (client, door, login as MECHANISM USER, with TLS, its messages as (sender, recipients...))
SESSIONS = [
    (STRANGER, "open", "", False, [(KIM, BOB), (ALICE, BOB), (ALICE, BOB, KIM), ("", BOB),
                                   (KIM, "lee@other.example"), ("postmaster@example.com", BOB),
                                   ("x@bad.example", BOB), ("ALICE+x@Example.ORG", BOB)]),
    (TRUSTED, "open", "", False, [(ALICE, KIM), (KIM, "lee@other.example"), ("abuse@example.com",
                                                                              BOB)]),
    (OWN, "open", "", False, [(ALICE, KIM), ("alice@example.org", BOB), (KIM, KIM)]),
    (KILLED, "open", "", False, [(KIM, BOB)]),
    (KILLED, "submission", "PLAIN bob", True, [(BOB, KIM)]),
    (SIX, "open", "", False, [(ALICE, BOB), (KIM, BOB, KIM)]),
    (STRANGER, "submission", "PLAIN alice", True,
     [(ALICE, BOB, KIM), ("alice+tag@example.com", KIM), ("alice@example.org", KIM), (BOB, KIM),
      ("info@example.com", KIM, BOB), ("news@other.example", KIM), ("", KIM)]),
    (STRANGER, "submission", "LOGIN bob", False, [(BOB, ALICE), ("Bob@EXAMPLE.com", KIM)]),
    (SIX, "submission", "PLAIN mallory", True, [("mallory@example.com", KIM), (ALICE, KIM, BOB)]),
    (STRANGER, "submission", "", True, [(ALICE, BOB), (KIM, BOB)]),
]


# ---------------------------------------------------------------- sending

def content(number):
    return f"From: x@remote.example\r\nSubject: {number}\r\n\r\nHello.\r\n"


def expect(code, answer):
    if not answer.startswith(code):
        raise Failure(f"{answer} instead of {code}")


def send(client, session):
    """All that a session has to send; one message more is begun and left."""
    _, _, login, tls, messages = session
    if tls:
        expect("220", client.start_tls())
    if login:
        expect("235", client.login(*login.split()))
    for number, (sender, *recipients) in enumerate(messages):
        expect("250", client.say(f"MAIL FROM:<{sender}>"))
        for each in recipients:
            expect("250", client.say(f"RCPT TO:<{each}>"))
        expect("5", client.say("RCPT TO:<refused@closed.example>"))
        expect("250", client.content(content(number)))
    client.say(f"MAIL FROM:<{ALICE}>")
    client.say(f"RCPT TO:<{BOB}>")
    expect("250", client.say("RSET"))
    client.close()


# ---------------------------------------------------------------- what was said, what is said

def told_by_daemon(lines):
    """{queue id: [(rule, recipient)]} of each message that came to its end."""
    accepted, before, at_rcpt, ids = (defaultdict(list) for _ in range(4))
    for line in lines:
        pairs = dict(log_pairs(line))
        name = pairs.get("s")
        if pairs.get("verdict") == "accept":
            accepted[name].append(pairs["to"])
        elif pairs.get("verdict") == "would-reject" and pairs["stage"] == "rcpt":
            at_rcpt[name].append((pairs["rule"], pairs["to"]))
        elif pairs.get("verdict") == "would-reject":
            before[name].append(pairs["rule"])
        elif len(pairs) == 2:
            ids[name] = pairs["q"]
    # what is said at CONNECT is said of each message of the connection
    return {ids[name]: sorted(at_rcpt[name] + [
        (rule, to) for to in accepted[name]
        for rule in before[name] + [rule for rule in before[f"{name.split('-')[0]}-0"]
                                    if rule not in before[name]]]) for name in ids}


def told_by_replay(binary, config, log):
    """The same, and the numbers."""
    done = subprocess.run([binary, "replay", "-c", config, "--json", log], env=ENVIRONMENT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=PATIENCE, check=False)
    if done.returncode != 0 or done.stderr:
        raise Failure(f"replay: status {done.returncode}\n{done.stderr}")
    *lines, last = map(json.loads, done.stdout.splitlines())
    found = defaultdict(list)
    for line in lines:
        found[line["queue_id"]].append((line["rule"], line["to"]))
    return {queue_id: sorted(each) for queue_id, each in found.items()}, last["summary"]


def compare(report, name, binary, authgate, log, messages, recipients):
    daemon = told_by_daemon(authgate.lines)
    replay, summary = told_by_replay(binary, authgate.config(), log)
    expected = {"messages": messages, "recipients": recipients}
    report.line(f"{name}: how many", [] if summary["judged"] == expected else
                [f"expected {expected}, got {summary}"])
    for queue_id, said in daemon.items():
        got = replay.pop(queue_id, [])
        report.line(f"{name}: {queue_id}: {len(said)} objections",
                    [] if got == said else [f"expected {said}", f"got {got}"])
    report.line(f"{name}: no objection to other mail", [f"{each}" for each in replay.items()])
    rules = {rule for said in daemon.values() for rule, _ in said}
    report.line(f"{name}: each rule has objected", sorted(set(RULES) - rules))
    beside_own_lines(report, name, binary, authgate, log, expected)


def read(name):
    with open(name, encoding="utf-8") as file:
        return file.read()


def beside_own_lines(report, name, binary, authgate, log, expected):
    """authgate's lines in the same log change nothing."""
    before, _ = told_by_replay(binary, authgate.config(), log)
    text = read(log)
    stamp = text[:16]    # "Nov 22 12:00:00 "
    own = "".join(f"{stamp}mx authgate[1]: {line}\n" for line in authgate.lines
                  if log_pairs(line))
    for order, both in (("in front", own + text), ("behind", text + own)):
        write(log, both)
        after, summary = told_by_replay(binary, authgate.config(), log)
        report.line(f"{name}: authgate's lines {order}: the same mail, the same objections",
                    [] if (after, summary["judged"]) == (before, expected) else
                    [f"expected {before}", f"got {after}, {summary}"])


def totals():
    messages = [message for session in SESSIONS for message in session[4]]
    return len(messages), sum(len(message) - 1 for message in messages)


# ---------------------------------------------------------------- Postfix

class Postfix(postfix.Postfix):
    """Its services have names in the log."""

    def doors(self):
        option = self.submission_name()
        return super().doors().replace(option, f"{option}\n  -o syslog_name=postfix/submission")


def run_postfix(arguments, report):
    with process.scratch_folder() as folder, \
            postfix.Authgate(arguments.authgate, folder, dict(FILES)) as authgate, \
            Postfix(folder, authgate.milter, local_domains=("example.com", "example.org"),
                    local_submission=True, more="smtpd_tls_loglevel = 1\n") as server:
        ports = {"open": server.open_port, "submission": server.submission_port}
        for session in SESSIONS:
            send(postfix.Client(ports[session[1]], session[0]), session)
        server.sendmail(ALICE, [BOB, KIM], "Subject: x\n\nhi\n")
        messages, recipients = totals()
        # of a message that was given up Postfix says "removed (canceled)"
        wait_for(lambda: len(re.findall(r"(?m): removed$", server.log)) > messages)
        compare(report, "Postfix", arguments.authgate, authgate, f"{server.folder}/log",
                messages + 1, recipients + 2)


# ---------------------------------------------------------------- Sendmail

DOORS = {"open": sendmail.Door(25, "MTA"), "submission": sendmail.Door(587, "MSA"),
         "open6": sendmail.Door(2525, "MTA", family="inet6"),
         "submission6": sendmail.Door(2587, "MSA", family="inet6")}


def run_sendmail(arguments, report):
    with process.scratch_folder() as folder:
        packages = sendmail.Packages(folder, arguments.packages)
        log = f"{folder}/mail.log"
        packages.environment.update(LD_PRELOAD=os.path.abspath(arguments.syslog), SYSLOG_FILE=log)
        sendmail.private_network(sorted({session[0] for session in SESSIONS}))
        with sendmail.Authgate(arguments.authgate, folder, dict(FILES)) as authgate, \
                sendmail.Sendmail(packages, folder, authgate.milter, DOORS,
                                  ("example.com", "example.org")) as server:
            for session in SESSIONS:
                door = session[1] + ("6" if ":" in session[0] else "")
                send(sendmail.Client(DOORS[door], session[0]), session)
            with sendmail.LocalClient(server) as client:
                expect("250", client.say(f"MAIL FROM:<{ALICE}>"))
                expect("250", client.say(f"RCPT TO:<{KIM}>"))
                expect("250", client.content(content(0)))
            messages, recipients = totals()
            wait_for(lambda: read(log).count("stat=queued") > recipients)
            compare(report, "Sendmail", arguments.authgate, authgate, log, messages + 1,
                    recipients + 1)


def run_all(arguments, report):
    """Gives back why Sendmail could not be asked, or nothing."""
    run_postfix(arguments, report)
    try:
        run_sendmail(arguments, report)
    except sendmail.Unavailable as reason:
        return reason
    return None


if __name__ == "__main__":
    sys.exit(script.run(__doc__, ["syslog", "packages"], run_all))
