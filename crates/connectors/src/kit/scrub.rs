//! Takes every secret of a connection out of a vendor's text.

use std::fmt::Write as _;
use std::sync::RwLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::Value;
use tidegate_core::Credentials;
use zeroize::Zeroizing;

/// What stands in place of a secret.
const REDACTED: &str = "[redacted]";

/// The most bytes of a vendor's text that an error keeps.
pub(super) const MAX_VENDOR_TEXT: usize = 64 << 10;

/// Members of credentials that are names rather than secrets. They are taken
/// out too, but not when they are so short that nothing of the text would remain.
const NAMES: &[&str] = &["username", "userName", "clientId", "redirectUri"];

/// Knows the secrets of one connection in the spellings in which a vendor may
/// echo them: as they are, URL-encoded, base64 (alone, at any alignment, and as
/// the `user:password` of basic authentication), hex, JSON- and HTML-escaped.
#[derive(Default)]
pub struct Scrubber {
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    /// Spellings to look for as they are, the longest first.
    needles: Vec<Zeroizing<String>>,
    /// Secrets to look for in any URL encoding: which characters of it a
    /// server encodes differs from one to the next, so none is spelled out.
    encoded: Vec<Zeroizing<String>>,
}

impl std::fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scrubber")
    }
}

impl Scrubber {
    /// Learns the credentials of a connection.
    pub fn new(credentials: &Credentials) -> Self {
        let scrubber = Self::default();
        scrubber.learn(credentials);
        scrubber
    }

    /// Learns further credentials, such as those that a token endpoint gave.
    pub fn learn(&self, credentials: &Credentials) {
        let mut found = Vec::new();
        walk(None, credentials.expose(), &mut found);
        let mut needles = Vec::new();
        for (name, text) in &found {
            if text.chars().count() >= 3 || !NAMES.contains(name) {
                spell(text, &mut needles);
            }
        }
        let names = found.iter().filter(|(name, _)| NAMES.contains(name));
        for (_, user) in names {
            for (_, secret) in found.iter().filter(|(name, _)| !NAMES.contains(name)) {
                let pair = Zeroizing::new(format!("{user}:{secret}"));
                needles.extend(encodings(pair.as_bytes()));
            }
        }
        self.add_needles(needles, found.iter().map(|(_, text)| *text));
    }

    /// Learns one more secret, such as an access token.
    pub fn add(&self, secret: &str) {
        let mut needles = Vec::new();
        spell(secret, &mut needles);
        self.add_needles(needles, [secret]);
    }

    fn add_needles<'a>(&self, more: Vec<Zeroizing<String>>, secrets: impl IntoIterator<Item = &'a str>) {
        let mut known = self.known.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.needles.extend(more.into_iter().filter(|needle| !needle.is_empty()));
        let long = secrets.into_iter().filter(|secret| secret.chars().count() >= 3);
        known.encoded.extend(long.map(|secret| Zeroizing::new(secret.to_owned())));
        let Known { needles, encoded } = &mut *known;
        for list in [needles, encoded] {
            // The longest first, so that no spelling is cut in two by a shorter one.
            list.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
            list.dedup();
        }
    }

    /// The text without secrets, cut to 64 KiB (after the scrubbing, so that no
    /// half of a secret survives at the cut).
    pub fn scrub(&self, text: &str) -> String {
        let known = self.known.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut clean = text.to_owned();
        for secret in &known.encoded {
            clean = replace_encoded(clean, secret);
        }
        for needle in &known.needles {
            if needle.chars().count() < 3 {
                clean = replace_words(&clean, needle);
            } else if clean.contains(needle.as_str()) {
                clean = clean.replace(needle.as_str(), REDACTED);
            }
        }
        if clean.len() > MAX_VENDOR_TEXT {
            let mut end = MAX_VENDOR_TEXT;
            while !clean.is_char_boundary(end) {
                end -= 1;
            }
            clean.truncate(end);
            clean.push('…');
        }
        clean
    }
}

/// Replaces a secret in whatever URL encoding it stands: each of its bytes may
/// be itself or `%XX`, and a space may be `+`.
fn replace_encoded(text: String, secret: &str) -> String {
    if !text.contains(['%', '+']) {
        return text;
    }
    let (bytes, secret) = (text.as_bytes(), secret.as_bytes());
    let mut clean = String::with_capacity(text.len());
    let (mut from, mut at) = (0, 0);
    while at < bytes.len() {
        match encoded_end(bytes, at, secret) {
            Some(end) => {
                clean.push_str(&text[from..at]);
                clean.push_str(REDACTED);
                (from, at) = (end, end);
            }
            None => at += 1,
        }
    }
    clean.push_str(&text[from..]);
    clean
}

/// Where the secret ends that begins at a place of a text, if it does there.
/// Both ends lie between characters: whatever matches is a whole secret.
fn encoded_end(text: &[u8], mut at: usize, secret: &[u8]) -> Option<usize> {
    for wanted in secret {
        let byte = *text.get(at)?;
        let digits = text.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        let hex = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        at += match byte {
            // Asked first: a `%` of the secret is `%25` where it is encoded.
            b'%' if hex == Some(*wanted) => 3,
            _ if byte == *wanted => 1,
            b'+' if *wanted == b' ' => 1,
            _ => return None,
        };
    }
    Some(at)
}

/// Replaces a very short secret where it stands for itself: taking the letter `p`
/// out of every word would hide nothing and leave no text.
fn replace_words(text: &str, needle: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in text.match_indices(needle) {
        let before = text[..at].chars().next_back();
        let after = text[at + needle.len()..].chars().next();
        if [before, after].into_iter().flatten().all(|neighbour| !neighbour.is_alphanumeric()) {
            clean.push_str(&text[from..at]);
            clean.push_str(REDACTED);
            from = at + needle.len();
        }
    }
    clean.push_str(&text[from..]);
    clean
}

fn walk<'a>(name: Option<&'a str>, value: &'a Value, found: &mut Vec<(&'a str, &'a str)>) {
    match value {
        Value::String(text) if !text.is_empty() => found.push((name.unwrap_or_default(), text)),
        Value::Array(items) => items.iter().for_each(|item| walk(name, item, found)),
        Value::Object(members) => {
            members.iter().for_each(|(member, value)| walk(Some(member), value, found));
        }
        _ => {}
    }
}

/// Adds every spelling of one secret.
fn spell(secret: &str, needles: &mut Vec<Zeroizing<String>>) {
    let mut add = |text: String| needles.push(Zeroizing::new(text));
    add(secret.to_owned());
    let json = serde_json::to_string(secret).expect("a text is always JSON");
    let json = json[1..json.len() - 1].to_owned();
    add(json.replace('/', "\\/"));
    let mut ascii = String::new();
    for character in json.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    add(json);
    add(ascii);
    let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    for quote in ["&#39;", "&apos;", "&#x27;"] {
        add(html.replace('"', "&quot;").replace('\'', quote));
    }
    add(html);
    needles.extend(encodings(secret.as_bytes()));
}

/// Base64 in four dialects and at three alignments, and hex in both cases.
fn encodings(bytes: &[u8]) -> Vec<Zeroizing<String>> {
    let mut all = Vec::new();
    for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
        all.push(engine.encode(bytes));
    }
    // Inside a longer text (`user:password`, a JSON document) the same bytes
    // have other letters, depending on where they begin; the letters that are
    // made of the secret alone are the same for each of the three alignments.
    for offset in 0..3_usize {
        let mut padded = Zeroizing::new(vec![0; offset]);
        padded.extend_from_slice(bytes);
        let first = (offset * 8).div_ceil(6);
        let last = padded.len() * 8 / 6;
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let encoded = engine.encode(padded.as_slice());
            // Short letters would be found in texts that hold no secret.
            if last >= first + 6 {
                all.push(encoded[first..last].to_owned());
            }
        }
    }
    let mut hex = String::new();
    for byte in bytes {
        let _ = write!(hex, "{byte:02x}");
    }
    all.push(hex.to_ascii_uppercase());
    all.push(hex);
    all.into_iter().map(Zeroizing::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn encoded(text: &str, is_encoded: impl Fn(u8) -> bool, space: &str) -> String {
        text.bytes()
            .map(|byte| match byte {
                b' ' => space.to_owned(),
                _ if is_encoded(byte) => format!("%{byte:02X}"),
                _ => char::from(byte).to_string(),
            })
            .collect()
    }

    #[test]
    fn a_secret_that_looks_encoded_and_a_place_between_characters() {
        let scrubber = Scrubber::default();
        scrubber.add("a%41b");
        assert_eq!(scrubber.scrub("a%41b a%2541b äa%41bä%"), "[redacted] [redacted] ä[redacted]ä%");
        assert_eq!(scrubber.scrub("100% a%4 a%41"), "100% a%4 a%41");
    }

    #[test]
    fn every_spelling_of_a_secret_goes() {
        let password = r#"pässwörd "quoted" %41+/=<&'x"#;
        let scrubber = Scrubber::new(&Credentials::new(json!({
            "basicAuthCredentials": {"username": "ALICE", "password": password}
        })));
        let pair = format!("ALICE:{password}");
        let hex: String = password.bytes().map(|b| format!("{b:02X}")).collect();
        let echoes = [
            password.to_owned(),
            encoded(password, |byte| !byte.is_ascii_alphanumeric(), "%20"),
            encoded(password, |byte| !byte.is_ascii_alphanumeric(), "+").to_lowercase(),
            // Python's `quote`, and a server that encodes what no ASCII is.
            encoded(password, |byte| !byte.is_ascii_alphanumeric() && byte != b'/', "%20"),
            encoded(password, |byte| !byte.is_ascii(), "+"),
            STANDARD.encode(password),
            URL_SAFE_NO_PAD.encode(password),
            STANDARD.encode(&pair),
            STANDARD.encode(format!("{{\"p\":\"x{password}\"}}")),
            serde_json::to_string(password).unwrap(),
            hex,
        ];
        for echo in echoes {
            let clean = scrubber.scrub(&format!("Logon failed for <{echo}>, try again"));
            assert!(clean.contains("Logon failed") && clean.contains("try again"), "{clean}");
            assert!(clean.contains(REDACTED), "{echo} stayed in {clean}");
            for part in ["wörd", "quoted", "w%C3", "w%c3", "w\\u00f6"] {
                assert!(!clean.contains(part), "{part} of {echo} stayed in {clean}");
            }
        }
    }

    #[test]
    fn short_secrets_go_and_short_names_stay() {
        let scrubber = Scrubber::new(&Credentials::new(json!({
            "basicAuthCredentials": {"username": "a", "password": "7"}
        })));
        assert_eq!(scrubber.scrub("a '7' in 1970"), "a '[redacted]' in 1970");
    }

    #[test]
    fn a_learnt_token_goes_and_the_cut_comes_after_the_scrubbing() {
        let scrubber = Scrubber::default();
        scrubber.add("token-0123456789");
        let text = format!("{}token-0123456789", "x".repeat(MAX_VENDOR_TEXT - 5));
        let clean = scrubber.scrub(&text);
        assert!(!clean.contains("token"));
        assert!(clean.len() <= MAX_VENDOR_TEXT + 4);
    }
}
