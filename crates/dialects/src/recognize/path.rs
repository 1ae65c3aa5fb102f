//! Which endpoint a path is. Every SDK has its own idea of the prefix, so the prefix is read apart from the rest.
//!
//! The path is brought to one form once, and whatever could mean two things to two readers (`//`, `..`, `;`,
//! an encoded slash, anything that is not ASCII) is no path of ours. What goes upstream is written afresh from
//! the [`Endpoint`], never copied from the path.

use std::sync::Arc;

use http::{HeaderMap, Method};
use sidegate_policy::{Class, Dialect, Operation, Reason, Refusal, Streaming};

use super::Endpoint;
use super::fields::MAX_MODEL;

/// The paths that are served, for refusals that help.
const PATHS: [&str; 12] = [
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/responses/input_tokens",
    "/v1/embeddings",
    "/v1/completions",
    "/v1/deployments/{model}/chat/completions",
    "/v1/models",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1beta/models",
    "/v1beta/models/{model}:generateContent",
    "/v1beta/models/{model}:streamGenerateContent",
];

/// What goes before the operation in a path.
#[derive(Debug, Default, Clone, Copy)]
struct Prefix {
    /// `/openai`, `/anthropic` or `/gemini`.
    dialect: Option<Dialect>,
    /// `/v1beta` or `/v1alpha`, which only Gemini has.
    beta: bool,
}

/// What a path is, before the method is looked at.
struct Place {
    dialect: Dialect,
    operation: Operation,
    model: Option<Arc<str>>,
    streamed: bool,
}

/// The endpoint that a head names.
///
/// # Errors
/// [`Reason::UnknownPath`] for a path that no SDK of a known dialect calls, [`Reason::MethodNotAllowed`] for a
/// wrong method on a known one.
pub fn endpoint(method: &Method, path: &str, query: Option<&str>, headers: &HeaderMap) -> Result<Endpoint, Refusal> {
    if method == Method::CONNECT || method == Method::TRACE {
        return Err(wrong_method(method, "GET, POST"));
    }
    let place = place(path, headers).ok_or_else(|| unknown(path))?;
    let allowed = method_of(place.operation);
    if *method != allowed {
        return Err(wrong_method(method, allowed.as_str()));
    }
    let streaming = match place.streamed {
        false => Streaming::No,
        true if wants_events(query) => Streaming::Sse,
        true => Streaming::JsonArray,
    };
    Ok(Endpoint { dialect: place.dialect, operation: place.operation, model: place.model, streaming })
}

/// The methods of a path, for an `Allow` header; none if the path is unknown.
#[must_use]
pub fn allowed_methods(path: &str) -> Option<&'static str> {
    let place = place(path, &HeaderMap::new())?;
    Some(if method_of(place.operation) == Method::GET { "GET" } else { "POST" })
}

fn method_of(operation: Operation) -> Method {
    match operation {
        Operation::ListModels | Operation::GetModel => Method::GET,
        _ => Method::POST,
    }
}

fn place(path: &str, headers: &HeaderMap) -> Option<Place> {
    let fixed = |dialect, operation| Place { dialect, operation, model: None, streamed: false };
    // What SDKs send as they come needs no taking apart.
    match path {
        "/v1/chat/completions" => return Some(fixed(Dialect::OpenAi, Operation::ChatCompletions)),
        "/v1/responses" => return Some(fixed(Dialect::OpenAi, Operation::Responses)),
        "/v1/messages" => return Some(fixed(Dialect::Anthropic, Operation::Messages)),
        _ => {}
    }
    let segments = segments(path)?;
    let (prefix, rest) = prefix(&segments);
    let place = match rest {
        ["chat", "completions"] => fixed(Dialect::OpenAi, Operation::ChatCompletions),
        ["responses"] => fixed(Dialect::OpenAi, Operation::Responses),
        ["responses", "input_tokens"] => fixed(Dialect::OpenAi, Operation::InputTokens),
        ["embeddings"] => fixed(Dialect::OpenAi, Operation::Embeddings),
        ["completions"] => fixed(Dialect::OpenAi, Operation::Completions),
        ["messages"] => fixed(Dialect::Anthropic, Operation::Messages),
        ["messages", "count_tokens"] => fixed(Dialect::Anthropic, Operation::CountTokens),
        ["deployments", name @ .., "chat", "completions"] => deployment(name, Operation::ChatCompletions)?,
        ["deployments", name @ .., "completions"] => deployment(name, Operation::Completions)?,
        ["deployments", name @ .., "embeddings"] => deployment(name, Operation::Embeddings)?,
        ["models"] => fixed(lister(prefix, headers), Operation::ListModels),
        ["models" | "tunedModels", .., last] if method_of_model(last).is_some() => {
            return gemini(prefix, rest);
        }
        ["models", name @ ..] => {
            let model = model_name(&name.join("/"), true)?;
            let dialect = lister(prefix, headers);
            return Some(Place { dialect, operation: Operation::GetModel, model: Some(model), streamed: false });
        }
        _ => return None,
    };
    let fits = prefix.dialect.is_none_or(|d| d == place.dialect) && (!prefix.beta || fits_beta(prefix, &place));
    fits.then_some(place)
}

/// `deployments/{model}/{operation}`, as Azure has it.
fn deployment(name: &[&str], operation: Operation) -> Option<Place> {
    let model = Some(model_name(&name.join("/"), true)?);
    Some(Place { dialect: Dialect::OpenAi, operation, model, streamed: false })
}

/// `/v1beta` is Gemini's, and of `/v1beta/openai`.
fn fits_beta(prefix: Prefix, place: &Place) -> bool {
    place.dialect == Dialect::Gemini || prefix.dialect == Some(Dialect::OpenAi)
}

/// The segments of a path in its one form; none if it could be read in two ways.
fn segments(path: &str) -> Option<Vec<&str>> {
    let inner = path.strip_prefix('/')?;
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b';' | b'\\' | b'?' | b'#');
    if path.len() > 1024 || !inner.bytes().all(plain) {
        return None;
    }
    let segments: Vec<&str> = inner.split('/').collect();
    let ambiguous = |s: &&str| s.is_empty() || *s == "." || *s == "..";
    (!segments.iter().any(ambiguous)).then_some(segments)
}

fn prefix<'s, 'p>(segments: &'s [&'p str]) -> (Prefix, &'s [&'p str]) {
    let mut prefix = Prefix::default();
    let mut rest = segments;
    let mut version = false;
    while let [first, after @ ..] = rest {
        match *first {
            "v1" | "v1beta" | "v1alpha" if !version => {
                version = true;
                prefix.beta = *first != "v1";
            }
            "openai" if prefix.dialect.is_none() => prefix.dialect = Some(Dialect::OpenAi),
            "anthropic" if prefix.dialect.is_none() => prefix.dialect = Some(Dialect::Anthropic),
            "gemini" if prefix.dialect.is_none() => prefix.dialect = Some(Dialect::Gemini),
            _ => break,
        }
        rest = after;
    }
    (prefix, rest)
}

/// Whose models list it is: all three have `/v1/models`.
fn lister(prefix: Prefix, headers: &HeaderMap) -> Dialect {
    if let Some(dialect) = prefix.dialect {
        dialect
    } else if prefix.beta || headers.contains_key("x-goog-api-key") {
        Dialect::Gemini
    } else if headers.contains_key("anthropic-version") {
        Dialect::Anthropic
    } else {
        Dialect::OpenAi
    }
}

/// `models/{model}:{method}`
fn gemini(prefix: Prefix, rest: &[&str]) -> Option<Place> {
    if prefix.dialect.is_some_and(|d| d != Dialect::Gemini) {
        return None;
    }
    let [family, last] = rest else { return None };
    let (name, operation, streamed) = method_of_model(last)?;
    let name = model_name(name, false)?;
    let model = if *family == "models" { name } else { Arc::from(format!("{family}/{name}")) };
    Some(Place { dialect: Dialect::Gemini, operation, model: Some(model), streamed })
}

/// `{model}:{method}`, whose colon some clients encode.
fn method_of_model(last: &str) -> Option<(&str, Operation, bool)> {
    let (name, method) = ["%3A", "%3a", ":"].iter().find_map(|colon| last.rsplit_once(colon))?;
    let (operation, streamed) = match method {
        "generateContent" => (Operation::GenerateContent, false),
        "streamGenerateContent" => (Operation::GenerateContent, true),
        "countTokens" => (Operation::CountTokens, false),
        "embedContent" => (Operation::EmbedContent, false),
        "batchEmbedContents" => (Operation::BatchEmbedContents, false),
        _ => return None,
    };
    Some((name, operation, streamed))
}

/// A model's name out of a path. Names with slashes are known where the path leads nowhere beyond here: in the list of
/// models, and as deployments.
fn model_name(raw: &str, slashes: bool) -> Option<Arc<str>> {
    let mut name = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('%') {
        name.push_str(before);
        let byte = u8::from_str_radix(after.get(..2)?, 16).ok()?;
        name.push(char::from(byte));
        rest = after.get(2..)?;
    }
    name.push_str(rest);
    let plain =
        |b: u8| b.is_ascii_graphic() && !matches!(b, b'%' | b'?' | b'#' | b';' | b'\\') && (slashes || b != b'/');
    let dots = name.split('/').any(|s| s.is_empty() || s == "." || s == "..");
    (name.bytes().all(plain) && !dots && name.len() <= MAX_MODEL).then(|| Arc::from(name))
}

/// `alt=sse`, which Google's front end also knows as `$alt`.
fn wants_events(query: Option<&str>) -> bool {
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .into_iter()
        .any(|(name, value)| matches!(name, "alt" | "$alt" | "%24alt") && value.eq_ignore_ascii_case("sse"))
}

fn unknown(path: &str) -> Refusal {
    let near = nearest(path);
    let shown: String = path.chars().take(80).filter(char::is_ascii_graphic).collect();
    let message = format!("no call is served at {shown}; near it are {} and {}", near[0], near[1]);
    Refusal::new(Class::RequestInvalid, Reason::UnknownPath, message)
}

fn wrong_method(method: &Method, allowed: &str) -> Refusal {
    let shown: String = method.as_str().chars().take(20).collect();
    let message = format!("{shown} is not allowed here; allowed: {allowed}");
    Refusal::new(Class::RequestInvalid, Reason::MethodNotAllowed, message)
}

/// The two served paths that share the most words with `path`.
fn nearest(path: &str) -> [&'static str; 2] {
    let words = |p: &str| -> Vec<String> {
        p.split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|w| !w.is_empty())
            .take(16)
            .map(str::to_ascii_lowercase)
            .collect()
    };
    let asked = words(path);
    let score = |candidate: &str| words(candidate).iter().filter(|w| !w.starts_with("v1") && asked.contains(w)).count();
    let mut ranked = PATHS;
    ranked.sort_by_key(|p| std::cmp::Reverse(score(p)));
    [ranked[0], ranked[1]]
}
