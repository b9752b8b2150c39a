"""Keys out of test vectors, as session objects, and the parameters of mechanisms."""

from cabi import CKA, CKK, CKO, Mechanism, Packed, Pointer, counted

USES = {
    "SECRET_KEY": ("ENCRYPT", "DECRYPT", "SIGN", "VERIFY", "WRAP", "UNWRAP", "DERIVE"),
    "PUBLIC_KEY": ("ENCRYPT", "VERIFY", "VERIFY_RECOVER", "WRAP"),
    "PRIVATE_KEY": ("DECRYPT", "SIGN", "SIGN_RECOVER", "UNWRAP"),
}

CURVES = {
    "secp224r1": bytes.fromhex("06052b81040021"), "secp256r1": bytes.fromhex("06082a8648ce3d030107"),
    "secp384r1": bytes.fromhex("06052b81040022"), "secp521r1": bytes.fromhex("06052b81040023"),
    "secp256k1": bytes.fromhex("06052b8104000a"), "edwards25519": bytes.fromhex("06032b6570"),
    "curve25519": bytes.fromhex("06032b656e"),
}
# Bytes of a coordinate, and of a scalar.
SIZES = {"secp224r1": 28, "secp256r1": 32, "secp384r1": 48, "secp521r1": 66, "secp256k1": 32}

HASHES = {  # name: digest, HMAC, its GENERAL form, RSA, PSS, ECDSA, MGF, ML-DSA with it
    "SHA-1": (0x220, 0x221, 0x222, 0x6, 0xE, 0x1042, 1, None),
    "SHA-224": (0x255, 0x256, 0x257, 0x46, 0x47, 0x1043, 5, 0x23),
    "SHA-256": (0x250, 0x251, 0x252, 0x40, 0x43, 0x1044, 2, 0x24),
    "SHA-384": (0x260, 0x261, 0x262, 0x41, 0x44, 0x1045, 3, 0x25),
    "SHA-512": (0x270, 0x271, 0x272, 0x42, 0x45, 0x1046, 4, 0x26),
    "SHA-512/224": (0x48, 0x49, 0x4A, None, None, None, None, None),
    "SHA-512/256": (0x4C, 0x4D, 0x4E, None, None, None, None, None),
    "SHA3-224": (0x2B5, 0x2B6, 0x2B7, 0x66, 0x67, 0x1047, 6, 0x27),
    "SHA3-256": (0x2B0, 0x2B1, 0x2B2, 0x60, 0x63, 0x1048, 7, 0x28),
    "SHA3-384": (0x2C0, 0x2C1, 0x2C2, 0x61, 0x64, 0x1049, 8, 0x29),
    "SHA3-512": (0x2D0, 0x2D1, 0x2D2, 0x62, 0x65, 0x104A, 9, 0x2A),
}
DIGEST, HMAC, HMAC_GENERAL, RSA, PSS, ECDSA, MGF = range(7)

AES_XTS, AES_ECB, AES_CBC, AES_CBC_PAD, AES_CTR, AES_GCM, AES_CCM = 0x1071, 0x1081, 0x1082, 0x1085, 0x1086, 0x1087, 0x1088
AES_CMAC, AES_CMAC_GENERAL, AES_GMAC, AES_KW, AES_KWP = 0x108A, 0x108B, 0x108E, 0x2109, 0x210B
DES3_ECB, DES3_CBC, DES3_CMAC = 0x132, 0x133, 0x138
RSA_PKCS, RSA_OAEP, ECDH1, EDDSA, PBKDF2, HKDF = 0x1, 0x9, 0x1050, 0x1057, 0x3B0, 0x402A
ML_KEM, ML_DSA, SP800_108_COUNTER = 0x17, 0x1D, 0x3AC


def number(value, size=None):
    """A positive number from hex, without leading zeros, or in `size` bytes."""
    value = int(value, 16) if isinstance(value, str) else int.from_bytes(value, "big")
    return value.to_bytes(size or max(1, (value.bit_length() + 7) // 8), "big")


def der(tag, value):
    """A DER element."""
    size = len(value)
    if size < 128:
        return bytes([tag, size]) + value
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + value


def _create(session, kind, key_type, uses, more):
    return session.create({
        CKA["CLASS"]: CKO[kind], CKA["KEY_TYPE"]: CKK[key_type], CKA["TOKEN"]: False, CKA["PRIVATE"]: False,
        **{CKA[use]: True for use in uses}, **more})


def secret(session, key_type, value):
    return _create(session, "SECRET_KEY", key_type, USES["SECRET_KEY"],
                   {CKA["VALUE"]: value, CKA["SENSITIVE"]: False, CKA["EXTRACTABLE"]: True})


def rsa_public(session, modulus, exponent):
    return _create(session, "PUBLIC_KEY", "RSA", USES["PUBLIC_KEY"],
                   {CKA["MODULUS"]: number(modulus), CKA["PUBLIC_EXPONENT"]: number(exponent)})


def rsa_private(session, parts):
    """`parts`: modulus, publicExponent, privateExponent, prime1, prime2, exponent1, exponent2, coefficient."""
    names = {"modulus": "MODULUS", "publicExponent": "PUBLIC_EXPONENT", "privateExponent": "PRIVATE_EXPONENT",
             "prime1": "PRIME_1", "prime2": "PRIME_2", "exponent1": "EXPONENT_1", "exponent2": "EXPONENT_2",
             "coefficient": "COEFFICIENT"}
    return _create(session, "PRIVATE_KEY", "RSA", USES["PRIVATE_KEY"],
                   {CKA[attribute]: number(parts[name]) for name, attribute in names.items()})


def ec_public(session, curve, point, key_type="EC"):
    return _create(session, "PUBLIC_KEY", key_type, ("VERIFY",),
                   {CKA["EC_PARAMS"]: CURVES[curve], CKA["EC_POINT"]: der(4, point)})


def ec_private(session, curve, value, key_type="EC"):
    return _create(session, "PRIVATE_KEY", key_type, ("DERIVE",) if key_type == "EC_MONTGOMERY" else ("SIGN", "DERIVE")
                   if key_type == "EC" else ("SIGN",), {CKA["EC_PARAMS"]: CURVES[curve], CKA["VALUE"]: value})


def pqc_public(session, key_type, parameter_set, value):
    use = "ENCAPSULATE" if key_type == "ML_KEM" else "VERIFY"
    return _create(session, "PUBLIC_KEY", key_type, (use,), {CKA["PARAMETER_SET"]: parameter_set, CKA["VALUE"]: value})


def pqc_private(session, key_type, parameter_set, value=None, seed=None, readable=False):
    use = "DECAPSULATE" if key_type == "ML_KEM" else "SIGN"
    more = {CKA["SEED"]: seed} if seed is not None else {CKA["VALUE"]: value}
    if readable:
        more |= {CKA["SENSITIVE"]: False, CKA["EXTRACTABLE"]: True}
    return _create(session, "PRIVATE_KEY", key_type, (use,), {CKA["PARAMETER_SET"]: parameter_set, **more})


def derived(size=None):
    """The template of a derived secret that can be read."""
    template = {CKA["CLASS"]: CKO["SECRET_KEY"], CKA["KEY_TYPE"]: CKK["GENERIC_SECRET"], CKA["TOKEN"]: False,
                CKA["PRIVATE"]: False, CKA["SENSITIVE"]: False, CKA["EXTRACTABLE"]: True}
    return template | ({CKA["VALUE_LEN"]: size} if size is not None else {})


def gcm(iv, additional, tag_bits):
    return Mechanism(AES_GCM, Packed(Pointer(iv), len(iv), len(iv) * 8, *counted(additional), tag_bits))


def ccm(data_len, nonce, additional, tag_len):
    return Mechanism(AES_CCM, Packed(data_len, Pointer(nonce), len(nonce), *counted(additional), tag_len))


def pss(mechanism, digest, mgf, salt_len):
    return Mechanism(mechanism, Packed(digest, mgf, salt_len))


def oaep(digest, mgf, label):
    return Mechanism(RSA_OAEP, Packed(digest, mgf, 1, *counted(label)))


def ecdh(public):
    return Mechanism(ECDH1, Packed(1, 0, Pointer(None), len(public), Pointer(public)))


def hkdf(digest, salt, info):
    return Mechanism(HKDF, Packed(b"\1\1", digest, 2 if salt else 1, *counted(salt), 0, *counted(info)))


def pbkdf2(prf, salt, iterations, password):
    return Mechanism(PBKDF2, Packed(1, Pointer(salt), len(salt), iterations, prf, 0, 0, Pointer(password), len(password)))


def additional_context(mechanism, hedge, context):
    """CK_SIGN_ADDITIONAL_CONTEXT: `hedge` 0 preferred, 1 required, 2 deterministic."""
    return Mechanism(mechanism, Packed(hedge, *counted(context)))


def eddsa():
    return Mechanism(EDDSA)
