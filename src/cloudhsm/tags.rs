//! Tags of clusters: TagResource, UntagResource, ListTags.

use aws::{Call, Error, Result, Validation};
use serde::{Deserialize, Serialize};
use token::ClusterId;

use crate::{
    CloudHsm,
    errors::{RESOURCE_NOT_FOUND, TAG, checked, refused, required},
    shapes::Tag,
};

/// Tags of one cluster.
const TAGS: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TagRequest {
    resource_id: Option<String>,
    tag_list: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct UntagRequest {
    resource_id: Option<String>,
    tag_key_list: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListRequest {
    resource_id: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListResponse {
    tag_list: Vec<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// The answer of an operation that has nothing to say.
#[derive(Serialize)]
pub(crate) struct Nothing {}

/// Sets tags; those of the same key are replaced.
pub(crate) fn tag(service: &CloudHsm, call: &Call, request: TagRequest) -> Result<Nothing> {
    let tags = required("tagList", request.tag_list)?;
    let cluster = service.tagged(call, request.resource_id)?;
    service.change(&cluster, |record| {
        record.tags = merged(std::mem::take(&mut record.tags), tags)?;
        Ok(())
    })?;
    Ok(Nothing {})
}

/// Removes tags.
pub(crate) fn untag(service: &CloudHsm, call: &Call, request: UntagRequest) -> Result<Nothing> {
    let keys = required("tagKeyList", request.tag_key_list)?;
    let cluster = service.tagged(call, request.resource_id)?;
    service.change(&cluster, |record| {
        record.tags.retain(|(key, _)| !keys.contains(key));
        Ok(())
    })?;
    Ok(Nothing {})
}

/// Lists tags in the order of their keys.
pub(crate) fn list(service: &CloudHsm, call: &Call, request: ListRequest) -> Result<ListResponse> {
    let mut check = Validation::new();
    check.number("maxResults", request.max_results, 1..=100);
    checked(check)?;
    let cluster = service.tagged(call, request.resource_id)?;
    let limit = request
        .max_results
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or(TAGS);
    let after = request.next_token.unwrap_or_default();
    let mut rest = service
        .record(&cluster)?
        .tags
        .into_iter()
        .filter(|(key, _)| *key > after);
    let tags: Vec<(String, String)> = rest.by_ref().take(limit).collect();
    let next_token = rest
        .next()
        .and_then(|_| tags.last().map(|(key, _)| key.clone()));
    let tag = |(key, value)| Tag { key, value };
    Ok(ListResponse {
        tag_list: tags.into_iter().map(tag).collect(),
        next_token,
    })
}

/// The tags of before and the new ones, in the order of their keys.
pub(crate) fn merged(
    before: Vec<(String, String)>,
    new: Vec<Tag>,
) -> Result<Vec<(String, String)>> {
    let mut tags: std::collections::BTreeMap<String, String> = before.into_iter().collect();
    for tag in new {
        check(&tag)?;
        tags.insert(tag.key, tag.value);
    }
    if tags.len() > TAGS {
        return Err(Error::new(
            TAG,
            format!("A resource can have at most {TAGS} tags."),
        ));
    }
    Ok(tags.into_iter().collect())
}

fn check(tag: &Tag) -> Result<()> {
    let legal = |text: &str| {
        text.chars()
            .all(|c| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c))
    };
    let mut check = Validation::new();
    check.length("tagList.member.key", Some(&tag.key), 1..=128);
    check.length("tagList.member.value", Some(&tag.value), 0..=256);
    check.pattern(
        "tagList.member.key",
        Some(&tag.key),
        "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*",
        legal,
    );
    check.pattern(
        "tagList.member.value",
        Some(&tag.value),
        "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*",
        legal,
    );
    checked(check)?;
    if tag.key.starts_with("aws:") {
        return Err(Error::new(
            TAG,
            "Tag keys that begin with aws: are reserved.",
        ));
    }
    Ok(())
}

impl CloudHsm {
    /// The cluster that carries the tags: its id, or its ARN.
    fn tagged(&self, call: &Call, resource: Option<String>) -> Result<ClusterId> {
        let resource = required("resourceId", resource)?;
        let id = match call.scope.resource("cloudhsm", &resource) {
            Some(path) => path.strip_prefix("cluster/").unwrap_or(path),
            None => resource.as_str(),
        };
        let cluster = ClusterId::parse(id).ok_or_else(|| {
            Error::new(
                RESOURCE_NOT_FOUND,
                format!("There is no resource {resource} with tags."),
            )
        })?;
        self.operator
            .cluster(&cluster)
            .map_err(|error| refused(&error))?;
        call.resource(call.scope.arn("cloudhsm", &format!("cluster/{cluster}")));
        Ok(cluster)
    }
}
