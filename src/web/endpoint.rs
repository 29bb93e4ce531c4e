//! One endpoint of the API: its method and path, the right that it takes, what handles it, and what
//! the OpenAPI document says of it. They stand together, so that none is served without the others.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request};
use axum::handler::Handler;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use axum::{Extension, Router};
use utoipa::openapi::path::{HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required, ResponseBuilder, Schema};
use utoipa::{IntoParams, ToSchema};

use super::Caller;
use super::idempotency::NEVER;
use crate::gateway::Gateway;
use crate::gateway::rights::Right;

/// Largest body where an endpoint says nothing else, bytes.
const BODY_MOST: usize = 64 * 1024;

/// A method on a path, below `/api/v1`.
pub struct Endpoint {
    pub method: HttpMethod,
    pub path: &'static str,
    pub right: Right,
    pub says: &'static str,
    handler: MethodRouter<Arc<Gateway>>,
    body_most: usize,
    operation: OperationBuilder,
    /// Statuses of problems beyond those that every endpoint has.
    problems: Vec<u16>,
    /// Named schemas that its answers and its request are made of.
    pub schemas: Vec<(String, RefOr<Schema>)>,
}

/// A GET.
pub fn get<H: Handler<T, Arc<Gateway>>, T: 'static>(
    path: &'static str,
    right: Right,
    handler: H,
) -> Endpoint {
    Endpoint::new((HttpMethod::Get, MethodFilter::GET), path, right, handler)
}

/// A POST.
pub fn post<H: Handler<T, Arc<Gateway>>, T: 'static>(
    path: &'static str,
    right: Right,
    handler: H,
) -> Endpoint {
    Endpoint::new((HttpMethod::Post, MethodFilter::POST), path, right, handler)
}

/// A PUT.
pub fn put<H: Handler<T, Arc<Gateway>>, T: 'static>(
    path: &'static str,
    right: Right,
    handler: H,
) -> Endpoint {
    Endpoint::new((HttpMethod::Put, MethodFilter::PUT), path, right, handler)
}

impl Endpoint {
    fn new<H: Handler<T, Arc<Gateway>>, T: 'static>(
        (method, filter): (HttpMethod, MethodFilter),
        path: &'static str,
        right: Right,
        handler: H,
    ) -> Self {
        let handler = on(filter, handler)
            .route_layer(from_fn(move |caller, request, next| admitted(right, caller, request, next)));
        let operation = places(path).fold(OperationBuilder::new(), OperationBuilder::parameter);
        let problems = if path.contains('{') { vec![404] } else { Vec::new() };
        Self {
            method,
            path,
            right,
            says: "",
            handler,
            body_most: BODY_MOST,
            operation,
            problems,
            schemas: Vec::new(),
        }
        .keyed()
    }

    /// Says of what may be sent again that it takes a key.
    fn keyed(self) -> Self {
        let what = "8 to 255 characters, new for each act: sent again, it is answered as the first time.";
        if self.takes_key() { self.header("Idempotency-Key", what, Required::False) } else { self }
    }

    /// What it does, in one sentence.
    pub fn says(self, sentence: &'static str) -> Self {
        Self { says: sentence, ..self }
    }

    /// Parameters of the query.
    pub fn query<P: IntoParams>(mut self) -> Self {
        for parameter in P::into_params(|| Some(ParameterIn::Query)) {
            self.operation = self.operation.parameter(parameter);
        }
        self
    }

    /// A header that it reads.
    pub fn header(mut self, name: &str, description: &str, required: Required) -> Self {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(required)
            .description(Some(description))
            .schema(Some(Object::with_type(Type::String)));
        self.operation = self.operation.parameter(parameter);
        self
    }

    /// It shows a person: whoever asks says why.
    pub fn asks_why(self) -> Self {
        let why = "Why you look: 3 to 200 characters, without names. Kept in the audit journal.";
        self.header("Raccordo-Reason", why, Required::True)
    }

    /// A body of JSON.
    pub fn takes<T: ToSchema>(mut self) -> Self {
        let schema = self.named::<T>();
        self.body(&["application/json"], Some(schema))
    }

    /// A body of another kind, up to so many bytes.
    pub fn takes_bytes(self, kinds: &[&str], most: usize) -> Self {
        Self { body_most: most, ..self }.body(kinds, None)
    }

    fn body(mut self, kinds: &[&str], schema: Option<RefOr<Schema>>) -> Self {
        let mut body = RequestBodyBuilder::new().required(Some(Required::True));
        for kind in kinds {
            body = body.content(*kind, ContentBuilder::new().schema(schema.clone()).build());
        }
        let body = body.build();
        self.operation = self.operation.request_body(Some(body));
        self.problems.extend([408, 413]);
        self
    }

    /// Largest body, bytes.
    pub fn most(self, bytes: usize) -> Self {
        Self { body_most: bytes, ..self }
    }

    /// An answer of JSON.
    pub fn answers<T: ToSchema>(mut self, status: u16, description: &str) -> Self {
        let schema = self.named::<T>();
        self.answer(status, description, Some(("application/json", Some(schema))))
    }

    /// An answer of another kind.
    pub fn answers_bytes(self, status: u16, description: &str, kind: &str) -> Self {
        self.answer(status, description, Some((kind, None)))
    }

    /// An answer without a body.
    pub fn answers_nothing(self, status: u16, description: &str) -> Self {
        self.answer(status, description, None)
    }

    fn answer(
        mut self,
        status: u16,
        description: &str,
        content: Option<(&str, Option<RefOr<Schema>>)>,
    ) -> Self {
        let mut response = ResponseBuilder::new().description(description);
        if let Some((kind, schema)) = content {
            response = response.content(kind, ContentBuilder::new().schema(schema).build());
        }
        self.operation = self.operation.response(status.to_string(), response);
        self
    }

    /// Problems beyond those that every endpoint has, by their status.
    pub fn problems(mut self, statuses: &[u16]) -> Self {
        self.problems.extend(statuses);
        self
    }

    fn named<T: ToSchema>(&mut self) -> RefOr<Schema> {
        let name = T::name().into_owned();
        self.schemas.push((name.clone(), T::schema()));
        T::schemas(&mut self.schemas);
        Ref::from_schema_name(name).into()
    }

    /// Adds it to a router.
    pub fn route(self, router: Router<Arc<Gateway>>) -> Router<Arc<Gateway>> {
        router.route(self.path, self.handler.layer(DefaultBodyLimit::max(self.body_most)))
    }

    /// What the document says of it, and the statuses of its problems.
    pub fn document(&mut self) -> (OperationBuilder, &[u16]) {
        (std::mem::take(&mut self.operation), &self.problems)
    }

    /// Whether it may be sent again with an `Idempotency-Key`.
    pub fn takes_key(&self) -> bool {
        self.method == HttpMethod::Post && !NEVER.contains(&self.path)
    }

    /// The method's name, e.g. `GET`.
    pub const fn method_name(&self) -> &'static str {
        match self.method {
            HttpMethod::Put => "PUT",
            HttpMethod::Post => "POST",
            _ => "GET",
        }
    }
}

/// 403 before anything else of a request is read, where the caller has the right nowhere.
async fn admitted(
    right: Right,
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    match caller.may_somewhere(right) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// The variable parts of a path; the ledger's own numbers are digits.
fn places(path: &str) -> impl Iterator<Item = Parameter> {
    let numbered = ["/runs/", "/operations/", "/inquiries/"].iter().any(|head| path.starts_with(head));
    let names = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    names.map(move |name| {
        let digits = name == "number" || (numbered && name == "id");
        let schema = Object::with_type(if digits { Type::Integer } else { Type::String });
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(schema))
            .build()
    })
}
