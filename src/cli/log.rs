//! The log: lines to standard error, and never so many of one kind that they fill a disk.
//!
//! What strangers and forwarders do can make any line come again and again. A kind is a place in the source; each may write
//! [`LINES`] lines in a [`SPAN`], and how many more there were is said behind it.

use std::collections::HashMap;
use std::fmt;
use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, format};
use tracing_subscriber::registry::LookupSpan;

/// What is logged unless `SORDINO_LOG` says otherwise. Names of sites stand at `trace` only, wherever they stand; but hickory
/// warns of whole answers that it cannot prove, so of that nothing is heard. Who asked is told why (RFC 8914).
const FILTER: &str = "info,hickory_net=warn,hickory_net::dnssec=off,hickory_proto=error,netlink_proto=error";
/// Lines of one kind in a [`SPAN`].
const LINES: u64 = 10;
const SPAN: Duration = Duration::from_secs(60);
/// Where lines come from that the operator asked for, such as what is wrong with each list: all of them are written.
const ASKED_FOR: [&str; 2] = ["sordino::app", "sordino::cli"];

/// Begins to log. The first of all things, and once.
pub fn start() {
    let filter = EnvFilter::try_from_env("SORDINO_LOG").unwrap_or_else(|_| EnvFilter::new(FILTER));
    let stderr = std::io::stderr;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    lines.with_ansi(stderr().is_terminal()).event_format(Sparing::new(format(), Instant::now)).init();
}

/// Writes lines as `inner` does, and leaves out what is too many of a kind.
struct Sparing<F> {
    inner: F,
    now: fn() -> Instant,
    /// As many as there are places in the source that log.
    kinds: Mutex<HashMap<Identifier, Kind>>,
}

/// Lines of one kind in the span that began last.
struct Kind {
    began: Instant,
    lines: u64,
    target: &'static str,
}

impl<F> Sparing<F> {
    fn new(inner: F, now: fn() -> Instant) -> Self {
        Self { inner, now, kinds: Mutex::default() }
    }

    /// Whether one more line of this kind is written, and what is to be said of spans that have ended.
    fn admits(&self, kind: Identifier, target: &'static str) -> (bool, Vec<String>) {
        let now = (self.now)();
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left_out = Vec::new();
        kinds.retain(|_, kind| {
            let lives = now.saturating_duration_since(kind.began) < SPAN;
            if !lives && kind.lines > LINES {
                let more = kind.lines - LINES;
                left_out.push(format!("{more} more lines like the last ones of {} were left out", kind.target));
            }
            lives
        });
        let kind = kinds.entry(kind).or_insert(Kind { began: now, lines: 0, target });
        kind.lines += 1;
        (kind.lines <= LINES, left_out)
    }
}

impl<S, N, F> FormatEvent<S, N> for Sparing<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        let target = metadata.target();
        if ASKED_FOR.iter().any(|asked| target.starts_with(asked)) {
            return self.inner.format_event(ctx, writer, event);
        }
        let (admitted, left_out) = self.admits(metadata.callsite(), target);
        for line in left_out {
            writeln!(writer, "{line}")?;
        }
        if admitted { self.inner.format_event(ctx, writer, event) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(octets)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Paper {
        fn lines(&self, word: &str) -> usize {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            text.lines().filter(|line| line.contains(word)).count()
        }
    }

    /// Seconds that the test says have passed.
    static PASSED: AtomicU64 = AtomicU64::new(0);

    fn now() -> Instant {
        static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
        *START + Duration::from_secs(PASSED.load(Ordering::Relaxed))
    }

    #[test]
    fn d18_ten_lines_of_a_kind_in_a_minute_and_how_many_more_there_were() {
        let paper = Paper::default();
        let writer = paper.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .event_format(Sparing::new(format(), now))
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let flood = |count: usize| {
                for number in 0..count {
                    tracing::warn!(target: "elsewhere", number, "a storm");
                }
            };
            flood(100_000);
            assert_eq!(paper.lines("a storm"), 10);
            tracing::warn!(target: "elsewhere", "something else");
            assert_eq!((paper.lines("something else"), paper.lines("left out")), (1, 0));
            PASSED.store(60, Ordering::Relaxed);
            tracing::warn!(target: "elsewhere", "later");
            assert_eq!(paper.lines("99990 more lines like the last ones of elsewhere were left out"), 1);
            flood(5);
            assert_eq!((paper.lines("a storm"), paper.lines("left out")), (15, 1));
            for _ in 0..50 {
                tracing::warn!(target: "sordino::app::reload", "a list is missing");
            }
            assert_eq!(paper.lines("a list is missing"), 50);
        });
    }
}
