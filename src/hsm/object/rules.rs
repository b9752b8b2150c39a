//! The attribute table (`rules/table.rs`): which objects have an attribute, when it may be given,
//! changed and revealed, and what it is when nobody says. Checking a template is `template.rs`.

mod table;

use std::sync::{LazyLock, OnceLock};

use cryptoki_sys as sys;
use token::{AttributeType, KeyType, ObjectClass};

use super::blank::{Blank, Way};

/// A kind of object that can exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// `CKO_SECRET_KEY`.
    SecretKey,
    /// `CKO_PUBLIC_KEY`.
    PublicKey,
    /// `CKO_PRIVATE_KEY`.
    PrivateKey,
    /// `CKO_DATA`.
    Data,
    /// `CKO_CERTIFICATE` of type `CKC_X_509`.
    Certificate,
    /// `CKO_PROFILE`: built in.
    Profile,
    /// `CKO_MECHANISM`: built in.
    Mechanism,
    /// `CKO_VALIDATION`: built in, as the operator declares.
    Validation,
}

/// What an object is, as far as its attributes ask: its family, and of keys the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sort {
    pub(crate) family: Family,
    pub(crate) key_type: Option<KeyType>,
}

/// How an object comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `C_CreateObject`.
    Created,
    /// `C_GenerateKey`, `C_GenerateKeyPair`.
    Generated,
    /// `C_UnwrapKey`, `C_EncapsulateKey`, `C_DecapsulateKey`.
    Unwrapped,
    /// `C_DeriveKey`.
    Derived,
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
    /// Only of a copy that is being made.
    OnCopy,
    /// Only of a copy that is being made, and only from false to true.
    OnCopyToTrue,
    /// Only of a copy that is being made, and only from true to false.
    OnCopyToFalse,
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
    /// Nobody while the key is sensitive or not extractable (§4.2, footnote 7).
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
    /// True for a key that was brought in, in the clear or wrapped (§5.18.4), false for any other.
    BroughtIn,
    /// A use: true for keys of these types, which can be used so, false for others. Who names uses
    /// of a key that is derived names all of them.
    Use(&'static [KeyType]),
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
    of: &'static [Family],
    /// The types of key that have it; all of them where there is none.
    types: &'static [KeyType],
    create: Presence,
    generate: Presence,
    unwrap: Presence,
    pub(crate) change: Change,
    pub(crate) reveal: Reveal,
    standard: Initial,
    cloudhsm: Initial,
}

impl Rule {
    /// What a template may say of it.
    pub(crate) fn presence(&self, origin: Origin) -> Presence {
        match origin {
            Origin::Created => self.create,
            Origin::Generated => self.generate,
            Origin::Unwrapped | Origin::Derived => self.unwrap,
        }
    }

    /// The default under `profile`.
    pub(crate) fn initial(&self, profile: Profile) -> Initial {
        match profile {
            Profile::Standard => self.standard,
            Profile::CloudHsm => self.cloudhsm,
        }
    }

    /// Whether it is one of the uses of a key (`CKA_ENCRYPT`, `CKA_WRAP`…).
    pub(super) fn is_use(&self) -> bool {
        matches!(self.standard, Initial::Use(_))
    }

    /// The types of key that it speaks of.
    fn types(&self) -> impl Iterator<Item = KeyType> {
        let uses = [self.standard, self.cloudhsm].map(|initial| match initial {
            Initial::Use(types) => types,
            _ => &[],
        });
        self.types.iter().chain(uses.into_iter().flatten()).copied()
    }

    fn is_of(&self, sort: Sort) -> bool {
        self.of.contains(&sort.family)
            && (self.types.is_empty()
                || sort.key_type.is_some_and(|kind| self.types.contains(&kind)))
    }
}

impl Sort {
    /// The rule for `kind` in such objects, if they can have it.
    pub(crate) fn rule(self, kind: AttributeType) -> Option<&'static Rule> {
        self.known().rule(kind)
    }

    /// All that is known of such objects.
    pub(super) fn known(self) -> &'static OfSort {
        static FAMILIES_OF_RULES: LazyLock<Vec<OfFamily>> = LazyLock::new(|| {
            let families = FAMILIES.iter().map(|(_, family)| *family);
            families.map(OfFamily::of).collect()
        });
        static NONE: OfSort = OfSort {
            kinds: Vec::new(),
            rules: Vec::new(),
            blanks: [const { OnceLock::new() }; Way::COUNT],
        };
        let mut families = FAMILIES_OF_RULES.iter();
        let family = families.find(|known| known.family == self.family);
        family.map_or(&NONE, |family| family.with_type(self.key_type))
    }
}

/// What is known of the objects of one sort, picked from the table once.
pub(super) struct OfSort {
    /// The attributes that they can have, in the order of their numbers.
    kinds: Vec<AttributeType>,
    /// The rule of each.
    rules: Vec<&'static Rule>,
    blanks: [OnceLock<Blank>; Way::COUNT],
}

impl OfSort {
    fn with(mut rules: Vec<&'static Rule>) -> Self {
        rules.sort_by_key(|rule| rule.kind);
        Self {
            kinds: rules.iter().map(|rule| rule.kind).collect(),
            rules,
            blanks: [const { OnceLock::new() }; Way::COUNT],
        }
    }

    /// The rule for `kind` in such objects, if they can have it.
    pub(super) fn rule(&self, kind: AttributeType) -> Option<&'static Rule> {
        let place = self.kinds.binary_search(&kind);
        self.rules.get(place.ok()?).copied()
    }

    /// How many attributes they can have.
    pub(super) fn most(&self) -> usize {
        self.kinds.len()
    }

    /// What an object of `sort`, which is one of these, is before its template has said anything.
    pub(super) fn blank(&'static self, sort: Sort, way: Way) -> &'static Blank {
        // Others than the types that the table speaks of are all alike, but for the type itself.
        let [first, ..] = &self.blanks;
        let place = self.blanks.get(way.number()).unwrap_or(first);
        place.get_or_init(|| Blank::of(sort, &self.rules, way))
    }
}

/// The same of the objects of one family.
struct OfFamily {
    family: Family,
    /// For keys of the types that the table speaks of, in the order of their numbers.
    of_types: Vec<(KeyType, OfSort)>,
    /// For all others.
    of_others: OfSort,
}

impl OfFamily {
    fn of(family: Family) -> Self {
        let pick = |key_type| {
            let sort = Sort { family, key_type };
            let rules = table::RULES.iter().filter(|rule| rule.is_of(sort));
            OfSort::with(rules.collect())
        };
        let mut types: Vec<_> = table::RULES.iter().flat_map(Rule::types).collect();
        types.sort_unstable();
        types.dedup();
        Self {
            family,
            of_types: types
                .iter()
                .map(|kind| (*kind, pick(Some(*kind))))
                .collect(),
            of_others: pick(None),
        }
    }

    fn with_type(&self, key_type: Option<KeyType>) -> &OfSort {
        let known = key_type.and_then(|key_type| {
            let place = self
                .of_types
                .binary_search_by_key(&key_type, |(kind, _)| *kind);
            self.of_types.get(place.ok()?)
        });
        known.map_or(&self.of_others, |(_, known)| known)
    }
}

/// Whether `kind` is the security officer's to set, in whatever object.
pub(crate) fn is_for_security_officer(kind: AttributeType) -> bool {
    let mut rules = table::RULES
        .iter()
        .filter(|rule| rule.kind == kind)
        .peekable();
    rules.peek().is_some() && rules.all(|rule| rule.change == Change::BySecurityOfficer)
}

/// The class of the objects of `family`.
pub(super) fn class(family: Family) -> ObjectClass {
    let known = FAMILIES.iter().find(|(_, known)| *known == family);
    ObjectClass(known.map_or(sys::CK_UNAVAILABLE_INFORMATION, |(number, _)| *number))
}

/// The family of the objects of `class`.
pub(crate) fn family(class: ObjectClass) -> Option<Family> {
    FAMILIES
        .iter()
        .find(|(number, _)| *number == class.0)
        .map(|(_, family)| *family)
}

/// The classes whose objects have a key type.
pub(super) fn key_classes() -> impl Iterator<Item = u64> {
    let keys = FAMILIES.iter().filter(|(_, family)| family.is_key());
    keys.map(|(class, _)| *class)
}

const FAMILIES: &[(u64, Family)] = &[
    (sys::CKO_DATA, Family::Data),
    (sys::CKO_CERTIFICATE, Family::Certificate),
    (sys::CKO_PUBLIC_KEY, Family::PublicKey),
    (sys::CKO_PRIVATE_KEY, Family::PrivateKey),
    (sys::CKO_SECRET_KEY, Family::SecretKey),
    (sys::CKO_MECHANISM, Family::Mechanism),
    (sys::CKO_PROFILE, Family::Profile),
    (sys::CKO_VALIDATION, Family::Validation),
];

impl Family {
    /// Whether such objects are a part of the HSM: found and read, and nothing else.
    pub(crate) fn is_built_in(self) -> bool {
        matches!(
            self,
            Family::Profile | Family::Mechanism | Family::Validation
        )
    }

    /// Whether such objects are keys.
    pub(crate) fn is_key(self) -> bool {
        matches!(
            self,
            Family::SecretKey | Family::PublicKey | Family::PrivateKey
        )
    }

    /// Whether such objects are keys that hold a secret.
    pub(crate) fn is_secret(self) -> bool {
        matches!(self, Family::SecretKey | Family::PrivateKey)
    }
}

/// `CKA_KEY_GEN_MECHANISM` of a key that was not generated here.
pub(crate) const NOT_GENERATED: u64 = sys::CK_UNAVAILABLE_INFORMATION;

#[cfg(test)]
mod tests {
    use super::*;

    fn sorts() -> Vec<Sort> {
        let types = [
            sys::CKK_AES,
            sys::CKK_DES,
            sys::CKK_DES2,
            sys::CKK_DES3,
            sys::CKK_GENERIC_SECRET,
            sys::CKK_RSA,
            sys::CKK_EC,
            sys::CKK_EC_EDWARDS,
            sys::CKK_EC_MONTGOMERY,
            sys::CKK_ML_DSA,
            sys::CKK_ML_KEM,
        ];
        let sorts = |(_, family): &(u64, Family)| {
            let family = *family;
            types.map(|kind| Sort {
                family,
                key_type: Some(KeyType(kind)),
            })
        };
        FAMILIES.iter().flat_map(sorts).collect()
    }

    #[test]
    fn an_attribute_has_one_rule_in_a_sort_of_objects() {
        for sort in sorts() {
            let rules = &sort.known().rules;
            for rule in rules {
                let same = rules.iter().filter(|other| other.kind == rule.kind);
                assert_eq!(same.count(), 1, "{:?} of {sort:?}", rule.kind);
            }
        }
    }

    #[test]
    fn every_attribute_of_the_table_has_a_shape() {
        for rule in table::RULES {
            assert!(token::attribute_row(rule.kind).is_some(), "{:?}", rule.kind);
        }
    }

    #[test]
    fn what_is_secret_of_a_key_is_kept_back_and_nothing_else() {
        for rule in table::RULES {
            let secret = token::attribute_row(rule.kind).unwrap().shape == token::Shape::Secret;
            let of_keys = rule.of.iter().all(|family| family.is_secret());
            let kept = rule.reveal == Reveal::UnlessSensitive;
            assert_eq!(kept, secret && of_keys, "{rule:?}");
        }
    }

    #[test]
    fn what_the_hsm_computes_cannot_be_changed() {
        for rule in table::RULES {
            if rule.standard == Initial::Computed {
                assert_eq!(rule.change, Change::Never, "{rule:?}");
            }
        }
    }

    #[test]
    fn a_key_has_every_attribute_that_its_footnotes_speak_of() {
        use AttributeType as A;
        let has = |family, key_type, kind| {
            let key_type = Some(KeyType(key_type));
            Sort { family, key_type }.rule(kind).is_some()
        };
        for (key_type, kind) in [
            (sys::CKK_RSA, A::COEFFICIENT),
            (sys::CKK_EC, A::EC_PARAMS),
            (sys::CKK_ML_DSA, A::SEED),
            (sys::CKK_ML_KEM, A::PARAMETER_SET),
        ] {
            assert!(has(Family::PrivateKey, key_type, kind), "{kind:?}");
            assert!(!has(Family::SecretKey, key_type, kind), "{kind:?}");
        }
        assert!(!has(Family::PublicKey, sys::CKK_RSA, A::EC_POINT));
        assert!(!has(Family::PublicKey, sys::CKK_EC, A::VALUE));
        assert!(has(Family::PublicKey, sys::CKK_ML_DSA, A::VALUE));
    }
}
