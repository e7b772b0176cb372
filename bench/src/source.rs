//! The OData services that flows read from.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};

use crate::child::{Child, Program};
use crate::{Outcome, Setting};

/// A running OData service with the entity set `Flights`.
pub struct Source {
    /// What it is called in the report.
    pub name: &'static str,
    /// Its process, which ends with this value.
    _child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// The address by which connections name it, without a port.
    pub host: &'static str,
    /// The path of its service.
    pub path: &'static str,
    /// Who may read it: user and password.
    pub user: (&'static str, &'static str),
}

impl Source {
    /// The sample service of the binary under test.
    pub async fn sample(setting: &Setting) -> Outcome<Self> {
        let user = ("bench", "sample password");
        let child = Child::start(&Program {
            path: &setting.tidegate,
            arguments: ["sample-service", "--listen", "127.0.0.1:0", "--user", user.0]
                .map(OsString::from)
                .into(),
            env: vec![("TIDEGATE_SAMPLE_PASSWORD", user.1.into())],
            folder: &setting.work,
            log: &setting.work.join("sample-service.log"),
            ready: "sample listening on ",
        })
        .await?;
        Ok(Self {
            name: "sample service",
            address: loopback(&child)?,
            _child: child,
            host: "http://127.0.0.1",
            path: "/sap/opu/odata4/sap/nycflights/",
            user,
        })
    }

    /// SAP's own server, if it is installed.
    pub async fn sap(setting: &Setting) -> Outcome<Option<Self>> {
        if !setting.sap.join("node_modules/@sap/cds").exists() {
            return Ok(None);
        }
        let child = Child::start(&Program {
            path: "node".as_ref(),
            arguments: vec!["server.js".into()],
            env: vec![
                ("PORT", "0".into()),
                ("FLIGHTS", setting.size().rows.to_string().into()),
                ("PYTHON", setting.python.clone().into()),
            ],
            folder: &setting.sap,
            log: &setting.work.join("sap.log"),
            ready: "sap listening on ",
        })
        .await?;
        Ok(Some(Self {
            name: "SAP's server",
            address: loopback(&child)?,
            _child: child,
            host: "http://localhost",
            path: "/odata/v4/nycflights",
            user: ("alice", "wonder-Land 42"),
        }))
    }
}

fn loopback(child: &Child) -> Outcome<SocketAddr> {
    Ok((Ipv4Addr::LOCALHOST, child.port()?).into())
}
