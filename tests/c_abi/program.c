/* A C program that is linked to the library: it makes a token, a user and a key, and encrypts with
 * the mechanism of include/strongroom.h. It declares of the standard only what it uses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strongroom.h"

typedef unsigned long number;
typedef struct { number type; void *value; number length; } attribute;
typedef struct { number id; void *parameter; number length; } mechanism;

number C_Initialize(void *), C_Finalize(void *);
number C_GetSlotList(unsigned char, number *, number *);
number C_InitToken(number, char *, number, char *);
number C_OpenSession(number, number, void *, void *, number *);
number C_Login(number, number, char *, number), C_Logout(number);
number C_InitPIN(number, char *, number);
number C_GenerateKey(number, mechanism *, attribute *, number, number *);
number C_EncryptInit(number, mechanism *, number), C_DecryptInit(number, mechanism *, number);
number C_Encrypt(number, void *, number, void *, number *);
number C_Decrypt(number, void *, number, void *, number *);

#define OK(call) do { \
    number answer = (call); \
    if (answer != 0) { printf("%s: 0x%lx\n", #call, answer); exit(1); } \
} while (0)

int main(void) {
    char label[33] = "linked                          ";
    number slot, session, key, count = 1, bits = 32;
    OK(C_Initialize(NULL));
    OK(C_GetSlotList(0, &slot, &count));
    OK(C_InitToken(slot, "admin-1234", 10, label));
    OK(C_OpenSession(slot, 6, NULL, NULL, &session));
    OK(C_Login(session, 0, "admin-1234", 10));
    OK(C_InitPIN(session, "1234", 4));
    OK(C_Logout(session));
    OK(C_Login(session, 1, "1234", 4));

    mechanism generate = { 0x1080 /* CKM_AES_KEY_GEN */, NULL, 0 };
    attribute template[] = { { 0x161 /* CKA_VALUE_LEN */, &bits, sizeof bits } };
    OK(C_GenerateKey(session, &generate, template, 1, &key));

    unsigned char additional[CK_STRONGROOM_XAES_ADDITIONAL_LEN] = "context";
    mechanism xaes = { CKM_STRONGROOM_XAES_256_GCM, additional, sizeof additional };
    char message[] = "a message", opened[sizeof message], sealed[100];
    number length = sizeof sealed, opened_length = sizeof opened;
    OK(C_EncryptInit(session, &xaes, key));
    OK(C_Encrypt(session, message, sizeof message, sealed, &length));
    if (length != sizeof message + CK_STRONGROOM_XAES_OVERHEAD) return 2;
    OK(C_DecryptInit(session, &xaes, key));
    OK(C_Decrypt(session, sealed, length, opened, &opened_length));
    if (opened_length != sizeof message || memcmp(opened, message, sizeof message)) return 3;

    additional[0] ^= 1;
    OK(C_DecryptInit(session, &xaes, key));
    if (C_Decrypt(session, sealed, length, opened, &opened_length) == 0) return 4;
    OK(C_Finalize(NULL));
    puts("linked and run");
    return 0;
}
