//! The rules of `group by session(…)`.

use super::rules::{FROM, errors};

#[test]
fn sessions_are_those_of_a_key_and_have_a_gap() {
    let session = |keys: &str| {
        errors(&format!("{} group by {keys}; select Out {{ x: count() }}; output append;", FROM[1]))
    };
    for allowed in [
        "session(r.at, minutes(5)), r.x",
        "session(r.at, GAP) as s, r.x",
        "r.x, session(r.at, r.gap)",
        "session(r.at, if r.x > 3 { minutes(1) } else { r.gap }), r.x",
    ] {
        assert_eq!(session(allowed), [""; 0], "{allowed}");
    }
    let no_key = "a session is that of a key, and there is none beside this `session(…)`";
    let second = "a query groups by one `window(…)` or `session(…)`";
    let arguments = "a session has an event time and a gap, after which the next row begins a new one";
    for (refused, rule) in [
        ("session(r.at, minutes(5))", no_key),
        ("session(r.at, minutes(0)), r.x", "a session's gap must be greater than zero"),
        ("session(r.at, seconds(-1)), r.x", "a session's gap must be greater than zero"),
        ("session(r.at, minutes(5)), window(r.at, minutes(5)), r.x", second),
        ("session(r.at, minutes(5)), session(r.other, minutes(5)), r.x", second),
        (
            "session(r.at, sum(r.x)), r.x",
            "`sum` aggregates the rows of a group, and in `group by` there are no groups yet",
        ),
        ("session(r.at), r.x", arguments),
        ("session(r.at, gap = minutes(5)), r.x", arguments),
        ("session(), r.x", arguments),
        ("f(session(r.at, minutes(5))), r.x", "`session(…)` is a key of `group by`"),
    ] {
        let errors = session(refused);
        assert!(errors.iter().any(|error| error == rule), "{refused}: {errors:?}");
    }
}

#[test]
fn a_variable_called_like_a_window_leaves_the_rules_in_force() {
    let errors = errors(
        "from r in rows; let session = r.session; where session > 3; group by session unbounded;
         select Out { x: count() }; output append;",
    );
    assert_eq!(errors.len(), 1, "{errors:?}");
}

#[test]
fn a_key_called_like_the_session_or_window_beside_it_wants_another_name_for_one_of_them() {
    let errors = |keys: &str| {
        let session = "let session = r.x; where session > 3";
        errors(&format!(
            "{} {session}; group by {keys}; select Out {{ x: count() }}; output append;",
            FROM[1]
        ))
    };
    let taken = |function: &str| {
        [format!("a key is called `{function}`, and so is `{function}(…)` unless it is given another name")]
    };
    assert_eq!(errors("session(r.at, minutes(5)), session"), taken("session"));
    assert_eq!(errors("session, session(r.at, minutes(5))"), taken("session"));
    assert_eq!(errors("window(r.at, minutes(5)), r.y as window"), taken("window"));
    for allowed in [
        "session(r.at, minutes(5)) as s, session",
        "session(r.at, minutes(5)), session as x",
        "window(r.at, minutes(5)), session",
        "window(r.at, minutes(5)), r.window",
    ] {
        assert_eq!(errors(allowed), [""; 0], "{allowed}");
    }
}
