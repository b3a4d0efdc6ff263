#!/bin/sh
# Makes a Debian package of a program that is built already. dpkg-deb does it all: cargo-deb would have to be built first,
# and knows nothing that is needed here. Usage: build.sh BINARY ARCHITECTURE VERSION DIRECTORY
set -eu
binary=$1 arch=$2 version=$3 out=$4
here=$(dirname "$0")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
umask 022
chmod 755 "$root"

install -D -m 755 "$binary" "$root/usr/bin/sordino"
mkdir -p "$root/etc/sordino" "$root/usr/share/sordino" "$root/usr/share/doc/sordino" "$root/DEBIAN"
sh "$here/../config.sh" /usr/share/sordino/blocklists /var/lib/sordino >"$root/etc/sordino/config.toml"
cp -r blocklists "$root/usr/share/sordino/blocklists"
install -D -m 644 packaging/systemd/sordino.service "$root/usr/lib/systemd/system/sordino.service"
install -D -m 644 packaging/systemd/sordino.sysusers "$root/usr/lib/sysusers.d/sordino.conf"
install -m 644 README.md CHANGELOG.md "$root/usr/share/doc/sordino"
cp -r docs/guides "$root/usr/share/doc/sordino/guides"
cat LICENSE LICENSE-MIT LICENSE-APACHE >"$root/usr/share/doc/sordino/copyright"
chmod -R u=rwX,go=rX "$root/usr" "$root/etc"

echo /etc/sordino/config.toml >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do
    install -m 755 "$here/$script" "$root/DEBIAN/$script"
done
size=$(du -sk --apparent-size "$root/usr" "$root/etc" | awk '{ sum += $1 } END { print sum }')
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$arch/" -e "s/@SIZE@/$size/" "$here/control" >"$root/DEBIAN/control"
# dpkg-deb takes SOURCE_DATE_EPOCH for what is younger; the rest is given the same time here.
find "$root" -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH:-0}" {} +
dpkg-deb --root-owner-group --build -Zxz "$root" "$out/sordino_${version}_$arch.deb" >/dev/null
