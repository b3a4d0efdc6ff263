//! Which forwarder is asked first, and what is made of those that are slow, silent or back.

use std::time::Duration;

use crate::support::forwarder::{Forwarder, Plan, a, answer};
use crate::support::sordino::{Setup, Sordino};
use crate::support::until;
use crate::support::wire::Message;

/// A forwarder that takes its time.
fn slow(by: Duration) -> Forwarder {
    let forwarder = Forwarder::plain();
    forwarder.on("example", move |query: &Message, _| {
        Plan::After(by, Box::new(Plan::Answer(answer(query, &[a(&query.asked(), 300, "192.0.2.1")]))))
    });
    forwarder
}

fn resolve_many(sordino: &Sordino, names: std::ops::Range<usize>) {
    for number in names {
        assert_eq!(sordino.resolve(&format!("n{number}.example")), ["A 192.0.2.1"]);
    }
}

#[test]
fn the_fastest_forwarder_is_asked_first_wherever_it_stands() {
    let (slow, fast) = (slow(Duration::from_millis(60)), Forwarder::plain());
    let sordino = Setup::before(&slow).server(fast.udp()).start();
    resolve_many(&sordino, 0..60);
    let asked = (slow.asked_all().len(), fast.asked_all().len());
    assert!(asked.0 < 12 && asked.1 > 48, "{asked:?}");
    let status = sordino.rest().read("/api/v1/status");
    let latency = |place: usize| status["upstreams"][place]["latency_ms"].as_u64().unwrap();
    assert!(latency(0) >= 60 && latency(1) < latency(0), "{status}");
    let share = |place: usize| status["upstreams"][place]["share_percent"].as_u64().unwrap();
    assert!(share(1) > 70 && share(0) + share(1) <= 100, "{status}");
}

#[test]
fn failover_asks_in_the_order_of_the_file_however_slow_the_first_is() {
    let (slow, fast) = (slow(Duration::from_millis(60)), Forwarder::plain());
    let sordino = Setup::before(&slow).server(fast.udp()).set("upstream", "strategy", "\"failover\"").start();
    resolve_many(&sordino, 0..20);
    assert_eq!((slow.asked_all().len(), fast.asked_all().len()), (20, 0));
}

#[test]
fn balance_asks_each_in_turn() {
    let forwarders = [Forwarder::plain(), Forwarder::plain(), Forwarder::plain()];
    let setup = forwarders.iter().fold(Setup::new(), |setup, forwarder| setup.server(forwarder.udp()));
    let sordino = setup.set("upstream", "strategy", "\"balance\"").start();
    resolve_many(&sordino, 0..30);
    assert_eq!(forwarders.map(|forwarder| forwarder.asked_all().len()), [10, 10, 10]);
}

/// A second one is asked early when the first is slower than usual, but not as a habit.
#[test]
fn a_slow_answer_is_hedged_within_a_budget() {
    let (first, second) = (Forwarder::plain(), slow(Duration::from_millis(20)));
    let sordino = Setup::before(&first).server(second.udp()).start();
    resolve_many(&sordino, 0..40);
    let hedges = || sordino.rest().read("/api/v1/status")["counters"]["upstream_hedges"].as_u64().unwrap();
    let before = hedges();
    first.on("example", |query, _| {
        let answered = Plan::Answer(answer(query, &[a(&query.asked(), 300, "192.0.2.1")]));
        Plan::After(Duration::from_millis(250), Box::new(answered))
    });
    resolve_many(&sordino, 100..101);
    assert!(hedges() <= before + 1);
    let (asked, spent) = (second.asked_all().len(), hedges());
    // Budget: what 41 questions saved up, and what there was at the start.
    assert!(spent <= 7, "{spent} hedges");
    assert!(asked >= 1);
}

/// Down after failures, asked by itself while it is down, and back as soon as it answers; nobody in the house waits for it.
#[test]
fn a_forwarder_that_is_down_is_looked_after_until_it_is_back() {
    let (sick, well) = (Forwarder::plain(), Forwarder::plain());
    sick.fall_silent(true);
    let sordino = Setup::before(&sick).server(well.udp()).set("upstream", "strategy", "\"failover\"").start();
    let rest = sordino.rest();
    let state = || rest.read("/api/v1/status")["upstreams"][0]["state"].clone();
    let mut number = 0;
    until("the silent one to be down", || {
        number += 1;
        sordino.resolve(&format!("n{number}.example"));
        (state() == "down").then_some(())
    });
    // While it is down it is not asked for the house, but looked after.
    let asked = sick.asked_all().len();
    resolve_many(&sordino, 1_000..1_020);
    let names = || sick.asked_all()[asked..].iter().map(|asked| asked.query.asked()).collect::<Vec<_>>();
    assert!(names().iter().all(|name| name == "."), "{:?}", names());
    sick.fall_silent(false);
    until("it to be back", || (state() == "up").then_some(()));
    assert!(names().iter().any(|name| name == "."), "{:?}", names());
    sordino.resolve("back.example");
    assert_eq!(sick.asked("back.example").len(), 1);
}

/// A forwarder whose refusals another one outdoes is not worth asking first.
#[test]
fn a_forwarder_that_only_refuses_is_found_out() {
    let (useless, good) = (Forwarder::plain(), Forwarder::plain());
    useless.fails("example", crate::support::wire::REFUSED);
    let sordino = Setup::before(&useless).server(good.udp()).set("upstream", "strategy", "\"failover\"").start();
    resolve_many(&sordino, 0..10);
    assert_eq!(sordino.rest().read("/api/v1/status")["upstreams"][0]["state"], "down");
    assert_eq!(useless.asked("n9.example").len(), 0);
}
