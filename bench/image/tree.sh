#!/usr/bin/env bash
# A directory of 1 GB becomes a GPT disk with one ext4 file system, beside `cp` of the same directory.
#
#   bench/image/tree.sh [DIRECTORY]     works in DIRECTORY, a new temporary one if not given
#
# Both read warm files and write to the same file system. gravure is measured twice: with an empty store, which hashes and
# keeps every file, and with only the file system and the disk left to make. CPU is user and system time of the whole process.
set -euo pipefail
repository=$(cd "$(dirname "$0")/../.." && pwd)
work=${1:-$(mktemp -d)}
mkdir -p "$work"
cd "$work"

if [ ! -d tree ]; then
    python3 - <<'PY'
import os, random
random.seed(1)
total, n = 0, 0
while total < 1_000_000_000:
    directory = f"tree/{n % 97}/{n % 13}"
    os.makedirs(directory, exist_ok=True)
    size = min(int(random.lognormvariate(8.5, 2.2)), 50_000_000)
    with open(f"{directory}/{n}", "wb") as file:
        file.write(random.randbytes(size))
    total, n = total + size, n + 1
print(n, "files,", total, "bytes")
PY
fi
cat > tree.img <<'IMG'
import "std/images" as images
import "std/os" as os

tree = images.Image {
  format = 'disk-image
  partition-table-type = 'gpt
  partitions = [images.Partition { name = "data"; files = [os.File { path = "/"; content = ./tree }] }]
}
IMG

cargo build --release --quiet --manifest-path "$repository/Cargo.toml"
gravure=${CARGO_TARGET_DIR:-$repository/target}/release/gravure
measure() {
    local name=$1
    shift
    /usr/bin/time -f "$name: %U user + %S system s, %e s wall, %M KiB" "$@" >/dev/null
}
cat tree/*/*/* >/dev/null
for round in 1 2 3; do
    rm -rf copy store tree.raw
    measure "cp" cp -r tree copy
    rm -rf copy
    export GRAVURE_STORE=$work/store
    measure "gravure, empty store" "$gravure" build tree.img
    # The files stay in the store; what was made of them is forgotten.
    rm -rf store/records tree.raw
    measure "gravure, files in the store" "$gravure" build tree.img
done
