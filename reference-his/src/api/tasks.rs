//! Collections and refunds over HTTP. `PUT` is idempotent: the id is the caller's, the content decides.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use hispos::amount::Amount;
use hispos::ids::OperatorId;
use serde::Deserialize;

use super::types::{CollectionRequest, Problem, RefundRequest, TaskKind, TaskView};
use super::{Context, Failure};
use crate::desk::Asked;

/// Longest time that a `GET` waits for a change.
const WAIT_SECONDS_MAX: u64 = 60;
const ID_BYTES_MAX: usize = 64;
const BILL_BYTES_MAX: usize = 64;
const REASON_BYTES_MAX: usize = 128;
const SECONDS_MAX: u32 = 24 * 3600;

type Answer = Result<(StatusCode, Json<TaskView>), Failure>;

/// Take money for a bill.
#[utoipa::path(put, path = "/collections/{id}", request_body = CollectionRequest, responses(
    (status = 201, description = "started", body = TaskView),
    (status = 200, description = "asked before, with the same content", body = TaskView),
    (status = 409, description = "`other_content`, or `held`: the bill has a running collection", body = Problem),
    (status = 400, description = "not understood", body = Problem)))]
pub(crate) async fn put_collection(
    State(context): State<Context>,
    Path(id): Path<String>,
    body: Result<Json<CollectionRequest>, JsonRejection>,
) -> Answer {
    let Json(request) = body?;
    check_id(&id)?;
    check_seconds(request.seconds)?;
    //= spec-crate/spec/orders.md#order-numbers
    //# A HIS that derives order numbers MUST use bill keys of 1 to 64 bytes of text without control
    //# characters, and never give one bill key to two bills.
    check_text("bill", &request.bill, BILL_BYTES_MAX)?;
    let fen = amount(&request.amount, true)?;
    let asked = Asked::Collect { bill: request.bill, fen, seconds: request.seconds };
    put(&context, &id, request.window.as_deref(), asked).await
}

/// Give money of a paid order back.
#[utoipa::path(put, path = "/refunds/{id}", request_body = RefundRequest, responses(
    (status = 201, description = "started", body = TaskView),
    (status = 200, description = "asked before, with the same content", body = TaskView),
    (status = 409, description = "`other_content`, or `held`: the item has a running refund", body = Problem),
    (status = 400, description = "not understood", body = Problem),
    (status = 404, description = "there is no such order", body = Problem)))]
pub(crate) async fn put_refund(
    State(context): State<Context>,
    Path(id): Path<String>,
    body: Result<Json<RefundRequest>, JsonRejection>,
) -> Answer {
    let Json(request) = body?;
    check_id(&id)?;
    check_seconds(request.seconds)?;
    check_text("reason", &request.reason, REASON_BYTES_MAX)?;
    if !request.item.is_empty() {
        check_text("item", &request.item, BILL_BYTES_MAX)?;
    }
    for person in [&request.operator, &request.approver] {
        OperatorId::try_from(person.as_str()).map_err(|error| Failure::malformed(&error.to_string()))?;
    }
    //= spec-crate/spec/orders.md#making-a-refund
    //# A HIS MUST take the operator and the approver of a refund from two people that it has told apart
    //# itself.
    if request.operator == request.approver {
        return Err(Failure::malformed("operator and approver are the same person: a refund needs two"));
    }
    let asked = Asked::Refund {
        order_no: request.order_no,
        item: request.item,
        fen: amount(&request.amount, false)?,
        operator: request.operator,
        approver: request.approver,
        reason: request.reason,
        not_to_post: request.not_to_post,
        seconds: request.seconds,
    };
    put(&context, &id, request.window.as_deref(), asked).await
}

async fn put(context: &Context, id: &str, window: Option<&str>, asked: Asked) -> Answer {
    let (new, view) = context.desk.put(id, window, asked).await?;
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, Json(view)))
}

/// How long a `GET` may wait.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wait {
    /// Answer when `change` is above this.
    #[serde(default)]
    seen: u64,
    /// Or after so many seconds, at most 60.
    #[serde(default)]
    wait: u64,
}

/// How far a collection is. With `wait`, the next change.
#[utoipa::path(get, path = "/collections/{id}", params(Wait), responses(
    (status = 200, body = TaskView), (status = 404, body = Problem)))]
pub(crate) async fn get_collection(
    State(context): State<Context>,
    Path(id): Path<String>,
    Query(wait): Query<Wait>,
) -> Result<Json<TaskView>, Failure> {
    look(&context, TaskKind::Collection, &id, &wait).await
}

/// How far a refund is. With `wait`, the next change.
#[utoipa::path(get, path = "/refunds/{id}", params(Wait), responses(
    (status = 200, body = TaskView), (status = 404, body = Problem)))]
pub(crate) async fn get_refund(
    State(context): State<Context>,
    Path(id): Path<String>,
    Query(wait): Query<Wait>,
) -> Result<Json<TaskView>, Failure> {
    look(&context, TaskKind::Refund, &id, &wait).await
}

async fn look(context: &Context, kind: TaskKind, id: &str, wait: &Wait) -> Result<Json<TaskView>, Failure> {
    let time = Duration::from_secs(wait.wait.min(WAIT_SECONDS_MAX));
    Ok(Json(context.desk.task(kind, id, Some((wait.seen, time))).await?))
}

/// Make no more orders, and cancel the present one if nothing has moved.
#[utoipa::path(post, path = "/collections/{id}/stop", responses((status = 202), (status = 404, body = Problem)))]
pub(crate) async fn stop_collection(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    context.desk.stop(TaskKind::Collection, &id)?;
    Ok(StatusCode::ACCEPTED)
}

/// Stop a refund that has not begun.
#[utoipa::path(post, path = "/refunds/{id}/stop", responses((status = 202), (status = 404, body = Problem)))]
pub(crate) async fn stop_refund(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    context.desk.stop(TaskKind::Refund, &id)?;
    Ok(StatusCode::ACCEPTED)
}

fn check_id(id: &str) -> Result<(), Failure> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if id.is_empty() || id.len() > ID_BYTES_MAX || !id.bytes().all(allowed) {
        return Err(Failure::malformed("the id needs 1 to 64 of [0-9A-Za-z._-]"));
    }
    Ok(())
}

fn check_text(what: &str, text: &str, bytes_max: usize) -> Result<(), Failure> {
    if text.is_empty() || text.len() > bytes_max || text.chars().any(char::is_control) {
        let text = format!("the {what} needs 1 to {bytes_max} bytes without control characters");
        return Err(Failure::malformed(&text));
    }
    Ok(())
}

fn check_seconds(seconds: u32) -> Result<(), Failure> {
    if seconds == 0 || seconds > SECONDS_MAX {
        return Err(Failure::malformed("seconds is 0 or more than a day"));
    }
    Ok(())
}

fn amount(text: &str, collects: bool) -> Result<i64, Failure> {
    let amount = Amount::parse_signed(text).map_err(|error| Failure::malformed(&error.to_string()))?;
    match (amount.collects(), collects) {
        (true, false) => Err(Failure::malformed("a refund has a minus, as in -5.00")),
        (false, true) => Err(Failure::malformed("a collection has a plus, as in +12.34")),
        _ => Ok(amount.fen()),
    }
}
