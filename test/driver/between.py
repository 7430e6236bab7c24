"""Stands between an MTA and authgate, and makes a poorer MTA of the one that is there.

    with Between(folder, authgate.milter, macros=False) as between, \\
            Postfix(folder, between) as postfix:

macros=False: no macro comes through. macros=True: the MTA is not told which macros authgate asks
for, and sends those of its own lists. Each packet is a length of four bytes, a letter and data.
"""

import contextlib
import os
import socket
import struct
import threading

MACROS, NEGOTIATE = b"D", b"O"
OFFER = 12    # of a negotiation: version, actions and steps; behind them stand the macros' names


class Between:
    def __init__(self, folder, milter, macros):
        path = os.path.join(folder, "between.sock")
        self.for_authgate = self.for_postfix = f"unix:{path}"
        self.milter = milter
        self.macros = macros
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(100)

    def __enter__(self):
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def serve(self):
        with contextlib.suppress(OSError):    # until the listener is closed
            while True:
                client, _ = self.listener.accept()
                server = socket.socket(self.milter.family)
                server.connect(self.milter.address)
                self.pass_on(client, server, self.from_mta)
                self.pass_on(server, client, self.from_authgate)

    @staticmethod
    def pass_on(source, target, change):
        """In a thread; the end of one side is the end of the other."""
        def copy():
            with contextlib.suppress(OSError), source.makefile("rb") as packets:
                while header := packets.read(4):
                    packet = change(packets.read(struct.unpack("!I", header)[0]))
                    if packet:
                        target.sendall(struct.pack("!I", len(packet)) + packet)
            for each in (source, target):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            source.close()
        threading.Thread(target=copy, daemon=True).start()

    def from_mta(self, packet):
        return packet if self.macros or packet[:1] != MACROS else None

    @staticmethod
    def from_authgate(packet):
        return packet[:1 + OFFER] if packet[:1] == NEGOTIATE else packet
