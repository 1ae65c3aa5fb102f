//! One call, from its request to its answer: the table of contents of the sidecar.
//!
//! Each step is one file. Whatever happens, the call's [`Settlement`] reaches exactly one end: it is opened
//! before anything else, moves into the answer's body, and settles when that ends or is dropped.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response};

use crate::decide::decide;
use crate::dispatch::{Answered, dispatch};
use crate::meter::{CallBody, answer};
use crate::models::list_models;
use crate::recognize::recognize;
use crate::refuse::{Stop, refuse};
use crate::reserve::admit;
use crate::settle::Settlement;
use crate::sidecar::Sidecar;

/// Answers one request.
pub async fn exchange(sidecar: &Arc<Sidecar>, request: Request<Incoming>) -> Response<CallBody> {
    let mut settlement = Settlement::open(sidecar, request.headers());
    match steps(sidecar, request, &mut settlement).await {
        Ok(Reached::Answer(answered)) => answer(answered, settlement),
        Ok(Reached::Models(list)) => list.into_response(settlement),
        Err(stop) => refuse(stop, settlement),
    }
}

/// How far a call got.
enum Reached {
    /// The provider answers.
    Answer(Answered),
    /// The sidecar itself answers: what may this caller use?
    Models(crate::models::Listed),
}

async fn steps(
    sidecar: &Arc<Sidecar>,
    request: Request<Incoming>,
    settlement: &mut Settlement,
) -> Result<Reached, Stop> {
    let armed = sidecar.armed.load_full();
    settlement.govern(armed.as_deref(), request.headers());
    let asked = recognize(sidecar, armed.as_deref(), request, settlement).await?;
    let armed = armed.ok_or_else(Stop::no_policy)?;
    if let Some(list) = list_models(sidecar, &armed, &asked) {
        return Ok(Reached::Models(list?));
    }
    settlement.step();
    let plan = decide(sidecar, &armed, &asked.call, settlement)?;
    admit(sidecar, &armed, settlement)?;
    let answered = dispatch(sidecar, armed, asked, plan, settlement).await?;
    Ok(Reached::Answer(answered))
}
