"""A private Postfix, and an authgate for it to ask, for tests and for the demonstration.

Everything lives in one temporary folder and listens on loopback ports chosen at run time. The
machine's own Postfix and /etc/postfix stay as they are; only what was started here is stopped.

    with scratch_folder() as folder, \\
            Authgate(binary, folder, {"authgate.ini": "[rules]\\n..."}) as authgate, \\
            Postfix(folder, authgate.milter) as postfix:
        client = Client(postfix.open_port, "192.0.2.1")

Needs root, for Postfix does. Standard library only.
"""

import contextlib
import os
import pwd
import re
import shutil
import smtplib
import socket
import ssl

from daemon import Daemon, ENGINE
from instance import Instance
from process import ENVIRONMENT, Failure, PATIENCE, Started, free_ports, run, write, wait_for

HOSTNAME = "mx.example.com"
REALM = "example.com"
LOGINS = {"alice": "wonderland", "bob": "builder", "carol": "christmas", "mallory": "malice"}


# ---------------------------------------------------------------- the milter's socket

class MilterSocket:
    """One socket and its three spellings: authgate's, Postfix' and Python's."""

    def __init__(self, folder, inet=False, queue=None):
        """queue: the queue directory, in which a chrooted Postfix finds it."""
        if queue:
            os.makedirs(os.path.join(queue, "authgate"), mode=0o755)
            path = os.path.join(queue, "authgate/authgate.sock")
            self.for_authgate, self.for_postfix = f"unix:{path}", "unix:authgate/authgate.sock"
            self.family, self.address = socket.AF_UNIX, path
        elif inet:
            port = free_ports(1)[0]
            self.for_authgate = f"inet:{port}@127.0.0.1"
            self.for_postfix = f"inet:127.0.0.1:{port}"
            self.family, self.address = socket.AF_INET, ("127.0.0.1", port)
        else:
            path = os.path.join(folder, "authgate.sock")
            self.for_authgate = self.for_postfix = f"unix:{path}"
            self.family, self.address = socket.AF_UNIX, path
        # an inet socket has none
        self.control = None if inet and not queue else f"{self.address}.control"

    def accepts(self):
        with socket.socket(self.family) as probe:
            probe.settimeout(PATIENCE)
            try:
                probe.connect(self.address)
            except OSError:
                return False
            return True


# ---------------------------------------------------------------- authgate

def make_client_certificates(folder):
    """NAME.pem and NAME.key: two that the server's signs, and one that calls itself alice's."""
    for name, signed in (("alice", True), ("nobody", True), ("impostor", False)):
        key, request = f"{folder}/{name}.key", f"{folder}/{name}.csr"
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-subj", f"/O=Test/CN={name if signed else 'alice'} client",
            "-keyout", key, "-out", request)
        by = ("-CA", f"{folder}/server.pem", "-CAkey", f"{folder}/server.key",
              "-CAcreateserial") if signed else ("-signkey", key)
        run("openssl", "x509", "-req", "-days", "30", *by, "-in", request,
            "-out", f"{folder}/{name}.pem")


LOG_KEYS = ("verdict rule stage s q client name listener login mech from to domain at note "
            "address why reply gen").split()
LOG_PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')


def log_pairs(line):
    """The key=value pairs of one of authgate's log lines, in their order, quotes taken off."""
    start = re.search(r"\b(verdict|s)=", line)
    if not start:
        return []
    return [(key, unquoted(value)) for key, value in LOG_PAIR.findall(line, start.start())]


def unquoted(value):
    if not value.startswith('"'):
        return value
    return re.sub(r"\\(.)", r"\1", value[1:-1])


class Authgate(Daemon, Started):
    """A daemon behind an MTA, with the files and the socket of an administrator.

    files: name -> text, below the folder. authgate.ini gets its [milter] socket put in front.
    """

    def __init__(self, binary, folder, files, inet=False, milter_options="", queue=None):
        super().__init__(os.path.abspath(binary), {}, folder=os.path.join(folder, "authgate"))
        self.milter = MilterSocket(self.folder, inet, queue)
        self.path = self.milter.control and self.milter.control[:-len(".control")]
        self.address = self.milter.address
        self.files = files
        self.milter_options = milter_options

    def write_files(self):
        for name, text in self.files.items():
            if name == "authgate.ini":
                text = self.milter_section() + text
            write(os.path.join(self.folder, name), text)

    def milter_section(self):
        """The socket as an administrator would open it to Postfix and to nobody else."""
        return (f"[milter]\nsocket = {self.milter.for_authgate}\n"
                f"socket_group = postfix\nsocket_mode = 0660\nengine = {ENGINE}\n"
                f"{self.milter_options}\n")

    def start(self, **options):
        self.write_files()
        # A session of its own: Ctrl-C in the terminal is for us, and we stop it in our order.
        self.launch(env=ENVIRONMENT, start_new_session=True, **options)
        up = wait_for(lambda: self.status() is not None or self.milter.accepts())
        if not up or self.status() is not None:
            self.stop()
            raise Failure("authgate did not start:\n" + "\n".join(self.lines))
        return self

    @property
    def lines(self):
        return self.log()

    def lines_since(self, mark, count):
        """Lines with a verdict or a queue id after `mark`, when there are `count` verdicts, and
        whatever else the daemon has to say."""
        def verdicts():
            return sum("verdict=" in line for line in self.lines[mark:])
        if self.milter.control:
            wait_for(lambda: self.status() is not None or self.lines_waiting() == 0)
        else:
            wait_for(lambda: verdicts() >= count)
        return [line for line in self.lines[mark:] if log_pairs(line)]

    def descriptors(self):
        """How many files and connections it holds open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def ask_to_stop(self):
        if self.process:
            self.terminate()

    def stop(self):
        """The exit status; None when it never ran, and -9 when it did not heed SIGTERM."""
        if not self.process:
            return None
        self.ask_to_stop()
        if self.wait() is None:
            self.kill()
        return self.status()


# ---------------------------------------------------------------- Postfix

# What we tell administrators to write.
CONTRIB = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../contrib/postfix")

# The lines about authgate are those of contrib; the rest lets a test come from any address, and
# keeps Postfix' own opinions out.
MAIN_CF = """\
{contrib}

milter_connect_timeout = 300s
milter_command_timeout = 300s
milter_content_timeout = 300s

inet_interfaces = 127.0.0.1
inet_protocols = all
smtpd_authorized_xclient_hosts = 127.0.0.0/8

myhostname = {hostname}
mydomain = {realm}
myorigin = $mydomain
mydestination = $myhostname localhost {local_domains}
mynetworks = 0.0.0.0/0 [::]/0
smtpd_relay_restrictions = permit_mynetworks reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access inline:{{ {{ {refused_by_postfix} = 550 5.1.1 refused by Postfix }} }}
local_transport = local
recipient_delimiter = +

smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = {folder}/etc/sasl
smtpd_sasl_security_options = noanonymous
smtpd_tls_security_level = may
smtpd_tls_cert_file = {folder}/etc/server.pem
smtpd_tls_key_file = {folder}/etc/server.key
smtpd_tls_CAfile = {folder}/etc/server.pem
smtpd_tls_ask_ccert = yes
smtpd_tls_auth_only = no

smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 100000
smtpd_hard_error_limit = 100000
smtpd_junk_command_limit = 100000
"""

# Three doors: two with a name, and one that says nothing of itself, known by its port alone.
# Every transport keeps its usual name, for authgate hears it as {rcpt_mailer}, but ends in the
# same script.
DOORS = """\
127.0.0.1:{open_port} inet n - {chroot} - - smtpd
  -o milter_macro_daemon_name=smtp
127.0.0.1:{submission_port} inet n - {chroot} - - smtpd
  {submission_name}
127.0.0.1:{unnamed_port} inet n - {chroot} - - smtpd
"""
DELIVERY = """\
{name} unix - n n - 4 pipe
  user=nobody null_sender= argv=/bin/sh {folder}/deliver ${{queue_id}} ${{sender}} ${{recipient}}
"""

# One file a delivery; the name appears when the file is complete.
DELIVER = """\
#!/bin/sh
# queue id, sender (empty as it is), recipients
id=$1 sender=$2
shift 2
file=$(mktemp "{folder}/mail/.tmp.XXXXXX") || exit 75
{{ printf 'Envelope-From: <%s>\\n' "$sender"; printf 'Envelope-To: <%s>\\n' "$@"; cat; }} >"$file" || exit 75
mv "$file" "{folder}/mail/$id.${{file##*.}}"
"""

SASL_CONF = """\
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {folder}/etc/sasl/sasldb2
mech_list: PLAIN LOGIN
"""


class Postfix(Instance):
    """With AUTH, TLS and authgate. What it delivered is in delivered()."""

    # A recipient that Postfix refuses by itself, whatever authgate thinks.
    REFUSED = "refused@closed.example"

    def __init__(self, folder, milter, local_domains=("example.com",), local_submission=False,
                 more="", chroot=False):
        """more: lines of main.cf."""
        super().__init__(self.folder_in(folder), chroot=chroot)
        self.more = more
        self.milter = milter.for_postfix
        self.local_domains = local_domains
        self.local_submission = local_submission
        self.open_port, self.submission_port, self.unnamed_port = free_ports(3)

    @staticmethod
    def folder_in(folder):
        return os.path.join(folder, "postfix")

    def write_files(self):
        super().write_files()
        self.make_folder(f"{self.folder}/mail", "nobody")
        write(f"{self.folder}/deliver", DELIVER.format(folder=self.folder))
        write(f"{self.config}/sasl/smtpd.conf", SASL_CONF.format(folder=self.folder))
        self.make_logins()
        self.make_certificate()

    def main_cf(self):
        text = MAIN_CF.format(contrib=self.milter_lines(), folder=self.folder, hostname=HOSTNAME,
                              realm=REALM, local_domains=" ".join(self.local_domains),
                              refused_by_postfix=self.REFUSED)
        if self.local_submission:
            text += "non_smtpd_milters = $smtpd_milters\n"
        return text + self.more

    def milter_lines(self):
        """The lines that we tell administrators to write, with the socket of this test."""
        with open(f"{CONTRIB}/main.cf", encoding="utf-8") as file:
            lines = re.findall(r"(?m)^\w+ = .*$", file.read())
        return "\n".join(re.sub(r"^(smtpd_milters) = .*", rf"\1 = {self.milter}", line)
                         for line in lines)

    def submission_name(self):
        """The option that gives the listener its name."""
        with open(f"{CONTRIB}/master.cf", encoding="utf-8") as file:
            return re.search(r"-o milter_macro_daemon_name=submission\b", file.read())[0]

    def doors(self):
        text = DOORS.format(open_port=self.open_port, submission_port=self.submission_port,
                            unnamed_port=self.unnamed_port,
                            submission_name=self.submission_name(),
                            chroot="y" if self.chroot else "n")
        for name in ("local", "virtual", "smtp", "relay"):
            text += DELIVERY.format(name=name, folder=self.folder)
        return text

    def make_logins(self):
        database = f"{self.config}/sasl/sasldb2"
        for user, password in LOGINS.items():
            run("saslpasswd2", "-p", "-c", "-f", database, "-u", REALM, user, give=password)
        os.chmod(database, 0o640)
        shutil.chown(database, "root", pwd.getpwnam("postfix").pw_gid)

    def make_certificate(self):
        key, certificate = f"{self.config}/server.key", f"{self.config}/server.pem"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "30", "-subj", f"/CN={HOSTNAME}",
            "-keyout", key, "-out", certificate)
        make_client_certificates(self.config)

    def client_certificate(self, name):
        """The files of alice's, one that is good too, or an impostor's: (certificate, key)."""
        return f"{self.config}/{name}.pem", f"{self.config}/{name}.key"

    def delivered(self):
        """The text of every mail delivered so far, by file name: QUEUEID.something."""
        folder = os.path.join(self.folder, "mail")
        mails = {}
        for name in os.listdir(folder):
            if not name.startswith("."):
                with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                    mails[name] = file.read()
        return mails

    def sendmail(self, sender, recipients, text):
        """Local submission: what Postfix' sendmail command and pickup make of it."""
        run("/usr/sbin/sendmail", "-C", self.config, "-i", "-f", sender, "--", *recipients,
            give=text)


# ---------------------------------------------------------------- an SMTP client

class Client:
    """One connection, which pretends to come from `address`. Answers are `CODE text` lines."""

    def __init__(self, port, address=None, name=None, door=None):
        """door: the port that the MTA shall believe to have been called at; None: the real one."""
        self.smtp = smtplib.SMTP("127.0.0.1", port, local_hostname="client.example",
                                 timeout=PATIENCE)
        self.smtp.ehlo()
        if address:
            self.pretend(address, name, door)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def pretend(self, address, name, door):
        shown = f"IPV6:{address}" if ":" in address else address
        words = [f"ADDR={shown}", f"NAME={name or '[UNAVAILABLE]'}"]
        if door:
            words += ["DESTADDR=127.0.0.1", f"DESTPORT={door}"]
        self.greeting = self.say("XCLIENT " + " ".join(words))
        if self.greeting[:3] not in ("220", "554"):
            raise Failure(f"XCLIENT {' '.join(words)}: {self.greeting}")
        self.smtp.ehlo()

    def start_tls(self, hello=True, certificate=None):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if certificate:
            context.load_cert_chain(*certificate)
        answer = reply_text(self.smtp.starttls(context=context))
        if hello:
            self.smtp.ehlo()
        return answer

    def login(self, mechanism, user, password=None):
        """alice: alice@example.com and her password."""
        self.smtp.user = user if "@" in user else f"{user}@{REALM}"
        self.smtp.password = LOGINS.get(user, "") if password is None else password
        answer = {"PLAIN": self.smtp.auth_plain, "LOGIN": self.smtp.auth_login}[mechanism]
        try:
            return reply_text(self.smtp.auth(mechanism, answer))
        except smtplib.SMTPAuthenticationError as error:
            return reply_text(error.args)

    def say(self, line):
        self.smtp.send(f"{line}\r\n".encode())    # docmd() sends nothing but ASCII
        return reply_text(self.smtp.getreply())

    def content(self, text):
        """DATA and the message: the answer to DATA when that is a refusal, else to the end."""
        try:
            # data() itself sends nothing but ASCII
            return reply_text(self.smtp.data(re.sub(r"\r?\n", "\r\n", text).encode()))
        except smtplib.SMTPDataError as error:
            return reply_text(error.args)

    def close(self):
        with contextlib.suppress(OSError, smtplib.SMTPException):
            self.smtp.quit()
        self.smtp.close()


def reply_text(answer):
    code, text = answer
    return f"{code} {text.decode('utf-8', 'backslashreplace')}".replace("\n", " | ").rstrip()
