"""Compares what a suite found with what expected.toml says, and counts.

An expected failure is `[[failure]]` with `test` (an id of the suite; `*` matches any text), `section` (what
makes it right) and, if only one mode has it, `mode`. A failure that is not listed fails; so does a listed one
that passes, or that never ran though others did. `at_least` is the number of tests that have to pass, so
that none goes missing; a test of `may_skip` that says why it is skipped counts for that as if it had passed. A suite
that is `long` runs with SUITE_LONG alone, and only then is the number asked for.
"""

import fnmatch
import os
import sys
import tomllib


def main():
    expected_path, mode, results_path = sys.argv[1:]
    with open(expected_path, "rb") as file:
        expected = tomllib.load(file)
    known = {"suite", "at_least", "long", "may_skip", "failure"}
    if set(expected) - known:
        raise SystemExit(f"{expected_path}: unknown {sorted(set(expected) - known)}")
    rows = [row for row in expected.get("failure", []) if row.get("mode", mode) == mode and mode != "peer"]
    for row in rows:
        if not row.get("section"):
            raise SystemExit(f"{expected_path}: {row['test']} has no section that makes it right")

    results = {}
    with open(results_path, encoding="utf-8", errors="replace") as file:
        for line in file:
            verdict, test, why = line.rstrip("\n").split("\t", 2)
            if verdict != "ok" or test not in results:  # one failure is enough
                results[test] = (verdict, why)

    passed, skipped, excused, unexpected, listed, seen = 0, 0, 0, [], 0, set()
    for test, (verdict, why) in results.items():
        row = next((row for row in rows if fnmatch.fnmatchcase(test, row["test"].replace("[", "[[]"))), None)
        if row is not None:
            seen.add(row["test"])
        if verdict == "skip":
            skipped += 1
            excused += any(fnmatch.fnmatchcase(test, pattern) for pattern in expected.get("may_skip", []))
        elif verdict == "ok" and row is None:
            passed += 1
        elif verdict == "ok":
            unexpected.append(f"{test}: passes, but is listed as an expected failure ({row['section']})")
        elif row is not None:
            listed += 1
        else:
            unexpected.append(f"{test}: {why}")
    if skipped < len(results):
        unseen = [row["test"] for row in rows if row["test"] not in seen]
        unexpected += [f"{test}: is listed as an expected failure, but was not run" for test in unseen]
    least = expected.get("at_least", 1)
    if isinstance(least, dict):
        least = least[mode] if mode in least else 0
    left_out = expected.get("long", False) and not os.environ.get("SUITE_LONG")
    if mode != "peer" and not left_out and passed + excused < least:
        unexpected.append(f"at least {least} tests pass: only {passed} do")

    name = f"{expected['suite']}, {mode}"
    for line in unexpected:
        print(f"FAILED  {name}: {line[:400]}")
    print(f"{'ok' if not unexpected else '  '}      {name}: {passed} passed, {len(unexpected)} failed, "
          f"{listed} failed as expected, {skipped} skipped")
    sys.exit(1 if unexpected else 0)


main()
