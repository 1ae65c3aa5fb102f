//! A call's own place in a trace: the ids of its spans.
//!
//! Nothing of it is stored or drawn: all follows from the request id, whose bits were drawn. So an unsampled call
//! pays for no id, and whoever has a request id finds its trace.

use super::{CallRecord, TraceContext};

/// Of the golden ratio; steps by it meet every number once (Steele et al., "Fast splittable pseudorandom number
/// generators", OOPSLA 2014).
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl CallRecord {
    /// The trace that its spans belong to: its caller's, or one of its own, whose id is the request id.
    #[must_use]
    pub fn trace_id(&self) -> u128 {
        self.trace.map_or_else(|| self.request_id.bits().max(1), |trace| trace.trace_id)
    }

    /// The span of the call; a child of the caller's, where the caller told one.
    #[must_use]
    pub fn call_span(&self) -> u64 {
        self.span(0)
    }

    /// The span of the attempt at that place in [`CallRecord::attempts`]: a child of the call's.
    #[must_use]
    pub fn attempt_span(&self, index: usize) -> u64 {
        self.span(u64::try_from(index).unwrap_or(u64::MAX).saturating_add(1))
    }

    /// The trace context of an attempt, for whoever serves it.
    #[must_use]
    pub fn attempt_context(&self, index: usize) -> TraceContext {
        TraceContext { trace_id: self.trace_id(), span_id: self.attempt_span(index), sampled: self.sampled }
    }

    /// A number that differs for each call and each of its spans; never 0.
    fn span(&self, nth: u64) -> u64 {
        let bits = self.request_id.bits();
        let (high, low) = ((bits >> 64) as u64, bits as u64);
        let mut z = high ^ low.wrapping_add(nth.wrapping_add(1).wrapping_mul(STEP));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).max(1)
    }
}
