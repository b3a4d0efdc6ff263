#!/bin/sh
# Everything that CI runs.
set -eu
cd "$(dirname "$0")/.."
begin=$(date +%s)

sh scripts/packages.sh cc pkg-config git unshare ip curl dig kdig openssl dnsperf unbound dnsmasq nft chromium
export PATH="$PATH:/usr/sbin:/sbin"

echo "== page"
sh scripts/web.sh --types
npm --prefix web run --silent size
sh scripts/check.sh
npm --prefix web run --silent test

echo "== cargo test"
sh scripts/aioquic.sh
# Most tests wait for a forwarder's silence rather than for a core.
RUST_TEST_THREADS=${RUST_TEST_THREADS:-6} cargo test --locked --no-fail-fast
echo "make test took $(($(date +%s) - begin)) s; screenshots are in test-output/screens"
