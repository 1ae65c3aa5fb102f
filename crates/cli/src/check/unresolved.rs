//! References that lead nowhere, as far as the files can tell: where they hold no Secret at all, keys are kept
//! elsewhere, and a missing one is a warning; so with ConfigMaps.

use sidegate_controller::source::files::{Listing, Object};
use sidegate_controller::{Kind, Problem};

/// The problems with their severity for files.
pub fn judged(problems: Vec<Problem>, listing: &Listing) -> impl Iterator<Item = Problem> {
    let has = |is: fn(&Object) -> bool| listing.objects.iter().any(|(_, object)| is(object));
    let secrets = has(|object| matches!(object, Object::Secret(_)));
    let maps = has(|object| matches!(object, Object::ConfigMap(_)));
    problems.into_iter().map(move |problem| {
        let of_provider = problem.object.as_ref().is_some_and(|object| object.kind == Kind::AiProvider);
        let key = problem.field.starts_with("spec.credentials[") && problem.field.ends_with("].secretRef");
        let authority = problem.field == "spec.tls.caCertificateRefs";
        let elsewhere =
            (key && !secrets) || (authority && !maps && problem.reason.starts_with("there is no ConfigMap"));
        if of_provider && elsewhere { problem.warning() } else { problem }
    })
}
