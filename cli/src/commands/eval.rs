//! `gravure eval`: shows values as text of the language. No store is opened and no network used.

use bumpalo::Bump;
use gravure_eval::{EXPRESSION, Evaluator, ModuleId, Origin, Role, Selector, Value, nearest};
use gravure_lang::{Diagnostic, FileId, Place, SourceMap};
use gravure_stdlib::Form;

use crate::arguments::Eval;
use crate::batch::{Batch, in_parallel};
use crate::environment::threads;
use crate::target::Target;
use crate::terminal;
use crate::trouble::{Complaint, Trouble};

/// The name that means the image that a file stands for.
const IMAGE: &str = "image";

pub(crate) fn run(arguments: &Eval) -> Result<(), Trouble> {
    let asked = Asked::new(arguments)?;
    let threads = threads(arguments.jobs);
    let load = if asked.is_image() { Batch::load_said } else { Batch::load_alone };
    let batch = load(&arguments.files, arguments.form.said(Some(&arguments.expression)), &arguments.project)?;
    let shown = in_parallel(&batch.limits, threads, batch.targets.len(), |number| {
        let heap = Bump::new();
        let evaluator = Evaluator::new(&batch.program, &heap, batch.limits);
        let (target, module) = &batch.targets[number];
        // What is wrong with the path itself is shown in its own text.
        let mut sources = batch.program.sources.clone();
        let file = sources.add(asked.option, asked.path);
        Shower { batch: &batch, evaluator: &evaluator, target, module: *module, sources, file }.shown(&asked, arguments)
    });
    let (mut texts, mut trouble) = (Vec::new(), Trouble::default());
    for (text, (target, _)) in shown.into_iter().zip(&batch.targets) {
        match text {
            Ok(text) => texts.push((target.shown(), text)),
            Err(wrong) => trouble.extend(wrong),
        }
    }
    terminal::result(&put_together(&texts, batch.targets.len() > 1, arguments.json));
    // The process ends here: to free a million pieces of a program one by one would be for nothing.
    std::mem::forget(batch);
    trouble.or(())
}

/// Puts the texts of files together, so that it can be seen what is of which.
fn put_together(texts: &[(String, String)], are_many: bool, is_json: bool) -> String {
    let name = |file: &str| serde_json::to_string(file).expect("a text has a form in JSON");
    match texts {
        [(_, text)] if !are_many => text.clone(),
        [] => String::new(),
        _ if is_json => {
            let entries: Vec<String> =
                texts.iter().map(|(file, text)| format!("{}: {}", name(file), text.trim_end())).collect();
            format!("{{\n{}\n}}\n", entries.join(",\n"))
        }
        _ => texts.iter().map(|(file, text)| format!("# {file}\n{text}")).collect::<Vec<_>>().join("\n"),
    }
}

/// What is to be shown of each file.
struct Asked<'a> {
    /// The option that says it.
    option: &'static str,
    /// The path as it was written; empty where all is shown.
    path: &'a str,
    selector: Option<Selector>,
}

impl<'a> Asked<'a> {
    fn new(arguments: &'a Eval) -> Result<Asked<'a>, Complaint> {
        let options = [("--show", &arguments.show), ("--why", &arguments.why), ("--show-type", &arguments.show_type)];
        let given = options.into_iter().find_map(|(option, path)| Some((option, path.as_deref()?)));
        let Some((option, path)) = given else { return Ok(Asked { option: "--show", path: "", selector: None }) };
        if arguments.expression.text.is_some() {
            return Err(Complaint::usage(format!(
                "`{option}` has no meaning beside an expression: extend that instead"
            )));
        }
        let selector =
            Selector::parse(path).map_err(|error| Complaint::usage(format!("`{option} {path}`: {error}")))?;
        Ok(Asked { option, path, selector: Some(selector) })
    }

    fn is_image(&self) -> bool {
        self.selector.as_ref().is_some_and(|selector| selector.name == IMAGE)
    }
}

/// Shows values of one file.
struct Shower<'a, 'h> {
    batch: &'a Batch,
    evaluator: &'a Evaluator<'h>,
    target: &'a Target,
    module: ModuleId,
    /// The sources of the program, and the path of the command line.
    sources: SourceMap,
    file: FileId,
}

impl<'h> Shower<'_, 'h> {
    /// Returns what was asked for.
    fn shown(&self, asked: &Asked<'_>, arguments: &Eval) -> Result<String, Trouble> {
        if let Some(selector) = &asked.selector {
            return self.selected(selector, asked.path, arguments);
        }
        if let Some((_, value)) = self.evaluator.expression(self.module) {
            let value = value.map_err(|mistake| self.mistakes(vec![*mistake]))?;
            return self.text_of(value, Some(EXPRESSION), EXPRESSION, arguments);
        }
        let file = Value::Record(self.evaluator.module(self.module));
        self.text_of(file, None, &self.target.stem(), arguments)
    }

    fn selected(&self, selector: &Selector, path: &str, arguments: &Eval) -> Result<String, Trouble> {
        let is_image = selector.name == IMAGE;
        let start = if is_image {
            self.image(arguments.form.get())?
        } else {
            self.export(selector, Place { file: self.file, span: selector.span })?
        };
        let holder = (!is_image).then(|| self.evaluator.module(self.module));
        if arguments.show_type.is_some() {
            let ty = self.evaluator.type_of(holder, start, selector, self.file);
            return ty.map(|ty| ty + "\n").map_err(|mistake| self.mistakes(vec![*mistake]));
        }
        let value =
            self.evaluator.select(start, selector, self.file).map_err(|mistake| self.mistakes(vec![*mistake]))?;
        if arguments.why.is_some() {
            let origins = self.evaluator.why(holder, start, selector, self.file);
            let origins = origins.map_err(|mistake| self.mistakes(vec![*mistake]))?;
            return Ok(self.story(path, &origins));
        }
        self.text_of(value, Some(path), selector.last_name(), arguments)
    }

    fn mistakes(&self, found: Vec<Diagnostic>) -> Trouble {
        Trouble::mistakes(&self.sources, found)
    }

    /// Tells where a value comes from: for each definition its place, what it does, and its line.
    fn story(&self, path: &str, origins: &[Origin]) -> String {
        let mut text = format!("{path}\n");
        let places: Vec<String> = origins.iter().map(|origin| self.place_text(origin.place)).collect();
        let width = places.iter().map(String::len).max().unwrap_or_default();
        for (origin, place) in origins.iter().zip(&places) {
            let role = match origin.role {
                Role::Set => "set here",
                Role::Default => "the default",
                Role::Edited => "edited here",
                Role::Overridden => "overridden",
                Role::Declared => "declared",
            };
            let (line, _) = self.sources.line_column(origin.place.file, origin.place.span.start);
            let code = self.sources.text(origin.place.file).lines().nth(line - 1).unwrap_or_default().trim();
            text.push_str(&format!("  {place:width$}  {role:11}  {code}\n"));
        }
        if origins.is_empty() {
            text.push_str("  made from the operating system by the type of the image\n");
        }
        text
    }

    fn place_text(&self, place: Place) -> String {
        let (line, column) = self.sources.line_column(place.file, place.span.start);
        format!("{}:{line}:{column}", self.sources.name(place.file))
    }

    /// Returns each value inside a value with the places that it comes from.
    fn origins(&self, value: Value<'h>, path: &str) -> Result<String, Trouble> {
        let leaves = self.evaluator.leaves(value, path).map_err(|found| self.mistakes(found))?;
        let mut text = String::new();
        for leaf in leaves {
            let places: Vec<String> = leaf.origins.iter().map(|origin| self.place_text(origin.place)).collect();
            text.push_str(&format!("{} = {}  # {}\n", leaf.path, leaf.text, places.join(" < ")));
        }
        Ok(text)
    }

    /// Returns the one image that the file stands for.
    fn image(&self, form: Form<'_>) -> Result<Value<'h>, Trouble> {
        let outputs = self.batch.outputs(self.evaluator, self.target, self.module, form)?;
        if let [output] = &outputs[..] {
            return Ok(Value::Record(output.image));
        }
        let path = &self.target.path;
        let names: Vec<String> = outputs.iter().map(|output| format!("`{path}#{}`", output.export)).collect();
        let complaint = Complaint::usage(format!("`{path}` stands for {} images", names.len()));
        Err(complaint.help(format!("name one: {}", names.join(", "))).into())
    }

    /// Returns what the file defines under the first name of the path.
    fn export(&self, selector: &Selector, place: Place) -> Result<Value<'h>, Trouble> {
        let exports = self.evaluator.exports(self.module);
        if exports.iter().any(|export| export.name == selector.name) {
            let value = self.evaluator.field_named(self.evaluator.module(self.module), &selector.name, place);
            return value.map_err(|mistake| self.mistakes(vec![*mistake]));
        }
        let complaint = Complaint::usage(format!("`{}` exports no `{}`", self.target.path, selector.name));
        let names = exports.iter().map(|export| export.name).chain([IMAGE]);
        Err(match nearest(&selector.name, names) {
            Some(near) => complaint.help(format!("write `{near}`")).into(),
            None => complaint.into(),
        })
    }

    /// Returns a value in the form that was asked for. `path` is how the command line names it, `name` what a file would call it.
    fn text_of(&self, value: Value<'h>, path: Option<&str>, name: &str, arguments: &Eval) -> Result<String, Trouble> {
        if arguments.origins {
            return self.origins(value, path.unwrap_or_default());
        }
        let shown = if arguments.json { self.evaluator.json(value) } else { self.evaluator.show(value, name) };
        shown.map_err(|found| self.mistakes(found))
    }
}
