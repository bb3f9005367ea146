//! `portray ssh` over an `ssh` that leads to this machine: what it leaves here when a signal ends it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::home::{Home, credentials, end};

/// Does here what is to be done there.
const SSH: &str = r#"#!/bin/sh
for last do :; done
case " $* " in
*" -O forward "*) for word do case $word in 127.0.0.1:0:*) echo "${word##*:}" ;; esac; done ;;
*) [ -n "$HANGS" ] && { echo begun >&2; exec sleep 60; }; exec sh -c "$last" ;;
esac
"#;

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn h1_a_signal_that_ends_it_leaves_no_folder_here_whether_it_connects_or_a_session_runs() {
    for hangs in ["", "1"] {
        for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
            let home = Home::new();
            let _requests = home.with_agent(vec![credentials()]);
            let (programs, temporary) = (home.path().join("programs"), home.path().join("temporary"));
            for folder in [&programs, &temporary] {
                fs::create_dir(folder).unwrap();
            }
            let ssh = programs.join("ssh");
            fs::write(&ssh, SSH).unwrap();
            fs::set_permissions(&ssh, PermissionsExt::from_mode(0o700)).unwrap();
            let path = format!("{}:/usr/bin:/bin", programs.display());
            let mut portray = home
                .portray(&[
                    "ssh",
                    "acme-dev/ReadOnly",
                    "--",
                    "host",
                    "echo begun >&2; exec sleep 60",
                ])
                .env("PATH", path)
                .env("TMPDIR", &temporary)
                .env("SHELL", "/bin/sh")
                .env("HANGS", hangs)
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut said = BufReader::new(portray.stderr.take().unwrap()).lines();
            assert!(said.any(|line| line.unwrap() == "begun"));
            assert_eq!(entries(&temporary).len(), 1, "what the connection is shared by");
            kill_process(Pid::from_child(&portray), signal).unwrap();
            let ended = portray.wait().unwrap();
            assert_eq!(end(ended), Err(signal.as_raw()), "{signal:?} {hangs}");
            let left = entries(&temporary);
            assert!(left.is_empty(), "{signal:?} {hangs}: {left:?}");
        }
    }
}

#[test]
fn where_there_is_no_ssh_it_is_said_what_to_install() {
    let home = Home::new();
    let _requests = home.with_agent(vec![credentials()]);
    let nothing = home.path().join("nothing");
    fs::create_dir(&nothing).unwrap();
    let told = |expected: &str| {
        let mut portray = home.portray(&["ssh", "acme-dev/ReadOnly", "--", "host"]);
        let ended = portray.env("PATH", &nothing).output().unwrap();
        let stderr = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
        assert!(!stderr.contains("sh -c"), "{stderr}");
    };
    told("Install OpenSSH's client");
    fs::write(nothing.join("ssh"), "no program").unwrap();
    told("See that “ssh -V” works");
}
