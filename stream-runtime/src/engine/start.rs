//! What happens between `start()` and the first batch: the checkpoint is checked and the state restored.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use uuid::Uuid;

use crate::checkpoint::{BatchPlan, Fingerprint, Metadata, OperatorFingerprint, Recovered, StateStore};
use crate::error::{Error, Result};
use crate::plan::{Explain, KEY_GROUPS, PlanInfo};
use crate::sink::SinkContext;
use crate::source::SourceContext;
use crate::time::Duration;

use super::clock::Clock;
use super::execution::{Execution, blocking};
use super::handle::Shared;
use super::listener::QueryListener;
use super::planning::ends;
use super::policy::WatermarkPolicy;
use super::silence::Silence;
use super::stages::Stages;
use super::step::StepHook;
use super::watermark::WatermarkTracker;

/// A query's surroundings.
pub(super) struct Start {
    pub(super) name: String,
    pub(super) store: Arc<dyn StateStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) listeners: Vec<Arc<dyn QueryListener>>,
    pub(super) step: Option<StepHook>,
    pub(super) watermark_policy: WatermarkPolicy,
    pub(super) flush_after: Option<Duration>,
}

impl Start {
    /// Checks the checkpoint against the query before anything is read, then opens sources and sinks.
    pub(super) async fn open(self, mut stages: Box<dyn Stages>) -> Result<Execution> {
        let Self { name, store, clock, listeners, step, watermark_policy, flush_after } = self;
        let info = stages.info().clone();
        let fingerprint = fingerprint(&info, stages.state_types());
        let id = Uuid::from_u128(clock.random());
        let new = Metadata {
            query_id: id,
            hash_seed: clock.random() as u64,
            key_groups: KEY_GROUPS,
            fingerprint,
            watermark_policy,
        };
        let watermarks = info.all_inputs().iter().filter(|input| input.watermark.is_some()).count();
        let metadata = self::metadata(&name, &store, new, watermarks).await?;
        let recovering = Arc::clone(&store);
        let recovered = blocking(move || recovering.recover()).await?;
        let Recovered { plans, commit, mut source_logs } = recovered;
        let committed = commit.map(|commit| commit.batch);
        let (done, pending): (Vec<BatchPlan>, Vec<BatchPlan>) =
            plans.into_iter().partition(|plan| committed.is_some_and(|batch| plan.batch <= batch));
        let last = done.into_iter().next_back();
        let pending = pending.into_iter().next();
        // That of a batch which is to run again may have come from the clock.
        let reached = pending.as_ref().or(last.as_ref()).map_or(0, |plan| plan.watermark_ms);
        let next = commit.map_or(reached, |commit| commit.next_watermark_ms.max(reached));
        let tracker = WatermarkTracker::new(&info, watermark_policy, next);
        let silence = Silence::new(stages.idle_times(), flush_after, clock.elapsed(), tracker.current_ms());

        stages.restore(metadata.hash_seed, Arc::clone(&store)).await?;
        let planned = pending.as_ref().or(last.as_ref());
        source_logs.resize_with(info.input_count(), Vec::new);
        let contexts = ends(planned, info.input_count()).into_iter().zip(source_logs);
        let contexts =
            contexts.map(|(end, log)| SourceContext { log, end, clock: Arc::clone(&clock) }).collect();
        stages.open_sources(contexts).await?;
        let sink = SinkContext {
            query_id: metadata.query_id,
            query_name: name.clone(),
            mode: info.mode,
            first_batch: pending
                .as_ref()
                .map_or(last.as_ref().map_or(0, |last| last.batch + 1), |plan| plan.batch),
            first_is_replay: pending.is_some(),
        };
        stages.open_sinks(sink).await?;
        let watermark = last.as_ref().and_then(|last| tracker.instant(last.watermark_ms));
        stages.restore_sinks(committed, watermark).await?;

        let run_id = Uuid::from_u128(clock.random());
        let shared = Shared::new(metadata.query_id, run_id, name, Explain::new(info));
        Ok(Execution {
            stages,
            store,
            clock,
            shared,
            listeners,
            step,
            tracker,
            silence,
            last,
            pending,
            last_trigger: None,
        })
    }
}

/// The checkpoint's metadata: checked against the query, or written if the checkpoint is new.
async fn metadata(
    name: &str,
    store: &Arc<dyn StateStore>,
    new: Metadata,
    watermarks: usize,
) -> Result<Metadata> {
    let store = Arc::clone(store);
    let name = name.to_owned();
    blocking(move || {
        let Some(stored) = store.metadata()? else {
            store.initialize(&new)?;
            return Ok(new);
        };
        if stored.key_groups != KEY_GROUPS {
            return Err(Error::checkpoint(
                store.location(),
                format!("it has {} key groups, and this version has {KEY_GROUPS}", stored.key_groups),
            ));
        }
        let incompatible = |difference| Error::Incompatible { path: store.location(), difference };
        let changes = stored.fingerprint.check(&new.fingerprint).map_err(incompatible)?;
        if watermarks > 1 && stored.watermark_policy != new.watermark_policy {
            return Err(incompatible(format!(
                "written with the watermark policy `{}`; this query has `{}`",
                stored.watermark_policy, new.watermark_policy
            )));
        }
        for change in &changes {
            tracing::info!(query = %name, %change, "the query differs from the checkpoint's, compatibly");
        }
        if !changes.is_empty() {
            store.update_fingerprint(&new.fingerprint)?;
        }
        Ok(Metadata { fingerprint: new.fingerprint, ..stored })
    })
    .await
}

/// An end of the range of a join's event times.
fn end(end: Bound<Duration>) -> String {
    match end {
        Bound::Included(span) => span.to_string(),
        Bound::Excluded(span) => format!("less than {span}"),
        Bound::Unbounded => "unbounded".to_owned(),
    }
}

/// What a restart has to find unchanged, and what it may find changed.
fn fingerprint(info: &PlanInfo, types: Vec<String>) -> Fingerprint {
    let operators =
        info.all_operators().into_iter().zip(types).map(|(operator, types)| OperatorFingerprint {
            name: operator.name.to_owned(),
            clause: operator.clause.to_owned(),
            durations: match (operator.window, operator.within) {
                (Some((width, slide, start)), _) => format!("width {width}, slide {slide}, start {start}"),
                (None, Some((from, to))) => format!("within {}, {}", end(from), end(to)),
                (None, None) => String::new(),
            },
            aggregates: operator.aggregates.iter().map(ToString::to_string).collect(),
            types,
        });
    let watermarks = info.all_inputs().into_iter().filter_map(|input| {
        let watermark = input.watermark?;
        Some((format!("watermark of {}", input.name), format!("{}, {}", watermark.column, watermark.delay)))
    });
    let mut changeable: BTreeMap<String, String> = watermarks.collect();
    changeable.insert("clauses".to_owned(), info.clauses.join("; "));
    changeable.insert("select".to_owned(), info.select.to_owned());
    changeable.extend(info.having.map(|having| ("having".to_owned(), having.to_owned())));
    changeable.extend(info.order_by.map(|keys| ("order by".to_owned(), keys.to_owned())));
    changeable.extend(info.limit.map(|rows| ("limit".to_owned(), rows.to_string())));
    Fingerprint {
        mode: info.mode.name().to_owned(),
        inputs: info.all_inputs().iter().map(|input| format!("{}: {}", input.name, input.row)).collect(),
        operators: operators.collect(),
        changeable,
    }
}
