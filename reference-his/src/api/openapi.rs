//! The interface described by itself.

use axum::Json;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::{days, orders, stream, tasks};

/// The server lives.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `hispos-his`.
    program: &'static str,
    /// The program's version.
    version: &'static str,
}

/// Whether the server lives. Needs no token and says nothing else.
#[utoipa::path(get, path = "/health", responses((status = 200, body = Health)))]
pub(crate) async fn health() -> Json<Health> {
    Json(Health { program: "hispos-his", version: env!("CARGO_PKG_VERSION") })
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "hispos-his",
        description = "Collections and refunds at the windows of one site. Loopback only; `Authorization: Bearer` with \
                       the content of the file `token`."
    ),
    paths(
        health,
        tasks::put_collection,
        tasks::get_collection,
        tasks::stop_collection,
        tasks::put_refund,
        tasks::get_refund,
        tasks::stop_refund,
        orders::list,
        orders::one,
        orders::cancel,
        orders::query,
        orders::look,
        orders::decide,
        orders::posted,
        orders::adopt,
        orders::without_list,
        orders::unposted,
        orders::bill,
        orders::windows,
        days::one,
        days::close,
        days::totals,
        orders::pull,
        orders::block,
        orders::provision,
        stream::events
    )
)]
struct Document;

/// The OpenAPI document.
pub(crate) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Document::openapi())
}
