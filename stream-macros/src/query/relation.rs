//! The rows that the clauses of a query can name: where each comes from, and what joins have made of it.

use quote::ToTokens;
use syn::{Expr, Ident, Member, Type};

use super::ast::{From, Input, Join, JoinKind, Late, QuerySource, Source, Watermark};
use super::draft::Draft;
use super::expr::{bare_ident, mentions, peeled, same};
use super::step::{Step, expand_lets};

/// A row with a name, of `from` or of a `join`.
#[derive(Clone)]
pub(crate) struct Relation<'a> {
    pub(crate) alias: &'a Ident,
    pub(crate) source: &'a Source,
    pub(crate) origin: Origin<'a>,
    pub(crate) watermark: Option<&'a Watermark>,
    pub(crate) late: Option<&'a Late>,
    /// The join that adds it; `None` for that of `from`.
    pub(crate) join: Option<&'a Join>,
}

/// Where the rows of a relation come from.
#[derive(Clone)]
pub(crate) enum Origin<'a> {
    /// Inputs that are streams of one row type; more than one are a union.
    Streams(Vec<&'a Input>),
    /// An input that rows are looked up in.
    Static(&'a Input),
    /// The result of another query.
    Query(&'a QuerySource),
    /// An input that the head doesn't declare, which is reported.
    Unknown,
}

/// Whether a row has a value for an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Always,
    /// An outer join makes it an `Option`.
    Optional,
    /// After a semi or anti join the row that was looked for isn't there.
    Gone,
}

/// An event time that a watermark passes.
#[derive(Clone)]
pub(crate) enum EventTime<'a> {
    /// The watermark's column of the relation with that number.
    Watermark(usize),
    /// A column of a query's rows, which has to be an event time of that query: a macro can't see whether it is.
    Query { relation: usize, query: &'a QuerySource, column: Ident },
}

impl<'a> Relation<'a> {
    pub(crate) fn of_from(from: &'a From, inputs: &'a [Input]) -> Self {
        let origin = match &from.source {
            Source::Query(query) => Origin::Query(query),
            Source::Inputs(names) => {
                let declared = names.iter().map(|name| inputs.iter().find(|input| input.name == *name));
                declared.collect::<Option<_>>().map_or(Origin::Unknown, Origin::Streams)
            }
        };
        let From { alias, source, watermark, late, .. } = from;
        Self { alias, source, origin, watermark: watermark.as_ref(), late: late.as_ref(), join: None }
    }

    pub(crate) fn of_join(join: &'a Join, inputs: &'a [Input]) -> Self {
        let origin = match &join.source {
            Source::Query(query) => Origin::Query(query),
            Source::Inputs(names) => match inputs.iter().find(|input| names.contains(&input.name)) {
                Some(input) if input.fixed.is_some() => Origin::Static(input),
                Some(input) => Origin::Streams(vec![input]),
                None => Origin::Unknown,
            },
        };
        let Join { alias, source, watermark, late, .. } = join;
        Self { alias, source, origin, watermark: watermark.as_ref(), late: late.as_ref(), join: Some(join) }
    }

    /// The type of its rows, unless it is another query's.
    pub(crate) fn row(&self) -> Option<&'a Type> {
        match &self.origin {
            Origin::Streams(inputs) => inputs.first().map(|input| &input.row),
            Origin::Static(input) => Some(&input.row),
            Origin::Query(_) | Origin::Unknown => None,
        }
    }

    /// What its input is called in the plan.
    pub(crate) fn input_name(&self) -> &'a Ident {
        &self.source.names()[0]
    }

    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.origin, Origin::Streams(_) | Origin::Query(_))
    }

    pub(crate) fn query(&self) -> Option<&'a QuerySource> {
        match self.origin {
            Origin::Query(query) => Some(query),
            _ => None,
        }
    }

    /// The name of another row, or of a value of one, that its watermark's column has by mistake.
    pub(crate) fn foreign_name(&self, names: &[&'a Ident]) -> Option<&'a Ident> {
        let column = self.watermark?.column.to_token_stream();
        let mut others = names.iter().filter(|name| **name != self.alias);
        others.find(|name| mentions(column.clone(), name)).copied()
    }

    /// Whether a watermark comes with its rows.
    pub(crate) fn has_watermark(&self) -> bool {
        self.watermark.is_some() || self.query().is_some()
    }

    /// Whether its rows come from the service, so that it is a stream–stream join.
    pub(crate) fn is_stream_join(&self) -> bool {
        self.join.is_some() && self.is_stream()
    }
}

impl<'a> Draft<'a> {
    /// Every relation: that of `from`, and those of the joins in their order.
    pub(crate) fn relations(&self) -> Vec<Relation<'a>> {
        let inputs = &self.query.inputs;
        let from = self.from.given().map(|from| Relation::of_from(from, inputs));
        from.into_iter().chain(self.joins().map(|(_, join)| Relation::of_join(join, inputs))).collect()
    }

    /// The joins, each with its number among the steps.
    pub(crate) fn joins(&self) -> impl Iterator<Item = (usize, &'a Join)> {
        self.steps.iter().enumerate().filter_map(|(at, step)| match step {
            Step::Join(join) => Some((at, *join)),
            _ => None,
        })
    }

    /// Whether any of its joins is one of two streams.
    pub(crate) fn joins_streams(&self) -> bool {
        self.steps.iter().any(|step| self.is_stream_join(*step))
    }

    /// Whether a step is a join of two streams.
    pub(crate) fn is_stream_join(&self, step: Step) -> bool {
        matches!(step, Step::Join(join) if Relation::of_join(join, &self.query.inputs).is_stream())
    }

    /// Whether a step looks rows up in a static input.
    pub(crate) fn is_static_join(&self, step: Step) -> bool {
        let Step::Join(join) = step else { return false };
        matches!(Relation::of_join(join, &self.query.inputs).origin, Origin::Static(_))
    }

    /// The relations that the first `steps` steps leave, in their order.
    pub(crate) fn relations_after(&self, steps: usize) -> Vec<(Relation<'a>, Presence)> {
        let before = self.joins().filter(|(at, _)| *at < steps).count();
        let mut scope: Vec<(Relation, Presence)> = Vec::new();
        let from = usize::from(self.from.given().is_some());
        for relation in self.relations().into_iter().take(from + before) {
            let kind = relation.join.map_or(JoinKind::Inner, |join| join.kind);
            if matches!(kind, JoinKind::Right | JoinKind::Full) {
                for (_, presence) in scope.iter_mut().filter(|(_, presence)| *presence == Presence::Always) {
                    *presence = Presence::Optional;
                }
            }
            let presence = match kind {
                JoinKind::Inner | JoinKind::Right => Presence::Always,
                JoinKind::Left | JoinKind::Full => Presence::Optional,
                JoinKind::Semi | JoinKind::Anti => Presence::Gone,
            };
            scope.push((relation, presence));
        }
        scope
    }

    /// The names that an expression after the first `steps` steps can use.
    pub(crate) fn names_after(&self, steps: usize) -> Vec<&'a Ident> {
        let aliases = self.relations_after(steps).into_iter().map(|(relation, _)| relation.alias);
        let variables = self.steps.iter().take(steps).filter_map(|step| step.variable());
        let gone = self.gone_after(steps);
        let is_there = |name: &&Ident| !gone.iter().any(|(gone, _)| gone == name);
        aliases.chain(variables).filter(is_there).collect()
    }

    /// The names that the first `steps` steps have given and taken away, each with the join that did: that of a row
    /// which a semi or anti join looked for, and those of values of rows which a right or full join may have made
    /// up.
    pub(crate) fn gone_after(&self, steps: usize) -> Vec<(&'a Ident, &'a Join)> {
        let mut gone = Vec::new();
        for (at, join) in self.joins().filter(|(at, _)| *at < steps) {
            match join.kind {
                JoinKind::Inner | JoinKind::Left => {}
                JoinKind::Semi | JoinKind::Anti => gone.push((&join.alias, join)),
                JoinKind::Right | JoinKind::Full => {
                    let variables = self.steps[..at].iter().filter_map(|step| step.variable());
                    gone.extend(variables.map(|name| (name, join)));
                }
            }
        }
        gone
    }

    /// Every name that an expression behind all steps can use.
    pub(crate) fn names(&self) -> Vec<&'a Ident> {
        self.names_after(self.steps.len())
    }

    /// Every name of the query's that stands for a row or for something of one.
    pub(crate) fn names_of_rows(&self) -> Vec<&'a Ident> {
        let aliases = self.relations().into_iter().map(|relation| relation.alias);
        aliases.chain(self.steps.iter().filter_map(|step| step.variable())).collect()
    }

    /// The stream whose event time a clause after the first `steps` steps may go by, for proposals: that which the
    /// expression names, else one with a watermark, else any. After a full join there is none.
    pub(crate) fn timed_relation(&self, steps: usize, time: Option<&Expr>) -> Option<Relation<'a>> {
        let mut present = self.relations_after(steps);
        present.retain(|(relation, presence)| *presence == Presence::Always && relation.is_stream());
        let time = time.map(|time| expand_lets(&self.steps[..steps], time).into_token_stream());
        let is_named = |alias| time.clone().is_some_and(|time| mentions(time, alias));
        let named = present.iter().find(|(relation, _)| is_named(relation.alias));
        let watermarked = present.iter().find(|(relation, _)| relation.has_watermark());
        named.or(watermarked).or(present.first()).map(|(relation, _)| relation.clone())
    }

    /// The streams with a watermark whose event time a row always has after the first `steps` steps.
    pub(crate) fn watermarked_after(&self, steps: usize) -> Vec<Relation<'a>> {
        let mut relations = self.relations_after(steps);
        relations.retain(|(relation, presence)| *presence == Presence::Always && relation.has_watermark());
        relations.into_iter().map(|(relation, _)| relation).collect()
    }

    /// The event time that an expression after the first `steps` steps is. A row that an outer join may have made
    /// up has none that is always there.
    pub(crate) fn event_time_after(&self, steps: usize, expr: &Expr) -> Option<EventTime<'a>> {
        let expanded = expand_lets(&self.steps[..steps], expr);
        let mut relations = self.relations_after(steps).into_iter().enumerate();
        relations.find_map(|(number, (relation, presence))| {
            (presence == Presence::Always).then(|| relation.event_time(number, &expanded)).flatten()
        })
    }
}

impl<'a> Relation<'a> {
    /// The event time that an expression without `let`s is, if it is one of this relation with that number.
    pub(crate) fn event_time(&self, number: usize, expr: &Expr) -> Option<EventTime<'a>> {
        if self.watermark.is_some_and(|watermark| same(expr, &watermark.column)) {
            return Some(EventTime::Watermark(number));
        }
        let query = self.query()?;
        let column = column_of(expr, self.alias)?;
        Some(EventTime::Query { relation: number, query, column: column.clone() })
    }
}

impl EventTime<'_> {
    /// The number of the relation whose rows it is of.
    pub(crate) const fn relation(&self) -> usize {
        match self {
            Self::Watermark(relation) | Self::Query { relation, .. } => *relation,
        }
    }

    pub(crate) const fn is_of_query(&self) -> bool {
        matches!(self, Self::Query { .. })
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        let column = |time: &Self| match time {
            Self::Watermark(_) => None,
            Self::Query { column, .. } => Some(column.clone()),
        };
        self.relation() == other.relation() && column(self) == column(other)
    }
}

/// `page` in `click.page`.
pub(crate) fn column_of<'a>(expr: &'a Expr, alias: &Ident) -> Option<&'a Ident> {
    match peeled(expr) {
        Expr::Field(field) if bare_ident(&field.base) == Some(alias) => match &field.member {
            Member::Named(column) => Some(column),
            Member::Unnamed(_) => None,
        },
        _ => None,
    }
}
