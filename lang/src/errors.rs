//! The diagnostics of the front end: one constructor each, codes E0006 to E0039 and W0001 (`source.rs` has
//! those of texts that cannot be read at all, E0001 to E0005).

use crate::number::{NumberError, UNITS, nearest_unit};
use crate::token::Kind;
use crate::{Diagnostic, MAX_DEPTH, Place};

// Strings, numbers, characters.

pub(crate) fn stray_characters(place: Place, found: &str, after: Option<char>) -> Diagnostic {
    let message = if found == "`" { "unexpected backquote".to_string() } else { format!("unexpected `{found}`") };
    let error = Diagnostic::error("E0006", message, place, "this begins no token");
    match found.chars().next() {
        Some('\'') if after.is_some_and(|c| c.is_ascii_digit()) => {
            error.help("a symbol begins with a letter; write a string")
        }
        Some('\'') => error.help("strings stand in double quotes; a symbol such as `'ext4` has one quote, before it"),
        Some('?') => error.help("`?` ends a name, so `a ?? b` needs a space before `??`"),
        Some('`') => error.help("strings stand in double quotes"),
        Some('$') => error.help("`${..}` works inside of strings; a name is written without `$`"),
        Some('\u{201c}' | '\u{201d}' | '\u{201e}') => error.help("use straight double quotes"),
        Some('\\') => error.help("a line may be broken behind any operator, without a mark"),
        _ => error,
    }
}

pub(crate) fn unterminated_string(opening: Place, is_block: bool) -> Diagnostic {
    let (label, help) = if is_block {
        ("this string is never closed", "close it with `\"\"\"` on a line of its own behind the text")
    } else {
        ("this string has no end on its line", "add `\"`, or use `\"\"\"` for text of several lines")
    };
    Diagnostic::error("E0007", "unterminated string", opening, label).help(help)
}

pub(crate) fn unterminated_interpolation(opening: Place) -> Diagnostic {
    Diagnostic::error("E0007", "unterminated string", opening, "this string has a `${` that is never closed")
        .help("add the missing `}`; `\\${` is a literal `${`")
}

pub(crate) fn unknown_escape(place: Place, escape: &str) -> Diagnostic {
    let help = if escape.starts_with("\\u") {
        "the number of the character stands in braces, in hexadecimal: `\\u{e9}`"
    } else {
        "the escapes are \\n \\t \\r \\\" \\\\ \\$ \\u{..}; `r\"..\"` takes a backslash literally"
    };
    Diagnostic::error("E0008", format!("unknown escape `{escape}`"), place, "not an escape").help(help)
}

pub(crate) fn text_beside_quotes(text: Place, opening: Place) -> Diagnostic {
    Diagnostic::error("E0009", "text of several lines begins beside the `\"\"\"`", text, "move this to the next line")
        .label(opening, "the string begins here")
        .help("begin the text on the line below `\"\"\"`")
}

pub(crate) fn less_indented(line: Place, closing: Place) -> Diagnostic {
    Diagnostic::error(
        "E0010",
        "a line is indented less than the closing `\"\"\"`",
        line,
        "too little indentation, or tabs against spaces",
    )
    .label(closing, "this much is removed from each line")
    .help("move the closing `\"\"\"` to the left, or indent the line")
}

pub(crate) fn number(place: Place, text: &str, error: NumberError<'_>) -> Diagnostic {
    match error {
        NumberError::Malformed => {
            Diagnostic::error("E0011", format!("`{text}` is not a number"), place, "malformed number")
                .help("numbers look like `42`, `1_000` or `0x1F`")
        }
        NumberError::Fraction => {
            Diagnostic::error("E0011", "a number has no fraction", place, "there are only whole numbers")
                .help(format!("only sizes may have one: `{text}GiB`"))
        }
        NumberError::IntRange => Diagnostic::error("E0012", format!("`{text}` is too large"), place, "out of range")
            .help("the largest integer is 9223372036854775807"),
        NumberError::SizeRange => {
            Diagnostic::error("E0012", format!("the size `{text}` is too large"), place, "out of range")
                .help("the largest size is one byte less than 16777216TiB")
        }
        NumberError::PartOfByte => Diagnostic::error(
            "E0013",
            format!("`{text}` is not a whole number of bytes"),
            place,
            "has a part of a byte",
        )
        .help("sizes are exact; write it in a smaller unit"),
        NumberError::Unit(unit) => unknown_unit(place, text, unit),
    }
}

fn unknown_unit(place: Place, text: &str, unit: &str) -> Diagnostic {
    let digits = &text[..text.len() - unit.len()];
    let is_larger = ["P", "PB", "PiB", "E", "EB", "EiB", "Z", "ZB", "ZiB"].contains(&unit);
    if is_larger {
        return Diagnostic::error("E0012", format!("the size `{text}` is out of range"), place, "no such unit")
            .help(format!("the largest units are TiB and TB; {}", unit_table()));
    }
    match nearest_unit(unit) {
        Some(near) => Diagnostic::error("E0014", format!("there is no unit `{unit}`"), place, "unknown unit")
            .help(format!("write `{digits}{near}`; {}", unit_table()))
            .replacing(place, format!("{digits}{near}")),
        None => {
            Diagnostic::error("E0011", format!("`{text}` is neither a number nor a size"), place, "malformed number")
                .help(format!("a name begins with a letter; {}", unit_table()))
        }
    }
}

/// A number and a unit with a space between them.
pub(crate) fn space_before_unit(place: Place, number: &str, unit: &str) -> Diagnostic {
    let unit = nearest_unit(unit).unwrap_or(unit);
    Diagnostic::error("E0015", "a size is written without a space", place, "number and unit belong together")
        .help(format!("write `{number}{unit}`; {}", unit_table()))
        .replacing(place, format!("{number}{unit}"))
}

pub(crate) fn is_unit_word(word: &str) -> bool {
    nearest_unit(word).is_some()
}

fn unit_table() -> String {
    let names: Vec<&str> = UNITS.iter().map(|(name, _)| *name).collect();
    format!("units are {} (1024) and {} (1000)", names[..5].join(" "), names[5..].join(" "))
}

pub(crate) fn negative_size(place: Place) -> Diagnostic {
    Diagnostic::error("E0016", "a size cannot be negative", place, "out of range")
        .help("sizes run from 0B up; subtract with a left side: `a - 1MiB`")
}

// Brackets and limits.

pub(crate) fn nested_too_deeply(nesting: usize, place: Place) -> Diagnostic {
    Diagnostic::error("E0020", format!("nested deeper than {nesting} levels"), place, "one level too many")
        .help("name the inner parts with `let`")
        .limited_by("nesting=N")
}

pub(crate) fn too_many_operations(place: Place) -> Diagnostic {
    let message = format!("an expression chains more than {MAX_DEPTH} operations");
    Diagnostic::error("E0021", message, place, "the limit is reached here").help("name parts of it with `let`")
}

/// `end` is where the bracket was to be closed at the latest: behind the last token that is inside.
pub(crate) fn unclosed_bracket(
    opening: Place,
    bracket: &str,
    closing: &str,
    (stopped_at, end): (Option<Place>, Place),
) -> Diagnostic {
    let error = Diagnostic::error("E0022", format!("`{bracket}` is never closed"), opening, "opened here");
    let error = match stopped_at {
        Some(place) => error.label(place, format!("a `{closing}` is missing before this")),
        None => error,
    };
    error.help(format!("add `{closing}`")).replacing(end, closing)
}

pub(crate) fn wrong_closer(opening: Place, closer: Place, bracket: &str, wrong: &str, right: &str) -> Diagnostic {
    Diagnostic::error("E0024", format!("`{bracket}` is closed by `{wrong}`"), closer, format!("expected `{right}`"))
        .label(opening, "opened here")
        .write(right)
}

pub(crate) fn stray_closer(place: Place, bracket: &str) -> Diagnostic {
    Diagnostic::error("E0023", format!("`{bracket}` closes nothing"), place, "no bracket is open here")
        .help("remove it, or look for one too many above")
}

pub(crate) fn missing_comma(place: Place, before: Place) -> Diagnostic {
    Diagnostic::error("E0031", "a comma is missing", place, "a new element begins here")
        .label(before, "the one before it ends here")
        .help("write `,` behind the element before it")
        .replacing(before.end(), ",")
}

pub(crate) fn bracket_opens_line(place: Place, before: Place) -> Diagnostic {
    Diagnostic::error("E0031", "a bracket opens a line after a complete expression", place, "does this belong to it?")
        .label(before, "the expression ends here")
        .help("put the bracket at the end of the line above, or an operator or comma before it")
}

pub(crate) fn brace_on_next_line(place: Place, before: Place) -> Diagnostic {
    Diagnostic::error("E0032", "a line opens with `{`", place, "the line end above has ended the item")
        .label(before, "the brace belongs behind this")
        .help("put the brace at the end of the line above")
}

// Grammar.

pub(crate) fn unexpected(place: Place, found: &str, expected: &str) -> Diagnostic {
    Diagnostic::error("E0030", format!("expected {expected}, found {found}"), place, format!("expected {expected}"))
}

pub(crate) fn second_expression(place: Place) -> Diagnostic {
    unexpected(place, "another item", "one expression")
}

pub(crate) fn reserved_word(place: Place, word: &str) -> Diagnostic {
    Diagnostic::error("E0033", format!("`{word}` is a reserved word and cannot be a name"), place, "reserved word")
        .help(format!("choose another name, such as `the-{word}`"))
}

pub(crate) fn comma_after_field(place: Place) -> Diagnostic {
    Diagnostic::error("E0034", "fields are not separated by commas", place, "unexpected comma")
        .help("a line end ends a field; within a line write `;`")
        .replacing(place, ";")
}

pub(crate) fn super_without_field(place: Place) -> Diagnostic {
    Diagnostic::error("E0035", "`super` stands before a field only", place, "which field of the base?")
        .help("say which field, as in `super.size`")
}

pub(crate) fn braces_after_mixin(body: Place, applied: Place) -> Diagnostic {
    Diagnostic::error("E0036", "braces behind `&` belong to its right side alone", body, "whose braces are these?")
        .label(applied, "a mixin is applied here")
        .help("put what is before them into parentheses: `(b & d) { .. }`")
        .replacing(applied.start(), "(")
        .replacing(applied.end(), ")")
}

pub(crate) fn import_inside_body(place: Place) -> Diagnostic {
    Diagnostic::error("E0037", "an import stands inside of a body", place, "not at the top of the file")
        .help("move it to the top of the file")
}

pub(crate) fn import_not_literal(place: Place) -> Diagnostic {
    Diagnostic::error("E0038", "an import is not a plain string", place, "imports take no interpolation")
        .help("write the path out")
}

pub(crate) fn chained_comparison(place: Place) -> Diagnostic {
    Diagnostic::error("E0039", "comparisons cannot be chained", place, "second comparison")
        .help("compare twice: `a < b && b < c`")
}

// Lints.

pub(crate) fn idle_documentation(place: Place) -> Diagnostic {
    Diagnostic::warning("W0001", "this `##` documents nothing", place, "no item follows")
        .help("write `#` for an ordinary comment")
        .replacing(place.first(2), "#")
}

/// Returns what a token is called in messages; `text` is what it says.
pub(crate) fn describe(kind: Kind, text: &str) -> String {
    match kind {
        Kind::Semicolon if text.is_empty() => "the end of the line".into(),
        Kind::Name => format!("the name `{text}`"),
        Kind::Int => format!("the number `{text}`"),
        Kind::Size => format!("the size `{text}`"),
        Kind::Symbol => format!("the symbol `{text}`"),
        Kind::Path => format!("the path `{text}`"),
        Kind::StringStart | Kind::Text | Kind::Escape => "a string".into(),
        Kind::StringEnd => "the end of the string".into(),
        Kind::Doc => "documentation".into(),
        Kind::Error => "a mistake".into(),
        _ => format!("`{text}`"),
    }
}
