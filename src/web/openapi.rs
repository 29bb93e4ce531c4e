//! The OpenAPI 3.1 document, made of the table of endpoints, and a page to read it by.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::ComponentsBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Paths, Ref, ResponseBuilder, Server,
};
use utoipa::{PartialSchema, ToSchema};

use super::endpoint::Endpoint;
use super::shapes;
use crate::gateway::Gateway;
use crate::gateway::rights::Role;

/// Where the API stands.
pub const BASE: &str = "/api/v1";
/// Problems that any request may meet.
const ANY: [u16; 5] = [400, 401, 403, 429, 500];

const ABOUT: &str = "What a CSI product, an operator's tool and raccordo's own commands ask of the gateway. \
     Each operation names the right that it takes in `x-right`; `x-roles` lists the roles that have it. \
     Times are milliseconds since 1970, days ISO dates.";

/// The document over some endpoints.
pub fn document(endpoints: &mut [Endpoint]) -> OpenApi {
    let mut paths = Paths::new();
    let mut schemas = BTreeMap::from([("Problem".to_owned(), shapes::Problem::schema())]);
    let mut more = Vec::new();
    shapes::Problem::schemas(&mut more);
    schemas.extend(more);
    for endpoint in endpoints {
        schemas.extend(endpoint.schemas.drain(..));
        let operation = operation(endpoint);
        let item = PathItem::new(endpoint.method.clone(), operation);
        match paths.paths.get_mut(endpoint.path) {
            Some(known) => known.merge_operations(item),
            None => drop(paths.paths.insert(endpoint.path.to_owned(), item)),
        }
    }
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let problem = ResponseBuilder::new()
        .description("It could not be done: the problem says why, and what to do.")
        .content("application/problem+json", problem);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .response("Problem", problem)
        .security_scheme("token", SecurityScheme::Http(bearer));
    let info =
        InfoBuilder::new().title("raccordo").version(env!("CARGO_PKG_VERSION")).description(Some(ABOUT));
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([Server::new(BASE)]))
        .paths(paths)
        .components(Some(components.build()))
        .security(Some([SecurityRequirement::new("token", Vec::<String>::new())]))
        .build()
}

fn operation(endpoint: &mut Endpoint) -> Operation {
    let roles = Role::ALL.into_iter().filter(|role| role.rights().contains(&endpoint.right));
    let roles: Vec<&str> = roles.map(Role::word).collect();
    let right = Extensions::from_iter([
        ("x-right", serde_json::Value::from(endpoint.right.name())),
        ("x-roles", serde_json::Value::from(roles)),
    ]);
    let (tag, name, says) = (tag(endpoint.path), name(endpoint), endpoint.says);
    let takes_key = endpoint.takes_key();
    let (mut operation, problems) = endpoint.document();
    let once: &[u16] = if takes_key { &[408, 409, 413, 422] } else { &[] };
    for status in ANY.iter().chain(problems).chain(once) {
        operation = operation.response(status.to_string(), Ref::from_response_name("Problem"));
    }
    operation.tag(tag).operation_id(Some(name)).summary(Some(says)).extensions(Some(right)).build()
}

fn tag(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or("api")
}

/// `post-folders-id-sync`.
fn name(endpoint: &Endpoint) -> String {
    let path = endpoint.path.replace(['{', '}'], "").replace('/', "-");
    format!("{}{path}", endpoint.method_name().to_lowercase())
}

/// One line of the page.
struct Line {
    method: &'static str,
    path: &'static str,
    says: &'static str,
    right: &'static str,
}

#[derive(Template)]
#[template(path = "api.html")]
struct Page {
    lines: Vec<Line>,
    base: &'static str,
    version: &'static str,
}

/// `/openapi.json` and `/docs`, below `/api/v1`: for everybody, as they tell nothing of anybody.
pub fn router(endpoints: &mut [Endpoint]) -> Router<Arc<Gateway>> {
    let lines = endpoints.iter().map(|endpoint| Line {
        method: endpoint.method_name(),
        path: endpoint.path,
        says: endpoint.says,
        right: endpoint.right.name(),
    });
    let page = Page { lines: lines.collect(), base: BASE, version: env!("CARGO_PKG_VERSION") };
    let page: Arc<str> = page.render().unwrap_or_default().into();
    let text: Arc<str> = document(endpoints).to_json().unwrap_or_default().into();
    let shown = move || {
        let page = Arc::clone(&page);
        async move { html(&page) }
    };
    let told = move || {
        let text = Arc::clone(&text);
        async move { ([(header::CONTENT_TYPE, "application/json")], text.to_string()).into_response() }
    };
    Router::new().route("/openapi.json", get(told)).route("/docs", get(shown))
}

fn html(page: &str) -> Response {
    let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, page.to_owned()).into_response()
}
