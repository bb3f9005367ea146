//! The list of targets.

mod agent;
mod answers;
mod aws_config;
mod callback;
mod endpoint;
mod files;
mod settings;
mod urls;
mod words;

/// Something that takes foreign bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Also the name of its folder of inputs.
    pub name: &'static str,
    pub run: fn(&[u8]),
}

pub const TARGETS: [Target; 9] = [
    Target {
        name: "agent_requests",
        run: agent::run,
    },
    Target {
        name: "aws_answers",
        run: answers::run,
    },
    Target {
        name: "aws_config",
        run: aws_config::run,
    },
    Target {
        name: "container_endpoint",
        run: endpoint::run,
    },
    Target {
        name: "settings_file",
        run: settings::run,
    },
    Target {
        name: "sign_in_callback",
        run: callback::run,
    },
    Target {
        name: "state_files",
        run: files::run,
    },
    Target {
        name: "target_words",
        run: words::run,
    },
    Target {
        name: "urls",
        run: urls::run,
    },
];

/// The target of this name.
pub fn named(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
