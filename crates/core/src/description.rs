//! A connector's description as data: what `connector.yaml` says.
