#!/bin/sh
# Makes a Debian unstable in a directory, with what builds sordino for x86-64, arm64 and armv7. Once made it is left as it is.
# Needs root. Usage: cross.sh DIRECTORY
set -eu
[ $# -eq 1 ] || { echo "usage: cross.sh DIRECTORY" >&2; exit 1; }
root=$1
[ ! -e "$root/.complete-with-lld" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "Only root can unpack a Debian in $root; run this with sudo." >&2
    exit 1
fi
sh "$(dirname "$0")/packages.sh" debootstrap

log=$root.log
mkdir -p "$(dirname "$root")"
fail() {
    tail -n 20 "$log" >&2
    echo "$root could not be made; the whole story is in $log" >&2
    exit 1
}
inside() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}
# An archive that is kept as it was on one day is past its date on the next.
fetch() {
    inside apt-get -o Acquire::Check-Valid-Until=false -o APT::Install-Recommends=false --yes --quiet "$@"
}

if [ ! -e "$root/etc/apt/sources.list" ] || [ -e "$root/debootstrap" ]; then
    rm -rf "$root"
    echo "Unpacking Debian unstable in $root"
    debootstrap --variant=minbase --include=ca-certificates unstable "$root" >"$log" 2>&1 || fail
fi
# No service starts in there.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
echo "Installing Rust and the C compilers for three architectures in there"
{
    inside dpkg --add-architecture arm64
    inside dpkg --add-architecture armhf
    fetch update
    fetch install cargo rustc gcc lld libc6-dev zstd \
        gcc-aarch64-linux-gnu gcc-arm-linux-gnueabihf libc6-dev-arm64-cross libc6-dev-armhf-cross \
        libstd-rust-dev libstd-rust-dev:arm64 libstd-rust-dev:armhf
} >>"$log" 2>&1 || fail
# The way out is the one of this machine.
cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
inside rustc --version
touch "$root/.complete-with-lld"
