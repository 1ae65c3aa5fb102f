//! An effective policy for people.

use std::fmt::Write as _;

use super::value::{Conflict, Limit, List, Matches, Policy, Route};
use crate::output::{Told, columns};
use crate::words;

impl Told for Policy {
    fn tell(&self) -> String {
        let short = self.version.get(..12).unwrap_or(&self.version);
        let mut text = format!("{}\nversion {short}, prices of {}\n", self.caller.tell(), self.price_version);
        if !self.complete {
            text.push_str("\nINCOMPLETE  you may not read all that decides, see the notes below\n");
        }
        for provider in &self.providers {
            let _ = writeln!(text, "\nProvider {}, from {}", provider.name, provider.source);
            let mut rows: Vec<Vec<String>> = provider
                .settings
                .iter()
                .map(|s| {
                    let origin = if s.origin == "default" { "default" } else { "" };
                    vec![s.field.clone(), s.value.clone(), origin.to_owned()]
                })
                .collect();
            if provider.listed_prices > 0 {
                rows.push(vec!["list prices".into(), format!("of {} models", provider.listed_prices)]);
            }
            text.push_str(&columns(&rows));
        }
        let lists = [("allow", &self.allow), ("deny", &self.deny)];
        let lists: Vec<_> = lists.iter().flat_map(|(kind, all)| all.iter().map(|list| list_row(kind, list))).collect();
        section(&mut text, "Lists of models, all of which count", &lists);
        for route in &self.routes {
            text.push_str(&tell_route(route));
        }
        section(
            &mut text,
            "Limits for each pod, all of which count",
            &self.limits.iter().map(limit_row).collect::<Vec<_>>(),
        );
        section(&mut text, "Told of calls", &self.telemetry.rows());
        let conflict = |c: &Conflict| vec![format!("{} {}", c.object, c.field), c.reason.clone()];
        section(&mut text, "Conflicts", &self.conflicts.iter().map(conflict).collect::<Vec<_>>());
        text.push_str(&words::notes(&self.notes));
        text
    }
}

fn section(text: &mut String, title: &str, rows: &[Vec<String>]) {
    if !rows.is_empty() {
        let _ = write!(text, "\n{title}\n{}", columns(rows));
    }
}

fn list_row(kind: &str, list: &List) -> Vec<String> {
    let models = if list.models.is_empty() { "nothing".to_owned() } else { list.models.join(", ") };
    vec![format!("{kind}{}", dry(list.mode)), models, list.source.to_string()]
}

fn tell_route(route: &Route) -> String {
    let mut text =
        format!("\nRoute {}{}, from {}, which selects {}\n", route.name, dry(route.mode), route.source, route.selects);
    let matches = |m: &Matches| {
        let models = if m.models.is_empty() { "any model".to_owned() } else { m.models.join(", ") };
        let headers = m.headers.iter().map(|h| format!(" with {h}")).collect::<String>();
        vec![m.source.field.clone(), models + &headers]
    };
    text.push_str(&columns(&route.matches.iter().map(matches).collect::<Vec<_>>()));
    let target = |t: &super::value::Target| {
        let model = t.model.as_deref().unwrap_or("the asked model");
        let state = if t.state == "usable" { "" } else { t.state };
        vec![
            t.source.field.clone(),
            format!("{} {model}", t.provider),
            format!("priority {}", t.priority),
            format!("weight {}", t.weight),
            state.to_owned(),
        ]
    };
    text.push_str(&columns(&route.targets.iter().map(target).collect::<Vec<_>>()));
    text
}

fn limit_row(limit: &Limit) -> Vec<String> {
    let window = limit.window.as_ref().map(|window| format!(" in {window}")).unwrap_or_default();
    let amount = format!("{} {}{window}{}", limit.amount, limit.unit, dry(limit.mode));
    vec![limit.name.clone(), amount, limit.source.to_string()]
}

fn dry(mode: &str) -> &'static str {
    if mode == "DryRun" { " (dry run)" } else { "" }
}
