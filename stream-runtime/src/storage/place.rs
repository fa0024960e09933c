//! [`Place`]: a path in an object store, as a service writes it.

use std::path::Path;

use crate::error::{Error, Result};

/// An object's key, or what several keys begin with, and the URL of the store's root.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// `s3a://bucket/`, or nothing if the path was no URL.
    pub(super) root: String,
    /// Without a slash at either end; nothing is the whole store.
    pub(super) key: String,
}

impl Place {
    /// Takes a key (`clicks/2026`), with a slash in front or not, or a URL (`s3a://bucket/clicks/2026`).
    pub(super) fn parse(path: &Path) -> Result<Self> {
        let invalid = |why: &str| Error::InvalidOption {
            option: "object_store",
            message: format!("`{}` can't be a path in an object store: {why}", path.display()),
        };
        let text = path.to_str().ok_or_else(|| invalid("it isn't valid UTF-8"))?;
        let (root, key) = match text.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => {
                let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
                (format!("{scheme}://{bucket}/"), key)
            }
            _ => (String::new(), text),
        };
        let key = key.trim_matches('/');
        if key.split('/').any(|part| matches!(part, "." | "..") || part.is_empty() && !key.is_empty()) {
            return Err(invalid("a part of it is empty, `.` or `..`"));
        }
        if key.contains(|c: char| c.is_ascii_control()) {
            return Err(invalid("it has control characters"));
        }
        Ok(Self { root, key: key.to_owned() })
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_key_or_a_url_that_ends_in_one() {
        for (path, root, key) in [
            ("clicks/2026", "", "clicks/2026"),
            ("/clicks/", "", "clicks"),
            ("", "", ""),
            ("s3a://bucket/clicks/a b=%2F", "s3a://bucket/", "clicks/a b=%2F"),
            ("s3://bucket", "s3://bucket/", ""),
            ("s3://bucket/", "s3://bucket/", ""),
            ("a b://c", "", "a b://c"),
        ] {
            let parsed = Place::parse(Path::new(path));
            if path == "a b://c" {
                assert!(parsed.unwrap_err().to_string().contains("a part of it is empty"));
                continue;
            }
            assert_eq!(parsed.unwrap(), Place { root: root.to_owned(), key: key.to_owned() }, "{path}");
        }
        for path in ["a//b", "a/../b", "s3://bucket/./a", "a\nb"] {
            let error = Place::parse(Path::new(path)).unwrap_err().to_string();
            assert!(error.contains("can't be a path in an object store"), "{error}");
        }
    }
}
