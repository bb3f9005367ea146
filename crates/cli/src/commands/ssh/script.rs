//! What the other machine's `sh` is told through the connection: to look at the port, and to keep the variables in a file
//! that nobody else can read until the session has taken them.

use portray_core::secret::Secret;

use crate::documents::COMPETING;
use crate::no_proxy;
use crate::shells::Shell;

/// Before every line that is meant for us: a login there may say other things.
const MARK: &str = "portray-ssh:";

/// What the session on the other machine begins with.
pub struct Start<'a> {
    pub uri: &'a str,
    pub token: &'a Secret,
    pub region: Option<&'a str>,
    /// As the person's shell there gets it; empty for a login shell.
    pub command: &'a str,
}

/// How far the other machine is.
#[derive(Debug, PartialEq, Eq)]
pub enum Preparation {
    /// The folder that holds the file `start`.
    Ready(String),
    /// Others can reach the port.
    Open,
    /// Nothing tells who can reach the port.
    Unknown,
    /// There is no place for a file of the person's alone.
    NoFolder,
}

/// Says that a shell is there.
pub fn greeting() -> String {
    format!("echo {MARK}here\n")
}

/// Whether a line is the answer to the greeting.
pub fn is_here(line: &str) -> bool {
    line.strip_prefix(MARK) == Some("here")
}

/// Looks at who can reach the port, and writes the file `start` into a folder of its own. The folder goes when the
/// session has begun, and at the latest when this connection ends.
pub fn preparation(port: u16, start: &Start<'_>) -> String {
    let start = start.script();
    let end = unused_line(&start);
    format!(
        r#"portray_hex=$(printf %04X {port})
portray_seen=
portray_open=
if [ -r /proc/net/tcp ]; then
    for portray_table in /proc/net/tcp /proc/net/tcp6; do
        [ -r "$portray_table" ] || continue
        while read -r _ portray_local _ portray_state _; do
            case "$portray_state:$portray_local" in
            0A:0100007F:"$portray_hex" | 0A:7F000001:"$portray_hex" | 0A:00000000000000000000000001000000:"$portray_hex" | 0A:00000000000000000000000000000001:"$portray_hex") portray_seen=1 ;;
            0A:*:"$portray_hex") portray_open=1 ;;
            esac
        done <"$portray_table"
    done
else
    portray_listed=$(netstat -an 2>/dev/null | grep LISTEN | grep '[.:]{port} ')
    case "$portray_listed" in
    '') ;;
    *) portray_seen=1 ;;
    esac
    printf '%s\n' "$portray_listed" | grep . | grep -v '127\.0\.0\.1[.:]{port} ' | grep -v '::1[.:]{port} ' >/dev/null && portray_open=1
fi
portray_make() {{
    umask 077
    portray_folder=$(mktemp -d "${{XDG_RUNTIME_DIR:-/tmp}}/portray-XXXXXXXXXX" 2>/dev/null || mktemp -d /tmp/portray-XXXXXXXXXX) || return 1
    trap 'rm -rf "$portray_folder"' EXIT
    trap 'exit 1' HUP INT TERM
    cat >"$portray_folder/start" <<'{end}' || return 1
{start}
{end}
}}
if [ -n "$portray_open" ]; then
    echo {MARK}open
elif [ -z "$portray_seen" ]; then
    echo {MARK}unknown
elif portray_make; then
    printf '\n{MARK}folder %s\n' "$portray_folder"
else
    echo {MARK}no-folder
fi
"#
    )
}

/// What a line says about the preparation; none where it is not meant for us.
pub fn prepared(line: &str) -> Option<Preparation> {
    match line.strip_prefix(MARK)? {
        "open" => Some(Preparation::Open),
        "unknown" => Some(Preparation::Unknown),
        "no-folder" => Some(Preparation::NoFolder),
        said => {
            let folder = said.strip_prefix("folder ")?;
            // It becomes a word of a command there, whatever shell reads that.
            let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-".contains(letter);
            let is_usable = folder.starts_with('/') && folder.chars().all(is_plain);
            Some(match is_usable {
                true => Preparation::Ready(folder.to_owned()),
                false => Preparation::NoFolder,
            })
        }
    }
}

/// The command that begins the session: in words that every shell understands.
pub fn session(folder: &str) -> String {
    format!("exec sh {folder}/start")
}

impl Start<'_> {
    fn script(&self) -> String {
        let mut lines = vec![
            "rm -rf \"${0%/*}\"".to_owned(),
            format!("unset {}", COMPETING.join(" ")),
        ];
        let mut set = |name: &str, value: &str| lines.push(format!("export {name}={}", quoted(value)));
        set("AWS_CONTAINER_CREDENTIALS_FULL_URI", self.uri);
        set("AWS_CONTAINER_AUTHORIZATION_TOKEN", self.token.expose());
        if let Some(region) = self.region {
            set("AWS_REGION", region);
            set("AWS_DEFAULT_REGION", region);
        }
        // Some SDKs send requests to loopback through a proxy, token and all.
        lines.extend(no_proxy::statements(Shell::Bash));
        lines.push(match self.command {
            "" => "exec \"${SHELL:-/bin/sh}\" -l".to_owned(),
            command => format!("exec \"${{SHELL:-/bin/sh}}\" -c {}", quoted(command)),
        });
        lines.join("\n")
    }
}

/// Exactly this, for a POSIX shell.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// A line that is none of the text's.
fn unused_line(text: &str) -> String {
    let mut line = "portray-end".to_owned();
    while text.lines().any(|other| other == line) {
        line.push('-');
    }
    line
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    /// Has a real `sh` run the preparation for a port, and gives what it says; its folder goes with it.
    fn prepare(port: u16, command: &str, and_then: &str) -> String {
        let token = Secret::from("canary-token");
        let start = Start {
            uri: "http://127.0.0.1:9/credentials",
            token: &token,
            region: Some("eu-west-1"),
            command,
        };
        let mut shell = Command::new("sh")
            .env("SHELL", "/bin/sh")
            .env("AWS_PROFILE", "somebody-elses")
            .env("NO_PROXY", ".corp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = shell.stdin.take().unwrap();
        let script = greeting() + &preparation(port, &start) + and_then;
        input.write_all(script.as_bytes()).unwrap();
        drop(input);
        let output = shell.wait_with_output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn outcome(said: &str) -> Option<Preparation> {
        assert!(said.lines().next().is_some_and(is_here), "{said}");
        said.lines().find_map(prepared)
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn h1_a_port_that_others_can_reach_is_refused_before_the_token_is_written() {
        for address in ["0.0.0.0:0", "[::]:0"] {
            // Not every machine has both kinds.
            let Ok(listener) = std::net::TcpListener::bind(address) else {
                continue;
            };
            let said = prepare(listener.local_addr().unwrap().port(), "", "");
            assert_eq!(outcome(&said), Some(Preparation::Open), "{address}");
            assert!(!said.contains("folder"), "{said}");
        }
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let nobody = outcome(&prepare(port, "", ""));
        assert_eq!(nobody, Some(Preparation::Unknown), "nobody listens");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn x4_the_variables_are_in_a_file_of_the_persons_alone_until_the_session_begins() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let look = "stat -c %a \"$portray_folder\" \"$portray_folder/start\"\n";
        let run = "sh \"$portray_folder/start\"; test -e \"$portray_folder\" || echo gone\n";
        let hostile = "printf '%s|' \"$AWS_CONTAINER_AUTHORIZATION_TOKEN\" \"$AWS_REGION\" \"$no_proxy\" \"${AWS_PROFILE-none}\"\necho \"it's\" $0";
        let said = prepare(port, hostile, &format!("{look}{run}"));
        let Some(Preparation::Ready(folder)) = outcome(&said) else {
            panic!("{said}");
        };
        let modes = "700\n600\n";
        let from_session = "canary-token|eu-west-1|.corp,127.0.0.1,localhost,::1|none|it's /bin/sh\ngone\n";
        assert!(said.ends_with(&format!("{modes}{from_session}")), "{said}");
        assert!(!std::path::Path::new(&folder).exists());
        // A session that never begins leaves nothing either.
        let Some(Preparation::Ready(folder)) = outcome(&prepare(port, "", "")) else {
            panic!("it was prepared before");
        };
        assert!(!std::path::Path::new(&folder).exists());
    }

    #[test]
    fn i4_a_folder_that_could_be_more_than_a_word_is_none() {
        let said = |folder: &str| prepared(&format!("{MARK}folder {folder}"));
        assert_eq!(
            said("/tmp/portray-x"),
            Some(Preparation::Ready("/tmp/portray-x".to_owned()))
        );
        for hostile in ["/tmp/a b", "/tmp/$(id)", "/tmp/a;id", "tmp", "-x", "/tmp/'"] {
            assert_eq!(said(hostile), Some(Preparation::NoFolder), "{hostile}");
        }
        assert_eq!(prepared("Welcome to build!"), None);
    }

    #[test]
    fn i4_a_command_may_hold_any_line() {
        let text = "portray-end\nportray-end-\nx";
        assert_eq!(unused_line(text), "portray-end--");
    }
}
