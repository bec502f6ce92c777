#!/usr/bin/env bash
# Makes a root of Debian bookworm as a tar archive, by mmdebstrap: about 330 packages, 33,000 entries, 1.2 GB.
#
#   bench/image/root.sh ARCHIVE DEBS     DEBS is a directory that keeps the packages for the next time
#
# Needs root and mmdebstrap.
set -euo pipefail
archive=$1 debs=$2
names=$(tr '\n ' ',,' < "$(dirname "$0")/packages.txt")
mkdir -p "$debs"
exec mmdebstrap --quiet --mode=root --variant=important --include="${names%,}" \
    --aptopt='Apt::Install-Recommends "false"' --skip=essential/unlink \
    --setup-hook='mkdir -p "$1"/var/cache/apt/archives/' --setup-hook="sync-in $debs /var/cache/apt/archives/" \
    --customize-hook="sync-out /var/cache/apt/archives $debs" bookworm "$archive"
