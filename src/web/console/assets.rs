//! What pages load: the design system where it was built (`make assets`), else a plain style.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::extract::Path;

/// Always there: the plain style, what both styles share, and our own few lines of script.
#[derive(rust_embed::RustEmbed)]
#[folder = "web/assets/"]
struct Own;

/// Bootstrap Italia and htmx, as `make assets` leaves them.
#[derive(rust_embed::RustEmbed)]
#[folder = "web/dist/"]
#[allow_missing = true]
struct Built;

/// Whether the design system travels in this binary.
pub fn has_design_system() -> bool {
    Built::get("css/bootstrap-italia.min.css").is_some()
}

/// Whether pages may be live: without the script they are read and sent as whole pages.
pub fn has_live_pages() -> bool {
    Built::get("htmx.min.js").is_some()
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
        "txt" => "text/plain; charset=utf-8",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    };
    let cached = "public, max-age=3600";
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cached)], found.data.into_owned()).into_response()
}
