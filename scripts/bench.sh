#!/bin/sh
# Cost per query of the server's process, beside a bare UDP echo and unbound; then a million names, beside unbound and dnsmasq.
set -eu
cd "$(dirname "$0")/.."

sh scripts/packages.sh cc python3 dnsperf unbound dnsmasq zstd
export PATH="$PATH:/usr/sbin:/sbin"
cargo build --quiet --locked --release
cargo build --quiet --locked --release --example echo
python3 benches/run.py
exec python3 benches/lists.py
