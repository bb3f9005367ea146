//! What keeps requests to this machine away from a proxy: some SDKs send them there, token and all.

use portray_core::paths::Environment;

use crate::shells::Shell;

/// This machine, by every name that an endpoint may have.
pub const LOOPBACK: &str = "127.0.0.1,localhost,::1";

/// Both spellings: curl, Python and botocore prefer the second one, others know only the first.
const NAMES: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The variables for a program that gets this environment. What is missing in one spelling stands in the other.
pub fn variables(environment: &Environment) -> [(&'static str, String); 2] {
    let [upper, lower] = NAMES.map(|name| environment.text(name));
    [(NAMES[0], upper.or(lower)), (NAMES[1], lower.or(upper))]
        .map(|(name, exceptions)| (name, with_loopback(exceptions)))
}

/// A lone star stands for every host only as long as it is alone: curl and Python compare the whole list with it. A
/// star among others means every host to Go, and still does with more behind it.
fn with_loopback(exceptions: Option<&str>) -> String {
    match exceptions {
        None => LOOPBACK.to_owned(),
        Some(exceptions) if exceptions == "*" || ends_with_loopback(exceptions) => exceptions.to_owned(),
        Some(exceptions) => format!("{exceptions},{LOOPBACK}"),
    }
}

fn ends_with_loopback(exceptions: &str) -> bool {
    let before = exceptions.strip_suffix(LOOPBACK);
    before.is_some_and(|before| before.is_empty() || before.ends_with(','))
}

/// The same for a shell whose own variables are not known here: lines that may be evaluated more than once.
pub fn statements(shell: Shell) -> Vec<String> {
    let [upper, lower] = NAMES;
    match shell {
        Shell::Bash => [(upper, lower), (lower, upper)].map(posix).into(),
        Shell::Fish => [(upper, lower), (lower, upper)].map(fish).into(),
        Shell::Powershell => [(upper, lower), (lower, upper)].map(powershell).into(),
        // Windows takes both spellings for one.
        Shell::Cmd => vec![
            format!("if not defined {upper} set \"{upper}={LOOPBACK}\""),
            format!(
                "if not \"%{upper}%\"==\"*\" if \"%{upper}:127.0.0.1,localhost=%\"==\"%{upper}%\" set \"{upper}=%{upper}%,{LOOPBACK}\""
            ),
        ],
    }
}

/// For bash, zsh and other POSIX shells, also where an unset variable is an error (`set -u`).
pub fn posix((name, other): (&str, &str)) -> String {
    format!(
        "export {name}=\"${{{name}:-${{{other}-}}}}\"; \
         case \"${name}\" in '*' | '{LOOPBACK}' | *',{LOOPBACK}') ;; \
         *) {name}=\"${{{name}:+${name},}}{LOOPBACK}\" ;; esac"
    )
}

fn fish((name, other): (&str, &str)) -> String {
    let done = r"^\*$|(^|,)127\.0\.0\.1,localhost,::1$";
    format!(
        "if test -n \"${name}\"; set -gx {name} \"${name}\"; else; set -gx {name} \"${other}\"; end; \
         if test -z \"${name}\"; set -gx {name} '{LOOPBACK}'; \
         else if not string match -qr '{done}' -- \"${name}\"; set -gx {name} \"${name},{LOOPBACK}\"; end"
    )
}

fn powershell((name, other): (&str, &str)) -> String {
    format!(
        "if (-not $Env:{name}) {{ $Env:{name} = $Env:{other} }}; \
         if (-not $Env:{name}) {{ $Env:{name} = '{LOOPBACK}' }} \
         elseif ($Env:{name} -ne '*' -and -not \",$Env:{name}\".EndsWith(',{LOOPBACK}')) \
         {{ $Env:{name} += ',{LOOPBACK}' }}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What both spellings are before, and after.
    const CASES: [([Option<&str>; 2], [&str; 2]); 6] = [
        ([None, None], [LOOPBACK, LOOPBACK]),
        (
            [Some(".corp"), None],
            [".corp,127.0.0.1,localhost,::1", ".corp,127.0.0.1,localhost,::1"],
        ),
        (
            [None, Some(".corp")],
            [".corp,127.0.0.1,localhost,::1", ".corp,127.0.0.1,localhost,::1"],
        ),
        (
            [Some("a"), Some("b")],
            ["a,127.0.0.1,localhost,::1", "b,127.0.0.1,localhost,::1"],
        ),
        ([Some("*"), None], ["*", "*"]),
        (
            [Some("$(id)'\\ x,*"), Some(LOOPBACK)],
            ["$(id)'\\ x,*,127.0.0.1,localhost,::1", LOOPBACK],
        ),
    ];

    fn environment(values: [Option<&str>; 2]) -> Environment {
        let set = NAMES.into_iter().zip(values);
        let set: Vec<_> = set.filter_map(|(name, value)| Some((name, value?))).collect();
        Environment::of(&set)
    }

    #[test]
    fn h3_loopback_is_never_proxied_and_what_the_person_excepts_stays_in_both_spellings() {
        for (before, after) in CASES {
            let given = variables(&environment(before));
            assert_eq!(given.clone().map(|(_, value)| value), after, "{before:?}");
            let again = given.each_ref().map(|(_, value)| Some(value.as_str()));
            assert_eq!(variables(&environment(again)), given, "{before:?}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn h3_every_shell_adds_loopback_to_its_own_exceptions_once() {
        for (name, shell) in [
            ("sh", Shell::Bash),
            ("bash", Shell::Bash),
            ("zsh", Shell::Bash),
            ("fish", Shell::Fish),
        ] {
            for (before, after) in CASES {
                let strict = if shell == Shell::Bash { "set -u\n" } else { "" };
                let lines = statements(shell).join("\n");
                // Twice; and what the shell's children get.
                let script = format!("{strict}{lines}\n{lines}\nenv");
                let mut run = std::process::Command::new(name);
                run.arg("-c").arg(script);
                for (name, value) in NAMES.into_iter().zip(before) {
                    match value {
                        Some(value) => run.env(name, value),
                        None => run.env_remove(name),
                    };
                }
                let output = match run.output() {
                    // The tests' set-up installs it on Linux: there it is missed.
                    Err(_) if !cfg!(target_os = "linux") => continue,
                    output => output.unwrap(),
                };
                assert!(
                    output.status.success() && output.stderr.is_empty(),
                    "{name} {output:?}"
                );
                let given = String::from_utf8(output.stdout).unwrap();
                let values = NAMES.map(|wanted| {
                    let mut lines = given.lines();
                    lines.find_map(|line| line.strip_prefix(&format!("{wanted}=")))
                });
                assert_eq!(values, after.map(Some), "{name} {before:?}");
            }
        }
    }

    #[test]
    fn h3_windows_shells_add_loopback_to_what_they_have() {
        let cmd = statements(Shell::Cmd);
        assert_eq!(cmd.len(), 2, "one name for both spellings");
        assert!(cmd[1].ends_with("set \"NO_PROXY=%NO_PROXY%,127.0.0.1,localhost,::1\""));
        let powershell = statements(Shell::Powershell).join("\n");
        assert!(powershell.contains("$Env:no_proxy += ',127.0.0.1,localhost,::1'"));
    }
}
