//! `process by`: a service's own processor, with state, timers and TTL, against plans built as the macro builds them.

mod available_now;
mod evolution;
mod initial_state;
mod model;
mod plans;
mod support;
mod timers;
mod ttl;
