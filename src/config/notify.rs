//! `[notify]`: who is told of what happens in the house.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::mistake::Mistakes;
use crate::notify::{Broker, Login, Options, Place};

/// Characters of a user's name or a password.
const LOGIN_CHARS_BOUND: usize = 200;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table: [notify]")]
pub(super) struct Notify {
    webhook: Option<Spanned<String>>,
    ntfy: Option<Spanned<String>>,
    ntfy_token: Option<Spanned<String>>,
    mqtt: Option<Spanned<String>>,
    mqtt_user: Option<Spanned<String>>,
    mqtt_password: Option<Spanned<String>>,
}

pub(super) fn options(notify: Notify, mistakes: &mut Mistakes<'_>) -> Options {
    let mut place = |key: &str, written: Option<Spanned<String>>| -> Option<Place> {
        let written = written?;
        let read = written.get_ref().parse();
        read.map_err(|what| mistakes.add(&written.span(), format!("{key} {what}"))).ok()
    };
    let (webhook, ntfy) = (place("webhook", notify.webhook), place("ntfy", notify.ntfy));
    let ntfy_token = notify.ntfy_token.map(|token| {
        if token.get_ref().is_empty() || !token.get_ref().bytes().all(|octet| octet.is_ascii_graphic()) {
            mistakes.add(&token.span(), "ntfy_token is none: write it as ntfy shows it, in letters and digits");
        }
        if ntfy.is_none() {
            mistakes.add(
                &token.span(),
                "ntfy_token opens nothing without ntfy; write ntfy = \"https://ntfy.sh/…\" as well",
            );
        }
        token.into_inner()
    });
    let mqtt: Option<Broker> = notify.mqtt.and_then(|written| {
        let read = written.get_ref().parse();
        read.map_err(|what| mistakes.add(&written.span(), format!("mqtt {what}"))).ok()
    });
    let mqtt_login = login(notify.mqtt_user, notify.mqtt_password, mistakes);
    if let Some((_, span)) = mqtt_login.as_ref().filter(|_| mqtt.is_none()) {
        mistakes.add(span, "mqtt_user opens nothing without mqtt; write mqtt = \"mqtt://192.168.1.4/sordino\" as well");
    }
    Options { webhook, ntfy, ntfy_token, mqtt, mqtt_login: mqtt_login.map(|(login, _)| login) }
}

/// Who sordino is to a broker, and where that is written.
fn login(
    user: Option<Spanned<String>>,
    password: Option<Spanned<String>>,
    mistakes: &mut Mistakes<'_>,
) -> Option<(Login, Range<usize>)> {
    for (key, text) in [("mqtt_user", &user), ("mqtt_password", &password)] {
        let Some(text) = text else { continue };
        if text.get_ref().is_empty() || text.get_ref().chars().count() > LOGIN_CHARS_BOUND {
            mistakes.add(&text.span(), format!("{key} is empty or longer than {LOGIN_CHARS_BOUND} characters"));
        }
    }
    // A password stands for nobody without a user's name (§3.1.2.9 of MQTT 3.1.1).
    let Some(user) = user else {
        if let Some(password) = password {
            mistakes.add(&password.span(), "mqtt_password is nobody's; write mqtt_user as well");
        }
        return None;
    };
    let span = user.span();
    Some((Login { user: user.into_inner(), password: password.map(Spanned::into_inner) }, span))
}
