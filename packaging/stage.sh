#!/bin/sh
# Lays out what an archive holds. Usage: stage.sh BINARY DIRECTORY
set -eu
binary=$1 top=$2
mkdir -p "$top/systemd" "$top/docs"
install -m 755 "$binary" "$top/sordino"
install -m 644 README.md CHANGELOG.md LICENSE LICENSE-APACHE LICENSE-MIT config.toml "$top"
install -m 644 packaging/systemd/sordino.service packaging/systemd/sordino.sysusers "$top/systemd"
cp -r blocklists "$top/blocklists"
cp -r docs/guides "$top/docs/guides"
cp docs/architecture.md "$top/docs"
chmod -R u=rwX,go=rX "$top"
