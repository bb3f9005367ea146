//! Which path leads to which endpoint.

use axum::Router;
use axum::extract::{Request, State as Shared};
use axum::response::{IntoResponse, Response};
use axum::routing::{self, MethodRouter};
use url::form_urlencoded;

use crate::administration::AdministrationError;
use crate::audit::Operation;
use crate::call::Call;
use crate::control;
use crate::emulator::Emulator;
use crate::pages::PageError;
use crate::state::State;
use crate::{federation, oidc, pages, portal, sts};

/// All services, and `/_control/` if `with_control`.
pub(crate) fn router(emulator: Emulator, with_control: bool) -> Router {
    let router = services().merge(browser_pages());
    let router = if with_control {
        router.nest("/_control", control_paths())
    } else {
        router
    };
    router
        .fallback(nothing_here)
        .method_not_allowed_fallback(nothing_here)
        .with_state(emulator)
}

fn services() -> Router<Emulator> {
    Router::new()
        .route(
            "/client/register",
            post(Operation::RegisterClient, oidc::register_client),
        )
        .route(
            "/device_authorization",
            post(
                Operation::StartDeviceAuthorization,
                oidc::start_device_authorization,
            ),
        )
        .route("/token", post(Operation::CreateToken, oidc::create_token))
        .route(
            "/assignment/accounts",
            get(Operation::ListAccounts, portal::list_accounts),
        )
        .route(
            "/assignment/roles",
            get(Operation::ListAccountRoles, portal::list_account_roles),
        )
        .route(
            "/federation/credentials",
            get(Operation::GetRoleCredentials, portal::role_credentials),
        )
        .route("/logout", post(Operation::Logout, portal::logout))
        .route(
            "/federation",
            routing::get(federation_actions).merge(post(Operation::GetSigninToken, federation::posted)),
        )
        .route("/oauth", get(Operation::ConsoleLogout, federation::logout))
        .route("/", routing::get(sts_or_portal).post(sts_actions))
}

fn browser_pages() -> Router<Emulator> {
    Router::new()
        .route(
            "/authorize",
            get(Operation::Authorize, page(oidc::authorize))
                .merge(post(Operation::Authorize, page(oidc::decide))),
        )
        .route("/sign-in", post(Operation::SignIn, pages::sign_in))
        .route("/sign-in/code", post(Operation::SignIn, pages::verify_code))
        .route(
            "/device",
            get(Operation::VerifyDevice, page(pages::device))
                .merge(post(Operation::VerifyDevice, page(pages::decide_device))),
        )
        .route("/start", get(Operation::AccessPortal, pages::start))
        .route("/start/", get(Operation::AccessPortal, pages::start))
        .route(
            "/start/console",
            get(Operation::AccessPortal, page(pages::open_console)),
        )
        .route(
            "/start/applications",
            get(Operation::AccessPortal, pages::applications),
        )
        .route(
            "/start/keys",
            get(Operation::AccessPortal, page(pages::access_keys)),
        )
        .route("/start/sign-out", post(Operation::AccessPortal, pages::sign_out))
        .route(
            "/console",
            get(Operation::ConsoleLogin, page(federation::console)),
        )
        .route(
            "/console/{session}",
            get(Operation::ConsoleLogin, page(federation::console)),
        )
        .route(
            "/sessions/v1/opt-in",
            get(Operation::MultiSession, federation::multi_session)
                .merge(post(Operation::MultiSession, federation::decide_multi_session)),
        )
        .route("/emulator.css", routing::get(pages::stylesheet))
        .route("/emulator.js", routing::get(pages::script))
}

fn control_paths() -> Router<Emulator> {
    Router::new()
        .route(
            "/clock",
            control_get(control::clock).merge(control_post(control::advance_clock)),
        )
        .route("/approve", control_post(control::approve))
        .route("/deny", control_post(control::deny))
        .route("/auto-approve", control_post(control::auto_approve))
        .route("/world", control_post(control::amend_world))
        .route("/mfa-code", control_get(control::mfa_code))
        .route("/sessions", control_get(control::sessions))
        .route("/sessions/end", control_post(control::end_sessions))
        .route("/accounts/remove", control_post(control::remove_account))
        .route(
            "/permission-sets/delete",
            control_post(control::delete_permission_set),
        )
        .route("/credentials", control_post(control::credentials))
        .route("/users/disable", control_post(control::disable_user))
        .route("/users/enable", control_post(control::enable_user))
        .route("/assignments", control_post(control::change_assignment))
        .route(
            "/registrations/expire",
            control_post(control::expire_registrations),
        )
        .route(
            "/faults",
            control_post(control::add_fault).merge(control_delete(control::clear_faults)),
        )
        .route("/network", control_post(control::change_network))
        .route("/counters", control_get(control::counters))
        .route("/counters/seconds", control_get(control::calls_by_second))
        .route("/audit", control_get(control::audit))
        .route("/secrets", control_get(control::secrets))
        .fallback(nothing_to_control)
        .method_not_allowed_fallback(nothing_to_control)
}

type ControlEndpoint = fn(&mut State, &mut Call) -> Result<serde_json::Value, AdministrationError>;

fn get<R: IntoResponse + 'static>(
    operation: Operation,
    endpoint: impl Fn(&mut State, &mut Call) -> R + Copy + Send + Sync + 'static,
) -> MethodRouter<Emulator> {
    routing::get(move |Shared(emulator): Shared<Emulator>, request: Request| {
        emulator.answer(operation, endpoint, request)
    })
}

fn post<R: IntoResponse + 'static>(
    operation: Operation,
    endpoint: impl Fn(&mut State, &mut Call) -> R + Copy + Send + Sync + 'static,
) -> MethodRouter<Emulator> {
    routing::post(move |Shared(emulator): Shared<Emulator>, request: Request| {
        emulator.answer(operation, endpoint, request)
    })
}

/// Whoever looks at a page gets a page when it fails.
fn page(
    endpoint: fn(&mut State, &mut Call) -> Result<Response, PageError>,
) -> impl Fn(&mut State, &mut Call) -> Response + Copy + Send + Sync + 'static {
    move |state, call| endpoint(state, call).unwrap_or_else(|problem| problem.page(&state.world))
}

fn control_get(endpoint: ControlEndpoint) -> MethodRouter<Emulator> {
    routing::get(move |Shared(emulator): Shared<Emulator>, request: Request| {
        emulator.control(endpoint, request)
    })
}

fn control_post(endpoint: ControlEndpoint) -> MethodRouter<Emulator> {
    routing::post(move |Shared(emulator): Shared<Emulator>, request: Request| {
        emulator.control(endpoint, request)
    })
}

fn control_delete(endpoint: ControlEndpoint) -> MethodRouter<Emulator> {
    routing::delete(move |Shared(emulator): Shared<Emulator>, request: Request| {
        emulator.control(endpoint, request)
    })
}

/// Not counted, as nothing of the control interface is.
async fn nothing_to_control(request: Request) -> Response {
    let (head, _) = request.into_parts();
    match control::refusal(&head) {
        Some(why) => control::refused(why),
        None => control::nothing_here(&head),
    }
}

/// Two operations share one path, told apart by `Action`.
async fn federation_actions(Shared(emulator): Shared<Emulator>, request: Request) -> impl IntoResponse {
    let query = request.uri().query().unwrap_or_default();
    let is_login =
        form_urlencoded::parse(query.as_bytes()).any(|pair| pair == ("Action".into(), "login".into()));
    if is_login {
        return emulator
            .answer(Operation::ConsoleLogin, page(federation::login), request)
            .await;
    }
    emulator
        .answer(Operation::GetSigninToken, federation::signin_token, request)
        .await
}

async fn sts_actions(Shared(emulator): Shared<Emulator>, request: Request) -> impl IntoResponse {
    emulator.answer_as(sts::operation, sts::answer, request).await
}

/// People who open the address come to the access portal; a presigned request is a program's.
async fn sts_or_portal(Shared(emulator): Shared<Emulator>, request: Request) -> impl IntoResponse {
    if sts::is_meant(request.uri().query().unwrap_or_default()) {
        return emulator.answer_as(sts::operation, sts::answer, request).await;
    }
    emulator
        .answer(Operation::AccessPortal, pages::to_portal, request)
        .await
}

async fn nothing_here(Shared(emulator): Shared<Emulator>, request: Request) -> impl IntoResponse {
    emulator
        .answer(Operation::Unknown, pages::nothing_here, request)
        .await
}
