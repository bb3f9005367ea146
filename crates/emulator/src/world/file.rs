//! World files: TOML, read strictly, with errors that name key and line.

use super::World;
use super::built_in::BUILT_IN_NAMES;
use super::checker::Checker;
use super::tables::WorldFile;

/// Why a world cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    #[error("cannot read the world file {path}: {problem}")]
    Unreadable { path: String, problem: std::io::Error },
    #[error(
        "there is neither a world file {0} nor a built-in world of that name: those are {names}",
        names = BUILT_IN_NAMES.join(", ")
    )]
    NotThere(String),
    #[error("the world file is not valid: {0}")]
    Syntax(String),
    #[error("the world file is not valid: line {line}, {key}: {problem}")]
    Invalid {
        line: usize,
        key: &'static str,
        problem: String,
    },
    #[error("the world file is not valid: it has no {0}")]
    Missing(&'static str),
    #[error("this world has no {key} {name:?}")]
    Unknown { key: &'static str, name: String },
}

impl From<toml::de::Error> for WorldError {
    /// Its text has the line and the place in it.
    fn from(error: toml::de::Error) -> Self {
        Self::Syntax(error.to_string().trim_end().to_owned())
    }
}

pub(super) fn parse(text: &str) -> Result<World, WorldError> {
    let file: WorldFile = toml::from_str(text)?;
    let mut world = World {
        company: file
            .company
            .clone()
            .ok_or(WorldError::Missing("company"))?
            .into_inner(),
        region: file
            .region
            .clone()
            .ok_or(WorldError::Missing("region"))?
            .into_inner(),
        hostile: file.hostile.unwrap_or_default(),
        short_lifetimes: file.short_lifetimes.unwrap_or_default(),
        ..World::without_anybody()
    };
    let checker = Checker {
        text,
        short_lifetimes: world.short_lifetimes,
        hostile: world.hostile,
    };
    file.company
        .as_ref()
        .map_or(Ok(()), |company| checker.text("company", company, 128))?;
    file.region
        .as_ref()
        .map_or(Ok(()), |region| checker.region(region))?;
    let start_url = file.start_url.as_ref().ok_or(WorldError::Missing("start_url"))?;
    world.start_url = checker.start_url(start_url)?;
    if let Some(table) = &file.identity_source {
        world.identity_source = checker.identity_source(table)?;
    }
    checker.apply(file, &mut world)?;
    Ok(world)
}

/// A piece of a world file for a world that runs.
pub(super) fn amend(world: &mut World, text: &str) -> Result<(), WorldError> {
    let file: WorldFile = toml::from_str(text)?;
    let checker = Checker {
        text,
        short_lifetimes: file.short_lifetimes.unwrap_or(world.short_lifetimes),
        hostile: file.hostile.unwrap_or(world.hostile),
    };
    checker.refuse_what_stays(&file)?;
    let mut changed = World {
        short_lifetimes: checker.short_lifetimes,
        hostile: checker.hostile,
        ..world.clone()
    };
    checker.apply(file, &mut changed)?;
    *world = changed;
    Ok(())
}

#[cfg(test)]
mod refusals;
#[cfg(test)]
mod tests;
