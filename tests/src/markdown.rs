//! The blocks of code on a page of the manual.
//!
//! Only fences at the margin are known, and whatever else looks like one is refused: no block is passed over.

/// What a fence consists of, where it opens or closes a block.
const FENCE: &str = "```";

/// A block between two fences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'t> {
    /// The last line of text above it.
    pub above: &'t str,
    /// What stands behind the first fence, such as `img`.
    pub mark: &'t str,
    /// The lines between the fences.
    pub text: &'t str,
    /// The line of the page that `text` begins on, counted from 1.
    pub line: usize,
}

/// Returns the blocks of a page in order.
#[track_caller]
pub fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut above = "";
    // The mark of the block that is open, and where its text begins.
    let mut open: Option<(&str, usize, usize)> = None;
    let mut at = 0;
    for (i, line) in page.split_inclusive('\n').enumerate() {
        let start = at;
        at += line.len();
        let line = line.trim_end();
        assert!(line.starts_with(FENCE) || !line.contains(FENCE), "line {}: a fence stands at the margin", i + 1);
        match (line.strip_prefix(FENCE), open) {
            (Some(mark), None) => open = Some((mark, at, i + 2)),
            (Some(mark), Some((opened, from, line))) => {
                assert!(mark.is_empty(), "line {}: the block above is open", i + 1);
                blocks.push(Block { above, mark: opened, text: &page[from..start], line });
                open = None;
            }
            (None, None) => {
                let is_other_block = ["~~~", "    ", "\t"].iter().any(|start| line.starts_with(start));
                assert!(!is_other_block, "line {}: a block stands between fences of backquotes", i + 1);
                if !line.is_empty() {
                    above = line;
                }
            }
            (None, _) => {}
        }
    }
    assert!(open.is_none(), "the last block is never closed");
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_what_stands_around_them() {
        let page = "Why.\n\n```img\na = {\n\n}\n```\nRight:\n\n```\n```\n";
        let first = Block { above: "Why.", mark: "img", text: "a = {\n\n}\n", line: 4 };
        assert_eq!(blocks(page), [first, Block { above: "Right:", mark: "", text: "", line: 11 }]);
    }

    #[test]
    #[should_panic(expected = "line 2: a fence stands at the margin")]
    fn an_indented_fence_is_refused() {
        blocks("- a list\n  ```img\n  a = 1\n  ```\n");
    }

    #[test]
    #[should_panic(expected = "line 3: a block stands between fences of backquotes")]
    fn an_indented_block_is_refused() {
        blocks("Why.\n\n    a = 1\n");
    }

    #[test]
    #[should_panic(expected = "the last block is never closed")]
    fn an_open_block_is_refused() {
        blocks("```img\na = 1\n");
    }
}
