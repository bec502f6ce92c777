//! Files, items, bodies and types.

use crate::ast::*;

use super::{MOST_PARTS_ON_A_LINE, Printer};

impl Printer {
    pub(super) fn file(&mut self, file: &File<'_>) {
        for line in &file.doc {
            self.doc_line(line);
            self.push("\n");
        }
        let mut before = None;
        if !file.doc.is_empty() {
            self.push("\n");
        }
        for item in &file.items {
            let start = self.out.len();
            self.item(item);
            let has_lines = self.out[start..].contains('\n');
            let is_import = matches!(item.kind, ItemKind::Import { .. });
            let stands_apart = match before {
                None => false,
                Some((lines_before, import_before)) => lines_before || has_lines || is_import != import_before,
            };
            if stands_apart {
                self.out.insert(start, '\n');
            }
            self.push("\n");
            before = Some((has_lines, is_import));
        }
    }

    fn doc_line(&mut self, line: &str) {
        self.push(if line.is_empty() { "##" } else { "## " });
        self.push(line);
    }

    fn item(&mut self, item: &Item<'_>) {
        for line in &item.doc {
            self.doc_line(line);
            self.line();
        }
        match &item.kind {
            ItemKind::Import { path, name, .. } => {
                self.push("import ");
                self.push(&super::quote(path));
                self.push(" as ");
                self.push(name.text);
            }
            ItemKind::Let { name, value } => {
                self.push("let ");
                self.push(name.text);
                self.push(" =");
                self.value(value);
            }
            ItemKind::Define { is_abstract, path, operator, value } => {
                self.push(if *is_abstract { "abstract " } else { "" });
                self.path(path);
                self.push(match operator {
                    Operator::Set => " =",
                    Operator::Append => " +=",
                    Operator::Remove => " -=",
                });
                self.value(value);
            }
            ItemKind::Deepen { path, body } => {
                self.path(path);
                self.push(" ");
                self.body(body);
            }
            ItemKind::Declare { name, ty, default } => {
                self.push(name.text);
                self.push(": ");
                self.ty(ty);
                if let Some(default) = default {
                    self.push(" =");
                    self.value(default);
                }
            }
            ItemKind::Function { name, function } => {
                self.push("fn ");
                self.push(name.text);
                self.signature(function);
                self.push(" =");
                self.value(&function.body);
            }
            ItemKind::Record { name, extends, body } => {
                self.push("record ");
                self.push(name.text);
                if let Some(base) = extends {
                    self.push(" extends ");
                    self.separated(base, ".", |p, name| p.push(name.text));
                }
                self.push(" ");
                self.body(body);
            }
            ItemKind::TypeAlias { name, ty } => {
                self.push("type ");
                self.push(name.text);
                self.push(" =");
                self.fit(
                    |p| {
                        p.push(" ");
                        p.ty(ty);
                    },
                    |p| {
                        p.indented(|p| {
                            p.line();
                            match &ty.kind {
                                TypeKind::Union(members) => p.union_lines(members),
                                _ => p.ty(ty),
                            }
                        });
                    },
                );
            }
            ItemKind::Check { condition, message } => self.check(condition, message),
            ItemKind::Error => {
                self.fail_if_flat();
                self.push("# an item that could not be read");
            }
        }
    }

    /// `check c : m`. A bracket behind `check` would make it the name of a field.
    fn check(&mut self, condition: &Expr<'_>, message: &Expr<'_>) {
        self.push("check ");
        if condition.starts_with_bracket() {
            self.in_parentheses(|p| p.expression(condition));
        } else {
            self.expression(condition);
        }
        self.push(" :");
        self.value(message);
    }

    fn path(&mut self, path: &Path<'_>) {
        self.push(path.name.text);
        for step in &path.steps {
            match step {
                Step::Field(name) => {
                    self.push(".");
                    self.push(name.text);
                }
                Step::Key(key) => {
                    self.push("[");
                    self.expression(key);
                    self.push("]");
                }
            }
        }
    }

    pub(super) fn body(&mut self, body: &Body<'_>) {
        if body.items.is_empty() {
            return self.push("{}");
        }
        let has_docs = body.items.iter().any(|item| !item.doc.is_empty());
        let needs_lines = has_docs || body.items.len() > MOST_PARTS_ON_A_LINE;
        self.fit(
            |p| {
                if needs_lines {
                    return p.fail_if_flat();
                }
                p.push("{ ");
                p.separated(&body.items, "; ", Printer::item);
                p.push(" }");
            },
            |p| {
                p.push("{");
                p.lines(&body.items, "", Printer::item);
                p.push("}");
            },
        );
    }

    pub(super) fn signature(&mut self, function: &Function<'_>) {
        self.push("(");
        self.fit(
            |p| p.separated(&function.parameters, ", ", Printer::parameter),
            |p| p.lines(&function.parameters, ",", Printer::parameter),
        );
        self.push(")");
        if let Some(result) = &function.result {
            self.push(": ");
            self.ty(result);
        }
    }

    fn parameter(&mut self, parameter: &Parameter<'_>) {
        self.push(parameter.name.text);
        if let Some(ty) = &parameter.ty {
            self.push(": ");
            self.ty(ty);
        }
        if let Some(default) = &parameter.default {
            self.push(" = ");
            self.expression(default);
        }
    }

    pub(super) fn ty(&mut self, ty: &Type<'_>) {
        match &ty.kind {
            TypeKind::Name(names) => self.separated(names, ".", |p, name| p.push(name.text)),
            TypeKind::Apply(name, arguments) => {
                self.push(name.text);
                self.types(arguments);
            }
            TypeKind::Symbol(symbol) => {
                self.push("'");
                self.push(symbol);
            }
            TypeKind::None => self.push("none"),
            TypeKind::Union(members) => {
                self.fit(|p| p.separated(members, " | ", Printer::member), |p| p.indented(|p| p.union_lines(members)))
            }
            TypeKind::Function(parameters, result) => {
                self.push("fn");
                self.types(parameters);
                if let Some(result) = result {
                    self.push(": ");
                    self.ty(result);
                }
            }
        }
    }

    fn types(&mut self, types: &[Type<'_>]) {
        self.push("(");
        self.separated(types, ", ", Printer::ty);
        self.push(")");
    }

    fn union_lines(&mut self, members: &[Type<'_>]) {
        for (index, member) in members.iter().enumerate() {
            if index > 0 {
                self.line();
                self.push("| ");
            }
            self.member(member);
        }
    }

    fn member(&mut self, ty: &Type<'_>) {
        match ty.kind {
            TypeKind::Union(_) | TypeKind::Function(..) => self.in_parentheses(|p| p.ty(ty)),
            _ => self.ty(ty),
        }
    }
}
