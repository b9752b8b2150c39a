//! CreateCustomKeyStore, ConnectCustomKeyStore, DescribeCustomKeyStores, DisconnectCustomKeyStore,
//! UpdateCustomKeyStore, DeleteCustomKeyStore.

use serde_json::json;

use super::support::{
    CLUSTER, OTHER, PASSWORD, RELATED, Turn, certificate, key_request, store_request, tests, text,
    with,
};

tests! {
    fn a_new_store_is_described_as_disconnected(bench) {
        let id = bench.create_store();
        assert!(id.len() == 21 && id.starts_with("cks-"), "{id}");
        let answer = bench.ok("DescribeCustomKeyStores", json!({"CustomKeyStoreName": "ExampleKeyStore"}));
        let created = answer["CustomKeyStores"][0]["CreationDate"].clone();
        assert_eq!(answer, json!({
            "CustomKeyStores": [{
                "CustomKeyStoreId": id,
                "CustomKeyStoreName": "ExampleKeyStore",
                "CloudHsmClusterId": CLUSTER,
                "TrustAnchorCertificate": certificate(1),
                "ConnectionState": "DISCONNECTED",
                "CreationDate": created,
                "CustomKeyStoreType": "AWS_CLOUDHSM",
            }],
            "Truncated": false,
        }));
        assert_eq!(created, json!(1_700_000_000.0));
    }

    fn a_repeated_create_answers_the_same_store(bench) {
        let id = bench.create_store();
        let again = with(store_request(), json!({
            "TrustAnchorCertificate": certificate(1).replace('\n', "\r\n"),
        }));
        assert_eq!(bench.ok("CreateCustomKeyStore", again)["CustomKeyStoreId"], id);
        let other = with(store_request(), json!({"KeyStorePassword": "otherPswd"}));
        assert!(bench.error("CreateCustomKeyStore", other).starts_with("CustomKeyStoreNameInUseException"));
    }

    fn a_store_that_cannot_be_is_refused(bench) {
        for (change, error) in [
            (json!({"CustomKeyStoreName": null}), "ValidationException: 1 validation error detected: Value null at 'customKeyStoreName'"),
            (json!({"KeyStorePassword": "short"}), "ValidationException: 1 validation error detected: Value at 'keyStorePassword'"),
            (json!({"KeyStorePassword": "x".repeat(33)}), "ValidationException: 1 validation error"),
            (json!({"CloudHsmClusterId": "cluster-1"}), "ValidationException: 2 validation errors"),
            (json!({"CloudHsmClusterId": null, "TrustAnchorCertificate": null}), "ValidationException: 2 validation errors"),
            (json!({"CloudHsmClusterId": "cluster-2nowhereabc"}), "CloudHsmClusterNotFoundException"),
            (json!({"TrustAnchorCertificate": certificate(2)}), "IncorrectTrustAnchorException"),
            (json!({"TrustAnchorCertificate": "nonsense"}), "IncorrectTrustAnchorException"),
            (json!({"CustomKeyStoreType": "EXTERNAL_KEY_STORE"}), "UnsupportedOperationException"),
            (json!({"XksProxyConnectivity": "PUBLIC_ENDPOINT"}), "UnsupportedOperationException"),
        ] {
            let answer = bench.error("CreateCustomKeyStore", with(store_request(), change.clone()));
            assert!(answer.starts_with(error), "{change}: {answer}");
        }
    }

    fn a_cluster_needs_two_active_hsms_in_two_zones(bench) {
        let change = |edit: fn(&mut crate::Cluster)| edit(bench.clusters.0.lock().get_mut(CLUSTER).unwrap());
        change(|cluster| cluster.active = false);
        assert!(bench.error("CreateCustomKeyStore", store_request()).starts_with("CloudHsmClusterNotActiveException"));
        change(|cluster| (cluster.active, cluster.hsms[1].zone) = (true, "a".into()));
        assert!(bench.error("CreateCustomKeyStore", store_request()).starts_with("CloudHsmClusterInvalidConfigurationException"));
        change(|cluster| cluster.hsms[1].zone = "b".into());
        let id = bench.connected_store();
        change(|cluster| cluster.hsms[1].active = false);
        assert!(bench.error("CreateKey", key_request(&id)).starts_with("CloudHsmClusterInvalidConfigurationException"));
        // One is enough to connect and to use what is there.
        bench.disconnect(&id);
        bench.connect(&id);
        bench.disconnect(&id);
        change(|cluster| cluster.hsms[0].active = false);
        assert!(bench.error("ConnectCustomKeyStore", json!({"CustomKeyStoreId": id})).starts_with("CloudHsmClusterInvalidConfigurationException"));
    }

    fn a_cluster_and_its_backup_history_have_one_store(bench) {
        bench.create_store();
        for cluster in [CLUSTER, RELATED] {
            let request = with(store_request(), json!({"CustomKeyStoreName": "2", "CloudHsmClusterId": cluster}));
            assert!(bench.error("CreateCustomKeyStore", request).starts_with("CloudHsmClusterInUseException"));
        }
        let other = json!({"CustomKeyStoreName": "2", "CloudHsmClusterId": OTHER, "TrustAnchorCertificate": certificate(2)});
        bench.ok("CreateCustomKeyStore", with(store_request(), other));
    }

    fn ten_stores_are_the_most(bench) {
        let template = bench.clusters.0.lock()[CLUSTER].clone();
        for number in 0..11 {
            let cluster = format!("cluster-2many{}bcdef", char::from(b'a' + number));
            let facts = crate::Cluster { backup_history: cluster.clone(), ..template.clone() };
            bench.clusters.0.lock().insert(cluster.clone(), facts);
            let request = with(store_request(), json!({"CustomKeyStoreName": cluster, "CloudHsmClusterId": cluster}));
            match number {
                10 => assert!(bench.error("CreateCustomKeyStore", request).starts_with("LimitExceededException")),
                _ => drop(bench.ok("CreateCustomKeyStore", request)),
            }
        }
        let page = bench.ok("DescribeCustomKeyStores", json!({"Limit": 6}));
        assert_eq!((page["CustomKeyStores"].as_array().unwrap().len(), &page["Truncated"]), (6, &json!(true)));
        let rest = bench.ok("DescribeCustomKeyStores", json!({"Limit": 6, "Marker": page["NextMarker"]}));
        assert_eq!((rest["CustomKeyStores"].as_array().unwrap().len(), &rest["Truncated"]), (4, &json!(false)));
    }

    fn what_is_not_there_cannot_be_described(bench) {
        bench.create_store();
        for (request, error) in [
            (json!({"CustomKeyStoreId": "cks-1"}), "CustomKeyStoreNotFoundException"),
            (json!({"CustomKeyStoreName": "x"}), "CustomKeyStoreNotFoundException"),
            (json!({"CustomKeyStoreId": "cks-1", "CustomKeyStoreName": "x"}), "ValidationException"),
            (json!({"Marker": "nonsense"}), "InvalidMarkerException"),
            (json!({"Limit": 0}), "ValidationException"),
        ] {
            assert!(bench.error("DescribeCustomKeyStores", request).starts_with(error), "{error}");
        }
    }

    fn connecting_replaces_the_password_and_each_connect_does_so_again(bench) {
        let id = bench.create_store();
        assert!(bench.token.accepts(PASSWORD));
        bench.connect(&id);
        bench.disconnect(&id);
        assert!(!bench.token.accepts(PASSWORD));
        let password = || crate::key_store::Credentials::read(&bench.kms().records, &id).unwrap().current;
        let first = password();
        assert!(bench.token.accepts(first.reveal()));
        bench.connect(&id);
        bench.disconnect(&id);
        assert!(!bench.token.accepts(first.reveal()));
        assert!(bench.token.accepts(password().reveal()));
    }

    fn a_wrong_password_fails_and_the_right_one_heals(bench) {
        let wrong = with(store_request(), json!({"KeyStorePassword": "wrongPswd"}));
        let id = text(&bench.ok("CreateCustomKeyStore", wrong), "CustomKeyStoreId");
        let request = json!({"CustomKeyStoreId": id});
        bench.ok("ConnectCustomKeyStore", request.clone());
        let failed = bench.settled(&id);
        assert_eq!(failed["ConnectionState"], "FAILED");
        assert_eq!(failed["ConnectionErrorCode"], "INVALID_CREDENTIALS");
        // Also after a restart, and without another attempt.
        bench.restart();
        assert_eq!(bench.settled(&id)["ConnectionErrorCode"], "INVALID_CREDENTIALS");
        assert!(bench.error("ConnectCustomKeyStore", request.clone()).starts_with("CustomKeyStoreInvalidStateException"));
        let right = with(request.clone(), json!({"KeyStorePassword": PASSWORD}));
        assert!(bench.error("UpdateCustomKeyStore", right.clone()).starts_with("CustomKeyStoreInvalidStateException"));
        bench.disconnect(&id);
        bench.ok("UpdateCustomKeyStore", right);
        bench.connect(&id);
    }

    fn a_cluster_that_is_gone_or_cannot_be_reached_fails_with_its_code(bench) {
        let id = bench.create_store();
        let fails = |code: &str| {
            bench.ok("ConnectCustomKeyStore", json!({"CustomKeyStoreId": id}));
            assert_eq!(bench.settled(&id)["ConnectionErrorCode"], code);
            bench.disconnect(&id);
        };
        bench.clusters.0.lock().get_mut(CLUSTER).unwrap().token_serial = "0".into();
        fails("NETWORK_ERRORS");
        bench.clusters.0.lock().remove(CLUSTER);
        let error = bench.error("ConnectCustomKeyStore", json!({"CustomKeyStoreId": id}));
        assert!(error.starts_with("CloudHsmClusterNotFoundException"), "{error}");
    }

    fn a_cluster_that_goes_away_while_it_is_connected_fails_with_its_code(bench) {
        let id = bench.create_store();
        let turns: [(Turn, &str); 2] = [
            (|clusters| clusters.get_mut(CLUSTER).unwrap().hsms.iter_mut().for_each(|hsm| hsm.active = false), "INSUFFICIENT_CLOUDHSM_HSMS"),
            (|clusters| drop(clusters.remove(CLUSTER)), "CLUSTER_NOT_FOUND"),
        ];
        for (turn, code) in turns {
            let before = bench.clusters.0.lock().clone();
            *bench.clusters.1.lock() = Some(turn);
            bench.ok("ConnectCustomKeyStore", json!({"CustomKeyStoreId": id}));
            let failed = bench.settled(&id);
            assert_eq!((&failed["ConnectionState"], &failed["ConnectionErrorCode"]), (&json!("FAILED"), &json!(code)));
            bench.disconnect(&id);
            *bench.clusters.0.lock() = before;
        }
        bench.connect(&id);
    }

    fn a_cluster_without_kmsuser_fails_with_its_code(bench) {
        let id = bench.create_store();
        let serial = bench.token.delete_user();
        bench.clusters.0.lock().get_mut(CLUSTER).unwrap().token_serial = serial;
        bench.ok("ConnectCustomKeyStore", json!({"CustomKeyStoreId": id}));
        assert_eq!(bench.settled(&id)["ConnectionErrorCode"], "USER_NOT_FOUND");
    }

    // Checks something only on a module that locks: `conformance/run` has it run on ours.
    fn where_users_are_locked_kmsuser_fails_with_its_code_until_it_has_a_new_password(bench) {
        let id = bench.create_store();
        (0..5).for_each(|_| assert!(!bench.token.accepts("wrongPswd")));
        assert_ne!(bench.token.accepts(PASSWORD), bench.token.locks_users());
        if !bench.token.locks_users() {
            return;
        }
        bench.ok("ConnectCustomKeyStore", json!({"CustomKeyStoreId": id}));
        assert_eq!(bench.settled(&id)["ConnectionErrorCode"], "USER_LOCKED_OUT");
        bench.disconnect(&id);
        bench.token.set_password(PASSWORD);
        bench.connect(&id);
    }

    fn each_state_allows_what_awss_table_allows(bench) {
        let id = bench.create_store();
        let request = json!({"CustomKeyStoreId": id});
        let renamed = with(request.clone(), json!({"NewCustomKeyStoreName": "Renamed"}));
        let password = with(request.clone(), json!({"KeyStorePassword": "another1"}));
        let invalid = |operation, request: &serde_json::Value| {
            let error = bench.error(operation, request.clone());
            assert!(error.starts_with("CustomKeyStoreInvalidStateException"), "{operation}: {error}");
        };
        invalid("DisconnectCustomKeyStore", &request);
        bench.connect(&id);
        // Connecting what is connected changes nothing.
        bench.ok("ConnectCustomKeyStore", request.clone());
        bench.ok("UpdateCustomKeyStore", renamed);
        invalid("UpdateCustomKeyStore", &password);
        invalid("DeleteCustomKeyStore", &request);
        bench.disconnect(&id);
        invalid("CreateKey", &key_request(&id));
        invalid("GenerateRandom", &json!({"NumberOfBytes": 8, "CustomKeyStoreId": id}));
        invalid("DisconnectCustomKeyStore", &request);
        assert_eq!(bench.settled(&id)["CustomKeyStoreName"], "Renamed");
        bench.ok("DeleteCustomKeyStore", request.clone());
        let error = bench.error("ConnectCustomKeyStore", request);
        assert!(error.starts_with("CustomKeyStoreNotFoundException"), "{error}");
    }

    fn an_update_must_make_sense(bench) {
        let id = bench.create_store();
        let other = json!({"CustomKeyStoreName": "2", "CloudHsmClusterId": OTHER, "TrustAnchorCertificate": certificate(2)});
        bench.ok("CreateCustomKeyStore", with(store_request(), other));
        for (change, error) in [
            (json!({}), "ValidationException"),
            (json!({"NewCustomKeyStoreName": "2"}), "CustomKeyStoreNameInUseException"),
            (json!({"CloudHsmClusterId": OTHER}), "CloudHsmClusterNotRelatedException"),
            (json!({"CloudHsmClusterId": "cluster-2nowhereabc"}), "CloudHsmClusterNotFoundException"),
            (json!({"CustomKeyStoreId": "cks-1", "NewCustomKeyStoreName": "3"}), "CustomKeyStoreNotFoundException"),
            (json!({"XksProxyUriPath": "/kms/xks/v1"}), "UnsupportedOperationException"),
        ] {
            let answer = bench.error("UpdateCustomKeyStore", with(json!({"CustomKeyStoreId": id}), change));
            assert!(answer.starts_with(error), "{answer}");
        }
        bench.ok("UpdateCustomKeyStore", json!({"CustomKeyStoreId": id, "CloudHsmClusterId": RELATED}));
        assert_eq!(bench.settled(&id)["CloudHsmClusterId"], RELATED);
    }

    fn a_store_with_keys_cannot_be_deleted(bench) {
        let id = bench.connected_store();
        let key = bench.key(&id);
        bench.disconnect(&id);
        let error = bench.error("DeleteCustomKeyStore", json!({"CustomKeyStoreId": id}));
        assert!(error.starts_with("CustomKeyStoreHasCMKsException"), "{error}");
        bench.ok("ScheduleKeyDeletion", json!({"KeyId": key, "PendingWindowInDays": 7}));
        bench.days_pass(8);
        assert_eq!(bench.kms().delete_due(aws::Clock::now(&*bench.now)).unwrap(), 1);
        bench.ok("DeleteCustomKeyStore", json!({"CustomKeyStoreId": id}));
    }
}
