//! A source of rows in memory that are never copied or freed: what is measured is the query.

use std::sync::Arc;

use stream_runtime::Result;
use stream_runtime::prelude::*;
use stream_runtime::source::{Admission, Advance, Chunk, Offset, Rows, Source, SourceContext, Split};

/// A batch at a time.
pub(crate) struct SharedRows<R>(pub Arc<Vec<Vec<R>>>);

fn index(offset: Option<&Offset>) -> u64 {
    offset.and_then(|offset| offset.0.as_u64()).unwrap_or(0)
}

#[async_trait::async_trait]
impl<R: Schema> Source<R> for SharedRows<R> {
    fn description(&self) -> String {
        "SharedRows".to_owned()
    }

    async fn open(&mut self, _: SourceContext) -> Result<()> {
        Ok(())
    }

    async fn prepare_available_now(&mut self) -> Result<()> {
        Ok(())
    }

    async fn latest_offset(&mut self, start: Option<&Offset>, _: Admission) -> Result<Option<Advance>> {
        let end = index(start) + 1;
        Ok((end <= self.0.len() as u64).then(|| Advance { end: Offset(end.into()), log: None }))
    }

    async fn plan(&mut self, _: Option<&Offset>, end: &Offset, _: usize) -> Result<Vec<Box<dyn Split<R>>>> {
        Ok(vec![Box::new(Batch { rows: Arc::clone(&self.0), index: index(Some(end)) as usize - 1 })])
    }
}

struct Batch<R> {
    rows: Arc<Vec<Vec<R>>>,
    index: usize,
}

impl<R: Schema> Split<R> for Batch<R> {
    fn weight(&self) -> u64 {
        self.rows[self.index].len() as u64
    }

    fn read(&mut self, rows: &mut dyn Rows<R>) -> Result<()> {
        rows.push(Chunk::Rows(&self.rows[self.index]))
    }
}
