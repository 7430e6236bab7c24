"""The parts of the measurement but Postfix's: each takes a Bench and gives its figures.

Figures that are compared come from runs in turn, and a ratio is the median of the ratios of
neighbours, so that what else the machine does counts for both.
"""

import contextlib
import json
import os
import shutil
import statistics
import time

import milter    # the client of test/wire
from programs import Daemon, command
from process import Failure, wait_for

SAME = ("--silent-mail", "--macros", "--small")     # what authgate with a kill list negotiates


def median(values):
    return statistics.median(values) if values else None


def in_turn(bench, jobs, rounds=None):
    """jobs: {name: function}; what each gave in each round: {name: [figures, ...]}."""
    found = {name: [] for name in jobs}
    rounds = rounds or bench.scale.rounds
    for turn in range(rounds):
        for name, job in jobs.items():
            bench.say(f"round {turn + 1} of {rounds}: {name}")
            found[name].append(job())
    return found


def value(figures, key):
    """sessions_per_s, or rcpt_us.p99."""
    for name in key.split(".", 1):
        figures = figures[name]
    return figures


def ratio(found, name, other, key):
    """The median ratio of neighbours; None when it was not counted."""
    pairs = [(value(a, key), value(b, key)) for a, b in zip(found[name], found[other])]
    return median([a / b for a, b in pairs if b])


def summary(runs):
    """The medians that a reader asks for, and the sums of what must not be."""
    return {"sessions_per_s": median([run["sessions_per_s"] for run in runs]),
            "commands_per_s": median([run["commands_per_s"] for run in runs]),
            "cpu_us_a_session": median([run["cpu_us"] for run in runs]),
            **{f"{stage}_{at}_us": median([run[f"{stage}_us"][at] for run in runs])
               for stage in ("connect", "mail", "rcpt", "end") for at in ("p50", "p99", "p99.9")
               if all(run[f"{stage}_us"]["n"] for run in runs)},
            "max_us": max(run["rcpt_us"]["max"] for run in runs),
            "errors": sum(run["errors"] for run in runs),
            "unexpected": sum(run["unexpected"] for run in runs)}


def summaries(found):
    return {name: summary(runs) for name, runs in found.items()}


def fail_on_errors(found):
    for name, runs in found.items():
        errors = sum(run["errors"] + run["unexpected"] for run in runs)
        if errors:
            said = next((run["said"] for run in runs if run["said"]), "")
            raise Failure(f"{name}: {errors} sessions failed or had a wrong answer: {said}")


# ---------------------------------------------------------------- tables

LISTS = ("kill4.list", "kill6.list", "names.list", "domains.list", "senders.map", "relay.list",
         "domains")
# name: (files that are full, options of the program, the stage that asks the table)
TABLES = {"nothing": ((), (), "all"),
          "IPv4 networks": (("kill4.list",), ("--family", "4"), "connect"),
          "IPv6 networks": (("kill6.list",), ("--family", "6"), "connect"),
          "sender map": (("senders.map",), ("--logins",), "mail"),
          "domains": (("domains.list",), (), "rcpt"),
          "domain files": (("domains",), (), "rcpt"),
          "all": (LISTS, (), "all")}


def table_figures(bench, entries, full, options):
    empty = [name for name in LISTS if name not in full]
    config, _ = bench.config(entries, empty=empty)
    return json.loads(command(bench.tool("tables"), "--rounds", str(bench.scale.rounds), *options,
                              config, bench.sessions(entries)))


def table_entries(name, entries):
    return {"domains": entries // 10, "domain files": entries // 1000,
            "all": 3 * entries + entries // 10}.get(name, entries)


def tables(bench):
    """Each table alone and all together, at each size."""
    found = []
    for entries in bench.scale.sizes:
        empty = {}
        for name, (full, options, stage) in TABLES.items():
            bench.say(f"tables: {name}, {entries:,} entries")
            got = table_figures(bench, entries, full, options)
            if not full:
                empty[options] = got
            elif options not in empty:
                empty[options] = table_figures(bench, entries, (), options)
            count = table_entries(name, entries)
            if count:
                found.append(one_table(name, entries, count, stage, got, empty[options]))
    return {"tables": found}


def one_table(name, entries, count, stage, got, empty):
    """The figures of one table, and what they are more than those of an empty one."""
    times = {}
    for kind in ("hot_ns", "random_ns"):
        times[kind] = got[kind][stage]
        times[f"{kind}_over_empty"] = got[kind][stage] - empty[kind][stage]
    return {"table": name, "data": entries, "entries": count, "stage": stage, **times,
            "bytes": got["bytes"], "bytes_an_entry": got["bytes"] / count,
            "peak_bytes": got["peak_bytes"], "load_ms": got["load_ms"]}


# ---------------------------------------------------------------- the milter alone

def rates_to_noop(found, subject, ways):
    return {way: ratio(found, f"{subject} {way}", f"noop {way}", "sessions_per_s") for way in ways}


def milter_part(bench):
    """authgate, plain noop and tuned noop in turn, as an MTA with several processes asks."""
    crowd, sessions = bench.scale.crowd, bench.sessions()
    with bench.authgate("authgate, full data", bench.scale.full) as full, \
            bench.authgate("authgate, one entry a table", 1) as one, \
            bench.authgate("authgate, empty tables", 0) as empty, \
            bench.noop("noop") as noop, bench.noop("tuned noop", "--tuned") as tuned, \
            bench.noop("noop, same negotiation", *SAME) as same:

        def loads(daemon, **options):
            return lambda: bench.load(daemon, sessions, **options)

        ways = {"16": {}, "crowd": {"connections": crowd},
                "thinking": {"connections": crowd, "think": 3}}
        subjects = {"noop": noop, "same": same, "full": full, "empty": empty, "one": one,
                    "tuned": tuned}
        found = in_turn(bench, {f"{name} {way}": loads(daemon, **how)
                                for way, how in ways.items() for name, daemon in subjects.items()
                                if way == "16" or name not in ("empty", "one")})
        refusing = bench.load(full, bench.sessions(kind="mixed"), check=True)
    fail_on_errors(found)
    fail_on_errors({"authgate, some refused": [refusing]})
    return {"crowd": crowd, "runs": summaries(found), "some_refused": summary([refusing]),
            "cpu_to_same_noop": ratio(found, "full 16", "same 16", "cpu_us"),
            "rate_to_noop": rates_to_noop(found, "full", ways),
            "tuned_rate_to_noop": rates_to_noop(found, "tuned", ways),
            "same_rate_to_noop": rates_to_noop(found, "same", ways),
            "full_to_empty": {"rate": ratio(found, "full 16", "empty 16", "sessions_per_s"),
                              "p99": ratio(found, "full 16", "empty 16", "rcpt_us.p99")},
            "full_to_one": {"rate": ratio(found, "full 16", "one 16", "sessions_per_s"),
                            "p99": ratio(found, "full 16", "one 16", "rcpt_us.p99")}}


# ---------------------------------------------------------------- growth

def growth(bench):
    """What grows with the entries, with the connections, and with those that say nothing."""
    return {"entries": grow_entries(bench), **grow_connections(bench)}


def brief_load(bench, daemon, sessions, **options):
    return bench.load(daemon, sessions, seconds=bench.scale.few_seconds, **options)


def grow_entries(bench):
    found = {}
    with contextlib.ExitStack() as stack:
        daemons = {n: stack.enter_context(bench.authgate(f"authgate, {n:,} entries", n))
                   for n in bench.scale.sizes}
        memory = {n: daemon.memory() for n, daemon in daemons.items()}
        found = in_turn(bench, {n: lambda d=daemon, n=n: brief_load(bench, d, bench.sessions(n))
                                for n, daemon in daemons.items()}, bench.scale.few_rounds)
    fail_on_errors(found)
    return [{"entries": n, "memory_bytes": memory[n], **summary(runs)}
            for n, runs in found.items()]


def grow_connections(bench):
    sessions = bench.sessions()
    with bench.authgate("authgate", bench.scale.full) as full, bench.noop("noop") as noop, \
            bench.noop("tuned noop", "--tuned") as tuned:
        subjects = {"authgate": full, "noop": noop, "tuned noop": tuned}
        jobs = {(name, "active", n):
                lambda d=daemon, n=n: brief_load(bench, d, sessions, connections=n)
                for n in bench.scale.connections for name, daemon in subjects.items()}
        # beside sixteen active ones
        jobs.update({(name, "idle", n):
                     lambda d=daemon, n=n: brief_load(bench, d, sessions, idle=n)
                     for n in (0, bench.scale.idle) for name, daemon in subjects.items()})
        found = in_turn(bench, jobs, bench.scale.few_rounds)
    fail_on_errors(found)
    return {kind: [{"subject": name, "connections": n, **summary(runs)}
                   for (name, which, n), runs in found.items() if which == kind]
            for kind in ("active", "idle")}


# ---------------------------------------------------------------- reload and memory

class Reloads:
    """authgate with a list of its own that is replaced, and the log that tells when."""

    def __init__(self, bench, daemon):
        self.bench, self.daemon = bench, daemon
        self.folder = os.path.dirname(daemon.words[3])
        self.path = os.path.join(self.folder, "kill4.list")
        self.text = bench.read(self.path)

    def generations(self):
        """How many policies have been in force, that of the start included."""
        with open(self.daemon.log_name, "rb") as log:
            return sum(b"policy gen=" in line for line in log)

    def replace(self, number):
        """One more entry, of which no client is, in one step."""
        with open(self.path + ".new", "w", encoding="ascii") as file:
            file.write(self.text)
            file.write("192.0.2.%d\n" % (number % 256))
        os.rename(self.path + ".new", self.path)

    def replace_and_wait(self, number, seconds=60):
        before = self.generations()
        start = time.monotonic()
        self.replace(number)
        if not wait_for(lambda: self.generations() > before, seconds):
            raise Failure(f"a changed list is not taken within {seconds} s")
        return time.monotonic() - start

    def replace_under_load(self, sessions, seconds, every):
        """A list every so many seconds while the load lasts: the load's figures."""
        end = time.monotonic() + seconds - 1
        load = self.bench.start_load(self.daemon, sessions, seconds, check=True)
        number = 0
        while time.monotonic() < end:
            number += 1
            self.replace(number)
            time.sleep(every)
        return load()


def memory_of_connections(bench, daemon, count):
    """Bytes of each connection that is in the middle of a message."""
    path = daemon.place.partition(":")[2]
    before = daemon.memory()
    open_ones = []
    try:
        for number in range(count):
            one = milter.Milter(path)
            open_ones.append(one)
            one.connect(macros={"{daemon_name}": "smtp", "{daemon_port}": "25"})
            one.mail(f"<sender{number}@elsewhere.invalid>")
            one.rcpt("<postmaster@realm.example>")
        return (daemon.memory() - before) / count
    finally:
        for one in open_ones:
            one.hang_up()


# seconds in which the policy that was replaced is freed, after the log's line about the new one
AFTERWARDS = 3


def reload(bench):
    """The kill list replaced under load, and what authgate holds in memory."""
    scale = bench.scale
    daemon = bench.authgate("authgate", scale.full, keep_log=True)
    kill_list = os.path.join(os.path.dirname(daemon.words[3]), "kill4.list")
    os.remove(kill_list)
    shutil.copyfile(os.path.join(bench.data(scale.full), "kill4.list"), kill_list)
    with daemon:
        memory = daemon.memory()
        connection = memory_of_connections(bench, daemon, scale.held)
        mixed = bench.sessions(kind="mixed")
        bench.say("load without reloads")
        calm = bench.load(daemon, mixed, seconds=scale.calm_seconds, check=True)
        base = daemon.memory()
        daemon.forget_peak()
        reloads = Reloads(bench, daemon)
        first = reloads.generations()
        bench.say("load with reloads")
        busy = reloads.replace_under_load(mixed, scale.reload_seconds, scale.reload_every)
        under_load = reloads.generations() - first
        peak = daemon.peak()
        took = repeat_reloads(bench, reloads, under_load)
        time.sleep(AFTERWARDS)
        after = daemon.memory()
    if not under_load:
        raise Failure("no reload under load was seen")
    return {"memory_bytes": memory, "peak_bytes": peak, "connection_bytes": connection,
            "calm": summary([calm]), "busy": summary([busy]), "reloads_under_load": under_load,
            "reloads": under_load + len(took), "reload_seconds": median(took),
            "failed": busy["errors"] + busy["unexpected"],
            "p99_ratio": busy["rcpt_us"]["p99"] / calm["rcpt_us"]["p99"],
            "p99.9_ratio": busy["rcpt_us"]["p99.9"] / calm["rcpt_us"]["p99.9"],
            "memory_before_bytes": base, "memory_after_bytes": after,
            "memory_growth": after / base - 1}


def repeat_reloads(bench, reloads, done):
    """More of them, without load, until there were enough or the time is over."""
    end = time.monotonic() + bench.scale.more_reload_seconds
    took = []
    while not took or (done + len(took) < bench.scale.reloads and time.monotonic() < end):
        bench.say(f"reload {done + len(took) + 1} of {bench.scale.reloads}")
        took.append(reloads.replace_and_wait(done + len(took)))
    return took


# ---------------------------------------------------------------- peers

PYMILTER = """\
import sys
import Milter

class Noop(Milter.Base):
    def connect(self, name, family, address):
        return Milter.CONTINUE

    def envfrom(self, sender, *words):
        return Milter.CONTINUE

    def envrcpt(self, recipient, *words):
        return Milter.CONTINUE

Milter.factory = Noop
Milter.runmilter("noop", sys.argv[1], 600)
"""
OPENDKIM = "Mode v\nSyslog no\nUMask 000\nPidFile {folder}/opendkim.pid\n"
OPENDMARC = ("Syslog false\nUMask 000\nPidFile {folder}/opendmarc.pid\nRejectFailures false\n"
             "AuthservID mx.example.com\n")


def peer(bench, name):
    """One of Debian's milters, with the least that it can be told."""
    folder = os.path.join(bench.scratch, name)
    os.makedirs(folder)
    place = f"unix:{folder}/s"
    if name == "python3-milter":
        with open(f"{folder}/noop.py", "w", encoding="ascii") as file:
            file.write(PYMILTER)
        words = ["/usr/bin/python3", f"{folder}/noop.py", place]
    else:
        text = OPENDKIM if name == "opendkim" else OPENDMARC
        with open(f"{folder}/conf", "w", encoding="ascii") as file:
            file.write(text.format(folder=folder))
        words = [f"/usr/sbin/{name}", "-f", "-c" if name == "opendmarc" else "-x",
                 f"{folder}/conf", "-p", place]
    return Daemon(name, words, place, f"{folder}/log")


def peers(bench):
    """Other milters, asked the same; messages are given up after their recipients."""
    sessions = bench.sessions()
    with contextlib.ExitStack() as stack:
        daemons = {"noop": stack.enter_context(bench.noop("noop")),
                   "authgate": stack.enter_context(bench.authgate("authgate", bench.scale.full))}
        for name in ("opendkim", "opendmarc", "python3-milter"):
            daemons[name] = stack.enter_context(peer(bench, name))
        found = in_turn(bench, {name: lambda d=daemon: brief_load(bench, d, sessions)
                                for name, daemon in daemons.items()})
    fail_on_errors(found)
    return {"runs": summaries(found),
            "rate_to_noop": {name: ratio(found, name, "noop", "sessions_per_s")
                             for name in found}}


# ---------------------------------------------------------------- the archive

def archive(bench):
    """The CPU time of copies, beside that of a noop that throws the content away; no disk."""
    with bench.memory_folder() as folder:
        return measure_archive(bench, folder)


def measure_archive(bench, folder):
    def switched_on(text):
        return text + f"\n[archive]\nenabled = yes\ndir = {folder}\nmin_free = 0\n"

    def load(daemon):
        for name in os.listdir(folder):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
        return bench.load(daemon, bench.sessions(), end="data", body=bench.scale.body,
                          sessions=bench.scale.archived)

    with bench.authgate("authgate with [archive]", bench.scale.full, keep_log=True,
                        change=switched_on) as full, \
            bench.noop("noop", "--content", *SAME) as noop:
        found = in_turn(bench, {"noop that takes the content": lambda: load(noop),
                                "authgate with archive": lambda: load(full)})
        kept = sum(len(files) for _, _, files in os.walk(folder))
    fail_on_errors(found)
    wanted = found["authgate with archive"][-1]["ok"]
    if kept != wanted:
        raise Failure(f"{kept} copies of {wanted} messages were kept")
    return {"runs": summaries(found), "body_bytes": bench.scale.body,
            "in_memory": folder.startswith("/dev/shm"),
            "cpu_to_noop": ratio(found, "authgate with archive", "noop that takes the content",
                                 "cpu_us")}
