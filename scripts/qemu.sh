#!/bin/sh
# Runs the programs that `make package` built for arm64 and armv7 for real, under qemu-user: check, run, questions over UDP,
# TCP and TLS, the page, a journal that is killed and opened again, and a store that one architecture wrote and another reads.
# Needs root for the bare root directory of the image. Usage: qemu.sh [DIRECTORY OF PROGRAMS]
set -eu
cd "$(dirname "$0")/.."
sh scripts/packages.sh qemu-aarch64-static qemu-arm-static kdig curl python3
built=${1:-${CARGO_TARGET_DIR:-target}/package}
work=$(mktemp -d)
server=
forwarder=
stop() {
    [ -z "$server" ] || kill -9 "$server" 2>/dev/null || true
    [ -z "$forwarder" ] || kill "$forwarder" 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT
passed=0
ok() {
    passed=$((passed + 1))
    echo "ok   $*"
}
fail() {
    echo "FAIL $*" >&2
    tail -n 20 "$work/log" >&2 || true
    exit 1
}
emulator() {
    case $1 in
        arm64) echo qemu-aarch64-static ;;
        armv7) echo qemu-arm-static ;;
        x86_64) echo env ;;
    esac
}

# A forwarder that answers every question with 192.0.2.7.
cat >"$work/forwarder.py" <<'PY'
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    query, asker = server.recvfrom(4096)
    end = 12
    while query[end]:
        end += query[end] + 1
    question = query[12:end + 5]
    a = question[-4:-2] == b"\0\1"
    answer = b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\7" if a else b""
    server.sendto(query[:2] + b"\x81\x80\0\1" + bytes([0, int(a)]) + b"\0\0\0\0" + question + answer, asker)
PY
python3 "$work/forwarder.py" >"$work/port" &
forwarder=$!
while [ ! -s "$work/port" ]; do sleep 0.1; done

cat >"$work/config.toml" <<TOML
[dns]
listen = ["127.0.0.1:0"]
[dns.tls]
listen = ["127.0.0.1:0"]
[upstream]
servers = ["udp://127.0.0.1:$(cat "$work/port")"]
[[list]]
name = "catalogue"
source = "$PWD/blocklists"
[web]
listen = "127.0.0.1:0"
[store]
path = "$work/store"
flush = "1s"
TOML

start() {
    : >"$work/out"
    # shellcheck disable=SC2046
    $(emulator "$1") "$built/sordino-$1" --config "$work/config.toml" run >"$work/out" 2>>"$work/log" &
    server=$!
    waited=0
    until grep -q '^ready ' "$work/out"; do
        waited=$((waited + 1))
        [ $waited -lt 1200 ] && kill -0 "$server" 2>/dev/null || fail "$1 is not ready"
        sleep 0.1
    done
    dns=$(sed -n 's/^ready dns=127.0.0.1:\([0-9]*\).*/\1/p' "$work/out")
    tls=$(sed -n 's/.* tls=127.0.0.1:\([0-9]*\).*/\1/p' "$work/out")
    page=$(sed -n 's/.* page=\([^ ]*\)\/.*/\1/p' "$work/out")
}
ask() {
    kdig +short +timeout=10 +retry=1 "@127.0.0.1" "$@"
}
api() {
    path=$1
    shift
    curl --silent --fail --max-time 60 --cookie "$work/jar" --cookie-jar "$work/jar" "$@" "$page/api/v1$path"
}
log_in() {
    rm -f "$work/jar"
    api "/$1" --json '{"password":"a long enough password"}' || fail "$1"
}
journal_has() {
    waited=0
    until api "/queries?name=$1" | grep -q "\"name\":\"$1\""; do
        waited=$((waited + 1))
        [ $waited -lt 150 ] || fail "$1 is not in the journal"
        sleep 0.2
    done
}

first=yes
for name in arm64 armv7; do
    [ -x "$built/sordino-$name" ] || fail "$built/sordino-$name is not there; run make package"
    : >"$work/log"
    $(emulator "$name") "$built/sordino-$name" --config "$work/config.toml" check >"$work/check" 2>>"$work/log" || fail "$name check"
    grep -q 'has no mistakes' "$work/check" && ok "$name check: $(grep '^Lists' "$work/check")"
    start "$name"
    ok "$name run: $(cat "$work/out")"
    [ "$(ask -p "$dns" udp.example)" = 192.0.2.7 ] || fail "$name UDP"
    [ "$(ask -p "$dns" data.mistat.intl.xiaomi.com)" = 0.0.0.0 ] || fail "$name a muted name"
    ok "$name UDP: forwarded and muted"
    [ "$(ask -p "$dns" +tcp tcp.example)" = 192.0.2.7 ] || fail "$name TCP"
    ok "$name TCP"
    [ "$(ask -p "$tls" +tls tls.example)" = 192.0.2.7 ] || fail "$name DNS over TLS"
    ok "$name TLS"
    # Many at the same time, so that a batch is more than one.
    asking=
    for number in 1 2 3 4 5 6 7 8; do
        ask -p "$dns" "many$number.example" "again$number.example" >"$work/many.$number" &
        asking="$asking $!"
    done
    # shellcheck disable=SC2086
    wait $asking
    cat "$work"/many.* >"$work/many"
    [ "$(grep -c 192.0.2.7 "$work/many")" = 16 ] || fail "$name many at once"
    ok "$name sixteen at the same time"
    curl --silent --fail --max-time 60 "$page/" | grep -qi '<html\|sordino' || fail "$name page"
    ok "$name page"
    if [ $first = yes ]; then log_in setup; else log_in login; fi
    if [ $first = no ]; then
        journal_has udp.example
        api "/queries?name=only-arm64.example" | grep -q only-arm64.example || fail "$name does not read what arm64 wrote"
        ok "$name reads the store that arm64 wrote, password and journal"
    fi
    first=no
    ask -p "$dns" "only-$name.example" >/dev/null
    journal_has "only-$name.example"
    # It is written down every second here.
    waited=0
    until api /status | grep -q '"unflushed":0'; do
        waited=$((waited + 1)); [ $waited -lt 100 ] || fail "$name does not write its journal down"; sleep 0.2
    done
    kill -9 "$server"
    wait "$server" 2>/dev/null || true
    start "$name"
    log_in login
    journal_has "only-$name.example"
    ok "$name killed and opened again: the journal is there"
    kill "$server"
    wait "$server" && ok "$name ends by itself at SIGTERM" || fail "$name SIGTERM"
    server=
done
if [ -x "$built/sordino-x86_64" ]; then
    start x86_64
    log_in login
    journal_has only-armv7.example
    journal_has only-arm64.example
    ok "x86_64 reads the store that both wrote"
    kill "$server"
    wait "$server"
    start armv7
    log_in login
    journal_has only-arm64.example
    ok "armv7 opens the store that x86_64 closed"
    kill "$server"
    wait "$server"
    server=
fi
if [ "$(id -u)" -eq 0 ]; then
    for pair in amd64:x86_64 arm64:arm64 arm:armv7; do
        tree=$built/docker/${pair%:*} name=${pair#*:}
        [ -d "$tree" ] || continue
        image=$work/image-$name
        cp -r "$tree" "$image"
        chown -R 65532:65532 "$image/var/lib/sordino"
        [ "$name" = x86_64 ] || install "$(command -v "$(emulator "$name")")" "$image/emulator"
        # What every container is given; random numbers are read from there under an older emulator.
        mkdir "$image/dev"
        mknod -m 666 "$image/dev/random" c 1 8
        mknod -m 666 "$image/dev/urandom" c 1 9
        sed -i -e 's/^listen = \["0.0.0.0:53".*/listen = ["127.0.0.1:15353"]/' -e 's/^listen = "0.0.0.0:8053"/listen = "127.0.0.1:0"/' \
            "$image/etc/sordino/config.toml"
        # In place of the shell that calls it, so that a signal reaches the program.
        inside() {
            if [ "$name" = x86_64 ]; then set -- /usr/bin/sordino "$@"; else set -- /emulator /usr/bin/sordino "$@"; fi
            exec chroot --userspec=65532:65532 "$image" "$@"
        }
        (inside --config /etc/sordino/config.toml check >/dev/null) || fail "$name in the image's tree: check"
        inside --config /etc/sordino/config.toml run >"$work/out" 2>>"$work/log" &
        server=$!
        waited=0
        until grep -q '^ready ' "$work/out"; do
            waited=$((waited + 1)); [ $waited -lt 600 ] || fail "$name in the image's tree"; sleep 0.1
        done
        (inside --config /etc/sordino/config.toml health) || fail "$name in the image's tree: health"
        kill "$server" && wait "$server" || fail "$name in the image's tree: end"
        server=
        ok "$name in the image's tree, as nobody: check, run, health"
    done
fi
echo "$passed passed, 0 failed"
