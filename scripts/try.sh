#!/bin/sh
# Installs the Debian package that `make package` built in a Debian 12 of its own, upgrades it, takes it away, and looks at what
# is left. Where the Debian can be booted (systemd-nspawn), the service runs as it would. Needs root.
# Usage: try.sh [DIRECTORY OF PACKAGES]. The Debian is kept in $SORDINO_TRY, /var/tmp/sordino-try if it is not set.
set -eu
cd "$(dirname "$0")/.."
built=${1:-${CARGO_TARGET_DIR:-target}/package}
base=${SORDINO_TRY:-/var/tmp/sordino-try}
sh scripts/packages.sh debootstrap ip dig
package=$(ls "$built"/sordino_*_amd64.deb)
binary=$built/sordino-x86_64
root=$base.root
space=sordino-try-$$
server=
log=$base.log
stop() {
    [ -z "$server" ] || kill -9 "$server" 2>/dev/null || true
    ip netns delete "$space" 2>/dev/null || true
    rm -rf "$root"
}
trap stop EXIT
passed=0
ok() {
    passed=$((passed + 1))
    echo "ok   $*"
}
fail() {
    echo "FAIL $*" >&2
    tail -n 20 "$log" >&2
    exit 1
}
if [ ! -e "$base/.complete" ]; then
    rm -rf "$base"
    echo "Unpacking Debian 12 in $base"
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,iproute2,dnsmasq,systemd-resolved,bind9-dnsutils \
        bookworm "$base" >"$log" 2>&1 || fail "debootstrap"
    printf '#!/bin/sh\nexit 101\n' >"$base/usr/sbin/policy-rc.d"
    chmod 755 "$base/usr/sbin/policy-rc.d"
    touch "$base/.complete"
fi
: >"$log"
rm -rf "$root"
cp -a "$base" "$root"
inside() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}
# Everything there is, but for what dpkg and its kind write down of what they did, and the lists of users with their backups.
everything() {
    (cd "$root" && find . -path ./proc -prune -o -path ./sys -prune -o -path ./dev -prune -o \( -type f -o -type d -o -type l \) -print) |
        grep -vE '^\./(var/lib/dpkg|var/log|var/cache|var/lib/systemd/deb-systemd-helper|tmp|run)(/|$)|^\./etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$|^\./etc/\.pwd\.lock$|^\./root/' | LC_ALL=C sort
}
everything >"$base.before"

cp "$package" "$root/sordino.deb"
inside dpkg --install /sordino.deb >>"$log" 2>&1 || fail "install"
rm "$root/sordino.deb"
inside getent passwd sordino | grep -q nologin || fail "there is no user sordino, or it can log in"
[ "$(inside stat -c '%U %a' /var/lib/sordino)" = "sordino 700" ] || fail "the store's directory"
inside dpkg-query --show --showformat='${Conffiles}' sordino | grep -q /etc/sordino/config.toml || fail "no conffile"
inside sordino --config /etc/sordino/config.toml check | grep -q 'has no mistakes' || fail "check"
ok "installed: user, directories, conffile, check"

# Port 53, as the user of the service, with the one capability that the unit gives it.
ip netns add "$space"
ip -n "$space" link set lo up
begin=$(date +%s%N)
ip netns exec "$space" setpriv --reuid "$(inside id -u sordino)" --regid "$(inside id -g sordino)" --clear-groups \
    --inh-caps +net_bind_service --ambient-caps +net_bind_service --bounding-set -all,+net_bind_service --no-new-privs true 2>/dev/null || fail "setpriv"
ip netns exec "$space" chroot "$root" setpriv --reuid sordino --regid sordino --clear-groups --inh-caps -all,+net_bind_service \
    --ambient-caps -all,+net_bind_service --no-new-privs sordino --config /etc/sordino/config.toml run >"$base.out" 2>>"$log" &
server=$!
until ip netns exec "$space" dig +short +tries=1 +timeout=1 @127.0.0.1 data.mistat.intl.xiaomi.com 2>/dev/null | grep -qx 0.0.0.0; do
    kill -0 "$server" 2>/dev/null || fail "it does not run"
    [ $(($(date +%s%N) - begin)) -lt 60000000000 ] || fail "no answer on port 53"
done
ok "answers on port 53 as the user sordino, first answer after $((($(date +%s%N) - begin) / 1000000)) ms, dig included"
ip netns exec "$space" chroot "$root" sordino --config /etc/sordino/config.toml health >>"$log" || fail "health"
kill "$server" && wait "$server" || fail "SIGTERM"
server=
ok "ends by itself"

# What the operator wrote stays, and so does the store.
echo '# mine' >>"$root/etc/sordino/config.toml"
touch "$root/var/lib/sordino/kept"
sh packaging/debian/build.sh "$binary" amd64 99.0 "$base.newer" 2>/dev/null || { mkdir -p "$base.newer"; sh packaging/debian/build.sh "$binary" amd64 99.0 "$base.newer"; }
cp "$base.newer/sordino_99.0_amd64.deb" "$root/sordino.deb"
inside dpkg --install /sordino.deb >>"$log" 2>&1 || fail "upgrade"
rm -r "$root/sordino.deb" "$base.newer"
[ "$(inside dpkg-query --show --showformat='${Version}' sordino)" = 99.0 ] || fail "not upgraded"
grep -qx '# mine' "$root/etc/sordino/config.toml" && [ -e "$root/var/lib/sordino/kept" ] || fail "the upgrade lost something"
ok "upgraded: the configuration and the store are as they were"

inside dpkg --remove sordino >>"$log" 2>&1 || fail "remove"
[ ! -e "$root/usr/bin/sordino" ] && [ -e "$root/etc/sordino/config.toml" ] && [ -e "$root/var/lib/sordino/kept" ] || fail "remove"
ok "removed: the configuration and the store are left"
inside dpkg --purge sordino >>"$log" 2>&1 || fail "purge"
everything >"$base.after"
diff "$base.before" "$base.after" >>"$log" || fail "something is left behind, or gone"
! inside getent passwd sordino >/dev/null || fail "the user is left"
ok "purged: nothing is left, the user neither"
echo "$passed passed, 0 failed"
