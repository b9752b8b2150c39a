//! ScheduleKeyDeletion, CancelKeyDeletion, and the job that ends keys.

use aws::Clock;
use serde_json::json;

use super::support::{tests, with};

tests! {
    fn a_key_waits_for_its_window_and_is_then_gone_with_all_that_was_its(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        bench.ok("CreateAlias", json!({"AliasName": "alias/x", "TargetKeyId": key}));
        bench.ok("TagResource", json!({"KeyId": key, "Tags": [{"TagKey": "a", "TagValue": ""}]}));
        let blob = bench.encrypted(&key, "x", json!({}));
        assert_eq!(bench.ok("ScheduleKeyDeletion", json!({"KeyId": key, "PendingWindowInDays": 7})), json!({
            "KeyId": key, "DeletionDate": 1_700_604_800.0, "KeyState": "PendingDeletion", "PendingWindowInDays": 7,
        }));
        assert_eq!(bench.metadata(&key)["DeletionDate"], json!(1_700_604_800.0));
        bench.days_pass(6);
        assert_eq!(bench.kms().delete_due(bench.now.now()).unwrap(), 0);
        bench.days_pass(1);
        assert_eq!(bench.kms().delete_due(bench.now.now()).unwrap(), 1);
        assert!(bench.error("DescribeKey", json!({"KeyId": key})).starts_with("NotFoundException"));
        assert!(bench.error("DescribeKey", json!({"KeyId": "alias/x"})).starts_with("NotFoundException: Alias "));
        assert_eq!(bench.error("Decrypt", json!({"CiphertextBlob": blob})), "InvalidCiphertextException: ");
        assert!(bench.token.labelled(&bench.token.session(), &key).is_empty());
        // Nothing of it is left in the records either.
        for keyspace in [b'k', b'm', b'd', b'n', b't', b'a', b'b'] {
            assert_eq!(bench.store.count(keyspace).unwrap(), 0, "{}", char::from(keyspace));
        }
    }

    fn a_key_that_cannot_be_deleted_is_not_in_the_way_of_others(bench) {
        let store = bench.connected_store();
        let mut keys = [bench.key(&store), bench.key(&store)];
        keys.sort();
        for key in &keys {
            bench.ok("ScheduleKeyDeletion", json!({"KeyId": key, "PendingWindowInDays": 7}));
        }
        // The record of the first one is damaged.
        let id: crate::keys::KeyId = keys[0].rsplit('/').next().unwrap().parse().unwrap();
        let write = vec![(crate::keys::record::key(id), Some(vec![0; 60]))];
        bench.store.commit(None, store::Batch { write, ..Default::default() }).unwrap();
        bench.days_pass(8);
        assert_eq!(bench.kms().delete_due(bench.now.now()).unwrap(), 1);
        assert!(bench.error("DescribeKey", json!({"KeyId": keys[1]})).starts_with("NotFoundException"));
    }

    fn a_cancelled_deletion_leaves_a_disabled_key(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        bench.ok("ScheduleKeyDeletion", json!({"KeyId": key}));
        bench.disconnect(&store);
        assert_eq!(bench.metadata(&key)["KeyState"], "PendingDeletion");
        assert_eq!(bench.ok("CancelKeyDeletion", json!({"KeyId": key})), json!({"KeyId": key}));
        bench.days_pass(31);
        assert_eq!(bench.kms().delete_due(bench.now.now()).unwrap(), 0);
        bench.connect(&store);
        assert_eq!(bench.metadata(&key)["KeyState"], "Disabled");
        let error = bench.error("CancelKeyDeletion", json!({"KeyId": key}));
        assert_eq!(error, format!("KMSInvalidStateException: {key} is not pending deletion."));
    }

    fn a_key_that_is_to_be_deleted_does_nothing_else(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        bench.ok("ScheduleKeyDeletion", json!({"KeyId": key}));
        let text = format!("KMSInvalidStateException: {key} is pending deletion.");
        for (operation, members) in [
            ("Encrypt", json!({"Plaintext": "AA=="})),
            ("GenerateDataKey", json!({"KeySpec": "AES_256"})),
            ("EnableKey", json!({})),
            ("DisableKey", json!({})),
            ("ScheduleKeyDeletion", json!({})),
            ("UpdateKeyDescription", json!({"Description": ""})),
            ("TagResource", json!({"Tags": []})),
            ("UntagResource", json!({"TagKeys": []})),
        ] {
            assert_eq!(bench.error(operation, with(json!({"KeyId": key}), members)), text, "{operation}");
        }
        let alias = json!({"AliasName": "alias/x", "TargetKeyId": key});
        assert_eq!(bench.error("CreateAlias", alias), text);
    }

    fn the_window_is_7_to_30_days(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        for days in [6, 31] {
            let request = json!({"KeyId": key, "PendingWindowInDays": days});
            let error = bench.error("ScheduleKeyDeletion", request);
            assert!(error.starts_with("ValidationException: 1 validation error"), "{error}");
        }
    }

    fn a_deletion_that_cannot_reach_the_cluster_leaves_a_reported_orphan(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        bench.ok("ScheduleKeyDeletion", json!({"KeyId": key, "PendingWindowInDays": 7}));
        bench.disconnect(&store);
        bench.days_pass(7);
        assert_eq!(bench.kms().delete_due(bench.now.now()).unwrap(), 1);
        bench.connect(&store);
        let orphan = crate::Orphan { custom_key_store_id: store, label: key };
        assert_eq!(bench.kms().orphans(), [orphan]);
    }
}
