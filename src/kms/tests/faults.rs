//! What goes wrong outside: lost sessions, restarts, material that is deleted or doubled.

use cryptoki::{mechanism::Mechanism, object::Attribute};
use serde_json::json;

use super::support::{bytes, tests};

tests! {
    fn a_store_that_was_connected_connects_by_itself_after_a_restart(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        let blob = bench.encrypted(&key, "before", json!({}));
        bench.restart();
        assert_eq!(bench.settled(&store)["ConnectionState"], "CONNECTED");
        let answer = bench.ok("Decrypt", json!({"CiphertextBlob": blob}));
        assert_eq!(bytes(&answer["Plaintext"]), b"before");
    }

    fn a_store_that_was_disconnected_stays_so_after_a_restart(bench) {
        let store = bench.connected_store();
        bench.disconnect(&store);
        bench.restart();
        assert_eq!(bench.settled(&store)["ConnectionState"], "DISCONNECTED");
    }

    fn lost_sessions_are_replaced_while_the_request_waits(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        let blob = bench.encrypted(&key, "before", json!({}));
        bench.token.lose_sessions();
        let answer = bench.ok("Decrypt", json!({"CiphertextBlob": blob}));
        assert_eq!(bytes(&answer["Plaintext"]), b"before");
        assert_eq!(bench.settled(&store)["ConnectionState"], "CONNECTED");
    }

    fn hsms_that_are_killed_again_and_again_cost_nothing(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        for _ in 0..3 {
            let blob = bench.encrypted(&key, "before", json!({}));
            bench.token.kill();
            let answer = bench.ok("Decrypt", json!({"CiphertextBlob": blob}));
            assert_eq!(bytes(&answer["Plaintext"]), b"before");
            bench.key(&store);
        }
        bench.disconnect(&store);
        bench.connect(&store);
        assert_eq!(bench.ok("ListKeys", json!({}))["Keys"].as_array().unwrap().len(), 4);
        assert!(bench.kms().orphans().is_empty());
    }

    fn a_password_changed_behind_our_back_is_found_when_it_is_needed(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        bench.disconnect(&store);
        bench.token.set_password("kmsPswd2");
        bench.ok("ConnectCustomKeyStore", json!({"CustomKeyStoreId": store}));
        assert_eq!(bench.settled(&store)["ConnectionErrorCode"], "INVALID_CREDENTIALS");
        bench.disconnect(&store);
        bench.ok("UpdateCustomKeyStore", json!({"CustomKeyStoreId": store, "KeyStorePassword": "kmsPswd2"}));
        bench.connect(&store);
        bench.encrypted(&key, "x", json!({}));
    }

    fn a_crash_between_storing_and_changing_the_password_is_survived(bench) {
        let store = bench.connected_store();
        bench.kms().close();
        // What stands in the records when the power goes between the two, on either side.
        let records = &bench.kms().records;
        for changed in [false, true] {
            let read = crate::key_store::Credentials::read(records, &store).unwrap();
            let (old, new) = (read.current, crate::key_store::Password::random().unwrap());
            if changed {
                bench.token.set_password(new.reveal());
            }
            let torn = crate::key_store::Credentials { current: old, next: Some(new), due: false };
            torn.put(records.change(), &store).commit().unwrap();
            bench.restart();
            assert_eq!(bench.settled(&store)["ConnectionState"], "CONNECTED", "changed: {changed}");
            bench.kms().close();
        }
    }

    fn material_that_was_deleted_in_the_cluster_is_reported(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        let session = bench.token.session();
        let object = bench.token.labelled(&session, &key)[0];
        session.destroy_object(object).unwrap();
        let error = bench.error("Encrypt", json!({"KeyId": key, "Plaintext": "AA=="}));
        assert!(error.starts_with("KMSInvalidStateException: ") && error.contains("no key material"), "{error}");
        assert_eq!(bench.metadata(&key)["KeyState"], "Enabled");
    }

    fn material_without_a_key_is_reported(bench) {
        let store = bench.connected_store();
        bench.key(&store);
        let label = "arn:aws:kms:us-east-1:111122223333:key/12345678-1234-4234-8234-123456789012";
        let session = bench.token.session();
        for label in [label, "somebody else's"] {
            let template = [Attribute::Token(true), Attribute::ValueLen(32.into()), Attribute::Label(label.into())];
            session.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
        }
        let orphans = bench.kms().orphans();
        assert_eq!((orphans.len(), orphans[0].label.as_str()), (1, label));
    }
}
