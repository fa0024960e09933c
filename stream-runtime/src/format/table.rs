//! Rows as a table to look at, or one column a line where a table would be too wide.

use comfy_table::presets::{NOTHING, UTF8_FULL_CONDENSED};
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Row, Table, Width};

use crate::format::TextRow;
use crate::schema::Field;

/// The widest table where nothing says how wide it may be.
pub(crate) const WIDTH: u16 = 120;
/// A text column is cut to no less than this.
const NARROWEST_TEXT: usize = 10;
/// The border and the padding of a column.
const FRAME: usize = 3;
/// Wraps nowhere but at the edge of the cell. No cell contains it, because control characters are escaped.
const NO_DELIMITER: char = '\0';

const NUMBERS: [&str; 14] =
    ["i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize", "f32", "f64"];

/// A column's name, as it is printed, and whether it holds numbers, which stand on the right and aren't cut.
pub(crate) struct Heading {
    name: String,
    is_number: bool,
}

impl Heading {
    pub(crate) fn new(name: &str, is_number: bool) -> Self {
        let mut printable = String::new();
        push_printable(name, usize::MAX, &mut printable);
        Self { name: printable, is_number }
    }
}

impl From<&Field> for Heading {
    fn from(field: &Field) -> Self {
        Self::new(field.name, is_number(field.type_name))
    }
}

/// The width of the terminal that standard output goes to, if it goes to one.
pub(crate) fn terminal_width() -> Option<u16> {
    Table::new().width().filter(|columns| *columns > 0)
}

/// Appends the rows, no line wider than `width` unless a number alone is.
pub(crate) fn render(headings: &[Heading], rows: &[TextRow], width: u16, truncate: bool, out: &mut String) {
    if headings.is_empty() {
        return;
    }
    let cells: Vec<Vec<String>> = rows.iter().map(|row| printable_cells(row, width, truncate)).collect();
    let natural = natural_widths(headings, &cells);
    let narrowest = headings.iter().zip(&natural).map(|(heading, natural)| {
        FRAME + if heading.is_number { *natural } else { NARROWEST_TEXT.min(*natural) }
    });
    if narrowest.sum::<usize>() < usize::from(width) {
        side_by_side(headings, &cells, &natural, width, truncate, out);
    } else {
        one_a_line(headings, &cells, width, truncate, out);
    }
}

fn side_by_side(
    headings: &[Heading],
    rows: &[Vec<String>],
    natural: &[usize],
    width: u16,
    truncate: bool,
    out: &mut String,
) {
    let mut table = table(UTF8_FULL_CONDENSED, width);
    table.set_header(row(headings.iter().map(|heading| &heading.name), truncate));
    for cells in rows {
        table.add_row(row(cells, truncate));
    }
    for ((heading, natural), column) in headings.iter().zip(natural).zip(table.column_iter_mut()) {
        if truncate {
            column.set_delimiter(NO_DELIMITER);
        }
        if heading.is_number {
            column.set_cell_alignment(CellAlignment::Right);
            let fixed = u16::try_from(natural + FRAME - 1).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(fixed)));
        }
    }
    push_table(&table, out);
}

fn one_a_line(headings: &[Heading], rows: &[Vec<String>], width: u16, truncate: bool, out: &mut String) {
    for (index, cells) in rows.iter().enumerate() {
        let title = format!("─ row {} ", index + 1);
        out.push_str(&title);
        let rule = usize::from(width.min(40)).saturating_sub(title.chars().count());
        out.extend(std::iter::repeat_n('─', rule));
        out.push('\n');

        let mut table = table(NOTHING, width);
        for (heading, cell) in headings.iter().zip(cells) {
            table.add_row(row([&heading.name, cell], truncate));
        }
        if truncate {
            table.set_delimiter(NO_DELIMITER);
        }
        push_table(&table, out);
    }
}

fn table(style: comfy_table::TableStyle, width: u16) -> Table {
    let mut table = Table::new();
    table.load_style(style).set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table
}

fn row<T: ToString>(cells: impl IntoIterator<Item = T>, truncate: bool) -> Row {
    let mut row = Row::from(cells.into_iter().map(Cell::new).collect::<Vec<_>>());
    if truncate {
        row.max_height(1);
    }
    row
}

fn push_table(table: &Table, out: &mut String) {
    for line in table.lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

fn is_number(type_name: &str) -> bool {
    let name = type_name.trim();
    let inner = match name.split_once('<') {
        Some((outer, rest)) if last_segment(outer) == "Option" => rest.trim_end_matches([' ', '>']),
        _ => name,
    };
    NUMBERS.contains(&last_segment(inner))
}

fn last_segment(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path).trim()
}

/// The width that each column takes if nothing is cut.
fn natural_widths(headings: &[Heading], rows: &[Vec<String>]) -> Vec<usize> {
    let mut table = Table::new();
    table.set_header(headings.iter().map(|heading| &heading.name)).add_rows(rows);
    table.column_max_content_widths().into_iter().map(usize::from).collect()
}

fn printable_cells(row: &TextRow, width: u16, truncate: bool) -> Vec<String> {
    let longest = if truncate { usize::from(width) } else { usize::MAX };
    row.cells
        .iter()
        .map(|cell| match cell {
            None => "NULL".to_owned(),
            Some(text) => {
                let mut printable = String::new();
                push_printable(text, longest, &mut printable);
                printable
            }
        })
        .collect()
}

/// Appends how many of so many rows aren't among the `shown` ones, if any.
pub(crate) fn push_rest(rows: usize, shown: usize, out: &mut String) {
    match rows.saturating_sub(shown) {
        0 => {}
        1 => out.push_str("… and 1 more row\n"),
        more => out.push_str(&["… and ", &more.to_string(), " more rows\n"].concat()),
    }
}

/// Appends at most `longest` characters of the text and `…` for the others, with everything escaped that
/// would act on the terminal instead of being seen on it.
pub(crate) fn push_printable(text: &str, longest: usize, out: &mut String) {
    for (index, character) in text.chars().enumerate() {
        if index == longest {
            out.push('…');
            return;
        }
        let reorders_text = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if character.is_control() || reorders_text {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
}
