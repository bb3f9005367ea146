//! The conformance checklist of the protocol, point by point: `conforms_NN_…` is point NN.

mod assume_role;
mod audit;
mod audit_of_sts;
mod console;
mod control;
mod control_names;
mod deleted_roles;
mod faults;
mod forms;
mod oidc;
mod portal;
mod session_policies;
mod transport;
