//! Sessions: those of each user in order, and a calendar that says whom to look at in which second.

use std::collections::BTreeMap;
use std::rc::Rc;

use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;
use stream_runtime::prelude::*;

use super::super::input::EventView;
use super::super::queries::UserSession;
use super::{Case, Hasher, MINUTE, Watermark};

const DELAY: i64 = 5 * MINUTE;
const GAP: i64 = MINUTE;
const SECOND: i64 = 1_000_000;

struct Session {
    start: i64,
    end: i64,
    n: u64,
}

struct User {
    /// The second in the calendar that counts.
    due: i64,
    sessions: Vec<Session>,
}

/// The sessions of each user, counted.
#[derive(Default)]
pub(crate) struct W6 {
    users: HashMap<Rc<str>, User, Hasher>,
    calendar: BTreeMap<i64, Vec<Rc<str>>>,
    watermark: Watermark,
}

impl Case for W6 {
    #[inline]
    fn row(&mut self, event: EventView<'_>) {
        let start = event.ts.as_micros();
        self.watermark.observe(start);
        let end = start + GAP;
        if end <= self.watermark.late {
            return;
        }
        let due = end.div_euclid(SECOND);
        match self.users.entry_ref(event.user_id) {
            EntryRef::Occupied(mut user) => {
                if due < user.get().due {
                    user.get_mut().due = due;
                    self.calendar.entry(due).or_default().push(Rc::clone(user.key()));
                }
                add(&mut user.get_mut().sessions, start, end);
            }
            EntryRef::Vacant(user) => {
                let user_id: Rc<str> = event.user_id.into();
                self.calendar.entry(due).or_default().push(Rc::clone(&user_id));
                let sessions = vec![Session { start, end, n: 1 }];
                user.insert_entry_with_key(user_id, User { due, sessions });
            }
        }
    }

    fn end_batch(&mut self) -> usize {
        let evict = self.watermark.evict;
        let mut rows = Vec::new();
        let mut later = Vec::new();
        while let Some(first) = self.calendar.first_entry() {
            let second = *first.key();
            if second > evict.div_euclid(SECOND) {
                break;
            }
            for user_id in first.remove() {
                let Some(user) = self.users.get_mut(&user_id).filter(|user| user.due == second) else {
                    continue;
                };
                let ended = user.sessions.partition_point(|session| session.end <= evict);
                rows.extend(user.sessions.drain(..ended).map(|session| UserSession {
                    window: Window {
                        start: Timestamp::from_micros(session.start),
                        end: Timestamp::from_micros(session.end),
                    },
                    user_id: user_id.to_string(),
                    n: session.n,
                }));
                match user.sessions.first() {
                    Some(next) => {
                        user.due = next.end.div_euclid(SECOND);
                        later.push((user.due, user_id));
                    }
                    None => {
                        self.users.remove(&user_id);
                    }
                }
            }
        }
        for (second, user_id) in later {
            self.calendar.entry(second).or_default().push(user_id);
        }
        self.watermark.end_batch(DELAY);
        std::hint::black_box(&rows).len()
    }
}

/// Makes one session of `start..end` and those that it touches.
fn add(sessions: &mut Vec<Session>, start: i64, end: i64) {
    let first = sessions.partition_point(|session| session.end < start);
    let touched = sessions[first..].partition_point(|session| session.start <= end);
    let mut joined = Session { start, end, n: 1 };
    if touched == 0 {
        sessions.insert(first, joined);
        return;
    }
    for session in &sessions[first..first + touched] {
        joined.start = joined.start.min(session.start);
        joined.end = joined.end.max(session.end);
        joined.n += session.n;
    }
    sessions.drain(first + 1..first + touched);
    sessions[first] = joined;
}
