//! Words that give somebody away by their form, whoever they belong to.

use std::net::IpAddr;

use super::{Kind, Mask};

/// What an example of an address with a password has in their place.
const EXAMPLE: &str = "user:password";

/// What ends a word.
const BETWEEN_WORDS: &[char] = &[
    '"', '\'', '`', '(', ')', '[', ']', '{', '}', '<', '>', ',', ';', '=', '|',
];

/// What may follow a word without belonging to it.
const BEHIND_WORDS: &[char] = &['.', ':', '!', '?', '…'];

/// A text in one piece that is as long as this and no identifier of a program is taken for a secret.
const LONG: usize = 20;

/// Hosts below these are AWS's own, and say no more than a region.
const AWS: [&str; 4] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "console.aws.amazon.com",
];
const AWS_SERVICES: [&str; 7] = ["oidc", "portal", "sts", "device", "signin", "console", "sso"];

/// Stand-ins of the folders in which everything is ours.
const OUR_FOLDERS: [&str; 3] = ["RUNTIME", "CACHE", "STATE"];

/// Long words of the log that are ours.
const OURS: [&str; 1] = ["tokio-runtime-worker"];

/// Endings of dotted words that are files, and beginnings of those that are services.
const FILES: [&str; 11] = [
    "toml", "log", "json", "sock", "lock", "rs", "txt", "pem", "so", "html", "old",
];
const SERVICES: [&str; 3] = ["org.freedesktop.", "org.kde.", "org.gnome."];

/// Folders that are the same everywhere.
const SYSTEM: [&str; 8] = [
    "/usr/", "/bin/", "/lib", "/dev/", "/proc/", "/sys/", "/snap/", "/etc/ssl",
];

pub fn masked(mask: &mut Mask, text: &str) -> String {
    let mut masked = String::new();
    let is_between =
        |letter: char| letter.is_whitespace() || letter.is_control() || BETWEEN_WORDS.contains(&letter);
    for part in text.split_inclusive(is_between) {
        let end = part.trim_end_matches(is_between).len();
        let (word, between) = part.split_at(end);
        let word_end = word.trim_end_matches(BEHIND_WORDS).len();
        let (word, behind) = word.split_at(word_end);
        masked.push_str(&as_it_may_stand(mask, word));
        masked.push_str(behind);
        masked.push_str(between);
    }
    masked
}

/// A text that begins with the rest of a path, behind a folder that has a stand-in.
pub fn masked_behind(mask: &mut Mask, folder: &str, text: &str) -> String {
    let end = text
        .find(|letter: char| letter.is_whitespace() || letter.is_control() || BETWEEN_WORDS.contains(&letter))
        .unwrap_or(text.len());
    let (path, rest) = text.split_at(end);
    let path_end = path.trim_end_matches(BEHIND_WORDS).len();
    let (path, behind) = path.split_at(path_end);
    let separator = &path[..path.len().min(1)];
    let below = match path == separator || is_ours(folder, &path[separator.len()..]) {
        true => path.to_owned(),
        false => format!("{separator}{}", mask.stand_in(Kind::Path, path)),
    };
    format!("{below}{behind}{}", masked(mask, rest))
}

/// A file that we gave its name. Beside the settings there may be anybody's.
fn is_ours(folder: &str, file: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || b"-.".contains(&byte);
    match OUR_FOLDERS.contains(&folder) {
        true => file.len() < LONG && file.bytes().all(is_plain),
        false => folder == "CONFIG" && file == "settings.toml",
    }
}

fn as_it_may_stand(mask: &mut Mask, word: &str) -> String {
    match without_escapes(word) {
        Some(plain) => {
            let masked = whole(mask, &plain);
            // What was nobody's may stay as it was written.
            if masked == plain { word.to_owned() } else { masked }
        }
        None => whole(mask, word),
    }
}

fn whole(mask: &mut Mask, word: &str) -> String {
    if let Some((scheme, rest)) = word.split_once("://") {
        return url(mask, scheme, rest);
    }
    if word.contains('@') {
        return mask.stand_in(Kind::Email, word);
    }
    if word.starts_with("arn:") {
        return mask.stand_in(Kind::Identifier, word);
    }
    if word.starts_with(['/', '\\'])
        || word.get(1..2) == Some(":") && word.starts_with(|letter: char| letter.is_ascii_alphabetic())
    {
        return path(mask, word);
    }
    if let Some(host) = address(mask, word) {
        return host;
    }
    match word.contains(['/', ':']) {
        true => in_parts(mask, word),
        false => part(mask, word),
    }
}

/// Each part for itself, the separators as they are.
fn in_parts(mask: &mut Mask, word: &str) -> String {
    if is_random(word) {
        return "[removed]".to_owned();
    }
    let parts = word.split_inclusive(['/', ':']).map(|one| {
        let end = one.trim_end_matches(['/', ':']).len();
        format!("{}{}", part(mask, &one[..end]), &one[end..])
    });
    parts.collect()
}

fn part(mask: &mut Mask, word: &str) -> String {
    if is_account(word) {
        let digits: String = word.chars().filter(char::is_ascii_digit).collect();
        return mask.stand_in(Kind::Account, &digits);
    }
    if SERVICES.iter().any(|service| word.starts_with(service)) {
        return word.to_owned();
    }
    if is_host(word) {
        return host(mask, word);
    }
    if is_instance(word) {
        return mask.stand_in(Kind::Identifier, word);
    }
    match is_user_code(word) || is_random(word) || is_key(word) {
        true => "[removed]".to_owned(),
        false => with_accounts_replaced(mask, word),
    }
}

/// Account ids that are glued to something.
fn with_accounts_replaced(mask: &mut Mask, word: &str) -> String {
    let mut masked = String::new();
    let mut rest = word;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let digits = rest[start..].find(|letter: char| !letter.is_ascii_digit());
        let end = digits.map_or(rest.len(), |length| start + length);
        masked.push_str(&rest[..start]);
        masked.push_str(&match end - start {
            12 => mask.stand_in(Kind::Account, &rest[start..end]),
            _ => rest[start..end].to_owned(),
        });
        rest = &rest[end..];
    }
    masked + rest
}

/// The scheme, and a stand-in for the host; a path or a query may hold anything.
fn url(mask: &mut Mask, scheme: &str, rest: &str) -> String {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at(end);
    let (person, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    // Our own advice; whoever takes these words for a password has none.
    let example = if person == EXAMPLE { "user:password@" } else { "" };
    let (name, port) = match place.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, format!(":{port}")),
        Some(_) | None => (place, String::new()),
    };
    let behind = if behind.trim_matches('/').is_empty() {
        ""
    } else {
        "/…"
    };
    let scheme = if scheme.len() <= 6 { scheme } else { "…" };
    format!("{scheme}://{example}{}{port}{behind}", host(mask, name))
}

fn host(mask: &mut Mask, name: &str) -> String {
    let lower = name.to_lowercase();
    let labels: Vec<&str> = lower.split('.').collect();
    let is_of_aws = AWS.iter().any(|domain| {
        let service = lower.strip_suffix(domain).and_then(|rest| rest.strip_suffix('.'));
        service.is_some() && labels.first().is_some_and(|first| AWS_SERVICES.contains(first))
    });
    let is_this_machine = ["localhost", "127.0.0.1", "[::1]", ""].contains(&lower.as_str());
    match is_of_aws || is_this_machine {
        true => name.to_owned(),
        false => mask.stand_in(Kind::Host, &lower),
    }
}

fn path(mask: &mut Mask, word: &str) -> String {
    match SYSTEM.iter().any(|folder| word.starts_with(folder)) || word.len() <= 2 {
        true => in_parts(mask, word),
        false => mask.stand_in(Kind::Path, word),
    }
}

/// An address of another machine, with a port or without.
fn address(mask: &mut Mask, word: &str) -> Option<String> {
    let (bare, port) = match word.rsplit_once(':') {
        Some((bare, port)) if bare.contains('.') || bare.ends_with(']') => (bare, format!(":{port}")),
        Some(_) | None => (word, String::new()),
    };
    let address: IpAddr = bare.trim_matches(['[', ']']).parse().ok()?;
    Some(match address.is_loopback() || address.is_unspecified() {
        true => word.to_owned(),
        false => format!("{}{port}", mask.stand_in(Kind::Host, bare)),
    })
}

/// Twelve digits, also in groups of four.
fn is_account(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let groups: Vec<&str> = word.split('-').collect();
    let in_groups = groups.len() == 3 && groups.iter().all(|group| group.len() == 4);
    digits == 12 && (word.len() == 12 || in_groups)
}

fn is_host(word: &str) -> bool {
    let labels: Vec<&str> = word.split('.').collect();
    let last = labels.last().copied().unwrap_or_default();
    labels.len() > 1
        && labels.iter().all(|label| !label.is_empty())
        && last.len() > 1
        && last.chars().all(char::is_alphabetic)
        && !FILES.contains(&last)
}

/// `d-1234567890`, `ssoins-…`, `ou-…`, `o-…`
fn is_instance(word: &str) -> bool {
    let Some((kind, id)) = word.split_once('-') else {
        return false;
    };
    let kinds = ["d", "o", "ou", "r", "ps", "ssoins", "app", "apl"];
    kinds.contains(&kind) && id.len() >= 8 && id.bytes().any(|byte| byte.is_ascii_digit())
}

/// `ABCD-EFGH`
fn is_user_code(word: &str) -> bool {
    let is_half = |half: &str| {
        half.len() == 4
            && half
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    word.split_once('-')
        .is_some_and(|(one, other)| is_half(one) && is_half(other))
}

fn is_key(word: &str) -> bool {
    word.len() >= 16 && (word.starts_with("AKIA") || word.starts_with("ASIA"))
}

fn is_random(word: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+/_-=~.%".contains(&byte);
    let is_name = |allowed: fn(u8) -> bool| word.bytes().all(|byte| allowed(byte) || byte == b'_');
    let is_identifier = is_name(|byte| byte.is_ascii_lowercase())
        || is_name(|byte| byte.is_ascii_uppercase())
        || OURS.contains(&word)
        || is_source(word);
    let runs =
        word.split(|letter: char| !(letter.is_ascii() && is_letter(u8::try_from(letter).unwrap_or(b' '))));
    let is_long = runs.into_iter().any(|run| run.len() >= LONG);
    is_long && !is_identifier
}

/// A place in our sources, as a panic names it.
fn is_source(word: &str) -> bool {
    let is_below = ["crates/", "src-tauri/"]
        .iter()
        .any(|folder| word.starts_with(folder));
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"/_.:-".contains(&byte);
    is_below && word.contains(".rs:") && word.bytes().all(is_plain)
}

/// The word without `%40` and `\u0040`, if it has any.
fn without_escapes(word: &str) -> Option<String> {
    if !word.contains('%') {
        return None;
    }
    let pairs = format!("x={word}").replace('+', "%2B").replace('&', "%26");
    let mut decoded = url::form_urlencoded::parse(pairs.as_bytes());
    let (_, plain) = decoded.next()?;
    (plain != word).then(|| plain.into_owned())
}
