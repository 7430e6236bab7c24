"""The eight mails of contrib/demo: sends them, prints what became of each, tells whether all went as said.

usage: demo.py AUTHGATE (the program's path); contrib/demo builds it and calls this.
"""

import os
import sys
import textwrap
import time
from dataclasses import dataclass

sys.dont_write_bytecode = True    # root's files have no business in a checkout
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../test/driver"))
from postfix import Authgate, Client, Postfix, log_pairs  # noqa: E402
from process import Failure, leave_on_signals, scratch_folder  # noqa: E402

FILES = {
    "authgate.ini": """\
[log]
accepted = yes

[auth]
sender_logins = senders.map

[listeners]
auth_only = submission
""",
    "domains/example.com.ini": """\
[rules]
local_sender_auth  = enforce
sender_login_match = enforce
local_sender_auth_unless_local_recipient = yes
""",
    "kill.list": "203.0.113.0/24        # dictionary attacks\n",
    "relay.list": "198.51.100.25         # the shop's web server\n",
    "senders.map": "sales@example.com  alice@example.com\n",
}


@dataclass
class Mail:
    who: str
    client: str
    sender: str
    recipient: str
    expected: str           # how the decisive answer begins
    login: str = ""         # MECHANISM USER; then the mail goes to the auth-only port


MAILS = [
    Mail("a client on the kill list", "203.0.113.66", "offer@remote.example", "bob@example.com",
         "554 5.7.1 Client 203.0.113.66 is blocked"),
    Mail("a trusted client, no login", "198.51.100.25", "alice@example.com", "kim@remote.example",
         "250 2.0.0"),
    Mail("a forged local sender", "192.0.2.1", "alice@example.com", "kim@remote.example",
         "550 5.1.1 <kim@remote.example>: Recipient address rejected: User unknown"),
    Mail("the same, to a local recipient", "192.0.2.1", "alice@example.com", "bob@example.com",
         "250 2.0.0"),
    Mail("a login as itself", "192.0.2.2", "alice@example.com", "kim@remote.example",
         "250 2.0.0", "PLAIN alice"),
    Mail("a login as its alias", "192.0.2.2", "sales@example.com", "kim@remote.example",
         "250 2.0.0", "LOGIN alice"),
    Mail("a login as somebody else", "192.0.2.2", "bob@example.com", "kim@remote.example",
         "553 5.7.1 <bob@example.com>: Sender address rejected: not owned by alice@example.com",
         "PLAIN alice"),
    Mail("a role address, no login", "192.0.2.1", "postmaster@example.com", "bob@example.com",
         "530 5.7.0 <postmaster@example.com>: Sender address rejected: authentication required"),
]


def send(postfix, mail):
    """The answer that decided: the first refusal, else the last."""
    port = postfix.submission_port if mail.login else postfix.open_port
    with Client(port, mail.client, door=587 if mail.login else 25) as client:
        if mail.login:
            answer = client.login(*mail.login.split())
            if not answer.startswith("235"):
                return answer
        for line in (f"MAIL FROM:<{mail.sender}>", f"RCPT TO:<{mail.recipient}>"):
            answer = client.say(line)
            if not answer.startswith("2"):
                return answer
        return client.content(f"From: {mail.sender}\r\nSubject: {mail.who}\r\n\r\nHello.\r\n")


def verdict_line(authgate, mark):
    """What authgate logged about one mail, from `verdict=` on."""
    for line in authgate.lines_since(mark, 1):
        if log_pairs(line)[0][0] == "verdict":
            return line[line.index("verdict="):]
    return "(nothing)"


def is_expected(mail, answer, line):
    """What the client was told, and that the log says the same."""
    verdict = "accept" if mail.expected.startswith("250") else "reject"
    return answer.startswith(mail.expected) and line.startswith(f"verdict={verdict} ")


# ---------------------------------------------------------------- what is printed

WIDTH = 80


def colour(text, number):
    return f"\033[{number}m{text}\033[0m" if sys.stdout.isatty() else text


def indented(label, text):
    """Below the headline, and further in where it has to go on."""
    return textwrap.fill(text, WIDTH, initial_indent=f"   {label:6}", subsequent_indent=" " * 12,
                         break_long_words=False, break_on_hyphens=False)


def show(number, mail, answer, line, as_expected):
    login = f"login {mail.login}" if mail.login else "no login"
    print(colour(f"{number}  {mail.who}", 1))
    print(indented("from", f"{mail.client}, {login}: <{mail.sender}> to <{mail.recipient}>"))
    print(colour(indented("told", answer), 32 if answer.startswith("2") else 33))
    if not as_expected:
        print(colour(indented("NOT", f"as expected, which is: {mail.expected}"), 31))
    print(indented("log", line), end="\n\n")


# ---------------------------------------------------------------- all of it

def demonstrate(program):
    started = time.monotonic()
    good = 0
    with scratch_folder() as folder, Authgate(program, folder, FILES) as authgate, \
            Postfix(folder, authgate.milter) as postfix:
        for number, mail in enumerate(MAILS, 1):
            mark = len(authgate.lines)
            answer = send(postfix, mail)
            line = verdict_line(authgate, mark)
            as_expected = is_expected(mail, answer, line)
            good += as_expected
            show(number, mail, answer, line, as_expected)
            sys.stdout.flush()
    print(f"{good} of {len(MAILS)} mails were answered as they should be, in "
          f"{time.monotonic() - started:.0f} s. All is removed.")
    return good == len(MAILS)


def main():
    if len(sys.argv) != 2:
        print("usage: demo.py AUTHGATE", file=sys.stderr)
        return 64
    leave_on_signals()
    try:
        return 0 if demonstrate(sys.argv[1]) else 1
    except (Failure, OSError) as failure:    # every exception of smtplib is an OSError
        print(failure, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
