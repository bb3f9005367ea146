//! Writes the contract as TypeScript for the window, and fails where the committed file differs.

use std::path::Path;

use ts_rs::{Config, TS};

use super::{
    Answer, AwsCliPortal, CONSOLE_SERVICES, ChainView, ConsoleVia, ConsumerOrder, CredentialsState,
    CredentialsView, DifferenceLine, FileFinding, LineSign, MfaCode, Mood, PortalState, PortalView,
    ProblemCode, ProblemView, ProfilesChange, ProfilesOrder, ProfilesView, Request, Role, RoleRow,
    SearchAnswer, SearchRequest, SignInMethod, SignInView, Snapshot, StartUrlView, SyncProgress, SyncView,
    UsesView,
};
use crate::consumers::{Launch, Question, RevokedProgram};
use crate::programs::{Ancestor, Program};
use crate::role_chain::Assumed;
use crate::uses::{Door, Use, UseOutcome};

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/src/contract.ts");

const HEADER: &str = "// What the window sees and may ask for. Generated from crates/core/src/app/contract.rs:\n\
                      // `UPDATE=1 cargo test -p portray-core contract` writes it anew.\n";

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE concerns this test, not the application"
)]
fn contract_typescript_is_the_committed_one() {
    let generated = typescript();
    let path = Path::new(COMMITTED);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        committed.replace("\r\n", "\n"),
        generated,
        "ui/src/contract.ts is out of date: UPDATE=1 cargo test -p portray-core contract"
    );
}

#[test]
fn contract_typescript_leaves_no_type_out() {
    let generated = typescript();
    let sources = [
        include_str!("contract.rs"),
        include_str!("contract/profiles.rs"),
        include_str!("further_role.rs"),
    ];
    let declared: Vec<&str> = sources
        .iter()
        .flat_map(|source| source.lines())
        .filter_map(|line| {
            line.strip_prefix("pub struct ")
                .or_else(|| line.strip_prefix("pub enum "))
        })
        .filter_map(|rest| rest.split(|letter: char| !letter.is_alphanumeric()).next())
        .collect();
    assert!(declared.len() > 15, "found only {declared:?}");
    for name in declared {
        assert!(
            generated.contains(&format!("export type {name} =")),
            "{name} is missing"
        );
    }
}

fn typescript() -> String {
    let declarations = [
        declaration::<Request>(),
        declaration::<Answer>(),
        declaration::<AwsCliPortal>(),
        declaration::<Role>(),
        declaration::<MfaCode>(),
        declaration::<SignInMethod>(),
        declaration::<ConsoleVia>(),
        declaration::<ProblemView>(),
        declaration::<ProblemCode>(),
        declaration::<Snapshot>(),
        declaration::<Mood>(),
        declaration::<PortalView>(),
        declaration::<PortalState>(),
        declaration::<SyncView>(),
        declaration::<SyncProgress>(),
        declaration::<SignInView>(),
        declaration::<ChainView>(),
        declaration::<CredentialsView>(),
        declaration::<CredentialsState>(),
        declaration::<SearchRequest>(),
        declaration::<SearchAnswer>(),
        declaration::<RoleRow>(),
        declaration::<StartUrlView>(),
        declaration::<ConsumerOrder>(),
        declaration::<ProfilesOrder>(),
        declaration::<ProfilesChange>(),
        declaration::<ProfilesView>(),
        declaration::<DifferenceLine>(),
        declaration::<LineSign>(),
        declaration::<FileFinding>(),
        declaration::<UsesView>(),
        declaration::<Use>(),
        declaration::<UseOutcome>(),
        declaration::<Assumed>(),
        declaration::<Door>(),
        declaration::<Program>(),
        declaration::<Ancestor>(),
        declaration::<Launch>(),
        declaration::<RevokedProgram>(),
        declaration::<Question>(),
    ];
    format!("{HEADER}\n{}\n{}", declarations.join("\n"), services())
}

fn services() -> String {
    let rows = CONSOLE_SERVICES.map(|(name, service)| format!("  ['{name}', '{service}'],\n"));
    format!(
        "/** The services at which menus open the console: name, and keyword of the destination. */\n\
         export const CONSOLE_SERVICES: [name: string, service: string][] = [\n{}];\n",
        rows.concat()
    )
}

fn declaration<T: TS>() -> String {
    let lines: Vec<String> = format!(
        "{}export {}",
        T::docs().unwrap_or_default(),
        T::decl(&Config::default())
    )
    .lines()
    .map(|line| line.trim_end().to_owned())
    .collect();
    format!("{}\n", lines.join("\n"))
}
