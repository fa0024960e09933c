//! Every text of `stream_query!` that a user can see, by the kind of mistake.
//!
//! The rule comes first, in one sentence, then `help:` with the clause to write. Lower case, no full stop.

mod bounds;
mod clauses;
mod dedup;
mod grouping;
mod join;
mod order;
mod process;
mod source;
mod syntax;
mod window;

use std::fmt::Display;

pub(crate) use bounds::*;
pub(crate) use clauses::*;
pub(crate) use dedup::*;
pub(crate) use grouping::*;
pub(crate) use join::*;
pub(crate) use order::*;
pub(crate) use process::*;
pub(crate) use source::*;
pub(crate) use syntax::*;
pub(crate) use window::*;

fn with_help(rule: impl Display, help: impl Display) -> String {
    format!("{rule}\nhelp: {help}")
}

/// `a`, `b` or `c`.
fn alternatives<T: Display>(words: &[T]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// The known word that was probably meant: at most a third of its letters differ.
fn similar<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| {
            let letters = candidate.chars().count();
            *distance <= letters.max(3) / 3 && *distance < letters
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.chars().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_few_wrong_letters_is_recognised() {
        assert_eq!(similar("click", ["clicks", "orders"]), Some("clicks"));
        assert_eq!(similar("apend", ["append", "update", "complete"]), Some("append"));
        assert_eq!(similar("banana", ["append", "update", "complete"]), None);
        assert_eq!(similar("r", ["x", "y"]), None, "nothing of it is the same");
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
