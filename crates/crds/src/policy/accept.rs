//! From an `AIPolicy` to the vocabulary, if all of it holds.

use sidegate_policy::{Glob, Mode};

use super::limits::{self, LimitDraft};
use super::routes::{self, RouteDraft};
use super::targeting::{self, Targeting};
use super::telemetry::{self, TelemetryDraft};
use super::{AIPolicy, ModeName};
use crate::invalid::{Invalid, Report};
use crate::object::{Context, Origin};

/// A policy that may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedPolicy {
    /// Where it came from.
    pub origin: Origin,
    /// Which callers it applies to.
    pub targeting: Targeting,
    /// Whether it acts.
    pub mode: Mode,
    /// The models that may be asked for; none means that it does not say.
    pub allow: Option<Vec<Glob>>,
    /// The models that may be neither asked for nor reached.
    pub deny: Vec<Glob>,
    /// Where calls go.
    pub routes: Vec<RouteDraft>,
    /// How much may be used.
    pub limits: Vec<LimitDraft>,
    /// What is told of calls.
    pub telemetry: TelemetryDraft,
}

/// Checks `object` whole.
///
/// # Errors
/// Everything that is wrong with it, by field.
pub fn accept_policy(object: &AIPolicy, context: &Context<'_>) -> Result<AcceptedPolicy, Vec<Invalid>> {
    let (spec, mut report) = (&object.spec, Report::default());
    let origin = Origin::read(&object.metadata, context, &mut report);
    let targeting = targeting::read(spec, &origin, &mut report);
    let (allow, deny) = spec.models.as_ref().map_or((None, None), |m| (m.allow.as_ref(), m.deny.as_ref()));
    let accepted = AcceptedPolicy {
        mode: match spec.mode {
            ModeName::Enforce => Mode::Enforce,
            ModeName::DryRun => Mode::DryRun,
        },
        allow: allow.map(|list| routes::read_globs(list, "spec.models.allow", &mut report)),
        deny: deny.map_or_else(Vec::new, |list| routes::read_globs(list, "spec.models.deny", &mut report)),
        routes: routes::read(&spec.routes, &origin.namespace, &mut report),
        limits: limits::read(&spec.limits, &mut report),
        telemetry: telemetry::read(spec.telemetry.as_ref(), &origin, &targeting, &mut report),
        targeting,
        origin,
    };
    report.end(Some(accepted))
}
