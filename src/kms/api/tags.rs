//! TagResource, UntagResource, ListResourceTags.

use aws::{Call, Result, Validation};
use serde::{Deserialize, Serialize};

use super::{
    common::{self, Empty},
    page::Page,
};
use crate::{
    Kms,
    keys::{
        state::Demand,
        tags::{self, Tag},
    },
    limits,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagResourceRequest {
    key_id: Option<String>,
    tags: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UntagResourceRequest {
    key_id: Option<String>,
    tag_keys: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListResourceTagsRequest {
    key_id: Option<String>,
    limit: Option<i64>,
    marker: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListResourceTagsResponse {
    tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

pub(super) fn tag_resource(kms: &Kms, call: &Call, request: TagResourceRequest) -> Result<Empty> {
    let mut check = Validation::new();
    common::key_id(&mut check, "keyId", &request.key_id);
    check.present("tags", &request.tags);
    for tag in request.tags.iter().flatten() {
        check_form(&mut check, tag);
    }
    check.finish()?;
    let tags = aws::required("tags", request.tags)?;
    tags::check(&tags)?;
    let id = kms
        .keys
        .resolve_key(&aws::required("keyId", request.key_id)?)?
        .id;
    let key = kms.keys.change(id, Demand::Change, |_, _, change| {
        tags::check_room(&kms.records, id, &tags)?;
        Ok(tags.iter().fold(change, |change, tag| {
            change.put(tags::key(id, &tag.key), tag)
        }))
    })?;
    call.resource(key.arn.as_str());
    Ok(Empty {})
}

pub(super) fn untag_resource(
    kms: &Kms,
    call: &Call,
    request: UntagResourceRequest,
) -> Result<Empty> {
    let mut check = Validation::new();
    common::key_id(&mut check, "keyId", &request.key_id);
    check.present("tagKeys", &request.tag_keys);
    check.count(
        "tagKeys",
        request.tag_keys.as_ref().map(Vec::len),
        0..=limits::TAGS,
    );
    for key in request.tag_keys.iter().flatten() {
        check.length("tagKeys", Some(key), 1..=128);
    }
    check.finish()?;
    let names = aws::required("tagKeys", request.tag_keys)?;
    tags::check_keys(names.iter().map(String::as_str))?;
    let id = kms
        .keys
        .resolve_key(&aws::required("keyId", request.key_id)?)?
        .id;
    let key = kms.keys.change(id, Demand::Change, |_, _, change| {
        Ok(names
            .iter()
            .fold(change, |change, name| change.delete(tags::key(id, name))))
    })?;
    call.resource(key.arn.as_str());
    Ok(Empty {})
}

pub(super) fn list_resource_tags(
    kms: &Kms,
    call: &Call,
    request: ListResourceTagsRequest,
) -> Result<ListResourceTagsResponse> {
    let mut check = Validation::new();
    common::key_id(&mut check, "keyId", &request.key_id);
    check.finish()?;
    let page = Page::new(request.limit, request.marker.as_deref(), limits::TAGS, 50)?;
    let key = kms
        .keys
        .resolve_key(&aws::required("keyId", request.key_id)?)?;
    call.resource(key.arn.as_str());
    let found = tags::list(&kms.records, key.id, page.after.as_deref(), page.reach())?;
    let cut = page.cut(found, |tag| tag.key.clone());
    Ok(ListResourceTagsResponse {
        tags: cut.entries,
        truncated: cut.next_marker.is_some(),
        next_marker: cut.next_marker,
    })
}

/// The form of a tag in the model.
pub(super) fn check_form(check: &mut Validation, tag: &Tag) {
    check.length("tagKey", Some(&tag.key), 1..=128);
    check.length("tagValue", Some(&tag.value), 0..=256);
}
