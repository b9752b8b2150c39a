//! CreateKey, DescribeKey, ListKeys, EnableKey, DisableKey, UpdateKeyDescription.

use cryptoki::object::{Attribute, AttributeType};
use serde_json::{Value, json};

use super::support::{key_request, tests, text, with};

tests! {
    fn a_key_is_an_aes_256_key_of_kmsuser_labelled_with_its_arn(bench) {
        let store = bench.connected_store();
        let arn = bench.key(&store);
        let session = bench.token.session();
        let objects = bench.token.labelled(&session, &arn);
        assert_eq!(objects.len(), 1);
        let wanted = [
            AttributeType::Token, AttributeType::Private, AttributeType::Sensitive,
            AttributeType::Extractable, AttributeType::NeverExtractable, AttributeType::Encrypt,
            AttributeType::Decrypt, AttributeType::Wrap, AttributeType::ValueLen,
        ];
        assert_eq!(session.get_attributes(objects[0], &wanted).unwrap(), [
            Attribute::Token(true), Attribute::Private(true), Attribute::Sensitive(true),
            Attribute::Extractable(false), Attribute::NeverExtractable(true),
            Attribute::Encrypt(true), Attribute::Decrypt(true), Attribute::Wrap(false),
            Attribute::ValueLen(32.into()),
        ]);
    }

    fn a_key_is_described_in_awss_shape(bench) {
        let store = bench.connected_store();
        let request = with(key_request(&store), json!({
            "Description": "for tests", "KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT",
            "Tags": [{"TagKey": "a", "TagValue": "b"}], "MultiRegion": false,
        }));
        let created = bench.ok("CreateKey", request)["KeyMetadata"].clone();
        let id = text(&created, "KeyId");
        let arn = format!("arn:aws:kms:us-east-1:111122223333:key/{id}");
        assert_eq!(created, json!({
            "AWSAccountId": "111122223333",
            "KeyId": id,
            "Arn": arn,
            "CreationDate": 1_700_000_000.0,
            "Enabled": true,
            "Description": "for tests",
            "KeyUsage": "ENCRYPT_DECRYPT",
            "KeyState": "Enabled",
            "Origin": "AWS_CLOUDHSM",
            "CustomKeyStoreId": store,
            "CloudHsmClusterId": super::support::CLUSTER,
            "KeyManager": "CUSTOMER",
            "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
            "KeySpec": "SYMMETRIC_DEFAULT",
            "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
            "MultiRegion": false,
        }));
        bench.ok("CreateAlias", json!({"AliasName": "alias/d", "TargetKeyId": arn}));
        for name in [&id, &arn, "alias/d", "arn:aws:kms:us-east-1:111122223333:alias/d"] {
            assert_eq!(bench.metadata(name), created, "{name}");
        }
    }

    fn what_this_version_lacks_is_refused(bench) {
        let store = bench.connected_store();
        let unsupported = "UnsupportedOperationException";
        let cases: &[(Value, &str)] = &[
            (json!({"Origin": "EXTERNAL", "CustomKeyStoreId": null}), unsupported),
            (json!({"Origin": "AWS_KMS", "CustomKeyStoreId": null}), unsupported),
            (json!({"Origin": null, "CustomKeyStoreId": null}), unsupported),
            (json!({"Origin": "EXTERNAL_KEY_STORE"}), unsupported),
            (json!({"XksKeyId": "x"}), unsupported),
            (json!({"KeySpec": "RSA_2048"}), unsupported),
            (json!({"CustomerMasterKeySpec": "HMAC_256"}), unsupported),
            (json!({"KeyUsage": "SIGN_VERIFY"}), unsupported),
            (json!({"MultiRegion": true}), unsupported),
            (json!({"Policy": "{}"}), unsupported),
            (json!({"Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": null}), "ValidationException"),
            (json!({"Origin": null}), "ValidationException"),
            (json!({"Origin": "MOON"}), "ValidationException"),
            (json!({"KeySpec": "SYMMETRIC_DEFAULT", "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT"}), "ValidationException"),
            (json!({"Description": "x".repeat(8193)}), "ValidationException"),
            (json!({"CustomKeyStoreId": "cks-1"}), "CustomKeyStoreNotFoundException"),
            (json!({"Tags": [{"TagKey": "aws:x", "TagValue": ""}]}), "TagException"),
            (json!({"Tags": [{"TagKey": "", "TagValue": ""}]}), "ValidationException"),
        ];
        for (change, error) in cases {
            let answer = bench.error("CreateKey", with(key_request(&store), change.clone()));
            assert!(answer.starts_with(error), "{change}: {answer}");
        }
        assert_eq!(bench.ok("ListKeys", json!({}))["Keys"], json!([]));
        assert!(bench.kms().orphans().is_empty(), "a refused key leaves nothing in the cluster");
    }

    fn keys_are_listed_in_pages(bench) {
        let store = bench.connected_store();
        let mut arns: Vec<String> = (0..5).map(|_| bench.key(&store)).collect();
        arns.sort();
        let mut found = Vec::new();
        let mut request = json!({"Limit": 2});
        loop {
            let page = bench.ok("ListKeys", request);
            for key in page["Keys"].as_array().unwrap() {
                assert!(text(key, "KeyArn").ends_with(&text(key, "KeyId")));
                found.push(text(key, "KeyArn"));
            }
            if page["Truncated"] == false {
                break;
            }
            request = json!({"Limit": 2, "Marker": page["NextMarker"]});
        }
        assert_eq!(found, arns);
        for (request, error) in [
            (json!({"Limit": 1001}), "ValidationException"),
            (json!({"Marker": "66"}), "InvalidMarkerException"),
        ] {
            assert!(bench.error("ListKeys", request).starts_with(error), "{error}");
        }
    }

    fn a_disabled_key_is_not_used_until_it_is_enabled(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        let encrypt = json!({"KeyId": key, "Plaintext": "AA=="});
        bench.ok("DisableKey", json!({"KeyId": key}));
        assert_eq!(bench.metadata(&key)["KeyState"], "Disabled");
        assert_eq!(bench.metadata(&key)["Enabled"], false);
        assert_eq!(bench.error("Encrypt", encrypt.clone()), format!("DisabledException: {key} is disabled."));
        bench.ok("EnableKey", json!({"KeyId": key}));
        bench.ok("Encrypt", encrypt);
    }

    fn a_key_is_unavailable_while_its_store_is_disconnected_and_then_as_it_was_set(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        bench.disconnect(&store);
        assert_eq!(bench.metadata(&key)["KeyState"], "Unavailable");
        let encrypt = json!({"KeyId": key, "Plaintext": "AA=="});
        assert_eq!(bench.error("Encrypt", encrypt), format!("KMSInvalidStateException: {key} is unavailable."));
        bench.ok("DisableKey", json!({"KeyId": key}));
        assert_eq!(bench.metadata(&key)["KeyState"], "Unavailable");
        bench.connect(&store);
        assert_eq!(bench.metadata(&key)["KeyState"], "Disabled");
    }

    fn a_description_can_be_changed(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        bench.ok("UpdateKeyDescription", json!({"KeyId": key, "Description": "ä"}));
        bench.restart();
        assert_eq!(bench.metadata(&key)["Description"], "ä");
        assert!(bench.error("UpdateKeyDescription", json!({"KeyId": key})).starts_with("ValidationException"));
    }

    fn a_key_that_is_not_there_is_not_found_by_any_operation(bench) {
        let missing = "12345678-1234-4234-8234-123456789012";
        let text = format!("NotFoundException: Key 'arn:aws:kms:us-east-1:111122223333:key/{missing}' does not exist");
        for operation in ["DescribeKey", "EnableKey", "DisableKey", "ScheduleKeyDeletion", "CancelKeyDeletion", "ListAliases", "ListResourceTags"] {
            assert_eq!(bench.error(operation, json!({"KeyId": missing})), text, "{operation}");
            let error = bench.error(operation, json!({"KeyId": "x".repeat(2049)}));
            assert!(error.starts_with("ValidationException"), "{operation}: {error}");
        }
        for operation in ["EnableKey", "DisableKey", "ScheduleKeyDeletion", "CancelKeyDeletion"] {
            let error = bench.error(operation, json!({"KeyId": "alias/x"}));
            assert_eq!(error, "NotFoundException: Invalid keyId 'alias/x'", "{operation}");
        }
    }
}
