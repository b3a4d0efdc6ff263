//! The counters for Prometheus, in its text format. No name that anybody asked for is in them, in no label either.
//!
//! Written by hand: the format is lines of a name, labels and a number, and `/api/v1/status` has the numbers already.

use std::fmt::Write as _;

use axum::http::header;
use axum::response::IntoResponse;

use super::auth::Onlooker;
use super::problem::Problem;
use super::status::Status;

/// Text exposition format 0.0.4, which every Prometheus reads.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Tells every counter, to someone who is logged in or asks from this machine.
pub(crate) async fn metrics(house: Onlooker) -> Result<impl IntoResponse, Problem> {
    let health = house.read(|house| house.store.health()).await?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text(&Status::of(&house, &health))))
}

fn text(status: &Status) -> String {
    let mut page = Page::default();
    page.gauge("sordino_info", "1, with the version of sordino", &[("version", status.version)], 1.0);
    let started = status.started.millis() as f64 / 1000.0;
    page.gauge("sordino_start_time_seconds", "When sordino started, seconds since the epoch", &[], started);
    page.gauge("sordino_problems", "Things that are wrong now", &[], status.problems.len() as f64);
    for (name, count) in &status.counters {
        page.counter(&format!("sordino_{name}_total"), "Counted since the start", &[], *count);
    }
    for upstream in &status.upstreams {
        let server = [("server", upstream.server.as_str())];
        page.counter("sordino_upstream_answered_total", "Answers of a forwarder", &server, upstream.answered);
    }
    for upstream in &status.upstreams {
        let server = [("server", upstream.server.as_str())];
        let help = "Questions a forwarder did not answer in time, or not well";
        page.counter("sordino_upstream_failed_total", help, &server, upstream.failed);
    }
    for upstream in &status.upstreams {
        let up = f64::from(u8::from(upstream.state != "down"));
        page.gauge("sordino_upstream_up", "0 while a forwarder is down", &[("server", &upstream.server)], up);
    }
    for (upstream, latency) in status.upstreams.iter().filter_map(|one| one.latency_ms.map(|latency| (one, latency))) {
        let (help, seconds) = ("Smoothed time to answer of a forwarder", f64::from(latency) / 1000.0);
        page.gauge("sordino_upstream_latency_seconds", help, &[("server", &upstream.server)], seconds);
    }
    for (name, help, number) in [
        ("sordino_cache_entries", "Answers in the cache", status.cache.entries),
        ("sordino_cache_bytes", "Bytes that they weigh", status.cache.bytes),
        ("sordino_cache_capacity_bytes", "Bytes that they may weigh", status.cache.capacity),
        ("sordino_store_bytes", "Bytes of the journal on disk", status.store.bytes),
        ("sordino_store_unflushed_events", "Events that wait for the next flush", status.store.unflushed),
        ("sordino_lists_names", "Names and patterns in force, all lists together", status.lists_names),
    ] {
        page.gauge(name, help, &[], number as f64);
    }
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
    /// The family whose head was written last; all lines of one stand together.
    family: String,
}

impl Page {
    fn counter(&mut self, name: &str, help: &str, labels: &[(&str, &str)], count: u64) {
        self.line("counter", name, help, labels, &count.to_string());
    }

    fn gauge(&mut self, name: &str, help: &str, labels: &[(&str, &str)], value: f64) {
        self.line("gauge", name, help, labels, &value.to_string());
    }

    fn line(&mut self, kind: &str, name: &str, help: &str, labels: &[(&str, &str)], value: &str) {
        if self.family != name {
            name.clone_into(&mut self.family);
            let _ = writeln!(self.text, "# HELP {name} {help}.\n# TYPE {name} {kind}");
        }
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.text, "{name}{labels} {value}");
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_one_head_and_labels_are_escaped() {
        let mut page = Page::default();
        page.counter("a_total", "Things", &[("server", "udp://x")], 3);
        page.counter("a_total", "Things", &[("server", "a\"b\\c\nd")], 4);
        page.gauge("b", "Seconds", &[], 0.25);
        assert_eq!(
            page.text,
            "# HELP a_total Things.\n# TYPE a_total counter\na_total{server=\"udp://x\"} 3\n\
             a_total{server=\"a\\\"b\\\\c\\nd\"} 4\n# HELP b Seconds.\n# TYPE b gauge\nb 0.25\n"
        );
    }
}
