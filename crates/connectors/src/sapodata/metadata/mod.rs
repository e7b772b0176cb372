//! The `$metadata` of a service: its version, entity sets, types and properties.

mod xml;

use std::collections::HashMap;

use tidegate_core::{ConnectorError, ConnectorErrorKind};

/// The protocol version that a service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// OData 2.0 (1.0 and 3.0 answer close enough to be read the same way).
    V2,
    /// OData 4.0 and 4.01.
    V4,
}

/// A structural property of an entity or complex type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Property {
    /// Its name.
    pub name: String,
    /// The type as written, such as `Edm.String`, `NS.Address` or `Collection(Edm.Int32)`.
    pub edm_type: String,
    /// Whether a value may be missing; true unless the service denies it.
    pub nullable: bool,
    /// The most characters or bytes, if that is limited.
    pub max_length: Option<i64>,
    /// Digits of a decimal, or fraction digits of a time.
    pub precision: Option<u32>,
    /// Digits after the decimal point; `variable` leaves it open.
    pub scale: Option<Scale>,
    /// `sap:label`, or `Common.Label` of V4.
    pub label: Option<String>,
    /// `sap:quickinfo`, `Core.Description` or `Common.QuickInfo`.
    pub description: Option<String>,
    /// `sap:display-format`, such as `Date`.
    pub display_format: Option<String>,
    /// Whether the service refuses it in `$filter`.
    pub not_filterable: bool,
    /// Whether the service refuses it in `$orderby`.
    pub not_sortable: bool,
    /// The value that a new record gets.
    pub default_value: Option<String>,
}

/// The digits after the decimal point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// So many.
    Fixed(u32),
    /// As many as a value needs (`variable`, `floating`).
    Variable,
}

/// A navigation property: related entities that `$expand` brings along.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Navigation {
    /// Its name.
    pub name: String,
    /// The qualified name of the related type, if it is known.
    pub target: Option<String>,
    /// Whether it leads to many.
    pub many: bool,
}

/// An entity or complex type, with what it inherits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StructuredType {
    /// The qualified name of the type that it extends.
    pub(super) base: Option<String>,
    /// The names of the key's properties, in order.
    pub key: Vec<String>,
    /// In the order of the document, the inherited ones first.
    pub properties: Vec<Property>,
    /// The related entities.
    pub navigations: Vec<Navigation>,
}

impl StructuredType {
    /// A property by its name.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.name == name)
    }

    /// A navigation property by its name.
    pub fn navigation(&self, name: &str) -> Option<&Navigation> {
        self.navigations.iter().find(|navigation| navigation.name == name)
    }
}

/// An entity set (or singleton) of the container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntitySet {
    /// Its name, the last part of its path.
    pub name: String,
    /// The qualified name of its type.
    pub entity_type: String,
    /// `sap:label` of the set or its type.
    pub label: Option<String>,
    /// Whether the service answers it without a key; `sap:addressable`.
    pub addressable: bool,
    /// Properties that this set refuses in `$filter` (V4 capabilities).
    pub not_filterable: Vec<String>,
    /// Whether the service notes its changes and gives links to them:
    /// `sap:change-tracking` of V2, `Capabilities.ChangeTracking` of V4.
    pub change_tracking: bool,
}

/// A function that a V2 service offers beside its entity sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionImport {
    /// Its name.
    pub name: String,
    /// Whether it is called by POST (`m:HttpMethod`) and not by GET.
    pub post: bool,
}

/// A parsed `$metadata` document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The version.
    pub version: Version,
    /// In the order of the document.
    pub sets: Vec<EntitySet>,
    /// The functions of V2, in the order of the document.
    pub functions: Vec<FunctionImport>,
    /// Entity and complex types by qualified name.
    pub types: HashMap<String, StructuredType>,
    /// Enumeration types and type definitions: what they are underneath
    /// (`Edm.String` for an enumeration, whose JSON form is its name).
    pub aliases: HashMap<String, String>,
}

impl Metadata {
    /// Parses a CSDL XML document of any version.
    pub fn parse(text: &str) -> Result<Self, ConnectorError> {
        let mut metadata = xml::parse(text).map_err(|error| {
            let message = format!("the service's $metadata cannot be read: {error}");
            ConnectorError::new(ConnectorErrorKind::BadAnswer, message)
        })?;
        metadata.inherit();
        Ok(metadata)
    }

    /// An entity set by its name.
    pub fn set(&self, name: &str) -> Option<&EntitySet> {
        self.sets.iter().find(|set| set.name == name)
    }

    /// A function of V2 by its name.
    pub fn function(&self, name: &str) -> Option<&FunctionImport> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// The type of an entity set.
    pub fn type_of(&self, set: &EntitySet) -> Option<&StructuredType> {
        self.types.get(&set.entity_type)
    }

    /// What a type is underneath: aliases resolved, the rest as it is.
    pub fn underlying<'a>(&'a self, edm_type: &'a str) -> &'a str {
        let mut name = edm_type;
        for _ in 0..8 {
            match self.aliases.get(name) {
                Some(next) => name = next,
                None => break,
            }
        }
        name
    }

    /// Gives every type what its base types have. A cycle, which no service may
    /// have, ends after as many steps as there are types.
    fn inherit(&mut self) {
        let names: Vec<String> = self.types.keys().cloned().collect();
        for name in &names {
            let mut chain = Vec::new();
            let mut next = self.types[name].base.clone();
            while let Some(base) = next.take() {
                if chain.contains(&base) || &base == name {
                    break;
                }
                if let Some(found) = self.types.get(&base) {
                    next.clone_from(&found.base);
                    chain.push(base);
                }
            }
            let (mut key, mut properties, mut navigations) = (Vec::new(), Vec::new(), Vec::new());
            for base in chain.iter().rev() {
                // Only what the base declares itself: its own base is in the chain too.
                let found = &self.types[base];
                key.extend(found.key.iter().filter(|k| !key.contains(*k)).cloned().collect::<Vec<_>>());
                for property in &found.properties {
                    if !properties.iter().any(|known: &Property| known.name == property.name) {
                        properties.push(property.clone());
                    }
                }
                for navigation in &found.navigations {
                    if !navigations.iter().any(|known: &Navigation| known.name == navigation.name) {
                        navigations.push(navigation.clone());
                    }
                }
            }
            let own = self.types.get_mut(name).expect("the names are the map's own");
            for property in own.properties.drain(..) {
                if !properties.iter().any(|known| known.name == property.name) {
                    properties.push(property);
                }
            }
            for navigation in own.navigations.drain(..) {
                if !navigations.iter().any(|known| known.name == navigation.name) {
                    navigations.push(navigation);
                }
            }
            own.properties = properties;
            own.navigations = navigations;
            if own.key.is_empty() {
                own.key = key;
            }
        }
    }
}
