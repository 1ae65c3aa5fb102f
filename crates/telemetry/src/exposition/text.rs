//! Both text forms. They differ in the name of a counter's family, in exemplars, and in the last line.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/> and
//! <https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md>. Bounds are written as
//! `OpenMetrics` wants them in both, so that a series keeps its labels whatever form was agreed on.

use std::fmt::Write;

use super::{Exemplar, Family, Kind, Labels, Spread, Value};

/// Writes families; `open` is `OpenMetrics`.
pub(super) fn write(families: &[Family], open: bool) -> String {
    let mut out = String::with_capacity(16 << 10);
    for family in families.iter().filter(|f| !f.samples.is_empty()) {
        // Writing to a string does not fail.
        let _ = write_family(&mut out, family, open);
    }
    if open {
        out.push_str("# EOF\n");
    }
    out
}

fn write_family(out: &mut String, family: &Family, open: bool) -> std::fmt::Result {
    let name = family.name;
    let (kind, suffix) = match family.kind {
        Kind::Counter => ("counter", "_total"),
        Kind::Gauge => ("gauge", ""),
        Kind::Histogram => ("histogram", ""),
    };
    // The older form names a counter's family as its samples.
    let of_family = if open { "" } else { suffix };
    writeln!(out, "# HELP {name}{of_family} {}", family.help)?;
    writeln!(out, "# TYPE {name}{of_family} {kind}")?;
    for sample in &family.samples {
        match &sample.value {
            Value::Count(count) => {
                write_name(out, name, suffix, &sample.labels, None)?;
                writeln!(out, " {count}")?;
            }
            Value::Level(level) => {
                write_name(out, name, suffix, &sample.labels, None)?;
                writeln!(out, " {level}")?;
            }
            Value::Spread(spread) => write_spread(out, name, &sample.labels, spread, open)?,
        }
    }
    Ok(())
}

fn write_spread(out: &mut String, name: &str, labels: &Labels, spread: &Spread, open: bool) -> std::fmt::Result {
    let mut count = 0;
    for bucket in &spread.buckets {
        count += bucket.count;
        write_name(out, name, "_bucket", labels, Some(bucket.upto))?;
        write!(out, " {count}")?;
        if let Some(exemplar) = bucket.exemplar.as_ref().filter(|_| open) {
            write_exemplar(out, exemplar)?;
        }
        out.push('\n');
    }
    write_name(out, name, "_sum", labels, None)?;
    writeln!(out, " {}", spread.sum)?;
    write_name(out, name, "_count", labels, None)?;
    writeln!(out, " {count}")
}

fn write_exemplar(out: &mut String, exemplar: &Exemplar) -> std::fmt::Result {
    let Exemplar { value, trace_id, span_id, at } = exemplar;
    let seconds = at.as_millisecond() as f64 / 1000.0;
    write!(out, " # {{trace_id=\"{trace_id:032x}\",span_id=\"{span_id:016x}\"}} {value} {seconds:.3}")
}

fn write_name(out: &mut String, name: &str, suffix: &str, labels: &Labels, upto: Option<f64>) -> std::fmt::Result {
    out.push_str(name);
    out.push_str(suffix);
    let mut before = '{';
    for (label, value) in labels {
        out.push(before);
        before = ',';
        write!(out, "{label}=\"")?;
        write_escaped(out, value);
        out.push('"');
    }
    if let Some(upto) = upto {
        out.push(before);
        before = ',';
        if upto.is_finite() { write!(out, "le=\"{upto:?}\"")? } else { out.push_str("le=\"+Inf\"") }
    }
    if before == ',' {
        out.push('}');
    }
    Ok(())
}

fn write_escaped(out: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}
