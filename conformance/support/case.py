"""What every case in Python can say: `with it("a sentence"):` is one check."""

import contextlib
import os
import sys
import traceback

MODULE = os.path.join(os.environ["CONFORMANCE_BIN"], "libstrongroom.so")
_failed = False


@contextlib.contextmanager
def it(sentence):
    """One check: passes if its block does."""
    global _failed
    verdict = "ok"
    try:
        yield
    except Exception as error:  # whatever a library throws is the reason
        traceback.print_exc()
        verdict, _failed = "not ok", True
        sentence = f"{sentence}: {type(error).__name__}: {error}".replace("\n", " ")
    with open(os.environ["CASE_RESULTS"], "a", encoding="utf-8") as results:
        results.write(f"{verdict} {sentence}\n")


def finish():
    """Ends the case."""
    sys.exit(1 if _failed else 0)
