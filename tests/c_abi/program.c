/* A C program that is linked to the library: it makes a token, a user and a key, and encrypts with
 * the mechanism of include/strongroom.h. It declares of the standard only what it uses. Every buffer
 * is exactly as long as the library was told, so that a sanitizer sees a byte too many. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strongroom.h"

typedef unsigned long number;
typedef struct { number type; void *value; number length; } attribute;
typedef struct { number id; void *parameter; number length; } mechanism;
typedef struct {
    unsigned char *iv; number iv_len, iv_bits; unsigned char *additional; number additional_len, tag_bits;
} gcm_parameters;

number C_Initialize(void *), C_Finalize(void *);
number C_GetSlotList(unsigned char, number *, number *);
number C_GetMechanismList(number, number *, number *);
number C_GetMechanismInfo(number, number, number *);
number C_InitToken(number, char *, number, char *);
number C_OpenSession(number, number, void *, void *, number *);
number C_Login(number, number, char *, number), C_Logout(number);
number C_InitPIN(number, char *, number);
number C_GenerateKey(number, mechanism *, attribute *, number, number *);
number C_GetAttributeValue(number, number, attribute *, number);
number C_GenerateRandom(number, void *, number);
number C_EncryptInit(number, mechanism *, number), C_DecryptInit(number, mechanism *, number);
number C_Encrypt(number, void *, number, void *, number *);
number C_EncryptUpdate(number, void *, number, void *, number *);
number C_EncryptFinal(number, void *, number *);
number C_Decrypt(number, void *, number, void *, number *);
number C_DigestInit(number, mechanism *), C_Digest(number, void *, number, void *, number *);
number C_FindObjectsInit(number, attribute *, number), C_FindObjectsFinal(number);
number C_FindObjects(number, number *, number, number *);

#define OK(call) do { \
    number answer = (call); \
    if (answer != 0) { printf("%s: 0x%lx\n", #call, answer); exit(1); } \
} while (0)
#define TOO_SMALL 0x150

static number session;

static void *exactly(number bytes) {
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory) exit(9);
    return memory;
}

/* Encrypts with buffers of every length from none to enough. */
static void encrypt_into_every_length(mechanism *with, number key, number message_len) {
    unsigned char *message = exactly(message_len);
    number needed = 0, room;
    memset(message, 7, message_len);
    OK(C_EncryptInit(session, with, key));
    OK(C_Encrypt(session, message, message_len, NULL, &needed));
    for (room = 0; ; room++) {
        unsigned char *sealed = exactly(room);
        number length = room, answer = C_Encrypt(session, message, message_len, sealed, &length);
        if (answer == 0) {
            unsigned char *opened = exactly(length);
            number opened_length = length;
            OK(C_DecryptInit(session, with, key));
            OK(C_Decrypt(session, sealed, length, opened, &opened_length));
            if (opened_length != message_len || memcmp(opened, message, message_len)) exit(5);
            free(opened);
            free(sealed);
            break;
        }
        if (answer != TOO_SMALL || room > needed) exit(6);
        free(sealed);
    }
    free(message);
}

static void encrypt_in_parts(mechanism *with, number key) {
    number part, all = 0;
    OK(C_EncryptInit(session, with, key));
    for (part = 0; part < 40; part++) {
        unsigned char *piece = exactly(part), *sealed = exactly(part + 16);
        number length = part + 16;
        memset(piece, 1, part);
        OK(C_EncryptUpdate(session, piece, part, sealed, &length));
        all += length;
        free(piece);
        free(sealed);
    }
    unsigned char *sealed = exactly(16);
    number length = 16;
    OK(C_EncryptFinal(session, sealed, &length));
    if (all + length < 39 * 40 / 2) exit(7);
    free(sealed);
}

static void lists_and_attributes(number slot, number key) {
    number count = 0, *list, found, some;
    OK(C_GetMechanismList(slot, NULL, &count));
    list = exactly(count * sizeof *list);
    OK(C_GetMechanismList(slot, list, &count));
    free(list);
    attribute asked[] = { { 0x3 /* CKA_LABEL */, NULL, 0 }, { 0x100 /* CKA_KEY_TYPE */, NULL, 0 },
        { 0x4 /* CKA_UNIQUE_ID */, NULL, 0 } };
    OK(C_GetAttributeValue(session, key, asked, 3));
    for (int i = 0; i < 3; i++) asked[i].value = exactly(asked[i].length);
    OK(C_GetAttributeValue(session, key, asked, 3));
    for (int i = 0; i < 3; i++) free(asked[i].value);
    OK(C_FindObjectsInit(session, NULL, 0));
    list = exactly(sizeof *list);
    for (found = 0; C_FindObjects(session, list, 1, &some) == 0 && some; found++) { }
    OK(C_FindObjectsFinal(session));
    if (found < 1) exit(8);
    free(list);
}

int main(void) {
    char label[33] = "linked                          ";
    number slot, key, count = 1, bits = 32;
    OK(C_Initialize(NULL));
    OK(C_GetSlotList(0, &slot, &count));
    OK(C_InitToken(slot, "admin-1234", 10, label));
    OK(C_OpenSession(slot, 6, NULL, NULL, &session));
    OK(C_Login(session, 0, "admin-1234", 10));
    OK(C_InitPIN(session, "1234", 4));
    OK(C_Logout(session));
    OK(C_Login(session, 1, "1234", 4));

    mechanism generate = { 0x1080 /* CKM_AES_KEY_GEN */, NULL, 0 };
    attribute template[] = { { 0x161 /* CKA_VALUE_LEN */, &bits, sizeof bits },
        { 0x3 /* CKA_LABEL */, "a key", 5 } };
    OK(C_GenerateKey(session, &generate, template, 2, &key));

    unsigned char additional[CK_STRONGROOM_XAES_ADDITIONAL_LEN] = "context";
    mechanism xaes = { CKM_STRONGROOM_XAES_256_GCM, additional, sizeof additional };
    char message[] = "a message", opened[sizeof message], sealed[100];
    number sealed_length = sizeof sealed, opened_length = sizeof opened, length, information[3];
    /* A build on the FIPS module does not have it. */
    int xaes_is_there = C_GetMechanismInfo(slot, CKM_STRONGROOM_XAES_256_GCM, information) == 0;
    if (xaes_is_there) {
        OK(C_EncryptInit(session, &xaes, key));
        OK(C_Encrypt(session, message, sizeof message, sealed, &sealed_length));
        if (sealed_length != sizeof message + CK_STRONGROOM_XAES_OVERHEAD) return 2;
        OK(C_DecryptInit(session, &xaes, key));
        OK(C_Decrypt(session, sealed, sealed_length, opened, &opened_length));
        if (opened_length != sizeof message || memcmp(opened, message, sizeof message)) return 3;
    }

    unsigned char iv[16] = { 1 };
    gcm_parameters gcm_parameter = { iv, 12, 96, additional, sizeof additional, 128 };
    mechanism gcm = { 0x1087, &gcm_parameter, sizeof gcm_parameter }, cbc_pad = { 0x1085, iv, sizeof iv };
    for (number message_len = 0; message_len < 70; message_len += 23) {
        if (xaes_is_there) encrypt_into_every_length(&xaes, key, message_len);
        encrypt_into_every_length(&gcm, key, message_len);
        encrypt_into_every_length(&cbc_pad, key, message_len);
    }
    encrypt_in_parts(&cbc_pad, key);
    encrypt_in_parts(&gcm, key);
    lists_and_attributes(slot, key);
    mechanism sha256 = { 0x250, NULL, 0 };
    unsigned char *digest = exactly(32);
    length = 32;
    OK(C_DigestInit(session, &sha256));
    OK(C_Digest(session, message, sizeof message, digest, &length));
    OK(C_GenerateRandom(session, digest, 32));
    free(digest);

    if (xaes_is_there) {
        additional[0] ^= 1;
        OK(C_DecryptInit(session, &xaes, key));
        opened_length = sizeof opened;
        if (C_Decrypt(session, sealed, sealed_length, opened, &opened_length) == 0) return 4;
    }
    OK(C_Finalize(NULL));
    puts("linked and run");
    return 0;
}
