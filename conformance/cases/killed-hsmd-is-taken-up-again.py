"""hsmd killed with -9 under running applications; eight processes at once; forked children."""

import multiprocessing
import os
import signal
import subprocess
import tempfile
import time

from case import MODULE, finish, it

folder = tempfile.TemporaryDirectory(prefix="strongroom.")
home = os.environ["STRONGROOM_HOME"] = os.path.join(folder.name, "home")


def tool(*words):
    done = subprocess.run(["pkcs11-tool", "--module", MODULE, *words], check=True, capture_output=True, text=True)
    return done.stdout


tool("--init-token", "--slot-index", "0", "--label", "mine", "--so-pin", "12345678")
tool("--init-pin", "--login", "--login-type", "so", "--so-pin", "12345678", "--pin", "123456")

import PyKCS11  # noqa: E402  (the home has to be there first)


def template(label):
    return [
        (PyKCS11.CKA_CLASS, PyKCS11.CKO_SECRET_KEY),
        (PyKCS11.CKA_KEY_TYPE, PyKCS11.CKK_AES),
        (PyKCS11.CKA_TOKEN, True),
        (PyKCS11.CKA_PRIVATE, True),
        (PyKCS11.CKA_ENCRYPT, True),
        (PyKCS11.CKA_DECRYPT, True),
        (PyKCS11.CKA_LABEL, label),
        (PyKCS11.CKA_VALUE_LEN, 32),
    ]


library = PyKCS11.PyKCS11Lib()
library.load(MODULE)


def opened(again=False):
    """A session; `again` where this process has to initialise the module first."""
    if again:
        check(library.lib.C_Initialize())
    slot = library.getSlotList(tokenPresent=True)[0]
    session = library.openSession(slot, PyKCS11.CKF_SERIAL_SESSION | PyKCS11.CKF_RW_SESSION)
    return session


def check(value):
    if value != PyKCS11.CKR_OK:
        raise PyKCS11.PyKCS11Error(value)


def generate(session, label):
    return session.generateKey(template(label), PyKCS11.MechanismAESGENERATEKEY)


def labels(session):
    found = session.findObjects([(PyKCS11.CKA_CLASS, PyKCS11.CKO_SECRET_KEY)])
    return sorted(session.getAttributeValue(one, [PyKCS11.CKA_LABEL])[0] for one in found)


def kill_hsmd():
    with open(os.path.join(home, "lock"), encoding="utf-8") as lock:
        pid = int(lock.read().split()[1])
    os.kill(pid, signal.SIGKILL)
    while is_alive(pid):
        time.sleep(0.01)
    return pid


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the second one if it goes between open and read
        return False


session = opened()
session.login("123456")
gcm = PyKCS11.AES_GCM_Mechanism(b"0" * 12, b"", 128)

with it("after kill -9 of hsmd the next call works, logged in, with the same handles"):
    key = generate(session, "before")
    sealed = bytes(session.encrypt(key, b"message", gcm))
    killed = kill_hsmd()
    assert bytes(session.decrypt(key, sealed, gcm)) == b"message"
    assert generate(session, "after")
    with open(os.path.join(home, "lock"), encoding="utf-8") as lock:
        assert int(lock.read().split()[1]) != killed

with it("every key that was acknowledged is there after twenty kills in a row"):
    for round_ in range(20):
        generate(session, f"round {round_:02}")
        kill_hsmd()
    expected = sorted(["after", "before"] + [f"round {round_:02}" for round_ in range(20)])
    assert labels(session) == expected, labels(session)

with it("a key that is being made while hsmd dies is made once"):
    for round_ in range(10):
        delay = 0.0005 * round_
        if os.fork() == 0:
            time.sleep(delay)
            try:
                kill_hsmd()
            finally:
                os._exit(0)
        generate(session, f"once {round_}")
        os.wait()
    found = [label for label in labels(session) if label.startswith("once")]
    assert found == [f"once {round_}" for round_ in range(10)], found

with it("a forked child initialises again and works, and so does its parent"):
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        verdict = b"no"
        try:
            own = opened(again=True)
            own.login("123456")
            generate(own, "child")
            verdict = b"ok"
        finally:
            os.write(sender, verdict)
            os._exit(0)
    os.close(sender)
    assert os.read(receiver, 2) == b"ok"
    os.waitpid(child, 0)
    assert "child" in labels(session)
    generate(session, "parent")


with it("a child that dropped its privileges is refused without socket_access"):
    if os.getuid() != 0:
        raise RuntimeError("only root can drop its privileges")
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        verdict = b"no"
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            try:
                opened(again=True)
            except PyKCS11.PyKCS11Error:
                verdict = b"ok"
        finally:
            os.write(sender, verdict)
            os._exit(0)
    os.close(sender)
    assert os.read(receiver, 2) == b"ok"
    os.waitpid(child, 0)


def worker(number, gate, answers):
    try:
        own = opened(again=True)
        own.login("123456")
        gate.wait()
        for key in range(10):
            generate(own, f"worker {number} key {key}")
        gate.wait()
        answers.put([label for label in labels(own) if label.startswith("worker")])
    except Exception as error:  # the parent tells it
        answers.put(repr(error))
        gate.abort()


with it("eight processes create keys at once, and each sees all of them"):
    context = multiprocessing.get_context("fork")
    gate, answers = context.Barrier(8), context.Queue()
    workers = [context.Process(target=worker, args=(number, gate, answers)) for number in range(8)]
    for one in workers:
        one.start()
    expected = sorted(f"worker {number} key {key}" for number in range(8) for key in range(10))
    seen = [answers.get(timeout=120) for _ in workers]
    for one in workers:
        one.join()
    for labels_seen in seen:
        assert labels_seen == expected, labels_seen

with it("pkcs11-tool's fork test passes"):
    tool("--login", "--pin", "123456", "--test-fork")

session.logout()
session.closeSession()
library.lib.C_Finalize()

with it("a dropped child is let in where socket_access admits it"):
    kill_hsmd()
    with open(os.path.join(home, "strongroom.toml"), "w", encoding="utf-8") as configuration:
        configuration.write('socket_access = "all"\n')
    session = opened(again=True)
    session.login("123456")
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        verdict = b"no"
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            own = opened(again=True)
            own.login("123456")
            assert "before" in labels(own)
            verdict = b"ok"
        finally:
            os.write(sender, verdict)
            os._exit(0)
    os.close(sender)
    assert os.read(receiver, 2) == b"ok"
    os.waitpid(child, 0)
    session.closeSession()
    library.lib.C_Finalize()

kill_hsmd()
finish()
