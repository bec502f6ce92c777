//! The syntax tree of a file, as the parser builds it and the printer writes it.
//!
//! A tree borrows its names and literals from the source text. It holds what the text says, undigested: `a.b.c = v`
//! stays a path with an operator, and what it means is decided when names are resolved. Two trees are equal when they
//! say the same; spans do not count.

use std::borrow::Cow;

use crate::Span;

/// A whole file: the body of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct File<'s> {
    /// The `##` block at the top that an empty line follows: documentation of the file, a line each, without the marks.
    pub doc: Vec<&'s str>,
    /// Imports and definitions in the order of the text.
    pub items: Vec<Item<'s>>,
}

impl File<'_> {
    /// Returns the tree of a text that could not be understood: whatever it may define is unknown.
    pub fn not_understood() -> Self {
        File { doc: Vec::new(), items: vec![Item::not_understood(Span::default())] }
    }
}

/// A name with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'s> {
    /// The text of the name.
    pub text: &'s str,
    /// Where it stands.
    pub span: Span,
}

/// One item of a file or a body.
#[derive(Clone, Debug, PartialEq)]
pub struct Item<'s> {
    /// The `##` lines before it, without the marks and one following space.
    pub doc: Vec<&'s str>,
    /// What it says.
    pub kind: ItemKind<'s>,
    /// From its first to its last token, documentation excluded.
    pub span: Span,
}

impl Item<'_> {
    /// Returns what stands for text that could not be understood.
    pub(crate) fn not_understood(span: Span) -> Self {
        Item { doc: Vec::new(), kind: ItemKind::Error, span }
    }
}

/// The kinds of items.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemKind<'s> {
    /// `import "std/os" as os`
    Import {
        /// The decoded text between the quotes (an import takes no interpolation).
        path: Cow<'s, str>,
        /// Where the string stands, quotes included.
        path_span: Span,
        /// The name for this file.
        name: Name<'s>,
    },
    /// `let name = value`
    Let {
        /// The private name.
        name: Name<'s>,
        /// Its value.
        value: Expr<'s>,
    },
    /// `path = value`, `path += value`, `path -= value`; `abstract name = value`
    Define {
        /// Whether `abstract` stands before it (only before a plain name with `=`).
        is_abstract: bool,
        /// What is defined.
        path: Path<'s>,
        /// How.
        operator: Operator,
        /// The right side.
        value: Expr<'s>,
    },
    /// `path { ... }`: override in depth
    Deepen {
        /// What is overridden.
        path: Path<'s>,
        /// The overrides.
        body: Body<'s>,
    },
    /// `name: Type` or `name: Type = default`
    Declare {
        /// The field.
        name: Name<'s>,
        /// Its type.
        ty: Type<'s>,
        /// Its default.
        default: Option<Expr<'s>>,
    },
    /// `fn name(x: T, y: T = d): R = e`
    Function {
        /// The function's name.
        name: Name<'s>,
        /// Parameters, result type and body.
        function: Box<Function<'s>>,
    },
    /// `record Name extends Base { ... }`
    Record {
        /// The type's name.
        name: Name<'s>,
        /// The type that it extends: a name, or names joined by dots through an import.
        extends: Option<Vec<Name<'s>>>,
        /// Fields, overrides and checks.
        body: Body<'s>,
    },
    /// `type Name = T`
    TypeAlias {
        /// The type's name.
        name: Name<'s>,
        /// What it stands for.
        ty: Type<'s>,
    },
    /// `check condition : message`
    Check {
        /// What must hold.
        condition: Expr<'s>,
        /// What to say otherwise.
        message: Expr<'s>,
    },
    /// An item that could not be parsed; its mistake has been reported. What it defines is among the words of its text, or
    /// anything where its span is empty.
    Error,
}

/// `=`, `+=`, `-=`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Set,
    /// `+=`
    Append,
    /// `-=`
    Remove,
}

/// What an item defines: `name`, `name.field`, `name["key"].field`.
#[derive(Clone, Debug, PartialEq)]
pub struct Path<'s> {
    /// The field of the record that the item stands in.
    pub name: Name<'s>,
    /// Steps further in.
    pub steps: Vec<Step<'s>>,
    /// The whole path.
    pub span: Span,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<'s> {
    /// `.field`
    Field(Name<'s>),
    /// `[key]`
    Key(Expr<'s>),
}

/// `{ items }`
#[derive(Clone, Debug, PartialEq)]
pub struct Body<'s> {
    /// The items in the order of the text.
    pub items: Vec<Item<'s>>,
    /// From brace to brace.
    pub span: Span,
}

/// An expression with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr<'s> {
    /// What it says.
    pub kind: ExprKind<'s>,
    /// From its first to its last token; parentheses around it are not part of it.
    pub span: Span,
}

/// The kinds of expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind<'s> {
    /// `name`
    Name(&'s str),
    /// `self`
    SelfRecord,
    /// `super.field`
    Super(Name<'s>),
    /// `true`, `false`
    Bool(bool),
    /// `none`
    None,
    /// `42`, `1_000`, `0x1F`
    Int(i64),
    /// `16MiB`, in bytes
    Size(u64),
    /// `'ext4`, without the quote
    Symbol(&'s str),
    /// `"text ${e}"` in any of its forms, decoded: escapes replaced, indentation of `"""` removed, neighbouring texts joined, empty texts dropped.
    Text(Vec<Piece<'s>>),
    /// `./overlay`, `../x`: a path relative to the file
    Path(&'s str),
    /// `[a, b]`
    List(Vec<Expr<'s>>),
    /// `[for x in xs if c => e]`
    Comprehension {
        /// The variable.
        variable: Name<'s>,
        /// What it runs over.
        list: Box<Expr<'s>>,
        /// Which elements count.
        condition: Option<Box<Expr<'s>>>,
        /// The element made.
        element: Box<Expr<'s>>,
    },
    /// `Map { "k" = v }`
    Map(Vec<(Expr<'s>, Expr<'s>)>),
    /// `{ ... }` by itself
    Record(Body<'s>),
    /// `mixin { ... }`
    Mixin(Body<'s>),
    /// `base { ... }`
    Extend(Box<Expr<'s>>, Body<'s>),
    /// `a.b`
    Field(Box<Expr<'s>>, Name<'s>),
    /// `xs[0]`, `m["k"]`
    Index(Box<Expr<'s>>, Box<Expr<'s>>),
    /// `f(a, y = 1)`
    Call(Box<Expr<'s>>, Vec<Argument<'s>>),
    /// `fn(x) => e`
    Function(Box<Function<'s>>),
    /// `-a`, `!a`
    Unary(Unary, Box<Expr<'s>>),
    /// `a + b`
    Binary(Binary, Box<Expr<'s>>, Box<Expr<'s>>),
    /// `if c then a else b`
    If(Box<Expr<'s>>, Box<Expr<'s>>, Box<Expr<'s>>),
    /// `let x = e in b`
    Let(Name<'s>, Box<Expr<'s>>, Box<Expr<'s>>),
    /// `match x of { 'a => e, _ => e }`
    Match(Box<Expr<'s>>, Vec<Arm<'s>>),
}

/// A piece of a string.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece<'s> {
    /// Literal text, decoded.
    Text(Cow<'s, str>),
    /// `${e}`
    Interpolated(Expr<'s>),
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument<'s> {
    /// The parameter's name, for `y = 1`.
    pub name: Option<Name<'s>>,
    /// The value.
    pub value: Expr<'s>,
}

/// Parameters, result and body of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct Function<'s> {
    /// The parameters in order.
    pub parameters: Vec<Parameter<'s>>,
    /// The type of the result.
    pub result: Option<Type<'s>>,
    /// The body.
    pub body: Expr<'s>,
}

/// A parameter of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter<'s> {
    /// Its name.
    pub name: Name<'s>,
    /// Its type.
    pub ty: Option<Type<'s>>,
    /// Its default.
    pub default: Option<Expr<'s>>,
}

/// An arm of a `match`.
#[derive(Clone, Debug, PartialEq)]
pub struct Arm<'s> {
    /// What it accepts; none for `_`.
    pub pattern: Option<Expr<'s>>,
    /// The result.
    pub value: Expr<'s>,
}

/// Operators before an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    /// `-`
    Negate,
    /// `!`
    Not,
}

/// Operators between operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
    /// `&`: applies a mixin
    Mix,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `??`
    Default,
}

/// A type with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Type<'s> {
    /// What it says.
    pub kind: TypeKind<'s>,
    /// From its first to its last token.
    pub span: Span,
}

/// The kinds of types.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeKind<'s> {
    /// `String`, `Partition`, `os.FileSystem`
    Name(Vec<Name<'s>>),
    /// `List(T)`, `Map(T)`, `Key(T)`
    Apply(Name<'s>, Vec<Type<'s>>),
    /// `'ext4`
    Symbol(&'s str),
    /// `none`
    None,
    /// `A | B | C`, flat, at least two
    Union(Vec<Type<'s>>),
    /// `fn(A, B): R`
    Function(Vec<Type<'s>>, Option<Box<Type<'s>>>),
}

// The size of expressions decides how fast large files parse; a test would notice growth too late.
const _: () = assert!(size_of::<Expr<'static>>() <= 72);
