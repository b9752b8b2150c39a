"""A free port: none that the kernel gives to connections, which come while a server is on its way to it, and none
that anybody here was told shortly before."""

import fcntl
import os
import socket

COUNT = 8000

with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="utf-8") as bounds:
    end = int(bounds.read().split()[0])
first = end - COUNT if end > COUNT + 1024 else 10000


def is_free(port):
    with socket.socket() as server:
        try:
            server.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


with open(os.path.join(os.environ["CONFORMANCE_WORK"], "ports"), "a+", encoding="utf-8") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    file.seek(0)
    told = int(file.read() or os.getpid())
    port = next(port for port in (first + (told + n) % COUNT for n in range(1, COUNT)) if is_free(port))
    file.truncate(0)
    file.write(str(port - first))
print(port)
