//! Makes plain text of what a machine writes to its serial console.
//!
//! Firmware and boot loaders paint: they move the cursor, set colours and ask the terminal for its size. Here escape
//! sequences (ECMA-48, section 5.4 and 8.3) vanish, and a jump to another row becomes a line break, so that texts painted
//! on different rows do not run together. The bytes may arrive cut anywhere, also inside a sequence.

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;

/// The state between two pieces of output.
#[derive(Default)]
pub(crate) struct Terminal {
    state: State,
    /// The row that the last jump went to, if no line break has been printed since.
    row: Option<u32>,
}

#[derive(Default)]
enum State {
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// In a control sequence, ESC `[`, with its parameters so far.
    Control(Vec<u8>),
    /// In a string for the terminal, as ESC `]` (a window's title), which BEL or ESC `\` ends.
    String,
    /// After ESC in such a string.
    StringEscape,
}

impl Terminal {
    /// Appends the text of these bytes to `plain`.
    pub(crate) fn print(&mut self, bytes: &[u8], plain: &mut Vec<u8>) {
        for &byte in bytes {
            self.state = match (std::mem::take(&mut self.state), byte) {
                (State::Text | State::Escape, ESCAPE) => State::Escape,
                (State::Text, _) => self.print_one(byte, plain),
                (State::Escape, b'[') => State::Control(Vec::new()),
                (State::Escape, b']' | b'P' | b'X' | b'^' | b'_') => State::String,
                // Intermediate bytes, as in the choice of a character set, ESC `(` `B`.
                (State::Escape, b' '..=b'/') => State::Escape,
                (State::Escape, _) => State::Text,
                (State::Control(parameters), b'@'..=b'~') => self.control(byte, &parameters, plain),
                (State::Control(mut parameters), _) => {
                    parameters.push(byte);
                    State::Control(parameters)
                }
                (State::String, ESCAPE) => State::StringEscape,
                (State::String, BELL) | (State::StringEscape, b'\\') => State::Text,
                (State::String | State::StringEscape, _) => State::String,
            };
        }
    }

    fn print_one(&mut self, byte: u8, plain: &mut Vec<u8>) -> State {
        if byte == b'\n' {
            self.row = None;
        }
        let is_control = byte < b' ' || byte == 0x7f;
        if !is_control || byte == b'\n' || byte == b'\t' {
            plain.push(byte);
        }
        State::Text
    }

    /// Only the jump (CUP, section 8.3.21, and HVP, 8.3.63) has an effect on plain text.
    fn control(&mut self, last: u8, parameters: &[u8], plain: &mut Vec<u8>) -> State {
        if matches!(last, b'H' | b'f') {
            let row = parameters.split(|&byte| byte == b';').next().unwrap_or_default();
            let row = std::str::from_utf8(row).ok().and_then(|digits| digits.parse().ok()).unwrap_or(1);
            if self.row.replace(row) != Some(row) && !matches!(plain.last(), None | Some(b'\n')) {
                plain.push(b'\n');
            }
        }
        State::Text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same text must come out, in however small pieces the bytes come in.
    #[track_caller]
    fn check(painted: &str, plain: &str) {
        for piece in [1, 2, 3, painted.len()] {
            let mut terminal = Terminal::default();
            let mut text = Vec::new();
            painted.as_bytes().chunks(piece).for_each(|bytes| terminal.print(bytes, &mut text));
            assert_eq!(String::from_utf8(text).unwrap(), plain, "in pieces of {piece}");
        }
    }

    #[test]
    fn plain_text_stays() {
        check("login: \tjosé\n", "login: \tjosé\n");
    }

    #[test]
    fn returns_bells_and_nulls_vanish() {
        check("one\r\ntwo\r\n\x07\0", "one\ntwo\n");
    }

    #[test]
    fn colours_and_questions_vanish() {
        check("\x1b[1;32mroot\x1b[0m@host\x1b[6n# \x1b[?2004h", "root@host# ");
    }

    #[test]
    fn titles_and_character_sets_vanish() {
        check("a\x1b]0;a title\x07b\x1b]8;;link\x1b\\c\x1b(Bd\x1bMe", "abcde");
    }

    #[test]
    fn a_jump_to_another_row_breaks_the_line() {
        check(
            "\x1b[2J\x1b[01;01Hfirst\x1b[01;20H, too\x1b[02;01Hsecond\n\x1b[02;01Hthird\x1b[Hlast",
            "first, too\nsecond\nthird\nlast",
        );
    }
}
