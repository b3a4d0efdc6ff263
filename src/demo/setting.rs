//! The directory of the demo: its `config.toml`, as an operator would have written it, and a list of the household's own.

use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

use tokio::fs;
use tokio::task::spawn_blocking;

use super::household::Household;
use super::{Options, PASSWORD};
use crate::api;
use crate::app::Failure;
use crate::config::Config;

/// What the household lets through although the catalogue would mute it.
const ALLOWED: &str = "\
# Anna works with Hotjar.
static.hotjar.com
script.hotjar.com
";

/// What the configuration is made from.
#[derive(Debug)]
pub(super) struct Setting<'a> {
    pub(super) options: &'a Options,
    pub(super) household: &'a Household,
    pub(super) upstream: &'a str,
}

impl Setting<'_> {
    /// Makes the directory and what the configuration names in it. The configuration itself is made anew at every start: the
    /// forwarder's port is another one each time, and what the page changed is in the store.
    pub(super) async fn prepare(&self) -> Result<Written, Failure> {
        let dir = &self.options.path;
        let lists = fs::canonicalize(&self.options.lists).await.map_err(|_| {
            let lists = self.options.lists.display();
            Failure::Other(format!(
                "there is no catalogue in {lists}; start the demo where that directory is, as `make demo` does"
            ))
        })?;
        let hashed = spawn_blocking(|| api::hash_password(PASSWORD)).await.map_err(Failure::own)?;
        let text = self.text(&lists, &hashed.map_err(Failure::own)?)?;
        fs::create_dir_all(dir).await.map_err(|error| refuse(dir, &error))?;
        fs::write(dir.join("allowed.txt"), ALLOWED).await.map_err(|error| refuse(dir, &error))?;
        Ok(Written { path: dir.join("config.toml"), text })
    }

    fn text(&self, lists: &Path, password_hash: &str) -> Result<String, Failure> {
        let dns = free(self.options.dns_port);
        let page = free(self.options.page_port);
        let lists = lists.to_str().ok_or_else(|| {
            Failure::Other(format!("the path {} is not UTF-8; move the catalogue elsewhere", lists.display()))
        })?;
        let (lists, upstream, password_hash) = (quoted(lists), quoted(self.upstream), quoted(password_hash));
        let mut text = format!(
            "\
# Written by `sordino demo` at every start; what you change here is lost.
[dns]
listen = [\"{dns}\"]
[upstream]
servers = [{upstream}]
[blocking]
answer = \"null\"
[[list]]
name = \"catalogue\"
source = {lists}
[[list]]
name = \"let-through\"
source = \"allowed.txt\"
action = \"allow\"
[web]
listen = \"{page}\"
password_hash = {password_hash}
[store]
path = \"store\"
flush = \"1m\"
"
        );
        for resident in self.household.residents() {
            let tags: Vec<String> = resident.tags.iter().map(|tag| quoted(tag)).collect();
            let (name, ip, tags) = (quoted(resident.name), resident.address, tags.join(", "));
            write!(text, "[[device]]\nname = {name}\nip = \"{ip}\"\ntags = [{tags}]\n").map_err(Failure::own)?;
        }
        Ok(text)
    }
}

/// A configuration that is written but not yet on disk.
#[derive(Debug)]
pub(super) struct Written {
    path: PathBuf,
    text: String,
}

impl Written {
    /// What it says.
    pub(super) fn read(&self) -> Result<Config, Failure> {
        Ok(Config::parse(&self.text, &self.path)?)
    }

    /// Puts it on disk and says where it is.
    pub(super) async fn save(self) -> Result<PathBuf, Failure> {
        fs::write(&self.path, self.text).await.map_err(|error| refuse(&self.path, &error))?;
        Ok(self.path)
    }
}

fn refuse(path: &Path, error: &io::Error) -> Failure {
    Failure::Other(format!("the demo cannot write to {}: {error}; name another directory with --path", path.display()))
}

/// `port` of 127.0.0.1, or one that the operating system chooses where someone else has it. Between this look and the real
/// binding somebody may take it; then the start fails and says so.
fn free(port: u16) -> SocketAddr {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let is_free = TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok();
    if is_free { address } else { SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) }
}

/// `text` as a TOML string. JSON's strings are those of TOML, except for a character that no path here has (U+007F).
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[tokio::test]
    async fn what_is_written_is_a_configuration_with_six_devices() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a \"quoted\" place");
        std::fs::create_dir_all(path.join("lists")).unwrap();
        let options = Options { lists: path.join("lists"), path, dns_port: 0, page_port: 0, ..Options::default() };
        let household = Household::new(Timestamp::default(), 0).unwrap();
        let setting = Setting { options: &options, household: &household, upstream: "udp://127.0.0.1:5353" };
        let config = Config::read(&setting.prepare().await.unwrap().save().await.unwrap()).unwrap();
        assert_eq!(config.control.devices.len(), 6);
        assert_eq!(config.control.devices[0].name, "Anna's phone");
        assert_eq!(config.dns.upstream.servers, ["udp://127.0.0.1:5353"]);
        assert!(config.store.path.starts_with(dir.path()));
        assert!(api::is_password_hash(&config.web.password_hash.unwrap()));
    }

    #[test]
    fn a_port_that_is_taken_is_left_to_whoever_has_it() {
        let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_eq!(free(port).port(), 0);
    }

    #[tokio::test]
    async fn without_a_catalogue_the_demo_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { path: dir.path().into(), lists: dir.path().join("none"), ..Options::default() };
        let household = Household::new(Timestamp::default(), 0).unwrap();
        let setting = Setting { options: &options, household: &household, upstream: "udp://127.0.0.1:5353" };
        let failure = setting.prepare().await.unwrap_err();
        assert!(failure.to_string().contains("make demo"), "{failure}");
    }
}
