//! Takes messages to one receiver, in their order, again and again until it takes them.

use std::error::Error as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, RequestBuilder, redirect};
use tokio::sync::mpsc;

use super::message::Message;
use super::{Broker, Login, Options, Parts, Place};

/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long is waited after each try that failed. After the last the message is dropped: what is a day old is no news.
const LADDER: [Duration; 8] = [
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(1800),
    Duration::from_secs(7200),
    Duration::from_secs(21_600),
    Duration::from_secs(43_200),
];

/// A receiver, and the form it wants messages in.
#[derive(Debug)]
pub(super) enum Target {
    Webhook(Place),
    Ntfy(Place, Option<String>),
    Mqtt(Broker, Option<Login>),
}

/// The receivers that the operator names.
pub(super) fn targets(options: Options) -> Vec<Target> {
    let webhook = options.webhook.map(Target::Webhook);
    let ntfy = options.ntfy.map(|place| Target::Ntfy(place, options.ntfy_token));
    let mqtt = options.mqtt.map(|broker| Target::Mqtt(broker, options.mqtt_login));
    webhook.into_iter().chain(ntfy).chain(mqtt).collect()
}

/// Takes what is `waiting` to the receiver, until nothing will come any more.
pub(super) async fn run(target: Target, mut waiting: mpsc::Receiver<Arc<Message>>, parts: Parts) {
    while let Some(message) = waiting.recv().await {
        let mut steps = LADDER.iter();
        loop {
            let Err(why) = target.take(&message, &parts).await else {
                parts.standing.succeeded();
                break;
            };
            let section = target.key();
            parts.standing.failed(format!(
                "{} did not take what it was to be told ({why}); check {section} under [notify] in config.toml",
                target.host()
            ));
            let Some(step) = steps.next() else {
                parts.standing.dropped.fetch_add(1, Ordering::Relaxed);
                break;
            };
            tokio::time::sleep(*step).await;
        }
    }
}

impl Target {
    fn host(&self) -> &str {
        match self {
            Self::Webhook(place) | Self::Ntfy(place, _) => place.0.host_str().unwrap_or_default(),
            Self::Mqtt(broker, _) => broker.host(),
        }
    }

    fn port(&self) -> u16 {
        match self {
            Self::Webhook(place) | Self::Ntfy(place, _) => place.0.port_or_known_default().unwrap_or(443),
            Self::Mqtt(broker, _) => broker.port(),
        }
    }

    fn key(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Ntfy(..) => "ntfy",
            Self::Mqtt(..) => "mqtt",
        }
    }

    /// One try. The error is part of a sentence, and nothing of where it went but the server is in it.
    async fn take(&self, message: &Message, parts: &Parts) -> Result<(), String> {
        let addresses = addresses(self.host(), self.port(), parts).await?;
        let json = || serde_json::to_vec(message).map_err(|error| error.to_string());
        match self {
            Self::Webhook(place) => {
                post(place, addresses, parts, |request| {
                    Ok(request.header(CONTENT_TYPE, "application/json").body(json()?))
                })
                .await
            }
            Self::Ntfy(place, token) => {
                let write = |request: RequestBuilder| {
                    let request = request.header("Title", "sordino").header("Tags", "house").body(message.text.clone());
                    Ok(match token {
                        Some(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
                        None => request,
                    })
                };
                post(place, addresses, parts, write).await
            }
            Self::Mqtt(broker, login) => {
                let json = json()?;
                let telling = broker.tell(&addresses, &parts.tls, login.as_ref(), (message.at.millis(), &json));
                tokio::time::timeout(PATIENCE, telling).await.unwrap_or_else(|_| Err("it does not answer".into()))
            }
        }
    }
}

/// Asks the place what `write` makes of the request.
async fn post(
    place: &Place,
    addresses: Vec<SocketAddr>,
    parts: &Parts,
    write: impl FnOnce(RequestBuilder) -> Result<RequestBuilder, String>,
) -> Result<(), String> {
    // A client for each message: there are few, and the addresses may be others by then.
    let client = Client::builder()
        .tls_backend_preconfigured(parts.tls.clone())
        .dns_resolver(Arc::new(Found(addresses)))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .http1_only()
        .timeout(PATIENCE)
        .user_agent(concat!("sordino/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| format!("sordino cannot speak HTTP: {error}"))?;
    let response = write(client.post(place.0.clone()))?.send().await.map_err(|error| in_words(&error.without_url()))?;
    let status = response.status();
    if status.is_success() { Ok(()) } else { Err(format!("it answered {status}")) }
}

async fn addresses(host: &str, port: u16, parts: &Parts) -> Result<Vec<SocketAddr>, String> {
    let host = host.trim_matches(['[', ']']);
    let found = match host.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) if host == "localhost" => vec![Ipv4Addr::LOCALHOST.into()],
        Err(_) => {
            let found = parts.lookup.addresses(host).await;
            found.map_err(|why| format!("its address could not be found: {why}"))?
        }
    };
    Ok(found.into_iter().map(|address| (address, port).into()).collect())
}

/// Gives back the addresses that were found, whatever it is asked.
struct Found(Vec<SocketAddr>);

impl Resolve for Found {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

/// The innermost cause, which is the one that tells something.
fn in_words(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut last = error.to_string();
    while let Some(error) = cause {
        last = error.to_string();
        cause = error.source();
    }
    if error.is_timeout() { "it does not answer".into() } else { last }
}
