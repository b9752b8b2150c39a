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

#endif
