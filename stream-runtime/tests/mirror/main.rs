//! A checkpoint's mirror: what is restored from it is the checkpoint as of a commit, whatever was interrupted, and a query goes
//! on from there.

mod damage;
mod faults;
mod flaky;
mod owners;
mod state;
mod support;
mod uploads;
