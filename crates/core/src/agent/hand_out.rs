//! Hands credentials out: sees who asks and whether they may, and notes what came of it.

use std::time::Duration;

use super::handler::{Handler, Outcome};
use crate::agent::listener::Caller;
use crate::agent::protocol::{Asker, CredentialsReply, PreparedReply, Reply, Target, WireSecret};
use crate::agent::socket::Replies;
use crate::app::ConsoleRequest;
use crate::app::chained::chain_view;
use crate::app::contract::ProblemView;
use crate::consumers::{Asking, is_launch};
use crate::identity_center::RoleCredentials;
use crate::programs::Program;
use crate::uses::{Door, Observed};

/// How long a person waits for AWS, at most; what the application allows.
const PERSON: Duration = Duration::MAX;

/// How long a tool waits for the name and for AWS together: `credential-process` gives up soon after, so that the SDK
/// that started it is told what is wrong.
const TOOL: Duration = Duration::from_secs(9);

/// The uses that one line holds at most.
const PAGE: usize = 100;

/// What clients may name is noted up to this length.
const LONGEST_NAME: usize = 256;
const LONGEST_PATH: usize = 4096;
const LONGEST_CHAIN: usize = 8;

/// A console session as a client asks for it.
pub(super) struct ConsoleWish {
    pub request: ConsoleRequest,
    pub open_browser: bool,
    pub browser: Option<String>,
}

impl Asker {
    /// The program on whose behalf this is, as far as it can be told.
    fn program(&self, caller: &Caller) -> Option<Program> {
        match self.door {
            // Only an endpoint knows who is at its other end.
            Door::Exec | Door::Serve | Door::Container | Door::Ssh => self.program.clone().map(bounded),
            // The client becomes the command that it names.
            Door::ExecEnv => match &self.program {
                Some(command) => Some(Program {
                    pid: caller.pid.unwrap_or(command.pid),
                    ..bounded(command.clone())
                }),
                None => caller.behind(),
            },
            Door::CredentialProcess | Door::Credentials | Door::Env | Door::Console => caller.behind(),
            Door::Socket => caller.itself(),
        }
    }
}

impl Handler {
    pub(super) async fn credentials(
        &self,
        target: &Target,
        min_ttl_seconds: u32,
        asker: Asker,
        caller: &Caller,
        noted: &mut Option<Observed>,
    ) -> Outcome {
        let began = self.app.elapsed();
        let program = asker.program(caller);
        let launch = asker.launch.filter(|launch| is_launch(launch));
        // Nothing is looked up for a launch that is over, and nobody is asked about it.
        if let Some(problem) = self.over(asker.terms.as_ref()) {
            *noted = self.refused(target, &problem).map(|refused| Observed {
                door: asker.door,
                program,
                launch,
                ..refused
            });
            return Ok(Reply::Revoked { problem });
        }
        let key = self
            .named(target, asker.door, program.as_ref(), launch.as_deref(), noted)
            .await?;
        let min_ttl = Duration::from_secs(min_ttl_seconds.into());
        let waited = self.app.elapsed().saturating_sub(began);
        let patience = match target {
            Target::Role { .. } | Target::Chain { .. } => TOOL.saturating_sub(waited),
            Target::Words { .. } => PERSON,
        };
        let mut asked = Observed {
            door: asker.door,
            program,
            launch,
            ..self.observed(key)
        };
        // The settings may change while AWS is asked.
        let is_as_begun = || self.app.is_as_begun(&asked.role, asker.definition.as_deref());
        let judged = is_as_begun().and_then(|()| self.app.judge(asking(&asked)));
        let judged = match judged {
            Ok(()) => self.app.may_be_asked_for(&asked.role.portal, asker.door).await,
            refused => refused,
        };
        let outcome = match judged {
            Ok(()) => {
                let given = self.app.credentials_within(patience, &asked.role, min_ttl).await;
                given.and_then(|given| is_as_begun().map(|()| given))
            }
            Err(problem) => Err(problem),
        };
        // Its person may have signed out meanwhile.
        let over = self.over(asker.terms.as_ref());
        let outcome = over.clone().map_or(outcome, Err);
        asked.refused = words_of(&outcome);
        let asked = noted.insert(asked);
        if let Some(problem) = over {
            return Ok(Reply::Revoked { problem });
        }
        Ok(Reply::Credentials(self.in_reply(outcome?, asked)))
    }

    fn in_reply(&self, credentials: RoleCredentials, asked: &Observed) -> CredentialsReply {
        CredentialsReply {
            chain: chain_view(&self.app.catalogue(), &asked.role).map(Box::new),
            access_key_id: credentials.access_key_id,
            secret_access_key: WireSecret::from(credentials.secret_access_key),
            session_token: WireSecret::from(credentials.session_token),
            expires_at: credentials.expires_at,
            portal_name: asked.portal.clone(),
            account_name: asked.account_name.clone(),
            role: asked.role.clone().into(),
        }
    }

    /// Whether credentials could be handed out. They are not, so only a refusal is worth a note.
    pub(super) async fn prepare(
        &self,
        target: &Target,
        door: Door,
        caller: &Caller,
        noted: &mut Option<Observed>,
    ) -> Outcome {
        let program = caller.behind();
        let key = self.named(target, door, program.as_ref(), None, noted).await?;
        let asked = Observed {
            door,
            program,
            ..self.observed(key)
        };
        if let Err(problem) = self.app.credentials(&asked.role, Duration::ZERO).await {
            let refused = Some(problem.what_happened.clone());
            *noted = Some(Observed { refused, ..asked });
            return Err(problem.into());
        }
        Ok(Reply::Prepared(PreparedReply {
            stay: self.app.stays().of(&asked.role.portal),
            definition: self.app.definition(&asked.role),
            portal_name: asked.portal,
            account_name: asked.account_name,
            role: asked.role.into(),
        }))
    }

    /// Opens a console session, or answers its URL.
    pub(super) async fn console(
        &self,
        wish: ConsoleWish,
        caller: &Caller,
        noted: &mut Option<Observed>,
    ) -> Outcome {
        let asked = Observed {
            door: Door::Console,
            program: caller.behind(),
            ..self.observed(wish.request.role.clone())
        };
        let outcome = match self.app.judge(asking(&asked)) {
            Ok(()) => self.console_session(wish).await,
            Err(problem) => Err(problem),
        };
        let refused = words_of(&outcome);
        *noted = Some(Observed { refused, ..asked });
        Ok(outcome?)
    }

    async fn console_session(&self, wish: ConsoleWish) -> Result<Reply, ProblemView> {
        if !wish.open_browser {
            let url = self.app.console_url(&wish.request).await?;
            let url = Some(WireSecret::from(&url));
            return Ok(Reply::Console { url });
        }
        self.app.open_console(wish.request, wish.browser).await?;
        Ok(Reply::Console { url: None })
    }

    /// Sends the uses that there are, and those that come, until the client leaves.
    pub(super) async fn follow_uses(&self, after: u64, replies: &Replies) -> Reply {
        let mut changes = self.app.uses().changes();
        let mut after = after;
        loop {
            let view = self.app.uses_view(after, PAGE);
            let whole_page = view.uses.len() == PAGE;
            let is_first = after == 0;
            after = view.uses.last().map_or(after, |used| used.number);
            let has_news = is_first || !view.uses.is_empty();
            if has_news && replies.send(Reply::Uses(Box::new(view))).await.is_err() {
                return Reply::Done;
            }
            if whole_page {
                continue;
            }
            // Also where nothing was ever used, "the first" is over.
            after = after.max(1);
            tokio::select! {
                () = replies.left() => return Reply::Done,
                changed = changes.changed() => if changed.is_err() { return Reply::Done },
            }
        }
    }

    pub(super) fn uses(&self, after: u64) -> Reply {
        Reply::Uses(Box::new(self.app.uses_view(after, PAGE)))
    }

    /// Writes down what was noted, after the answer is on its way.
    pub(super) fn write_down(&self, noted: Observed, caller: &Caller) {
        let program = noted.program.map(|program| match program.below.is_empty() {
            true => caller.with_what_started_it(program),
            false => program,
        });
        self.app.uses().record(Observed { program, ..noted });
    }
}

/// A use that is asked for, as it is judged.
fn asking(asked: &Observed) -> Asking<'_> {
    Asking {
        program: asked.program.as_ref(),
        launch: asked.launch.as_deref(),
        door: asked.door,
        role: &asked.role,
        portal: &asked.portal,
        account_name: &asked.account_name,
        assumed: asked.assumed.as_ref(),
    }
}

/// Why something was refused, as it is written down.
fn words_of<T>(outcome: &Result<T, ProblemView>) -> Option<String> {
    let problem = outcome.as_ref().err()?;
    Some(problem.what_happened.clone())
}

/// A program as a client tells of it: no longer than what the system would say.
fn bounded(program: Program) -> Program {
    Program {
        pid: program.pid,
        name: cut(&program.name),
        executable: program.executable.filter(|path| path.len() <= LONGEST_PATH),
        below: program.below.into_iter().take(LONGEST_CHAIN).collect(),
    }
}

pub(super) fn cut(text: &str) -> String {
    text.chars().take(LONGEST_NAME).collect()
}
