//! The little that `#[derive(Schema)]` asks for at compile time.

use super::ColumnSet;

/// Whether the column at `index` is among those that the query names.
#[inline]
pub const fn names(columns: ColumnSet, index: usize) -> bool {
    columns >> index & 1 == 1
}

/// The set of those `fields` that are listed in `names`; names that are no field are left to rustc, which
/// reports them where the query uses them. `r#type` and `type` are the same name.
pub const fn column_set(fields: &[&str], names: &[&str]) -> ColumnSet {
    let mut set = 0;
    let mut name = 0;
    while name < names.len() {
        let mut field = 0;
        while field < fields.len() {
            if same_name(fields[field].as_bytes(), names[name].as_bytes()) {
                set |= 1 << field;
            }
            field += 1;
        }
        name += 1;
    }
    set
}

const fn same_name(field: &[u8], mut name: &[u8]) -> bool {
    if let [b'r', b'#', rest @ ..] = name {
        name = rest;
    }
    if field.len() != name.len() {
        return false;
    }
    let mut index = 0;
    while index < field.len() {
        if field[index] != name[index] {
            return false;
        }
        index += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_field_have_no_bit() {
        const FIELDS: &[&str] = &["user_id", "type", "amount"];
        assert_eq!(column_set(FIELDS, &["amount", "amuont", "user_id"]), 0b101);
        assert_eq!(column_set(FIELDS, &["r#type"]), 0b010);
        assert_eq!(column_set(FIELDS, &[]), 0);
    }

    #[test]
    fn the_last_of_128_columns_has_a_bit() {
        assert!(names(1 << 127, 127));
        assert!(!names(1 << 127, 126));
    }
}
