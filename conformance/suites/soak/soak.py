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
    """The clients' processes and journals. None of them is left when a `with` is, by whatever way."""

    def __init__(self, arguments, seed):
        self.arguments, self.seed = arguments, seed
        self.count, self.threads = (6, 1) if MODE == "served" else (1, 3)
        self.processes = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            process.kill()
            process.wait()

    def begin(self):
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

    def end(self):
        """Tells them to end; what was wrong with that."""
        open("end", "w", encoding="utf-8").close()
        failures = []
        for number, process in self.processes.items():
            try:
                if process.wait(PATIENCE) != 0:
                    failures.append(f"client {number} ended with {process.returncode}")
            except subprocess.TimeoutExpired:
                failures.append(f"client {number} hangs")
        return failures


def hsmd():
    """The process that has the home, if it is an hsmd that runs: its id, and when it began, which no other has."""
    try:
        with open(os.path.join(os.environ["STRONGROOM_HOME"], "lock"), encoding="utf-8") as lock:
            pid = int(lock.read().split()[1])
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            name, fields = stat.read().split("(", 1)[1].rsplit(")", 1)
        # proc(5): the third field of the file is the state, the twenty-second the start.
        state, *_, began = fields.split()[:20]
        return (pid, began) if name == "hsmd" and state != "Z" else None
    except (OSError, IndexError, ValueError):
        return None


def sizes(pid):
    """Resident KiB and descriptors, or None of a process that has gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as status:
            resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
        return resident, len(os.listdir(f"/proc/{pid}/fd"))
    except (OSError, StopIteration):
        return None


def hsmd_sizes():
    process = hsmd()
    return sizes(process[0]) if process else None


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


class Soak:
    """One run: what was killed, who was hsmd in peace, and the least that each process had in its two halves.

    The least, because a forked child has its connection for a moment, and the log its buffers: what stays has leaked.
    """

    def __init__(self, clients, choose):
        self.clients, self.choose, self.next_kill = clients, choose, 0
        self.kills = {"hsmd": 0, "client": 0}
        self.before, self.after, self.lives = {}, {}, []

    def kill(self, steps):
        # After so much that was done, not after so many milliseconds: else a slow machine would do nothing at all.
        if steps < self.next_kill:
            return
        self.next_kill = steps + self.choose.randrange(100, 2000)
        process = hsmd()
        if MODE == "served" and process and self.choose.random() < 0.75:
            os.kill(process[0], signal.SIGKILL)
            self.kills["hsmd"] += 1
        elif MODE == "embedded" or self.choose.random() < 0.5:
            self.clients.kill(self.choose.randrange(self.clients.count))
            self.kills["client"] += 1

    def watch(self):
        """Nobody kills hsmd in peace: a second one, or none, is a crash, whatever the clients make of it."""
        process = hsmd()
        if MODE == "served" and process not in self.lives:
            self.lives.append(process)

    def measure(self, least):
        self.watch()
        now = {f"client {number}": sizes(process.pid) for number, process in self.clients.processes.items()}
        if MODE == "served":
            now["hsmd"] = hsmd_sizes()
        for who, size in now.items():
            if size:
                least[who] = tuple(map(min, size, least.get(who, size)))

    def run(self, seconds):
        self.clients.begin()
        work(self.clients, seconds / 2, self.kill)
        print("killed:", self.kills)
        work(self.clients, seconds / 4, lambda _: None)
        # Nobody has been killed for long: from here on nothing may be lost.
        open("peace", "w", encoding="utf-8").close()
        started = sum(self.clients.steps().values())
        work(self.clients, seconds / 8, lambda _: self.measure(self.before))
        work(self.clients, seconds / 8, lambda _: self.measure(self.after))
        print("in peace:", sum(self.clients.steps().values()) - started, "bytes of journal;", self.before, self.after)

    def more(self, index, noise=0):
        return [f"{who}: {old[index]} to {self.after[who][index]}" for who, old in self.before.items()
                if who in self.after and self.after[who][index] > old[index] + noise]

    def leaked(self):
        leaked = self.more(1)
        if MODE == "served" and "hsmd" in self.before:
            # All clients have gone, each of which had at least its connection.
            most, deadline = self.before["hsmd"][1] - self.clients.count, time.monotonic() + 10
            while (left := hsmd_sizes()) and left[1] > most and time.monotonic() < deadline:
                time.sleep(0.1)
            if left and left[1] > most:
                leaked.append(f"hsmd keeps {left[1]} of {self.before['hsmd'][1]} when its {self.clients.count} clients have gone")
        return leaked


def main():
    *arguments, seconds, seed = sys.argv[1:]
    choose = random.Random(int(seed))
    # Whoever ends this ends the clients: a signal that says so leaves by the same way as everything else.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    failures = []
    with Clients(arguments, choose.randrange(1 << 30)) as clients:
        soak = Soak(clients, choose)
        try:
            soak.run(float(seconds))
        except Exception as failure:  # pylint: disable=broad-exception-caught
            failures.append(repr(failure))
        failures += clients.end()
    verdict("every client gets right answers to the end", failures)
    verdict("they were killed often enough to say something", [] if sum(soak.kills.values()) >= 3 else [str(soak.kills)])

    checked = subprocess.run([sys.executable, f"{HERE}/client.py", *arguments, "check", *clients.journals()],
                             capture_output=True, text=True, check=False)
    print(checked.stdout, checked.stderr)
    verdict("every key that was acknowledged is there and works, and no other is",
            [] if checked.returncode == 0 else [checked.stderr[-500:]])
    verdict("resident sizes stay flat", soak.more(0, NOISE_KIB) if soak.after else ["not measured"])
    verdict("no descriptor is left", soak.leaked() if soak.after else ["not measured"])
    if MODE == "served":
        soak.watch()
        one = soak.after and soak.lives[1:] == [] and soak.lives[0]
        verdict("one hsmd lives through the peace", [] if one else [str(soak.lives)])


main()
