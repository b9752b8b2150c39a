#!/bin/sh
# Builds Kryoptic from its published crate, with the OpenSSL of the published `openssl-src` linked in,
# as a peer for `bench operations --kryoptic`. Takes minutes, needs libclang and perl, and nothing
# else here needs it.
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
openssl-src = "300"

[workspace]
TOML
: > fetch/src/lib.rs

# The published packages are copied: a build writes into its folder.
source_of() {
    cargo metadata --format-version 1 --manifest-path fetch/Cargo.toml |
        tr ',' '\n' | sed -n "s|.*\"manifest_path\":\"\(.*/$1-[0-9][^/]*\)/Cargo.toml\".*|\1|p" | head -n 1
}
copy_of() {
    rm -rf "$2"
    cp -r "$(source_of "$1")" "$2"
}
copy_of kryoptic kryoptic
copy_of openssl-src openssl
cp fetch/Cargo.lock kryoptic/Cargo.lock
# The package leaves out the list of what a provider exports; without it nothing is configured.
printf 'OSSL_provider_init 1 * EXIST::FUNCTION:\n' > openssl/openssl/util/providers.num

export KRYOPTIC_OPENSSL_SOURCES="$PWD/openssl/openssl"
# libclang alone has no headers of its own.
export BINDGEN_EXTRA_CLANG_ARGS="-I$(cc -print-file-name=include)"
cargo build --release --manifest-path kryoptic/Cargo.toml --target-dir build \
    --no-default-features --features standard,ossl/ossl-sys
echo "$PWD/build/release/libkryoptic_pkcs11.so"
