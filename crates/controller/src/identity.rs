//! Who a sidecar is. In a cluster its token is shown to the API server, which says whose pod it is bound to; what
//! counts of that pod comes from the index, and nothing that the sidecar says of itself does. From files there is
//! nobody to ask, and a sidecar is who it says.
//!
//! A token is never kept and never logged: what is remembered for a minute is its digest, and the pod behind it.

mod person;
mod remembered;
mod token;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use kube::api::PostParams;
use kube::{Api, Client};
use sidegate_policy::Caller;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tonic::Status;
use zeroize::Zeroizing;

use crate::control::Control;
use remembered::Remembered;

pub(crate) use person::Person;
pub use token::Token;

/// Questions to the API server at once.
const REVIEWS: usize = 32;
/// People whose rights are asked for at once, apart from sidecars.
const PEOPLE: usize = 4;
/// For one answer, the wait for a turn included.
const REVIEW: Duration = Duration::from_secs(5);
/// For a pod that the API server knows and the index does not yet.
const ARRIVAL: Duration = Duration::from_secs(5);
/// For the source, after a start.
const WHOLE: Duration = Duration::from_secs(10);
/// Between looks for a pod.
const LOOK: Duration = Duration::from_millis(50);
/// What a ServiceAccount's user name begins with, before `namespace:name`.
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";
const POD_NAME: &str = "authentication.kubernetes.io/pod-name";
const POD_UID: &str = "authentication.kubernetes.io/pod-uid";

/// A sidecar whose pod is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    /// Whom it speaks for.
    pub caller: Arc<Caller>,
    /// Identity of its pod; empty where nobody has proven it.
    pub uid: Arc<str>,
}

/// The pod that a token is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bound {
    namespace: Arc<str>,
    service_account: Arc<str>,
    pod: Arc<str>,
    uid: Arc<str>,
}

/// Asks the API server whose token it is.
pub struct Reviewer {
    client: Client,
    audience: String,
    turns: Semaphore,
    people: Semaphore,
    remembered: Remembered,
}

impl Reviewer {
    /// One that takes tokens for `audience` and no others.
    #[must_use]
    pub fn new(client: Client, audience: &str) -> Self {
        Self {
            client,
            audience: audience.to_owned(),
            turns: Semaphore::new(REVIEWS),
            people: Semaphore::new(PEOPLE),
            remembered: Remembered::default(),
        }
    }

    /// The pod that `token` is bound to.
    async fn bound(&self, token: &Token) -> Result<Bound, Status> {
        let digest = digest(&SHA256, token.text().as_bytes());
        if let Some(bound) = self.remembered.get(digest.as_ref()) {
            return Ok(bound);
        }
        let unavailable = |why: &str| Status::unavailable(format!("who this is cannot be told now: {why}"));
        let asked = timeout(REVIEW, self.ask(token)).await.map_err(|_| unavailable("no answer in time"))?;
        let answer = asked.map_err(|error| {
            let why = crate::source::kube::told(&error);
            tracing::error!("a token cannot be reviewed: {why}");
            unavailable("the API server does not review tokens")
        })?;
        let bound = self.judge(answer).map_err(Status::unauthenticated)?;
        self.remembered.put(digest.as_ref(), bound.clone());
        Ok(bound)
    }

    async fn ask(&self, token: &Token) -> kube::Result<TokenReview> {
        // The semaphore is never closed; if it were, nobody would be kept from asking.
        let _turn = self.turns.acquire().await;
        let spec =
            TokenReviewSpec { audiences: Some(vec![self.audience.clone()]), token: Some(token.text().to_owned()) };
        let mut review = TokenReview { spec, ..TokenReview::default() };
        let answer = Api::all(self.client.clone()).create(&PostParams::default(), &review).await;
        drop(review.spec.token.take().map(Zeroizing::new));
        answer
    }

    /// What an answer says of the pod; a sentence if the token is none of ours.
    fn judge(&self, answer: TokenReview) -> Result<Bound, String> {
        drop(answer.spec.token.map(Zeroizing::new));
        let status = answer.status.unwrap_or_default();
        if status.authenticated != Some(true) {
            return Err("the token is not valid".to_owned());
        }
        // A server that knows nothing of audiences leaves them out, and takes tokens that are meant for others.
        if !status.audiences.unwrap_or_default().contains(&self.audience) {
            return Err(format!("the token is not for the audience {:?}", self.audience));
        }
        let user = status.user.unwrap_or_default();
        let account = user.username.as_deref().and_then(|name| name.strip_prefix(SERVICE_ACCOUNT));
        let (namespace, service_account) = account
            .and_then(|account| account.split_once(':'))
            .ok_or_else(|| "the token is no ServiceAccount's".to_owned())?;
        let (Some(pod), Some(uid)) = (extra(&user, POD_NAME), extra(&user, POD_UID)) else {
            return Err("the token is not bound to a pod".to_owned());
        };
        Ok(Bound { namespace: namespace.into(), service_account: service_account.into(), pod, uid })
    }
}

fn extra(user: &UserInfo, key: &str) -> Option<Arc<str>> {
    let values: Option<&BTreeMap<String, Vec<String>>> = user.extra.as_ref();
    values?.get(key)?.first().filter(|value| !value.is_empty()).map(|value| value.as_str().into())
}

impl Control {
    /// Who a sidecar is that shows `token` and says that it is `declared`.
    ///
    /// # Errors
    /// `UNAVAILABLE` when that cannot be told now and may be later, `UNAUTHENTICATED` when it will never be.
    pub(crate) async fn identify(&self, token: Option<&Token>, declared: Option<Caller>) -> Result<Identified, Status> {
        let mut ready = self.readiness();
        if timeout(WHOLE, ready.wait_for(|ready| *ready)).await.is_err() {
            return Err(Status::unavailable("the cluster's objects are not known yet"));
        }
        let Some(reviewer) = &self.reviewer else {
            let declared = declared.filter(|caller| !caller.namespace.is_empty());
            let missing = || Status::invalid_argument("Hello must name the caller and its namespace");
            return Ok(Identified { caller: Arc::new(declared.ok_or_else(missing)?), uid: Arc::default() });
        };
        let missing = || Status::unauthenticated("a sidecar shows its pod's token: --token-file");
        let bound = reviewer.bound(token.ok_or_else(missing)?).await?;
        let arrival = async {
            loop {
                if let Some(caller) = self.caller_of(&bound.namespace, &bound.pod, &bound.uid) {
                    return caller;
                }
                sleep(LOOK).await;
            }
        };
        let Ok(caller) = timeout(ARRIVAL, arrival).await else {
            let why = format!("no pod {}/{} with a sidecar is known", bound.namespace, bound.pod);
            return Err(Status::unavailable(why));
        };
        if caller.service_account != bound.service_account {
            return Err(Status::unauthenticated("the token is of another ServiceAccount than the pod"));
        }
        Ok(Identified { caller: Arc::new(caller), uid: bound.uid })
    }
}
