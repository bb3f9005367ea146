//! A local AWS IAM Identity Center, complete enough for AWS's own clients: demo back end and test double.
//!
//! It behaves instead of replaying: it verifies PKCE, expires codes, throttles, rotates refresh tokens, ends
//! sessions. It has a clock of its own, and shares no code with the client that it judges.
//!
//! In a test it needs no socket:
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use identity_center_emulator::{Clock, Emulator, Operation, Options, World};
//! use tower::ServiceExt as _;
//!
//! let clock = Clock::fixed("2030-01-01T08:00:00Z".parse().unwrap());
//! let emulator = Emulator::new(World::acme(), Options { clock, seed: Some(1), ..Options::default() });
//! let body = axum::body::Body::from(r#"{"clientName":"test","clientType":"public"}"#);
//! let request = axum::http::Request::post("/client/register").body(body).unwrap();
//! let answer = emulator.router().oneshot(request).await.unwrap();
//! assert_eq!(answer.status(), 200);
//! assert_eq!(emulator.counters().calls(Operation::RegisterClient), 1);
//! # });
//! ```

mod clock;
mod random;

mod world;

mod audit;
mod faults;
mod network;
mod tls;

mod call;
mod secrets;
mod sessions;
mod state;
#[cfg(test)]
mod testing;

mod federation;
mod mfa;
mod oidc;
mod pages;
mod portal;
mod role_credentials;
mod sts;

mod administration;
mod control;
mod emulator;
mod router;

#[cfg(test)]
mod conformance;

pub use administration::AdministrationError;
pub use audit::{
    AssumedRole, AuditEvent, CallsBySecond, Counters, CredentialType, Injected, Operation, SignInEvent,
    SignInStep,
};
pub use clock::{Clock, OutOfRange};
pub use emulator::{Emulator, Options};
pub use faults::{ConnectionDropped, Fault, Trouble};
pub use tls::{CertificateError, Certificates, KeptError};
pub use world::{
    AbsentMembers, Account, Application, Assignment, DoubleGrant, Group, IamRole, IdentitySource, Keys,
    LoggedOutRefresh, Mfa, MfaDevice, MissingScope, PermissionSet, Principal, Rotation, Trustee,
    UnassignedRole, Unsettled, User, VerificationUri, World, WorldError,
};
