//! Counts as text, for other replicas: short, because thousands of objects have to fit into one annotation.
//!
//! Three kinds of line: `AIPolicy/shop` (what follows is of this kind and namespace), ` checkout 7 12 0` (name,
//! generation, sidecars that enforce it and that refused it), and `! shop/web-1 words` (who refused the one before).
//! Behind the counts of a provider are the names of the credentials whose keys it turns down; who does not know
//! them reads no further than the counts.

use std::collections::{BTreeMap, HashMap};

use super::super::rejected::Names;
use super::{Acks, Refused};
use crate::problem::{Kind, ObjectName};

type All = HashMap<(ObjectName, i64), Acks>;
type Rejected = BTreeMap<ObjectName, Names>;

/// Credentials of one provider that are read: as many as it may have.
const MOST_CREDENTIALS: usize = 16;

pub(super) fn write(all: &All, rejected: &Rejected, most: usize) -> String {
    let mut sorted: Vec<_> = all.iter().collect();
    sorted.sort_unstable_by_key(|(key, _)| *key);
    let (mut text, mut heading) = (String::new(), String::new());
    for ((name, generation), acks) in sorted {
        let (mut lines, of) = (String::new(), format!("{}/{}\n", name.kind.as_str(), name.namespace));
        if of != heading {
            lines.push_str(&of);
        }
        let Acks { programmed, rejected: refused, refusal } = acks;
        lines.push_str(&format!(" {} {generation} {programmed} {refused}", name.name));
        for credential in rejected.get(name).into_iter().flatten() {
            lines.push(' ');
            lines.push_str(credential);
        }
        lines.push('\n');
        if let Some(Refused { sidecar, reason }) = refusal {
            lines.push_str(&format!("! {sidecar} {reason}\n"));
        }
        if text.len() + lines.len() <= most {
            text.push_str(&lines);
            heading = of;
        }
    }
    text
}

pub(super) fn read(text: &str) -> (All, Rejected) {
    let (mut all, mut down) = (All::new(), Rejected::new());
    let mut heading: Option<(Kind, &str)> = None;
    let mut last = None;
    for line in text.lines() {
        if let Some(counts) = line.strip_prefix(' ') {
            last = heading.and_then(|of| counted(of, counts));
            all.extend(last.clone());
            if let Some(((name, _), _)) = &last {
                let words = counts.split(' ').skip(4).filter(|word| !word.is_empty());
                let names: Names = words.take(MOST_CREDENTIALS).map(Into::into).collect();
                if !names.is_empty() {
                    down.entry(name.clone()).or_default().extend(names);
                }
            }
        } else if let Some(refused) = line.strip_prefix("! ") {
            let refusal = refused
                .split_once(' ')
                .map(|(sidecar, reason)| Refused { sidecar: sidecar.to_owned(), reason: reason.into() });
            if let Some(acks) = last.take().and_then(|(key, _)| all.get_mut(&key)) {
                acks.refusal = refusal;
            }
        } else {
            (heading, last) = (line.split_once('/').and_then(|(kind, of)| Some((kind_of(kind)?, of))), None);
        }
    }
    (all, down)
}

fn counted((kind, namespace): (Kind, &str), counts: &str) -> Option<((ObjectName, i64), Acks)> {
    let mut words = counts.split(' ');
    let (name, generation) = (ObjectName::new(kind, namespace, words.next()?), words.next()?.parse().ok()?);
    let (programmed, rejected) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(((name, generation), Acks { programmed, rejected, refusal: None }))
}

fn kind_of(word: &str) -> Option<Kind> {
    [Kind::AiProvider, Kind::AiPolicy].into_iter().find(|kind| kind.as_str() == word)
}
