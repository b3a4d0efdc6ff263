//! The description of the API (OpenAPI 3.1): what the routes say of themselves, and what is the same for all of them.

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ContentBuilder, OpenApi, PathItem, Ref, RefOr, Required, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi as _};

use super::auth::COOKIE;
use super::kinds::Kind;
use super::live::Lagged;
use super::problem::Problem;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "sordino",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(Problem, Lagged)),
    modifiers(&Login),
    tags(
        (name = "session", description = "Coming in and going out"),
        (name = "overview", description = "The house over a span of time"),
        (name = "devices", description = "What each device tells whom"),
        (name = "queries", description = "Single queries, kept and live"),
        (name = "lists", description = "Lists of names"),
        (name = "rules", description = "Own rules, and why a name is treated as it is"),
        (name = "local", description = "Names of the house"),
        (name = "backup", description = "Everything in one file, and back"),
        (name = "status", description = "How sordino is doing, and upkeep"),
    )
)]
struct Frame;

/// What holds for every call.
const MANNERS: &str = "Times are whole milliseconds since 1970-01-01 00:00 UTC. Calls that change something need \
     `content-type: application/json`.

A program brings a token that was made in the settings of the page: `authorization: Bearer sordino_…`. Each call says which \
scope it takes: `read` looks, `act` changes, `admin` also takes everything away or puts it back.

Long lists come in pages: give `limit`, and what was answered as `next` (where the answer is a bare list: in the header `link`, \
rel=next) as `before`.

What people change carries an `etag`, and each thing in a list a `revision`, which is the same without the quotation marks. \
Whoever brings back what was seen in `if-match` changes nothing that someone else has changed meanwhile: the answer is 412 then.

Errors are problem details (RFC 9457); `detail` is a sentence for people, `type` is for programs and one of these:

";

/// Collections that people change, and what changes with them. Their tags are those of `control::Kept`.
const TAGGED: [&str; 9] =
    ["addresses", "devices", "guards", "lists", "local", "pauses", "profiles", "rules", "schedules"];

/// What stands above all routes.
pub(crate) fn frame() -> OpenApi {
    let mut frame = Frame::openapi();
    frame.info.description = Some(format!("{MANNERS}{}", Kind::table()));
    frame
}

/// Says of every call that reads or changes what people keep, which tag it shows or takes.
pub(crate) fn add_conditions(document: &mut OpenApi) {
    let text = || ObjectBuilder::new().schema_type(Type::String).build();
    let if_match = ParameterBuilder::new()
        .name("If-Match")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Change it only if it is still what this tag stands for."))
        .schema(Some(text()))
        .build();
    let tag = HeaderBuilder::new().schema(Some(text())).description(Some("What to bring back in `If-Match`.")).build();
    let changed = problem("Someone changed it in the meantime: `/problems/changed-meanwhile`");
    for (path, item) in &mut document.paths.paths {
        if let Some(operation) = item.get.as_mut().filter(|_| shows_a_tag(path))
            && let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200")
        {
            response.headers.insert("ETag".into(), tag.clone().into());
        }
        if takes_a_tag(path) {
            for operation in [&mut item.put, &mut item.post, &mut item.delete].into_iter().flatten() {
                operation.parameters.get_or_insert_default().push(if_match.clone().into());
                operation.responses.responses.insert("412".into(), changed.clone().into());
            }
        }
    }
}

fn shows_a_tag(path: &str) -> bool {
    takes_a_tag(path) && (path.matches('/').count() == 3 || path.ends_with("/devices/{id}"))
}

fn takes_a_tag(path: &str) -> bool {
    let mut steps = path.trim_start_matches("/api/v1/").split('/');
    let first = steps.next().unwrap_or_default();
    TAGGED.contains(&first) && steps.next_back() != Some("refresh")
}

fn problem(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ProblemDetails"))).build();
    ResponseBuilder::new().description(description).content("application/problem+json", content).build()
}

/// Says of every call in `document` that it may answer with a problem.
pub(crate) fn add_problems(document: &mut OpenApi) {
    let response = problem("Why it was not carried out");
    for path in document.paths.paths.values_mut() {
        for operation in operations(path) {
            operation.responses.responses.insert("default".into(), response.clone().into());
        }
    }
}

/// Says of every call that says nothing else what a token must reach for it: those that look `read`, all others `act`.
///
/// Calls that say something are open to all, a person's alone, or need `admin`.
pub(crate) fn add_scopes(document: &mut OpenApi) {
    let reaching = |scope: &str| {
        Some(vec![SecurityRequirement::new("login", [] as [&str; 0]), SecurityRequirement::new("token", [scope])])
    };
    let fill = |operation: &mut Operation, scope: &str| {
        operation.security = operation.security.take().or_else(|| reaching(scope));
    };
    for path in document.paths.paths.values_mut() {
        path.get.iter_mut().for_each(|operation| fill(operation, "read"));
        operations(path).for_each(|operation| fill(operation, "act"));
    }
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut path.get, &mut path.put, &mut path.post, &mut path.delete].into_iter().flatten()
}

struct Login;

impl Modify for Login {
    fn modify(&self, document: &mut OpenApi) {
        let cookie = ApiKey::Cookie(ApiKeyValue::with_description(COOKIE, "Set by /api/v1/login"));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("login", SecurityScheme::ApiKey(cookie));
        let token = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token that was made in the settings of the page. Its scope is named with each call."));
        components.add_security_scheme("token", SecurityScheme::Http(token.build()));
        document.security = Some(vec![SecurityRequirement::new("login", [] as [&str; 0])]);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    fn document() -> Value {
        serde_json::from_str(&super::super::openapi_json()).unwrap()
    }

    fn operations(document: &Value) -> Vec<(String, &Value)> {
        let paths = document["paths"].as_object().unwrap().iter();
        paths
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().iter();
                methods.map(move |(method, operation)| (format!("{method} {path}"), operation))
            })
            .collect()
    }

    #[test]
    fn every_call_is_described_and_nothing_else_is() {
        let document = document();
        let described: Vec<_> = operations(&document).into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            described,
            [
                "get /api/openapi.json",
                "put /api/v1/addresses",
                "get /api/v1/apple-profile",
                "get /api/v1/backup",
                "get /api/v1/broken",
                "delete /api/v1/cache",
                "get /api/v1/devices",
                "get /api/v1/devices/{id}",
                "put /api/v1/devices/{id}",
                "put /api/v1/devices/{id}/joined",
                "put /api/v1/devices/{id}/profile",
                "get /api/v1/devices/{id}/report",
                "get /api/v1/explain",
                "get /api/v1/firsts",
                "get /api/v1/guards",
                "delete /api/v1/guards/{list}/{name}",
                "put /api/v1/guards/{list}/{name}",
                "get /api/v1/health",
                "delete /api/v1/history",
                "get /api/v1/hits",
                "get /api/v1/lists",
                "post /api/v1/lists",
                "get /api/v1/lists/catalogue",
                "delete /api/v1/lists/{name}",
                "put /api/v1/lists/{name}",
                "delete /api/v1/lists/{name}/refresh",
                "post /api/v1/lists/{name}/refresh",
                "get /api/v1/local",
                "post /api/v1/local",
                "delete /api/v1/local/{id}",
                "post /api/v1/login",
                "post /api/v1/logout",
                "get /api/v1/overview",
                "put /api/v1/password",
                "get /api/v1/pauses",
                "post /api/v1/pauses",
                "delete /api/v1/pauses/{id}",
                "get /api/v1/profiles",
                "post /api/v1/profiles",
                "delete /api/v1/profiles/{name}",
                "put /api/v1/profiles/{name}",
                "get /api/v1/queries",
                "get /api/v1/queries/export",
                "get /api/v1/queries/live",
                "get /api/v1/queries/names",
                "post /api/v1/reload",
                "delete /api/v1/restore",
                "get /api/v1/restore",
                "post /api/v1/restore",
                "get /api/v1/rules",
                "post /api/v1/rules",
                "delete /api/v1/rules/{id}",
                "put /api/v1/rules/{id}",
                "get /api/v1/schedules",
                "post /api/v1/schedules",
                "delete /api/v1/schedules/{name}",
                "put /api/v1/schedules/{name}",
                "get /api/v1/second-factor",
                "post /api/v1/second-factor",
                "post /api/v1/second-factor/confirm",
                "post /api/v1/second-factor/off",
                "get /api/v1/session",
                "delete /api/v1/sessions",
                "get /api/v1/sessions",
                "delete /api/v1/sessions/{id}",
                "post /api/v1/setup",
                "get /api/v1/status",
                "get /api/v1/support",
                "get /api/v1/tokens",
                "post /api/v1/tokens",
                "delete /api/v1/tokens/{id}",
                "post /api/v1/whatif",
            ]
        );
    }

    #[test]
    fn calls_have_names_of_their_own_and_say_what_a_problem_looks_like() {
        let document = document();
        let operations = operations(&document);
        let ids: BTreeSet<_> =
            operations.iter().map(|(_, operation)| operation["operationId"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), operations.len());
        for (name, operation) in &operations {
            let problem = &operation["responses"]["default"]["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(problem, "#/components/schemas/ProblemDetails", "{name}");
            let responses = operation["responses"].as_object().unwrap();
            for (status, response) in responses.iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
                let types: Vec<_> =
                    response["content"].as_object().into_iter().flatten().map(|(kind, _)| kind).collect();
                assert_eq!(types, ["application/problem+json"], "{name}: {status}");
            }
        }
    }

    #[test]
    fn everything_that_is_referred_to_is_there() {
        fn refer<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
            match value {
                Value::Object(members) => {
                    found.extend(members.get("$ref").and_then(Value::as_str));
                    members.values().for_each(|member| refer(member, found));
                }
                Value::Array(items) => items.iter().for_each(|item| refer(item, found)),
                _ => {}
            }
        }
        let document = document();
        let mut found = BTreeSet::new();
        refer(&document, &mut found);
        assert!(found.len() > 20, "{found:?}");
        for reference in found {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }
}
