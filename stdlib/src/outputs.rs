//! What a file stands for: the images that `build` makes of it.

use gravure_eval::{EXPRESSION, Evaluator, Export, ModuleId, Record, TypeId, Value, nearest};
use gravure_lang::{Diagnostic, Place};

use crate::library::roots;
use crate::lower::platforms;

/// A way to make an image of any operating system.
pub struct ImageType<'h> {
    /// What `--image-type` calls it.
    pub name: String,
    /// One line that says what it makes.
    pub description: String,
    constructor: Value<'h>,
    place: Place,
}

/// An image to be built.
pub struct Output<'h> {
    /// What the file is called, without the ending.
    pub name: String,
    /// The item of the file that it was made of.
    pub export: String,
    /// Where that item is named.
    pub place: Place,
    /// The image.
    pub image: &'h Record<'h>,
}

/// Into what a file's images and operating systems are turned.
#[derive(Clone, Copy, Debug, Default)]
pub struct Form<'a> {
    /// Operating systems become images of this type; none: the default one of their platform.
    pub image_type: Option<&'a str>,
    /// Everything is for this platform; none: for the one that it says.
    pub platform: Option<&'a str>,
    /// Images have this size in bytes; none: the one that they say.
    pub size: Option<u64>,
    /// Roots have this label; none: the one that they say.
    pub label: Option<&'a str>,
    /// Images forget all changes at power-off, whatever they say.
    pub is_volatile: bool,
}

/// Why a file has no images.
#[derive(Debug)]
pub enum OutputsError {
    /// The file is wrong.
    Diagnostics(Vec<Diagnostic>),
    /// There is no image type of this name.
    UnknownType {
        /// The name.
        name: String,
        /// The name that was probably meant.
        near: Option<String>,
    },
    /// There is no platform of this name.
    UnknownPlatform {
        /// The name.
        name: String,
        /// The name that was probably meant.
        near: Option<String>,
    },
    /// The file has no image and no operating system of this name.
    UnknownName {
        /// The name.
        name: String,
        /// The name that was probably meant.
        near: Option<String>,
    },
    /// The file has neither an image nor an operating system.
    Nothing,
}

impl From<Box<Diagnostic>> for OutputsError {
    fn from(diagnostic: Box<Diagnostic>) -> OutputsError {
        OutputsError::Diagnostics(vec![*diagnostic])
    }
}

/// The image type that an operating system is built as when none is named: every platform has UEFI.
const DEFAULT_TYPE: &str = "efi-raw";

/// Returns the id of a record type that the standard library declares.
///
/// # Panics
/// When the program was loaded without the roots of the standard library.
pub(crate) fn std_type(evaluator: &Evaluator<'_>, module: &str, name: &str) -> TypeId {
    evaluator
        .program()
        .record_type(module, name)
        .unwrap_or_else(|| panic!("the program was loaded with `{module}`, which declares `{name}`"))
}

/// Returns all image types of the standard library and of these modules, sorted by name. Where two have one name, the
/// library's counts. An item of the user's that cannot be evaluated is passed over: its mistake is found when it is asked for.
///
/// # Errors
/// An image type is wrong.
pub fn image_types<'h>(
    evaluator: &Evaluator<'h>,
    user_modules: &[ModuleId],
) -> Result<Vec<ImageType<'h>>, Box<Diagnostic>> {
    let std = roots().into_iter().map(|root| evaluator.program().module(root).expect("the roots are loaded"));
    let mut types = Vec::new();
    for module in std.chain(user_modules.iter().copied()) {
        types.extend(types_of(evaluator, module)?);
    }
    types.sort_by(|a, b| a.name.cmp(&b.name));
    types.dedup_by(|later, first| later.name == first.name);
    Ok(types)
}

fn types_of<'h>(evaluator: &Evaluator<'h>, module: ModuleId) -> Result<Vec<ImageType<'h>>, Box<Diagnostic>> {
    let image_type = std_type(evaluator, "std/images", "ImageType");
    let items = items(evaluator, module).into_iter();
    let types = items.filter_map(|(export, value)| Some((export, evaluator.as_record_of(value.ok()?, image_type)?)));
    let types = types.map(|(export, record)| {
        let view = evaluator.view(record);
        let description = export.doc.lines().next().unwrap_or("").trim_end_matches('.').to_owned();
        let (name, constructor) = (view.string("name")?.to_owned(), view.value("constructor")?);
        Ok(ImageType { name, description, constructor, place: export.place })
    });
    types.collect()
}

/// An exported item, and what it is.
type Item<'h> = (Export<'h>, Result<Value<'h>, Box<Diagnostic>>);

/// Returns what a module may stand for: the expression of the command line if that is its, else its exported items.
fn candidates<'h>(evaluator: &Evaluator<'h>, module: ModuleId) -> Vec<Item<'h>> {
    match evaluator.expression(module) {
        Some((place, value)) => vec![(Export { name: EXPRESSION, place, is_abstract: false, doc: "" }, value)],
        None => items(evaluator, module),
    }
}

/// Returns the exported items of a module, abstract ones excluded. Each is evaluated until its type is known: a record's
/// fields are not looked at.
fn items<'h>(evaluator: &Evaluator<'h>, module: ModuleId) -> Vec<Item<'h>> {
    let record = evaluator.module(module);
    let exports = evaluator.exports(module).into_iter().filter(|export| !export.is_abstract);
    exports.map(|export| (export, evaluator.field_named(record, export.name, export.place))).collect()
}

/// Returns the images that a module stands for: its images; with an image type, its operating systems made into images. A file
/// with operating systems only gets the default type of their platform. `pick` names one item, and then mistakes of the
/// others do not matter; `file_stem` is the name of the module's file without its ending.
///
/// # Errors
/// See [`OutputsError`].
pub fn outputs<'h>(
    evaluator: &Evaluator<'h>,
    module: ModuleId,
    file_stem: &str,
    pick: Option<&str>,
    form: Form<'_>,
) -> Result<Vec<Output<'h>>, OutputsError> {
    let platform = form.platform.map(|name| platform_named(evaluator, name)).transpose()?;
    let [image_of, system_of] = [("std/images", "Image"), ("std/os", "OperatingSystem")]
        .map(|(module, name)| std_type(evaluator, module, name));
    let is_picked = |export: &Export<'_>| pick.is_none_or(|pick| export.name == pick);
    let (mut images, mut systems, mut mistakes) = (Vec::new(), Vec::new(), Vec::new());
    for (export, value) in candidates(evaluator, module) {
        match value {
            Ok(value) => {
                let image = evaluator.as_record_of(value, image_of).filter(|_| form.image_type.is_none());
                images.extend(image.map(|image| (export, image)));
                systems.extend(evaluator.as_record_of(value, system_of).map(|system| (export, system)));
            }
            Err(mistake) if is_picked(&export) => mistakes.push(*mistake),
            Err(_) => {}
        }
    }
    // What an output is called does not depend on whether others are picked.
    let is_alone = if images.is_empty() { systems.len() == 1 } else { images.len() == 1 };
    images.retain(|(export, _)| is_picked(export));
    systems.retain(|(export, _)| is_picked(export) && images.is_empty());
    if images.is_empty() && systems.is_empty() && mistakes.is_empty() {
        return Err(nothing(evaluator, module, pick));
    }
    if let Some(platform) = platform {
        turn_all(evaluator, &mut images, ("std/images", "image-on-platform", image_of), platform)?;
        turn_all(evaluator, &mut systems, ("std/os", "on-platform", system_of), platform)?;
    }
    for (export, system) in systems {
        match image_of_system(evaluator, module, system, form.image_type) {
            Ok(image) => images.push((export, image)),
            Err(OutputsError::Diagnostics(found)) => mistakes.extend(found),
            Err(other) => return Err(other),
        }
    }
    grant_wishes(evaluator, &mut images, form)?;
    for (_, image) in &mut images {
        *image = evaluator.overridden_image(module, image)?;
    }
    match mistakes.is_empty() {
        true => name_outputs(evaluator, images, file_stem, is_alone),
        false => Err(OutputsError::Diagnostics(mistakes)),
    }
}

/// Returns the symbol of a platform.
fn platform_named<'h>(evaluator: &Evaluator<'h>, name: &str) -> Result<Value<'h>, OutputsError> {
    let known = platforms().find(|known| *known == name).and_then(|name| evaluator.program().name(name));
    known.map(Value::Symbol).ok_or_else(|| {
        let near = nearest(name, platforms()).map(str::to_owned);
        OutputsError::UnknownPlatform { name: name.to_owned(), near }
    })
}

/// Turns images into what the form says of images alone.
fn grant_wishes<'h>(
    evaluator: &Evaluator<'h>,
    images: &mut [(Export<'h>, &'h Record<'h>)],
    form: Form<'_>,
) -> Result<(), OutputsError> {
    let Some(place) = images.first().map(|(export, _)| export.place) else { return Ok(()) };
    let label = form.label.map(|label| evaluator.string(label, place)).transpose()?;
    let wishes = [
        ("image-of-size", form.size.map(Value::Size)),
        ("image-labelled", label),
        ("volatile-image", form.is_volatile.then_some(Value::Bool(true))),
    ];
    let image_of = std_type(evaluator, "std/images", "Image");
    for (function, wish) in wishes.into_iter().filter_map(|(function, wish)| Some((function, wish?))) {
        turn_all(evaluator, images, ("std/images", function, image_of), wish)?;
    }
    Ok(())
}

/// Turns all records into what is wished for, by a function of the standard library.
fn turn_all<'h>(
    evaluator: &Evaluator<'h>,
    records: &mut [(Export<'h>, &'h Record<'h>)],
    (module, function, ty): (&str, &str, TypeId),
    wish: Value<'h>,
) -> Result<(), OutputsError> {
    let module = evaluator.module(evaluator.program().module(module).expect("the roots are loaded"));
    for (export, record) in records {
        let function = evaluator.field_named(module, function, export.place)?;
        let turned = evaluator.apply(function, &[Value::Record(record), wish], export.place)?;
        *record = evaluator.as_record_of(turned, ty).expect("the function says what it returns");
    }
    Ok(())
}

/// Makes an operating system into an image.
fn image_of_system<'h>(
    evaluator: &Evaluator<'h>,
    module: ModuleId,
    system: &'h Record<'h>,
    image_type: Option<&str>,
) -> Result<&'h Record<'h>, OutputsError> {
    let ty = type_for(evaluator, module, image_type)?;
    let image = evaluator.apply(ty.constructor, &[Value::Record(system)], ty.place)?;
    let image = evaluator.as_record_of(image, std_type(evaluator, "std/images", "Image"));
    image.ok_or_else(|| no_image(&ty))
}

fn nothing(evaluator: &Evaluator<'_>, module: ModuleId, pick: Option<&str>) -> OutputsError {
    match pick {
        None => OutputsError::Nothing,
        Some(name) => {
            let exports = evaluator.exports(module);
            let near = nearest(name, exports.iter().map(|export| export.name)).map(str::to_owned);
            OutputsError::UnknownName { name: name.to_owned(), near }
        }
    }
}

fn no_image(ty: &ImageType<'_>) -> OutputsError {
    let message = format!("the constructor of `{}` makes no `Image`", ty.name);
    OutputsError::Diagnostics(vec![Diagnostic::error("E0401", message, ty.place, "this image type")])
}

/// Returns the image type that was asked for, or the default one: one of the library or of this module, else one of any
/// module that was loaded.
fn type_for<'h>(
    evaluator: &Evaluator<'h>,
    module: ModuleId,
    wanted: Option<&str>,
) -> Result<ImageType<'h>, OutputsError> {
    let name = wanted.unwrap_or(DEFAULT_TYPE);
    let of_this_name = |types: Vec<ImageType<'h>>| types.into_iter().find(|ty| ty.name == name);
    if let Some(own) = of_this_name(image_types(evaluator, &[module])?) {
        return Ok(own);
    }
    // A board of the user's own is mostly in a file that this one imports.
    let all: Vec<ModuleId> = evaluator.program().modules().map(|(_, module)| module).collect();
    let types = image_types(evaluator, &all)?;
    let near = nearest(name, types.iter().map(|ty| ty.name.as_str())).map(str::to_owned);
    of_this_name(types).ok_or_else(|| OutputsError::UnknownType { name: name.to_owned(), near })
}

/// Calls outputs as their images say, else like the file where it has one output, else file-name and item.
fn name_outputs<'h>(
    evaluator: &Evaluator<'h>,
    made: Vec<(Export<'h>, &'h Record<'h>)>,
    file_stem: &str,
    is_alone: bool,
) -> Result<Vec<Output<'h>>, OutputsError> {
    let named = made.into_iter().map(|(export, image)| {
        let given = evaluator.view(image).optional_string("name")?;
        let name = match given {
            Some(name) => name.to_owned(),
            None if is_alone => file_stem.to_owned(),
            None => format!("{file_stem}-{}", export.name),
        };
        Ok(Output { name, export: export.name.to_owned(), place: export.place, image })
    });
    let outputs: Vec<Output<'h>> = named.collect::<Result<_, Box<Diagnostic>>>()?;
    for (i, output) in outputs.iter().enumerate() {
        if let Some(first) = outputs[..i].iter().find(|first| first.name == output.name) {
            let message = format!("two outputs are called `{}`", output.name);
            let diagnostic =
                Diagnostic::error("E0403", message, output.place, "this one").label(first.place, "and this one");
            return Err(OutputsError::Diagnostics(vec![diagnostic.help("give one of the images another `name`")]));
        }
    }
    Ok(outputs)
}
