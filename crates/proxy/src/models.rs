//! The models lists: what this caller may use, in its own dialect. No provider is asked.

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use sidegate_dialects::models;
use sidegate_policy::decide::Conditions;
use sidegate_policy::offers::{Offer, offers};
use sidegate_policy::{Class, Operation, Refusal};

use crate::armed::Armed;
use crate::meter::CallBody;
use crate::recognize::Asked;
use crate::settle::Settlement;
use crate::sidecar::Sidecar;

/// A list, or one entry of it.
pub struct Listed(Bytes);

/// Answers the models operations; none for every other call.
pub fn list_models(sidecar: &Arc<Sidecar>, armed: &Armed, asked: &Asked) -> Option<Result<Listed, Refusal>> {
    let call = &asked.call;
    if !matches!(call.operation, Operation::ListModels | Operation::GetModel) {
        return None;
    }
    let suspensions = sidecar.breakers.suspensions();
    let conditions =
        Conditions { now: sidecar.clock.now(), keys: &armed.present, suspensions: &suspensions, pin: None };
    let offered = offers(&armed.snapshot, call.dialect, &sidecar.caller, &conditions);
    if call.operation == Operation::ListModels {
        return Some(Ok(Listed(models::list(call.dialect, &offered))));
    }
    let wanted = |offer: &&Offer| offer.name == call.model;
    Some(offered.iter().find(wanted).map(|offer| Listed(models::one(call.dialect, offer))).ok_or_else(|| {
        Refusal::new(Class::ModelNotAllowed, None, format!("The model `{}` is not one of this workload's.", call.model))
    }))
}

impl Listed {
    /// The answer, settled.
    pub fn into_response(self, mut settlement: Settlement) -> Response<CallBody> {
        let mut response = Response::new(CallBody::whole(self.0.clone()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        settlement.mark(response.headers_mut());
        settlement.answered_here(StatusCode::OK, self.0.len());
        response
    }
}
