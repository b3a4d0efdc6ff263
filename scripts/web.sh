#!/bin/sh
# Builds the page into web/dist: the API's description out of the Rust types, the page's types out of that, then the page.
# Usage: web.sh [cargo profile flags, as --release]
set -eu
cd "$(dirname "$0")/.."

for program in node npm; do
    if ! command -v "$program" >/dev/null 2>&1; then
        echo "The page needs $program, which is not here. Install Node 20 or newer and try again." >&2
        exit 1
    fi
done

cargo run --quiet --locked "$@" --example openapi >web/openapi.json.new
mv web/openapi.json.new web/openapi.json

cd web
# npm writes this file last; it is older than the lock file when the lock file has changed.
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    npm ci --no-audit --no-fund --loglevel=error
    touch node_modules/.package-lock.json
fi
npm run --silent types
npm run --silent build
npm run --silent size
