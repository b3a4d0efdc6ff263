#!/bin/sh
# Lays out what goes onto a router, from its root on. Usage: stage.sh BINARY DIRECTORY
set -eu
binary=$1 root=$2
here=$(dirname "$0")
install -D -m 755 "$binary" "$root/usr/bin/sordino"
install -D -m 644 "$here/files/config.toml" "$root/etc/sordino/config.toml"
install -D -m 755 "$here/files/sordino.init" "$root/etc/init.d/sordino"
install -D -m 755 "$here/files/sordino.defaults" "$root/etc/uci-defaults/90-sordino"
install -D -m 644 "$here/files/sordino.keep" "$root/lib/upgrade/keep.d/sordino"
install -D -m 644 "$here/../../config.toml" "$root/usr/share/sordino/config.toml"
rm -rf "$root/usr/share/sordino/blocklists"
cp -r "$here/../../blocklists" "$root/usr/share/sordino/blocklists"
chmod -R u=rwX,go=rX "$root/usr/share/sordino"
