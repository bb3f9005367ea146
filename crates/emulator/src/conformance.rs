//! The conformance checklist of the protocol, point by point: `conforms_NN_…` is point NN.

mod assume_role;
mod audit;
mod console;
mod control;
mod faults;
mod oidc;
mod portal;
mod transport;
