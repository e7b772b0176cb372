//! Reads CSDL XML, the form in which every OData version describes a service.

use std::borrow::Cow;
use std::collections::HashMap;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

use super::{EntitySet, FunctionImport, Metadata, Navigation, Property, Scale, StructuredType, Version};

/// One end of a V2 association: its role, its type, and whether it is many.
type AssociationEnd = (String, String, bool);

/// What is being read, from the outside in.
#[derive(Default)]
struct Parser {
    version: Option<Version>,
    /// The namespace and alias of the schema.
    namespace: String,
    aliases: HashMap<String, String>,
    sets: Vec<EntitySet>,
    functions: Vec<FunctionImport>,
    types: HashMap<String, StructuredType>,
    underlying: HashMap<String, String>,
    associations: HashMap<String, Vec<AssociationEnd>>,
    /// The type that is open, with its qualified name.
    open_type: Option<(String, StructuredType)>,
    open_association: Option<(String, Vec<AssociationEnd>)>,
    /// Relationships of V2 navigation properties, resolved at the end.
    relationships: Vec<(String, String, String, String)>,
    /// What annotations talk about: an outer `Annotations` target, or the
    /// element around an inline `Annotation`.
    targets: Vec<Option<String>>,
    /// The terms of the annotations that are open.
    terms: Vec<(String, Option<String>)>,
    annotations: Vec<Annotation>,
    in_record: Option<String>,
    text: String,
}

struct Annotation {
    target: String,
    term: String,
    property: Option<String>,
    value: String,
}

pub(super) fn parse(text: &str) -> Result<Metadata, String> {
    let mut reader = Reader::from_str(text);
    let mut parser = Parser::default();
    let mut depth = 0_usize;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => {
                depth += 1;
                parser.open(&start, depth)?;
            }
            Event::Empty(start) => {
                parser.open(&start, depth + 1)?;
                parser.close(start.local_name().as_ref());
            }
            Event::Text(part) => parser.text.push_str(&part.decode().map_err(|error| error.to_string())?),
            Event::GeneralRef(reference) => {
                let name = reference.decode().map_err(|error| error.to_string())?;
                let character = reference.resolve_char_ref().map_err(|error| error.to_string())?;
                match character {
                    Some(character) => parser.text.push(character),
                    None => parser.text.push_str(resolve_predefined_entity(&name).unwrap_or_default()),
                }
            }
            Event::CData(part) => parser.text.push_str(&part.decode().map_err(|error| error.to_string())?),
            Event::End(end) => {
                parser.close(end.local_name().as_ref());
                depth = depth.saturating_sub(1);
            }
            Event::Eof if depth == 0 => break,
            Event::Eof => return Err("it ends in the middle".to_owned()),
            _ => {}
        }
    }
    parser.finish()
}

type Attributes<'a> = HashMap<String, Cow<'a, str>>;

/// The attributes by name; those of SAP's namespace keep the prefix `sap:`,
/// whatever prefix the document binds, and those of others lose theirs.
fn attributes<'a>(start: &'a BytesStart<'a>) -> Result<Attributes<'a>, String> {
    let mut all = Attributes::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let name = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
        let value = attribute.unescape_value().map_err(|error| error.to_string())?;
        let name = match name.split_once(':') {
            Some(("sap", _)) | None => name,
            Some((_, local)) => local.to_owned(),
        };
        all.insert(name, value);
    }
    Ok(all)
}

impl Parser {
    fn open(&mut self, start: &BytesStart<'_>, depth: usize) -> Result<(), String> {
        let name = start.local_name();
        let all = attributes(start)?;
        let get = |name: &str| all.get(name).map(|value| value.to_string());
        let required = |attribute: &str| {
            get(attribute).ok_or_else(|| {
                format!("a {} has no {attribute}", String::from_utf8_lossy(start.local_name().as_ref()))
            })
        };
        self.text.clear();
        let mut target = None;
        match name.as_ref() {
            b"Edmx" => {
                let version = required("Version")?;
                self.version = Some(if version.starts_with('4') { Version::V4 } else { Version::V2 });
            }
            _ if depth == 1 => return Err("it is not an EDMX document".to_owned()),
            b"Schema" => {
                self.namespace = required("Namespace")?;
                if let Some(alias) = get("Alias") {
                    self.aliases.insert(alias, self.namespace.clone());
                }
            }
            b"EntityType" | b"ComplexType" => {
                let name = format!("{}.{}", self.namespace, required("Name")?);
                target = Some(name.clone());
                let base = get("BaseType");
                self.open_type = Some((name, StructuredType { base, ..StructuredType::default() }));
            }
            b"EnumType" => {
                let name = format!("{}.{}", self.namespace, required("Name")?);
                self.underlying.insert(name, "Edm.String".to_owned());
            }
            b"TypeDefinition" => {
                let name = format!("{}.{}", self.namespace, required("Name")?);
                self.underlying.insert(name, required("UnderlyingType")?);
            }
            b"PropertyRef" => {
                let name = required("Name")?;
                if let Some((_, open)) = &mut self.open_type {
                    open.key.push(name);
                }
            }
            b"Property" => {
                if let Some((owner, open)) = &mut self.open_type {
                    let property = read_property(&all)?;
                    target = Some(format!("{owner}/{}", property.name));
                    open.properties.push(property);
                }
            }
            b"NavigationProperty" => {
                let name = required("Name")?;
                if let Some((owner, open)) = &mut self.open_type {
                    target = Some(format!("{owner}/{name}"));
                    let edm_type = get("Type");
                    let inner = edm_type.as_deref().and_then(collection);
                    let many = inner.is_some();
                    if let (Some(relationship), Some(role)) = (get("Relationship"), get("ToRole")) {
                        self.relationships.push((owner.clone(), name.clone(), relationship, role));
                    }
                    let related = inner.map(str::to_owned).or(edm_type);
                    open.navigations.push(Navigation { name, target: related, many });
                }
            }
            b"Association" => {
                let name = format!("{}.{}", self.namespace, required("Name")?);
                self.open_association = Some((name, Vec::new()));
            }
            b"End" => {
                if let Some((_, ends)) = &mut self.open_association
                    && let (Some(role), Some(edm_type)) = (get("Role"), get("Type"))
                {
                    ends.push((role, edm_type, get("Multiplicity").as_deref() == Some("*")));
                }
            }
            b"EntityContainer" => target = get("Name").map(|name| format!("{}.{name}", self.namespace)),
            b"EntitySet" => {
                let name = required("Name")?;
                target = Some(format!("/{name}"));
                self.sets.push(EntitySet {
                    entity_type: required("EntityType")?,
                    label: get("sap:label"),
                    addressable: get("sap:addressable").as_deref() != Some("false"),
                    not_filterable: Vec::new(),
                    change_tracking: get("sap:change-tracking").as_deref() == Some("true"),
                    name,
                });
            }
            b"FunctionImport" => {
                let post = get("HttpMethod").is_some_and(|method| method.eq_ignore_ascii_case("POST"));
                self.functions.push(FunctionImport { name: required("Name")?, post });
            }
            b"Annotations" => target = get("Target"),
            b"Annotation" => self.terms.push((required("Term")?, self.target())),
            b"PropertyValue" => self.in_record = get("Property"),
            _ => {}
        }
        if name.as_ref() == b"Annotation" || name.as_ref() == b"PropertyValue" {
            for value in ["String", "Bool", "EnumMember"] {
                if let Some(value) = get(value) {
                    self.annotate(value);
                }
            }
        }
        self.targets.push(target);
        Ok(())
    }

    fn close(&mut self, name: &[u8]) {
        self.targets.pop();
        match name {
            b"EntityType" | b"ComplexType" => {
                if let Some((name, open)) = self.open_type.take() {
                    self.types.insert(name, open);
                }
            }
            b"Association" => {
                if let Some((name, ends)) = self.open_association.take() {
                    self.associations.insert(name, ends);
                }
            }
            b"String" | b"PropertyPath" | b"Path" | b"Bool" => {
                let text = std::mem::take(&mut self.text);
                self.annotate(text.trim().to_owned());
            }
            b"Annotation" => {
                self.terms.pop();
            }
            b"PropertyValue" => self.in_record = None,
            _ => {}
        }
    }

    fn target(&self) -> Option<String> {
        self.targets.iter().rev().find_map(Clone::clone)
    }

    fn annotate(&mut self, value: String) {
        // An annotation of an annotation says nothing about the property.
        if let [(term, Some(target))] = self.terms.as_slice() {
            let (target, term) = (target.clone(), term.clone());
            self.annotations.push(Annotation { target, term, property: self.in_record.clone(), value });
        }
    }

    fn finish(mut self) -> Result<Metadata, String> {
        let version = self.version.ok_or("it is not an EDMX document")?;
        for (owner, name, relationship, role) in std::mem::take(&mut self.relationships) {
            let relationship = self.qualified(&relationship);
            let end = self
                .associations
                .get(&relationship)
                .and_then(|ends| ends.iter().find(|(end_role, ..)| *end_role == role).cloned());
            let navigation = self
                .types
                .get_mut(&owner)
                .and_then(|owner| owner.navigations.iter_mut().find(|navigation| navigation.name == name));
            if let (Some((_, edm_type, many)), Some(navigation)) = (end, navigation) {
                navigation.target = Some(edm_type);
                navigation.many = many;
            }
        }
        self.apply_annotations();
        let aliases = self.aliases.clone();
        let full = |name: &str| qualify(&aliases, name);
        for set in &mut self.sets {
            set.entity_type = full(&set.entity_type);
        }
        for open in self.types.values_mut() {
            open.base = open.base.take().map(|base| full(&base));
            for property in &mut open.properties {
                property.edm_type = match collection(&property.edm_type) {
                    Some(inner) => format!("Collection({})", full(inner)),
                    None => full(&property.edm_type),
                };
            }
            for navigation in &mut open.navigations {
                navigation.target = navigation.target.take().map(|target| full(&target));
            }
        }
        Ok(Metadata {
            version,
            sets: self.sets,
            functions: self.functions,
            types: self.types,
            aliases: self.underlying,
        })
    }

    fn qualified(&self, name: &str) -> String {
        qualify(&self.aliases, name)
    }

    fn apply_annotations(&mut self) {
        let annotations = std::mem::take(&mut self.annotations);
        // What holds for the container holds for its sets, unless one says otherwise.
        let is_tracking = |annotation: &&Annotation| {
            annotation.term.rsplit('.').next() == Some("ChangeTracking")
                && annotation.property.as_deref() == Some("Supported")
        };
        let (container, own): (Vec<_>, Vec<_>) =
            annotations.iter().filter(is_tracking).partition(|annotation| !annotation.target.contains('/'));
        for set in &mut self.sets {
            for annotation in &container {
                set.change_tracking = annotation.value == "true";
            }
            for annotation in &own {
                if annotation.target.rsplit('/').next() == Some(set.name.as_str()) {
                    set.change_tracking = annotation.value == "true";
                }
            }
        }
        for annotation in annotations {
            let term = annotation.term.rsplit('.').next().unwrap_or_default().to_owned();
            let Some((owner, member)) = annotation.target.rsplit_once('/') else { continue };
            if term == "FilterRestrictions" {
                if annotation.property.as_deref() == Some("NonFilterableProperties")
                    && let Some(set) = self.sets.iter_mut().find(|set| set.name == member)
                {
                    set.not_filterable.push(annotation.value);
                }
                continue;
            }
            if annotation.property.is_some() {
                continue;
            }
            let owner = qualify(&self.aliases, owner);
            if let Some(set) = self.sets.iter_mut().find(|set| set.name == member)
                && term == "Label"
                && !self.types.contains_key(&owner)
            {
                set.label.get_or_insert(annotation.value);
                continue;
            }
            let property = self
                .types
                .get_mut(&owner)
                .and_then(|owner| owner.properties.iter_mut().find(|property| property.name == member));
            let Some(property) = property else { continue };
            match term.as_str() {
                "Label" => _ = property.label.get_or_insert(annotation.value),
                "QuickInfo" | "Description" | "LongDescription" => {
                    _ = property.description.get_or_insert(annotation.value);
                }
                _ => {}
            }
        }
    }
}

/// A name with the alias of its schema replaced by the namespace.
fn qualify(aliases: &HashMap<String, String>, name: &str) -> String {
    match name.rsplit_once('.') {
        Some((prefix, local)) if prefix != "Edm" => match aliases.get(prefix) {
            Some(namespace) => format!("{namespace}.{local}"),
            None => name.to_owned(),
        },
        _ => name.to_owned(),
    }
}

/// The type inside `Collection(…)`.
pub(super) fn collection(edm_type: &str) -> Option<&str> {
    edm_type.strip_prefix("Collection(")?.strip_suffix(')')
}

fn read_property(all: &Attributes<'_>) -> Result<Property, String> {
    let get = |name: &str| all.get(name).map(|value| value.to_string());
    let name = get("Name").ok_or("a Property has no Name")?;
    let flag = |name: &str, value: &str| get(name).as_deref() == Some(value);
    Ok(Property {
        edm_type: get("Type").unwrap_or_else(|| "Edm.String".to_owned()),
        nullable: !flag("Nullable", "false"),
        max_length: get("MaxLength").and_then(|text| text.parse().ok()),
        precision: get("Precision").and_then(|text| text.parse().ok()),
        scale: get("Scale").map(|text| text.parse().map_or(Scale::Variable, Scale::Fixed)),
        label: get("sap:label"),
        description: get("sap:quickinfo"),
        display_format: get("sap:display-format"),
        not_filterable: flag("sap:filterable", "false"),
        not_sortable: flag("sap:sortable", "false"),
        default_value: get("DefaultValue"),
        name,
    })
}
