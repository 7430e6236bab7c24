"""The frame of a script that tests with real MTAs: options, root, time, report, exit status."""

import argparse
import os
import sys

import process
from cases import SKIPPED
from process import Failure

OPTIONS = {"only": "what has this in its name",
           "syslog": "what syslog_file.c is built as",
           "packages": "a folder that holds Sendmail's packages already"}


class Report:
    """One line for everything that was tried."""

    def __init__(self):
        self.total = self.bad = 0

    def line(self, name, wrong, said="", details=()):
        self.total += 1
        self.bad += bool(wrong)
        print(f"{'not ok' if wrong else 'ok    '} {self.total:3} {name}"
              f"{f': {shortened(said, 120)}' if said and not wrong else ''}")
        for each in [*wrong, *(details if wrong else ())]:
            print(f"           {each}")
        sys.stdout.flush()

    def status(self, skipped):
        print(f"{self.total - self.bad} of {self.total} ok")
        if skipped:
            print(f"skipped: {skipped}")
        if self.bad:
            return 1
        if skipped:
            return SKIPPED
        return 0 if self.total else 1


def shortened(text, length):
    return text if len(text) <= length else f"{text[:length]}..."


def parse_arguments(description, options):
    parser = argparse.ArgumentParser(description=description.split("\n", 1)[0])
    parser.add_argument("--authgate", required=True, help="the program")
    for name in options:
        parser.add_argument(f"--{name}", default="", help=OPTIONS[name])
    return parser.parse_args()


def run(description, options, work):
    """Does the work, which takes the arguments and a report and gives back why part of it was
    skipped, or nothing: the exit status."""
    arguments = parse_arguments(description, options)
    if os.geteuid() != 0:
        print("skipped: needs root, as the MTAs do")
        return SKIPPED
    process.leave_on_signals()
    report, skipped = Report(), None
    try:
        skipped = work(arguments, report)
    except Failure as failure:
        report.line("the test itself", str(failure).splitlines())
    return report.status(skipped)
