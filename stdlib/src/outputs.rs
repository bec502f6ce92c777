//! What a file stands for: the images that `build` makes of it.

use gravure_eval::{Evaluator, Export, ModuleId, Record, TypeId, Value, nearest};
use gravure_lang::{Diagnostic, Place};

use crate::library::roots;

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

/// The image types that an operating system is built as when none is named, by its platform.
const DEFAULT_TYPES: &[(&str, &str)] = &[("x86_64-linux", "efi-raw")];

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

/// Returns all image types of the standard library and of these modules, sorted by name.
///
/// # Errors
/// One of the modules is wrong.
pub fn image_types<'h>(
    evaluator: &Evaluator<'h>,
    user_modules: &[ModuleId],
) -> Result<Vec<ImageType<'h>>, Box<Diagnostic>> {
    let image_type = std_type(evaluator, "std/images", "ImageType");
    let std = roots().iter().map(|root| evaluator.program().module(root).expect("the roots are loaded"));
    let mut types = Vec::new();
    for module in std.chain(user_modules.iter().copied()) {
        for (export, record) in exported(evaluator, module, image_type)? {
            let view = evaluator.view(record);
            let description = export.doc.lines().next().unwrap_or("").trim_end_matches('.').to_owned();
            types.push(ImageType {
                name: view.string("name")?.to_owned(),
                description,
                constructor: view.value("constructor")?,
                place: export.place,
            });
        }
    }
    types.sort_by(|a, b| a.name.cmp(&b.name));
    types.dedup_by(|later, first| later.name == first.name);
    Ok(types)
}

/// Returns the exported records of a type, abstract ones excluded. What cannot be evaluated and what is of another type
/// is passed over: a mistake in an item that nobody asked for is found when somebody asks.
fn exported<'h>(
    evaluator: &Evaluator<'h>,
    module: ModuleId,
    ty: TypeId,
) -> Result<Vec<(Export<'h>, &'h Record<'h>)>, Box<Diagnostic>> {
    let record = evaluator.module(module);
    let mut found = Vec::new();
    for export in evaluator.exports(module).into_iter().filter(|export| !export.is_abstract) {
        let value = evaluator.field_named(record, export.name, export.place)?;
        found.extend(evaluator.as_record_of(value, ty).map(|record| (export, record)));
    }
    Ok(found)
}

/// Returns the images that a module stands for: its images; with an image type, its operating systems made into images. A file
/// with operating systems only gets the default type of their platform. `pick` names one item, `file_stem` is the name of the
/// module's file without its ending.
///
/// # Errors
/// See [`OutputsError`].
pub fn outputs<'h>(
    evaluator: &Evaluator<'h>,
    module: ModuleId,
    file_stem: &str,
    pick: Option<&str>,
    image_type: Option<&str>,
) -> Result<Vec<Output<'h>>, OutputsError> {
    let systems = exported(evaluator, module, std_type(evaluator, "std/os", "OperatingSystem"))?;
    let images = match image_type {
        Some(_) => Vec::new(),
        None => exported(evaluator, module, std_type(evaluator, "std/images", "Image"))?,
    };
    // What an output is called does not depend on whether others are picked.
    let is_alone = if images.is_empty() { systems.len() == 1 } else { images.len() == 1 };
    let images = picked(images, pick);
    let systems = if images.is_empty() { picked(systems, pick) } else { Vec::new() };
    if images.is_empty() && systems.is_empty() {
        return Err(nothing(evaluator, module, pick));
    }
    let mut made = images;
    for (export, system) in systems {
        let ty = type_for(evaluator, module, system, image_type)?;
        let image = evaluator.apply(ty.constructor, &[Value::Record(system)], ty.place)?;
        let image = evaluator.as_record_of(image, std_type(evaluator, "std/images", "Image"));
        made.push((export, image.ok_or_else(|| no_image(&ty))?));
    }
    name_outputs(evaluator, made, file_stem, is_alone)
}

fn picked<'h>(items: Vec<(Export<'h>, &'h Record<'h>)>, pick: Option<&str>) -> Vec<(Export<'h>, &'h Record<'h>)> {
    items.into_iter().filter(|(export, _)| pick.is_none_or(|pick| export.name == pick)).collect()
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

/// Returns the image type that was asked for, or the default one of the system's platform.
fn type_for<'h>(
    evaluator: &Evaluator<'h>,
    module: ModuleId,
    system: &'h Record<'h>,
    wanted: Option<&str>,
) -> Result<ImageType<'h>, OutputsError> {
    let types = image_types(evaluator, &[module])?;
    let platform = evaluator.view(system).string("platform")?;
    let default = DEFAULT_TYPES.iter().find(|(of, _)| *of == platform).map(|(_, name)| *name);
    let Some(name) = wanted.or(default) else {
        let place = evaluator.view(system).place("platform");
        let message = format!("there is no default image type for `{platform}`");
        let diagnostic =
            Diagnostic::error("E0402", message, place, "this platform").help("name an image type with `-t`");
        return Err(OutputsError::Diagnostics(vec![diagnostic]));
    };
    let near = nearest(name, types.iter().map(|ty| ty.name.as_str())).map(str::to_owned);
    let found = types.into_iter().find(|ty| ty.name == name);
    found.ok_or_else(|| OutputsError::UnknownType { name: name.to_owned(), near })
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
