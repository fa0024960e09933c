//! Where rows come from: the head's inputs, and what `from` and `join` say of one.

use syn::{Expr, Ident, Path, Token, Type};

/// `input: Row` or `input: static Row` in the query's head.
pub(crate) struct Input {
    pub(crate) name: Ident,
    /// There for a table that rows are looked up in; without it the input is a stream.
    pub(crate) fixed: Option<Token![static]>,
    pub(crate) row: Type,
}

/// `from ALIAS in SOURCE [watermark(COLUMN, DELAY)] [late into NAME]`.
pub(crate) struct From {
    pub(crate) keyword: Ident,
    pub(crate) alias: Ident,
    pub(crate) source: Source,
    pub(crate) watermark: Option<Watermark>,
    pub(crate) late: Option<Late>,
}

/// What stands behind the `in` of `from` and `join`.
pub(crate) enum Source {
    /// `INPUT [union INPUT]*`: inputs of the head, at least one.
    Inputs(Vec<Ident>),
    /// `query OTHER`: the rows that another query puts out.
    Query(QuerySource),
}

/// `query PATH`.
pub(crate) struct QuerySource {
    pub(crate) keyword: Ident,
    pub(crate) path: Path,
    /// What the input is called: the path's last name in snake case, where that stands.
    pub(crate) name: Ident,
}

/// `watermark(COLUMN, DELAY)`.
pub(crate) struct Watermark {
    pub(crate) keyword: Ident,
    pub(crate) column: Expr,
    pub(crate) delay: Expr,
}

/// `late into NAME`: the input's late rows are a side output of the query.
pub(crate) struct Late {
    pub(crate) keyword: Ident,
    pub(crate) name: Ident,
}

impl Watermark {
    pub(crate) const fn column(&self) -> &Expr {
        &self.column
    }
}

impl Source {
    /// The names of its inputs.
    pub(crate) fn names(&self) -> &[Ident] {
        match self {
            Self::Inputs(names) => names,
            Self::Query(query) => std::slice::from_ref(&query.name),
        }
    }
}

impl QuerySource {
    /// `None` if the path has no name at its end.
    pub(crate) fn new(keyword: Ident, path: Path) -> Option<Self> {
        let last = &path.segments.last()?.ident;
        let name = Ident::new(&snake_case(&last.to_string()), last.span());
        Some(Self { keyword, path, name })
    }
}

/// `page_stats` for `PageStats`, `http_log` for `HTTPLog`.
fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.trim_start_matches("r#").chars().collect();
    let mut snake = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let after_lower = at > 0 && !letters[at - 1].is_uppercase() && letters[at - 1] != '_';
        let before_lower = at > 0 && letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        let begins_word = letter.is_uppercase() && (after_lower || before_lower);
        if begins_word && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_input_of_a_query_is_its_name_in_snake_case() {
        for (name, expected) in [
            ("PageStats", "page_stats"),
            ("HTTPLog", "http_log"),
            ("Top10Pages", "top10_pages"),
            ("Q", "q"),
            ("Already_Snake", "already_snake"),
        ] {
            assert_eq!(snake_case(name), expected);
        }
    }
}
