//! The ways from a [`Segment`] to what it reads: inputs of its own, those of a join in front of it, and other queries.

use crate::error::Result;
use crate::operator::event_time::EventTimeStats;
use crate::schema::Schema;
use crate::source::Chunk;
use crate::static_input::Lookups;

use super::branch::{Feeds, FeedsJoin, Here, Holds, HoldsJoined};
use super::decode::for_each_view;
use super::item::Item;
use super::node::Node;
use super::operator::Operator;
use super::read::{LateRows, Read};
use super::reading::Reading;
use super::rejects::Rejects;
use super::segment::{Segment, SegmentWorker};
use super::{Plan, Wanted};

impl<R, const COLUMNS: u128, const LATE: bool, S, F, Op> Feeds<Here>
    for Segment<Read<R, COLUMNS, LATE>, S, F, Op>
where
    R: Schema,
    S: Lookups,
    Op: Operator,
    F: for<'a> Fn(R::View<'a>, &mut Reading<S::Tables>, &mut Op::Target) + Send + Sync + 'static,
{
    type Row = R;

    // The hot loop.
    fn feed(
        &self,
        worker: &mut SegmentWorker<LateRows<R>, S::Tables, Op::Worker>,
        input: usize,
        chunk: Chunk<'_, R>,
        rejects: &mut Rejects,
        mut then: impl for<'a> FnMut(&mut Op::Target, R::View<'a>, u64),
    ) -> Result<()> {
        let SegmentWorker { node, operator, reading, arena, context, outgoing, place, event_times } = worker;
        let target = self.operator.target(operator);
        reading.event_time = EventTimeStats::default();
        #[cfg(feature = "arrow")]
        if let Chunk::Pruned { event_times: Some((earliest, latest)), .. } = chunk {
            reading.event_time.observe_range(earliest, latest);
        }
        let routes = self.routes(*context);
        let fed = if routes || LATE {
            for_each_view::<R, COLUMNS>(chunk, arena, rejects, |view| {
                (self.row)(view, reading, target);
                then(target, view, *place);
                if routes {
                    self.send(0, target, (*place, view), outgoing);
                }
                if LATE && self.operator.take_late(target) {
                    Read::<R, COLUMNS, LATE>::keep_late(node, *place, view);
                }
                *place += 1;
            })
        } else {
            for_each_view::<R, COLUMNS>(chunk, arena, rejects, |view| {
                (self.row)(view, reading, target);
                then(target, view, *place);
            })
        };
        if let Some(seen) = event_times.get_mut(input) {
            seen.merge(&reading.event_time);
        }
        fed
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted { columns: COLUMNS, pruning: self.node.pruning.as_ref() }
    }

    fn take_late(worker: &mut SegmentWorker<LateRows<R>, S::Tables, Op::Worker>) -> Vec<(u64, R)> {
        std::mem::take(&mut worker.node.0)
    }
}

impl<Path, N, S, F, Op> Feeds<Path> for Segment<N, S, F, Op>
where
    N: Node + FeedsJoin<Path>,
    S: Lookups,
    Op: Operator,
    F: for<'a> Fn(<N::Item as Item>::View<'a>, &mut Reading<S::Tables>, &mut Op::Target)
        + Send
        + Sync
        + 'static,
{
    type Row = N::Row;

    fn feed(
        &self,
        worker: &mut Self::Worker,
        input: usize,
        chunk: Chunk<'_, N::Row>,
        rejects: &mut Rejects,
        _then: impl for<'a> FnMut(&mut Op::Target, <N::Item as Item>::View<'a>, u64),
    ) -> Result<()> {
        self.node.feed(&mut worker.node, input, chunk, rejects)
    }

    fn wanted(&self) -> Wanted<'_> {
        self.node.wanted()
    }

    fn take_late(worker: &mut Self::Worker) -> Vec<(u64, N::Row)> {
        N::take_late(&mut worker.node)
    }
}

impl<Path, N, S, F, Op> Holds<Path> for Segment<N, S, F, Op>
where
    N: Node + HoldsJoined<Path>,
    S: Lookups,
    Op: Operator,
    F: for<'a> Fn(<N::Item as Item>::View<'a>, &mut Reading<S::Tables>, &mut Op::Target)
        + Send
        + Sync
        + 'static,
{
    type Inner = N::Inner;

    fn inner<'a>(
        &'a self,
        worker: &'a mut Self::Worker,
    ) -> (&'a N::Inner, &'a mut <N::Inner as Plan>::Worker) {
        self.node.inner(&mut worker.node)
    }
}
