//! What may become of an object that is there: changed, or copied. A key never gains a right that
//! its attributes forbade for good.

use token::{Attribute, AttributeType, Reason, Result, Template};

use super::{
    Attributes, Plain, Secrets,
    rules::{self, Change, Rule},
    shaped::{Shaped, refusal, shaped},
    template::{Draft, Maker, consistent, once_each, rule_of, sort_of},
};

/// The attributes of `now` as `template` changes them, and the new `CKA_VALUE` where it is a
/// secret (`C_SetAttributeValue`).
pub(crate) fn changed(now: &Attributes, template: &Template, maker: Maker) -> Result<Draft> {
    if !now.flag(AttributeType::MODIFIABLE) {
        return Err(unmodifiable());
    }
    let mut draft = draft_of(now, maker)?;
    draft.change(now, template, maker, false)?;
    Ok(draft.with_private_data_apart())
}

/// The attributes of a copy of `now` (`C_CopyObject`): changed as they may be changed, and as only
/// copies may be. A copy of what must not change has no other usage than the original.
pub(crate) fn copied(now: &Attributes, template: &Template, maker: Maker) -> Result<Draft> {
    if !now.flag(AttributeType::COPYABLE) {
        let words = "is false: the object cannot be copied";
        let reason = Reason::ActionProhibited;
        return Err(refusal(reason, AttributeType::COPYABLE, words));
    }
    let mut draft = draft_of(now, maker)?;
    // Only the security officer makes an object that is trusted; and a copy that could be changed
    // would learn what the trusted key must not.
    if now.flag(AttributeType::TRUSTED) && !maker.is_security_officer() {
        draft.attributes.set(AttributeType::TRUSTED, false.into());
        draft
            .attributes
            .set(AttributeType::MODIFIABLE, false.into());
    }
    draft.change(now, template, maker, true)?;
    Ok(draft.with_private_data_apart())
}

/// Whether `template` only has what the security officer alone may set.
pub(crate) fn is_for_security_officer(template: &Template) -> bool {
    let kept_for_it = |attribute: &Attribute| rules::is_for_security_officer(attribute.kind);
    template.0.iter().all(kept_for_it)
}

fn draft_of(now: &Attributes, maker: Maker) -> Result<Draft> {
    Ok(Draft {
        attributes: now.clone(),
        secrets: Secrets::default(),
        sort: sort_of(now).ok_or(Reason::Internal)?,
        profile: maker.profile,
    })
}

impl Draft {
    fn change(
        &mut self,
        now: &Attributes,
        template: &Template,
        maker: Maker,
        copy: bool,
    ) -> Result<()> {
        let trusted = now.flag(AttributeType::TRUSTED) && !maker.is_security_officer();
        let known = self.sort.known();
        for attribute in once_each(template)? {
            let attribute = attribute?;
            let kind = attribute.kind;
            let rule = rule_of(known, kind)?;
            let value = shaped(attribute)?;
            if !may_change(rule, self.attributes.flag(kind), &value, maker, copy) {
                let words = "cannot be changed to this value";
                return Err(refusal(Reason::AttributeReadOnly, kind, words));
            }
            // What the security officer has trusted to wrap must not learn to decrypt.
            if trusted && rule.is_use() && value.is_true() && !now.flag(kind) {
                let words = "is a use that a trusted key did not have when it was trusted";
                return Err(refusal(Reason::AttributeReadOnly, kind, words));
            }
            // Only on a copy: what may not be changed may at most be put somewhere else.
            if !now.flag(AttributeType::MODIFIABLE) && rule.change == Change::Always {
                return Err(unmodifiable());
            }
            self.take(kind, value);
        }
        consistent(&self.attributes)
    }
}

fn may_change(rule: &Rule, now: bool, value: &Shaped, maker: Maker, copy: bool) -> bool {
    let flag = match value {
        Shaped::Plain(Plain::Flag(flag)) => Some(*flag),
        _ => None,
    };
    let to_true = flag.is_some_and(|flag| flag || !now);
    let to_false = flag.is_some_and(|flag| !flag || now);
    match rule.change {
        Change::Never => false,
        Change::OnCopy => copy,
        Change::OnCopyToTrue => copy && to_true,
        Change::OnCopyToFalse => copy && to_false,
        Change::Always => true,
        // Footnotes 11 and 12 of the attribute tables: then "it becomes a read only attribute". A
        // copy may say again what it is.
        Change::OnlyToTrue => to_true && (copy || !now),
        Change::OnlyToFalse => to_false && (copy || now),
        Change::BySecurityOfficer => maker.is_security_officer() || flag == Some(now),
    }
}

fn unmodifiable() -> token::Error {
    let words = "is false: the object cannot be changed";
    refusal(Reason::ActionProhibited, AttributeType::MODIFIABLE, words)
}
