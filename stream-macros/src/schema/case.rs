//! `rename_all`: the cases that serde knows.

/// How external names are made from field names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Case {
    /// Every case under the name that `rename_all` takes.
    pub(crate) const ALL: [(&'static str, Self); 8] = [
        ("lowercase", Self::Lower),
        ("UPPERCASE", Self::Upper),
        ("PascalCase", Self::Pascal),
        ("camelCase", Self::Camel),
        ("snake_case", Self::Snake),
        ("SCREAMING_SNAKE_CASE", Self::ScreamingSnake),
        ("kebab-case", Self::Kebab),
        ("SCREAMING-KEBAB-CASE", Self::ScreamingKebab),
    ];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(each, _)| *each == name).map(|(_, case)| *case)
    }

    /// A field's external name; the field is in snake case, as Rust has it.
    pub(crate) fn apply(self, field: &str) -> String {
        match self {
            Self::Lower | Self::Snake => field.to_owned(),
            Self::Upper | Self::ScreamingSnake => field.to_uppercase(),
            Self::Pascal => pascal(field),
            Self::Camel => {
                let pascal = pascal(field);
                let mut chars = pascal.chars();
                chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
            }
            Self::Kebab => field.replace('_', "-"),
            Self::ScreamingKebab => field.to_uppercase().replace('_', "-"),
        }
    }
}

fn pascal(field: &str) -> String {
    field
        .split('_')
        .flat_map(|word| {
            let mut chars = word.chars();
            chars.next().into_iter().flat_map(char::to_uppercase).chain(chars)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_serde_makes_of_them() {
        let expected = [
            "page_views_7d",
            "PAGE_VIEWS_7D",
            "PageViews7d",
            "pageViews7d",
            "page_views_7d",
            "PAGE_VIEWS_7D",
            "page-views-7d",
            "PAGE-VIEWS-7D",
        ];
        for ((name, case), expected) in Case::ALL.into_iter().zip(expected) {
            assert_eq!(case.apply("page_views_7d"), expected, "{name}");
            assert_eq!(Case::parse(name), Some(case));
        }
        assert_eq!(Case::parse("Camel"), None);
    }
}
