"""A private authgate: a folder with its configuration, the process, what it wrote."""

import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from cases import Cases, PATIENCE, wait_for
from process import Failure, free_ports

SANITIZER = re.compile(r"(ERROR|WARNING): \w*Sanitizer|runtime error:|SUMMARY: \w*Sanitizer")
# who speaks the protocol: libmilter, or what authgate has by default
ENGINE = os.environ.get("AUTHGATE_TEST_ENGINE", "builtin")
# the daemons of tests stay root, if these are run by it, and are told so
STAYS_ROOT = "[milter] user names nobody: "
LOADED = re.compile(r"policy gen=(\d+) is in force")


def is_sanitized(program):
    """It needs more address space than a limit leaves, and keeps memory that was given back."""
    with open(program, "rb") as file:
        text = file.read()
    return b"__asan_init" in text or b"__tsan_init" in text


class Daemon:
    """files is {name: text}; "@SOCKET@" in a text becomes the place of the socket."""

    all = []

    def __init__(self, program, files, inet=False, folder=None):
        self.program = program
        self.folder = folder or tempfile.mkdtemp(prefix="authgate-wire.")
        os.makedirs(self.folder, exist_ok=True)
        self.process = None
        self.path = os.path.join(self.folder, "authgate.sock")
        self.address = ("127.0.0.1", free_ports(1)[0]) if inet else self.path
        self.log_name = os.path.join(self.folder, "stderr")
        self.count = 0
        self.asked_to_stop = False
        Daemon.all.append(self)
        for name, text in files.items():
            self.write(name, text)

    # ---- files ----

    def write(self, name, text):
        place = f"unix:{self.path}"
        if not isinstance(self.address, str):
            place = "inet:%d@%s" % (self.address[1], self.address[0])
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if name == "authgate.ini" and ENGINE != "builtin":
            # at the end: findings name lines
            text = f"{text.rstrip()}\n[milter]\nengine = {ENGINE}\n"
        # in one step, as an administrator's tool would
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text.replace("@SOCKET@", place))
        os.rename(path + ".new", path)

    def open_to_all(self, mode=0o755):
        """Other users can enter the folder, and run the program, wherever it was built."""
        os.chmod(self.folder, mode)
        self.program = shutil.copy(self.program, self.folder)

    def with_preloaded(self, source, **more):
        """An environment in which a C file takes the place of functions of the system."""
        library = os.path.join(self.folder, os.path.basename(source) + ".so")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        os.chmod(library, 0o755)
        # a sanitizer of gcc's wants to be the first library of all
        return {**os.environ, "LD_PRELOAD": library, "ASAN_OPTIONS": ":".join(filter(
            None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"])), **more}

    def config(self):
        return os.path.join(self.folder, "authgate.ini")

    def state_dir(self):
        return os.path.join(self.folder, "state")

    def log(self):
        """All lines so far that are complete."""
        with open(self.log_name, encoding="latin-1") as file:
            text = file.read()
        lines = text[:text.rfind("\n") + 1].split("\n")[:-1]
        return [line for line in lines if STAYS_ROOT not in line]

    def says(self, words="status"):
        """What the daemon says on its control socket."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(PATIENCE)
            control.connect(self.path + ".control")
            control.sendall(words.encode() + b"\n")
            return b"".join(iter(lambda: control.recv(65536), b""))

    def lines_waiting(self):
        """How many lines the daemon has yet to write."""
        return json.loads(self.says())["log_lines_waiting"]

    def settle(self):
        """Waits until all that has happened is in the log; not for a daemon on an inet socket,
        which cannot be asked."""
        if isinstance(self.address, str) and self.status() is None:
            wait_for(lambda: self.status() is not None or self.lines_waiting() == 0)

    def new_lines(self):
        """The lines since the last call."""
        self.settle()
        lines = self.log()
        new, self.count = lines[self.count:], len(lines)
        return new

    def new_verdicts(self):
        """As new_lines(), of messages only, with the session's own number made the same."""
        return [re.sub(r"\bs=[0-9a-f]{8}-", "s=S-", line) for line in self.new_lines()
                if line.startswith(("verdict=", "s="))]

    # ---- the process ----

    def launch(self, through=(), **options):
        """through is a command that runs the program; options are Popen's."""
        with open(self.log_name, "ab") as log:
            self.process = subprocess.Popen(
                [*through, self.program, "run", "-c", self.config(), "--stderr",
                 "--state-dir", self.state_dir()],
                **{"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "cwd": "/",
                   **options})
        return self

    def start(self, **options):
        self.launch(**options)
        if not wait_for(lambda: self.generations() or self.status() is not None) or \
                self.status() is not None:
            raise Failure("the daemon does not start: " + " | ".join(self.log()[-3:]))
        self.new_lines()
        return self

    def generations(self):
        return [int(found[1]) for found in map(LOADED.search, self.log()) if found]

    def status(self):
        """The exit status, or None while it runs."""
        return self.process.poll()

    def wait(self, seconds=PATIENCE):
        """The exit status, or None where it does not end."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def hang_up_signal(self):
        self.process.send_signal(signal.SIGHUP)

    def reload(self):
        """SIGHUP, and waits until it is carried out: the new lines."""
        seen = len(self.log())

        def done():
            return [line for line in self.log()[seen:]
                    if LOADED.search(line) or "the old policy stays" in line]
        self.hang_up_signal()
        if not wait_for(done):
            raise Failure("no reload within %d s" % PATIENCE)
        return self.log()[seen:]

    def terminate(self):
        self.asked_to_stop = True
        if self.status() is None:
            self.process.terminate()

    def kill(self):
        self.asked_to_stop = True
        self.process.kill()
        self.process.wait()

    def sanitizer_to_file(self):
        """An environment in which a sanitizer does not write to standard error."""
        names = ("ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")
        path = os.path.join(self.folder, "sanitizer")
        return {**os.environ, **{name: f"{os.environ.get(name, '')}:log_path={path}"
                                 for name in names}}

    def sanitizer_lines(self):
        lines = self.log()
        for name in glob.glob(os.path.join(self.folder, "sanitizer.*")):
            with open(name, encoding="latin-1") as file:
                lines += file.read().splitlines()
        return [line for line in lines if SANITIZER.search(line)]


def run_once(program, daemon):
    """Starts what should end by itself: its status and its lines."""
    daemon.launch()
    status = daemon.wait()
    if status is None:
        daemon.kill()
    return status, daemon.log()


def stop_all():
    """Ends them side by side, as each may take a while: the set of their statuses."""
    running = [d for d in Daemon.all if d.process is not None and d.status() is None]
    for daemon in running:
        daemon.terminate()
    statuses = set()
    for daemon in running:
        statuses.add(daemon.wait())
        if daemon.status() is None:
            daemon.kill()
    return statuses


def remove_all():
    for daemon in Daemon.all:
        shutil.rmtree(daemon.folder, ignore_errors=True)


def check_ends(cases):
    """All that were started, at the end."""
    died = [d.status() for d in Daemon.all if d.process is not None and not d.asked_to_stop and
            (d.status() or 0) < 0]
    cases.same("no daemon died by itself", [], died)
    cases.same("every daemon ends with status 0 at SIGTERM", [], sorted(stop_all() - {0}, key=str))
    reports = [line for daemon in Daemon.all if os.path.exists(daemon.log_name)
               for line in daemon.sanitizer_lines()]
    cases.same("no sanitizer report", [], reports)


def run_parts(parts, usage, arguments):
    """Runs those that have the second argument in their name: the exit status."""
    if len(arguments) not in (1, 2):
        print(usage, file=sys.stderr)
        return 64
    cases = Cases()
    try:
        for function in parts:
            if len(arguments) == 1 or arguments[1] in function.__name__:
                cases.run_part(function, os.path.abspath(arguments[0]))
        check_ends(cases)
    finally:
        stop_all()
        remove_all()
    return cases.finish()
