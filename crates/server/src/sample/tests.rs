//! Drives the router in process; the data itself is compared with the
//! package's by `conformance/tests/test_sample_service.py`.

use axum::body::to_bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;

/// The status, the headers and the body of one answer.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

fn service() -> Router {
    router(Options { user: "reader".to_owned(), password: Secret::new("pa:ss".to_owned()) })
}

async fn send(service: &Router, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = http::Request::builder().method(method).uri(format!("{SERVICE_PATH}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).expect("the test's request is well-formed");
    let response = service.clone().oneshot(request).await.expect("the router cannot fail");
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("the body ends").to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

/// GETs as the right user. Spaces are written as themselves here.
async fn get(service: &Router, path: &str, headers: &[(&str, &str)]) -> Answer {
    let authorization = basic("reader:pa:ss");
    let headers = [headers, &[("authorization", authorization.as_str())]].concat();
    send(service, "GET", &path.replace(' ', "%20"), &headers).await
}

async fn count(service: &Router, set: &str, filter: &str) -> String {
    let answer = get(service, &format!("{set}/$count?$filter={filter}"), &[]).await;
    String::from_utf8(answer.body).expect("the body is UTF-8")
}

#[tokio::test]
async fn only_the_right_user_and_password_are_let_in() {
    let service = service();
    for wrong in [
        "",
        "Basic",
        "Basic %%%",
        "Bearer abc",
        &basic("reader"),
        &basic("reader:pa:s"),
        &basic("reade:pa:ss"),
    ] {
        let answer = send(&service, "GET", "", &[("authorization", wrong)]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{wrong}");
        assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Basic realm="));
        assert_eq!(answer.json()["error"]["code"], "Unauthorized");
    }
    assert_eq!(get(&service, "?sap-client=100&sap-language=EN", &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn every_row_is_answered_once_across_pages() {
    let service = service();
    let (mut path, mut seen, mut pages) = ("Planes?$select=tailnum&sap-client=100".to_owned(), Vec::new(), 0);
    loop {
        let answer = get(&service, &path, &[("prefer", "respond-async, odata.maxpagesize=700")]).await;
        assert_eq!(answer.headers["preference-applied"], "odata.maxpagesize=700");
        let page = answer.json();
        seen.extend(page["value"].as_array().unwrap().iter().map(|plane| plane["tailnum"].clone()));
        pages += 1;
        match page.get("@odata.nextLink") {
            Some(next) => path = next.as_str().unwrap().to_owned(),
            None => break,
        }
        assert!(path.contains("$select=tailnum&sap-client=100&$skiptoken="), "{path}");
    }
    assert_eq!((pages, seen.len()), (5, 3_322));
    seen.dedup();
    assert_eq!(seen.len(), 3_322);
}

#[tokio::test]
async fn top_and_skip_hold_across_pages_and_sizes_are_bounded() {
    let service = service();
    let first = get(&service, "Flights?$top=1500&$skip=10&$count=true", &[]).await.json();
    assert_eq!((first["value"].as_array().unwrap().len(), &first["value"][0]["ID"]), (1_000, &json!(11)));
    assert_eq!(first["@odata.count"], 336_776);
    let second = get(&service, first["@odata.nextLink"].as_str().unwrap(), &[]).await.json();
    assert_eq!((second["value"].as_array().unwrap().len(), &second["value"][0]["ID"]), (500, &json!(1_011)));
    assert_eq!(second.get("@odata.nextLink"), None);
    let most = get(&service, "Flights?$select=ID", &[("prefer", "maxpagesize=99999")]).await;
    assert_eq!(most.json()["value"].as_array().unwrap().len(), 10_000);
    // The size of the first page holds for the next, which need not ask again.
    let next = most.json()["@odata.nextLink"].as_str().unwrap().to_owned();
    assert_eq!(get(&service, &next, &[]).await.json()["value"].as_array().unwrap().len(), 10_000);
    assert_eq!(get(&service, "Flights?$top=0", &[]).await.json()["value"], json!([]));
}

/// The counts were computed with pandas from the package's own files.
#[tokio::test]
async fn filters_count_what_pandas_counts() {
    let service = service();
    for (set, filter, wanted) in include!("filter_counts.in") {
        assert_eq!(count(&service, set, filter).await, wanted.to_string(), "{set}: {filter}");
    }
}

#[tokio::test]
async fn malformed_requests_name_what_is_wrong() {
    let service = service();
    for (path, status, message) in [
        ("Nothing", 404, "no entity set `Nothing`"),
        ("Planes('N0')", 404, "Planes has no entity 'N0'."),
        ("Planes(year=3)", 400, "takes one key, tailnum"),
        ("Planes/a/b", 404, "no resource"),
        ("$batch", 501, "$batch"),
        ("Planes?$expand=x", 501, "$expand"),
        ("Planes?$nothing=1", 400, "no query option $nothing"),
        ("Planes?$top=1&$top=2", 400, "$top is given more than once"),
        ("Planes?$top=-1", 400, "$top is `-1`"),
        ("Planes?$skip=x", 400, "$skip is `x`"),
        ("Planes?$count=yes", 400, "$count is `yes`"),
        ("Planes?$skiptoken=1", 400, "one that this service gave"),
        ("Planes?$skiptoken=1-0", 400, "one that this service gave"),
        ("Planes?$select=colour", 400, "Plane has no property `colour`"),
        ("Planes?$orderby=year up", 400, "$orderby is `year up`"),
        ("Planes/$count?$top=1", 400, "$top does not apply"),
        ("Planes?$filter=colour eq 'red'", 400, "no property `colour`"),
        ("Planes?$filter=year eq 'x'", 400, "Number and Text cannot be compared"),
        ("Planes?$filter=year", 400, "needs a Boolean"),
        ("Planes?$filter=(year eq 1", 400, "`)` should be"),
        ("Planes?$filter=year eq 1 year", 400, "`year` at character 11"),
        ("Planes?$filter=model eq 'x", 400, "closing quote"),
        ("Planes?$filter=year eq 2013-1", 400, "`2013-1` is no number"),
        ("Planes?$filter=contains(year,'1')", 400, "contains takes [Text], not Number"),
        ("Planes?$filter=year add 1 eq 2", 501, "operator add"),
        ("Planes?$filter=concat(model,'x') eq 'y'", 501, "function concat"),
        ("Planes?$format=atom", 406, "application/json"),
        ("Planes?$filter=%FF", 400, "not UTF-8"),
    ] {
        let answer = get(&service, path, &[]).await;
        let text = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert_eq!(answer.status.as_u16(), status, "{path}: {text}");
        assert!(text.contains(message), "{path}: {text}");
    }
    let deep = format!("Planes?$filter={}true{}", "(".repeat(5_000), ")".repeat(5_000));
    assert_eq!(get(&service, &deep, &[]).await.status, StatusCode::BAD_REQUEST);
    let long = format!("Planes?$filter=true{}", " or true".repeat(4_000));
    assert_eq!(get(&service, &long, &[]).await.status, StatusCode::BAD_REQUEST);
    let long = format!("Planes/$count?$filter=false{}", " or false".repeat(499));
    assert_eq!(get(&service, &long, &[]).await.body, b"0");
}

#[tokio::test]
async fn methods_that_write_are_refused() {
    let service = service();
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let answer = send(&service, method, "Planes", &[("authorization", &basic("reader:pa:ss"))]).await;
        assert_eq!((answer.status.as_u16(), answer.headers["allow"].to_str().unwrap()), (405, "GET, HEAD"));
    }
}

#[tokio::test]
async fn orders_put_null_first_and_ties_in_key_order() {
    let service = service();
    let years = |answer: Answer| -> Vec<Value> {
        answer.json()["value"].as_array().unwrap().iter().map(|plane| plane["year"].clone()).collect()
    };
    assert_eq!(years(get(&service, "Planes?$orderby=year&$top=1", &[]).await), [Value::Null]);
    assert_eq!(years(get(&service, "Planes?$orderby=year desc&$top=1", &[]).await), [json!(2013)]);
    let answer = get(&service, "Planes?$orderby=seats desc,tailnum desc&$top=2&$select=seats,tailnum", &[])
        .await
        .json();
    assert_eq!(answer["@odata.context"], "$metadata#Planes(tailnum,seats)");
    assert_eq!(
        answer["value"],
        json!([{"tailnum": "N670US", "seats": 450}, {"tailnum": "N865DA", "seats": 400}])
    );
    let descending = get(&service, "Flights?$orderby=ID desc&$top=2&$select=ID", &[]).await.json();
    assert_eq!(descending["value"], json!([{"ID": 336_776}, {"ID": 336_775}]));
}

#[tokio::test]
async fn one_entity_and_its_types() {
    let service = service();
    let wanted = json!({
        "@odata.context": "$metadata#Flights/$entity", "ID": 1, "year": 2013, "month": 1, "day": 1, "dep_time": 517,
        "sched_dep_time": 515, "dep_delay": 2, "arr_time": 830, "sched_arr_time": 819, "arr_delay": 11,
        "carrier": "UA", "flight": 1545, "tailnum": "N14228", "origin": "EWR", "dest": "IAH", "air_time": 227,
        "distance": 1400, "hour": 5, "minute": 15, "time_hour": "2013-01-01T10:00:00Z",
    });
    assert_eq!(get(&service, "Flights(1)", &[]).await.json(), wanted);
    assert_eq!(get(&service, "Flights(ID=1)", &[]).await.json(), wanted);
    let plane = get(
        &service,
        "Planes(%27N10156%27)?$select=speed",
        &[("accept", "application/json;odata.metadata=none")],
    );
    assert_eq!(plane.await.json(), json!({"speed": null}));
    let accept = [("accept", "application/json;IEEE754Compatible=true")];
    let answer = get(&service, "Flights(1)?$select=distance,hour", &accept).await;
    assert_eq!(
        answer.headers["content-type"],
        "application/json;odata.metadata=minimal;IEEE754Compatible=true"
    );
    assert_eq!((&answer.json()["distance"], &answer.json()["hour"]), (&json!("1400"), &json!(5)));
}

#[tokio::test]
async fn the_schema_names_every_column_and_its_labels_follow_the_language() {
    let service = service();
    for set in &SETS {
        let mut table = data::decode(set.packed).expect("the embedded data decodes");
        if set.numbered {
            table.number_rows(set.properties[0].name);
        }
        let names: Vec<&str> = set.properties.iter().map(|property| property.name).collect();
        assert_eq!(table.names().collect::<Vec<_>>(), names);
        for property in set.properties {
            let column = table.column(property.name).unwrap();
            let values = || (0..table.rows()).map(|row| column.get(row));
            assert!(property.nullable || values().all(|value| value.is_some()), "{}", property.name);
            if let metadata::Edm::String(length) = property.edm {
                let longest = values().flatten().map(|place| column.text(place).chars().count()).max();
                assert_eq!(longest, Some(usize::from(length)), "{}", property.name);
            }
        }
    }
    let english = String::from_utf8(get(&service, "$metadata", &[]).await.body).unwrap();
    assert!(english.contains(r#"<Property Name="distance" Type="Edm.Decimal" Precision="5" Scale="0"/>"#));
    assert!(english.contains(r#"String="Tail number""#));
    let german = String::from_utf8(get(&service, "$metadata?sap-language=DE", &[]).await.body).unwrap();
    assert!(german.contains(r#"String="Kennzeichen""#));
    let document = get(&service, "", &[]).await.json();
    assert_eq!(document["value"][0], json!({"name": "Planes", "kind": "EntitySet", "url": "Planes"}));
}

#[test]
fn broken_data_is_refused() {
    let packed = SETS[0].packed;
    for broken in [
        &b""[..],
        b"columns x\n\n",
        b"columns x 1\nname zero 0\n\n",
        b"columns x 1\na zero 0 9\n\n",
        &packed[..5_000],
    ] {
        assert!(data::decode(broken).is_err());
    }
}
