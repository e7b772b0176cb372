//! The `tidegate` binary: the only crate that sees all the others.
//!
//! Reading order: [`cli`] is where a command begins, [`server`] makes a
//! server, [`http`] takes a request, [`session`] signs people in, [`ops`] carries it out, [`tasks`] does
//! the work that requests have queued, [`notify`] tells others of it.

mod app;
mod authorizations;
mod aws;
mod catalog;
mod cli;
mod config;
mod convert;
mod entities;
mod error;
mod events;
mod health;
mod http;
mod keys;
mod memory;
mod metrics;
mod notify;
mod ops;
mod s3;
mod sample;
mod server;
mod session;
mod tasks;
mod tokens;

use std::process::ExitCode;

fn main() -> ExitCode {
    tidegate_core::fault::setup();
    memory::tune();
    cli::main()
}
