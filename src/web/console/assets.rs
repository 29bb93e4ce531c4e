//! What pages load: the design system where it was built (`make assets`), else a plain style.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::web::extract::Path;

/// Always there: the plain style.
#[derive(rust_embed::RustEmbed)]
#[folder = "web/assets/"]
struct Own;

/// Bootstrap Italia, as `make assets` leaves it.
#[derive(rust_embed::RustEmbed)]
#[folder = "web/dist/"]
#[allow_missing = true]
struct Built;

/// Whether the design system travels in this binary.
pub fn has_design_system() -> bool {
    Built::get("css/bootstrap-italia.min.css").is_some()
}

/// `GET /console/risorse/{file}`.
pub async fn serve(Path(file): Path<String>) -> Response {
    let Some(found) = Built::get(&file).or_else(|| Own::get(&file)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let kind = match file.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        _ => "application/octet-stream",
    };
    let cached = "public, max-age=3600";
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cached)], found.data.into_owned()).into_response()
}
