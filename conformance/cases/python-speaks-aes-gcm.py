"""AES-GCM and more through PyKCS11 and python-pkcs11: Debian's pkcs11-tool has no GCM."""

import hashlib
import hmac
import os
import subprocess
import tempfile

from case import MODULE, finish, it

home = tempfile.TemporaryDirectory(prefix="strongroom.")
os.environ["STRONGROOM_HOME"] = os.path.join(home.name, "home")


def tool(*words):
    subprocess.run(["pkcs11-tool", "--module", MODULE, *words], check=True, capture_output=True)


tool("--init-token", "--slot-index", "0", "--label", "mine", "--so-pin", "12345678")
tool("--init-pin", "--login", "--login-type", "so", "--so-pin", "12345678", "--pin", "123456")

import PyKCS11  # noqa: E402  (the home has to be there first)
import pkcs11  # noqa: E402
from PyKCS11 import LowLevel as low  # noqa: E402

message = bytes(range(256)) * 5

with it("PyKCS11 generates an AES key and encrypts with AES-GCM"):
    library = PyKCS11.PyKCS11Lib()
    library.load(MODULE)
    slot = library.getSlotList(tokenPresent=True)[0]
    session = library.openSession(slot, PyKCS11.CKF_SERIAL_SESSION | PyKCS11.CKF_RW_SESSION)
    session.login("123456")
    key = session.generateKey(
        [
            (PyKCS11.CKA_CLASS, PyKCS11.CKO_SECRET_KEY),
            (PyKCS11.CKA_KEY_TYPE, PyKCS11.CKK_AES),
            (PyKCS11.CKA_TOKEN, True),
            (PyKCS11.CKA_PRIVATE, True),
            (PyKCS11.CKA_SENSITIVE, True),
            (PyKCS11.CKA_ENCRYPT, True),
            (PyKCS11.CKA_DECRYPT, True),
            (PyKCS11.CKA_LABEL, "gcm"),
            (PyKCS11.CKA_ID, b"\x07"),
            (PyKCS11.CKA_VALUE_LEN, 32),
        ],
        PyKCS11.MechanismAESGENERATEKEY,
    )
    nonce, additional = os.urandom(12), b"page one"
    gcm = PyKCS11.AES_GCM_Mechanism(nonce, additional, 128)
    sealed = bytes(session.encrypt(key, message, gcm))
    assert len(sealed) == len(message) + 16

with it("PyKCS11 decrypts it, and not with other additional data"):
    assert bytes(session.decrypt(key, sealed, gcm)) == message
    try:
        session.decrypt(key, sealed, PyKCS11.AES_GCM_Mechanism(nonce, b"page two", 128))
    except PyKCS11.PyKCS11Error as error:
        assert error.value == PyKCS11.CKR_ENCRYPTED_DATA_INVALID, error
    else:
        raise AssertionError("wrong additional data were taken")

with it("the key's value is not revealed"):
    try:
        value = session.getAttributeValue(key, [PyKCS11.CKA_VALUE])
        assert value == [None], value
    except PyKCS11.PyKCS11Error as error:
        assert error.value == PyKCS11.CKR_ATTRIBUTE_SENSITIVE, error

with it("an unknown handle is refused"):
    try:
        unknown = low.CK_OBJECT_HANDLE()
        unknown.assign(99_999)
        session.encrypt(unknown, message, gcm)
    except PyKCS11.PyKCS11Error as error:
        assert error.value == PyKCS11.CKR_KEY_HANDLE_INVALID, error
    else:
        raise AssertionError("an unknown handle was taken")

with it("digests in parts and in one piece are the same"):
    whole = bytes(session.digest(message, PyKCS11.Mechanism(PyKCS11.CKM_SHA256)))
    parts = session.digestSession(PyKCS11.Mechanism(PyKCS11.CKM_SHA256))
    parts.update(message[:100]).update(message[100:])
    assert bytes(parts.final()) == whole == hashlib.sha256(message).digest()

session.logout()
session.closeSession()
library.lib.C_Finalize()

with it("python-pkcs11 finds the key and decrypts with it"):
    module = pkcs11.lib(MODULE)
    token = module.get_token(token_label="mine")
    with token.open(rw=True, user_pin="123456") as opened:
        found = opened.get_key(label="gcm", object_class=pkcs11.ObjectClass.SECRET_KEY)
        parameter = pkcs11.GCMParams(nonce, aad=additional, tag_bits=128)
        plain = found.decrypt(sealed, mechanism=pkcs11.Mechanism.AES_GCM, mechanism_param=parameter)
        assert plain == message

with it("python-pkcs11 makes session keys for CBC, CTR and HMAC"):
    with token.open(rw=True, user_pin="123456") as opened:
        made = opened.generate_key(pkcs11.KeyType.AES, 256)
        iv = opened.generate_random(128)
        assert made.decrypt(made.encrypt(message, mechanism_param=iv), mechanism_param=iv) == message
        counter = {"mechanism": pkcs11.Mechanism.AES_CTR, "mechanism_param": pkcs11.CTRParams(b"nonce")}
        assert made.decrypt(made.encrypt(message, **counter), **counter) == message
        mac_key = opened.create_object(
            {
                pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY,
                pkcs11.Attribute.KEY_TYPE: pkcs11.KeyType.GENERIC_SECRET,
                pkcs11.Attribute.VALUE: b"k" * 32,
                pkcs11.Attribute.SIGN: True,
                pkcs11.Attribute.VERIFY: True,
                pkcs11.Attribute.TOKEN: False,
                pkcs11.Attribute.SENSITIVE: False,
                pkcs11.Attribute.EXTRACTABLE: True,
            }
        )
        mac = mac_key.sign(message, mechanism=pkcs11.Mechanism.SHA256_HMAC)
        assert mac == hmac.new(b"k" * 32, message, hashlib.sha256).digest()
        assert mac_key.verify(message, mac, mechanism=pkcs11.Mechanism.SHA256_HMAC)

with it("a template that contradicts itself is refused"):
    with token.open(rw=True, user_pin="123456") as opened:
        for bad in [
            {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY},
            {
                pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY,
                pkcs11.Attribute.KEY_TYPE: pkcs11.KeyType.AES,
                pkcs11.Attribute.VALUE: b"not a length of AES",
            },
        ]:
            try:
                opened.create_object(bad)
            except pkcs11.PKCS11Error:
                continue
            raise AssertionError(f"{bad} was taken")

finish()
