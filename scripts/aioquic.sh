#!/bin/sh
# Puts aioquic, the QUIC client of another make that tests ask with, into test-output/python. Without pip or the network it
# says so, and the test that asks with it is skipped.
set -eu
cd "$(dirname "$0")/.."

[ ! -d test-output/python/aioquic ] || exit 0
if ! python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --retries 1 --timeout 10 \
    --target test-output/python aioquic==1.7.2; then
    rm -rf test-output/python
    echo "aioquic could not be installed: its test is skipped"
fi
