//! Generated syntax trees: every kind of node, as the parser could have built it.

use std::borrow::Cow;

use gravure_lang::Span;
use gravure_lang::ast::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// Names, words that are keywords in some places among them.
const NAMES: [&str; 17] = [
    "a",
    "host-name",
    "volatile-root?",
    "x86_64",
    "_y",
    "r",
    "os",
    "File",
    "type",
    "check",
    "abstract",
    "record",
    "extends",
    "as",
    "of",
    "mixin",
    "Map",
];
const SYMBOLS: [&str; 4] = ["ext4", "aarch64-linux", "x86_64-linux", "u"];
const PATHS: [&str; 5] = ["./overlay", "../x/y.png", "./", "./a@b+c-1.d_e", "../.."];
const DOCS: [&str; 5] = ["Plain words.", "", "  indented `code`", "# not a mark", "ends with \"quotes\""];
const TEXTS: [&str; 16] = [
    "a",
    "\n",
    "two\nlines\n",
    "    indented\n",
    "\"",
    "\"\"\"",
    "\\",
    "${",
    "$",
    "{",
    "\t",
    "\r\n",
    "é",
    "\u{202e}",
    "\n\n  \n",
    "'x",
];

fn expr(kind: ExprKind<'static>) -> Expr<'static> {
    Expr { kind, span: Span::default() }
}

fn name() -> impl Strategy<Value = Name<'static>> + Clone {
    select(&NAMES[..]).prop_map(|text| Name { text, span: Span::default() })
}

/// Strategies for trees of at most a certain depth.
#[derive(Clone)]
struct Trees {
    expr: BoxedStrategy<Expr<'static>>,
    ty: BoxedStrategy<Type<'static>>,
    body: BoxedStrategy<Body<'static>>,
}

/// Returns files whose trees are about `depth` levels deep.
pub(crate) fn files(depth: usize) -> impl Strategy<Value = File<'static>> {
    let trees = (0..depth).fold(Trees::leaves(), |inner, _| inner.deeper());
    let import = (text(), name()).prop_map(|(path, name)| ItemKind::Import {
        path: Cow::Owned(path),
        path_span: Span::default(),
        name,
    });
    let item = with_doc(prop_oneof![1 => import.boxed(), 5 => trees.item_kind()]);
    (vec(select(&DOCS[..]), 0..3), vec(item, 0..6)).prop_map(|(doc, items)| File { doc, items })
}

/// Returns expressions of about `depth` levels.
pub(crate) fn expressions(depth: usize) -> BoxedStrategy<Expr<'static>> {
    (0..depth).fold(Trees::leaves(), |inner, _| inner.deeper()).expr
}

fn text() -> BoxedStrategy<String> {
    vec(select(&TEXTS[..]), 1..4).prop_map(|parts| parts.concat()).boxed()
}

fn with_doc(kind: impl Strategy<Value = ItemKind<'static>>) -> impl Strategy<Value = Item<'static>> {
    let docs = prop_oneof![3 => Just(Vec::new()), 1 => vec(select(&DOCS[..]), 1..3)];
    (docs, kind).prop_map(|(doc, kind)| Item { doc, kind, span: Span::default() })
}

impl Trees {
    fn leaves() -> Trees {
        let expr = prop_oneof![
            select(&NAMES[..]).prop_map(ExprKind::Name),
            Just(ExprKind::SelfRecord),
            name().prop_map(ExprKind::Super),
            any::<bool>().prop_map(ExprKind::Bool),
            Just(ExprKind::None),
            (0..=i64::MAX).prop_map(ExprKind::Int),
            any::<u64>().prop_map(ExprKind::Size),
            (0u32..44).prop_map(|bits| ExprKind::Size(5 << bits)),
            select(&SYMBOLS[..]).prop_map(ExprKind::Symbol),
            option::of(text())
                .prop_map(|text| ExprKind::Text(text.into_iter().map(|t| Piece::Text(t.into())).collect())),
            select(&PATHS[..]).prop_map(ExprKind::Path),
        ];
        let ty = prop_oneof![
            vec(name(), 1..3).prop_map(TypeKind::Name),
            select(&SYMBOLS[..]).prop_map(TypeKind::Symbol),
            Just(TypeKind::None),
        ];
        Trees {
            expr: expr.prop_map(self::expr).boxed(),
            ty: ty.prop_map(|kind| Type { kind, span: Span::default() }).boxed(),
            body: Just(Body { items: Vec::new(), span: Span::default() }).boxed(),
        }
    }

    fn deeper(&self) -> Trees {
        let body = vec(with_doc(self.item_kind()), 0..5).prop_map(|items| Body { items, span: Span::default() });
        Trees { expr: self.deeper_expr(), ty: self.deeper_type(), body: body.boxed() }
    }

    fn boxed_expr(&self) -> BoxedStrategy<Box<Expr<'static>>> {
        self.expr.clone().prop_map(Box::new).boxed()
    }

    fn deeper_expr(&self) -> BoxedStrategy<Expr<'static>> {
        let e = self.boxed_expr();
        let unary = prop_oneof![Just(Unary::Negate), Just(Unary::Not)];
        let arguments = vec((option::of(name()), self.expr.clone()), 0..4)
            .prop_map(|list| list.into_iter().map(|(name, value)| Argument { name, value }).collect());
        let kinds = prop_oneof![
            self.pieces().prop_map(ExprKind::Text),
            vec(self.expr.clone(), 0..5).prop_map(ExprKind::List),
            (name(), e.clone(), option::of(e.clone()), e.clone()).prop_map(|(variable, list, condition, element)| {
                ExprKind::Comprehension { variable, list, condition, element }
            }),
            vec((self.key(), self.expr.clone()), 0..5).prop_map(ExprKind::Map),
            self.body.clone().prop_map(ExprKind::Record),
            self.body.clone().prop_map(ExprKind::Mixin),
            (e.clone(), self.body.clone()).prop_map(|(base, body)| ExprKind::Extend(base, body)),
            (e.clone(), name()).prop_map(|(base, name)| ExprKind::Field(base, name)),
            (e.clone(), e.clone()).prop_map(|(base, index)| ExprKind::Index(base, index)),
            (e.clone(), arguments).prop_map(|(base, arguments)| ExprKind::Call(base, arguments)),
            self.function().prop_map(|function| ExprKind::Function(Box::new(function))),
            (unary, e.clone()).prop_map(|(operator, operand)| ExprKind::Unary(operator, operand)),
            (binary(), e.clone(), e.clone())
                .prop_map(|(operator, left, right)| ExprKind::Binary(operator, left, right)),
            (binary(), e.clone(), e.clone())
                .prop_map(|(operator, left, right)| ExprKind::Binary(operator, left, right)),
            (e.clone(), e.clone(), e.clone()).prop_map(|(c, a, b)| ExprKind::If(c, a, b)),
            (name(), e.clone(), e.clone()).prop_map(|(name, value, body)| ExprKind::Let(name, value, body)),
            (e.clone(), vec(self.arm(), 0..5)).prop_map(|(value, arms)| ExprKind::Match(value, arms)),
        ];
        prop_oneof![1 => self.expr.clone(), 6 => kinds.prop_map(expr)].boxed()
    }

    /// Pieces of a string: no empty text, no two texts beside each other.
    fn pieces(&self) -> BoxedStrategy<Vec<Piece<'static>>> {
        let piece = prop_oneof![
            text().prop_map(|text| Piece::Text(text.into())),
            self.expr.clone().prop_map(Piece::Interpolated),
        ];
        let join = |pieces: Vec<Piece<'static>>| {
            let mut joined: Vec<Piece> = Vec::new();
            for piece in pieces {
                match (joined.last_mut(), piece) {
                    (Some(Piece::Text(before)), Piece::Text(text)) => before.to_mut().push_str(&text),
                    (_, piece) => joined.push(piece),
                }
            }
            joined
        };
        vec(piece, 0..6).prop_map(join).boxed()
    }

    fn key(&self) -> BoxedStrategy<Expr<'static>> {
        prop_oneof![self.pieces().prop_map(|pieces| expr(ExprKind::Text(pieces))), self.expr.clone()].boxed()
    }

    fn arm(&self) -> BoxedStrategy<Arm<'static>> {
        (option::of(self.expr.clone()), self.expr.clone()).prop_map(|(pattern, value)| Arm { pattern, value }).boxed()
    }

    fn function(&self) -> BoxedStrategy<Function<'static>> {
        let parameter = (name(), option::of(self.ty.clone()), option::of(self.expr.clone()))
            .prop_map(|(name, ty, default)| Parameter { name, ty, default });
        (vec(parameter, 0..4), option::of(self.ty.clone()), self.expr.clone())
            .prop_map(|(parameters, result, body)| Function { parameters, result, body })
            .boxed()
    }

    fn deeper_type(&self) -> BoxedStrategy<Type<'static>> {
        let inner = self.ty.clone();
        let flat = |members: Vec<Type<'static>>| {
            let flattened = members.into_iter().flat_map(|member| match member.kind {
                TypeKind::Union(inner) => inner,
                _ => vec![member],
            });
            TypeKind::Union(flattened.collect())
        };
        let kind = prop_oneof![
            (name(), vec(inner.clone(), 0..3)).prop_map(|(name, arguments)| TypeKind::Apply(name, arguments)),
            vec(inner.clone(), 2..5).prop_map(flat),
            (vec(inner.clone(), 0..3), option::of(inner.clone().prop_map(Box::new)))
                .prop_map(|(parameters, result)| TypeKind::Function(parameters, result)),
        ];
        prop_oneof![inner, kind.prop_map(|kind| Type { kind, span: Span::default() })].boxed()
    }

    fn path(&self) -> BoxedStrategy<Path<'static>> {
        let step = prop_oneof![name().prop_map(Step::Field), self.expr.clone().prop_map(Step::Key)];
        (name(), vec(step, 0..3)).prop_map(|(name, steps)| Path { name, steps, span: Span::default() }).boxed()
    }

    fn item_kind(&self) -> BoxedStrategy<ItemKind<'static>> {
        let operator = prop_oneof![Just(Operator::Set), Just(Operator::Append), Just(Operator::Remove)];
        let e = &self.expr;
        prop_oneof![
            (name(), e.clone()).prop_map(|(name, value)| ItemKind::Let { name, value }),
            (self.path(), operator, e.clone()).prop_map(|(path, operator, value)| ItemKind::Define {
                is_abstract: false,
                path,
                operator,
                value
            }),
            (name(), e.clone()).prop_map(|(name, value)| ItemKind::Define {
                is_abstract: true,
                path: Path { name, steps: Vec::new(), span: Span::default() },
                operator: Operator::Set,
                value
            }),
            (self.path(), self.body.clone()).prop_map(|(path, body)| ItemKind::Deepen { path, body }),
            (name(), self.ty.clone(), option::of(e.clone())).prop_map(|(name, ty, default)| ItemKind::Declare {
                name,
                ty,
                default
            }),
            (name(), self.function())
                .prop_map(|(name, function)| ItemKind::Function { name, function: Box::new(function) }),
            (name(), option::of(vec(name(), 1..3)), self.body.clone())
                .prop_map(|(name, extends, body)| ItemKind::Record { name, extends, body }),
            (name(), self.ty.clone()).prop_map(|(name, ty)| ItemKind::TypeAlias { name, ty }),
            (e.clone(), e.clone()).prop_map(|(condition, message)| ItemKind::Check { condition, message }),
        ]
        .boxed()
    }
}

fn binary() -> impl Strategy<Value = Binary> {
    select(vec![
        Binary::Add,
        Binary::Subtract,
        Binary::Multiply,
        Binary::Divide,
        Binary::Remainder,
        Binary::Mix,
        Binary::Equal,
        Binary::NotEqual,
        Binary::Less,
        Binary::LessEqual,
        Binary::Greater,
        Binary::GreaterEqual,
        Binary::And,
        Binary::Or,
        Binary::Default,
    ])
}
