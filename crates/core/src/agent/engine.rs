//! What every resident process is started from: what a person has set is read before anything is shown or claimed.

use std::path::PathBuf;
use std::sync::Arc;

use crate::agent::handler::Host;
use crate::agent::protocol::AgentKind;
use crate::app::contract::ProblemView;
use crate::app::shell::Shell;
use crate::app::{App, Parts};
use crate::aws_config::sso_cache::SsoCache;
use crate::clock::SharedClock;
use crate::identity_center::HttpStack;
use crate::paths::{Environment, EnvironmentError, Paths, SecretStore};
use crate::private_files;
use crate::secret::Secret;
use crate::settings::{Settings, SettingsError};
use crate::stays::Stays;
use crate::token_store::{SealedFault, TokenStore};

/// An application that is ready to be started.
#[derive(Debug)]
pub struct Engine {
    pub environment: Environment,
    pub paths: Paths,
    pub clock: SharedClock,
    pub secret_store: SecretStore,
    settings: Settings,
}

/// A mistake in what a person has set: nothing is started with it.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("the encrypted sign-ins in {path}: {fault}")]
    SealedFile { path: PathBuf, fault: SealedFault },
    #[error("nobody was asked for the passphrase of the encrypted sign-ins")]
    NoPassphrase,
}

impl EngineError {
    /// What a person reads.
    pub fn into_problem(self) -> ProblemView {
        match self {
            Self::Environment(error) => ProblemView::environment(&error),
            Self::Settings(error) => ProblemView::settings(&error),
            Self::SealedFile { path, fault } => ProblemView::sealed_file(&fault, &path),
            Self::NoPassphrase => ProblemView::no_passphrase(),
        }
    }
}

impl Engine {
    pub fn load(environment: Environment, paths: Paths, clock: SharedClock) -> Result<Self, EngineError> {
        let secret_store = environment.secret_store()?;
        environment.endpoint()?;
        let settings = Settings::load(&paths.settings(), clock.now())?;
        Ok(Self {
            environment,
            paths,
            clock,
            settings,
            secret_store,
        })
    }

    /// What clients are told of this process.
    pub fn host(&self, kind: AgentKind) -> Host {
        Host {
            kind,
            secret_store: self.secret_store,
        }
    }

    /// Starts the application on the current tokio runtime. Only whoever holds the claim may: encrypted sign-ins are
    /// read here, and written from here on.
    pub fn start(self, passphrase: Option<Secret>, shell: Arc<dyn Shell>) -> Result<App, EngineError> {
        let store = self.open_store(passphrase)?.noting_in(&self.paths.state);
        self.remove_leftovers();
        let stays = Stays::load(&self.paths, self.clock.now());
        Ok(App::start(Parts {
            http: HttpStack::system(&self.environment, self.clock.clone()),
            environment: self.environment,
            paths: self.paths,
            settings: self.settings,
            clock: self.clock,
            store,
            stays,
            shell,
        }))
    }

    /// What processes that were killed left of the files that they were writing.
    fn remove_leftovers(&self) {
        let Paths {
            config,
            cache,
            state,
            runtime,
            ..
        } = &self.paths;
        for folder in [config, cache, state, runtime] {
            private_files::remove_leftovers(folder);
        }
        if let Some(home) = self.environment.home() {
            SsoCache::in_home(&home).remove_leftovers();
        }
    }

    fn open_store(&self, passphrase: Option<Secret>) -> Result<TokenStore, EngineError> {
        match self.secret_store {
            SecretStore::Keyring => Ok(TokenStore::keyring(
                &self.paths.keyring_service,
                self.clock.clone(),
            )),
            SecretStore::Memory => Ok(TokenStore::memory()),
            SecretStore::File => {
                let passphrase = passphrase.ok_or(EngineError::NoPassphrase)?;
                let path = self.paths.sign_ins();
                TokenStore::file(&path, &passphrase, self.clock.clone())
                    .map_err(|fault| EngineError::SealedFile { path, fault })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    /// What a start with these variables and settings is refused with, if it is.
    fn refusal(variables: &[(&str, &str)], settings: &str) -> Option<String> {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("settings.toml"), settings).unwrap();
        let home_path = home.path().display().to_string();
        let mut variables = variables.to_vec();
        variables.push(("PORTRAY_HOME", &home_path));
        let environment = Environment::of(&variables);
        let paths = Paths::of(&environment).unwrap();
        let loaded = Engine::load(environment, paths, SystemClock::shared());
        loaded.err().map(|error| error.to_string())
    }

    #[test]
    fn guards_are_refused_rather_than_ignored() {
        let refused = refusal(&[], "[[guard]]\nmatch = \"*prod*\"\n").unwrap();
        assert!(refused.contains("[[guard]]"), "{refused}");
    }

    #[test]
    fn an_endpoint_beyond_this_machine_is_refused() {
        let elsewhere = [("PORTRAY_ENDPOINT_URL", "https://evil.example")];
        assert!(refusal(&elsewhere, "").is_some());
        assert_eq!(refusal(&[("PORTRAY_SECRET_STORE", "memory")], ""), None);
    }
}
