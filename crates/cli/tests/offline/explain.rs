//! `sidegate explain` over files.

use serde_json::Value;

use super::{KEYS, SHOP, golden, program, run, sidegate};

const CHECKOUT: [&str; 7] = ["explain", "-f", SHOP, "--as", "shop/web", "--as-workload", "deployment/checkout"];

fn with<'a>(first: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    first.iter().chain(more).copied().collect()
}

fn json(args: &[&str]) -> Value {
    let ended = sidegate(&with(args, &["-o", "json"]));
    serde_json::from_str(&ended.out).unwrap_or_else(|e| panic!("{e}: {}{}", ended.out, ended.err))
}

#[test]
fn the_winner_the_losers_the_targets_and_those_left_out_are_named_with_their_fields() {
    golden("explain-routed.txt", 0, &with(&CHECKOUT, &["--as-labels", "team=web", "--model", "fast"]));
}

#[test]
fn the_same_is_printed_for_programs() {
    let asked = with(&CHECKOUT, &["--as-labels", "team=web", "--model", "fast"]);
    let json: Value = serde_json::from_str(&golden("explain-routed.json", 0, &with(&asked, &["-o", "json"]))).unwrap();
    let yaml: Value = serde_yaml::from_str(&golden("explain-routed.yaml", 0, &with(&asked, &["-o", "yaml"]))).unwrap();
    assert_eq!(json, yaml);
}

#[test]
fn what_is_told_of_the_call_is_told_with_its_values() {
    let asked = with(&CHECKOUT, &["--as-labels", "team=web", "--header", "X-Purpose=refunds\n", "--model", "fast"]);
    let told = &json(&asked)["attributes"];
    assert_eq!((&told[0]["name"], &told[0]["value"]), (&"team".into(), &"web".into()));
    assert_eq!((&told[1]["name"], &told[1]["value"]), (&"purpose".into(), &"refunds".into()));
    assert_eq!(told[1]["source"]["field"], "spec.telemetry.attributes[purpose]");
    let silent = json(&with(&CHECKOUT, &["--model", "fast"]));
    assert_eq!(silent.get("attributes"), None, "neither the pod nor the call has a value");
}

#[test]
fn a_denied_model_is_refused_with_the_rule_and_the_names_that_would_work() {
    golden("explain-denied.txt", 1, &with(&CHECKOUT, &["--model", "gpt-3.5-turbo"]));
}

#[test]
fn a_model_that_no_list_allows_is_refused_with_the_ceiling() {
    golden("explain-not-allowed.txt", 1, &with(&CHECKOUT, &["--model", "o3"]));
}

#[test]
fn a_route_whose_only_target_speaks_another_dialect_is_refused_and_says_which() {
    golden("explain-other-dialect.txt", 1, &["explain", "-f", SHOP, "--as", "bank/web", "--model", "careful"]);
}

#[test]
fn a_missing_key_is_told_when_the_files_hold_secrets() {
    let missing = with(&CHECKOUT, &["-f", KEYS, "--model", "fast", "--header", "X-Tier=gold"]);
    let text = golden("explain-no-credential.txt", 1, &missing);
    assert!(!text.contains("never-printed"), "{text}");
    let assumed = with(&CHECKOUT, &["--model", "fast", "--header", "X-Tier=gold"]);
    assert_eq!(json(&assumed)["outcome"], "go", "without any Secret the keys are kept elsewhere");
}

#[test]
fn a_call_without_a_route_goes_to_the_provider_of_its_dialect() {
    golden("explain-accessible.txt", 0, &["explain", "-f", SHOP, "--as", "bank/web", "--model", "gpt-4o"]);
}

#[test]
fn who_calls_decides_which_rules_apply() {
    let rule = |args: &[&str]| json(&with(args, &["--model", "fast"]))["rule"]["name"].clone();
    assert_eq!(rule(&CHECKOUT), "checkout");
    assert_eq!(rule(&["explain", "-f", SHOP, "--as", "shop/web"]), "everyone", "another workload");
    assert_eq!(rule(&["explain", "-f", SHOP, "--as", "bank/web", "--as-workload", "deploy/checkout"]), "everyone");
    let dry_run = |args: &[&str]| json(&with(args, &["--model", "fast"]))["dryRun"]["outcome"].clone();
    assert_eq!(dry_run(&with(&CHECKOUT, &["--as-labels", "team=web"])), "refused");
    assert_eq!(dry_run(&CHECKOUT), Value::Null, "the policy in dry run selects by label");
}

#[test]
fn a_header_decides_between_routes() {
    let field = |more: &[&str]| json(&with(&CHECKOUT, &with(&["--model", "fast"], more)))["rule"]["field"].clone();
    assert_eq!(field(&[]), "spec.routes[fast]");
    assert_eq!(field(&["--header", "x-tier=gold"]), "spec.routes[fast-for-gold]");
    assert_eq!(field(&["--header", "x-tier=silver", "--header", "x-team=a"]), "spec.routes[fast]");
}

#[test]
fn the_dialect_decides_whose_models_they_are() {
    let asked = ["explain", "-f", SHOP, "--as", "bank/web", "--model", "claude-haiku-4-5"];
    let provider = |more: &[&str]| json(&with(&asked, more))["targets"][0]["provider"].clone();
    assert_eq!(provider(&["--dialect", "Anthropic"]), "sidegate-system/claude");
    assert_eq!(provider(&["--dialect", "anthropic"]), "sidegate-system/claude", "however it is spelt");
    assert_eq!(provider(&["--operation", "messages"]), "sidegate-system/claude", "the operation has one dialect");
    assert_eq!(provider(&[]), "sidegate-system/openai");
}

#[test]
fn the_operation_decides_what_is_held() {
    let held = |more: &[&str]| json(&with(&CHECKOUT, &with(&["--model", "fast"], more)))["limits"][2]["holds"].clone();
    assert_eq!(held(&[]), "up to 16384 of output, an attempt");
    assert_eq!(held(&["--operation", "embeddings"]), "no output, an attempt");
}

#[test]
fn the_control_planes_namespace_decides_whose_objects_are_the_clusters() {
    let asked = with(&CHECKOUT, &["--model", "fast", "--control-namespace", "elsewhere"]);
    let json = json(&asked);
    let left_out = json["leftOut"].as_array().unwrap();
    // Outside of it a provider may not serve other namespaces, and is refused.
    assert!(left_out.len() == 5 && left_out.iter().all(|l| l["why"] == "provider_missing"), "{json}");
    assert!(left_out.iter().all(|l| l["source"]["field"].is_string()), "{json}");
    assert!(json["notes"].to_string().contains("AIProvider/sidegate-system/openai"), "{json}");
}

#[test]
fn objects_may_be_piped_in() {
    let text = ["platform.yaml", "team.yaml"].map(|f| std::fs::read_to_string(format!("{SHOP}/{f}")).unwrap());
    let asked = ["explain", "-f", "-", "--as", "shop/web", "--as-workload", "deployment/checkout", "-m", "fast"];
    let ended = run(&program(), &asked, &text.join("---\n"));
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.contains("AIPolicy/shop/checkout spec.routes[fast]"), "{}", ended.out);
}

#[test]
fn objects_that_are_refused_are_named_as_missing_from_the_answer() {
    let notes = json(&["explain", "-f", super::WRONG, "--as", "shop/web", "-m", "fast"])["notes"].to_string();
    assert!(notes.contains("AIPolicy/shop/out-of-bounds"), "{notes}");
    assert!(notes.contains("cannot be read"), "{notes}");
}

#[test]
fn wrong_use_ends_with_64_and_says_what_to_write() {
    let asked = ["explain", "-f", SHOP, "--as", "shop/web", "-m", "fast"];
    let wrong: [(Vec<&str>, &str); 11] = [
        (vec!["explain", "-m", "fast"], "<KIND/NAME>"),
        (vec!["explain", "pod/x"], "--model"),
        (vec!["explain", "-f", SHOP, "-m", "fast"], "--as"),
        (vec!["explain", "pod/x", "-f", SHOP, "--as", "shop/web", "-m", "fast"], "cannot be used with"),
        (vec!["explain", "node/x", "-m", "fast"], "deployment"),
        (vec!["explain", "pod/x", "--as-labels", "a=b", "-m", "fast"], "--filename"),
        (with(&asked, &["--dialect", "Latin"]), "OpenAI, Anthropic, Gemini"),
        (with(&asked, &["--operation", "sing"]), "chat_completions"),
        (with(&asked, &["--operation", "messages", "--dialect", "OpenAI"]), "OpenAI has no operation messages"),
        (with(&asked, &["--header", "x-tier"]), "NAME=VALUE"),
        (with(&asked, &["--as-workload", "pod/x"]), "a pod is part of a workload"),
    ];
    for (args, part) in wrong {
        let ended = sidegate(&args);
        assert_eq!((ended.code, &*ended.out), (64, ""), "{args:?}: {}", ended.err);
        assert!(ended.err.contains(part), "{args:?}: {}", ended.err);
    }
}

#[test]
fn without_a_cluster_or_files_it_says_so() {
    let ended = sidegate(&["explain", "pod/x", "-m", "fast"]);
    assert_eq!(ended.code, 64, "{}", ended.err);
    assert!(ended.err.contains("there is no cluster to ask"), "{}", ended.err);
    let ended = sidegate(&["explain", "-f", "nowhere.yaml", "--as", "shop/web", "-m", "fast"]);
    assert_eq!(ended.code, 66, "{}", ended.err);
    assert!(ended.err.contains("nowhere.yaml"), "{}", ended.err);
}
