//! The HTTP/JSON interface on loopback, which the program's own commands use too.

mod days;
pub(crate) mod guard;
mod openapi;
mod orders;
mod stream;
mod tasks;
pub mod types;

use axum::extract::DefaultBodyLimit;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router, middleware};

use crate::desk::{Desk, DeskError};
use crate::ledger::LedgerError;
use types::Problem;

/// No request is longer.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// What every handler has at hand.
#[derive(Clone)]
pub struct Context {
    /// The desk.
    pub desk: Desk,
    /// The content of the token file.
    pub token: std::sync::Arc<str>,
}

/// Every path of the interface.
pub fn router(context: Context) -> Router {
    Router::new()
        .route("/health", get(openapi::health))
        .route("/openapi.json", get(openapi::document))
        .route("/collections/{id}", put(tasks::put_collection).get(tasks::get_collection))
        .route("/collections/{id}/stop", post(tasks::stop_collection))
        .route("/refunds/{id}", put(tasks::put_refund).get(tasks::get_refund))
        .route("/refunds/{id}/stop", post(tasks::stop_refund))
        .route("/orders", get(orders::list))
        .route("/orders/{order_no}", get(orders::one))
        .route("/orders/{order_no}/cancel", post(orders::cancel))
        .route("/orders/{order_no}/query", post(orders::query))
        .route("/orders/{order_no}/look", post(orders::look))
        .route("/orders/{order_no}/decide", post(orders::decide))
        .route("/orders/{order_no}/posted", post(orders::posted))
        .route("/orders/{order_no}/adopt", post(orders::adopt))
        .route("/unposted", get(orders::unposted))
        .route("/bills/{bill}", get(orders::bill))
        .route("/windows", get(orders::windows))
        .route("/windows/{window}/totals/{day}", post(days::totals))
        .route("/days/{day}", get(days::one))
        .route("/days/{day}/close", post(days::close))
        .route("/windows/{window}/pull", post(orders::pull))
        .route("/devices/{device}/block", post(orders::block))
        .route("/devices/{device}/without-list", post(orders::without_list))
        .route("/provision", post(orders::provision))
        .route("/events", get(stream::events))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(context.clone(), guard::check))
        .with_state(context)
}

/// A refused request, as it is answered.
#[derive(Debug)]
pub(crate) struct Failure(StatusCode, Problem);

impl Failure {
    fn malformed(text: &str) -> Self {
        Self(StatusCode::BAD_REQUEST, Problem::new("malformed", text))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

impl From<DeskError> for Failure {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::OtherContent => {
                let text = "this id was used for something else: the first request of it holds";
                Self(StatusCode::CONFLICT, Problem::new("other_content", text))
            }
            DeskError::Held { by } => {
                let text = format!("{by} is running for the same bill or item: wait for its end, or stop it");
                Self(StatusCode::CONFLICT, Problem { code: "held".into(), text, about: Some(by) })
            }
            DeskError::Missing(what) => {
                Self(StatusCode::NOT_FOUND, Problem::new("missing", &format!("there is no such {what}")))
            }
            DeskError::Malformed(text) => Self::malformed(&text),
            DeskError::Refused { code, text } => {
                Self(StatusCode::UNPROCESSABLE_ENTITY, Problem::new(&code, &text))
            }
            DeskError::Ledger(error) => error.into(),
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, Problem::new("ledger", &error.to_string()))
    }
}

impl From<JsonRejection> for Failure {
    fn from(rejection: JsonRejection) -> Self {
        Self::malformed(&rejection.body_text())
    }
}
