//! An explanation for people.

use std::fmt::Write as _;

use super::answer::{Attribute, Explanation, LeftOut, Told as Refused};
use crate::output::{Told, columns};
use crate::words;

impl Told for Explanation {
    fn tell(&self) -> String {
        let mut text = format!("{} asks for {}", self.caller.tell(), self.call.model);
        let _ = writeln!(text, " ({}, {})\n", self.call.dialect, self.call.operation);
        if !self.complete {
            text.push_str("INCOMPLETE  you may not read all that decides, see the notes below; as far as you may:\n\n");
        }
        match &self.refusal {
            Some(refusal) => text.push_str(&refused(refusal)),
            None => {
                let by = self.rule.as_ref().map_or_else(
                    || "no route names it: it goes to the provider of its dialect".to_owned(),
                    |rule| format!("by {rule}"),
                );
                let _ = writeln!(text, "GOES  {by}\n");
                text.push_str(&self.targets());
            }
        }
        for (title, rows) in [
            ("Left out", self.left_out.iter().map(left_out).collect::<Vec<_>>()),
            ("Routes that lose", self.lost_rows()),
            ("Lists of models", self.list_rows()),
            ("Held", self.limit_rows()),
            ("Told of it", self.attributes.iter().map(attribute).collect()),
        ] {
            if !rows.is_empty() {
                let _ = write!(text, "\n{title}\n{}", columns(&rows));
            }
        }
        text.push_str(&self.tell_dry_run());
        text.push_str(&words::notes(&self.notes));
        text
    }
}

fn refused(refusal: &Refused) -> String {
    let reason = refusal.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let mut text = format!("REFUSED  {}{reason}\n  {}\n", refusal.class, refusal.message);
    if let Some(rule) = &refusal.rule {
        let _ = writeln!(text, "  by {rule}");
    }
    if !refusal.models_that_work.is_empty() && !refusal.message.contains("Models that would work") {
        let _ = writeln!(text, "  models that would work: {}", refusal.models_that_work.join(", "));
    }
    text
}

fn left_out(left: &LeftOut) -> Vec<String> {
    let by = left.by.as_ref().map(|by| format!(": {by}")).unwrap_or_default();
    vec![
        format!("{}/{}", left.provider, left.model),
        format!("{}: {}{by}", left.why, left.reason),
        left.source.as_ref().map(|source| source.field.clone()).unwrap_or_default(),
    ]
}

fn attribute(attribute: &Attribute) -> Vec<String> {
    vec![attribute.name.clone(), attribute.value.clone(), attribute.source.to_string()]
}

impl Explanation {
    fn targets(&self) -> String {
        let head = ["PRIORITY", "SHARE", "WEIGHT", "PROVIDER", "MODEL", "KEYS", "PRICE IN/OUT", "WHERE", "FIELD"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for target in &self.targets {
            let dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
            let price = target.price.as_ref().map(|price| format!("${}/${}", price.input, price.output));
            let place = [target.region.as_deref(), target.residency.as_deref()];
            let place = place.into_iter().flatten().collect::<Vec<_>>().join(", ");
            let keys: Vec<String> =
                target.credentials.iter().map(|key| format!("{} {}", key.name, key.share)).collect();
            rows.push(vec![
                target.priority.to_string(),
                target.share.clone(),
                target.weight.to_string(),
                target.provider.clone(),
                target.model.clone(),
                dash(keys.join(", ")),
                dash(price.unwrap_or_default()),
                if place.is_empty() { target.endpoint.clone() } else { format!("{} ({place})", target.endpoint) },
                target.source.field.clone(),
            ]);
        }
        columns(&rows)
    }

    fn lost_rows(&self) -> Vec<Vec<String>> {
        self.lost.iter().map(|lost| vec![lost.source.to_string(), format!("{}: {}", lost.why, lost.reason)]).collect()
    }

    fn list_rows(&self) -> Vec<Vec<String>> {
        let row = |list: &super::answer::List| {
            let entry = list.entry.as_ref();
            let says = match (list.passes, entry) {
                (true, Some(entry)) => format!("passes by {entry}"),
                (true, None) => "passes".to_owned(),
                (false, Some(entry)) => format!("forbids by {entry}"),
                (false, None) => "forbids: not in the list".to_owned(),
            };
            vec![format!("{}{}", list.kind, dry(list.mode)), says, list.source.to_string()]
        };
        self.lists.iter().map(row).collect()
    }

    fn limit_rows(&self) -> Vec<Vec<String>> {
        let row = |limit: &super::answer::Limit| {
            let of = format!("of {} for each pod{}", limit.amount, dry(limit.mode));
            vec![limit.holds.clone(), of, limit.source.to_string()]
        };
        self.limits.iter().map(row).collect()
    }

    fn tell_dry_run(&self) -> String {
        let Some(dry_run) = &self.dry_run else { return String::new() };
        let by = dry_run.rule.as_ref().map(|rule| format!(" by {rule}")).unwrap_or_default();
        let told = match dry_run.outcome {
            "refused" => format!("would refuse it as {}{by}", dry_run.class.unwrap_or_default()),
            "routed" if by.is_empty() => "would send it by no route".to_owned(),
            "routed" => format!("would send it{by}"),
            _ => "would do the same".to_owned(),
        };
        format!("\nDry run\n  {told}\n")
    }
}

fn dry(mode: &str) -> &'static str {
    if mode == "DryRun" { " (dry run)" } else { "" }
}
