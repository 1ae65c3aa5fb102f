//! Policies that stand in each other's way, lead in circles, or are very many.

use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::{Value, from_value, json};
use sidegate_controller::{Encoded, Kind, ObjectName};
use sidegate_testkit::sim::{Fault, Rule};
use sidegate_tests::client::chat;
use sidegate_tests::objects::simple;
use sidegate_tests::plane::in_force;
use tokio::time::{Instant, sleep};

use crate::{SECOND, Whole};

/// A policy of the sidecar's namespace with these routes: name, asked model, targets.
fn routing(name: &str, routes: &[(&str, &str, &[&str])]) -> String {
    let target =
        |model: &&str| format!("{{provider: openai, namespace: sidegate-system, model: {model}, priority: 0}}");
    let route = |(name, asked, models): &(&str, &str, &[&str])| {
        let targets: Vec<String> = models.iter().map(target).collect();
        format!("  - {{name: {name}, matches: [{{models: [{asked}]}}], targets: [{}]}}\n", targets.join(", "))
    };
    let routes: String = routes.iter().map(route).collect();
    format!(
        "apiVersion: sidegate.dev/v1alpha1\nkind: AIPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec:\n  \
         routes:\n{routes}"
    )
}

impl Whole {
    fn conflicts(&self, policy: &str) -> Vec<(String, String)> {
        let name = ObjectName::new(Kind::AiPolicy, "shop", policy);
        let standing = self.plane.controller.control().standing(&name).unwrap();
        standing.conflicts.iter().map(|c| (c.field.to_string(), format!("{} {}", c.winner, c.winner_field))).collect()
    }

    /// The models that the simulator was asked for, in order.
    fn models(&self) -> Vec<String> {
        self.stage.sim.bill().entries().iter().map(|entry| entry.model.clone()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn po1_of_two_routes_that_match_equally_the_older_wins_and_the_loser_says_so() {
    let objects = simple();
    // From files, what is read first is older; by name the other would be first.
    objects.write(
        "policies.yaml",
        format!(
            "{}---\n{}",
            routing("young-by-name", &[("fast", "fast", &["gpt-4o-mini"])]),
            routing("a", &[("slow", "fast", &["gpt-4o"])]),
        ),
    );
    let mut whole = Whole::up(objects).await;
    assert_eq!(whole.stage.call(chat("fast", "")).await.status, 200);
    assert_eq!(whole.models(), ["gpt-4o-mini"]);
    let winner = "AIPolicy/shop/young-by-name spec.routes[fast]".to_owned();
    assert_eq!(whole.conflicts("a"), [("spec.routes[slow]".to_owned(), winner)]);
    assert_eq!(whole.conflicts("young-by-name"), []);

    // The closer one wins over the older one, and it is the other that loses.
    let closer = routing("a", &[("slow", "fast", &["gpt-4o"])]).replace("spec:\n", "spec:\n  podSelector: {}\n");
    let older = routing("young-by-name", &[("fast", "fast", &["gpt-4o-mini"])]);
    whole.objects.write("policies.yaml", format!("{older}---\n{closer}"));
    whole.edited().await;
    assert_eq!(whole.stage.call(chat("fast", "")).await.status, 200);
    assert_eq!(whole.models(), ["gpt-4o-mini", "gpt-4o"]);
    assert_eq!(whole.conflicts("a"), []);
    assert_eq!(whole.conflicts("young-by-name").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn po3_a_route_to_itself_and_a_circle_of_routes_are_one_step_each() {
    let objects = simple();
    objects.write(
        "circle.yaml",
        routing(
            "circle",
            &[
                ("self", "gpt-4o", &["gpt-4o"]),
                ("there", "gpt-4o-mini", &["gpt-4o-2024-08-06"]),
                ("back", "gpt-4o-2024-08-06", &["gpt-4o-mini"]),
            ],
        ),
    );
    let mut whole = Whole::up(objects).await;
    for asked in ["gpt-4o", "gpt-4o-mini", "gpt-4o-2024-08-06"] {
        assert_eq!(whole.stage.call(chat(asked, "")).await.status, 200, "{asked}");
    }
    assert_eq!(whole.models(), ["gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-mini"], "a target is not routed again");
}

#[tokio::test(start_paused = true)]
async fn po3_a_chain_of_fifty_is_refused_and_sixteen_that_fail_are_four_attempts() {
    let names: Vec<String> = (0..50).map(|n| format!("gpt-4o-{n}")).collect();
    let chain: Vec<&str> = names.iter().map(String::as_str).collect();
    let objects = simple();
    objects.write("chain.yaml", routing("chain", &[("chain", "long", &chain[..16])]));
    let mut whole = Whole::up(objects).await;
    whole.objects.write("chain.yaml", routing("chain", &[("chain", "long", &chain)]));
    sleep(SECOND).await;
    let problems: Vec<String> = whole.plane.controller.problems().iter().map(ToString::to_string).collect();
    let told = "spec.routes[chain].targets: has 50 entries; at most 16 are allowed";
    assert!(problems.iter().any(|p| p.contains(told)), "{problems:#?}");
    let broken = Fault::Status { status: 503, headers: Vec::new(), body: None, code: None };
    assert!(whole.stage.sim.add_faults(vec![Rule::always(broken)]));
    let answer = whole.stage.call(chat("long", "")).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(whole.stage.trail().len(), 4, "{:?}", whole.stage.trail());
}

fn policy(namespace: &str, name: &str, edit: usize) -> Value {
    let spec = json!({"models": {"deny": [format!("edit-{edit}")]},
                      "limits": [{"name": "l", "per": [{"type": "Pod"}], "requests": 600, "window": "1m"}]});
    let metadata =
        json!({"namespace": namespace, "name": name, "uid": format!("{namespace}/{name}"), "generation": edit});
    json!({"apiVersion": "sidegate.dev/v1alpha1", "kind": "AIPolicy", "metadata": metadata, "spec": spec})
}

#[tokio::test(start_paused = true)]
async fn po8_ten_thousand_policies_and_a_hundred_edits_a_second_leave_nothing_behind_and_concern_only_their_own() {
    let whole = Whole::up(simple()).await;
    let control = whole.plane.controller.control();
    control.update(|index| {
        for n in 0..10_000 {
            index.apply_policy(&from_value(policy(&format!("n{}", n % 1_000), &format!("p{n}"), 0)).unwrap());
        }
    });
    let (mut seen, mut taken): (Vec<Weak<Encoded>>, Vec<String>) = (Vec::new(), vec![in_force(&whole.stage)]);
    for edit in 1..=1_000 {
        // Ten seconds of edits, one in a hundred of them in the sidecar's namespace.
        let (namespace, name) = if edit % 100 == 0 {
            ("shop".to_owned(), "own".to_owned())
        } else {
            (format!("n{}", edit % 1_000), format!("p{}", edit % 1_000))
        };
        control.update(|index| index.apply_policy(&from_value(policy(&namespace, &name, edit)).unwrap()));
        seen.push(Arc::downgrade(&control.effective(&whole.stage.sidecar.caller).snapshot));
        sleep(Duration::from_millis(10)).await;
        taken.push(in_force(&whole.stage));
    }
    whole.in_step().await;
    taken.push(in_force(&whole.stage));
    taken.dedup();
    assert_eq!(taken.len(), 11, "as many pushes as edits that concern it");
    seen.dedup_by(|a, b| a.ptr_eq(b));
    assert_eq!(
        (seen.len(), seen.iter().filter(|old| old.strong_count() > 0).count()),
        (11, 1),
        "old versions are gone"
    );
}

#[tokio::test(start_paused = true)]
async fn po9_a_thousand_header_matches_are_refused_and_a_glob_costs_no_more_than_its_length() {
    let objects = simple();
    let header = |n: usize| format!("{{name: x-{n}, value: v}}");
    let headers: Vec<String> = (0..1_000).map(header).collect();
    let many = routing("many", &[("r", "fast", &["gpt-4o"])])
        .replace("models: [fast]", &format!("models: [fast], headers: [{}]", headers.join(", ")));
    objects.write("many.yaml", many);
    // A pattern that would make a backtracking matcher try for ever is no glob at all.
    objects.write("glob.yaml", routing("glob", &[("r", "'a*a*a*a*a*a*a*a*b'", &["gpt-4o"])]));
    let mut whole = Whole::up(objects).await;
    let problems: Vec<String> = whole.plane.controller.problems().iter().map(ToString::to_string).collect();
    for told in
        ["headers: has 1000 entries; at most 8 are allowed", "AIPolicy/shop/glob spec.routes[r].matches[0].models[0]"]
    {
        assert!(problems.iter().any(|p| p.contains(told)), "{told} is not in {problems:#?}");
    }
    // What is accepted, at its limits: 32 routes of 8 matches, asked for by the longest name there may be.
    let matches: Vec<String> = (0..8).map(|n| format!("{{models: ['*{n}{}']}}", "a".repeat(200))).collect();
    let routes: String = (0..32)
        .map(|n| {
            format!(
                "  - {{name: r{n}, matches: [{}], targets: [{{provider: openai, namespace: sidegate-system}}]}}\n",
                matches.join(", ")
            )
        })
        .collect();
    whole.objects.write("glob.yaml", format!(
        "apiVersion: sidegate.dev/v1alpha1\nkind: AIPolicy\nmetadata: {{name: glob, namespace: shop}}\nspec:\n  routes:\n{routes}"
    ));
    whole.edited().await;
    let began = Instant::now();
    let answer = whole.stage.call(chat(&"a".repeat(250), "")).await;
    assert!(answer.status == 200 || answer.status == 400 || answer.status == 403, "{}", answer.text());
    assert!(began.elapsed() < SECOND);
}
