"""Full TLS handshakes in several threads for some seconds, and until each worker has answered: each is answered, also
over a reload.

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
ended = threading.Event()


def request():
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        with context.wrap_socket(connection, server_hostname="localhost") as secure:
            secure.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
            answer = b""
            while part := secure.recv(4096):
                answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200") or body != b"a page\n":
        raise ValueError(answer[:80])
    return next(line for line in head.split(b"\r\n") if line.startswith(b"X-Worker"))


def client():
    while not ended.is_set():
        try:
            worker = request()
            with lock:
                answered[worker] = answered.get(worker, 0) + 1
        except Exception as error:  # whatever it is, the request failed
            with lock:
                failures.append(repr(error))


def load(period, wanted):
    """For so long, and until so many workers have answered; no loaded machine needs two minutes for it."""
    least = time.monotonic() + period
    while time.monotonic() < least or (len(answered) < wanted and time.monotonic() < least + 120):
        time.sleep(0.05)


for _ in range(1200):
    try:
        request()
        break
    except OSError as error:
        last = error
        time.sleep(0.1)
else:
    sys.exit(f"nginx does not answer: {last!r}")

threads = [threading.Thread(target=client) for _ in range(8)]
for thread in threads:
    thread.start()
load(seconds / 2, workers)
# Both sets of workers, those before the reload and those after it; a server that is one process has none.
wanted = 2 * workers if workers > 1 else 1
if workers > 1:
    os.kill(master, signal.SIGHUP)
load(seconds / 2, wanted)
ended.set()
for thread in threads:
    thread.join()
print(sum(answered.values()), "handshakes", answered, "failed:", len(failures), failures[:3])
sys.exit(1 if failures or len(answered) < wanted else 0)
