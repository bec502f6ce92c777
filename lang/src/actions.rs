//! What the grammar's rules do, where it is more than calling a constructor of the tree.
//!
//! Mistakes that the grammar accepts so as to name them better are reported here, into the list that the parser
//! carries along.

use std::borrow::Cow;

use crate::ast::*;
use crate::lexer::decode_escape;
use crate::number::{Number, number};
use crate::reports::Reports;
use crate::{FileId, Place, Span, errors};

pub(crate) fn expr(kind: ExprKind<'_>, start: usize, end: usize) -> Expr<'_> {
    Expr { kind, span: Span::new(start, end) }
}

/// Returns an item that waits for its documentation and its place.
pub(crate) fn item(kind: ItemKind<'_>) -> Box<Item<'_>> {
    Box::new(Item { doc: Vec::new(), kind, span: Span::default() })
}

pub(crate) fn documented<'s>(mut item: Box<Item<'s>>, doc: Vec<&'s str>, start: usize, end: usize) -> Box<Item<'s>> {
    item.doc = docs(doc);
    item.span = Span::new(start, end);
    item
}

/// Takes parts of the tree out of the boxes in which they waited.
pub(crate) fn unboxed<T>(boxes: impl IntoIterator<Item = Box<T>>) -> Vec<T> {
    boxes.into_iter().map(|part| *part).collect()
}

/// Strips the marks and one space from documentation lines.
pub(crate) fn docs(lines: Vec<&str>) -> Vec<&str> {
    lines.into_iter().map(doc_text).collect()
}

/// Returns what a `##` line says.
pub(crate) fn doc_text(line: &str) -> &str {
    let text = line.strip_prefix("##").unwrap_or(line);
    text.strip_prefix(' ').unwrap_or(text).trim_end()
}

pub(crate) fn import<'s>(
    file: FileId,
    text: Vec<Piece<'s>>,
    path_span: Span,
    name: Name<'s>,
    errors: &mut Reports<'_>,
) -> ItemKind<'s> {
    let mut path = Cow::Borrowed("");
    for piece in text {
        match piece {
            Piece::Text(literal) => path = literal,
            Piece::Interpolated(_) => {
                errors.push(errors::import_not_literal(Place { file, span: path_span }));
                return ItemKind::Error;
            }
        }
    }
    ItemKind::Import { path, path_span, name }
}

pub(crate) fn abstract_define<'s>(name: Name<'s>, value: Expr<'s>) -> ItemKind<'s> {
    let path = Path { name, steps: Vec::new(), span: name.span };
    ItemKind::Define { is_abstract: true, path, operator: Operator::Set, value }
}

pub(crate) fn body<'s>(file: FileId, mut items: Vec<Item<'s>>, span: Span, errors: &mut Reports<'_>) -> Body<'s> {
    for item in &mut items {
        if matches!(item.kind, ItemKind::Import { .. }) {
            errors.push(errors::import_inside_body(Place { file, span: item.span }));
            item.kind = ItemKind::Error;
        }
    }
    items.shrink_to_fit();
    Body { items, span }
}

pub(crate) fn function<'s>(
    (parameters, result): (Vec<Parameter<'s>>, Option<Type<'s>>),
    body: Expr<'s>,
) -> Function<'s> {
    Function { parameters, result, body }
}

/// Makes a union flat: parentheses around a part of it mean nothing.
pub(crate) fn union<'s>(first: Type<'s>, others: Vec<Type<'s>>) -> TypeKind<'s> {
    let mut members = Vec::with_capacity(others.len() + 1);
    for member in [first].into_iter().chain(others) {
        match member.kind {
            TypeKind::Union(inner) => members.extend(inner),
            _ => members.push(member),
        }
    }
    TypeKind::Union(members)
}

pub(crate) fn arm<'s>(pattern: Expr<'s>, value: Expr<'s>) -> Arm<'s> {
    let pattern = if pattern.kind == ExprKind::Name("_") { None } else { Some(pattern) };
    Arm { pattern, value }
}

pub(crate) fn unary<'s>(
    file: FileId,
    operator: Unary,
    operand: Expr<'s>,
    start: usize,
    end: usize,
    errors: &mut Reports<'_>,
) -> Expr<'s> {
    let adjacent = operand.span.start as usize == start + 1;
    if operator == Unary::Negate && adjacent && matches!(operand.kind, ExprKind::Size(_)) {
        errors.push(errors::negative_size(Place { file, span: Span::new(start, end) }));
        return operand;
    }
    expr(ExprKind::Unary(operator, Box::new(operand)), start, end)
}

pub(crate) fn comprehension<'s>(
    variable: Name<'s>,
    list: Expr<'s>,
    condition: Option<Expr<'s>>,
    element: Expr<'s>,
) -> ExprKind<'s> {
    ExprKind::Comprehension {
        variable,
        list: Box::new(list),
        condition: condition.map(Box::new),
        element: Box::new(element),
    }
}

/// An integer; the lexer has reported one that is out of range.
pub(crate) fn integer(text: &str) -> ExprKind<'_> {
    match number(text) {
        Ok(Number::Int(value)) => ExprKind::Int(value),
        _ => ExprKind::Int(0),
    }
}

/// A size; the lexer has reported one that is out of range.
pub(crate) fn size(text: &str) -> ExprKind<'_> {
    match number(text) {
        Ok(Number::Size(bytes)) => ExprKind::Size(bytes),
        _ => ExprKind::Size(0),
    }
}

pub(crate) fn escape(text: &str) -> Piece<'_> {
    Piece::Text(decode_escape(text).map_or(Cow::Borrowed(text), |c| Cow::Owned(c.to_string())))
}

/// Joins neighbouring texts and drops empty ones.
pub(crate) fn pieces(fragments: Vec<Piece<'_>>) -> Vec<Piece<'_>> {
    if let [Piece::Text(text)] = fragments.as_slice()
        && !text.is_empty()
    {
        return fragments;
    }
    let mut joined: Vec<Piece> = Vec::with_capacity(fragments.len());
    for fragment in fragments {
        match (joined.last_mut(), fragment) {
            (_, Piece::Text(text)) if text.is_empty() => {}
            (Some(Piece::Text(before)), Piece::Text(text)) => before.to_mut().push_str(&text),
            (_, other) => joined.push(other),
        }
    }
    joined
}
