//! Orders, bills and windows over HTTP.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::types::{
    AdoptRequest, Bill, BlockRequest, DecisionRequest, LookRequest, Order, Problem, TwoPeople, Window,
};
use super::{Context, Failure};
use crate::desk::DeskError;

type One = Result<Json<Order>, Failure>;

/// Which orders are listed.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// A business day, YYYYMMDD; without it the orders that have not ended.
    day: Option<u32>,
}

/// The orders that have not ended, or those of a business day.
#[utoipa::path(get, path = "/orders", params(Which), responses((status = 200, body = Vec<Order>)))]
pub(crate) async fn list(
    State(context): State<Context>,
    Query(which): Query<Which>,
) -> Result<Json<Vec<Order>>, Failure> {
    Ok(Json(match which.day {
        Some(day) => context.desk.orders_of_day(day).await?,
        None => context.desk.open_orders().await?,
    }))
}

/// One order.
#[utoipa::path(get, path = "/orders/{order_no}", responses(
    (status = 200, body = Order), (status = 404, body = Problem)))]
pub(crate) async fn one(State(context): State<Context>, Path(order_no): Path<String>) -> One {
    let order = context.desk.order(&order_no).await?;
    Ok(Json(order.ok_or(DeskError::Missing("order"))?))
}

/// End an order if nothing has moved. The end follows as an event.
#[utoipa::path(post, path = "/orders/{order_no}/cancel", responses(
    (status = 200, description = "asked for; the order as it is now", body = Order), (status = 404, body = Problem)))]
pub(crate) async fn cancel(State(context): State<Context>, Path(order_no): Path<String>) -> One {
    Ok(Json(context.desk.cancel_for_good(&order_no).await?))
}

/// Ask the order's own device about it.
#[utoipa::path(post, path = "/orders/{order_no}/query", responses(
    (status = 200, description = "asked; the order as it is now", body = Order), (status = 404, body = Problem)))]
pub(crate) async fn query(State(context): State<Context>, Path(order_no): Path<String>) -> One {
    Ok(Json(context.desk.query(&order_no).await?))
}

/// Ask a device what the platform knows of an order.
#[utoipa::path(post, path = "/orders/{order_no}/look", request_body = LookRequest, responses(
    (status = 200, description = "asked; the order as it is now", body = Order), (status = 404, body = Problem)))]
pub(crate) async fn look(
    State(context): State<Context>,
    Path(order_no): Path<String>,
    body: Result<Json<LookRequest>, JsonRejection>,
) -> One {
    let Json(request) = body?;
    Ok(Json(context.desk.look(&order_no, request.device.as_deref()).await?))
}

/// Record what two people decided about an order.
#[utoipa::path(post, path = "/orders/{order_no}/decide", request_body = DecisionRequest, responses(
    (status = 200, description = "recorded", body = Order),
    (status = 400, description = "not two different people", body = Problem),
    (status = 422, description = "the order's state does not allow it", body = Problem)))]
pub(crate) async fn decide(
    State(context): State<Context>,
    Path(order_no): Path<String>,
    body: Result<Json<DecisionRequest>, JsonRejection>,
) -> One {
    let Json(request) = body?;
    Ok(Json(context.desk.decide(&order_no, request.decision, &request.by).await?))
}

/// The bill database has taken the end of this order over. Its idempotency key is the order number.
#[utoipa::path(post, path = "/orders/{order_no}/posted", responses(
    (status = 200, description = "recorded, now or before", body = Order),
    (status = 422, description = "there is nothing to post", body = Problem)))]
pub(crate) async fn posted(State(context): State<Context>, Path(order_no): Path<String>) -> One {
    Ok(Json(context.desk.posted(&order_no).await?))
}

/// A bill adopts an order that only a terminal knew, end and posting included.
#[utoipa::path(post, path = "/orders/{order_no}/adopt", request_body = AdoptRequest, responses(
    (status = 200, description = "adopted", body = Order),
    (status = 422, description = "it is no such order", body = Problem)))]
pub(crate) async fn adopt(
    State(context): State<Context>,
    Path(order_no): Path<String>,
    body: Result<Json<AdoptRequest>, JsonRejection>,
) -> One {
    let Json(request) = body?;
    Ok(Json(context.desk.adopt(&order_no, &request.bill).await?))
}

/// After the ledger went back, two people go on without the list of a device that cannot answer.
#[utoipa::path(post, path = "/devices/{device}/without-list", request_body = TwoPeople, responses((status = 202)))]
pub(crate) async fn without_list(
    State(context): State<Context>,
    Path(device): Path<String>,
    body: Result<Json<TwoPeople>, JsonRejection>,
) -> Result<StatusCode, Failure> {
    let Json(people) = body?;
    context.desk.without_list(&device, &people.by).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Ends that the bill database has still to take over, oldest first.
#[utoipa::path(get, path = "/unposted", responses((status = 200, body = Vec<Order>)))]
pub(crate) async fn unposted(State(context): State<Context>) -> Result<Json<Vec<Order>>, Failure> {
    Ok(Json(context.desk.unposted().await?))
}

/// A bill, its orders and its captures.
#[utoipa::path(get, path = "/bills/{bill}", responses((status = 200, body = Bill), (status = 404, body = Problem)))]
pub(crate) async fn bill(
    State(context): State<Context>,
    Path(bill): Path<String>,
) -> Result<Json<Bill>, Failure> {
    let found = context.desk.bill(&bill).await?;
    Ok(Json(found.ok_or(DeskError::Missing("bill"))?))
}

/// Every window and its terminal.
#[utoipa::path(get, path = "/windows", responses((status = 200, body = Vec<Window>)))]
pub(crate) async fn windows(State(context): State<Context>) -> Json<Vec<Window>> {
    Json(context.desk.window_views())
}

/// Pull the orders that only this window's device knows.
#[utoipa::path(post, path = "/windows/{window}/pull", responses((status = 202), (status = 404, body = Problem)))]
pub(crate) async fn pull(
    State(context): State<Context>,
    Path(window): Path<String>,
) -> Result<StatusCode, Failure> {
    context.desk.pull(&window).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Block a device at this site, or lift the block.
#[utoipa::path(post, path = "/devices/{device}/block", request_body = BlockRequest, responses((status = 202)))]
pub(crate) async fn block(
    State(context): State<Context>,
    Path(device): Path<String>,
    body: Result<Json<BlockRequest>, JsonRejection>,
) -> Result<StatusCode, Failure> {
    let Json(request) = body?;
    context.desk.block(&device, request.blocked).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Agreements or manifests were imported: read them again.
#[utoipa::path(post, path = "/provision", responses((status = 202)))]
pub(crate) async fn provision(State(context): State<Context>) -> Result<StatusCode, Failure> {
    context.desk.provision().await?;
    Ok(StatusCode::ACCEPTED)
}
