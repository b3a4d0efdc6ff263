//! The description of the API (OpenAPI 3.1): what the routes say of themselves, and what is the same for all of them.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, PathItem, Ref, ResponseBuilder};
use utoipa::{Modify, OpenApi as _};

use super::auth::COOKIE;
use super::live::Lagged;
use super::problem::Problem;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "sordino",
        description = "Times are whole milliseconds since 1970-01-01 00:00 UTC. Errors are RFC 9457. Calls that change something need \
                       `content-type: application/json`.",
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
        (name = "status", description = "How sordino is doing, and upkeep"),
    )
)]
struct Frame;

/// What stands above all routes.
pub(crate) fn frame() -> OpenApi {
    Frame::openapi()
}

/// Says of every call in `document` that it may answer with a problem.
pub(crate) fn add_problems(document: &mut OpenApi) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = ResponseBuilder::new()
        .description("Why it was not carried out")
        .content("application/problem+json", content)
        .build();
    for path in document.paths.paths.values_mut() {
        for operation in operations(path) {
            operation.responses.responses.insert("default".into(), response.clone().into());
        }
    }
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut utoipa::openapi::path::Operation> {
    [&mut path.get, &mut path.put, &mut path.post, &mut path.delete].into_iter().flatten()
}

struct Login;

impl Modify for Login {
    fn modify(&self, document: &mut OpenApi) {
        let cookie = ApiKey::Cookie(ApiKeyValue::with_description(COOKIE, "Set by /api/v1/login"));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("login", SecurityScheme::ApiKey(cookie));
        document.security = Some(vec![SecurityRequirement::new("login", [] as [&str; 0])]);
    }
}
