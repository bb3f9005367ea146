//! What the page may ask for. None of these takes or returns a secret.

use std::sync::Arc;

use portray_core::agent::client::ClientError;
use portray_core::app::contract::{Answer, ProblemView, Request, SearchAnswer, SearchRequest, Snapshot};
use tauri::State;

use crate::link::Link;
use crate::window::Visibility;

#[tauri::command]
pub async fn snapshot(link: State<'_, Link>) -> Result<Snapshot, ProblemView> {
    Ok(Arc::unwrap_or_clone(link.snapshot().await))
}

#[tauri::command]
pub async fn search(link: State<'_, Link>, request: SearchRequest) -> Result<SearchAnswer, ProblemView> {
    let link = link.inner().clone();
    blocking(move || link.search(request)).await
}

#[tauri::command]
pub async fn ask(link: State<'_, Link>, request: Request) -> Result<Answer, ProblemView> {
    let link = link.inner().clone();
    blocking(move || link.ask(request)).await
}

#[tauri::command]
#[expect(
    clippy::needless_pass_by_value,
    reason = "Tauri hands its state over by value"
)]
pub fn hide_window(visibility: State<'_, Visibility>) {
    visibility.hide();
}

/// Runs what waits for the agent on a thread that may wait.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ProblemView> + Send + 'static,
) -> Result<T, ProblemView> {
    match tauri::async_runtime::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(ClientError::Closed.into_problem()),
    }
}
