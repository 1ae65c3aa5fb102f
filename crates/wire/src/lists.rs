//! Lists of models, and limits.

use std::time::Duration;

use sidegate_policy::{Glob, Limit, LimitId, ModelList, Unit};

use crate::invalid::{InvalidSnapshot, Wrong, each, filled};
use crate::origin::{decode_meta, decode_mode, decode_rank, encode_meta, encode_mode, encode_rank};
use crate::provider::millis;
use crate::v1;

pub(crate) fn decode_glob(text: &str) -> Result<Glob, InvalidSnapshot> {
    Glob::parse(text).map_err(|e| InvalidSnapshot::at("", Wrong::NotAGlob(e.to_string())))
}

pub(crate) fn encode_models(list: &ModelList) -> v1::ModelList {
    v1::ModelList {
        globs: list.globs.iter().map(ToString::to_string).collect(),
        rank: Some(encode_rank(list.rank)),
        mode: encode_mode(list.mode),
        meta: Some(encode_meta(&list.meta)),
    }
}

pub(crate) fn decode_models(list: v1::ModelList) -> Result<ModelList, InvalidSnapshot> {
    Ok(ModelList {
        globs: each("globs", list.globs, |g| decode_glob(&g))?,
        rank: decode_rank(list.rank)?,
        mode: decode_mode(list.mode)?,
        meta: decode_meta(list.meta)?,
    })
}

pub(crate) fn encode_limit(limit: &Limit) -> v1::Limit {
    let unit = match limit.unit {
        Unit::Requests => v1::Unit::Requests,
        Unit::InputTokens => v1::Unit::InputTokens,
        Unit::OutputTokens => v1::Unit::OutputTokens,
        Unit::TotalTokens => v1::Unit::TotalTokens,
        Unit::ConcurrentRequests => v1::Unit::ConcurrentRequests,
    };
    v1::Limit {
        object: limit.id.object.to_string(),
        name: limit.id.name.to_string(),
        unit: unit.into(),
        amount: limit.amount,
        window: millis(limit.window),
        mode: encode_mode(limit.mode),
        meta: Some(encode_meta(&limit.meta)),
    }
}

pub(crate) fn decode_limit(limit: v1::Limit) -> Result<Limit, InvalidSnapshot> {
    let unit = match v1::Unit::try_from(limit.unit) {
        Ok(v1::Unit::Requests) => Unit::Requests,
        Ok(v1::Unit::InputTokens) => Unit::InputTokens,
        Ok(v1::Unit::OutputTokens) => Unit::OutputTokens,
        Ok(v1::Unit::TotalTokens) => Unit::TotalTokens,
        Ok(v1::Unit::ConcurrentRequests) => Unit::ConcurrentRequests,
        Ok(v1::Unit::Unspecified) | Err(_) => {
            return Err(InvalidSnapshot::at("unit", Wrong::UnknownValue(limit.unit)));
        }
    };
    if limit.amount == 0 {
        return Err(InvalidSnapshot::at("amount", Wrong::OutOfBounds(0)));
    }
    if (limit.window == 0) != (unit == Unit::ConcurrentRequests) {
        return Err(InvalidSnapshot::at("window", Wrong::OutOfBounds(limit.window)));
    }
    Ok(Limit {
        id: LimitId { object: filled("object", limit.object)?, name: filled("name", limit.name)? },
        unit,
        amount: limit.amount,
        window: Duration::from_millis(limit.window),
        mode: decode_mode(limit.mode)?,
        meta: decode_meta(limit.meta)?,
    })
}
