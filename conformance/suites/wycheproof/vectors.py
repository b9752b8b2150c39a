"""Runs Wycheproof's vectors on a token.

    vectors.py MODULE TOKEN-LABEL PIN FOLDER-OF-JSON

A file is claimed by the first row of FILES whose pattern matches its name. A row names what tries one
vector: it returns True where the token did what a valid vector asks, and raises `Failure` (or returns
False) where the token refused. A vector that PKCS#11 has no way to say is `Inapplicable`, with the reason.
"""

import json
import os
import re
import sys

import keys
from keys import DIGEST, ECDSA, HASHES, HMAC_GENERAL, MGF, PSS, RSA
from cabi import CKA, Failure, Mechanism, Module


class Inapplicable(Exception):
    """PKCS#11 cannot say this."""


def unhex(test, *names):
    return [bytes.fromhex(test[name]) for name in names]


def hash_of(group, name="sha"):
    if group[name] not in HASHES:
        raise Inapplicable(f"no mechanism with {group[name]}")
    return HASHES[group[name]]


def numbered(value, what):
    if value is None:
        raise Inapplicable(f"no {what} mechanism with this hash")
    return value


class Vectors:
    """One session, and the keys of the group at hand."""

    def __init__(self, session):
        self.session = session
        self.kept = None

    def group_key(self, group, make):
        """The group's key, made once. What its making answers is what each of its vectors gets."""
        if self.kept is None or self.kept[0] is not group:
            if self.kept is not None and isinstance(self.kept[1], int):
                self.session.destroy(self.kept[1])
            try:
                made = make()
            except Failure as failure:
                made = failure
            self.kept = (group, made)
        if isinstance(self.kept[1], Failure):
            raise self.kept[1]
        return self.kept[1]

    def with_key(self, key_type, value, use):
        key = keys.secret(self.session, key_type, value)
        try:
            return use(key)
        finally:
            self.session.destroy(key)

    # Symmetric.

    def aead(self, group, test, make):
        key, iv, additional, message, ciphertext, tag = unhex(test, "key", "iv", "aad", "msg", "ct", "tag")

        def use(handle):
            opened = self.session.decrypt(make(len(ciphertext), iv, additional, len(tag)), handle, ciphertext + tag)
            if test["result"] == "valid":
                sealed = self.session.encrypt(make(len(message), iv, additional, len(tag)), handle, message)
                return opened == message and sealed == ciphertext + tag
            return opened == message

        return self.with_key("AES", key, use)

    def gcm(self, group, test):
        return self.aead(group, test, lambda _, iv, aad, tag: keys.gcm(iv, aad, tag * 8))

    def ccm(self, group, test):
        return self.aead(group, test, lambda size, iv, aad, tag: keys.ccm(size, iv, aad, tag))

    def mac(self, group, test, number, key_type="GENERIC_SECRET"):
        key, message, tag = unhex(test, "key", "msg", "tag")
        mechanism = Mechanism(number, keys.Packed(len(tag)))

        def use(handle):
            self.session.verify(mechanism, handle, message, tag)
            return self.session.sign(mechanism, handle, message) == tag

        return self.with_key(key_type, key, use)

    def cmac(self, group, test):
        return self.mac(group, test, keys.AES_CMAC_GENERAL, "AES")

    def hmac(self, group, test, name):
        return self.mac(group, test, HASHES[name][HMAC_GENERAL])

    def gmac(self, group, test):
        key, iv, message, tag = unhex(test, "key", "iv", "msg", "tag")
        if len(iv) != 12:
            raise Inapplicable("GMAC's parameter is an IV of twelve bytes (PKCS#11 3.2 §6.13.5)")
        if len(tag) != 16:
            raise Inapplicable("a GMAC has sixteen bytes (PKCS#11 3.2 §6.13.5)")

        def use(handle):
            self.session.verify(Mechanism(keys.AES_GMAC, iv), handle, message, tag)
            return self.session.sign(Mechanism(keys.AES_GMAC, iv), handle, message) == tag

        return self.with_key("AES", key, use)

    def key_wrap(self, group, test, number):
        key, message, ciphertext = unhex(test, "key", "msg", "ct")

        def use(handle):
            unwrapped = self.session.unwrap(Mechanism(number), handle, ciphertext, keys.derived())
            try:
                if self.session.attribute(unwrapped, CKA["VALUE"]) != message:
                    return False
                return test["result"] != "valid" or self.session.wrap(Mechanism(number), handle, unwrapped) == ciphertext
            finally:
                self.session.destroy(unwrapped)

        return self.with_key("AES", key, use)

    def xts(self, group, test):
        key, iv, message, ciphertext = unhex(test, "key", "iv", "msg", "ct")
        least, most = self.session.module.key_sizes(self.session.slot, keys.AES_XTS)
        if not least <= len(key) <= most:
            raise Inapplicable("a size of keys that C_GetMechanismInfo does not offer")
        mechanism = Mechanism(keys.AES_XTS, iv + bytes(16 - len(iv)))

        def use(handle):
            return (self.session.encrypt(mechanism, handle, message) == ciphertext
                    and self.session.decrypt(mechanism, handle, ciphertext) == message)

        return self.with_key("AES_XTS", key, use)

    def cbc_pad(self, group, test):
        key, iv, message, ciphertext = unhex(test, "key", "iv", "msg", "ct")
        mechanism = Mechanism(keys.AES_CBC_PAD, iv)

        def use(handle):
            opened = self.session.decrypt(mechanism, handle, ciphertext)
            if test["result"] == "valid":
                return opened == message and self.session.encrypt(mechanism, handle, message) == ciphertext
            return opened == message

        return self.with_key("AES", key, use)

    # Derivation.

    def read(self, handle):
        try:
            return self.session.attribute(handle, CKA["VALUE"])
        finally:
            self.session.destroy(handle)

    def hkdf(self, group, test, name):
        secret, salt, info, expected = unhex(test, "ikm", "salt", "info", "okm")
        mechanism = keys.hkdf(HASHES[name][DIGEST], salt, info)
        return self.with_key("GENERIC_SECRET", secret, lambda handle: self.read(
            self.session.derive(mechanism, handle, keys.derived(test["size"]))) == expected)

    def pbkdf2(self, group, test, prf):
        password, salt, expected = unhex(test, "password", "salt", "dk")
        mechanism = keys.pbkdf2(prf, salt, test["iterationCount"], password)
        return self.read(self.session.generate(mechanism, keys.derived(test["dkLen"]))) == expected

    def agree(self, curve, key_type, private, public, shared, size):
        key = keys.ec_private(self.session, curve, private, key_type)
        try:
            return self.read(self.session.derive(keys.ecdh(public), key, keys.derived(size))) == shared
        finally:
            self.session.destroy(key)

    def ecdh_point(self, group, test):
        private, public, shared = unhex(test, "private", "public", "shared")
        size = keys.SIZES[group["curve"]]
        return self.agree(group["curve"], "EC", keys.number(private, size), public, shared, size)

    def ecdh(self, group, test):
        public, shared = unhex(test, "public", "shared")
        point = point_of(public, keys.CURVES[group["curve"]])
        size = keys.SIZES[group["curve"]]
        return self.agree(group["curve"], "EC", keys.number(test["private"], size), point, shared, size)

    def x25519(self, group, test):
        private, public, shared = unhex(test, "private", "public", "shared")
        return self.agree("curve25519", "EC_MONTGOMERY", private, public, shared, 32)

    # Signatures.

    def rsa_verify(self, group, test):
        number = numbered(hash_of(group)[RSA], "RSA")
        key = self.group_key(group, lambda: keys.rsa_public(
            self.session, group["publicKey"]["modulus"], group["publicKey"]["publicExponent"]))
        message, signature = unhex(test, "msg", "sig")
        self.session.verify(Mechanism(number), key, message, signature)
        return True

    def pss_verify(self, group, test):
        row, mgf = hash_of(group), numbered(hash_of(group, "mgfSha")[MGF], "MGF1")
        mechanism = keys.pss(numbered(row[PSS], "PSS"), row[DIGEST], mgf, group["sLen"])
        key = self.group_key(group, lambda: keys.rsa_public(
            self.session, group["publicKey"]["modulus"], group["publicKey"]["publicExponent"]))
        message, signature = unhex(test, "msg", "sig")
        self.session.verify(mechanism, key, message, signature)
        return True

    def rsa_private(self, group):
        return self.group_key(group, lambda: keys.rsa_private(self.session, group["privateKey"]))

    def oaep(self, group, test):
        mgf = numbered(hash_of(group, "mgfSha")[MGF], "MGF1")
        message, ciphertext, label = unhex(test, "msg", "ct", "label")
        mechanism = keys.oaep(hash_of(group)[DIGEST], mgf, label)
        return self.session.decrypt(mechanism, self.rsa_private(group), ciphertext) == message

    def pkcs1_decrypt(self, group, test):
        message, ciphertext = unhex(test, "msg", "ct")
        return self.session.decrypt(Mechanism(keys.RSA_PKCS), self.rsa_private(group), ciphertext) == message

    def ecdsa(self, group, test):
        number = numbered(hash_of(group)[ECDSA], "ECDSA")
        curve = group["publicKey"]["curve"]
        message, signature = unhex(test, "msg", "sig")
        if group["type"] == "EcdsaVerify":
            signature = fixed(signature, keys.SIZES[curve])
        key = self.group_key(group, lambda: keys.ec_public(
            self.session, curve, bytes.fromhex(group["publicKey"]["uncompressed"])))
        self.session.verify(Mechanism(number), key, message, signature)
        return True

    def ed25519(self, group, test):
        key = self.group_key(group, lambda: keys.ec_public(
            self.session, "edwards25519", bytes.fromhex(group["publicKey"]["pk"]), "EC_EDWARDS"))
        message, signature = unhex(test, "msg", "sig")
        self.session.verify(keys.eddsa(), key, message, signature)
        return True

    # Post-quantum.

    def ml_kem(self, group, test):
        parameters = {"ML-KEM-512": 1, "ML-KEM-768": 2, "ML-KEM-1024": 3}[group["parameterSet"]]
        if group["type"] == "MLKEMEncapsTest":
            return self.ml_kem_encapsulate(parameters, test)
        if "seed" in test:
            seed = bytes.fromhex(test["seed"])
            key = keys.pqc_private(self.session, "ML_KEM", parameters, seed=seed, readable=True)
        else:
            key = keys.pqc_private(self.session, "ML_KEM", parameters, value=bytes.fromhex(test["dk"]), readable=True)
        try:
            if group["type"] == "MLKEMKeyGen":
                # 3.2 lets a key that was made from its seed be without the expanded value.
                return self.session.attribute(key, CKA["VALUE"]).hex() == test["dk"]
            shared = self.session.decapsulate(Mechanism(keys.ML_KEM), key, bytes.fromhex(test["c"]), keys.derived())
            return self.read(shared).hex() == test["K"]
        finally:
            self.session.destroy(key)

    def ml_kem_encapsulate(self, parameters, test):
        """The vector's randomness cannot be given; whether the key is taken can be seen."""
        key = keys.pqc_public(self.session, "ML_KEM", parameters, bytes.fromhex(test["ek"]))
        try:
            _, shared = self.session.encapsulate(Mechanism(keys.ML_KEM), key, keys.derived())
            return len(self.read(shared)) == 32
        finally:
            self.session.destroy(key)

    def ml_dsa_verify(self, group, test, parameters):
        key = self.group_key(group, lambda: keys.pqc_public(
            self.session, "ML_DSA", parameters, bytes.fromhex(group["publicKey"])))
        message, signature = unhex(test, "msg", "sig")
        mechanism = keys.additional_context(keys.ML_DSA, 0, bytes.fromhex(test.get("ctx", "")))
        self.session.verify(mechanism, key, message, signature)
        return True

    def ml_dsa_sign(self, group, test, parameters):
        if "msg" not in test:
            raise Inapplicable("a signature of mu itself (PKCS#11 3.2 §6.67 signs messages)")
        if group.get("privateSeed") is not None:
            key = self.group_key(group, lambda: keys.pqc_private(
                self.session, "ML_DSA", parameters, seed=bytes.fromhex(group["privateSeed"])))
        else:
            key = self.group_key(group, lambda: keys.pqc_private(
                self.session, "ML_DSA", parameters, value=bytes.fromhex(group["privateKey"])))
        context, message = bytes.fromhex(test.get("ctx", "")), bytes.fromhex(test["msg"])
        if "Randomized" not in test["flags"]:
            deterministic = keys.additional_context(keys.ML_DSA, 2, context)
            return self.session.sign(deterministic, key, message).hex() == test["sig"]
        # Nobody tells a token its random bytes: what it signs has to verify, and so has the vector's
        # signature.
        hedged = keys.additional_context(keys.ML_DSA, 0, context)
        signature = self.session.sign(hedged, key, message)
        public = keys.pqc_public(self.session, "ML_DSA", parameters, bytes.fromhex(group["publicKey"]))
        try:
            for each in (signature, bytes.fromhex(test["sig"])):
                self.session.verify(hedged, public, message, each)
        finally:
            self.session.destroy(public)
        return True


def element(tag, data):
    """The value of a DER element in its one right form, and what follows it."""
    if len(data) < 2 or data[0] != tag:
        raise Inapplicable("not DER: PKCS#11 has its own form of it")
    size, at = data[1], 2
    if size >= 128:
        count = size & 127
        size, at = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
    value = data[at : at + size]
    if len(value) != size or keys.der(tag, value) != data[: at + size]:
        raise Inapplicable("not DER: PKCS#11 has its own form of it")
    return value, data[at + size :]


def fixed(signature, size):
    """An ECDSA signature in DER as the two numbers PKCS#11 has (§6.3.1), where it is one."""
    body, rest = element(0x30, signature)
    if rest:
        raise Inapplicable("bytes behind the signature")
    out = b""
    for _ in range(2):
        value, body = element(2, body)
        number = int.from_bytes(value, "big", signed=True)
        if not value or number < 0 or len(value) > size + 1 or value != number.to_bytes(max(1, (number.bit_length() + 8) // 8), "big"):
            raise Inapplicable("a number that has no form in PKCS#11")
        if number.bit_length() > size * 8:
            raise Inapplicable("a number that has no form in PKCS#11")
        out += number.to_bytes(size, "big")
    if body:
        raise Inapplicable("bytes behind the signature")
    return out


def point_of(info, parameters):
    """The point in a SubjectPublicKeyInfo on a named curve."""
    body, rest = element(0x30, info)
    algorithm, bits = element(0x30, body)
    value, more = element(3, bits)
    if rest or more or algorithm != bytes.fromhex("06072a8648ce3d0201") + parameters or value[:1] != b"\0":
        raise Inapplicable("another curve, or none with a name: the parameters are the private key's")
    return value[1:]


HASH_NAMES = {"sha1": "SHA-1", "sha224": "SHA-224", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512",
              "sha512_224": "SHA-512/224", "sha512_256": "SHA-512/256", "sha3_224": "SHA3-224",
              "sha3_256": "SHA3-256", "sha3_384": "SHA3-384", "sha3_512": "SHA3-512"}
PRFS = {"sha1": 1, "sha224": 3, "sha256": 4, "sha384": 5, "sha512": 6}
HASH = "|".join(HASH_NAMES)
CURVE = "|".join(keys.SIZES)

# file name, needed mechanism of the match, what tries a vector of it
FILES = [
    (r"aes_gcm", lambda m: keys.AES_GCM, lambda v, m: v.gcm),
    (r"aes_ccm", lambda m: keys.AES_CCM, lambda v, m: v.ccm),
    (r"aes_cmac", lambda m: keys.AES_CMAC_GENERAL, lambda v, m: v.cmac),
    (r"aes_gmac", lambda m: keys.AES_GMAC, lambda v, m: v.gmac),
    (r"aes_wrap", lambda m: keys.AES_KW, lambda v, m: lambda g, t: v.key_wrap(g, t, keys.AES_KW)),
    (r"aes_kwp", lambda m: keys.AES_KWP, lambda v, m: lambda g, t: v.key_wrap(g, t, keys.AES_KWP)),
    (r"aes_xts", lambda m: keys.AES_XTS, lambda v, m: v.xts),
    (r"aes_cbc_pkcs5", lambda m: keys.AES_CBC_PAD, lambda v, m: v.cbc_pad),
    (rf"hmac_({HASH})", lambda m: HASHES[HASH_NAMES[m[1]]][HMAC_GENERAL],
     lambda v, m: lambda g, t: v.hmac(g, t, HASH_NAMES[m[1]])),
    (rf"hkdf_({HASH})", lambda m: keys.HKDF, lambda v, m: lambda g, t: v.hkdf(g, t, HASH_NAMES[m[1]])),
    (r"pbkdf2_hmac(\w+)", lambda m: keys.PBKDF2, lambda v, m: lambda g, t: v.pbkdf2(g, t, PRFS[m[1]])),
    (rf"ecdh_({CURVE})_ecpoint", lambda m: keys.ECDH1, lambda v, m: v.ecdh_point),
    (rf"ecdh_({CURVE})", lambda m: keys.ECDH1, lambda v, m: v.ecdh),
    (r"x25519", lambda m: 0x1056, lambda v, m: v.x25519),
    (rf"rsa_signature_(2048|3072|4096)_({HASH})", lambda m: HASHES[HASH_NAMES[m[2]]][RSA], lambda v, m: v.rsa_verify),
    (r"rsa_pss_(2048|3072|4096|misc)_(?!shake).*", lambda m: keys.RSA_PKCS, lambda v, m: v.pss_verify),
    (r"rsa_oaep_.*", lambda m: keys.RSA_OAEP, lambda v, m: v.oaep),
    (r"rsa_pkcs1_(2048|3072|4096)", lambda m: keys.RSA_PKCS, lambda v, m: v.pkcs1_decrypt),
    (rf"ecdsa_({CURVE})_({HASH})(_p1363)?", lambda m: HASHES[HASH_NAMES[m[2]]][ECDSA], lambda v, m: v.ecdsa),
    (r"ed25519", lambda m: keys.EDDSA, lambda v, m: v.ed25519),
    (r"mlkem_(512|768|1024)(_\w+)?", lambda m: keys.ML_KEM, lambda v, m: v.ml_kem),
    (r"mldsa_(44|65|87)_verify", lambda m: keys.ML_DSA, lambda v, m: lambda g, t: v.ml_dsa_verify(g, t, ML_DSA[m[1]])),
    (r"mldsa_(44|65|87)_sign_\w+", lambda m: keys.ML_DSA, lambda v, m: lambda g, t: v.ml_dsa_sign(g, t, ML_DSA[m[1]])),
]
ML_DSA = {"44": 1, "65": 2, "87": 3}


def verdict(attempt, group, test):
    """ok, not-ok or skip, and why."""
    try:
        done, why = attempt(group, test), "another result"
    except Failure as failure:
        done, why = False, str(failure)
    except Inapplicable as reason:
        return "skip", str(reason)
    if test["result"] == "acceptable" or done == (test["result"] == "valid"):
        return "ok", ""
    return "not-ok", why if test["result"] == "valid" else "was accepted"


def main():
    path, label, pin, folder = sys.argv[1:]
    module = Module(path)
    module.initialize()
    slot = module.slot(label)
    offered = module.mechanisms(slot)
    session = module.session(slot, pin)
    vectors = Vectors(session)
    with open(os.environ["SUITE_RESULTS"], "a", encoding="utf-8") as results:
        for file in sorted(os.listdir(folder)):
            name = file.removesuffix("_test.json")
            row, match = next(((row, match) for row in FILES if (match := re.fullmatch(row[0], name))), (None, None))
            if row is None:
                continue
            needed = row[1](match)
            if needed is None:
                continue
            if needed not in offered:
                results.write(f"skip\t{name}\tmechanism {needed:#x} is not offered\n")
                continue
            attempt = row[2](vectors, match)
            with open(os.path.join(folder, file), encoding="utf-8") as source:
                groups = json.load(source)["testGroups"]
            for group in groups:
                for test in group["tests"]:
                    word, why = verdict(attempt, group, test)
                    flags = ",".join(test.get("flags", []))
                    results.write(f"{word}\t{name}:{test['tcId']} {flags}\t{test['result']}: {test.get('comment', '')}: {why}\n")
            results.flush()
    module.call("Finalize", None)


main()
