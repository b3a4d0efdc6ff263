#!/bin/sh
# Format, lints, licences and dependencies, types of the page.
set -eu
cd "$(dirname "$0")/.."
deny_version=0.20.2

step() {
    echo "== $*"
}

step cargo fmt
cargo fmt --check

step cargo clippy
cargo clippy --quiet --locked --all-targets -- -D warnings

tools=$PWD/target/tools
if [ ! -x "$tools/bin/cargo-deny" ] || [ "$("$tools/bin/cargo-deny" --version)" != "cargo-deny $deny_version" ]; then
    step "cargo install cargo-deny $deny_version (a few minutes, once)"
    # Unoptimised: it is built once and runs for seconds.
    CARGO_TARGET_DIR="$tools/build" cargo install --quiet --locked --debug --force --root "$tools" --version "$deny_version" cargo-deny
    rm -rf "$tools/build"
fi
step cargo deny
if timeout 60 "$tools/bin/cargo-deny" fetch db >/dev/null 2>&1; then
    "$tools/bin/cargo-deny" --log-level error check
else
    echo "The advisory database cannot be reached: advisories are not checked this time."
    "$tools/bin/cargo-deny" --log-level error check licenses bans sources
fi

if command -v npm >/dev/null 2>&1; then
    [ -e web/src/api/schema.d.ts ] || sh scripts/web.sh --types
    step svelte-check
    npm --prefix web run --silent check
else
    echo "Node is not here: the types of the page are not checked."
fi
