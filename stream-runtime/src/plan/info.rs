//! A plan as data: what `explain()` prints and the checkpoint's fingerprint is made of.

use crate::time::Duration;

use super::{Mode, TimeRange};

/// A query's plan.
#[derive(Clone, Debug)]
pub struct PlanInfo {
    /// The query's name.
    pub query: &'static str,
    /// The inputs in the order of their declaration.
    pub inputs: &'static [InputInfo],
    /// The queries whose results it reads, in the order in which they stand. Their inputs come after its own.
    pub queries: &'static [QueryInfo],
    /// The static inputs: name and row type.
    pub statics: &'static [(&'static str, &'static str)],
    /// Where the rows of `from` come from.
    pub from: RowsInfo,
    /// The joins among the clauses, in order, those with static inputs included.
    pub joins: &'static [JoinInfo],
    /// The clauses between `from` and `group by`, in order, as written: `where action == "view"`. `dedup by` is one
    /// of them, which tells what stands before and what behind it, and has its operator too.
    pub clauses: &'static [&'static str],
    /// The stateful operators, in the order in which a row reaches them, without those of other queries.
    pub operators: &'static [OperatorInfo],
    /// The select clause, as written.
    pub select: &'static str,
    /// The columns that it names and what they are, in which values and keys with a name stand for what they are. What has no name is the row
    /// that the other columns are from.
    pub selected: &'static [(&'static str, &'static str)],
    /// The condition of the having clause, as written.
    pub having: Option<&'static str>,
    /// The keys of the order by clause, as written.
    pub order_by: Option<&'static str>,
    /// The number of the limit clause.
    pub limit: Option<u64>,
    /// The output mode.
    pub mode: Mode,
}

/// A query whose result another one reads.
#[derive(Clone, Copy, Debug)]
pub struct QueryInfo {
    /// What the reading query calls it.
    pub name: &'static str,
    /// How many operators of the reading query come before its own.
    pub operators_before: usize,
    /// The columns that the reading query reads, in the order of their first use; `None` for all.
    pub columns: Option<&'static [&'static str]>,
    /// Its plan.
    pub plan: &'static PlanInfo,
}

/// Where the rows of `from` or of a join come from.
#[derive(Clone, Copy, Debug)]
pub enum RowsInfo {
    /// From inputs, by their numbers among the plan's; more than one are a union.
    Inputs(&'static [usize]),
    /// From a static input, by its number among those.
    Static(usize),
    /// From another query, by its number among those.
    Query(usize),
}

/// A join.
#[derive(Clone, Copy, Debug)]
pub struct JoinInfo {
    /// Its number among the clauses.
    pub clause: usize,
    /// Where the rows come from that it adds.
    pub rows: RowsInfo,
    /// Whose event time `within` is about, and on whose its range is built: the inputs' names.
    pub times: Option<(&'static str, &'static str)>,
}

impl PlanInfo {
    /// The plan of a query with mistakes, which reads nothing and never runs.
    #[doc(hidden)]
    pub const NONE: Self = Self {
        query: "",
        inputs: &[],
        queries: &[],
        statics: &[],
        from: RowsInfo::Inputs(&[]),
        joins: &[],
        clauses: &[],
        operators: &[],
        select: "",
        selected: &[],
        having: None,
        order_by: None,
        limit: None,
        mode: Mode::Append,
    };

    /// The number of inputs, those of the queries that it reads included.
    #[doc(hidden)]
    pub const fn input_count(&self) -> usize {
        let (mut count, mut query) = (self.inputs.len(), 0);
        while query < self.queries.len() {
            count += self.queries[query].plan.input_count();
            query += 1;
        }
        count
    }

    /// All inputs, those of the queries that it reads last; a source's number is its input's.
    pub fn all_inputs(&self) -> Vec<InputInfo> {
        let of_queries = self.queries.iter().flat_map(|query| query.plan.all_inputs());
        self.inputs.iter().copied().chain(of_queries).collect()
    }

    /// All stateful operators, in the order in which a row reaches them.
    pub fn all_operators(&self) -> Vec<OperatorInfo> {
        let mut operators = Vec::new();
        for number in 0..=self.operators.len() {
            let queries = self.queries.iter().filter(|query| query.operators_before == number);
            operators.extend(queries.flat_map(|query| query.plan.all_operators()));
            operators.extend(self.operators.get(number));
        }
        operators
    }

    /// The longest delay of a watermark of its inputs; `None` without one.
    pub(crate) fn watermark_delay(&self) -> Option<Duration> {
        self.all_inputs().iter().filter_map(|input| Some(input.watermark?.delay)).max()
    }
}

/// An input of a query.
#[derive(Clone, Copy, Debug)]
pub struct InputInfo {
    /// The input's name.
    pub name: &'static str,
    /// The row type's name.
    pub row: &'static str,
    /// Its watermark.
    pub watermark: Option<WatermarkInfo>,
    /// What the query calls the input's late rows, if they have a sink of their own.
    pub late: Option<&'static str>,
    /// The columns that the query reads, in the order of their first use; `None` for all.
    pub columns: Option<&'static [&'static str]>,
}

/// An input's watermark.
#[derive(Clone, Copy, Debug)]
pub struct WatermarkInfo {
    /// The event-time column.
    pub column: &'static str,
    /// How late a row may be.
    pub delay: Duration,
}

/// A stateful operator.
#[derive(Clone, Copy, Debug)]
pub struct OperatorInfo {
    /// Spark's name for it, as in progress reports: `stateStoreSave`, `sessionWindowStateStoreSaveExec`, `dedupe`,
    /// `dedupeWithinWatermark`, `symmetricHashJoin`, `transformWithStateExec` or `globalLimit`.
    pub name: &'static str,
    /// The clause as written, without the input's alias: `group by window(timestamp, minutes(5)), page`.
    pub clause: &'static str,
    /// Width, slide and start of the window, if there is one.
    pub window: Option<(Duration, Duration, Duration)>,
    /// How far the one event time of a join's `within` may be from the other, [`JoinInfo::times`].
    pub within: Option<TimeRange>,
    /// The aggregates, as written.
    pub aggregates: &'static [&'static str],
    /// Whether a watermark closes its groups or sessions, drops its keys, or fires its timers.
    pub event_time_key: bool,
}

impl OperatorInfo {
    /// Whether a watermark that has moved makes a difference to it, without new rows.
    pub(crate) fn waits_for_watermark(&self, mode: Mode) -> bool {
        match self.name {
            // A deduplication forgets keys in every mode.
            "dedupe" | "dedupeWithinWatermark" => true,
            "symmetricHashJoin" => self.event_time_key,
            // A limit counts rows.
            "globalLimit" => false,
            // A complete result doesn't change with the watermark.
            _ => mode != Mode::Complete,
        }
    }

    /// Whether this is the count of a `limit`, which comes last, behind an aggregation if there is one.
    pub(crate) fn is_limit(&self) -> bool {
        self.name == "globalLimit"
    }
}
