//! The refusals of a decision: which list forbids the model, and what it means that no target is left.

use super::{Question, acts};
use crate::plan::{LeftOut, WhyLeft};
use crate::refusal::{Class, Reason, Refusal};

impl Question<'_> {
    /// The asked name, and what the provider may answer with in its place, against every list.
    pub(super) fn check_lists(&self, with_dry_run: bool) -> Result<(), Refusal> {
        let fallbacks = &self.call.fallbacks;
        let mut asked = std::iter::once(&self.call.model).chain(&fallbacks.named);
        asked.try_for_each(|model| self.check_name(model, with_dry_run))?;
        let mut lists = self.snapshot.deny.iter().chain(&self.snapshot.allow);
        match lists.find(|l| fallbacks.open && acts(l.mode, with_dry_run)) {
            Some(list) => {
                let message = format!(
                    "The body lets the provider answer with a model of its own choice, and {} says which may be used.",
                    list.meta
                );
                Err(Refusal::new(Class::ModelNotAllowed, None, message).by(&list.meta))
            }
            None => Ok(()),
        }
    }

    fn check_name(&self, model: &str, with_dry_run: bool) -> Result<(), Refusal> {
        for list in self.snapshot.deny.iter().filter(|l| acts(l.mode, with_dry_run)) {
            if list.globs.iter().any(|g| g.matches(model)) {
                let message = format!("The model `{model}` is denied by {}.", list.meta);
                return Err(Refusal::new(Class::ModelNotAllowed, None, message).by(&list.meta));
            }
        }
        for list in self.snapshot.allow.iter().filter(|l| acts(l.mode, with_dry_run)) {
            if !list.globs.iter().any(|g| g.matches(model)) {
                let message = format!("The model `{model}` is not allowed by {}.", list.meta);
                return Err(Refusal::new(Class::ModelNotAllowed, None, message).by(&list.meta));
            }
        }
        Ok(())
    }

    /// What it means that no target is left: a missing credential outweighs a forbidden model, and that
    /// outweighs a language that is not translated.
    pub(super) fn nothing_left(&self, winner: Option<usize>, left_out: &[LeftOut]) -> Refusal {
        let model = &self.call.model;
        let rule = winner.and_then(|index| self.snapshot.routes.get(index)).map(|route| &route.meta);
        let has = |wanted: fn(&WhyLeft) -> bool| left_out.iter().any(|l| wanted(&l.why));
        let refusal = if left_out.is_empty() {
            let message = format!("No provider that this workload may use serves the model `{model}`.");
            Refusal::new(Class::ModelNotAllowed, None, message)
        } else if has(|w| matches!(w, WhyLeft::NoCredential | WhyLeft::ProviderMissing | WhyLeft::Drained)) {
            let message = format!("No provider for the model `{model}` is ready: {}.", told(left_out));
            Refusal::new(Class::ProviderAuth, Reason::NoCredential, message)
        } else if has(|w| matches!(w, WhyLeft::Denied(_) | WhyLeft::NotAllowed(_) | WhyLeft::NotAccessible)) {
            let message = format!("The model `{model}` leads nowhere that is allowed: {}.", told(left_out));
            Refusal::new(Class::ModelNotAllowed, None, message)
        } else {
            let dialect = self.call.dialect.as_str();
            let message = format!(
                "The model `{model}` is served, but not in the dialect of this call ({dialect}): {}.",
                told(left_out)
            );
            Refusal::new(Class::RequestInvalid, Reason::OtherDialect, message)
        };
        match rule {
            Some(meta) => refusal.by(meta),
            None => refusal,
        }
    }
}

fn told(left_out: &[LeftOut]) -> String {
    let told: Vec<String> = left_out.iter().map(|l| format!("{} ({})", l.provider, l.why.as_str())).collect();
    told.join(", ")
}
