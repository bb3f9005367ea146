//! What the program says when it is ready: to a person, or as one line of JSON.

use std::io::{self, Write as _};

use identity_center_emulator::{Emulator, Mfa, User, World};
use serde_json::{Value, json};

use super::Tls;
use super::arguments::Arguments;

/// A big company would fill the screen.
const NAMED_USERS: usize = 20;

pub(crate) fn announce(emulator: &Emulator, tls: Option<&Tls>, arguments: &Arguments) -> io::Result<()> {
    let text = if arguments.json {
        format!("{}\n", ascii(&line(emulator, tls).to_string()))
    } else {
        sheet(emulator, tls, arguments.control)
    };
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

fn line(emulator: &Emulator, tls: Option<&Tls>) -> Value {
    let world = emulator.world();
    // A program has no screen that they could fill.
    let users: Vec<&str> = enabled_users(&world).map(|user| user.name.as_str()).collect();
    let mut line = json!({
        "base_url": emulator.base_url(),
        "start_url": emulator.start_url(),
        "portal_url": emulator.portal_url(),
        "region": emulator.region(),
        "users": users,
    });
    if let Some(tls) = tls {
        line["tls_url"] = tls.url.as_str().into();
        line["ca_file"] = tls.ca_file.to_string_lossy().into();
    }
    line
}

/// JSON in ASCII, whose strings write all else as UTF-16: a terminal makes nothing of that either.
fn ascii(json: &str) -> String {
    let mut units = [0; 2];
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        if (' '..='~').contains(&letter) {
            text.push(letter);
        } else {
            let spelled = letter.encode_utf16(&mut units).iter();
            text.extend(spelled.map(|unit| format!("\\u{unit:04x}")));
        }
    }
    text
}

fn enabled_users(world: &World) -> impl Iterator<Item = &User> {
    world.users.iter().filter(|user| !user.disabled)
}

fn sheet(emulator: &Emulator, tls: Option<&Tls>, control: bool) -> String {
    let world = emulator.world();
    let mut lines = vec![
        format!(
            "{}: a local Identity Center, until Ctrl-C",
            harmless(&world.company)
        ),
        String::new(),
        format!("  access portal  {}", emulator.portal_url()),
        format!("  start URL      {}", harmless(&emulator.start_url())),
        format!("  region         {}", harmless(&emulator.region())),
        format!("  endpoint       {}", emulator.base_url()),
    ];
    if let Some(tls) = tls {
        let ca_file = tls.ca_file.to_string_lossy();
        lines.push(format!(
            "  with TLS       {} (CA in {})",
            tls.url,
            harmless(&ca_file)
        ));
    }
    if control {
        lines.push(format!("  control        {}/_control/", emulator.base_url()));
    }
    lines.extend([String::new(), "Sign in as".to_owned()]);
    for user in enabled_users(&world).take(NAMED_USERS) {
        let more = match &user.mfa {
            Mfa::None => String::new(),
            Mfa::Totp { secret } => format!("  authenticator app: {}", harmless(secret)),
        };
        let line = format!(
            "  {:<10} {:<16} {}{more}",
            harmless(&user.name),
            harmless(&user.password),
            harmless(&user.groups.join(", ")),
        );
        lines.push(line.trim_end().to_owned());
    }
    let others = enabled_users(&world).skip(NAMED_USERS).count();
    if others > 0 {
        lines.push(format!("  and {others} more: --print-world shows them"));
    }
    lines.push(String::new());
    lines.push("--help shows how AWS's clients come here.".to_owned());
    lines.push(String::new());
    lines.join("\n")
}

/// A text from a world file as a terminal may have it: what would move the cursor, ring, open links or turn the
/// direction of writing is spelled out.
pub(crate) fn harmless(text: &str) -> String {
    let is_odd = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || matches!(letter, '\u{61c}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    text.chars()
        .flat_map(|letter| {
            let spelled = is_odd(letter).then(|| letter.escape_unicode());
            let plain = (!is_odd(letter)).then_some(letter);
            spelled.into_iter().flatten().chain(plain)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_told_of_everybody_and_a_person_of_some() {
        let emulator = Emulator::new(World::hostile(), identity_center_emulator::Options::default());
        let all = World::hostile().users.len();
        assert!(all > NAMED_USERS);
        assert_eq!(line(&emulator, None)["users"].as_array().unwrap().len(), all);
        let others = format!("  and {} more: ", all - NAMED_USERS);
        assert!(sheet(&emulator, None, false).contains(&others));
    }

    #[test]
    fn no_name_of_the_hostile_world_reaches_the_terminal_as_more_than_text() {
        let world = World::hostile();
        let names = world.users.iter().map(|user| user.name.as_str());
        let names = names.chain(world.accounts.iter().map(|account| account.name.as_str()));
        let names: Vec<String> = names.map(harmless).collect();
        assert!(!names.concat().contains(char::is_control));
        assert_eq!(harmless("\u{1b}]0;owned\u{7}\n"), "\\u{1b}]0;owned\\u{7}\\u{a}");
        assert_eq!(
            harmless("right to left \u{202e}gpj"),
            "right to left \\u{202e}gpj"
        );
        assert_eq!(harmless("Zoë \u{1f469}"), "Zoë \u{1f469}");

        let users = json!(
            names
                .iter()
                .map(String::as_str)
                .chain(["\u{9b}\u{1f469}"])
                .collect::<Vec<_>>()
        );
        let line = ascii(&users.to_string());
        assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), users);
    }
}
