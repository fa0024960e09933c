//! [`Listing`]: the files below a path that a source hasn't taken yet. All calls block.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::committed::Committed;
use super::log::{FileLog, SeenFile};
use super::names::{descends_into, is_hidden};
#[cfg(feature = "object-store")]
use super::objects::{self, ObjectListing};
use crate::engine::clock;
use crate::error::{Error, Result};
use crate::storage::Storage;
use crate::time::Timestamp;

/// What a source lists.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    /// The source's description, for errors.
    source: String,
    target: Target,
    recursive: bool,
}

#[derive(Clone, Debug)]
enum Target {
    /// With what a sink that has written it says of its files.
    Directory(PathBuf, Committed),
    File(PathBuf),
    Glob {
        /// The directory before the first wildcard.
        base: PathBuf,
        pattern: String,
    },
    #[cfg(feature = "object-store")]
    Objects(ObjectListing, Committed),
}

pub(super) const GLOB: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

impl Listing {
    /// Finds out what `path` is: a directory, a file, or else a pattern with `*`, `?`, `[…]` or `**`.
    ///
    /// # Errors
    /// If there is nothing to list, or it can't be read.
    pub(super) fn open(source: String, storage: &Storage, path: &Path, recursive: bool) -> Result<Self> {
        match storage {
            Storage::Disk => Self::open_on_disk(source, path, recursive),
            #[cfg(feature = "object-store")]
            Storage::Objects(objects) => {
                let key = path.to_str().unwrap_or_default();
                let listing = ObjectListing::open(&source, objects.clone(), key)?;
                Ok(Self { source, target: Target::Objects(listing, Committed::default()), recursive })
            }
        }
    }

    fn open_on_disk(source: String, path: &Path, recursive: bool) -> Result<Self> {
        let absolute = std::path::absolute(path).map_err(|error| Error::io("resolving", path, error))?;
        let target = match fs::metadata(&absolute) {
            Ok(found) if found.is_dir() => Target::Directory(absolute, Committed::default()),
            Ok(_) => Target::File(absolute),
            Err(error) if error.kind() == io::ErrorKind::NotFound => match wildcard_target(&absolute) {
                Some(target) => target,
                None => {
                    return Err(Error::source(
                        source,
                        format!(
                            "`{}` doesn't exist; create it, and start the query again",
                            absolute.display()
                        ),
                    ));
                }
            },
            Err(error) => return Err(Error::io("reading", absolute, error)),
        };
        let listing = Self { source, target, recursive };
        match &listing.target {
            Target::Directory(base, _) | Target::Glob { base, .. } => {
                fs::read_dir(base).map_err(|error| Error::io("listing", base, error))?;
            }
            Target::File(file) => {
                fs::File::open(file).map_err(|error| Error::io("opening", file, error))?;
            }
            #[cfg(feature = "object-store")]
            Target::Objects(..) => {}
        }
        Ok(listing)
    }

    /// Whether it goes by what a sink has committed.
    pub(super) fn has_manifest(&self) -> Result<bool> {
        match &self.target {
            Target::Directory(base, _) => Committed::has_manifest(&Storage::Disk, base),
            #[cfg(feature = "object-store")]
            Target::Objects(listing, _) => match listing.directory() {
                Some(base) => {
                    Committed::has_manifest(&Storage::Objects(listing.objects.clone()), base.as_ref())
                }
                None => Ok(false),
            },
            _ => Ok(false),
        }
    }

    /// The directory that archived paths are relative to.
    pub(super) fn base(&self) -> &Path {
        match &self.target {
            Target::Directory(base, _) | Target::Glob { base, .. } => base,
            Target::File(file) => file.parent().unwrap_or(file),
            #[cfg(feature = "object-store")]
            Target::Objects(listing, _) => listing.base().as_ref(),
        }
    }

    /// Whether directories are read whatever their names.
    pub(super) fn is_recursive(&self) -> bool {
        self.recursive
    }

    /// Whether a file in `directory` (absolute, or a key), or somewhere below it, could be listed.
    pub(super) fn may_list(&self, directory: &Path) -> bool {
        let Ok(relative) = directory.strip_prefix(self.base()) else { return false };
        let mut names = relative.components().map(Component::as_os_str);
        match &self.target {
            Target::File(_) => relative.as_os_str().is_empty(),
            Target::Directory(..) => names.all(|name| descends_into(name, self.recursive)),
            Target::Glob { .. } => !names.any(|name| is_hidden(name) && !descends_into(name, self.recursive)),
            #[cfg(feature = "object-store")]
            Target::Objects(listing, _) => listing.may_list(relative, self.recursive),
        }
    }

    /// The files that `log` hasn't seen, by modification time and then path.
    pub(super) fn unseen(&self, log: &FileLog) -> Result<Vec<SeenFile>> {
        let mut found = Found { listing: self, log, files: Vec::new(), too_old: 0 };
        match &self.target {
            Target::Directory(base, committed) => match committed.files(&Storage::Disk, base)? {
                None => found.directory(base, &mut Vec::new())?,
                Some(files) => {
                    files.iter().try_for_each(|path| found.committed_file(&Storage::Disk, path))?;
                }
            },
            Target::File(file) => found.file(&Storage::Disk, file)?,
            Target::Glob { base, pattern } => {
                let matches = glob::glob_with(pattern, GLOB).map_err(|error| {
                    Error::source(&*self.source, format!("the pattern `{pattern}` is invalid: {error}"))
                })?;
                for path in matches {
                    let path = path.map_err(|error| {
                        let path = error.path().to_owned();
                        Error::io("listing", path, error.into())
                    })?;
                    let below = path.strip_prefix(base).unwrap_or(&path);
                    let is_dir = path.is_dir();
                    let directories = if is_dir { Some(below) } else { below.parent() };
                    let mut names = directories.into_iter().flatten();
                    if names.any(|name| is_hidden(name) && !descends_into(name, self.recursive)) {
                        continue;
                    }
                    if is_dir {
                        found.directory(&path, &mut Vec::new())?;
                    } else if !path.file_name().is_some_and(is_hidden) {
                        found.file(&Storage::Disk, &path)?;
                    }
                }
            }
            #[cfg(feature = "object-store")]
            Target::Objects(listing, committed) => found.objects(listing, committed)?,
        }
        let Found { mut files, too_old, .. } = found;
        if too_old > 0 {
            tracing::debug!(source = %self.source, files = too_old, "files older than `max_file_age` are ignored");
        }
        files.sort_unstable_by(|a, b| (a.modified, &a.path).cmp(&(b.modified, &b.path)));
        // A pattern may name a file by itself and by its directory, and two directories may hold files of one name.
        let mut keys = HashSet::with_capacity(files.len());
        let first: Vec<bool> = files.iter().map(|file| keys.insert(log.key(&file.path))).collect();
        let mut first = first.into_iter();
        files.retain(|_| first.next().unwrap_or(true));
        Ok(files)
    }
}

/// A pattern, if the path has wildcards.
fn wildcard_target(path: &Path) -> Option<Target> {
    let has_wildcards = |text: &str| text.contains(['*', '?', '[']);
    let whole = path.to_str()?;
    if !has_wildcards(whole) {
        return None;
    }
    let mut base = PathBuf::new();
    let mut rest = path.components();
    for component in rest.by_ref() {
        let next = base.join(component);
        // What exists is no pattern, whatever its name.
        if component.as_os_str().to_str().is_some_and(has_wildcards) && !next.exists() {
            let mut pattern = glob::Pattern::escape(base.to_str()?);
            for part in std::iter::once(component).chain(rest) {
                if !pattern.ends_with(std::path::MAIN_SEPARATOR) {
                    pattern.push(std::path::MAIN_SEPARATOR);
                }
                pattern.push_str(part.as_os_str().to_str()?);
            }
            return Some(Target::Glob { base, pattern });
        }
        base = next;
    }
    None
}

struct Found<'a> {
    listing: &'a Listing,
    log: &'a FileLog,
    files: Vec<SeenFile>,
    too_old: usize,
}

impl Found<'_> {
    /// `above` holds the real paths of the directories that lead here, so that a link to one of them isn't followed
    /// for ever.
    fn directory(&mut self, directory: &Path, above: &mut Vec<PathBuf>) -> Result<()> {
        let is_below = !above.is_empty();
        // A directory below the source's may be removed at any time, like a file.
        let entries = match fs::read_dir(directory) {
            Err(error) if is_below && error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(|error| Error::io("listing", directory, error))?,
        };
        let real = match fs::canonicalize(directory) {
            Err(error) if is_below && error.kind() == io::ErrorKind::NotFound => return Ok(()),
            real => real.map_err(|error| Error::io("listing", directory, error))?,
        };
        if above.contains(&real) {
            return Ok(());
        }
        above.push(real);
        for entry in entries {
            let entry = entry.map_err(|error| Error::io("listing", directory, error))?;
            let name = entry.file_name();
            let descends = descends_into(&name, self.listing.recursive);
            if is_hidden(&name) && !descends {
                continue;
            }
            let path = entry.path();
            let kind = entry.file_type().map_err(|error| Error::io("listing", &path, error))?;
            if kind.is_dir() || kind.is_symlink() && path.is_dir() {
                if descends {
                    self.directory(&path, above)?;
                }
            } else if !is_hidden(&name) {
                self.file(&Storage::Disk, &path)?;
            }
        }
        above.pop();
        Ok(())
    }

    /// A file of a committed batch, which nobody but its writer may take away.
    fn committed_file(&mut self, storage: &Storage, path: &Path) -> Result<()> {
        let count = self.files.len() + self.too_old;
        self.file(storage, path)?;
        let is_listed = self.files.len() + self.too_old > count;
        if is_listed || path.to_str().is_some_and(|path| self.log.has_seen(path)) {
            return Ok(());
        }
        Err(Error::source(
            &*self.listing.source,
            format!(
                "`{}` is gone, which the directory's manifest lists; restore the file, or have the query that writes \
                 the directory write it anew",
                path.display()
            ),
        ))
    }

    #[cfg(feature = "object-store")]
    fn objects(&mut self, listing: &ObjectListing, committed: &Committed) -> Result<()> {
        let storage = Storage::Objects(listing.objects.clone());
        if let Some(directory) = listing.directory()
            && let Some(files) = committed.files(&storage, directory.as_ref())?
        {
            return files.iter().try_for_each(|path| self.committed_file(&storage, path));
        }
        listing.for_each(self.listing.recursive, |file| {
            if !self.log.has_seen(&file.path) {
                self.unseen(file);
            }
        })
    }

    fn file(&mut self, storage: &Storage, path: &Path) -> Result<()> {
        let Some(text) = path.to_str() else {
            return Err(Error::source(
                &*self.listing.source,
                format!("the name of `{}` is not valid UTF-8; rename the file", path.display()),
            ));
        };
        // Most files of a listing are known; asking the file system for the rest only is what makes it fast.
        if self.log.has_seen(text) {
            return Ok(());
        }
        if let Some(file) = stat(storage, Arc::from(text))? {
            self.unseen(file);
        }
        Ok(())
    }

    fn unseen(&mut self, file: SeenFile) {
        if self.log.is_too_old(file.modified) {
            self.too_old += 1;
        } else {
            self.files.push(file);
        }
    }
}

/// The file as it is now; `None` if it is gone, or if it is nothing to read rows from.
pub(super) fn stat(storage: &Storage, path: Arc<str>) -> Result<Option<SeenFile>> {
    match storage {
        Storage::Disk => stat_on_disk(path),
        #[cfg(feature = "object-store")]
        Storage::Objects(objects) => Ok(objects.head(&path)?.map(objects::seen)),
    }
}

fn stat_on_disk(path: Arc<str>) -> Result<Option<SeenFile>> {
    match fs::metadata(&*path) {
        Ok(metadata) if metadata.is_file() => {
            let modified = modified(&path, &metadata)?;
            Ok(Some(SeenFile { path, modified, size: metadata.len(), e_tag: None }))
        }
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("reading", &*path, error)),
    }
}

/// The modification time in whole microseconds.
pub(super) fn modified(path: &str, metadata: &fs::Metadata) -> Result<Timestamp> {
    match metadata.modified() {
        Ok(time) => Ok(clock::from_system(time)),
        Err(error) => Err(Error::io("reading the modification time of", path, error)),
    }
}
