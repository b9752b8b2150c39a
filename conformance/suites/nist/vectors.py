"""Runs NIST's and RFCs' vectors on a token.

    vectors.py MODULE TOKEN-LABEL PIN FOLDER

A row of FILES names files, the mechanism they need, and what tries one record. A record is what stands
between empty lines, under what the sections in brackets said; its fields are text. What tries it answers
True if the token did as the record says, and None if PKCS#11 cannot say the record.
"""

import glob
import os
import re
import sys

import keys
from keys import DIGEST, ECDSA, HASHES, HMAC, PSS, RSA
from cabi import CKA, Failure, Mechanism, Module, Packed, Pointer

# The fields that come once for many records.
GROUP = {"Key", "Nonce", "Alen", "Plen", "Nlen", "Tlen", "n", "p", "q"}


def records(path):
    """Each record, with the section it stands in."""
    section, group, record = {}, {}, {}
    fresh = True
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in [*file, ""]:
            line = line.strip()
            if line.startswith("#"):
                continue
            if not line:
                yield from finished(section, group, record)
                record, fresh = {}, True
            elif line.startswith("["):
                yield from finished(section, group, record)
                record = {}
                if fresh and "=" not in line:
                    section = {}
                for item in line.strip("[]").split(","):
                    name, _, value = item.partition("=")
                    section[name.strip()] = value.strip()
            elif "=" in line:
                fresh = False
                name, _, value = line.partition("=")
                name = name.strip()
                if name in record and name in ("count", "COUNT"):
                    yield from finished(section, group, record)
                    record = {}
                record[name] = value.strip()
            else:
                record[line] = ""
    yield from finished(section, group, record)


def finished(section, group, record):
    if record and set(record) <= GROUP:
        group.update(record)
    elif record:
        yield {**section, **group, **record}


def unhex(record, *names):
    return [bytes.fromhex(record[name]) for name in names]


class Vectors:
    def __init__(self, session):
        self.session = session

    def with_key(self, key, use):
        try:
            return use(key)
        finally:
            self.session.destroy(key)

    def with_secret(self, key_type, value, use):
        return self.with_key(keys.secret(self.session, key_type, value), use)

    def read(self, handle):
        return self.with_key(handle, lambda handle: self.session.attribute(handle, CKA["VALUE"]))

    def refused(self, attempt):
        """True if the token refuses what the record calls wrong."""
        try:
            attempt()
        except Failure:
            return True
        return False

    def verifies(self, right, mechanism, key, message, signature):
        if right:
            self.session.verify(mechanism, key, message, signature)
            return True
        return self.refused(lambda: self.session.verify(mechanism, key, message, signature))

    # Ciphers. Each is also done in parts, which must give the same.

    def both_ways(self, mechanism, key, plain, sealed):
        s = self.session
        return (s.encrypt(mechanism, key, plain) == sealed and s.decrypt(mechanism, key, sealed) == plain
                and s.parts("Encrypt", mechanism, key, plain, 7) == sealed
                and s.parts("Decrypt", mechanism, key, sealed, 7) == plain)

    def aes(self, record, make):
        key, plain, sealed = unhex(record, "KEY", "PLAINTEXT", "CIPHERTEXT")
        mechanism = make(bytes.fromhex(record.get("IV", "")))
        return self.with_secret("AES", key, lambda key: self.both_ways(mechanism, key, plain, sealed))

    def des3(self, record, make):
        if "KEYs" in record:
            key = bytes.fromhex(record["KEYs"]) * 3
        else:
            key = b"".join(unhex(record, "KEY1", "KEY2", "KEY3"))
        plain, sealed = unhex(record, "PLAINTEXT", "CIPHERTEXT")
        mechanism = make(bytes.fromhex(record.get("IV", "")))
        return self.with_secret("DES3", key, lambda key: self.both_ways(mechanism, key, plain, sealed))

    def gcm(self, record):
        key, iv, additional, sealed, tag = unhex(record, "Key", "IV", "AAD", "CT", "Tag")
        mechanism = keys.gcm(iv, additional, len(tag) * 8)

        def use(key):
            if "FAIL" in record:
                return self.refused(lambda: self.session.decrypt(mechanism, key, sealed + tag))
            return self.both_ways(mechanism, key, bytes.fromhex(record["PT"]), sealed + tag)

        return self.with_secret("AES", key, use)

    def ccm(self, record):
        key, nonce, additional, sealed = unhex(record, "Key", "Nonce", "Adata", "CT")
        plain_len, tag_len = int(record["Plen"]), int(record["Tlen"])
        mechanism = keys.ccm(plain_len, nonce, additional[: int(record["Alen"])], tag_len)

        def use(key):
            if record.get("Result", "Pass") != "Pass":
                return self.refused(lambda: self.session.decrypt(mechanism, key, sealed))
            plain = bytes.fromhex(record["Payload"])[:plain_len]
            return self.session.encrypt(mechanism, key, plain) == sealed and self.session.decrypt(mechanism, key, sealed) == plain

        return self.with_secret("AES", key, use)

    def xts(self, record):
        if int(record["DataUnitLen"]) % 8:
            return None
        key, plain, sealed = unhex(record, "Key", "PT", "CT")
        if "i" in record:
            tweak = bytes.fromhex(record["i"])
        else:
            tweak = int(record["DataUnitSeqNumber"]).to_bytes(16, "little")
        least, most = self.session.module.key_sizes(self.session.slot, keys.AES_XTS)
        if not least <= len(key) <= most:
            return None  # a size of keys that the token does not offer
        mechanism = Mechanism(keys.AES_XTS, tweak)
        return self.with_secret("AES_XTS", key, lambda key: self.session.encrypt(mechanism, key, plain) == sealed
                                and self.session.decrypt(mechanism, key, sealed) == plain)

    def key_wrap(self, record, number):
        key, sealed = unhex(record, "K", "C")
        mechanism = Mechanism(number)

        def use(key):
            if "FAIL" in record:
                return self.refused(lambda: self.session.unwrap(mechanism, key, sealed, keys.derived()))
            unwrapped = self.session.unwrap(mechanism, key, sealed, keys.derived())
            return (self.session.wrap(mechanism, key, unwrapped) == sealed
                    and self.read(unwrapped) == bytes.fromhex(record["P"]))

        return self.with_secret("AES", key, use)

    # Digests and MACs.

    def digest(self, record, number):
        message, expected = unhex(record, "Msg", "MD")
        message = message[: int(record["Len"]) // 8]
        return self.session.digest(Mechanism(number), message) == expected

    def hmac(self, record, number):
        key, message, expected = unhex(record, "Key", "Msg", "MD")
        return self.mac("GENERIC_SECRET", key, Mechanism(number), message, expected)

    def mac(self, key_type, key, mechanism, message, expected):
        def use(key):
            self.session.verify(mechanism, key, message, expected)
            return (self.session.sign(mechanism, key, message) == expected
                    and self.session.parts("Sign", mechanism, key, message, 5) == expected)

        return self.with_secret(key_type, key, use)

    def cmac(self, record, number, key_type):
        key = b"".join(unhex(record, *(name for name in ("KEY", "KEY1", "KEY2", "KEY3") if name in record)))
        if key_type == "DES3" and len(key) != 24:
            return None
        message, expected = unhex(record, "MESSAGE", "OUTPUT")
        return self.mac(key_type, key, Mechanism(number), message, expected)

    # Derivation.

    def counter_kdf(self, record):
        prf, names = record["PRF"], {"1": "SHA-1", "224": "SHA-224", "256": "SHA-256", "384": "SHA-384", "512": "SHA-512"}
        if prf == "CMAC_TDES2":
            return None  # two-key 3DES, which SP 800-131A ended
        if prf.startswith("HMAC"):
            number, key_type = HASHES[names[prf.removeprefix("HMAC_SHA")]][HMAC], "GENERIC_SECRET"
        else:
            number, key_type = (keys.DES3_CMAC, "DES3") if "TDES" in prf else (keys.AES_CMAC, "AES")
        counter = Packed(b"\0", int(record["RLEN"].removesuffix("_BITS")))
        iteration = (1, counter)
        location = record["CTRLOCATION"]
        if location == "MIDDLE_FIXED":
            before, after = unhex(record, "DataBeforeCtrData", "DataAfterCtrData")
            parts = [(4, before), iteration, (4, after)]
        else:
            fixed = (4, bytes.fromhex(record["FixedInputData"]))
            parts = [iteration, fixed] if location == "BEFORE_FIXED" else [fixed, iteration]
        fields = []
        for number_of_part, value in parts:
            fields += [number_of_part, Pointer(value), value.size if isinstance(value, Packed) else len(value)]
        mechanism = Mechanism(keys.SP800_108_COUNTER, Packed(number, len(parts), Pointer(Packed(*fields)), 0, 0))
        expected = bytes.fromhex(record["KO"])
        return self.with_secret(key_type, bytes.fromhex(record["KI"]), lambda key: self.read(
            self.session.derive(mechanism, key, keys.derived(len(expected)))) == expected)

    def pbkdf2(self, record):
        password, salt = (record[name].encode().decode("unicode_escape").encode() for name in ("PASSWORD", "SALT"))
        if int(record["ITERATIONS"]) > 1_000_000:
            return None  # seconds, and nothing that the others do not show
        mechanism = keys.pbkdf2(1, salt, int(record["ITERATIONS"]), password)
        expected = bytes.fromhex(record["DERIVED_KEY"])
        return self.read(self.session.generate(mechanism, keys.derived(len(expected)))) == expected

    def agree(self, key, public, expected):
        return self.with_key(key, lambda key: self.read(
            self.session.derive(keys.ecdh(public), key, keys.derived(len(expected)))) == expected)

    def x25519(self, record):
        if "INPUT_SCALAR" not in record:
            return None
        scalar, public, expected = unhex(record, "INPUT_SCALAR", "INPUT_U", "OUTPUT_U")
        return self.agree(keys.ec_private(self.session, "curve25519", scalar, "EC_MONTGOMERY"), public, expected)

    def ecdh(self, record):
        curve = next((name for set_, name in (("EB", "secp224r1"), ("EC", "secp256r1"), ("ED", "secp384r1"),
                                              ("EE", "secp521r1")) if any(key.startswith(set_ + " -") for key in record)), None)
        if curve is None or not record.get("Result", "").startswith("P"):
            return None
        size = keys.SIZES[curve]
        public = b"\4" + keys.number(record["QsCAVSx"], size) + keys.number(record["QsCAVSy"], size)
        return self.agree(keys.ec_private(self.session, curve, keys.number(record["dsIUT"], size)), public,
                          keys.number(record["Z"], size))

    # Signatures.

    def ecdsa(self, record):
        curve = next((name for label, name in (("P-224", "secp224r1"), ("P-256", "secp256r1"), ("P-384", "secp384r1"),
                                               ("P-521", "secp521r1")) if label in record), None)
        if curve is None or "Msg" not in record:
            return None
        size = keys.SIZES[curve]
        number = next(HASHES[name][ECDSA] for name in HASHES if name in record)
        point = b"\4" + keys.number(record["Qx"], size) + keys.number(record["Qy"], size)
        right = record["Result"].startswith("P")
        try:
            key = keys.ec_public(self.session, curve, point)
        except Failure:
            return not right
        signature = keys.number(record["R"], size) + keys.number(record["S"], size)
        return self.with_key(key, lambda key: self.verifies(
            right, Mechanism(number), key, bytes.fromhex(record["Msg"]), signature))

    def rsa(self, record, padded):
        if "Msg" not in record or int(record["mod"]) < 2048:
            return None
        name = re.sub(r"^SHA(\d)", r"SHA-\1", record["SHAAlg"])
        message, signature = unhex(record, "Msg", "S")
        mechanism = Mechanism(HASHES[name][RSA])
        if padded:
            salt = record["SaltVal"]
            mechanism = keys.pss(HASHES[name][PSS], HASHES[name][DIGEST], HASHES[name][keys.MGF],
                                 0 if salt == "00" else len(salt) // 2)
        right = record["Result"].startswith("P")
        try:
            key = keys.rsa_public(self.session, record["n"], record["e"])
        except Failure:
            return not right
        return self.with_key(key, lambda key: self.verifies(right, mechanism, key, message, signature))

    def ed25519(self, line):
        seed, public, message, signed = (bytes.fromhex(part) for part in line.split(":")[:4])
        private = keys.ec_private(self.session, "edwards25519", seed[:32], "EC_EDWARDS")
        if self.with_key(private, lambda key: self.session.sign(keys.eddsa(), key, message)) != signed[:64]:
            return False
        return self.with_key(keys.ec_public(self.session, "edwards25519", public, "EC_EDWARDS"),
                             lambda key: self.verifies(True, keys.eddsa(), key, message, signed[:64]))

    # Post-quantum.

    def ml_dsa(self, record, parameters):
        seed, public, message, signed, context = unhex(record, "xi", "pk", "msg", "sm", "ctx")
        signature = signed[: len(signed) - len(message)]
        private = keys.pqc_private(self.session, "ML_DSA", parameters, seed=seed)
        hedged = keys.additional_context(keys.ML_DSA, 0, context)
        try:
            deterministic = keys.additional_context(keys.ML_DSA, 2, context)
            made = self.session.sign(deterministic, private, message)
            if made != signature:
                return False
        except Failure as failure:
            if failure.rv != 0x71:  # the token may refuse to be deterministic (PKCS#11 3.2 §6.67.5)
                raise
            made = self.session.sign(hedged, private, message)
        finally:
            self.session.destroy(private)
        return self.with_key(keys.pqc_public(self.session, "ML_DSA", parameters, public), lambda key: all(
            self.verifies(True, hedged, key, message, each) for each in (made, signature)))

    def ml_kem(self, record, parameters):
        mechanism = Mechanism(keys.ML_KEM)
        seed = b"".join(unhex(record, "d", "z"))
        private = keys.pqc_private(self.session, "ML_KEM", parameters, seed=seed)

        def use(key):
            for ciphertext, shared in (("ct", "ss"), ("ct_n", "ss_n")):
                opened = self.session.decapsulate(mechanism, key, bytes.fromhex(record[ciphertext]), keys.derived())
                if self.read(opened).hex() != record[shared]:
                    return False
            return True

        return self.with_key(private, use)


def lines(path):
    """One record a line."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield line.strip()


def cipher(name, number, make):
    return [(f"ciphers/AES/{name}/*.*", number, lambda v, r: v.aes(r, make))]


def digests():
    for folder, prefix in (("SHA1", "SHA1"), *(("SHA2", f"SHA{bits}") for bits in ("224", "256", "384", "512", "512_224", "512_256")),
                           *(("SHA3", f"SHA3_{bits}") for bits in ("224", "256", "384", "512"))):
        name = "SHA-1" if prefix == "SHA1" else prefix.replace("SHA3_", "SHA3-") if folder == "SHA3" else "SHA-" + prefix[3:].replace("_", "/")
        number = HASHES[name][DIGEST]
        yield (f"hashes/{folder}/{prefix}[SL]*Msg.rsp", number, lambda v, r, n=number: v.digest(r, n))


FILES = [
    *cipher("ECB", keys.AES_ECB, lambda iv: Mechanism(keys.AES_ECB)),
    *cipher("CBC", keys.AES_CBC, lambda iv: Mechanism(keys.AES_CBC, iv)),
    *cipher("CTR", keys.AES_CTR, lambda iv: Mechanism(keys.AES_CTR, Packed(32, iv))),
    ("ciphers/AES/GCM/gcmDecrypt*.rsp", keys.AES_GCM, lambda v, r: v.gcm(r)),
    ("ciphers/AES/GCM/gcmEncryptExtIV*.rsp", keys.AES_GCM, lambda v, r: v.gcm(r)),
    ("ciphers/AES/CCM/*.rsp", keys.AES_CCM, lambda v, r: v.ccm(r)),
    ("ciphers/AES/XTS/*/*.rsp", keys.AES_XTS, lambda v, r: v.xts(r)),
    ("ciphers/3DES/ECB/TECB*.rsp", keys.DES3_ECB, lambda v, r: v.des3(r, lambda iv: Mechanism(keys.DES3_ECB))),
    ("ciphers/3DES/CBC/TCBC[!I]*.rsp", keys.DES3_CBC, lambda v, r: v.des3(r, lambda iv: Mechanism(keys.DES3_CBC, iv))),
    ("keywrap/kwtestvectors/KW_A[ED]_???.txt", keys.AES_KW, lambda v, r: v.key_wrap(r, keys.AES_KW)),
    ("keywrap/kwtestvectors/KWP_A[ED]_???.txt", keys.AES_KWP, lambda v, r: v.key_wrap(r, keys.AES_KWP)),
    *digests(),
    *((f"HMAC/rfc-*-sha{bits}.txt", HASHES[name][HMAC], lambda v, r, n=HASHES[name][HMAC]: v.hmac(r, n))
      for bits, name in (("1", "SHA-1"), ("224", "SHA-224"), ("256", "SHA-256"), ("384", "SHA-384"), ("512", "SHA-512"))),
    ("CMAC/nist-800-38b-aes*.txt", keys.AES_CMAC, lambda v, r: v.cmac(r, keys.AES_CMAC, "AES")),
    ("CMAC/nist-800-38b-3des.txt", keys.DES3_CMAC, lambda v, r: v.cmac(r, keys.DES3_CMAC, "DES3")),
    ("KDF/nist-800-108-KBKDF-CTR.txt", keys.SP800_108_COUNTER, lambda v, r: v.counter_kdf(r)),
    ("KDF/rfc-6070-PBKDF2-SHA1.txt", keys.PBKDF2, lambda v, r: v.pbkdf2(r)),
    ("asymmetric/X25519/rfc7748.txt", keys.ECDH1, lambda v, r: v.x25519(r)),
    ("asymmetric/ECDH/*NOKC_ZZOnly_*.fax", keys.ECDH1, lambda v, r: v.ecdh(r)),
    ("asymmetric/ECDSA/FIPS_186-3/SigVer.rsp", HASHES["SHA-256"][ECDSA], lambda v, r: v.ecdsa(r)),
    ("asymmetric/RSA/FIPS_186-2/SigVer15_186-3.rsp", HASHES["SHA-256"][RSA], lambda v, r: v.rsa(r, False)),
    ("asymmetric/RSA/FIPS_186-2/SigVerPSS_186-3.rsp", HASHES["SHA-256"][PSS], lambda v, r: v.rsa(r, True)),
    ("asymmetric/Ed25519/sign.input", keys.EDDSA, lambda v, r: v.ed25519(r)),
    *((f"asymmetric/MLDSA/kat_MLDSA_{name}_det_pure.rsp", keys.ML_DSA, lambda v, r, n=n: v.ml_dsa(r, n))
      for n, name in ((1, "44"), (2, "65"), (3, "87"))),
    *((f"asymmetric/MLKEM/kat_MLKEM_{name}.rsp", keys.ML_KEM, lambda v, r, n=n: v.ml_kem(r, n))
      for n, name in ((1, "512"), (2, "768"), (3, "1024"))),
]


def thinned(all_records):
    """The records with their numbers; of a long file every so many, unless the run is a long one."""
    numbered = list(enumerate(all_records, 1))
    return numbered if os.environ.get("SUITE_LONG") else numbered[:: 1 + len(numbered) // 1500]


def main():
    path, label, pin, folder = sys.argv[1:]
    module = Module(path)
    module.initialize()
    slot = module.slot(label)
    offered = module.mechanisms(slot)
    vectors = Vectors(module.session(slot, pin))
    with open(os.environ["SUITE_RESULTS"], "a", encoding="utf-8") as results:
        for pattern, needed, attempt in FILES:
            files = sorted(glob.glob(os.path.join(folder, pattern)))
            if not files:
                results.write(f"not-ok\t{pattern}\tthere is no such file\n")
            for file in files:
                name = os.path.relpath(file, folder)
                if needed not in offered:
                    results.write(f"skip\t{name}\tmechanism {needed:#x} is not offered\n")
                    continue
                for number, record in thinned(lines(file) if name.endswith(".input") else records(file)):
                    verdict, why = "ok", ""
                    try:
                        done = attempt(vectors, record)
                        if done is None:
                            continue
                        if not done:
                            verdict, why = "not-ok", "another result"
                    except Failure as failure:
                        verdict, why = "not-ok", str(failure)
                    results.write(f"{verdict}\t{name}:{number}\t{why}\n")
                results.flush()
    module.call("Finalize", None)


main()
