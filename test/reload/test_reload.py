#!/usr/bin/python3
"""Changes of the files under a running daemon, with traffic on the wire meanwhile.

usage: test_reload.py AUTHGATE

A client on the kill list is refused, any other is let through: so each session tells which
policy was in force. One line a case; status 1 when one fails.
"""

import json
import math
import os
import re
import socket
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True    # root's files have no business in a checkout
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../driver"))
from daemon import Cases, Daemon, PATIENCE, remove_all, stop_all, wait_for  # noqa: E402
from milter import Milter  # noqa: E402

# In it what must not happen would happen. On a busy machine less of that shows, but nothing fails.
QUIET_SECONDS = 1.2
CLIENT = "192.0.2.1"
OTHER = "203.0.113.9"    # is in the list from the start, so that CONNECT has a reply

INI = "[milter]\nsocket = unix:@PATH@\n"


def refused(daemon, client=CLIENT):
    """Whether the client is refused on contact."""
    with Milter(daemon.address) as milter:
        answer = milter.connect(address=client, macros={"{daemon_name}": "smtp",
                                                        "{daemon_port}": "25"})
    if answer == f"554 5.7.1 Client {client} is blocked":
        return True
    if answer in ("continue", "silent"):    # silent: with an empty list nobody is refused
        return False
    raise AssertionError(f"neither policy says {answer!r}")


class Traffic:
    """Sessions of OTHER without a pause; each must be refused, whatever happens to the files."""

    def __init__(self, daemon):
        self.daemon, self.wrong, self.count, self.ended = daemon, [], 0, False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.ended:
            try:
                if not refused(self.daemon, OTHER):
                    self.wrong.append("let through")
            except Exception as error:    # every kind of it is a session that went wrong
                self.wrong.append(repr(error))
            self.count += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        self.thread.join()


class ReloadCases(Cases):
    def taken(self, name, daemon, expected):
        """The client's verdict becomes the expected one."""
        wait_for(lambda: refused(daemon) == expected)
        self.same(name, expected, refused(daemon))

    def stays(self, name, daemon, expected):
        """The client's verdict is the expected one all the time."""
        end = time.monotonic() + QUIET_SECONDS
        got = {refused(daemon) for _ in iter(lambda: time.monotonic() < end, False)}
        self.same(name, {expected}, got)


def path(daemon, name):
    return os.path.join(daemon.folder, name)


def in_place(daemon, name, text, mode="w"):
    with open(path(daemon, name), mode, encoding="utf-8") as file:
        file.write(text)


LISTED = f"{OTHER}\n{CLIENT} # since the change\n"
UNLISTED = f"{OTHER}\n"


def lists(cases, daemon):
    in_place(daemon, "kill.list", LISTED)
    cases.taken("written in place", daemon, True)
    daemon.write("kill.list", UNLISTED)
    cases.taken("renamed over", daemon, False)
    os.unlink(path(daemon, "kill.list"))
    in_place(daemon, "kill.list", LISTED)
    cases.taken("deleted and made anew", daemon, True)
    in_place(daemon, "kill.list", "")
    cases.stays("of no bytes: the old entries stay", daemon, True)
    in_place(daemon, "kill.list", UNLISTED)
    cases.taken("written at last", daemon, False)
    in_place(daemon, "kill.list", LISTED)
    cases.taken("and back", daemon, True)
    in_place(daemon, "kill.list", f"{OTHER}\n", "w")
    cases.taken("shorter than before", daemon, False)
    in_place(daemon, "kill.list", f"{OTHER}\n{CLIENT}/40\n")
    settle(daemon)
    in_place(daemon, "kill.list", f"{OTHER}\n{CLIENT}/40\n{CLIENT}\n")
    cases.taken("with a bad line: the rest holds", daemon, True)
    cases.same("... and the log names it", True,
               any("kill.list:2: bad line" in line for line in daemon.log()))


def held_back(cases, daemon):
    in_place(daemon, "kill.list", "")
    cases.same("of no bytes: the log says that it is held back", True, wait_for(lambda: any(
        "kill.list: error: the file has no bytes; its last good version stays" in line
        for line in daemon.log())))
    in_place(daemon, "relay.list", "10.0.0.0/8\n")
    cases.same("... while all else is taken", True, bool(wait_for(
        lambda: any("3 relay networks" in line for line in daemon.log()[-3:]))))
    cases.same("... and the log says which file stays as it was", True, bool(wait_for(
        lambda: "1 file stays as last good" in daemon.log()[-1]
        and "kill.list" in daemon.log()[-1])))
    cases.same("... and it still holds", True, refused(daemon))
    daemon.reload()
    cases.same("SIGHUP takes it as empty", False, refused(daemon))
    in_place(daemon, "kill.list", LISTED)
    cases.taken("entries come back", daemon, True)
    in_place(daemon, "kill.list", "# none\n")
    cases.taken("a list of comments is empty on purpose", daemon, False)
    in_place(daemon, "kill.list", UNLISTED)
    settle(daemon)


def broken(cases, daemon):
    good = INI.replace("@PATH@", daemon.path)
    in_place(daemon, "authgate.ini", good + "[rules]\nkill_cleint = off\n")
    cases.same("a broken main file: the log says what is wrong", True, bool(wait_for(
        lambda: any("did you mean [rules] kill_client" in line for line in daemon.log()))))
    cases.same("... and the old policy stays", True, refused(daemon, OTHER))
    in_place(daemon, "authgate.ini", good + "[rules]\nkill_client = off\n")
    cases.same("mended: it is taken", True, bool(wait_for(
        lambda: not refused(daemon, OTHER))))
    in_place(daemon, "authgate.ini", good)
    cases.same("and back", True, bool(wait_for(lambda: refused(daemon, OTHER))))


def other_files(cases, daemon):
    def domain_files():
        return [line for line in daemon.log() if "is in force" in line][-1]
    daemon.write("domains/example.com.ini", "[rules]\nlocal_sender_auth = enforce\n")
    cases.same("a new file of a domain", True, bool(wait_for(
        lambda: " 1 domain file," in domain_files())))
    os.unlink(path(daemon, "domains/example.com.ini"))
    cases.same("which goes away", True, bool(wait_for(
        lambda: " 0 domain files" in domain_files())))
    daemon.write("lists/more.list", UNLISTED)
    in_place(daemon, "authgate.ini", INI.replace("@PATH@", daemon.path) +
             "[lists]\nkill = kill.list lists/more.list\n")
    cases.same("a list in another folder", True, bool(wait_for(
        lambda: " 1 kill entry," in domain_files())))
    daemon.write("lists/more.list", LISTED)
    cases.taken("... is watched from then on", daemon, True)


def longest_pause_of_changes(daemon):
    longest, last = 0.0, time.monotonic()
    for _ in range(30):
        daemon.write("lists/more.list", UNLISTED)
        time.sleep(0.02)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    return longest


def many(cases, daemon):
    for _ in range(PATIENCE):    # where we ourselves are held up, it is not in a row
        loads = len(daemon.generations())
        pause = longest_pause_of_changes(daemon)
        cases.taken("30 changes in a row: the last one holds", daemon, False)
        loads = len(daemon.generations()) - loads
        if pause < 0.3:
            break
        daemon.write("lists/more.list", LISTED)
        cases.taken("... and once more", daemon, True)
    cases.same("... and they are taken together", True, loads < 5)
    for _ in range(100):
        daemon.write("lists/more.list", LISTED)
        daemon.hang_up_signal()
        time.sleep(0.01)
    cases.taken("100 reloads a second by SIGHUP: the last one holds", daemon, True)


def say_again(daemon):
    return [line for line in daemon.log() if "the old policy stays" in line]


def failed(cases, daemon):
    """What failed is tried again when something changes that it looked for."""
    good = INI.replace("@PATH@", daemon.path)
    in_place(daemon, "kill.list", UNLISTED)
    in_place(daemon, "authgate.ini", good)
    settle(daemon)
    for name, place in (("a list", "later.list"), ("a list in a folder", "later/later.list")):
        before = len(say_again(daemon))
        in_place(daemon, "authgate.ini", f"{good}[lists]\nkill = kill.list {place}\n")
        cases.same(f"{name} is named that is not there yet: the old policy stays", True, bool(
            wait_for(lambda: len(say_again(daemon)) > before)))
        time.sleep(QUIET_SECONDS)
        cases.same("... which is said once", before + 1, len(say_again(daemon)))
        daemon.write(place, f"{CLIENT}\n")
        # where the folder was not there, a look in five seconds shows it
        wait_for(lambda: refused(daemon))
        cases.same("... and when it is made it is taken", True, refused(daemon))
    in_place(daemon, "authgate.ini", good)
    cases.taken("named no more", daemon, False)
    in_place(daemon, "bad.list", "!10.1\n")
    in_place(daemon, "authgate.ini", good + "[lists]\nkill = kill.list later.list\n"
                                            "relay = bad.list\n")
    wait_for(lambda: any("bad.list:1: error" in line for line in daemon.log()))
    cases.stays("an error in a list: the old policy stays", daemon, False)
    in_place(daemon, "bad.list", "!10.0.0.1\n")
    cases.taken("the list is mended: taken", daemon, True)
    os.unlink(daemon.config())
    wait_for(lambda: any("authgate.ini: error: the file cannot be read" in line for line in daemon.log()))
    cases.stays("no main file: the old policy stays", daemon, True)
    in_place(daemon, "authgate.ini", good)
    cases.taken("a new one: taken", daemon, False)


BROKEN = {"a typo": lambda text: text + "[nonsense\n!10.1\n!10.2\n<\n<\n<\n",
          "missing": None, "no bytes": lambda text: "",
          "a web page": lambda text: "<!DOCTYPE html>\n<html>\n<p>404\n",
          "packed": lambda text: b"\x1f\x8b\x08\0" + text.encode(),
          "cut in half": lambda text: text[:len(text) // 2],
          "NUL bytes": lambda text: "\0\0\0\0" + text,
          "a folder": os.mkdir}


def is_good(name, way):
    """To remove a domain's file is meant, and half of an INI file may be a good one."""
    return (way == "missing" and name.startswith("domains/")) or (
        way == "cut in half" and name.endswith(".ini"))


def break_file(daemon, name, text, way):
    os.unlink(path(daemon, name))
    if BROKEN[way] is os.mkdir:
        os.mkdir(path(daemon, name))
    elif BROKEN[way] is not None:
        broken = BROKEN[way](text)
        with open(path(daemon, name), "wb") as file:
            file.write(broken if isinstance(broken, bytes) else broken.encode())


def kept(daemon):
    """The files that the daemon names; the command would need authgate.ini."""
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(PATIENCE)
        control.connect(daemon.path + ".control")
        control.sendall(b"status\n")
        with control.makefile() as answer:
            return [file["file"] for file in json.load(answer)["last_load"].get("kept", [])]


def needs_login(daemon, domain):
    with Milter(daemon.address) as milter:
        milter.connect(address="198.51.100.250", macros={"{daemon_name}": "smtp"})
        milter.mail(f"<x@{domain}>", macros={"{mail_mailer}": "smtp"})
        return str(milter.rcpt("<y@remote.example>")).startswith("5")


def in_turn(cases, program):
    """Each file is broken in each way: what it said holds, and all else is followed."""
    daemon = Daemon(program, {})
    files = {"authgate.ini": INI.replace("@PATH@", daemon.path) +
             "[lists]\nkill = kill.list more.list\nlocal_domains = domains.list\n"
             "[rules]\nlocal_sender_auth = enforce\n",
             "domains/own.example.ini": "[domain]\naliases = alias.example\n",
             "domains.list": "listed.example\nother.example\n",
             "kill.list": f"{OTHER}\n{CLIENT}\n", "relay.list": "10.0.0.0/8\n10.0.0.1\n"}
    for name, text in {**files, "more.list": "192.0.2.200\n"}.items():
        daemon.write(name, text)
    daemon.start()
    with Traffic(daemon) as traffic:
        for number, (name, way) in enumerate([(name, way) for name in files for way in BROKEN
                                              if not is_good(name, way)]):
            break_file(daemon, name, files[name], way)
            cases.same(f"{name}, {way}: status names it", True, bool(wait_for(
                lambda name=name: kept(daemon) == [name])))
            client = f"198.51.100.{number}"
            daemon.write("more.list", f"{client}\n")
            cases.same("... another list is followed", True, bool(wait_for(
                lambda client=client: refused(daemon, client))))
            cases.same("... what it said holds", [True] * 4, [refused(daemon)] + [
                needs_login(daemon, f"{domain}.example") for domain in ("own", "alias", "listed")])
            if BROKEN[way] is os.mkdir:
                os.rmdir(path(daemon, name))
            daemon.write(name, files[name])
            cases.same("... mended: taken", True, bool(wait_for(lambda: not kept(daemon))))
    cases.same("in turn: each of the sessions meanwhile got its verdict", [], traffic.wrong[:3])
    daemon.terminate()
    cases.same("... and the daemon ends with status 0", 0, daemon.wait())


def young_files(cases, program):
    """A start does not read twice what was written just before it."""
    daemons = [Daemon(program, {"kill.list": UNLISTED}) for _ in range(12)]
    for daemon in daemons:
        in_place(daemon, "authgate.ini", INI.replace("@PATH@", daemon.path))
        daemon.launch()
    behind = Daemon(program, {"kill.list": UNLISTED})
    in_place(behind, "authgate.ini", INI.replace("@PATH@", behind.path))
    behind.launch(env=behind.with_preloaded(os.path.join(HERE, "behind.c")))
    daemons.append(behind)
    wait_for(lambda: all(daemon.generations() for daemon in daemons))
    time.sleep(QUIET_SECONDS)
    cases.same("just written: read once", [[1]] * 12,
               [daemon.generations() for daemon in daemons[:-1]])
    cases.same("a clock that is behind: once, too", [1], behind.generations())
    behind.write("kill.list", LISTED)
    cases.taken("... and changes are taken", behind, True)
    time.sleep(QUIET_SECONDS)
    cases.same("... once each", [1, 2], behind.generations())
    for daemon in daemons:
        daemon.terminate()


def restless(cases, program):
    """A file that says something else each time, and of which the system tells no change."""
    daemon = Daemon(program, {"kill.list": UNLISTED})
    in_place(daemon, "authgate.ini", INI.replace("@PATH@", daemon.path) +
             "[lists]\nkill = kill.list /proc/uptime\n")
    began = time.monotonic()
    daemon.start()
    time.sleep(8)
    loads = len(daemon.generations())
    # half a second, and twice as long each time
    most = 2 + math.log2(1 + 2 * (time.monotonic() - began))
    cases.same("/proc/uptime as a list: it is read more and more seldom", True, loads <= most)
    in_place(daemon, "kill.list", LISTED)
    cases.taken("... and other changes are taken", daemon, True)
    daemon.terminate()


def meanwhile(cases, program):
    """What is written while the files are being read is not lost, whenever it is."""
    daemon = Daemon(program, {
        "kill.list": "".join(f"login:u{i}@example.net\n" for i in range(100000)),
        "domains.list": "a0.example\n", "last.list": "10.0.0.0/8\n"})
    # the one is read before the long list, the other after it
    in_place(daemon, "authgate.ini", INI.replace("@PATH@", daemon.path) +
             "[lists]\nlocal_domains = domains.list\nrelay = last.list\n")
    daemon.start()
    lost = []
    for i in range(1, 13):
        daemon.hang_up_signal()
        time.sleep(0.008 * i)
        in_place(daemon, "domains.list", f"a{i}.example\n")
        in_place(daemon, "last.list", f"10.{i}.0.0/16\n")
        if not wait_for(lambda: digest_in_force(daemon) == digest_of_files(daemon)):
            lost.append(i)
    cases.same("each of 12 changes during a reload is taken", [], lost)
    daemon.terminate()


def digest_in_force(daemon):
    return re.search("digest=([0-9a-f]+)", [line for line in daemon.log()
                                            if "is in force" in line][-1])[1]


def digest_of_files(daemon):
    done = subprocess.run([daemon.program, "check", "-c", daemon.config()], capture_output=True,
                          text=True, timeout=PATIENCE, check=False)
    return re.search("digest ([0-9a-f]+)", done.stdout)[1]


def settle(daemon):
    """Waits until what the files say is in force."""
    wait_for(lambda: digest_in_force(daemon) == digest_of_files(daemon))


def storm(cases, daemon):
    for _ in range(3000):
        daemon.hang_up_signal()
        time.sleep(0.0005)
    cases.same("3,000 SIGHUPs in a row: it lives", None, daemon.status())
    daemon.write("lists/more.list", UNLISTED)
    cases.taken("... and takes the next change", daemon, False)


def run(cases, program):
    daemon = Daemon(program, {"kill.list": UNLISTED})
    daemon.write("authgate.ini", INI.replace("@PATH@", daemon.path))
    daemon.start()
    cases.same("at the start", False, refused(daemon))
    for part in (lists, held_back, other_files, many, storm):
        if part is held_back:
            in_place(daemon, "kill.list", LISTED)
            settle(daemon)
            part(cases, daemon)
            continue
        with Traffic(daemon) as traffic:
            part(cases, daemon)
        cases.same(f"{part.__name__}: each of the sessions meanwhile got its verdict", [],
                   traffic.wrong[:3])
        cases.same(f"{part.__name__}: there were some", True, traffic.count > 10)
    in_place(daemon, "authgate.ini", INI.replace("@PATH@", daemon.path))
    settle(daemon)
    broken(cases, daemon)
    failed(cases, daemon)
    in_turn(cases, program)
    young_files(cases, program)
    restless(cases, program)
    meanwhile(cases, program)
    cases.same("the daemon ends with status 0", {0}, stop_all())
    cases.same("no sanitizer has anything to say", [], daemon.sanitizer_lines())


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 64
    cases = ReloadCases()
    try:
        run(cases, os.path.abspath(sys.argv[1]))
    finally:
        stop_all()
        remove_all()
    return cases.finish()


if __name__ == "__main__":
    sys.exit(main())
