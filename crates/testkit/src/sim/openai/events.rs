//! The responses API's events, in their full sequence and numbered.

use serde_json::{Value, json};

use super::responses::{finished, item, item_id, part, reasoning, response};
use crate::sim::answer::{Answer, Event, named};
use crate::sim::ask::Ask;
use crate::sim::reply::{Finish, Reply};

pub(super) fn render(ask: &Ask, reply: &Reply) -> Answer {
    let mut tape = Tape { events: Vec::with_capacity(reply.pieces.len() + 9), reply };
    let open = response(ask, reply, "in_progress", Vec::new());
    tape.push(json!({"type": "response.created", "response": open}), 0);
    tape.push(json!({"type": "response.in_progress", "response": open}), 0);
    let index = usize::from(!reply.thought.is_empty());
    if index == 1 {
        tape.thought();
    }
    if reply.call.is_some() {
        tape.call(index)
    } else {
        tape.message(index)
    }
    let last = match reply.finish {
        Finish::Length => "response.incomplete",
        Finish::Stop | Finish::Tool => "response.completed",
    };
    tape.push(json!({"type": last, "response": finished(ask, reply)}), reply.usage.output);
    Answer::events(tape.events, reply.usage)
}

struct Tape<'a> {
    events: Vec<Event>,
    reply: &'a Reply,
}

impl Tape<'_> {
    fn push(&mut self, mut event: Value, output: u64) {
        if let Some(fields) = event.as_object_mut() {
            fields.insert("sequence_number".to_owned(), self.events.len().into());
        }
        self.events.push(named(&event, output));
    }

    /// An event about the item at `index`.
    fn about(&mut self, kind: &str, index: usize, fields: Value, output: u64) {
        let mut event = json!({"type": kind, "output_index": index});
        if let (Some(event), Value::Object(fields)) = (event.as_object_mut(), fields) {
            event.extend(fields);
        }
        self.push(event, output);
    }

    fn thought(&mut self) {
        let reply = self.reply;
        let id = format!("rs_sim{}", reply.id);
        let whole = reply.thought.concat();
        let at = |fields: Value| {
            let mut place = json!({"item_id": id, "summary_index": 0});
            if let (Some(place), Value::Object(fields)) = (place.as_object_mut(), fields) {
                place.extend(fields);
            }
            place
        };
        let empty = json!({"type": "summary_text", "text": ""});
        let full = json!({"type": "summary_text", "text": whole});
        self.about("response.output_item.added", 0, json!({"item": reasoning(reply, "")}), 0);
        self.about("response.reasoning_summary_part.added", 0, at(json!({"part": empty})), 0);
        for (n, piece) in reply.thought.iter().enumerate() {
            let delta = at(json!({"delta": piece}));
            self.about("response.reasoning_summary_text.delta", 0, delta, n as u64 + 1);
        }
        let output = reply.usage.reasoning;
        let text = at(json!({"text": whole}));
        self.about("response.reasoning_summary_text.done", 0, text, output);
        self.about("response.reasoning_summary_part.done", 0, at(json!({"part": full})), output);
        let item = json!({"item": reasoning(reply, &whole)});
        self.about("response.output_item.done", 0, item, output);
    }

    fn message(&mut self, index: usize) {
        let reply = self.reply;
        let (id, whole, output) = (item_id(reply), reply.whole(), reply.usage.output);
        let added = json!({"item": item(reply, "in_progress", "")});
        self.about("response.output_item.added", index, added, 0);
        let place = json!({"item_id": id, "content_index": 0, "part": part("")});
        self.about("response.content_part.added", index, place, 0);
        for (n, piece) in reply.pieces.iter().enumerate() {
            let delta = json!({"item_id": id, "content_index": 0, "delta": piece, "logprobs": []});
            self.about("response.output_text.delta", index, delta, reply.generated(n + 1));
        }
        let text = json!({"item_id": id, "content_index": 0, "text": whole, "logprobs": []});
        self.about("response.output_text.done", index, text, output);
        let place = json!({"item_id": id, "content_index": 0, "part": part(&whole)});
        self.about("response.content_part.done", index, place, output);
        let done = json!({"item": item(reply, "completed", &whole)});
        self.about("response.output_item.done", index, done, output);
    }

    fn call(&mut self, index: usize) {
        let reply = self.reply;
        let (id, whole, output) = (item_id(reply), reply.whole(), reply.usage.output);
        let added = json!({"item": item(reply, "in_progress", "")});
        self.about("response.output_item.added", index, added, reply.generated(0));
        for (n, piece) in reply.pieces.iter().enumerate() {
            let delta = json!({"item_id": id, "delta": piece});
            let kind = "response.function_call_arguments.delta";
            self.about(kind, index, delta, reply.generated(n + 1));
        }
        let arguments = json!({"item_id": id, "arguments": whole});
        self.about("response.function_call_arguments.done", index, arguments, output);
        let done = json!({"item": item(reply, "completed", &whole)});
        self.about("response.output_item.done", index, done, output);
    }
}
