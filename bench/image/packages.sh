#!/usr/bin/env bash
# A server of bookworm of about 330 packages becomes a root, beside mmdebstrap of the same packages.
#
#   bench/image/packages.sh [DIRECTORY [RUNS]]     works in DIRECTORY, a new temporary one if not given; 3 runs
#
# Needs root and mmdebstrap. Both take their packages from files of this machine: mmdebstrap from a directory of `.deb`s,
# gravure from a store whose results were removed. mmdebstrap writes a tar archive; gravure a whole disk, kernel and initrd
# included. CPU is user and system time of all processes.
set -euo pipefail
repository=$(cd "$(dirname "$0")/../.." && pwd)
work=${1:-$(mktemp -d)}
runs=${2:-3}
mkdir -p "$work/debs"
cd "$work"
export SOURCE_DATE_EPOCH=1700000000 TZ=UTC GRAVURE_STORE="$work/store"

names="linux-image-amd64 grub-efi-amd64-bin systemd-sysv systemd-boot dbus udev openssh-server sudo iproute2 iputils-ping
    isc-dhcp-client ca-certificates curl wget git vim less man-db python3 build-essential nginx sqlite3 htop tmux rsync
    firmware-linux-free locales tzdata bash-completion strace tcpdump nftables cloud-init e2fsprogs dosfstools parted zstd
    xz-utils initramfs-tools perl manpages"

install_by_scripts() {
    mmdebstrap --quiet --mode=root --variant=important --include="$(echo $names | tr ' ' ,)" \
        --aptopt='Apt::Install-Recommends "false"' --skip=essential/unlink \
        --setup-hook='mkdir -p "$1"/var/cache/apt/archives/' --setup-hook="sync-in $work/debs /var/cache/apt/archives/" \
        --customize-hook="sync-out /var/cache/apt/archives $work/debs" bookworm "$work/theirs.tar"
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
export names work
for _ in $(seq "$runs"); do
    rm -rf store/records/nodes store/records/actions packages.raw theirs.tar
    measured gravure "$gravure" build --offline packages.img
    measured mmdebstrap bash -c install_by_scripts
done
