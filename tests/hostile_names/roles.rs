//! The roles of the hostile world, and what may be shown of their names.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use harness::{Desktop, EmulatorProcess, Finished, Opener, Portray};

use crate::headless::Headless;

/// Names of the hostile world that no path can do without: accounts, then permission sets. Escape sequences, line
/// breaks, a shell's words, options, a way out of a folder, letters that turn the text around.
pub const WORST: [&str; 10] = [
    "title \u{1b}]0;owned\u{7}",
    "a\n[default]\naws_access_key_id = AKIAEVIL",
    "'; touch owned; '",
    "-oProxyCommand=id",
    "right to left \u{202e}gpj.exe",
    "esc \u{1b}[31mred\u{1b}[0m",
    "`id`",
    "--",
    "../../etc/passwd",
    "tab\tand\rreturn",
];

/// An account and a permission set; one of the two names is hostile.
#[derive(Clone, Debug)]
pub struct Role {
    pub account: String,
    pub account_name: String,
    pub permission_set: String,
}

impl Role {
    pub fn target(&self) -> String {
        format!("{}/{}", self.account, self.permission_set)
    }

    /// The words by which a tool asks for it.
    pub fn words(&self) -> Vec<String> {
        let set = format!("--permission-set={}", self.permission_set);
        [
            "credential-process",
            "-v",
            "--portal",
            "acme",
            "--account",
            &self.account,
            &set,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    pub fn is_named(&self, name: &str) -> bool {
        self.account_name == name || self.permission_set == name
    }

    /// An argument of a program ends at a NUL, and a target's permission set at no slash.
    pub fn has_target(&self) -> bool {
        let set = &self.permission_set;
        !set.contains(['\0', '/']) && set.trim() == set
    }
}

/// Somebody is signed in who is assigned roles under all of the names.
pub async fn story() -> Result<(Headless, Vec<Role>)> {
    let desktop = Desktop::without_display().await?;
    let story = Headless {
        opener: Opener::install(&desktop)?,
        emulator: EmulatorProcess::start(&desktop, "hostile").await?,
        desktop,
    };
    let portray = story.portray();
    portray.add_portal("acme", story.emulator.addresses()).await?;
    portray.sign_in(&story.emulator, "amara").await?;
    let listed = portray
        .run(&["accounts", "--sync", "--json"])
        .await?
        .expect_code(0)?;
    assert_harmless("accounts --json", &listed)?;
    let mut roles = Vec::new();
    for account in listed.json()?["accounts"].as_array().context("accounts")? {
        let text = |name: &str| account[name].as_str().map(str::to_owned).context("a text");
        for set in account["permission_sets"].as_array().context("sets")? {
            roles.push(Role {
                account: text("id")?,
                account_name: text("name")?,
                permission_set: set.as_str().context("a name")?.to_owned(),
            });
        }
    }
    for name in WORST {
        ensure!(
            roles.iter().any(|role| role.is_named(name)),
            "nothing is called {name:?}"
        );
    }
    Ok((story, one_for_each_name(roles)))
}

/// Every hostile name once: of an account with `ReadOnly`, of a permission set in whichever account.
fn one_for_each_name(roles: Vec<Role>) -> Vec<Role> {
    let mut sets = BTreeSet::new();
    let is_wanted =
        |role: &Role| role.permission_set == "ReadOnly" || sets.insert(role.permission_set.clone());
    let wanted: Vec<_> = roles.into_iter().filter(is_wanted).collect();
    assert!(wanted.len() > 100, "{}", wanted.len());
    wanted
}

/// The worst ones, and so many of the others that it does not take long.
pub fn some(roles: &[Role]) -> Vec<Role> {
    let is_worst = |role: &Role| WORST.iter().any(|name| role.is_named(name));
    let roles = roles.iter().filter(|role| role.has_target()).enumerate();
    let wanted = roles.filter(|(number, role)| number % 9 == 0 || is_worst(role));
    wanted.map(|(_, role)| role.clone()).collect()
}

/// Nothing in a text moves a cursor, turns what stands around it or speaks to the terminal.
pub fn assert_harmless_text(what: &str, text: &str) -> Result<()> {
    let is_harmful = |letter: char| {
        letter.is_control() && letter != '\n'
            || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    match text.chars().find(|letter| is_harmful(*letter)) {
        Some(letter) => anyhow::bail!("{what} shows {letter:?}: {text:?}"),
        None => Ok(()),
    }
}

pub fn assert_harmless(what: &str, finished: &Finished) -> Result<()> {
    assert_harmless_text(what, &finished.stdout)?;
    assert_harmless_text(what, &finished.stderr)
}

/// Runs `portray` and looks at what it shows; it ends with one of these codes.
pub async fn shown(portray: &Portray<'_>, words: &[&str], codes: &[i32]) -> Result<Finished> {
    let finished = portray.run(words).await?;
    assert_harmless(&format!("{words:?}"), &finished)?;
    ensure!(
        finished.code.is_some_and(|code| codes.contains(&code)),
        "{words:?}: {finished:?}"
    );
    Ok(finished)
}
