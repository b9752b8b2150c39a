/*
 * What Strongroom has beyond PKCS#11: include this after the standard's pkcs11.h.
 * A test checks every constant here against the engine's.
 */
#ifndef STRONGROOM_H
#define STRONGROOM_H

#ifndef CKM_VENDOR_DEFINED
#define CKM_VENDOR_DEFINED 0x80000000UL
#endif

/*
 * XAES-256-GCM (https://c2sp.org/XAES-256-GCM) with a key of type CKK_AES and 32 bytes.
 *
 * The HSM draws a 192-bit nonce for each message, so one key may encrypt any number of them.
 * Output: nonce (24 bytes), ciphertext (as long as the data), tag (16 bytes).
 *
 * pParameter: NULL with ulParameterLen 0, or CK_STRONGROOM_XAES_ADDITIONAL_LEN bytes of additional
 * authenticated data; longer data is authenticated by its SHA-256.
 *
 * C_Encrypt takes a message in one call. C_Decrypt takes it in one call too; C_DecryptUpdate gives
 * no plaintext before C_DecryptFinal has checked the tag.
 */
#define CKM_STRONGROOM_XAES_256_GCM (CKM_VENDOR_DEFINED | 0x53520001UL)

#define CK_STRONGROOM_XAES_ADDITIONAL_LEN 32UL
#define CK_STRONGROOM_XAES_OVERHEAD 40UL

/*
 * Mechanisms of CloudHSM's library, under its names and numbers, so that a program made for it
 * compiles and runs. Where its own header is included first, its definitions stay.
 */

/* AES-GCM with CK_GCM_PARAMS whose pIv is NULL and ulIvLen 0: the HSM draws the initialisation
 * vector and puts its 12 bytes before the ciphertext. */
#ifndef CKM_CLOUDHSM_AES_GCM
#define CKM_CLOUDHSM_AES_GCM (CKM_VENDOR_DEFINED | 0x1087UL)
#endif

/* AES key wrap: RFC 3394 of the value as it is; padded as in PKCS #5; padded with zeroes. */
#ifndef CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD
#define CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD (CKM_VENDOR_DEFINED | 0x2109UL)
#endif
#ifndef CKM_CLOUDHSM_AES_KEY_WRAP_PKCS5_PAD
#define CKM_CLOUDHSM_AES_KEY_WRAP_PKCS5_PAD (CKM_VENDOR_DEFINED | 0x210AUL)
#endif
#ifndef CKM_CLOUDHSM_AES_KEY_WRAP_ZERO_PAD
#define CKM_CLOUDHSM_AES_KEY_WRAP_ZERO_PAD (CKM_VENDOR_DEFINED | 0x216FUL)
#endif

/*
 * SP 800-108 in counter mode with CloudHSM's number and structure, both older than PKCS#11 3.0's.
 * CloudHSM's header calls them CKM_SP800_108_COUNTER_KDF and CK_SP800_108_KDF_PARAMS, names that
 * the standard has given away since; a program that was compiled with them works all the same.
 *
 * The parts may come in any order: counter, label, a zero byte, context and length are put in this
 * one. Counters and lengths are big-endian.
 */
#define CKM_STRONGROOM_CLOUDHSM_COUNTER_KDF (CKM_VENDOR_DEFINED | 0x1UL)

#define CK_STRONGROOM_CLOUDHSM_COUNTER_FORMAT 0x0004UL /* its value: the width in bits, CK_ULONG */
#define CK_STRONGROOM_CLOUDHSM_PRF_LABEL 0x0005UL
#define CK_STRONGROOM_CLOUDHSM_PRF_CONTEXT 0x0006UL
#define CK_STRONGROOM_CLOUDHSM_DKM_FORMAT 0x0007UL /* method and width in bits, two CK_ULONG */
#define CK_STRONGROOM_CLOUDHSM_BYTE_ARRAY 0x0008UL

/*
 * CloudHSM's key derivation functions for CKM_ECDH1_DERIVE (CKD_CLOUDHSM_X963_SHA1_KDF and the
 * others) are not here: their numbers are in no public document, and we do not invent another
 * vendor's. They are the X9.63 functions that the standard has as CKD_SHA1_KDF, CKD_SHA224_KDF,
 * CKD_SHA256_KDF, CKD_SHA384_KDF and CKD_SHA512_KDF: use those.
 */

#endif
