"""The programs that are measured and that measure: started, watched, ended.

Everything listens on unix sockets in a scratch folder or on loopback ports. Only what was started
here is ended, by its process id.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time

from process import ENVIRONMENT, Failure, Started, wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 60      # a million entries are read before the socket opens
STOP_SECONDS = 60


def command(*words, seconds=600):
    """Runs a command that must work: what it wrote."""
    try:
        done = subprocess.run(words, env=ENVIRONMENT, stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(f"{os.path.basename(words[0])}: {error}") from error
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().split("\n")[-1]
        raise Failure(f"{os.path.basename(words[0])} ended with {done.returncode}: {last}")
    return done.stdout


class Daemon(Started):
    """A process that answers on a socket: unix:PATH or inet:PORT@127.0.0.1."""

    def __init__(self, name, words, place, log=None):
        """log: a file for what it writes; without, it is thrown away."""
        self.name, self.words, self.place, self.log_name = name, words, place, log
        self.process = None

    def start(self):
        with open(self.log_name or os.devnull, "wb") as log:
            try:
                self.process = subprocess.Popen(self.words, env=ENVIRONMENT, cwd="/",
                                                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                start_new_session=True)
            except OSError as error:
                raise Failure(f"{self.name}: {error}") from error
        wait_for(lambda: self.has_ended() or self.answers(), START_SECONDS)
        if self.has_ended() or not self.answers():
            raise Failure(f"{self.name} does not start{self.last_words()}")

    def last_words(self):
        if not self.log_name:
            return ""
        with open(self.log_name, encoding="utf-8", errors="replace") as log:
            return ": " + " | ".join(log.read().strip().split("\n")[-2:])

    def has_ended(self):
        return self.process.poll() is not None

    def answers(self):
        kind, _, where = self.place.partition(":")
        family = socket.AF_UNIX if kind == "unix" else socket.AF_INET
        port, _, host = where.partition("@")
        with socket.socket(family) as probe:
            probe.settimeout(5)
            try:
                probe.connect(where if kind == "unix" else (host, int(port)))
            except OSError:
                return False
            return True

    def stop(self):
        """Hard when it does not heed the signal: libmilter looks for it every five seconds."""
        if self.process is None or self.has_ended():
            return
        self.process.send_signal(self.stop_signal())
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_SECONDS)

    def stop_signal(self):
        return signal.SIGTERM

    # ---- what it costs ----

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self, name="Rss"):
        """Bytes: Rss or Pss."""
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="ascii") as file:
            for line in file:
                if line.startswith(name + ":"):
                    return int(line.split()[1]) * 1024
        raise Failure(f"no {name} in smaps_rollup")

    def forget_peak(self):
        with open(f"/proc/{self.process.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")

    def peak(self):
        """Bytes: the most that it had resident since forget_peak()."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        raise Failure("no VmHWM")


class Noop(Daemon):
    """Nothing of it is worth a wait at its end."""

    def stop_signal(self):
        return signal.SIGKILL


class Forking(Daemon):
    """One that goes into the background by itself, and writes its process id to a file."""

    def __init__(self, name, words, place, log, pid_file):
        super().__init__(name, words, place, log)
        self.pid_file, self.found = pid_file, None

    def start(self):
        try:
            super().start()
        finally:
            self.found = wait_for(self.read_pid, 2)

    def has_ended(self):
        """Its first process ends; only a bad end counts."""
        return self.process.poll() not in (None, 0)

    def read_pid(self):
        """(id, the time of its start), which nothing else can have."""
        try:
            with open(self.pid_file, encoding="ascii") as file:
                pid = int(file.read())
            return pid, self.start_time(pid)
        except (OSError, ValueError):
            return None

    @staticmethod
    def start_time(pid):
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[19]

    def is_alive(self):
        try:
            return self.start_time(self.found[0]) == self.found[1]
        except OSError:
            return False

    def stop(self):
        super().stop()
        if self.found and self.is_alive():
            os.kill(self.found[0], signal.SIGTERM)
            if not wait_for(lambda: not self.is_alive(), STOP_SECONDS):
                os.kill(self.found[0], signal.SIGKILL)


class Bench:
    """What the parts share: the programs, the scratch folder, the data, the scale."""

    def __init__(self, build, authgate, scratch, scale, say):
        self.tools = os.path.join(build, "test/bench")
        self.authgate_program = authgate
        self.data_folder = os.path.join(build, "data")
        self.scratch, self.scale, self.say = scratch, scale, say
        self.count = 0

    def tool(self, name):
        return os.path.join(self.tools, f"bench_{name}")

    @contextlib.contextmanager
    def memory_folder(self):
        """A folder that no disk slows down, where there is one; in the scratch folder else."""
        self.count += 1
        memory = "/dev/shm" if os.path.ismount("/dev/shm") else self.scratch
        folder = os.path.join(memory, f"{os.path.basename(self.scratch)}.{self.count}")
        os.makedirs(folder)
        os.chmod(folder, 0o755)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    # ---- data ----

    def data(self, entries):
        """The folder with that many; made once, kept in the build folder."""
        import data
        folder = os.path.join(self.data_folder, str(entries))
        mark = os.path.join(folder, "complete")
        if self.read(mark) != data.mark():
            self.say(f"making the data with {entries:,} entries")
            shutil.rmtree(folder, ignore_errors=True)
            data.make(folder, entries)
        return folder

    @staticmethod
    def read(path):
        try:
            with open(path, encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def sessions(self, entries=None, kind="pass"):
        return os.path.join(self.data(entries or self.scale.full), f"{kind}.sessions")

    def config(self, entries, empty=(), change=None):
        """A configuration of its own on that data: (path of authgate.ini, place of the socket).

        empty: names of files that are left empty; change: a function of the text of authgate.ini.
        """
        import data
        self.count += 1
        folder = os.path.join(self.scratch, f"c{self.count}")
        place = f"unix:{folder}/socket"
        data.write_ini(folder, entries, place)
        for name in ("kill4.list", "kill6.list", "names.list", "domains.list", "senders.map",
                     "relay.list", "domains"):
            source = os.path.join(self.data(entries), name)
            if name in empty:
                if name != "domains":
                    data.write(folder, name, [])
            elif os.path.exists(source):
                os.symlink(source, os.path.join(folder, name))
        path = os.path.join(folder, "authgate.ini")
        if change:
            text = change(self.read(path))
            data.write(folder, "authgate.ini", [text])
        # files of this very moment would be read once more as soon as it runs
        time.sleep(0.1)
        return path, place

    # ---- subjects ----

    def authgate(self, name, entries, keep_log=False, change=None):
        """Log lines go to a file or nowhere: refusals alone are logged, accepted mail is not."""
        config, place = self.config(entries, change=change)
        log = os.path.join(os.path.dirname(config), "log") if keep_log else None
        state = os.path.join(os.path.dirname(config), "state")
        return Daemon(name, [self.authgate_program, "run", "-c", config, "--stderr",
                             "--state-dir", state], place, log)

    def noop(self, name, *options):
        self.count += 1
        place = f"unix:{self.scratch}/n{self.count}"
        return Noop(name, [self.tool("noop"), *options, place], place)

    # ---- load ----

    def start_load(self, daemon, source, seconds=None, **options):
        """Begins; calling what it gives waits: what the load generator counted, and cpu_us, the
        CPU time that the daemon took for a session."""
        seconds = seconds or self.scale.seconds
        words = [self.tool("load"), "--sessions-from", source, "--seconds", str(seconds)]
        for name, value in options.items():
            words.append(f"--{name}")
            words += [] if value is True else [str(value)]
        before = daemon.cpu_seconds()
        process = subprocess.Popen([*words, daemon.place], env=ENVIRONMENT, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)

        def finish():
            try:
                out, errors = process.communicate(timeout=seconds + 120)
            except subprocess.TimeoutExpired as error:
                process.kill()
                process.communicate()
                raise Failure(f"{daemon.name}: {error}") from error
            if process.returncode != 0 or daemon.has_ended():
                raise Failure(f"{daemon.name}: {errors.strip() or 'it ended'}")
            return self.with_cpu(daemon, json.loads(out), before, errors)
        return finish

    @staticmethod
    def with_cpu(daemon, figures, before, errors):
        if not figures["sessions"]:
            raise Failure(f"{daemon.name}: no session came to an end: {errors.strip()}")
        figures["cpu_us"] = 1e6 * (daemon.cpu_seconds() - before) / figures["sessions"]
        figures["said"] = errors.strip()
        return figures

    def load(self, daemon, source, seconds=None, **options):
        if self.scale.sessions:
            options.setdefault("sessions", self.scale.sessions)
        return self.start_load(daemon, source, seconds, **options)()
