//! The builder: realises recipes, and remembers in the store what came out.
//!
//! Every artefact is one object of the store: a blob is its bytes; a tree and extents are their serialised forms, which name
//! further blobs.

use std::io::{self, Write as _};
use std::path::Path;

use gravure_eval::graph::{self, Failure, Key, OutputType, Realise, Space, Task};
use gravure_formats::debian::Unreproduced;
use gravure_formats::{Data, Digest, Extent, Extents, Tree};
use gravure_sources::debian::{Access, Mirror};
use gravure_sources::{Error, Form, Reference, Store, is_current, write_image_of};

use crate::kinds;

/// Realises recipes with what `formats` can do, from and into a store.
pub struct Builder<'a> {
    /// Where objects are.
    pub store: &'a Store,
    /// Whether the network may be used.
    pub access: Access<'a>,
    /// Finds the mirror of a suite when a file of its archive is needed.
    pub mirror: &'a (dyn Fn(&str) -> Result<Mirror, Error> + Sync),
}

/// How many bytes of their own extents may have, beside those of blobs.
const MOST_OWN_BYTES: u64 = 1 << 20;

/// What a recipe makes.
pub(crate) enum Artefact {
    /// Bytes that are in the store already.
    Blob(Digest, u64),
    /// A tree.
    Tree(Tree),
    /// An image as extents.
    Extents(Extents),
}

impl Builder<'_> {
    /// Reads a tree that a recipe made.
    pub(crate) fn tree(&self, input: &graph::Output) -> Result<Tree, Failure> {
        assert_eq!(input.ty, OutputType::Tree, "lowering connects trees to what takes trees");
        Ok(Tree::from_serialised(&self.store.read(&Digest(input.digest))?)?)
    }

    /// Reads extents that a recipe made; a blob is one extent.
    pub(crate) fn extents(&self, input: &graph::Output) -> Result<Extents, Failure> {
        match input.ty {
            OutputType::Blob => Ok(Extents::from_blob(Digest(input.digest), input.len)),
            OutputType::Extents => Ok(Extents::from_serialised(&self.store.read(&Digest(input.digest))?)?),
            OutputType::Tree => panic!("lowering connects trees to what takes trees"),
        }
    }

    /// Notes that everything a graph consists of is in use, also what lies below nodes that are reused: so that garbage
    /// collection leaves it to the day on which something small changes.
    pub fn note_use(&self, graph: &graph::Graph) {
        graph.nodes().for_each(|node| self.store.note_use(namespace(Space::Node), &graph.key(node).0));
    }

    fn publish(&self, artefact: Artefact) -> Result<graph::Output, Failure> {
        Ok(match artefact {
            Artefact::Blob(digest, len) => graph::Output { ty: OutputType::Blob, digest: digest.0, len },
            Artefact::Tree(tree) => {
                let bytes = tree.to_bytes();
                graph::Output { ty: OutputType::Tree, digest: self.store.put(&bytes)?.0, len: bytes.len() as u64 }
            }
            Artefact::Extents(extents) => {
                let extents = self.with_bytes_apart(extents)?;
                let digest = self.store.put(&extents.to_bytes())?;
                graph::Output { ty: OutputType::Extents, digest: digest.0, len: extents.len() }
            }
        })
    }

    /// Puts the bytes of extents that have many into an object of their own: whatever the extents become part of, these bytes are
    /// written once and read once.
    fn with_bytes_apart(&self, extents: Extents) -> Result<Extents, Failure> {
        let own = || extents.runs().iter().filter(|run| matches!(run.data, Data::Bytes(_)));
        if own().map(|run| run.len).sum::<u64>() <= MOST_OWN_BYTES {
            return Ok(extents);
        }
        let mut object = self.store.writer()?;
        for run in own() {
            if let Data::Bytes(bytes) = &run.data {
                object.write_all(bytes)?;
            }
        }
        let (id, _) = object.finish()?;
        let mut offset = 0;
        let runs = extents.runs().iter().map(|run| match run.data {
            Data::Bytes(_) => {
                offset += run.len;
                Extent { data: Data::Blob { id, offset: offset - run.len }, ..*run }
            }
            Data::Blob { id, offset } => Extent { data: Data::Blob { id, offset }, ..*run },
        });
        Ok(Extents::assemble(extents.len(), runs.collect()))
    }

    /// Whether an output's object is there, and everything that it names.
    fn is_complete(&self, output: &graph::Output) -> bool {
        self.store.contains(&Digest(output.digest))
            && match output.ty {
                OutputType::Blob => true,
                OutputType::Tree => self.tree(output).is_ok_and(|tree| self.has_contents(&tree)),
                OutputType::Extents => self.extents(output).is_ok_and(|extents| self.has_blobs(&extents)),
            }
    }

    fn has_contents(&self, tree: &Tree) -> bool {
        let mut blobs: Vec<Digest> = tree
            .iter()
            .filter_map(|(_, _, entry)| match &entry.kind {
                gravure_formats::Kind::File(content) => Some(content.blobs()),
                _ => None,
            })
            .flatten()
            .collect();
        blobs.sort_unstable();
        blobs.dedup();
        blobs.iter().all(|id| self.store.contains(id))
    }

    fn has_blobs(&self, extents: &Extents) -> bool {
        extents.blobs().iter().all(|id| self.store.contains(id))
    }
}

impl Realise for Builder<'_> {
    fn realise(&self, task: &Task) -> Result<graph::Output, Failure> {
        let kind = kinds::find(&task.kind, task.version).ok_or_else(|| {
            io::Error::other(format!("this gravure does not know recipes `{}` of version {}", task.kind, task.version))
        })?;
        self.publish((kind.realise)(self, task)?)
    }

    fn waits(&self, kind: &str) -> bool {
        kinds::waits(kind)
    }
}

impl graph::Store for Builder<'_> {
    fn find(&self, space: Space, key: &Key) -> Option<graph::Output> {
        let bytes = self.store.recorded(namespace(space), &key.0)?;
        let output: graph::Output = serde_json::from_slice(&bytes).ok()?;
        self.is_complete(&output).then_some(output)
    }

    fn record(&self, space: Space, key: &Key, output: &graph::Output) -> Result<(), Failure> {
        let bytes = serde_json::to_vec(output).expect("an output is plain data");
        Ok(self.store.record(namespace(space), &key.0, &bytes)?)
    }
}

/// Returns what the store calls the records of a kind of keys.
fn namespace(space: Space) -> &'static str {
    match space {
        Space::Node => "nodes",
        Space::Action => "actions",
    }
}

/// Returns which object a record refers to: for those that the builder makes.
pub fn references(names: &str, value: &[u8]) -> Vec<Reference> {
    if ![Space::Node, Space::Action].map(namespace).contains(&names) {
        return Vec::new();
    }
    let reference = |output: graph::Output| {
        let form = match output.ty {
            OutputType::Blob => Form::Blob,
            OutputType::Tree => Form::Tree,
            OutputType::Extents => Form::Extents,
        };
        (Digest(output.digest), form)
    };
    serde_json::from_slice(value).map(reference).into_iter().collect()
}

/// Reads the report that a recipe of the kind `script-report` made.
///
/// # Errors
/// The object of the store is missing or damaged.
///
/// # Panics
/// When another kind has made it.
pub fn unreproduced_scripts(builder: &Builder<'_>, output: &graph::Output) -> Result<Vec<Unreproduced>, Error> {
    let bytes = builder.store.read(&Digest(output.digest))?;
    Ok(serde_json::from_slice(&bytes).expect("an object that has its digest is what was put"))
}

/// What became of the file of a finished node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It was written.
    Anew,
    /// It is what the last build wrote there, and nobody has touched it since.
    Current,
}

/// Writes a finished node as a file, unless it is there already: complete under its name, or not at all.
///
/// # Errors
/// The file cannot be written, or an object of the store is missing or damaged.
///
/// # Panics
/// When the node is a tree, which is no file.
pub fn write_output(builder: &Builder<'_>, output: &graph::Output, path: &Path) -> Result<Written, Error> {
    let content = content_of(output);
    if is_current(&content, builder.store, path) {
        return Ok(Written::Current);
    }
    let extents = match output.ty {
        OutputType::Blob => Extents::from_blob(Digest(output.digest), output.len),
        OutputType::Extents => {
            let bytes = builder.store.read(&Digest(output.digest))?;
            Extents::from_serialised(&bytes)
                .unwrap_or_else(|why| panic!("an object that has its digest is what was put: {why}"))
        }
        OutputType::Tree => panic!("a tree is no file"),
    };
    write_image_of(&content, &extents, builder.store, path)?;
    Ok(Written::Anew)
}

/// Returns a name for the bytes of an output. The object alone does not tell them: it may be the bytes, or describe them.
fn content_of(output: &graph::Output) -> Digest {
    let described = serde_json::to_vec(output).expect("an output is plain data");
    Digest::of(&described)
}
