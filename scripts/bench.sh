#!/bin/sh
# Cost per query of the server's process, beside a bare UDP echo and unbound, in one run.
set -eu
cd "$(dirname "$0")/.."

sh scripts/packages.sh cc python3 dnsperf unbound
export PATH="$PATH:/usr/sbin:/sbin"
cargo build --quiet --locked --release
cargo build --quiet --locked --release --example echo
exec python3 benches/run.py
