//! `gravure eval`: shows values as text of the language. No store is opened and no network used.

use bumpalo::Bump;
use gravure_eval::{Evaluator, Limits, ModuleId, Selector, Value, nearest, with_stack};
use gravure_lang::{Place, SourceMap};
use gravure_stdlib::Form;

use crate::arguments::Eval;
use crate::batch::Batch;
use crate::target::Target;
use crate::terminal;
use crate::trouble::{Complaint, Trouble};

/// The name that means the image that a file stands for.
const IMAGE: &str = "image";

pub(crate) fn run(arguments: &Eval) -> Result<(), Trouble> {
    let selector = arguments.show.as_deref().map(parse).transpose()?;
    let batch = Batch::load(std::slice::from_ref(&arguments.file), &arguments.project)?;
    if let files @ 2.. = batch.targets.len() {
        return Err(Complaint::usage(format!("`{}` stands for {files} files, and one is shown", arguments.file)).into());
    }
    let text = with_stack(|| {
        let heap = Bump::new();
        let evaluator = Evaluator::new(&batch.program, &heap, Limits::default());
        let (target, module) = &batch.targets[0];
        let shower = Shower { batch: &batch, evaluator: &evaluator, target, module: *module };
        match selector.zip(arguments.show.as_deref()) {
            Some((selector, path)) => shower.show(&selector, path, arguments.form.get()),
            None => shower.show_file(),
        }
    })?;
    terminal::result(&text);
    Ok(())
}

fn parse(path: &str) -> Result<Selector, Complaint> {
    Selector::parse(path).map_err(|error| Complaint::usage(format!("`--show {path}`: {error}")))
}

/// Shows values of one file.
struct Shower<'a, 'h> {
    batch: &'a Batch,
    evaluator: &'a Evaluator<'h>,
    target: &'a Target,
    module: ModuleId,
}

impl<'h> Shower<'_, 'h> {
    fn show_file(&self) -> Result<String, Trouble> {
        self.text_of(Value::Record(self.evaluator.module(self.module)), &self.target.stem())
    }

    fn show(&self, selector: &Selector, path: &str, form: Form<'_>) -> Result<String, Trouble> {
        // What is wrong with the path itself is shown in its own text.
        let mut sources = self.batch.program.sources.clone();
        let file = sources.add("--show", path);
        let start = match selector.name.as_str() {
            IMAGE => self.image(form)?,
            _ => self.export(selector, Place { file, span: selector.span }, &sources)?,
        };
        let value = self.evaluator.select(start, selector, file);
        let value = value.map_err(|mistake| Trouble::mistakes(&sources, vec![*mistake]))?;
        self.text_of(value, selector.last_name())
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
    fn export(&self, selector: &Selector, place: Place, sources: &SourceMap) -> Result<Value<'h>, Trouble> {
        let exports = self.evaluator.exports(self.module);
        if exports.iter().any(|export| export.name == selector.name) {
            let value = self.evaluator.field_named(self.evaluator.module(self.module), &selector.name, place);
            return value.map_err(|mistake| Trouble::mistakes(sources, vec![*mistake]));
        }
        let complaint = Complaint::usage(format!("`{}` exports no `{}`", self.target.path, selector.name));
        let names = exports.iter().map(|export| export.name).chain([IMAGE]);
        Err(match nearest(&selector.name, names) {
            Some(near) => complaint.help(format!("write `{near}`")).into(),
            None => complaint.into(),
        })
    }

    fn text_of(&self, value: Value<'h>, name: &str) -> Result<String, Trouble> {
        let shown = self.evaluator.show(value, name);
        shown.map_err(|mistakes| Trouble::mistakes(&self.batch.program.sources, mistakes))
    }
}
