//! Every diagnostic of loading, resolving and evaluating: one constructor function each.
//!
//! E01xx names and files, E02xx records and types, E03xx evaluation.

use gravure_lang::{Diagnostic, Place};

use crate::names::nearest;

/// Whether two places are one.
pub(crate) fn same(a: Place, b: Place) -> bool {
    (a.file, a.span.start, a.span.end) == (b.file, b.span.start, b.span.end)
}

/// Adds a secondary label unless it would repeat the primary one.
pub(crate) fn also(diagnostic: Diagnostic, place: Place, text: &str) -> Diagnostic {
    if same(diagnostic.labels[0].place, place) { diagnostic } else { diagnostic.label(place, text) }
}

/// Joins words as in "a, b or c"; of many, only the first ones.
fn alternatives(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if words.len() <= MOST_ALTERNATIVES => format!("{} or {last}", first.join(", ")),
        words => {
            let shown = &words[..MOST_ALTERNATIVES - 2];
            format!("{} or one of {} more", shown.join(", "), words.len() - shown.len())
        }
    }
}

/// How many words a message lists.
const MOST_ALTERNATIVES: usize = 12;

// E01xx: names and files

/// What an unknown name was probably meant to be.
pub(crate) enum Hint {
    /// A field of the type that the body is put on.
    OfBase,
    /// Perhaps a field of whatever the body is put on.
    MaybeOfBase,
    /// This, which can stand here.
    Near(String),
    /// What this module of the standard library exports, which is not imported: its path, a name for it, and where the import
    /// could stand.
    Import(String, String, Place),
    /// There is nothing like it.
    None,
}

pub(crate) fn unknown_name(name: &str, hint: Hint, place: Place) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0101", format!("there is no `{name}` here"), place, "unknown name");
    match hint {
        Hint::OfBase => diagnostic
            .help(format!("write `self.{name}` for the field that is inherited"))
            .replacing(place, format!("self.{name}")),
        Hint::MaybeOfBase => diagnostic.help(format!("a field that only the base has is read as `self.{name}`")),
        Hint::Near(near) => diagnostic.write(near),
        Hint::Import(path, alias, at) => diagnostic
            .help(format!("add `import \"{path}\" as {alias}` at the top, and write `{alias}.{name}`"))
            .replacing(at, format!("import \"{path}\" as {alias}\n"))
            .replacing(place, format!("{alias}.{name}")),
        Hint::None => diagnostic,
    }
}

/// What a name inside its own definition was probably meant to be.
pub(crate) enum OwnName {
    /// A field, of which there may be another value below.
    Overridden,
    /// A function that calls itself.
    Function,
    /// Something else.
    Other,
}

pub(crate) fn own_name(name: &str, meant: OwnName, place: Place) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        "E0102",
        format!("`{name}` inside its own definition means an outer `{name}`, and there is none"),
        place,
        "unknown name",
    );
    diagnostic.help(match meant {
        OwnName::Overridden => format!("`super.{name}` is the value that is overridden; or rename one of the two"),
        OwnName::Function => format!("a function that calls itself is written `fn {name}(..) = ..`"),
        OwnName::Other => "rename one of the two".to_owned(),
    })
}

/// `is_of_self`: whether the field is one of the innermost body.
pub(crate) fn sibling_or_import(name: &str, is_of_self: bool, place: Place) -> Diagnostic {
    let message = format!("`{name}` is both a field beside it and an import");
    let diagnostic = Diagnostic::error("E0103", message, place, "which of the two?");
    if is_of_self {
        diagnostic
            .help(format!("write `self.{name}` for the field, or rename the import"))
            .replacing(place, format!("self.{name}"))
    } else {
        diagnostic.help(format!("with `let outer = self` beside the field it is `outer.{name}`; or rename the import"))
    }
}

pub(crate) fn doubled(name: &str, place: Place, first: Place) -> Diagnostic {
    Diagnostic::error("E0104", format!("`{name}` is defined twice"), place, "defined again here")
        .label(first, "defined here")
}

pub(crate) fn doubled_parameter(name: &str, place: Place) -> Diagnostic {
    Diagnostic::error("E0104", format!("`{name}` is given twice"), place, "given again here")
}

pub(crate) fn set_after_edit(name: &str, place: Place, edit: Place) -> Diagnostic {
    Diagnostic::error("E0105", format!("`{name} = ...` would undo the edit before it"), place, "set here")
        .label(edit, "already edited here")
        .help(format!("move `{name} = ...` before its edits"))
}

pub(crate) fn unknown_type(name: &str, near: Option<&str>, place: Place) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0106", format!("there is no type `{name}` here"), place, "unknown type");
    match near {
        Some(near) => diagnostic.write(near),
        None => diagnostic,
    }
}

pub(crate) fn not_a_record_type(name: &str, place: Place) -> Diagnostic {
    Diagnostic::error(
        "E0107",
        format!("`{name}` is no record type, so it cannot be extended"),
        place,
        "not a record type",
    )
}

pub(crate) fn type_takes_one(name: &str, given: usize, place: Place) -> Diagnostic {
    Diagnostic::error("E0108", format!("`{name}` takes one type, not {given}"), place, "this type")
}

pub(crate) fn type_ring(name: &str, place: Place) -> Diagnostic {
    Diagnostic::error("E0109", format!("the type `{name}` stands for itself"), place, "this closes the ring")
}

pub(crate) fn type_too_large(name: &str, most: usize, deepest: usize, place: Place) -> Diagnostic {
    let message = format!(
        "the type `{name}` consists of more than {} types, or is deeper than {deepest} of them",
        grouped(most as u64)
    );
    Diagnostic::error("E0116", message, place, "this type")
}

pub(crate) fn import_failed(path: &str, why: &str, place: Place) -> Diagnostic {
    Diagnostic::error("E0110", format!("cannot import `{path}`: {why}"), place, "imported here")
}

pub(crate) fn import_ring(ring: &[(&str, Place)]) -> Diagnostic {
    let mut names: Vec<&str> = ring.iter().map(|&(path, _)| path).collect();
    names.push(names[0]);
    let message = format!("files import one another in a ring: {}", names.join(" -> "));
    let imported =
        names[1..].iter().zip(ring).map(|(imported, &(_, place))| (place, format!("`{imported}` is imported here")));
    let mut imported: Vec<(Place, String)> = imported.collect();
    let (closing, text) = imported.pop().expect("a ring has an import");
    let diagnostic = Diagnostic::error("E0111", message, closing, text);
    imported.into_iter().fold(diagnostic, |diagnostic, (place, text)| diagnostic.label(place, text))
}

pub(crate) fn too_many_files(most: usize, place: Place) -> Diagnostic {
    Diagnostic::error("E0112", format!("more than {most} files are imported"), place, "from here")
        .limited_by("imports=N")
}

pub(crate) fn only_at_the_top(what: &str, place: Place) -> Diagnostic {
    Diagnostic::error("E0113", format!("`{what}` stands at the top of a file only"), place, "inside a record")
}

/// The code of a name that nothing uses.
pub(crate) const UNUSED: &str = "W0101";

/// `item` is what would have to go, where that is an item.
pub(crate) fn unused(name: &str, place: Place, item: Option<Place>) -> Diagnostic {
    let diagnostic =
        Diagnostic::warning(UNUSED, format!("nothing uses `{name}`"), place, "never used").help("remove it");
    match item {
        Some(item) => diagnostic.replacing(item, ""),
        None => diagnostic,
    }
}

pub(crate) fn type_as_value(name: &str, place: Place) -> Diagnostic {
    Diagnostic::error("E0114", format!("`{name}` is the name of a type, not a value"), place, "used as a value")
}

pub(crate) fn inheritance_ring(names: &[&str], place: Place) -> Diagnostic {
    Diagnostic::error("E0115", format!("inheritance cycle: {}", names.join(" -> ")), place, "this type extends itself")
}

pub(crate) fn no_override(place: Place) -> Diagnostic {
    Diagnostic::error("E0117", "this overrides no field", place, "not what a body says of a field")
        .help("an override is such as `my-os.timezone = \"UTC\"` or `my-os.services += [..]`")
}

// E02xx: records and types

/// `slot` says what holds the value: "`size`", "an element of `sizes`".
pub(crate) fn wrong_type(slot: &str, expected: &str, found: &str, place: Place, declared: Place) -> Diagnostic {
    let message = format!("{slot} must be `{expected}`, but this is {found}");
    also(Diagnostic::error("E0201", message, place, found), declared, "declared here")
}

/// Returns the place of the opening brace of a body: to underline the whole body would say no more.
pub(crate) fn brace(body: Place) -> Place {
    body.first(1)
}

/// The code of a field without a value.
pub(crate) const MISSING: &str = "E0202";

/// `path` leads from the record made at `made` to the field.
pub(crate) fn missing_field(record: &str, field: &str, path: &str, made: Place, declared: Place) -> Diagnostic {
    let message = format!("the field `{field}` of {record} has no value");
    let diagnostic = Diagnostic::error(MISSING, message, brace(made), format!("`{path}` is missing here"));
    also(diagnostic, declared, "declared here, without a default").help(format!("add `{path} = ...`"))
}

pub(crate) fn missing_to_edit(record: &str, field: &str, edit: Place, declared: Place) -> Diagnostic {
    let message = format!("the field `{field}` of {record} has no value");
    Diagnostic::error(MISSING, message, edit, "there is nothing to edit")
        .label(declared, "declared here, without a default")
        .help(format!("write `{field} = ...`"))
}

pub(crate) fn unknown_field(record: &str, field: &str, place: Place, near: Option<(&str, Place)>) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0203", format!("{record} has no field `{field}`"), place, "unknown field");
    match near {
        Some((near, declared)) => diagnostic.label(declared, "a similar field is declared here").write(near),
        None => diagnostic,
    }
}

pub(crate) fn no_member(symbol: &str, members: &[&str], slot: &str, place: Place, declared: Place) -> Diagnostic {
    also(none_of(symbol, members, &format!("the values of {slot}"), place), declared, "declared here")
}

/// A pattern of a `match` that its subject never equals.
pub(crate) fn never_matches(symbol: &str, members: &[&str], pattern: Place, subject: Place) -> Diagnostic {
    none_of(symbol, members, "the values that are matched", pattern).label(subject, "matched here")
}

fn none_of(symbol: &str, members: &[&str], values: &str, place: Place) -> Diagnostic {
    let quoted: Vec<String> = members.iter().map(|member| format!("`'{member}`")).collect();
    let diagnostic = Diagnostic::error("E0204", format!("`'{symbol}` is none of {values}"), place, "not a member")
        .note(format!("it may be {}", alternatives(&quoted)));
    match nearest(symbol, members.iter().copied()) {
        Some(near) => diagnostic.write(format!("'{near}")),
        None => diagnostic,
    }
}

/// `value` is what the file says of it.
pub(crate) fn private_name(record: &str, name: &str, place: Place, value: Place) -> Diagnostic {
    Diagnostic::error("E0203", format!("{record} keeps `{name}` to itself"), place, "a private name of that file")
        .label(value, "`let` defines it here")
        .help("without its `let` it is exported")
}

/// `made` is the body of the record; none of a file, which is too large to point at.
pub(crate) fn check_failed(message: &str, condition: Place, made: Option<Place>) -> Diagnostic {
    match made {
        Some(made) => {
            Diagnostic::error("E0205", message, brace(made), "in this record").label(condition, "this must hold")
        }
        None => Diagnostic::error("E0205", message, condition, "this must hold"),
    }
}

pub(crate) fn double_key(key: &str, place: Place, first: Place) -> Diagnostic {
    Diagnostic::error("E0206", format!("two elements have the key \"{key}\""), place, "used again here")
        .label(first, "first used here")
}

pub(crate) fn absent_key<'a>(key: &str, known: impl IntoIterator<Item = &'a str>, place: Place) -> Diagnostic {
    let known: Vec<&str> = known.into_iter().collect();
    let diagnostic = Diagnostic::error("E0207", format!("no element has the key \"{key}\""), place, "absent key");
    let quoted: Vec<String> = known.iter().take(8).map(|key| format!("\"{key}\"")).collect();
    match nearest(key, known) {
        Some(near) => diagnostic.write(gravure_lang::quote(near)),
        None if quoted.is_empty() => diagnostic.note("there are no elements"),
        None => diagnostic.note(format!("the keys are {}", quoted.join(", "))),
    }
}

pub(crate) fn not_extensible(found: &str, place: Place) -> Diagnostic {
    Diagnostic::error(
        "E0208",
        format!("only a record or a record type can be followed by braces, not {found}"),
        place,
        found.to_owned(),
    )
}

pub(crate) fn nothing_below(name: &str, place: Place, declared: Option<Place>) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        "E0209",
        format!("`super.{name}` has no value: nothing below defines `{name}`"),
        place,
        "nothing is below",
    );
    match declared {
        Some(declared) => also(diagnostic, declared, "declared here"),
        None => diagnostic,
    }
}

pub(crate) fn nothing_to_edit(name: &str, place: Place) -> Diagnostic {
    Diagnostic::error("E0209", format!("`{name}` has no value that could be edited"), place, "edited here")
        .help(format!("write `{name} = ...`"))
}

pub(crate) fn not_keyed(found: &str, place: Place) -> Diagnostic {
    Diagnostic::error("E0210", format!("only lists and maps have elements, not {found}"), place, "asked for by key")
}

/// `brackets`: where a field of a record is asked for as if it were an element, brackets included.
pub(crate) fn field_by_key(field: &str, key: Place, brackets: Place) -> Diagnostic {
    not_keyed("a record", key).help(format!("write `.{field}`")).replacing(brackets, format!(".{field}"))
}

pub(crate) fn no_key(element: Place, place: Place) -> Diagnostic {
    Diagnostic::error("E0210", "the elements of this list have no keys", place, "asked for by key")
        .label(element, "this element has none")
}

pub(crate) fn no_fields(found: &str, field: &str, place: Place) -> Diagnostic {
    Diagnostic::error(
        "E0211",
        format!("`.{field}` reads a field of a record, but this is {found}"),
        place,
        found.to_owned(),
    )
}

// E03xx: evaluation

/// A ring of needs: each link is what is needed next, and where. The last link leads to the first value again.
pub(crate) fn cycle(links: &[(&str, Place)]) -> Diagnostic {
    let last = links.len() - 1;
    let first = links[last].0;
    let label = |number: usize| match (number, number == last) {
        (0, true) => format!("`{first}` needs `{first}` again"),
        (0, false) => format!("`{first}` needs `{}` ...", links[0].0),
        (_, true) => format!("... which needs `{first}` again"),
        (_, false) => format!("... which needs `{}` ...", links[number].0),
    };
    let message = format!("`{first}` depends on itself");
    let diagnostic = Diagnostic::error("E0301", message, links[0].1, label(0));
    let shown = |number: &usize| *number < SHOWN_LINKS || *number == last;
    let diagnostic = (1..links.len())
        .filter(shown)
        .fold(diagnostic, |diagnostic, number| diagnostic.label(links[number].1, label(number)));
    match links.len().saturating_sub(SHOWN_LINKS + 1) {
        0 => diagnostic,
        more => diagnostic.note(format!("{more} more stand between the last two")),
    }
}

/// How many links of a ring are shown besides the last.
const SHOWN_LINKS: usize = 5;

/// A ring of values that have no names, such as elements of lists.
pub(crate) fn nameless_cycle(values: &[Place]) -> Diagnostic {
    let (first, others) = (values[0], &values[1..]);
    if others.is_empty() {
        return Diagnostic::error("E0301", "this value depends on itself", first, "needs itself");
    }
    let diagnostic = Diagnostic::error("E0301", "this value depends on itself", first, "this needs ...");
    others.iter().take(SHOWN_LINKS).enumerate().fold(diagnostic, |diagnostic, (number, &place)| {
        let last = number + 1 == others.len();
        diagnostic
            .label(place, if last { "... this, which needs the first again" } else { "... this, which needs ..." })
    })
}

pub(crate) fn too_deep(limit: usize, last: &[Place]) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0302", format!("call depth limit {limit} exceeded"), last[0], "needed here");
    let mut diagnostic = last[1..].iter().fold(diagnostic, |diagnostic, &place| also(diagnostic, place, "needed here"));
    diagnostic.notes.push(format!("... {} more", limit.saturating_sub(last.len())));
    diagnostic.limited_by("call-depth=N")
}

pub(crate) fn too_nested(limit: usize, place: Place) -> Diagnostic {
    Diagnostic::error(
        "E0302",
        format!("more than {} expressions wait for one another", grouped(limit as u64)),
        place,
        "the innermost",
    )
    .limited_by("call-depth=N")
}

pub(crate) fn too_many_steps(limit: u64, place: Place) -> Diagnostic {
    Diagnostic::error(
        "E0311",
        format!("the evaluation takes more than {} steps", grouped(limit)),
        place,
        "stopped here",
    )
    .limited_by("steps=N")
}

pub(crate) fn too_much_memory(limit: usize, place: Place) -> Diagnostic {
    let limit = gravure_lang::print_size(limit as u64);
    Diagnostic::error("E0311", format!("the evaluation takes more than {limit} of memory"), place, "stopped here")
        .limited_by("memory=SIZE")
}

pub(crate) fn raised(message: &str, place: Place) -> Diagnostic {
    Diagnostic::error("E0303", message, place, "raised here")
}

/// An argument of a function of the prelude, which takes one of these kinds.
pub(crate) fn wrong_argument(name: &str, kinds: &[&str], found: &str, place: Place) -> Diagnostic {
    let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    wrong_operand(&format!("`{name}`"), &alternatives(&kinds), found, place)
}

pub(crate) fn wrong_operand(what: &str, expected: &str, found: &str, place: Place) -> Diagnostic {
    Diagnostic::error("E0304", format!("{what} needs {expected}, but this is {found}"), place, found.to_owned())
}

pub(crate) fn wrong_operands(operator: &str, left: &str, right: &str, place: Place) -> Diagnostic {
    let text = format!("{left} and {right}");
    let verb = if operator.starts_with(['<', '>']) { "compare" } else { "combine" };
    let diagnostic = Diagnostic::error("E0304", format!("`{operator}` cannot {verb} {text}"), place, text);
    match (operator, left, right) {
        ("+", "a list", _) => diagnostic.help("to add one element, put it into brackets"),
        ("+", "a string", "an integer" | "a size" | "a symbol")
        | ("+", "an integer" | "a size" | "a symbol", "a string") => {
            diagnostic.help("a value is put into a text as in \"${value}\"")
        }
        (_, "a size", "an integer") | (_, "an integer", "a size") => {
            diagnostic.help("sizes have their unit, such as `512B` or `16MiB`")
        }
        _ => diagnostic,
    }
}

pub(crate) fn no_result(operator: &str, left: &str, right: &str, why: &str, place: Place) -> Diagnostic {
    Diagnostic::error("E0305", format!("`{left} {operator} {right}` has no result: {why}"), place, "")
}

pub(crate) fn overflow(place: Place) -> Diagnostic {
    Diagnostic::error("E0305", "the result is out of range", place, "out of range")
}

pub(crate) fn not_a_function(found: &str, place: Place) -> Diagnostic {
    Diagnostic::error("E0306", format!("only a function can be called, not {found}"), place, found.to_owned())
}

pub(crate) fn too_many_arguments(takes: usize, given: usize, place: Place) -> Diagnostic {
    let message = format!("this function takes {}, not {given}", arguments(takes));
    Diagnostic::error("E0306", message, place, "called here")
}

pub(crate) fn wrong_arity(name: &str, takes: usize, given: usize, place: Place) -> Diagnostic {
    let message = format!("`{name}` takes {}, not {given}", arguments(takes));
    Diagnostic::error("E0306", message, place, "called here")
}

fn arguments(number: usize) -> String {
    if number == 1 { "1 argument".to_owned() } else { format!("{number} arguments") }
}

pub(crate) fn missing_argument(name: &str, place: Place, declared: Place) -> Diagnostic {
    Diagnostic::error("E0306", format!("the argument `{name}` is missing"), place, "called here")
        .label(declared, "declared here")
}

pub(crate) fn unknown_parameter<'a>(name: &str, known: impl IntoIterator<Item = &'a str>, place: Place) -> Diagnostic {
    let diagnostic =
        Diagnostic::error("E0306", format!("the function has no parameter `{name}`"), place, "unknown parameter");
    match nearest(name, known) {
        Some(near) => diagnostic.write(near),
        None => diagnostic,
    }
}

pub(crate) fn no_named_arguments(name: &str, place: Place) -> Diagnostic {
    Diagnostic::error("E0306", format!("`{name}` takes its arguments in order, without names"), place, "a name")
}

pub(crate) fn index_out_of_range(index: i64, len: usize, place: Place) -> Diagnostic {
    Diagnostic::error("E0307", format!("there is no element {index} in a list of {len}"), place, "out of range")
}

/// `what` and `unit` are counted: "a list" has "elements".
pub(crate) fn over_limit(what: &str, len: u64, most: u64, unit: &str, place: Place) -> Diagnostic {
    let message = format!("{what} would have {} {unit}; the limit is {}", grouped(len), grouped(most));
    let setting = match unit {
        "bytes" => "string=SIZE",
        "levels" => "shown-levels=N",
        "values" => "shown-values=N",
        _ => "list=N",
    };
    Diagnostic::error("E0308", message, place, "made here").limited_by(setting)
}

/// Returns a number with its digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).expect("digits are ASCII")).collect();
    groups.join(",")
}

/// `arm` is the value as an arm would have it, if it can stand there.
pub(crate) fn no_arm(value: &str, arm: Option<&str>, subject: Place) -> Diagnostic {
    let diagnostic =
        Diagnostic::error("E0309", format!("no arm of this `match` accepts {value}"), subject, "has this value");
    match arm {
        Some(arm) => diagnostic.help(format!("add the arm `{arm} => ...`, or `_ => ...`")),
        None => diagnostic.help("add the arm `_ => ...`"),
    }
}

/// `missing` are the values as arms would have them.
pub(crate) fn arms_missing(missing: &[String], subject: Place) -> Diagnostic {
    let quoted: Vec<String> = missing.iter().map(|value| format!("`{value}`")).collect();
    let message = format!("no arm of this `match` accepts {}", alternatives(&quoted));
    Diagnostic::error("E0309", message, subject, "may have such a value")
        .help(format!("add the arm `{} => ...`, or `_ => ...`", missing[0]))
}

pub(crate) fn not_interpolated(found: &str, place: Place) -> Diagnostic {
    Diagnostic::error("E0310", format!("a text cannot contain {found}"), place, found.to_owned())
        .note("a text can contain strings, integers, sizes and symbols")
}
