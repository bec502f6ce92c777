//! The evaluator: one thread, one heap, thunks with marks.
//!
//! Needing a value pushes a mark on the stack of needs; needing a value that is marked closes a cycle, and the stack
//! between the two is the ring that is printed. The length of that stack is the depth that is limited, so no program
//! can overflow the stack of the machine.

use std::cell::{Cell, OnceCell, RefCell};

use bumpalo::Bump;
use gravure_lang::{Diagnostic, Place, Step};

use crate::code::{Expr, ExprKind, ModuleId, TypeId};
use crate::limits::Limits;
use crate::names::Name;
use crate::program::Program;
use crate::value::{BodyFrame, Env, Frame, Layer, Record, State, Thunk, Value};
use crate::{Result, errors};

/// After how many steps the totals are compared with their limits.
const STEPS_BETWEEN_LOOKS: u64 = 1024;

/// How many steps of what led to a mistake are kept.
const MOST_TRACED: usize = 1000;

/// Evaluates one program on one thread.
pub struct Evaluator<'h> {
    pub(crate) program: &'h Program,
    pub(crate) heap: &'h Bump,
    pub(crate) limits: Limits,
    modules: Vec<OnceCell<&'h Record<'h>>>,
    type_layers: Vec<OnceCell<&'h Layer<'h>>>,
    needs: RefCell<Vec<Need>>,
    nesting: Cell<usize>,
    steps: Cell<u64>,
}

/// One value that is being computed, or one call that is running.
#[derive(Clone, Copy)]
struct Need {
    /// The address of the thunk; 0 for a call.
    thunk: usize,
    /// The field that the thunk is the value of.
    field: Option<Name>,
    /// Where it is needed, or called.
    place: Place,
}

impl<'h> Evaluator<'h> {
    /// Returns an evaluator that has evaluated nothing yet.
    pub fn new(program: &'h Program, heap: &'h Bump, limits: Limits) -> Evaluator<'h> {
        Evaluator {
            program,
            heap,
            limits,
            modules: program.modules.iter().map(|_| OnceCell::new()).collect(),
            type_layers: program.types.iter().map(|_| OnceCell::new()).collect(),
            needs: RefCell::new(Vec::new()),
            nesting: Cell::new(0),
            steps: Cell::new(0),
        }
    }

    /// Returns the program that is evaluated.
    pub fn program(&self) -> &'h Program {
        self.program
    }

    /// Returns the record that a module is.
    pub fn module(&self, id: ModuleId) -> &'h Record<'h> {
        self.modules[id.0 as usize].get_or_init(|| {
            let module = &self.program.modules[id.0 as usize];
            let own = Layer { body: &module.body, env: None, below: None, height: 0, declares: true };
            let mut top: &'h Layer<'h> = self.heap.alloc(own);
            for said in &module.overrides {
                let height = top.height + 1;
                top = self.heap.alloc(Layer { body: &said.body, env: None, below: Some(top), height, declares: false });
            }
            self.heap.alloc(Record { ty: None, top, module: Some(id), table: OnceCell::new() })
        })
    }

    /// Returns the value of the expression that the command line says of this module, if it does.
    pub fn expression(&self, id: ModuleId) -> Option<(Place, Result<Value<'h>>)> {
        self.program.expression.filter(|module| *module == id)?;
        let said = &self.program.modules[id.0 as usize].overrides.last()?.body.lets.last()?.value;
        let value = self.table(self.module(id)).and_then(|table| {
            let frame = table.frames.last().expect("a record has a layer");
            self.eval(said, frame)
        });
        Some((said.place, value))
    }

    /// Returns an image that a file stands for with what the command line says of images on it.
    ///
    /// # Errors
    /// An override says something of a field that images do not have.
    pub fn overridden_image(&self, id: ModuleId, image: &'h Record<'h>) -> Result<&'h Record<'h>> {
        let overrides = self.program.modules[id.0 as usize].overrides.iter().zip(1..);
        overrides.filter_map(|(said, height)| Some((said.of_images.as_ref()?, height))).try_fold(
            image,
            |image, said| {
                let (body, height): (_, usize) = said;
                let frame = self.table(self.module(id))?.frames[height];
                let Value::Record(image) = self.layered(image.ty, Some(image.top), body, Some(frame)) else {
                    unreachable!("layers make a record")
                };
                self.table(image)?;
                Ok(image)
            },
        )
    }

    /// Returns the layers of a record type: its own body on those of the types that it extends.
    pub(crate) fn type_layer(&self, id: TypeId) -> Result<&'h Layer<'h>> {
        if let Some(layer) = self.type_layers[id.0 as usize].get() {
            return Ok(layer);
        }
        let ty = &self.program.types[id.0 as usize];
        let below = ty.extends.map(|base| self.type_layer(base)).transpose()?;
        let env = Some(self.table(self.module(ty.module))?.frames[0]);
        let height = below.map_or(0, |below| below.height + 1);
        let layer = self.heap.alloc(Layer { body: &ty.body, env, below, height, declares: true });
        Ok(self.type_layers[id.0 as usize].get_or_init(|| layer))
    }

    /// Returns the value of a thunk, computing it if that has not happened yet.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn force(&self, thunk: &'h Thunk<'h>) -> Result<Value<'h>> {
        self.need(thunk, None, thunk.place)
    }

    /// As [`Evaluator::force`], for a field that is needed at `place`.
    pub(crate) fn need(&self, thunk: &'h Thunk<'h>, field: Option<Name>, place: Place) -> Result<Value<'h>> {
        match thunk.state.get() {
            State::Done(value) => Ok(value),
            State::Busy => Err(self.cycle(thunk, field, place)),
            task => self.compute(thunk, task, field, place),
        }
    }

    fn compute(&self, thunk: &'h Thunk<'h>, task: State<'h>, field: Option<Name>, place: Place) -> Result<Value<'h>> {
        thunk.state.set(State::Busy);
        let result = self.entered(Need { thunk: address(thunk), field, place }, || self.run(task));
        thunk.state.set(match result {
            Ok(value) => State::Done(value),
            Err(_) => task,
        });
        result
    }

    fn run(&self, task: State<'h>) -> Result<Value<'h>> {
        match task {
            State::Done(value) => Ok(value),
            State::Busy => unreachable!("a busy thunk is not run again"),
            State::Eval(expr, env) => self.eval(expr, env),
            State::Checked(thunk, contract) => self.check(self.force(thunk)?, thunk.place, *contract),
            State::Apply(function, argument) => self.call(*function, &[argument], argument.place),
            State::Edited(thunk, by) => self.edit(by.edit, || self.force(thunk), by.env),
            State::Field(record, name) => self.finish_field(record, name),
        }
    }

    /// Runs a call that is written at `place`.
    pub(crate) fn calling<T>(&self, place: Place, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.entered(Need { thunk: 0, field: None, place }, work)
    }

    fn entered<T>(&self, need: Need, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let depth = {
            let mut needs = self.needs.borrow_mut();
            if needs.len() >= self.limits.depth {
                drop(needs);
                return Err(self.too_deep());
            }
            needs.push(need);
            needs.len() - 1
        };
        let result = work();
        self.needs.borrow_mut().truncate(depth);
        result.map_err(|diagnostic| self.traced(diagnostic, need))
    }

    /// Adds to a diagnostic that `need` led to it.
    fn traced(&self, mut diagnostic: Box<Diagnostic>, need: Need) -> Box<Diagnostic> {
        if diagnostic.trace.len() < MOST_TRACED {
            let is_call = need.thunk == 0;
            let text = match need.field {
                Some(field) => format!("`{}` is needed here", self.program.text(field)),
                None if is_call => "called here".to_owned(),
                None => "needed here".to_owned(),
            };
            diagnostic.trace.push(Step { place: need.place, text, is_call });
        }
        diagnostic
    }

    /// Counts an expression inside others while `work` evaluates it.
    pub(crate) fn nested<T>(&self, place: Place, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.step(place)?;
        let nesting = self.nesting.get();
        if nesting >= self.limits.nesting() {
            return Err(errors::too_nested(self.limits.nesting(), place).into());
        }
        self.nesting.set(nesting + 1);
        let result = work();
        self.nesting.set(nesting);
        result
    }

    /// Counts a step; now and then looks whether there have been too many.
    pub(crate) fn step(&self, place: Place) -> Result<()> {
        let steps = self.steps.get() + 1;
        self.steps.set(steps);
        if steps.is_multiple_of(STEPS_BETWEEN_LOOKS) { self.refuse_excess(place) } else { Ok(()) }
    }

    /// Stops an evaluation that has taken too many steps or too much memory.
    pub(crate) fn refuse_excess(&self, place: Place) -> Result<()> {
        if self.steps.get() > self.limits.steps {
            return Err(errors::too_many_steps(self.limits.steps, place).into());
        }
        if self.heap.allocated_bytes() > self.limits.memory {
            return Err(errors::too_much_memory(self.limits.memory, place).into());
        }
        Ok(())
    }

    fn too_deep(&self) -> Box<Diagnostic> {
        let needs = self.needs.borrow();
        let last: Vec<Place> = needs.iter().rev().take(3).map(|need| need.place).collect();
        errors::too_deep(self.limits.depth, &last).into()
    }

    /// Describes the ring of needs that needing `thunk` again closes.
    fn cycle(&self, thunk: &'h Thunk<'h>, field: Option<Name>, place: Place) -> Box<Diagnostic> {
        let needs = self.needs.borrow();
        let start = needs.iter().rposition(|need| need.thunk == address(thunk)).expect("a busy thunk is being needed");
        let ring: Vec<Need> = needs[start..].iter().filter(|need| need.thunk != 0).copied().collect();
        // The first link is from the first value to the second; the last is from the last one to the first.
        let mut links = ring[1..].to_vec();
        links.push(Need { thunk: address(thunk), field: ring[0].field.or(field), place });
        let name = |need: &Need| need.field.map(|name| self.program.text(name));
        if links.iter().all(|link| link.field.is_none()) {
            return errors::nameless_cycle(&ring.iter().map(|need| need.place).collect::<Vec<_>>()).into();
        }
        // Elements and arguments have no names: the fields between them tell the ring, beginning after a field.
        while links.last().is_some_and(|link| link.field.is_none()) {
            links.rotate_left(1);
        }
        let mut links: Vec<(&str, Place)> = links.iter().filter_map(|link| Some((name(link)?, link.place))).collect();
        // A ring is told from its first place in the text, wherever it was entered.
        let in_text = |&(_, (_, place)): &(usize, &(&str, Place))| (place.file, place.span.start);
        let (first, _) = links.iter().enumerate().min_by_key(in_text).expect("a ring has a link");
        links.rotate_left(first);
        errors::cycle(&links).into()
    }

    // Frames

    /// Returns the frame `depth` frames out.
    pub(crate) fn frame(&self, env: &'h Env<'h>, depth: u32) -> &'h Env<'h> {
        let mut env = env;
        for _ in 0..depth {
            env = env.parent.expect("resolution counted the frames");
        }
        env
    }

    /// Returns the frame `depth` frames out, which is that of a body.
    pub(crate) fn body_frame(&self, env: &'h Env<'h>, depth: u32) -> &'h BodyFrame<'h> {
        match self.frame(env, depth).frame {
            Frame::Body(frame) => frame,
            Frame::Locals(_) => unreachable!("resolution found a body {depth} frames out"),
        }
    }

    /// Returns the slot of the frame `depth` frames out, which is one of locals.
    pub(crate) fn slot(&self, env: &'h Env<'h>, depth: u32, slot: u32) -> &'h Thunk<'h> {
        match self.frame(env, depth).frame {
            Frame::Locals(slots) => slots[slot as usize],
            Frame::Body(_) => unreachable!("resolution found locals {depth} frames out"),
        }
    }

    pub(crate) fn locals(&self, slots: &[&'h Thunk<'h>], parent: &'h Env<'h>) -> &'h Env<'h> {
        let frame = Frame::Locals(self.heap.alloc_slice_copy(slots));
        self.heap.alloc(Env { frame, parent: Some(parent) })
    }

    // Thunks

    pub(crate) fn done(&self, value: Value<'h>, place: Place) -> &'h Thunk<'h> {
        self.heap.alloc(Thunk { state: Cell::new(State::Done(value)), place })
    }

    pub(crate) fn todo(&self, task: State<'h>, place: Place) -> &'h Thunk<'h> {
        self.heap.alloc(Thunk { state: Cell::new(task), place })
    }

    /// Returns a thunk for an expression: a variable's own, or a finished one for what is written out.
    pub(crate) fn delay(&self, expr: &'h Expr, env: &'h Env<'h>) -> &'h Thunk<'h> {
        match &expr.kind {
            ExprKind::Constant(constant) => self.done(self.constant(constant), expr.place),
            ExprKind::Local { depth, slot } => self.slot(env, *depth, *slot),
            _ => self.todo(State::Eval(expr, env), expr.place),
        }
    }
}

fn address(thunk: &Thunk<'_>) -> usize {
    std::ptr::from_ref(thunk).addr()
}
