#!/bin/sh
# Builds Kryoptic from its published crate, with the OpenSSL that the published `openssl-sys` brings
# linked in, as a peer for `bench figures --kryoptic`. Takes minutes, needs libclang and perl
# (Debian: libclang1-14), and nothing else here needs it.
set -eu

folder=${1:-target/kryoptic}
mkdir -p "$folder/fetch/src"
cd "$folder"

cat > fetch/Cargo.toml <<TOML
[package]
name = "fetch"
edition = "2024"

[dependencies]
kryoptic = "=1.5.4"

[workspace]
TOML
: > fetch/src/lib.rs

# A copy of the published package: as a dependency, a shared object is not built.
source=$(cargo metadata --format-version 1 --manifest-path fetch/Cargo.toml |
    tr ',' '\n' | sed -n 's|.*"manifest_path":"\(.*/kryoptic-1[^/]*\)/Cargo.toml".*|\1|p' | head -n 1)
rm -rf kryoptic
cp -r "$source" kryoptic
cat >> kryoptic/Cargo.toml <<TOML

[dependencies.openssl-sys]
version = "0.9"
features = ["bindgen", "vendored"]
TOML

# libclang alone has no headers of its own.
export BINDGEN_EXTRA_CLANG_ARGS="-I$(cc -print-file-name=include)"
cargo build --release --manifest-path kryoptic/Cargo.toml --target-dir build \
    --no-default-features --features standard,ossl/openssl-sys
echo "$PWD/build/release/libkryoptic_pkcs11.so"
