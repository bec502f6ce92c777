//! Code: what a program says once every name has been resolved.
//!
//! Names are numbers, variables are distances to frames, types are resolved, `a.b.c = v` has become `a { b { c = v } }`.
//! Code is plain data that all evaluators of a run share; values refer to it and never copy it.

use gravure_lang::Place;
use gravure_lang::ast::{Binary, Unary};

use crate::builtins::Builtin;
use crate::names::Name;

/// Names a module (a source file) of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleId(pub(crate) u32);

/// Names a record type of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(pub(crate) u32);

/// A source file: the body of a record.
#[derive(Debug)]
pub(crate) struct Module {
    /// What imports call it: `std/os`, or the path of a user's file.
    pub path: String,
    /// Its `##` lines.
    pub doc: String,
    /// What it defines.
    pub body: Body,
    /// What the command line puts on it, a layer each, the last on top.
    pub overrides: Vec<Override>,
}

/// What one argument of the command line puts on a file.
#[derive(Debug)]
pub(crate) struct Override {
    /// What it says of the fields of the file; an expression is its only `let`.
    pub body: Body,
    /// What it says of the images that the file stands for.
    pub of_images: Option<Body>,
}

/// A declared record type.
#[derive(Debug)]
pub(crate) struct RecordType {
    /// Its name.
    pub name: Name,
    /// The module that declares it.
    pub module: ModuleId,
    /// The type that it extends.
    pub extends: Option<TypeId>,
    /// Declarations, overrides and checks.
    pub body: Body,
}

/// The items between two braces, or of a file.
#[derive(Debug)]
pub(crate) struct Body {
    /// Fields in the order of the text.
    pub definitions: Vec<Definition>,
    /// Private names in the order of the text.
    pub lets: Vec<Let>,
    /// Conditions.
    pub checks: Vec<Check>,
    /// From brace to brace; the whole text for a file.
    pub place: Place,
    /// Where there are items that could not be understood. What they define is not known; it is among their words, or
    /// anything where a place is empty. A program that has any is checked and never evaluated.
    pub lost: Vec<Place>,
}

impl Body {
    /// Returns a body without items.
    pub(crate) fn empty(place: Place) -> Body {
        Body { definitions: Vec::new(), lets: Vec::new(), checks: Vec::new(), place, lost: Vec::new() }
    }
}

/// `let name = value` in a body.
#[derive(Debug)]
pub(crate) struct Let {
    /// The private name.
    pub name: Name,
    /// Its value.
    pub value: Expr,
}

/// `check condition : message`
#[derive(Debug)]
pub(crate) struct Check {
    /// What must hold.
    pub condition: Expr,
    /// What to say otherwise.
    pub message: Expr,
}

/// What one item says about a field.
#[derive(Debug)]
pub(crate) struct Definition {
    /// The field.
    pub name: Name,
    /// Where the item names it.
    pub place: Place,
    /// The declared type, for `name: T` and `name: T = e`.
    pub ty: Option<Type>,
    /// What happens to the value; none for a declaration without default.
    pub edit: Option<Edit>,
    /// Whether `abstract` stands before it.
    pub is_abstract: bool,
    /// The `##` lines before it.
    pub doc: String,
}

/// How an item changes a value.
#[derive(Debug)]
pub(crate) enum Edit {
    /// `= e`
    Set(Expr),
    /// `+= e`
    Append(Expr),
    /// `-= e`
    Remove(Expr),
    /// `{ ... }`
    Deepen(Box<Body>),
    /// `[key]` and what happens to the element
    Element(Expr, Box<Edit>),
}

/// A resolved type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    /// Every value.
    Any,
    /// `Bool`
    Bool,
    /// `Int`
    Int,
    /// `Size`
    Size,
    /// `String`
    String,
    /// `Symbol`
    Symbol,
    /// `Path`
    Path,
    /// `Record`: a record of any type or none
    AnyRecord,
    /// `List(T)`
    List(Box<Type>),
    /// `Map(T)`
    Map(Box<Type>),
    /// `Key(T)`: the field by which lists find their elements
    Key(Box<Type>),
    /// `'ext4`
    Member(Name),
    /// `none`
    None,
    /// `A | B`
    Union(Vec<Type>),
    /// `Partition`
    Record(TypeId),
    /// `fn(A): R`; only the number of parameters is a contract
    Function(Vec<Type>, Option<Box<Type>>),
}

/// An expression with its place.
#[derive(Debug)]
pub(crate) struct Expr {
    /// What it says.
    pub kind: ExprKind,
    /// Where it stands.
    pub place: Place,
}

/// The kinds of expressions.
#[derive(Debug)]
pub(crate) enum ExprKind {
    /// A value that is written out.
    Constant(Constant),
    /// `"a ${b}"`
    Interpolation(Vec<Piece>),
    /// `./x`, joined to the folder of its file
    Path(Box<str>),
    /// `[a, b]`
    List(Vec<Expr>),
    /// `[for x in xs if c => e]`; `x` is the only slot of a frame
    Comprehension(Box<Comprehension>),
    /// `Map { "k" = v }`
    Map(Vec<(Expr, Expr)>),
    /// `{ ... }`
    Record(Box<Body>),
    /// `mixin { ... }`
    Mixin(Box<Mixin>),
    /// `base { ... }`
    Extend(Box<Expr>, Box<Body>),
    /// `a.b`
    Field(Box<Expr>, Name, Place),
    /// `a[i]`
    Index(Box<Expr>, Box<Expr>),
    /// `f(a, y = 1)`
    Call(Box<Expr>, Vec<Argument>),
    /// `fn(x) => e`
    Function(Box<Function>),
    /// `-a`
    Unary(Unary, Box<Expr>),
    /// `a + b`
    Binary(Binary, Box<(Expr, Expr)>),
    /// `if c then a else b`
    If(Box<(Expr, Expr, Expr)>),
    /// `let x = e in b`; `x` is the only slot of a frame
    Let(Box<(Expr, Expr)>),
    /// `match x of { ... }`
    Match(Box<Expr>, Vec<Arm>),
    /// A parameter or another local name: a slot of the frame `depth` frames out.
    Local {
        /// How many frames out.
        depth: u32,
        /// Which slot.
        slot: u32,
    },
    /// A field of the finished record whose body is `depth` frames out.
    Sibling {
        /// How many frames out.
        depth: u32,
        /// The field.
        name: Name,
    },
    /// A `let` of the body `depth` frames out.
    Private {
        /// How many frames out.
        depth: u32,
        /// Which of its `let`s.
        slot: u32,
    },
    /// `self` of the body `depth` frames out
    SelfRecord {
        /// How many frames out.
        depth: u32,
    },
    /// `super.name` of the body `depth` frames out
    Super {
        /// How many frames out.
        depth: u32,
        /// The field.
        name: Name,
        /// How many edits of the field in the same body stand above: each is a layer.
        earlier: u32,
        /// Where the name stands.
        place: Place,
    },
    /// An imported module.
    Module(ModuleId),
    /// A function of the prelude.
    Builtin(Builtin),
    /// A record type.
    Type(TypeId),
    /// What a mistake that is reported elsewhere hides. A program that has it is checked and never evaluated.
    Unknown,
}

/// A value that is written out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Constant {
    /// `none`
    None,
    /// `true`, `false`
    Bool(bool),
    /// `42`
    Int(i64),
    /// `16MiB`, in bytes
    Size(u64),
    /// `'ext4`
    Symbol(Name),
    /// `"text"`
    String(Box<str>),
}

/// A piece of a string.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Literal text.
    Text(Box<str>),
    /// `${e}`
    Interpolated(Expr),
}

/// `[for x in list if condition => element]`
#[derive(Debug)]
pub(crate) struct Comprehension {
    /// What it runs over.
    pub list: Expr,
    /// Which elements count.
    pub condition: Option<Expr>,
    /// The element made.
    pub element: Expr,
}

/// An argument of a call.
#[derive(Debug)]
pub(crate) struct Argument {
    /// The parameter's name, for `y = 1`.
    pub name: Option<(Name, Place)>,
    /// The value.
    pub value: Expr,
}

/// How any file can refer to a value: the module and the fields that lead to it.
#[derive(Debug)]
pub(crate) struct Path {
    /// The module.
    pub module: ModuleId,
    /// The fields, from the outermost.
    pub fields: Vec<Name>,
}

/// `mixin { ... }`
#[derive(Debug)]
pub(crate) struct Mixin {
    /// Where a file can refer to it.
    pub path: Option<Path>,
    /// The body.
    pub body: Body,
}

/// Parameters and body of a function. The parameters are the slots of one frame.
#[derive(Debug)]
pub(crate) struct Function {
    /// Where a file can refer to it.
    pub path: Option<Path>,
    /// The parameters in order.
    pub parameters: Vec<Parameter>,
    /// The type of the result, and where it is written.
    pub result: Option<(Type, Place)>,
    /// The body.
    pub body: Expr,
}

/// A parameter of a function. Its default sees the parameters before it.
#[derive(Debug)]
pub(crate) struct Parameter {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: Option<Type>,
    /// Its default.
    pub default: Option<Expr>,
    /// Where it is declared.
    pub place: Place,
}

/// An arm of a `match`.
#[derive(Debug)]
pub(crate) struct Arm {
    /// What it accepts; none for `_`.
    pub pattern: Option<Expr>,
    /// The result.
    pub value: Expr,
}
