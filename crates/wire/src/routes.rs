//! Routes: what they match and where they lead.

use sidegate_policy::{HeaderMatch, Match, ProviderSlot, Route, Target};

use crate::invalid::{InvalidSnapshot, Wrong, each, filled, present};
use crate::lists::decode_glob;
use crate::origin::{decode_meta, decode_mode, decode_rank, encode_meta, encode_mode, encode_rank};
use crate::v1;
use crate::v1::target::Provider as Slot;

/// Priorities are small: 0 to 100.
const HIGHEST_PRIORITY: u8 = 100;

pub(crate) fn encode(route: &Route) -> v1::Route {
    v1::Route {
        name: route.name.to_string(),
        matches: route.matches.iter().map(encode_match).collect(),
        targets: route.targets.iter().map(encode_target).collect(),
        rank: Some(encode_rank(route.rank)),
        mode: encode_mode(route.mode),
        meta: Some(encode_meta(&route.meta)),
    }
}

/// The route, in a snapshot of `providers` providers.
pub(crate) fn decode(route: v1::Route, providers: usize) -> Result<Route, InvalidSnapshot> {
    Ok(Route {
        name: filled("name", route.name)?,
        matches: each("matches", route.matches, decode_match)?,
        targets: each("targets", route.targets, |t| decode_target(t, providers))?,
        rank: decode_rank(route.rank)?,
        mode: decode_mode(route.mode)?,
        meta: decode_meta(route.meta)?,
    })
}

fn encode_match(m: &Match) -> v1::Match {
    let header = |h: &HeaderMatch| v1::HeaderMatch { name: h.name.to_string(), value: h.value.to_string() };
    v1::Match {
        models: m.models.iter().map(ToString::to_string).collect(),
        headers: m.headers.iter().map(header).collect(),
    }
}

fn decode_match(m: v1::Match) -> Result<Match, InvalidSnapshot> {
    Ok(Match {
        models: each("models", m.models, |g| decode_glob(&g))?,
        headers: each("headers", m.headers, |h| {
            let name = h.name.to_ascii_lowercase();
            Ok(HeaderMatch { name: filled("name", name)?, value: h.value.into() })
        })?,
    })
}

fn encode_target(target: &Target) -> v1::Target {
    let name =
        |namespace: &str, name: &str| v1::ProviderName { namespace: namespace.to_owned(), name: name.to_owned() };
    let provider = match &target.provider {
        // More than four billion providers do not fit any snapshot; the bound makes the receiver refuse it.
        ProviderSlot::At(at) => Slot::At(u32::try_from(*at).unwrap_or(u32::MAX)),
        ProviderSlot::Missing { namespace, name: n } => Slot::Missing(name(namespace, n)),
        ProviderSlot::NotAccessible { namespace, name: n } => Slot::NotAccessible(name(namespace, n)),
    };
    v1::Target {
        provider: Some(provider),
        model: target.model.as_deref().unwrap_or_default().to_owned(),
        weight: target.weight,
        priority: target.priority.into(),
    }
}

fn decode_target(target: v1::Target, providers: usize) -> Result<Target, InvalidSnapshot> {
    let out_of_bounds = |field: &str, n: u32| InvalidSnapshot::at(field, Wrong::OutOfBounds(n.into()));
    let provider = match present("provider", target.provider)? {
        Slot::At(at) => match usize::try_from(at) {
            Ok(index) if index < providers => ProviderSlot::At(index),
            _ => return Err(out_of_bounds("at", at)),
        },
        Slot::Missing(n) => ProviderSlot::Missing { namespace: n.namespace.into(), name: n.name.into() },
        Slot::NotAccessible(n) => ProviderSlot::NotAccessible { namespace: n.namespace.into(), name: n.name.into() },
    };
    let priority = u8::try_from(target.priority).ok().filter(|p| *p <= HIGHEST_PRIORITY);
    Ok(Target {
        provider,
        model: (!target.model.is_empty()).then(|| target.model.into()),
        weight: target.weight,
        priority: priority.ok_or_else(|| out_of_bounds("priority", target.priority))?,
    })
}
