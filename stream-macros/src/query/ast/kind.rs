//! The kinds of clauses: their words, and where they stand.

use syn::Ident;

use super::{Clause, JoinKind};

/// The kinds of clauses, in the order in which they stand in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    From,
    Join,
    Where,
    Let,
    Explode,
    Dedup,
    GroupBy,
    Process,
    Select,
    Having,
    OrderBy,
    Limit,
    Output,
}

impl Kind {
    pub(crate) const ALL: [Self; 13] = [
        Self::From,
        Self::Join,
        Self::Where,
        Self::Let,
        Self::Explode,
        Self::Dedup,
        Self::GroupBy,
        Self::Process,
        Self::Select,
        Self::Having,
        Self::OrderBy,
        Self::Limit,
        Self::Output,
    ];

    /// The clause's first word, which in a join may be that of its kind instead.
    pub(crate) const fn keyword(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::Join => "join",
            Self::Where => "where",
            Self::Let => "let",
            Self::Explode => "explode",
            Self::Dedup => "dedup",
            Self::GroupBy => "group",
            Self::Process => "process",
            Self::Select => "select",
            Self::Having => "having",
            Self::OrderBy => "order",
            Self::Limit => "limit",
            Self::Output => "output",
        }
    }

    /// What messages call the clause.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Dedup => "dedup by",
            Self::GroupBy => "group by",
            Self::Process => "process by",
            Self::OrderBy => "order by",
            other => other.keyword(),
        }
    }

    /// Where the clause stands. Clauses of one place may alternate.
    pub(crate) const fn place(self) -> u8 {
        match self {
            Self::From => 0,
            Self::Join | Self::Where | Self::Let | Self::Explode | Self::Dedup => 1,
            Self::GroupBy | Self::Process => 2,
            Self::Select => 3,
            Self::Having => 4,
            Self::OrderBy => 5,
            Self::Limit => 6,
            Self::Output => 7,
        }
    }

    pub(crate) fn of(keyword: &Ident) -> Option<Self> {
        if JoinKind::of(keyword).is_some() {
            return Some(Self::Join);
        }
        Self::ALL.into_iter().find(|kind| keyword == kind.keyword())
    }
}

impl Clause {
    pub(crate) fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::From(_) => Kind::From,
            Self::Join(_) => Kind::Join,
            Self::Where(_) => Kind::Where,
            Self::Let(_) => Kind::Let,
            Self::Explode(_) => Kind::Explode,
            Self::Dedup(_) => Kind::Dedup,
            Self::GroupBy(_) => Kind::GroupBy,
            Self::Process(_) => Kind::Process,
            Self::Select(_) => Kind::Select,
            Self::Having(_) => Kind::Having,
            Self::OrderBy(_) => Kind::OrderBy,
            Self::Limit(_) => Kind::Limit,
            Self::Output(_) => Kind::Output,
            Self::Broken(broken) => return broken.kind,
        })
    }

    /// The clause's first word, unless it is broken.
    pub(crate) fn keyword(&self) -> Option<&Ident> {
        Some(match self {
            Self::From(clause) => &clause.keyword,
            Self::Join(clause) => &clause.keyword,
            Self::Where(clause) => &clause.keyword,
            Self::Let(clause) => &clause.keyword,
            Self::Explode(clause) => &clause.keyword,
            Self::Dedup(clause) => &clause.keyword,
            Self::GroupBy(clause) => &clause.keyword,
            Self::Process(clause) => &clause.keyword,
            Self::Select(clause) => &clause.keyword,
            Self::Having(clause) => &clause.keyword,
            Self::OrderBy(clause) => &clause.keyword,
            Self::Limit(clause) => &clause.keyword,
            Self::Output(clause) => &clause.keyword,
            Self::Broken(_) => return None,
        })
    }
}
