//! Walking through a script: which commands run, with which words, under which conditions.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::expand::{Scope, fits};
use super::lex::{Part, Word};
use super::parse::{Chain, Join, List, Node, Pipeline, Simple, assignment, parse};
use super::{Command, Stage};

/// What sees the commands of a script one after another.
pub trait Visitor {
    /// Takes note of a command. Returns whether it succeeds, as far as that is known; what is read next depends on it.
    /// Tests of files (`[ -e path ]`) come here too.
    fn visit(&mut self, command: &Command) -> Option<bool>;

    /// Returns what a command prints that stands in `$(...)`, without a line end; none if that is not known. Its words are.
    fn output(&mut self, _command: &Command) -> Option<String> {
        None
    }

    /// Returns what debconf answers to the question of this name (`db_get`); none if that is not known.
    fn answer(&mut self, _question: &str) -> Option<String> {
        None
    }
}

/// How many commands are read at most, with groups, branches, assignments and rounds of loops, so that nested loops end.
const MOST_COMMANDS: usize = 20_000;
/// How deep functions may call functions.
const MOST_CALLS: usize = 16;
/// How deep commands may stand in others, called functions included: what a small stack holds.
const MOST_NESTED: usize = 128;
/// How much of a script is read, in bytes. The longest of Debian have a tenth of it.
const LONGEST_SCRIPT: usize = 1 << 20;
/// How long the words of a command may become together, with one byte more for each; those beyond count as unknown.
const LONGEST_COMMAND: usize = 1 << 17;
/// How long the value of a variable may be; a longer one counts as unknown.
const LONGEST_VALUE: usize = 1 << 13;
/// How many variables are kept; the value of any other counts as unknown.
const MOST_VARIABLES: usize = 1000;
/// How many conditions of a command are told, and how much of each, in bytes.
const MOST_CONDITIONS: usize = 32;
const LONGEST_CONDITION: usize = 200;
/// How many words of a test are looked at; a longer one has an unknown result.
const MOST_TESTED: usize = 64;

/// Reads a script as it runs on the first installation of its package.
pub fn read(script: &str, stage: Stage, visitor: &mut dyn Visitor) {
    let variables = BTreeMap::from([("DPKG_ROOT".to_owned(), Some(String::new()))]);
    let parameters = match stage {
        Stage::Install => vec![Some("install".to_owned())],
        Stage::Configure => vec![Some("configure".to_owned()), Some(String::new())],
    };
    let scope = Scope { variables, parameters };
    let mut reader = Reader {
        visitor,
        scope,
        functions: BTreeMap::new(),
        conditions: Vec::new(),
        n_certain: 0,
        doubts: Vec::new(),
        n_calls: 0,
        n_nested: 0,
        n_commands: 0,
        flow: Flow::Next,
        printed: None,
    };
    reader.list(&parse(start_of(script, LONGEST_SCRIPT)));
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Return,
    Exit,
}

struct Reader<'v> {
    visitor: &'v mut dyn Visitor,
    scope: Scope,
    functions: BTreeMap<String, Rc<List>>,
    conditions: Vec<String>,
    /// How many of the conditions the call of this function had already.
    n_certain: usize,
    /// Conditions under which the function or the script was perhaps left before; what follows may not be reached.
    doubts: Vec<String>,
    n_calls: usize,
    n_nested: usize,
    n_commands: usize,
    flow: Flow,
    /// What the commands in `$(...)` have printed so far, while these are read.
    printed: Option<Printed>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Printed {
    Known(String),
    Unknown,
}

impl Reader<'_> {
    /// Reads a list; returns whether its last command succeeds, if that is known.
    fn list(&mut self, list: &List) -> Option<bool> {
        let mut status = Some(true);
        for chain in list {
            if self.flow != Flow::Next || self.n_commands >= MOST_COMMANDS {
                break;
            }
            status = self.chain(chain);
        }
        status
    }

    fn chain(&mut self, chain: &Chain) -> Option<bool> {
        let outer = self.conditions.len();
        let mut status = self.pipeline(&chain.first);
        let mut source = chain.first.source.clone();
        for (join, pipeline) in &chain.rest {
            match (status, join) {
                (Some(true), Join::Or) | (Some(false), Join::And) => continue,
                (Some(_), _) => status = self.pipeline(pipeline),
                (None, join) => {
                    self.conditions.push(told(if *join == Join::Or { negated(&source) } else { source.clone() }));
                    let right = self.pipeline(pipeline);
                    // `a || true` succeeds whatever `a` does.
                    status = right.filter(|&succeeds| succeeds == (*join == Join::Or));
                }
            }
            source.clone_from(&pipeline.source);
            if self.flow != Flow::Next {
                break;
            }
        }
        self.conditions.truncate(outer);
        status
    }

    fn pipeline(&mut self, pipeline: &Pipeline) -> Option<bool> {
        let mut status = None;
        if pipeline.nodes.len() > 1 && self.printed.is_some() {
            self.printed = Some(Printed::Unknown);
        }
        for node in &pipeline.nodes {
            status = self.node(node);
        }
        if pipeline.nodes.len() > 1 {
            status = None;
        }
        status.map(|succeeds| succeeds != pipeline.is_negated)
    }

    fn node(&mut self, node: &Node) -> Option<bool> {
        self.n_commands += 1;
        if MOST_NESTED <= self.n_nested {
            return None;
        }
        self.n_nested += 1;
        let status = self.node_within(node);
        self.n_nested -= 1;
        status
    }

    fn node_within(&mut self, node: &Node) -> Option<bool> {
        match node {
            Node::Simple(simple) => self.simple(simple),
            Node::Group(list) => self.list(list),
            Node::Redirected { node, outputs } => {
                let command = self.command(outputs);
                self.visitor.visit(&command);
                self.node(node)
            }
            Node::If { branches, otherwise } => self.branches(branches, otherwise),
            Node::Case { word, arms } => self.case(word, arms),
            Node::For { name, words, body } => self.loop_over_words(name, words, body),
            Node::While { condition, body } => {
                let arm = |reader: &mut Self| {
                    reader.list(condition);
                    reader.list(body)
                };
                self.perhaps(vec![("while".to_owned(), Box::new(arm))]);
                None
            }
            Node::Function { name, body } => {
                self.functions.insert(name.clone(), Rc::new(body.clone()));
                Some(true)
            }
        }
    }

    fn branches(&mut self, branches: &[(List, List)], otherwise: &List) -> Option<bool> {
        let mut open: Vec<Arm<'_, Self>> = Vec::new();
        for (condition, body) in branches {
            match self.list(condition) {
                Some(false) => continue,
                Some(true) if open.is_empty() => return self.list(body),
                Some(true) => {
                    open.push((format!("else {}", source(condition)), Box::new(|reader| reader.list(body))));
                    self.perhaps(open);
                    return None;
                }
                None => open.push((source(condition), Box::new(|reader| reader.list(body)))),
            }
        }
        if open.is_empty() {
            return self.list(otherwise);
        }
        if !otherwise.is_empty() {
            let text = branches.last().map(|(condition, _)| negated(&source(condition))).unwrap_or_default();
            open.push((text, Box::new(|reader| reader.list(otherwise))));
        }
        self.perhaps(open);
        None
    }

    fn case(&mut self, word: &Word, arms: &[(Vec<Word>, List)]) -> Option<bool> {
        let value = self.expand_whole(word);
        let mut open: Vec<Arm<'_, Self>> = Vec::new();
        for (patterns, body) in arms {
            let fitting = patterns.iter().map(|pattern| fits(&self.scope, pattern, value.as_deref()?));
            let fitting: Vec<Option<bool>> = fitting.collect();
            if fitting.contains(&Some(true)) && open.is_empty() {
                return self.list(body);
            }
            if fitting.iter().all(|fits| *fits == Some(false)) {
                continue;
            }
            let patterns: Vec<&str> = patterns.iter().map(|pattern| pattern.source.as_str()).collect();
            let text = format!("case {} in {}", word.source, patterns.join(" | "));
            open.push((text, Box::new(|reader| reader.list(body))));
        }
        self.perhaps(open);
        None
    }

    fn loop_over_words(&mut self, name: &str, words: &[Word], body: &List) -> Option<bool> {
        let known: Option<Vec<Vec<String>>> = words.iter().map(|word| self.expand(word)).collect();
        let Some(values) = known.filter(|_| !words.is_empty()) else {
            self.set(name, None);
            let sources: Vec<&str> = words.iter().map(|word| word.source.as_str()).collect();
            let text = format!("for {name} in {}", sources.join(" "));
            self.perhaps(vec![(text, Box::new(|reader| reader.list(body)))]);
            return None;
        };
        for value in values.into_iter().flatten() {
            self.n_commands += 1;
            if MOST_COMMANDS <= self.n_commands {
                break;
            }
            self.set(name, Some(value));
            self.list(body);
        }
        None
    }

    /// Reads arms of which at most one runs, each under its condition, and settles what is known afterwards.
    fn perhaps(&mut self, arms: Vec<Arm<'_, Self>>) {
        let before = self.scope.variables.clone();
        let mut results = Vec::new();
        for (condition, read_arm) in arms {
            self.conditions.push(told(condition));
            read_arm(self);
            self.conditions.pop();
            results.push(std::mem::replace(&mut self.scope.variables, before.clone()));
        }
        for variables in &results {
            for (name, value) in variables {
                if before.get(name) != Some(value) {
                    let settled = settle(before.get(name), value, results.iter().map(|result| result.get(name)));
                    self.scope.variables.insert(name.clone(), settled);
                }
            }
        }
    }

    fn simple(&mut self, simple: &Simple) -> Option<bool> {
        if simple.words.is_empty() {
            return self.assign(&simple.assignments);
        }
        let command = self.command(simple);
        match command.words[0].as_str() {
            // With another status the installation fails, and nothing that follows matters.
            "exit" if command.words.get(1).is_none_or(|status| status == "0") => self.leave(Flow::Exit, 0),
            "return" => self.leave(Flow::Return, self.n_certain),
            "true" | ":" if simple.redirections.is_empty() => return Some(true),
            "false" => return Some(false),
            "shift" => {
                self.scope.parameters.drain(..self.scope.parameters.len().min(1));
                return Some(true);
            }
            "unset" => command.arguments().iter().for_each(|name| self.set(name, Some(String::new()))),
            "read" => command.arguments().iter().for_each(|name| self.set(name, None)),
            // debconf-devel(7): the answer is in `$RET`.
            "db_get" => {
                let answer = command.words.get(1).filter(|_| command.is_literal);
                let answer = answer.and_then(|question| self.visitor.answer(question));
                let is_known = answer.is_some();
                self.set("RET", answer);
                return is_known.then_some(true);
            }
            "db_fget" | "db_metaget" => self.set("RET", None),
            "export" | "local" | "readonly" => {
                return self.assign(&simple.words[1..].iter().filter_map(assignment).collect::<Vec<_>>());
            }
            "[" | "test" | "dpkg" => {
                if let Some(holds) = test(&command) {
                    return Some(holds);
                }
            }
            name => {
                if let Some(body) = self.functions.get(name).cloned() {
                    return self.call(&body, simple);
                }
            }
        }
        if self.printed.is_some() {
            return self.print(&command);
        }
        self.visitor.visit(&command)
    }

    /// Adds to what is printed. Returns whether the command succeeds, as far as that is known.
    fn print(&mut self, command: &Command) -> Option<bool> {
        match command.name() {
            "[" | "test" => return self.visitor.visit(command),
            "exit" | "return" | "unset" => return None,
            _ => {}
        }
        // The number in `2>&1` is not kept.
        let is_elsewhere = command.redirections.iter().any(|(_, file)| file != "/dev/null");
        let output = Some(command).filter(|command| command.is_certain() && !is_elsewhere);
        match (output.and_then(|command| self.visitor.output(command)), &mut self.printed) {
            (Some(text), Some(Printed::Known(printed))) => {
                printed.push_str(&text);
                let is_something = !text.is_empty();
                printed.extend(is_something.then_some('\n'));
                Some(is_something || command.name() == "echo")
            }
            _ => {
                self.printed = Some(Printed::Unknown);
                None
            }
        }
    }

    fn set(&mut self, name: &str, value: Option<String>) {
        let variables = &mut self.scope.variables;
        let value = value.filter(|value| value.len() <= LONGEST_VALUE);
        if variables.len() < MOST_VARIABLES || variables.contains_key(name) {
            variables.insert(name.to_owned(), value);
        }
    }

    fn assign(&mut self, assignments: &[(String, Word)]) -> Option<bool> {
        let mut is_known = true;
        for (name, word) in assignments {
            self.n_commands += 1;
            let value = self.expand_whole(word);
            // A command that prints the value may have failed.
            is_known &= value.is_some() && !prints(word);
            self.set(name, value);
        }
        is_known.then_some(true)
    }

    /// Leaves a function or the script, if it is certain that this is reached; else what follows is in doubt.
    fn leave(&mut self, flow: Flow, n_certain: usize) {
        match self.conditions.get(n_certain..) {
            None | Some([]) if self.doubts.is_empty() => self.flow = flow,
            // One more doubt changes nothing.
            Some([.., condition]) if self.doubts.len() < MOST_CONDITIONS => {
                self.doubts.push(format!("not left by: {condition}"));
            }
            _ => {}
        }
    }

    fn command(&mut self, simple: &Simple) -> Command {
        let (mut words, mut is_literal) = (Vec::new(), true);
        let mut room = LONGEST_COMMAND;
        for word in &simple.words {
            match self.expand_within(word, &mut room) {
                Some(known) => words.extend(known),
                None => {
                    is_literal = false;
                    words.push(word.source.clone());
                }
            }
        }
        if words.is_empty() {
            words.push(String::new());
        }
        let mut redirections = Vec::with_capacity(simple.redirections.len());
        let mut input = None;
        for (operator, word) in &simple.redirections {
            if operator.starts_with("<<") {
                input = self.expand_whole(word);
                continue;
            }
            let file = self.expand_whole(word).unwrap_or_else(|| word.source.clone());
            redirections.push((operator.to_string(), file));
        }
        let conditions = self.conditions.iter().chain(&self.doubts).take(MOST_CONDITIONS).cloned().collect();
        Command { words, redirections, input, line: simple.line, is_literal, conditions }
    }

    /// Returns the words that a word becomes; none if they are not known.
    fn expand(&mut self, word: &Word) -> Option<Vec<String>> {
        let word = self.with_outputs(word);
        self.scope.expand(&word)
    }

    /// As `expand`, as long as there is room for the words, which becomes less by them.
    fn expand_within(&mut self, word: &Word, room: &mut usize) -> Option<Vec<String>> {
        let words = self.expand(word)?;
        *room = room.checked_sub(words.iter().map(|word| word.len() + 1).sum())?;
        Some(words)
    }

    /// Returns what a word becomes where it is not split; none if that is not known.
    fn expand_whole(&mut self, word: &Word) -> Option<String> {
        let word = self.with_outputs(word);
        self.scope.expand_whole(&word)
    }

    /// Fills in what the commands in a word print.
    fn with_outputs<'w>(&mut self, word: &'w Word) -> Cow<'w, Word> {
        let mut word = Cow::Borrowed(word);
        if prints(&word) {
            for part in &mut word.to_mut().parts {
                if let Part::Output { script, printed, .. } = part {
                    *printed = self.output(script);
                }
            }
        }
        word
    }

    /// Returns what a script prints, without the line ends behind it; none unless all of it is known.
    fn output(&mut self, script: &str) -> Option<String> {
        if self.n_calls >= MOST_CALLS || self.n_commands >= MOST_COMMANDS {
            return None;
        }
        // A shell of its own: what it does to variables is lost, and the conditions for its being there are not its own.
        let outer = (self.scope.clone(), self.printed.replace(Printed::Known(String::new())));
        let (conditions, doubts) = (std::mem::take(&mut self.conditions), std::mem::take(&mut self.doubts));
        self.n_calls += 1;
        self.list(&parse(script));
        self.n_calls -= 1;
        (self.conditions, self.doubts, self.flow) = (conditions, doubts, Flow::Next);
        let printed = std::mem::replace(&mut self.printed, outer.1);
        self.scope = outer.0;
        match printed {
            Some(Printed::Known(text)) => Some(text.trim_end_matches('\n').to_owned()),
            _ => None,
        }
    }

    fn call(&mut self, body: &Rc<List>, simple: &Simple) -> Option<bool> {
        if self.n_calls >= MOST_CALLS {
            return None;
        }
        let mut parameters = Vec::new();
        let mut room = LONGEST_COMMAND;
        for word in &simple.words {
            match self.expand_within(word, &mut room) {
                Some(known) => parameters.extend(known.into_iter().map(Some)),
                None => parameters.push(None),
            }
        }
        parameters.drain(..parameters.len().min(1));
        let outer = std::mem::replace(&mut self.scope.parameters, parameters);
        let n_certain = std::mem::replace(&mut self.n_certain, self.conditions.len());
        let n_doubts = self.doubts.len();
        self.n_calls += 1;
        let status = self.list(body);
        self.n_calls -= 1;
        self.n_certain = n_certain;
        self.doubts.truncate(n_doubts);
        self.scope.parameters = outer;
        if self.flow == Flow::Return {
            self.flow = Flow::Next;
            return None;
        }
        status
    }
}

/// Whether a command prints a part of a word.
fn prints(word: &Word) -> bool {
    word.parts.iter().any(|part| matches!(part, Part::Output { .. }))
}

/// Something that is read under a condition, which is given as text.
type Arm<'a, R> = (String, Box<dyn FnOnce(&mut R) -> Option<bool> + 'a>);

/// Returns what is known of a variable after arms of which at most one ran. A variable that had no value takes the only
/// one it may have got.
fn settle<'a>(
    before: Option<&Option<String>>,
    value: &Option<String>,
    results: impl Iterator<Item = Option<&'a Option<String>>>,
) -> Option<String> {
    let had_none = before.is_none_or(|before| before.as_deref() == Some(""));
    let is_only = results.flatten().all(|other| other == value || Some(other) == before);
    value.clone().filter(|_| had_none && is_only)
}

/// Returns as much of a condition as is told.
fn told(mut condition: String) -> String {
    let len = start_of(&condition, LONGEST_CONDITION).len();
    if len < condition.len() {
        condition.truncate(len);
        condition.push_str("...");
    }
    condition
}

/// Returns the start of a text, of at most this many bytes.
fn start_of(text: &str, len: usize) -> &str {
    let len = len.min(text.len());
    let end = (0..=len).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default();
    &text[..end]
}

fn negated(condition: &str) -> String {
    condition.strip_prefix("! ").map_or_else(|| format!("! {condition}"), str::to_owned)
}

fn source(list: &List) -> String {
    let chains = list.iter().map(|chain| {
        let mut text = chain.first.source.clone();
        for (join, pipeline) in &chain.rest {
            text += if *join == Join::And { " && " } else { " || " };
            text += &pipeline.source;
        }
        text
    });
    chains.collect::<Vec<_>>().join("; ")
}

/// Words that are the same on a system of one architecture.
const ARCHITECTURE: [&str; 3] = ["$DPKG_MAINTSCRIPT_ARCH", "${DPKG_MAINTSCRIPT_ARCH}", "$(dpkg --print-architecture)"];

/// Returns whether a test of texts holds, or a comparison with the version that was configured before: there was none.
fn test(command: &Command) -> Option<bool> {
    if let [bracket, left, operator @ ("=" | "!="), right, ..] =
        command.words.iter().map(String::as_str).collect::<Vec<_>>()[..]
        && bracket == "["
        && [left, right].iter().all(|word| ARCHITECTURE.contains(&word.trim_matches('"')))
    {
        return Some(operator == "=");
    }
    if !command.is_literal {
        return None;
    }
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["[", inner @ .., "]"] | ["test", inner @ ..] => text_test(inner),
        // dpkg(1): an empty version is earlier than all, but for the operators with `-nl`, where it is later.
        ["dpkg", "--compare-versions", "", operator, version] if !version.is_empty() => match *operator {
            "lt" | "le" | "ne" | "gt-nl" | "ge-nl" | "<<" | "<=" | "<" => Some(true),
            "gt" | "ge" | "eq" | "lt-nl" | "le-nl" | ">>" | ">=" | ">" | "=" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn text_test(words: &[&str]) -> Option<bool> {
    if MOST_TESTED < words.len() {
        return None;
    }
    // `-a` binds closer.
    for (operator, settles) in [("-o", true), ("-a", false)] {
        if let Some(at) = words.iter().skip(1).position(|word| *word == operator).map(|at| at + 1) {
            // One side that is known may settle the whole.
            let (left, right) = (text_test(&words[..at]), text_test(&words[at + 1..]));
            return match left == Some(settles) || right == Some(settles) {
                true => Some(settles),
                false => left.and(right),
            };
        }
    }
    match words {
        ["!", rest @ ..] if !rest.is_empty() => text_test(rest).map(|holds| !holds),
        ["-z", text] => Some(text.is_empty()),
        ["-n", text] => Some(!text.is_empty()),
        [left, "=" | "==", right] => Some(left == right),
        [left, "!=", right] => Some(left != right),
        [left, "-eq", right] => Some(left.parse::<i64>().ok()? == right.parse::<i64>().ok()?),
        [left, "-gt", right] => Some(left.parse::<i64>().ok()? > right.parse::<i64>().ok()?),
        [text] => Some(!text.is_empty()),
        _ => None,
    }
}
