//! Text -> tokens.
//!
//! One generated lexer reads code; strings are scanned by hand, since what they are made of depends on how they
//! began. `${` puts a string aside and goes back to code until its `}`; the strings put aside are a list, so no
//! nesting can overflow a stack.
//!
//! A mistake is reported once and then papered over (a missing quote is taken as given), so the parser sees tokens
//! that fit together.

use logos::Logos;

use crate::number::{Number, NumberError, number};
use crate::reports::Reports;
use crate::token::{Kind, Lexeme};
use crate::{Diagnostic, FileId, Place, Span, errors};

/// Reads all tokens of a text, or stops after reporting that strings are nested more deeply than `nesting` (`None`).
pub(crate) fn lex<'s>(file: FileId, text: &'s str, nesting: usize, errors: &mut Reports<'s>) -> Option<Vec<Lexeme>> {
    let tokens = Vec::with_capacity(text.len() / 4);
    let lexer = Lexer { file, text, code: Kind::lexer(text), tokens, strings: Vec::new(), last_end: 0, errors };
    lexer.run(nesting)
}

/// Returns the character that a good escape means.
pub(crate) fn decode_escape(escape: &str) -> Option<char> {
    match escape.as_bytes().get(1)? {
        b'n' => Some('\n'),
        b't' => Some('\t'),
        b'r' => Some('\r'),
        b'"' => Some('"'),
        b'\\' => Some('\\'),
        b'$' => Some('$'),
        b'u' => {
            let digits = escape.strip_prefix("\\u{")?.strip_suffix('}')?;
            let good = (1..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
            char::from_u32(if good { u32::from_str_radix(digits, 16).ok()? } else { return None })
        }
        _ => None,
    }
}

struct Lexer<'s, 'd> {
    file: FileId,
    text: &'s str,
    code: logos::Lexer<'s, Kind>,
    tokens: Vec<Lexeme>,
    /// The strings that an interpolation has put aside, outermost first.
    strings: Vec<OpenString>,
    /// The end of the last token, to see line ends between tokens.
    last_end: usize,
    errors: &'d mut Reports<'s>,
}

/// A string whose end has not been seen.
struct OpenString {
    /// Its opening quotes.
    opening: Span,
    /// Whether it is one of `"""`.
    is_block: bool,
    /// Whether it is one of `r"`: without escapes and interpolation.
    is_raw: bool,
    /// The tokens that begin its lines, for the removal of the indentation.
    line_starts: Vec<usize>,
    /// Braces open in the interpolation that has put it aside.
    braces: usize,
    /// How many tokens there were up to that interpolation.
    put_aside: usize,
}

impl<'s> Lexer<'s, '_> {
    fn run(mut self, nesting: usize) -> Option<Vec<Lexeme>> {
        while let Some(result) = self.code.next() {
            match result {
                Ok(kind) => self.code_token(kind),
                Err(()) => self.stray_characters(),
            }
            if self.strings.len() > nesting {
                let place = self.strings[nesting].opening;
                self.errors.replace(errors::nested_too_deeply(nesting, self.place(place)));
                return None;
            }
        }
        if let Some(outermost) = self.strings.first() {
            self.errors.push(errors::unterminated_interpolation(self.place(outermost.opening)));
            // What was meant to follow the string has been read as a part of it.
            self.tokens.truncate(outermost.put_aside);
            self.strings.truncate(1);
            self.close_strings(self.tokens.last().map_or(0, |token| token.end as usize), 0);
        }
        Some(self.tokens)
    }

    fn code_token(&mut self, kind: Kind) {
        let span = self.code.span();
        match kind {
            Kind::StringStart => {
                self.push(kind, span.start, span.end);
                self.string(span);
            }
            Kind::Int if self.is_smallest_integer(&span) => {
                let minus = self.tokens.pop().expect("a minus is before it");
                self.tokens.push(Lexeme { kind, end: span.end as u32, ..minus });
            }
            Kind::Int => {
                let kind = self.number(span.clone());
                self.push(kind, span.start, span.end);
            }
            Kind::CloseBrace if self.strings.last().is_some_and(|string| string.braces == 0) => {
                self.push(Kind::InterpolationEnd, span.start, span.end);
                let string = self.strings.pop().expect("the guard saw one");
                self.string_text(string);
            }
            _ => {
                if let Some(string) = self.strings.last_mut() {
                    match kind {
                        Kind::OpenBrace => string.braces += 1,
                        Kind::CloseBrace => string.braces -= 1,
                        _ => {}
                    }
                }
                self.push(kind, span.start, span.end);
            }
        }
    }

    /// Whether a number and the sign before it are the smallest integer. It is one token, since there is no such integer without
    /// the sign.
    fn is_smallest_integer(&self, span: &std::ops::Range<usize>) -> bool {
        let [before @ .., minus] = &self.tokens[..] else { return false };
        let is_sign = minus.kind == Kind::Minus && !before.last().is_some_and(|token| token.kind.ends_expression());
        is_sign
            && minus.end as usize == span.start
            && number(&self.text[minus.start as usize..span.end]) == Ok(Number::Int(i64::MIN))
    }

    /// Returns the kind of a number, having reported what is wrong with it.
    fn number(&mut self, span: std::ops::Range<usize>) -> Kind {
        let text = &self.text[span.clone()];
        let error = match number(text) {
            Ok(Number::Int(_)) => return Kind::Int,
            Ok(Number::Size(_)) => return Kind::Size,
            Err(error) => error,
        };
        let rest = self.code.remainder().trim_start_matches(' ');
        let word = &rest[..rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len())];
        if error == NumberError::Fraction && errors::is_unit_word(word) {
            // `1.5 GiB`: the pass that sees the unit reports the space.
            return Kind::Int;
        }
        self.report(Span::new(span.start, span.end), |place| errors::number(place, text, error));
        if matches!(error, NumberError::SizeRange | NumberError::PartOfByte | NumberError::Unit(_)) {
            Kind::Size
        } else {
            Kind::Int
        }
    }

    /// Reports a run of characters that begin no token.
    fn stray_characters(&mut self) {
        let span = self.code.span();
        let mut end = span.end;
        let stray = |c: char| !c.is_ascii() && !c.is_whitespace();
        while let Some(c) = self.code.remainder().chars().next().filter(|c| stray(*c)) {
            self.code.bump(c.len_utf8());
            end += c.len_utf8();
        }
        let after = self.text[end..].chars().next();
        let found = &self.text[span.start..end];
        self.report(Span::new(span.start, end), |place| errors::stray_characters(place, found, after));
    }

    /// Begins a string behind its opening quotes.
    fn string(&mut self, opening: std::ops::Range<usize>) {
        let quotes = &self.text[opening.clone()];
        let mut string = OpenString {
            opening: Span::new(opening.start, opening.end),
            is_block: quotes.ends_with("\"\"\""),
            is_raw: quotes.starts_with('r'),
            line_starts: Vec::new(),
            braces: 0,
            put_aside: 0,
        };
        if string.is_block {
            let rest = self.code.remainder();
            let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len();
            if rest[blank..].starts_with('\n') {
                self.code.bump(blank + 1);
                string.line_starts.push(self.tokens.len());
            }
        }
        self.string_text(string);
    }

    /// Scans literal text up to the string's end, an interpolation, or a line end that should not be there.
    fn string_text(&mut self, mut string: OpenString) {
        let mut start = self.code.span().end;
        loop {
            let at = self.code.span().end;
            let rest = self.code.remainder();
            let Some(stop) = rest.find(['"', '\\', '$', '\n']) else {
                return self.text_to_the_end(string, start);
            };
            let at = at + stop;
            self.code.bump(stop);
            let rest = &rest[stop..];
            match rest.as_bytes()[0] {
                b'"' if !string.is_block => return self.end_string(string, start, 1),
                b'"' if rest.starts_with("\"\"\"") => return self.end_string(string, start, 3),
                b'$' if !string.is_raw && rest.starts_with("${") => {
                    self.text_token(start, at, &string);
                    self.code.bump(2);
                    self.push(Kind::InterpolationStart, at, at + 2);
                    (string.braces, string.put_aside) = (0, self.tokens.len());
                    self.strings.push(string);
                    return;
                }
                b'\\' if !string.is_raw => {
                    self.text_token(start, at, &string);
                    start = self.escape(at);
                }
                b'\n' if string.is_block => start = self.block_line_end(&mut string, start, at),
                b'\n' => return self.missing_quote(string, start),
                _ => self.code.bump(1),
            }
        }
    }

    /// Puts out the text from `start` to `end`; at the start of a line also an empty one, which marks the line.
    fn text_token(&mut self, start: usize, end: usize, string: &OpenString) {
        if start < end || string.line_starts.last() == Some(&self.tokens.len()) {
            self.push(Kind::Text, start, end);
        }
    }

    /// Reads the escape at `at` and returns where text goes on.
    fn escape(&mut self, at: usize) -> usize {
        let rest = self.code.remainder();
        let len = match rest[1..].chars().next() {
            Some('u') => {
                let inner = |c: char| c == '{' || c.is_ascii_hexdigit();
                let digits = rest[2..].bytes().take(8).take_while(|byte| inner(char::from(*byte))).count();
                2 + digits + usize::from(rest[2 + digits..].starts_with('}'))
            }
            Some('\n') | None => 1,
            Some(c) => 1 + c.len_utf8(),
        };
        let good = decode_escape(&rest[..len]).is_some();
        if !good {
            self.report(Span::new(at, at + len), |place| errors::unknown_escape(place, &rest[..len]));
        }
        self.code.bump(len);
        self.push(if good { Kind::Escape } else { Kind::Text }, at, at + len);
        at + len
    }

    /// Ends a line of a block string at the line end `at`; returns where the next one starts.
    fn block_line_end(&mut self, string: &mut OpenString, start: usize, at: usize) -> usize {
        if string.line_starts.is_empty() {
            let first_line = Span::new(string.opening.end as usize, at);
            self.errors.push(errors::text_beside_quotes(self.place(first_line), self.place(string.opening)));
        }
        if self.text[start..at].ends_with('\r') {
            // Line ends of files are line feeds, whatever editor saved the configuration.
            self.text_token(start, at - 1, string);
            self.push(Kind::Text, at, at + 1);
        } else {
            self.text_token(start, at + 1, string);
        }
        self.code.bump(1);
        string.line_starts.push(self.tokens.len());
        at + 1
    }

    fn end_string(&mut self, string: OpenString, start: usize, quotes: usize) {
        let at = self.code.span().end;
        self.text_token(start, at, &string);
        self.code.bump(quotes);
        self.remove_indentation(&string);
        self.push(Kind::StringEnd, at, at + quotes);
    }

    /// Removes the indentation of the closing quotes' line from the lines of a block string.
    fn remove_indentation(&mut self, string: &OpenString) {
        let Some(&last) = string.line_starts.last() else { return };
        let last_line = self.tokens[last].text(self.text);
        let indentation = &last_line[..last_line.len() - last_line.trim_start_matches([' ', '\t']).len()];
        let closing = Span::new(self.tokens[last].start as usize, self.tokens[last].start as usize + indentation.len());
        for &index in &string.line_starts {
            let line = self.tokens[index].text(self.text);
            let blank = line.trim_start_matches([' ', '\t']);
            let ends_here = self.tokens.get(index + 1).is_none_or(|next| next.kind == Kind::Text);
            if line.starts_with(indentation) {
                self.tokens[index].start += indentation.len() as u32;
            } else if blank == "\n" || (blank.is_empty() && ends_here) {
                self.tokens[index].start = self.tokens[index].end - blank.len() as u32;
            } else {
                let found = Span::new(self.tokens[index].start as usize, self.tokens[index].end as usize - blank.len());
                let place = self.place(found);
                self.errors.push(errors::less_indented(place, self.place(closing)));
            }
        }
    }

    /// Reports a string of one line that its line does not end, and goes on behind the line end.
    ///
    /// Whatever began inside an interpolation of the same line is taken as ended with it, so that one missing quote
    /// does not turn the rest of the file inside out.
    fn missing_quote(&mut self, string: OpenString, start: usize) {
        let at = self.code.span().end;
        let end = if self.text[start..at].ends_with('\r') { at - 1 } else { at };
        self.text_token(start, end, &string);
        self.errors.push(errors::unterminated_string(self.place(string.opening), false));
        self.push(Kind::StringEnd, end, end);
        let keep = self.strings.iter().rposition(|outer| outer.is_block).map_or(0, |index| index + 1);
        self.close_strings(end, keep);
        if let Some(block) = self.strings.pop() {
            self.push(Kind::InterpolationEnd, end, end);
            self.string_text(block);
        }
    }

    /// Reports a string that runs into the end of the file.
    fn text_to_the_end(&mut self, string: OpenString, start: usize) {
        let end = self.text.len();
        self.code.bump(end - self.code.span().end);
        self.text_token(start, end, &string);
        self.errors.push(errors::unterminated_string(self.place(string.opening), string.is_block));
        self.push(Kind::StringEnd, end, end);
        self.close_strings(end, 0);
    }

    /// Ends all but the outermost `keep` strings at `at`, as if their quotes stood there.
    fn close_strings(&mut self, at: usize, keep: usize) {
        while self.strings.len() > keep {
            self.strings.pop();
            self.push(Kind::InterpolationEnd, at, at);
            self.push(Kind::StringEnd, at, at);
        }
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        let between = &self.text.as_bytes()[self.last_end.min(start)..start];
        let is_inside_string = matches!(kind, Kind::Text | Kind::Escape | Kind::InterpolationStart | Kind::StringEnd);
        let opens_line = !is_inside_string && (between.contains(&b'\n') || self.tokens.is_empty());
        self.tokens.push(Lexeme { kind, opens_line, start: start as u32, end: end as u32 });
        self.last_end = end;
    }

    fn report(&mut self, span: Span, diagnostic: impl FnOnce(Place) -> Diagnostic) {
        let place = self.place(span);
        self.errors.report(place, diagnostic);
    }

    fn place(&self, span: Span) -> Place {
        Place { file: self.file, span }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the tokens as `Kind text`, with the codes of mistakes behind them.
    fn tokens(text: &str) -> Vec<String> {
        let mut reports = Reports::new(text);
        let tokens = lex(FileId(0), text, usize::MAX, &mut reports).expect("the text is not nested deeply");
        let codes = reports.into_diagnostics().into_iter().map(|diagnostic| diagnostic.code.to_string());
        tokens.iter().map(|token| format!("{:?} {}", token.kind, token.text(text))).chain(codes).collect()
    }

    #[test]
    fn names_keep_hyphens_and_question_marks() {
        assert_eq!(tokens("host-name a? b-1"), ["Name host-name", "Name a?", "Name b-1"]);
        assert_eq!(tokens("a - b"), ["Name a", "Minus -", "Name b"]);
        assert_eq!(tokens("a-b -= c"), ["Name a-b", "MinusEqual -=", "Name c"]);
        assert_eq!(tokens("lets in r"), ["Name lets", "In in", "Name r"]);
        assert_eq!(tokens("a ?? b"), ["Name a", "QuestionQuestion ??", "Name b"]);
        assert_eq!(tokens("a??b"), ["Name a?", "Name b", "E0006"]);
    }

    #[test]
    fn numbers_end_where_names_begin() {
        assert_eq!(tokens("1_000 1.5GiB 0x1F"), ["Int 1_000", "Size 1.5GiB", "Int 0x1F"]);
        assert_eq!(tokens("xs[0].b"), ["Name xs", "OpenBracket [", "Int 0", "CloseBracket ]", "Dot .", "Name b"]);
        assert_eq!(tokens("1G"), ["Size 1G", "E0014"]);
    }

    #[test]
    fn comments_and_documentation() {
        assert_eq!(tokens("a # b\n## c\n### d\n##\n#"), ["Name a", "Doc ## c", "Doc ##"]);
    }

    #[test]
    fn interpolation_nests() {
        let inner =
            [r#"StringStart ""#, "Text n ", "InterpolationStart ${", "Int 1", "InterpolationEnd }", "StringEnd \""];
        let mut all = vec![r#"StringStart ""#, "Text x ", "InterpolationStart ${", "OpenBrace {"];
        all.extend(inner);
        all.extend(["CloseBrace }", "InterpolationEnd }", "Text  y", r#"StringEnd ""#]);
        assert_eq!(tokens(r#""x ${{"n ${1}"}} y""#), all);
    }

    #[test]
    fn escapes_are_tokens_of_their_own() {
        let expected = ["StringStart \"", "Text a", r"Escape \n", r"Escape \u{e9}", "Text $b", "StringEnd \""];
        assert_eq!(tokens(r#""a\n\u{e9}$b""#), expected);
        assert_eq!(tokens(r#""\q""#), ["StringStart \"", r"Text \q", "StringEnd \"", "E0008"]);
        assert_eq!(decode_escape(r"\u{1F600}"), Some('😀'));
        for wrong in [r"\u{}", r"\u{1234567}", r"\u{d800}", r"\u{+41}", r"\u", r"\"] {
            assert_eq!(decode_escape(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn raw_strings_take_everything() {
        assert_eq!(tokens(r#"r"${a}\""#), ["StringStart r\"", r"Text ${a}\", "StringEnd \""]);
        assert_eq!(tokens(r#"bar"x""#)[0], "Name bar");
    }

    #[test]
    fn blocks_lose_the_indentation_of_their_closing_quotes() {
        let expected = [
            "StringStart \"\"\"",
            "Text a\n",
            "Text \n",
            "Text   ",
            "InterpolationStart ${",
            "Name b",
            "InterpolationEnd }",
            "Text \n",
            "Text ",
            "StringEnd \"\"\"",
        ];
        assert_eq!(tokens("\"\"\"\n    a\n\n      ${b}\n    \"\"\""), expected);
    }

    #[test]
    fn a_missing_quote_ends_with_its_line() {
        assert_eq!(tokens("\"a\nb"), ["StringStart \"", "Text a", "StringEnd ", "Name b", "E0007"]);
        let ends = ["StringEnd ", "InterpolationEnd ", "StringEnd ", "Name c", "E0007"];
        assert_eq!(tokens("\"x ${\"a\nc")[5..], ends);
    }

    #[test]
    fn lines_are_marked() {
        let text = "a b\n  # c\n  d";
        let tokens = lex(FileId(0), text, usize::MAX, &mut Reports::new(text)).expect("the text is not nested deeply");
        assert_eq!(tokens.iter().map(|token| token.opens_line).collect::<Vec<_>>(), [true, false, true]);
    }
}
