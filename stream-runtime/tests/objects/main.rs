//! Files in object stores: sources, tables and the file sink, beside the same on a disk.

mod sink;
mod source;
mod support;
