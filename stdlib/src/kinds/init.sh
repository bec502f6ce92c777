#!/bin/busybox sh
# Process 1 of the initrd: loads modules, finds the root, hands over to it.
export PATH=/bin
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs devtmpfs /dev

root= flags=ro type=ext4 init=/sbin/init volatile=
for word in $(busybox cat /proc/cmdline); do
  case $word in
    root=*) root=${word#root=} ;;
    rootfstype=*) type=${word#rootfstype=} ;;
    init=*) init=${word#init=} ;;
    volatile) volatile=yes ;;
  esac
done

# Some modules are alternatives of one another, for processors that this machine may not have: a failure is no mistake.
while read module; do
  busybox insmod "/modules/$module" 2>/dev/null
done < /modules/order

tries=0
while :; do
  case $root in
    LABEL=* | UUID=*) device=$(busybox findfs "$root" 2>/dev/null) ;;
    *) device=$root ;;
  esac
  [ -b "$device" ] && break
  tries=$((tries + 1))
  if [ $tries -gt 300 ]; then
    echo "initrd: there is no device $root after 30 seconds; the kernel knows these:"
    busybox cat /proc/partitions
    exec busybox sh
  fi
  busybox usleep 100000
done

fail() {
  echo "initrd: cannot mount $device: $1"
  exec busybox sh
}
if [ -n "$volatile" ]; then
  busybox mount -t "$type" -o ro "$device" /lower || fail "the root"
  busybox mount -t tmpfs tmpfs /upper || fail "memory"
  busybox mkdir /upper/changes /upper/work
  busybox mount -t overlay -o lowerdir=/lower,upperdir=/upper/changes,workdir=/upper/work overlay /root || fail "the overlay"
else
  busybox mount -t "$type" -o $flags "$device" /root || fail "the root"
fi
busybox mount --move /dev /root/dev
busybox umount /proc /sys
exec busybox switch_root /root "$init"
