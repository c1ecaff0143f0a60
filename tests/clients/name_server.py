# SPDX-License-Identifier: Apache-2.0
"""A name server for tests: knows some names' IPv4 addresses, and counts what it is asked. Its port is the network
namespace's 53, for a resolv.conf has no room for another: become_alone() first."""
import collections
import ctypes
import fcntl
import os
import socket
import struct
import threading

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
A, IN, NXDOMAIN = 1, 1, 3


def become_alone():
    """A network of this process and its children alone, with nothing but loopback in it. Before the first thread."""
    user, group = os.geteuid(), os.getegid()
    flags = CLONE_NEWNET | (CLONE_NEWUSER if user != 0 else 0)
    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    if user != 0:
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            with open("/proc/self/" + name, "w", encoding="ascii") as file:
                file.write(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16xH14x", fcntl.ioctl(control, SIOCGIFFLAGS, request))[0]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


class NameServer:
    """RFC 1035, as far as an A record goes; any other type of a known name has no records, any other name isn't there."""

    def __init__(self, addresses, host="127.0.0.1"):
        self.addresses = addresses
        self.asked = collections.Counter()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 53))
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            query, peer = self.socket.recvfrom(4096)
            if not query:  # stop()
                return
            self.socket.sendto(self.answer(query), peer)

    def answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("ascii"))
            at += 1 + query[at]
        name, end = ".".join(labels).lower(), at + 5
        kind = struct.unpack_from("!H", query, at + 1)[0]
        self.asked[name] += 1
        address = self.addresses.get(name)
        found = address is not None and kind == A
        flags = 0x8180 | (0 if address else NXDOMAIN)
        answer = query[:2] + struct.pack("!HHHHH", flags, 1, int(found), 0, 0) + query[12:end]
        if found:
            answer += struct.pack("!HHHIH4s", 0xC00C, A, IN, 60, 4, socket.inet_aton(address))
        return answer

    def stop(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()
