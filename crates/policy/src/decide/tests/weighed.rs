//! What was weighed for a call, for whoever explains it.

use crate::decide::weigh;
use crate::plan::{LeftOut, Lost, LostBecause, WhyLeft};
use crate::testing::{World, call, provider, route, target, world};

fn weighed(world: &World) -> crate::decide::Weighing {
    weigh(&world.snapshot, &call("fast"), &world.caller, &world.conditions())
}

#[test]
fn a_plan_and_what_was_weighed_for_it_agree() {
    let world = world(vec![provider("a"), provider("b")])
        .without_keys_of(0)
        .route(route("fast", &["fast"], vec![target(0, "m"), target(1, "m")]))
        .route(route("other", &["fast"], vec![target(1, "m")]));
    let (plan, weighed) = (world.plan("fast"), weighed(&world));
    assert_eq!(weighed.winner, Some(0));
    assert_eq!((&weighed.lost, &weighed.left_out), (&plan.lost, &plan.left_out));
    assert_eq!(weighed.lost, [Lost { route: 1, why: LostBecause::Outranked }]);
}

#[test]
fn a_refusal_leaves_what_was_weighed_to_be_asked_for() {
    let world = world(vec![provider("a")]).without_keys_of(0).route(route("fast", &["fast"], vec![target(0, "m")]));
    let refusal = world.refusal("fast");
    let weighed = weighed(&world);
    assert_eq!((refusal.rule.is_some(), weighed.winner), (true, Some(0)));
    let out = LeftOut { provider: "sidegate-system/a".into(), model: "m".into(), why: WhyLeft::NoCredential };
    assert_eq!(weighed.left_out, [out]);
}

#[test]
fn without_a_route_the_accessible_provider_is_weighed() {
    let weighed = weighed(&world(vec![provider("a")]).without_keys_of(0));
    assert_eq!((weighed.winner, weighed.left_out.len()), (None, 1));
}
