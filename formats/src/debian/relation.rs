//! Relations between packages, the values of `Depends`, `Provides`, `Conflicts` and their like: Debian policy, section 7.1.
//!
//! ```text
//! default-mta | mail-transport-agent, libc6 (>= 2.36), python3:any
//! `-- relation  `-- alternative       `-- bound        `-- qualifier
//! `------------- group -------------'
//! ```
//! Groups are met one by one; a group is met when one of its alternatives is. Restrictions to architectures and build
//! profiles (`[amd64]`, `<!nocheck>`) only occur in sources of packages, and are read over.

use std::fmt;

use crate::debian_version::{ParseVersionError, Version};

/// Alternatives, of which one is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group<'a> {
    /// At least one; the first is what the package's maintainer prefers.
    pub alternatives: Vec<Relation<'a>>,
}

/// A package that is meant, by name and perhaps by version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relation<'a> {
    /// The name of a package, or one that packages provide.
    pub name: &'a str,
    /// What stands behind the colon of the name.
    pub qualifier: Option<Qualifier<'a>>,
    /// Which versions are meant; all when there is none.
    pub bound: Option<Bound<'a>>,
}

/// Of which architecture the package is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qualifier<'a> {
    /// `:any`: of whichever, if the package allows it.
    Any,
    /// `:native`: the one of the system.
    Native,
    /// The one with this name.
    Architecture(&'a str),
}

/// A limit to versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound<'a> {
    /// On which side of the version, and whether with it.
    pub comparison: Comparison,
    /// The version as it is written.
    pub text: &'a str,
    version: Version<'a>,
}

/// How a version compares to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<<`
    Earlier,
    /// `<=`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`
    LaterOrEqual,
    /// `>>`
    Later,
}

/// Why a text is no list of relations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationError {
    /// The relation that is wrong, as it stands in the text.
    pub relation: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is no name, or it has a character that names do not have.
    Name,
    /// Nothing stands behind the colon.
    Qualifier,
    /// A bracket is not closed, or something else stands behind the name.
    Brackets,
    /// The parentheses do not start with a comparison.
    Comparison,
    /// The parentheses do not end with a version.
    Version(ParseVersionError),
    /// There are alternatives where a field has none.
    Alternatives,
}

impl fmt::Display for RelationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no relation to a package: ", self.relation.escape_debug())?;
        match self.problem {
            Problem::Name => f.write_str("a name is made of letters, digits, `+`, `-` and `.`"),
            Problem::Qualifier => f.write_str("an architecture follows `:`"),
            Problem::Brackets => f.write_str("what follows the name stands in brackets"),
            Problem::Comparison => f.write_str("a version follows one of `<<`, `<=`, `=`, `>=`, `>>`"),
            Problem::Version(error) => error.fmt(f),
            Problem::Alternatives => f.write_str("this field has no alternatives"),
        }
    }
}

impl std::error::Error for RelationError {}

impl Comparison {
    const ALL: [Comparison; 5] = [
        Comparison::Earlier,
        Comparison::EarlierOrEqual,
        Comparison::LaterOrEqual,
        Comparison::Later,
        Comparison::Equal,
    ];

    /// Returns how it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Comparison::Earlier => "<<",
            Comparison::EarlierOrEqual => "<=",
            Comparison::Equal => "=",
            Comparison::LaterOrEqual => ">=",
            Comparison::Later => ">>",
        }
    }

    /// Whether `version` lies on the side of `limit` that is meant.
    pub fn holds(self, version: &Version<'_>, limit: &Version<'_>) -> bool {
        let order = version.cmp(limit);
        match self {
            Comparison::Earlier => order.is_lt(),
            Comparison::EarlierOrEqual => order.is_le(),
            Comparison::Equal => order.is_eq(),
            Comparison::LaterOrEqual => order.is_ge(),
            Comparison::Later => order.is_gt(),
        }
    }
}

impl<'a> Bound<'a> {
    /// Returns the bound at a version.
    ///
    /// # Errors
    /// The text is no version.
    pub fn new(comparison: Comparison, text: &'a str) -> Result<Bound<'a>, ParseVersionError> {
        Ok(Bound { comparison, text, version: Version::parse(text)? })
    }

    /// Whether the version is one of those that are meant.
    pub fn admits(&self, version: &Version<'_>) -> bool {
        self.comparison.holds(version, &self.version)
    }

    /// Returns the version at the bound.
    pub fn version(&self) -> Version<'a> {
        self.version
    }
}

impl fmt::Display for Bound<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.comparison.symbol(), self.text)
    }
}

impl fmt::Display for Relation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        match self.qualifier {
            None => {}
            Some(Qualifier::Any) => f.write_str(":any")?,
            Some(Qualifier::Native) => f.write_str(":native")?,
            Some(Qualifier::Architecture(name)) => write!(f, ":{name}")?,
        }
        self.bound.map_or(Ok(()), |bound| write!(f, " ({bound})"))
    }
}

impl fmt::Display for Group<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alternatives: Vec<String> = self.alternatives.iter().map(ToString::to_string).collect();
        f.write_str(&alternatives.join(" | "))
    }
}

/// Reads a field whose groups may have alternatives: `Depends`, `Pre-Depends`, `Recommends`.
///
/// # Errors
/// A relation is malformed. That nothing stands between two commas is none: archives have such.
pub fn parse_groups(text: &str) -> Result<Vec<Group<'_>>, RelationError> {
    elements(text).map(parse_group).collect()
}

/// Reads a field that has no alternatives: `Provides`, `Conflicts`, `Breaks`, `Replaces`.
///
/// # Errors
/// A relation is malformed, or there are alternatives.
pub fn parse_relations(text: &str) -> Result<Vec<Relation<'_>>, RelationError> {
    elements(text)
        .map(|element| if element.contains('|') { fail(element, Problem::Alternatives) } else { parse(element) })
        .collect()
}

/// Returns what stands between the commas of a field.
pub(super) fn elements(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|element| !element.is_empty())
}

/// Returns the name at the start of a relation.
pub(super) fn name_of(relation: &str) -> &str {
    let end = relation.find(|character: char| character.is_ascii_whitespace() || "(:[<".contains(character));
    &relation[..end.unwrap_or(relation.len())]
}

fn parse_group(text: &str) -> Result<Group<'_>, RelationError> {
    let alternatives: Result<_, _> = text.split('|').map(|relation| parse(relation.trim())).collect();
    Ok(Group { alternatives: alternatives? })
}

fn fail<T>(relation: &str, problem: Problem) -> Result<T, RelationError> {
    Err(RelationError { relation: relation.to_owned(), problem })
}

fn parse(text: &str) -> Result<Relation<'_>, RelationError> {
    parse_relation(text).or_else(|problem| fail(text, problem))
}

fn parse_relation(text: &str) -> Result<Relation<'_>, Problem> {
    let name = name_of(text);
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte);
    if name.is_empty() || !name.bytes().all(usual) {
        return Err(Problem::Name);
    }
    let (qualifier, mut rest) = parse_qualifier(&text[name.len()..])?;
    let mut bound = None;
    while let Some(open) = rest.trim_start().chars().next() {
        let (inside, behind) = brackets(rest.trim_start(), open)?;
        if open == '(' {
            bound = Some(parse_bound(inside)?);
        }
        rest = behind;
    }
    Ok(Relation { name, qualifier, bound })
}

fn parse_qualifier(text: &str) -> Result<(Option<Qualifier<'_>>, &str), Problem> {
    let Some(text) = text.strip_prefix(':') else { return Ok((None, text)) };
    let name = name_of(text);
    let qualifier = match name {
        "" => return Err(Problem::Qualifier),
        "any" => Qualifier::Any,
        "native" => Qualifier::Native,
        _ => Qualifier::Architecture(name),
    };
    Ok((Some(qualifier), &text[name.len()..]))
}

/// Returns what is inside the brackets at the start of the text, and what is behind them.
fn brackets(text: &str, open: char) -> Result<(&str, &str), Problem> {
    let close = match open {
        '(' => ')',
        '[' => ']',
        '<' => '>',
        _ => return Err(Problem::Brackets),
    };
    text[open.len_utf8()..].split_once(close).ok_or(Problem::Brackets)
}

fn parse_bound(text: &str) -> Result<Bound<'_>, Problem> {
    let text = text.trim();
    let exact =
        Comparison::ALL.into_iter().find_map(|comparison| Some((comparison, text.strip_prefix(comparison.symbol())?)));
    // Before 1995 `<` meant `<=`; dpkg still reads it so.
    let old = || {
        let later = text.strip_prefix('>').map(|rest| (Comparison::LaterOrEqual, rest));
        later.or_else(|| Some((Comparison::EarlierOrEqual, text.strip_prefix('<')?)))
    };
    let (comparison, version) = exact.or_else(old).ok_or(Problem::Comparison)?;
    Bound::new(comparison, version.trim()).map_err(Problem::Version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_are_read_and_written() {
        let check = |text, expected: &[&str]| {
            let groups: Vec<String> = parse_groups(text).unwrap().iter().map(ToString::to_string).collect();
            assert_eq!(groups, expected);
        };
        check("", &[]);
        check("a", &["a"]);
        check("a|b, c", &["a | b", "c"]);
        check(
            "a (>=1),\n\tb( << 2:1-1 ) | c:any (= 1),, d:native [amd64] <!nocheck>, e:arm64 [i386](>> 2),",
            &["a (>= 1)", "b (<< 2:1-1) | c:any (= 1)", "d:native", "e:arm64 (>> 2)"],
        );
        check("a (< 1), b (> 2)", &["a (<= 1)", "b (>= 2)"]);
    }

    #[test]
    fn malformed_relations_say_what_is_wrong() {
        let check = |text, expected: &str| {
            assert_eq!(parse_groups(text).unwrap_err().to_string(), expected);
        };
        let name = "is no relation to a package: a name is made of letters, digits, `+`, `-` and `.`";
        check("a, b |", &format!("`` {name}"));
        check("a, $b", &format!("`$b` {name}"));
        check("(>= 1)", &format!("`(>= 1)` {name}"));
        check("a:", "`a:` is no relation to a package: an architecture follows `:`");
        check("a (>= 1", "`a (>= 1` is no relation to a package: what follows the name stands in brackets");
        check("a b", "`a b` is no relation to a package: what follows the name stands in brackets");
        check("a (1)", "`a (1)` is no relation to a package: a version follows one of `<<`, `<=`, `=`, `>=`, `>>`");
        check("a (= 1_2)", "`a (= 1_2)` is no relation to a package: a version may not contain `_`");
        let error = parse_relations("a, b | c").unwrap_err();
        assert_eq!(error.to_string(), "`b | c` is no relation to a package: this field has no alternatives");
    }

    #[test]
    fn bounds_admit_versions() {
        for (bound, admitted) in [("<<", "1"), ("<=", "12"), ("=", "2"), (">=", "23"), (">>", "3")] {
            let text = format!("a ({bound} 2)");
            let bound = parse_relations(&text).unwrap()[0].bound.unwrap();
            let is_admitted = |version: &&str| bound.admits(&Version::parse(version).unwrap());
            assert_eq!(["1", "2", "3"].into_iter().filter(is_admitted).collect::<String>(), admitted, "{text}");
        }
    }
}
