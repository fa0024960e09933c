//! The ways from a [`Join`] to what its sides read: inputs, and other queries.

use crate::error::Result;
use crate::operator::join::Keyed;
use crate::plan::branch::{Branch, Feeds, FeedsJoin, Holds, HoldsJoined, Left, Right};
use crate::plan::node::Node;
use crate::plan::rejects::Rejects;
use crate::plan::{Plan, Wanted};
use crate::source::Chunk;

use super::{Join, JoinWorker, View};

impl<Path, L, R, C, J> FeedsJoin<Left<Path>> for Join<L, R, C, J>
where
    L: Branch<Output = ()> + Feeds<Path>,
    R: Branch<Output = ()>,
    Self: Node<Worker = JoinWorker<L::Worker, R::Worker>>,
    L::Target: Keyed,
    C: for<'l, 'r> Fn(View<'l, L>, View<'r, R>) -> bool + Send + Sync + 'static,
{
    type Row = L::Row;

    fn feed(
        &self,
        worker: &mut Self::Worker,
        input: usize,
        chunk: Chunk<'_, L::Row>,
        rejects: &mut Rejects,
    ) -> Result<()> {
        let mut arrived = Ok(());
        let JoinWorker { left, sides, places, .. } = worker;
        self.left.feed(left, input, chunk, rejects, |target, row, place| {
            if arrived.is_ok() {
                arrived =
                    sides.arrive_left::<L::Item, R::Item>(target, row, places.left(place), &self.condition);
            }
        })?;
        arrived
    }

    fn wanted(&self) -> Wanted<'_> {
        self.left.wanted()
    }

    fn take_late(worker: &mut Self::Worker) -> Vec<(u64, L::Row)> {
        L::take_late(&mut worker.left)
    }
}

impl<Path, L, R, C, J> FeedsJoin<Right<Path>> for Join<L, R, C, J>
where
    L: Branch<Output = ()>,
    R: Branch<Output = ()> + Feeds<Path>,
    Self: Node<Worker = JoinWorker<L::Worker, R::Worker>>,
    R::Target: Keyed,
    C: for<'l, 'r> Fn(View<'l, L>, View<'r, R>) -> bool + Send + Sync + 'static,
{
    type Row = R::Row;

    fn feed(
        &self,
        worker: &mut Self::Worker,
        input: usize,
        chunk: Chunk<'_, R::Row>,
        rejects: &mut Rejects,
    ) -> Result<()> {
        let mut arrived = Ok(());
        let JoinWorker { right, sides, places, .. } = worker;
        self.right.feed(right, input, chunk, rejects, |target, row, place| {
            if arrived.is_ok() {
                arrived =
                    sides.arrive_right::<L::Item, R::Item>(target, row, places.right(place), &self.condition);
            }
        })?;
        arrived
    }

    fn wanted(&self) -> Wanted<'_> {
        self.right.wanted()
    }

    fn take_late(worker: &mut Self::Worker) -> Vec<(u64, R::Row)> {
        R::take_late(&mut worker.right)
    }
}

impl<Path, L, R, C, J> HoldsJoined<Left<Path>> for Join<L, R, C, J>
where
    L: Holds<Path>,
    R: Branch,
    Self: Node<Worker = JoinWorker<L::Worker, R::Worker>>,
{
    type Inner = L::Inner;

    fn inner<'a>(
        &'a self,
        worker: &'a mut Self::Worker,
    ) -> (&'a L::Inner, &'a mut <L::Inner as Plan>::Worker) {
        self.left.inner(&mut worker.left)
    }
}

impl<Path, L, R, C, J> HoldsJoined<Right<Path>> for Join<L, R, C, J>
where
    L: Branch,
    R: Holds<Path>,
    Self: Node<Worker = JoinWorker<L::Worker, R::Worker>>,
{
    type Inner = R::Inner;

    fn inner<'a>(
        &'a self,
        worker: &'a mut Self::Worker,
    ) -> (&'a R::Inner, &'a mut <R::Inner as Plan>::Worker) {
        self.right.inner(&mut worker.right)
    }
}
