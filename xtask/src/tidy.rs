//! What no lint sees: files that have grown too long, leftovers, and `unwrap` in library code.

use std::path::{Path, PathBuf};

/// Longer files want to be two.
const LONGEST: usize = 400;

/// Spelled in two parts, so that this file doesn't find itself.
const LEFTOVERS: [&str; 5] = [
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("FIX", "ME"),
    concat!("XX", "X "),
    concat!("dbg", "!("),
];

/// Where a panic would reach a user.
const LIBRARY: [&str; 2] = ["stream-macros/src", "stream-runtime/src"];

/// Prints what is untidy; whether nothing is.
pub(crate) fn is_tidy() -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for folder in
        ["benches", "examples", "stream-macros", "stream-runtime", "tests", "ui-tests/tests", "xtask"]
    {
        collect(&root.join(folder), &mut files);
    }
    files.sort();
    let complaints: Vec<String> = files.iter().flat_map(|file| complaints(&root, file)).collect();
    for complaint in &complaints {
        println!("{complaint}");
    }
    println!("{} files, {} complaints", files.len(), complaints.len());
    !files.is_empty() && complaints.is_empty()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn complaints(root: &Path, file: &Path) -> Vec<String> {
    let name = file.strip_prefix(root).unwrap_or(file).display().to_string();
    let Ok(text) = std::fs::read_to_string(file) else { return vec![format!("{name}: can't be read")] };
    let mut found = Vec::new();
    let lines = text.lines().count();
    if lines > LONGEST {
        found.push(format!("{name}: {lines} lines, more than {LONGEST}"));
    }
    let library = LIBRARY.iter().any(|folder| name.starts_with(folder)) && !name.contains("/tests");
    let code = text.find("\nmod tests {").map_or(text.as_str(), |tests| &text[..tests]);
    for (index, line) in text.lines().enumerate() {
        found.extend(
            LEFTOVERS
                .iter()
                .filter(|leftover| line.contains(**leftover))
                .map(|leftover| format!("{name}:{}: `{leftover}` is left over", index + 1)),
        );
    }
    if library {
        for (index, line) in code.lines().enumerate() {
            if line.contains(".unwrap()") && !line.trim_start().starts_with("//") {
                found.push(format!("{name}:{}: `unwrap` in library code", index + 1));
            }
        }
    }
    found
}
