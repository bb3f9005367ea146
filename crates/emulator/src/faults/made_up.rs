//! An answer that no endpoint gave: of a status alone in the form of its service, or as a script spells it out.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::json;

use super::{ConnectionDropped, Fault, Trouble};
use crate::audit::Operation;
use crate::call::{self, Call, ErrorName};
use crate::oidc::OidcError;
use crate::portal::PortalError;
use crate::world::World;
use crate::{pages, sts};

/// As the service of that operation answers with that status: a program gets its error, a person a page.
pub(crate) fn of_status(operation: Operation, status: StatusCode, world: &World, call: &Call) -> Response {
    let reason = status.canonical_reason().unwrap_or_default();
    match operation {
        Operation::RegisterClient | Operation::StartDeviceAuthorization | Operation::CreateToken => {
            OidcError::of_status(status)
        }
        Operation::ListAccounts
        | Operation::ListAccountRoles
        | Operation::GetRoleCredentials
        | Operation::Logout => PortalError::of_status(status),
        Operation::GetCallerIdentity | Operation::AssumeRole => sts::of_status(status, call),
        Operation::Authorize
        | Operation::SignIn
        | Operation::VerifyDevice
        | Operation::ConsoleLogin
        | Operation::ConsoleLogout
        | Operation::MultiSession
        | Operation::AccessPortal => pages::status_page(status, world),
        // Its errors are a text that no client should parse.
        Operation::GetSigninToken => {
            let mut response = call::text(status, reason);
            if !status.is_success() {
                response
                    .extensions_mut()
                    .insert(ErrorName::new("InvalidRequestException", reason));
            }
            response
        }
        Operation::Unknown => call::json(status, &json!({ "message": reason })),
    }
}

impl Fault {
    pub(crate) fn answer(&self, world: &World, call: &Call) -> Response {
        let status = self
            .status
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(StatusCode::OK);
        let mut response = match &self.body {
            Some(_)
                if self.trouble == Some(Trouble::GarbageJson)
                    && self.operation.is_sts()
                    && sts::accepts_json(call) =>
            {
                call::with_body(status, "application/json", half_an_answer_in_json(self.operation))
            }
            Some(body) => call::with_body(status, content_type(self.operation), body.clone()),
            None => of_status(self.operation, status, world, call),
        };
        let is_throttled = matches!(
            self.trouble,
            Some(Trouble::Throttled | Trouble::ThrottledRetryAfter)
        );
        if is_throttled && self.operation.is_sts() {
            // The query protocol says so with 400.
            *response.status_mut() = StatusCode::BAD_REQUEST;
        }
        if matches!(status.as_u16(), 204 | 205 | 304) {
            *response.body_mut() = Body::empty();
            response.headers_mut().remove(header::CONTENT_TYPE);
        }
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        if self.drop {
            response.extensions_mut().remove::<ErrorName>();
            response.extensions_mut().insert(ConnectionDropped);
        } else if self.body.is_some()
            && let Some(name) = error_type(&response)
        {
            response.extensions_mut().insert(ErrorName::new(&name, ""));
        }
        response
    }
}

/// Where the caller of STS wants JSON.
fn half_an_answer_in_json(operation: Operation) -> String {
    format!("{{\"{operation:?}Response\": {{\"{operation:?}Result\": {{\"Arn\": \"arn:aws:sts::1111")
}

/// Of a body that a script spells out, unless it says so itself.
fn content_type(operation: Operation) -> &'static str {
    match operation {
        Operation::GetCallerIdentity | Operation::AssumeRole => "text/xml",
        Operation::Authorize
        | Operation::SignIn
        | Operation::VerifyDevice
        | Operation::ConsoleLogin
        | Operation::ConsoleLogout
        | Operation::MultiSession
        | Operation::AccessPortal => "text/html; charset=utf-8",
        Operation::RegisterClient
        | Operation::StartDeviceAuthorization
        | Operation::CreateToken
        | Operation::ListAccounts
        | Operation::ListAccountRoles
        | Operation::GetRoleCredentials
        | Operation::Logout
        | Operation::GetSigninToken
        | Operation::Unknown => "application/json",
    }
}

/// The error as clients read it from the head.
fn error_type(response: &Response) -> Option<String> {
    let value = response.headers().get("x-amzn-errortype")?.to_str().ok()?;
    value.split(':').next().map(str::to_owned)
}
