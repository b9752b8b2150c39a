"""Starts clients, kills them and hsmd, lets them work in peace for as long, and looks at what is left.

`soak.py MODULE LABEL PIN SECONDS SEED`. A client is `client.py`, a process of its own that says in a journal what was
acknowledged to it. That is enough to know what has to be there, whoever was killed when.
"""

import os
import random
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MODE = os.environ["SUITE_MODE"]
# What a heap may grow by without anybody having leaked: a step that leaked 1 KiB would take ten times as much.
NOISE_KIB = 8192
# How long a client may be without a step: an hsmd that was killed is back after seconds, on a slow machine too.
PATIENCE = 120


class Clients:
    """The clients' processes and journals."""

    def __init__(self, arguments, seed):
        self.arguments, self.seed = arguments, seed
        self.count, self.threads = (6, 1) if MODE == "served" else (1, 3)
        self.processes = {}
        for number in range(self.count):
            self.start(number)

    def start(self, number):
        self.seed += 1
        words = [str(word) for word in (number, self.threads, self.seed)]
        self.processes[number] = subprocess.Popen([sys.executable, f"{HERE}/client.py", *self.arguments, *words])

    def kill(self, number):
        process = self.processes[number]
        process.kill()
        process.wait()
        self.start(number)

    def journals(self):
        return [f"journal.{number}.{thread}" for number in range(self.count) for thread in range(self.threads)]

    def steps(self):
        """How much has been done so far: bytes in the journals."""
        return {name: os.path.getsize(name) if os.path.exists(name) else 0 for name in self.journals()}

    def ended(self):
        return [number for number, process in self.processes.items() if process.poll() is not None]


def hsmd():
    """The process that has the home, if it is an hsmd that runs."""
    try:
        with open(os.path.join(os.environ["STRONGROOM_HOME"], "lock"), encoding="utf-8") as lock:
            pid = int(lock.read().split()[1])
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            name, state = stat.read().split("(", 1)[1].rsplit(")", 1)
        return pid if name == "hsmd" and state.split()[0] != "Z" else None
    except (OSError, IndexError, ValueError):
        return None


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def client_line(name):
    """The last measurement in a journal: resident KiB and descriptors."""
    with open(name, encoding="utf-8") as journal:
        lines = [line.split() for line in journal if line.startswith("size ")]
    return [int(word) for word in lines[-1][1:]] if lines else None


def work(clients, seconds, at):
    """Lets the clients work; `at(steps)` is asked again and again what to do meanwhile."""
    end = time.monotonic() + seconds
    seen, when = {}, {}
    while time.monotonic() < end:
        time.sleep(0.05)
        now = clients.steps()
        for name, size in now.items():
            if seen.get(name) != size:
                seen[name], when[name] = size, time.monotonic()
            assert time.monotonic() - when[name] < PATIENCE, f"{name}: no step for {PATIENCE} s"
        assert not clients.ended(), f"clients {clients.ended()} have ended"
        at(sum(now.values()))


def verdict(name, failures):
    word = "not-ok" if failures else "ok"
    print(word, name, *failures)
    with open(os.environ["SUITE_RESULTS"], "a", encoding="utf-8") as results:
        results.write(f"{word}\t{name}\t{' '.join(failures)[:1000]}\n")


def main():
    *arguments, seconds, seed = sys.argv[1:]
    seconds, choose = float(seconds), random.Random(int(seed))
    kills = {"hsmd": 0, "client": 0}
    clients = Clients(arguments, choose.randrange(1 << 30))
    next_kill = 0

    def kill(steps):
        # After so much that was done, not after so many milliseconds: else a slow machine would do nothing at all.
        nonlocal next_kill
        if steps < next_kill:
            return
        next_kill = steps + choose.randrange(100, 2000)
        pid = hsmd()
        if MODE == "served" and pid and choose.random() < 0.75:
            os.kill(pid, signal.SIGKILL)
            kills["hsmd"] += 1
        elif MODE == "embedded" or choose.random() < 0.5:
            clients.kill(choose.randrange(clients.count))
            kills["client"] += 1

    failures = []
    before, after = {}, {}

    def measure(into):
        pid = hsmd()
        if MODE == "served":
            into["hsmd"] = (resident_kib(pid), descriptors(pid), pid)
        into.update({name: client_line(name) for name in clients.journals()})

    try:
        work(clients, seconds / 2, kill)
        print("killed:", kills)
        work(clients, seconds / 4, lambda _: None)
        # Nobody has been killed for long: from here on nothing may be lost.
        open("peace", "w", encoding="utf-8").close()
        measure(before)
        started = sum(clients.steps().values())
        work(clients, seconds / 4, lambda _: None)
        measure(after)
        print("in peace:", sum(clients.steps().values()) - started, "bytes of journal;", before, after)
    except AssertionError as failure:
        failures.append(str(failure))
    open("end", "w", encoding="utf-8").close()
    for number, process in clients.processes.items():
        try:
            if process.wait(PATIENCE) != 0:
                failures.append(f"client {number} ended with {process.returncode}")
        except subprocess.TimeoutExpired:
            process.kill()
            failures.append(f"client {number} hangs")
    verdict("every client gets right answers to the end", failures)
    verdict("they were killed often enough to say something", [] if sum(kills.values()) >= 3 else [str(kills)])

    checked = subprocess.run([sys.executable, f"{HERE}/client.py", *arguments, "check", *clients.journals()],
                             capture_output=True, text=True, check=False)
    print(checked.stdout, checked.stderr)
    verdict("every key that was acknowledged is there and works, and no other is",
            [] if checked.returncode == 0 else [checked.stderr[-500:]])
    grown = [f"{who}: {old} to {after[who]}" for who, old in before.items()
             if not old or not after[who] or after[who][0] > old[0] + NOISE_KIB]
    verdict("resident sizes stay flat", grown if after else ["not measured"])
    leaked = [f"{who}: {old[1]} to {after[who][1]}" for who, old in before.items() if old and after[who] and after[who][1] > old[1]]
    if MODE == "served" and after:
        # All clients have gone, each of which had at least its connection.
        deadline = time.monotonic() + 10
        while hsmd() and descriptors(hsmd()) > before["hsmd"][1] - clients.count and time.monotonic() < deadline:
            time.sleep(0.1)
        left = descriptors(hsmd()) if hsmd() else 0
        if left > before["hsmd"][1] - clients.count:
            leaked.append(f"hsmd keeps {left} of {before['hsmd'][1]} when its {clients.count} clients have gone")
    verdict("no descriptor is left", leaked if after else ["not measured"])


main()
