//! `sidegate dev`: everything from one directory, in one process.

use std::net::SocketAddr;
use std::time::Duration;

use sidegate_testkit::sim::Answers;
use sidegate_testkit::sink::{Sink, told};
use sidegate_tests::Answer;
use sidegate_tests::client::chat;
use sidegate_tests::objects::{Folder, denying};
use sidegate_tests::plane::within;
use tokio::time::Instant;

use crate::http::{Connection, call};
use crate::ports::{free, is_free};
use crate::process::{Program, command};
use crate::{Provider, SOON, START, ended, quickstart};

/// The running command, its ports, and what it reads.
pub struct Dev {
    pub program: Program,
    calls: SocketAddr,
    pub ports: [SocketAddr; 6],
    objects: Folder,
    temporary: Folder,
}

impl Dev {
    pub async fn start(more: &[&str]) -> Self {
        let ports = free();
        let objects = quickstart(ports[4]);
        Self::on(ports, objects, more).await
    }

    async fn on(ports: [SocketAddr; 6], objects: Folder, more: &[&str]) -> Self {
        let temporary = Folder::new("tmp");
        let mut command = command("sidegate", &["dev"]);
        command.arg(objects.path()).args(flags(&ports)).args(more).env("TMPDIR", temporary.path());
        let program = Program::spawn("sidegate dev", command);
        let dev = Self { program, calls: ports[0], ports, objects, temporary };
        within(START, "the banner", || dev.program.said().contains("Sidegate is ready")).await;
        dev
    }

    pub async fn call(&self, model: &str, more: &str) -> Answer {
        call(self.calls, chat(model, more)).await.unwrap()
    }

    /// The lines about calls so far.
    fn lines(&self) -> Vec<String> {
        self.program.said().lines().filter(|l| l.contains(" total ")).map(str::to_owned).collect()
    }
}

/// The flags that name the ports.
pub fn flags(ports: &[SocketAddr; 6]) -> Vec<String> {
    let control = ["--control-listen", "--control-metrics-listen", "--sim-listen", "--control-live-listen"];
    let names = ["--listen", "--metrics-listen"].into_iter().chain(control);
    names.zip(ports).flat_map(|(name, port)| [name.to_owned(), port.to_string()]).collect()
}

#[tokio::test]
async fn it_says_how_to_call_it_and_tells_a_streamed_call_in_one_readable_line() {
    let dev = Dev::start(&[]).await;
    let banner = dev.program.said();
    for told in ["OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL", "curl", "Ctrl-C"] {
        assert!(banner.contains(told), "{banner}");
    }
    assert!(banner.contains(&format!("http://{}/v1", dev.calls)), "{banner}");
    let answer = dev.call("fast", r#","stream":true"#).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.complete && answer.events().last() == Some(&"[DONE]"), "{}", answer.text());
    within(SOON, "a line", || !dev.lines().is_empty()).await;
    let lines = dev.lines();
    let [line] = &lines[..] else { panic!("{lines:#?}") };
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[..3], ["default/dev", "fast", "→"], "{line}");
    assert!(["openai/gpt-4o-mini", "openai-backup/gpt-4o-mini"].contains(&words[3]), "{line}");
    assert_eq!((words[4], words[5], words[7], words[9], words[10]), ("fast", "in", "out", "cached", "0"), "{line}");
    let tokens = [6, 8].map(|at| words[at].parse::<u64>().unwrap());
    assert!(tokens.iter().all(|n| *n > 0), "{line}");
    // 0.15 and 0.60 dollars per million tokens, at both providers.
    let dollars = words[11].strip_prefix('$').unwrap().parse::<f64>().unwrap();
    let nanos = tokens[0] * 150 + tokens[1] * 600;
    assert!((dollars * 1e9 - nanos as f64).abs() < 1.0, "{line}: {nanos}");
    assert_eq!((words[12], words[14]), ("first", "total"), "{line}");
}

#[tokio::test]
async fn its_calls_are_traced_where_it_is_told() {
    let sink = Sink::start().await.unwrap();
    let dev = Dev::start(&["--otlp-endpoint", &format!("http://{}", sink.address())]).await;
    assert_eq!(dev.call("fast", "").await.status, 200);
    within(SOON, "the first call's spans", || sink.spans().len() >= 2).await;
    let resource = &sink.taken()[0].request.resource_spans[0].resource.clone().unwrap().attributes;
    assert_eq!(told(resource, "k8s.deployment.name").as_deref(), Some("dev"));
}

#[tokio::test]
async fn ctrl_c_ends_all_of_it_within_a_second_and_leaves_nothing_behind() {
    let mut dev = Dev::start(&[]).await;
    let mut connection = Connection::open(dev.calls).await.unwrap();
    let paced =
        sidegate_tests::client::with(chat("fast", r#","stream":true,"max_tokens":1000"#), "x-sim-pause-ms", "500");
    assert_eq!(connection.send(paced).await.unwrap().status(), 200);
    let _idle = Connection::open(dev.ports[1]).await.unwrap();
    let began = Instant::now();
    dev.program.signal("INT");
    assert_eq!(ended(&mut dev.program, Duration::from_secs(5)).await, Some(0));
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(dev.ports.iter().all(|port| is_free(*port)));
    assert_eq!(std::fs::read_dir(dev.temporary.path()).unwrap().count(), 0, "its state is gone");
    let (_, told) = dev.program.whole();
    assert_eq!(told, "", "nothing went wrong");
}

#[tokio::test]
async fn it_ends_at_sigterm_too() {
    let mut dev = Dev::start(&[]).await;
    dev.program.signal("TERM");
    assert_eq!(ended(&mut dev.program, Duration::from_secs(5)).await, Some(0));
}

#[tokio::test]
async fn what_is_saved_takes_effect_and_what_is_wrong_is_told_and_isolated() {
    let dev = Dev::start(&[]).await;
    assert_eq!(dev.call("gpt-4o-mini", "").await.status, 200);
    let policy = dev.objects.path().join("deny.yaml");
    let deny = |model: &str| denying(model).replace("name: cluster", "name: deny");
    dev.objects.write("deny.yaml", deny("gpt-4o-mini"));
    until_class(&dev, "gpt-4o-mini", "model_not_allowed").await;

    dev.objects.write("deny.yaml", deny("gpt-4o-mini").replace("deny:", "dney:"));
    let place = format!("{}:6:", policy.display());
    within(SOON, "the problem is told", || dev.program.told().contains(&place)).await;
    let told = dev.program.told();
    let line = told.lines().find(|l| l.contains(&place)).unwrap();
    assert!(line.contains("AIPolicy/sidegate-system/deny") && line.contains("dney"), "{line}");
    assert_eq!(dev.call("gpt-4o-mini", "").await.class(), "model_not_allowed", "its last good version stays");

    std::fs::remove_file(&policy).unwrap();
    until_class(&dev, "gpt-4o-mini", "").await;
    dev.objects.remove("secrets.yaml");
    within(SOON, "the missing Secret is told", || dev.program.told().contains("there is no Secret openai ")).await;
    until_class(&dev, "gpt-4o-mini", "provider_auth").await;
}

async fn until_class(dev: &Dev, model: &str, class: &str) {
    let began = Instant::now();
    loop {
        let answer = dev.call(model, "").await;
        if answer.class() == class {
            return;
        }
        assert!(began.elapsed() < SOON, "{}", answer.text());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn without_the_simulator_calls_go_where_the_providers_are_and_flags_say_who_calls() {
    let (provider, ports) = (Provider::with(sidegate_testkit::sim::SimConfig::default()).await, free());
    provider.sim.set_answers(Answers { text: Some("from elsewhere".to_owned()), ..Answers::default() });
    let objects = quickstart(provider.at);
    let more =
        ["--no-sim", "--as-namespace", "shop", "--as-service-account", "till", "--as-workload", "deployment/till"];
    let dev = Dev::on(ports, objects, &more).await;
    assert!(is_free(ports[4]), "no simulator runs");
    assert!(dev.call("fast", "").await.text().contains("from elsewhere"));
    // The quickstart's policy of the namespace `shop`.
    assert_eq!(dev.call("gpt-4o", "").await.class(), "model_not_allowed");
    within(SOON, "two lines", || dev.lines().len() == 2).await;
    assert!(dev.lines().iter().all(|line| line.starts_with("shop/till ")), "{:?}", dev.lines());
    assert!(dev.lines()[1].contains("AIPolicy shop/frugal") || dev.lines()[1].contains("frugal"), "{:?}", dev.lines());
}

#[tokio::test]
async fn machines_get_json() {
    let dev = Dev::start(&["--json"]).await;
    assert_eq!(dev.call("fast", "").await.status, 200);
    within(SOON, "a line", || dev.program.said().lines().any(|l| l.starts_with('{'))).await;
    let said = dev.program.said();
    let line = said.lines().find(|l| l.starts_with('{')).unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
}
