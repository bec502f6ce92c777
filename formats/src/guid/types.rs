//! Types of partitions by the names that configurations write.
//!
//! What the Discoverable Partitions Specification (UAPI.2) defines is called as in systemd's `repart.d`: systems find these
//! partitions by nothing but their type. Root and `/usr` have a type for each architecture, so that one disk can have several; so
//! have the hash trees that verify them, and the signatures of those.

use super::{Guid, known};

/// The types with their names.
pub const TYPES: &[(&str, Guid)] = &[
    // Discoverable Partitions Specification, "Defined Partition Type UUIDs".
    ("esp", known("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")),
    ("xbootldr", known("bc13c2ff-59e6-4262-a352-b275fd6f7172")),
    ("swap", known("0657fd6d-a4ab-43c4-84e5-0933c84b4f4f")),
    ("home", known("933ac7e1-2eb4-4f13-b844-0e14e2aef915")),
    ("srv", known("3b8f8425-20e0-4f3b-907f-1a25a76f98e8")),
    ("var", known("4d21b016-b534-45c2-a9fb-5c16e091fd2d")),
    ("tmp", known("7ec6f557-3bc5-4aca-b293-16ef5df639d1")),
    ("user-home", known("773f91ef-66d4-49b5-bd83-d683bf40ad16")),
    ("linux-generic", known("0fc63daf-8483-4772-8e79-3d69d8477de4")),
    ("root-x86-64", known("4f68bce3-e8cd-4db1-96e7-fbcaf984b709")),
    ("root-x86", known("44479540-f297-41b2-9af7-d131d5f0458a")),
    ("root-arm64", known("b921b045-1df0-41c3-af44-4c6f280d3fae")),
    ("root-arm", known("69dad710-2ce4-4e3c-b16c-21a1d49abed3")),
    ("root-riscv64", known("72ec70a6-cf74-40e6-bd49-4bda08e8f224")),
    ("root-loongarch64", known("77055800-792c-4f94-b39a-98c91b762bb6")),
    ("root-x86-64-verity", known("2c7357ed-ebd2-46d9-aec1-23d437ec2bf5")),
    ("root-x86-verity", known("d13c5d3b-b5d1-422a-b29f-9454fdc89d76")),
    ("root-arm64-verity", known("df3300ce-d69f-4c92-978c-9bfb0f38d820")),
    ("root-arm-verity", known("7386cdf2-203c-47a9-a498-f2ecce45a2d6")),
    ("root-riscv64-verity", known("b6ed5582-440b-4209-b8da-5ff7c419ea3d")),
    ("root-loongarch64-verity", known("f3393b22-e9af-4613-a948-9d3bfbd0c535")),
    ("root-x86-64-verity-sig", known("41092b05-9fc8-4523-994f-2def0408b176")),
    ("root-x86-verity-sig", known("5996fc05-109c-48de-808b-23fa0830b676")),
    ("root-arm64-verity-sig", known("6db69de6-29f4-4758-a7a5-962190f00ce3")),
    ("root-arm-verity-sig", known("42b0455f-eb11-491d-98d3-56145ba9d037")),
    ("root-riscv64-verity-sig", known("efe0f087-ea8d-4469-821a-4c2a96a8386a")),
    ("root-loongarch64-verity-sig", known("5afb67eb-ecc8-4f85-ae8e-ac1e7c50e7d0")),
    ("usr-x86-64", known("8484680c-9521-48c6-9c11-b0720656f69e")),
    ("usr-x86", known("75250d76-8cc6-458e-bd66-bd47cc81a812")),
    ("usr-arm64", known("b0e01050-ee5f-4390-949a-9101b17104e9")),
    ("usr-arm", known("7d0359a3-02b3-4f0a-865c-654403e70625")),
    ("usr-riscv64", known("beaec34b-8442-439b-a40b-984381ed097d")),
    ("usr-loongarch64", known("e611c702-575c-4cbe-9a46-434fa0bf7e3f")),
    ("usr-x86-64-verity", known("77ff5f63-e7b6-4633-acf4-1565b864c0e6")),
    ("usr-x86-verity", known("8f461b0d-14ee-4e81-9aa9-049b6fb97abd")),
    ("usr-arm64-verity", known("6e11a4e7-fbca-4ded-b9e9-e1a512bb664e")),
    ("usr-arm-verity", known("c215d751-7bcd-4649-be90-6627490a4c05")),
    ("usr-riscv64-verity", known("8f1056be-9b05-47c4-81d6-be53128e5b54")),
    ("usr-loongarch64-verity", known("f46b2c26-59ae-48f0-9106-c50ed47f673d")),
    ("usr-x86-64-verity-sig", known("e7bb33fb-06cf-4e81-8273-e543b413e2e2")),
    ("usr-x86-verity-sig", known("974a71c0-de41-43c3-be5d-5c5ccd1ad2c0")),
    ("usr-arm64-verity-sig", known("c23ce4ff-44bd-4b00-b2d4-b41b3419e02a")),
    ("usr-arm-verity-sig", known("d7ff812f-37d1-4902-a810-d76ba57b975a")),
    ("usr-riscv64-verity-sig", known("d2f9000a-7a18-453f-b5cd-4d32f77a7b32")),
    ("usr-loongarch64-verity-sig", known("b024f315-d330-444c-8461-44bbde524e99")),
    // Boot loaders and firmware: GRUB, Open Firmware, ChromeOS, SiFive, U-Boot.
    ("bios-boot", known("21686148-6449-6e6f-744e-656564454649")),
    ("prep", known("9e1a2d38-c612-4316-aa26-8b49521e5a8b")),
    ("chromeos-kernel", known("fe3a2a5d-4f32-41a7-b725-accc3285a309")),
    ("sifive-fsbl", known("5b193300-fc78-40cd-8002-e86c45580b47")),
    ("sifive-bbl", known("2e54b353-1271-4842-806f-e436d6af6985")),
    ("u-boot-environment", known("3de21764-95bd-54bd-a5c3-4abe786f38a8")),
    // Containers of Linux, and Windows.
    ("basic-data", known("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7")),
    ("microsoft-reserved", known("e3c9e316-0b5c-4db8-817d-f92df00215ae")),
    ("lvm", known("e6d6d379-f507-44c2-a23c-238f2a3df928")),
    ("raid", known("a19d880f-05fc-4d3b-a006-743f0f84911e")),
    ("luks", known("ca7d7ccb-63ed-4c53-861c-1742536059cc")),
];

/// Other names of types: those of `sfdisk`.
const ALIASES: &[(&str, &str)] = &[("linux", "linux-generic"), ("uefi", "esp")];

/// Returns the type that a name stands for, if there is one.
///
/// ```
/// use gravure_formats::guid;
/// assert_eq!(guid::by_name("root-arm64"), Some(guid::LINUX_ROOT_ARM64));
/// assert_eq!(guid::by_name("uefi"), guid::by_name("esp"));
/// assert_eq!(guid::by_name("root"), None);
/// ```
pub fn by_name(name: &str) -> Option<Guid> {
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, name)| name);
    TYPES.iter().find(|(known, _)| *known == name).map(|(_, guid)| *guid)
}

/// Returns the name of a type, if it has one.
pub fn name_of(guid: Guid) -> Option<&'static str> {
    TYPES.iter().find(|(_, known)| *known == guid).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::guid;
    use crate::judge::Tool;

    #[test]
    fn names_and_types_are_one_to_one() {
        let names: BTreeSet<&str> = TYPES.iter().map(|(name, _)| *name).collect();
        let guids: BTreeSet<Guid> = TYPES.iter().map(|(_, guid)| *guid).collect();
        assert_eq!((names.len(), guids.len()), (TYPES.len(), TYPES.len()));
        for (alias, name) in ALIASES {
            assert!(names.contains(name) && !names.contains(alias));
        }
        assert_eq!(name_of(guid::LINUX_ROOT_RISCV64), Some("root-riscv64"));
        assert_eq!(name_of(Guid::ZERO), None);
    }

    /// What `sfdisk` calls a type: "Linux root verity sign. (ARM-64)".
    fn of_sfdisk(name: &str) -> Option<String> {
        let fixed = match name {
            "esp" => "EFI System",
            "xbootldr" => "Linux extended boot",
            "swap" => "Linux swap",
            "home" => "Linux home",
            "srv" => "Linux server data",
            "var" => "Linux variable data",
            "tmp" => "Linux temporary data",
            "user-home" => "Linux user's home",
            "linux-generic" => "Linux filesystem",
            "bios-boot" => "BIOS boot",
            "prep" => "PowerPC PReP boot",
            "chromeos-kernel" => "ChromeOS kernel",
            "sifive-fsbl" => "HiFive FSBL",
            "sifive-bbl" => "HiFive BBL",
            "lvm" => "Linux LVM",
            "raid" => "Linux RAID",
            "basic-data" => "Microsoft basic data",
            "microsoft-reserved" => "Microsoft reserved",
            // Not in the list of version 2.38.
            "luks" | "u-boot-environment" => return None,
            _ => return Some(of_architecture(name)),
        };
        Some(fixed.to_owned())
    }

    fn of_architecture(name: &str) -> String {
        let (name, suffix) = match (name.strip_suffix("-verity-sig"), name.strip_suffix("-verity")) {
            (Some(name), _) => (name, " verity sign."),
            (None, Some(name)) => (name, " verity"),
            (None, None) => (name, ""),
        };
        let (what, architecture) = name.split_once('-').unwrap();
        let what = if what == "usr" { "/usr" } else { what };
        let architecture = match architecture {
            "arm64" => "ARM-64",
            "arm" => "ARM",
            "riscv64" => "RISC-V-64",
            "loongarch64" => "LoongArch-64",
            other => other,
        };
        format!("Linux {what}{suffix} ({architecture})")
    }

    #[test]
    fn sfdisk_knows_the_types_by_the_same_numbers() {
        let directory = tempfile::tempdir().unwrap();
        let output = Tool::new("sfdisk", "fdisk").run(directory.path(), &["--list-types", "--label", "gpt"], None);
        let listing = String::from_utf8(output.stdout).unwrap();
        for (name, guid) in TYPES {
            let Some(title) = of_sfdisk(name) else { continue };
            let line = listing.lines().find(|line| line.ends_with(&format!("  {title}")));
            let found = line.unwrap_or_else(|| panic!("sfdisk has no `{title}`")).split_whitespace().next();
            assert_eq!(found.unwrap().parse(), Ok(*guid), "{name}");
        }
    }
}
