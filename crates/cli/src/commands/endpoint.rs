//! The container-credentials endpoint of one launch, and the variables that lead AWS tools to it.

#[cfg(unix)]
use portray_core::agent::Grant;
use portray_core::agent::container_endpoint::ContainerEndpoint;
use portray_core::agent::protocol::{Asker, PreparedReply, Target};
use portray_core::clock::SystemClock;
use portray_core::uses::Door;

use super::Invocation;
use super::launch::Beginning;
use crate::failure::Failure;

/// Binds the endpoint that serves a role to this launch.
pub async fn bind(
    invocation: &Invocation,
    prepared: &PreparedReply,
    launch: &Beginning,
) -> Result<ContainerEndpoint, Failure> {
    let (paths, clock) = (invocation.paths.clone(), SystemClock::shared());
    let target = Target::from(prepared.role.clone());
    let asker = asker(prepared, launch, launch.door());
    let bound = ContainerEndpoint::bind(paths, target, asker, clock).await;
    bound.map_err(|error| Failure::system("Listening on 127.0.0.1", &error))
}

/// The grant of this launch for a container.
#[cfg(unix)]
pub fn grant(invocation: &Invocation, prepared: &PreparedReply, launch: &Beginning) -> Grant {
    let target = Target::from(prepared.role.clone());
    let asker = asker(prepared, launch, Door::Container);
    Grant::new(invocation.paths.clone(), target, asker)
}

fn asker(prepared: &PreparedReply, launch: &Beginning, door: Door) -> Asker {
    Asker {
        launch: Some(launch.id().to_owned()),
        definition: prepared.definition.clone(),
        terms: Some(launch.terms().clone()),
        ..Asker::through(door)
    }
}
