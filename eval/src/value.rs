//! Values and the heap that they live in.
//!
//! One evaluation owns one heap ([`bumpalo::Bump`]); values are small copies that point into it and into the code.
//! Nothing is freed before the evaluation ends, so values cannot be dropped one inside the other and overflow the stack.
//! Laziness is a [`Thunk`]: a cell that is computed at most once and carries a mark while it is being computed.

use std::cell::{Cell, OnceCell};

use gravure_lang::Place;

use crate::builtins::Builtin;
use crate::code::{self, Body, Definition, Expr, ModuleId, TypeId};
use crate::names::Name;

/// A value in weak head normal form: lists, maps and records keep unevaluated thunks inside.
#[derive(Clone, Copy)]
pub enum Value<'h> {
    /// `none`
    None,
    /// `true`, `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number of bytes.
    Size(u64),
    /// A symbol.
    Symbol(Name),
    /// A text.
    String(&'h str),
    /// A path of the host, relative to the project as its file's path is; never read by evaluation.
    Path(&'h str),
    /// A list.
    List(List<'h>),
    /// A map, in the order of insertion.
    Map(&'h [(&'h str, &'h Thunk<'h>)]),
    /// A record.
    Record(&'h Record<'h>),
    /// A body kept for use on several bases.
    Mixin(&'h Mixin<'h>),
    /// A function written in the language.
    Function(&'h Closure<'h>),
    /// A function of the prelude.
    Builtin(Builtin),
    /// A record type.
    Type(TypeId),
}

impl Value<'_> {
    /// Returns what a person calls values of this kind: "a string".
    pub fn kind(&self) -> &'static str {
        match self {
            Value::None => "`none`",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "an integer",
            Value::Size(_) => "a size",
            Value::Symbol(_) => "a symbol",
            Value::String(_) => "a string",
            Value::Path(_) => "a path",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Record(_) => "a record",
            Value::Mixin(_) => "a mixin",
            Value::Function(_) | Value::Builtin(_) => "a function",
            Value::Type(_) => "a record type",
        }
    }
}

/// The elements of a list. Those of a range, and of what `map` makes, come to be one by one when they are asked for, so that of
/// a million of them only the few that matter take room.
#[derive(Clone, Copy)]
pub struct List<'h>(pub(crate) Elements<'h>);

#[derive(Clone, Copy)]
pub(crate) enum Elements<'h> {
    /// All are there.
    Made(&'h [&'h Thunk<'h>]),
    /// Integers, one after the other.
    Range(&'h Range),
    /// What a function makes of the elements of another list.
    Mapped(&'h Mapped<'h>),
}

/// The integers from `first`, made at `place`.
pub(crate) struct Range {
    pub first: i64,
    pub len: usize,
    pub place: Place,
}

/// `map(function, of)`
pub(crate) struct Mapped<'h> {
    pub function: Value<'h>,
    pub of: List<'h>,
    /// The elements that were asked for.
    pub made: &'h [OnceCell<&'h Thunk<'h>>],
}

impl List<'_> {
    /// Returns how many elements there are.
    pub(crate) fn len(self) -> usize {
        match self.0 {
            Elements::Made(thunks) => thunks.len(),
            Elements::Range(range) => range.len,
            Elements::Mapped(mapped) => mapped.made.len(),
        }
    }
}

// Programs have millions of thunks.
const _: () = assert!(size_of::<Thunk<'static>>() <= 40);

/// A function with the frames that its body sees.
pub struct Closure<'h> {
    pub(crate) code: &'h code::Function,
    pub(crate) env: &'h Env<'h>,
}

/// A body kept for use on several bases, with the frames that it sees.
pub struct Mixin<'h> {
    pub(crate) code: &'h code::Mixin,
    pub(crate) env: &'h Env<'h>,
}

/// A value that is computed when it is needed, at most once.
pub struct Thunk<'h> {
    pub(crate) state: Cell<State<'h>>,
    /// Where the value is written.
    pub(crate) place: Place,
}

/// How far a thunk has come. What computes it stands beside its value, so that both share their bytes: programs have
/// millions of these.
#[derive(Clone, Copy)]
pub(crate) enum State<'h> {
    /// Computed.
    Done(Value<'h>),
    /// Being computed: needing it now closes a cycle.
    Busy,
    /// Not needed yet: an expression in its frames.
    Eval(&'h Expr, &'h Env<'h>),
    /// Not needed yet: a value that must fulfil a contract.
    Checked(&'h Thunk<'h>, &'h Contract<'h>),
    /// Not needed yet: a call, as `map` makes them.
    Apply(&'h Value<'h>, &'h Thunk<'h>),
    /// Not needed yet: an element of a list or map, edited.
    Edited(&'h Thunk<'h>, &'h ElementEdit<'h>),
    /// Not needed yet: the finished value of a field.
    Field(&'h Record<'h>, Name),
}

/// What a value must be, and who says so.
#[derive(Clone, Copy)]
pub(crate) struct Contract<'h> {
    pub ty: &'h code::Type,
    /// Where the type is declared.
    pub declared: Place,
    pub slot: Slot,
}

/// What holds a value that has a declared type.
#[derive(Clone, Copy)]
pub(crate) enum Slot {
    /// A field.
    Field(Name),
    /// An element of a list or map in a field.
    Element(Name),
    /// A parameter of a function, or something inside it.
    Argument(Name),
    /// What a function returns, or something inside it.
    Result,
}

/// An edit of an element, with the frame of the body that says it.
pub(crate) struct ElementEdit<'h> {
    pub edit: &'h code::Edit,
    pub env: &'h Env<'h>,
}

/// A frame with the frames around it.
pub(crate) struct Env<'h> {
    pub(crate) frame: Frame<'h>,
    pub(crate) parent: Option<&'h Env<'h>>,
}

/// What names of one scope mean at run time.
#[derive(Clone, Copy)]
pub(crate) enum Frame<'h> {
    /// A body as a layer of a record: fields are those of the finished record.
    Body(&'h BodyFrame<'h>),
    /// Parameters and other local names.
    Locals(&'h [&'h Thunk<'h>]),
}

/// A body as a layer of a record.
pub(crate) struct BodyFrame<'h> {
    /// The finished record.
    pub record: &'h Record<'h>,
    /// The layer.
    pub layer: &'h Layer<'h>,
    /// The private names of the body, computed on need.
    pub lets: &'h [OnceCell<&'h Thunk<'h>>],
}

/// A record: a stack of layers, and a memo that belongs to this stack alone.
pub struct Record<'h> {
    pub(crate) ty: Option<TypeId>,
    /// The highest layer.
    pub(crate) top: &'h Layer<'h>,
    /// The module that this record is the value of.
    pub(crate) module: Option<ModuleId>,
    pub(crate) table: OnceCell<&'h Table<'h>>,
}

/// A body on top of the layers below it.
pub(crate) struct Layer<'h> {
    pub(crate) body: &'h Body,
    /// The frames around the body; none for a file.
    pub(crate) env: Option<&'h Env<'h>>,
    pub(crate) below: Option<&'h Layer<'h>>,
    /// How many layers are below.
    pub(crate) height: u32,
    /// Whether the body is that of a record type, so that it may introduce fields.
    pub(crate) declares: bool,
}

/// The fields of a record: what all its layers say, flattened when the first field is read, so that reading costs the same
/// however many layers there are.
pub(crate) struct Table<'h> {
    /// In the order of their first definition.
    pub fields: &'h [Field<'h>],
    /// Names with positions in `fields`, sorted by name.
    pub index: &'h [(Name, u32)],
    /// The frames of the layers, from the lowest.
    pub frames: &'h [&'h Env<'h>],
}

/// A field of a record with all its definitions.
pub(crate) struct Field<'h> {
    /// Its name.
    pub(crate) name: Name,
    /// The definition that declares its type.
    pub(crate) declaration: Option<&'h Definition>,
    /// What the layers say, from the lowest.
    pub(crate) steps: &'h [Step<'h>],
    /// The finished value, checked against the declared type.
    pub(crate) value: Thunk<'h>,
}

/// One definition of a field in one layer.
pub(crate) struct Step<'h> {
    pub definition: &'h Definition,
    pub layer: u32,
    /// The value of the field up to here, once it was needed.
    pub value: Cell<Option<Value<'h>>>,
}

impl Field<'_> {
    /// Whether it is an item of a file that is a base for others.
    pub(crate) fn is_abstract(&self) -> bool {
        self.steps.iter().any(|step| step.definition.is_abstract)
    }
}

impl<'h> Table<'h> {
    /// Returns the field named `name`.
    pub(crate) fn find(&self, name: Name) -> Option<&'h Field<'h>> {
        let found = self.index.binary_search_by_key(&name, |&(name, _)| name).ok()?;
        Some(&self.fields[self.index[found].1 as usize])
    }
}

impl<'h> Record<'h> {
    /// Returns the record's layers from the highest to the lowest.
    pub(crate) fn layers(&self) -> impl Iterator<Item = &'h Layer<'h>> + use<'h> {
        std::iter::successors(Some(self.top), |layer| layer.below)
    }

    /// Returns where the record was made or last extended.
    pub fn place(&self) -> Place {
        self.top.body.place
    }

    /// Returns the record's type.
    pub fn type_id(&self) -> Option<TypeId> {
        self.ty
    }
}
