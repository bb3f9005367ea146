//! One sign-in from the registration to the stored token; runs in a task of its own and reports Commands.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::app::command::{Began, Command};
use crate::app::contract::{ProblemView, SignInMethod};
use crate::clock::SharedClock;
use crate::identity_center::{Failure, Flow, Meaning, Registration, Token};
use crate::refresh::session::Session;
use crate::token_store::{SignIn, StoreFailure, TokenStore};

/// What a sign-in needs.
pub struct Attempt {
    pub number: u64,
    pub method: SignInMethod,
    /// Ends the session that lives first: else the new one would inherit its end.
    pub end_session_first: bool,
    pub session: Arc<Session>,
    pub store: TokenStore,
    pub clock: SharedClock,
    pub commands: mpsc::UnboundedSender<Command>,
}

impl Attempt {
    pub async fn run(self) {
        let outcome = self.sign_in().await;
        let portal = self.session.portal().id.clone();
        let _ = self.commands.send(Command::SignInEnded {
            portal,
            attempt: self.number,
            outcome,
        });
    }

    async fn sign_in(&self) -> Result<(), ProblemView> {
        // Whatever cannot be stored later is better learned before a browser opens.
        let registration = self.registration().await?;
        if self.end_session_first {
            self.session.sign_out().await.map_err(ProblemView::store)?;
        }
        let (registration, token) = match self.method {
            SignInMethod::Browser => self.in_a_browser(registration).await?,
            SignInMethod::DeviceCode => self.with_a_code(registration).await?,
        };
        let sign_in = SignIn {
            token,
            registration,
            signed_in_at: self.clock.now(),
        };
        let token = sign_in.token.clone();
        if let Err(failure) = self.session.adopt(sign_in).await {
            // A token that cannot be kept is not left alive either.
            if let Err(failure) = self.session.center.sign_out(&token).await {
                tracing::warn!(%failure, "a token that could not be stored lives on at AWS");
            }
            return Err(ProblemView::store(failure));
        }
        Ok(())
    }

    async fn in_a_browser(&self, registration: Registration) -> Result<(Registration, Token), ProblemView> {
        let center = &self.session.center;
        let waiting = center
            .begin_browser_sign_in(&registration)
            .await
            .map_err(|failure| self.problem(&failure))?;
        self.began(Began {
            url: waiting.authorize_url.clone(),
            user_code: None,
            expires_at: waiting.expires_at,
        });
        match center.finish_browser_sign_in(waiting, &registration).await {
            Ok(token) => Ok((registration, token)),
            Err(failure) => {
                self.forget_if_refused(&failure).await;
                Err(self.problem(&failure))
            }
        }
    }

    async fn with_a_code(&self, registration: Registration) -> Result<(Registration, Token), ProblemView> {
        let center = &self.session.center;
        let (registration, waiting) = match center.begin_device_sign_in(&registration).await {
            Ok(waiting) => (registration, waiting),
            Err(failure) if failure.meaning == Meaning::RegistrationRefused => {
                self.forget_if_refused(&failure).await;
                let registration = self.registration().await?;
                let waiting = center.begin_device_sign_in(&registration).await;
                (registration, waiting.map_err(|failure| self.problem(&failure))?)
            }
            Err(failure) => return Err(self.problem(&failure)),
        };
        self.began(Began {
            url: waiting.verification_url_complete.clone(),
            user_code: Some(waiting.user_code.clone()),
            expires_at: waiting.expires_at,
        });
        let token = center.finish_device_sign_in(waiting, &registration).await;
        token
            .map(|token| (registration, token))
            .map_err(|failure| self.problem(&failure))
    }

    /// The stored registration while it is good, else a new one, stored for the sign-ins to come.
    async fn registration(&self) -> Result<Registration, ProblemView> {
        let portal = self.session.portal();
        let stored = match self.store.registration(portal, self.flow()).await {
            // Nothing is lost with a registration that nobody understands: a new one takes its place.
            Err(StoreFailure::Corrupt) => None,
            stored => stored.map_err(ProblemView::store)?,
        };
        if let Some(registration) = stored.filter(|registration| registration.usable(self.clock.now())) {
            return Ok(registration);
        }
        let registration = self.session.center.register(self.flow()).await;
        let registration = registration.map_err(|failure| self.problem(&failure))?;
        self.store
            .save_registration(portal, &registration)
            .await
            .map_err(ProblemView::store)?;
        Ok(registration)
    }

    async fn forget_if_refused(&self, failure: &Failure) {
        if failure.meaning != Meaning::RegistrationRefused {
            return;
        }
        if let Err(failure) = self
            .store
            .forget_registration(self.session.portal(), self.flow())
            .await
        {
            tracing::warn!(%failure, "a refused registration stays in the store");
        }
    }

    fn flow(&self) -> Flow {
        match self.method {
            SignInMethod::Browser => Flow::Browser,
            SignInMethod::DeviceCode => Flow::DeviceCode,
        }
    }

    fn began(&self, began: Began) {
        let portal = self.session.portal().id.clone();
        let _ = self.commands.send(Command::SignInBegan {
            portal,
            attempt: self.number,
            began,
        });
    }

    fn problem(&self, failure: &Failure) -> ProblemView {
        ProblemView::aws(failure, &self.session.portal().name)
    }
}
