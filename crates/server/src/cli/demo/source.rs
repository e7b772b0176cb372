//! Where the demo's records come from: the sample service inside the binary, or one's own SAP.

use std::net::Ipv4Addr;

use http::Uri;
use serde_json::{Value, json};
use tidegate_core::Secret;

use crate::cli::Failure;
use crate::keys::generate;
use crate::sample::{self, SERVICE_PATH};

/// The sample's user; its password is new each time.
const SAMPLE_USER: &str = "DEMO";

/// The sample's filter: flights that left at least a quarter of an hour late.
const MIN_DELAY: &str = "15";

/// A source.
pub struct Source {
    host_url: String,
    port: u16,
    service_path: String,
    client_number: String,
    user: String,
    password: Secret<String>,
    /// The entity set that was asked for.
    entity: Option<String>,
    /// Whether it is the sample, whose fields are known.
    sample: bool,
}

impl Source {
    /// Starts the sample service inside this process.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn sample() -> Result<Self, Failure> {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let (_, password) = generate().map_err(|error| Failure::new(error.message))?;
        let options = sample::Options { user: SAMPLE_USER.to_owned(), password: password.clone() };
        tokio::spawn(sample::serve(listener, options, std::future::pending()));
        Ok(Self {
            host_url: format!("http://{}", Ipv4Addr::LOCALHOST),
            port,
            service_path: SERVICE_PATH.to_owned(),
            client_number: "100".to_owned(),
            user: SAMPLE_USER.to_owned(),
            password,
            entity: Some("Flights".to_owned()),
            sample: true,
        })
    }

    /// Somebody's own service. The password is asked for, without echo.
    ///
    /// # Errors
    /// A URL that is none, or no terminal to ask on.
    pub fn own(url: &str, user: &str, entity: Option<&str>, client_number: &str) -> Result<Self, Failure> {
        let wrong = || {
            Failure::new(format!(
                "'{url}' is not the URL of a service, such as https://host:44300/sap/opu/odata/sap/SERVICE"
            ))
        };
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let (scheme, host) = uri.scheme_str().zip(uri.host()).ok_or_else(wrong)?;
        let port = uri.port_u16().unwrap_or(if scheme == "http" { 80 } else { 443 });
        let password = rpassword::prompt_password(format!("Password of {user} at {host}: "))
            .map_err(|error| Failure::new(format!("the password could not be asked for: {error}")))?;
        Ok(Self {
            host_url: format!("{scheme}://{host}"),
            port,
            service_path: uri.path().trim_end_matches('/').to_owned(),
            client_number: client_number.to_owned(),
            user: user.to_owned(),
            password: Secret::new(password),
            entity: entity.map(str::to_owned),
            sample: false,
        })
    }

    /// The entity set that was asked for.
    pub fn entity(&self) -> Option<&str> {
        self.entity.as_deref()
    }

    /// Whether it is the sample.
    pub const fn is_sample(&self) -> bool {
        self.sample
    }

    /// What it is, for people.
    pub fn title(&self) -> String {
        format!("{}:{}{}", self.host_url, self.port, self.service_path)
    }

    /// The input of CreateConnectorProfile.
    pub fn profile(&self, name: &str) -> Secret<Value> {
        Secret::new(json!({
            "connectorProfileName": name,
            "connectorType": "SAPOData",
            "connectionMode": "Public",
            "connectorProfileConfig": {
                "connectorProfileProperties": {"SAPOData": {
                    "applicationHostUrl": self.host_url,
                    "applicationServicePath": self.service_path,
                    "portNumber": self.port,
                    "clientNumber": self.client_number,
                    "logonLanguage": "EN",
                }},
                "connectorProfileCredentials": {"SAPOData": {"basicAuthCredentials": {
                    "username": self.user,
                    "password": self.password.expose(),
                }}},
            },
        }))
    }

    /// The tasks of the flow: for the sample, fields that are renamed, one
    /// that is masked and one that filters; for others, all fields as they are.
    pub fn tasks(&self) -> Value {
        if !self.sample {
            return json!([{"taskType": "Map_all", "sourceFields": [], "connectorOperator": {"SAPOData": "NO_OP"}, "taskProperties": {}}]);
        }
        let fields = [
            ("time_hour", "scheduled_hour"),
            ("carrier", "carrier"),
            ("flight", "flight_number"),
            ("tailnum", "aircraft"),
            ("origin", "from_airport"),
            ("dest", "to_airport"),
            ("dep_delay", "departure_delay_min"),
            ("arr_delay", "arrival_delay_min"),
            ("distance", "distance_miles"),
        ];
        let mut tasks = vec![
            json!({
                "taskType": "Filter",
                "sourceFields": fields.map(|(source, _)| source),
                "connectorOperator": {"SAPOData": "PROJECTION"},
                "destinationField": "",
            }),
            json!({
                "taskType": "Filter",
                "sourceFields": ["dep_delay"],
                "connectorOperator": {"SAPOData": "GREATER_THAN_OR_EQUAL_TO"},
                "taskProperties": {"DATA_TYPE": "Edm.Int16", "VALUE": MIN_DELAY},
            }),
            json!({
                "taskType": "Mask",
                "sourceFields": ["tailnum"],
                "connectorOperator": {"SAPOData": "MASK_LAST_N"},
                "taskProperties": {"MASK_LENGTH": "3", "MASK_VALUE": "*"},
            }),
        ];
        tasks.extend(fields.map(|(source, destination)| {
            json!({
                "taskType": "Map",
                "sourceFields": [source],
                "connectorOperator": {"SAPOData": "NO_OP"},
                "destinationField": destination,
                "taskProperties": {},
            })
        }));
        Value::Array(tasks)
    }

    /// How many records the run will bring, if the source tells; only the
    /// progress bar needs it.
    pub async fn expected(&self) -> Option<u64> {
        if !self.sample {
            return None;
        }
        let url = format!("{}Flights/$count?$filter=dep_delay%20ge%20{MIN_DELAY}", self.title());
        let answer = reqwest::Client::new()
            .get(url)
            .basic_auth(&self.user, Some(self.password.expose()))
            .send()
            .await
            .ok()?;
        answer.text().await.ok()?.trim().parse().ok()
    }
}
