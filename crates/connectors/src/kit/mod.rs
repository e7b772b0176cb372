//! What connectors share: one outbound HTTP client that obeys the outbound rules.
//!
//! The story of a request: [`Outbound`] holds the one client and the
//! [`OutboundPolicy`]; an [`Origin`] binds it to the address of one connection
//! and is the only thing that ever sees a credential ([`Auth`]); answers are
//! bounded, repeated where that is safe ([`Retry`]) and turned into errors whose
//! text has passed the connection's [`Scrubber`].

mod address;
pub mod civil;
mod oauth;
mod origin;
mod outbound;
mod policy;
mod retry;
mod scrub;
mod vendor;

pub use address::Refusal;
pub use oauth::{Grant, NoSink, TokenProvider, TokenSink};
pub use origin::{Answer, Auth, Origin};
pub use outbound::Outbound;
pub use policy::{Network, OutboundPolicy, ProxySettings};
pub use retry::Retry;
pub use scrub::Scrubber;
pub(crate) use vendor::{embedded_error, json_message};
pub use vendor::{looks_like_html, vendor_message};
