//! [`Explain`]: a plan for people to read.

use std::fmt::{self, Write as _};

use super::{InputInfo, Mode, OperatorInfo, PlanInfo};

/// A query's plan as an indented tree, from the output down to the input, one clause a line.
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
        let mut tree = Tree { f, depth: 0 };
        tree.node(&format!("output {}", info.mode.name()))?;
        if let Some(having) = info.having {
            tree.node(&format!("having {having}"))?;
        }
        // A processor makes the result rows by itself.
        if !info.select.is_empty() {
            tree.node(&format!("select {}", info.select))?;
        }
        let operator = |clause: &str| info.operators.iter().find(|operator| operator.clause == clause);
        for operator in info.operators.iter().rev().filter(|of| !info.clauses.contains(&of.clause)) {
            tree.node(operator.clause)?;
            tree.operator(operator, info.mode)?;
        }
        for clause in info.clauses.iter().rev() {
            tree.node(clause)?;
            if let Some(operator) = operator(clause) {
                tree.operator(operator, info.mode)?;
            }
        }
        for input in info.inputs {
            tree.input(input)?;
        }
        Ok(())
    }
}

struct Tree<'a, 'f> {
    f: &'a mut fmt::Formatter<'f>,
    depth: usize,
}

impl Tree<'_, '_> {
    /// A line one level below the last.
    fn node(&mut self, text: &str) -> fmt::Result {
        writeln!(self.f, "{:indent$}└─ {text}", "", indent = self.depth * 3)?;
        self.depth += 1;
        Ok(())
    }

    /// A line about the last node.
    fn detail(&mut self, text: &str) -> fmt::Result {
        writeln!(self.f, "{:indent$}·  {text}", "", indent = self.depth * 3)
    }

    fn operator(&mut self, operator: &OperatorInfo, mode: Mode) -> fmt::Result {
        if let Some((width, slide, start)) = operator.window {
            let mut text = format!("windows of {width}");
            if slide != width {
                write!(text, ", one each {slide}")?;
            }
            if start.as_micros() != 0 {
                write!(text, ", moved by {start}")?;
            }
            self.detail(&text)?;
        }
        if !operator.aggregates.is_empty() {
            self.detail(&format!("aggregates {}", operator.aggregates.join(", ")))?;
        }
        self.detail(&state(operator, mode))
    }

    fn input(&mut self, input: &InputInfo) -> fmt::Result {
        self.node(&format!("from {}: {}", input.name, input.row))?;
        match input.watermark {
            Some(watermark) => {
                self.detail(&format!("watermark {} behind {}", watermark.delay, watermark.column))?;
            }
            None => self.detail("no watermark")?,
        }
        match input.columns {
            Some([]) => self.detail("reads no column"),
            Some(columns) => self.detail(&format!("reads {}", columns.join(", "))),
            None => self.detail("reads every column"),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::WatermarkInfo;
    use crate::time::{Duration, minutes};

    const PLAN: PlanInfo = PlanInfo {
        query: "PageStats",
        inputs: &[InputInfo {
            name: "clicks",
            row: "Click",
            watermark: Some(WatermarkInfo { column: "timestamp", delay: minutes(2) }),
            columns: Some(&["timestamp", "page"]),
        }],
        clauses: &["where action == \"view\"", "let upper = page.to_uppercase()"],
        operators: &[OperatorInfo {
            name: "stateStoreSave",
            clause: "group by window(timestamp, WIDTH, slide = minutes(1)), page.to_uppercase()",
            window: Some((minutes(5), minutes(1), Duration::ZERO)),
            aggregates: &["count()"],
            event_time_key: true,
        }],
        select: "PageStat { window: w, page: upper, views: count() }",
        having: Some("views > 10"),
        mode: Mode::Append,
    };

    #[test]
    fn the_plan_reads_from_the_output_down_to_the_input() {
        let expected = "\
PageStats
└─ output append
   └─ having views > 10
      └─ select PageStat { window: w, page: upper, views: count() }
         └─ group by window(timestamp, WIDTH, slide = minutes(1)), page.to_uppercase()
            ·  windows of 5 min, one each 1 min
            ·  aggregates count()
            ·  state is bounded: the watermark closes groups
            └─ let upper = page.to_uppercase()
               └─ where action == \"view\"
                  └─ from clicks: Click
                     ·  watermark 2 min behind timestamp
                     ·  reads timestamp, page
";
        assert_eq!(Explain::new(PLAN).to_string(), expected);
    }

    #[test]
    fn a_plan_that_keeps_everything_says_so() {
        const GLOBAL: &[OperatorInfo] = &[OperatorInfo {
            clause: "group by ()",
            event_time_key: false,
            window: None,
            ..PLAN.operators[0]
        }];
        const UNBOUNDED: &[OperatorInfo] =
            &[OperatorInfo { event_time_key: false, window: None, ..PLAN.operators[0] }];
        let text = Explain::new(PlanInfo { operators: UNBOUNDED, mode: Mode::Update, ..PLAN }).to_string();
        assert!(text.contains("state is unbounded"), "{text}");
        let text = Explain::new(PlanInfo { mode: Mode::Complete, ..PLAN }).to_string();
        assert!(text.contains("state keeps every group"), "{text}");
        let text = Explain::new(PlanInfo { operators: GLOBAL, mode: Mode::Update, ..PLAN }).to_string();
        assert!(text.contains("state is one group"), "{text}");
    }

    #[test]
    fn each_operator_stands_where_a_row_reaches_it_and_says_what_it_keeps() {
        const OPERATORS: &[OperatorInfo] = &[
            OperatorInfo {
                name: "dedupe",
                clause: "dedup by id unbounded",
                window: None,
                aggregates: &[],
                event_time_key: false,
            },
            OperatorInfo {
                name: "sessionWindowStateStoreSaveExec",
                clause: "group by session(timestamp, minutes(30)), page",
                window: None,
                aggregates: &["count()"],
                event_time_key: true,
            },
        ];
        let plan = PlanInfo {
            clauses: &[
                "where action == \"view\"",
                "dedup by id unbounded",
                "let upper = page.to_uppercase()",
            ],
            operators: OPERATORS,
            having: None,
            ..PLAN
        };
        let expected = "\
PageStats
└─ output append
   └─ select PageStat { window: w, page: upper, views: count() }
      └─ group by session(timestamp, minutes(30)), page
         ·  aggregates count()
         ·  state is bounded: the watermark closes sessions
         └─ let upper = page.to_uppercase()
            └─ dedup by id unbounded
               ·  state is unbounded: no watermark drops keys
               └─ where action == \"view\"
                  └─ from clicks: Click
                     ·  watermark 2 min behind timestamp
                     ·  reads timestamp, page
";
        assert_eq!(Explain::new(plan.clone()).to_string(), expected);
        let text = Explain::new(PlanInfo { mode: Mode::Complete, ..plan }).to_string();
        assert!(text.contains("state keeps every session"), "{text}");
        assert!(text.contains("state is unbounded: no watermark drops keys"), "{text}");
    }
}
