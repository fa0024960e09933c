//! [`ObjectListing`]: what an object store holds below a key, or of keys that match a pattern.
//!
//! A store has no directories. A key that is no object's is taken for one: it holds the objects whose keys begin with it
//! and a slash, maybe none yet.

use std::path::{Component, Path};
use std::sync::Arc;

use object_store::ObjectMeta;

use super::listing::GLOB;
use super::log::SeenFile;
use super::names::{descends_into, is_hidden};
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
        let mut names = relative.components().map(Component::as_os_str);
        match &self.target {
            Target::Object(_) => relative.as_os_str().is_empty(),
            Target::Directory(_) => names.all(|name| descends_into(name, recursive)),
            Target::Pattern { .. } => !names.any(|name| is_hidden(name) && !descends_into(name, recursive)),
        }
    }

    /// Calls `visit` with each object. Those without a byte are left out: they hold no rows, and consoles and Hadoop make them where
    /// they want a directory.
    pub(super) fn for_each(&self, recursive: bool, mut visit: impl FnMut(SeenFile)) -> Result<()> {
        let visit = |found: ObjectMeta| {
            if found.size > 0 {
                visit(seen(found));
            }
        };
        match &self.target {
            Target::Object(key) => self.objects.head(key)?.into_iter().for_each(visit),
            Target::Directory(key) if recursive => self.for_each_below(key, recursive, visit)?,
            Target::Directory(key) => {
                let listed = self.objects.directory(key)?;
                let mut directories =
                    listed.common_prefixes.iter().filter_map(object_store::path::Path::filename);
                // All partitions at once: each would be a request, and so would be each below it.
                if directories.any(|name| descends_into(name, recursive)) {
                    return self.for_each_below(key, recursive, visit);
                }
                listed.objects.into_iter().filter(|found| is_listed(key, found, recursive)).for_each(visit);
            }
            Target::Pattern { base, pattern } => {
                let mut visit = visit;
                self.objects.for_each_below(base, |found| {
                    if is_visible(base, &found, recursive)
                        && is_named(pattern, found.location.as_ref(), recursive)
                    {
                        visit(found);
                    }
                })?;
            }
        }
        Ok(())
    }

    fn for_each_below(&self, key: &str, recursive: bool, mut visit: impl FnMut(ObjectMeta)) -> Result<()> {
        self.objects.for_each_below(key, |found| {
            if is_listed(key, &found, recursive) {
                visit(found);
            }
        })
    }
}

/// An object as it was found.
pub(super) fn seen(found: ObjectMeta) -> SeenFile {
    SeenFile {
        path: String::from(found.location).into(),
        modified: clock::from_system(found.last_modified.into()),
        size: found.size,
        e_tag: found.e_tag.map(Arc::from),
    }
}

/// Whether an object below a directory is listed with it.
fn is_listed(directory: &str, found: &ObjectMeta, recursive: bool) -> bool {
    let (mut directories, name) = parts_below(directory, found);
    !is_hidden(name) && directories.all(|name| descends_into(name, recursive))
}

/// Whether neither the object nor a directory that it is in is hidden.
fn is_visible(base: &str, found: &ObjectMeta, recursive: bool) -> bool {
    let (mut directories, name) = parts_below(base, found);
    !is_hidden(name) && !directories.any(|name| is_hidden(name) && !descends_into(name, recursive))
}

/// The directories below another that an object is in, and its name.
fn parts_below<'a>(base: &str, found: &'a ObjectMeta) -> (impl Iterator<Item = &'a str>, &'a str) {
    let key = found.location.as_ref();
    let below = key.strip_prefix(base).map_or(key, |rest| rest.trim_start_matches('/'));
    let (directories, name) = below.rsplit_once('/').unwrap_or(("", below));
    (directories.split('/').filter(|name| !name.is_empty()), name)
}

/// Whether the pattern is that of the object, or of a directory with which it is listed. One that ends in `**` is of directories alone.
fn is_named(pattern: &glob::Pattern, key: &str, recursive: bool) -> bool {
    let matches = |key: &str| pattern.matches_with(key, GLOB);
    if !pattern.as_str().ends_with("**") && matches(key) {
        return true;
    }
    let mut rest = key;
    while let Some((directory, _)) = rest.rsplit_once('/') {
        if matches(directory) {
            return true;
        }
        let name = directory.rsplit('/').next().unwrap_or(directory);
        if !descends_into(name, recursive) {
            return false;
        }
        rest = directory;
    }
    false
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
