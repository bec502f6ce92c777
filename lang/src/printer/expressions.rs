//! Expressions, with as few parentheses as their precedence allows.

use crate::ast::*;

use super::{MOST_PARTS_ON_A_LINE, Mode, Printer, WIDTH, print_size};

/// How tightly an expression holds together, as in the grammar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// `if`, `let`, `fn`, `match`: reach as far to the right as they can.
    Open,
    Default,
    Or,
    And,
    Comparison,
    Sum,
    Product,
    Unary,
    Postfix,
}

impl Level {
    fn tighter(self) -> Level {
        match self {
            Level::Open => Level::Default,
            Level::Default => Level::Or,
            Level::Or => Level::And,
            Level::And => Level::Comparison,
            Level::Comparison => Level::Sum,
            Level::Sum => Level::Product,
            Level::Product => Level::Unary,
            Level::Unary | Level::Postfix => Level::Postfix,
        }
    }
}

impl Binary {
    fn level(self) -> Level {
        match self {
            Binary::Default => Level::Default,
            Binary::Or => Level::Or,
            Binary::And => Level::And,
            Binary::Add | Binary::Subtract | Binary::Mix => Level::Sum,
            Binary::Multiply | Binary::Divide | Binary::Remainder => Level::Product,
            Binary::Equal
            | Binary::NotEqual
            | Binary::Less
            | Binary::LessEqual
            | Binary::Greater
            | Binary::GreaterEqual => Level::Comparison,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Binary::Add => "+",
            Binary::Subtract => "-",
            Binary::Multiply => "*",
            Binary::Divide => "/",
            Binary::Remainder => "%",
            Binary::Mix => "&",
            Binary::Equal => "==",
            Binary::NotEqual => "!=",
            Binary::Less => "<",
            Binary::LessEqual => "<=",
            Binary::Greater => ">",
            Binary::GreaterEqual => ">=",
            Binary::And => "&&",
            Binary::Or => "||",
            Binary::Default => "??",
        }
    }

    /// Returns the levels that the operands need at least.
    fn operand_levels(self) -> (Level, Level) {
        let level = self.level();
        match level {
            Level::Default => (level.tighter(), level),
            Level::Comparison => (level.tighter(), level.tighter()),
            _ => (level, level.tighter()),
        }
    }
}

impl Expr<'_> {
    fn level(&self) -> Level {
        match &self.kind {
            ExprKind::If(..) | ExprKind::Let(..) | ExprKind::Function(_) | ExprKind::Match(..) => Level::Open,
            ExprKind::Binary(operator, ..) => operator.level(),
            ExprKind::Unary(..) => Level::Unary,
            ExprKind::Int(value) if *value < 0 => Level::Unary,
            _ => Level::Postfix,
        }
    }

    /// Whether the text of the expression begins with `[` or `{`.
    pub(super) fn starts_with_bracket(&self) -> bool {
        match &self.kind {
            ExprKind::List(_) | ExprKind::Comprehension { .. } | ExprKind::Record(_) => true,
            ExprKind::Binary(operator, left, _) => {
                left.level() >= operator.operand_levels().0 && left.starts_with_bracket()
            }
            ExprKind::Field(base, _)
            | ExprKind::Index(base, _)
            | ExprKind::Call(base, _)
            | ExprKind::Extend(base, _) => base.level() >= Level::Postfix && base.starts_with_bracket(),
            _ => false,
        }
    }

    /// Whether the expression, broken, begins and ends with a bracket, so that it need not begin on a line of its own.
    fn is_bracketed(&self) -> bool {
        match &self.kind {
            ExprKind::List(elements) => !elements.is_empty(),
            ExprKind::Call(_, arguments) => !arguments.is_empty(),
            ExprKind::Comprehension { .. }
            | ExprKind::Map(_)
            | ExprKind::Record(_)
            | ExprKind::Mixin(_)
            | ExprKind::Extend(..)
            | ExprKind::Match(..)
            | ExprKind::Text(_) => true,
            ExprKind::Function(function) => function.body.is_bracketed(),
            ExprKind::Binary(_, left, right) => left.is_bracketed() && !right.is_bracketed(),
            _ => false,
        }
    }
}

impl Printer {
    pub(super) fn expression(&mut self, expression: &Expr<'_>) {
        self.operand(expression, Level::Open);
    }

    /// Writes what stands behind `=`, `=>` or `:`: on the same line if it fits or begins with a bracket.
    pub(super) fn value(&mut self, expression: &Expr<'_>) {
        self.fit(
            |p| {
                p.push(" ");
                p.expression(expression);
            },
            |p| {
                if expression.is_bracketed() {
                    p.push(" ");
                    p.expression(expression);
                } else {
                    p.indented(|p| {
                        p.line();
                        p.expression(expression);
                    });
                }
            },
        );
    }

    /// Writes an expression where one of at least `level` is needed.
    fn operand(&mut self, expression: &Expr<'_>, level: Level) {
        if self.failed {
            return;
        }
        if expression.level() < level {
            self.in_parentheses(|p| p.fit(|p| p.bare(expression), |p| p.bare(expression)));
        } else {
            self.fit(|p| p.bare(expression), |p| p.bare(expression));
        }
    }

    pub(super) fn in_parentheses(&mut self, inner: impl FnOnce(&mut Printer)) {
        self.push("(");
        inner(self);
        self.push(")");
    }

    fn bare(&mut self, expression: &Expr<'_>) {
        match &expression.kind {
            ExprKind::Name(name) => self.push(name),
            ExprKind::SelfRecord => self.push("self"),
            ExprKind::Super(name) => {
                self.push("super.");
                self.push(name.text);
            }
            ExprKind::Bool(value) => self.push_display(value),
            ExprKind::None => self.push("none"),
            ExprKind::Int(value) => self.push_display(value),
            ExprKind::Size(bytes) => self.push(&print_size(*bytes)),
            ExprKind::Symbol(symbol) => {
                self.push("'");
                self.push(symbol);
            }
            ExprKind::Text(pieces) => self.text(pieces),
            ExprKind::Path(path) => self.push(path),
            ExprKind::List(elements) => self.elements("[", elements, "]", |e| e, Printer::expression),
            ExprKind::Comprehension { variable, list, condition, element } => {
                self.comprehension(variable, list, condition.as_deref(), element);
            }
            ExprKind::Map(entries) => {
                self.push("Map ");
                self.parts(entries, ";", "", Printer::entry);
            }
            ExprKind::Record(body) => self.body(body),
            ExprKind::Mixin(body) => {
                self.push("mixin ");
                self.body(body);
            }
            ExprKind::Extend(base, body) => {
                self.base(base, matches!(base.kind, ExprKind::Name("mixin" | "Map")));
                self.push(" ");
                self.body(body);
            }
            ExprKind::Field(base, name) => {
                self.base(base, matches!(base.kind, ExprKind::Path(_)));
                self.push(".");
                self.push(name.text);
            }
            ExprKind::Index(base, index) => {
                self.base(base, false);
                self.push("[");
                self.expression(index);
                self.push("]");
            }
            ExprKind::Call(base, arguments) => {
                self.base(base, false);
                self.elements("(", arguments, ")", |argument| &argument.value, Printer::argument);
            }
            ExprKind::Function(function) => {
                self.push("fn");
                self.signature(function);
                self.push(" =>");
                self.value(&function.body);
            }
            ExprKind::Unary(operator, operand) => self.unary(*operator, operand),
            ExprKind::Binary(operator, left, right) => self.binary(*operator, left, right),
            ExprKind::If(condition, consequence, alternative) => self.condition(condition, consequence, alternative),
            ExprKind::Let(name, value, body) => {
                self.push("let ");
                self.push(name.text);
                self.push(" =");
                self.value(value);
                self.push(" in");
                self.fit(
                    |p| {
                        p.push(" ");
                        p.expression(body);
                    },
                    |p| {
                        p.line();
                        p.expression(body);
                    },
                );
            }
            ExprKind::Match(value, arms) => {
                self.push("match ");
                self.expression(value);
                self.push(" of ");
                self.parts(arms, ",", ",", Printer::arm);
            }
        }
    }

    /// Writes what a `.`, a bracket or a body follows.
    fn base(&mut self, base: &Expr<'_>, would_be_misread: bool) {
        if would_be_misread {
            self.in_parentheses(|p| p.bare(base));
        } else {
            self.operand(base, Level::Postfix);
        }
    }

    /// Writes a list or arguments. One element in brackets of its own holds on to the outer ones.
    fn elements<'t, T>(
        &mut self,
        open: &str,
        elements: &'t [T],
        close: &str,
        value: impl Fn(&'t T) -> &'t Expr<'t>,
        write: impl Fn(&mut Printer, &T),
    ) {
        self.push(open);
        let holds_on = matches!(elements, [only] if value(only).is_bracketed());
        if holds_on || self.mode != Mode::Broken {
            self.separated(elements, ", ", write);
        } else if !self.attempt(WIDTH.saturating_sub(self.reserved), |p| p.separated(elements, ", ", &write)) {
            self.lines(elements, ",", write);
        }
        self.push(close);
    }

    /// Writes `{ .. }` with entries or arms.
    fn parts<T>(&mut self, parts: &[T], separator: &str, line_end: &str, write: impl Fn(&mut Printer, &T)) {
        if parts.is_empty() {
            return self.push("{}");
        }
        self.fit(
            |p| {
                if parts.len() > MOST_PARTS_ON_A_LINE {
                    p.fail_if_flat();
                }
                p.push("{ ");
                p.separated(parts, &format!("{separator} "), &write);
                p.push(" }");
            },
            |p| {
                p.push("{");
                p.lines(parts, line_end, &write);
                p.push("}");
            },
        );
    }

    fn entry(&mut self, (key, value): &(Expr<'_>, Expr<'_>)) {
        match &key.kind {
            ExprKind::Text(pieces) => self.text_on_a_line(pieces),
            _ => self.in_parentheses(|p| p.expression(key)),
        }
        self.push(" =");
        self.value(value);
    }

    fn arm(&mut self, arm: &Arm<'_>) {
        match &arm.pattern {
            Some(pattern) => self.operand(pattern, Level::Default),
            None => self.push("_"),
        }
        self.push(" =>");
        self.value(&arm.value);
    }

    fn argument(&mut self, argument: &Argument<'_>) {
        if let Some(name) = argument.name {
            self.push(name.text);
            self.push(" = ");
        }
        self.expression(&argument.value);
    }

    fn comprehension(
        &mut self,
        variable: &Name<'_>,
        list: &Expr<'_>,
        condition: Option<&Expr<'_>>,
        element: &Expr<'_>,
    ) {
        self.push("[for ");
        self.push(variable.text);
        self.push(" in ");
        self.expression(list);
        if let Some(condition) = condition {
            self.push(" if ");
            self.expression(condition);
        }
        self.push(" =>");
        self.value(element);
        self.push("]");
    }

    fn unary(&mut self, operator: Unary, operand: &Expr<'_>) {
        self.push(match operator {
            Unary::Negate => "-",
            Unary::Not => "!",
        });
        if operator == Unary::Negate && matches!(operand.kind, ExprKind::Size(_)) {
            // `-1MiB` would be refused as a size below zero.
            self.in_parentheses(|p| p.bare(operand));
        } else {
            self.operand(operand, Level::Unary);
        }
    }

    /// Broken before each operator, unless the left side ends with a bracket: then that is broken open.
    fn binary(&mut self, operator: Binary, left: &Expr<'_>, right: &Expr<'_>) {
        let (left_level, right_level) = operator.operand_levels();
        if self.mode != Mode::Broken {
            self.operand(left, left_level);
            self.push(" ");
            self.right_operand(operator, right, right_level);
        } else if left.is_bracketed() && !right.is_bracketed() {
            let tail = self.flat_width(|p| p.right_operand(operator, right, right_level)) + 1;
            self.reserved += tail;
            self.operand(left, left_level);
            self.reserved -= tail;
            self.push(" ");
            self.right_operand(operator, right, right_level);
        } else {
            self.operand(left, left_level);
            self.indented(|p| {
                p.line();
                p.right_operand(operator, right, right_level);
            });
        }
    }

    fn right_operand(&mut self, operator: Binary, right: &Expr<'_>, level: Level) {
        self.push(operator.text());
        self.push(" ");
        if operator == Binary::Mix && matches!(right.kind, ExprKind::Extend(..)) {
            // `b & d { .. }` would be refused.
            self.in_parentheses(|p| p.expression(right));
        } else {
            self.operand(right, level);
        }
    }

    fn condition(&mut self, condition: &Expr<'_>, consequence: &Expr<'_>, alternative: &Expr<'_>) {
        self.push("if ");
        self.expression(condition);
        self.push(" then");
        self.branch(consequence);
        if self.mode == Mode::Broken && !consequence.is_bracketed() {
            self.line()
        } else {
            self.push(" ")
        }
        self.push("else");
        if matches!(alternative.kind, ExprKind::If(..)) {
            self.push(" ");
            self.bare(alternative);
        } else {
            self.branch(alternative);
        }
    }

    fn branch(&mut self, expression: &Expr<'_>) {
        if self.mode == Mode::Broken && !expression.is_bracketed() {
            self.indented(|p| {
                p.line();
                p.expression(expression);
            });
        } else {
            self.push(" ");
            self.expression(expression);
        }
    }
}
