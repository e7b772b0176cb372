//! Following an entity set by the delta links of OData V4.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tidegate_core::ConnectorErrorKind;
use tidegate_core::plan::ReadRequest;

use crate::odp::run;
use crate::peer::{Peer, Reply, Request};
use crate::service::{connection, connector, request};

/// A V4 service: its records, and for each record when it changed last.
struct Things {
    form: &'static str,
    clock: i32,
    /// Name (none for a deleted one) and time of each.
    rows: Vec<(i32, Option<String>, i32)>,
}

type Shared = Arc<Mutex<Things>>;

fn put(things: &Shared, id: i32, name: Option<&str>) {
    let mut things = things.lock().unwrap();
    things.clock += 1;
    let at = things.clock;
    things.rows.retain(|(other, ..)| *other != id);
    things.rows.push((id, name.map(str::to_owned), at));
}

async fn start(form: &'static str) -> (Shared, Peer) {
    let things: Shared = Arc::new(Mutex::new(Things { form, clock: 0, rows: vec![] }));
    for id in 1..=7 {
        put(&things, id, Some(&format!("thing {id}")));
    }
    let shared = Arc::clone(&things);
    let peer = Peer::start(move |request| answer(&shared.lock().unwrap(), request)).await;
    (things, peer)
}

fn answer(things: &Things, request: &Request) -> Reply {
    match request.path.as_str() {
        "/odata/$metadata" => Reply::new(
            200,
            r#"<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="T" xmlns="http://docs.oasis-open.org/odata/ns/edm">
<EntityType Name="Thing"><Key><PropertyRef Name="ID"/></Key><Property Name="ID" Type="Edm.Int32" Nullable="false"/>
<Property Name="name" Type="Edm.String"/><Property Name="id" Type="Edm.String"/>
<NavigationProperty Name="next" Type="T.Thing"/></EntityType>
<EntityContainer Name="C"><EntitySet Name="Things" EntityType="T.Thing"/>
<EntitySet Name="Others" EntityType="T.Thing"><Annotation Term="Capabilities.ChangeTracking"><Record>
<PropertyValue Property="Supported" Bool="false"/></Record></Annotation></EntitySet></EntityContainer>
<Annotations Target="T.C"><Annotation Term="Org.OData.Capabilities.V1.ChangeTracking"><Record>
<PropertyValue Property="Supported" Bool="true"/></Record></Annotation></Annotations>
</Schema></edmx:DataServices></edmx:Edmx>"#,
        )
        .with("content-type", "application/xml"),
        "/odata/Things" => page(things, request),
        _ => Reply::new(404, r#"{"error":{"code":"404","message":"Not here"}}"#),
    }
}

fn page(things: &Things, request: &Request) -> Reply {
    let number = |name: &str| request.option(name).map(|text| text.parse::<i32>().unwrap());
    let since = number("$deltatoken");
    if since == Some(99) {
        return Reply::new(410, r#"{"error":{"code":"Gone","message":"too old"}}"#);
    }
    let changed: Vec<Value> = things
        .rows
        .iter()
        .filter(|(_, name, at)| since.map_or(name.is_some(), |since| *at > since))
        .map(|(id, name, _)| match (name, things.form) {
            (Some(name), _) => json!({"ID": id, "name": name, "id": format!("own {id}")}),
            (None, "4.0") => json!({
                "@odata.context": "$metadata#Things/$deletedEntity", "id": format!("Things({id})"), "reason": "deleted"
            }),
            (None, _) => json!({"@removed": {"reason": "deleted"}, "ID": id}),
        })
        .collect();
    let from = number("$skiptoken").unwrap_or(0) as usize;
    let to = (from + 3).min(changed.len());
    let mut rows = changed[from..to].to_vec();
    if since.is_some() && from == 0 {
        // Relations that came and went: no records of this set.
        for relation in ["$link", "$deletedLink"] {
            rows.push(json!({"@odata.context": format!("$metadata#Things/{relation}"), "source": "Things(1)", "ID": 77}));
        }
    }
    let mut page = json!({"@odata.context": "$metadata#Things", "value": rows});
    if things.form == "an echo" {
        page["value"] = json!([{"ID": 1, "name": "the same"}]);
    }
    if matches!(things.form, "in circles" | "an echo") {
        page["@odata.nextLink"] = "Things?$skiptoken=3".into();
        return Reply::json(&page);
    }
    if things.form == "silent" && since.is_some() {
        return Reply::json(&page);
    }
    let kept = since.map(|since| format!("$deltatoken={since}&")).unwrap_or_default();
    if to < changed.len() {
        page["@odata.nextLink"] = format!("Things?{kept}$skiptoken={to}").into();
    } else if since.is_some() || request.option("$skiptoken").is_some() {
        page["@odata.deltaLink"] = format!("Things?$deltatoken={}", things.clock).into();
    }
    Reply::json(&page)
}

#[tokio::test]
async fn delta_links_are_followed_and_deletions_carried() {
    for form in ["4.0", "4.01"] {
        let (things, peer) = start(form).await;
        let open = connection(peer.port);
        let follow = |cursor: Option<&str>| ReadRequest {
            track_changes: true,
            cursor: cursor.map(str::to_owned),
            ..request("Things")
        };
        let full = run(&open, follow(None)).await.unwrap();
        assert_eq!(full.texts("ODQ_CHANGEMODE"), ["C"; 7]);
        let wishes: Vec<String> = peer
            .requests()
            .iter()
            .filter(|r| r.path == "/odata/Things")
            .map(|r| r.header("prefer").to_owned())
            .collect();
        assert_eq!(wishes, ["odata.track-changes", "", ""]);
        let cursor = full.cursor.unwrap();

        put(&things, 8, Some("new"));
        put(&things, 2, Some("changed"));
        for id in [3, 5] {
            put(&things, id, None);
        }
        for _ in 0..2 {
            let delta = run(&open, follow(Some(&cursor))).await.unwrap();
            assert_eq!(delta.texts("ODQ_CHANGEMODE"), ["U", "U", "D", "D"], "{form}");
            assert_eq!(delta.texts("name"), ["new", "changed", "", ""]);
            assert_eq!(delta.texts("id"), ["own 8", "own 2", "", ""], "a property of that name is one");
            let ids: Vec<i32> = delta
                .batches
                .iter()
                .flat_map(|batch| {
                    use arrow_array::cast::AsArray as _;
                    batch
                        .column_by_name("ID")
                        .unwrap()
                        .as_primitive::<arrow_array::types::Int32Type>()
                        .values()
                        .to_vec()
                })
                .collect();
            assert_eq!(ids, [8, 2, 3, 5]);
        }
        let chosen = ReadRequest {
            fields: Some(vec!["ODQ_CHANGEMODE".into(), "name".into()]),
            ..follow(Some(&cursor))
        };
        let delta = run(&open, chosen).await.unwrap();
        assert_eq!(delta.batches[0].num_columns(), 2);
        assert_eq!(delta.texts("ODQ_CHANGEMODE"), ["U", "U", "D", "D"]);

        let old = cursor.replace("deltatoken=7", "deltatoken=99");
        let error = run(&open, follow(Some(&old))).await.err().unwrap();
        assert_eq!(error.kind, ConnectorErrorKind::Expired, "{error}");
    }
}

#[tokio::test]
async fn the_container_may_track_what_a_set_does_not() {
    let (_, peer) = start("4.0").await;
    let open = connection(peer.port);
    for (set, expected) in [("Things", true), ("Others", false)] {
        let fields = connector().describe_entity(&open, set).await.unwrap();
        assert_eq!(fields.iter().any(|field| field.identifier == "ODQ_CHANGEMODE"), expected, "{set}");
    }
    let wanted = ReadRequest { track_changes: true, ..request("Others") };
    let error = run(&open, wanted).await.err().unwrap();
    assert_eq!(error.kind, ConnectorErrorKind::Unsupported);
}

fn tracked(cursor: Option<&str>, fields: &[&str]) -> ReadRequest {
    ReadRequest {
        track_changes: true,
        cursor: cursor.map(str::to_owned),
        fields: Some(fields.iter().map(ToString::to_string).collect()),
        ..request("Things")
    }
}

#[tokio::test]
async fn the_key_is_asked_for_and_relations_are_refused() {
    let (_, peer) = start("4.01").await;
    let open = connection(peer.port);
    run(&open, tracked(None, &["ODQ_CHANGEMODE", "name"])).await.unwrap();
    let asked = peer.requests().into_iter().find(|request| request.path == "/odata/Things").unwrap();
    assert_eq!(asked.option("$select"), Some("name,ID"));
    let error = run(&open, tracked(None, &["name", "next"])).await.err().unwrap();
    assert!(error.message.contains("leave the field next out"), "{error}");
}

#[tokio::test]
async fn pages_that_lead_nowhere_are_told() {
    for (form, says) in [("in circles", "links to itself"), ("an echo", "the same page")] {
        let (_, peer) = start(form).await;
        let error = run(&connection(peer.port), tracked(None, &["name"])).await.err().unwrap();
        assert!(error.message.contains(says), "{error}");
    }
}

#[tokio::test]
async fn changes_need_a_link_to_the_next_ones() {
    let (things, peer) = start("silent").await;
    let open = connection(peer.port);
    let cursor = run(&open, tracked(None, &["name"])).await.unwrap().cursor.unwrap();
    let quiet = run(&open, tracked(Some(&cursor), &["name"])).await.unwrap();
    assert_eq!(quiet.cursor.as_deref(), Some(cursor.as_str()), "where nothing changed the old one is good");
    put(&things, 8, Some("new"));
    let error = run(&open, tracked(Some(&cursor), &["name"])).await.err().unwrap();
    assert!(error.message.contains("no delta link"), "{error}");
}
