//! Comparing fingerprints: may a query go on with the state that another run has left?
//!
//! What decides the shape or the meaning of state has to be the same; the rest is reported, because a changed delay or
//! filter is allowed and still changes what comes out.

use std::fmt::Write;

use super::{Fingerprint, OperatorFingerprint};

impl Fingerprint {
    /// Compares the fingerprint of a checkpoint with that of the query which is to go on with it.
    ///
    /// Gives the changes that state survives, one line each, for the log.
    ///
    /// # Errors
    ///
    /// The differences that it doesn't survive, one line each: what the checkpoint has, and what the query has.
    pub fn check(&self, now: &Self) -> Result<Vec<String>, String> {
        let mut differences = Vec::new();
        if self.mode != now.mode {
            differences
                .push(format!("written with `output {}`; this query has `output {}`", self.mode, now.mode));
        }
        if self.inputs != now.inputs {
            differences.push(format!(
                "written from the inputs {}; this query has {}",
                listed(&self.inputs),
                listed(&now.inputs)
            ));
        }
        if self.operators.len() == now.operators.len() {
            for (index, (then, now)) in self.operators.iter().zip(&now.operators).enumerate() {
                differences.extend(then.difference(now, index));
            }
        } else {
            differences.push(format!(
                "written with {}; this query has {}",
                operators(&self.operators),
                operators(&now.operators)
            ));
        }
        if differences.is_empty() { Ok(self.compatible_changes(now)) } else { Err(differences.join("\n")) }
    }

    fn compatible_changes(&self, now: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        for (what, then) in &self.changeable {
            match now.changeable.get(what) {
                Some(now) if now == then => {}
                Some(now) => changes.push(format!("{what} was `{then}` and is `{now}` now")),
                None => changes.push(format!("{what} was `{then}` and is gone now")),
            }
        }
        let added = now.changeable.iter().filter(|(what, _)| !self.changeable.contains_key(*what));
        changes.extend(added.map(|(what, now)| format!("{what} is new: `{now}`")));
        changes
    }
}

impl OperatorFingerprint {
    /// What of this operator differs, as one line; `None` if nothing does.
    fn difference(&self, now: &Self, index: usize) -> Option<String> {
        let changed = |(column, then): (&String, &String)| {
            let now = now.reads.get(column).filter(|now| *now != then)?;
            Some((format!("{column}: {then}"), format!("{column}: {now}")))
        };
        let (read_then, read_now): (Vec<_>, Vec<_>) = self.reads.iter().filter_map(changed).unzip();
        if read_then.is_empty() && *self == (Self { reads: self.reads.clone(), ..now.clone() }) {
            return None;
        }
        let mut text = format!("operator {index}: written by `{}`", self.clause);
        if self.clause == now.clause {
            text.push_str(", which this query has too");
        } else {
            let _ = write!(text, "; this query has `{}`", now.clause);
        }
        let mut contrast = |what: &str, then: &str, now: &str| {
            if then != now {
                let _ = write!(text, "; {what} {then} then and {now} now");
            }
        };
        contrast("operator:", &quoted(&self.name), &quoted(&now.name));
        contrast("time:", &quoted(&self.durations), &quoted(&now.durations));
        contrast("aggregates:", &listed(&self.aggregates), &listed(&now.aggregates));
        contrast("key and state:", &quoted(&self.types), &quoted(&now.types));
        contrast("reads", &listed(&read_then), &listed(&read_now));
        Some(text)
    }
}

fn quoted(text: &str) -> String {
    if text.is_empty() { "none".to_owned() } else { format!("`{text}`") }
}

fn listed(items: &[String]) -> String {
    if items.is_empty() {
        return "none".to_owned();
    }
    items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", ")
}

fn operators(operators: &[OperatorFingerprint]) -> String {
    let clauses: Vec<String> = operators.iter().map(|operator| format!("`{}`", operator.clause)).collect();
    match clauses.as_slice() {
        [] => "no operator that keeps state".to_owned(),
        [one] => format!("one operator that keeps state ({one})"),
        several => format!("{} operators that keep state ({})", several.len(), several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> Fingerprint {
        Fingerprint {
            mode: "append".into(),
            inputs: vec!["clicks: Click".into()],
            operators: vec![OperatorFingerprint {
                name: "stateStoreSave".into(),
                clause: "group by window(timestamp, minutes(10)), page".into(),
                durations: "width 10 min, slide 10 min, start 0 s".into(),
                aggregates: vec!["count()".into()],
                types: "(String,) -> (Count,)".into(),
                reads: [("clean.page".into(), "page.to_lowercase()".into())].into(),
            }],
            changeable: [("watermark of clicks", "2 min"), ("where", "action == \"view\"")]
                .map(|(what, text)| (what.to_owned(), text.to_owned()))
                .into(),
        }
    }

    #[test]
    fn the_same_query_goes_on() {
        assert_eq!(stored().check(&stored()), Ok(vec![]));
    }

    #[test]
    fn another_window_is_refused_with_both_clauses() {
        let mut now = stored();
        now.operators[0].clause = "group by window(timestamp, minutes(5)), page".into();
        now.operators[0].durations = "width 5 min, slide 5 min, start 0 s".into();
        assert_eq!(
            stored().check(&now).unwrap_err(),
            "operator 0: written by `group by window(timestamp, minutes(10)), page`; this query has `group by window(timestamp, minutes(5)), page`; \
             time: `width 10 min, slide 10 min, start 0 s` then and `width 5 min, slide 5 min, start 0 s` now"
        );
    }

    #[test]
    fn a_constant_with_another_value_is_refused_though_the_clause_reads_the_same() {
        let mut now = stored();
        now.operators[0].durations = "width 5 min, slide 5 min, start 0 s".into();
        let difference = stored().check(&now).unwrap_err();
        assert!(difference.contains("which this query has too; time: `width 10 min"), "{difference}");
    }

    #[test]
    fn each_difference_is_refused_and_all_are_told() {
        type Change = fn(&mut Fingerprint);
        let changes: [(Change, &str); 8] = [
            (
                |now| now.mode = "update".into(),
                "written with `output append`; this query has `output update`",
            ),
            (
                |now| now.inputs.push("ads: Ad".into()),
                "`clicks: Click`; this query has `clicks: Click`, `ads: Ad`",
            ),
            (
                |now| now.operators[0].name = "dedupe".into(),
                "operator: `stateStoreSave` then and `dedupe` now",
            ),
            (
                |now| now.operators[0].aggregates.push("sum(amount)".into()),
                "aggregates: `count()` then and `count()`, `sum(amount)` now",
            ),
            (|now| now.operators[0].aggregates.clear(), "aggregates: `count()` then and none now"),
            (
                |now| now.operators[0].types = "(u64,)".into(),
                "key and state: `(String,) -> (Count,)` then and `(u64,)` now",
            ),
            (
                |now| now.operators[0].reads = [("clean.page".into(), "page".into())].into(),
                "reads `clean.page: page.to_lowercase()` then and `clean.page: page` now",
            ),
            (|now| now.operators.clear(), "this query has no operator that keeps state"),
        ];
        let mut all = stored();
        for (change, text) in &changes[..4] {
            let mut now = stored();
            change(&mut now);
            let difference = stored().check(&now).unwrap_err();
            assert!(difference.contains(text), "{difference}");
            change(&mut all);
        }
        for (change, text) in &changes[4..] {
            let mut now = stored();
            change(&mut now);
            let difference = stored().check(&now).unwrap_err();
            assert!(difference.contains(text), "{difference}");
        }
        assert_eq!(stored().check(&all).unwrap_err().lines().count(), 3);
    }

    #[test]
    fn other_columns_of_another_query_may_be_read() {
        let mut now = stored();
        now.operators[0].reads.insert("clean.user".into(), "user".into());
        assert_eq!(stored().check(&now), Ok(vec![]));
        assert_eq!(now.check(&stored()), Ok(vec![]));
    }

    #[test]
    fn changes_that_state_survives_are_reported() {
        let mut now = stored();
        now.changeable.remove("where");
        now.changeable.insert("watermark of clicks".into(), "5 min".into());
        now.changeable.insert("having".into(), "views > 1".into());
        assert_eq!(
            stored().check(&now).unwrap(),
            [
                "watermark of clicks was `2 min` and is `5 min` now",
                "where was `action == \"view\"` and is gone now",
                "having is new: `views > 1`"
            ]
        );
    }
}
