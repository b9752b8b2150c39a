//! The network that AWS's shapes speak of. There is none here: ids and addresses follow from the
//! things they belong to, so that they are stable and look as they should.

use std::net::Ipv4Addr;

use aws::{Scope, derived_id};
use token::{ClusterId, HsmId};

/// Availability zones of a region, by their letters.
pub(crate) const ZONE_LETTERS: [char; 6] = ['a', 'b', 'c', 'd', 'e', 'f'];

/// The one VPC of the account.
pub(crate) fn vpc(scope: &Scope) -> String {
    derived_id("vpc-", &[&scope.account, &scope.region])
}

/// `cloudhsm-cluster-<id>-sg`.
pub(crate) fn security_group(cluster: &ClusterId) -> String {
    derived_id("sg-", &[cluster.as_str()])
}

/// The subnet of a zone in which nobody has named one.
pub(crate) fn subnet(scope: &Scope, zone: &str) -> String {
    derived_id("subnet-", &[&scope.account, zone])
}

/// The network interface of an HSM.
pub(crate) fn interface(hsm: &HsmId) -> String {
    derived_id("eni-", &[hsm.as_str()])
}

/// The address of an HSM: in `10.<zone>.0.0/16`.
pub(crate) fn address(zone: &str, hsm: &HsmId) -> Ipv4Addr {
    let letter = zone.chars().last().unwrap_or_default();
    let net = ZONE_LETTERS
        .iter()
        .position(|other| *other == letter)
        .unwrap_or(ZONE_LETTERS.len());
    let digits = derived_id("", &["address", hsm.as_str()]);
    let byte = |from: usize| {
        let pair = digits.get(from..from + 2).unwrap_or_default();
        u8::from_str_radix(pair, 16).unwrap_or_default()
    };
    // Neither the net's own addresses nor those that AWS keeps for itself.
    Ipv4Addr::new(
        10,
        u8::try_from(net).unwrap_or_default(),
        byte(0),
        4 + byte(2) % 250,
    )
}

/// Whether the text is the name of a zone of this region, such as `us-east-1a`.
pub(crate) fn is_zone(scope: &Scope, text: &str) -> bool {
    let letter = text.strip_prefix(scope.region.as_str());
    letter.is_some_and(|letter| {
        let mut letters = letter.chars();
        letters
            .next()
            .is_some_and(|first| ZONE_LETTERS.contains(&first))
            && letters.next().is_none()
    })
}

/// `subnet-` and 8 to 17 hexadecimal digits.
pub(crate) fn is_subnet(text: &str) -> bool {
    text.strip_prefix("subnet-").is_some_and(|digits| {
        (8..=17).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hsm_keeps_its_address_and_interface() {
        let hsm = HsmId::parse("hsm-abcdefghijk").unwrap();
        assert_eq!(address("us-east-1b", &hsm), address("us-east-1b", &hsm));
        assert!(address("us-east-1b", &hsm).to_string().starts_with("10.1."));
        assert_eq!(interface(&hsm).len(), "eni-".len() + 17);
    }

    #[test]
    fn a_zone_is_of_its_region() {
        let scope = Scope::new("us-east-1", "111122223333").unwrap();
        assert!(is_zone(&scope, "us-east-1c"));
        for text in ["us-east-1", "us-east-1z", "us-east-1ab", "eu-west-1a", ""] {
            assert!(!is_zone(&scope, text), "{text}");
        }
    }
}
