#!/bin/sh
# The configuration of an installed sordino, on standard output: the one of this repository, with the addresses of a whole
# house and the directories of an installed program. Usage: config.sh LISTS STORE
set -eu
lists=$1 store=$2
cd "$(dirname "$0")/.."
text=$(sed -e 's|^listen = \["127.0.0.1:5300", "\[::1\]:5300"\]$|listen = ["0.0.0.0:53", "[::]:53"]|' \
    -e 's|^listen = "127.0.0.1:8053"$|listen = "0.0.0.0:8053"|' \
    -e "s|^source = \"blocklists\"\$|source = \"$lists\"|" \
    -e "s|^path = \"data\"\$|path = \"$store\"|" config.toml)
for line in 'listen = ["0.0.0.0:53", "[::]:53"]' 'listen = "0.0.0.0:8053"' "source = \"$lists\"" "path = \"$store\""; do
    if ! printf '%s\n' "$text" | grep -qxF "$line"; then
        echo "config.sh: config.toml has changed, and $line has no place in it any more" >&2
        exit 1
    fi
done
printf '%s\n' "$text"
