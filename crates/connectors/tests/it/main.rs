//! The connectors against servers that behave, and servers that do not.

mod delta_links;
mod entities;
mod errors;
mod kit_rules;
mod oauth;
mod odp;
mod odp_service;
mod paging;
mod parallel;
mod peer;
mod service;
mod tls;
mod values;
