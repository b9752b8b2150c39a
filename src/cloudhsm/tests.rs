//! The operations as a caller sees them, over an operator that keeps its clusters in memory.

use std::sync::Arc;

use aws::{Call, Principal, Scope, Timestamp};
use serde_json::{Value, json};
use store::memory::MemoryStore;

use wire::Requests;

use self::operating::Operating;
use crate::{CloudHsm, SERVICE};

mod operating;

struct Setting(CloudHsm);

impl Setting {
    fn new() -> Self {
        let scope = Scope::new("us-east-1", "111122223333").unwrap();
        let operator = Arc::new(Operating::default());
        Self(CloudHsm::new(
            operator,
            Arc::new(Requests::new()),
            MemoryStore::new(),
            scope,
        ))
    }

    fn ask(&self, operation: &str, request: Value) -> std::result::Result<Value, aws::Error> {
        let principal = Principal {
            account: "111122223333".to_owned(),
            arn: "arn:aws:iam::111122223333:user/alice".to_owned(),
            id: "AIDA".to_owned(),
            user_name: "alice".to_owned(),
            access_key_id: "AKIA".to_owned(),
        };
        let scope = Scope::new("us-east-1", "111122223333").unwrap();
        let source = [127, 0, 0, 1].into();
        let call = Call::new(
            principal,
            scope,
            "1".to_owned(),
            Timestamp(0),
            source,
            String::new(),
        );
        let row = SERVICE
            .operations
            .iter()
            .find(|row| row.name == operation)
            .unwrap();
        let answer = (row.run)(&self.0, &call, request.to_string().as_bytes())?;
        Ok(serde_json::from_slice(&answer).unwrap())
    }

    fn answer(&self, operation: &str, request: Value) -> Value {
        self.ask(operation, request).unwrap()
    }

    fn refusal(&self, operation: &str, request: Value) -> (String, String) {
        let error = self.ask(operation, request).unwrap_err();
        (error.kind.name.to_owned(), error.message)
    }

    fn cluster(&self) -> String {
        let answer = self.answer("CreateCluster", new_cluster());
        answer["Cluster"]["ClusterId"].as_str().unwrap().to_owned()
    }
}

fn new_cluster() -> Value {
    json!({"HsmType": "hsm1.medium", "SubnetIds": ["subnet-11111111", "subnet-22222222"]})
}

#[test]
fn a_new_cluster_waits_for_its_first_hsm_and_knows_its_subnets() {
    let setting = Setting::new();
    let cluster = &setting.answer("CreateCluster", new_cluster())["Cluster"];
    assert_eq!(cluster["State"], "UNINITIALIZED");
    assert_eq!(cluster["CreateTimestamp"], 1_440_938_160.0);
    assert_eq!(
        cluster["SubnetMapping"],
        json!({"us-east-1a": "subnet-11111111", "us-east-1b": "subnet-22222222"})
    );
    assert_eq!(cluster["Certificates"], json!({}));
}

#[test]
fn a_subnet_stays_in_its_zone_whatever_the_order_it_is_given_in() {
    let setting = Setting::new();
    setting.cluster();
    let request =
        json!({"HsmType": "hsm1.medium", "SubnetIds": ["subnet-33333333", "subnet-11111111"]});
    let cluster = &setting.answer("CreateCluster", request)["Cluster"];
    assert_eq!(
        cluster["SubnetMapping"],
        json!({"us-east-1a": "subnet-11111111", "us-east-1b": "subnet-33333333"})
    );
}

#[test]
fn an_hsm_has_an_interface_in_the_subnet_of_its_zone() {
    let setting = Setting::new();
    let cluster = setting.cluster();
    let request = json!({"ClusterId": cluster, "AvailabilityZone": "us-east-1b"});
    let hsm = &setting.answer("CreateHsm", request)["Hsm"];
    assert_eq!(hsm["SubnetId"], "subnet-22222222");
    assert_eq!(hsm["State"], "ACTIVE");
    assert!(hsm["EniId"].as_str().unwrap().starts_with("eni-"));
    let listed = setting.answer("DescribeClusters", json!({}));
    assert_eq!(listed["Clusters"][0]["Hsms"][0], *hsm);
    assert_eq!(listed["Clusters"][0]["Certificates"]["ClusterCsr"], "CSR");
}

#[test]
fn an_hsm_keeps_the_address_that_was_asked_for() {
    let setting = Setting::new();
    let cluster = setting.cluster();
    let request = json!({
        "ClusterId": cluster, "AvailabilityZone": "us-east-1a", "IpAddress": "10.9.8.7"
    });
    assert_eq!(
        setting.answer("CreateHsm", request)["Hsm"]["EniIp"],
        "10.9.8.7"
    );
    setting.answer(
        "DeleteHsm",
        json!({"ClusterId": cluster, "EniIp": "10.9.8.7"}),
    );
    let listed = setting.answer("DescribeClusters", json!({}));
    assert_eq!(listed["Clusters"][0]["Hsms"], json!([]));
}

#[test]
fn an_address_is_of_one_hsm() {
    let service = Setting::new();
    let request = json!({
        "ClusterId": service.cluster(), "AvailabilityZone": "us-east-1a", "IpAddress": "10.9.8.7"
    });
    service.answer("CreateHsm", request.clone());
    let (name, _) = service.refusal("CreateHsm", request);
    assert_eq!(name, "CloudHsmInvalidRequestException");
}

#[test]
fn clusters_made_at_once_agree_on_the_zones_of_their_subnets() {
    let service = Setting::new();
    let make = |turn: usize| {
        let mut request = new_cluster();
        request["SubnetIds"]
            .as_array_mut()
            .unwrap()
            .rotate_left(turn);
        service.answer("CreateCluster", request)["Cluster"]["SubnetMapping"].clone()
    };
    let made: Vec<Value> = std::thread::scope(|scope| {
        let start = |number: usize| scope.spawn(move || make(number % 2));
        let threads: Vec<_> = (0..8_usize).map(start).collect();
        threads.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(made.iter().all(|mapping| *mapping == made[0]), "{made:?}");
}

#[test]
fn an_hsm_in_a_zone_without_a_subnet_is_refused_with_the_zones_there_are() {
    let setting = Setting::new();
    let cluster = setting.cluster();
    let request = json!({"ClusterId": cluster, "AvailabilityZone": "us-east-1f"});
    let (name, message) = setting.refusal("CreateHsm", request);
    assert_eq!(name, "CloudHsmInvalidRequestException");
    assert!(message.contains("us-east-1a, us-east-1b"), "{message}");
}

#[test]
fn a_cluster_is_initialized_with_a_certificate_that_fits() {
    let setting = Setting::new();
    let cluster = setting.cluster();
    let request = |signed| json!({"ClusterId": cluster, "SignedCert": signed, "TrustAnchor": "CA"});
    let (name, message) = setting.refusal("InitializeCluster", request("FORGED"));
    assert_eq!(name, "CloudHsmInvalidRequestException");
    assert!(message.contains("trust anchor"), "{message}");
    assert_eq!(
        setting.answer("InitializeCluster", request("SIGNED"))["State"],
        "INITIALIZED"
    );
}

#[test]
fn what_does_not_exist_is_not_found() {
    let setting = Setting::new();
    let id = "cluster-zzzzzzzzzzz";
    for (operation, request) in [
        (
            "CreateHsm",
            json!({"ClusterId": id, "AvailabilityZone": "us-east-1a"}),
        ),
        ("DeleteCluster", json!({"ClusterId": id})),
        (
            "InitializeCluster",
            json!({"ClusterId": id, "SignedCert": "a", "TrustAnchor": "b"}),
        ),
        ("ListTags", json!({"ResourceId": id})),
    ] {
        let (name, _) = setting.refusal(operation, request);
        assert_eq!(name, "CloudHsmResourceNotFoundException", "{operation}");
    }
    assert_eq!(
        setting.answer("DescribeClusters", json!({}))["Clusters"],
        json!([])
    );
}

#[test]
fn a_request_that_breaks_the_model_is_invalid_and_says_where() {
    let setting = Setting::new();
    for (operation, request, member) in [
        ("CreateCluster", json!({}), "hsmType"),
        (
            "CreateCluster",
            json!({"HsmType": "car", "SubnetIds": ["subnet-11111111"]}),
            "hsmType",
        ),
        (
            "CreateCluster",
            json!({"HsmType": "hsm1.medium", "SubnetIds": ["s"]}),
            "subnetIds",
        ),
        (
            "CreateHsm",
            json!({"ClusterId": "../x", "AvailabilityZone": "us-east-1a"}),
            "clusterId",
        ),
        ("DescribeClusters", json!({"MaxResults": 26}), "maxResults"),
        (
            "DescribeClusters",
            json!({"Filters": {"colour": ["red"]}}),
            "colour",
        ),
        (
            "CreateCluster",
            json!({"HsmType": "hsm1.medium", "SubnetIds": ["subnet-11111111"],
            "Mode": "FIPS"}),
            "FIPS",
        ),
    ] {
        let (name, message) = setting.refusal(operation, request);
        assert_eq!(
            name, "CloudHsmInvalidRequestException",
            "{operation} {message}"
        );
        assert!(message.contains(member), "{operation}: {message}");
    }
}

#[test]
fn a_backup_to_restore_from_does_not_exist() {
    let mut request = new_cluster();
    request["SourceBackupId"] = json!("backup-abcdefghijk");
    let (name, _) = Setting::new().refusal("CreateCluster", request);
    assert_eq!(name, "CloudHsmResourceNotFoundException");
}

#[test]
fn pages_show_every_cluster_once() {
    let setting = Setting::new();
    let made: Vec<String> = (0..5).map(|_| setting.cluster()).collect();
    let (mut seen, mut request) = (Vec::new(), json!({"MaxResults": 2}));
    loop {
        let page = setting.answer("DescribeClusters", request.clone());
        for cluster in page["Clusters"].as_array().unwrap() {
            seen.push(cluster["ClusterId"].as_str().unwrap().to_owned());
        }
        match page.get("NextToken") {
            Some(token) => request["NextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(seen, made);
}

#[test]
fn filters_choose_by_id_state_and_vpc() {
    let setting = Setting::new();
    let made = setting.cluster();
    setting.cluster();
    let count = |filters: Value| {
        let answer = setting.answer("DescribeClusters", json!({"Filters": filters}));
        answer["Clusters"].as_array().unwrap().len()
    };
    assert_eq!(count(json!({"clusterIds": [made]})), 1);
    assert_eq!(count(json!({"states": ["UNINITIALIZED"]})), 2);
    assert_eq!(count(json!({"states": ["ACTIVE"]})), 0);
    assert_eq!(count(json!({"vpcIds": ["vpc-00000000"]})), 0);
}

#[test]
fn a_cluster_with_hsms_is_not_deleted_and_one_without_is() {
    let setting = Setting::new();
    let cluster = setting.cluster();
    let made = setting.answer(
        "CreateHsm",
        json!({"ClusterId": cluster, "AvailabilityZone": "us-east-1a"}),
    );
    let (name, _) = setting.refusal("DeleteCluster", json!({"ClusterId": cluster}));
    assert_eq!(name, "CloudHsmInvalidRequestException");
    let hsm = json!({"ClusterId": cluster, "HsmId": made["Hsm"]["HsmId"]});
    assert_eq!(
        setting.answer("DeleteHsm", hsm)["HsmId"],
        made["Hsm"]["HsmId"]
    );
    let deleted = setting.answer("DeleteCluster", json!({"ClusterId": cluster}));
    assert_eq!(deleted["Cluster"]["State"], "DELETE_IN_PROGRESS");
    assert_eq!(
        setting.answer("DescribeClusters", json!({}))["Clusters"],
        json!([])
    );
}

#[test]
fn an_hsm_is_named_in_exactly_one_way() {
    let setting = Setting::new();
    let cluster = setting.cluster();
    for request in [
        json!({"ClusterId": cluster}),
        json!({"ClusterId": cluster, "HsmId": "hsm-aaaaaaaaaaa", "EniIp": "10.0.0.1"}),
    ] {
        let (name, message) = setting.refusal("DeleteHsm", request);
        assert_eq!(name, "CloudHsmInvalidRequestException");
        assert!(message.contains("exactly one"), "{message}");
    }
}

#[test]
fn tags_are_set_replaced_listed_and_removed() {
    let setting = Setting::new();
    let cluster = setting.cluster();
    let arn = format!("arn:aws:cloudhsm:us-east-1:111122223333:cluster/{cluster}");
    let tags = json!([{"Key": "team", "Value": "red"}, {"Key": "age", "Value": "1"}]);
    setting.answer(
        "TagResource",
        json!({"ResourceId": cluster, "TagList": tags}),
    );
    let tags = json!([{"Key": "team", "Value": "blue"}]);
    setting.answer("TagResource", json!({"ResourceId": arn, "TagList": tags}));
    let first = setting.answer("ListTags", json!({"ResourceId": cluster, "MaxResults": 1}));
    assert_eq!(first["TagList"], json!([{"Key": "age", "Value": "1"}]));
    let rest = json!({"ResourceId": cluster, "NextToken": first["NextToken"]});
    let rest = setting.answer("ListTags", rest);
    assert_eq!(rest["TagList"], json!([{"Key": "team", "Value": "blue"}]));
    setting.answer(
        "UntagResource",
        json!({"ResourceId": cluster, "TagKeyList": ["team"]}),
    );
    let left = setting.answer("ListTags", json!({"ResourceId": cluster}));
    assert_eq!(left["TagList"], json!([{"Key": "age", "Value": "1"}]));
}

#[test]
fn a_reserved_tag_or_too_many_are_refused() {
    let (name, _) = Setting::new().refusal("TagResource", json!({}));
    assert_eq!(name, "CloudHsmInvalidRequestException");
    let setting = Setting::new();
    let cluster = setting.cluster();
    let set = |tags: Value| {
        setting
            .refusal(
                "TagResource",
                json!({"ResourceId": cluster, "TagList": tags}),
            )
            .0
    };
    assert_eq!(
        set(json!([{"Key": "aws:x", "Value": ""}])),
        "CloudHsmTagException"
    );
    let many: Vec<Value> = (0..51)
        .map(|n| json!({"Key": n.to_string(), "Value": ""}))
        .collect();
    assert_eq!(set(json!(many)), "CloudHsmTagException");
}

#[test]
fn the_name_tag_becomes_the_tokens_label_as_far_as_it_fits() {
    let setting = Setting::new();
    let mut request = new_cluster();
    let long = format!("{}ü and more", "x".repeat(31));
    request["TagList"] = json!([{"Key": "Name", "Value": long}]);
    setting.answer("CreateCluster", request);
    let label = setting.0.operator.clusters().unwrap()[0].label.clone();
    assert_eq!(label, "x".repeat(31));
}
