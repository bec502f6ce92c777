//! Recipes and tasks: one step of a build, before and after its inputs are known.
//!
//! ```text
//!  Recipe { kind, version, parameters, inputs: nodes   }   node key   = SHA-256(tag, JSON with the inputs' node keys)
//!  Task   { kind, version, parameters, inputs: outputs }   action key = SHA-256(tag, JSON of the task)
//! ```
//! The JSON is canonical: compact, fields in the order of declaration, maps sorted by key, no fractions. So a
//! task is its serialised form: whoever has that and the objects it names can run it, on any machine.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Digest as _;

use super::{NodeId, ParseHexError, hex};

/// Separates node keys from every other use of SHA-256; to be raised when the serialised form changes.
const NODE_TAG: &[u8] = b"gravure node 1\0";
/// The same for action keys.
const ACTION_TAG: &[u8] = b"gravure action 1\0";
/// How many hexadecimal digits of a key are shown to people.
const SHORT_DIGITS: usize = 12;

/// One step of a build: how to make an output from the outputs of other nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// Which code runs, such as `ext4`.
    pub kind: String,
    /// The version of that code: raised whenever the same inputs give other bytes.
    pub version: u32,
    /// What the code is told: plain data, whole numbers only.
    pub parameters: Value,
    /// The nodes whose outputs the code gets, in this order; the parameters say which is what.
    pub inputs: Vec<NodeId>,
    /// What people read in progress and graphs, such as "ext4 `root`"; no part of any key.
    pub label: String,
}

/// A recipe whose inputs are made: all that is needed to run it, apart from the objects it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Which code runs.
    pub kind: String,
    /// The version of that code.
    pub version: u32,
    /// What the code is told.
    pub parameters: Value,
    /// What the nodes that the recipe names came out as, in the same order.
    pub inputs: Vec<Output>,
}

/// The result of a recipe: an object of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// What the object is.
    #[serde(rename = "type")]
    pub ty: OutputType,
    /// The SHA-256 of the object, and thereby its name.
    #[serde(with = "hex")]
    pub digest: [u8; 32],
    /// The length of the object in bytes.
    pub len: u64,
}

/// What the object of an [`Output`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputType {
    /// Plain bytes.
    Blob,
    /// A serialised tree of files.
    Tree,
    /// A serialised extent map.
    Extents,
}

/// A SHA-256 that names a recipe (a *node key*) or a task (an *action key*).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(#[serde(with = "hex")] pub [u8; 32]);

impl Recipe {
    /// Returns the node key of this recipe over inputs that have the node keys `inputs`.
    ///
    /// # Panics
    /// If the parameters hold a fraction, whose text need not survive a round trip.
    pub(super) fn node_key(&self, inputs: &[Key]) -> Key {
        assert!(has_whole_numbers_only(&self.parameters), "parameters of `{}` hold no fractions", self.kind);
        Key::of(NODE_TAG, &canonical(&(&self.kind, self.version, &self.parameters, inputs)))
    }

    /// Returns the task of this recipe over inputs that came out as `inputs`.
    pub fn task(&self, inputs: Vec<Output>) -> Task {
        assert_eq!(inputs.len(), self.inputs.len(), "each input of a task is one output");
        Task { kind: self.kind.clone(), version: self.version, parameters: self.parameters.clone(), inputs }
    }
}

impl Task {
    /// Returns the key under which the output of this task is remembered.
    pub fn action_key(&self) -> Key {
        Key::of(ACTION_TAG, &self.to_json())
    }

    /// Returns the task's serialised form: canonical JSON.
    pub fn to_json(&self) -> String {
        canonical(self)
    }

    /// Returns the task whose serialised form is `json`.
    ///
    /// # Errors
    /// The text is no JSON, or not that of a task.
    pub fn from_json(json: &str) -> Result<Task, serde_json::Error> {
        let mut task: Task = serde_json::from_str(json)?;
        task.parameters.sort_all_objects();
        Ok(task)
    }
}

impl Key {
    fn of(tag: &[u8], json: &str) -> Key {
        Key(sha2::Sha256::new().chain_update(tag).chain_update(json).finalize().into())
    }

    /// Returns the first digits: what people read and type.
    pub fn short(&self) -> String {
        let mut digits = self.to_string();
        digits.truncate(SHORT_DIGITS);
        digits
    }
}

impl fmt::Display for Key {
    /// Writes 64 lower-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Key {
    type Err = ParseHexError;

    fn from_str(text: &str) -> Result<Key, ParseHexError> {
        hex::parse(text).map(Key)
    }
}

/// Returns the JSON of `value`; its maps are sorted already.
fn canonical<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("strings, numbers, lists and maps with string keys have a JSON form")
}

fn has_whole_numbers_only(value: &Value) -> bool {
    match value {
        Value::Number(number) => !number.is_f64(),
        Value::Array(values) => values.iter().all(has_whole_numbers_only),
        Value::Object(fields) => fields.values().all(has_whole_numbers_only),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Graph;
    use super::*;

    fn recipe(kind: &str, parameters: Value, inputs: &[NodeId]) -> Recipe {
        Recipe { kind: kind.into(), version: 1, parameters, inputs: inputs.into(), label: String::new() }
    }

    fn blob(byte: u8) -> Output {
        Output { ty: OutputType::Blob, digest: [byte; 32], len: 5 }
    }

    /// Every store in use is keyed by these: a change of any of them throws all caches away.
    #[test]
    fn keys_stay_what_they_are() {
        let mut graph = Graph::new();
        let leaf = graph.add(recipe("fetch", json!({"url": "http://example.org/a.deb", "sha256": "00"}), &[]));
        let root = graph.add(recipe("ext4", json!({"size": 4096, "label": "root", "features": []}), &[leaf, leaf]));
        let task = graph.recipe(root).task(vec![blob(1), Output { ty: OutputType::Tree, ..blob(2) }]);
        // Computed by another SHA-256 from the tags and the JSON.
        assert_eq!(graph.key(leaf).to_string(), "1182e415f1dc171c7b3764c440ebbc4f8bfa338cda006ec245a6e60f725758b1");
        assert_eq!(graph.key(root).to_string(), "464aee019ce2ed705de210fcc62dabc1753de40437db7d704cb4439f7978194f");
        assert_eq!(task.action_key().to_string(), "47821763a797055beac293dbddc2fa7f1ab1eab289f5f075c0224955254e5560");
        insta::assert_snapshot!(task.to_json(), @r#"{"kind":"ext4","version":1,"parameters":{"features":[],"label":"root","size":4096},"inputs":[{"type":"blob","digest":"0101010101010101010101010101010101010101010101010101010101010101","len":5},{"type":"tree","digest":"0202020202020202020202020202020202020202020202020202020202020202","len":5}]}"#);
    }

    #[test]
    fn a_task_is_its_serialised_form() {
        let task = Task {
            kind: "gzip".into(),
            version: 3,
            parameters: json!({"z": [1, -2, u64::MAX], "a": {"ü": null, "b": true}, "\n": "\u{1}\""}),
            inputs: vec![blob(7)],
        };
        let read = Task::from_json(&task.to_json()).unwrap();
        assert_eq!(read, task);
        assert_eq!(read.to_json(), task.to_json());
        assert_eq!(read.action_key(), task.action_key());

        let disordered = r#"{ "inputs": [], "version": 1, "parameters": {"b": 1, "a": 2}, "kind": "x" }"#;
        let task = Task::from_json(disordered).unwrap();
        assert_eq!(task.to_json(), r#"{"kind":"x","version":1,"parameters":{"a":2,"b":1},"inputs":[]}"#);
    }

    #[test]
    fn what_is_no_task_is_refused() {
        for json in [
            "",
            "[]",
            r#"{"kind": "x", "version": 1, "parameters": {}}"#,
            r#"{"kind": "x", "version": -1, "parameters": {}, "inputs": []}"#,
            r#"{"kind": "x", "version": 1, "parameters": {}, "inputs": [], "more": 1}"#,
            r#"{"kind": "x", "version": 1, "parameters": {}, "inputs": [{"type": "blob", "digest": "00", "len": 1}]}"#,
        ] {
            assert!(Task::from_json(json).is_err(), "{json}");
        }
    }

    #[test]
    fn all_of_a_task_is_in_its_key() {
        let task = Task { kind: "a".into(), version: 1, parameters: json!({"b": 1}), inputs: vec![blob(1), blob(2)] };
        let others = [
            Task { kind: "b".into(), ..task.clone() },
            Task { version: 2, ..task.clone() },
            Task { parameters: json!({"b": "1"}), ..task.clone() },
            Task { inputs: vec![blob(2), blob(1)], ..task.clone() },
            Task { inputs: vec![blob(1), Output { ty: OutputType::Tree, ..blob(2) }], ..task.clone() },
        ];
        for other in others {
            assert_ne!(other.action_key(), task.action_key(), "{other:?}");
        }
    }

    #[test]
    fn text_of_a_key() {
        let key = Key([0xab; 32]);
        assert_eq!(key.short(), "abababababab");
        assert_eq!(key.to_string().parse(), Ok(key));
        for text in ["", "ab", &"g".repeat(64), &"a".repeat(63), &"a".repeat(65), &"+1".repeat(32)] {
            assert_eq!(text.parse::<Key>(), Err(ParseHexError), "{text}");
        }
    }

    #[test]
    #[should_panic(expected = "parameters of `x` hold no fractions")]
    fn fractions_are_refused() {
        Graph::new().add(recipe("x", json!({"a": [1, {"b": 0.5}]}), &[]));
    }
}
