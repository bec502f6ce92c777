//! The order of loading: depth first, what is needed before what needs it.

use std::collections::BTreeMap;

use super::{Error, Module, ModuleSet, pattern};

/// How long a chain of modules that need one another may be; the longest of Debian's kernels has a dozen. Each link takes stack.
const LONGEST_CHAIN: usize = 256;

/// How far the walk has come with a module.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// What it needs is being looked at.
    Entered,
    /// It stands in the order.
    Done,
}

/// The walk through the modules.
struct Walk<'a, 'b> {
    set: &'a ModuleSet<'b>,
    marks: BTreeMap<String, Mark>,
    /// The names from the module asked for to the current one.
    chain: Vec<String>,
    order: Vec<Module>,
}

impl ModuleSet<'_> {
    /// Returns the modules that must be loaded for the `wanted` ones, in the order of loading.
    ///
    /// What a module depends on comes before it, in the order in which it says so; then its soft `pre` dependencies, itself, and its
    /// soft `post` ones. Those may be aliases, and then all modules that match count: which of them fits
    /// the machine turns out when they are loaded, so a failure to load one of these is no failure of the boot. What is part of the
    /// kernel is left out, and so is a soft dependency that exists nowhere.
    ///
    /// # Errors
    /// As the variants of [`Error`] say.
    pub fn closure(&self, wanted: &[String]) -> Result<Vec<Module>, Error> {
        let mut walk = Walk { set: self, marks: BTreeMap::new(), chain: Vec::new(), order: Vec::new() };
        for name in wanted {
            let normal = pattern::normal(name);
            if self.modules.contains_key(&normal) {
                walk.visit(&normal)?;
            } else if !self.builtin.contains(&normal) {
                return Err(Error::Unknown { name: name.clone(), nearest: self.nearest(&normal) });
            }
        }
        Ok(walk.order)
    }

    /// Returns the at most three most similar names, of modules and of what is part of the kernel.
    fn nearest(&self, name: &str) -> Vec<String> {
        let limit = (name.chars().count() / 3).max(1);
        let mut nearest: Vec<(usize, &String)> = self
            .modules
            .keys()
            .chain(&self.builtin)
            .map(|known| (distance(name, known), known))
            .filter(|(distance, _)| *distance <= limit)
            .collect();
        nearest.sort();
        nearest.dedup();
        nearest.into_iter().take(3).map(|(_, name)| name.clone()).collect()
    }
}

impl Walk<'_, '_> {
    fn visit(&mut self, name: &str) -> Result<(), Error> {
        if self.marks.get(name) == Some(&Mark::Done) {
            return Ok(());
        }
        if LONGEST_CHAIN <= self.chain.len() {
            return Err(Error::TooDeep { limit: LONGEST_CHAIN, start: self.chain[0].clone() });
        }
        let module = &self.set.modules[name];
        let information = module.information(self.set.blobs)?;
        self.marks.insert(name.to_owned(), Mark::Entered);
        self.chain.push(name.to_owned());
        for needed in &information.depends {
            self.visit_needed(needed)?;
        }
        for wish in &information.before {
            self.visit_wish(wish)?;
        }
        self.marks.insert(name.to_owned(), Mark::Done);
        self.order.push(module.clone());
        for wish in &information.after {
            self.visit_wish(wish)?;
        }
        self.chain.pop();
        Ok(())
    }

    fn visit_needed(&mut self, name: &str) -> Result<(), Error> {
        let chain_to = |chain: &[String]| chain.iter().cloned().chain([name.to_owned()]).collect();
        if self.marks.get(name) == Some(&Mark::Entered) {
            let start = self.chain.iter().position(|link| link == name).unwrap_or(0);
            return Err(Error::Cycle { chain: chain_to(&self.chain[start..]) });
        }
        if self.set.modules.contains_key(name) {
            return self.visit(name);
        }
        if self.set.builtin.contains(name) { Ok(()) } else { Err(Error::Missing { chain: chain_to(&self.chain) }) }
    }

    /// Visits what a soft dependency leads to. One that leads back to a module on the way is dropped.
    fn visit_wish(&mut self, wish: &str) -> Result<(), Error> {
        let names = if self.set.modules.contains_key(wish) {
            vec![wish.to_owned()]
        } else if self.set.builtin.contains(wish) || self.set.is_builtin_alias(wish) {
            Vec::new()
        } else {
            self.set.matching(wish)?
        };
        for name in names {
            if self.marks.get(&name) != Some(&Mark::Entered) {
                self.try_visit(&name)?;
            }
        }
        Ok(())
    }

    /// Visits a module, unless it depends on one on the way to it: then everything is as if it had not been entered.
    fn try_visit(&mut self, name: &str) -> Result<(), Error> {
        let depth = self.chain.len();
        match self.visit(name) {
            Err(Error::Cycle { .. }) => {
                for entered in self.chain.drain(depth..) {
                    self.marks.remove(&entered);
                }
                Ok(())
            }
            other => other,
        }
    }
}

/// Returns the number of characters to insert, remove or replace to get from one name to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
