//! The provider's two entry points are exported from the executable, where
//! `Pkcs11::new_from_self()` looks for them.

fn main() {
    for symbol in ["C_GetFunctionList", "C_GetInterface"] {
        println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol={symbol}");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
