#!/bin/sh
# Builds as `make run` does, and starts sordino with a virtual household.
set -eu
cd "$(dirname "$0")/.."

if command -v npm >/dev/null 2>&1; then
    sh scripts/web.sh
fi
cargo build --locked --release
exec "${CARGO_TARGET_DIR:-target}/release/sordino" demo
