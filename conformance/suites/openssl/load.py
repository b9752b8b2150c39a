"""Full TLS handshakes in several threads for some seconds: each is answered, by each worker, also over a reload.

    load.py PORT CA-FILE WORKERS PID SECONDS
"""

import os
import signal
import socket
import ssl
import sys
import threading
import time

port, authority, workers, master, seconds = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
context = ssl.create_default_context(cafile=authority)
lock = threading.Lock()
answered, failures = {}, []


def request():
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        with context.wrap_socket(connection, server_hostname="localhost") as secure:
            secure.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
            answer = b""
            while part := secure.recv(4096):
                answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200") or body != b"a page\n":
        raise ValueError(answer[:80])
    return next(line for line in head.split(b"\r\n") if line.startswith(b"X-Worker"))


def client(until):
    while time.monotonic() < until:
        try:
            worker = request()
            with lock:
                answered[worker] = answered.get(worker, 0) + 1
        except Exception as error:  # whatever it is, the request failed
            with lock:
                failures.append(repr(error))


def load(period):
    threads = [threading.Thread(target=client, args=(time.monotonic() + period,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


for _ in range(100):
    try:
        request()
        break
    except OSError as error:
        last = error
        time.sleep(0.1)
else:
    sys.exit(f"nginx does not answer: {last!r}")

reload = None
if workers > 1:
    reload = threading.Timer(seconds / 2, os.kill, (master, signal.SIGHUP))
    reload.start()
load(seconds)
print(sum(answered.values()), "handshakes", answered, "failed:", len(failures), failures[:3])
# Both sets of workers, those before the reload and those after it.
sys.exit(1 if failures or len(answered) < (2 * workers if reload else 1) else 0)
