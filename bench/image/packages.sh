#!/usr/bin/env bash
# A server of bookworm of about 330 packages becomes a root, beside mmdebstrap of the same packages.
#
#   bench/image/packages.sh [DIRECTORY [RUNS]]     works in DIRECTORY, a new temporary one if not given; 3 runs
#
# Needs root and mmdebstrap. Both take their packages from files of this machine: mmdebstrap from a directory of `.deb`s,
# gravure from a store whose results were removed. mmdebstrap writes a tar archive; gravure a whole disk, kernel and initrd
# included. CPU is user and system time of all processes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
work=${1:-$(mktemp -d)}
runs=${2:-3}
mkdir -p "$work/debs"
cd "$work"
export SOURCE_DATE_EPOCH=1700000000 TZ=UTC GRAVURE_STORE="$work/store"

install_by_scripts() {
    bash "$here/root.sh" "$work/theirs.tar" "$work/debs"
}

# The same packages by name, whatever they are named for; of the kernel gravure takes the files only.
write_configuration() {
    local packages
    packages=$(tar -xOf theirs.tar ./var/lib/dpkg/status | sed -n 's/^Package: \(.*\)/"\1"/p' | grep -v '^"linux-image' |
        paste -sd, | sed 's/,/, /g')
    cat > packages.img <<IMG
import "std/os" as os

packages = os.OperatingSystem {
  host-name = "packages"
  suite = "bookworm"
  kernel = os.linux.amd64
  file-systems += [os.FileSystem { device = os.label("root"); mount-point = "/"; type = 'ext4 }]
  packages += os.packages([$packages])
}
IMG
    echo "$(echo "$packages" | wc -w) packages"
}

# Prints the name, and wall time, CPU time and peak memory of a command.
measured() {
    local name=$1
    shift
    command time -o time.txt -f "$name: wall %e s, user %U s, system %S s, peak %M KiB" "$@" >/dev/null 2>&1
    cat time.txt
}

cargo build --release --quiet --manifest-path "$repository/Cargo.toml"
gravure=${CARGO_TARGET_DIR:-$repository/target}/release/gravure
[ -f theirs.tar ] || install_by_scripts
write_configuration
"$gravure" build packages.img >/dev/null 2>&1
export -f install_by_scripts
export here work
for _ in $(seq "$runs"); do
    rm -rf store/records/nodes store/records/actions packages.raw theirs.tar
    measured gravure "$gravure" build --offline packages.img
    measured mmdebstrap bash -c install_by_scripts
done
