#!/usr/bin/python3
"""Starts beside broken files: the daemon goes on by its copies of what was last good.

usage: test_state.py AUTHGATE

One line a case; status 1 when one fails. Parts of it need root.
"""

import glob
import json
import os
import pwd
import signal
import subprocess
import sys

sys.dont_write_bytecode = True    # root's files have no business in a checkout
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../driver"))
from daemon import Daemon, PATIENCE, run_parts, wait_for  # noqa: E402
from milter import Milter  # noqa: E402

KILLED, OTHER = "192.0.2.1", "192.0.2.99"
FILES = {"authgate.ini": "[milter]\nsocket = @SOCKET@\n[lists]\nkill = kill.list more.list\n"
                         "local_domains = domains.list\n[rules]\nlocal_sender_auth = enforce\n",
         "domains/own.example.ini": "[domain]\naliases = alias.example\n",
         "domains.list": "listed.example\nother.example\n", "kill.list": f"{KILLED}\n{OTHER}\n",
         "more.list": "192.0.2.200\n", "relay.list": "10.0.0.0/8\n"}

parts = []


def part(function):
    parts.append(function)
    return function


def blocked(daemon, client):
    with Milter(daemon.address) as milter:
        answer = milter.connect(address=client, macros={"{daemon_name}": "smtp"})
    return answer.startswith("554")


def needs_login(daemon, domain):
    with Milter(daemon.address) as milter:
        milter.connect(address="198.51.100.250", macros={"{daemon_name}": "smtp"})
        milter.mail(f"<x@{domain}>", macros={"{mail_mailer}": "smtp"})
        return str(milter.rcpt("<y@remote.example>")).startswith("5")


def holds(daemon):
    """What the files said: killed clients, domains of ours."""
    return [blocked(daemon, KILLED), blocked(daemon, "192.0.2.200")] + [
        needs_login(daemon, f"{name}.example") for name in ("own", "alias", "listed")]


def facts(daemon):
    return json.loads(daemon.says())


def copies(daemon):
    """The texts that lie in the state directory, and the index."""
    return sorted(glob.glob(os.path.join(daemon.state_dir(), "daemon/good/*/*")))


def start(daemon, **options):
    """Once more, with a log of its own."""
    with open(daemon.log_name, "w", encoding="ascii"):
        daemon.count = 0
    daemon.asked_to_stop = False
    return daemon.start(**options)


def stop(daemon):
    daemon.terminate()
    return daemon.wait()


def has_copies(daemon):
    return wait_for(lambda: any(path.endswith("/index") for path in copies(daemon)))


def started_once(program, files=None):
    """A daemon that has run, and ended well."""
    daemon = Daemon(program, files or FILES).start()
    has_copies(daemon)
    stop(daemon)
    return daemon


@part
def each_in_turn(cases, program):
    """Each file is broken at a start: what it said holds, and the others count as they are."""
    daemon = started_once(program)
    for name in FILES:
        for way, text in ("nonsense", "<html>\n!10.1\n[x\n"), ("missing", None), ("no bytes", ""):
            place = os.path.join(daemon.folder, name)
            if (way == "missing" and name.startswith("domains/")) or (
                    way == "no bytes" and name == "authgate.ini"):
                continue    # to remove a domain's file is meant
            os.unlink(place)
            if text is not None:
                daemon.write(name, text)
            if name == "authgate.ini" and os.getuid() != 0 and text is None:
                continue
            start(daemon)
            cases.same(f"{name}, {way}: a start, and what it said holds", [True] * 5,
                       holds(daemon))
            told = facts(daemon)
            cases.same("... status names it", [name], [
                kept["file"] for kept in told["last_load"].get("kept", [])])
            cases.same("... and so does the log", True, any(
                "1 file stays as last good" in line and name in line for line in daemon.log()))
            daemon.write(name, FILES[name])
            cases.same("... mended: taken", True, bool(wait_for(
                lambda: not facts(daemon)["last_load"].get("kept"))))
            cases.same("... and the daemon ends with status 0", 0, stop(daemon))


@part
def strict_starts(cases, program):
    daemon = started_once(program)
    daemon.write("kill.list", "<html>\n<p>\n")
    os.unlink(os.path.join(daemon.folder, "more.list"))
    command = [program, "run", "-c", daemon.config(), "--stderr", "--state-dir",
               daemon.state_dir()]
    done = subprocess.run([*command, "--strict"], stderr=subprocess.PIPE, check=False,
                          timeout=10 * PATIENCE)
    cases.same("--strict: status", 78, done.returncode)
    cases.has("... the reason", "more.list cannot be read", done.stderr.decode())
    daemon.write("authgate.ini", FILES["authgate.ini"].replace("[lists]", "start = strict\n[lists]"))
    done = subprocess.run(command, stderr=subprocess.PIPE, check=False, timeout=10 * PATIENCE)
    cases.same("start = strict: status", 78, done.returncode)
    daemon.write("authgate.ini", FILES["authgate.ini"])
    start(daemon)
    cases.same("without: a start", [True] * 5, holds(daemon))
    cases.same("... which is told", ["kill.list", "more.list"], sorted(
        kept["file"] for kept in facts(daemon)["last_load"]["kept"]))
    # a new file of a domain is no reason not to start
    stop(daemon)
    daemon.write("domains/new.example.ini", "[nonsense\n")
    start(daemon)
    cases.same("a domain's file that was never good: its name is ours", True,
               needs_login(daemon, "new.example"))
    stop(daemon)


@part
def nothing_to_go_on_by(cases, program):
    daemon = Daemon(program, {**FILES, "kill.list": "192.0.2.1\n"})
    os.unlink(os.path.join(daemon.folder, "more.list"))
    daemon.launch()
    cases.same("no copies: status", 78, daemon.wait())
    other = started_once(program)
    for path in copies(other):
        with open(path, "wb") as file:
            file.write(b"damaged")
    os.unlink(os.path.join(other.folder, "more.list"))
    other.launch()
    cases.same("copies that nobody can read: status", 78, other.wait())


@part
def where_it_is(cases, program):
    daemon = Daemon(program, FILES)
    place = os.path.join(daemon.folder, "elsewhere")
    daemon.write("authgate.ini", FILES["authgate.ini"].replace(
        "[lists]", f"state_dir = {place}\n[lists]"))
    start(daemon)
    cases.same("the key goes before --state-dir", True, bool(wait_for(
        lambda: glob.glob(place + "/daemon/good/*/index"))))
    cases.same("... modes", [0o755, 0o750], [os.stat(path).st_mode & 0o777 for path in (
        place, place + "/daemon")])
    second = Daemon(program, {**FILES, "authgate.ini": FILES["authgate.ini"].replace(
        "[lists]", f"state_dir = {place}\n[lists]")}).start()
    cases.same("a second daemon: it runs without, and says so", True, bool(wait_for(
        lambda: "another daemon uses the state directory" in (facts(second)["copies"] or ""))))
    cases.same("... and judges", [True] * 5, holds(second))
    cases.same("... while the first is well", None, facts(daemon)["copies"])
    stop(daemon)
    second.write("more.list", "192.0.2.201\n")
    cases.same("... until the first has ended", True, bool(wait_for(
        lambda: facts(second)["copies"] is None)))
    stop(second)
    third = Daemon(program, {**FILES, "authgate.ini": FILES["authgate.ini"].replace(
        "[lists]", "state_dir = /dev/null\n[lists]")}).start()
    cases.has("one that cannot be used: status", "/dev/null", facts(third)["copies"])
    cases.same("... the log", True, any("no copies of the files are kept for a start" in line
                                        for line in third.log()))
    cases.same("... and mail is judged", [True] * 5, holds(third))
    stop(third)


@part
def what_is_not_trusted(cases, program):
    """Whoever is the daemon's user must not choose who the next daemon is."""
    if os.getuid() != 0:
        cases.skip("what_is_not_trusted", "needs root")
        return
    nobody = pwd.getpwnam("nobody")
    files = {**FILES, "authgate.ini": FILES["authgate.ini"].replace(
        "[lists]", "user = nobody\n[lists]")}
    daemon = Daemon(program, files)
    daemon.open_to_all()
    start(daemon)
    has_copies(daemon)
    stop(daemon)
    cases.same("the daemon's folder is its user's", nobody.pw_uid,
               os.stat(os.path.join(daemon.state_dir(), "daemon")).st_uid)
    cases.same("... root's is root's", (0, 0o750), (
        os.stat(os.path.join(daemon.state_dir(), "root")).st_uid,
        os.stat(os.path.join(daemon.state_dir(), "root")).st_mode & 0o777))
    daemon.write("kill.list", "<html>\n<p>\n")
    # as under a service manager: root may not enter what is another's
    bare = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner")
    start(daemon, through=bare)
    cases.same("root without the right to enter it goes on by the copies", (
        [True] * 5, ["kill.list"], None), (holds(daemon), [
            kept["file"] for kept in facts(daemon)["last_load"]["kept"]],
                                           facts(daemon)["copies"]))
    stop(daemon)
    daemon.write("kill.list", files["kill.list"])
    daemon.write("authgate.ini", "[nonsense\n")
    start(daemon)
    cases.same("a broken main file: root's copy names the user", nobody.pw_uid,
               os.stat(f"/proc/{daemon.process.pid}").st_uid)
    cases.same("... and what it said holds", [True] * 5, holds(daemon))
    stop(daemon)
    for path in glob.glob(os.path.join(daemon.state_dir(), "root/good/*/*")):
        os.unlink(path)
    daemon.launch()
    cases.same("without root's copy: status", 78, daemon.wait())
    # a link in its place leads root nowhere
    state = daemon.state_dir() + "2"
    os.mkdir(state, 0o755)
    os.symlink("/etc", state + "/daemon")
    daemon.write("authgate.ini", files["authgate.ini"].replace(
        "user =", f"state_dir = {state}\nuser ="))
    before = os.stat("/etc").st_uid
    start(daemon)
    cases.same("a link in place of the folder is not followed", (before, True), (
        os.stat("/etc").st_uid, f"{state}/daemon" in (facts(daemon)["copies"] or "")))
    stop(daemon)


@part
def killed_while_writing(cases, program):
    """kill -9 at any moment: the next start has a whole copy of one time."""
    lists = [f"10.0.{n}.0/24\n" for n in range(200)]
    daemon = started_once(program, {**FILES, "kill.list": "".join(lists) + f"{KILLED}\n",
                                    "more.list": "192.0.2.200\n"})
    wrong = []
    for round_ in range(12):
        start(daemon)
        marks = []
        for step in range(4):
            mark = f"198.51.100.{(round_ * 4 + step) % 250}"
            marks.append(mark)
            # both files change at once; the copies must have both marks, or neither
            daemon.write("kill.list", "".join(lists) + f"{KILLED}\n{mark}\n")
            daemon.write("more.list", f"192.0.2.200\n{mark}\n")
            daemon.hang_up_signal()
            if step == 3:
                wait_for(lambda mark=mark: blocked(daemon, mark))
        os.kill(daemon.process.pid, signal.SIGKILL)
        daemon.asked_to_stop = True
        daemon.wait()
        for name in "kill.list", "more.list":
            daemon.write(name, "<html>\n<p>\n")
        start(daemon)
        sizes = facts(daemon)["policy"]["kill_entries"]
        if holds(daemon) != [True] * 5 or sizes not in (202, 203, 204):
            wrong.append((round_, sizes, holds(daemon)))
        stop(daemon)
        for name in "kill.list", "more.list":
            daemon.write(name, "".join(lists) + f"{KILLED}\n" if name == "kill.list" else
                         "192.0.2.200\n")
    cases.same("killed while it writes: each start has copies that are whole", [], wrong)


def main():
    return run_parts(parts, __doc__, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
