//! [`ObjectListing`]: what an object store holds below a key, or of keys that match a pattern.
//!
//! A store has no directories. A key that is no object's is taken for one: it holds the objects whose keys begin with it
//! and a slash, maybe none yet.

use std::path::Path;
use std::sync::Arc;

use super::listing::GLOB;
use super::log::SeenFile;
use crate::engine::clock;
use crate::error::{Error, Result};
use crate::storage::Objects;

/// What a source lists of an object store.
#[derive(Clone, Debug)]
pub(super) struct ObjectListing {
    pub(super) objects: Objects,
    target: Target,
}

#[derive(Clone, Debug)]
enum Target {
    Directory(String),
    Object(String),
    Pattern {
        /// The key before the first wildcard.
        base: String,
        pattern: glob::Pattern,
    },
}

impl ObjectListing {
    /// Finds out what `key` is: an object, a pattern, or else a directory.
    pub(super) fn open(source: &str, objects: Objects, key: &str) -> Result<Self> {
        let target = if objects.head(key)?.is_some() {
            Target::Object(key.to_owned())
        } else if key.contains(['*', '?', '[']) {
            let pattern = glob::Pattern::new(key).map_err(|error| {
                Error::source(source, format!("the pattern `{}` is invalid: {error}", objects.name(key)))
            })?;
            let literal = key.split('/').take_while(|part| !part.contains(['*', '?', '[']));
            Target::Pattern { base: literal.collect::<Vec<_>>().join("/"), pattern }
        } else {
            Target::Directory(key.to_owned())
        };
        Ok(Self { objects, target })
    }

    /// The key that archived ones are relative to.
    pub(super) fn base(&self) -> &str {
        match &self.target {
            Target::Directory(base) | Target::Pattern { base, .. } => base,
            Target::Object(key) => key.rsplit_once('/').map_or("", |(above, _)| above),
        }
    }

    /// The directory, if it is one.
    pub(super) fn directory(&self) -> Option<&str> {
        match &self.target {
            Target::Directory(key) => Some(key),
            _ => None,
        }
    }

    /// Whether an object in `directory` (below the base), or somewhere below it, could be listed.
    pub(super) fn may_list(&self, relative: &Path, recursive: bool) -> bool {
        match &self.target {
            Target::Object(_) => relative.as_os_str().is_empty(),
            Target::Directory(_) => recursive || relative.as_os_str().is_empty(),
            Target::Pattern { .. } => true,
        }
    }

    /// Calls `visit` with each object.
    pub(super) fn for_each(&self, recursive: bool, mut visit: impl FnMut(SeenFile)) -> Result<()> {
        match &self.target {
            Target::Object(key) => self.objects.head(key)?.into_iter().for_each(|found| visit(seen(found))),
            Target::Directory(key) if recursive => {
                self.objects.for_each_below(key, |found| {
                    if !is_hidden(below(key, found.location.as_ref())) {
                        visit(seen(found));
                    }
                })?;
            }
            Target::Directory(key) => {
                let listed = self.objects.directory(key)?.objects;
                let visible = |key: &str| !is_hidden(key.rsplit('/').next().unwrap_or(key));
                listed.into_iter().filter(|found| visible(found.location.as_ref())).map(seen).for_each(visit);
            }
            Target::Pattern { base, pattern } => {
                self.objects.for_each_below(base, |found| {
                    let key = found.location.as_ref();
                    if !is_hidden(below(base, key)) && is_named(pattern, key, recursive) {
                        visit(seen(found));
                    }
                })?;
            }
        }
        Ok(())
    }
}

/// An object as it was found.
pub(super) fn seen(found: object_store::ObjectMeta) -> SeenFile {
    SeenFile {
        path: String::from(found.location).into(),
        modified: clock::from_system(found.last_modified.into()),
        size: found.size,
        e_tag: found.e_tag.map(Arc::from),
    }
}

/// Whether the pattern is that of the object, or of a directory that it is in. One that ends in `**` is of directories alone.
fn is_named(pattern: &glob::Pattern, key: &str, recursive: bool) -> bool {
    let matches = |key: &str| pattern.matches_with(key, GLOB);
    let mut above = key.rmatch_indices('/').map(|(at, _)| key.get(..at).unwrap_or(key));
    let is_own = !pattern.as_str().ends_with("**") && matches(key);
    is_own || if recursive { above.any(matches) } else { above.next().is_some_and(matches) }
}

/// The rest of a key that lies below another.
fn below<'a>(base: &str, key: &'a str) -> &'a str {
    key.strip_prefix(base).map_or(key, |rest| rest.trim_start_matches('/'))
}

fn is_hidden(relative: &str) -> bool {
    relative.split('/').any(|part| part.starts_with(['_', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_objects_and_directories() {
        let is_named =
            |pattern: &str, key, recursive| is_named(&glob::Pattern::new(pattern).unwrap(), key, recursive);
        assert!(is_named("clicks/*.json", "clicks/a.json", false));
        assert!(!is_named("clicks/*.json", "clicks/b/a.json", false));
        assert!(is_named("clicks/2026-*", "clicks/2026-01/a.json", false));
        assert!(!is_named("clicks/2026-*", "clicks/2026-01/b/a.json", false));
        assert!(is_named("clicks/2026-*", "clicks/2026-01/b/a.json", true));
        assert!(is_named("clicks/**/a.json", "clicks/2026/01/a.json", false));
    }
}
