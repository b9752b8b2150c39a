"""A client of the soak: random valid operations, each answer checked, and a journal of what was acknowledged.

`client.py MODULE LABEL PIN NUMBER THREADS SEED`, or `client.py MODULE LABEL PIN check JOURNAL…`: whether the token
has what the journals say. A line of a journal is written after the answer that it tells, at once.
"""

import ctypes
import hashlib
import hmac
import os
import random
import sys
import threading

import keys
from cabi import CKA, CKO, ULONG, Failure, Mechanism, Module, Template

SERVED = os.environ["SUITE_MODE"] == "served"
MESSAGE = b"what every key is tried with"
# Keys that a thread has at most: then it destroys some.
KEYS = 24
AES_KEY_GEN, GENERIC_KEY_GEN, EC_PAIR, EDWARDS_PAIR = 0x1080, 0x350, 0x1040, 0x1055
SHA256, HMAC_SHA256, ECDSA_SHA256 = 0x250, 0x251, 0x1044
IV = bytes(12)
# docs/ARCHITECTURE.md: when hsmd was killed, session objects and operations in the middle are lost, and nothing else.
LOST = {0x60: "CKR_KEY_HANDLE_INVALID", 0x82: "CKR_OBJECT_HANDLE_INVALID", 0x91: "CKR_OPERATION_NOT_INITIALIZED"}


def of(label, kind, **more):
    return {CKA["CLASS"]: CKO[kind], CKA["TOKEN"]: True, CKA["PRIVATE"]: kind != "PUBLIC_KEY", CKA["LABEL"]: label,
            **{CKA[name]: value for name, value in more.items()}}


class Kind:
    """A kind of key: how it is made, what it makes of the message, and whether that is right."""

    def __init__(self, make, use, right):
        self.make, self.use, self.right = make, use, right


def pair(mechanism, curve):
    def make(session, label):
        return session.generate_pair(Mechanism(mechanism), of(label, "PUBLIC_KEY", EC_PARAMS=keys.CURVES[curve], VERIFY=True),
                                     of(label, "PRIVATE_KEY", SIGN=True))

    return make


def signing(mechanism, make):
    return Kind(
        make,
        lambda session, handles: session.sign(Mechanism(mechanism), handles[1], MESSAGE),
        lambda session, handles, sample: session.verify(Mechanism(mechanism), handles[0], MESSAGE, sample),
    )


def secret_key(mechanism, **more):
    return lambda session, label: (session.generate(Mechanism(mechanism), of(label, "SECRET_KEY", VALUE_LEN=32, **more)),)


KINDS = {
    "aes": Kind(
        secret_key(AES_KEY_GEN, ENCRYPT=True, DECRYPT=True),
        lambda session, handles: session.encrypt(keys.gcm(IV, b"", 128), handles[0], MESSAGE),
        lambda session, handles, sample: equal(session.decrypt(keys.gcm(IV, b"", 128), handles[0], sample), MESSAGE),
    ),
    "hmac": Kind(
        secret_key(GENERIC_KEY_GEN, SIGN=True, VERIFY=True),
        lambda session, handles: session.sign(Mechanism(HMAC_SHA256), handles[0], MESSAGE),
        lambda session, handles, sample: equal(session.sign(Mechanism(HMAC_SHA256), handles[0], MESSAGE), sample),
    ),
    "ec": signing(ECDSA_SHA256, pair(EC_PAIR, "secp256r1")),
    "edwards": signing(keys.EDDSA, pair(EDWARDS_PAIR, "edwards25519")),
}


def equal(one, other):
    assert one == other, "another answer than before"


def find(session, attributes):
    """One search: its objects come a hundred at a time."""
    template, batch, count, handles = Template(attributes), (ULONG * 100)(), ULONG(1), []
    session.call("FindObjectsInit", template.pointer(), template.count)
    while count.value:
        session.call("FindObjects", batch, 100, ctypes.byref(count))
        handles += list(batch)[: count.value]
    session.call("FindObjectsFinal")
    return handles


def found(session, label, kind):
    """The handles of a key as its kind makes them, or those of them that are there."""
    classes = ("SECRET_KEY",) if kind in ("aes", "hmac") else ("PUBLIC_KEY", "PRIVATE_KEY")
    return [handle for name in classes for handle in find(session, {CKA["CLASS"]: CKO[name], CKA["LABEL"]: label})]


def read(path):
    """What a journal says: the keys that are there with their samples, and the labels that may be."""
    there, unsure = {}, {}
    if not os.path.exists(path):
        return there, unsure
    with open(path, encoding="utf-8") as journal:
        for line in journal:
            word, *rest = line.split()
            if word in ("making", "ending"):
                unsure[rest[0]] = rest[1]
                there.pop(rest[0], None)
            elif word == "made":
                label, kind, sample = rest
                there[label] = (kind, bytes.fromhex(sample))
                unsure.pop(label, None)
            elif word == "gone":
                unsure.pop(rest[0], None)
    return there, unsure


class Worker:
    """A thread with a session, keys and a journal of its own."""

    def __init__(self, module, slot, pin, name, seed):
        self.module, self.slot, self.pin, self.name = module, slot, pin, name
        self.choose = random.Random(f"{seed} {name}")
        self.session = module.session(slot, pin)
        path = f"journal.{name}"
        there, unsure = read(path)
        labels = [*there, *unsure]
        self.next = 1 + max((int(label.rsplit(".", 1)[1]) for label in labels), default=0)
        self.keys = {label: (kind, found(self.session, label, kind), sample) for label, (kind, sample) in there.items()}
        # pylint: disable-next=consider-using-with
        self.journal = open(path, "a", encoding="utf-8", buffering=1)

    def say(self, *words):
        self.journal.write(" ".join(words) + "\n")

    def run(self):
        things = ((self.make, 4), (self.use, 30), (self.seal, 20), (self.digest, 10), (self.parts, 10), (self.look, 10),
                  (self.another_session, 5), (self.session_key, 8), (self.random, 5), (self.fork, 1 if SERVED else 0))
        while not os.path.exists("end"):
            if len(self.keys) >= KEYS:
                self.destroy()
            self.choose.choices([thing for thing, _ in things], [weight for _, weight in things])[0]()

    def make(self):
        label, kind = f"{self.name}.{self.next}", self.choose.choice(list(KINDS))
        self.next += 1
        self.say("making", label, kind)
        handles = KINDS[kind].make(self.session, label)
        sample = KINDS[kind].use(self.session, handles)
        self.keys[label] = (kind, handles, sample)
        self.say("made", label, kind, sample.hex())

    def destroy(self):
        label = self.choose.choice(list(self.keys))
        kind, handles, _ = self.keys.pop(label)
        self.say("ending", label, kind)
        for handle in handles:
            self.session.destroy(handle)
        self.say("gone", label)

    def one(self):
        if not self.keys:
            self.make()
        label = self.choose.choice(list(self.keys))
        return label, *self.keys[label]

    def use(self):
        _, kind, handles, sample = self.one()
        KINDS[kind].right(self.session, handles, sample)

    def seal(self):
        _, kind, handles, _ = self.one()
        if kind == "aes":
            data = self.choose.randbytes(self.choose.choice((0, 1, 100, 4096, 100_000)))
            mechanism = keys.gcm(self.choose.randbytes(12), self.name.encode(), 128)
            equal(self.session.decrypt(mechanism, handles[0], self.session.encrypt(mechanism, handles[0], data)), data)

    def digest(self):
        data = self.choose.randbytes(self.choose.randrange(2000))
        equal(self.session.digest(Mechanism(SHA256), data), hashlib.sha256(data).digest())

    def parts(self):
        _, kind, handles, _ = self.one()
        if kind == "hmac":
            data = self.choose.randbytes(3000)
            self.may_be_lost(lambda: (self.session.parts("Sign", Mechanism(HMAC_SHA256), handles[0], data, 1000),
                                      self.session.sign(Mechanism(HMAC_SHA256), handles[0], data)))

    def look(self):
        label, kind, handles, _ = self.one()
        equal(sorted(found(self.session, label, kind)), sorted(handles))

    def another_session(self):
        other = self.module.session(self.slot, self.pin)
        _, kind, handles, sample = self.one()
        KINDS[kind].right(other, handles, sample)
        self.module.call("CloseSession", other.handle)

    def session_key(self):
        value, data = self.choose.randbytes(32), self.choose.randbytes(100)

        def act():
            key = keys.secret(self.session, "GENERIC_SECRET", value)
            code = self.session.sign(Mechanism(HMAC_SHA256), key, data)
            self.session.destroy(key)
            return code, hmac.digest(value, data, "sha256")

        self.may_be_lost(act)

    def random(self):
        buffer = ctypes.create_string_buffer(40)
        self.session.call("GenerateRandom", buffer, 40)
        assert any(buffer.raw)

    def fork(self):
        _, kind, handles, sample = self.one()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                self.module.initialize()
                own = self.module.session(self.slot, self.pin)
                KINDS[kind].right(own, handles, sample)
                self.module.call("Finalize", None)
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0, "the forked child failed"

    def may_be_lost(self, act):
        """Both of what `act` answers are the same, or hsmd was killed in the middle."""
        try:
            equal(*act())
        except Failure as failure:
            if not SERVED or failure.rv not in LOST or os.path.exists("peace"):
                raise
            print(f"{self.name}: {failure}", flush=True)


def check(session, journals):
    there, unsure = {}, {}
    for path in journals:
        for whole, part in zip((there, unsure), read(path)):
            whole.update(part)
    for label, (kind, sample) in there.items():
        handles = found(session, label, kind)
        assert len(handles) == (1 if kind in ("aes", "hmac") else 2), f"{label}: {len(handles)} objects"
        KINDS[kind].right(session, handles, sample)
        KINDS[kind].use(session, handles)
    objects = 0
    for name in ("SECRET_KEY", "PUBLIC_KEY", "PRIVATE_KEY"):
        for handle in find(session, {CKA["CLASS"]: CKO[name]}):
            label = session.attribute(handle, CKA["LABEL"]).decode()
            assert label in there or label in unsure, f"{label} is there: it was not made, or is gone"
            objects += 1
    print(len(there), "keys acknowledged,", len(unsure), "that may be there,", objects, "objects")


def main():
    path, label, pin, first, *rest = sys.argv[1:]
    module = Module(path)
    module.initialize()
    slot = module.slot(label)
    if first == "check":
        check(module.session(slot, pin), rest)
        return
    threads, seed = rest
    workers = [Worker(module, slot, pin, f"{first}.{thread}", seed) for thread in range(int(threads))]

    def run(worker):
        try:
            worker.run()
        except BaseException as failure:
            print(f"{worker.name}: {failure!r}", flush=True)
            # The others would go on without it.
            os._exit(1)

    running = [threading.Thread(target=run, args=(worker,)) for worker in workers]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    module.call("Finalize", None)


main()
