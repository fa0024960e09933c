//! The clauses of a query as they were written, one type each.
//!
//! Nothing here is resolved: a tree may name inputs that don't exist and hold clauses in any order. Every
//! clause keeps its keyword, which errors about the clause as a whole point at.

mod input;
mod join;
mod kind;

use proc_macro2::TokenStream;
use syn::{Attribute, Expr, ExprCall, Ident, Type, Visibility};

pub(crate) use input::{From, Input, Late, QuerySource, Source, Watermark};
pub(crate) use join::{Join, JoinKind, Within};
pub(crate) use kind::Kind;

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

/// A clause, or what could be made of it.
pub(crate) enum Clause {
    From(From),
    Join(Box<Join>),
    Where(Where),
    Let(Let),
    Explode(Explode),
    Dedup(Dedup),
    GroupBy(GroupBy),
    Process(Process),
    Select(Select),
    Having(Having),
    OrderBy(OrderBy),
    Limit(Limit),
    Output(Output),
    /// A clause with a syntax error, which has been reported.
    Broken(Broken),
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

/// `process by KEY[, KEY]* with PROCESSOR`.
pub(crate) struct Process {
    pub(crate) keyword: Ident,
    pub(crate) keys: Vec<Expr>,
    pub(crate) processor: Expr,
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

/// `order by KEY [asc | desc][, KEY [asc | desc]]*`.
pub(crate) struct OrderBy {
    pub(crate) keyword: Ident,
    pub(crate) keys: Vec<OrderKey>,
}

/// A key of `order by`: an expression over the fields of the selected row.
pub(crate) struct OrderKey {
    pub(crate) expr: Expr,
    pub(crate) descending: bool,
}

/// `limit COUNT`.
pub(crate) struct Limit {
    pub(crate) keyword: Ident,
    pub(crate) count: Expr,
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
