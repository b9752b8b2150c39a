"""Runs Python unit tests and says each verdict as a suite's runner does.

    unittests.py discover [-t TOP] FOLDER
"""

import os
import sys
import unittest


class Verdicts(unittest.TextTestResult):
    """Writes one line a test into $SUITE_RESULTS."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.partial = set()

    def say(self, verdict, test, why=""):
        with open(os.environ["SUITE_RESULTS"], "a", encoding="utf-8") as results:
            why = " ".join(str(why).split())
            results.write(f"{verdict}\t{test.id()}\t{why[-300:]}\n")

    def addSuccess(self, test):
        super().addSuccess(test)
        self.say("ok", test)

    def addError(self, test, err):
        super().addError(test, err)
        self.say("not-ok", test, self._exc_info_to_string(err, test))

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say("not-ok", test, self._exc_info_to_string(err, test))

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.say("not-ok", test, f"{subtest._subDescription()}: {self._exc_info_to_string(err, test)}")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.say("skip", test, reason)

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.say("skip", test, "the suite expects it to fail")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.say("ok", test, "although the suite expects it to fail")


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    unittest.main(module=None, exit=False, testRunner=unittest.TextTestRunner(resultclass=Verdicts, verbosity=2))
