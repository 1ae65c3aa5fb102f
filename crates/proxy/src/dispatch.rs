//! Step 6, dispatch: attempts over the plan's places until one answers.
//!
//! Deadlines, repeats, moves to another credential or target, and the gate before which an answer can still
//! be exchanged for another. What comes next after a failure is decided by [`tour`], purely; nothing is
//! repeated or moved once a byte has reached the caller.

pub mod attempt;
pub mod breaker;
pub mod connect;
pub mod deadline;
pub mod gate;
pub mod pool;
pub mod resolve;
pub mod retry_budget;
pub mod tls;
pub mod tour;

use std::sync::Arc;

use sidegate_policy::Plan;
use tokio::time::sleep;

use self::attempt::{Failure, Response, attempt};
use self::tour::{Next, Tour};
use crate::armed::Armed;
use crate::prepare::prepare;
use crate::recognize::Asked;
use crate::refuse::Stop;
use crate::reserve::hold_attempt;
use crate::settle::Settlement;
use crate::sidecar::Sidecar;

/// An answer on its way to the caller.
pub struct Answered {
    /// The provider's answer.
    pub response: Box<Response>,
    /// The policy that the call goes by.
    pub armed: Arc<Armed>,
}

/// Tries the plan's places in order.
///
/// # Errors
/// A refusal when there is no room for an attempt, a fault when every place failed without an answer that may
/// be passed on.
pub async fn dispatch(
    sidecar: &Arc<Sidecar>,
    armed: Arc<Armed>,
    asked: Box<Asked>,
    plan: Plan,
    settlement: &mut Settlement,
) -> Result<Answered, Stop> {
    let mut tour = Tour::new(&plan);
    let mut first_failure: Option<Failure> = None;
    sidecar.retries.note_call(settlement.now());
    loop {
        let target = tour.target();
        let place = armed.place(target.provider, &target.model, &sidecar.breakers).ok_or_else(Stop::no_policy)?;
        let mut request = prepare(sidecar, &armed, &asked, &target)?;
        if armed.providers[target.provider].told_traces {
            settlement.pass_trace(&asked.head.headers, request.headers_mut());
        }
        let hold = match hold_attempt(sidecar, &armed, &asked.call, &place, settlement) {
            Ok(hold) => hold,
            // The first failure is why there is another attempt at all, and says more than the limit.
            Err(refusal) => return told(first_failure, refusal.into(), &armed, settlement),
        };
        settlement.begin_attempt(&armed, &target, &place, hold);
        let gated = tour.may_go_on(&(&**sidecar, settlement.now()));
        let outcome = attempt(sidecar, &armed, &asked, (&target, request), gated).await;
        let now = settlement.step();
        let failure = match outcome {
            Ok(response) => {
                settlement.release_body();
                return Ok(response.passed_on(&armed, settlement));
            }
            Err(failure) => failure,
        };
        settlement.end_attempt(&failure);
        let next = tour.next(&failure, &(&**sidecar, now));
        let fault = failure.fault.clone();
        // Of several failures the first is told: the caller asked for the primary.
        first_failure.get_or_insert(failure);
        match next {
            Next::GiveUp => return told(first_failure, fault.into(), &armed, settlement),
            Next::After(delay) => {
                sleep(delay).await;
                settlement.step();
            }
            Next::Now => {}
        }
    }
}

/// The answer of a failure, where there is one that may be passed on; else its fault.
fn told(
    failure: Option<Failure>,
    otherwise: Stop,
    armed: &Arc<Armed>,
    settlement: &mut Settlement,
) -> Result<Answered, Stop> {
    match failure {
        Some(Failure { response: Some(response), fault, .. }) => {
            settlement.passes_on(&fault);
            Ok(response.passed_on(armed, settlement))
        }
        Some(failure) => Err(failure.fault.into()),
        None => Err(otherwise),
    }
}

impl Response {
    fn passed_on(self: Box<Self>, armed: &Arc<Armed>, settlement: &mut Settlement) -> Answered {
        settlement.head_arrived(self.head.status, &self.head.headers);
        Answered { response: self, armed: armed.clone() }
    }
}
