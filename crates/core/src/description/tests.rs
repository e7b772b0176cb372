//! Bindings, copies and normal forms, on a description made for the tests.

use serde_json::{Value, json};

use super::Description;

fn member(path: &str, kind: &str, marks: Value) -> Value {
    let mut member = json!({"path": path, "label": path, "help": "Help.", "kind": kind});
    for (key, value) in marks.as_object().expect("an object") {
        member[key] = value.clone();
    }
    member
}

pub(super) fn example() -> Description {
    let description = json!({
        "connectorType": "CustomConnector",
        "connectorName": "Example",
        "connectorDescription": "An example.",
        "connectorOwner": "Tidegate",
        "connectorVersion": "1.0",
        "canUseAsSource": true,
        "canUseAsDestination": false,
        "supportedDataTransferTypes": ["RECORD"],
        "profile": {
            "properties": [
                member("host", "url", json!({"required": true, "destination": true})),
                member("port", "integer", json!({"destination": true})),
                member("sandbox", "boolean", json!({"destination": true})),
                member("settings", "map", json!({"destination": true})),
                member("auth.tokenUrl", "url", json!({"required": true, "destination": true})),
                member("stage", "text", json!({"leading": "@"})),
                member("language", "text", json!({})),
            ],
            "credentials": [
                member("user", "text", json!({})),
                member("oauth.clientId", "text", json!({"oauth": true})),
                member("oauth.request.code", "secret", json!({"oauth": true, "secret": true})),
                member("custom.way", "text", json!({})),
                member("custom.map", "map", json!({"secret": true, "oauthKeys": ["accessToken"]})),
            ],
        },
    });
    serde_json::from_value(description).expect("a description")
}

#[test]
fn a_misspelt_member_is_refused() {
    let wrong = json!({"path": "a", "label": "A", "help": "H.", "kind": "text", "destnation": true});
    assert!(serde_json::from_value::<super::Member>(wrong).is_err());
}

#[test]
fn the_binding_does_not_depend_on_order_or_on_ways_to_say_nothing() {
    let of = example();
    let text =
        of.destination_binding(Some("L"), &json!({"host": "https://h", "settings": {"b": "2", "a": "1"}}));
    assert_eq!(
        text,
        r#"["tidegate-destination-1","CustomConnector","L",[["host","https://h"],["settings.a","1"],["settings.b","2"]]]"#
    );
    let same = json!({
        "language": "DE", "stage": "x", "sandbox": false, "port": null, "auth": {"tokenUrl": ""},
        "settings": {"a": "1", "b": "2", "c": ""}, "host": "https://h",
    });
    assert_eq!(of.destination_binding(Some("L"), &same), text);
    assert_eq!(
        of.destination_changes(&json!({"host": "https://h", "settings": {"a": "1", "b": "2"}}), &same),
        [""; 0]
    );
}

#[test]
fn the_binding_tells_every_two_destinations_apart() {
    let of = example();
    let base = json!({"host": "https://h", "settings": {"a": "1"}});
    let others = [
        (json!({"host": "https://h2", "settings": {"a": "1"}}), vec!["host"]),
        (json!({"settings": {"a": "1"}}), vec!["host"]),
        (json!({"host": "https://h", "port": 1, "settings": {"a": "1"}}), vec!["port"]),
        (json!({"host": "https://h", "sandbox": true, "settings": {"a": "1"}}), vec!["sandbox"]),
        (json!({"host": "https://h", "settings": {"a": "2"}}), vec!["settings.a"]),
        (json!({"host": "https://h", "settings": {"b": "1"}}), vec!["settings.a", "settings.b"]),
        (json!({"host": "https://h\",[\"port", "settings": {"a": "1"}}), vec!["host"]),
        (
            json!({"host": "https://h", "settings": {"a": "1"}, "auth": {"tokenUrl": "t"}}),
            vec!["auth.tokenUrl"],
        ),
    ];
    let mut seen = vec![of.destination_binding(Some("L"), &base), of.destination_binding(None, &base)];
    seen.push(of.destination_binding(Some("M"), &base));
    for (other, changes) in others {
        assert_eq!(of.destination_changes(&base, &other), changes);
        assert_eq!(of.destination_changes(&other, &base), changes, "the other way round");
        seen.push(of.destination_binding(Some("L"), &other));
    }
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
}

#[test]
fn a_copy_carries_everything_but_oauth() {
    let of = example();
    let stored = json!({
        "user": "u",
        "oauth": {"clientId": "c", "request": {"code": "x"}},
        "custom": {"map": {"Access_Token": "t", "password": "p"}},
    });
    assert_eq!(of.without_oauth(&stored), json!({"user": "u", "custom": {"map": {"password": "p"}}}));
    assert_eq!(of.needs_anew(&stored), ["oauth.clientId", "oauth.request.code", "custom.map.Access_Token"]);
    let plain = json!({"user": "u", "oauth": {"clientId": ""}});
    assert_eq!(of.without_oauth(&plain), json!({"user": "u"}));
    assert_eq!(of.needs_anew(&plain), [""; 0]);
    assert_eq!(of.secret_paths().collect::<Vec<_>>(), ["oauth.request.code", "custom.map"]);
}

#[test]
fn a_leading_text_is_put_before_a_value_that_lacks_it() {
    let of = example();
    for (sent, kept) in [
        (json!({"stage": "db.s"}), json!({"stage": "@db.s"})),
        (json!({"stage": "@db.s"}), json!({"stage": "@db.s"})),
        (json!({"stage": ""}), json!({"stage": ""})),
        (json!({"host": "h"}), json!({"host": "h"})),
    ] {
        let mut properties = sent;
        of.normalise(&mut properties);
        assert_eq!(properties, kept);
    }
}
