//! Files in object stores: sources, tables and the file sink, beside the same on a disk.

mod sink;
mod source;
#[path = "../source_support/mod.rs"]
mod source_support;
mod support;
