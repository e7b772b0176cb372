//! Where an `objectPath` leads: a service, and an entity set below it.

use tidegate_core::{ConnectorError, ConnectorErrorKind};

use super::metadata::{EntitySet, Metadata, StructuredType};

/// An entity's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The path of the service, without a slash at its end.
    pub service: String,
    /// The path of the entity below the service, such as `Planes` or `View(P='1')/Set`.
    pub resource: String,
}

impl Target {
    /// Understands a path, absolute or relative to the connection's service path
    /// `root`. The entity is the part after the service: from the first segment
    /// with a key predicate on, otherwise the last segment.
    pub fn parse(root: &str, entity: &str) -> Result<Self, ConnectorError> {
        let invalid = |why: &str| {
            let text = format!("the object path {entity} {why}");
            ConnectorError::new(ConnectorErrorKind::Invalid, text)
        };
        let entity = entity.trim();
        if entity.contains(['?', '#', '\\']) || entity.contains("://") {
            return Err(invalid("must be a path: no host, query or fragment"));
        }
        if entity.trim_matches('/').is_empty() {
            return Err(invalid("names no entity"));
        }
        let root = root.trim_end_matches('/');
        let path = match entity.strip_prefix('/') {
            Some(_) => entity.to_owned(),
            None => format!("{root}/{entity}"),
        };
        let path = path.trim_end_matches('/');
        if path.split('/').any(|segment| segment == "..") {
            return Err(invalid("must not hold .."));
        }
        let below = path.strip_prefix(root).and_then(|rest| rest.strip_prefix('/'));
        let start = path.len() - below.map_or(path.len() - 1, str::len);
        let offset = path[start..].find('(').map(|at| start + at);
        let split = match offset {
            Some(predicate) => path[..predicate].rfind('/'),
            None => path.rfind('/'),
        };
        match split {
            Some(at) if at + 1 < path.len() => {
                Ok(Self { service: path[..at].to_owned(), resource: path[at + 1..].to_owned() })
            }
            _ => Err(invalid("names no entity")),
        }
    }

    /// The whole path.
    pub fn path(&self) -> String {
        format!("{}/{}", self.service, self.resource)
    }

    /// The entity set (if the path ends at one) and type in the service's metadata.
    pub fn resolve<'a>(
        &self,
        metadata: &'a Metadata,
    ) -> Result<(Option<&'a EntitySet>, &'a StructuredType), ConnectorError> {
        let missing = |what: &str| {
            let text = format!("the service {} has no {what}", self.service);
            ConnectorError::new(ConnectorErrorKind::NotFound, text)
        };
        let mut segments = segments(&self.resource).into_iter();
        let first = segments.next().unwrap_or_default();
        let set = metadata.set(first).ok_or_else(|| missing(&format!("entity set {first}")))?;
        let mut entity = metadata
            .type_of(set)
            .ok_or_else(|| missing(&format!("description of the type {}", set.entity_type)))?;
        let mut direct = Some(set);
        for segment in segments {
            direct = None;
            entity = entity
                .navigation(segment)
                .and_then(|navigation| metadata.types.get(navigation.target.as_ref()?))
                .ok_or_else(|| missing(&format!("entity {segment} below {first}")))?;
        }
        Ok((direct, entity))
    }
}

/// The names along a path, without key predicates (which may hold slashes).
fn segments(resource: &str) -> Vec<&str> {
    let (mut names, mut depth, mut quoted, mut start) = (Vec::new(), 0_u32, false, 0);
    let mut end = None;
    for (at, character) in resource.char_indices() {
        match character {
            '\'' => quoted = !quoted,
            '(' if !quoted => {
                depth += 1;
                end.get_or_insert(at);
            }
            ')' if !quoted => depth = depth.saturating_sub(1),
            '/' if !quoted && depth == 0 => {
                names.push(&resource[start..end.take().unwrap_or(at)]);
                start = at + 1;
            }
            _ => {}
        }
    }
    names.push(&resource[start..end.unwrap_or(resource.len())]);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_absolute_or_relative() {
        let root = "/odata/v4/nycflights";
        let cases = [
            ("Planes", Some(("/odata/v4/nycflights", "Planes"))),
            ("/odata/v4/nycflights/Planes", Some(("/odata/v4/nycflights", "Planes"))),
            ("/odata/v4/nycflights/Planes/", Some(("/odata/v4/nycflights", "Planes"))),
            ("/sap/opu/odata/sap/ZSRV;v=2/PlaneSet", Some(("/sap/opu/odata/sap/ZSRV;v=2", "PlaneSet"))),
            ("ZSRV/PlaneSet", Some(("/odata/v4/nycflights/ZSRV", "PlaneSet"))),
            ("View(P='a/b')/Set", Some(("/odata/v4/nycflights", "View(P='a/b')/Set"))),
            ("/sap/odata/ZV/View(P='1')/Set", Some(("/sap/odata/ZV", "View(P='1')/Set"))),
            ("", None),
            ("/", None),
            ("Planes?$top=1", None),
            ("https://elsewhere.example/Planes", None),
            ("../../other/Planes", None),
        ];
        for (entity, expected) in cases {
            let found = Target::parse(root, entity).ok();
            let found = found.as_ref().map(|t| (t.service.as_str(), t.resource.as_str()));
            assert_eq!(found, expected, "{entity}");
        }
        assert_eq!(segments("View(P='a/b(',Q=1)/Set"), ["View", "Set"]);
    }
}
