# SPDX-License-Identifier: Apache-2.0
"""Where a program listens that takes ports of the kernel's and doesn't say which."""
import glob
import os
import time


def ports_of(process, count, log):
    """So many, in the order in which it opened them. Nothing tells of a socket that has begun to listen, so the kernel is asked again and
    again. `log` is the file with what it said, for where it doesn't."""
    give_up = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < give_up:
        ports = ports_now(process.pid)
        if len(ports) == count:
            return ports
        time.sleep(0.01)
    process.kill()
    process.wait()
    with open(log, encoding="utf-8", errors="replace") as file:
        raise AssertionError(f"{process.args[0]} doesn't listen:\n{file.read()}")


def ports_now(pid):
    """Of its listening sockets, in the order of their descriptors."""
    process = f"/proc/{pid}"
    with open(process + "/net/tcp", encoding="ascii") as lines:
        rows = [line.split() for line in lines]
    ports = {f"socket:[{row[9]}]": int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A"}
    found = []
    for link in sorted(glob.glob(process + "/fd/*"), key=lambda path: int(os.path.basename(path))):
        try:
            found.append(ports.get(os.readlink(link)))
        except FileNotFoundError:
            pass  # it was closed meanwhile
    return [port for port in found if port]
