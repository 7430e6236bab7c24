#!/usr/bin/python3
"""[metrics] listen: what is served, to whom, and that mail does not notice.

usage: test_metrics.py AUTHGATE [WORD]      only the parts that have WORD in their name

One line a case; status 1 when one fails. Needs root for the part about privileges.
"""

import contextlib
import json
import os
import re
import resource
import select
import socket
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True    # root's files have no business in a checkout
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../driver"))
from daemon import Daemon, PATIENCE, run_once, run_parts, wait_for  # noqa: E402
from milter import Failure, Milter  # noqa: E402
from process import free_ports  # noqa: E402

IDLE_SECONDS = 10       # until a silent client is left behind
CONNECTIONS = 16        # at once
KILLED, OTHER = "192.0.2.66", "192.0.2.1"
SMTP = {"{daemon_name}": "smtp", "{daemon_port}": "25"}
TEXT = "text/plain; version=0.0.4; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"
NOT_FOUND = "not found; there are /metrics and /healthz\n"

PARTS = []


def part(function):
    PARTS.append(function)
    return function


def files(listen, more="", rules="local_sender_auth = monitor\n"):
    return {"authgate.ini": f"[milter]\nsocket = @SOCKET@\n{more}[rules]\n{rules}"
                            f"[metrics]\nlisten = {listen}\n",
            "kill.list": f"{KILLED} # spam\n", "domains/example.com.ini": ""}


class Served(Daemon):
    """A daemon with a port for metrics."""

    def __init__(self, program, host="127.0.0.1", **what):
        self.place = (host, free_ports(1)[0])
        shown = f"[{host}]" if ":" in host else host
        super().__init__(program, files(f"{shown}:{self.place[1]}", **what))

    def dial(self):
        return socket.create_connection(self.place, timeout=PATIENCE)

    def ask(self, request):
        """Sends the bytes: all that comes until the end."""
        with self.dial() as client:
            client.sendall(request)
            return b"".join(iter(lambda: client.recv(65536), b""))

    def http(self, path, method="GET", more="", body=""):
        """status, {header: value}, content"""
        head, _, content = self.ask(
            f"{method} {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n{body}".encode()
        ).decode().partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        return (int(first.split()[1]), {name.lower(): value for name, _, value in
                                        (line.partition(": ") for line in lines)}, content)

    def get(self, path):
        status, _, content = self.http(path)
        return status, content

    def numbers(self):
        """{series: value} of /metrics"""
        status, content = self.get("/metrics")
        if status != 200:
            raise Failure(f"/metrics: {status}")
        return {series: int(value) for series, value in
                (line[len("authgate_"):].rsplit(" ", 1) for line in content.splitlines()
                 if not line.startswith("#"))}

    def facts(self):
        done = subprocess.run([self.program, "status", "-c", self.config(), "--json"], text=True,
                              capture_output=True, timeout=PATIENCE, check=False, cwd="/")
        return json.loads(done.stdout)

    def processor_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            words = file.read().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def decisions(rule, stage, verdict):
    return f'decisions_total{{rule="{rule}",stage="{stage}",verdict="{verdict}"}}'


def grown(before, after):
    """What is another number now, but for times."""
    return {series: after[series] - before[series] for series in after
            if after[series] != before[series] and "seconds" not in series}


def send_some_mail(daemon):
    """Two messages, the second to two recipients, over one connection."""
    with Milter(daemon.address) as milter:
        milter.connect(address=OTHER, macros=SMTP)
        milter.mail("<a@example.net>")
        milter.rcpt("<b@example.com>")
        milter.abort()
        milter.mail("<a@example.com>")
        milter.rcpt("<b@example.com>")
        milter.rcpt("<c@example.com>")
        milter.rcpt("<>")
        milter.abort()


def contact(daemon, address):
    with Milter(daemon.address) as milter:
        return milter.connect(address=address, macros=SMTP)


# ---------------------------------------------------------------- what is counted

@part
def numbers(cases, program):
    daemon = Served(program).start()
    begin = daemon.numbers()
    cases.same("at the start nothing has happened", set(), {
        series for series, value in begin.items() if value and not series.startswith(
            ("build_info", "start_time", "policy_", "last_reload_successful", "engine_info",
             "engine_threads"))})
    cases.same("the daemon is as old as it is", True,
               0 <= time.time() - begin["start_time_seconds"] < 10 * PATIENCE)
    cases.same("asking changes nothing", {}, grown(begin, daemon.numbers()))
    send_some_mail(daemon)
    for _ in range(3):
        contact(daemon, KILLED)
    wait_for(lambda: daemon.numbers()["sessions_open"] == 0)
    daemon.settle()
    cases.same("what happened is what is counted", {
        "sessions_total": 4, "messages_total": 2, "recipients_accepted_total": 3,
        decisions("kill_client", "connect", "reject"): 3,
        decisions("local_sender_auth", "rcpt", "would-reject"): 2,
        decisions("bad_address", "rcpt", "reject"): 1}, grown(begin, daemon.numbers()))
    with Milter(daemon.address) as milter:
        milter.connect(address=OTHER, macros=SMTP)
        cases.same("an open session", 1, daemon.numbers()["sessions_open"])


@part
def the_same_as_status(cases, program):
    daemon = Served(program).start()
    send_some_mail(daemon)
    contact(daemon, KILLED)
    wait_for(lambda: daemon.numbers()["sessions_open"] == 0)
    daemon.settle()
    said, shown = daemon.facts(), daemon.numbers()
    cases.same("versions", 1, shown[f'build_info{{version="{said["version"]}"}}'])
    for series, value in {
            "sessions_open": said["sessions_open"], "sessions_total": said["sessions"],
            "messages_total": said["messages"], "log_lines_waiting": said["log_lines_waiting"],
            "recipients_accepted_total": said["recipients_accepted"],
            "log_lines_dropped_total": said["log_lines_dropped"],
            "log_lines_lost_total": said["log_lines_lost"],
            "policy_bad_lines": said["policy"]["bad_lines"],
            "engine_threads": said["engine"]["threads"],
            "engine_connections": said["engine"]["connections"],
            "bad_packets_total": said["engine"]["bad_packets"],
            f'engine_info{{engine="{said["engine"]["name"]}"}}': 1,
            'reloads_total{result="ok"}': said["reloads"],
            'reloads_total{result="failed"}': said["reloads_failed"],
            'archive_messages_total{result="kept"}': said["copies_kept"],
            'archive_messages_total{result="failed"}': said["copies_failed"]}.items():
        cases.same(series, value, shown[series])
    cases.same("the policy", {f"policy_{key}": value for key, value in said["policy"].items()
                              if key not in ("digest", "since")},
               {series: value for series, value in shown.items()
                if series.startswith("policy_") and "seconds" not in series})
    for key, series in (("started", "start_time_seconds"),
                        ("since", "policy_loaded_timestamp_seconds")):
        text = said[key] if key == "started" else said["policy"][key]
        cases.same(f"when: {key}", text,
                   time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(shown[series])))
    cases.same("shortages", {f'shortages_total{{of="{key}"}}': value
                             for key, value in said["shortages"].items()},
               {series: value for series, value in shown.items() if "shortages" in series})
    seen = {}
    for row in said["decisions"]:
        for verdict in ("reject", "tempfail", "would-reject", "accept"):
            series = decisions(row["rule"], row["stage"], verdict)
            cases.same(f"{series}, or no such series and no such decision", row[verdict],
                       shown.get(series, 0))
            seen[series] = True
    cases.same("no decision that status does not know", [],
               [series for series in shown if "decisions" in series and series not in seen])


@part
def reloads(cases, program):
    daemon = Served(program).start()
    good = files(f"127.0.0.1:{daemon.place[1]}")["authgate.ini"]
    begin = daemon.numbers()
    cases.same("well", (200, "ok\n"), daemon.get("/healthz"))
    daemon.write("kill.list", f"{KILLED}\n192.0.2.67\n")
    daemon.reload()
    # on a busy machine the daemon may have taken the file by itself before
    count = daemon.generations()[-1] - 1
    cases.same("a reload", {'reloads_total{result="ok"}': count, "policy_generation": count,
                            "policy_kill_entries": 1}, grown(begin, daemon.numbers()))
    daemon.write("authgate.ini", good + "[rules]\nkill_cleint = off\n")
    between = daemon.numbers()
    daemon.reload()
    failed = sum("the old policy stays" in line for line in daemon.log())
    cases.same("one that fails", {'reloads_total{result="failed"}': failed,
                                  "last_reload_successful": -1, "parts_kept": 1},
               grown(between, daemon.numbers()))
    cases.same("... when the policy was read", between["policy_loaded_timestamp_seconds"],
               daemon.numbers()["policy_loaded_timestamp_seconds"])
    cases.same("mail is judged all the same: well, with a line", (
        200, "ok\nkept as last good: authgate.ini\n"), daemon.get("/healthz"))
    daemon.write("authgate.ini", good)
    daemon.reload()
    count = daemon.generations()[-1] - 1
    cases.same("mended", {'reloads_total{result="ok"}': count,
                          'reloads_total{result="failed"}': failed,
                          "policy_generation": count, "policy_kill_entries": 1},
               grown(begin, daemon.numbers()))
    cases.same("... and well", (200, "ok\n"), daemon.get("/healthz"))


@part
def another_place(cases, program):
    """A change of listen needs a restart."""
    daemon = Served(program).start()
    said = "[metrics] listen has changed; it takes a restart to come into force"
    other = free_ports(1)[0]
    daemon.write("authgate.ini", files(f"127.0.0.1:{other}")["authgate.ini"])
    cases.same("in a reload: the log says that it takes a restart", True, said in daemon.reload())
    cases.same("... the old one is served", (200, "ok\n"), daemon.get("/healthz"))
    with socket.socket() as probe:
        cases.same("... the new one is not", False, probe.connect_ex(("127.0.0.1", other)) == 0)
    daemon.write("authgate.ini", files("")["authgate.ini"])
    cases.same("switched off: the same", True, said in daemon.reload())
    cases.same("... it is served", (200, "ok\n"), daemon.get("/healthz"))
    off = Daemon(program, files("")).start()
    off.write("authgate.ini", files(f"127.0.0.1:{other}")["authgate.ini"])
    cases.same("switched on: the same", True, said in off.reload())


@part
def archive(cases, program):
    daemon = Served(program)
    folder = os.path.join(daemon.folder, "kept")
    with open(daemon.config(), "a", encoding="utf-8") as file:
        file.write(f"[archive]\nenabled = yes\ndir = {folder}\nmin_free = 1M\n")
    daemon.start()
    begin = daemon.numbers()

    def send():
        with Milter(daemon.address) as milter:
            milter.connect(address=OTHER, macros=SMTP)
            milter.mail("<a@example.net>")
            milter.rcpt("<b@example.com>")
            return milter.content()[-1]
    send()
    daemon.settle()
    kept = daemon.numbers()
    cases.same("a copy is kept", 1, grown(begin, kept).get(
        'archive_messages_total{result="kept"}'))
    os.rename(folder, folder + ".away")
    send()
    daemon.settle()
    cases.same("one cannot be", (1, 1, None), tuple(grown(kept, daemon.numbers()).get(series)
               for series in ('archive_messages_total{result="failed"}',
                              decisions("on_error", "-", "tempfail"),
                              'archive_messages_total{result="kept"}')))


# ---------------------------------------------------------------- HTTP

@part
def http(cases, program):
    daemon = Served(program).start()
    status, headers, content = daemon.http("/metrics")
    cases.same("/metrics", (200, TEXT, str(len(content))),
               (status, headers["content-type"], headers["content-length"]))
    status, headers, content = daemon.http("/healthz")
    cases.same("/healthz", (200, PLAIN, "ok\n"), (status, headers["content-type"], content))
    cases.same("the connection ends", "close", headers["connection"])
    cases.same("with a query", 200, daemon.get("/metrics?name=x")[0])
    for path in ("/", "/metrics/", "/METRICS", "//metrics", "/metrics/../metrics", "/favicon.ico",
                 "/" + "x" * 2000):
        cases.same(f"{path[:30]}: 404, and what there is", (404, NOT_FOUND), daemon.get(path))
    # libmicrohttpd 1.0.10 answers this itself
    cases.same("/%00: no content is given", True, daemon.get("/%00")[0] in (400, 404))
    status, headers, content = daemon.http("/metrics", "HEAD")
    cases.same("HEAD", (200, TEXT, "", True),
               (status, headers["content-type"], content, int(headers["content-length"]) > 5000))
    cases.same("HEAD of nothing", (404, ""), daemon.http("/x", "HEAD")[::2])
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "get", "X"):
        status, headers, content = daemon.http("/metrics", method)
        cases.same(f"{method}: 405, and what may be done",
                   (405, "GET, HEAD", "only GET and HEAD are served\n"),
                   (status, headers.get("allow"), content))
    cases.same("POST elsewhere", 404, daemon.http("/x", "POST")[0])
    body = "x" * 10000
    for name, more, sent in (("a body", "Content-Length: 10000\r\n", body),
                             ("one that never comes", "Content-Length: 1000000000\r\n", ""),
                             ("one in pieces", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"),
                             ("one that asks first", "Content-Length: 9\r\n"
                              "Expect: 100-continue\r\n", "")):
        cases.same(f"POST with {name}", 405, daemon.http("/metrics", "POST", more, sent)[0])
        cases.same(f"GET with {name}", 200, daemon.http("/metrics", "GET", more, sent)[0])
    cases.same("HTTP/1.0", b" 200 OK\r\n", daemon.ask(b"GET /healthz HTTP/1.0\r\n\r\n")[8:17])
    for name, request in (("no HTTP", b"EHLO example.com\r\n\r\n"),
                          ("no path", b"GET\r\n\r\n"),
                          ("zeros", b"\0" * 5000),
                          ("a header without end", b"GET /healthz HTTP/1.1\r\nX: " +
                           b"x" * 100000),
                          ("headers without end", b"GET /healthz HTTP/1.1\r\n" +
                           b"X: y\r\n" * 20000)):
        with contextlib.suppress(OSError):
            answer = daemon.ask(request)[:12]
            cases.same(f"{name}: no content is given", False, b" 200" in answer)
        cases.same(f"... and the next is served after {name}", (200, "ok\n"),
                   daemon.get("/healthz"))
    cases.same("nothing of it is in the log", [], [
        line for line in daemon.new_lines()])


@part
def the_manual(cases, program):
    """authgate(8) has each series, in the order in which they come, and no other."""
    daemon = Served(program).start()
    families = re.findall(r"^# TYPE (\S+) (\S+)$", daemon.get("/metrics")[1], re.M)
    with open(os.path.join(HERE, "../../milter/authgate.8"), encoding="utf-8") as file:
        manual = re.findall(r"^\.It Li (authgate_\w+)", file.read(), re.M)
    cases.same("series", [name for name, _ in families], manual)


# ---------------------------------------------------------------- clients of all kinds

@part
def slow_clients(cases, program):
    daemon = Served(program).start()
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(daemon.dial()) for _ in range(CONNECTIONS - 1)]
        for client in silent[::2]:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHo")
        begin = time.monotonic()
        cases.same("who says half a sentence does not hold up the next", (200, "ok\n"),
                   daemon.get("/healthz"))
        last = stack.enter_context(daemon.dial())
        last.sendall(b"GET /metrics HTTP/1.1\r\n")
        cases.same("with all connections taken, mail goes on", "continue", contact(daemon, OTHER))
        cases.same("... while nobody has been left behind", ([], [], []),
                   select.select(silent, [], [], 0))
        first = silent[0]
        first.settimeout(PATIENCE)
        with contextlib.suppress(ConnectionError):
            while first.recv(4096):
                pass
        waited = time.monotonic() - begin
        cases.same("the silent are left behind after a while", True,
                   waited > IDLE_SECONDS - 3)
    cases.same("and all is as before", (200, "ok\n"), daemon.get("/healthz"))


@part
def clients_that_never_end(cases, program):
    """All places are taken by those who send, or take, a byte now and then."""
    daemon = Served(program).start()
    over = threading.Event()
    with contextlib.ExitStack() as stack:
        def drip(client):
            with contextlib.suppress(OSError):
                client.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
                while not over.wait(0.1):
                    client.sendall(b"x")
        clients = [stack.enter_context(daemon.dial()) for _ in range(CONNECTIONS + 4)]
        threads = [threading.Thread(target=drip, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        cases.same("the next one is served all the same", (200, "ok\n"), daemon.get("/healthz"))
        cases.same("... and the one after it", (200, "ok\n"), daemon.get("/healthz"))
        for client in clients:
            client.settimeout(100)
        ended = 0
        for client in clients:
            with contextlib.suppress(ConnectionError):
                ended += client.recv(1) == b""
                continue
            ended += 1
        cases.same("all are hung up on in the end, though they never stop", len(clients), ended)
        over.set()
        for thread in threads:
            thread.join()


@part
def many_at_once(cases, program):
    daemon = Served(program).start()
    answers = []

    def ask():
        try:
            answers.append(daemon.get("/metrics")[0])
        except OSError as error:
            answers.append(str(error))
    threads = [threading.Thread(target=ask) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cases.same("40 are all served", [200] * 40, answers)
    before = descriptors(daemon)
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(daemon.dial())
        cases.same("40 that say nothing: the kernel knows them", True, wait_for(
            lambda: len(rows_of_port(daemon)) > 40))
        wait_for(lambda: descriptors(daemon) > before)
        cases.same("... and only some take a descriptor here", True, descriptors(daemon) < 40)


def rows_of_port(daemon):
    """What the kernel knows of the port."""
    with open(f"/proc/{daemon.process.pid}/net/tcp", encoding="ascii") as file:
        return [line for line in file if line.split()[1].endswith(f":{daemon.place[1]:04X}")]


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


@part
def nothing_is_left_behind(cases, program):
    daemon = Served(program).start()
    daemon.get("/metrics")
    before = descriptors(daemon)
    for i in range(300):
        if i % 3 == 0:
            daemon.dial().close()
        elif i % 3 == 1:
            with daemon.dial() as client:
                client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        else:
            daemon.get("/metrics")
    cases.same("after 300 clients, of whom many hung up", True,
               bool(wait_for(lambda: descriptors(daemon) <= before)))


@part
def while_mail_comes(cases, program):
    """For the sanitizers: numbers are read while they change, and policies are loaded."""
    daemon = Served(program).start()
    stop = threading.Event()
    seen = []

    def send():
        while not stop.is_set():
            send_some_mail(daemon)

    def ask():
        while not stop.is_set():
            seen.append(daemon.numbers()["messages_total"])
            daemon.get("/healthz")
    threads = [threading.Thread(target=function) for function in (send, send, ask, ask)]
    for thread in threads:
        thread.start()
    loads = 0
    while loads < 30 or len(set(seen)) < 10 and loads < 10000:
        daemon.reload()
        daemon.facts()
        loads += 1
    stop.set()
    for thread in threads:
        thread.join()
    cases.same("numbers grew", True, max(seen) > min(seen))
    cases.same("each reload is counted", loads, daemon.numbers()['reloads_total{result="ok"}'])


@part
def high_descriptors(cases, program):
    """select() knows none above 1023."""
    daemon = Served(program).start()
    resource.setrlimit(resource.RLIMIT_NOFILE,
                       (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with contextlib.ExitStack() as stack:
        for _ in range(1100):
            stack.enter_context(Milter(daemon.address)).connect(address=OTHER, macros=SMTP)
        cases.same("beside 1,100 sessions", 1100, daemon.numbers()["sessions_open"])


LIMIT = 200    # descriptors


@part
def no_descriptor(cases, program):
    daemon = Served(program).start(
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, LIMIT)))
    with contextlib.ExitStack() as stack:
        for _ in range(LIMIT):
            try:
                milter = stack.enter_context(Milter(daemon.address))
                milter.connect(address=OTHER, macros=SMTP)
            except Failure:
                break
        waiting = stack.enter_context(daemon.dial())
        waiting.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        control = stack.enter_context(socket.socket(socket.AF_UNIX))
        control.connect(daemon.path + ".control")
        control.sendall(b"status\n")
        time.sleep(0.5)
        begin = daemon.processor_seconds()
        time.sleep(1)
        cases.same("who waits for a descriptor does not keep the processor busy", True,
                   daemon.processor_seconds() - begin < 0.3)
    cases.same("and afterwards all is as before", True, bool(wait_for(
        lambda: daemon.get("/healthz") == (200, "ok\n"))))
    cases.same("... and it was counted", True,
               daemon.numbers()['shortages_total{of="descriptors"}'] > 0)


# ---------------------------------------------------------------- the port

@part
def addresses(cases, program):
    six = Served(program, "::1").start()
    cases.same("IPv6", (200, "ok\n"), six.get("/healthz"))
    everywhere = Served(program, "0.0.0.0").start()
    cases.same("every address of IPv4", (200, "ok\n"), everywhere.get("/healthz"))
    both = Served(program, "::").start()
    cases.same("every address", (200, "ok\n"), both.get("/healthz"))
    both.place = ("127.0.0.1", both.place[1])
    cases.same("... IPv4 among them", (200, "ok\n"), both.get("/healthz"))
    cases.same("who has no listen has no such port", [], [
        line for line in Daemon(program, files("")).start().log() if "metrics" in line])


def flags_of_listener(daemon):
    """Of the descriptor on which an IPv4 port listens, as open(2) has them."""
    folder = f"/proc/{daemon.process.pid}"
    with open(f"{folder}/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file]
    inode, = (row[9] for row in rows
              if row[1].endswith(f":{daemon.place[1]:04X}") and row[3] == "0A")
    number, = (name for name in os.listdir(f"{folder}/fd")
               if os.readlink(f"{folder}/fd/{name}") == f"socket:[{inode}]")
    with open(f"{folder}/fdinfo/{number}", encoding="ascii") as file:
        return int(re.search(r"flags:\s+(\d+)", file.read())[1], 8)


@part
def listener(cases, program):
    flags = flags_of_listener(Served(program).start())
    cases.same("a program that were started would not get it", os.O_CLOEXEC, flags & os.O_CLOEXEC)
    cases.same("and it never waits", os.O_NONBLOCK, flags & os.O_NONBLOCK)


@part
def refused_starts(cases, program):
    for name, family, host, shown in (("IPv4", socket.AF_INET, "127.0.0.1", "127.0.0.1"),
                                      ("IPv6", socket.AF_INET6, "::1", "[::1]")):
        with socket.socket(family) as taken:
            taken.bind((host, 0))
            taken.listen()
            port = taken.getsockname()[1]
            daemon = Daemon(program, files(f"{shown}:{port}"))
            cases.same(f"a port in use, {name}: status 69, and a line", (69, [
                f"authgate.ini:6: error: [metrics] listen: cannot listen on {shown}:{port}: "
                "Address already in use"]), run_once(program, daemon))
            cases.same("... and no socket is left", [False, False],
                       [os.path.exists(path) for path in (daemon.path, daemon.path + ".control")])
    daemon = Daemon(program, files("192.0.2.1:9909"))
    status, lines = run_once(program, daemon)
    cases.same("an address that is not here: status 69", 69, status)
    cases.same("... a warning about the address, and the error", [
        "authgate.ini:6: error: [metrics] listen: cannot listen on 192.0.2.1:9909: "
        "Cannot assign requested address"], lines[-1:])
    status, lines = run_once(program, Daemon(program, files("127.0.0.1:0")))
    cases.same("port 0: status 78", 78, status)
    cases.has("... and a line", "authgate.ini:6: error: listen = 127.0.0.1:0: must be ADDRESS:PORT",
              "\n".join(lines))


@part
def check_warns(cases, program):
    for listen, warnings in (("127.0.0.1:9909", 0), ("[::1]:9909", 0), ("", 0),
                             ("0.0.0.0:9909", 1), ("[::]:9909", 1), ("192.0.2.1:9909", 1)):
        daemon = Daemon(program, files(listen))
        done = subprocess.run([program, "check", "-c", daemon.config()], text=True,
                              capture_output=True, timeout=PATIENCE, check=False, cwd="/")
        cases.same(f"{listen}: status, warnings", (0, warnings),
                   (done.returncode, done.stdout.count("authgate.ini:6: warning: [metrics]")))


@part
def privileges(cases, program):
    """The port is opened as root, and served as somebody else."""
    if os.geteuid() != 0:
        cases.skip("privileges", "needs root")
        return
    with socket.socket() as probe:
        low = next((port for port in range(1023, 900, -1)
                    if probe.connect_ex(("127.0.0.1", port)) != 0), 1023)
    daemon = Served(program, more="user = nobody\n")
    daemon.place = ("127.0.0.1", low)
    daemon.write("authgate.ini", files(f"127.0.0.1:{low}", "user = nobody\n")["authgate.ini"])
    daemon.open_to_all()
    daemon.start()
    cases.same("a port below 1024", (200, "ok\n"), daemon.get("/healthz"))
    bound = Daemon(program, files(f"127.0.0.1:{low - 1}", "user = nobody\n"))
    bound.open_to_all()
    bound.launch(through=["setpriv", "--bounding-set", "-all,+chown,+setgid,+setuid"])
    cases.same("without the capability: status 77", 77, bound.wait())
    cases.has("... and a line", "[metrics] listen: cannot listen on 127.0.0.1:"
              f"{low - 1}: Permission denied", "\n".join(bound.log()))


@part
def the_end(cases, program):
    daemon = Served(program).start()
    with daemon.dial() as silent, daemon.dial() as half:
        half.sendall(b"GET /metrics HTTP/1.1\r\n")
        cases.same("served", (200, "ok\n"), daemon.get("/healthz"))
        daemon.terminate()
        cases.same("clients who say nothing do not hold up the end", 0, daemon.wait())
        cases.same("... and are hung up on", b"", silent.recv(100))
    with socket.socket() as probe:
        cases.same("the port is closed", False, probe.connect_ex(daemon.place) == 0)
    daemon.launch()
    cases.same("and can be taken again at once", (200, "ok\n"), wait_for(
        lambda: daemon.status() is not None or is_served(daemon)) and daemon.get("/healthz"))


def is_served(daemon):
    try:
        return daemon.get("/healthz")[0] == 200
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(run_parts(PARTS, __doc__, sys.argv[1:]))
