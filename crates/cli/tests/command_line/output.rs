//! What becomes of output that nobody reads to its end.

use std::process::Stdio;

use serde_json::json;

use crate::credential_process::PROCESS;
use crate::home::{Home, credentials, say, text};

#[test]
fn a_reader_that_had_enough_hears_nothing_and_a_tool_that_left_is_a_failure_in_words() {
    for (words, code, lines) in [
        (&["--help"][..], 141, 0),
        (&["portal", "list", "--json"], 141, 0),
        (&["status"], 141, 0),
        (&PROCESS, 1, 2),
    ] {
        let home = Home::new();
        home.with_agent_that(|stream, request| {
            let status = json!({"v": 1, "answer": "status", "pid": 7, "version": "0.1.0",
                "headline": "Add your access portal", "portals": [], "credentials": []});
            let is_tool = request["op"] == "credentials";
            say(stream, &if is_tool { credentials() } else { status })
        });
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = home.portray(words);
        let portray = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let output = portray.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{words:?} {output:?}");
        assert_eq!(text(&output.stderr).lines().count(), lines, "{output:?}");
    }
}
