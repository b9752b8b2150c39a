//! Certificates as bytes: two PEM texts are the same certificate when their DER is.

use base64::{Engine, engine::general_purpose::STANDARD};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The DER of the one certificate in `pem`; text around it is allowed, as openssl writes it.
pub(crate) fn der(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once(BEGIN)?;
    let (body, rest) = rest.split_once(END)?;
    if rest.contains(BEGIN) {
        return None;
    }
    let base64: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(base64).ok().filter(|der| !der.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_and_text_around_it_do_not_change_a_certificate() {
        let plain = format!("{BEGIN}\nAQID\nBAUG\n{END}\n");
        let other = format!("subject: CN=x\r\n{BEGIN}\r\nAQIDBAUG\r\n{END}\r\n");
        assert_eq!(der(&plain), Some(vec![1, 2, 3, 4, 5, 6]));
        assert_eq!(der(&plain), der(&other));
    }

    #[test]
    fn what_is_not_one_certificate_is_refused() {
        let two = format!("{BEGIN}\nAQID\n{END}\n{BEGIN}\nAQID\n{END}\n");
        for text in [
            "",
            "AQID",
            BEGIN,
            &format!("{BEGIN}{END}"),
            &format!("{BEGIN}?{END}"),
            &two,
        ] {
            assert_eq!(der(text), None, "{text}");
        }
    }
}
