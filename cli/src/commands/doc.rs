//! `gravure doc`: what the library and files say of what they define.

use gravure_eval::{Documented, DocumentedField, DocumentedKind, ModuleId, Program, nearest};

use crate::arguments::Doc;
use crate::batch::Batch;
use crate::terminal;
use crate::trouble::{Complaint, Trouble};

/// How far the text of an entry stands in.
const INDENT: &str = "  ";

pub(crate) fn run(arguments: &Doc) -> Result<(), Trouble> {
    let program = Batch::load(&arguments.files, &arguments.project)?.program;
    let text = match &arguments.name {
        None => list_of_modules(&program),
        Some(name) => described(&program, name)?,
    };
    terminal::result(&text);
    Ok(())
}

/// Returns the files with the first sentence of what they say.
fn list_of_modules(program: &Program) -> String {
    let width = program.modules().map(|(path, _)| path.len()).max().unwrap_or_default();
    let line = |(path, module)| {
        let line = format!("{path:width$}  {}", first_sentence(program.module_doc(module)));
        format!("{}\n", line.trim_end())
    };
    program.modules().map(line).collect()
}

/// Returns what is said of a file, of an item (`os.OperatingSystem`, `OperatingSystem`), or of a field of a record type
/// (`OperatingSystem.kernel`).
fn described(program: &Program, name: &str) -> Result<String, Trouble> {
    let modules: Vec<(&str, ModuleId)> =
        program.modules().filter(|(path, _)| *path == name || last_part(path) == name).collect();
    if !modules.is_empty() {
        let pages = modules.into_iter().map(|(path, module)| page_of_module(program, path, module));
        return Ok(pages.collect::<Vec<String>>().join("\n"));
    }
    let mut pages = Vec::new();
    for (path, module) in program.modules() {
        for item in program.documented(module) {
            let short = format!("{}.{}", last_part(path), item.name);
            let field_of = |prefix: &str| name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.'));
            if name == item.name || name == short {
                pages.push(page_of_item(program, path, &item));
            } else if let Some(field) = field_of(&short).or_else(|| field_of(item.name)) {
                pages.extend(page_of_field(path, &item, field));
            }
        }
    }
    if pages.is_empty() { Err(unknown(program, name)) } else { Ok(pages.join("\n")) }
}

fn unknown(program: &Program, name: &str) -> Trouble {
    let complaint = Complaint::usage(format!("nothing is called `{name}`"));
    let mut known: Vec<String> = Vec::new();
    for (path, module) in program.modules() {
        known.push(last_part(path).to_owned());
        for item in program.documented(module) {
            known.push(format!("{}.{}", last_part(path), item.name));
            known.push(item.name.to_owned());
        }
    }
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => complaint.help(format!("write `{near}`")).into(),
        None => complaint.help("`gravure doc` lists the files that there are").into(),
    }
}

fn page_of_module(program: &Program, path: &str, module: ModuleId) -> String {
    let mut text = format!("{path}\n");
    push_indented(&mut text, program.module_doc(module), 1);
    let items = program.documented(module);
    let titles: Vec<String> = items.iter().map(short_title).collect();
    let width = titles.iter().map(String::len).max().unwrap_or_default();
    if !items.is_empty() {
        text.push('\n');
    }
    for (item, title) in items.iter().zip(titles) {
        let line = format!("{INDENT}{title:width$}  {}", first_sentence(item.doc));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn short_title(item: &Documented<'_>) -> String {
    match item.kind {
        DocumentedKind::Record { .. } => format!("record {}", item.name),
        DocumentedKind::Function { .. } => format!("fn {}", item.name),
        DocumentedKind::Value => item.name.to_owned(),
    }
}

fn page_of_item(program: &Program, path: &str, item: &Documented<'_>) -> String {
    let (line, _) = program.sources.line_column(item.place.file, item.place.span.start);
    let title = match &item.kind {
        DocumentedKind::Record { extends: Some(base), .. } => format!("record {} extends {base}", item.name),
        DocumentedKind::Function { signature } => signature.clone(),
        _ => short_title(item),
    };
    let mut text = format!("{title}\n{INDENT}in {path}, line {line}\n");
    if !item.doc.is_empty() {
        text.push('\n');
        push_indented(&mut text, item.doc, 1);
    }
    if let DocumentedKind::Record { extends, fields } = &item.kind {
        for field in fields {
            text.push_str(&format!("\n{INDENT}{}\n", declaration(field)));
            push_indented(&mut text, field.doc, 2);
        }
        if let Some(base) = extends {
            text.push_str(&format!("\n{INDENT}It has the fields of `{base}` as well.\n"));
        }
    }
    text
}

fn page_of_field(path: &str, item: &Documented<'_>, name: &str) -> Option<String> {
    let DocumentedKind::Record { fields, .. } = &item.kind else { return None };
    let field = fields.iter().find(|field| field.name == name)?;
    let mut text = format!("{}.{}\n{INDENT}in {path}\n\n", item.name, declaration(field));
    push_indented(&mut text, field.doc, 1);
    Some(text)
}

/// Returns a field as it is declared, on one line.
fn declaration(field: &DocumentedField<'_>) -> String {
    let default = field.default.as_ref().map(|default| format!(" = {default}")).unwrap_or_default();
    format!("{}: {}{default}", field.name, field.ty)
}

fn push_indented(text: &mut String, doc: &str, depth: usize) {
    for line in doc.lines() {
        text.push_str(format!("{}{line}", INDENT.repeat(depth)).trim_end());
        text.push('\n');
    }
}

/// Returns what stands in front of the first full stop that ends a sentence.
fn first_sentence(doc: &str) -> String {
    let paragraph: Vec<&str> = doc.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect();
    let text = paragraph.join(" ");
    match text.find(". ") {
        Some(end) => text[..=end].to_owned(),
        None => text,
    }
}

/// Returns what imports usually call a file.
fn last_part(path: &str) -> &str {
    let last = path.rsplit('/').next().unwrap_or(path);
    last.strip_suffix(".img").unwrap_or(last)
}
