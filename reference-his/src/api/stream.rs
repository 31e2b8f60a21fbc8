//! Events as they happen, resumable: server-sent events with an id that `Last-Event-ID` names again.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event as Sse, KeepAlive, KeepAliveStream, Sse as Stream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{Context, Failure};
use crate::events::{Event, Events, Happening};

/// Events behind a slow listener before it is let go.
const BEHIND_MAX: usize = 256;

/// What happens, as it happens. A listener without a place is first told every end that is still unposted.
#[utoipa::path(get, path = "/events", params(
    ("Last-Event-ID" = Option<String>, Header, description = "resume behind this event")),
    responses((status = 200, content_type = "text/event-stream", body = Happening)))]
pub(crate) async fn events(
    State(context): State<Context>,
    headers: HeaderMap,
) -> Result<Stream<KeepAliveStream<ReceiverStream<Result<Sse, Infallible>>>>, Failure> {
    let place = headers.get("last-event-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let events = context.desk.events().clone();
    let (missed, mut live) = events.listen(place.as_deref());
    let first = match (&place, missed) {
        (Some(_), Some(missed)) => missed.iter().filter_map(|event| kept(&events, event)).collect(),
        (place, _) => {
            let reset = place.is_some().then_some(Happening::Reset);
            //= spec-crate/spec/orders.md#posting
            //# A HIS MUST hand over again every unposted order at its start, before it makes new orders.
            let unposted = context.desk.unposted().await?.into_iter().map(Happening::Unposted);
            reset.into_iter().chain(unposted).filter_map(|happening| written(&happening)).collect::<Vec<_>>()
        }
    };
    let (sender, receiver) = mpsc::channel(BEHIND_MAX);
    tokio::spawn(async move {
        for event in first {
            if sender.send(Ok(event)).await.is_err() {
                return;
            }
        }
        // Too far behind, or the listener is gone: it comes back with its place, or is told `reset`.
        while let Ok(event) = live.recv().await {
            let Some(event) = kept(&events, &event) else { continue };
            if sender.send(Ok(event)).await.is_err() {
                return;
            }
        }
    });
    Ok(Stream::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::default()))
}

fn kept(events: &Events, event: &Arc<Event>) -> Option<Sse> {
    Some(written(&event.happening)?.id(events.place(event)))
}

fn written(happening: &Happening) -> Option<Sse> {
    Sse::default().json_data(happening).ok()
}
