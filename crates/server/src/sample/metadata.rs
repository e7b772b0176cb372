//! The schema: entity sets, EDM types and labels, the service document and `$metadata`.

use std::fmt::Write as _;

/// The namespace of the schema.
pub const NAMESPACE: &str = "nycflights13";

/// An EDM type, with its facets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edm {
    /// `Edm.String` of at most that many characters.
    String(u16),
    /// `Edm.Int16`.
    Int16,
    /// `Edm.Int32`.
    Int32,
    /// `Edm.Decimal` of that precision and scale 0.
    Decimal(u8),
    /// `Edm.DateTimeOffset` of precision 0, stored in hours.
    DateTimeOffset,
}

/// One property of an entity type.
#[derive(Debug)]
pub struct Property {
    /// Its name, as in the data set.
    pub name: &'static str,
    /// Its type.
    pub edm: Edm,
    /// Whether it may be null.
    pub nullable: bool,
    /// What people call it, in English and in German.
    pub label: [&'static str; 2],
}

/// One entity set and the type of its entities.
#[derive(Debug)]
pub struct EntitySet {
    /// The name of the set.
    pub name: &'static str,
    /// The name of the type.
    pub entity: &'static str,
    /// What people call one entity, in English and in German.
    pub label: [&'static str; 2],
    /// The properties; the first one is the key.
    pub properties: &'static [Property],
    /// The packed rows, in the order of the key.
    pub packed: &'static [u8],
    /// Whether the key is the number of the row and not in the packed rows.
    pub numbered: bool,
}

impl EntitySet {
    /// The place of the property of that name.
    pub fn property(&self, name: &str) -> Option<usize> {
        self.properties.iter().position(|property| property.name == name)
    }
}

const fn key(name: &'static str, edm: Edm, label: [&'static str; 2]) -> Property {
    Property { name, edm, nullable: false, label }
}

const fn may(name: &'static str, edm: Edm, label: [&'static str; 2]) -> Property {
    Property { name, edm, nullable: true, label }
}

static PLANES: [Property; 9] = [
    key("tailnum", Edm::String(6), ["Tail number", "Kennzeichen"]),
    may("year", Edm::Int16, ["Year manufactured", "Baujahr"]),
    may("type", Edm::String(24), ["Type of plane", "Flugzeugtyp"]),
    may("manufacturer", Edm::String(29), ["Manufacturer", "Hersteller"]),
    may("model", Edm::String(18), ["Model", "Modell"]),
    may("engines", Edm::Int16, ["Number of engines", "Anzahl Triebwerke"]),
    may("seats", Edm::Int16, ["Number of seats", "Anzahl Sitze"]),
    may("speed", Edm::Int16, ["Average cruising speed in mph", "Reisegeschwindigkeit in mph"]),
    may("engine", Edm::String(13), ["Type of engine", "Art des Triebwerks"]),
];

static FLIGHTS: [Property; 20] = [
    key("ID", Edm::Int32, ["Flight record", "Flugdatensatz"]),
    may("year", Edm::Int16, ["Year", "Jahr"]),
    may("month", Edm::Int16, ["Month", "Monat"]),
    may("day", Edm::Int16, ["Day", "Tag"]),
    may("dep_time", Edm::Int16, ["Departure, local HHMM", "Abflug, Ortszeit HHMM"]),
    may("sched_dep_time", Edm::Int16, ["Scheduled departure, local HHMM", "Abflug laut Plan, Ortszeit HHMM"]),
    may("dep_delay", Edm::Int16, ["Departure delay in minutes", "Abflugverspätung in Minuten"]),
    may("arr_time", Edm::Int16, ["Arrival, local HHMM", "Ankunft, Ortszeit HHMM"]),
    may("sched_arr_time", Edm::Int16, ["Scheduled arrival, local HHMM", "Ankunft laut Plan, Ortszeit HHMM"]),
    may("arr_delay", Edm::Int16, ["Arrival delay in minutes", "Ankunftsverspätung in Minuten"]),
    may("carrier", Edm::String(2), ["Carrier", "Fluggesellschaft"]),
    may("flight", Edm::Int16, ["Flight number", "Flugnummer"]),
    may("tailnum", Edm::String(6), ["Tail number", "Kennzeichen"]),
    may("origin", Edm::String(3), ["Origin", "Abflughafen"]),
    may("dest", Edm::String(3), ["Destination", "Zielflughafen"]),
    may("air_time", Edm::Int16, ["Minutes in the air", "Minuten in der Luft"]),
    may("distance", Edm::Decimal(5), ["Distance in miles", "Entfernung in Meilen"]),
    may("hour", Edm::Int16, ["Hour of scheduled departure", "Stunde des Abflugs laut Plan"]),
    may("minute", Edm::Int16, ["Minute of scheduled departure", "Minute des Abflugs laut Plan"]),
    may("time_hour", Edm::DateTimeOffset, ["Scheduled hour", "Stunde laut Plan"]),
];

/// All entity sets.
pub static SETS: [EntitySet; 2] = [
    EntitySet {
        name: "Planes",
        entity: "Plane",
        label: ["Plane", "Flugzeug"],
        properties: &PLANES,
        packed: include_bytes!("../../data/planes.columns"),
        numbered: false,
    },
    EntitySet {
        name: "Flights",
        entity: "Flight",
        label: ["Flight", "Flug"],
        properties: &FLIGHTS,
        packed: include_bytes!("../../data/flights.columns"),
        numbered: true,
    },
];

/// The service document (OData JSON Format 4.0, section 5).
pub fn service_document() -> String {
    let sets: Vec<String> = SETS
        .iter()
        .map(|set| format!(r#"{{"name":"{0}","kind":"EntitySet","url":"{0}"}}"#, set.name))
        .collect();
    format!(r#"{{"@odata.context":"$metadata","value":[{}]}}"#, sets.join(","))
}

/// `$metadata` as CSDL XML (OData CSDL 4.0), with labels in German where
/// `german` is set and in English otherwise.
pub fn csdl(german: bool) -> String {
    let language = usize::from(german);
    let mut xml = String::from(concat!(
        r#"<?xml version="1.0" encoding="utf-8"?>"#,
        r#"<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">"#,
        r#"<edmx:Reference Uri="https://oasis-tcs.github.io/odata-vocabularies/vocabularies/Org.OData.Capabilities.V1.xml">"#,
        r#"<edmx:Include Namespace="Org.OData.Capabilities.V1" Alias="Capabilities"/></edmx:Reference>"#,
        r#"<edmx:Reference Uri="https://sap.github.io/odata-vocabularies/vocabularies/Common.xml">"#,
        r#"<edmx:Include Namespace="com.sap.vocabularies.Common.v1" Alias="Common"/></edmx:Reference>"#,
        r#"<edmx:DataServices>"#,
    ));
    // Writing to a String cannot fail, so each result below is dropped.
    let _ =
        write!(xml, r#"<Schema Namespace="{NAMESPACE}" xmlns="http://docs.oasis-open.org/odata/ns/edm">"#);
    for set in &SETS {
        let _ = write!(
            xml,
            r#"<EntityType Name="{}"><Key><PropertyRef Name="{}"/></Key>"#,
            set.entity, set.properties[0].name
        );
        for Property { name, edm, nullable, .. } in set.properties {
            let facets = match edm {
                Edm::String(length) => format!(r#"Type="Edm.String" MaxLength="{length}""#),
                Edm::Int16 => r#"Type="Edm.Int16""#.to_owned(),
                Edm::Int32 => r#"Type="Edm.Int32""#.to_owned(),
                Edm::Decimal(precision) => format!(r#"Type="Edm.Decimal" Precision="{precision}" Scale="0""#),
                Edm::DateTimeOffset => r#"Type="Edm.DateTimeOffset" Precision="0""#.to_owned(),
            };
            let nullable = if *nullable { "" } else { r#" Nullable="false""# };
            let _ = write!(xml, r#"<Property Name="{name}" {facets}{nullable}/>"#);
        }
        xml.push_str("</EntityType>");
    }
    xml.push_str(r#"<EntityContainer Name="Container">"#);
    for set in &SETS {
        let _ = write!(xml, r#"<EntitySet Name="{}" EntityType="{NAMESPACE}.{}"/>"#, set.name, set.entity);
    }
    xml.push_str("</EntityContainer>");
    for set in &SETS {
        let _ = write!(xml, r#"<Annotations Target="{NAMESPACE}.Container/{}">"#, set.name);
        for (what, able) in [("Insert", "Insertable"), ("Update", "Updatable"), ("Delete", "Deletable")] {
            let _ = write!(
                xml,
                concat!(
                    r#"<Annotation Term="Capabilities.{0}Restrictions"><Record>"#,
                    r#"<PropertyValue Property="{1}" Bool="false"/></Record></Annotation>"#
                ),
                what, able
            );
        }
        xml.push_str("</Annotations>");
        label(&mut xml, set.entity, set.label[language]);
        for property in set.properties {
            label(&mut xml, &format!("{}/{}", set.entity, property.name), property.label[language]);
        }
    }
    xml.push_str("</Schema></edmx:DataServices></edmx:Edmx>");
    xml
}

fn label(xml: &mut String, target: &str, text: &str) {
    let _ = write!(
        xml,
        r#"<Annotations Target="{NAMESPACE}.{target}"><Annotation Term="Common.Label" String="{text}"/></Annotations>"#
    );
}
