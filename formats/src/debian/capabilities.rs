//! Capabilities of files, which `setcap` gives them: what a program may do that only root may otherwise.
//!
//! ```text
//! offset  size  meaning (struct vfs_cap_data of linux/capability.h, little endian)
//!      0     4  02000000, and 1 if the capabilities hold from the start
//!      4     8  capabilities 0 to 31: those that a program may have; those that it inherits
//!     12     8  the same for capabilities 32 to 63
//! ```

/// The attribute that holds them.
pub(super) const XATTR: &str = "security.capability";

/// The revision of the layout (`VFS_CAP_REVISION_2`).
const REVISION: u32 = 0x0200_0000;
/// Marks those that hold from the start (`VFS_CAP_FLAGS_EFFECTIVE`).
const EFFECTIVE: u32 = 1;

/// Their names in the order of their numbers (linux/capability.h).
const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// Returns the attribute for a text such as `cap_net_raw,cap_net_admin+ep`, of which one clause is understood; none for others.
pub(super) fn to_bytes(text: &str) -> Option<Vec<u8>> {
    let (names, flags) = text.split_once(['+', '='])?;
    let mut set = 0u64;
    for name in names.split(',') {
        let name = name.to_ascii_lowercase();
        let number = NAMES.iter().position(|known| name.strip_prefix("cap_") == Some(known))?;
        set |= 1 << number;
    }
    if flags.is_empty() || !flags.bytes().all(|flag| b"eip".contains(&flag)) {
        return None;
    }
    let of = |flag: char| if flags.contains(flag) { set } else { 0 };
    let (permitted, inheritable) = (of('p'), of('i'));
    let effective = if flags.contains('e') { EFFECTIVE } else { 0 };
    let words = [permitted, inheritable, permitted >> 32, inheritable >> 32];
    let mut bytes = (REVISION | effective).to_le_bytes().to_vec();
    // The lower half of each.
    bytes.extend(words.iter().flat_map(|word| (*word as u32).to_le_bytes()));
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_attributes() {
        let shown = |text: &str| {
            let hexadecimal = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            to_bytes(text).map(hexadecimal)
        };
        // What `setcap` writes for these.
        assert_eq!(shown("cap_net_raw+ep").as_deref(), Some("0100000200200000000000000000000000000000"));
        let several = shown("cap_dac_override,cap_sys_admin,cap_net_admin=ep");
        assert_eq!(several.as_deref(), Some("0100000202102000000000000000000000000000"));
        assert_eq!(shown("cap_bpf+p").as_deref(), Some("0000000200000000000000008000000000000000"));
        assert_eq!(
            ["cap_none+ep", "cap_net_raw", "cap_net_raw-e", "cap_kill+ep cap_bpf+i"].map(to_bytes),
            [const { None }; 4]
        );
    }
}
