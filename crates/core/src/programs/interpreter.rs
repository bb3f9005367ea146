//! What runs when a script is run: its interpreter, as the first line names it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use portray_core::paths::Environment;

use super::launch;

/// How much of a first line Linux looks at.
const LONGEST: u64 = 256;

/// How many interpreters that are scripts themselves Linux follows.
const DEEPEST: usize = 5;

/// The program that the system runs for this file, as the system will tell of it: the file itself, or the interpreter.
pub fn of(file: PathBuf, environment: &Environment) -> PathBuf {
    let mut running = file;
    for _ in 0..DEEPEST {
        let next = first_line(&running).ok().flatten();
        match next.and_then(|line| interpreter(&line, environment)) {
            Some(interpreter) => running = interpreter,
            None => break,
        }
    }
    running
}

/// What stands behind `#!`; none for a program.
fn first_line(file: &Path) -> io::Result<Option<String>> {
    let mut beginning = Vec::new();
    File::open(file)?.take(LONGEST).read_to_end(&mut beginning)?;
    let line = beginning.split(|byte| *byte == b'\n').next();
    let named = line.and_then(|line| line.strip_prefix(b"#!"));
    Ok(named.map(|named| String::from_utf8_lossy(named).into_owned()))
}

/// `env` puts another program in its own place.
fn interpreter(line: &str, environment: &Environment) -> Option<PathBuf> {
    let mut words = line.split_ascii_whitespace();
    let program = Path::new(words.next()?);
    let program = match program.file_name() == Some(OsStr::new("env")) {
        // Options (`-S`, `-i`) and variables come before the program.
        true => words
            .find(|word| !word.starts_with('-') && !word.contains('='))
            .map_or(program, Path::new),
        false => program,
    };
    launch::executable(program, environment).ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a6_a_script_counts_as_the_interpreter_that_its_first_line_names() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let python = write("python3.13", "\u{7f}ELF");
        let link = folder.join("python3");
        std::os::unix::fs::symlink(&python, &link).unwrap();
        let path = folder.to_str().unwrap();
        let environment = Environment::of(&[("PATH", path)]);
        let wrapper = write("wrapper", &format!("#!{path}/python3 -u\n"));
        for line in [
            format!("#!{path}/python3.13"),
            format!("#! {path}/python3 -u\nimport boto3"),
            "#!/usr/bin/env python3\n".to_owned(),
            "#!/usr/bin/env -S A=1 python3 -u\n".to_owned(),
            format!("#!{}\n", wrapper.display()),
        ] {
            let script = write("script", &line);
            assert_eq!(of(script, &environment), python, "{line}");
        }
        for itself in ["", "import boto3\n", "#!\n", "#!/no/such/interpreter\n"] {
            let script = write("script", itself);
            assert_eq!(of(script.clone(), &environment), script, "{itself}");
        }
        let endless = write("endless", &format!("#!{path}/endless\n"));
        assert_eq!(of(endless.clone(), &environment), endless);
    }
}
