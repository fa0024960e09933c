//! [`Explain`]: a plan for people to read.

use std::fmt;
use std::ops::Bound;

use super::{InputInfo, JoinInfo, Mode, OperatorInfo, PlanInfo, RowsInfo};
use crate::time::Duration;

/// A query's plan as a tree, from the output down to the inputs, one clause a line. A join has what was there before it as its first branch, and
/// what it adds as its second.
///
/// Two plans print alike exactly if they compute the same in the same way, however their source is formatted,
/// so the text is worth keeping in a snapshot test of the service.
#[derive(Clone, Debug)]
pub struct Explain {
    info: PlanInfo,
}

impl Explain {
    #[doc(hidden)]
    pub const fn new(info: PlanInfo) -> Self {
        Self { info }
    }

    /// The plan as data.
    pub const fn info(&self) -> &PlanInfo {
        &self.info
    }
}

impl fmt::Display for Explain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = &self.info;
        writeln!(f, "{}", info.query)?;
        let output = Node::new(format!("output {}", info.mode.name()));
        output.above([result(info)]).write(f, "", true)
    }
}

/// A clause, and below it what it works on.
struct Node {
    text: String,
    /// What there is to know about it, a line each.
    details: Vec<String>,
    children: Vec<Self>,
}

impl Node {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), details: Vec::new(), children: Vec::new() }
    }

    fn with(self, details: Vec<String>) -> Self {
        Self { details, ..self }
    }

    fn above(self, children: impl Into<Vec<Self>>) -> Self {
        Self { children: children.into(), ..self }
    }

    /// Writes the node behind `indent`, its children further in. `is_last`: whether no sibling comes after it.
    fn write(&self, f: &mut fmt::Formatter<'_>, indent: &str, is_last: bool) -> fmt::Result {
        let (branch, below) = if is_last { ("└─", "   ") } else { ("├─", "│  ") };
        writeln!(f, "{indent}{branch} {}", self.text)?;
        let indent = format!("{indent}{below}");
        for detail in &self.details {
            writeln!(f, "{indent}·  {detail}")?;
        }
        for (number, child) in self.children.iter().enumerate() {
            child.write(f, &indent, number + 1 == self.children.len())?;
        }
        Ok(())
    }
}

/// A query from its result down to its inputs, without its output mode.
fn result(info: &PlanInfo) -> Node {
    let mut node = rows(info, info.from);
    let mut operators = info.operators.iter().peekable();
    for (number, clause) in info.clauses.iter().enumerate() {
        let operator = operators.next_if(|operator| operator.clause == *clause);
        let join = info.joins.iter().find(|join| join.clause == number);
        let details = operator.map_or_else(Vec::new, |operator| details(operator, join, info.mode));
        let right = join.map(|join| rows(info, join.rows));
        let children: Vec<_> = std::iter::once(node).chain(right).collect();
        node = Node::new(*clause).with(details).above(children);
    }
    for operator in operators.filter(|operator| !operator.is_limit()) {
        node = Node::new(operator.clause).with(details(operator, None, info.mode)).above([node]);
    }
    // A processor makes the result rows by itself.
    if !info.select.is_empty() {
        node = Node::new(format!("select {}", info.select)).above([node]);
    }
    if let Some(having) = info.having {
        node = Node::new(format!("having {having}")).above([node]);
    }
    if let Some(keys) = info.order_by {
        node = Node::new(format!("order by {keys}")).above([node]);
    }
    if let Some(limit) = info.limit {
        let counts = info.operators.iter().any(OperatorInfo::is_limit);
        let details = counts.then(|| "state is the number of rows put out".to_owned());
        node = Node::new(format!("limit {limit}")).with(details.into_iter().collect()).above([node]);
    }
    node
}

/// What `from` or a join reads.
fn rows(info: &PlanInfo, rows: RowsInfo) -> Node {
    match rows {
        RowsInfo::Inputs(numbers) => {
            let inputs: Vec<_> = numbers.iter().filter_map(|number| info.inputs.get(*number)).collect();
            let from = |input: &&InputInfo| Node::new(format!("from {}: {}", input.name, input.row));
            match inputs.as_slice() {
                [input] => from(input).with(input_details(input)),
                inputs => {
                    // The inputs of a union have their watermark and their columns in common.
                    let details = inputs.first().map_or_else(Vec::new, |input| input_details(input));
                    Node::new("union").with(details).above(inputs.iter().map(from).collect::<Vec<_>>())
                }
            }
        }
        RowsInfo::Static(number) => {
            let (name, row) = info.statics.get(number).copied().unwrap_or_default();
            Node::new(format!("static {name}: {row}"))
        }
        RowsInfo::Query(number) => match info.queries.get(number) {
            Some(query) => Node::new(format!("from query {}", query.plan.query))
                .with(vec![reads(query.columns)])
                .above([result(query.plan)]),
            None => Node::new("from query"),
        },
    }
}

fn input_details(input: &InputInfo) -> Vec<String> {
    let watermark = match input.watermark {
        Some(watermark) => format!("watermark {} behind {}", watermark.delay, watermark.column),
        None => "no watermark".to_owned(),
    };
    let late = input.late.map(|late| format!("late rows into {late}"));
    [watermark].into_iter().chain(late).chain([reads(input.columns)]).collect()
}

fn reads(columns: Option<&[&str]>) -> String {
    match columns {
        Some([]) => "reads no column".to_owned(),
        Some(columns) => format!("reads {}", columns.join(", ")),
        None => "reads every column".to_owned(),
    }
}

fn details(operator: &OperatorInfo, join: Option<&JoinInfo>, mode: Mode) -> Vec<String> {
    let mut details = Vec::new();
    if let Some((width, slide, start)) = operator.window {
        let overlap = if slide == width { String::new() } else { format!(", one each {slide}") };
        let offset = if start == Duration::ZERO { String::new() } else { format!(", moved by {start}") };
        details.push(format!("windows of {width}{overlap}{offset}"));
    }
    if !operator.aggregates.is_empty() {
        details.push(format!("aggregates {}", operator.aggregates.join(", ")));
    }
    details.push(match join {
        Some(join) => state_of_join(operator, join),
        None => state(operator, mode),
    });
    details
}

/// How much state the operator keeps.
fn state(operator: &OperatorInfo, mode: Mode) -> String {
    let (what, does) = match operator.name {
        "dedupe" | "dedupeWithinWatermark" => ("key", "drops"),
        "sessionWindowStateStoreSaveExec" => ("session", "closes"),
        _ => ("group", "closes"),
    };
    match mode {
        // A query without keys.
        _ if operator.clause == "group by ()" => "state is one group".to_owned(),
        _ if operator.name == "transformWithStateExec" => {
            "state is what the processor keeps of each key".to_owned()
        }
        Mode::Complete if what != "key" => {
            format!("state keeps every {what}, as the whole result is put out each time")
        }
        _ if operator.event_time_key => format!("state is bounded: the watermark {does} {what}s"),
        _ => format!("state is unbounded: no watermark {does} {what}s"),
    }
}

/// How long a join keeps the rows of its sides.
fn state_of_join(operator: &OperatorInfo, join: &JoinInfo) -> String {
    match (operator.within, join.times) {
        (Some((from, to)), Some((time, base))) => {
            // A row waits for the last partner that its range admits; one whose partners all come first waits for none.
            let kept = |end: Bound<Duration>| match end {
                Bound::Included(span) | Bound::Excluded(span) => format!("for {}", span.max(Duration::ZERO)),
                Bound::Unbounded => "for ever".to_owned(),
            };
            format!(
                "keeps {base} {}, {time} {} behind the watermark",
                kept(to),
                kept(from.map(std::ops::Neg::neg))
            )
        }
        _ if operator.event_time_key => {
            "keeps rows of both sides until the watermark has passed them".to_owned()
        }
        _ => "state is unbounded: no watermark drops rows".to_owned(),
    }
}

#[cfg(test)]
mod tests;
