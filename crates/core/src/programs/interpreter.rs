//! What runs when a script is run: its interpreter, as the first line names it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::paths::Environment;

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

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// What the system tells of a process that runs it.
    Program(PathBuf),
    /// The system never tells of it, only of what runs it: that is known where the first line says so.
    Script { interpreter: Option<PathBuf> },
}

/// What a path leads to, as the system will tell of it: no link, and nothing in it that leads back. None where no file
/// is there.
pub fn named(path: &Path, environment: &Environment) -> Option<Named> {
    if !(path.is_absolute() && path.is_file()) {
        return None;
    }
    if cfg!(windows) {
        // There it would be in another form than the one in which programs are seen.
        return Some(Named::Program(path.to_owned()));
    }
    let file = path.canonicalize().ok()?;
    let running = of(file.clone(), environment);
    let named = match is_program(&file) {
        true => Named::Program(file),
        false => Named::Script {
            interpreter: Some(running).filter(|running| *running != file && is_program(running)),
        },
    };
    Some(named)
}

/// Whether the system runs a file by itself. One that may be run and not read is none with a first line.
fn is_program(file: &Path) -> bool {
    let mut beginning = Vec::new();
    let read = File::open(file).and_then(|file| file.take(4).read_to_end(&mut beginning));
    match read {
        // Whatever else Linux runs, it runs with the help of another program.
        Ok(_) if cfg!(target_os = "linux") => beginning == b"\x7fELF",
        Ok(_) => !beginning.starts_with(b"#!"),
        Err(_) => true,
    }
}

/// Where the system finds a program that a command names: no link.
pub fn executable(named: &Path, environment: &Environment) -> io::Result<PathBuf> {
    if named.components().count() > 1 {
        return named.canonicalize();
    }
    let folders = std::env::split_paths(environment.text("PATH").unwrap_or_default());
    let mut candidates = folders.map(|folder| folder.join(named));
    let found = candidates.find(|candidate| candidate.is_file());
    found.ok_or(io::ErrorKind::NotFound)?.canonicalize()
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
    executable(program, environment).ok()
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
    #[test]
    fn a6_a_path_counts_where_a_file_is_and_as_what_the_system_will_tell_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let environment = Environment::of(&[("PATH", folder.to_str().unwrap())]);
        let named = |path: &Path| named(path, &environment);
        let (program, link) = (folder.join("python3.13"), folder.join("python3"));
        assert_eq!(named(&program), None);
        std::fs::write(&program, "\u{7f}ELF and more").unwrap();
        std::os::unix::fs::symlink("python3.13", &link).unwrap();
        std::fs::create_dir(folder.join("sub")).unwrap();
        let found = Some(Named::Program(program.clone()));
        for path in [&program, &link, &folder.join("sub/../sub/./../python3")] {
            assert_eq!(named(path), found, "{}", path.display());
        }
        assert_eq!(named(&folder), None);
        assert_eq!(named(Path::new("bin/sh")), None, "of which folder?");

        let script = folder.join("script");
        for (text, interpreter) in [
            ("#!/usr/bin/env python3\n", Some(program.clone())),
            ("#!/no/such/interpreter\n", None),
        ] {
            std::fs::write(&script, text).unwrap();
            assert_eq!(named(&script), Some(Named::Script { interpreter }), "{text}");
        }
        if cfg!(target_os = "linux") {
            std::fs::write(&script, "echo without a first line\n").unwrap();
            assert_eq!(named(&script), Some(Named::Script { interpreter: None }));
        }
    }
}
