// What Node programs do with a token, through graphene-pk11 and through pkcs11js below it, checked by Node's own
// crypto. Arguments: the module, the user's PIN, the file for the results.
"use strict";
const assert = require("node:assert");
const crypto = require("node:crypto");
const fs = require("node:fs");
const graphene = require("graphene-pk11");
const pkcs11js = require("pkcs11js");

const [, , library, pin, results] = process.argv;
const { KeyGenMechanism, KeyType, MechanismEnum, ObjectClass, RsaMgf } = graphene;
const text = Buffer.from("Sing, o goddess, the anger of Achilles");
const block = Buffer.from("Sing, o goddess,");
const iv = Buffer.from("0123456789abcdef");

const module_ = graphene.Module.load(library, "suite");
let slot, session;

async function check(name, use) {
  let verdict = "ok";
  let why = "";
  try {
    await use();
  } catch (error) {
    verdict = "not-ok";
    why = String(error && error.message).split("\n")[0];
  }
  console.log(verdict, name, why);
  fs.appendFileSync(results, `${verdict}\t${name}\t${why}\n`);
}

/** The form of a call that answers by a callback. */
const called = (call) => new Promise((done, fail) => call((error, value) => (error ? fail(error) : done(value))));
const refused = (code, call) => assert.throws(call, (error) => error.message.includes(code));

const secretUses = {
  encrypt: true, decrypt: true, sign: true, verify: true, wrap: true, unwrap: true, derive: true, extractable: true,
};
const aes = (length, more) =>
  session.generateKey(KeyGenMechanism.AES, { keyType: KeyType.AES, valueLen: length, token: false, ...secretUses, ...more });
const aesTemplate = (more) => ({ class: ObjectClass.SECRET_KEY, keyType: KeyType.AES, token: false, ...secretUses, ...more });
const rsa = (exponent) =>
  session.generateKeyPair(
    KeyGenMechanism.RSA,
    { keyType: KeyType.RSA, modulusBits: 2048, publicExponent: exponent, verify: true, encrypt: true, wrap: true },
    { keyType: KeyType.RSA, sign: true, decrypt: true, unwrap: true },
  );
const ec = (curve, uses = { sign: true, derive: true }) =>
  session.generateKeyPair(
    KeyGenMechanism.EC,
    { keyType: KeyType.EC, paramsEC: graphene.NamedCurve.getByName(curve).value, verify: true },
    { keyType: KeyType.EC, ...uses },
  );

const base64url = (bytes) => bytes.toString("base64url");
function rsaOutside(key) {
  const { modulus, publicExponent } = key.getAttribute({ modulus: null, publicExponent: null });
  return crypto.createPublicKey({ format: "jwk", key: { kty: "RSA", n: base64url(modulus), e: base64url(publicExponent) } });
}

/** The coordinates of the point in CKA_EC_POINT, an OCTET STRING. */
function pointOf(key) {
  const octets = key.getAttribute({ pointEC: null }).pointEC;
  const point = octets.subarray(octets[1] & 0x80 ? 3 : 2);
  const length = (point.length - 1) / 2;
  return { point, x: point.subarray(1, 1 + length), y: point.subarray(1 + length) };
}
function ecOutside(curve, key) {
  const { x, y } = pointOf(key);
  return crypto.createPublicKey({ format: "jwk", key: { kty: "EC", crv: curve, x: base64url(x), y: base64url(y) } });
}

function valueOf(key) {
  return key.getAttribute({ value: null }).value;
}

function seal(algorithm, key, message) {
  const cipher = session.createCipher(algorithm, key);
  const parts = [cipher.update(message.subarray(0, 7)), cipher.update(message.subarray(7)), cipher.final()];
  const sealed = Buffer.concat(parts);
  const decipher = session.createDecipher(algorithm, key, sealed.length);
  assert.deepStrictEqual(Buffer.concat([decipher.update(sealed), decipher.final()]), message);
  return sealed;
}

function opens(name, key, sealed, message, tag = 0, aad = Buffer.alloc(0), nonce = iv) {
  const decipher = crypto.createDecipheriv(name, valueOf(key), nonce);
  if (tag) decipher.setAuthTag(sealed.subarray(sealed.length - tag));
  if (aad.length) decipher.setAAD(aad);
  const body = sealed.subarray(0, sealed.length - tag);
  assert.deepStrictEqual(Buffer.concat([decipher.update(body), decipher.final()]), message);
}

function signs(algorithm, pair, message = text) {
  const signature = session.createSign(algorithm, pair.privateKey).once(message);
  assert.strictEqual(session.createVerify(algorithm, pair.publicKey).once(message, signature), true);
  const other = Buffer.from(message);
  other[0] ^= 1;
  assert.strictEqual(session.createVerify(algorithm, pair.publicKey).once(other, signature), false);
  return signature;
}

async function module() {
  await check("the module is loaded and says who it is", () => {
    module_.initialize();
    assert.ok(module_.cryptokiVersion.major >= 2);
    refused("CKR_CRYPTOKI_ALREADY_INITIALIZED", () => module_.lib.C_Initialize());
  });
  await check("the slot has the token", () => {
    const slots = module_.getSlots(true);
    slot = Array.from({ length: slots.length }, (_, i) => slots.items(i)).find((one) => one.getToken().label === "suite");
    assert.ok(slot.flags & graphene.SlotFlag.TOKEN_PRESENT);
    assert.ok(slot.getToken().flags & graphene.TokenFlag.TOKEN_INITIALIZED);
  });
  await check("each mechanism says what it is for", () => {
    const mechanisms = slot.getMechanisms();
    assert.ok(mechanisms.length > 50);
    for (let i = 0; i < mechanisms.length; i++) assert.ok(mechanisms.items(i).flags !== 0);
  });
  await check("a wrong PIN is refused, the right one opens the token", () => {
    session = slot.open(graphene.SessionFlag.RW_SESSION | graphene.SessionFlag.SERIAL_SESSION);
    refused("CKR_PIN_INCORRECT", () => session.login("wrong pin"));
    session.login(pin);
    refused("CKR_USER_ALREADY_LOGGED_IN", () => session.login(pin));
  });
  await check("the user changes the PIN", () => {
    session.setPin(pin, "54321");
    session.logout();
    session.login("54321");
    session.setPin("54321", pin);
  });
}

async function objects() {
  await check("a new session finds no object", () => assert.strictEqual(session.find().length, 0));
  await check("a data object has what it was made with, and is private", () => {
    const made = session.create({ class: ObjectClass.DATA, application: "app", label: "a label", value: Buffer.from("value") });
    const data = made.toType();
    assert.strictEqual(data.application, "app");
    assert.strictEqual(data.value.toString(), "value");
    assert.strictEqual(data.private, true);
    assert.strictEqual(data.modifiable, true);
    data.label = "another";
    assert.strictEqual(session.find({ label: "another" }).length, 1);
    assert.ok(data.size > 0);
  });
  await check("objects are found in the order they were made", () => {
    for (const value of "123") session.create({ class: ObjectClass.DATA, application: "found", value: Buffer.from(value) });
    const found = session.find({ application: "found" });
    assert.deepStrictEqual([0, 1, 2].map((i) => found.items(i).toType().value.toString()), ["1", "2", "3"]);
  });
  await check("a copy is another object", () => {
    const copy = session.copy(aes(32, { label: "one" }), { label: "two" }).toType();
    assert.strictEqual(copy.label, "two");
    assert.strictEqual(session.find({ class: ObjectClass.SECRET_KEY }).length, 2);
  });
  await check("objects are destroyed by a template, and all", () => {
    session.destroy({ application: "found" });
    assert.strictEqual(session.find({ application: "found" }).length, 0);
    session.clear();
    assert.strictEqual(session.find().length, 0);
  });
  await check("a certificate on the token is there in another session", () => {
    const value = Buffer.from("3000", "hex");
    const named = { class: ObjectClass.CERTIFICATE, label: "certificate" };
    session.create({ ...named, certType: graphene.CertificateType.X_509, token: true, private: false, subject: value, value });
    const other = slot.open();
    assert.strictEqual(other.find(named).length, 1);
    other.close();
    session.destroy(named);
  });
  await check("a key on the token is read-only to a read-only session", () => {
    const other = slot.open();
    refused("CKR_SESSION_READ_ONLY", () => other.generateKey("AES_KEY_GEN", { valueLen: 32, token: true }));
    assert.ok(other.generateKey("AES_KEY_GEN", { valueLen: 32, token: false }).handle);
    other.close();
  });
}

async function secrets() {
  const key = aes(32);
  const nonce = iv.subarray(0, 12);
  await check("AES-CBC", () => opens("aes-256-cbc", key, seal({ name: "AES_CBC_PAD", params: iv }, key, text), text));
  await check("AES-CBC without padding", () => {
    const cipher = crypto.createCipheriv("aes-256-cbc", valueOf(key), iv).setAutoPadding(false);
    assert.deepStrictEqual(seal({ name: "AES_CBC", params: iv }, key, block), cipher.update(block));
  });
  await check("AES-GCM with the parameters of 2.40 and of 3.0", () => {
    for (const Params of [graphene.AesGcmParams, graphene.AesGcm240Params]) {
      const sealed = seal({ name: "AES_GCM", params: new Params(nonce, text) }, key, block);
      opens("aes-256-gcm", key, sealed, block, 16, text, nonce);
    }
  });
  await check("an AES key derives another by encryption", () => {
    const params = new graphene.AesCbcEncryptDataParams(iv, Buffer.concat([block, block]));
    const derived = session.deriveKey({ name: "AES_CBC_ENCRYPT_DATA", params }, key, aesTemplate({ valueLen: 32, sensitive: false }));
    const cipher = crypto.createCipheriv("aes-256-cbc", valueOf(key), iv).setAutoPadding(false);
    assert.deepStrictEqual(valueOf(derived), cipher.update(Buffer.concat([block, block])));
  });
  await check("a wrapped key comes back, shorter than its last block", () => {
    const inner = aes(24);
    const algorithm = { name: "AES_CBC", params: iv };
    const wrapped = session.wrapKey(algorithm, key, inner);
    assert.strictEqual(wrapped.length, 32);
    const back = session.unwrapKey(algorithm, key, wrapped, aesTemplate({ valueLen: 24, sensitive: false }));
    assert.deepStrictEqual(valueOf(back), valueOf(inner));
  });
  await check("AES key wrap", () => {
    const inner = aes(16);
    const wrapped = session.wrapKey("AES_KEY_WRAP", key, inner);
    const unwrap = crypto.createDecipheriv("id-aes256-wrap", valueOf(key), Buffer.alloc(8, 0xa6));
    assert.deepStrictEqual(unwrap.update(wrapped), valueOf(inner));
  });
  await check("HMAC in parts", () => {
    const secret = session.create({
      class: ObjectClass.SECRET_KEY, keyType: KeyType.GENERIC_SECRET, value: text, sign: true, verify: true,
    }).toType();
    const sign = session.createSign("SHA256_HMAC", secret);
    sign.update(block);
    sign.update(text);
    const expected = crypto.createHmac("sha256", text).update(block).update(text).digest();
    assert.deepStrictEqual(sign.final(), expected);
  });
  await check("digests", () => {
    for (const [name, outside] of [["SHA1", "sha1"], ["SHA256", "sha256"], ["SHA512", "sha512"]]) {
      const digest = session.createDigest(name);
      digest.update(text);
      assert.deepStrictEqual(digest.final(), crypto.createHash(outside).update(text).digest());
    }
  });
  await check("random bytes differ", () => {
    assert.notDeepStrictEqual(session.generateRandom(32), session.generateRandom(32));
  });
}

async function pairs() {
  const pair = rsa(Buffer.from([1, 0, 1]));
  const outside = rsaOutside(pair.publicKey);
  await check("RSA signatures", () => {
    for (const hash of ["SHA1", "SHA224", "SHA256", "SHA384", "SHA512"]) {
      assert.ok(crypto.verify(hash, text, outside, signs(`${hash}_RSA_PKCS`, pair)));
    }
  });
  await check("RSA-PSS signatures", () => {
    for (const [hash, saltLength] of [["SHA1", 20], ["SHA224", 28], ["SHA256", 32], ["SHA384", 48], ["SHA512", 64]]) {
      const params = new graphene.RsaPssParams(MechanismEnum[hash], RsaMgf[`MGF1_${hash}`], saltLength);
      const signature = signs({ name: `${hash}_RSA_PKCS_PSS`, params }, pair);
      const key = { key: outside, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength };
      assert.ok(crypto.verify(hash, text, key, signature));
    }
  });
  await check("RSA signatures by callbacks", async () => {
    const signature = await called((done) => session.createSign("SHA256_RSA_PKCS", pair.privateKey).once(text, done));
    assert.ok(await called((done) => session.createVerify("SHA256_RSA_PKCS", pair.publicKey).once(text, signature, done)));
  });
  await check("RSA with the public exponent 3", () => assert.ok(signs("SHA256_RSA_PKCS", rsa(Buffer.from([3])))));
  await check("RSA decrypts what was encrypted outside", () => {
    const oaepLabel = Buffer.from("label");
    const params = new graphene.RsaOaepParams(MechanismEnum.SHA256, RsaMgf.MGF1_SHA256, oaepLabel);
    const sealed = crypto.publicEncrypt({ key: outside, oaepHash: "sha256", oaepLabel }, text);
    const decipher = session.createDecipher({ name: "RSA_PKCS_OAEP", params }, pair.privateKey);
    assert.deepStrictEqual(decipher.once(sealed, Buffer.alloc(4096)), text);
    const old = crypto.publicEncrypt({ key: outside, padding: crypto.constants.RSA_PKCS1_PADDING }, text);
    assert.deepStrictEqual(session.createDecipher("RSA_PKCS", pair.privateKey).once(old, Buffer.alloc(4096)), text);
  });
  await check("RSA wraps a key, by callbacks", async () => {
    const inner = aes(32);
    const algorithm = { name: "RSA_PKCS_OAEP", params: new graphene.RsaOaepParams() };
    const wrapped = await called((done) => session.wrapKey(algorithm, pair.publicKey, inner, done));
    const template = aesTemplate({ sensitive: false });
    const back = await called((done) => session.unwrapKey(algorithm, pair.privateKey, wrapped, template, done));
    assert.deepStrictEqual(valueOf(back.toType()), valueOf(inner));
  });
  for (const [curve, outsideName] of [["secp256r1", "P-256"], ["secp384r1", "P-384"], ["secp521r1", "P-521"], ["secp256k1", "secp256k1"]]) {
    await check(`ECDSA on ${curve}`, () => {
      const made = ec(curve);
      const key = { key: ecOutside(outsideName, made.publicKey), dsaEncoding: "ieee-p1363" };
      for (const hash of ["SHA1", "SHA256", "SHA512"]) assert.ok(crypto.verify(hash, text, key, signs(`ECDSA_${hash}`, made)));
      const digest = crypto.createHash("sha256").update(text).digest();
      assert.ok(crypto.verify("sha256", text, key, signs("ECDSA", made, digest)));
    });
  }
  await check("ECDH agrees with one outside, by both calls", async () => {
    const made = ec("secp256r1");
    const other = crypto.createECDH("prime256v1");
    const params = new graphene.EcdhParams(graphene.EcKdf.NULL, null, other.generateKeys());
    const algorithm = { name: "ECDH1_DERIVE", params };
    const template = aesTemplate({ valueLen: 32, sensitive: false });
    const expected = other.computeSecret(pointOf(made.publicKey).point);
    assert.deepStrictEqual(valueOf(session.deriveKey(algorithm, made.privateKey, template)), expected);
    const derived = await called((done) => session.deriveKey(algorithm, made.privateKey, template, done));
    assert.deepStrictEqual(valueOf(derived), expected);
  });
  await check("a pair is generated by a callback while another call runs", async () => {
    const generated = called((done) =>
      session.generateKeyPair(
        KeyGenMechanism.RSA,
        { keyType: KeyType.RSA, modulusBits: 2048, publicExponent: Buffer.from([1, 0, 1]), verify: true },
        { keyType: KeyType.RSA, sign: true },
        done,
      ),
    );
    const other = slot.open();
    assert.strictEqual(other.generateRandom(16).length, 16);
    other.close();
    assert.ok(signs("SHA256_RSA_PKCS", await generated));
  });
}

/** pkcs11js: the functions of PKCS#11 as they are. */
async function functions() {
  const { lib } = module_;
  const handle = session.handle;
  await check("pkcs11js: a refusal has its code", () => {
    try {
      lib.C_GetAttributeValue(handle, Buffer.alloc(8, 0xff), [{ type: pkcs11js.CKA_LABEL }]);
      assert.fail("an object that is not there");
    } catch (error) {
      assert.strictEqual(error.code, pkcs11js.CKR_OBJECT_HANDLE_INVALID);
    }
  });
  await check("pkcs11js: finds without a template, one by one", () => {
    const [one, two] = [0, 1].map((n) => lib.C_CreateObject(handle, [
      { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_DATA },
      { type: pkcs11js.CKA_LABEL, value: `object ${n}` },
    ]));
    lib.C_FindObjectsInit(handle, [{ type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_DATA }]);
    assert.deepStrictEqual([lib.C_FindObjects(handle), lib.C_FindObjects(handle)], [one, two]);
    assert.strictEqual(lib.C_FindObjects(handle), null);
    lib.C_FindObjectsFinal(handle);
    lib.C_FindObjectsInit(handle, []);
    assert.ok(lib.C_FindObjects(handle));
    lib.C_FindObjectsFinal(handle);
  });
  await check("pkcs11js: operations in parts, into larger buffers", () => {
    const key = lib.C_GenerateKey(handle, { mechanism: pkcs11js.CKM_AES_KEY_GEN }, [
      { type: pkcs11js.CKA_VALUE_LEN, value: 32 },
      { type: pkcs11js.CKA_ENCRYPT, value: true },
      { type: pkcs11js.CKA_DECRYPT, value: true },
    ]);
    const mechanism = { mechanism: pkcs11js.CKM_AES_CBC, parameter: iv };
    lib.C_EncryptInit(handle, mechanism, key);
    const room = () => Buffer.alloc(200);
    const sealed = Buffer.concat([
      lib.C_EncryptUpdate(handle, block, room()), lib.C_EncryptUpdate(handle, block, room()), lib.C_EncryptFinal(handle, room()),
    ]);
    lib.C_DecryptInit(handle, mechanism, key);
    const opened = Buffer.concat([lib.C_DecryptUpdate(handle, sealed, room()), lib.C_DecryptFinal(handle, room())]);
    assert.deepStrictEqual(opened, Buffer.concat([block, block]));
  });
  await check("pkcs11js: a digest that is promised", async () => {
    lib.C_DigestInit(handle, { mechanism: pkcs11js.CKM_SHA256 });
    const digest = await lib.C_DigestAsync(handle, text, Buffer.alloc(64));
    assert.deepStrictEqual(digest, crypto.createHash("sha256").update(text).digest());
  });
  await check("all sessions of the slot are closed", () => {
    const other = slot.open();
    slot.closeAll();
    refused("CKR_SESSION_HANDLE_INVALID", () => other.close());
    refused("CKR_SESSION_HANDLE_INVALID", () => session.generateRandom(1));
  });
  await check("the module ends, and starts again", () => {
    module_.finalize();
    module_.initialize();
    assert.ok(module_.getSlots(true).length > 0);
    module_.finalize();
  });
}

(async () => {
  for (const part of [module, objects, secrets, pairs, functions]) await part();
})();
