//! What an object is before its template has said anything: every attribute that has a default, in
//! the order of their numbers. It is made once for each sort and way, and shared by all such objects.

use token::AttributeType as A;

use super::{
    Attributes, Plain,
    attributes::Defaults,
    rules::{self, Initial, Origin, Presence, Profile, Rule, Sort},
};

/// How an object comes to be, as far as its defaults ask.
#[derive(Clone, Copy)]
pub(super) struct Way {
    pub(super) profile: Profile,
    pub(super) origin: Origin,
    /// Whether the template names a use of a key that is derived: then it names all of them.
    pub(super) uses_named: bool,
}

/// The beginning of an object.
pub(super) struct Blank {
    pub(super) defaults: Defaults,
    /// What the template must say, always or where it does not say something else.
    pub(super) required: Vec<&'static Rule>,
}

impl Way {
    /// How many there are.
    pub(super) const COUNT: usize = 16;

    /// Its number, below `COUNT`.
    pub(super) fn number(self) -> usize {
        let profile = match self.profile {
            Profile::Standard => 0,
            Profile::CloudHsm => 8,
        };
        let origin = match self.origin {
            Origin::Created => 0,
            Origin::Generated => 2,
            Origin::Unwrapped => 4,
            Origin::Derived => 6,
        };
        profile + origin + usize::from(self.uses_named)
    }
}

impl Blank {
    /// That of objects of `sort`, which have `rules`.
    pub(super) fn of(sort: Sort, rules: &[&'static Rule], way: Way) -> Self {
        let mut attributes = Attributes::default();
        for rule in rules {
            if let Some(value) = default_of(rule, sort, way) {
                attributes.set(rule.kind, value);
            }
        }
        attributes.set(A::CLASS, rules::class(sort.family).0.into());
        if let Some(key_type) = sort.key_type {
            attributes.set(A::KEY_TYPE, key_type.0.into());
        }
        let must = |rule: &&&Rule| {
            let presence = rule.presence(way.origin);
            matches!(presence, Presence::Required | Presence::RequiredUnless(_))
        };
        let required = rules.iter().filter(must).copied().collect();
        Self {
            defaults: attributes.into(),
            required,
        }
    }
}

fn default_of(rule: &Rule, sort: Sort, way: Way) -> Option<Plain> {
    match rule.initial(way.profile) {
        Initial::Absent | Initial::Computed => None,
        Initial::Empty => Some(Plain::Bytes(Vec::new())),
        Initial::Flag(flag) => Some(flag.into()),
        Initial::Generated => Some((way.origin == Origin::Generated).into()),
        Initial::BroughtIn => {
            let brought_in = matches!(way.origin, Origin::Created | Origin::Unwrapped);
            Some(brought_in.into())
        }
        Initial::Use(types) => {
            let can = sort.key_type.is_some_and(|kind| types.contains(&kind));
            Some((can && !way.uses_named).into())
        }
        Initial::Number(number) => Some(number.into()),
    }
}
