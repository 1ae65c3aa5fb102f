//! What outranks what, and how a source is named.

use super::{Rank, Specificity};
use crate::testing::meta;

#[test]
fn a_source_is_named_by_object_and_field() {
    assert_eq!(meta("checkout", "spec.routes[fast]").to_string(), "AIPolicy/ns/checkout spec.routes[fast]");
    assert_eq!(meta("checkout", "").to_string(), "AIPolicy/ns/checkout");
}

#[test]
fn the_platform_bounds_tenants_and_no_tenant_bounds_the_platform() {
    for a in ALL {
        for b in ALL {
            let (platform, tenant) =
                (Rank { platform: true, specificity: a }, Rank { platform: false, specificity: b });
            assert!(platform.bounds(tenant) && !tenant.bounds(platform));
        }
    }
}

#[test]
fn within_one_of_the_two_the_broader_bounds_the_closer_and_none_itself() {
    for platform in [true, false] {
        for (i, a) in ALL.into_iter().enumerate() {
            for (j, b) in ALL.into_iter().enumerate() {
                let bounds = Rank { platform, specificity: a }.bounds(Rank { platform, specificity: b });
                assert_eq!(bounds, i < j, "{a:?} {b:?}");
            }
        }
    }
}

/// From broad to close.
const ALL: [Specificity; 6] = [
    Specificity::Cluster,
    Specificity::OwnNamespace,
    Specificity::Namespace,
    Specificity::PodSelector,
    Specificity::ServiceAccount,
    Specificity::Workload,
];
