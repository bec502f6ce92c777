//! Lists: elements that are there, or that come to be when they are asked for.

use std::borrow::Cow;
use std::cell::OnceCell;

use gravure_lang::Place;

use crate::evaluator::Evaluator;
use crate::value::{Elements, List, Mapped, Range, State, Thunk, Value};

impl<'h> Evaluator<'h> {
    /// Returns a list of these elements.
    pub(crate) fn list(
        &self,
        elements: impl IntoIterator<Item = &'h Thunk<'h>, IntoIter: ExactSizeIterator>,
    ) -> Value<'h> {
        Value::List(List(Elements::Made(self.heap.alloc_slice_fill_iter(elements))))
    }

    /// Returns the list of so many integers from `first`.
    pub(crate) fn integers(&self, first: i64, len: usize, place: Place) -> Value<'h> {
        Value::List(List(Elements::Range(self.heap.alloc(Range { first, len, place }))))
    }

    /// Returns the list of what a function makes of each element.
    ///
    /// What `map` made is made in full before it is mapped again: a chain of lists could be longer than the stack is deep.
    pub(crate) fn mapped(&self, function: Value<'h>, of: List<'h>) -> Value<'h> {
        let of = match of.0 {
            Elements::Mapped(_) => List(Elements::Made(self.heap.alloc_slice_copy(&self.thunks(of)))),
            Elements::Made(_) | Elements::Range(_) => of,
        };
        let made = self.heap.alloc_slice_fill_with(of.len(), |_| OnceCell::new());
        Value::List(List(Elements::Mapped(self.heap.alloc(Mapped { function, of, made }))))
    }

    /// Returns the element at `index`, if the list is so long.
    pub(crate) fn element(&self, list: List<'h>, index: usize) -> Option<&'h Thunk<'h>> {
        match list.0 {
            Elements::Made(thunks) => thunks.get(index).copied(),
            Elements::Range(range) => {
                (index < range.len).then(|| self.done(Value::Int(range.first + index as i64), range.place))
            }
            Elements::Mapped(mapped) => mapped.made.get(index).map(|made| {
                *made.get_or_init(|| {
                    let argument = self.element(mapped.of, index).expect("both lists have the same length");
                    self.todo(State::Apply(&mapped.function, argument), argument.place)
                })
            }),
        }
    }

    /// Returns the elements one after the other.
    pub(crate) fn elements(&self, list: List<'h>) -> impl ExactSizeIterator<Item = &'h Thunk<'h>> {
        (0..list.len()).map(move |index| self.element(list, index).expect("the list is so long"))
    }

    /// Returns all elements at once.
    pub(crate) fn thunks(&self, list: List<'h>) -> Cow<'h, [&'h Thunk<'h>]> {
        match list.0 {
            Elements::Made(thunks) => Cow::Borrowed(thunks),
            _ => Cow::Owned(self.elements(list).collect()),
        }
    }
}
