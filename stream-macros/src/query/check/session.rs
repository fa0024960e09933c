//! Sessions: those of a key, and with a gap that makes sense.

use crate::message;
use crate::query::ast::Key;
use crate::query::draft::Draft;
use crate::report::Report;

use super::window::literal_micros;

pub(super) fn check_sessions(draft: &Draft, report: &mut Report) {
    let Some(group_by) = draft.group_by.given() else { return };
    for session in group_by.keys.iter().filter_map(Key::session) {
        // A gap that isn't a literal may be another one for each row; rows without a positive gap are in no session.
        if literal_micros(&session.gap).is_some_and(|micros| micros <= 0) {
            report.error(&session.gap, message::GAP_NOT_POSITIVE);
        }
    }
    let session = group_by.keys.iter().find_map(Key::session);
    if let Some(session) = session.filter(|_| group_by.keys.iter().all(|key| key.interval.is_some())) {
        report.error(&session.call, message::session_without_key(session, draft.from.given()));
    }
}
