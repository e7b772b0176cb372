//! No secret is found in any file but the keyring, in any spelling.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::json;
use tidegate_core::{Credentials, Secret};
use tidegate_store::{KeyKind, NewAccessKey};

use crate::support::*;

/// The spellings in which a text might lie in a file: plain, hex, and base64
/// at each of the three places it can start at.
fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let mut all = vec![secret.as_bytes().to_vec(), hex::encode(secret).into_bytes()];
    all.push(hex::encode_upper(secret).into_bytes());
    for skipped in 0..3 {
        let padded = [&b"xx"[..skipped], secret.as_bytes()].concat();
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let text = engine.encode(&padded).into_bytes();
            // The first and the last characters also depend on the neighbours.
            let (from, to) = (if skipped == 0 { 0 } else { 4 }, text.len() - 3);
            all.push(text[from..to].to_vec());
        }
    }
    all
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn the_search_finds_every_spelling() {
    let secret = "canary-secret-1";
    for text in [
        secret.to_owned(),
        format!("..{}", hex::encode(secret)),
        STANDARD_NO_PAD.encode(format!("1{secret}234")),
        STANDARD_NO_PAD.encode(format!("12{secret}")),
        URL_SAFE_NO_PAD.encode(format!("123{secret}4")),
    ] {
        assert!(spellings(secret).iter().any(|spelling| holds(text.as_bytes(), spelling)), "{text}");
    }
}

#[tokio::test]
async fn no_secret_lies_in_any_file_but_the_keyring() {
    let mut fixture = Fixture::new().await;
    let store = fixture.store();
    let connections = store.connections(&account());
    let mut canaries = Vec::new();
    let mut canary = |name: &str| {
        let text = format!("canary-{name}-7f3a");
        canaries.push(text.clone());
        text
    };
    let document = json!({
        "oAuthCredentials": {"clientId": "findable-id", "clientSecret": canary("client-secret"),
            "accessToken": canary("access-token"), "refreshToken": canary("refresh-token"),
            "oAuthRequest": {"authCode": canary("auth-code")}},
        "basicAuthCredentials": {"username": "u", "password": canary("password")},
    });
    let token = call("Create", "findable-token", &document.to_string(), json!({"arn": "findable-result"}));
    let mut sample = connection("a");
    sample.properties["note"] = json!("findable-property");
    let place = destination(&sample);
    let given = Some(Credentials::new(document.clone()));
    connections.create(sample.clone(), given, &place, Some(&token)).await.expect("created");
    connections.update(sample, Some(credentials(&canary("second"))), &place, None).await.expect("updated");
    create(store, "b", &canary("deleted")).await;
    connections.delete(&"b".into(), false).await.expect("deleted");
    let key = NewAccessKey {
        id: "AKIAFINDABLE".to_owned(),
        secret: Secret::new(canary("access-key")),
        kind: KeyKind::User,
        session_token: Some(Secret::new(canary("session-token"))),
        expires_at_ms: None,
    };
    let shown = format!("{key:?} {token:?} {store:?}");
    store.access_keys().create(&account(), key).await.expect("created");
    let hash = Secret::new(canary("password-hash"));
    store.users(&account()).create("findable-user", hash).await.expect("created");
    let opened = open_connection(store, "a").await.expect("opens");
    let shown = format!("{shown} {opened:?} {:?}", store.access_keys().get("AKIAFINDABLE").await);
    store.rotate(|_| {}).await.expect("rotated");

    // While the log is there, and after it was folded into the database.
    for open in [true, false] {
        if !open {
            fixture.close().await;
        }
        let mut everything = Vec::new();
        for entry in fs::read_dir(fixture.data()).expect("readable") {
            let path = entry.expect("an entry").path();
            if path.file_name().is_some_and(|name| name != "keyring") {
                everything.extend(fs::read(path).expect("readable"));
            }
        }
        for text in ["findable-property", "findable-result", "AKIAFINDABLE", "findable-user"] {
            assert!(holds(&everything, text.as_bytes()), "the search does not find {text}");
        }
        assert!(!holds(&everything, b"findable-token"), "tokens are kept as fingerprints");
        assert!(!holds(&everything, b"findable-id"), "all of the credentials are sealed");
        everything.extend(shown.as_bytes());
        for secret in &canaries {
            for spelling in spellings(secret) {
                assert!(!holds(&everything, &spelling), "{secret} was found");
            }
        }
    }
}
