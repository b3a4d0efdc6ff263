#!/bin/sh
# Fuzzes what the octets of strangers reach first: queries, answers of forwarders, lists.
# Usage: fuzz.sh [SECONDS for each, 60] [TARGET...]
#
# The flags are those by which cargo-fuzz has libFuzzer see which branches are taken, without its sanitizers: there is no
# unsafe code here for them to watch. So it needs neither cargo-fuzz nor a nightly toolchain.
set -eu
cd "$(dirname "$0")/.."

seconds=${1:-60}
[ $# -eq 0 ] || shift
sh scripts/packages.sh cc
host=$(rustc -vV | sed -n 's/^host: //p')
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-trace-compares
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"

cd fuzz
# With a target named, what only builds is not instrumented.
RUSTFLAGS="$(echo "$coverage" | tr -s '\n ' ' ') --cfg fuzzing" cargo build --locked --release --target "$host"
built=${CARGO_TARGET_DIR:-target}/$host/release
for target in ${*:-query answer lists}; do
    echo "== $target, $seconds s"
    mkdir -p "corpus/$target" artifacts
    "$built/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4200 -verbosity=0 \
        -print_final_stats=1 -artifact_prefix="artifacts/$target-" "corpus/$target"
done
