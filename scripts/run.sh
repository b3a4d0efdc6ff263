#!/bin/sh
# Builds the page and the server, and serves with the configuration of this repository.
set -eu
cd "$(dirname "$0")/.."

if ! command -v cargo >/dev/null 2>&1; then
    echo "sordino is written in Rust, and cargo is not here. Install Rust from https://rustup.rs and try again." >&2
    exit 1
fi
if ! command -v cc >/dev/null 2>&1; then
    echo "Two of the libraries need a C compiler. On Debian: apt-get install build-essential" >&2
    exit 1
fi

if command -v npm >/dev/null 2>&1; then
    sh scripts/web.sh
else
    echo "Node is not here, so sordino is built without its page; the API and DNS work all the same."
fi
echo "The first build takes some minutes; later ones take what changed." >&2
cargo build --locked --release
exec "${CARGO_TARGET_DIR:-target}/release/sordino" --config config.toml run
