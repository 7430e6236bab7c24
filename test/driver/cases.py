"""What the test scripts share: cases, one line each, in parts; and how they wait.

No test depends on speed: what is waited for is an event, and how long is a limit that no machine
reaches on which it comes at all.
"""

import time

PATIENCE = 120    # seconds, for one event; a machine that is very busy needs some of them
SKIPPED = 77      # as ctest has it
SHOWN = 2000    # as much of a value


def cut(value):
    text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN // 2] + " ... " + text[-SHOWN // 2:]


def wait_for(condition, seconds=PATIENCE):
    """What the condition gives as soon as that is true, or what it gives at the end."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() >= end:
            return value
        time.sleep(0.01)


class Cases:
    def __init__(self):
        self.passed = self.failed = 0
        self.skipped = []

    def same(self, name, expected, got):
        good = expected == got
        self.passed += good
        self.failed += not good
        print(f"ok - {name}" if good else
              f"not ok - {name}: expected {cut(expected)}, got {cut(got)}", flush=True)

    def has(self, name, part, text):
        """Whether the text has the part; it is shown whole where it has not."""
        self.same(name, part, part if part in text else text)

    def run(self, name, expected, function, *arguments):
        """As same(), of what a function gives; what it raises is what was got."""
        try:
            got = function(*arguments)
        except Exception as error:    # whatever it is, it is not what was expected
            got = f"{type(error).__name__}: {error}"
        self.same(name, expected, got)

    def run_part(self, function, program):
        """What ends a part early is a failure; the others go on."""
        print(f"# {function.__name__}", flush=True)
        try:
            function(self, program)
        except Exception as error:    # see above
            self.same(f"{function.__name__} comes to its end", "its end",
                      f"{type(error).__name__}: {error}")

    def skip(self, name, why):
        """What cannot be tried here is neither good nor bad, and is said at the end too."""
        self.skipped.append(f"skipped - {name}: {why}")
        print(self.skipped[-1], flush=True)

    def finish(self):
        """Prints the summary: the exit status."""
        print(*self.skipped, f"{self.passed} passed, {self.failed} failed, "
              f"{len(self.skipped)} skipped", sep="\n")
        if self.failed or not self.passed + len(self.skipped):
            return 1
        return SKIPPED if self.skipped else 0
