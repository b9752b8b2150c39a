"""What one of openCryptoki's test programs said, as lines of verdict, id and reason: a case begins with BEGIN, and is
told PASS, FAIL, ERROR or SKIP, of which the worst counts. A program that did not get to its summary is a failure."""

import re
import sys

SAID = re.compile(r"\* TEST(CASE|SUITE) (\S+) (BEGIN|PASS|FAIL|ERROR|SKIP)\s?(.*)")
VERDICT = {"PASS": "ok", "FAIL": "not-ok", "ERROR": "not-ok", "SKIP": "skip"}
WORST = ["skip", "ok", "not-ok"]
# What is different from run to run, or with each version of the source.
PASSING = re.compile(r" process: \d+|\(\S+:\d+\)+ ")


def main():
    program, path = sys.argv[1:]
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    cases, case, ended = {}, None, False
    for number, line in enumerate(lines):
        ended |= line.startswith("Total=")
        match = SAID.search(line)
        if not match:
            continue
        of_what, function, said, text = match.groups()
        words = PASSING.sub("", text).rstrip("., ")
        if said == "BEGIN":
            # A sentence may go on on the next line.
            following = lines[number + 1 : number + 2]
            words = ", ".join([words, *(more.rstrip(". ") for more in following if more and more[0] not in "*-")])
            case = unique(cases, f"{program}: {function} {words}".strip(" ,"))
        elif case is None or of_what == "SUITE":
            cases[unique(cases, f"{program}: {function} {words}")].append((VERDICT[said], text))
        else:
            cases[case].append((VERDICT[said], text))
    for name, told in cases.items():
        if told:
            verdict = max((verdict for verdict, _ in told), key=WORST.index)
            print(verdict, name, next(text for found, text in told if found == verdict), sep="\t")
    print("ok" if ended else "not-ok", f"{program} comes to its summary", lines[-1], sep="\t")


def unique(cases, name):
    number, key = 1, name
    while key in cases:
        number += 1
        key = f"{name} #{number}"
    cases[key] = []
    return key


main()
