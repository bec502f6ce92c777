#!/usr/bin/env bash
# A root of 330 packages becomes a disk: a GPT, an EFI system partition of 128 MiB and an ext4 of 2 GiB; beside `cp` of the
# same bytes, `mke2fs -d`, genimage, and systemd-repart where it is new enough.
#
#   bench/image/disk.sh [DIRECTORY [RUNS]]     works in DIRECTORY, a new temporary one if not given; 3 runs
#
# Needs root, mmdebstrap, e2fsprogs, dosfstools, mtools and genimage. The root comes from mmdebstrap, so that all have the same
# files: the others as a directory, gravure as what it has unpacked of the archive into its store. Each run has another label,
# so that gravure makes both file systems and the disk anew; then it builds once more with nothing changed. CPU is user and
# system time of all processes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
work=${1:-$(mktemp -d)}
runs=${2:-3}
mkdir -p "$work/out"
cd "$work"
export SOURCE_DATE_EPOCH=1700000000 E2FSPROGS_FAKE_TIME=1700000000 TZ=UTC GRAVURE_STORE="$work/store"
id=11111111-2222-3333-4444-555555555555

prepare() {
    [ -f root.tar ] || bash "$here/root.sh" root.tar debs
    [ -d esp ] && return
    mkdir -p root esp/EFI
    tar -C root --xattrs --xattrs-include='*' -xpf root.tar
    cp -rL root/usr/lib/grub esp/EFI/
}

write_configuration() {
    cat > disk.img <<IMG
import "std/os" as os
import "std/images" as images

disk = images.Image {
  format = 'disk-image
  partition-table-type = 'gpt
  partitions = [
    images.EfiPartition {
      name = "esp"
      label = "ESP"
      size = 128MiB
      content = none
      files = [os.File { path = "/"; content = ./esp }]
    },
    images.Partition {
      name = "root"
      label = "root$1"
      size = 2GiB
      flags = ['boot]
      files = [os.File { path = "/"; content = os.unpack(./root.tar) }]
    },
  ]
}
IMG
}

write_genimage() {
    mkdir -p genimage/{tmp,images,empty}
    cat > genimage/genimage.cfg <<CFG
image esp.img { vfat { label = "ESP" extraargs = "-F 32 -i 12345678" } srcpath = "$work/esp" size = 128M }
image root.img { ext4 { label = "root" use-mke2fs = true fs-timestamp = "20231114221320" } srcpath = "$work/root" size = 2048M }
image disk.img { hdimage { partition-table-type = "gpt" disk-uuid = "$id" }
  partition esp { image = "esp.img" partition-type-uuid = "U" }
  partition root { image = "root.img" partition-type-uuid = "L" } }
CFG
}

genimage_disk() {
    rm -rf genimage/tmp genimage/images
    mkdir -p genimage/tmp genimage/images
    genimage --config genimage/genimage.cfg --rootpath genimage/empty --inputpath genimage/empty \
        --outputpath genimage/images --tmppath genimage/tmp --loglevel 0
}

repart_disk() {
    mkdir -p repart
    printf '[Partition]\nType=esp\nFormat=vfat\nSizeMinBytes=128M\nCopyFiles=%s:/\n' "$work/esp" > repart/10-esp.conf
    printf '[Partition]\nType=root\nFormat=ext4\nSizeMinBytes=2G\nCopyFiles=%s:/\n' "$work/root" > repart/20-root.conf
    rm -f out/repart.raw
    systemd-repart --empty=create --size=auto --offline=yes --dry-run=no --seed=$id --definitions=repart --pretty=no out/repart.raw
}

mke2fs_root() {
    rm -f out/mke2fs.img
    mke2fs -q -F -t ext4 -U $id -E hash_seed=$id -d root out/mke2fs.img 2G
}

# Prints the name, and CPU time, wall time and peak memory of a command or function.
measured() {
    local name=$1
    shift
    command time -o time.txt -f "$name: CPU %U + %S s, wall %e s, peak %M KiB" bash -c "$*" >/dev/null 2>error.txt ||
        { cat error.txt >&2; exit 1; }
    cat time.txt
}

cargo build --release --quiet --manifest-path "$repository/Cargo.toml"
gravure=${CARGO_TARGET_DIR:-$repository/target}/release/gravure
prepare
write_genimage
export -f genimage_disk repart_disk mke2fs_root
export work id
write_configuration 0
"$gravure" build -o out/gravure.raw disk.img >/dev/null 2>&1
repart=$(systemd-repart --version 2>/dev/null | sed -n '1s/systemd \([0-9]*\).*/\1/p')
mke2fs_root
cat root.tar $(find esp root -type f) > /dev/null
for run in $(seq "$runs"); do
    write_configuration "$run"
    # Everybody writes a new file: who replaces one pays for the end of the old one.
    rm -f out/copy.raw out/gravure.raw
    measured "gravure" "$gravure build --offline -o out/gravure.raw disk.img"
    measured "gravure, nothing changed" "$gravure build --offline -o out/gravure.raw disk.img"
    measured "cp" "cp --sparse=always out/mke2fs.img out/copy.raw"
    measured "mke2fs -d, the root alone" mke2fs_root
    measured "genimage" genimage_disk
    [ "${repart:-0}" -lt 254 ] || measured "systemd-repart $repart" repart_disk
done
