//! People who ask about running sidecars: who they are by the API server's word, and whether they may see the sidecars
//! of a namespace, which is the right to `get pods/sidegate` there.
//!
//! A token is kept for as long as its owner goes on watching, is shown to the API server alone, and is never logged.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::Api;
use kube::api::PostParams;
use tokio::time::timeout;
use tonic::Status;
use zeroize::Zeroizing;

use super::{Reviewer, Token};
use crate::control::Control;
use crate::live::Scope;

/// For both answers of the API server.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a person needs the right to get.
const RESOURCE: (&str, &str) = ("pods", "sidegate");

/// Somebody who asks.
pub(crate) struct Person(Option<Token>);

impl Person {
    /// Whoever shows that token, or none.
    pub(crate) fn of(token: Option<Token>) -> Self {
        Self(token)
    }
}

impl Reviewer {
    /// The name of the owner of `token`, who may see the sidecars of `scope`.
    async fn may_see(&self, token: &Token, scope: &Scope) -> Result<Arc<str>, Status> {
        let asked = timeout(PATIENCE, async {
            // The semaphore is never closed; if it were, nobody would be kept from asking.
            let _turn = self.people.acquire().await;
            let user = self.user(token).await?;
            let name = user.username.clone().unwrap_or_default();
            let review = SubjectAccessReview {
                spec: SubjectAccessReviewSpec {
                    user: user.username,
                    uid: user.uid,
                    groups: user.groups,
                    extra: user.extra,
                    resource_attributes: Some(attributes(scope.namespace())),
                    ..SubjectAccessReviewSpec::default()
                },
                ..SubjectAccessReview::default()
            };
            let reviews: Api<SubjectAccessReview> = Api::all(self.client.clone());
            let answer = reviews.create(&PostParams::default(), &review).await.map_err(|error| silent(&error))?;
            match answer.status {
                Some(status) if status.allowed && status.denied != Some(true) => Ok(name.into()),
                _ => Err(Status::permission_denied(format!("{name:?} may not get pods/sidegate in {scope}"))),
            }
        });
        asked.await.map_err(|_| Status::unavailable("the API server does not answer in time"))?
    }

    /// Who the owner of `token` is. It is meant for the API server itself, as kubectl shows it there.
    async fn user(&self, token: &Token) -> Result<UserInfo, Status> {
        let spec = TokenReviewSpec { audiences: None, token: Some(token.text().to_owned()) };
        let mut review = TokenReview { spec, ..TokenReview::default() };
        let answer = Api::all(self.client.clone()).create(&PostParams::default(), &review).await;
        drop(review.spec.token.take().map(Zeroizing::new));
        let answer: TokenReview = answer.map_err(|error| silent(&error))?;
        drop(answer.spec.token.map(Zeroizing::new));
        let status = answer.status.unwrap_or_default();
        match status.user {
            Some(user) if status.authenticated == Some(true) => Ok(user),
            _ => Err(Status::unauthenticated("the API server does not know this token")),
        }
    }
}

/// The right that is needed.
fn attributes(namespace: Option<&str>) -> ResourceAttributes {
    ResourceAttributes {
        namespace: namespace.map(str::to_owned),
        verb: Some("get".to_owned()),
        version: Some("v1".to_owned()),
        resource: Some(RESOURCE.0.to_owned()),
        subresource: Some(RESOURCE.1.to_owned()),
        ..ResourceAttributes::default()
    }
}

fn silent(error: &kube::Error) -> Status {
    let why = crate::source::kube::told(error);
    tracing::error!("whether somebody may look at sidecars cannot be told: {why}");
    Status::unavailable("the API server does not say who this is, or what they may see")
}

impl Control {
    /// What `person` is shown who asks about `scope`, or leaves that to us, and their name, which is empty where nobody is
    /// asked for it.
    ///
    /// # Errors
    /// Why nothing is shown, in the words of gRPC.
    pub(crate) async fn permit(&self, person: &Person, scope: Option<Scope>) -> Result<(Scope, Arc<str>), Status> {
        let Some(reviewer) = &self.reviewer else {
            // From files there is nobody to ask, and whoever is on loopback could read the files too.
            return Ok((scope.unwrap_or(Scope::All), Arc::default()));
        };
        let token = person.0.as_ref();
        let token = token.ok_or_else(|| Status::unauthenticated("show a token that the API server knows"))?;
        let scope = scope.ok_or_else(|| Status::invalid_argument("name a namespace, or ask about all of them"))?;
        let user = reviewer.may_see(token, &scope).await?;
        Ok((scope, user))
    }
}
