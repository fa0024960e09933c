//! Files of columns, and compressed ones of lines, as sources and tables.
//!
//! The oracle is the JSON of the same rows, whose decoder has tests of its own; files of an independent writer are in `fixtures/`.

mod compressed;
mod damage;
mod dictionaries;
mod fixtures;
mod malformed;
mod manifest;
mod projection;
mod pruning;
mod recovery;
mod reports;
mod round_trip;
mod rows;
mod support;
