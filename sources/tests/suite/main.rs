//! Tests of the outside against the real one: a mirror of Debian, and the host's own tools.

mod apt;
