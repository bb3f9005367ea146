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
    use std::collections::BTreeMap;

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

    /// Windows' variables, whose names are the same in capitals and small letters.
    #[derive(Debug, Clone, Default)]
    struct Variables(BTreeMap<String, String>);

    impl Variables {
        fn of(value: Option<&str>) -> Self {
            let value = value.map(|value| (NAMES[0].to_owned(), value.to_owned()));
            Self(value.into_iter().collect())
        }

        fn get(&self, name: &str) -> &str {
            self.0.get(&name.to_uppercase()).map_or("", String::as_str)
        }

        /// An empty value is none, to both shells.
        fn set(&mut self, name: &str, value: &str) {
            self.0.insert(name.to_uppercase(), value.to_owned());
            self.0.retain(|_, value| !value.is_empty());
        }
    }

    /// What a line does in the command prompt: it puts in the values first, `%NAME%` and `%NAME:PART=%` (without that
    /// part), then does what follows the conditions that hold.
    fn in_the_command_prompt(line: &str, variables: &mut Variables) {
        let mut put_in = String::new();
        for (index, piece) in line.split('%').enumerate() {
            match (index % 2, piece.split_once(':')) {
                (0, _) => put_in += piece,
                (_, None) => put_in += variables.get(piece),
                (_, Some((name, part))) => {
                    put_in += &variables.get(name).replace(part.strip_suffix('=').unwrap(), "");
                }
            }
        }
        let mut rest = put_in.as_str();
        while let Some(condition) = rest.strip_prefix("if ") {
            let (condition, is_negated) = match condition.strip_prefix("not ") {
                Some(condition) => (condition, true),
                None => (condition, false),
            };
            let holds;
            (holds, rest) = match condition.strip_prefix("defined ") {
                Some(condition) => {
                    let (name, rest) = condition.split_once(' ').unwrap();
                    (!variables.get(name).is_empty(), rest)
                }
                None => {
                    let (left, rest) = condition.strip_prefix('"').unwrap().split_once("\"==\"").unwrap();
                    let (right, rest) = rest.split_once("\" ").unwrap();
                    (left == right, rest)
                }
            };
            if holds == is_negated {
                return;
            }
        }
        let assignment = rest.strip_prefix("set \"").unwrap().strip_suffix('"').unwrap();
        let (name, value) = assignment.split_once('=').unwrap();
        variables.set(name, value);
    }

    /// How a shell does a line.
    type Run = fn(&str, &mut Variables);

    /// What a line does in PowerShell: `if (…) {…} elseif (…) {…}`, one behind the other.
    fn in_powershell(line: &str, variables: &mut Variables) {
        for statement in line.split("; ") {
            let mut clauses = statement.strip_prefix("if (").unwrap().split(" elseif (");
            let holding = clauses.find_map(|clause| {
                let (condition, action) = clause.split_once(") { ").unwrap();
                let mut terms = condition.split(" -and ");
                terms.all(|term| holds(term, variables)).then_some(action)
            });
            let Some(action) = holding else { continue };
            let action = action.strip_suffix(" }").unwrap().strip_prefix("$Env:").unwrap();
            let (name, value) = action
                .split_once(" = ")
                .or_else(|| action.split_once(" += "))
                .unwrap();
            let value = match value.strip_prefix("$Env:") {
                Some(other) => variables.get(other),
                None => value.strip_prefix('\'').unwrap().strip_suffix('\'').unwrap(),
            };
            let before = if action.contains(" += ") {
                variables.get(name)
            } else {
                ""
            };
            let value = format!("{before}{value}");
            variables.set(name, &value);
        }
    }

    fn holds(term: &str, variables: &Variables) -> bool {
        let (term, is_negated) = match term.strip_prefix("-not ") {
            Some(term) => (term, true),
            None => (term, false),
        };
        let is_so = match (term.strip_prefix("$Env:"), term.split_once(".EndsWith('")) {
            (None, Some((text, end))) => {
                let name = text.strip_prefix("\",$Env:").unwrap().strip_suffix('"').unwrap();
                format!(",{}", variables.get(name)).ends_with(end.strip_suffix("')").unwrap())
            }
            (Some(comparison), _) => match comparison.split_once(" -ne '") {
                Some((name, other)) => variables.get(name) != other.strip_suffix('\'').unwrap(),
                None => !variables.get(comparison).is_empty(),
            },
            (None, None) => panic!("{term}"),
        };
        is_so != is_negated
    }

    #[test]
    fn h3_windows_shells_add_loopback_to_what_they_have_once() {
        let run: [(Shell, Run); 2] = [
            (Shell::Cmd, in_the_command_prompt),
            (Shell::Powershell, in_powershell),
        ];
        for (shell, run) in run {
            for (before, after) in CASES.map(|(before, after)| (before[0], after[0])) {
                let mut variables = Variables::of(before);
                for line in statements(shell).iter().chain(&statements(shell)) {
                    run(line, &mut variables);
                }
                // What one spelling says the other one says too.
                let after = before.map_or(LOOPBACK, |_| after);
                assert_eq!(variables.get(NAMES[1]), after, "{shell:?} {before:?}");
            }
        }
    }
}
