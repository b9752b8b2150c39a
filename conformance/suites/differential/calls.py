"""The calls that the differential test draws from, and one side of it.

A call is made from the chooser alone (and from which objects there are by name), so that both sides get the
same: it answers the function's name, what is special about it, and what does it to a side. That answers the
code and the output, None where the output is not determined.
"""

import ctypes
import struct

import keys
from cabi import CKA, CKK, CKO, Mechanism, Packed, Pointer, Template

ULONG = ctypes.c_ulong
SECRET = bytes(range(32))
# A key from RFC 6979 A.2.5.
EC_PRIVATE = bytes.fromhex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
EC_POINT = bytes.fromhex("0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64"
                         "f2f1b20c2d7e9f5177a3c294d4462299")
IV = bytes(16)
SIZES = (0, 1, 15, 16, 17, 32, 48, 100)
NOBODY = 987654321


class Side:
    """One module: its sessions and objects by name."""

    def __init__(self, module, label, pin):
        self.module = module
        module.initialize()
        self.slot = module.slot(label)
        self.pin = pin
        self.sessions, self.objects = [], {}
        self.root = module.session(self.slot, pin)

    def start(self):
        """Two new sessions, and the objects everything is done with."""
        for session in self.sessions:
            self.module.raw("CloseSession", session)
        for handle in self.objects.values():
            self.module.raw("DestroyObject", self.root.handle, handle)
        self.sessions = [self.module.session(self.slot).handle for _ in range(2)]
        root = self.root
        own = {CKA["TOKEN"]: False, CKA["PRIVATE"]: True}
        self.objects = {
            "aes": keys.secret(root, "AES", SECRET),
            "aes-16": keys.secret(root, "AES", SECRET[:16]),
            "mac": keys.secret(root, "GENERIC_SECRET", SECRET * 2),
            "ec-private": keys.ec_private(root, "secp256r1", EC_PRIVATE),
            "ec-public": keys.ec_public(root, "secp256r1", EC_POINT),
            "no-uses": root.create({CKA["CLASS"]: CKO["SECRET_KEY"], CKA["KEY_TYPE"]: CKK["AES"], CKA["VALUE"]: SECRET, **own,
                                    **{CKA[use]: False for use in keys.USES["SECRET_KEY"]}}),
            "sealed": root.create({CKA["CLASS"]: CKO["SECRET_KEY"], CKA["KEY_TYPE"]: CKK["AES"], CKA["VALUE"]: SECRET, **own,
                                   CKA["SENSITIVE"]: True, CKA["EXTRACTABLE"]: False, CKA["LABEL"]: "sealed"}),
            "data": root.create({CKA["CLASS"]: CKO["DATA"], CKA["LABEL"]: "data", CKA["VALUE"]: b"content", **own}),
        }

    def handle(self, name):
        return self.objects.get(name, NOBODY)

    def session(self, number):
        return self.sessions[number] if number < len(self.sessions) else NOBODY


# Mechanisms by what is right and wrong about them.

def mechanisms():
    gcm = lambda iv, tag: Mechanism(keys.AES_GCM, Packed(Pointer(iv), len(iv), len(iv) * 8, 0, 0, tag))
    return {
        "AES-ECB": Mechanism(keys.AES_ECB), "AES-CBC": Mechanism(keys.AES_CBC, IV),
        "AES-CBC-PAD": Mechanism(keys.AES_CBC_PAD, IV), "AES-CTR": Mechanism(keys.AES_CTR, Packed(128, IV)),
        "AES-GCM": gcm(bytes(12), 128), "AES-CBC without IV": Mechanism(keys.AES_CBC),
        "AES-CBC with a short IV": Mechanism(keys.AES_CBC, IV[:8]), "AES-GCM without parameter": Mechanism(keys.AES_GCM),
        "HMAC": Mechanism(0x251), "CMAC": Mechanism(keys.AES_CMAC), "ECDSA": Mechanism(0x1041),
        "SHA-256": Mechanism(0x250), "SHA-1": Mechanism(0x220), "unknown": Mechanism(0x7FFF0000),
    }


MECHANISMS = mechanisms()
CIPHERS = ("AES-ECB", "AES-CBC", "AES-CBC-PAD", "AES-CTR", "AES-GCM")
WRONG = ("AES-CBC without IV", "AES-CBC with a short IV", "AES-GCM without parameter", "unknown", "SHA-256")
KEYS = ("aes", "aes-16", "mac", "ec-private", "ec-public", "no-uses", "sealed", "data", "nothing")


def session_number(choose):
    return choose.choices((0, 1, 2), (10, 10, 1))[0]


def begin(kind, right_mechanisms, right_keys):
    def call(choose, _):
        right = choose.random() < 0.7
        mechanism = choose.choice(right_mechanisms if right else (*right_mechanisms, *WRONG))
        key = choose.choice(right_keys if right else KEYS)
        number = session_number(choose)

        def act(side):
            return side.module.raw(f"{kind}Init", side.session(number), MECHANISMS[mechanism].pointer(), side.handle(key)), None

        return f"C_{kind}Init", f"{mechanism} with {key}" + (" of no session" if number == 2 else ""), act

    return call


def digest_init(choose, _):
    mechanism, number = choose.choice(("SHA-256", "SHA-1", "unknown", "AES-CBC")), session_number(choose)

    def act(side):
        return side.module.raw("DigestInit", side.session(number), MECHANISMS[mechanism].pointer()), None

    return "C_DigestInit", mechanism + (" of no session" if number == 2 else ""), act


def data_of(choose):
    size = choose.choice(SIZES)
    return bytes((7 * i + size) & 255 for i in range(size))


def room_of(choose):
    """A length query, a buffer that is too short, one that is enough."""
    return choose.choices((None, 0, 4096), (2, 1, 6))[0]


def produce(function, with_input):
    """C_Encrypt and all that take input, or none, and fill a buffer."""

    def call(choose, _):
        data, room, number = data_of(choose), room_of(choose), session_number(choose)

        def act(side):
            size = ULONG(room or 0)
            buffer = None if room is None else ctypes.create_string_buffer(max(room, 1))
            given = (data, len(data)) if with_input else ()
            rv = side.module.raw(function, side.session(number), *given, buffer, ctypes.byref(size))
            # How much a length query asks for is the module's own business (§5.2: an upper bound).
            if rv != 0 or room is None:
                return rv, None
            return rv, buffer.raw[: size.value]

        how = {None: "length query", 0: "no room"}.get(room, "room")
        what = f"{len(data)} bytes, {how}" if with_input else how
        return f"C_{function}", what + (", no session" if number == 2 else ""), act

    return call


def absorb(function):
    def call(choose, _):
        data, number = data_of(choose), session_number(choose)

        def act(side):
            return side.module.raw(function, side.session(number), data, len(data)), None

        return f"C_{function}", f"{len(data)} bytes" + (", no session" if number == 2 else ""), act

    return call


def verify(function, with_input):
    def call(choose, _):
        data, size, number = data_of(choose), choose.choice((0, 16, 32, 64, 65)), session_number(choose)

        def act(side):
            given = (data, len(data)) if with_input else ()
            return side.module.raw(function, side.session(number), *given, bytes(size), size), None

        return f"C_{function}", f"signature of {size} bytes", act

    return call


def attribute(choose, side):
    object_name = choose.choice((*side.objects, "nothing"))
    which = choose.choice(("CLASS", "VALUE", "LABEL", "SENSITIVE", "EXTRACTABLE", "ENCRYPT", "MODIFIABLE", "VALUE_LEN",
                           "ALWAYS_SENSITIVE", "NEVER_EXTRACTABLE", "LOCAL", "EC_PARAMS", "EC_POINT", "MODULUS", "ID",
                           "KEY_TYPE", "TRUSTED", "COPYABLE", "TOKEN", "PRIVATE"))
    room, number = room_of(choose), session_number(choose)

    def act(side):
        buffer = ctypes.create_string_buffer(max(room or 0, 1))
        address = 0 if room is None else ctypes.addressof(buffer)
        request = ctypes.create_string_buffer(struct.pack("<QQQ", CKA[which], address, room or 0), 24)
        rv = side.module.raw("GetAttributeValue", side.session(number), side.handle(object_name), request, 1)
        size = struct.unpack("<QQQ", request.raw)[2]
        return rv, (size, buffer.raw[:size] if rv == 0 and room else None) if rv == 0 else None

    how = {None: "length query", 0: "no room"}.get(room, "room")
    return "C_GetAttributeValue", f"{which} of {object_name}, {how}" + (", no session" if number == 2 else ""), act


def change(function):
    """C_SetAttributeValue or C_CopyObject with one attribute."""

    def call(choose, side):
        object_name = choose.choice((*side.objects, "nothing"))
        which, value = choose.choice((("LABEL", b"other"), ("ID", b"\1"), ("SENSITIVE", True), ("SENSITIVE", False),
                                      ("EXTRACTABLE", False), ("EXTRACTABLE", True), ("ENCRYPT", False), ("CLASS", 3),
                                      ("VALUE", b"x" * 16), ("LOCAL", True), ("KEY_TYPE", 3), ("TRUSTED", True)))
        number = session_number(choose)

        def act(side):
            template, handle = Template({CKA[which]: value}), ULONG(0)
            more = (ctypes.byref(handle),) if function == "CopyObject" else ()
            rv = side.module.raw(function, side.session(number), side.handle(object_name), template.pointer(), 1, *more)
            if more and rv == 0:
                side.module.raw("DestroyObject", side.session(number), handle.value)
            return rv, None

        return f"C_{function}", f"{which}={value!r:.20} of {object_name}" + (", no session" if number == 2 else ""), act

    return call


TEMPLATES = {
    "an AES key": {"CLASS": 4, "KEY_TYPE": 0x1F, "VALUE": SECRET},
    "an AES key of 15 bytes": {"CLASS": 4, "KEY_TYPE": 0x1F, "VALUE": SECRET[:15]},
    "an AES key without value": {"CLASS": 4, "KEY_TYPE": 0x1F},
    "an AES key with VALUE_LEN": {"CLASS": 4, "KEY_TYPE": 0x1F, "VALUE": SECRET, "VALUE_LEN": 32},
    "no class": {"KEY_TYPE": 0x1F, "VALUE": SECRET},
    "no key type": {"CLASS": 4, "VALUE": SECRET},
    "an unknown class": {"CLASS": 0x77, "VALUE": SECRET},
    "a key with LOCAL": {"CLASS": 4, "KEY_TYPE": 0x1F, "VALUE": SECRET, "LOCAL": True},
    "a key with a modulus": {"CLASS": 4, "KEY_TYPE": 0x1F, "VALUE": SECRET, "MODULUS": b"x"},
    "a BOOL of two bytes": {"CLASS": 4, "KEY_TYPE": 0x1F, "VALUE": SECRET, "ENCRYPT": b"\1\1"},
    "data": {"CLASS": 0, "VALUE": b"v", "LABEL": "l", "APPLICATION": "a"},
    "an EC key without point": {"CLASS": 2, "KEY_TYPE": 3, "EC_PARAMS": keys.CURVES["secp256r1"]},
    "an EC key": {"CLASS": 2, "KEY_TYPE": 3, "EC_PARAMS": keys.CURVES["secp256r1"], "EC_POINT": keys.der(4, EC_POINT)},
    "an RSA key without exponent": {"CLASS": 2, "KEY_TYPE": 0, "MODULUS": b"\xff" * 256},
}


def create(choose, _):
    what, number = choose.choice(sorted(TEMPLATES)), session_number(choose)

    def act(side):
        template, handle = Template({CKA[name]: value for name, value in TEMPLATES[what].items()}), ULONG(0)
        rv = side.module.raw("CreateObject", side.session(number), template.pointer(), template.count, ctypes.byref(handle))
        if rv == 0:
            side.module.raw("DestroyObject", side.session(number), handle.value)
        return rv, None

    return "C_CreateObject", what + (", no session" if number == 2 else ""), act


def generate(choose, _):
    mechanism, size = choose.choice((0x1080, 0x350, 0x250, 0x7FFF0000)), choose.choice((None, 0, 15, 16, 32))
    number = session_number(choose)

    def act(side):
        template = {CKA["TOKEN"]: False} | ({CKA["VALUE_LEN"]: size} if size is not None else {})
        packed, handle = Template(template), ULONG(0)
        rv = side.module.raw("GenerateKey", side.session(number), Mechanism(mechanism).pointer(), packed.pointer(), packed.count,
                             ctypes.byref(handle))
        if rv == 0:
            side.module.raw("DestroyObject", side.session(number), handle.value)
        return rv, None

    return "C_GenerateKey", f"mechanism {mechanism:#x} of {size} bytes" + (", no session" if number == 2 else ""), act


def wrap(choose, _):
    mechanism = choose.choice((("AES-KW", Mechanism(keys.AES_KW)), ("unknown", Mechanism(0x7FFF0000))))
    with_key, key = choose.choice(("aes", "aes-16", "mac", "no-uses", "nothing")), choose.choice(("aes", "mac", "sealed", "data", "nothing"))
    room, number = room_of(choose), session_number(choose)

    def act(side):
        size = ULONG(room or 0)
        buffer = None if room is None else ctypes.create_string_buffer(max(room, 1))
        rv = side.module.raw("WrapKey", side.session(number), mechanism[1].pointer(), side.handle(with_key), side.handle(key), buffer,
                             ctypes.byref(size))
        return rv, buffer.raw[: size.value] if rv == 0 and room else None

    how = {None: "length query", 0: "no room"}.get(room, "room")
    return "C_WrapKey", f"{key} with {with_key} by {mechanism[0]}, {how}" + (", no session" if number == 2 else ""), act


def unwrap(choose, _):
    wrapped = choose.choice((b"", bytes(15), bytes(16), bytes(24), bytes(40)))
    with_key, number = choose.choice(("aes", "mac", "no-uses", "nothing")), session_number(choose)

    def act(side):
        template, handle = Template({CKA["CLASS"]: 4, CKA["KEY_TYPE"]: 0x1F, CKA["TOKEN"]: False}), ULONG(0)
        rv = side.module.raw("UnwrapKey", side.session(number), Mechanism(keys.AES_KW).pointer(), side.handle(with_key), wrapped,
                             len(wrapped), template.pointer(), template.count, ctypes.byref(handle))
        return rv, None

    return "C_UnwrapKey", f"{len(wrapped)} bytes with {with_key}" + (", no session" if number == 2 else ""), act


def derive(choose, _):
    key, public = choose.choice(("ec-private", "ec-public", "aes", "nothing")), choose.choice((EC_POINT, EC_POINT[:20], b""))
    mechanism, number = keys.ecdh(public), session_number(choose)

    def act(side):
        template, handle = Template(keys.derived(32)), ULONG(0)
        rv = side.module.raw("DeriveKey", side.session(number), mechanism.pointer(), side.handle(key), template.pointer(),
                             template.count, ctypes.byref(handle))
        value = None
        if rv == 0:
            value = side.root.attribute(handle.value, CKA["VALUE"])
            side.module.raw("DestroyObject", side.session(number), handle.value)
        return rv, value

    return "C_DeriveKey", f"{key} and a point of {len(public)} bytes" + (", no session" if number == 2 else ""), act


def find(choose, _):
    which = choose.choice(({"LABEL": "sealed"}, {"CLASS": 4}, {"LABEL": "none"}, {"CLASS": 0, "LABEL": "data"}))
    number = session_number(choose)

    def act(side):
        template, count, found = Template({CKA[name]: value for name, value in which.items()}), ULONG(0), (ULONG * 64)()
        session = side.session(number)
        rv = side.module.raw("FindObjectsInit", session, template.pointer(), template.count)
        if rv == 0:
            rv = side.module.raw("FindObjects", session, found, 64, ctypes.byref(count))
            side.module.raw("FindObjectsFinal", session)
        return rv, count.value

    return "C_FindObjects", str(which) + (", no session" if number == 2 else ""), act


def search_step(function):
    def call(choose, _):
        number = session_number(choose)

        def act(side):
            count, found = ULONG(0), (ULONG * 4)()
            arguments = (found, 4, ctypes.byref(count)) if function == "FindObjects" else ()
            return side.module.raw(function, side.session(number), *arguments), None

        return f"C_{function}", "without a search" + (", no session" if number == 2 else ""), act

    return call


def login(choose, _):
    user, pin, number = choose.choice((0, 1, 2, 7)), choose.choice(("1234", "9999")), session_number(choose)

    def act(side):
        return side.module.raw("Login", side.session(number), user, pin.encode(), len(pin)), None

    return "C_Login", f"user {user} who is logged in" + (", no session" if number == 2 else ""), act


def open_session(choose, _):
    flags = choose.choice((6, 4, 2, 0))

    def act(side):
        handle = ULONG(0)
        rv = side.module.raw("OpenSession", side.slot, flags, None, None, ctypes.byref(handle))
        if rv == 0:
            side.module.raw("CloseSession", handle.value)
        return rv, None

    return "C_OpenSession", f"flags {flags}", act


def session_information(choose, _):
    number = session_number(choose)

    def act(side):
        buffer = ctypes.create_string_buffer(32)
        rv = side.module.raw("GetSessionInfo", side.session(number), buffer)
        return rv, struct.unpack("<QQQQ", buffer.raw)[1:3] if rv == 0 else None

    return "C_GetSessionInfo", "no session" if number == 2 else "", act


def draw_random(choose, _):
    size, number = choose.choice((0, 1, 100)), session_number(choose)

    def act(side):
        return side.module.raw("GenerateRandom", side.session(number), ctypes.create_string_buffer(128), size), None

    return "C_GenerateRandom", f"{size} bytes" + (", no session" if number == 2 else ""), act


def destroy(choose, _):
    number = session_number(choose)

    def act(side):
        return side.module.raw("DestroyObject", side.session(number), NOBODY), None

    return "C_DestroyObject", "nothing" + (", no session" if number == 2 else ""), act


CALLS = [
    (begin("Encrypt", CIPHERS, ("aes", "aes-16")), 8), (produce("Encrypt", True), 6), (produce("EncryptUpdate", True), 4),
    (produce("EncryptFinal", False), 3), (begin("Decrypt", CIPHERS, ("aes", "aes-16")), 6), (produce("Decrypt", True), 5),
    (produce("DecryptUpdate", True), 3), (produce("DecryptFinal", False), 2), (digest_init, 5), (produce("Digest", True), 4),
    (absorb("DigestUpdate"), 4), (produce("DigestFinal", False), 4), (begin("Sign", ("HMAC",), ("mac",)), 5),
    (begin("Sign", ("CMAC",), ("aes",)), 2), (produce("Sign", True), 4), (absorb("SignUpdate"), 3), (produce("SignFinal", False), 3),
    (begin("Verify", ("HMAC",), ("mac",)), 4), (begin("Verify", ("ECDSA",), ("ec-public",)), 3), (verify("Verify", True), 4),
    (absorb("VerifyUpdate"), 2), (verify("VerifyFinal", False), 2), (attribute, 8), (change("SetAttributeValue"), 4),
    (change("CopyObject"), 4), (create, 6), (generate, 4), (wrap, 4), (unwrap, 3), (derive, 3), (find, 3),
    (search_step("FindObjects"), 1), (search_step("FindObjectsFinal"), 1), (login, 2), (open_session, 2),
    (session_information, 1), (draw_random, 1), (destroy, 1),
]
