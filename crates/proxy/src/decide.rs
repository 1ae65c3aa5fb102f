//! Step 3, decide: the moment's conditions, then the pure decision. Nothing is decided here.

use sidegate_policy::decide::{Conditions, weigh_refused};
use sidegate_policy::{Call, Plan, Refusal, decide as policy_decide};

use crate::armed::Armed;
use crate::settle::Settlement;
use crate::sidecar::Sidecar;

/// Where the call goes, noted in its record.
pub fn decide(sidecar: &Sidecar, armed: &Armed, call: &Call, settlement: &mut Settlement) -> Result<Plan, Refusal> {
    let pin = call.conversation.earlier().and_then(|key| sidecar.pins.get(key));
    let suspensions = sidecar.breakers.suspensions();
    let conditions =
        Conditions { now: settlement.now(), keys: &armed.present, suspensions: &suspensions, pin: pin.as_ref() };
    let decided = policy_decide(&armed.snapshot, call, &sidecar.caller, &conditions, sidecar.draw());
    match &decided {
        Ok(plan) => settlement.decided(&armed.snapshot, plan),
        Err(_) => {
            if let Some(weighing) = weigh_refused(&armed.snapshot, call, &sidecar.caller, &conditions) {
                settlement.weighed(&armed.snapshot, &weighing);
            }
        }
    }
    decided
}
