//! Questions for the record of one call: every sidecar in question is asked once, and the first that has it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sidegate_policy::Caller;
use sidegate_wire::v1;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::Scope;
use crate::control::Control;
use crate::index::SeatNumber;

/// Questions at once.
const MOST: usize = 16;
/// Who has not answered after so long does not count.
const PATIENCE: Duration = Duration::from_secs(5);

/// Every open question, by number.
#[derive(Default)]
pub(crate) struct Questions(Mutex<BTreeMap<u64, Arc<Question>>>);

/// Somebody wants to know.
struct Question {
    scope: Scope,
    request_id: String,
    answers: Mutex<Answers>,
    rung: Notify,
}

/// What has been answered so far.
#[derive(Default)]
struct Answers {
    /// By whom; one answer of each counts.
    answered: BTreeSet<SeatNumber>,
    found: Option<(v1::SeenCall, Vec<v1::Considered>)>,
}

impl Questions {
    fn all(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Question>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first question after number `asked` that concerns sidecars of `namespace`.
    pub(crate) fn after(&self, asked: u64, namespace: &str) -> Option<v1::Recall> {
        let all = self.all();
        let mut open = all.range(asked + 1..).filter(|(_, question)| question.scope.covers(namespace));
        let (number, question) = open.next()?;
        Some(v1::Recall { question: *number, request_id: question.request_id.clone() })
    }

    /// Takes the answer of the sidecar of `caller` at `seat`.
    pub(crate) fn hear(&self, seat: SeatNumber, caller: &Caller, told: v1::Recalled) {
        let question = self.all().get(&told.question).filter(|q| q.scope.covers(&caller.namespace)).cloned();
        let Some(question) = question else { return };
        let mut answers = question.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if !answers.answered.insert(seat) {
            return;
        }
        if !told.record.is_empty() && answers.found.is_none() {
            let call = v1::SeenCall {
                namespace: caller.namespace.to_string(),
                workload: caller.workload.to_string(),
                pod: caller.pod.to_string(),
                record: told.record,
            };
            answers.found = Some((call, told.considered));
        }
        drop(answers);
        question.rung.notify_one();
    }
}

/// Takes the question back when whoever asks is gone.
struct Asking<'a> {
    control: &'a Control,
    number: u64,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.control.live.questions.all().remove(&self.number);
    }
}

/// Asks the sidecars of `scope` for a call; nothing where too many ask already.
pub(crate) async fn ask(control: &Control, scope: &Scope, request_id: String) -> Option<v1::Traced> {
    let (answers, rung) = (Mutex::default(), Notify::new());
    let question = Arc::new(Question { scope: scope.clone(), request_id, answers, rung });
    let asking = {
        let mut all = control.live.questions.all();
        if all.len() >= MOST {
            return None;
        }
        // Under the lock, so that questions become known in the order of their numbers: a sidecar that was asked one
        // looks only for higher ones.
        let number = control.live.number();
        all.insert(number, question.clone());
        Asking { control, number }
    };
    let asked = control.roster.summon(scope);
    let answered = async {
        loop {
            let rung = question.rung.notified();
            {
                let answers = question.answers.lock().unwrap_or_else(PoisonError::into_inner);
                if answers.found.is_some() || answers.answered.len() >= asked {
                    return;
                }
            }
            rung.await;
        }
    };
    // Whoever is silent is told of by the number of those who are not.
    let _ = timeout(PATIENCE, answered).await;
    drop(asking);
    let mut answers = question.answers.lock().unwrap_or_else(PoisonError::into_inner);
    let (call, considered) = answers.found.take().unzip();
    Some(v1::Traced {
        coverage: Some(control.coverage(scope)),
        answered: u32::try_from(answers.answered.len()).unwrap_or(u32::MAX),
        call,
        considered: considered.unwrap_or_default(),
    })
}
