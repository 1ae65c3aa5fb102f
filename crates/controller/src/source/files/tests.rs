//! A directory as an editor leaves it, moment by moment.

use std::fs;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::{Files, Unreadable, line, yaml};
use crate::index::Index;
use crate::prices::PriceBook;
use crate::problem::{Kind, Problem};

const GOOD: &str = "
apiVersion: sidegate.dev/v1alpha1
kind: AIProvider
metadata: {name: one, namespace: sidegate-system}
spec: {dialect: OpenAI}
---
# a comment between
apiVersion: sidegate.dev/v1alpha1
kind: AIPolicy
metadata: {name: rules, namespace: shop}
spec:
  models: {allow: [\"gpt-*\"]}
";

struct Desk {
    directory: TempDir,
    files: Files,
    index: Index,
}

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

impl Desk {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = directory(files);
        let files = Files::open(directory.path()).unwrap_or_else(|e| panic!("{e}"));
        let mut index = Index::new("sidegate-system", PriceBook::empty(), [1; 32]);
        files.apply_to(&mut index);
        Self { directory, files, index }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.directory.path().join(name), text).unwrap();
    }

    fn look(&mut self) -> bool {
        let different = self.files.look(false);
        self.files.apply_to(&mut self.index);
        different
    }

    fn problems(&self) -> Vec<String> {
        let all = self.files.listing().problems.iter().cloned().chain(self.index.problems());
        let root = format!("{}/", self.directory.path().display());
        all.map(|p: Problem| self.files.listing().locate(p).to_string().replace(&root, "")).collect()
    }

    fn counts(&self) -> (usize, usize) {
        (self.index.count(Kind::AiProvider), self.index.count(Kind::AiPolicy))
    }
}

#[test]
fn a_directory_without_objects_is_refused_in_a_sentence() {
    let refused = |d: &TempDir| Files::open(d.path()).map(drop).unwrap_err();
    assert!(matches!(refused(&directory(&[])), Unreadable::Nothing(..)));
    assert!(matches!(refused(&directory(&[("a.txt", GOOD), (".b.yaml", GOOD)])), Unreadable::Nothing(..)));
    let said = refused(&directory(&[("a.yaml", "kind: [")])).to_string();
    assert!(said.contains("holds no object that can be read (") && said.contains("a.yaml:2: "), "{said}");
    let gone = Files::open(std::path::Path::new("/no/such/place")).map(drop).unwrap_err().to_string();
    assert!(gone.starts_with("cannot read the directory /no/such/place: "), "{gone}");
}

#[test]
fn every_kind_is_read_from_every_file_below() {
    let desk = Desk::new(&[("a.yaml", GOOD)]);
    fs::create_dir(desk.directory.path().join("deeper")).unwrap();
    desk.write("deeper/b.yml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {a: b}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: ca}\ndata: {ca.crt: x}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}\ntype: Opaque\ndata: {a: c2VjcmV0Cg==}\nstringData: {b: plain}\n");
    let mut desk = desk;
    assert!(desk.look());
    assert_eq!(desk.counts(), (1, 1));
    assert_eq!(desk.problems(), Vec::<String>::new());
    let counts = [Kind::Namespace, Kind::ConfigMap, Kind::Secret].map(|k| desk.index.count(k));
    assert_eq!(counts, [1, 1, 1]);
    assert!(desk.files.listing().objects.iter().any(|(name, _)| name.to_string() == "ConfigMap/default/ca"));
}

#[test]
fn nothing_new_is_nothing_to_do() {
    let mut desk = Desk::new(&[("a.yaml", GOOD)]);
    assert!(!desk.look());
    assert!(!desk.look());
}

#[test]
fn other_kinds_are_named_and_ignored() {
    let other = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n---\napiVersion: sidegate.dev/v1alpha1\nkind: AIBudget\n";
    let desk = Desk::new(&[("a.yaml", GOOD), ("b.yaml", other)]);
    assert_eq!(
        desk.problems(),
        [
            "b.yaml:1: apps/v1 Deployment is not read here and ignored",
            "b.yaml:5: sidegate.dev/v1alpha1 AIBudget is not read here and ignored"
        ]
    );
}

#[test]
fn a_bad_document_is_refused_alone_with_file_line_and_reason() {
    let bad = "
apiVersion: sidegate.dev/v1alpha1
kind: AIPolicy
metadata: {name: bad, namespace: shop}
spec:
  limits:
  - name: burst
    per: [{type: Pod}]
    requests: 600
    window: 1 minute
  retry: {}
---
apiVersion: sidegate.dev/v1alpha1
kind: AIPolicy
metadata: {name: worse, namespace: shop}
spec:
  limits:
  - {name: fine, per: [{type: Pod}], requests: 1, window: 1m}
  - name: burst
    per: [{type: Pod}]
    requests: 600
    window: 1 minute
";
    let desk = Desk::new(&[("a.yaml", GOOD), ("b.yaml", bad)]);
    assert_eq!(desk.counts(), (1, 1));
    let problems = desk.problems();
    assert!(problems[0].starts_with("b.yaml:11: AIPolicy/shop/bad: spec: unknown field `retry`"), "{problems:?}");
    let second =
        "b.yaml:22: AIPolicy/shop/worse spec.limits[burst].window: must be a duration such as 500ms, 30s, 5m or 1h30m";
    assert_eq!(problems[1], second);
}

#[test]
fn unknown_fields_are_refused_wherever_they_stand() {
    for text in [
        "apiVersion: sidegate.dev/v1alpha1\nkind: AIProvider\nmetadata: {name: x}\nspec: {dialect: OpenAI}\nextra: 1\n",
        "apiVersion: sidegate.dev/v1alpha1\nkind: AIProvider\nmetadata: {name: x, label: {}}\nspec: {dialect: OpenAI}\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nspec: {}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nkeys: {}\n",
    ] {
        let desk = Desk::new(&[("a.yaml", GOOD), ("b.yaml", text)]);
        assert_eq!(desk.problems().len(), 1, "{text}");
    }
}

#[test]
fn an_object_that_no_longer_parses_keeps_its_last_good_version() {
    let mut desk = Desk::new(&[("a.yaml", GOOD)]);
    desk.write("a.yaml", &GOOD.replace("dialect: OpenAI", "dialect: Esperanto"));
    assert!(desk.look());
    assert!(!desk.look());
    assert_eq!(desk.counts(), (1, 1));
    assert!(desk.problems()[0].starts_with("a.yaml:5: AIProvider/sidegate-system/one: "), "{:?}", desk.problems());
    desk.write("a.yaml", GOOD);
    desk.look();
    assert_eq!(desk.problems(), Vec::<String>::new());
}

#[test]
fn a_file_that_does_not_parse_for_a_moment_keeps_its_objects() {
    let mut desk = Desk::new(&[("a.yaml", GOOD)]);
    desk.write("a.yaml", "apiVersion: sidegate.dev/v1alpha1\nkind: AIProv\n  x: [");
    desk.look();
    desk.look();
    assert_eq!(desk.counts(), (1, 1));
    assert_eq!(desk.problems().len(), 1);
}

#[test]
fn what_vanishes_is_believed_at_the_second_look() {
    let mut desk = Desk::new(&[("a.yaml", GOOD), ("b.yaml", &GOOD.replace("one", "two").replace("rules", "more"))]);
    desk.write("a.yaml", "");
    desk.look();
    assert_eq!(desk.counts(), (2, 2), "an editor may have truncated it to write it");
    desk.look();
    assert_eq!(desk.counts(), (1, 1));
    fs::remove_file(desk.directory.path().join("b.yaml")).unwrap();
    desk.look();
    assert_eq!(desk.counts(), (1, 1), "an editor may be replacing it");
    desk.look();
    assert_eq!(desk.counts(), (0, 0));
    assert!(desk.files.readable());
}

#[test]
fn a_file_replaced_between_two_looks_loses_nothing() {
    let mut desk = Desk::new(&[("a.yaml", GOOD)]);
    fs::remove_file(desk.directory.path().join("a.yaml")).unwrap();
    desk.look();
    desk.write("a.yaml", GOOD);
    desk.look();
    desk.look();
    assert_eq!(desk.counts(), (1, 1));
}

#[test]
fn a_directory_that_is_gone_deletes_nothing() {
    let mut desk = Desk::new(&[("a.yaml", GOOD)]);
    let aside = desk.directory.path().with_extension("aside");
    fs::rename(desk.directory.path(), &aside).unwrap();
    assert!(desk.look());
    assert!(!desk.look());
    assert!(!desk.files.readable());
    assert_eq!(desk.counts(), (1, 1));
    assert!(desk.problems()[0].contains("cannot be read"), "{:?}", desk.problems());
    fs::rename(&aside, desk.directory.path()).unwrap();
    assert!(desk.look());
    assert_eq!(desk.problems(), Vec::<String>::new());
}

#[test]
fn an_edit_raises_the_generation_and_a_move_does_not() {
    let mut desk = Desk::new(&[("b.yaml", GOOD)]);
    let generation = |desk: &mut Desk| {
        let caller = sidegate_policy::Caller { namespace: "shop".into(), ..Default::default() };
        desk.index.effective(&caller).snapshot.snapshot.allow[0].meta.generation
    };
    assert_eq!(generation(&mut desk), 1);
    desk.write("a.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
    desk.look();
    assert_eq!(generation(&mut desk), 1);
    desk.write("b.yaml", &GOOD.replace("gpt-*", "gpt-4*"));
    desk.look();
    assert_eq!(generation(&mut desk), 2);
}

#[test]
fn the_first_definition_stands_and_the_second_is_named() {
    let desk = Desk::new(&[("a.yaml", GOOD), ("b.yaml", &GOOD.replace("OpenAI", "Gemini"))]);
    assert_eq!(desk.counts(), (1, 1));
    let problems = desk.problems();
    assert!(
        problems[0].starts_with("b.yaml:1: AIProvider/sidegate-system/one: is already defined in ")
            && problems[0].ends_with("a.yaml:1; this one is ignored"),
        "{problems:?}"
    );
}

#[test]
fn bombs_are_refused_in_no_time() {
    let aliases = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned()
        + &(b'b'..=b'j')
            .map(|c| format!("{}: &{0} [{1}]\n", c as char, format!("*{},", (c - 1) as char).repeat(9)))
            .collect::<String>();
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), "*a,".repeat(100_000));
    let brackets = "[".repeat(500_000);
    let dashes = "- ".repeat(300_000);
    let keys = format!("a: {}", "{a: ".repeat(150));
    let nested: String = (0..200).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    for text in [aliases, long, brackets, dashes, keys, nested] {
        let started = tokio::time::Instant::now();
        let broken = yaml::measure(&text).unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(5), "{}", broken.reason);
    }
}

#[test]
fn too_large_a_file_keeps_its_objects() {
    let mut desk = Desk::new(&[("a.yaml", GOOD)]);
    desk.write("a.yaml", &format!("# {}\n{GOOD}", "x".repeat(1024 * 1024)));
    desk.look();
    desk.look();
    assert_eq!(desk.counts(), (1, 1));
    assert_eq!(desk.problems(), ["a.yaml: is larger than 1048576 bytes; its last good objects stay"]);
}

#[test]
fn no_message_quotes_a_key() {
    for text in [
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: canary\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: [canary]}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  a: b\ncanary: 1\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: 424242}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: canary\n",
        "apiVersion: sidegate.dev/v1alpha1\nkind: AIProvider\nmetadata: {name: p}\nspec: {dialect: OpenAI, credentials: [{name: a, secretRef: canary}]}\n",
        "apiVersion: sidegate.dev/v1alpha1\nkind: AIProvider\nmetadata: {name: p}\nspec: {dialect: OpenAI, endpoint: \"https://u:canary@h\"}\n",
        "apiVersion: sidegate.dev/v1alpha1\nkind: AIProvider\nmetadata: {name: p}\nspec: {dialect: OpenAI, timeouts: \"a\\\"canary\"}\n",
    ] {
        let desk = Desk::new(&[("a.yaml", GOOD), ("b.yaml", text)]);
        let said = desk.problems().join("\n");
        assert!(!said.is_empty() && !said.contains("canary") && !said.contains("424242"), "{text}: {said}");
    }
}

#[test]
fn a_key_that_is_not_base64_says_so() {
    let provider = "\n---\napiVersion: sidegate.dev/v1alpha1\nkind: AIProvider\nmetadata: {name: p}\nspec:\n  dialect: OpenAI\n  credentials:\n  - {name: a, secretRef: {name: s, key: k}}\n";
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {k: \"not base64!\"}\n";
    let desk = Desk::new(&[("a.yaml", &format!("{secret}{provider}"))]);
    assert_eq!(
        desk.problems(),
        [
            "a.yaml:13: AIProvider/default/p spec.credentials[a].secretRef: key k of Secret s cannot be used: its value under data is not base64; plain text goes under stringData"
        ]
    );
}

#[test]
fn lines_of_fields_are_found_in_either_style() {
    let text = "# head\nkind: AIPolicy\nspec:\n  routes:\n  - name: a\n    targets:\n    - {provider: x}\n    - {provider: y, weight: -1}\n  - {name: ab, matches: [], targets: [{provider: z}]}\n";
    for (field, line) in [
        ("spec", 2),
        ("spec.routes[a].targets[1].weight", 7),
        ("spec.routes[ab].targets", 8),
        ("spec.routes[ab].targets[0].model", 8),
        ("spec.nothing", 2),
        ("", 1),
    ] {
        assert_eq!(line::of_field(text, field), line, "{field}");
    }
}

#[test]
fn the_quickstart_has_no_problems_and_the_real_providers_lack_only_keys() {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for (name, reason) in [("quickstart", None), ("real-providers", Some("its value is empty"))] {
        let files = Files::open(&examples.join(name)).unwrap();
        let mut index = Index::new("sidegate-system", PriceBook::empty(), [1; 32]);
        files.apply_to(&mut index);
        let problems: Vec<Problem> = files.listing().problems.iter().cloned().chain(index.problems()).collect();
        assert!(problems.iter().all(|p| reason.is_some_and(|r| p.reason.ends_with(r))), "{problems:?}");
        assert_eq!(problems.is_empty(), reason.is_none());
        assert_ne!(json!(files.listing().objects.len()), json!(0));
    }
}
