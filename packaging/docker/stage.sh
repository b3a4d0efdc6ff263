#!/bin/sh
# Lays out the tree of an image. Usage: stage.sh BINARY DIRECTORY
set -eu
binary=$1 root=$2
rm -rf "$root"
mkdir -p "$root/etc/sordino" "$root/usr/share/sordino" "$root/var/lib/sordino"
install -D -m 755 "$binary" "$root/usr/bin/sordino"
sh packaging/config.sh /usr/share/sordino/blocklists /var/lib/sordino >"$root/etc/sordino/config.toml"
cp -r blocklists "$root/usr/share/sordino/blocklists"
chmod -R u=rwX,go=rX "$root/usr" "$root/etc"
