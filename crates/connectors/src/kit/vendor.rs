//! Finds a vendor's own words in the body of an answer.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

/// The most bytes of a body that are looked at for a message.
const LOOKED_AT: usize = 1 << 20;

/// The vendor's own words in an answer's body: the message (with code and
/// details) of an OData error in JSON (V2 and V4) or XML, of an OAuth error, the
/// title of an HTML page, else the text as it is. Empty for an empty body. The
/// text is not scrubbed yet.
pub fn vendor_message(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(LOOKED_AT)]);
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.starts_with(['{', '[']) {
        return serde_json::from_str::<Value>(text)
            .ok()
            .and_then(|value| json_message(&value))
            .or_else(|| embedded_error(text))
            .unwrap_or_else(|| text.to_owned());
    }
    if looks_like_html(text.as_bytes()) {
        return html_message(text);
    }
    if text.starts_with('<') {
        return xml_message(text).unwrap_or_else(|| text.to_owned());
    }
    text.to_owned()
}

/// Whether a body is an HTML page, such as a logon form, rather than data.
pub fn looks_like_html(body: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&body[..body.len().min(1024)]).to_ascii_lowercase();
    let start = start.trim_start_matches('\u{feff}').trim_start();
    let is_markup = start.starts_with('<');
    start.starts_with("<!doctype html")
        || start.starts_with("<html")
        || (is_markup && start.contains("<head>"))
}

/// The message of a JSON error document, if it is one.
pub(crate) fn json_message(value: &Value) -> Option<String> {
    let error = value.get("error").or_else(|| value.get("d").and_then(|d| d.get("error")))?;
    if let Value::String(code) = error {
        let description = value.get("error_description").and_then(Value::as_str);
        return Some(match description {
            Some(description) => format!("{code}: {description}"),
            None => code.clone(),
        });
    }
    let message = text_of(error.get("message"));
    let code = text_of(error.get("code")).filter(|code| Some(code) != message.as_ref());
    let mut text = match (code, message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return Some(error.to_string()),
    };
    let inner = error.get("innererror").and_then(|inner| inner.get("errordetails"));
    for details in [error.get("details"), inner].into_iter().flatten() {
        for detail in details.as_array().into_iter().flatten() {
            if let Some(message) = text_of(detail.get("message")).filter(|m| !text.contains(m.as_str())) {
                text.push_str("; ");
                text.push_str(&message);
            }
        }
    }
    Some(text)
}

/// V4 has the message as a text, V2 as `{lang, value}`.
fn text_of(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Object(members) => text_of(members.get("value")),
        _ => None,
    }
}

/// The message of an error object that a server wrote into the middle of an
/// answer which it could not finish; the document around it is torn.
pub(crate) fn embedded_error(text: &str) -> Option<String> {
    let at = text.rfind("\"error\"")?;
    let rest = text[at + 7..].trim_start().strip_prefix(':')?;
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
    let error = values.next()?.ok().filter(Value::is_object)?;
    json_message(&serde_json::json!({ "error": error }))
}

/// `<error><code>…</code><message>…</message></error>`, as Atom services answer.
fn xml_message(text: &str) -> Option<String> {
    let mut reader = Reader::from_str(text);
    let (mut path, mut code, mut messages) = (Vec::new(), String::new(), Vec::<String>::new());
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => path.push(start.local_name().as_ref().to_vec()),
            Event::End(_) => {
                path.pop();
            }
            Event::Text(part) => {
                add(&path, &part.decode().ok()?, &mut code, &mut messages);
            }
            Event::GeneralRef(reference) => {
                let name = reference.decode().ok()?;
                let character = reference
                    .resolve_char_ref()
                    .ok()
                    .flatten()
                    .map(String::from)
                    .or_else(|| quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned));
                if path.last().is_some_and(|last| last == b"message")
                    && let Some(message) = messages.last_mut()
                {
                    message.push_str(&character.unwrap_or_default());
                    // What follows the reference continues the same message.
                    message.push('\u{0}');
                }
            }
            Event::CData(part) => {
                add(&path, &part.decode().ok()?, &mut code, &mut messages);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    messages.iter_mut().for_each(|message| message.retain(|c| c != '\u{0}'));
    messages.dedup();
    let message = messages.join("; ");
    match (code.is_empty(), message.is_empty()) {
        (_, true) => None,
        (true, false) => Some(message),
        (false, false) => Some(format!("{code}: {message}")),
    }
}

fn add(path: &[Vec<u8>], text: &str, code: &mut String, messages: &mut Vec<String>) {
    if text.trim().is_empty() && !messages.last().is_some_and(|message| message.ends_with('\u{0}')) {
        return;
    }
    match path.last().map(Vec::as_slice) {
        Some(b"code") if code.is_empty() => code.push_str(text.trim()),
        Some(b"message") => match messages.last_mut().filter(|message| message.ends_with('\u{0}')) {
            Some(message) => message.push_str(text),
            None => messages.push(text.to_owned()),
        },
        _ => {}
    }
}

/// An HTML page in a sentence: its title, and the first lines of what it says.
fn html_message(text: &str) -> String {
    let between = |open: &str, close: &str| {
        let lower = text.to_ascii_lowercase();
        let from = lower.find(open)?;
        let from = from + lower[from..].find('>')? + 1;
        let to = from + lower[from..].find(close)?;
        Some(plain(&text[from..to]))
    };
    let title = between("<title", "</title>").unwrap_or_default();
    let body = between("<body", "</body>").unwrap_or_default();
    let body: String = body.chars().take(300).collect();
    match (title.is_empty(), body.is_empty()) {
        (true, true) => "an HTML page".to_owned(),
        (false, true) => format!("HTML page \"{title}\""),
        (true, false) => format!("HTML page: {body}"),
        (false, false) => format!("HTML page \"{title}\": {body}"),
    }
}

/// Text without tags, scripts and runs of white space.
fn plain(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        text.push_str(&rest[..open]);
        text.push(' ');
        let tag = rest[open..].to_ascii_lowercase();
        let end = ["script", "style"]
            .into_iter()
            .find(|name| tag[1..].starts_with(name))
            .and_then(|name| tag.find(&format!("</{name}")))
            .unwrap_or(0);
        match rest[open + end..].find('>') {
            Some(close) => rest = &rest[open + end + close + 1..],
            None => rest = "",
        }
    }
    text.push_str(rest);
    let text = text.replace("&nbsp;", " ").replace("&quot;", "\"").replace("&#39;", "'");
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_words_are_found_in_every_form() {
        let cases = [
            (
                r#"{"error":{"code":"400","message":"Property \"bad\" does not exist"}}"#,
                "400: Property \"bad\" does not exist",
            ),
            (
                r#"{"error":{"code":"SY/530","message":{"lang":"en","value":"Not found"},
                "innererror":{"errordetails":[{"code":"A","message":"Not found"},{"code":"B","message":"Ask the owner"}]}}}"#,
                "SY/530: Not found; Ask the owner",
            ),
            (
                r#"{"error":"invalid_grant","error_description":"Code is spent"}"#,
                "invalid_grant: Code is spent",
            ),
            (
                r#"<?xml version="1.0" encoding="utf-8"?><error xmlns="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"><code>005056A509B11EE1B9A8FEC11C21D78E</code><message xml:lang="en">Resource not found &amp; gone</message></error>"#,
                "005056A509B11EE1B9A8FEC11C21D78E: Resource not found & gone",
            ),
            (
                "<html><head><title>Logon Error</title></head><body><h1>No&nbsp;access</h1><script>x<y</script> now</body></html>",
                "HTML page \"Logon Error\": No access now",
            ),
            ("Unauthorized\n", "Unauthorized"),
            (
                r#"{"value":[{"a":1},{"a":{"error":{"code":"DUMP","message":"short dump"}}"#,
                "DUMP: short dump",
            ),
            ("", ""),
            (r#"{"value":[{"error":"none"},{"a"#, r#"{"value":[{"error":"none"},{"a"#),
        ];
        for (body, expected) in cases {
            assert_eq!(vendor_message(body.as_bytes()), expected);
        }
    }
}
