#!/bin/sh
# Installs the Debian packages that the named programs come from, and only those that are missing.
# Usage: packages.sh PROGRAM...
set -eu

package_of() {
    case $1 in
        cc) echo build-essential ;;
        chromium) echo chromium ;;
        curl) echo curl ;;
        debootstrap) echo debootstrap ;;
        dig) echo dnsutils ;;
        dnsperf) echo dnsperf ;;
        dnsmasq) echo dnsmasq-base ;;
        git) echo git ;;
        ip) echo iproute2 ;;
        kdig) echo knot-dnsutils ;;
        openssl) echo openssl ;;
        mosquitto) echo mosquitto ;;
        mosquitto_sub) echo mosquitto-clients ;;
        nft) echo nftables ;;
        pkg-config) echo pkg-config ;;
        qemu-aarch64-static | qemu-arm-static) echo qemu-user-static ;;
        python3) echo python3 ;;
        unbound) echo unbound ;;
        unshare) echo util-linux ;;
        zstd) echo zstd ;;
        *) echo "packages.sh: no package is known for $1" >&2; exit 1 ;;
    esac
}

missing=
for program in "$@"; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "$program" >/dev/null 2>&1 || missing="$missing $(package_of "$program")"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Install these first, as your system does it:$missing" >&2
    exit 1
fi
sudo=
if [ "$(id -u)" -ne 0 ]; then
    sudo=sudo
fi
echo "Installing:$missing"
log=$(mktemp)
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e "$policy" ]; then
    # Debian's way to say that no service starts by itself: unbound's would take port 53.
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
    $sudo chmod 755 "$policy"
    made=$policy
fi
tidy() {
    rm -f "$log"
    [ -z "$made" ] || $sudo rm -f "$made"
}
trap tidy EXIT
install() {
    # shellcheck disable=SC2086
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends $missing
}
if ! { $sudo apt-get update --quiet && install; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "The packages could not be installed:$missing" >&2
    exit 1
fi
case $missing in
    *unbound*) ! command -v systemctl >/dev/null 2>&1 || $sudo systemctl disable --quiet unbound >/dev/null 2>&1 || true ;;
esac
