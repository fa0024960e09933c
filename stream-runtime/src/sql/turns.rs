//! [`GiveWay`]: a statement gives way to others, and to a timeout, where it makes many rows of few as well.
//!
//! DataFusion counts the batches that come out of tables and gives way after some. A join can make any number of batches of one, and whoever sums
//! them up asks for them in a loop.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::error::Result as PlanResult;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;

/// Has the batches that come out of joins and out of `unnest` counted, too.
#[derive(Debug)]
pub(super) struct GiveWay;

impl PhysicalOptimizerRule for GiveWay {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let makes_rows = plan.children().len() > 1 || plan.name() == "UnnestExec";
            Ok(if makes_rows {
                Transformed::yes(Arc::new(CooperativeExec::new(plan)) as Arc<dyn ExecutionPlan>)
            } else {
                Transformed::no(plan)
            })
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "GiveWay"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
