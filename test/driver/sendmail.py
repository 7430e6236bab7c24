"""A private Sendmail, from Debian's packages, in a network and with a host name of its own.

Nothing is installed: Postfix and Sendmail exclude each other as packages, so these are unpacked
into a temporary folder. Mail that Sendmail takes stays in its queue, where a test reads it.

    with scratch_folder() as folder:
        packages = Packages(folder)        # from the network, so before leaving it
        private_network(["192.0.2.1"])
        with Authgate(binary, folder, files) as authgate, \\
                Sendmail(packages, folder, authgate.milter) as sendmail:
            client = Client(sendmail.doors["open"], "192.0.2.1")

Needs root, and the right to make namespaces. Standard library only.
"""

import contextlib
import ctypes
import fcntl
import glob
import ipaddress
import os
import re
import shutil
import signal
import smtplib
import socket
import struct
import subprocess

import postfix
from postfix import HOSTNAME, LOGINS, REALM, SASL_CONF, reply_text
from process import ENVIRONMENT, Failure, PATIENCE, Started, run, write, wait_for


class Unavailable(Failure):
    """This machine cannot have a private Sendmail; the text says why."""


# ---------------------------------------------------------------- the programs

class Packages:
    """sendmail, its configuration's sources and m4, unpacked below a folder."""

    # libsigsegv2 is m4's; whatever else Sendmail links with, Postfix and the SASL tools bring.
    NAMES = ("sendmail-bin", "sendmail-cf", "libwrap0", "m4", "libsigsegv2")

    def __init__(self, folder, downloads=None):
        """downloads: a folder that holds the packages already."""
        self.folder = os.path.join(folder, "packages")
        self.tree = os.path.join(self.folder, "tree")
        os.makedirs(self.tree)
        for package in self.packages(downloads):
            run("dpkg", "-x", package, self.tree)
        self.environment = {**ENVIRONMENT, "LD_LIBRARY_PATH": self.libraries()}
        self.sendmail = self.without_set_gid()
        self.complain_of_missing_libraries()

    def packages(self, downloads):
        if not downloads:
            downloads = self.folder
            self.download()
        found = [path for name in self.NAMES for path in glob.glob(f"{downloads}/{name}_*.deb")]
        if len(found) != len(self.NAMES):
            raise Unavailable(f"{downloads} does not hold one each of {' '.join(self.NAMES)}")
        return found

    def download(self):
        command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=1",
                   "-o", "Acquire::http::Timeout=60", "download", *self.NAMES]
        try:
            result = subprocess.run(command, cwd=self.folder, env=ENVIRONMENT, text=True,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, timeout=10 * PATIENCE, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"Sendmail's packages: {error}") from error
        if result.returncode != 0:
            reasons = re.findall(r"(?m)^E: .*", result.stdout) or ["apt-get failed"]
            raise Unavailable(f"Sendmail's packages cannot be had: {reasons[0]}")

    def libraries(self):
        return ":".join(glob.glob(f"{self.tree}/usr/lib/*-linux-gnu*")
                        + glob.glob(f"{self.tree}/lib/*-linux-gnu*"))

    def without_set_gid(self):
        """With it Sendmail would give up root, and the loader would not look into our folder."""
        path = os.path.join(self.folder, "sendmail")
        shutil.copyfile(f"{self.tree}/usr/libexec/sendmail/sendmail", path)
        os.chmod(path, 0o755)
        return path

    def complain_of_missing_libraries(self):
        for program in (self.sendmail, f"{self.tree}/usr/bin/m4"):
            said = subprocess.run(["ldd", program], env=self.environment, text=True,
                                  stdout=subprocess.PIPE, check=False).stdout
            missing = re.findall(r"(\S+) => not found", said)
            if missing:
                raise Unavailable(f"{os.path.basename(program)} lacks {' '.join(missing)}")

    def m4(self, text):
        # On stderr it warns of the open relay; that is wanted here.
        result = subprocess.run(
            [f"{self.tree}/usr/bin/m4", f"-D_CF_DIR_={self.tree}/usr/share/sendmail/cf/",
             f"{self.tree}/usr/share/sendmail/cf/m4/cf.m4", "-"],
            input=text, env=self.environment, text=True, timeout=PATIENCE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if result.returncode != 0:
            raise Failure(f"m4: {result.stderr}")
        return result.stdout


# ---------------------------------------------------------------- the network

CLONE_NEWUTS, CLONE_NEWNET = 0x04000000, 0x40000000
SIOCSIFFLAGS, SIOCGIFINDEX = 0x8914, 0x8933
SIOCSIFADDR, SIOCSIFNETMASK = 0x8916, 0x891C
IFF_UP = 1


def private_network(addresses):
    """Puts this process, and what it starts, into a network that has only a loopback interface,
    with these addresses on it: a client may come from any of them, every port is free, and no
    question leaves the machine. With it goes a host name with a domain: without one Sendmail
    sleeps for a minute at its start.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET | CLONE_NEWUTS) != 0:
        raise Unavailable(f"no network of our own: {os.strerror(ctypes.get_errno())}")
    try:
        socket.sethostname(HOSTNAME)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            interface_up(control, "lo")
            for number, address in enumerate(each for each in addresses if ":" not in each):
                add_ipv4(control, f"lo:{number}", address)
        for address in (each for each in addresses if ":" in each):
            add_ipv6("lo", address)
    except OSError as error:
        raise Unavailable(f"no network of our own: {error}") from error


def interface_up(control, name):
    fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", name.encode(), IFF_UP))


def add_ipv4(control, alias, address):
    """An alias of an interface for each address, as ifconfig does it."""
    for request, value in ((SIOCSIFADDR, address), (SIOCSIFNETMASK, "255.255.255.255")):
        fcntl.ioctl(control, request, struct.pack(
            "16sHH4s8x", alias.encode(), socket.AF_INET, 0, socket.inet_aton(value)))


def add_ipv6(name, address):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as control:
        answer = fcntl.ioctl(control, SIOCGIFINDEX, struct.pack("16si12x", name.encode(), 0))
        index = struct.unpack("16si12x", answer)[1]
        fcntl.ioctl(control, SIOCSIFADDR, struct.pack(
            "16sIi", ipaddress.IPv6Address(address).packed, 128, index))


# ---------------------------------------------------------------- authgate

class Authgate(postfix.Authgate):
    """As for Postfix, but Sendmail asks as root and needs no group of its own."""

    def milter_section(self):
        return (f"[milter]\nsocket = {self.milter.for_authgate}\nengine = {postfix.ENGINE}\n"
                f"{self.milter_options}\n")


# ---------------------------------------------------------------- Sendmail

# The filter's line is what an administrator has to write; the rest makes this instance private,
# keeps Sendmail's own opinions out (LOCAL without w: a local user needs no account), and keeps the
# mail in the queue.
MAIN_MC = """\
divert(0)dnl
VERSIONID(`test')
OSTYPE(`linux')
{filter}

define(`confDOMAIN_NAME', `{hostname}')
LOCAL_DOMAIN(`{local_domains}')
FEATURE(`promiscuous_relay')
FEATURE(`accept_unresolvable_domains')
{options}
define(`QUEUE_DIR', `{folder}/queue')
define(`confPID_FILE', `{folder}/pid')
define(`STATUS_FILE', `{folder}/status')
define(`HELP_FILE', `{folder}/help')
undefine(`ALIAS_FILE')
define(`confDELIVERY_MODE', `queueonly')
define(`confSERVICE_SWITCH_FILE', `{folder}/switch')
define(`confHOSTS_FILE', `{folder}/hosts')
undefine(`confBIND_OPTS')
define(`confTO_IDENT', `0')
define(`confQUEUE_LA', `1000')
define(`confREFUSE_LA', `1000')
define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit')

define(`confAUTH_MECHANISMS', `PLAIN LOGIN')
TRUST_AUTH_MECH(`PLAIN LOGIN')
define(`confSERVER_CERT', `{folder}/server.pem')
define(`confSERVER_KEY', `{folder}/server.key')
define(`confCACERT', `{folder}/server.pem')
define(`confCACERT_PATH', `{folder}')

FEATURE(`no_default_msa')
{doors}
MODIFY_MAILER_FLAGS(`LOCAL', `-w')
MAILER(`local')
MAILER(`smtp')
LOCAL_CONFIG
ESASL_CONF_PATH={folder}/etc/sasl
LOCAL_RULESETS
SLocal_check_rcpt
R<{refused_by_sendmail}>	$#error $@ 5.1.1 $: 550 refused by Sendmail
"""

CONTRIB = os.path.join(os.path.dirname(os.path.realpath(__file__)),
                       "../../contrib/sendmail/authgate.mc")
SWITCH = "hosts files\naliases files\npasswd files\n"


class Door:
    """One DAEMON_OPTIONS line. M=a: Sendmail itself wants a login before MAIL."""

    def __init__(self, port, name=None, modifiers="", family="inet"):
        self.port = port
        self.name = name
        self.modifiers = modifiers
        self.family = family

    @property
    def line(self):
        words = [f"Family={self.family}", f"Port={self.port}"]
        words += [f"Name={self.name}"] if self.name else []
        words += [f"M={self.modifiers}"] if self.modifiers else []
        return f"DAEMON_OPTIONS(`{', '.join(words)}')"


class Sendmail(Started):
    """One private instance. What it took is in queued()."""

    # A recipient that Sendmail refuses by itself, whatever authgate thinks.
    REFUSED = postfix.Postfix.REFUSED

    def __init__(self, packages, folder, milter, doors, local_domains, options=""):
        """options: more lines for the mc file."""
        self.packages = packages
        self.folder = os.path.join(folder, "sendmail")
        self.milter = milter.for_authgate    # both spell a socket alike
        self.doors = doors
        self.local_domains = local_domains
        self.options = options
        self.process = None

    @property
    def config(self):
        return f"{self.folder}/sendmail.cf"

    @property
    def said(self):
        """What it wrote to its standard output and error."""
        with contextlib.suppress(FileNotFoundError):
            with open(f"{self.folder}/said", encoding="utf-8", errors="replace") as file:
                return file.read()
        return ""

    def write_files(self):
        os.makedirs(f"{self.folder}/queue", mode=0o700)
        write(f"{self.folder}/switch", SWITCH)
        write(f"{self.folder}/hosts", "127.0.0.1 localhost\n")
        write(f"{self.folder}/etc/sasl/Sendmail.conf", SASL_CONF.format(folder=self.folder))
        self.make_logins()
        self.make_certificate()
        write(self.config, self.packages.m4(self.main_mc()))

    def main_mc(self):
        return MAIN_MC.format(filter=self.filter(), folder=self.folder, hostname=HOSTNAME,
                              local_domains=" ".join(self.local_domains), options=self.options,
                              refused_by_sendmail=self.REFUSED,
                              doors="\n".join(door.line for door in self.doors.values()))

    def filter(self):
        """The line that we tell administrators to write, with the socket of this test."""
        with open(CONTRIB, encoding="utf-8") as file:
            line = re.search(r"(?m)^INPUT_MAIL_FILTER\(.*$", file.read())[0]
        return re.sub(r"S=[^,]*", f"S={self.milter}", line)

    def make_logins(self):
        database = f"{self.folder}/etc/sasl/sasldb2"
        for user, password in LOGINS.items():
            run("saslpasswd2", "-p", "-c", "-f", database, "-u", REALM, user, give=password)
        os.chmod(database, 0o600)

    def make_certificate(self):
        key, certificate = f"{self.folder}/server.key", f"{self.folder}/server.pem"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "30", "-subj", f"/CN={HOSTNAME}",
            "-keyout", key, "-out", certificate)
        os.chmod(key, 0o600)
        postfix.make_client_certificates(self.folder)

    def client_certificate(self, name):
        return f"{self.folder}/{name}.pem", f"{self.folder}/{name}.key"

    def start(self):
        self.write_files()
        with open(f"{self.folder}/said", "w", encoding="utf-8") as said:
            self.process = subprocess.Popen(
                [self.packages.sendmail, "-C", self.config, "-bD"], cwd="/",
                env=self.packages.environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                start_new_session=True)
        up = wait_for(lambda: self.process.poll() is not None or self.accepts())
        if not up or self.process.poll() is not None:
            raise Failure(f"Sendmail did not start:\n{self.said}")

    def accepts(self):
        """At every door: it opens them one after the other."""
        for door in self.doors.values():
            host = "::1" if door.family == "inet6" else "127.0.0.1"
            try:
                socket.create_connection((host, door.port), timeout=PATIENCE).close()
            except OSError:
                return False
        return True

    def stop(self):
        if not self.process or self.process.poll() is not None:
            return
        # The daemon leads a group of its own, in which each session has a process.
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def senders(self):
        """Of all that is in the queue."""
        names = [name[2:] for name in os.listdir(f"{self.folder}/queue") if name[:2] == "qf"]
        return [rest.strip("<>") for name in names
                for letter, rest in self.queued(name) if letter == "S"]

    def queued(self, queue_id):
        """The queue file of a message: a list of (letter, rest), continuation lines joined."""
        with open(f"{self.folder}/queue/qf{queue_id}", encoding="utf-8", errors="replace") as file:
            text = re.sub(r"\n[ \t]+", " ", file.read())
        return [(line[0], line[1:]) for line in text.splitlines() if line]


# ---------------------------------------------------------------- SMTP clients

class Client(postfix.Client):
    """One connection from one of our addresses."""

    def __init__(self, door, address):
        # At an IPv6 door an IPv4 client is ::ffff:address.
        host = "::1" if ":" in address else "127.0.0.1"
        self.smtp = smtplib.SMTP(local_hostname="client.example", timeout=PATIENCE)
        self.smtp.source_address = (address, 0)
        # For STARTTLS. Given to the constructor, it would connect, and not bear a greeting of 554.
        self.smtp._host = HOSTNAME
        self.greeting = reply_text(self.smtp.connect(host, door.port))
        self.smtp.ehlo()


class LocalClient:
    """`sendmail -bs`: SMTP through a pipe, as mail programs of this machine submit."""

    def __init__(self, sendmail):
        self.process = subprocess.Popen(
            [sendmail.packages.sendmail, "-C", sendmail.config, "-bs"], cwd="/",
            env=sendmail.packages.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        self.greeting = self.answer()
        self.say("EHLO client.example")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def answer(self):
        lines = []
        while True:
            line = self.process.stdout.readline().decode("utf-8", "backslashreplace").rstrip()
            if not line:
                raise ConnectionError("sendmail -bs ended")
            lines.append(line[4:])
            if line[3:4] != "-":
                return f"{line[:3]} {' | '.join(lines)}".rstrip()

    def say(self, line):
        self.process.stdin.write(f"{line}\r\n".encode())
        self.process.stdin.flush()
        return self.answer()

    def content(self, text):
        heard = self.say("DATA")
        return heard if heard[0] != "3" else self.say(f"{text}.")

    def close(self):
        with contextlib.suppress(OSError):
            self.say("QUIT")
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

