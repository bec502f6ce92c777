//! Shapes: what the text says of a value before it is computed.

use crate::builtins::Builtin;
use crate::code::{Body, Constant, Function, Mixin, ModuleId, Type, TypeId};
use crate::names::Name;
use crate::program::Program;

/// What is known of a value. Whoever asks must take "perhaps" for an answer.
#[derive(Clone)]
pub(super) enum Shape<'p> {
    /// Nothing.
    Unknown,
    None,
    Bool,
    Int,
    Size,
    String,
    Path,
    /// This symbol, or any.
    Symbol(Option<Name>),
    List(Box<Shape<'p>>),
    Map(Box<Shape<'p>>),
    /// A record of this type; unless it is exact, perhaps of one that extends it.
    Record {
        ty: TypeId,
        is_exact: bool,
    },
    /// `{ ... }` on nothing: it has the fields of this body.
    Bare(&'p Body),
    /// A file as a record.
    Module(ModuleId),
    /// A record of any type, or of none.
    AnyRecord,
    Mixin(Option<&'p Mixin>),
    Function(&'p Function),
    /// A function of which the type of its result is known, if that is.
    Callable(Option<&'p Type>),
    Builtin(Builtin),
    Type(TypeId),
    /// One of these.
    OneOf(Vec<Shape<'p>>),
}

/// A value that may be more than this many things is one of which nothing is known.
const MOST_ALTERNATIVES: usize = 64;

impl<'p> Shape<'p> {
    /// Returns what values of a declared type are.
    pub(super) fn of_type(ty: &'p Type) -> Shape<'p> {
        match ty {
            Type::Any => Shape::Unknown,
            Type::Bool => Shape::Bool,
            Type::Int => Shape::Int,
            Type::Size => Shape::Size,
            Type::String => Shape::String,
            Type::Symbol => Shape::Symbol(None),
            Type::Path => Shape::Path,
            Type::AnyRecord => Shape::AnyRecord,
            Type::List(element) => Shape::List(Box::new(Shape::of_type(element))),
            Type::Map(element) => Shape::Map(Box::new(Shape::of_type(element))),
            Type::Key(ty) => Shape::of_type(ty),
            Type::Member(name) => Shape::Symbol(Some(*name)),
            Type::None => Shape::None,
            Type::Union(members) => Shape::one_of(members.iter().map(Shape::of_type)),
            Type::Record(ty) => Shape::Record { ty: *ty, is_exact: false },
            Type::Function(_, result) => Shape::Callable(result.as_deref()),
        }
    }

    /// Returns what a value that is written out is.
    pub(super) fn of_constant(constant: &Constant) -> Shape<'p> {
        match constant {
            Constant::None => Shape::None,
            Constant::Bool(_) => Shape::Bool,
            Constant::Int(_) => Shape::Int,
            Constant::Size(_) => Shape::Size,
            Constant::Symbol(name) => Shape::Symbol(Some(*name)),
            Constant::String(_) => Shape::String,
        }
    }

    /// Returns what a value is that is one of these.
    pub(super) fn one_of(shapes: impl IntoIterator<Item = Shape<'p>>) -> Shape<'p> {
        let mut all: Vec<Shape<'p>> = Vec::new();
        for shape in shapes {
            match shape {
                Shape::Unknown => return Shape::Unknown,
                Shape::OneOf(more) => all.extend(more),
                shape if all.iter().any(|known| known.is_same(&shape)) => {}
                shape => all.push(shape),
            }
            if all.len() > MOST_ALTERNATIVES {
                return Shape::Unknown;
            }
        }
        match all.len() {
            0 => Shape::Unknown,
            1 => all.remove(0),
            _ => Shape::OneOf(all),
        }
    }

    /// Whether the other shape says nothing that this one does not.
    fn is_same(&self, other: &Shape<'p>) -> bool {
        match (self, other) {
            (Shape::None, Shape::None)
            | (Shape::Bool, Shape::Bool)
            | (Shape::Int, Shape::Int)
            | (Shape::Size, Shape::Size)
            | (Shape::String, Shape::String)
            | (Shape::Path, Shape::Path) => true,
            (Shape::Symbol(a), Shape::Symbol(b)) => a == b,
            (Shape::Record { ty: a, is_exact: x }, Shape::Record { ty: b, is_exact: y }) => (a, x) == (b, y),
            (Shape::List(a), Shape::List(b)) | (Shape::Map(a), Shape::Map(b)) => a.is_same(b),
            _ => false,
        }
    }

    /// Returns the shape of what this is where it is not `none`.
    pub(super) fn without_none(self) -> Shape<'p> {
        match self {
            Shape::OneOf(all) => Shape::one_of(all.into_iter().filter(|shape| !matches!(shape, Shape::None))),
            shape => shape,
        }
    }

    /// Returns what people call such a value, as [`crate::Value::kind`] does; none where it may be of several kinds.
    pub(super) fn kind(&self) -> Option<&'static str> {
        Some(match self {
            Shape::Unknown => return None,
            Shape::None => "`none`",
            Shape::Bool => "a boolean",
            Shape::Int => "an integer",
            Shape::Size => "a size",
            Shape::String => "a string",
            Shape::Path => "a path",
            Shape::Symbol(_) => "a symbol",
            Shape::List(_) => "a list",
            Shape::Map(_) => "a map",
            Shape::Record { .. } | Shape::Bare(_) | Shape::Module(_) | Shape::AnyRecord => "a record",
            Shape::Mixin(_) => "a mixin",
            Shape::Function(_) | Shape::Callable(_) | Shape::Builtin(_) => "a function",
            Shape::Type(_) => "a record type",
            Shape::OneOf(all) => {
                let first = all[0].kind()?;
                return all.iter().all(|shape| shape.kind() == Some(first)).then_some(first);
            }
        })
    }

    /// Returns what people call such a value, as messages about a wrong type do.
    pub(super) fn described(&self, program: &Program) -> Option<String> {
        Some(match self {
            Shape::Record { ty, .. } => format!("a record of type `{}`", program.type_name(*ty)),
            Shape::Function(function) => match function.parameters.len() {
                0 => "a function without parameters".to_owned(),
                1 => "a function of one parameter".to_owned(),
                parameters => format!("a function of {parameters} parameters"),
            },
            shape => shape.kind()?.to_owned(),
        })
    }

    /// Whether a value of this shape may be of a type, as far as its outermost form tells.
    pub(super) fn may_be(&self, ty: &Type, program: &Program) -> bool {
        match (self, ty) {
            (Shape::Unknown, _)
            | (_, Type::Any)
            | (Shape::None, Type::None)
            | (Shape::Bool, Type::Bool)
            | (Shape::Int, Type::Int)
            | (Shape::Size, Type::Size)
            | (Shape::String, Type::String)
            | (Shape::Path, Type::Path)
            | (Shape::Symbol(_), Type::Symbol)
            | (Shape::Symbol(None), Type::Member(_))
            | (Shape::List(_), Type::List(_))
            | (Shape::Map(_), Type::Map(_))
            | (Shape::AnyRecord, Type::Record(_))
            | (Shape::Callable(_) | Shape::Builtin(_), Type::Function(..)) => true,
            (Shape::Record { .. } | Shape::Bare(_) | Shape::Module(_) | Shape::AnyRecord, Type::AnyRecord) => true,
            (Shape::OneOf(all), ty) => all.iter().any(|shape| shape.may_be(ty, program)),
            (shape, Type::Key(ty)) => shape.may_be(ty, program),
            (shape, Type::Union(members)) => members.iter().any(|member| shape.may_be(member, program)),
            (Shape::Symbol(Some(symbol)), Type::Member(member)) => symbol == member,
            (Shape::Record { ty, is_exact }, Type::Record(wanted)) => {
                program.is_subtype(*ty, *wanted) || !is_exact && program.is_subtype(*wanted, *ty)
            }
            (Shape::Function(function), Type::Function(parameters, _)) => {
                let required = function.parameters.iter().filter(|parameter| parameter.default.is_none()).count();
                (required..=function.parameters.len()).contains(&parameters.len())
            }
            _ => false,
        }
    }
}
