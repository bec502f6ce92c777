//! `disk`: file systems and boot loaders become a disk with a partition table.
//!
//! The inputs are the contents of the partitions in order, then the boot loaders; then GRUB for the BIOS: its `boot.img`, and its
//! core image where that lies behind the MBR.

use gravure_eval::graph::{Failure, Task};
use gravure_formats::areas::Areas;
use gravure_formats::disk::{
    self, Content, Disk, MbrPlace, Place, Request, Table, layout, place_in_mbr, place_partitions,
};
use gravure_formats::mbr::Role;
use gravure_formats::{Extents, Guid, LayoutError, Region, gpt, grub, mbr};
use serde::{Deserialize, Serialize};

use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "disk";

#[derive(Serialize, Deserialize)]
pub(crate) struct Parameters {
    /// The disk's length in bytes; none: just large enough.
    pub(crate) len: Option<u64>,
    pub(crate) table: TableKind,
    pub(crate) partitions: Vec<Partition>,
    pub(crate) loaders: Vec<Loader>,
    /// Where GRUB for the BIOS has its core image, if there is that GRUB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) grub_core: Option<GrubCore>,
}

/// Where GRUB for the BIOS has its core image.
#[derive(Serialize, Deserialize)]
pub(crate) enum GrubCore {
    /// Between the MBR and the first partition.
    BehindMbr,
    /// In the partition of this number, counted from 0.
    Partition(usize),
}

#[derive(Serialize, Deserialize)]
pub(crate) enum TableKind {
    Gpt {
        guid: Guid,
        /// Where the entries are, in bytes; none: behind the header.
        entry_array_at: Option<u64>,
    },
    Mbr {
        signature: u32,
    },
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Partition {
    /// What messages call it.
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) offset: Option<u64>,
    pub(crate) alignment: u64,
    pub(crate) type_guid: Guid,
    pub(crate) guid: Guid,
    pub(crate) mbr_kind: u8,
    pub(crate) is_boot: bool,
    /// Bits of the entry in a GPT.
    pub(crate) attributes: u64,
    /// Whether the MBR beside a GPT has it too.
    pub(crate) is_in_mbr: bool,
    /// Whether it is a primary or a logical partition of an MBR; none: as its number says.
    pub(crate) is_logical: Option<bool>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Loader {
    /// What messages call it.
    pub(crate) name: String,
    pub(crate) at: u64,
}

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    Ok(Artefact::Extents(layout(&disk(builder, task)?)?))
}

/// Returns what is where on the disk that a task makes.
pub(crate) fn regions(builder: &Builder<'_>, task: &Task) -> Result<Vec<Region>, Failure> {
    Ok(gravure_formats::disk::regions(&disk(builder, task)?)?)
}

/// Returns what lies where on the disk that a recipe of the kind `disk` describes, without making it.
///
/// # Errors
/// What it is made of is not in the store, or does not fit together.
pub fn disk_areas(builder: &Builder<'_>, task: &Task) -> Result<Areas, Failure> {
    Ok(Areas::of_disk(&disk(builder, task)?)?)
}

/// Returns the names of the two parts of a disk that want the same bytes, if that is why it could not be made.
pub fn clash<'f>(failure: &'f (dyn std::error::Error + 'static)) -> Option<[&'f str; 2]> {
    if let Some(disk::Error::Layout(LayoutError::Clash(clash))) = failure.downcast_ref() {
        return Some([&clash.new.what, &clash.old.what]);
    }
    match failure.downcast_ref() {
        Some(disk::PlaceError::Overlap { new, old, .. }) => Some([&new.what, &old.what]),
        _ => None,
    }
}

/// Returns the disk with its contents.
fn disk(builder: &Builder<'_>, task: &Task) -> Result<Disk, Failure> {
    let parameters: Parameters = super::parameters(task)?;
    let mut inputs: Vec<Extents> = task.inputs.iter().map(|input| builder.extents(input)).collect::<Result<_, _>>()?;
    let mut loaders = inputs.split_off(parameters.partitions.len());
    let grub = loaders.split_off(parameters.loaders.len());
    let raw = parameters.loaders.iter().zip(loaders).map(|(loader, content)| Content {
        name: loader.name.clone(),
        at: loader.at,
        content,
    });
    let mut raw: Vec<Content> = raw.collect();
    let requests = requests(&parameters.partitions, &inputs);
    let (table, places) = match parameters.table {
        TableKind::Gpt { guid, entry_array_at } => {
            let places = place_partitions(FIRST_PARTITION, &requests)?;
            (Table::Gpt(gpt_table(guid, entry_array_at, &parameters.partitions, &places)), places)
        }
        TableKind::Mbr { signature } => {
            let roles: Vec<Option<Role>> = parameters.partitions.iter().map(Partition::role).collect();
            let places = place_in_mbr(FIRST_PARTITION, &requests, &roles)?;
            let table = mbr_table(signature, &parameters.partitions, &places);
            (Table::Mbr(table), places.iter().map(|place| place.place).collect())
        }
    };
    if let Some(core) = &parameters.grub_core {
        raw.extend(grub_for_bios(builder, core, grub, &places, &mut inputs)?);
    }
    let parts = parameters.partitions.iter().zip(&places).zip(inputs);
    let parts =
        parts.map(|((partition, place), content)| Content { name: partition.name.clone(), at: place.at, content });
    Ok(Disk { len: parameters.len, table, parts: parts.collect(), raw })
}

/// What messages call the two parts of GRUB for the BIOS.
pub(crate) const GRUB_NAMES: [&str; 2] = ["GRUB boot code", "GRUB core image"];

/// Returns the boot code, and the core image where it is in no partition; one in a partition is told where that is.
fn grub_for_bios(
    builder: &Builder<'_>,
    core: &GrubCore,
    files: Vec<Extents>,
    places: &[Place],
    parts: &mut [Extents],
) -> Result<Vec<Content>, Failure> {
    let [code_name, core_name] = GRUB_NAMES.map(str::to_owned);
    let mut files = files.into_iter();
    let mut next = || files.next().expect("lowering gives GRUB its files");
    let boot_image = next().to_vec(builder.store)?;
    let boot_code = |lba| -> Result<Content, Failure> {
        Ok(Content { name: code_name, at: 0, content: Extents::from_bytes(grub::boot_code(&boot_image, lba)?) })
    };
    match *core {
        GrubCore::BehindMbr => Ok(vec![boot_code(1)?, Content { name: core_name, at: mbr::SECTOR, content: next() }]),
        GrubCore::Partition(number) => {
            let (lba, part) = (places[number].first_lba(), &mut parts[number]);
            let mut first = part.slice(0, mbr::SECTOR).to_vec(builder.store)?;
            grub::place_core(&mut first, lba);
            let mut placed = Extents::from_bytes(first);
            placed.append(&part.slice(mbr::SECTOR, part.len()));
            *part = placed;
            Ok(vec![boot_code(lba)?])
        }
    }
}

/// Where the first partition starts that does not say: behind every table, aligned for every medium.
const FIRST_PARTITION: u64 = 1 << 20;

fn requests(partitions: &[Partition], contents: &[Extents]) -> Vec<Request> {
    let pairs = partitions.iter().zip(contents);
    let requests = pairs.map(|(partition, content)| Request {
        name: partition.name.clone(),
        offset: partition.offset,
        alignment: partition.alignment,
        len: content.len(),
    });
    requests.collect()
}

fn gpt_table(guid: Guid, entry_array_at: Option<u64>, partitions: &[Partition], places: &[Place]) -> gpt::Table {
    let entries = partitions.iter().zip(places).map(|(partition, place)| {
        Some(gpt::Partition {
            type_guid: partition.type_guid,
            guid: partition.guid,
            name: partition.label.clone(),
            first_lba: place.first_lba(),
            last_lba: place.last_lba(),
            attributes: partition.attributes,
        })
    });
    let usual = gpt::Table::new(guid);
    let entry_array_at = entry_array_at.map_or(usual.entry_array_at, |at| at / mbr::SECTOR);
    gpt::Table { entries: entries.collect(), entry_array_at, hybrid: hybrid(partitions), ..usual }
}

/// Returns what the MBR beside a GPT has, if it has any partition.
fn hybrid(partitions: &[Partition]) -> Option<gpt::Hybrid> {
    let listed = partitions.iter().enumerate().filter(|(_, partition)| partition.is_in_mbr);
    let entries: Vec<gpt::HybridEntry> = listed
        .map(|(slot, partition)| gpt::HybridEntry { slot, kind: partition.mbr_kind, active: partition.is_boot })
        .collect();
    (!entries.is_empty()).then(|| gpt::Hybrid { entries, ..gpt::Hybrid::default() })
}

fn mbr_table(signature: u32, partitions: &[Partition], places: &[MbrPlace]) -> mbr::Table {
    let parts = partitions.iter().zip(places).map(|(partition, MbrPlace { place, ebr_lba, .. })| {
        let entry = mbr::Partition {
            name: partition.name.clone(),
            kind: partition.mbr_kind,
            active: partition.is_boot,
            first_lba: place.first_lba(),
            n_sectors: place.n_sectors(),
        };
        (entry, *ebr_lba)
    });
    mbr::Table::new(signature, parts)
}

impl Partition {
    fn role(&self) -> Option<Role> {
        self.is_logical.map(|is_logical| if is_logical { Role::Logical } else { Role::Primary })
    }
}
