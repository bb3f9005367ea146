//! The sentences about signing in and out: what failed, what is not needed, and what AWS could not be told.

use jiff::Zoned;
use jiff::tz::TimeZone;

use crate::app::command_problem::for_a_shell;
use crate::app::contract::{ProblemCode, ProblemView};
use crate::clock::Clock;
use crate::identity_center::{Failure, Meaning, Trouble};
use crate::refresh::RefreshFailure;
use crate::refresh::session::Session;
use crate::refresh::standing::{Ended, SessionView, WhyEnded};

impl ProblemView {
    /// AWS had replaced the token in the store, and its successor was lost with the process that had it.
    pub fn lost_renewal(portal: &str) -> Self {
        Self {
            what_happened: format!(
                "Portray ended before the renewed sign-in to {portal} could be stored, and AWS does not take the one before it."
            ),
            ..Self::sign_in_needed(portal)
        }
    }

    /// AWS has ended the session. `at`: when that was noticed; `now`: by the same clock.
    pub fn session_ended(portal: &str, why: WhyEnded, at: &Zoned, now: &Zoned) -> Self {
        let at = match at.date() == now.date() {
            true => at.strftime("%H:%M"),
            false => at.strftime("%H:%M on %-d %B"),
        };
        let why = match why {
            WhyEnded::ItsTime => "its time was over",
            WhyEnded::NotRenewed => "AWS refuses to renew it",
            WhyEnded::TokenRefused => "AWS does not accept its tokens any more",
            WhyEnded::Registration => "the registration of this application has expired",
        };
        Self {
            what_happened: format!("Your session at {portal} ended at {at}: {why}."),
            ..Self::sign_in_needed(portal)
        }
    }

    /// A token, or credentials, of a session could not be had; where AWS has ended it, why. `role`, `zone`: of whom it
    /// is told.
    pub fn of_session(
        failure: &RefreshFailure,
        session: &Session,
        role: Option<&str>,
        clock: &dyn Clock,
        zone: &TimeZone,
    ) -> Self {
        let portal = &session.portal().name;
        match *failure == RefreshFailure::SignInNeeded {
            true => Self::signed_out(portal, &session.view(), clock, zone),
            false => Self::refresh(failure, portal, role),
        }
    }

    /// Nobody is signed in to a portal, and why.
    pub fn signed_out(portal: &str, view: &SessionView, clock: &dyn Clock, zone: &TimeZone) -> Self {
        let shown = |time| clock.as_shown(time).to_zoned(zone.clone());
        match view.ended {
            Some(Ended { at, why }) => Self::session_ended(portal, why, &shown(at), &shown(clock.now())),
            None => Self::sign_in_needed(portal),
        }
    }

    /// A sign-in has ended without one: nobody tries it again.
    pub fn sign_in_failed(failure: &Failure, portal: &str) -> Self {
        let problem = Self::aws(failure, portal);
        let again = format!("sign in again: portray login {}", for_a_shell(portal));
        let said = failure.detail.as_deref().map(|said| format!(" ({said})"));
        let said = said.unwrap_or_default();
        match failure.meaning {
            Meaning::TokenRefused | Meaning::GrantRefused => Self::new(
                ProblemCode::SignInNeeded,
                format!("AWS does not take what the sign-in to {portal} brought{said}."),
                format!("Nothing is signed in; {again}"),
            ),
            Meaning::RegistrationRefused => Self::new(
                ProblemCode::SignInNeeded,
                format!("AWS does not know this application any more, in the sign-in to {portal}{said}."),
                format!("Portray registers anew when you {again}"),
            ),
            Meaning::Throttled => Self {
                what_to_do: format!("The sign-in has ended; wait a minute, then {again}"),
                ..problem
            },
            Meaning::Unreachable => Self {
                what_to_do: format!("{}, then {again}", look_at(failure.trouble)),
                ..problem
            },
            Meaning::NotAssigned
            | Meaning::DeniedByPerson
            | Meaning::TimedOut
            | Meaning::AdministratorNeeded
            | Meaning::RoleDenied
            | Meaning::KeysRefused
            | Meaning::Invalid => problem,
        }
    }

    /// A session that lived has ended for a sign-in that came to nothing. A notice cuts its title, so it stands below.
    pub(super) fn signed_out_for_it(self, portal: &str) -> Self {
        Self {
            what_to_do: format!("You were signed out of {portal} for it. {}", self.what_to_do),
            ..self
        }
    }

    /// Somebody wants to sign in who is signed in already, with a token that has run out and is not renewed.
    pub fn still_signed_in(failure: &RefreshFailure, portal: &str) -> Self {
        let problem = Self::refresh(failure, portal, None);
        let what_to_do = match problem.code.ends_when_aws_answers() {
            true => "No new sign-in is needed: Portray goes on by itself as soon as AWS answers.".to_owned(),
            false => format!(
                "{} To end this session and begin another: portray login --force {}",
                problem.what_to_do,
                for_a_shell(portal)
            ),
        };
        Self {
            code: problem.code,
            what_happened: format!(
                "You are still signed in to {portal}, but the access token has run out. {}",
                problem.what_happened
            ),
            what_to_do,
        }
    }

    /// Nobody waits for the words about a sign-out that AWS knows nothing of.
    pub(super) fn aws_not_told(words: String) -> Self {
        Self::new(
            ProblemCode::Unreachable,
            words,
            "Nothing is left to do here. To end it there at once, sign out in the access portal.",
        )
    }
}

/// AWS could not be told of a sign-out. `ends_at`: when the session there ends by itself.
pub(super) fn signed_out_here(portal: &str, ends_at: Option<&Zoned>) -> String {
    let until = match ends_at {
        Some(end) => format!("ends by itself at {}", end.strftime("%H:%M on %-d %B")),
        None => "ends by itself when its time is over (8 hours after the sign-in, unless an administrator \
                 chose otherwise)"
            .to_owned(),
    };
    format!(
        "Signed out of {portal} here, and the tokens are deleted, but AWS could not be told: the session there {until}."
    )
}

/// What a person can look at before the next sign-in.
fn look_at(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Network => "Check the network",
        Trouble::Answer => {
            "It mostly passes by itself: wait a minute, see whether a proxy answers instead and whether AWS reports \
             trouble in the region"
        }
        Trouble::Captive => "Open any page in your browser and sign in to the network",
        Trouble::Proxy => {
            "Check HTTPS_PROXY and NO_PROXY, or the proxy in the system's settings (the README says which are read)"
        }
        Trouble::Certificate => {
            "Where a company's proxy looks into connections, name its certificate in AWS_CA_BUNDLE; where a network \
             wants you to sign in first, do that in a browser"
        }
        Trouble::Bundle => {
            "Name a readable file of certificates in PEM form in AWS_CA_BUNDLE, or unset it, and end the agent (portray \
             agent stop), because it has the variable of when it was started"
        }
        Trouble::Clock => "Set this machine's clock right",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: [Meaning; 12] = [
        Meaning::TokenRefused,
        Meaning::GrantRefused,
        Meaning::RegistrationRefused,
        Meaning::NotAssigned,
        Meaning::DeniedByPerson,
        Meaning::TimedOut,
        Meaning::AdministratorNeeded,
        Meaning::Throttled,
        Meaning::Unreachable,
        Meaning::RoleDenied,
        Meaning::KeysRefused,
        Meaning::Invalid,
    ];

    #[test]
    fn r5_the_end_of_a_session_is_told_with_its_time_and_its_cause() {
        let at = |time: &str| format!("2026-03-02T{time}[UTC]").parse::<Zoned>().unwrap();
        let said = |why, now: &Zoned| ProblemView::session_ended("acme", why, &at("14:02:09"), now);
        let (today, later) = (at("15:00:00"), at("15:00:00") + jiff::Span::new().days(1));
        let ended = said(WhyEnded::NotRenewed, &today);
        assert_eq!(
            ended.what_happened,
            "Your session at acme ended at 14:02: AWS refuses to renew it."
        );
        assert_eq!(
            (ended.code, ended.code.exit_code()),
            (ProblemCode::SignInNeeded, 3)
        );
        assert!(ended.what_to_do.contains("portray login acme"), "{ended:?}");
        assert_eq!(
            said(WhyEnded::ItsTime, &later).what_happened,
            "Your session at acme ended at 14:02 on 2 March: its time was over."
        );
        let causes =
            [WhyEnded::TokenRefused, WhyEnded::Registration].map(|why| said(why, &today).what_happened);
        assert!(
            causes[0].ends_with("does not accept its tokens any more."),
            "{causes:?}"
        );
        assert!(causes[1].ends_with("has expired."), "{causes:?}");
    }

    #[test]
    fn r5_what_ended_a_sign_in_is_never_said_to_be_tried_again() {
        let troubles = [
            Trouble::Network,
            Trouble::Answer,
            Trouble::Captive,
            Trouble::Proxy,
            Trouble::Certificate,
            Trouble::Bundle,
            Trouble::Clock,
        ];
        for (meaning, trouble) in EVERY.iter().flat_map(|meaning| troubles.map(|it| (*meaning, it))) {
            let failure = Failure::new("CreateToken", meaning, "HTTP 400: why").with_trouble(trouble);
            let problem = ProblemView::sign_in_failed(&failure, "acme");
            for untrue in ["tries again", "goes on", "Nothing is lost"] {
                assert!(
                    !problem.what_to_do.contains(untrue),
                    "{meaning:?} {trouble:?}: {problem:?}"
                );
            }
            let passes = matches!(meaning, Meaning::Throttled | Meaning::Unreachable);
            assert!(
                !passes || problem.what_to_do.contains("portray login acme"),
                "{problem:?}"
            );
        }
    }

    #[test]
    fn r5_a_code_that_is_refused_is_told_as_that() {
        let failure = Failure::new("CreateToken", Meaning::GrantRefused, "HTTP 400: invalid_grant");
        let problem = ProblemView::sign_in_failed(&failure, "acme");
        assert!(problem.what_happened.contains("does not take"), "{problem:?}");
        assert!(problem.what_happened.contains("invalid_grant"), "{problem:?}");
    }

    #[test]
    fn r5_who_is_signed_in_is_told_so_though_the_token_has_run_out() {
        let problem = |meaning| {
            let failure = RefreshFailure::Aws(Failure::new("CreateToken", meaning, "no answer in time"));
            ProblemView::still_signed_in(&failure, "acme")
        };
        let away = problem(Meaning::Unreachable);
        assert_eq!(away.code, ProblemCode::Unreachable);
        assert!(away.what_happened.contains("still signed in to acme"), "{away:?}");
        assert!(away.what_happened.contains("no answer in time"), "{away:?}");
        assert!(away.what_to_do.contains("No new sign-in is needed"), "{away:?}");
        assert!(problem(Meaning::Invalid).what_to_do.contains("--force acme"));
    }

    #[test]
    fn r8_how_long_a_session_lives_of_whose_end_aws_was_not_told_is_said() {
        let end = "2026-03-02T17:40:00[UTC]".parse().unwrap();
        let known = signed_out_here("acme", Some(&end));
        assert!(known.contains("at 17:40 on 2 March"), "{known}");
        assert!(signed_out_here("acme", None).contains("8 hours after the sign-in"));
    }
}
