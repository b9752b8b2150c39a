//! CreateAlias, UpdateAlias, DeleteAlias, ListAliases.

use aws::{Call, Result, Timestamp, Validation};
use serde::{Deserialize, Serialize};

use super::{
    common::{self, Empty},
    page::Page,
};
use crate::{
    Kms,
    keys::alias::{self, Alias},
    limits,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AliasRequest {
    alias_name: Option<String>,
    target_key_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteAliasRequest {
    alias_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListAliasesRequest {
    key_id: Option<String>,
    limit: Option<i64>,
    marker: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListAliasesResponse {
    aliases: Vec<AliasListEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AliasListEntry {
    alias_name: String,
    alias_arn: String,
    target_key_id: String,
    creation_date: Timestamp,
    last_updated_date: Timestamp,
}

pub(super) fn create_alias(kms: &Kms, call: &Call, request: AliasRequest) -> Result<Empty> {
    let (name, target) = request.checked()?;
    alias::check_name(&name)?;
    let key = kms.keys.resolve_key(&target)?;
    note(kms, call, &name, &key.arn);
    kms.keys.create_alias(&name, key.id, call.now)?;
    Ok(Empty {})
}

pub(super) fn update_alias(kms: &Kms, call: &Call, request: AliasRequest) -> Result<Empty> {
    let (name, target) = request.checked()?;
    let key = kms.keys.resolve_key(&target)?;
    note(kms, call, &name, &key.arn);
    kms.keys.update_alias(&name, key.id, call.now)?;
    Ok(Empty {})
}

pub(super) fn delete_alias(kms: &Kms, call: &Call, request: DeleteAliasRequest) -> Result<Empty> {
    let mut check = Validation::new();
    check_name(&mut check, &request.alias_name);
    check.finish()?;
    let name = aws::required("aliasName", request.alias_name)?;
    let target = kms.keys.aliases.delete(&kms.keys.scope, &name)?;
    note(kms, call, &name, &target.arn(&kms.keys.scope));
    Ok(Empty {})
}

pub(super) fn list_aliases(
    kms: &Kms,
    _call: &Call,
    request: ListAliasesRequest,
) -> Result<ListAliasesResponse> {
    let mut check = Validation::new();
    check.length("keyId", request.key_id.as_deref(), limits::KEY_ID);
    check.finish()?;
    let page = Page::new(request.limit, request.marker.as_deref(), 50, 100)?;
    let of = request
        .key_id
        .map(|name| kms.keys.resolve_key(&name))
        .transpose()?;
    let of = of.map(|key| key.id);
    let found = kms
        .keys
        .aliases
        .list(of, page.after.as_deref(), page.reach())?;
    let cut = page.cut(found, |(name, _)| name.clone());
    let entry = |(name, alias): (String, Alias)| AliasListEntry {
        alias_arn: alias::arn(&kms.keys.scope, &name),
        alias_name: name,
        target_key_id: alias.target.to_string(),
        creation_date: Timestamp(alias.created_ms),
        last_updated_date: Timestamp(alias.updated_ms),
    };
    Ok(ListAliasesResponse {
        aliases: cut.entries.into_iter().map(entry).collect(),
        truncated: cut.next_marker.is_some(),
        next_marker: cut.next_marker,
    })
}

impl AliasRequest {
    fn checked(self) -> Result<(String, String)> {
        let mut check = Validation::new();
        check_name(&mut check, &self.alias_name);
        common::key_id(&mut check, "targetKeyId", &self.target_key_id);
        check.finish()?;
        let name = aws::required("aliasName", self.alias_name)?;
        Ok((name, aws::required("targetKeyId", self.target_key_id)?))
    }
}

fn check_name(check: &mut Validation, name: &Option<String>) {
    check.present("aliasName", name);
    check.length("aliasName", name.as_deref(), 1..=256);
    check.pattern("aliasName", name.as_deref(), alias::PATTERN, alias::is_name);
}

fn note(kms: &Kms, call: &Call, name: &str, key_arn: &str) {
    call.resource(key_arn);
    call.resource(alias::arn(&kms.keys.scope, name));
}
