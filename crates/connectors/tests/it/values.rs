//! Values of every type, exactly; and filters, as each version spells them.

use std::sync::Arc;

use arrow_array::Array as _;
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Date32Type, Decimal128Type, Decimal256Type, Float64Type, Int32Type, Int64Type};
use arrow_array::types::{Time64MicrosecondType, TimestampMillisecondType};
use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_connectors::sapodata::columns::{Kind, column};
use tidegate_connectors::sapodata::filter::push;
use tidegate_connectors::sapodata::literal::literal;
use tidegate_connectors::sapodata::metadata::{Metadata, Version};
use tidegate_connectors::sapodata::page::{Decoder, PageError, peek_next};
use tidegate_core::connector::{
    EXTENSION_NAME, GUID_TEXT, JSON_EXTENSION, MOMENT_TEXT, NUMBER_TEXT, TEXT_MEANING,
};
use tidegate_core::plan::{Comparison, Filter, ReadRequest};

use crate::peer::Peer;
use crate::peer::Reply;
use crate::service::{connection, metadata, read, request};

/// Properties of every type, as V4 and as V2 declare them.
const V4: &str = r#"<Property Name="ID" Type="Edm.Int32" Nullable="false"/>
<Property Name="text" Type="Edm.String"/><Property Name="flag" Type="Edm.Boolean"/>
<Property Name="tiny" Type="Edm.Byte"/><Property Name="long" Type="Edm.Int64"/>
<Property Name="ratio" Type="Edm.Double"/><Property Name="amount" Type="Edm.Decimal" Precision="15" Scale="4"/>
<Property Name="big" Type="Edm.Decimal" Precision="50" Scale="10"/><Property Name="free" Type="Edm.Decimal" Scale="variable"/>
<Property Name="day" Type="Edm.Date"/><Property Name="clock" Type="Edm.TimeOfDay"/>
<Property Name="moment" Type="Edm.DateTimeOffset" Precision="0"/><Property Name="instant" Type="Edm.DateTimeOffset" Precision="7"/>
<Property Name="guid" Type="Edm.Guid"/><Property Name="bytes" Type="Edm.Binary"/><Property Name="place" Type="T.Place"/>
<Property Name="tags" Type="Collection(Edm.String)"/>"#;
const V2: &str = r#"<Property Name="ID" Type="Edm.Int32" Nullable="false"/>
<Property Name="text" Type="Edm.String"/><Property Name="flag" Type="Edm.Boolean"/>
<Property Name="tiny" Type="Edm.Byte"/><Property Name="long" Type="Edm.Int64"/>
<Property Name="ratio" Type="Edm.Double"/><Property Name="amount" Type="Edm.Decimal" Precision="15" Scale="4"/>
<Property Name="day" Type="Edm.DateTime" sap:display-format="Date" xmlns:sap="http://www.sap.com/Protocols/SAPData"/>
<Property Name="clock" Type="Edm.Time"/><Property Name="moment" Type="Edm.DateTime"/>
<Property Name="instant" Type="Edm.DateTimeOffset" Precision="7"/><Property Name="guid" Type="Edm.Guid"/>
<Property Name="bytes" Type="Edm.Binary"/>"#;

fn parse(version: Version) -> Metadata {
    let (number, properties) = match version {
        Version::V4 => ("4.0", V4),
        Version::V2 => ("1.0", V2),
    };
    Metadata::parse(&metadata(number, properties, "ID")).unwrap()
}

fn decode(version: Version, body: &str) -> Result<RecordBatch, PageError> {
    let metadata = parse(version);
    let entity = &metadata.types["T.Thing"];
    let (columns, fields): (Vec<_>, Vec<_>) =
        entity.properties.iter().filter_map(|property| column(&metadata, property)).unzip();
    let schema = Arc::new(arrow_schema::Schema::new(fields));
    Decoder::new(columns, schema, &[]).decode(body.as_bytes()).map(|page| page.batch)
}

fn row(version: Version, row: &str) -> RecordBatch {
    let body = match version {
        Version::V4 => format!("{{\"@odata.context\":\"x\",\"value\":[{row}]}}"),
        Version::V2 => format!("{{\"d\":{{\"results\":[{row}]}}}}"),
    };
    decode(version, &body).unwrap_or_else(|error| panic!("{error:?}: {row}"))
}

#[test]
fn v4_values_are_exact() {
    let batch = row(
        Version::V4,
        r#"{"@odata.etag":"e","ID":1,"text":"Grüße \"x\" \u00e9\ud83d\ude80\n","flag":true,"tiny":255,
        "long":"9007199254740993","ratio":0.1,"amount":"12345678901.2345","big":"1234567890123456789012345678901234567890.0123456789",
        "free":1.2300E-7,"day":"2024-02-29","clock":"23:59:59.123456","moment":"9999-12-31T23:59:59Z",
        "instant":"2024-02-29T23:59:59.1234567Z","guid":"0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0","bytes":"AAEC_f7_",
        "place":{ "street": "Hauptstraße", "n": 9007199254740993 },"tags":["a",null]}"#,
    );
    let text = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>().value(0).to_owned();
    assert_eq!(text("text"), "Grüße \"x\" é🚀\n");
    assert!(batch.column_by_name("flag").unwrap().as_boolean().value(0));
    assert_eq!(batch.column_by_name("tiny").unwrap().as_primitive::<Int32Type>().value(0), 255);
    assert_eq!(
        batch.column_by_name("long").unwrap().as_primitive::<Int64Type>().value(0),
        9_007_199_254_740_993
    );
    assert_eq!(batch.column_by_name("ratio").unwrap().as_primitive::<Float64Type>().value(0), 0.1);
    let amount = batch.column_by_name("amount").unwrap().as_primitive::<Decimal128Type>();
    assert_eq!(amount.value_as_string(0), "12345678901.2345");
    let big = batch.column_by_name("big").unwrap().as_primitive::<Decimal256Type>();
    assert_eq!(big.value_as_string(0), "1234567890123456789012345678901234567890.0123456789");
    assert_eq!(text("free"), "1.2300E-7", "digits without bounds stay as they are");
    let schema = batch.schema();
    let facts = |name: &str, key: &str| schema.field_with_name(name).unwrap().metadata().get(key).cloned();
    assert_eq!(facts("free", EXTENSION_NAME).as_deref(), Some(JSON_EXTENSION));
    assert_eq!(facts("free", TEXT_MEANING).as_deref(), Some(NUMBER_TEXT));
    assert_eq!(facts("guid", TEXT_MEANING).as_deref(), Some(GUID_TEXT));
    assert_eq!(facts("text", TEXT_MEANING), None);
    let quoted = row(Version::V4, r#"{"ID":1,"free":"+010.50"}"#);
    assert_eq!(quoted.column_by_name("free").unwrap().as_string::<i32>().value(0), "10.50");
    assert_eq!(batch.column_by_name("day").unwrap().as_primitive::<Date32Type>().value(0), 19_782);
    let clock = batch.column_by_name("clock").unwrap().as_primitive::<Time64MicrosecondType>();
    assert_eq!(clock.value(0), 86_399_123_456);
    let moment = batch.column_by_name("moment").unwrap().as_primitive::<TimestampMillisecondType>();
    assert_eq!(moment.value(0), 253_402_300_799_000);
    assert_eq!(text("instant"), "2024-02-29T23:59:59.123456700Z");
    assert_eq!(facts("instant", TEXT_MEANING).as_deref(), Some(MOMENT_TEXT));
    for (sent, kept) in [
        ("9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.999999900Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("2024-03-01T00:30:00.5+01:00", "2024-02-29T23:30:00.500Z"),
        ("2024-02-29T00:00:00.0000010Z", "2024-02-29T00:00:00.000001Z"),
    ] {
        let batch = row(Version::V4, &format!("{{\"ID\":1,\"instant\":\"{sent}\"}}"));
        assert_eq!(batch.column_by_name("instant").unwrap().as_string::<i32>().value(0), kept);
    }
    assert_eq!(
        batch.column_by_name("bytes").unwrap().as_binary::<i32>().value(0),
        [0, 1, 2, 0xfd, 0xfe, 0xff]
    );
    assert_eq!(text("place"), r#"{ "street": "Hauptstraße", "n": 9007199254740993 }"#);
    assert_eq!(text("tags"), r#"["a",null]"#);
    let place = schema.field_with_name("place").unwrap();
    assert_eq!(place.metadata()[EXTENSION_NAME], JSON_EXTENSION);
    assert_eq!(schema.field_with_name("instant").unwrap().metadata()["edm.precision"], "7");
}

#[test]
fn v2_values_are_exact_and_of_the_same_types() {
    let batch = row(
        Version::V2,
        r#"{"__metadata":{"uri":"u"},"ID":2,"text":"\/Date(1)\/","flag":false,"tiny":0,"long":"-9223372036854775808",
        "ratio":"1.7976931348623157E+308","amount":"-0.0001","day":"\/Date(1709164800000)\/","clock":"PT23H59M59S",
        "moment":"\/Date(-1)\/","instant":"\/Date(1709251199123+0060)\/","guid":"0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0",
        "bytes":"AAEC/f7/"}"#,
    );
    assert_eq!(batch.column_by_name("text").unwrap().as_string::<i32>().value(0), "/Date(1)/");
    assert_eq!(batch.column_by_name("long").unwrap().as_primitive::<Int64Type>().value(0), i64::MIN);
    assert_eq!(batch.column_by_name("ratio").unwrap().as_primitive::<Float64Type>().value(0), f64::MAX);
    assert_eq!(batch.column_by_name("day").unwrap().as_primitive::<Date32Type>().value(0), 19_782);
    let moment = batch.column_by_name("moment").unwrap().as_primitive::<TimestampMillisecondType>();
    assert_eq!(moment.value(0), -1);
    let instant = batch.column_by_name("instant").unwrap().as_primitive::<TimestampMillisecondType>();
    assert_eq!(instant.value(0), 1_709_247_599_123);
    let clock = batch.column_by_name("clock").unwrap().as_primitive::<Time64MicrosecondType>();
    assert_eq!(clock.value(0), 86_399_000_000);
    assert_eq!(
        batch.column_by_name("bytes").unwrap().as_binary::<i32>().value(0),
        [0, 1, 2, 0xfd, 0xfe, 0xff]
    );
}

#[test]
fn nulls_and_members_left_out_are_null_and_do_not_shift_others() {
    let body = r#"{"value":[{"ID":1,"text":null,"flag":null},{"ID":2,"text":""},{"flag":true,"ID":3}]}"#;
    let batch = decode(Version::V4, body).unwrap();
    let ids = batch.column_by_name("ID").unwrap().as_primitive::<Int32Type>();
    assert_eq!(ids.values(), &[1, 2, 3]);
    let text = batch.column_by_name("text").unwrap().as_string::<i32>();
    assert!(text.is_null(0) && !text.is_null(1) && text.value(1).is_empty() && text.is_null(2));
    let flag = batch.column_by_name("flag").unwrap().as_boolean();
    assert!(flag.is_null(0) && flag.is_null(1) && flag.value(2));
    assert_eq!(batch.column_by_name("place").unwrap().null_count(), 3);
}

#[test]
fn a_value_that_would_lose_something_is_an_error() {
    for (name, value) in [
        ("amount", "\"1.00001\""),
        ("amount", "123456789012"),
        ("free", "\"many\""),
        ("long", "\"9223372036854775808\""),
        ("tiny", "1.5"),
        ("moment", "\"2024-02-29T23:59:59.0001Z\""),
        ("instant", "\"9999-13-31T23:59:59Z\""),
        ("day", "\"2023-02-29\""),
        ("flag", "\"maybe\""),
        ("bytes", "\"!!\""),
    ] {
        let body = format!("{{\"value\":[{{\"{name}\":{value}}}]}}");
        let error = decode(Version::V4, &body).unwrap_err();
        let PageError::Broken(why) = error else { panic!("{name} {value}: {error:?}") };
        let is_plain =
            !["Timestamp", "Decimal128", "Date32", "Int32", "Utf8"].iter().any(|t| why.contains(t));
        assert!(why.contains(name) && why.contains(value) && is_plain, "{name} {value}: {why}");
    }
}

#[test]
fn the_next_link_is_found_ahead_of_decoding() {
    let cases = [
        (r#"{"@odata.nextLink":"Things?$skiptoken=1","value":[{"a":1}]}"#, Some("Things?$skiptoken=1")),
        (r#"{"value":[{"a":1}],"@odata.nextLink":"x\u0026y"}"#, Some("x&y")),
        (r#"{"d":{"results":[{"a":"]"}],"__next":"http:\/\/h\/x"}}"#, Some("http://h/x")),
        (r#"{"value":[{"a":"\"@odata.nextLink\":\"evil\""}]}"#, None),
        (r#"{"value":[{"items@odata.nextLink":"nested","items":[]}]}"#, None),
        (r#"{"d":{"results":[{"items":{"results":[],"__next":"nested"}}]}}"#, None),
        ("", None),
    ];
    for (body, expected) in cases {
        assert_eq!(peek_next(body.as_bytes()).as_deref(), expected, "{body}");
    }
}

fn filter(field: &str, comparison: Comparison, values: &[&str]) -> Filter {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Filter { field: field.to_owned(), comparison, data_type: None, values }
}

#[test]
fn filters_are_spelled_as_each_version_wants() {
    use Comparison::{Between, Contains, Equal, Greater, Less, NotEqual};
    let cases: &[(&str, Comparison, &[&str], &str, &str)] = &[
        ("text", Equal, &["O'Hara"], "text eq 'O''Hara'", "text eq 'O''Hara'"),
        (
            "text",
            Contains,
            &["a'b", "c"],
            "(contains(text,'a''b') or contains(text,'c'))",
            "(substringof('a''b',text) or substringof('c',text))",
        ),
        (
            "text",
            NotEqual,
            &["a", "b"],
            "((text ne 'a' and text ne 'b') and text ne null)",
            "(text ne 'a' and text ne 'b')",
        ),
        ("ID", NotEqual, &["1"], "ID ne 1", "ID ne 1"),
        ("ID", Equal, &["1", "2"], "(ID eq 1 or ID eq 2)", "(ID eq 1 or ID eq 2)"),
        ("long", Greater, &["5"], "long gt 5", "long gt 5L"),
        ("amount", Less, &["-1.50"], "amount lt -1.5", "amount lt -1.5M"),
        ("ratio", Less, &["2.5"], "ratio lt 2.5", "ratio lt 2.5d"),
        ("flag", Equal, &["TRUE"], "flag eq true", "flag eq true"),
        (
            "day",
            Between,
            &["2024-01-01", "2024-12-31"],
            "(day ge 2024-01-01 and day le 2024-12-31)",
            "(day ge datetime'2024-01-01T00:00:00' and day le datetime'2024-12-31T00:00:00')",
        ),
        ("day", Equal, &["1709164800000"], "day eq 2024-02-29", "day eq datetime'2024-02-29T00:00:00'"),
        ("clock", Less, &["12:30"], "clock lt 12:30:00", "clock lt time'PT12H30M00S'"),
        // Wide on purpose: the engine decides about the seconds around.
        (
            "moment",
            Greater,
            &["1709251199123"],
            "moment ge 2024-02-29T23:59:58Z",
            "moment ge datetime'2024-02-29T23:59:58'",
        ),
        (
            "moment",
            Less,
            &["1709251199123", "0"],
            "moment le 2024-03-01T00:00:01Z",
            "moment le datetime'2024-03-01T00:00:01'",
        ),
        (
            "moment",
            Equal,
            &["9999-12-31T23:59:59Z"],
            "(moment ge 9999-12-31T23:59:58Z)",
            "(moment ge datetime'9999-12-31T23:59:58')",
        ),
        (
            "instant",
            Equal,
            &["2024-03-01T01:59:59.5+02:00"],
            "(instant ge 2024-02-29T23:59:58Z and instant le 2024-03-01T00:00:01Z)",
            "(instant ge datetimeoffset'2024-02-29T23:59:58Z' and instant le datetimeoffset'2024-03-01T00:00:01Z')",
        ),
        (
            "guid",
            Equal,
            &["0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0"],
            "guid eq 0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
            "guid eq guid'0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0'",
        ),
    ];
    for (field, comparison, values, v4, v2) in cases {
        for (version, expected) in [(Version::V4, v4), (Version::V2, v2)] {
            let metadata = parse(version);
            let filters = [filter(field, *comparison, values)];
            let pushed =
                push(&metadata, metadata.set("Things"), &metadata.types["T.Thing"], &filters).unwrap();
            assert_eq!(pushed.expression.as_deref(), Some(*expected));
            // V2 cannot be told to leave missing values out; the engine does it.
            let exact = (version == Version::V4 || *comparison != NotEqual || *field == "ID")
                && !matches!(*field, "moment" | "instant");
            assert_eq!(pushed.exact, [exact], "{field} {comparison:?}");
        }
    }
}

#[test]
fn what_cannot_be_spelled_is_left_to_the_engine() {
    let metadata = parse(Version::V4);
    let entity = &metadata.types["T.Thing"];
    let many: Vec<String> = (0..2_000).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let filters = [
        filter("ID", Comparison::Equal, &["one"]),
        filter("tiny", Comparison::Equal, &["256"]),
        filter("ID", Comparison::Contains, &["1"]),
        filter("bytes", Comparison::Equal, &["AA=="]),
        filter("place", Comparison::Equal, &["x"]),
        filter("flag", Comparison::Less, &["true"]),
        filter("ID", Comparison::Between, &["1"]),
        filter("ID", Comparison::Equal, &many),
        filter("ratio", Comparison::Equal, &["2.5e-10"]),
        filter("moment", Comparison::Less, &["9999-12-31T23:59:59Z"]),
        filter("ID", Comparison::Equal, &["1"]),
    ];
    let pushed = push(&metadata, None, entity, &filters).unwrap();
    assert_eq!(pushed.expression.as_deref(), Some("ID eq 1"));
    assert_eq!(pushed.exact.iter().position(|exact| *exact), Some(filters.len() - 1));
    let v2 = parse(Version::V2);
    let broken = [filter("text", Comparison::Contains, &["line\nbreak"])];
    let pushed_v2 = push(&v2, None, &v2.types["T.Thing"], &broken).unwrap();
    assert_eq!((pushed_v2.expression, pushed_v2.exact), (None, vec![false]));
    assert!(push(&metadata, None, entity, &[filter("nothing", Comparison::Equal, &["1"])]).is_err());
}

/// Reads a quoted literal the way a server does: a doubled quote is one, a
/// single one ends the literal.
fn unquote(literal: &str) -> (String, &str) {
    let mut rest = literal.strip_prefix('\'').expect("it begins with a quote");
    let mut text = String::new();
    loop {
        let at = rest.find('\'').expect("it ends");
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                text.push('\'');
                rest = after;
            }
            None => return (text, rest),
        }
    }
}

proptest! {
    #[test]
    fn no_text_breaks_out_of_its_literal(text in "\\PC*|['\"%&+#?\\\\ )(]*") {
        for version in [Version::V2, Version::V4] {
            let written = literal(version, "Edm.String", Kind::Text, &text).unwrap();
            prop_assert_eq!(unquote(&written), (text.clone(), ""));
        }
    }

    #[test]
    fn whatever_a_typed_literal_is_made_of_it_holds_nothing_else(text in "\\PC*|[0-9'TZ:.+eE-]*") {
        for (edm_type, kind) in [
            ("Edm.Int32", Kind::Int32), ("Edm.Int64", Kind::Int64), ("Edm.Double", Kind::Float64),
            ("Edm.Decimal", Kind::FreeDecimal), ("Edm.Date", Kind::Date), ("Edm.Guid", Kind::Guid),
            ("Edm.Boolean", Kind::Boolean),
        ] {
            if let Some(written) = literal(Version::V4, edm_type, kind, &text) {
                prop_assert!(written.chars().all(|c| c.is_ascii_alphanumeric() || ".-+:".contains(c)), "{}", written);
            }
        }
    }
}

#[tokio::test]
async fn filter_select_and_expand_reach_the_server_as_they_are() {
    let text = "O'Hara & Söhne #1 +50% = 100?";
    let expected = format!("text eq '{}'", text.replace('\'', "''"));
    let peer = Peer::start(move |request| match request.path.as_str() {
        "/odata/$metadata" => {
            let navigation = r#"<NavigationProperty Name="items" Type="Collection(T.Thing)"/>"#;
            Reply::new(200, metadata("4.0", &format!("{V4}{navigation}"), "ID"))
        }
        "/odata/Things" => {
            assert_eq!(request.option("$filter"), Some(expected.as_str()));
            assert_eq!(request.option("$select"), Some("text,items,ID"));
            assert_eq!(request.option("$expand"), Some("items"));
            Reply::json(&json!({"value": [{"text": "x", "items": [{"ID": 7}], "ID": 1}]}))
        }
        _ => Reply::new(404, ""),
    })
    .await;
    let wanted = ReadRequest {
        fields: Some(vec!["text".into(), "items".into(), "ID".into()]),
        filters: vec![filter("text", Comparison::Equal, &[text])],
        ..request("Things")
    };
    let got = read(&connection(peer.port), wanted).await.unwrap();
    assert_eq!(got.pushed, [true]);
    let names: Vec<_> = got.batches[0].schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(names, ["text", "items", "ID"]);
    let items = got.batches[0].column(1).as_string::<i32>().value(0).to_owned();
    assert_eq!(serde_json::from_str::<Value>(&items).unwrap(), json!([{"ID": 7}]));
    let unknown = ReadRequest { fields: Some(vec!["nothing".into()]), ..request("Things") };
    assert!(read(&connection(peer.port), unknown).await.is_err());
    let passed_over = ReadRequest {
        fields: Some(vec!["nothing".into(), "text".into(), "items".into(), "ID".into()]),
        filters: vec![
            filter("nothing", Comparison::Equal, &["x"]),
            filter("text", Comparison::Equal, &[text]),
        ],
        skip_missing: true,
        ..request("Things")
    };
    let got = read(&connection(peer.port), passed_over).await.unwrap();
    assert_eq!(got.batches[0].num_columns(), 3);
}

#[tokio::test]
async fn large_pages_come_in_batches_of_at_most_8192_rows() {
    let rows: Vec<Value> = (0..20_000).map(|id| json!({"ID": id})).collect();
    let page = Arc::new(json!({ "value": rows }).to_string());
    let peer = Peer::start(move |request| match request.path.as_str() {
        "/odata/$metadata" => Reply::new(200, metadata("4.0", V4, "ID")),
        "/odata/Things" => Reply::new(200, page.as_str()),
        _ => Reply::new(404, ""),
    })
    .await;
    let got = read(&connection(peer.port), request("Things")).await.unwrap();
    let sizes: Vec<_> = got.batches.iter().map(RecordBatch::num_rows).collect();
    assert_eq!(sizes, [8192, 8192, 3616]);
    assert_eq!(got.ids(), (0..20_000).collect::<Vec<_>>());
}
