"""What the tests of the command line share: their parts, and a folder with a configuration."""

import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../driver"))
from cases import Cases, PATIENCE  # noqa: E402


def run_parts(parts, usage, arguments):
    """Runs those that have the second argument in their name: the exit status."""
    if len(arguments) not in (1, 2):
        print(usage, file=sys.stderr)
        return 64
    cases = Cases()
    for function in parts:
        if len(arguments) == 1 or arguments[1] in function.__name__:
            cases.run_part(function, arguments[0])
    return cases.finish()


class Done:
    """What a command said; the folder's name is left out of it."""

    def __init__(self, status, out, err, raw_out=b"", raw_err=b""):
        self.status, self.out, self.err = status, out, err
        self.raw_out, self.raw_err = raw_out, raw_err

    def all(self):
        return self.status, self.out, self.err


class Folder:
    """files is {name: text}; a text of bytes is written as it is."""

    def __init__(self, program, files):
        self.program = os.path.abspath(program)
        self.path = tempfile.mkdtemp(prefix="authgate-commands.")
        for name, text in files.items():
            self.write(name, text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def name(self, name):
        return os.path.join(self.path, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.name(name)), exist_ok=True)
        with open(self.name(name), "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())

    def read(self, name):
        with open(self.name(name), encoding="utf-8") as file:
            return file.read()

    def clean(self, raw):
        return raw.decode(errors="replace").replace(self.path + "/", "")

    def run(self, *arguments, stdin=b"", **options):
        done = subprocess.run([self.program, *arguments], input=stdin, capture_output=True,
                              timeout=PATIENCE, check=False, **options)
        return Done(done.returncode, self.clean(done.stdout), self.clean(done.stderr), done.stdout,
                    done.stderr)

    def command(self, command, *arguments, **options):
        """As run(), with the folder's authgate.ini."""
        return self.run(command, "-c", self.name("authgate.ini"), *arguments, **options)
