//! The attribute table: which objects have an attribute, when it may be given, changed and
//! revealed, and what it is when nobody says. Checking a template is `template.rs`.

use cryptoki_sys as sys;
use token::AttributeType;

/// A kind of object that can exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// `CKO_SECRET_KEY`.
    SecretKey,
    /// `CKO_DATA`.
    Data,
    /// `CKO_CERTIFICATE` of type `CKC_X_509`.
    Certificate,
}

/// What a template may say of an attribute when the object is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// It must be there.
    Required,
    /// It must be there, or else this one must be, and not empty.
    RequiredUnless(AttributeType),
    /// It may be there.
    Optional,
    /// It must not be there: the HSM says it.
    Forbidden,
}

/// When an attribute of a finished object may change (`C_SetAttributeValue`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Never.
    Never,
    /// As often as one likes.
    Always,
    /// Once, from false to true.
    OnlyToTrue,
    /// Once, from true to false.
    OnlyToFalse,
    /// Whenever the security officer likes; who else makes the object takes its first value.
    BySecurityOfficer,
}

/// Who may read an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reveal {
    /// Who sees the object.
    Always,
    /// Nobody while the key is sensitive or not extractable (§4.9 Table 22, footnote 7).
    UnlessSensitive,
}

/// The value of an attribute that the template does not give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Initial {
    /// The object does not have the attribute then.
    Absent,
    /// No bytes, or an array of nothing.
    Empty,
    /// This flag.
    Flag(bool),
    /// True for a generated key, false for one that was brought in.
    Generated,
    /// This number.
    Number(u64),
    /// What `template.rs` finds out from the rest of the object.
    Computed,
}

/// A set of defaults: a value of the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// What programs for PKCS#11 and the public suites expect: keys can be used at once.
    #[default]
    Standard,
    /// What AWS CloudHSM's own library does: uses must be asked for.
    CloudHsm,
}

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) kind: AttributeType,
    pub(crate) of: &'static [Family],
    pub(crate) create: Presence,
    pub(crate) generate: Presence,
    pub(crate) change: Change,
    pub(crate) reveal: Reveal,
    standard: Initial,
    cloudhsm: Initial,
}

impl Rule {
    /// The default under `profile`.
    pub(crate) fn initial(&self, profile: Profile) -> Initial {
        match profile {
            Profile::Standard => self.standard,
            Profile::CloudHsm => self.cloudhsm,
        }
    }
}

/// The rules for the objects of `family`, in the order of the table.
pub(crate) fn rules(family: Family) -> impl Iterator<Item = &'static Rule> {
    RULES.iter().filter(move |rule| rule.of.contains(&family))
}

/// The rule for `kind` in the objects of `family`, if they can have it.
pub(crate) fn rule(family: Family, kind: AttributeType) -> Option<&'static Rule> {
    rules(family).find(|rule| rule.kind == kind)
}

/// Whether `kind` is the security officer's to set, in whatever object.
pub(crate) fn is_for_security_officer(kind: AttributeType) -> bool {
    let mut rules = RULES.iter().filter(|rule| rule.kind == kind).peekable();
    rules.peek().is_some() && rules.all(|rule| rule.change == BySecurityOfficer)
}

/// `CKA_KEY_GEN_MECHANISM` of a key that was not generated here.
pub(crate) const NOT_GENERATED: u64 = sys::CK_UNAVAILABLE_INFORMATION;

const ANY: &[Family] = &[Family::SecretKey, Family::Data, Family::Certificate];
const NAMED: &[Family] = &[Family::SecretKey, Family::Certificate];
const CLOSED: &[Family] = &[Family::SecretKey, Family::Data];
const SECRET: &[Family] = &[Family::SecretKey];
const DATA: &[Family] = &[Family::Data];
const CERTIFICATE: &[Family] = &[Family::Certificate];

use Change::{Always as Free, BySecurityOfficer, Never, OnlyToFalse, OnlyToTrue};
use Initial::{Absent, Computed, Empty, Flag, Generated, Number};
use Presence::{Forbidden, Optional, Required, RequiredUnless};
use Reveal::{Always, UnlessSensitive};

const NO: Initial = Flag(false);
const YES: Initial = Flag(true);
const UNLESS_URL: Presence = RequiredUnless(AttributeType::URL);

macro_rules! rules {
    ($($kind:ident $of:ident $create:ident $generate:ident $change:ident $reveal:ident
       $standard:expr, $cloudhsm:expr;)*) => {
        static RULES: &[Rule] = &[$(Rule {
            kind: AttributeType::$kind,
            of: $of,
            create: $create,
            generate: $generate,
            change: $change,
            reveal: $reveal,
            standard: $standard,
            cloudhsm: $cloudhsm,
        },)*];
    };
}

rules! {
//  attribute          of           create      generate   change       reveal    standard  cloudhsm
    CLASS              ANY          Required    Optional   Never        Always    Computed, Computed;
    TOKEN              ANY          Optional    Optional   Never        Always    NO, NO;
    PRIVATE            CLOSED       Optional    Optional   Never        Always    YES, YES;
    PRIVATE            CERTIFICATE  Optional    Forbidden  Never        Always    NO, NO;
    MODIFIABLE         ANY          Optional    Optional   Never        Always    YES, YES;
    COPYABLE           ANY          Optional    Optional   OnlyToFalse  Always    YES, YES;
    DESTROYABLE        ANY          Optional    Optional   Never        Always    YES, YES;
    LABEL              ANY          Optional    Optional   Free         Always    Empty, Empty;
    UNIQUE_ID          ANY          Forbidden   Forbidden  Never        Always    Computed, Computed;

    KEY_TYPE           SECRET       Required    Optional   Never        Always    Computed, Computed;
    ID                 NAMED        Optional    Optional   Free         Always    Empty, Empty;
    START_DATE         NAMED        Optional    Optional   Free         Always    Empty, Empty;
    END_DATE           NAMED        Optional    Optional   Free         Always    Empty, Empty;
    DERIVE             SECRET       Optional    Optional   Free         Always    NO, NO;
    LOCAL              SECRET       Forbidden   Forbidden  Never        Always    Generated, Generated;
    KEY_GEN_MECHANISM  SECRET       Forbidden   Forbidden  Never        Always    Computed, Computed;
    ALLOWED_MECHANISMS SECRET       Optional    Optional   Never        Always    Empty, Empty;

    SENSITIVE          SECRET       Optional    Optional   OnlyToTrue   Always    NO, YES;
    ENCRYPT            SECRET       Optional    Optional   Free         Always    YES, NO;
    DECRYPT            SECRET       Optional    Optional   Free         Always    YES, NO;
    SIGN               SECRET       Optional    Optional   Free         Always    YES, Generated;
    VERIFY             SECRET       Optional    Optional   Free         Always    YES, Generated;
    WRAP               SECRET       Optional    Optional   Free         Always    YES, NO;
    UNWRAP             SECRET       Optional    Optional   Free         Always    YES, NO;
    EXTRACTABLE        SECRET       Optional    Optional   OnlyToFalse  Always    NO, YES;
    ALWAYS_SENSITIVE   SECRET       Forbidden   Forbidden  Never        Always    Computed, Computed;
    NEVER_EXTRACTABLE  SECRET       Forbidden   Forbidden  Never        Always    Computed, Computed;
    WRAP_WITH_TRUSTED  SECRET       Optional    Optional   OnlyToTrue   Always    NO, NO;
    TRUSTED            NAMED        Optional    Optional   BySecurityOfficer Always NO, NO;
    CHECK_VALUE        NAMED        Optional    Optional   Never        Always    Computed, Computed;
    VALUE              SECRET       Required    Forbidden  Never        UnlessSensitive Absent, Absent;
    VALUE_LEN          SECRET       Forbidden   Optional   Never        Always    Computed, Computed;

    APPLICATION        DATA         Optional    Forbidden  Free         Always    Empty, Empty;
    OBJECT_ID          DATA         Optional    Forbidden  Free         Always    Empty, Empty;
    VALUE              DATA         Optional    Forbidden  Free         Always    Empty, Empty;

    CERTIFICATE_TYPE   CERTIFICATE  Required    Forbidden  Never        Always    Absent, Absent;
    CERTIFICATE_CATEGORY CERTIFICATE Optional   Forbidden  Never        Always    Number(0), Number(0);
    SUBJECT            CERTIFICATE  Required    Forbidden  Never        Always    Absent, Absent;
    ISSUER             CERTIFICATE  Optional    Forbidden  Free         Always    Empty, Empty;
    SERIAL_NUMBER      CERTIFICATE  Optional    Forbidden  Free         Always    Empty, Empty;
    VALUE              CERTIFICATE  UNLESS_URL  Forbidden  Never        Always    Empty, Empty;
    URL                CERTIFICATE  Optional    Forbidden  Never        Always    Empty, Empty;
    HASH_OF_SUBJECT_PUBLIC_KEY CERTIFICATE Optional Forbidden Never     Always    Empty, Empty;
    HASH_OF_ISSUER_PUBLIC_KEY CERTIFICATE Optional Forbidden Never      Always    Empty, Empty;
    NAME_HASH_ALGORITHM CERTIFICATE Optional    Forbidden  Never        Always    Absent, Absent;
    JAVA_MIDP_SECURITY_DOMAIN CERTIFICATE Optional Forbidden Never      Always    Number(0), Number(0);
    PUBLIC_KEY_INFO    CERTIFICATE  Optional    Forbidden  Never        Always    Empty, Empty;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_has_one_rule_in_a_family() {
        for family in ANY {
            for rule in rules(*family) {
                let same = rules(*family)
                    .filter(|other| other.kind == rule.kind)
                    .count();
                assert_eq!(same, 1, "{:?} of {family:?}", rule.kind);
            }
        }
    }

    #[test]
    fn every_attribute_of_the_table_has_a_shape() {
        for rule in RULES {
            assert!(token::attribute_row(rule.kind).is_some(), "{:?}", rule.kind);
        }
    }

    #[test]
    fn only_the_value_of_a_key_is_ever_kept_back() {
        for rule in RULES
            .iter()
            .filter(|rule| rule.reveal == Reveal::UnlessSensitive)
        {
            assert_eq!((rule.kind, rule.of), (AttributeType::VALUE, SECRET));
        }
    }

    #[test]
    fn what_the_hsm_computes_cannot_be_changed() {
        for rule in RULES
            .iter()
            .filter(|rule| rule.standard == Initial::Computed)
        {
            assert_eq!(rule.change, Change::Never, "{:?}", rule.kind);
        }
    }
}
