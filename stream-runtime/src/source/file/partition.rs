//! Directories of partitions, such as `date=2026-01-31`: they give no columns, and a column that only they hold would
//! be read as missing in every row.

use std::path::Path;

use super::log::SeenFile;
use crate::error::{Error, Result};
use crate::schema::Schema;

/// Fails if a directory below `base` that leads to a file is named after a column of the rows.
pub(super) fn refuse_partition_columns<R: Schema>(
    source: &str,
    base: &Path,
    files: &[SeenFile],
) -> Result<()> {
    for file in files {
        let path = Path::new(&*file.path);
        let directories = path.strip_prefix(base).ok().and_then(Path::parent).into_iter().flatten();
        for directory in directories.filter_map(|name| name.to_str()) {
            let Some((name, _)) = directory.split_once('=') else { continue };
            if R::FIELDS.iter().any(|field| field.name == name) {
                return Err(Error::source(
                    source,
                    format!(
                        "partition columns aren't read; `{}` is in the directory `{directory}`, and the rows have a \
                         column `{name}`: take it out of their type, or read one such directory as the source's path",
                        file.path
                    ),
                ));
            }
        }
    }
    Ok(())
}
