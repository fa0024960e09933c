//! The clauses of a query as they were written, one type each.
//!
//! Nothing here is resolved: a tree may name inputs that don't exist and hold clauses in any order. Every
//! clause keeps its keyword, which errors about the clause as a whole point at.

use proc_macro2::TokenStream;
use syn::{Attribute, Expr, ExprCall, Ident, Type, Visibility};

/// `[vis] query NAME(input: Row) -> Out { clauses }`.
pub(crate) struct Query {
    /// Docs and other attributes, which go on the generated type.
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) name: Ident,
    pub(crate) inputs: Vec<Input>,
    pub(crate) output: Type,
    pub(crate) clauses: Vec<Clause>,
}

/// `input: Row` in the query's head.
pub(crate) struct Input {
    pub(crate) name: Ident,
    pub(crate) row: Type,
}

/// A clause, or what could be made of it.
pub(crate) enum Clause {
    From(From),
    Where(Where),
    Let(Let),
    Explode(Explode),
    Dedup(Dedup),
    GroupBy(GroupBy),
    Select(Select),
    Having(Having),
    Output(Output),
    /// A clause with a syntax error, which has been reported.
    Broken(Broken),
}

/// The kinds of clauses, in the order in which they stand in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    From,
    Where,
    Let,
    Explode,
    Dedup,
    GroupBy,
    Select,
    Having,
    Output,
}

/// `from ALIAS in INPUT [watermark(COLUMN, DELAY)]`.
pub(crate) struct From {
    pub(crate) keyword: Ident,
    pub(crate) alias: Ident,
    pub(crate) input: Ident,
    pub(crate) watermark: Option<Watermark>,
}

/// `watermark(COLUMN, DELAY)`.
pub(crate) struct Watermark {
    pub(crate) keyword: Ident,
    pub(crate) column: Expr,
    pub(crate) delay: Expr,
}

/// `where CONDITION`.
pub(crate) struct Where {
    pub(crate) keyword: Ident,
    pub(crate) condition: Expr,
}

/// `let NAME[: TYPE] = VALUE`.
pub(crate) struct Let {
    pub(crate) keyword: Ident,
    pub(crate) name: Ident,
    pub(crate) ty: Option<Type>,
    pub(crate) value: Expr,
}

/// `explode NAME in ITEMS`: the row goes on once for each item.
pub(crate) struct Explode {
    pub(crate) keyword: Ident,
    pub(crate) name: Ident,
    pub(crate) items: Expr,
}

/// `dedup by KEY[, KEY]* [within watermark | unbounded]`: the first row of a key goes on.
pub(crate) struct Dedup {
    pub(crate) keyword: Ident,
    pub(crate) keys: Vec<Expr>,
    /// How long keys are remembered; without it, until the watermark passes the event time among them.
    pub(crate) retention: Option<Retention>,
}

/// How long the keys of `dedup by` are remembered.
pub(crate) enum Retention {
    /// `within watermark`: for the watermark's delay after the first row.
    WithinWatermark { within: Ident, watermark: Ident },
    /// `unbounded`: for ever.
    Unbounded(Ident),
}

/// `group by KEY[, KEY]* [unbounded]`.
pub(crate) struct GroupBy {
    pub(crate) keyword: Ident,
    pub(crate) keys: Vec<Key>,
    pub(crate) unbounded: Option<Ident>,
}

/// A grouping key with the name that later clauses may call it by.
pub(crate) struct Key {
    /// The whole key without its name.
    pub(crate) expr: Expr,
    pub(crate) name: Option<Ident>,
    /// What is in the parentheses, if the key is a `window(…)` or a `session(…)`.
    pub(crate) interval: Option<Interval>,
}

/// A key that is a span of time.
pub(crate) enum Interval {
    Window(Box<Window>),
    Session(Box<Session>),
}

/// `window(TIME, WIDTH[, slide = SLIDE][, start = START])`.
pub(crate) struct Window {
    pub(crate) call: ExprCall,
    pub(crate) time: Expr,
    pub(crate) width: Expr,
    pub(crate) slide: Option<Expr>,
    pub(crate) start: Option<Expr>,
}

/// `session(TIME, GAP)`.
pub(crate) struct Session {
    pub(crate) call: ExprCall,
    pub(crate) time: Expr,
    pub(crate) gap: Expr,
}

/// `select ROW`.
pub(crate) struct Select {
    pub(crate) keyword: Ident,
    pub(crate) row: Expr,
}

/// `having CONDITION`.
pub(crate) struct Having {
    pub(crate) keyword: Ident,
    pub(crate) condition: Expr,
}

/// `output MODE`.
pub(crate) struct Output {
    pub(crate) keyword: Ident,
    pub(crate) mode: Mode,
    /// The mode as it was written.
    pub(crate) word: Ident,
}

/// An output mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Append,
    Update,
    Complete,
}

/// A clause that couldn't be parsed.
pub(crate) struct Broken {
    /// Its kind, if its keyword was known.
    pub(crate) kind: Option<Kind>,
    /// What the parser left unread. A clause that lost its `;` may have swallowed the next one.
    pub(crate) rest: TokenStream,
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::From,
        Self::Where,
        Self::Let,
        Self::Explode,
        Self::Dedup,
        Self::GroupBy,
        Self::Select,
        Self::Having,
        Self::Output,
    ];

    /// The clause's first word.
    pub(crate) const fn keyword(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::Where => "where",
            Self::Let => "let",
            Self::Explode => "explode",
            Self::Dedup => "dedup",
            Self::GroupBy => "group",
            Self::Select => "select",
            Self::Having => "having",
            Self::Output => "output",
        }
    }

    /// What messages call the clause.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Dedup => "dedup by",
            Self::GroupBy => "group by",
            other => other.keyword(),
        }
    }

    /// Where the clause stands: `where`, `let`, `explode` and `dedup by` share a place and may alternate.
    pub(crate) const fn place(self) -> u8 {
        match self {
            Self::From => 0,
            Self::Where | Self::Let | Self::Explode | Self::Dedup => 1,
            Self::GroupBy => 2,
            Self::Select => 3,
            Self::Having => 4,
            Self::Output => 5,
        }
    }

    pub(crate) fn of(keyword: &Ident) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| keyword == kind.keyword())
    }
}

impl Clause {
    pub(crate) fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::From(_) => Kind::From,
            Self::Where(_) => Kind::Where,
            Self::Let(_) => Kind::Let,
            Self::Explode(_) => Kind::Explode,
            Self::Dedup(_) => Kind::Dedup,
            Self::GroupBy(_) => Kind::GroupBy,
            Self::Select(_) => Kind::Select,
            Self::Having(_) => Kind::Having,
            Self::Output(_) => Kind::Output,
            Self::Broken(broken) => return broken.kind,
        })
    }

    /// The clause's first word, unless it is broken.
    pub(crate) fn keyword(&self) -> Option<&Ident> {
        Some(match self {
            Self::From(clause) => &clause.keyword,
            Self::Where(clause) => &clause.keyword,
            Self::Let(clause) => &clause.keyword,
            Self::Explode(clause) => &clause.keyword,
            Self::Dedup(clause) => &clause.keyword,
            Self::GroupBy(clause) => &clause.keyword,
            Self::Select(clause) => &clause.keyword,
            Self::Having(clause) => &clause.keyword,
            Self::Output(clause) => &clause.keyword,
            Self::Broken(_) => return None,
        })
    }
}

impl Key {
    pub(crate) fn window(&self) -> Option<&Window> {
        match &self.interval {
            Some(Interval::Window(window)) => Some(window),
            _ => None,
        }
    }

    pub(crate) fn session(&self) -> Option<&Session> {
        match &self.interval {
            Some(Interval::Session(session)) => Some(session),
            _ => None,
        }
    }

    /// The event time that may close the key's groups: that of its window or session, or the key itself.
    pub(crate) fn time(&self) -> &Expr {
        self.interval.as_ref().map_or(&self.expr, Interval::time)
    }
}

impl Interval {
    pub(crate) const FUNCTIONS: [&'static str; 2] = ["window", "session"];

    /// The function that makes it, which is also its name if it is given none.
    pub(crate) const fn function(&self) -> &'static str {
        match self {
            Self::Window(_) => Self::FUNCTIONS[0],
            Self::Session(_) => Self::FUNCTIONS[1],
        }
    }

    pub(crate) fn call(&self) -> &ExprCall {
        match self {
            Self::Window(window) => &window.call,
            Self::Session(session) => &session.call,
        }
    }

    pub(crate) fn time(&self) -> &Expr {
        match self {
            Self::Window(window) => &window.time,
            Self::Session(session) => &session.time,
        }
    }
}

impl Mode {
    pub(crate) const ALL: [Self; 3] = [Self::Append, Self::Update, Self::Complete];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Update => "update",
            Self::Complete => "complete",
        }
    }

    /// The mode's type and variant in the runtime.
    pub(crate) const fn type_name(self) -> &'static str {
        match self {
            Self::Append => "Append",
            Self::Update => "Update",
            Self::Complete => "Complete",
        }
    }
}
