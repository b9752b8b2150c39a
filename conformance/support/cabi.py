"""PKCS#11 for tests: a module, its functions by ctypes, and values packed as C lays them out on Linux.

Nothing here knows any particular module. What a function answers other than CKR_OK is a `Failure`.
"""

import ctypes
import struct

ULONG = ctypes.c_ulong
UNAVAILABLE = (1 << 64) - 1


class Failure(Exception):
    """What a C_ function answered, if not CKR_OK."""

    def __init__(self, function, rv):
        super().__init__(f"{function}: {CKR.get(rv, hex(rv))}")
        self.rv = rv


class Packed:
    """Bytes as a C structure has them. Fields: an int is a CK_ULONG, bytes stand as they are (and are
    padded to eight), a `Pointer` points to bytes that live as long as this."""

    def __init__(self, *fields):
        self.kept = []
        out = b""
        for field in fields:
            if isinstance(field, int):
                out += struct.pack("<Q", field)
            elif isinstance(field, Pointer):
                out += struct.pack("<Q", field.address)
                self.kept.append(field)
            else:
                out += field + bytes(-len(field) % 8)
        self.buffer = ctypes.create_string_buffer(out, len(out))
        self.size = len(out)


class Pointer:
    """An address of bytes; NULL for None."""

    def __init__(self, value):
        self.buffer = None
        self.address = 0
        if isinstance(value, Packed):
            self.buffer, self.address = value, ctypes.addressof(value.buffer)
        elif value is not None:
            self.buffer = ctypes.create_string_buffer(bytes(value), max(len(value), 1))
            self.address = ctypes.addressof(self.buffer)


def counted(value):
    """Pointer and length of bytes, as most parameters want them; nothing is NULL and 0."""
    return (Pointer(value if value else None), len(value or b""))


class Mechanism:
    """CK_MECHANISM."""

    def __init__(self, number, parameters=None):
        self.number = number
        if isinstance(parameters, (bytes, bytearray)):
            parameters = _raw(parameters)
        self.parameters = parameters
        address = ctypes.addressof(parameters.buffer) if parameters is not None else 0
        size = parameters.size if parameters is not None else 0
        self.packed = Packed(number, address, size)

    def pointer(self):
        return ctypes.byref(self.packed.buffer)


def _raw(value):
    packed = Packed()
    packed.buffer = ctypes.create_string_buffer(bytes(value), len(value))
    packed.size = len(value)
    return packed


def value_bytes(value):
    """An attribute's value: bool, number, text, bytes, or a list of numbers."""
    if isinstance(value, bool):
        return bytes([value])
    if isinstance(value, int):
        return struct.pack("<Q", value)
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (list, tuple)):
        return b"".join(struct.pack("<Q", number) for number in value)
    return bytes(value)


class Template:
    """CK_ATTRIBUTE[] of {number: value}."""

    def __init__(self, attributes):
        items = list(attributes.items() if isinstance(attributes, dict) else attributes)
        self.count = len(items)
        self.values = [Pointer(value_bytes(value)) for _, value in items]
        out = b""
        for (number, value), pointer in zip(items, self.values):
            out += struct.pack("<QQQ", number, pointer.address, len(value_bytes(value)))
        self.buffer = ctypes.create_string_buffer(out, max(len(out), 1))

    def pointer(self):
        return ctypes.byref(self.buffer) if self.count else None


class Module:
    """A loaded module. `call` is any function of it, by name; an exported C_ function is enough."""

    def __init__(self, path):
        self.library = ctypes.CDLL(path)
        self.path = path

    def raw(self, name, *arguments):
        """The code that C_`name` answers."""
        function = getattr(self.library, "C_" + name)
        function.restype = ULONG
        return function(*(ULONG(a) if isinstance(a, int) and not isinstance(a, bool) else a for a in arguments))

    def call(self, name, *arguments):
        rv = self.raw(name, *arguments)
        if rv != 0:
            raise Failure("C_" + name, rv)

    def has(self, name):
        return hasattr(self.library, "C_" + name)

    def initialize(self):
        self.call("Initialize", Packed(0, 0, 0, 0, 2, 0).buffer)

    def slots(self):
        count = ULONG(0)
        self.call("GetSlotList", ctypes.c_ubyte(1), None, ctypes.byref(count))
        slots = (ULONG * count.value)()
        self.call("GetSlotList", ctypes.c_ubyte(1), slots, ctypes.byref(count))
        return list(slots)[: count.value]

    def label(self, slot):
        buffer = ctypes.create_string_buffer(256)
        self.call("GetTokenInfo", slot, buffer)
        return buffer.raw[:32].decode().rstrip()

    def slot(self, label):
        return next(slot for slot in self.slots() if self.label(slot) == label)

    def mechanisms(self, slot):
        count = ULONG(0)
        self.call("GetMechanismList", slot, None, ctypes.byref(count))
        numbers = (ULONG * count.value)()
        self.call("GetMechanismList", slot, numbers, ctypes.byref(count))
        return set(numbers[: count.value])

    def key_sizes(self, slot, mechanism):
        """The least and the most that C_GetMechanismInfo says, in the mechanism's unit."""
        buffer = ctypes.create_string_buffer(24)
        self.call("GetMechanismInfo", slot, mechanism, buffer)
        return struct.unpack("<QQQ", buffer.raw)[:2]

    def session(self, slot, pin=None, user=1):
        handle = ULONG(0)
        self.call("OpenSession", slot, 6, None, None, ctypes.byref(handle))
        session = Session(self, handle.value, slot)
        if pin is not None:
            rv = self.raw("Login", session.handle, user, pin.encode(), len(pin))
            if rv not in (0, 0x100):
                raise Failure("C_Login", rv)
        return session


class Session:
    """A session: what one does with it, bytes in and out."""

    def __init__(self, module, handle, slot=None):
        self.module, self.handle, self.slot = module, handle, slot

    def call(self, name, *arguments):
        self.module.call(name, self.handle, *arguments)

    def create(self, attributes):
        template, handle = Template(attributes), ULONG(0)
        self.call("CreateObject", template.pointer(), template.count, ctypes.byref(handle))
        return handle.value

    def destroy(self, handle):
        self.call("DestroyObject", handle)

    def attribute(self, handle, number):
        request = ctypes.create_string_buffer(struct.pack("<QQQ", number, 0, 0), 24)
        self.call("GetAttributeValue", handle, request, 1)
        size = struct.unpack("<QQQ", request.raw)[2]
        value = Pointer(bytes(size))
        request = ctypes.create_string_buffer(struct.pack("<QQQ", number, value.address, size), 24)
        self.call("GetAttributeValue", handle, request, 1)
        return value.buffer.raw[: struct.unpack("<QQQ", request.raw)[2]]

    def _output(self, name, *arguments, room):
        buffer, size = ctypes.create_string_buffer(max(room, 1)), ULONG(room)
        self.call(name, *arguments, buffer, ctypes.byref(size))
        return buffer.raw[: size.value]

    def _whole(self, kind, mechanism, key, data, room):
        self.call(kind + "Init", mechanism.pointer(), key)
        return self._output(kind, data, len(data), room=room)

    def encrypt(self, mechanism, key, data):
        return self._whole("Encrypt", mechanism, key, data, len(data) + 1024)

    def decrypt(self, mechanism, key, data):
        return self._whole("Decrypt", mechanism, key, data, len(data) + 1024)

    def sign(self, mechanism, key, data, room=8192):
        return self._whole("Sign", mechanism, key, data, room)

    def digest(self, mechanism, data):
        self.call("DigestInit", mechanism.pointer())
        return self._output("Digest", data, len(data), room=128)

    def verify(self, mechanism, key, data, signature):
        self.call("VerifyInit", mechanism.pointer(), key)
        self.call("Verify", data, len(data), signature, len(signature))

    def parts(self, kind, mechanism, key, data, size):
        """The same in parts of `size` bytes; `kind` is Encrypt, Decrypt or Sign."""
        self.call(kind + "Init", mechanism.pointer(), key)
        out = b""
        for at in range(0, len(data), size):
            part = data[at : at + size]
            if kind == "Sign":
                self.call("SignUpdate", part, len(part))
            else:
                out += self._output(kind + "Update", part, len(part), room=len(data) + 64)
        return out + self._output(kind + "Final", room=len(data) + 8192)

    def generate(self, mechanism, attributes):
        template, handle = Template(attributes), ULONG(0)
        self.call("GenerateKey", mechanism.pointer(), template.pointer(), template.count, ctypes.byref(handle))
        return handle.value

    def generate_pair(self, mechanism, public, private):
        one, two, first, second = Template(public), Template(private), ULONG(0), ULONG(0)
        self.call("GenerateKeyPair", mechanism.pointer(), one.pointer(), one.count, two.pointer(), two.count,
                  ctypes.byref(first), ctypes.byref(second))
        return first.value, second.value

    def derive(self, mechanism, key, attributes):
        template, handle = Template(attributes), ULONG(0)
        self.call("DeriveKey", mechanism.pointer(), key, template.pointer(), template.count, ctypes.byref(handle))
        return handle.value

    def wrap(self, mechanism, with_key, key):
        return self._output("WrapKey", mechanism.pointer(), with_key, key, room=16384)

    def unwrap(self, mechanism, with_key, wrapped, attributes):
        template, handle = Template(attributes), ULONG(0)
        self.call("UnwrapKey", mechanism.pointer(), with_key, wrapped, len(wrapped), template.pointer(),
                  template.count, ctypes.byref(handle))
        return handle.value

    def encapsulate(self, mechanism, key, attributes):
        template, handle = Template(attributes), ULONG(0)
        buffer, size = ctypes.create_string_buffer(4096), ULONG(4096)
        self.call("EncapsulateKey", mechanism.pointer(), key, template.pointer(), template.count, buffer,
                  ctypes.byref(size), ctypes.byref(handle))
        return buffer.raw[: size.value], handle.value

    def decapsulate(self, mechanism, key, ciphertext, attributes):
        template, handle = Template(attributes), ULONG(0)
        self.call("DecapsulateKey", mechanism.pointer(), key, template.pointer(), template.count, ciphertext,
                  len(ciphertext), ctypes.byref(handle))
        return handle.value


CKA = {
    "CLASS": 0x0, "TOKEN": 0x1, "PRIVATE": 0x2, "LABEL": 0x3, "APPLICATION": 0x10, "VALUE": 0x11, "TRUSTED": 0x86,
    "KEY_TYPE": 0x100, "SUBJECT": 0x101, "ID": 0x102, "SENSITIVE": 0x103, "ENCRYPT": 0x104, "DECRYPT": 0x105,
    "WRAP": 0x106, "UNWRAP": 0x107, "SIGN": 0x108, "SIGN_RECOVER": 0x109, "VERIFY": 0x10A, "VERIFY_RECOVER": 0x10B,
    "DERIVE": 0x10C, "START_DATE": 0x110, "MODULUS": 0x120, "MODULUS_BITS": 0x121, "PUBLIC_EXPONENT": 0x122,
    "PRIVATE_EXPONENT": 0x123, "PRIME_1": 0x124, "PRIME_2": 0x125, "EXPONENT_1": 0x126, "EXPONENT_2": 0x127,
    "COEFFICIENT": 0x128, "VALUE_LEN": 0x161, "EXTRACTABLE": 0x162, "LOCAL": 0x163, "NEVER_EXTRACTABLE": 0x164,
    "ALWAYS_SENSITIVE": 0x165, "MODIFIABLE": 0x170, "COPYABLE": 0x171, "DESTROYABLE": 0x172, "EC_PARAMS": 0x180,
    "EC_POINT": 0x181, "ALWAYS_AUTHENTICATE": 0x202, "WRAP_WITH_TRUSTED": 0x210, "PARAMETER_SET": 0x61D,
    "ENCAPSULATE": 0x633, "DECAPSULATE": 0x634, "SEED": 0x637, "CHECK_VALUE": 0x90,
}
CKO = {"DATA": 0, "CERTIFICATE": 1, "PUBLIC_KEY": 2, "PRIVATE_KEY": 3, "SECRET_KEY": 4}
CKK = {
    "RSA": 0, "EC": 3, "GENERIC_SECRET": 0x10, "DES3": 0x15, "AES": 0x1F, "AES_XTS": 0x35, "EC_EDWARDS": 0x40,
    "EC_MONTGOMERY": 0x41, "HKDF": 0x42, "ML_KEM": 0x49, "ML_DSA": 0x4A,
}
CKR = {
    0x0: "CKR_OK", 0x1: "CKR_CANCEL", 0x2: "CKR_HOST_MEMORY", 0x3: "CKR_SLOT_ID_INVALID", 0x5: "CKR_GENERAL_ERROR",
    0x6: "CKR_FUNCTION_FAILED", 0x7: "CKR_ARGUMENTS_BAD", 0x8: "CKR_NO_EVENT", 0x10: "CKR_ATTRIBUTE_READ_ONLY",
    0x11: "CKR_ATTRIBUTE_SENSITIVE", 0x12: "CKR_ATTRIBUTE_TYPE_INVALID", 0x13: "CKR_ATTRIBUTE_VALUE_INVALID",
    0x1B: "CKR_ACTION_PROHIBITED", 0x20: "CKR_DATA_INVALID", 0x21: "CKR_DATA_LEN_RANGE", 0x30: "CKR_DEVICE_ERROR",
    0x31: "CKR_DEVICE_MEMORY", 0x32: "CKR_DEVICE_REMOVED", 0x40: "CKR_ENCRYPTED_DATA_INVALID",
    0x41: "CKR_ENCRYPTED_DATA_LEN_RANGE", 0x42: "CKR_AEAD_DECRYPT_FAILED", 0x50: "CKR_FUNCTION_CANCELED",
    0x54: "CKR_FUNCTION_NOT_SUPPORTED", 0x60: "CKR_KEY_HANDLE_INVALID", 0x62: "CKR_KEY_SIZE_RANGE",
    0x63: "CKR_KEY_TYPE_INCONSISTENT", 0x64: "CKR_KEY_NOT_NEEDED", 0x65: "CKR_KEY_CHANGED", 0x66: "CKR_KEY_NEEDED",
    0x67: "CKR_KEY_INDIGESTIBLE", 0x68: "CKR_KEY_FUNCTION_NOT_PERMITTED", 0x69: "CKR_KEY_NOT_WRAPPABLE",
    0x6A: "CKR_KEY_UNEXTRACTABLE", 0x70: "CKR_MECHANISM_INVALID", 0x71: "CKR_MECHANISM_PARAM_INVALID",
    0x82: "CKR_OBJECT_HANDLE_INVALID", 0x90: "CKR_OPERATION_ACTIVE", 0x91: "CKR_OPERATION_NOT_INITIALIZED",
    0xA0: "CKR_PIN_INCORRECT", 0xA1: "CKR_PIN_INVALID", 0xA2: "CKR_PIN_LEN_RANGE", 0xA4: "CKR_PIN_LOCKED",
    0xB0: "CKR_SESSION_CLOSED", 0xB1: "CKR_SESSION_COUNT", 0xB3: "CKR_SESSION_HANDLE_INVALID",
    0xB4: "CKR_SESSION_PARALLEL_NOT_SUPPORTED", 0xB5: "CKR_SESSION_READ_ONLY", 0xB6: "CKR_SESSION_EXISTS",
    0xB7: "CKR_SESSION_READ_ONLY_EXISTS", 0xB8: "CKR_SESSION_READ_WRITE_SO_EXISTS", 0xC0: "CKR_SIGNATURE_INVALID",
    0xC1: "CKR_SIGNATURE_LEN_RANGE", 0xD0: "CKR_TEMPLATE_INCOMPLETE", 0xD1: "CKR_TEMPLATE_INCONSISTENT",
    0xE0: "CKR_TOKEN_NOT_PRESENT", 0xE1: "CKR_TOKEN_NOT_RECOGNIZED", 0xE2: "CKR_TOKEN_WRITE_PROTECTED",
    0xF0: "CKR_UNWRAPPING_KEY_HANDLE_INVALID", 0xF1: "CKR_UNWRAPPING_KEY_SIZE_RANGE",
    0xF2: "CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT", 0x100: "CKR_USER_ALREADY_LOGGED_IN",
    0x101: "CKR_USER_NOT_LOGGED_IN", 0x102: "CKR_USER_PIN_NOT_INITIALIZED", 0x103: "CKR_USER_TYPE_INVALID",
    0x104: "CKR_USER_ANOTHER_ALREADY_LOGGED_IN", 0x110: "CKR_WRAPPED_KEY_INVALID", 0x112: "CKR_WRAPPED_KEY_LEN_RANGE",
    0x113: "CKR_WRAPPING_KEY_HANDLE_INVALID", 0x114: "CKR_WRAPPING_KEY_SIZE_RANGE",
    0x115: "CKR_WRAPPING_KEY_TYPE_INCONSISTENT", 0x120: "CKR_RANDOM_SEED_NOT_SUPPORTED", 0x130: "CKR_DOMAIN_PARAMS_INVALID",
    0x140: "CKR_CURVE_NOT_SUPPORTED", 0x150: "CKR_BUFFER_TOO_SMALL", 0x160: "CKR_SAVED_STATE_INVALID",
    0x170: "CKR_INFORMATION_SENSITIVE", 0x180: "CKR_STATE_UNSAVEABLE", 0x190: "CKR_CRYPTOKI_NOT_INITIALIZED",
    0x191: "CKR_CRYPTOKI_ALREADY_INITIALIZED", 0x1B9: "CKR_PUBLIC_KEY_INVALID", 0x200: "CKR_FUNCTION_REJECTED",
    0x202: "CKR_OPERATION_CANCEL_FAILED",
}
