//! Business days over HTTP.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};

use super::types::{CloseRequest, Day, Problem, Totals};
use super::{Context, Failure};

/// A business day: what the ledger has of it beside what each device tells, differences marked.
#[utoipa::path(get, path = "/days/{day}", responses(
    (status = 200, body = Day), (status = 400, description = "no date", body = Problem)))]
pub(crate) async fn one(State(context): State<Context>, Path(day): Path<u32>) -> Result<Json<Day>, Failure> {
    Ok(Json(context.desk.day(day).await?))
}

/// Close a business day that is over: no order is made for it any more, and a later change is a new revision.
#[utoipa::path(post, path = "/days/{day}/close", request_body = CloseRequest, responses(
    (status = 200, description = "closed", body = Day),
    (status = 422, description = "not over, closed before, or the open orders are not exactly those named",
        body = Problem)))]
pub(crate) async fn close(
    State(context): State<Context>,
    Path(day): Path<u32>,
    body: Result<Json<CloseRequest>, JsonRejection>,
) -> Result<Json<Day>, Failure> {
    let Json(request) = body?;
    Ok(Json(context.desk.close_day(day, request.with_open, request.by).await?))
}

/// What a window's device counts for a business day.
#[utoipa::path(post, path = "/windows/{window}/totals/{day}", responses(
    (status = 200, body = Totals), (status = 404, body = Problem),
    (status = 422, description = "the device cannot be asked", body = Problem)))]
pub(crate) async fn totals(
    State(context): State<Context>,
    Path((window, day)): Path<(String, u32)>,
) -> Result<Json<Totals>, Failure> {
    Ok(Json(context.desk.totals(&window, day).await?))
}
