# What makes openCryptoki's test programs neutral: they know its own kinds of token by their names, and IBM's attributes.

# Its own interface says of itself that it is fork-safe; by §5.4.6 of PKCS#11 3.2 a module that asks a child to initialise
# again is not. No test depends on it. Nor do most on there being an interface, which a module of 2.40 has not.
s/flags = CKF_INTERFACE_FORK_SAFE;/flags = 0;/
s/if (getinterfacelist == NULL) {/& rv = TRUE;/
/!= CKR_FUNCTION_NOT_PARALLEL)/{n;s/return rc;/;/}

# A token of no known kind would be taken for a mainframe's, whose tests leave most out: it is the software one.
s/strstr((const char \*) tokinfo.model, "Soft") == NULL/0/
s/strstr((const char \*) tokinfo.model, "Soft") != NULL/1/

# Rights that only IBM's keys have; that of a key to be used as data is CKA_DERIVE everywhere else.
/{CKA_IBM_PROTKEY_EXTRACTABLE,/d
s/{CKA_IBM_USE_AS_DATA,/{CKA_DERIVE,/

# The generator, not the mechanism, says for how many bits keys are generated.
/keysize_supported(slot_id, tsuite->mech.mechanism,/{N;s/tsuite->mech.mechanism,\(\n *tsuite->tv\[i\].modbits\)/CKM_RSA_PKCS_KEY_PAIR_GEN,\1/}

# A parameter that was left to chance; a key of 56,789 bytes; and a refused key after which no other was tried.
s/CK_MECHANISM aes_keygen_mech;/CK_MECHANISM aes_keygen_mech = { 0 };/
s/\b56789\b/12345/
/run_DeriveECDHKeyKAT(/,/^}/{/(EC Public Key) failed/,/goto/s/goto testcase_cleanup/goto testcase_next/}
