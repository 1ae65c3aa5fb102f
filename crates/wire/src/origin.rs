//! Where a value came from and how it stands: `Meta`, `Rank`, `Mode`.

use sidegate_policy::{Meta, Mode, ObjectKind, Rank, Specificity};

use crate::invalid::{InvalidSnapshot, Wrong, present};
use crate::v1;

fn unknown(field: &str, value: i32) -> InvalidSnapshot {
    InvalidSnapshot::at(field, Wrong::UnknownValue(value))
}

pub(crate) fn encode_meta(meta: &Meta) -> v1::Meta {
    let kind = match meta.kind {
        ObjectKind::AiProvider => v1::ObjectKind::AiProvider,
        ObjectKind::AiPolicy => v1::ObjectKind::AiPolicy,
    };
    v1::Meta {
        kind: kind.into(),
        namespace: meta.namespace.to_string(),
        name: meta.name.to_string(),
        generation: meta.generation,
        field: meta.field.to_string(),
    }
}

pub(crate) fn decode_meta(meta: Option<v1::Meta>) -> Result<Meta, InvalidSnapshot> {
    let meta = present("meta", meta)?;
    let kind = match v1::ObjectKind::try_from(meta.kind) {
        Ok(v1::ObjectKind::AiProvider) => ObjectKind::AiProvider,
        Ok(v1::ObjectKind::AiPolicy) => ObjectKind::AiPolicy,
        Ok(v1::ObjectKind::Unspecified) | Err(_) => return Err(unknown("meta.kind", meta.kind)),
    };
    Ok(Meta {
        kind,
        namespace: meta.namespace.into(),
        name: meta.name.into(),
        generation: meta.generation,
        field: meta.field.into(),
    })
}

pub(crate) fn encode_rank(rank: Rank) -> v1::Rank {
    let specificity = match rank.specificity {
        Specificity::Cluster => v1::Specificity::Cluster,
        Specificity::OwnNamespace => v1::Specificity::OwnNamespace,
        Specificity::Namespace => v1::Specificity::Namespace,
        Specificity::PodSelector => v1::Specificity::PodSelector,
        Specificity::ServiceAccount => v1::Specificity::ServiceAccount,
        Specificity::Workload => v1::Specificity::Workload,
    };
    v1::Rank { platform: rank.platform, specificity: specificity.into() }
}

pub(crate) fn decode_rank(rank: Option<v1::Rank>) -> Result<Rank, InvalidSnapshot> {
    let rank = present("rank", rank)?;
    let specificity = match v1::Specificity::try_from(rank.specificity) {
        Ok(v1::Specificity::Cluster) => Specificity::Cluster,
        Ok(v1::Specificity::OwnNamespace) => Specificity::OwnNamespace,
        Ok(v1::Specificity::Namespace) => Specificity::Namespace,
        Ok(v1::Specificity::PodSelector) => Specificity::PodSelector,
        Ok(v1::Specificity::ServiceAccount) => Specificity::ServiceAccount,
        Ok(v1::Specificity::Workload) => Specificity::Workload,
        Ok(v1::Specificity::Unspecified) | Err(_) => return Err(unknown("rank.specificity", rank.specificity)),
    };
    Ok(Rank { platform: rank.platform, specificity })
}

pub(crate) fn encode_mode(mode: Mode) -> i32 {
    match mode {
        Mode::Enforce => v1::Mode::Enforce,
        Mode::DryRun => v1::Mode::DryRun,
    }
    .into()
}

pub(crate) fn decode_mode(mode: i32) -> Result<Mode, InvalidSnapshot> {
    match v1::Mode::try_from(mode) {
        Ok(v1::Mode::Enforce) => Ok(Mode::Enforce),
        Ok(v1::Mode::DryRun) => Ok(Mode::DryRun),
        Ok(v1::Mode::Unspecified) | Err(_) => Err(unknown("mode", mode)),
    }
}
