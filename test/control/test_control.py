#!/usr/bin/python3
"""authgate status and authgate reload, the service manager, and the limits of the system.

usage: test_control.py AUTHGATE [WORD]      only the parts that have WORD in their name

One line a case; status 1 when one fails. Needs root for the parts about permissions.
"""

import contextlib
import json
import os
import pwd
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
import time

sys.dont_write_bytecode = True    # root's files have no business in a checkout
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../driver"))
from daemon import Daemon, PATIENCE, run_once, run_parts, wait_for  # noqa: E402
from milter import Failure, Milter  # noqa: E402

KILLED, OTHER = "192.0.2.66", "192.0.2.1"
SMTP = {"{daemon_name}": "smtp", "{daemon_port}": "25"}
FILES = {"authgate.ini": "[milter]\nsocket = @SOCKET@\n[rules]\nlocal_sender_auth = monitor\n",
         "kill.list": f"{KILLED} # spam\n", "domains/example.com.ini": ""}
ERROR = "451 4.3.0 Cannot decide about this now, please try again later"

PARTS = []


def part(function):
    PARTS.append(function)
    return function


def ask(daemon, command, *words, **options):
    """status, standard output, standard error"""
    done = subprocess.run([daemon.program, command, "-c", daemon.config(), *words], text=True,
                          capture_output=True, timeout=PATIENCE, check=False,
                          cwd="/", **options)
    return done.returncode, done.stdout, done.stderr


def as_nobody():
    """Options of Popen. What a sanitizer is told to read may be out of that user's reach."""
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [],
            "env": {key: value for key, value in os.environ.items() if key != "TSAN_OPTIONS"}}


def facts(daemon):
    return json.loads(ask(daemon, "status", "--json")[1])


def decided(daemon, rule, stage):
    return [row for row in facts(daemon)["decisions"]
            if (row["rule"], row["stage"]) == (rule, stage)][0]


def control_path(daemon):
    return daemon.path + ".control"


# ---------------------------------------------------------------- status

@part
def status(cases, program):
    daemon = Daemon(program, FILES).start()
    said = facts(daemon)
    cases.same("pid", daemon.process.pid, said["pid"])
    cases.same("the policy's number", 1, said["policy"]["generation"])
    cases.same("sizes", [1, 1, 1, 2, 0], [said["policy"][key] for key in (
        "domain_files", "local_domains", "kill_entries", "relay_networks",
        "sender_map_addresses")])
    cases.same("no reload has failed", (False, []),
               (said["last_load"]["failed"], said["last_load"]["findings"]))
    cases.has("check tells the digest of the files", said["policy"]["digest"],
              ask(daemon, "check")[1])
    cases.same("the digest is in the log", True,
               any(f"digest={said['policy']['digest']}" in line for line in daemon.log()))
    with Milter(daemon.address) as milter:
        milter.connect(address=OTHER, macros=SMTP)
        milter.mail("<a@example.com>")
        milter.rcpt("<b@example.com>")
        cases.same("a session is open", 1, facts(daemon)["sessions_open"])
        engine = facts(daemon)["engine"]
        cases.same("who speaks the protocol", ("builtin", True, 1, 0), (
            engine["name"], engine["threads"] > 0, engine["connections"], engine["bad_packets"]))
        cases.has("... in words", "\nengine    builtin, ", ask(daemon, "status")[1])
        with Milter(daemon.address) as bad:
            bad.send_raw(b"\0\0\0\0")
            cases.same("a bad packet is counted", 1, wait_for(
                lambda: facts(daemon)["engine"]["bad_packets"]))
    with Milter(daemon.address) as milter:
        milter.connect(address=KILLED, macros=SMTP)
    cases.same("none is open any more", 0, wait_for(
        lambda: facts(daemon)["sessions_open"] == 0) and facts(daemon)["sessions_open"])
    said = facts(daemon)
    cases.same("sessions, messages, recipients", [3, 1, 1],
               [said[key] for key in ("sessions", "messages", "recipients_accepted")])
    cases.same("no reload, no copy, no shortage",
               [0, 0, 0, 0, {"memory": 0, "room_for_connections": 0, "descriptors": 0}],
               [said[key] for key in ("reloads", "reloads_failed", "copies_kept",
                                      "copies_failed", "shortages")])
    cases.same("refused on contact", 1, decided(daemon, "kill_client", "connect")["reject"])
    cases.same("monitored", 1, decided(daemon, "local_sender_auth", "rcpt")["would-reject"])
    code, out, err = ask(daemon, "status")
    cases.same("in words: status, standard error", (0, ""), (code, err))
    cases.has("... the version, the pid", f", pid {daemon.process.pid}, up 0 days ", out)
    cases.has("... the policy", f"generation 1, digest {said['policy']['digest']},\n", out)
    cases.has("... reloads", "\nreloads   0, 0 failed\n", out)
    cases.has("... what was decided", "local_sender_auth        rcpt             0"
              "         0             1         0\n", out)
    cases.same("... no rule that decided nothing", False, "auth_tls" in out)
    cases.same("... lines are short", [], [line for line in out.splitlines() if len(line) > 80])


@part
def nobody_answers(cases, program):
    daemon = Daemon(program, FILES)
    code, out, err = ask(daemon, "status")
    cases.same("no daemon: status", (69, ""), (code, out))
    cases.has("... and where it was looked for", f"no daemon answers on {control_path(daemon)}",
              err)
    os.unlink(daemon.config())
    cases.same("no configuration", 66, ask(daemon, "reload")[0])
    cases.same("a word too many", 64, ask(daemon, "status", "now")[0])


# ---------------------------------------------------------------- reload

@part
def reload(cases, program):
    daemon = Daemon(program, FILES).start()
    first = facts(daemon)["policy"]["digest"]
    daemon.write("kill.list", f"{KILLED}\n{OTHER}/40\n")
    code, out, err = ask(daemon, "reload")
    cases.same("with a bad line: status", (0, ""), (code, err))
    cases.has("... which is shown", f"kill.list:2: bad line: {OTHER}/40", out)
    # on a busy machine the daemon may have taken the file by itself before
    second = facts(daemon)["policy"]["generation"]
    cases.has("... and the rest is in force",
              f"the new policy is in force: generation {second},", out)
    code, out, err = ask(daemon, "status")
    cases.same("... status is well", (0, ""), (code, err))
    cases.has("... but tells of it", "1 bad line of lists passed over; \"authgate check\" says "
              "which\n", out)
    cases.same("... in JSON too", 1, facts(daemon)["policy"]["bad_lines"])
    cases.same("another digest", True, facts(daemon)["policy"]["digest"] != first)
    daemon.write("authgate.ini", FILES["authgate.ini"] + "kill_cleint = off\n")
    code, out, err = ask(daemon, "reload")
    cases.same("with an error: status", (78, ""), (code, err))
    cases.has("... what and where", "authgate.ini:5: error: [rules] has no key kill_cleint", out)
    cases.has("... and what holds", "kept  authgate.ini  since ", out)
    cases.has("... and what else", "what is kept stays as last good, all else is in force: "
              f"generation {second},", out)
    code, out, err = ask(daemon, "status")
    cases.same("status tells of it, beside a file that cannot be used", 1, code)
    cases.has("... in words", "line 5: [rules] has no key kill_cleint; did you mean ", out)
    cases.has("... and what was found", "failed; these files are not in force:\n"
              "authgate.ini:5: error: ", out)
    last = facts(daemon)["last_load"]
    cases.same("... and in JSON", (True, ["authgate.ini"], 5, False),
               (last["failed"], [kept["file"] for kept in last["kept"]],
                last["kept"][0]["line"], last["kept"][0]["never"]))
    code, out, _ = ask(daemon, "reload", "--json")
    cases.same("reload --json", (78, True), (code, json.loads(out)["last_load"]["failed"]))
    cases.same("after a reload that failed the bad lines are still those in force", 1,
               facts(daemon)["policy"]["bad_lines"])
    daemon.write("authgate.ini", FILES["authgate.ini"])
    daemon.write("kill.list", FILES["kill.list"])
    cases.same("mended: status", 0, ask(daemon, "reload")[0])
    told = facts(daemon)
    cases.same("... and no bad lines", (0, False), (told["policy"]["bad_lines"],
                                                    "bad line" in ask(daemon, "status")[1]))
    cases.same("reloads are counted", (told["policy"]["generation"] - 1, True, True),
               (told["reloads"], told["reloads"] >= 2, told["reloads_failed"] >= 2))
    cases.same("... and of status", 0, ask(daemon, "status")[0])
    cases.same("the same files, the same digest", first, facts(daemon)["policy"]["digest"])
    daemon.write("kill.list", "<html>\n")
    code, out, err = ask(daemon, "reload")
    cases.same("a list that is a web page: status", (78, ""), (code, err))
    cases.has("... how it can be taken all the same",
              '"authgate reload --accept kill.list" takes it as it is', out)
    cases.same("... another one is not meant", 78, ask(daemon, "reload", "--accept", "x.list")[0])
    cases.same("... it is taken", (0, 0), (ask(daemon, "reload", "--accept", "kill.list")[0],
                                           facts(daemon)["policy"]["kill_entries"]))
    cases.same("--accept is no option of status", 64, ask(daemon, "status", "--accept", "x")[0])
    daemon.write("kill.list", FILES["kill.list"])
    cases.same("... and back", 0, ask(daemon, "reload")[0])
    daemon.write("kill.list", "")
    cases.same("as SIGHUP it takes a list of no bytes", (0, 0),
               (ask(daemon, "reload")[0], facts(daemon)["policy"]["kill_entries"]))


@part
def many_findings(cases, program):
    daemon = Daemon(program, {**FILES, "kill.list": "nonsense\n" * 3000}).start()
    code, out, _ = ask(daemon, "reload")
    cases.same("3,000 bad lines: some are shown, the others counted", (0, 500, True),
               (code, out.count("bad line"), "... and 2500 more; " in out))
    with open(os.path.join(daemon.folder, "kill.list"), "wb") as file:
        file.write(b"192.0.2.1\xff\n")
    cases.has("bytes that are not UTF-8", r"kill.list:1: bad line: 192.0.2.1\xff ",
              ask(daemon, "reload")[1])


@part
def odd_bytes(cases, program):
    """What a file holds steers no terminal."""
    daemon = Daemon(program, FILES).start()
    odd = "\x1b[31m\x9b\u202e\u2028\x85"
    escaped = r"\x1b[31m\xc2\x9b\xe2\x80\xae\xe2\x80\xa8\xc2\x85"
    daemon.write("kill.list", odd + "\n")
    cases.has("reload", f"kill.list:1: bad line: {escaped} has ", ask(daemon, "reload")[1])
    daemon.write("authgate.ini", FILES["authgate.ini"] + odd + " = 1\n")
    for command in ("reload", "status"):
        _, out, _ = ask(daemon, command)
        cases.has(f"{command} that fails", escaped, out)
        cases.same("... in plain text", True, out.isascii() and out.replace("\n", "").isprintable())
        cases.same("... JSON is ASCII", True, ask(daemon, command, "--json")[1].isascii())
    cases.same("the log", [], [line for line in daemon.log() if not line.isprintable()])


# ---------------------------------------------------------------- changes of the lists

IN_FORCE = "the change is in force: generation N\n"


def change(daemon, *words):
    """What a command says of a change; a busy machine may let the daemon look before it is told."""
    code, out, err = ask(daemon, *words)
    return code, re.sub(r"generation \d+", "generation N", out), err


@part
def in_force(cases, program):
    """What kill and relay say: whether the daemon has taken it."""
    daemon = Daemon(program, {**FILES, "authgate.ini": FILES["authgate.ini"].replace(
        "[rules]", "[lists]\nkill = kill.list more.list\n[rules]"), "more.list": "# none\n"})
    daemon.start()
    cases.same("add", (0, IN_FORCE, ""), change(daemon, "kill", "add", OTHER))
    cases.same("... and it is so", 2, facts(daemon)["policy"]["kill_entries"])
    cases.same("add once more, which changes nothing", (0, IN_FORCE, ""),
               change(daemon, "kill", "add", OTHER))
    daemon.write("more.list", f"{OTHER}\n")
    cases.same("del of an entry of two files", (0, IN_FORCE * 2, ""),
               change(daemon, "kill", "del", OTHER))
    cases.same("... and it is so", 1, facts(daemon)["policy"]["kill_entries"])
    cases.same("a list that was not there", (0, IN_FORCE, ""),
               change(daemon, "relay", "add", "10.0.0.1"))
    os.rename(os.path.join(daemon.folder, "kill.list"), os.path.join(daemon.folder, "real"))
    os.symlink("real", os.path.join(daemon.folder, "kill.list"))
    cases.same("a list behind a link", (0, IN_FORCE, ""), change(daemon, "kill", "add", OTHER))
    daemon.write("more.list", "")
    ask(daemon, "kill", "del", OTHER)
    cases.same("beside a list that is held back", (0, ""),
               ask(daemon, "kill", "add", OTHER)[::2])
    stranger = os.path.join(daemon.folder, "stranger")
    os.mkdir(stranger)
    with open(daemon.config(), encoding="utf-8") as file:
        daemon.write("stranger/authgate.ini", file.read().replace("more.list", ""))
    daemon.write("stranger/kill.list", "# none\n")
    done = subprocess.run([program, "kill", "-c", stranger + "/authgate.ini", "add", OTHER],
                          text=True, capture_output=True, timeout=PATIENCE, check=False)
    cases.same("a daemon of other files: status", (75, ""), (done.returncode, done.stdout))
    cases.has("... and which it has", f"the change is not in force: the daemon, whose main file is "
              f"{daemon.config()}, does not read {stranger}/kill.list\n", done.stderr)


@part
def not_in_force(cases, program):
    """The daemon cannot use its files."""
    daemon = Daemon(program, FILES).start()
    daemon.write("domains/example.com.ini", "nonsense\n")
    wait_for(lambda: facts(daemon)["last_load"]["failed"])
    daemon.write("authgate.ini", FILES["authgate.ini"])
    code, out, err = ask(daemon, "kill", "add", "192.0.2.99")
    cases.same("beside a file that is broken an entry is in force", (0, True), (
        code, out.startswith("the change is in force: generation ")))
    cases.has("... and it is said", 'the configuration has errors, which "authgate check" prints',
              err)
    daemon.write("authgate.ini", FILES["authgate.ini"] + "nonsense\n")
    code, out, err = ask(daemon, "kill", "add", "login:mallory")
    cases.same("beside a main file that is broken, too", (0, True), (
        code, out.startswith("the change is in force: generation ")))
    cases.same("... and it is so", 3, facts(daemon)["policy"]["kill_entries"])
    daemon.write("kill.list", "<html>\n<p>\n")
    code, out, err = ask(daemon, "kill", "add", "login:mallory")
    cases.same("a list that is broken itself: status", (75, ""), (code, out))
    cases.has("... the reason", "it begins like a web page", err)
    daemon.terminate()
    if os.geteuid() != 0:
        print("# skipped: needs root")
        return
    other = Daemon(program, {**FILES, "authgate.ini": FILES["authgate.ini"].replace(
        "[rules]", "user = nobody\n[rules]")})
    other.open_to_all()
    other.start()
    os.chmod(os.path.join(other.folder, "kill.list"), 0o600)
    code, out, err = ask(other, "kill", "add", OTHER)
    cases.same("a list that the daemon may not read: status", (75, ""), (code, out))
    cases.has("... the reason", "the change is not in force: the daemon cannot use its files:\n"
              "kill.list: error: kill.list cannot be read: Permission denied\n", err)
    cases.same("... though the list has it", 2, len(ask(other, "kill", "list")[1].splitlines()))
    os.chmod(os.path.join(other.folder, "kill.list"), 0o644)
    cases.same("... mended", 0, ask(other, "kill", "del", OTHER)[0])
    stranger = as_nobody()
    os.chmod(other.folder, 0o777)
    os.chown(os.path.join(other.folder, "kill.list"), stranger["user"], stranger["group"])
    os.chmod(control_path(other), 0o600)
    os.chown(control_path(other), 0, 0)
    code, out, err = ask(other, "kill", "add", OTHER, **stranger)
    cases.same("who may write the list and not ask the daemon: status", (75, ""), (code, out))
    cases.has("... the reason", f"no permission for {control_path(other)}", err)
    cases.has("... and what that means", "it is not known whether the change is in force\n", err)


@part
def many_changes(cases, program):
    """At the same time, and each is told rightly."""
    daemon = Daemon(program, FILES).start()
    running = [subprocess.Popen([daemon.program, "kill", "-c", daemon.config(), "add",
                                 f"10.0.0.{n}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True) for n in range(8)]
    said = [(process.communicate()[0], process.returncode) for process in running]
    cases.same("each is in force", [0] * 8, [status for _, status in said])
    cases.same("... and says so", True, all(out.startswith("the change is in force") for out, _ in
                                            said))
    cases.same("... and is so", 9, facts(daemon)["policy"]["kill_entries"])


# ---------------------------------------------------------------- slow ones

@part
def clients_that_say_nothing(cases, program):
    daemon = Daemon(program, {**FILES, "kill.list": "nonsense\n" * 3000}).start()
    with contextlib.ExitStack() as stack:
        def client(words):
            connection = stack.enter_context(socket.socket(socket.AF_UNIX))
            connection.connect(control_path(daemon))
            connection.sendall(words)
            return connection
        odd = client(b"x" * 5000)
        silent = [client(b"") for _ in range(3)]
        silent += [client(b"s") for _ in range(2)]
        # the answer is larger than what a socket takes
        readers = [client(b"status\n") for _ in range(3)]
        cases.same("nobody waits for them", 0, ask(daemon, "status")[0])
        cases.same("... nor for any number", [0] * 20, [
            (client(b""), client(b"status\n"), ask(daemon, "reload")[0])[2] for _ in range(20)])
        cases.same("what nobody understands is hung up on", True, is_closed(odd))
        cases.same("the oldest are hung up on", [True] * 5, [is_closed(one) for one in silent])
        slow = client(b"sta")
        slow.sendall(b"tus\n")
        cases.same("who speaks in pieces is understood", b"{", slow.recv(1))
        del readers
    cases.same("and the daemon goes on", 0, ask(daemon, "reload")[0])


def is_closed(connection):
    connection.settimeout(PATIENCE)
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


@part
def a_daemon_that_stands_still(cases, program):
    daemon = Daemon(program, FILES).start()
    daemon.process.send_signal(signal.SIGSTOP)
    for command in ("status", "reload"):
        code, out, err = ask(daemon, command, "--timeout", "1s")
        cases.same(f"{command}: status", (69, ""), (code, out))
        cases.has("... what is wrong", f"authgate {command}: the daemon on {control_path(daemon)} "
                  "gave no answer within 1 second; it is stopped, or it reads its files\n", err)
    with contextlib.ExitStack() as stack:
        for _ in range(40):    # until its queue is full
            waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(control_path(daemon))
        cases.same("... where its queue is full too", 69,
                   ask(daemon, "status", "--timeout", "1s")[0])
    daemon.process.send_signal(signal.SIGCONT)
    cases.same("... and goes on", 0, ask(daemon, "status")[0])
    for wrong in ("0s", "soon", "5", "-1s"):
        cases.same(f"--timeout {wrong}", 64, ask(daemon, "status", "--timeout", wrong)[0])


@part
def permissions(cases, program):
    if os.geteuid() != 0:
        cases.skip("permissions", "needs root")
        return
    daemon = Daemon(program, FILES).start()
    daemon.open_to_all()
    mode = os.stat(control_path(daemon)).st_mode
    cases.same("of the socket", 0o660, stat.S_IMODE(mode))
    stranger = as_nobody()
    code, out, err = ask(daemon, "status", **stranger)
    cases.same("a stranger: status", (77, ""), (code, out))
    cases.has("... and who has it", "no permission for ", err)
    group = Daemon(program, {**FILES, "authgate.ini": FILES["authgate.ini"].replace(
        "[rules]", "socket_group = nogroup\n[rules]")}).start()
    group.open_to_all()
    cases.same("a member of the group can see", 0, ask(group, "status", **stranger)[0])
    code, out, err = ask(group, "reload", **stranger)
    cases.same("... and not reload", (77, "", "authgate reload: only root and the daemon's user "
                                              "may reload\n"), (code, out, err))
    user = Daemon(program, {**FILES, "authgate.ini": FILES["authgate.ini"].replace(
        "[rules]", "user = nobody\n[rules]")})
    user.open_to_all()
    user.start()
    cases.same("the daemon's user can reload", 0, ask(user, "reload", **stranger)[0])
    bound = Daemon(program, {**FILES, "authgate.ini": FILES["authgate.ini"].replace(
        "[rules]", "user = nobody\nsocket_group = nogroup\n[rules]")})
    bound.open_to_all()
    bound.start(through=["setpriv", "--bounding-set", "-all,+chown,+setgid,+setuid"])
    cases.same("as the unit of systemd starts it: reload, status", (0, 0),
               (ask(bound, "reload")[0], ask(bound, "status", **stranger)[0]))


@part
def the_socket(cases, program):
    daemon = Daemon(program, FILES).start()
    daemon.kill()
    cases.same("killed: its socket is left", True, os.path.exists(control_path(daemon)))
    cases.same("... nobody answers there", 69, ask(daemon, "status")[0])
    daemon.launch()
    cases.same("... and the next one replaces it", True, bool(wait_for(
        lambda: ask(daemon, "status")[0] == 0)))
    daemon.terminate()
    cases.same("ended: status", 0, daemon.wait())
    cases.same("... and it is gone", False, os.path.exists(control_path(daemon)))


@part
def a_folder_of_somebody_else(cases, program):
    """Who owns it puts another file in the place of a socket that was just bound."""
    if os.geteuid() != 0:
        cases.skip("a_folder_of_somebody_else", "needs root")
        return
    given = {**FILES, "authgate.ini": FILES["authgate.ini"].replace(
        "[rules]", "socket_mode = 0666\nsocket_group = nogroup\nuser = nobody\n[rules]")}
    for name, more in (("a link", {}), ("a further name", {"HARD": "yes"})):
        for end in (".sock", ".control"):
            daemon = Daemon(program, given)
            daemon.open_to_all()
            victim = os.path.join(daemon.folder, "victim")
            daemon.write("victim", "root's own\n")
            os.chmod(victim, 0o600)
            daemon.launch(env=daemon.with_preloaded(os.path.join(HERE, "swap.c"), SWAP=end,
                                                    VICTIM=victim, **more))
            wait_for(lambda: daemon.generations() or daemon.status() is not None)
            after = os.stat(victim)
            cases.same(f"{name} to root's file as {end}: it keeps owner, group and mode",
                       (0, 0, 0o600), (after.st_uid, after.st_gid, stat.S_IMODE(after.st_mode)))
            if end == ".sock":
                cases.same("... and there is no start", 77, daemon.wait())
                cases.has("... with a line", f"permissions of the socket {daemon.path}: ",
                          "\n".join(daemon.log()))
            else:
                line = f"will not work: {daemon.path}.control: "
                cases.same("... and the daemon does without", True, wait_for(
                    lambda: any(line in each for each in daemon.log())))
                daemon.terminate()


# ---------------------------------------------------------------- the service manager

@part
def service_manager(cases, program):
    if b"libsystemd" not in subprocess.run(["ldd", program], capture_output=True,
                                           check=True).stdout:
        cases.skip("service_manager", "built without libsystemd")
        return
    daemon = Daemon(program, FILES)
    path = os.path.join(daemon.folder, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(PATIENCE)

        def heard(until):
            words = []
            while until not in words:
                words += [line.split("_USEC=")[0] for line in
                          manager.recv(4096).decode().splitlines()]
            return words
        daemon.start(env={**os.environ, "NOTIFY_SOCKET": path})
        cases.same("start", ["STATUS=policy 1 in force, 1 kill entry", "READY=1"],
                   heard("READY=1"))
        ask(daemon, "reload")
        cases.same("reload", ["RELOADING=1", "MONOTONIC",
                              "STATUS=policy 2 in force, 1 kill entry", "READY=1"],
                   heard("READY=1"))
        daemon.write("authgate.ini", "[rules]\nx = y\n")
        daemon.hang_up_signal()
        cases.same("a reload that fails", ["RELOADING=1", "MONOTONIC",
                                           "STATUS=the last reload failed; see the log",
                                           "READY=1"], heard("READY=1"))
        daemon.terminate()
        cases.same("stop", ["STOPPING=1"], heard("STOPPING=1")[-1:])


# ---------------------------------------------------------------- starts that fail

@part
def refused_starts(cases, program):
    taken = Daemon(program, FILES, inet=True)
    with socket.socket() as listener:
        listener.bind(taken.address)
        listener.listen()
        code, lines = run_once(program, taken)
    cases.same("a port in use: status 69", 69, code)
    cases.same("... and a line that names it", True, any(
        f"cannot listen on inet:{taken.address[1]}@" in line for line in lines))
    live = Daemon(program, FILES).start()
    second = Daemon(program, FILES)
    second.path = second.address = live.path
    second.write("authgate.ini", FILES["authgate.ini"])
    cases.same("a socket on which somebody answers: status 69, one line",
               (69, [f"another program answers on {live.path}"]), run_once(program, second))
    cases.same("... who goes on", 0, ask(live, "status")[0])
    lost = Daemon(program, FILES)
    lost.write("authgate.ini", "[milter]\nsocket = unix:/nonexistent/authgate.sock\n")
    code, lines = run_once(program, lost)
    cases.same("a folder that is not there: status 69, and its name", (69, True),
               (code, any("there is no directory /nonexistent for the socket; make it" in line
                          for line in lines)))
    environment = {name: value for name, value in os.environ.items() if name != "JOURNAL_STREAM"}
    for name, told, extra in (("without --stderr and a terminal: whoever starts it is told", True,
                               {}), ("... but in the journal once", False,
                                     {"JOURNAL_STREAM": "8:1"})):
        done = subprocess.run([program, "run", "-c", lost.config()], env={**environment, **extra},
                              stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              timeout=600)
        cases.same(name, (69, told), (done.returncode, b"there is no directory" in done.stderr))
    if os.geteuid() != 0:
        return
    closed = Daemon(program, FILES)
    closed.open_to_all()
    closed.launch(**as_nobody())
    cases.same("a folder that cannot be written: status 77, and a line that names it", (77, True),
               (closed.wait(), any(f"unix:{closed.path}" in line for line in closed.log())))
    secret = Daemon(program, FILES)
    secret.open_to_all(0o777)
    os.chmod(secret.config(), 0)
    secret.launch(**as_nobody())
    cases.same("an unreadable file: status 78", 78, secret.wait())
    cases.has("... and a line", "authgate.ini: error: the file cannot be read: Permission denied",
              "\n".join(secret.log()))


# ---------------------------------------------------------------- limits

LIMIT = 200                  # descriptors; 64 of them are set aside
ROOM = LIMIT - 64


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, LIMIT))


def contact(daemon, stack):
    """Opens a connection that stays: what is said at CONNECT."""
    milter = stack.enter_context(Milter(daemon.address))
    return milter, milter.connect(address=OTHER, macros=SMTP)


def crowd(cases, program, on_error, expected):
    files = {**FILES, "authgate.ini": FILES["authgate.ini"].replace(
        "[rules]", f"on_error = {on_error}\n[rules]")}
    daemon = Daemon(program, files).start(preexec_fn=few_descriptors)
    with contextlib.ExitStack() as stack:
        answers = [contact(daemon, stack)[1] for _ in range(ROOM + 20)]
        cases.same(f"{ROOM} connections are judged", {"continue"}, set(answers[:ROOM]))
        cases.same(f"further ones with on_error = {on_error}", {expected}, set(answers[ROOM:]))
        daemon.settle()
        cases.same("... which the log says once", 1, sum(
            "too many connections for the limit of descriptors" in line
            for line in daemon.log()))
        cases.same("... and status counts", 20,
                   facts(daemon)["shortages"]["room_for_connections"])
        cases.same("a reload still finds its descriptors", 0, ask(daemon, "reload")[0])
    wait_for(lambda: facts(daemon)["sessions_open"] == 0)
    with contextlib.ExitStack() as stack:
        milter, answer = contact(daemon, stack)
        cases.same("and afterwards all is as before", "continue", answer)
        milter.mail("<a@example.com>")
        cases.same("... for a message too", "continue", milter.rcpt("<b@example.com>"))


@part
def a_crowd_tempfail(cases, program):
    crowd(cases, program, "tempfail", ERROR)


@part
def a_crowd_accept(cases, program):
    crowd(cases, program, "accept", "accept")


def is_hung_up_on(daemon, stack):
    """Whether one more connection is closed at once; else it stays open, on the stack."""
    try:
        contact(daemon, stack)
        return False
    except Failure:
        return True


@part
def no_descriptor_at_all(cases, program):
    daemon = Daemon(program, FILES).start(preexec_fn=few_descriptors)
    with contextlib.ExitStack() as stack:
        refused = wait_for(lambda: is_hung_up_on(daemon, stack))
        cases.same("the MTA is hung up on, so that its own default action holds", True, refused)
        cases.same("... which the log says", True, bool(wait_for(lambda: any(
            "no descriptor is left" in line for line in daemon.log()))))
    cases.same("... and status counts", True, facts(daemon)["shortages"]["descriptors"] > 0)
    wait_for(lambda: facts(daemon)["sessions_open"] == 0)
    with contextlib.ExitStack() as stack:
        cases.same("and afterwards all is as before", "continue", contact(daemon, stack)[1])


def cpu_seconds(daemon):
    with open(f"/proc/{daemon.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@part
def reloads_without_descriptors(cases, program):
    """What fails for want of them is tried again, and does not fill the log."""
    daemon = Daemon(program, FILES).start(preexec_fn=few_descriptors)

    def complaints():
        return [line for line in daemon.log() if "cannot be read: Too many open files" in line or
                "folder cannot be read: Too many" in line or "the old policy stays" in line]
    with contextlib.ExitStack() as stack:
        wait_for(lambda: is_hung_up_on(daemon, stack))
        daemon.write("kill.list", f"{KILLED}\n{OTHER}\n")
        daemon.hang_up_signal()
        cases.same("SIGHUP: the old policy stays", True, bool(wait_for(
            lambda: any("the old policy stays" in line for line in complaints()))))
        waiting = subprocess.Popen([daemon.program, "status", "-c", daemon.config(), "--json"],
                                   stdout=subprocess.PIPE, text=True)
        time.sleep(0.5)
        begin, said = cpu_seconds(daemon), complaints()
        # it is tried again after two seconds
        time.sleep(3)
        cases.same("who asks for the status meanwhile costs next to nothing", True,
                   cpu_seconds(daemon) - begin < 0.5)
        cases.same("... and what is found again is not said again", said, complaints())
    cases.same("when there are descriptors again the change is taken", True, bool(wait_for(
        lambda: daemon.generations()[-1] > 1)))
    told = json.loads(waiting.communicate(timeout=PATIENCE)[0])
    cases.same("and who asked is answered", daemon.process.pid, told["pid"])
    told = facts(daemon)
    cases.same("the attempts are counted", (1, True, False),
               (told["reloads"], told["reloads_failed"] >= 2, told["last_load"]["failed"]))


@part
def four_thousand_connections(cases, program):
    daemon = Daemon(program, FILES).start()
    resource.setrlimit(resource.RLIMIT_NOFILE,
                       (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with contextlib.ExitStack() as stack:
        milters = [contact(daemon, stack) for _ in range(4000)]
        cases.same("each is judged", {"continue"}, {answer for _, answer in milters})
        cases.same("all are open", 4000, facts(daemon)["sessions_open"])
        said = set()
        for milter, _ in milters[::40]:
            milter.mail("<a@example.com>")
            said.add(milter.rcpt("<b@example.com>"))
        cases.same("and each can send", {"continue"}, said)
    cases.same("and all end", True, bool(wait_for(
        lambda: facts(daemon)["sessions_open"] == 0)))


# ---------------------------------------------------------------- a log that stands still

@part
def a_log_that_nobody_reads(cases, program):
    daemon = Daemon(program, FILES)
    reader, writer = os.pipe()
    daemon.launch(stderr=writer, env=daemon.sanitizer_to_file())
    os.close(writer)
    wait_for(lambda: os.path.exists(control_path(daemon)) and ask(daemon, "status")[0] == 0)
    for _ in range(20):
        with Milter(daemon.address) as milter:
            milter.connect(address=OTHER, macros=SMTP)
            for _ in range(100):
                milter.mail(f"<a@example.com>{'x' * 400}")
                milter.rcpt("<" + "b" * 200 + "@example.com>")
                milter.abort()
    # no mail was held up, for nobody reads
    dropped = facts(daemon)["log_lines_dropped"]
    cases.same("lines that do not fit are dropped and counted", True, dropped > 0)
    text = b""
    os.set_blocking(reader, False)

    def read_on():
        nonlocal text
        with contextlib.suppress(BlockingIOError):
            text += os.read(reader, 1 << 20)
        return b"were dropped" in text
    cases.same("... and told of once somebody reads", True, bool(wait_for(read_on)))
    cases.has("... with their number", f"{dropped} log lines were dropped",
              text.decode("latin-1")[-300:])
    daemon.terminate()
    cases.same("the end waits for no reader", 0, daemon.wait())
    os.close(reader)


if __name__ == "__main__":
    sys.exit(run_parts(PARTS, __doc__, sys.argv[1:]))
