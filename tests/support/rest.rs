//! The API as a browser uses it: with a cookie, in JSON.

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{PATIENCE, until};

pub const PASSWORD: &str = "a quiet house";

/// A browser, as far as the API sees one.
pub struct Rest {
    runtime: Runtime,
    client: Client,
    base: String,
}

/// The live stream of queries.
pub struct Live<'a> {
    rest: &'a Rest,
    response: Response,
    text: String,
}

impl Rest {
    /// Without a login.
    pub fn to(page: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // reqwest is built without a TLS provider of its own; whoever set one first set the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().cookie_store(true).timeout(PATIENCE).no_proxy().build().unwrap();
        Self { runtime, client, base: page.trim_end_matches('/').to_owned() }
    }

    /// Logs in, with a password that is set on the way if there is none.
    #[track_caller]
    pub fn enter(&self) {
        let (_, session) = self.get("/api/v1/session");
        let door = if session["setup_needed"] == true { "/api/v1/setup" } else { "/api/v1/login" };
        let (status, answer) = self.post(door, &json!({ "password": PASSWORD }));
        assert_eq!(status, StatusCode::NO_CONTENT, "{door}: {answer}");
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, None)
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.call(Method::POST, path, Some(body))
    }

    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.call(Method::PUT, path, Some(body))
    }

    #[track_caller]
    pub fn delete(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::DELETE, path, None)
    }

    /// The JSON of a GET that must succeed.
    #[track_caller]
    pub fn read(&self, path: &str) -> Value {
        let (status, value) = self.get(path);
        assert_eq!(status, StatusCode::OK, "GET {path}: {value}");
        value
    }

    /// Waits until a query for `name` is in the journal, and gives the latest.
    #[track_caller]
    pub fn journal(&self, name: &str) -> Value {
        let path = format!("/api/v1/queries?name={name}");
        until(&format!("{name} in the journal"), || self.read(&path)["events"].get(0).cloned())
    }

    /// A request with header fields of the test's choice; the response, not yet read.
    #[track_caller]
    pub fn request(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> (StatusCode, String) {
        let mut request = self.client.request(method, format!("{}{path}", self.base)).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.runtime.block_on(async {
            let response = request.send().await.expect("an HTTP response");
            (response.status(), response.text().await.unwrap())
        })
    }

    /// A GET with header fields of the test's choice; what came in the response's, and its text.
    #[track_caller]
    pub fn headed(&self, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, String) {
        let request = self.client.get(format!("{}{path}", self.base));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.runtime.block_on(async {
            let response = request.send().await.expect("an HTTP response");
            (response.status(), response.headers().clone(), response.text().await.unwrap())
        })
    }

    /// The octets of a GET that must succeed.
    #[track_caller]
    pub fn file(&self, path: &str) -> Vec<u8> {
        let request = self.client.get(format!("{}{path}", self.base));
        self.runtime.block_on(async {
            let response = request.send().await.expect("an HTTP response");
            assert_eq!(response.status(), StatusCode::OK, "GET {path}");
            response.bytes().await.expect("all of it").to_vec()
        })
    }

    /// Sends a file.
    #[track_caller]
    pub fn send_file(&self, path: &str, content: impl Into<reqwest::Body>) -> (StatusCode, Value) {
        let request = self.client.post(format!("{}{path}", self.base));
        let request = request.header("content-type", "application/octet-stream").body(content);
        self.runtime.block_on(async {
            let response = request.send().await.expect("an HTTP response");
            (response.status(), response.json().await.unwrap())
        })
    }

    /// Opens the live stream of queries.
    #[track_caller]
    pub fn live(&self) -> Live<'_> {
        let request = self.client.get(format!("{}/api/v1/queries/live", self.base));
        let response = self.runtime.block_on(async { request.send().await }).expect("an HTTP response");
        assert_eq!(response.status(), StatusCode::OK);
        Live { rest: self, response, text: String::new() }
    }

    #[track_caller]
    fn call(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.json(body);
        }
        self.runtime.block_on(async {
            let response = request.send().await.expect("an HTTP response");
            let status = response.status();
            let text = response.text().await.unwrap();
            (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
        })
    }
}

impl Live<'_> {
    /// The next query that is told; fails when none comes.
    #[track_caller]
    pub fn next(&mut self) -> Value {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let data: String = block.lines().filter_map(|line| line.strip_prefix("data:")).collect();
                let query = block.lines().any(|line| line.replace(' ', "") == "event:query");
                self.text = rest.to_owned();
                if query {
                    return serde_json::from_str(data.trim()).unwrap();
                }
                continue;
            }
            let chunk =
                self.rest.runtime.block_on(async { self.response.chunk().await }).expect("a live stream that goes on");
            let chunk = chunk.expect("a live stream that does not end");
            self.text.push_str(&String::from_utf8_lossy(&chunk));
        }
    }
}
