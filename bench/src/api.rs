//! A running Tidegate and its API.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::child::{Child, Program};
use crate::sign::{Key, Signer};
use crate::wire::Connection;
use crate::{Outcome, Setting};

/// How often a run is asked whether it has ended.
const POLL: Duration = Duration::from_millis(20);

/// `tidegate serve` over one data folder.
pub struct Server {
    /// The process.
    pub child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its data folder.
    pub data: PathBuf,
    key: Key,
}

impl Server {
    /// Starts a server over `data`; `check` is its `--connection-check`.
    pub async fn start(setting: &Setting, data: &Path, check: &str) -> Outcome<Self> {
        Self::start_with(setting, data, check, &[]).await
    }

    /// The same, with more in its environment.
    pub async fn start_with(
        setting: &Setting,
        data: &Path,
        check: &str,
        more: &[(&'static str, String)],
    ) -> Outcome<Self> {
        let key = Key {
            id: "AKIATIDEGATEBENCH000".to_owned(),
            secret: "bench/secret+access=key/0123456789abcdef".to_owned(),
            region: "us-east-1".to_owned(),
        };
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--connection-check", check, "--data-dir"];
        let child = Child::start(&Program {
            path: &setting.tidegate,
            arguments: arguments.iter().map(OsString::from).chain([data.into()]).collect(),
            env: vec![
                ("TIDEGATE_ACCESS_KEY_ID", OsString::from(&key.id)),
                ("TIDEGATE_SECRET_ACCESS_KEY", OsString::from(&key.secret)),
            ]
            .into_iter()
            .chain(more.iter().map(|(name, value)| (*name, OsString::from(value))))
            .collect(),
            folder: &setting.work,
            log: &data.with_extension("log"),
            ready: "tidegate listening on ",
        })
        .await?;
        let address = child.authority().parse()?;
        Ok(Self { child, address, data: data.to_owned(), key })
    }

    /// A signer for calls that go out now.
    pub fn signer(&self) -> Signer<'_> {
        Signer::now(&self.key, self.child.authority())
    }

    /// A client of its own connection.
    pub async fn client(&self) -> Outcome<Client<'_>> {
        Ok(Client { server: self, connection: Connection::open(self.address).await?, calls: 0 })
    }

    /// Ends it.
    pub async fn stop(self) -> Outcome<()> {
        self.child.stop().await
    }
}

/// Calls the API, one call at a time.
pub struct Client<'a> {
    server: &'a Server,
    connection: Connection,
    calls: u32,
}

impl Client<'_> {
    /// Calls an operation by its path; any answer but 200 is an error.
    pub async fn call(&mut self, path: &str, input: &Value) -> Outcome<Value> {
        self.calls += 1;
        let invocation = format!("bench-{}", self.calls);
        let request = self.server.signer().post(path, &input.to_string(), &invocation);
        let answer = self.connection.call(&request).await?;
        if answer.status != 200 {
            let words = String::from_utf8_lossy(answer.body);
            return Err(format!("POST {path} is answered with {} {words}", answer.status).into());
        }
        Ok(serde_json::from_slice(answer.body)?)
    }

    /// Starts a flow and waits for the record of its end; gives it and the seconds from StartFlow to the answer that
    /// told it, which is up to 20 ms more than the run took.
    pub async fn run(&mut self, name: &str, patience: Duration) -> Outcome<(Value, f64)> {
        self.run_asking(name, patience, POLL).await
    }

    /// The same, asking again as soon as an answer is there.
    pub async fn run_at_once(&mut self, name: &str, patience: Duration) -> Outcome<(Value, f64)> {
        self.run_asking(name, patience, Duration::ZERO).await
    }

    async fn run_asking(&mut self, name: &str, patience: Duration, pause: Duration) -> Outcome<(Value, f64)> {
        let begun = Instant::now();
        let started = self.call("/start-flow", &json!({"flowName": name})).await?;
        let id = &started["executionId"];
        let input = json!({"flowName": name, "maxResults": 100});
        while begun.elapsed() < patience {
            let page = self.call("/describe-flow-execution-records", &input).await?;
            let records = page["flowExecutions"].as_array().ok_or("no list of runs")?;
            let record = records.iter().find(|record| record["executionId"] == *id);
            match record.and_then(|record| Some((record, record["executionStatus"].as_str()?))) {
                Some((record, "Successful")) => return Ok((record.clone(), begun.elapsed().as_secs_f64())),
                None | Some((_, "InProgress")) if pause.is_zero() => {}
                None | Some((_, "InProgress")) => tokio::time::sleep(pause).await,
                Some((record, status)) => {
                    return Err(
                        format!("a run of {name} ended as {status}: {}", record["executionResult"]).into()
                    );
                }
            }
        }
        Err(format!("a run of {name} takes over {patience:?}").into())
    }
}

/// The seconds that a run took by its record.
pub fn seconds(record: &Value) -> Outcome<f64> {
    let time = |member: &str| record[member].as_f64().ok_or_else(|| format!("the run has no {member}"));
    Ok(time("lastUpdatedAt")? - time("startedAt")?)
}

/// The input of CreateConnectorProfile for an OData service with a user and a password.
pub fn profile(name: &str, host: &str, port: u16, path: &str, user: (&str, &str)) -> Value {
    json!({
        "connectorProfileName": name,
        "connectorType": "SAPOData",
        "connectionMode": "Public",
        "connectorProfileConfig": {
            "connectorProfileProperties": {"SAPOData": {
                "applicationHostUrl": host, "applicationServicePath": path, "portNumber": port,
                "clientNumber": "100", "logonLanguage": "EN",
            }},
            "connectorProfileCredentials": {"SAPOData": {
                "basicAuthCredentials": {"username": user.0, "password": user.1},
            }},
        },
    })
}
