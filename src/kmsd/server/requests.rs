//! From a request to its answer: operations to the endpoint, on the thread that read them where that
//! is swift; and the few pages beside them.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use aws::{
    BODY_BYTES, Error, Headers, Kind,
    error::{REQUEST_TOO_LARGE, UNKNOWN_OPERATION},
};
use axum::{
    Router,
    body::{Body, Bytes, HttpBody as _, to_bytes},
    http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::Response,
    routing::get,
};
use hyper::{Request, body::Incoming, service::Service as _};
use hyper_util::service::TowerToHyperService;
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    lanes::{Lane, Lanes},
    services::Services,
};

/// How long a client may take to send a body.
const BODY_TIME: Duration = Duration::from_secs(30);

/// What all requests share.
pub(super) struct Shared {
    pub(super) services: Arc<Services>,
    pub(super) lanes: Lanes,
    /// Leave to answer on another thread.
    pub(super) elsewhere: Semaphore,
    pub(super) pages: TowerToHyperService<Router>,
}

/// Whose requests come over a connection, and who reads them.
pub(super) struct Caller {
    pub(super) shared: Arc<Shared>,
    pub(super) peer: SocketAddr,
    pub(super) lane: Arc<Lane>,
}

/// What is no operation.
pub(super) fn pages() -> TowerToHyperService<Router> {
    let router = Router::new()
        .route("/health", get(async || "ok\n"))
        .fallback(async || {
            respond(refused(
                UNKNOWN_OPERATION,
                "Operations are asked for with POST.",
            ))
        });
    TowerToHyperService::new(router)
}

/// Operations have the way to themselves: looking for a route would cost each of them more than
/// reading its head does.
pub(super) async fn serve_request(
    caller: Arc<Caller>,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    match *request.method() {
        Method::POST => Ok(operation(&caller, request).await),
        _ => caller.shared.pages.call(request).await,
    }
}

async fn operation(caller: &Caller, request: Request<Incoming>) -> Response {
    let shared = &caller.shared;
    let (head, body) = request.into_parts();
    if body.size_hint().lower() > BODY_BYTES as u64 {
        return respond(too_large());
    }
    let body = match timeout(BODY_TIME, to_bytes(Body::new(body), BODY_BYTES)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return respond(too_large()),
        Err(_) => return closing(StatusCode::REQUEST_TIMEOUT),
    };
    let peer = caller.peer;
    if is_swift(shared, &head) && shared.lanes.may_hold(&caller.lane) {
        return respond(caller.lane.hold(|| answer(shared, peer, &head, &body)));
    }
    let Ok(_permit) = shared.elsewhere.acquire().await else {
        return closing(StatusCode::SERVICE_UNAVAILABLE);
    };
    let state = shared.clone();
    let answered = tokio::task::spawn_blocking(move || answer(&state, peer, &head, &body));
    match answered.await {
        Ok(answer) => respond(answer),
        Err(_) => closing(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Whether the request asks for a use of a key.
fn is_swift(shared: &Shared, head: &Parts) -> bool {
    let target = head.headers.get("x-amz-target");
    let target = target.map(|value| [("x-amz-target", value.as_bytes())]);
    target.is_some_and(|header| shared.services.endpoint.is_swift(Headers::new(&header)))
}

fn answer(shared: &Shared, peer: SocketAddr, head: &Parts, body: &[u8]) -> aws::Response {
    let headers: Vec<(&str, &[u8])> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let target = head.uri.path_and_query();
    shared.services.endpoint.answer(&aws::Request {
        method: head.method.as_str(),
        target: target.map_or("/", |target| target.as_str()),
        headers: Headers::new(&headers),
        body,
        source: peer.ip(),
    })
}

fn respond(answer: aws::Response) -> Response {
    let mut response = Response::new(Body::from(Bytes::from_owner(Owned(answer.body))));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-amz-json-1.1"),
    );
    // What no service was asked for has none.
    if !answer.request_id.is_empty()
        && let Ok(id) = HeaderValue::try_from(answer.request_id)
    {
        headers.insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    response
}

/// A body that is overwritten once it was sent.
struct Owned(crypto::Zeroizing<Vec<u8>>);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn too_large() -> aws::Response {
    let text = format!("A request has at most {BODY_BYTES} bytes.");
    refused(REQUEST_TOO_LARGE, &text)
}

fn refused(kind: Kind, text: &str) -> aws::Response {
    aws::refusal(&Error::new(kind, text), "message", String::new())
}

fn closing(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
