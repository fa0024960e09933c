//! Files of columns, and compressed ones of lines, as sources and tables.
//!
//! The oracle is the JSON of the same rows, whose decoder has tests of its own; files of an independent writer are in `fixtures/`.

mod compressed;
mod damage;
mod dictionaries;
mod fixtures;
mod formats;
mod malformed;
mod manifest;
mod partitions;
mod partitions_written;
mod projection;
mod pruned_partitions;
mod pruning;
mod recovery;
mod reports;
mod round_trip;
mod rows;
mod support;
