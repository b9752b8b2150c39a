"""Runs the same random calls on two modules and compares what they answer.

    differ.py OURS PEER TOKEN-LABEL PIN DIFFERENCES SEED COUNT

A sequence is some forty calls on two sessions, drawn from `calls.CALLS` by its seed alone. What a call
answers is its code and, where it is determined, its output. After a difference both sides start anew, so
that one difference does not make others. Keys are the same on both sides: they are imported.
"""

import fnmatch
import os
import random
import sys
import tomllib

from calls import CALLS, Side
from cabi import CKR, Module

LENGTH = 40


def name(rv):
    return CKR.get(rv, hex(rv))


def matches(patterns, word):
    return any(fnmatch.fnmatchcase(word, pattern) for pattern in patterns)


class Differences:
    """The rows that explain, and which of them were needed."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.rows = tomllib.load(file).get("difference", [])
        self.used = set()

    def explains(self, call, what, ours, peer):
        for number, row in enumerate(self.rows):
            if (matches(row["calls"], call) and matches(row["ours"], ours) and matches(row["peer"], peer)
                    and all(word in what for word in row.get("when", []))):
                self.used.add(number)
                return True
        return False


def run(seed, sides, differences, found):
    """One sequence; the unexplained differences go into `found`."""
    choose = random.Random(seed)
    for side in sides:
        side.start()
    history = []
    for _ in range(LENGTH):
        call = choose.choices([call for call, _ in CALLS], [weight for _, weight in CALLS])[0]
        prepared = call(choose, sides[0])
        if prepared is None:
            continue
        function, what, act = prepared
        (ours_rv, ours_out), (peer_rv, peer_out) = (act(side) for side in sides)
        history.append(f"{function} {what}: {name(ours_rv)}")
        same_output = ours_out == peer_out or ours_rv != 0
        if ours_rv == peer_rv and same_output:
            continue
        ours, peer = name(ours_rv), name(peer_rv)
        if ours == peer:
            ours, peer = "another output", "another output"
        if not differences.explains(function, what, ours, peer):
            key = f"{function} {what}: {ours} here, {peer} there"
            outputs = "" if ours_rv or peer_rv else f" [{ours_out!r:.80} and {peer_out!r:.80}]"
            found.setdefault(key, f"seed {seed}{outputs}: after {'; '.join(history[-6:-1])}")
        for side in sides:
            side.start()


def main():
    ours, peer, label, pin, rows, seed, count = sys.argv[1:]
    sides = [Side(Module(path), label, pin) for path in (ours, peer)]
    differences, found = Differences(rows), {}
    for offset in range(int(count)):
        run(int(seed) + offset, sides, differences, found)
    with open(os.environ["SUITE_RESULTS"], "a", encoding="utf-8") as results:
        for what, where in sorted(found.items()):
            results.write(f"not-ok\t{what}\t{where}\n")
        for number, row in enumerate(differences.rows):
            verdict = "ok" if number in differences.used else "skip"
            results.write(f"{verdict}\tis explained: {row['id']}\t{row['why'][:200]}\n")
        # Each of the sequences is a test; those with unexplained differences were told above.
        for offset in range(int(count)):
            results.write(f"ok\tsequence {int(seed) + offset}\t\n")
    for side in sides:
        side.module.call("Finalize", None)


main()
