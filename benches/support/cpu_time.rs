//! What is measured on one core, whatever else runs on the machine.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// The CPU time that the process has taken.
pub(crate) fn cpu_time() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(tv_sec as u64, tv_nsec as u32)
}
