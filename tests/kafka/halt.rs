//! A query that stands still in the middle of a batch for as long as a test wants.

use std::collections::BTreeMap;
use std::sync::{Mutex, mpsc};

use stream_runtime::prelude::*;

use crate::Number;

stream_query! {
    pub(crate) query Halting(numbers: Number) -> Number {
        from row in numbers;
        where passes(row.n);
        select Number { n: row.n };
        output append;
    }
}

/// The query's ends of two channels: it tells that it is there, and is told to go on.
type Ends = (mpsc::Sender<()>, mpsc::Receiver<()>);

/// What the rows with these numbers wait for.
static HALTS: Mutex<BTreeMap<i64, Ends>> = Mutex::new(BTreeMap::new());

/// Whether a row passes: all do, some later than others.
fn passes(n: i64) -> bool {
    let halt = HALTS.lock().unwrap().remove(&n);
    if let Some((reached, resume)) = halt {
        reached.send(()).unwrap();
        // A test that has failed says nothing.
        let _ = resume.recv();
    }
    true
}

/// A row that a [`Halting`] query will wait at.
pub(crate) struct Halt {
    reached: mpsc::Receiver<()>,
    resume: mpsc::Sender<()>,
}

/// A query that waits at its row.
pub(crate) struct Halted(mpsc::Sender<()>);

impl Halt {
    /// The first row of this number, which no other test has.
    pub(crate) fn at(n: i64) -> Self {
        let (reached, resume) = (mpsc::channel(), mpsc::channel());
        let before = HALTS.lock().unwrap().insert(n, (reached.0, resume.1));
        assert!(before.is_none(), "two tests halt at {n}");
        Self { reached: reached.1, resume: resume.0 }
    }

    /// Waits until the query is there.
    pub(crate) async fn reached(self) -> Halted {
        tokio::task::spawn_blocking(move || {
            self.reached.recv().expect("the query gets to the row");
            Halted(self.resume)
        })
        .await
        .unwrap()
    }
}

impl Halted {
    /// Lets the query go on.
    pub(crate) fn resume(self) {
        self.0.send(()).unwrap();
    }
}
