//! The page of the docs that lists the connectors, written from their descriptions.

use std::fmt::Write as _;

use tidegate_core::description::{Description, Member};

use super::{all, vended};

const HEAD: &str = "\
# Connectors

<!-- Written by `connectors::descriptions::markdown`; a test fails when it is stale. Edit the connector.yaml files. -->

All 24 connector types of the API, from the same descriptions that answer DescribeConnector and that check a
connection. *Connection* says whether a type takes a connector profile.

";

const VENDED_HEAD: &str = "\
## Connectors vended under a label

They have `connectorType` `CustomConnector` and the label in `connectorLabel`. A label marked * stands in public code
that works against the service; the others are spelled after the vendors' names.

| Label | Connector | Authentication | Destination |
|---|---|---|---|
";

/// Renders `docs/connectors.md`.
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("| Type | Name | Connection | Source | Destination | Triggers | At most | Writes |\n");
    page.push_str("|---|---|---|---|---|---|---|---|\n");
    let mut types: Vec<&Description> = all().iter().collect();
    types.sort_by_key(|description| description.connector_name.to_lowercase());
    for of in &types {
        line(
            &mut page,
            &[
                &format!("`{}`", of.connector_type.as_str()),
                &of.connector_name,
                yes(of.profile.is_some()),
                yes(of.can_use_as_source),
                yes(of.can_use_as_destination),
                &of.supported_trigger_types.join(", "),
                of.supported_scheduling_frequencies.first().map_or("", String::as_str),
                &of.supported_write_operations.join(", "),
            ],
        );
    }
    page.push('\n');
    for of in types {
        section(&mut page, of);
    }
    page.push_str(VENDED_HEAD);
    for of in vended() {
        let label = of.connector_label.as_deref().unwrap_or_default();
        let mark = if of.label_is_known { " *" } else { "" };
        line(
            &mut page,
            &[
                &format!("`{label}`{mark}"),
                &of.connector_name,
                &authentication(of),
                yes(of.can_use_as_destination),
            ],
        );
    }
    page
}

fn section(page: &mut String, of: &Description) {
    let _ = writeln!(page, "## {}\n\n{}\n", of.connector_name, of.connector_description);
    for (title, operators) in
        [("Filters", &of.supported_operators.filter), ("Values", &of.supported_operators.value)]
    {
        if !operators.is_empty() {
            let _ = writeln!(page, "- {title}: {}", operators.join(", "));
        }
    }
    let limits = &of.limits;
    for (value, text) in [
        (limits.records_per_run, "records a run at most"),
        (limits.source_megabytes_per_run, "MB read a run at most"),
        (limits.destination_megabytes_per_run, "MB written a run at most"),
        (limits.megabytes_per_file, "MB an input file at most"),
        (limits.days_per_run.map(u64::from), "days a run at most"),
    ] {
        if let Some(value) = value {
            let _ = writeln!(page, "- {value} {text}");
        }
    }
    for note in &limits.notes {
        let _ = writeln!(page, "- {note}");
    }
    let Some(profile) = &of.profile else {
        let _ = writeln!(page, "- It takes no connector profile.\n");
        return;
    };
    let _ = writeln!(page, "- Authentication: {}\n", authentication(of));
    let key = of.connector_type.union_key();
    members(page, &format!("connectorProfileProperties.{key}"), &profile.properties);
    members(page, &format!("connectorProfileCredentials.{key}"), &profile.credentials);
}

fn members(page: &mut String, title: &str, members: &[Member]) {
    if members.is_empty() {
        let _ = writeln!(page, "`{title}` is an empty document.\n");
        return;
    }
    let _ = writeln!(page, "| `{title}` | | |\n|---|---|---|");
    for member in members {
        let mut marks = Vec::new();
        for (mark, text) in [
            (member.required, "required"),
            (member.destination, "decides where credentials are sent"),
            (member.secret, "secret"),
            (member.oauth, "not carried by a copy"),
        ] {
            if mark {
                marks.push(text);
            }
        }
        line(page, &[&format!("`{}`", member.path), &member.help, &marks.join(", ")]);
    }
    page.push('\n');
}

fn authentication(of: &Description) -> String {
    let Some(ways) = &of.authentication_config else { return String::new() };
    let names = [
        (ways.is_basic_auth_supported, "user name and password"),
        (ways.is_api_key_auth_supported, "API key"),
        (ways.is_o_auth2_supported, "OAuth 2"),
        (ways.is_custom_auth_supported, "its own"),
    ];
    let names: Vec<&str> = names.into_iter().filter_map(|(has, name)| has.then_some(name)).collect();
    names.join(", ")
}

fn line(page: &mut String, cells: &[&str]) {
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

const fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "" }
}
