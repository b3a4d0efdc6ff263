//! The readable page of the API, made from its own description: text on paper, no script.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use serde_json::Value;

use super::kinds::Kind;
use super::markup::escaped;
use super::openapi_json;
use super::problem::{Problem, Segment};

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}\
code{font-family:ui-monospace,monospace;overflow-wrap:anywhere}h3{margin:2rem 0 0}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid color-mix(in srgb,currentColor 25%,transparent)}\
pre{overflow-x:auto;padding:.5rem .75rem;border:1px solid color-mix(in srgb,currentColor 25%,transparent)}\
.need{font-size:.875rem}";

/// The page. Open to all, like the description it is made from.
pub(crate) async fn page() -> impl IntoResponse {
    static PAGE: LazyLock<String> =
        LazyLock::new(|| written(&serde_json::from_str(&openapi_json()).unwrap_or_default()));
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], PAGE.as_str())
}

/// What a type of problem means (RFC 9457 section 3.1.1). Open to all as well.
pub(crate) async fn problem_type(Segment(name): Segment<String>) -> Result<impl IntoResponse, Problem> {
    let meaning = Kind::meaning(&name).ok_or_else(|| Problem::not_found("such type of problem"))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], meaning))
}

/// What makes it readable: the policy of the page allows no style inside it.
pub(crate) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

fn written(document: &Value) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>The API of sordino</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" href=\"/api/reference.css\"></head><body><main>\n\
         <h1>The API of sordino</h1>\n<p>For programs: <a href=\"/api/openapi.json\">openapi.json</a>. In the examples, \
         <code>$SORDINO</code> is where this page is, up to the first slash, and <code>$TOKEN</code> a token.</p>\n",
    );
    let said = document["info"]["description"].as_str().unwrap_or_default();
    said.split("\n\n").for_each(|block| write_block(&mut page, block));
    // A String takes whatever is written into it.
    let operations: Vec<_> = operations(document).collect();
    for tag in list(&document["tags"]) {
        let name = tag["name"].as_str().unwrap_or_default();
        let _ = writeln!(page, "<h2>{}</h2>\n<p>{}</p>", escaped(name), prose(&tag["description"]));
        for (method, path, operation) in &operations {
            if operation["tags"][0] == name {
                write_operation(&mut page, method, path, operation);
                let _ =
                    writeln!(page, "<pre><code>{}</code></pre>", escaped(&example(document, method, path, operation)));
            }
        }
    }
    let _ = writeln!(page, "<h2>Types</h2>");
    for (name, schema) in members(&document["components"]["schemas"]) {
        let _ = writeln!(
            page,
            "<h3 id=\"{0}\"><code>{0}</code></h3>\n<p>{1}</p>",
            escaped(name),
            prose(&schema["description"])
        );
        write_fields(&mut page, schema);
    }
    page.push_str("</main></body></html>\n");
    page
}

/// A paragraph, or a table as Markdown has it: head, line, rows.
fn write_block(page: &mut String, block: &str) {
    if !block.starts_with('|') {
        let _ = writeln!(page, "<p>{}</p>", prose(&block.into()));
        return;
    }
    page.push_str("<table>\n");
    for (place, line) in block.lines().enumerate().filter(|(place, _)| *place != 1) {
        let cell = if place == 0 { "th" } else { "td" };
        let cells =
            line.trim_matches('|').split('|').map(|text| format!("<{cell}>{}</{cell}>", prose(&text.trim().into())));
        let _ = writeln!(page, "<tr>{}</tr>", cells.collect::<String>());
    }
    page.push_str("</table>\n");
}

/// How to make the call from a shell.
fn example(document: &Value, method: &str, path: &str, operation: &Value) -> String {
    let takes_token = list(&operation["security"]).iter().any(|one| one.get("token").is_some());
    let is_open = list(&operation["security"]).iter().all(|one| members(one).next().is_none());
    let mut words = vec!["curl".to_owned()];
    if takes_token {
        words.push("--header \"authorization: Bearer $TOKEN\"".into());
    } else if !is_open {
        words.push("--cookie \"sordino_session=$SESSION\"".into());
    }
    if method != "get" {
        words.push(format!("--request {}", method.to_uppercase()));
    }
    if let Some((kind, body)) = members(&operation["requestBody"]["content"]).next() {
        words.push(format!("--header 'content-type: {kind}'"));
        words.push(match kind {
            "application/json" => format!("--data '{}'", sample(document, &body["schema"], 0)),
            _ => "--data-binary @FILE".into(),
        });
    } else if method != "get" {
        words.push("--header 'content-type: application/json'".into());
    }
    let needed = list(&operation["parameters"])
        .iter()
        .filter(|parameter| parameter["in"] == "query" && parameter["required"] == true);
    let query: Vec<String> = needed
        .filter_map(|parameter| {
            Some(format!("{}={}", parameter["name"].as_str()?, parameter["name"].as_str()?.to_uppercase()))
        })
        .collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    words.push(format!("\"$SORDINO{path}{query}\""));
    words.join(" \\\n    ")
}

/// Something of the shape that `schema` describes: what must be there, and nothing else.
fn sample(document: &Value, schema: &Value, depth: usize) -> Value {
    const DEEPEST: usize = 8;
    if depth > DEEPEST {
        return Value::Null;
    }
    let next = |schema: &Value| sample(document, schema, depth + 1);
    if let Some(reference) = schema["$ref"].as_str() {
        return document.pointer(reference.trim_start_matches('#')).map_or(Value::Null, next);
    }
    if let Some(first) = list(&schema["enum"]).first() {
        return first.clone();
    }
    if let Some(first) = ["oneOf", "anyOf", "allOf"]
        .iter()
        .find_map(|key| schema[key].as_array()?.iter().find(|part| part["type"] != "null"))
    {
        return next(first);
    }
    let kind = schema["type"]
        .as_str()
        .or_else(|| list(&schema["type"]).iter().find_map(|kind| kind.as_str().filter(|kind| *kind != "null")));
    match kind {
        Some("object") => {
            let required = list(&schema["required"]).iter().filter_map(Value::as_str);
            required.map(|name| (name.to_owned(), next(&schema["properties"][name]))).collect()
        }
        Some("array") => Value::Array(vec![next(&schema["items"])]),
        Some("integer" | "number") => Value::from(0),
        Some("boolean") => Value::from(false),
        Some("string") => Value::from("…"),
        _ => Value::Null,
    }
}

fn write_operation(page: &mut String, method: &str, path: &str, operation: &Value) {
    let (method, path) = (escaped(&method.to_uppercase()), escaped(path));
    let _ = writeln!(page, "<h3><code>{method} {path}</code></h3>\n<p>{}", prose(&operation["summary"]));
    let _ = writeln!(
        page,
        "{}</p>\n<p class=\"need\">{}</p>",
        prose(&operation["description"]),
        need(&operation["security"])
    );
    let parameters = list(&operation["parameters"]);
    if !parameters.is_empty() {
        page.push_str("<table>\n");
        for parameter in parameters {
            row(
                page,
                &parameter["name"],
                parameter["required"] == true,
                &parameter["schema"],
                &parameter["description"],
            );
        }
        page.push_str("</table>\n");
    }
    for (kind, body) in members(&operation["requestBody"]["content"]) {
        let _ = writeln!(page, "<p>Body: {} as <code>{}</code></p>", type_of(&body["schema"]), escaped(kind));
    }
    for (status, response) in members(&operation["responses"]).filter(|(status, _)| *status != "default") {
        let bodies = members(&response["content"]).map(|(_, body)| type_of(&body["schema"])).collect::<Vec<_>>();
        let (status, said) = (escaped(status), prose(&response["description"]));
        let _ = writeln!(page, "<p>Answers <code>{status}</code> {said} {}</p>", bodies.join(" "));
    }
}

fn write_fields(page: &mut String, schema: &Value) {
    let parts = [schema].into_iter().chain(list(&schema["allOf"]));
    let fields: Vec<_> =
        parts.flat_map(|part| members(&part["properties"]).map(move |(name, field)| (part, name, field))).collect();
    if fields.is_empty() {
        let _ = writeln!(page, "<p>{}</p>", type_of(schema));
        return;
    }
    page.push_str("<table>\n");
    for (part, name, field) in fields {
        let required = list(&part["required"]).iter().any(|required| *required == name);
        row(page, &Value::from(name), required, field, &field["description"]);
    }
    page.push_str("</table>\n");
}

fn row(page: &mut String, name: &Value, required: bool, schema: &Value, description: &Value) {
    let name = escaped(name.as_str().unwrap_or_default());
    let needed = if required { "" } else { ", may be left out" };
    let _ = writeln!(
        page,
        "<tr><th scope=\"row\"><code>{name}</code></th><td>{}{needed}</td><td>{}</td></tr>",
        type_of(schema),
        prose(description)
    );
}

/// Who may call it, in words.
fn need(security: &Value) -> String {
    let all = list(security);
    if all.iter().all(|one| members(one).next().is_none()) {
        return "Open to all.".into();
    }
    match all.iter().find_map(|one| one["token"][0].as_str()) {
        Some(scope) => format!("Needs a login, or a token with the scope <code>{}</code>.", escaped(scope)),
        None => "Needs a login; no token is enough.".into(),
    }
}

fn type_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return format!("<a href=\"#{0}\"><code>{0}</code></a>", escaped(name));
    }
    for (key, between) in [("oneOf", " or "), ("anyOf", " or "), ("allOf", " with ")] {
        if let Value::Array(parts) = &schema[key] {
            return parts.iter().map(type_of).collect::<Vec<_>>().join(between);
        }
    }
    if let Value::Array(values) = &schema["enum"] {
        let values = values.iter().map(|value| format!("<code>{}</code>", escaped(&value.to_string())));
        return values.collect::<Vec<_>>().join(", ");
    }
    let plain = match &schema["type"] {
        Value::String(one) => one.clone(),
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "anything".into(),
    };
    if plain.contains("array") { format!("list of {}", type_of(&schema["items"])) } else { escaped(&plain) }
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = members(&document["paths"]);
    paths.flat_map(|(path, methods)| members(methods).map(move |(method, operation)| (method, path, operation)))
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn prose(text: &Value) -> String {
    // What stands between backticks is code.
    let parts = text.as_str().unwrap_or_default().split('`').enumerate();
    let part = |(place, part): (usize, &str)| match place % 2 {
        0 => escaped(part),
        _ => format!("<code>{}</code>", escaped(part)),
    };
    parts.map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_and_every_type_is_on_the_page() {
        let document: Value = serde_json::from_str(&openapi_json()).unwrap();
        let page = written(&document);
        for (method, path, _) in operations(&document) {
            let heading = format!("<code>{} {}</code></h3>", method.to_uppercase(), escaped(path));
            assert_eq!(page.matches(&heading).count(), 1, "{heading}");
        }
        for link in page.split("href=\"#").skip(1) {
            let name = link.split('"').next().unwrap();
            assert!(page.contains(&format!("id=\"{name}\"")), "{name} leads nowhere");
        }
        assert!(page.contains("Needs a login, or a token with the scope <code>admin</code>."));
        assert!(page.contains(
            "curl \\\n    --header &quot;authorization: Bearer $TOKEN&quot; \\\n    &quot;$SORDINO/api/v1/rules&quot;"
        ));
        assert!(
            page.contains("<tr><td><code>/problems/changed-meanwhile</code></td><td>412</td>"),
            "the problem types"
        );
        for forbidden in ["<script", "style=", "onclick", "http://", "https://"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn text_is_text() {
        let operation = serde_json::json!({"summary": "<b>&\"", "security": []});
        let mut page = String::new();
        write_operation(&mut page, "get", "/<x>", &operation);
        assert!(page.contains("&lt;b&gt;&amp;&quot;") && page.contains("/&lt;x&gt;") && page.contains("Open to all."));
    }
}
