//! Lists from elsewhere, through the front door: a scripted server of lists, the real binary, and what it resolves.
#![allow(clippy::unwrap_used)] // a test fails by panicking

#[path = "subscriptions/added.rs"]
mod added;
#[path = "subscriptions/command_line.rs"]
mod command_line;
#[path = "subscriptions/fetching.rs"]
mod fetching;
#[path = "subscriptions/hostile.rs"]
mod hostile;
#[path = "subscriptions/server.rs"]
mod server;
mod support;

use serde_json::Value;

use support::rest::Rest;
use support::sordino::Setup;
use support::until;

/// A `[[list]]` called `name` that is fetched from `url`, from a server in this house.
pub(crate) fn subscribed(setup: Setup, name: &str, url: &str) -> Setup {
    setup.table(&format!("\n[[list]]\nname = {name:?}\nsource = {url:?}\nprivate_server = true\n"))
}

/// The list called `name`, as the API tells of it.
pub(crate) fn list(rest: &Rest, name: &str) -> Value {
    let lists = rest.read("/api/v1/lists");
    let found = lists.as_array().unwrap().iter().find(|list| list["name"] == name).cloned();
    found.unwrap_or_else(|| panic!("no list {name} in {lists}"))
}

/// Waits until the last try of the list called `name` is over, after `failures` failures in a row.
#[track_caller]
pub(crate) fn failed(rest: &Rest, name: &str, failures: u64) -> Value {
    until(&format!("the failure of {name}"), || {
        let subscription = list(rest, name)["subscription"].clone();
        (subscription["stage"] == "failed" && subscription["failures"] == failures).then_some(subscription)
    })
}

/// Waits until the list called `name` is in force as it was last fetched.
#[track_caller]
pub(crate) fn done(rest: &Rest, name: &str) -> Value {
    until(&format!("the end of fetching {name}"), || {
        let subscription = list(rest, name)["subscription"].clone();
        (subscription["stage"] == "done").then_some(subscription)
    })
}
