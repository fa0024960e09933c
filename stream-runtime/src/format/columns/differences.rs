//! [`Differences`]: how the columns of a file, or of a result, differ from those of a row type, all in one report.

use std::fmt;

use super::Values;

/// What was found while the columns of a batch were bound.
#[derive(Debug)]
pub struct Differences {
    /// What has the columns, as the report calls it.
    holder: &'static str,
    /// Whether a column that may be null has to be there all the same.
    wants_all: bool,
    /// What keeps the rows from being read, a line a column.
    problems: Vec<String>,
    /// Columns that the file allows to be null and the row type doesn't: such a row is malformed, but none need be there.
    nullable: Vec<String>,
    /// Where the column is that is being bound, and its type as the service wrote it.
    path: Vec<(String, &'static str)>,
}

impl Differences {
    /// Those of a file, or of what stands for one. Without a column that may be null, the column is null.
    #[cfg(feature = "arrow")]
    pub(crate) fn of_file() -> Self {
        Self {
            holder: "file",
            wants_all: false,
            problems: Vec::new(),
            nullable: Vec::new(),
            path: Vec::new(),
        }
    }

    /// Those of a result, which somebody has asked for with this row type in mind: every column is there.
    #[cfg(feature = "sql")]
    pub(crate) fn of_result() -> Self {
        Self { holder: "result", wants_all: true, ..Self::of_file() }
    }

    /// Whether every column fits.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// Binds a column that stands at `name` within the one that is being bound.
    pub(crate) fn within<T>(
        &mut self,
        name: &str,
        type_name: &'static str,
        bind: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.path.push((name.to_owned(), type_name));
        let bound = bind(self);
        self.path.pop();
        bound
    }

    /// The column, which has no default, isn't there.
    pub(crate) fn missing_column(&mut self, may_be_null: bool) {
        if self.wants_all || !may_be_null {
            self.missing();
        }
    }

    /// What can't be without isn't there.
    pub(crate) fn missing(&mut self) {
        let holder = self.holder;
        self.add(format_args!("the {holder} has no such column"));
    }

    /// The column's type can't be read as what it is to be.
    pub(crate) fn mismatch(&mut self, found: &Values<'_>, expected: &str) {
        let holder = self.holder;
        match found {
            Values::Unsupported(_, why) => {
                self.add(format_args!("the {holder} has {found}, and the row type wants {expected}; {why}"));
            }
            found => self.add(format_args!("the {holder} has {found}, and the row type wants {expected}")),
        }
    }

    /// The file allows nulls where the row type doesn't.
    pub(crate) fn may_be_null(&mut self) {
        let column = self.column();
        self.nullable.push(column);
    }

    fn add(&mut self, problem: impl fmt::Display) {
        let column = self.column();
        self.problems.push(format!("{column}: {problem}"));
    }

    fn column(&self) -> String {
        let path: Vec<_> = self.path.iter().map(|(name, _)| name.as_str()).collect();
        let type_name = self.path.last().map_or("", |(_, type_name)| type_name);
        if type_name.is_empty() {
            format!("`{}`", path.join("."))
        } else {
            format!("`{}` ({type_name})", path.join("."))
        }
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let line = if index == 0 { "" } else { "; " };
            write!(f, "{line}{problem}")?;
        }
        if !self.nullable.is_empty() {
            write!(
                f,
                "; besides, null is allowed in the {} and not in the row type: {}; a row with one is malformed, or \
                 make it an `Option`",
                self.holder,
                self.nullable.join(", ")
            )?;
        }
        Ok(())
    }
}
