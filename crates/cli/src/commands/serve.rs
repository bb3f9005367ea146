//! `portray serve`: a container-credentials endpoint for programs that are started elsewhere.

use std::path::Path;

use portray_core::agent::protocol::PreparedReply;
use portray_core::app::contract::ProblemView;
use portray_core::clock::SystemClock;
use portray_core::secret::Secret;
use portray_core::uses::Door;
use serde_json::{Map, Value};

use super::own_files::OwnFile;
use super::{Invocation, credentials, default_profile, endpoint, launch, serve_containers};
use crate::arguments::Serve;
use crate::documents::{COMPETING, regions};
use crate::failure::Failure;
use crate::no_proxy;
use crate::printer::on_one_harmless_line;
use crate::signals::Signals;

pub fn run(invocation: &Invocation, arguments: &Serve) -> Result<(), Failure> {
    // Asked for first, so that what is wrong is said here and not by every program in its way.
    if let Some(folder) = &arguments.container_dir {
        let prepared = credentials::prepare(invocation, &arguments.role.words(), Door::Container)?;
        return serve_containers::run(invocation, folder, &prepared, arguments);
    }
    let role = arguments.role.words();
    let prepared = credentials::prepare(invocation, &role, Door::Serve)?;
    // The files of another machine are not known here.
    if arguments.authority.is_none() {
        default_profile::warn(invocation, &role, "env");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::system("Starting the runtime", &error))?;
    runtime.block_on(serve(invocation, arguments, &prepared))
}

async fn serve(invocation: &Invocation, arguments: &Serve, prepared: &PreparedReply) -> Result<(), Failure> {
    let launch = launch::new(prepared, Door::Serve)?;
    let mut endpoint = endpoint::bind(invocation, prepared, &launch).await?;
    let port = endpoint.port();
    if let Some(authority) = &arguments.authority {
        endpoint = endpoint.named(authority);
    }
    let mut signals = Signals::listen().map_err(|error| Failure::system("Listening to signals", &error))?;
    let token = endpoint.token();
    let file = arguments.token_file.as_deref().map(|path| written(path, token));
    let file = file.transpose()?;
    let token = match &file {
        Some(file) => ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", shown(file)?),
        None => ("AWS_CONTAINER_AUTHORIZATION_TOKEN", token.expose().clone()),
    };
    let mut variables = vec![("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint.uri()), token];
    variables.extend(regions(arguments.region.as_deref()));
    print(invocation, arguments, variables)?;
    let name = prepared.role.in_words(&prepared.account_name);
    let note = format!("{name} is served until Ctrl-C.");
    invocation.printer.note(&on_one_harmless_line(&note));
    if let Some(authority) = &arguments.authority {
        let note = format!("Lead the port here: ssh -R {authority}:127.0.0.1:{port} HOST");
        invocation.printer.note(&note);
    }
    let over = launch::announce(invocation, launch.of(std::process::id()));
    tokio::select! {
        ended = endpoint.serve() => ended.map_err(|error| Failure::system("Serving on 127.0.0.1", &error)),
        _ = signals.next() => Ok(()),
        gone = until_gone(file.as_ref()) => Err(gone),
        problem = launch::end(over) => Err(problem.into()),
    }
}

fn print(
    invocation: &Invocation,
    arguments: &Serve,
    mut variables: Vec<(&'static str, String)>,
) -> Result<(), Failure> {
    // What is printed is for programs elsewhere: whether those have a proxy is not known here.
    if arguments.json {
        variables.extend(no_proxy::variables(&invocation.environment));
        let pairs = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())));
        return invocation.printer.json(&pairs.collect::<Map<_, _>>());
    }
    let shell = invocation.shell(arguments.shell);
    invocation.statements(shell, &COMPETING, &variables, &no_proxy::statements(shell))
}

/// A file that holds the token, and nothing else: SDKs send also a line's end.
fn written(path: &Path, token: &Secret) -> Result<OwnFile, Failure> {
    OwnFile::create(path, token).map_err(|error| unwritten(path, &error))
}

fn shown(file: &OwnFile) -> Result<String, Failure> {
    let text = file.path().to_str().map(str::to_owned);
    Ok(text.ok_or_else(ProblemView::unquotable)?)
}

/// Comes when programs do not find the token any more where they are told to read it.
async fn until_gone(file: Option<&OwnFile>) -> Failure {
    let Some(file) = file else {
        return std::future::pending().await;
    };
    file.until_gone(&SystemClock::shared()).await;
    ProblemView::token_file_gone(file.path()).into()
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    ProblemView::file_not_made(&path.display(), error).into()
}
