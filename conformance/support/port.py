"""A free port: none that the kernel gives to connections, which come while a server is on its way to it, and none
that anybody here was told shortly before."""

import fcntl
import os
import socket

FIRST, COUNT = 1025, 8000


def is_free(port):
    with socket.socket() as server:
        try:
            server.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="utf-8") as bounds:
    end = int(bounds.read().split()[0])
# What is left below the range; where nothing is, what may be given to a connection, too.
first, last = (max(FIRST, end - COUNT), end) if end > FIRST else (10000, 10000 + COUNT)
# All that one user runs on the machine, from whatever checkout; TMPDIR is each suite's own.
told_last = os.path.join("/tmp", f"strongroom-ports-{os.getuid()}")
descriptor = os.open(told_last, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    file.seek(0)
    told = int(file.read() or os.getpid())
    count = last - first
    port = next(port for port in (first + (told - first + n) % count for n in range(1, count + 1)) if is_free(port))
    file.seek(0)
    file.truncate()
    file.write(str(port))
print(port)
