//! The audit line of a change of an object: one JSON object, in the form and with the bounds of a call's.

use crate::json::Json;
use crate::names::{AUDIT_SCHEMA, audit as common, change as field};
use crate::record::{Author, ChangeRecord};

use super::MAX_ENTRIES;

/// Appends the object, without a line break.
pub(super) fn write(record: &ChangeRecord, out: &mut Vec<u8>) {
    Json::new(out).object(|json| {
        json.name(common::SCHEMA).number(AUDIT_SCHEMA);
        json.name(common::TIME).time(record.time);
        json.name(field::CHANGE).word(record.change.as_str());
        json.name(field::KIND).word(record.kind);
        json.name(common::NAMESPACE).text(&record.namespace);
        json.name(field::NAME).text(&record.name);
        if !record.uid.is_empty() {
            json.name(field::UID).text(&record.uid);
        }
        if let Some(generation) = record.generation {
            json.name(common::GENERATION).signed(i128::from(generation));
        }
        if let Some(author) = &record.author {
            wrote(author, json);
        }
        if !record.fields.is_empty() {
            list(json, field::FIELDS, &record.fields);
        }
        let more = record.more_fields + record.fields.len().saturating_sub(MAX_ENTRIES) as u64;
        if more > 0 {
            json.name(field::MORE_FIELDS).number(more);
        }
        if !record.refusals.is_empty() {
            list(json, field::REFUSALS, &record.refusals);
        }
        if let Some(generation) = record.in_force {
            json.name(field::IN_FORCE).signed(i128::from(generation));
        }
        if let Some(accepted) = record.accepted {
            json.name(field::ACCEPTED_AT).time(accepted);
        }
        if let Some(sidecars) = record.sidecars {
            json.name(field::SIDECARS).number(sidecars);
        }
    });
}

fn wrote(author: &Author, json: &mut Json<'_>) {
    json.name(field::MANAGER).text(&author.manager);
    if !author.operation.is_empty() {
        json.name(field::MANAGER_OPERATION).text(&author.operation);
    }
    if let Some(at) = author.at {
        json.name(field::WRITTEN_AT).time(at);
    }
}

fn list(json: &mut Json<'_>, name: &'static str, texts: &[String]) {
    json.name(name).array(|json| texts.iter().take(MAX_ENTRIES).for_each(|text| json.text(text)));
}
