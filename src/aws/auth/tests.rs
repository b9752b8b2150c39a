//! SigV4 against AWS's own test suite, and every way in which a request is refused.
//!
//! The vectors are the header-signed requests of AWS's Signature Version 4 test suite, as published
//! in awslabs/aws-c-auth, `tests/aws-signing-test-suite/v4` (each row names its folder there).

use std::sync::Arc;

use crypto::Secret;

use super::{AccessKeys, Signer, SigningKey, Verifier};
use crate::{
    Error, FixedClock, Headers, Kind, Request, Result, Timestamp,
    error::{
        INCOMPLETE_SIGNATURE, INVALID_SIGNATURE, MISSING_AUTHENTICATION_TOKEN, UNRECOGNIZED_CLIENT,
    },
};

const ID: &str = "AKIDEXAMPLE";
const SECRET: &[u8] = b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const DATE: &str = "20150830T123600Z";

/// Folder, request target, headers but for host and date, body, signature.
type Vector = (
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
);

const VECTORS: &[Vector] = &[
    (
        "post-vanilla",
        "POST",
        "/",
        &[],
        "",
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    (
        "get-header-key-duplicate",
        "GET",
        "/",
        &[
            ("My-Header1", "value2"),
            ("My-Header1", "value2"),
            ("My-Header1", "value1"),
        ],
        "",
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    ),
    (
        "get-header-value-order",
        "GET",
        "/",
        &[
            ("My-Header1", "value4"),
            ("My-Header1", "value1"),
            ("My-Header1", "value3"),
            ("My-Header1", "value2"),
        ],
        "",
        "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
    ),
    (
        "get-header-value-multiline",
        "GET",
        "/",
        // Folded lines arrive as values of their own.
        &[
            ("My-Header1", "value1"),
            ("My-Header1", "value2"),
            ("My-Header1", "value3"),
        ],
        "",
        "ba17b383a53190154eb5fa66a1b836cc297cc0a3d70a5d00705980573d8ff790",
    ),
    (
        "get-header-value-trim",
        "GET",
        "/",
        &[("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
        "",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ),
    (
        "get-vanilla-query-order-key-case",
        "GET",
        "/?Param2=value2&Param1=value1",
        &[],
        "",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    (
        "get-vanilla-empty-query-key",
        "GET",
        "/?Param1=value1",
        &[],
        "",
        "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
    ),
    (
        "get-vanilla-utf8-query",
        "GET",
        "/?ሴ=bar",
        &[],
        "",
        "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
    ),
    (
        "get-vanilla-query-unreserved",
        "GET",
        "/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=\
         -._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        &[],
        "",
        "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
    ),
    (
        "get-slashes-normalized",
        "GET",
        "//example//",
        &[],
        "",
        "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
    ),
    (
        "get-relative-relative-normalized",
        "GET",
        "/example1/example2/../..",
        &[],
        "",
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    (
        "get-space-normalized",
        "GET",
        "/example space/",
        &[],
        "",
        "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
    ),
    (
        "get-utf8",
        "GET",
        "/ሴ",
        &[],
        "",
        "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
    ),
    (
        "post-x-www-form-urlencoded",
        "POST",
        "/",
        &[
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Content-Length", "13"),
            (
                "x-amz-content-sha256",
                "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
            ),
        ],
        "Param1=value1",
        "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
    ),
];

struct OneKey(Arc<SigningKey>);

impl AccessKeys for OneKey {
    fn find(&self, access_key_id: &str) -> Result<Option<Arc<SigningKey>>> {
        Ok((access_key_id == self.0.access_key_id).then(|| self.0.clone()))
    }
}

fn signer() -> Signer {
    Signer::new(ID, &Secret::from(SECRET), "us-east-1", "service")
}

fn verifier_at(now: &str) -> Verifier {
    let keys = OneKey(Arc::new(SigningKey::new(
        ID,
        "alice",
        &Secret::from(SECRET),
    )));
    let clock = FixedClock(Timestamp::parse_compact(now).unwrap());
    Verifier::new(Arc::new(keys), Arc::new(clock), "us-east-1")
}

fn verify(verifier: &Verifier, headers: &[(&str, &str)], target: &str, body: &str) -> Result<()> {
    let headers: Vec<(&str, &[u8])> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()))
        .collect();
    let request = Request {
        method: "POST",
        target,
        headers: Headers::new(&headers),
        body: body.as_bytes(),
        source: [127, 0, 0, 1].into(),
    };
    verifier.verify(&request, "service").map(drop)
}

/// A good request: headers, and its body.
fn signed() -> (Vec<(&'static str, String)>, &'static str) {
    let body = "{\"KeyId\":\"1\"}";
    let now = Timestamp::parse_compact(DATE).unwrap();
    (
        signer().headers(
            "localhost:8300",
            "TrentService.DescribeKey",
            body.as_bytes(),
            now,
        ),
        body,
    )
}

/// What a good request is answered once one header is replaced (or, with `None`, left out).
fn after(name: &str, value: Option<&str>) -> Error {
    let (mut headers, body) = signed();
    headers.retain(|(key, _)| *key != name);
    let mut view: Vec<(&str, &str)> = headers.iter().map(|(k, v)| (*k, v.as_str())).collect();
    view.extend(value.map(|value| (name, value)));
    verify(&verifier_at(DATE), &view, "/", body).unwrap_err()
}

fn authorization(edit: impl Fn(&str) -> String) -> Error {
    let (headers, _) = signed();
    let (_, text) = headers.last().unwrap();
    after("authorization", Some(&edit(text)))
}

#[test]
fn requests_are_signed_as_in_the_test_suite_of_aws() {
    for (folder, method, target, extra, body, signature) in VECTORS {
        let mut headers = vec![("Host", "example.amazonaws.com"), ("X-Amz-Date", DATE)];
        headers.extend(extra.iter());
        let headers: Vec<(&str, &[u8])> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()))
            .collect();
        let headers = Headers::new(&headers);
        let made = signer().authorization(method, target, headers, body.as_bytes(), DATE);
        assert!(
            made.ends_with(&format!("Signature={signature}")),
            "{folder}: {made}"
        );
    }
}

#[test]
fn requests_of_the_test_suite_of_aws_are_verified() {
    for (folder, method, target, extra, body, signature) in VECTORS {
        let mut names: Vec<String> = extra.iter().map(|(name, _)| name.to_lowercase()).collect();
        names.extend(["host".to_owned(), "x-amz-date".to_owned()]);
        names.sort();
        names.dedup();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={ID}/20150830/us-east-1/service/aws4_request, \
             SignedHeaders={}, Signature={signature}",
            names.join(";")
        );
        let mut headers = vec![("Host", "example.amazonaws.com"), ("X-Amz-Date", DATE)];
        headers.extend(extra.iter());
        headers.push(("Authorization", &authorization));
        let headers: Vec<(&str, &[u8])> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()))
            .collect();
        let request = Request {
            method,
            target,
            headers: Headers::new(&headers),
            body: body.as_bytes(),
            source: [127, 0, 0, 1].into(),
        };
        let verified = verifier_at(DATE).verify(&request, "service").map(drop);
        assert_eq!(verified, Ok(()), "{folder}");
    }
}

#[test]
fn a_good_signature_is_accepted_again_and_again() {
    let (headers, body) = signed();
    let view: Vec<(&str, &str)> = headers.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let verifier = verifier_at(DATE);
    assert_eq!(verify(&verifier, &view, "/", body), Ok(()));
    assert_eq!(verify(&verifier, &view, "/", body), Ok(()));
}

#[test]
fn a_changed_body_target_or_path_is_refused() {
    let (headers, body) = signed();
    let view: Vec<(&str, &str)> = headers.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let refused = |target, body| {
        verify(&verifier_at(DATE), &view, target, body)
            .unwrap_err()
            .kind
    };
    assert_eq!(refused("/", "{\"KeyId\":\"2\"}"), INVALID_SIGNATURE);
    assert_eq!(refused("/?a=b", body), INVALID_SIGNATURE);
    let swapped = after("x-amz-target", Some("TrentService.ScheduleKeyDeletion"));
    assert_eq!(swapped.kind, INVALID_SIGNATURE);
}

#[test]
fn a_wrong_signature_is_refused_whatever_its_length() {
    for signature in ["00", "zz", &"0".repeat(64), &"0".repeat(6400)] {
        let error = authorization(|text| {
            format!(
                "{}Signature={signature}",
                text.split_once("Signature=").unwrap().0
            )
        });
        assert_eq!(error.kind, INVALID_SIGNATURE, "{signature}");
        assert!(
            error
                .message
                .starts_with("The request signature we calculated"),
            "{error}"
        );
    }
}

#[test]
fn an_unknown_access_key_is_refused() {
    let error = authorization(|text| text.replace(ID, "AKIDNOBODY"));
    assert_eq!(error.kind, UNRECOGNIZED_CLIENT);
    assert_eq!(
        error.message,
        "The security token included in the request is invalid."
    );
}

#[test]
fn a_session_token_is_refused_since_nobody_makes_them_here() {
    let error =
        authorization(|text| text.replace("x-amz-target", "x-amz-security-token;x-amz-target"));
    assert_eq!(error.kind, INCOMPLETE_SIGNATURE);
    let (headers, body) = signed();
    let mut view: Vec<(&str, &str)> = headers.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let text = headers
        .last()
        .unwrap()
        .1
        .replace("x-amz-target", "x-amz-security-token;x-amz-target");
    view.pop();
    view.extend([
        ("x-amz-security-token", "token"),
        ("authorization", text.as_str()),
    ]);
    let error = verify(&verifier_at(DATE), &view, "/", body).unwrap_err();
    assert_eq!(error.kind, UNRECOGNIZED_CLIENT);
}

#[test]
fn a_clock_up_to_fifteen_minutes_off_is_accepted_and_one_further_off_is_not() {
    let (headers, body) = signed();
    let view: Vec<(&str, &str)> = headers.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let at = |now| verify(&verifier_at(now), &view, "/", body).map_err(|error| error.message);
    assert_eq!(at("20150830T122100Z"), Ok(()));
    assert_eq!(at("20150830T125100Z"), Ok(()));
    assert_eq!(
        at("20150830T125101Z").unwrap_err(),
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z \
         (20150830T125101Z - 15 min.)"
    );
    assert_eq!(
        at("20150830T122059Z").unwrap_err(),
        "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z \
         (20150830T122059Z + 15 min.)"
    );
}

#[test]
fn a_scope_of_another_region_service_or_day_is_refused() {
    for (from, to, words) in [
        ("us-east-1", "eu-west-1", "scoped to a valid region"),
        ("/service/", "/kms/", "scoped to correct service: 'service'"),
        ("/20150830/", "/20150829/", "Date in Credential scope"),
    ] {
        let error = authorization(|text| text.replace(from, to));
        assert_eq!(error.kind, INVALID_SIGNATURE, "{to}");
        assert!(error.message.contains(words), "{error}");
    }
}

#[test]
fn a_request_without_a_signature_is_refused_by_aws_names() {
    let kind = |error: Error| error.kind;
    let cases: [(Error, Kind); 6] = [
        (after("authorization", None), MISSING_AUTHENTICATION_TOKEN),
        (
            after("authorization", Some("Basic YTpi")),
            INCOMPLETE_SIGNATURE,
        ),
        (
            after("authorization", Some("AWS4-HMAC-SHA256 Credential=a")),
            INCOMPLETE_SIGNATURE,
        ),
        (after("x-amz-date", None), INCOMPLETE_SIGNATURE),
        (after("x-amz-date", Some("yesterday")), INCOMPLETE_SIGNATURE),
        (
            authorization(|text| text.replace("/aws4_request", "")),
            INCOMPLETE_SIGNATURE,
        ),
    ];
    for (error, expected) in cases {
        assert_eq!(kind(error.clone()), expected, "{error}");
    }
}

#[test]
fn a_signature_that_leaves_out_the_host_the_date_or_the_target_is_refused() {
    for name in ["host;", "x-amz-date;", ";x-amz-target"] {
        let error = authorization(|text| text.replacen(name, "", 1));
        assert_eq!(error.kind, INVALID_SIGNATURE, "{name}");
        assert!(
            error.message.contains("must be a 'SignedHeader'"),
            "{error}"
        );
    }
}

#[test]
fn a_list_of_signed_headers_that_is_nonsense_is_refused() {
    for list in [
        "host;host",
        "x-amz-date;host",
        "Host;X-Amz-Date",
        ";",
        "host;nothere;x-amz-date",
    ] {
        let error = authorization(|text| {
            let (head, tail) = text.split_once("SignedHeaders=").unwrap();
            let (_, tail) = tail.split_once(',').unwrap();
            format!("{head}SignedHeaders={list},{tail}")
        });
        assert_eq!(error.kind, INCOMPLETE_SIGNATURE, "{list}");
    }
}

#[test]
fn a_presigned_query_is_refused_with_what_to_do_instead() {
    let target = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00";
    let headers = [("host", "localhost"), ("x-amz-date", DATE)];
    let error = verify(&verifier_at(DATE), &headers, target, "").unwrap_err();
    assert_eq!(error.kind, INCOMPLETE_SIGNATURE);
    assert!(error.message.contains("sign in the Authorization header"));
}
