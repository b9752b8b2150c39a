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


def request(patience):
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
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
            worker = request(60)
            with lock:
                answered[worker] = answered.get(worker, 0) + 1
        except Exception as error:  # whatever it is, the request failed
            with lock:
                failures.append(repr(error))


def load(period, wanted):
    """For so long, and until so many workers have answered, or a request has failed; no loaded machine needs two minutes
    for it."""
    least = time.monotonic() + period
    while not failures and (time.monotonic() < least or (len(answered) < wanted and time.monotonic() < least + 120)):
        time.sleep(0.05)


deadline = time.monotonic() + 120
while True:
    try:
        request(10)
        break
    except OSError as error:
        if time.monotonic() > deadline:
            sys.exit(f"nginx does not answer: {error!r}")
        time.sleep(0.1)

threads = [threading.Thread(target=client, daemon=True) for _ in range(8)]
for thread in threads:
    thread.start()
# Both sets of workers, those before the reload and those after it; a server that is one process has none.
wanted = 2 * workers if workers > 1 else 1
try:
    load(seconds / 2, workers)
    if workers > 1 and not failures:
        os.kill(master, signal.SIGHUP)
    load(seconds / 2, wanted)
finally:
    ended.set()
    for thread in threads:
        thread.join(60)
print(sum(answered.values()), "handshakes", answered, "failed:", len(failures), failures[:3])
sys.exit(1 if failures or len(answered) < wanted else 0)
