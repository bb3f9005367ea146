//! Services, regions and partitions of the AWS console.

use ::url::Url;

use crate::identity_center::Portal;

/// Where in the console a session begins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    #[error("“{0}” is no service that Portray knows; give the console's URL instead")]
    UnknownService(String),
    #[error("{0} is not a page of this partition's console")]
    ForeignHost(String),
}

/// The console page for a service keyword or a URL; the console's home where nothing is asked for.
pub fn destination(
    portal: &Portal,
    asked: Option<&str>,
    region: Option<&str>,
) -> Result<Url, DestinationError> {
    let _ = (portal, asked, region);
    todo!()
}
