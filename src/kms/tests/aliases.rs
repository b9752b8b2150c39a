//! CreateAlias, UpdateAlias, DeleteAlias, ListAliases.

use serde_json::json;

use super::support::{tests, text};

tests! {
    fn an_alias_is_made_used_moved_and_deleted(bench) {
        let store = bench.connected_store();
        let (first, second) = (bench.key(&store), bench.key(&store));
        bench.ok("CreateAlias", json!({"AliasName": "alias/x", "TargetKeyId": first}));
        let encrypted_by = || text(&bench.ok("Encrypt", json!({"KeyId": "alias/x", "Plaintext": "AA=="})), "KeyId");
        assert_eq!(encrypted_by(), first);
        bench.ok("UpdateAlias", json!({"AliasName": "alias/x", "TargetKeyId": second}));
        assert_eq!(encrypted_by(), second);
        let of = |key: &str| bench.ok("ListAliases", json!({"KeyId": key}))["Aliases"].as_array().unwrap().len();
        assert_eq!((of(&first), of(&second)), (0, 1));
        bench.restart();
        bench.settled(&store);
        assert_eq!(encrypted_by(), second);
        bench.ok("DeleteAlias", json!({"AliasName": "alias/x"}));
        let error = bench.error("Encrypt", json!({"KeyId": "alias/x", "Plaintext": "AA=="}));
        assert_eq!(error, "NotFoundException: Alias arn:aws:kms:us-east-1:111122223333:alias/x is not found.");
    }

    fn aliases_are_listed_in_pages(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        for name in ["alias/a", "alias/b", "alias/c"] {
            bench.ok("CreateAlias", json!({"AliasName": name, "TargetKeyId": key}));
        }
        for of in [json!({"Limit": 2}), json!({"Limit": 2, "KeyId": key})] {
            let page = bench.ok("ListAliases", of.clone());
            assert_eq!(page["Truncated"], true);
            assert_eq!(page["Aliases"][1], json!({
                "AliasName": "alias/b",
                "AliasArn": "arn:aws:kms:us-east-1:111122223333:alias/b",
                "TargetKeyId": key.rsplit('/').next().unwrap(),
                "CreationDate": 1_700_000_000.0,
                "LastUpdatedDate": 1_700_000_000.0,
            }));
            let rest = super::support::with(of, json!({"Marker": page["NextMarker"]}));
            let rest = bench.ok("ListAliases", rest);
            assert_eq!((&rest["Aliases"][0]["AliasName"], &rest["Truncated"]), (&json!("alias/c"), &json!(false)));
        }
        assert!(bench.error("ListAliases", json!({"Limit": 101})).starts_with("ValidationException"));
    }

    fn an_alias_that_cannot_be_is_refused(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        bench.ok("CreateAlias", json!({"AliasName": "alias/x", "TargetKeyId": key}));
        for (name, target, error) in [
            ("alias/x", key.as_str(), "AlreadyExistsException: An alias with the name arn:aws:kms:us-east-1:111122223333:alias/x already exists"),
            ("x", &key, "ValidationException: Alias must start with the prefix"),
            ("alias/a:b", &key, "InvalidAliasNameException"),
            ("alias/aws/x", &key, "NotAuthorizedException"),
            ("alias/ä", &key, "ValidationException"),
            ("alias/y", "alias/x", "NotFoundException: Invalid keyId 'alias/x'"),
            ("alias/y", "12345678-1234-4234-8234-123456789012", "NotFoundException: Key "),
        ] {
            let answer = bench.error("CreateAlias", json!({"AliasName": name, "TargetKeyId": target}));
            assert!(answer.starts_with(error), "{name}: {answer}");
        }
        for operation in ["UpdateAlias", "DeleteAlias"] {
            let answer = bench.error(operation, json!({"AliasName": "alias/none", "TargetKeyId": key}));
            assert!(answer.starts_with("NotFoundException: Alias "), "{operation}: {answer}");
        }
    }

    fn fifty_aliases_of_a_key_are_the_most(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        let create = |number: usize| json!({"AliasName": format!("alias/{number}"), "TargetKeyId": key});
        for number in 0..50 {
            bench.ok("CreateAlias", create(number));
        }
        assert!(bench.error("CreateAlias", create(50)).starts_with("LimitExceededException"));
        // Moving one to where it is needs no room.
        bench.ok("UpdateAlias", create(7));
    }
}
