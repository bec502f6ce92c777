//! Values of words, as far as they are known.

use std::collections::BTreeMap;

use super::lex::{Part, Word};

/// How long a word may become, with one byte more for each word that it is split into; a longer one counts as unknown.
const LONGEST: usize = 1 << 16;

/// What is known while a script is read.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// Variables by name; none for one whose value is not known. One that is not here may be of the environment.
    pub(super) variables: BTreeMap<String, Option<String>>,
    /// `$1`, `$2` and so on.
    pub(super) parameters: Vec<Option<String>>,
}

impl Scope {
    fn value(&self, name: &str) -> Option<String> {
        match name.parse::<usize>() {
            Ok(0) => None,
            Ok(number) => self.parameters.get(number - 1).cloned().unwrap_or_else(|| Some(String::new())),
            Err(_) if name == "#" => Some(self.parameters.len().to_string()),
            Err(_) => self.variables.get(name).cloned().flatten(),
        }
    }

    /// Returns the words that a word becomes; none if they are not known.
    pub(super) fn expand(&self, word: &Word) -> Option<Vec<String>> {
        let mut fields = Fields::default();
        self.expand_into(word, &mut fields)?;
        Some(fields.finish())
    }

    /// Returns what a word becomes where it is not split: after `=`, or after `case`.
    pub(super) fn expand_whole(&self, word: &Word) -> Option<String> {
        let mut fields = Fields { is_whole: true, ..Fields::default() };
        self.expand_into(word, &mut fields)?;
        Some(fields.finish().concat())
    }

    fn expand_into(&self, word: &Word, fields: &mut Fields) -> Option<()> {
        for part in &word.parts {
            self.expand_part(part, fields)?;
            if fields.len > LONGEST {
                return None;
            }
        }
        Some(())
    }

    fn expand_part(&self, part: &Part, fields: &mut Fields) -> Option<()> {
        match part {
            Part::Unknown => return None,
            Part::Output { printed, is_quoted, .. } => fields.push_value(printed.as_ref()?, *is_quoted),
            Part::Field { word, delimiter, number } => {
                let text = self.expand_whole(word)?;
                let field = text.split(*delimiter).nth(number - 1).unwrap_or_default();
                // Without the delimiter, `cut` gives the whole line.
                fields.push(if text.contains(*delimiter) { field } else { &text });
            }
            Part::Text { text, is_quoted } => {
                if !is_quoted && !fields.is_whole && text.contains(['*', '?']) {
                    return None;
                }
                fields.push(text);
            }
            Part::Variable { name, .. } if name == "@" || name == "*" => {
                let parameters: Option<Vec<String>> = self.parameters.iter().cloned().collect();
                fields.push_separate(&parameters?);
            }
            Part::Variable { name, instead, is_quoted, .. } => {
                self.expand_variable(name, instead.as_ref(), *is_quoted, fields)?;
            }
        }
        Some(())
    }

    fn expand_variable(
        &self,
        name: &str,
        instead: Option<&(&'static str, Word)>,
        is_quoted: bool,
        fields: &mut Fields,
    ) -> Option<()> {
        let value = self.value(name)?;
        match instead {
            Some((":-", word)) if value.is_empty() => self.expand_into(word, fields),
            Some((":+", _)) if value.is_empty() => Some(()),
            Some((":+" | "+", word)) => self.expand_into(word, fields),
            _ => {
                fields.push_value(&value, is_quoted);
                Some(())
            }
        }
    }
}

/// The fields of a word that is being expanded.
#[derive(Default)]
struct Fields {
    done: Vec<String>,
    current: Option<String>,
    is_whole: bool,
    /// The bytes of all of them, and one more for each that is done.
    len: usize,
}

impl Fields {
    fn push(&mut self, text: &str) {
        self.current.get_or_insert_default().push_str(text);
        self.len += text.len();
    }

    /// Ends the current field, if there is one.
    fn end(&mut self) {
        self.done.extend(self.current.take());
        self.len += 1;
    }

    /// Appends what stands for a variable or a command.
    fn push_value(&mut self, value: &str, is_quoted: bool) {
        if is_quoted { self.push(value) } else { self.push_split(value) }
    }

    /// Appends the value of a variable that is not quoted: blanks in it end words.
    fn push_split(&mut self, value: &str) {
        if self.is_whole {
            return self.push(value);
        }
        if value.starts_with(char::is_whitespace) {
            self.end();
        }
        for (number, field) in value.split_whitespace().enumerate() {
            if number > 0 {
                self.end();
            }
            self.push(field);
        }
        if value.ends_with(char::is_whitespace) {
            self.end();
        }
    }

    /// Appends `"$@"`. The quotes around it leave no word where there are no parameters.
    fn push_separate(&mut self, values: &[String]) {
        if values.is_empty() && self.current.as_deref() == Some("") {
            self.current = None;
        }
        for (number, value) in values.iter().enumerate() {
            if number > 0 {
                self.end();
            }
            self.push(value);
        }
    }

    fn finish(mut self) -> Vec<String> {
        self.done.extend(self.current);
        self.done
    }
}

/// Whether a text fits a pattern of `case`: `*`, `?` and sets like `[a-z]`. None if the pattern is not known.
pub(super) fn fits(scope: &Scope, pattern: &Word, text: &str) -> Option<bool> {
    let mut glob = Vec::new();
    for part in &pattern.parts {
        match part {
            Part::Text { text, is_quoted: false } if text.contains('[') => return None,
            Part::Text { text, is_quoted: false } => glob.extend(text.chars().map(|c| match c {
                '*' => Glob::Any,
                '?' => Glob::One,
                c => Glob::Char(c),
            })),
            Part::Text { text, is_quoted: true } => glob.extend(text.chars().map(Glob::Char)),
            other => {
                let word = Word { parts: vec![other.clone()], ..Word::default() };
                glob.extend(scope.expand_whole(&word)?.chars().map(Glob::Char));
            }
        }
    }
    Some(glob_fits(&glob, &text.chars().collect::<Vec<_>>()))
}

enum Glob {
    Any,
    One,
    Char(char),
}

/// Matches with one place to go back to, so that the time is the product of the lengths at most.
fn glob_fits(glob: &[Glob], text: &[char]) -> bool {
    let (mut at, mut from, mut back) = (0, 0, None);
    while from < text.len() {
        match glob.get(at) {
            Some(Glob::Any) => {
                back = Some((at + 1, from));
                at += 1;
            }
            Some(Glob::One) => (at, from) = (at + 1, from + 1),
            Some(Glob::Char(c)) if *c == text[from] => (at, from) = (at + 1, from + 1),
            _ => {
                let Some((after, start)) = back else { return false };
                back = Some((after, start + 1));
                (at, from) = (after, start + 1);
            }
        }
    }
    glob[at..].iter().all(|glob| matches!(glob, Glob::Any))
}
