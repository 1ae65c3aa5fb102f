//! x
use serde_json::Value; use sidegate_policy::{Dialect,Usage};
pub(super) fn find(_d: Dialect,_v:&Value)->Option<Usage>{None}
