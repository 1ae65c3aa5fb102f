//! The three forms, byte by byte where that matters, and the choice between them.

use jiff::Timestamp;

use super::{Bucket, Exemplar, Family, Form, Kind, Native, Sample, Spread, Value};

/// What Prometheus 2.42 sends, with and without native histograms.
const CLASSIC: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const NATIVE: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

fn families() -> Vec<Family> {
    let exemplar = Exemplar {
        value: 0.5,
        trace_id: 0xa1,
        span_id: 0xb2,
        at: Timestamp::from_millisecond(1_700_000_000_123).unwrap(),
    };
    let buckets = vec![
        Bucket { upto: 0.01, count: 1, exemplar: None },
        Bucket { upto: 1.0, count: 2, exemplar: Some(exemplar) },
        Bucket { upto: f64::INFINITY, count: 0, exemplar: None },
    ];
    let native = Native { schema: 3, zero_threshold: 0.0625, zero: 1, first: -31, counts: vec![0, 1, 0, 0, 3, 2, 0] };
    let spread = Value::Spread(Box::new(Spread { sum: 1.25, buckets, native }));
    let of = |name, kind, value| Family {
        name,
        help: "Help",
        kind,
        samples: vec![Sample { labels: vec![("model", "a\"b\\c\nd".into())], value }],
    };
    vec![
        of("calls", Kind::Counter, Value::Count(7)),
        of("open", Kind::Gauge, Value::Level(-3)),
        of("seconds", Kind::Histogram, spread),
        Family { name: "nothing", help: "Help", kind: Kind::Gauge, samples: Vec::new() },
    ]
}

fn written(form: Form) -> String {
    String::from_utf8(form.write(&families())).unwrap()
}

#[test]
fn openmetrics_has_exemplars_and_an_end() {
    let model = r#"model="a\"b\\c\nd""#;
    let trace = r#"trace_id="000000000000000000000000000000a1",span_id="00000000000000b2""#;
    let expected = format!(
        "# HELP calls Help\n# TYPE calls counter\ncalls_total{{{model}}} 7\n\
         # HELP open Help\n# TYPE open gauge\nopen{{{model}}} -3\n\
         # HELP seconds Help\n# TYPE seconds histogram\nseconds_bucket{{{model},le=\"0.01\"}} 1\n\
         seconds_bucket{{{model},le=\"1.0\"}} 3 # {{{trace}}} 0.5 1700000000.123\n\
         seconds_bucket{{{model},le=\"+Inf\"}} 3\nseconds_sum{{{model}}} 1.25\nseconds_count{{{model}}} 3\n# EOF\n"
    );
    assert_eq!(written(Form::OpenMetrics), expected);
}

#[test]
fn the_older_text_names_counters_in_full_and_has_neither_exemplars_nor_an_end() {
    let text = written(Form::Text);
    assert!(text.contains("# HELP calls_total Help\n# TYPE calls_total counter\ncalls_total{"), "{text}");
    assert!(text.contains("le=\"1.0\"} 3\n"), "{text}");
    assert!(!text.contains("trace_id") && !text.contains("EOF") && !text.contains("nothing"), "{text}");
}

/// Made by `protoc --encode` from the published `metrics.proto` would be the same bytes: fields by number.
#[test]
fn the_protobuf_form_is_messages_behind_their_lengths() {
    let bytes = Form::Protobuf.write(&families());
    let (length, rest) = (usize::from(bytes[0]), &bytes[1..]);
    let message = &rest[..length];
    assert_eq!(&message[..13], b"\x0a\x0bcalls_total", "the name, field 1");
    assert_eq!(&message[13..19], b"\x12\x04Help", "the help, field 2; a counter is type 0, which is not written");
    let histogram = &rest[length..];
    // Spans (offset -30, length 1; gap 2, length 2) as zigzag, and deltas 1, 2, -1.
    let spans = b"\x62\x04\x08\x3b\x10\x01\x62\x04\x08\x04\x10\x02";
    assert!(histogram.windows(spans.len()).any(|w| w == spans), "{histogram:02x?}");
    let deltas = b"\x6a\x03\x02\x04\x01";
    assert!(histogram.windows(deltas.len()).any(|w| w == deltas), "{histogram:02x?}");
}

#[test]
fn a_scraper_gets_the_form_that_it_prefers() {
    for (accept, form) in [
        (CLASSIC, Form::OpenMetrics),
        (NATIVE, Form::Protobuf),
        ("", Form::Text),
        ("*/*", Form::Text),
        ("text/html,text/plain;q=0.9", Form::Text),
        ("text/plain;q=0.2, application/openmetrics-text; version=1.0.0; q=0.3", Form::OpenMetrics),
        ("application/openmetrics-text;q=0", Form::Text),
        ("application/vnd.google.protobuf;proto=other.Message;encoding=delimited", Form::Text),
        ("application/vnd.google.protobuf;q=nonsense", Form::Text),
    ] {
        assert_eq!(Form::accepted(accept), form, "{accept}");
    }
}
