use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;
use crate::expr::{Aggregate, Any, CollectList, CountIf, CountRows, CountValues, Custom, Every, First, Last};

/// The longest text so far, and how many rows came before it.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Longest {
    rows: u64,
    text: String,
    at: u64,
}

impl Aggregate for Longest {
    type Input<'a> = (&'a str, bool);
    type Output = (String, u64);

    fn update(&mut self, (text, counts): (&str, bool)) {
        if counts && text.len() > self.text.len() {
            text.clone_into(&mut self.text);
            self.at = self.rows;
        }
        self.rows += 1;
    }
    fn merge(&mut self, other: Self) {
        if other.text.len() > self.text.len() {
            self.text = other.text;
            self.at = self.rows + other.at;
        }
        self.rows += other.rows;
    }
    fn finish(&self) -> (String, u64) {
        (self.text.clone(), self.at)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn counts_count_what_they_say(rows in rows(any::<bool>()), cuts in cuts()) {
        let all = rows.len() as u64;
        let found = every_way(&rows, cuts, |acc: &mut CountRows, _| acc.update(), CountRows::finish);
        prop_assert_eq!(found, [Ok(all), Ok(all), Ok(all)]);

        let values = known(&rows).len() as u64;
        let found = every_way(&rows, cuts, |acc: &mut CountValues, row| acc.update(row), CountValues::finish);
        prop_assert_eq!(found, [Ok(values), Ok(values), Ok(values)]);

        let hold = known(&rows).iter().filter(|holds| **holds).count() as u64;
        let found = every_way(&rows, cuts, |acc: &mut CountIf, row| acc.update(row), CountIf::finish);
        prop_assert_eq!(found, [Ok(hold), Ok(hold), Ok(hold)]);
    }

    #[test]
    fn quantifiers_skip_nulls(rows in rows(any::<bool>()), cuts in cuts()) {
        let values = known(&rows);
        let any = (!values.is_empty()).then(|| values.contains(&true));
        let found = every_way(&rows, cuts, |acc: &mut Any<_>, row| acc.update(row), Any::finish);
        prop_assert_eq!(found, [Ok(any), Ok(any), Ok(any)]);

        let every = (!values.is_empty()).then(|| !values.contains(&false));
        let found = every_way(&rows, cuts, |acc: &mut Every<_>, row| acc.update(row), Every::finish);
        prop_assert_eq!(found, [Ok(every), Ok(every), Ok(every)]);

        let found = every_way(&values, cuts, |acc: &mut Every<_>, row| acc.update(row), Every::finish);
        let plain = every.ok_or("empty".to_owned());
        prop_assert_eq!(found, [plain.clone(), plain.clone(), plain]);
    }

    #[test]
    fn first_and_last_follow_the_input_and_keep_nulls(rows in rows(texts()), cuts in cuts()) {
        let first = rows.first().cloned().flatten();
        let found = every_way(&rows, cuts, |acc: &mut First<_>, row| acc.update(&row.as_deref()), First::finish);
        prop_assert_eq!(found, [(); 3].map(|()| Ok(first.clone())));

        let last = rows.last().cloned().flatten();
        let found = every_way(&rows, cuts, |acc: &mut Last<_>, row| acc.update(row), Last::finish);
        prop_assert_eq!(found, [(); 3].map(|()| Ok(last.clone())));

        let lengths: Vec<_> = known(&rows).iter().map(String::len).collect();
        let found = every_way(&lengths, cuts, |acc: &mut Last<_>, row| acc.update(row), Last::finish);
        let last = lengths.last().copied().ok_or("empty".to_owned());
        prop_assert_eq!(found, [last.clone(), last.clone(), last]);
    }

    #[test]
    fn lists_are_in_input_order_without_nulls(rows in rows(texts()), cuts in cuts()) {
        let values = known(&rows);
        let found = every_way(&rows, cuts, |acc: &mut CollectList<_>, row| acc.update(row), CollectList::finish);
        prop_assert_eq!(found, [(); 3].map(|()| Ok(values.clone())));
    }

    #[test]
    fn an_aggregate_of_the_services_own_keeps_the_same_laws(rows in rows(texts()), cuts in cuts()) {
        let mut expected = (String::new(), 0);
        for (at, row) in rows.iter().enumerate() {
            if let Some(text) = row && text.len() > expected.0.len() {
                expected = (text.clone(), at as u64);
            }
        }
        let found = every_way(
            &rows,
            cuts,
            |acc: &mut Custom<Longest>, row| acc.update((row.as_deref().unwrap_or(""), row.is_some())),
            Custom::finish,
        );
        prop_assert_eq!(found, [(); 3].map(|()| Ok(expected.clone())));
    }
}
