//! What a service offers: its catalogue, its entity sets and their fields.

use std::collections::HashMap;

use serde_json::json;
use tidegate_connectors::sapodata::metadata::{Metadata, Scale, Version};
use tidegate_core::ConnectorErrorKind;
use tidegate_core::entity::{EntityField, EntityGroup};

use crate::peer::{Peer, Reply};
use crate::service::{connector, with};

const GATEWAY: &str = include_str!("fixtures/gateway_v2.xml");
const ANNOTATED: &str = include_str!("fixtures/annotated_v4.xml");
const CATALOG: &str = include_str!("fixtures/catalog_v2.xml");

fn by_name(fields: &[EntityField]) -> HashMap<&str, &EntityField> {
    fields.iter().map(|field| (field.identifier.as_str(), field)).collect()
}

#[test]
fn a_gateways_metadata_are_understood() {
    let metadata = Metadata::parse(GATEWAY).unwrap();
    assert_eq!(metadata.version, Version::V2);
    let set = metadata.set("BookingSet").unwrap();
    assert_eq!(set.label.as_deref(), Some("Bookings"));
    let booking = metadata.type_of(set).unwrap();
    assert_eq!(booking.key, ["Carrier", "BookingId"]);
    let carrier = booking.property("Carrier").unwrap();
    assert_eq!((carrier.nullable, carrier.max_length), (false, Some(3)));
    assert_eq!(carrier.description.as_deref(), Some("Airline \"Code\""));
    let price = booking.property("Price").unwrap();
    assert_eq!((price.precision, price.scale), (Some(16), Some(Scale::Fixed(3))));
    assert!(booking.property("Currency").unwrap().not_filterable);
    let notes = booking.navigation("ToNotes").unwrap();
    assert_eq!((notes.target.as_deref(), notes.many), (Some("ZFLIGHT_SRV.Note"), true));
    assert!(!metadata.set("NoteSet").unwrap().addressable);
}

#[test]
fn inheritance_aliases_and_annotations_of_v4_are_understood() {
    let metadata = Metadata::parse(ANNOTATED).unwrap();
    assert_eq!(metadata.version, Version::V4);
    let set = metadata.set("Orders").unwrap();
    assert_eq!(set.label.as_deref(), Some("All orders"));
    assert_eq!(set.not_filterable, ["hidden"]);
    let order = metadata.type_of(set).unwrap();
    let names: Vec<_> = order.properties.iter().take(4).map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["createdAt", "took", "ID", "buyer"]);
    assert_eq!(order.key, ["ID"]);
    assert_eq!(order.property("buyer").unwrap().label.as_deref(), Some("Buyer"));
    let amount = order.property("amount").unwrap();
    assert_eq!(amount.label.as_deref(), Some("Amount"));
    assert_eq!(amount.description.as_deref(), Some("What was <paid>"));
    assert_eq!(metadata.underlying(&order.property("state").unwrap().edm_type), "Edm.String");
    assert_eq!(metadata.underlying(&order.property("code").unwrap().edm_type), "Edm.String");
    assert_eq!(order.navigation("lines").unwrap().target.as_deref(), Some("com.example.srv.Line"));
}

#[test]
fn what_is_no_metadata_is_refused() {
    for bad in ["", "<html/>", "<edmx:Edmx Version='4.0'><Schema>", "{}", &GATEWAY[..GATEWAY.len() / 2]] {
        let error = Metadata::parse(bad).unwrap_err();
        assert_eq!(error.kind, ConnectorErrorKind::BadAnswer, "{bad}");
    }
    // A type that extends itself must not hang.
    let cycle = r#"<Edmx Version="4.0"><Schema Namespace="N"><EntityType Name="A" BaseType="N.B"/>
        <EntityType Name="B" BaseType="N.A"><Property Name="x" Type="Edm.Int32"/></EntityType></Schema></Edmx>"#;
    assert_eq!(Metadata::parse(cycle).unwrap().types.len(), 2);
}

/// A system with a catalogue and two services.
async fn system() -> Peer {
    Peer::start(|request| {
        let xml = |text: &str| Reply::new(200, text).with("content-type", "application/xml");
        match request.path.as_str() {
            "/catalog;v=2/$metadata" => xml(CATALOG),
            "/catalog;v=2/ServiceCollection" if request.option("$skiptoken").is_none() => {
                Reply::json(&json!({"d": {"results": [
                    {"ID": "1", "Title": "Flights", "ServiceUrl": "https://internal.example:44300/sap/opu/odata/sap/ZFLIGHT_SRV"},
                    {"ID": "2", "Title": "", "ServiceUrl": ""},
                ], "__next": "ServiceCollection?$skiptoken=2"}}))
            }
            "/catalog;v=2/ServiceCollection" => Reply::json(&json!({"d": {"results": [
                {"ID": "3", "Title": "Orders", "ServiceUrl": "/sap/opu/odata4/sap/orders/0001/"},
            ]}})),
            "/sap/opu/odata/sap/ZFLIGHT_SRV/$metadata" => xml(GATEWAY),
            "/sap/opu/odata4/sap/orders/0001/$metadata" => xml(ANNOTATED),
            _ => Reply::new(404, "no such service"),
        }
    })
    .await
}

fn names(groups: &[EntityGroup]) -> Vec<(&str, &str, bool)> {
    groups
        .iter()
        .flat_map(|g| &g.entities)
        .map(|e| (e.name.as_str(), e.label.as_str(), e.has_nested))
        .collect()
}

#[tokio::test]
async fn a_catalogue_lists_services_and_each_its_sets() {
    let peer = system().await;
    let open = with(peer.port, json!({"applicationServicePath": "/catalog;v=2"}), json!({}));
    let services = connector().list_entities(&open, None).await.unwrap();
    assert_eq!(
        names(&services),
        [
            ("/sap/opu/odata/sap/ZFLIGHT_SRV", "Flights", true),
            ("/sap/opu/odata4/sap/orders/0001", "Orders", true),
        ]
    );
    let sets = connector().list_entities(&open, Some("/sap/opu/odata/sap/ZFLIGHT_SRV")).await.unwrap();
    assert_eq!(names(&sets), [("/sap/opu/odata/sap/ZFLIGHT_SRV/BookingSet", "Bookings", false)]);
    let error = connector().list_entities(&open, Some("/sap/none")).await.unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::NotFound);

    let fields =
        connector().describe_entity(&open, "/sap/opu/odata/sap/ZFLIGHT_SRV/BookingSet").await.unwrap();
    let fields = by_name(&fields);
    let price = fields["Price"];
    assert_eq!(price.field_type, "Edm.Decimal");
    assert_eq!(price.custom, [("precision".into(), "16".into()), ("scale".into(), "3".into())]);
    assert!(fields["Carrier"].primary_key && fields["BookingId"].primary_key && !price.primary_key);
    assert_eq!(fields["Carrier"].length, Some(0..=3));
    assert_eq!(fields["Carrier"].label, "Airline");
    assert!(fields["Carrier"].filter_operators.contains(&"CONTAINS"));
    assert!(fields["Currency"].filter_operators.is_empty() && !fields["Currency"].queryable);
    assert!(fields["FlightDate"].timestamp && fields["FlightDate"].filter_operators.contains(&"BETWEEN"));
    assert!(fields["Photo"].filter_operators.is_empty());
    assert_eq!(fields["Smoker"].filter_operators, ["EQUAL_TO", "NOT_EQUAL_TO"]);
    assert_eq!(fields["Smoker"].default_value.as_deref(), Some("false"));
    assert_eq!(fields["Passenger/Name"].parent.as_deref(), Some("Passenger"));
}

#[tokio::test]
async fn one_service_lists_its_sets_by_their_names() {
    let peer = system().await;
    let path = json!({"applicationServicePath": "/sap/opu/odata4/sap/orders/0001"});
    let open = with(peer.port, path, json!({}));
    let sets = connector().list_entities(&open, None).await.unwrap();
    assert_eq!(names(&sets), [("Orders", "All orders", false), ("Lines", "Lines", false)]);
    let fields = connector().describe_entity(&open, "Orders").await.unwrap();
    let fields = by_name(&fields);
    assert!(!fields.contains_key("image"), "a stream is no field");
    assert!(fields["hidden"].filter_operators.is_empty());
    assert!(fields["createdAt"].timestamp);
    assert!(
        fields["took"].filter_operators.is_empty(),
        "durations are texts, which do not tell their length"
    );
    assert_eq!(fields["ship/city"].parent.as_deref(), Some("ship"));
    let error = connector().describe_entity(&open, "Nothing").await.unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::NotFound);
    assert!(error.message.contains("no entity set Nothing"), "{error}");
}

#[tokio::test]
async fn the_catalogue_of_v4_lists_the_services_of_its_groups() {
    let xml = r#"<Edmx Version="4.0"><DataServices><Schema Namespace="C"><EntityType Name="Group">
        <Key><PropertyRef Name="GroupId"/></Key><Property Name="GroupId" Type="Edm.String" Nullable="false"/>
        <NavigationProperty Name="DefaultSystem" Type="C.System"/></EntityType><EntityType Name="System"/>
        <EntityContainer Name="X"><EntitySet Name="ServiceGroups" EntityType="C.Group"/></EntityContainer>
        </Schema></DataServices></Edmx>"#;
    let peer = Peer::start(move |request| match request.path.as_str() {
        "/odata/$metadata" => Reply::new(200, xml),
        "/odata/ServiceGroups" => {
            assert_eq!(request.option("$expand"), Some("DefaultSystem($expand=Services)"));
            Reply::json(&json!({"value": [
                {"GroupId": "A", "DefaultSystem": {"Services": [
                    {"ServiceId": "ZUI_A", "ServiceUrl": "/sap/opu/odata4/sap/zui_a/0001/"}]}},
                {"GroupId": "B", "DefaultSystem": null},
            ]}))
        }
        _ => Reply::new(404, ""),
    })
    .await;
    let services = connector().list_entities(&with(peer.port, json!({}), json!({})), None).await.unwrap();
    assert_eq!(names(&services), [("/sap/opu/odata4/sap/zui_a/0001", "ZUI_A", true)]);
}
