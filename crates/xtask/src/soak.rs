//! Endurance in real time: the built programs, asked for credentials of a minute for as long as wanted.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{setup, step, ui, workspace};

/// The profile whose programs are tried: a release without its link-time optimisation, which takes long.
const PROFILE: &str = "ci";

/// How long where nobody says.
const MINUTES: u32 = 60;

/// What `cargo xtask soak` was asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    minutes: u32,
}

impl Options {
    /// Reads the arguments behind `soak`.
    pub fn parse(arguments: &[String]) -> Result<Options> {
        let minutes = match arguments {
            [] => MINUTES,
            [name, value] if name == "--minutes" => {
                let minutes = value.parse();
                minutes.with_context(|| format!("{value:?} is no number of minutes"))?
            }
            other => bail!("soak does not know {other:?}"),
        };
        Ok(Options { minutes })
    }
}

/// Builds the programs and tries them; the table goes to the standard output.
pub fn run(options: &Options) -> Result<()> {
    setup::for_testing()?;
    ui::build()?;
    workspace::compile(PROFILE)?;
    let mut soak = Command::new(workspace::built_in(PROFILE, "soak")?);
    soak.args(["real-time", "--minutes", &options.minutes.to_string()]);
    step::run(&mut soak)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_unless_told_otherwise() {
        let parse =
            |words: &[&str]| Options::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(parse(&[]).unwrap().minutes, 60);
        assert_eq!(parse(&["--minutes", "3"]).unwrap().minutes, 3);
        assert!(parse(&["--minutes", "soon"]).is_err());
        assert!(parse(&["--minutes"]).is_err());
    }
}
