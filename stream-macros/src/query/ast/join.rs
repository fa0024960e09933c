//! `join`: a second row beside the first.

use syn::{Expr, ExprRange, Ident};

use super::{Late, Source, Watermark};

/// `[KIND] join ALIAS in SOURCE [watermark(COLUMN, DELAY)] [late into NAME] on CONDITION [within TIME in RANGE]
/// [unbounded]`.
pub(crate) struct Join {
    /// The clause's first word.
    pub(crate) keyword: Ident,
    pub(crate) kind: JoinKind,
    pub(crate) alias: Ident,
    pub(crate) source: Source,
    pub(crate) watermark: Option<Watermark>,
    pub(crate) late: Option<Late>,
    pub(crate) on: Ident,
    pub(crate) condition: Expr,
    pub(crate) within: Option<Within>,
    pub(crate) unbounded: Option<Ident>,
}

/// `within TIME in RANGE`: how far apart the event times of the two rows may be.
pub(crate) struct Within {
    pub(crate) keyword: Ident,
    pub(crate) time: Expr,
    pub(crate) range: ExprRange,
}

/// Which rows a join passes on beside the pairs, or instead of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    /// The rows before the join that have a partner, without it.
    Semi,
    /// Those that have none.
    Anti,
}

impl JoinKind {
    pub(crate) const ALL: [Self; 6] =
        [Self::Inner, Self::Left, Self::Right, Self::Full, Self::Semi, Self::Anti];

    /// The word before `join`; for an inner join `join` itself.
    pub(crate) const fn keyword(self) -> &'static str {
        match self {
            Self::Inner => "join",
            Self::Left => "left",
            Self::Right => "right",
            Self::Full => "full",
            Self::Semi => "semi",
            Self::Anti => "anti",
        }
    }

    /// What messages call the clause.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Inner => "join",
            Self::Left => "left join",
            Self::Right => "right join",
            Self::Full => "full join",
            Self::Semi => "semi join",
            Self::Anti => "anti join",
        }
    }

    pub(crate) fn of(keyword: &Ident) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| keyword == kind.keyword())
    }
}
