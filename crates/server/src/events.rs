//! Delivers events to flows: the one way in, for the API and for whatever
//! subscribes to a source.

use tidegate_core::FlowName;
use tidegate_core::flow::FlowStatus;
use tidegate_store::{Delivered, FlowRecord, Kind, NewEvent, StoreError};
use tidegate_wire::ErrorKind;

use crate::app::App;
use crate::error::ApiError;
use crate::ops::missing_flow;

/// Stores events in the inbox of a flow, all of them or none, and sees to it
/// that a run takes them. Once it has answered, they are neither lost nor, where
/// they have identifiers, stored twice.
///
/// # Errors
/// `ResourceNotFoundException`; `ConflictException` when the flow takes no events
/// as it is; `ThrottlingException` when its inbox has no room for them.
pub async fn deliver(app: &App, flow: &FlowName, events: Vec<NewEvent>) -> Result<Delivered, ApiError> {
    let stored =
        app.store.events(&app.scope.account).deliver(flow, events, app.event_inbox_limit, admit).await;
    match stored {
        Ok(delivered) => {
            app.metrics.events_delivered(delivered);
            Ok(delivered)
        }
        Err(StoreError::NotFound { kind: Kind::Flow, .. }) => Err(missing_flow(flow)),
        Err(StoreError::Refused(why)) => Err(ApiError::conflict(format!(
            "Conflict executing request: the flow {flow} takes no events: {why}"
        ))),
        Err(StoreError::InboxFull { waiting, delivered, most, .. }) => Err(ApiError::new(
            ErrorKind::Throttling,
            format!(
                "Nothing of the delivery was kept: {waiting} bytes of events wait for the flow {flow}, {delivered} \
                 more were delivered, and {most} may wait. Deliver them again when its runs have published some; \
                 if they fail, their errors say why. --event-inbox-limit says how many bytes may wait."
            ),
        )),
        Err(other) => Err(other.into()),
    }
}

/// Whether a flow takes events now, or why not and what to do.
fn admit(flow: &FlowRecord) -> Result<(), String> {
    if !flow.takes_events() {
        return Err("its triggerType is not Event".to_owned());
    }
    match (flow.status, &flow.status_message) {
        (FlowStatus::Active, _) => Ok(()),
        (status, Some(message)) => {
            Err(format!("it is {}. {message} StartFlow activates it", status.as_str()))
        }
        (status, None) => Err(format!("it is {}; StartFlow activates it", status.as_str())),
    }
}
