//! [`Partitioning`]: rows into directories by the values of columns, named as Hive and Spark name them.

use std::collections::hash_map::RandomState;
use std::fmt::{self, Display, Write as _};

use hashbrown::HashMap;

use crate::format::ColumnError;
use crate::format::partition::NULL_PARTITION;
use crate::schema::columnar::{ColumnWriter, Columns};
use crate::schema::place::Place;
use crate::schema::{Column, ColumnSet, Element, List, Schema, TimestampFormat};
use crate::time::{Date, Duration, Timestamp, Window};

/// The columns whose values name a row's directory.
#[derive(Clone, Debug, Default)]
pub(super) struct Partitioning {
    /// The columns' places in the row, in the order of the directories.
    columns: Vec<usize>,
}

impl Partitioning {
    /// Looks the columns up; what is wrong with them otherwise.
    pub(super) fn resolve<R: Schema>(names: &[String]) -> Result<Self, String> {
        let mut columns = Vec::new();
        for name in names {
            let Some(index) = R::FIELDS.iter().position(|field| field.name == name) else {
                let all: Vec<_> = R::FIELDS.iter().map(|field| format!("`{}`", field.name)).collect();
                return Err(format!("`{}` has no column `{name}`; it has {}", R::NAME, all.join(", ")));
            };
            if columns.contains(&index) {
                return Err(format!("the column `{name}` is named twice"));
            }
            columns.push(index);
        }
        if columns.len() == R::FIELDS.len() {
            return Err(format!(
                "all columns of `{}` name directories, so none is left for the files",
                R::NAME
            ));
        }
        let this = Self { columns };
        let mut texts = Texts::of(&this.columns);
        R::write_columns(std::iter::empty(), &mut texts).map_err(|error| error.to_string())?;
        Ok(this)
    }

    /// The columns that aren't in the files.
    pub(super) fn left_out(&self) -> ColumnSet {
        self.columns.iter().fold(0, |set, index| set | 1 << index)
    }

    /// The rows by directory, in the order in which the directories come up.
    pub(super) fn split<'r, R: Schema>(
        &self,
        rows: &'r [R],
    ) -> Result<Vec<(String, Vec<&'r R>)>, ColumnError> {
        let mut parts: Vec<(String, Vec<&R>)> = Vec::new();
        let mut by_directory: HashMap<String, usize, RandomState> = HashMap::default();
        let mut texts = Texts::of(&self.columns);
        let mut directory = String::new();
        for row in rows {
            R::write_columns(std::iter::once(Some(row.view())), &mut texts)?;
            directory.clear();
            for (index, text) in self.columns.iter().zip(&texts.texts) {
                if !directory.is_empty() {
                    directory.push('/');
                }
                let name = R::FIELDS.get(*index).map_or("", |field| field.name);
                escape(name, &mut directory);
                directory.push('=');
                escape(if text.is_empty() { NULL_PARTITION } else { text }, &mut directory);
            }
            let part = *by_directory.entry_ref(directory.as_str()).or_insert(parts.len());
            match parts.get_mut(part) {
                Some((_, rows)) => rows.push(row),
                None => parts.push((directory.clone(), vec![row])),
            }
        }
        Ok(parts)
    }
}

/// Appends text with `%` and two digits for what can't or shouldn't stand in a path; the same as in Spark.
fn escape(text: &str, out: &mut String) {
    for char in text.chars() {
        if char.is_ascii_control() || "\"#%'*/:=?\\{[]^".contains(char) {
            // Writing to a `String` can't fail.
            let _ = write!(out, "%{:02X}", u32::from(char));
        } else {
            out.push(char);
        }
    }
}

/// Takes the partition columns of one row as text; null is empty.
struct Texts<'p> {
    columns: &'p [usize],
    texts: Vec<String>,
}

impl<'p> Texts<'p> {
    fn of(columns: &'p [usize]) -> Self {
        Self { columns, texts: vec![String::new(); columns.len()] }
    }
}

impl Columns for Texts<'_> {
    type Error = ColumnError;

    fn column<'a, T: Column, I>(&mut self, column: Place<T>, values: I) -> Result<(), ColumnError>
    where
        I: Iterator<Item = Option<T::View<'a>>> + Clone,
    {
        let place = self.columns.iter().position(|index| *index == column.index);
        match place.and_then(|place| self.texts.get_mut(place)) {
            None => Ok(()),
            Some(text) => {
                text.clear();
                T::write_column(values, &mut Text(text)).map_err(|error| error.of(column.name))
            }
        }
    }
}

/// Takes a value as Spark casts it to text.
struct Text<'t>(&'t mut String);

impl Text<'_> {
    fn put<V: Display>(&mut self, values: impl Iterator<Item = Option<V>>) {
        for value in values.flatten() {
            // Writing to a `String` can't fail.
            let _ = write!(self.0, "{value}");
        }
    }
}

macro_rules! displayed {
    ($($method:ident),*) => {$(
        fn $method<I: Iterator<Item = Option<$method>>>(&mut self, values: I) -> Result<(), ColumnError> {
            self.put(values);
            Ok(())
        }
    )*};
}

macro_rules! floats {
    ($($method:ident),*) => {$(
        fn $method<I: Iterator<Item = Option<$method>>>(&mut self, values: I) -> Result<(), ColumnError> {
            values.flatten().for_each(|value| $method::encode_text(value, TimestampFormat::Rfc3339, self.0));
            Ok(())
        }
    )*};
}

impl ColumnWriter for Text<'_> {
    type Column = ();
    type Error = ColumnError;

    displayed!(bool, i8, i16, i32, i64, i128, u8, u16, u32, u64, u128);
    floats!(f32, f64);

    fn text<'a, I: Iterator<Item = Option<&'a str>>>(&mut self, values: I) -> Result<(), ColumnError> {
        self.put(values);
        Ok(())
    }

    fn binary<'a, I: Iterator<Item = Option<&'a [u8]>>>(&mut self, _values: I) -> Result<(), ColumnError> {
        Err(no_directory("binary data"))
    }

    fn timestamp<I: Iterator<Item = Option<Timestamp>>>(&mut self, values: I) -> Result<(), ColumnError> {
        self.put(values.map(|time| time.map(SparkTime)));
        Ok(())
    }

    fn duration<I: Iterator<Item = Option<Duration>>>(&mut self, _values: I) -> Result<(), ColumnError> {
        Err(no_directory("a duration"))
    }

    fn date<I: Iterator<Item = Option<Date>>>(&mut self, values: I) -> Result<(), ColumnError> {
        self.put(values);
        Ok(())
    }

    fn window<I: Iterator<Item = Option<Window>> + Clone>(&mut self, _values: I) -> Result<(), ColumnError> {
        Err(no_directory("a window"))
    }

    fn list<'a, T: Element, I>(&mut self, _lists: I) -> Result<(), ColumnError>
    where
        I: Iterator<Item = Option<List<'a, T>>> + Clone,
    {
        Err(no_directory("a list"))
    }

    fn rows<'a, S: Schema, I>(&mut self, _rows: I) -> Result<(), ColumnError>
    where
        I: Iterator<Item = Option<S::View<'a>>> + Clone,
    {
        Err(no_directory("a struct"))
    }
}

fn no_directory(what: &str) -> ColumnError {
    ColumnError::new(format!(
        "holds {what}, which can't name a directory; select a text, a number or a date for it, such as the start of a window"
    ))
}

/// `2026-01-31 12:00:00.5`, in UTC.
struct SparkTime(Timestamp);

impl Display for SparkTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_day = self.0.as_micros().rem_euclid(86_400_000_000);
        let (seconds, micros) = (of_day / 1_000_000, of_day % 1_000_000);
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        write!(f, "{} {hours:02}:{minutes:02}:{:02}", self.0.date(), seconds % 60)?;
        if micros > 0 {
            write!(f, ".{}", format!("{micros:06}").trim_end_matches('0'))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_spark_escapes_is_escaped() {
        let escaped = |text: &str| {
            let mut out = String::new();
            escape(text, &mut out);
            out
        };
        assert_eq!(escaped("2026-01-01 00:00:00"), "2026-01-01 00%3A00%3A00");
        assert_eq!(escaped("a/b=c%d\\e\t\u{7f}"), "a%2Fb%3Dc%25d%5Ce%09%7F");
        assert_eq!(escaped("\"#'*?{[]^"), "%22%23%27%2A%3F%7B%5B%5D%5E");
        assert_eq!(escaped("}<>|&+,;~$ é데"), "}<>|&+,;~$ é데");
    }

    #[test]
    fn a_time_is_written_as_spark_casts_it() {
        let text = |micros| SparkTime(Timestamp::from_micros(micros)).to_string();
        assert_eq!(text(0), "1970-01-01 00:00:00");
        assert_eq!(text(-1), "1969-12-31 23:59:59.999999");
        assert_eq!(text(1_767_225_600_000_000 + 3_661_500_000), "2026-01-01 01:01:01.5");
    }
}
