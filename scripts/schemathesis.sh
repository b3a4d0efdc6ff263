#!/bin/sh
# Tries the API by its own description, without a login, with one and with a token: no answer may be a mistake of ours (5xx),
# and none may differ from what the description says. Needs Python 3; installs schemathesis into test-output/.
# Usage: schemathesis.sh [CASES for each call]
set -eu
cd "$(dirname "$0")/.."
scripts=$PWD/scripts
cases=${1:-30}
version=4.32.5
out=$PWD/test-output/schemathesis
work=$(mktemp -d)
password="a quiet house"
mkdir -p "$out"

if [ ! -x "$out/venv/bin/schemathesis" ] || ! "$out/venv/bin/schemathesis" --version | grep -q "$version"; then
    python3 -m venv "$out/venv"
    "$out/venv/bin/pip" install --quiet "schemathesis==$version"
fi
[ -n "${SORDINO:-}" ] || cargo build --quiet --locked
sordino=${SORDINO:-${CARGO_TARGET_DIR:-target}/debug/sordino}

cat >"$work/config.toml" <<CONFIG
[dns]
listen = ["127.0.0.1:0"]
[upstream]
servers = ["udp://127.0.0.1:9"]
[web]
listen = "127.0.0.1:0"
[store]
path = "$work/data"
[[list]]
name = "noise"
source = "$work/noise.txt"
action = "block"
CONFIG
echo telemetry.example >"$work/noise.txt"
"$sordino" --config "$work/config.toml" run >"$work/stdout" 2>"$work/stderr" &
server=$!
trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -rf "$work"' EXIT
page=
while [ -z "$page" ]; do
    kill -0 $server || { cat "$work/stderr" >&2; exit 1; }
    page=$(sed -n 's/^ready .*page=\([^ ]*\)\/.*/\1/p' "$work/stdout")
    dns=$(sed -n 's/^ready dns=\([^ ,]*\).*/\1/p' "$work/stdout")
done

# Tries what its arguments do not leave out; the stream without an end has a script of its own.
try() {
    name=$1
    shift
    # In $out, because it keeps what it found where it is started.
    cd "$out"
    "$out/venv/bin/schemathesis" run "$page/api/openapi.json" --max-examples "$cases" --phases examples,coverage,fuzzing \
        --exclude-path /api/v1/queries/live \
        --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance,allow_header_conformance \
        --continue-on-failure --suppress-health-check all --warnings off --seed 1 --request-timeout 20 "$@" >"$out/$name.txt" 2>&1 && failed= || failed=1
    echo "== $name"
    sed -n '/Test cases:/,$p' "$out/$name.txt"
    [ -z "$failed" ] || bad="${bad:-} $name"
}
live() {
    name=$1
    shift
    "$out/venv/bin/python" "$scripts/schemathesis_live.py" "$page" "$dns" "$cases" "$@" >"$out/$name.txt" 2>&1 && failed= || failed=1
    echo "== $name"
    tail -n 1 "$out/$name.txt"
    [ -z "$failed" ] || bad="${bad:-} $name"
}
# Where no password is set yet nobody is logged in either.
curl --silent --fail --cookie-jar "$work/cookies" --header 'content-type: application/json' \
    --data "{\"password\": \"$password\"}" "$page/api/v1/setup"
try without-a-login
live live-without-a-login
session=$(sed -n 's/.*sordino_session[[:space:]]*//p' "$work/cookies")
cookie="Cookie: sordino_session=$session"
# Left out: what would end the session that all the rest needs.
try with-a-login --header "$cookie" --exclude-path /api/v1/logout --exclude-path /api/v1/setup --exclude-path /api/v1/password \
    --exclude-path-regex '^/api/v1/sessions'
logged_in=$(curl --silent --header "$cookie" "$page/api/v1/session")
case $logged_in in *'"logged_in":true'*) ;; *) bad="${bad:-} the-session-ended" ;; esac
live live-with-a-login "$cookie"
# A token of the widest scope ends with nothing that it may do, so it tries all of it.
token=$(curl --silent --fail --header "$cookie" --header 'content-type: application/json' \
    --data '{"name": "tries everything", "scope": "admin"}' "$page/api/v1/tokens" | sed -n 's/.*"token":"\([^"]*\)".*/\1/p')
bearer="Authorization: Bearer $token"
try with-a-token --header "$bearer"
live live-with-a-token "$bearer"
grep -q panicked "$work/stderr" && { bad="${bad:-} panics"; grep panicked "$work/stderr"; }
if [ -n "${bad:-}" ]; then
    echo "schemathesis found something:$bad; see $out" >&2
    exit 1
fi
