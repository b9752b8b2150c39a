//! TagResource, UntagResource, ListResourceTags.

use serde_json::{Value, json};

use super::support::{key_request, tests, text, with};

tests! {
    fn tags_are_set_replaced_listed_and_removed(bench) {
        let store = bench.connected_store();
        let request = with(key_request(&store), json!({"Tags": [{"TagKey": "a", "TagValue": "1"}]}));
        let key = text(&bench.ok("CreateKey", request)["KeyMetadata"], "KeyId");
        bench.ok("TagResource", json!({"KeyId": key, "Tags": [{"TagKey": "a", "TagValue": "2"}, {"TagKey": "ü", "TagValue": ""}]}));
        assert_eq!(bench.ok("ListResourceTags", json!({"KeyId": key})), json!({
            "Tags": [{"TagKey": "a", "TagValue": "2"}, {"TagKey": "ü", "TagValue": ""}],
            "Truncated": false,
        }));
        let page = bench.ok("ListResourceTags", json!({"KeyId": key, "Limit": 1}));
        let rest = bench.ok("ListResourceTags", json!({"KeyId": key, "Limit": 1, "Marker": page["NextMarker"]}));
        assert_eq!(rest["Tags"], json!([{"TagKey": "ü", "TagValue": ""}]));
        bench.ok("UntagResource", json!({"KeyId": key, "TagKeys": ["a", "never there"]}));
        assert_eq!(bench.ok("ListResourceTags", json!({"KeyId": key}))["Tags"], rest["Tags"]);
    }

    fn fifty_tags_are_the_most(bench) {
        let store = bench.connected_store();
        let key = bench.key(&store);
        let tags = |numbers: std::ops::Range<usize>| -> Value {
            numbers.map(|number| json!({"TagKey": number.to_string(), "TagValue": "x"})).collect()
        };
        bench.ok("TagResource", json!({"KeyId": key, "Tags": tags(0..50)}));
        bench.ok("TagResource", json!({"KeyId": key, "Tags": tags(0..50)}));
        let error = bench.error("TagResource", json!({"KeyId": key, "Tags": tags(50..51)}));
        assert!(error.starts_with("LimitExceededException"), "{error}");
        assert_eq!(bench.error("TagResource", json!({"KeyId": key, "Tags": tags(0..51)})), "TagException: Too many tags");
        let error = bench.error("UntagResource", json!({"KeyId": key, "TagKeys": ["aws:x"]}));
        assert_eq!(error, "TagException: Tags beginning with aws: are reserved");
    }
}
