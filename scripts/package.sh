#!/bin/sh
# Builds static programs for x86-64, arm64 and armv7, their archives and their Debian packages, into target/package. Twice
# the same bytes from the same commit: the same paths, the same order, the time of the commit, nobody's name.
# Usage: package.sh [amd64|arm64|armhf]...
# The compilers live in a Debian of their own (scripts/cross.sh) in $SORDINO_CROSS, /var/tmp/sordino-cross if it is not set.
set -eu
cd "$(dirname "$0")/.."
cross=${SORDINO_CROSS:-/var/tmp/sordino-cross}
out=${CARGO_TARGET_DIR:-target}/package
[ $# -gt 0 ] || set -- amd64 arm64 armhf

SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
export SOURCE_DATE_EPOCH
TZ=UTC LC_ALL=C
export TZ LC_ALL
umask 022

sh scripts/packages.sh git cc
if command -v npm >/dev/null 2>&1; then
    sh scripts/web.sh
else
    echo "Node is not here, so the packages are built without the page." >&2
fi
sh scripts/cross.sh "$cross"

# What git knows, and the page; the same paths whoever builds.
rm -rf "$cross/build/sordino"
mkdir -p "$cross/build/sordino" "$out"
git ls-files -z | tar --null --files-from=- --create | tar --extract --directory="$cross/build/sordino"
[ ! -e web/dist ] || cp -r web/dist "$cross/build/sordino/web/dist"
if ! cmp -s Cargo.lock "$cross/build/vendored.lock"; then
    rm -rf "$cross/build/vendor"
    cargo vendor --quiet --locked --versioned-dirs "$cross/build/vendor" >/dev/null
    cp Cargo.lock "$cross/build/vendored.lock"
fi
mkdir -p "$cross/build/home"
cat >"$cross/build/home/config.toml" <<'CARGO'
[source.crates-io]
replace-with = "vendored"
[source.vendored]
directory = "/build/vendor"
CARGO

# Relocations in their short form: 0.7 MB less where the program can be loaded anywhere, nothing where it cannot.
# Functions of the same instructions once: neither Rust nor our C tells functions apart by where they are.
build() {
    triple=$1 gcc=$2 features=$3 level=$4
    upper=$(echo "$triple" | tr a-z- A-Z_)
    under=$(echo "$triple" | tr - _)
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/build/home CARGO_HOME=/build/home SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" LC_ALL=C TZ=UTC \
        "CARGO_TARGET_${upper}_LINKER=$gcc" "CC_$under=$gcc" \
        "CFLAGS_$under=-ffile-prefix-map=/build=." "CARGO_PROFILE_RELEASE_OPT_LEVEL=$level" \
        "RUSTFLAGS=-C target-feature=$features -C link-arg=-Wl,-z,pack-relative-relocs --remap-path-prefix=/build=." \
        ${CARGO_BUILD_JOBS:+"CARGO_BUILD_JOBS=$CARGO_BUILD_JOBS"} \
        chroot "$cross" sh -c "cd /build/sordino && exec cargo rustc --quiet --release --locked --offline \
            --target-dir /build/target --target $triple --bin sordino -- -C link-arg=-fuse-ld=lld -C link-arg=-Wl,--icf=all"
}

for arch in "$@"; do
    features=+crt-static level=s
    case $arch in
        amd64) triple=x86_64-unknown-linux-gnu gcc=gcc name=x86_64 docker=amd64 ;;
        # What this costs in cycles a router has to spare, and what it saves in flash it has not (docs/measurements.md).
        arm64) triple=aarch64-unknown-linux-gnu gcc=aarch64-linux-gnu-gcc name=arm64 docker=arm64 level=z ;;
        # Thumb-2, which every armv7 has: most instructions take two octets and not four.
        armhf) triple=armv7-unknown-linux-gnueabihf gcc=arm-linux-gnueabihf-gcc name=armv7 docker=arm features=+crt-static,+thumb-mode ;;
        *) echo "package.sh: there is nothing to build for $arch; choose amd64, arm64 or armhf" >&2; exit 1 ;;
    esac
    echo "Building for $name"
    build "$triple" "$gcc" "$features" "$level"
    binary=$cross/build/target/$triple/release/sordino
    if env -i PATH=/usr/bin:/bin readelf --program-headers --wide "$binary" | grep -q INTERP; then
        echo "$binary is not static" >&2
        exit 1
    fi

    stage=$(mktemp -d)
    top=$stage/sordino-$version-linux-$name
    sh packaging/stage.sh "$binary" "$top"
    # A file that was unpacked has the time of the commit, like everything else.
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --format=gnu \
        --directory="$stage" --create "$(basename "$top")" | gzip --no-name --best >"$out/$(basename "$top").tar.gz"
    sh packaging/openwrt/stage.sh "$binary" "$stage/openwrt"
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --format=gnu \
        --directory="$stage/openwrt" --create . | gzip --no-name --best >"$out/sordino-$version-openwrt-$name.tar.gz"
    sh packaging/docker/stage.sh "$binary" "$out/docker/$docker"
    sh packaging/debian/build.sh "$binary" "$arch" "$version" "$out"
    cp "$binary" "$out/sordino-$name"
    rm -rf "$stage"
done
(cd "$out" && for file in sordino*; do [ ! -f "$file" ] || echo "$file"; done | sort | xargs sha256sum >SHA256SUMS)
ls -l "$out"
