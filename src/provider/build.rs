//! How the shared object is linked.

fn main() {
    // Threads and the fork handler may outlive a `dlclose`.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // A host that exports `C_` functions itself (a proxy, or kmsd) must not get between ours.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-Bsymbolic");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libstrongroom.so");
    println!("cargo::rerun-if-changed=build.rs");
}
