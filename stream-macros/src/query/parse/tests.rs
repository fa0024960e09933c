//! What the parser makes of whole and of broken clauses.

use quote::{ToTokens, quote};

use super::*;
use crate::query::ast::{GroupBy, Retention, Source};
use crate::query::text::text;

fn parse(tokens: TokenStream) -> (Query, Vec<String>) {
    let mut report = Report::default();
    let query = parse_query(tokens, &mut report).expect("the head is whole");
    (query, report.texts())
}

/// The clauses of a body, each as its kind or `broken`.
fn kinds(body: &TokenStream) -> (Vec<String>, Vec<String>) {
    let (query, errors) = parse(quote!(query Q(rows: Row) -> Out { #body }));
    let kind = |clause: &Clause| match clause {
        Clause::Broken(_) => "broken".to_owned(),
        other => other.kind().map_or_else(String::new, |kind| kind.name().to_owned()),
    };
    (query.clauses.iter().map(kind).collect(), errors)
}

#[test]
fn the_head_gives_names_docs_and_inputs() {
    let (query, errors) = parse(quote! {
        /// Docs.
        pub(crate) query Stats(clicks: model::Click, users: User) -> Stat { }
    });
    assert!(errors.is_empty());
    assert_eq!(query.name, "Stats");
    assert_eq!(query.attrs.len(), 1);
    assert_eq!(text(&query.vis), "pub(crate)");
    assert_eq!(text(&query.output), "Stat");
    let inputs: Vec<_> =
        query.inputs.iter().map(|input| (input.name.to_string(), text(&input.row))).collect();
    assert_eq!(inputs, [("clicks".into(), "model::Click".into()), ("users".into(), "User".into())]);
}

#[test]
fn a_broken_clause_leaves_the_others() {
    let (kinds, errors) = kinds(&quote! {
        from r in rows;
        where r.;
        let x = r.x;
        group bx r.y;
        select Out { x };
        output append;
    });
    assert_eq!(kinds, ["from", "broken", "let", "broken", "select", "output"]);
    assert_eq!(errors.len(), 2, "{errors:?}");
}

#[test]
fn a_clause_without_its_semicolon_leaves_the_next_one() {
    let (kinds, errors) = kinds(&quote!(from r in rows where r.ok; output append));
    assert_eq!(kinds, ["from", "where", "output"]);
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].contains("before this `where`"), "{errors:?}");
}

#[test]
fn empty_clauses_are_no_mistake() {
    assert_eq!(
        kinds(&quote!(;; from r in rows;; output append;)),
        (vec!["from".into(), "output".into()], vec![])
    );
}

fn keys(tokens: &TokenStream) -> GroupBy {
    let (query, errors) = parse(quote!(query Q(rows: Row) -> Out { group by #tokens; }));
    assert_eq!(errors, Vec::<String>::new());
    match query.clauses.into_iter().next() {
        Some(Clause::GroupBy(clause)) => clause,
        _ => panic!("not a group by"),
    }
}

#[test]
fn a_key_is_named_by_what_is_no_primitive_type() {
    let clause = keys(&quote!(r.page as page, r.size as i64, r.size as i64 as bucket, (r.x as u8)));
    let named: Vec<_> =
        clause.keys.iter().map(|key| (text(&key.expr), key.name.as_ref().map(ToString::to_string))).collect();
    let expected = [
        ("r.page", Some("page")),
        ("r.size as i64", None),
        ("r.size as i64", Some("bucket")),
        ("(r.x as u8)", None),
    ];
    assert_eq!(named, expected.map(|(expr, name)| (expr.to_owned(), name.map(str::to_owned))));
}

#[test]
fn unbounded_may_follow_a_comma() {
    for tokens in [quote!(r.page unbounded), quote!(r.page, unbounded)] {
        let clause = keys(&tokens);
        assert!(clause.unbounded.is_some());
        assert_eq!(clause.keys.len(), 1);
    }
    // A column of that name is a key.
    assert!(keys(&quote!(r.unbounded)).unbounded.is_none());
}

#[test]
fn a_window_has_its_options_in_any_order() {
    let clause = keys(&quote!(window(r.at, W, start = S, slide = D) as w));
    let window = clause.keys[0].window().expect("a window");
    assert_eq!(text(&window.time), "r.at");
    assert_eq!(text(&window.width), "W");
    assert_eq!(window.slide.to_token_stream().to_string(), "D");
    assert_eq!(window.start.to_token_stream().to_string(), "S");
    assert_eq!(clause.keys[0].name.as_ref().map(ToString::to_string), Some("w".into()));
}

#[test]
fn a_window_of_a_path_is_a_function_of_the_service() {
    assert!(keys(&quote!(self::window(r.at, W))).keys[0].interval.is_none());
}

/// The keys of a `dedup by`, and how long they are remembered.
fn dedup(tokens: &TokenStream) -> (Vec<String>, &'static str) {
    let (query, errors) = parse(quote!(query Q(rows: Row) -> Out { dedup by #tokens; }));
    assert_eq!(errors, Vec::<String>::new());
    let Some(Clause::Dedup(clause)) = query.clauses.into_iter().next() else { panic!("not a dedup by") };
    let retention = match clause.retention {
        None => "",
        Some(Retention::WithinWatermark { .. }) => "within watermark",
        Some(Retention::Unbounded(_)) => "unbounded",
    };
    (clause.keys.iter().map(text).collect(), retention)
}

#[test]
fn what_follows_the_keys_of_dedup_may_follow_a_comma() {
    for end in [quote!(within watermark), quote!(unbounded), quote!()] {
        let expected = (vec!["r.id".to_owned(), "r.n as i64".to_owned()], text(&end));
        for tokens in [quote!(r.id, r.n as i64 #end), quote!(r.id, r.n as i64, #end)] {
            let (keys, retention) = dedup(&tokens);
            assert_eq!((keys, retention.to_owned()), expected);
        }
    }
    assert_eq!(dedup(&quote!(within, r.x)), (vec!["within".to_owned(), "r.x".to_owned()], ""));
}

#[test]
fn a_broken_dedup_says_how_to_write_it() {
    for (tokens, rule) in [
        (quote!(dedup r.id;), "`dedup` needs its `by`"),
        (quote!(dedup by;), "`dedup by` needs at least one key"),
        (quote!(dedup by unbounded;), "`dedup by` needs at least one key"),
        (quote!(dedup by r.id within;), "`within` needs its `watermark`"),
        (quote!(dedup by r.id within minutes(5);), "`within` needs its `watermark`"),
        (quote!(dedup by r.id withn watermark;), "`dedup by` has no part `withn`; did you mean `within`?"),
        (quote!(dedup by r.id forever;), "`dedup by` has no part `forever`"),
        (quote!(dedup by r.id. ;), "this `dedup by` isn't a Rust expression"),
        (quote!(distinct r.id;), "there is no clause `distinct`; did you mean `dedup by`?"),
        (quote!(dedupe by r.id;), "there is no clause `dedupe`; did you mean `dedup by`?"),
    ] {
        let (kinds, errors) = kinds(&quote!(from r in rows; #tokens output append;));
        assert_eq!(kinds, ["from", "broken", "output"], "{tokens}");
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].starts_with(rule), "{errors:?}");
    }
    let (kinds, errors) = kinds(&quote!(dedup by r.id output append;));
    assert_eq!(kinds, ["dedup by", "output"]);
    assert_eq!(errors.len(), 1, "{errors:?}");
}

#[test]
fn an_input_may_be_static() {
    let (query, errors) = parse(quote!(query Q(rows: Row, table: static m::Product) -> Out {}));
    assert_eq!(errors, Vec::<String>::new());
    let fixed: Vec<_> = query.inputs.iter().map(|input| (text(&input.row), input.fixed.is_some())).collect();
    assert_eq!(fixed, [("Row".into(), false), ("m::Product".into(), true)]);
}

/// The parts of a `from`: its source, and which others it has.
fn from(tokens: &TokenStream) -> (String, bool, Option<String>) {
    let (query, errors) = parse(quote!(query Q(rows: Row) -> Out { #tokens; }));
    assert_eq!(errors, Vec::<String>::new());
    let Some(Clause::From(clause)) = query.clauses.into_iter().next() else { panic!("not a from") };
    let source = match &clause.source {
        Source::Inputs(names) => names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + "),
        Source::Query(query) => format!("{} as {}", text(&query.path), query.name),
    };
    (source, clause.watermark.is_some(), clause.late.map(|late| late.name.to_string()))
}

#[test]
fn from_reads_an_input_a_union_or_another_query() {
    for (tokens, source, watermark, late) in [
        (quote!(from r in rows), "rows", false, None),
        (quote!(from r in a union b union c watermark(r.at, D)), "a + b + c", true, None),
        (quote!(from r in rows watermark(r.at, D) late into old), "rows", true, Some("old")),
        (quote!(from r in query crate::PageStats), "crate::PageStats as page_stats", false, None),
        (quote!(from r in query ::m::HttpLog), "::m::HttpLog as http_log", false, None),
        (quote!(from r in query late into old), "query", false, Some("old")),
    ] {
        assert_eq!(from(&tokens), (source.to_owned(), watermark, late.map(str::to_owned)), "{tokens}");
    }
}

/// A join as its kind, its source, its condition, its `within`, and whether it says `unbounded`.
fn join(tokens: &TokenStream) -> (&'static str, String, String, bool) {
    let (query, errors) = parse(quote!(query Q(rows: Row) -> Out { #tokens; }));
    assert_eq!(errors, Vec::<String>::new(), "{tokens}");
    let Some(Clause::Join(clause)) = query.clauses.into_iter().next() else { panic!("not a join") };
    let within = clause.within.as_ref();
    let within = within.map(|within| format!("{} in {}", text(&within.time), text(&within.range)));
    (clause.kind.name(), text(&clause.condition), within.unwrap_or_default(), clause.unbounded.is_some())
}

#[test]
fn a_join_has_its_parts_in_order() {
    for (tokens, kind, condition, within, unbounded) in [
        (quote!(join s in rows on s.a == r.a), "join", "s.a == r.a", "", false),
        (quote!(left join s in rows on (s.a == r.a) && f(s)), "left join", "(s.a == r.a) && f(s)", "", false),
        (
            quote!(full join s in rows watermark(s.t, D) on s.a == r.a unbounded),
            "full join",
            "s.a == r.a",
            "",
            true,
        ),
        (
            quote!(semi join s in rows late into old on s.a == r.a within s.t in r.t ..= r.t + D unbounded),
            "semi join",
            "s.a == r.a",
            "s.t in r.t..=r.t + D",
            true,
        ),
        (
            quote!(join s in rows on s.a == r.a within s.t in r.t .. unbounded),
            "join",
            "s.a == r.a",
            "s.t in r.t..",
            true,
        ),
        (
            quote!(join s in rows on s.a == r.a within s.t in ..=r.t),
            "join",
            "s.a == r.a",
            "s.t in ..=r.t",
            false,
        ),
        // A column of that name is an end.
        (
            quote!(join s in rows on s.a == r.a within s.t in r.t .. r.unbounded),
            "join",
            "s.a == r.a",
            "s.t in r.t..r.unbounded",
            false,
        ),
    ] {
        let expected = (kind, condition.to_owned(), within.to_owned(), unbounded);
        assert_eq!(join(&tokens), expected, "{tokens}");
    }
}

#[test]
fn a_broken_join_or_from_says_how_to_write_it() {
    for (tokens, rule) in [
        (quote!(left s in rows on s.a == r.a), "`left` needs its `join`"),
        (quote!(join in rows on s.a == r.a), "`join` needs a name here"),
        (quote!(join s on s.a == r.a), "`join` names a row and the input it comes from"),
        (quote!(join s in rows), "`join` needs `on` and a condition"),
        (quote!(join s in rows on), "`join` needs a condition"),
        (quote!(join s in rows on s.), "this `join` isn't a Rust expression"),
        (
            quote!(join s in rows wathermark(s.t, D) on s.a == r.a),
            "`join` has no part `wathermark`; did you mean `watermark`?",
        ),
        (quote!(join s in rows watermark(s.t) on s.a == r.a), "a watermark is an event-time column"),
        (quote!(join s in rows late on s.a == r.a), "`late` needs its `into`"),
        (
            quote!(join s in rows late into x watermark(s.t, D) on s.a == r.a),
            "`join` has one `watermark(…)` and then one `late into NAME`",
        ),
        (quote!(join s in rows union others on s.a == r.a), "a join reads one input"),
        (quote!(join s in query Q watermark(s.t, D) on s.a == r.a), "`query Q` has a watermark already"),
        (
            quote!(join s in rows on s.a == r.a withn s.t in r.t ..),
            "`join` has no part `withn`; did you mean `within`?",
        ),
        (quote!(join s in rows on s.a == r.a within s.t), "`within` needs an event time and a range"),
        (quote!(join s in rows on s.a == r.a within s.t in r.t), "`within` needs an event time and a range"),
        (quote!(join s in rows on s.a == r.a within s.t in ..), "`within` needs an event time and a range"),
        (
            quote!(join s in rows on s.a == r.a unbounded within s.t in r.t ..),
            "the `join` clause is over before this",
        ),
        (quote!(from r in query A union b), "`from` has no part"),
        (quote!(from r in a union query B), "`union` takes inputs of the head"),
        (quote!(inner join s in rows on s.a == r.a), "there is no clause `inner`; did you mean `join`?"),
        (quote!(late into old), "`late into` is part of the `from` or `join`"),
        (quote!(union others), "`union` is part of `from`"),
        (quote!(within s.t in r.t ..), "`within` is part of `join`"),
    ] {
        let (kinds, errors) = kinds(&quote!(#tokens; output append;));
        assert!(kinds.contains(&"broken".to_owned()), "{tokens}: {kinds:?}");
        assert_eq!(errors.len(), 1, "{tokens}: {errors:?}");
        assert!(errors[0].starts_with(rule), "{tokens}: {errors:?}");
    }
}
