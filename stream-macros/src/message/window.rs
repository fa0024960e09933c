//! Watermarks, windows, sessions, and their spans of time.

use syn::Expr;

use super::{similar, with_help};
use crate::query::ast::{From, Session};
use crate::query::text::text;

pub(crate) const NEGATIVE_DELAY: &str =
    "a watermark's delay can't be negative\nhelp: `seconds(0)` is a watermark that waits for no late row";

pub(crate) const WIDTH_NOT_POSITIVE: &str = "a window's width must be greater than zero";

pub(crate) const SLIDE_NOT_POSITIVE: &str =
    "a window's slide must be greater than zero\nhelp: leave `slide` out for windows that don't overlap";

/// What assertions on constants say, which can't name the values.
pub(crate) const SLIDE_EXCEEDS_WIDTH: &str =
    "a window's slide can't be greater than its width: rows between two windows would be lost";

pub(crate) const START_EXCEEDS_SLIDE: &str =
    "a window's start must be less than its slide, or its width if it has none";

pub(crate) fn slide_exceeds_width(slide: &Expr, width: &Expr) -> String {
    with_help(
        SLIDE_EXCEEDS_WIDTH,
        format!(
            "a slide of `{}` needs a width of at least that, and this one is `{}`",
            text(slide),
            text(width)
        ),
    )
}

pub(crate) fn start_exceeds_slide(start: &Expr, slide: &Expr) -> String {
    format!(
        "a window's start moves it by less than its slide, and `{}` isn't less than `{}`",
        text(start),
        text(slide)
    )
}

pub(crate) const SECOND_INTERVAL: &str = "a query groups by one `window(…)` or `session(…)`\nhelp: group the result of this query by the other in a second query";

pub(crate) fn interval_outside_group_by(function: &str) -> String {
    let name = if function == "window" { "w" } else { "s" };
    with_help(
        format!("`{function}(…)` is a key of `group by`"),
        format!(
            "write `group by {function}(…) as {name}, …;` and use `{name}` after it; a function of your own is called `self::{function}(…)`"
        ),
    )
}

pub(crate) fn window_arguments(given: usize) -> String {
    let rule = match given {
        0 => "a window needs an event time and a width",
        1 => "a window needs a width beside its event time",
        _ => "a window has an event time, a width, and the options `slide` and `start` by name",
    };
    with_help(rule, "write `window(row.timestamp, minutes(10), slide = minutes(5), start = minutes(1))`")
}

pub(crate) fn window_option(option: &Expr) -> String {
    let rule = format!("a window has no option `{}`", text(option));
    match similar(&text(option), ["slide", "start"]) {
        Some(meant) => format!("{rule}; did you mean `{meant}`?"),
        None => with_help(rule, "there are `slide = …` and `start = …`"),
    }
}

pub(crate) fn window_option_twice(option: &Expr) -> String {
    format!("the option `{}` is given twice", text(option))
}

pub(crate) fn not_constant(what: &str) -> String {
    with_help(
        format!("the {what} is the same for every row and can't depend on one"),
        format!("write a constant such as `{}`", if what == "limit" { "10" } else { "minutes(5)" }),
    )
}

pub(crate) const GAP_NOT_POSITIVE: &str = "a session's gap must be greater than zero";

pub(crate) fn session_arguments() -> String {
    with_help(
        "a session has an event time and a gap, after which the next row begins a new one",
        "write `session(row.timestamp, minutes(30))`",
    )
}

pub(crate) fn session_without_key(session: &Session, from: Option<&From>) -> String {
    let alias = from.map_or_else(|| "row".to_owned(), |from| from.alias.to_string());
    with_help(
        "a session is that of a key, and there is none beside this `session(…)`",
        format!("write, for instance, `group by {}, {alias}.user_id;`", text(&session.call)),
    )
}
