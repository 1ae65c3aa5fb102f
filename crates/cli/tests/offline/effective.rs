//! `sidegate effective` over files.

use serde_json::Value;

use super::{KEYS, SHOP, golden};

const CHECKOUT: [&str; 9] =
    ["effective", "-f", SHOP, "-f", KEYS, "--as", "shop/web", "--as-workload", "deployment/checkout"];

#[test]
fn every_part_is_printed_with_the_object_and_field_that_it_came_from() {
    golden("effective.txt", 0, &CHECKOUT);
}

#[test]
fn the_same_is_printed_for_programs_and_never_a_key() {
    let yaml = golden("effective.yaml", 0, &[&CHECKOUT[..], &["-o", "yaml"]].concat());
    let json = golden("effective.json", 0, &[&CHECKOUT[..], &["-o", "json"]].concat());
    let [yaml_value, json_value]: [Value; 2] =
        [serde_yaml::from_str(&yaml).unwrap(), serde_json::from_str(&json).unwrap()];
    assert_eq!(yaml_value, json_value);
    assert!(!yaml.contains("never-printed") && !json.contains("never-printed"));
}
