#!/bin/sh
# Builds the page into web/dist. With --types, makes its types first: the API's description out of the Rust types, and
# TypeScript out of that. The build itself needs no types, only the checks do.
# Usage: web.sh [--types]
set -eu
cd "$(dirname "$0")/.."

for program in node npm; do
    if ! command -v "$program" >/dev/null 2>&1; then
        echo "The page needs $program, which is not here. Install Node 20 or newer and try again." >&2
        exit 1
    fi
done

cd web
# npm writes this file last; it is older than the lock file when the lock file has changed.
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    npm ci --no-audit --no-fund --loglevel=error
    touch node_modules/.package-lock.json
fi
if [ "${1:-}" = --types ]; then
    cargo run --quiet --locked --example openapi >openapi.json.new
    mv openapi.json.new openapi.json
    npm run --silent types
fi
# A page that came out as it was keeps its times: cargo links the whole program again for a newer one, which takes minutes.
npm run --silent build -- --outDir dist.new --emptyOutDir
if diff --recursive --brief dist.new dist >/dev/null 2>&1; then
    rm -r dist.new
else
    rm -rf dist
    mv dist.new dist
fi
