//! Which library the algorithms come from: AWS-LC, or with the feature `fips` AWS-LC's FIPS module.

use std::borrow::Cow;

use crate::native::library;

/// Whether this build is on the FIPS module: the self-tests make sure that it is there.
pub const IS_FIPS: bool = cfg!(feature = "fips");

/// The library's own words for its name and version, as `AWS-LC FIPS 4.2.0`.
pub fn version() -> Cow<'static, str> {
    library::version().to_string_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_says_whether_it_is_the_fips_module() {
        let version = version();
        assert!(version.starts_with("AWS-LC "), "{version}");
        assert_eq!(version.contains("FIPS"), IS_FIPS, "{version}");
    }
}
