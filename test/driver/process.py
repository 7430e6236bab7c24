"""What a test that starts programs needs: a folder, signals, waiting, commands, ports.

Standard library only.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from cases import PATIENCE, wait_for    # for those who start programs

# sudo and cron may come without the sbin folders.
ENVIRONMENT = {**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


class Failure(Exception):
    """Something did not start, stop or answer as it must; the text says what."""


@contextlib.contextmanager
def scratch_folder():
    """A folder that Postfix' unprivileged users can enter; gone afterwards.

    /tmp, and not $TMPDIR: that may be private to root, and a unix socket's path must be short.
    """
    path = tempfile.mkdtemp(prefix="authgate-", dir="/tmp")
    try:
        os.chmod(path, 0o755)
        yield path
    finally:
        remove_folder(path)


def remove_folder(path):
    """Postfix' children may outlive their master by a moment and still write: try again."""
    for _ in range(10 * PATIENCE):
        shutil.rmtree(path, ignore_errors=True)
        if not os.path.exists(path):
            return
        time.sleep(0.1)
    shutil.rmtree(path)


def leave_on_signals():
    """SIGTERM and SIGHUP end the program as Ctrl-C does: through every `with` block.

    Only the first signal counts, so that an impatient second one does not end the cleaning up.
    """
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def leave(number, _frame):
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for number in numbers:
        signal.signal(number, leave)


def run(*command, give="", seconds=10 * PATIENCE, environment=None):
    """A command that must work; what it said becomes the failure's text."""
    try:
        result = subprocess.run(command, input=give, env=environment or ENVIRONMENT, text=True,
                                timeout=seconds, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(str(error)) from error
    if result.returncode != 0:
        raise Failure(f"{' '.join(command)}: status {result.returncode}\n{result.stdout}")
    return result.stdout


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def free_ports(count):
    """Held all at once, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class Started:
    """What start() starts and stop() ends, for a `with` block; stop() can be called at any time."""

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        raise NotImplementedError

    def stop(self):
        raise NotImplementedError
