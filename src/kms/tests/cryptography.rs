//! Encrypt, Decrypt, ReEncrypt, GenerateDataKey, GenerateDataKeyWithoutPlaintext, GenerateRandom.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::support::{base64, bytes, tests, text, with};

tests! {
    fn what_was_encrypted_is_decrypted_in_the_same_context_only(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        let blob = bench.encrypted(&key, "attack at dawn", json!({"purpose": "test", "a": ""}));
        let right = json!({"CiphertextBlob": blob, "EncryptionContext": {"a": "", "purpose": "test"}});
        assert_eq!(bench.ok("Decrypt", right.clone()), json!({
            "KeyId": key, "Plaintext": base64("attack at dawn"), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        }));
        for context in [json!({}), json!({"purpose": "test"}), json!({"a": "", "purpose": "Test"})] {
            let wrong = with(right.clone(), json!({"EncryptionContext": context}));
            assert_eq!(bench.error("Decrypt", wrong), "InvalidCiphertextException: ");
        }
    }

    fn an_altered_or_foreign_blob_is_an_invalid_ciphertext(bench) {
        let store = bench.connected_store();
        let (key, other) = (bench.key(&store), bench.key(&store));
        let blob = STANDARD.decode(bench.encrypted(&key, "x", json!({}))).unwrap();
        let other = STANDARD.decode(bench.encrypted(&other, "x", json!({}))).unwrap();
        let mut blobs: Vec<Vec<u8>> = (0..blob.len()).map(|at| {
            let mut altered = blob.clone();
            altered[at] ^= 1;
            altered
        }).collect();
        blobs.push(blob[..blob.len() - 1].to_vec());
        blobs.push([&other[..18], &blob[18..]].concat());
        blobs.push(vec![0; 100]);
        blobs.push(vec![1]);
        for blob in blobs {
            let request = json!({"CiphertextBlob": STANDARD.encode(&blob)});
            assert_eq!(bench.error("Decrypt", request), "InvalidCiphertextException: ", "{blob:?}");
        }
    }

    fn a_key_that_the_request_names_must_be_the_ciphertexts(bench) {
        let store = bench.connected_store();
        let (key, other) = (bench.key(&store), bench.key(&store));
        let blob = bench.encrypted(&key, "x", json!({}));
        bench.ok("Decrypt", json!({"CiphertextBlob": blob, "KeyId": key}));
        let error = bench.error("Decrypt", json!({"CiphertextBlob": blob, "KeyId": other}));
        assert!(error.starts_with("IncorrectKeyException: "), "{error}");
        let error = bench.error("Decrypt", json!({"CiphertextBlob": blob, "KeyId": "alias/none"}));
        assert!(error.starts_with("NotFoundException: Alias arn:aws:kms:us-east-1:111122223333:alias/none is not found"), "{error}");
    }

    fn one_to_4096_bytes_are_encrypted(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        for len in [1, 4096] {
            let plaintext = "x".repeat(len);
            let blob = bench.encrypted(&key, &plaintext, json!({}));
            assert!(STANDARD.decode(&blob).unwrap().len() <= 6144);
            assert_eq!(bytes(&bench.ok("Decrypt", json!({"CiphertextBlob": blob}))["Plaintext"]), plaintext.as_bytes());
        }
        for len in [0, 4097] {
            let error = bench.error("Encrypt", json!({"KeyId": key, "Plaintext": base64(&"x".repeat(len))}));
            assert!(error.starts_with("ValidationException: 1 validation error detected: Value at 'plaintext' failed"), "{error}");
        }
    }

    fn a_blob_says_which_key_made_it_and_how(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        let blob = STANDARD.decode(bench.encrypted(&key, "x", json!({}))).unwrap();
        assert_eq!(blob[..2], [1, bench.token.scheme()]);
        let id = hex::encode(&blob[2..18]);
        assert_eq!(key.rsplit('/').next().unwrap().replace('-', ""), id);
    }

    fn two_encryptions_of_the_same_differ(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        assert_ne!(bench.encrypted(&key, "x", json!({})), bench.encrypted(&key, "x", json!({})));
    }

    fn members_that_cannot_be_honoured_are_refused(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        let blob = bench.encrypted(&key, "x", json!({}));
        let encrypt = json!({"KeyId": key, "Plaintext": "AA=="});
        let decrypt = json!({"CiphertextBlob": blob});
        let data_key = json!({"KeyId": key, "KeySpec": "AES_256"});
        let re_encrypt = json!({"CiphertextBlob": blob, "DestinationKeyId": key});
        let dry = "DryRunOperationException: The request would have succeeded, but the DryRun option is set.";
        let token = "InvalidGrantTokenException";
        let cases: &[(&str, &Value, Value, &str)] = &[
            ("Encrypt", &encrypt, json!({"DryRun": true}), dry),
            ("Decrypt", &decrypt, json!({"DryRun": true}), dry),
            ("GenerateDataKey", &data_key, json!({"DryRun": true}), dry),
            ("GenerateDataKeyWithoutPlaintext", &data_key, json!({"DryRun": true}), dry),
            ("ReEncrypt", &re_encrypt, json!({"DryRun": true}), dry),
            ("Encrypt", &encrypt, json!({"GrantTokens": ["x"]}), token),
            ("Decrypt", &decrypt, json!({"GrantTokens": ["x"]}), token),
            ("GenerateDataKey", &data_key, json!({"GrantTokens": ["x"]}), token),
            ("ReEncrypt", &re_encrypt, json!({"GrantTokens": ["x"]}), token),
            ("DescribeKey", &json!({"KeyId": key}), json!({"GrantTokens": ["x"]}), token),
            ("Encrypt", &encrypt, json!({"EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}), "InvalidKeyUsageException"),
            ("Decrypt", &decrypt, json!({"EncryptionAlgorithm": "SM2PKE"}), "InvalidKeyUsageException"),
            ("Encrypt", &encrypt, json!({"EncryptionAlgorithm": "ROT13"}), "ValidationException"),
            ("Encrypt", &encrypt, json!({"EncryptionContext": {"a": "x".repeat(8192)}}), "ValidationException"),
            ("Encrypt", &encrypt, json!({"EncryptionContext": {"a": 1}}), "SerializationException"),
            ("Encrypt", &encrypt, json!({"Plaintext": "not base64"}), "SerializationException"),
            ("Decrypt", &decrypt, json!({"Recipient": {}}), "UnsupportedOperationException"),
            ("Decrypt", &decrypt, json!({"DryRun": true, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}), "UnsupportedOperationException"),
            ("GenerateDataKey", &data_key, json!({"Recipient": {}}), "UnsupportedOperationException"),
            ("GenerateRandom", &json!({"NumberOfBytes": 1}), json!({"Recipient": {}}), "UnsupportedOperationException"),
        ];
        for (operation, request, change, error) in cases {
            let answer = bench.error(operation, with((*request).clone(), change.clone()));
            assert!(answer.starts_with(error), "{operation} {change}: {answer}");
        }
        bench.ok("Encrypt", with(encrypt, json!({"DryRun": false, "GrantTokens": []})));
    }

    fn a_data_key_is_as_long_as_asked_and_comes_back_by_decrypt(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        for (size, len) in [(json!({"KeySpec": "AES_256"}), 32), (json!({"KeySpec": "AES_128"}), 16), (json!({"NumberOfBytes": 1024}), 1024)] {
            let request = with(json!({"KeyId": key, "EncryptionContext": {"a": "b"}}), size);
            let made = bench.ok("GenerateDataKey", request.clone());
            assert_eq!((bytes(&made["Plaintext"]).len(), &made["KeyId"]), (len, &json!(key)));
            let decrypt = |blob: &Value| bench.ok("Decrypt", json!({"CiphertextBlob": blob, "EncryptionContext": {"a": "b"}}));
            assert_eq!(decrypt(&made["CiphertextBlob"])["Plaintext"], made["Plaintext"]);
            let sealed = bench.ok("GenerateDataKeyWithoutPlaintext", request);
            assert!(sealed.get("Plaintext").is_none());
            assert_eq!(bytes(&decrypt(&sealed["CiphertextBlob"])["Plaintext"]).len(), len);
        }
        let text = "ValidationException: Please specify either number of bytes or key spec.";
        for size in [json!({}), json!({"KeySpec": "AES_256", "NumberOfBytes": 32})] {
            assert_eq!(bench.error("GenerateDataKey", with(json!({"KeyId": key}), size)), text);
        }
        let error = bench.error("GenerateDataKey", json!({"KeyId": key, "NumberOfBytes": 1025}));
        assert_eq!(error, "ValidationException: 1 validation error detected: Value '1025' at 'numberOfBytes' \
            failed to satisfy constraint: Member must have value less than or equal to 1024");
    }

    fn a_ciphertext_moves_to_another_key_and_context(bench) {
        let store = bench.connected_store();
        let (source, destination) = (bench.key(&store), bench.key(&store));
        let blob = bench.encrypted(&source, "secret", json!({"old": "1"}));
        let request = json!({
            "CiphertextBlob": blob, "SourceEncryptionContext": {"old": "1"},
            "DestinationKeyId": destination, "DestinationEncryptionContext": {"new": "1"},
        });
        let moved = bench.ok("ReEncrypt", request.clone());
        assert_eq!((text(&moved, "SourceKeyId"), text(&moved, "KeyId")), (source.clone(), destination.clone()));
        assert_eq!(moved["SourceEncryptionAlgorithm"], moved["DestinationEncryptionAlgorithm"]);
        let answer = bench.ok("Decrypt", json!({"CiphertextBlob": moved["CiphertextBlob"], "EncryptionContext": {"new": "1"}}));
        assert_eq!((text(&answer, "KeyId"), bytes(&answer["Plaintext"])), (destination.clone(), b"secret".to_vec()));
        for (change, error) in [
            (json!({"SourceEncryptionContext": {}}), "InvalidCiphertextException: "),
            (json!({"SourceKeyId": destination}), "IncorrectKeyException"),
            (json!({"DestinationKeyId": null}), "ValidationException"),
        ] {
            assert!(bench.error("ReEncrypt", with(request.clone(), change)).starts_with(error), "{error}");
        }
    }

    fn random_bytes_come_from_this_machine_or_a_cluster(bench) {
        let store = bench.connected_store();
        for request in [json!({"NumberOfBytes": 1024}), json!({"NumberOfBytes": 1024, "CustomKeyStoreId": store})] {
            let (a, b) = (bench.ok("GenerateRandom", request.clone()), bench.ok("GenerateRandom", request));
            assert_eq!(bytes(&a["Plaintext"]).len(), 1024);
            assert_ne!(a, b);
        }
        for (request, error) in [
            (json!({}), "ValidationException: NumberOfBytes is required."),
            (json!({"NumberOfBytes": 0}), "ValidationException: 1 validation error"),
            (json!({"NumberOfBytes": 1, "CustomKeyStoreId": "cks-1"}), "CustomKeyStoreNotFoundException"),
        ] {
            assert!(bench.error("GenerateRandom", request).starts_with(error), "{error}");
        }
    }

    fn many_threads_encrypt_at_once(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let key = &key;
                scope.spawn(move || {
                    for number in 0..25 {
                        let message = format!("{thread} {number}");
                        let blob = bench.encrypted(key, &message, json!({}));
                        let answer = bench.ok("Decrypt", json!({"CiphertextBlob": blob}));
                        assert_eq!(bytes(&answer["Plaintext"]), message.as_bytes());
                    }
                });
            }
        });
    }
}
