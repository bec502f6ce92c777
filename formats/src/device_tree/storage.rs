//! The modules that a kernel needs to find the disk of a board, from the board's device tree.
//!
//! ```text
//! mmc@1c0f000 --clocks, resets--> clock@1c20000
//!      |      --pinctrl-0-------> mmc0-pins in pinctrl@1c20800
//!      |      --vmmc-supply-----> dcdc1 in regulators in pmic@3a3 in rsb@1f03400 --> ...
//!      `- in soc
//! ```
//! A driver starts when all that its device refers to is there, and so is the bus that it is on. So the walk begins at the hosts
//! of cards, follows what they refer to and what they are in, and asks at each node for the modules that udev would load.
//! Most of the nodes on the way are looked after by code that is part of the kernel and has no alias at all, so only of the
//! hosts is it said whether there is a driver.

use std::collections::BTreeSet;
use std::fmt;

use super::{DeviceTree, Node, cells};
use crate::modules::{Error, ModuleSet, normal_name};

/// What nodes of hosts are called, but for a number behind it: `mmc` by Linux,
/// Documentation/devicetree/bindings/mmc/mmc-controller.yaml; the others are in older trees.
const HOST_NAMES: [&str; 12] =
    ["mmc", "dwmmc", "emmc", "esdhc", "mshc", "mvsdio", "sdcard", "sdhc", "sdhci", "sdhost", "sdio-host", "sdmmc"];

/// Properties of a host that is for neither cards nor eMMC, but for a network device: the same file.
const NO_STORAGE: [&str; 2] = ["no-sd", "no-mmc"];

/// Properties that are lists of references, each followed by as many numbers as the node referred to says in the other
/// property: `of_supplier_bindings` in Linux, drivers/of/property.c.
const WITH_ARGUMENTS: [(&str, &str); 10] = [
    ("clocks", "#clock-cells"),
    ("dmas", "#dma-cells"),
    ("interconnects", "#interconnect-cells"),
    ("interrupts-extended", "#interrupt-cells"),
    ("iommus", "#iommu-cells"),
    ("mboxes", "#mbox-cells"),
    ("mmc-pwrseq", ""),
    ("phys", "#phy-cells"),
    ("power-domains", "#power-domain-cells"),
    ("resets", "#reset-cells"),
];

/// Modules that no alias leads to: how the `compatible` of their devices begins, and their names. The driver of a chip makes
/// devices for its regulators that have names and no nodes (Linux, drivers/mfd/axp20x.c and rk8xx-core.c), and what is on
/// ARM's AMBA says only to the running kernel what it is.
const WITHOUT_ALIAS: [(&str, &str); 3] =
    [("arm,pl18", "armmmci"), ("rockchip,rk8", "rk808-regulator"), ("x-powers,axp", "axp20x-regulator")];

/// What the kernel calls a card on any host: `mmc_bus_uevent` in Linux, drivers/mmc/core/bus.c.
const CARD: &str = "mmc:block";

/// What a board needs to find its disks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BoardModules {
    /// Names of modules in an order in which they can be loaded: what a device refers to comes before its driver. What modules
    /// depend on comes with [`ModuleSet::closure`].
    pub modules: Vec<String>,
    /// Hosts of storage that a module or the kernel itself drives, in the order of the tree.
    pub driven: Vec<Host>,
    /// Hosts of storage that nothing of this kernel is known to drive. A board can do without some of them. Kernels before
    /// 6.18 do not list the devices that the drivers in themselves are for: with such a kernel one of these may be driven.
    pub undriven: Vec<Host>,
}

/// A device that cards and eMMC are connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Where it is in the tree.
    pub path: String,
    /// What it is compatible with, the most specific first.
    pub compatible: Vec<String>,
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.path, self.compatible.join(", "))
    }
}

/// Returns the modules that make the kernel find SD cards and eMMC on a board.
///
/// # Errors
/// A module is damaged or cannot be read.
pub fn storage_modules(tree: &DeviceTree<'_>, modules: &ModuleSet<'_>) -> Result<BoardModules, Error> {
    let mut board = BoardModules::default();
    let mut wanted = Vec::new();
    for node in tree.nodes().filter(|&node| is_host(node)) {
        let host = Host { path: node.path(), compatible: node.strings("compatible").map(str::to_owned).collect() };
        if has_driver(node, modules)? {
            board.driven.push(host);
            wanted.push(node);
        } else {
            board.undriven.push(host);
        }
    }
    for node in needed(tree, &wanted) {
        board.modules.extend(drivers(node, modules)?);
    }
    if !wanted.is_empty() {
        board.modules.extend(modules.matching(CARD)?);
    }
    let mut seen = BTreeSet::new();
    board.modules.retain(|name| seen.insert(name.clone()));
    Ok(board)
}

fn is_host(node: Node<'_>) -> bool {
    let is_called_so =
        |node: Node<'_>| HOST_NAMES.contains(&node.base_name().trim_end_matches(|c: char| c.is_ascii_digit()));
    // What is in a host is a card that cannot be taken out, and may be called so too.
    is_called_so(node)
        && !node.parent().is_some_and(is_called_so)
        // Without an address it may be the host's clock.
        && node.name().contains('@')
        && node.strings("compatible").next().is_some()
        && !NO_STORAGE.iter().all(|name| node.property(name).is_some())
        && node.is_enabled()
}

fn has_driver(node: Node<'_>, modules: &ModuleSet<'_>) -> Result<bool, Error> {
    let builtin = modules.is_builtin_alias(&alias(node)) || without_alias(node).any(|name| modules.is_builtin(name));
    Ok(builtin || !drivers(node, modules)?.is_empty())
}

/// Returns the modules that drive a node.
fn drivers(node: Node<'_>, modules: &ModuleSet<'_>) -> Result<Vec<String>, Error> {
    if node.strings("compatible").next().is_none() {
        return Ok(Vec::new());
    }
    let mut names = modules.matching(&alias(node))?;
    let others = without_alias(node).map(normal_name);
    names.extend(others.filter(|name| modules.modules().any(|module| module.name == *name)));
    Ok(names)
}

/// Returns the modules that drive a node without saying so.
fn without_alias(node: Node<'_>) -> impl Iterator<Item = &'static str> {
    let begins = move |start: &str| node.strings("compatible").any(|text| text.starts_with(start));
    WITHOUT_ALIAS.into_iter().filter(move |(start, _)| begins(start)).map(|(_, name)| name)
}

/// Returns the name by which the kernel asks for a node's driver: `of_modalias` in Linux, drivers/of/module.c.
fn alias(node: Node<'_>) -> String {
    // C prints a null pointer like this, and the kernel has it so.
    let device_type = node.strings("device_type").next().unwrap_or("(null)");
    let start = format!("of:N{}T{device_type}", node.base_name());
    node.strings("compatible").fold(start, |alias, text| alias + "C" + &text.replace(' ', "_"))
}

/// What the walk has still to do.
enum Step<'t> {
    Enter(Node<'t>),
    /// All that the node needs is in the order.
    Leave(Node<'t>),
}

/// Returns the nodes and all that they need, each behind what it needs, but where they need each other. What is switched off
/// is left out: no driver would look at it.
fn needed<'t>(tree: &'t DeviceTree<'t>, wanted: &[Node<'t>]) -> Vec<Node<'t>> {
    let mut seen = BTreeSet::new();
    let mut order = Vec::new();
    let mut steps: Vec<Step<'t>> = wanted.iter().rev().map(|&node| Step::Enter(node)).collect();
    while let Some(step) = steps.pop() {
        match step {
            Step::Leave(node) => order.push(node),
            Step::Enter(node) => {
                if node.is_enabled() && seen.insert(node.idx) {
                    steps.push(Step::Leave(node));
                    steps.extend(suppliers(tree, node).into_iter().rev().map(Step::Enter));
                    steps.extend(node.parent().map(Step::Enter));
                }
            }
        }
    }
    order
}

/// Returns the nodes that a node refers to and that its driver waits for.
fn suppliers<'t>(tree: &'t DeviceTree<'t>, node: Node<'t>) -> Vec<Node<'t>> {
    let lists = node.properties().filter_map(|(name, value)| Some((arguments_of(name)?, value)));
    lists.flat_map(|(arguments, value)| references(tree, arguments, value)).collect()
}

/// Returns which property says how many numbers follow each reference in the property `name`: an empty name where none do.
/// None if the property has no references that matter.
fn arguments_of(name: &str) -> Option<&'static str> {
    if let Some((_, arguments)) = WITH_ARGUMENTS.iter().find(|(known, _)| *known == name) {
        return Some(arguments);
    }
    let is_pins = name.strip_prefix("pinctrl-").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    if is_pins || name.ends_with("-supply") || name == "interrupt-parent" {
        return Some("");
    }
    // `nr-gpios` is how many there are.
    let is_gpio = ["gpio", "gpios"].contains(&name) || name.ends_with("-gpio") || name.ends_with("-gpios");
    (is_gpio && !name.ends_with("nr-gpios")).then_some("#gpio-cells")
}

/// Returns the nodes of a list of references. A zero stands for none; behind an unknown one it cannot be told what the numbers
/// are.
fn references<'t>(tree: &'t DeviceTree<'t>, arguments: &str, list: &[u8]) -> Vec<Node<'t>> {
    let mut nodes = Vec::new();
    let mut numbers = cells(list);
    while let Some(number) = numbers.next() {
        if number == 0 {
            continue;
        }
        let Some(node) = tree.by_phandle(number) else { break };
        nodes.push(node);
        let n_arguments = node.cells(arguments).next().unwrap_or(0);
        numbers.by_ref().take(n_arguments as usize).for_each(drop);
    }
    nodes
}
