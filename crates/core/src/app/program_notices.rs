//! Notices about programs that get credentials: one waits for a person's word, roles are kept for nobody.

use crate::app::contract::{ConsumerOrder, Request, Role};
use crate::app::notices::{NoticeChange, later};
use crate::app::problem::in_words;
use crate::app::shell::{Notice, NoticeAction};
use crate::app::state::{AppState, NamedRole};
use crate::app::tray_menu::label;
use crate::consumers::Question;
use crate::settings::UnusedFor;

/// A program asks for credentials that a person has to confirm.
pub fn questions(before: &AppState, after: &AppState) -> Vec<NoticeChange> {
    let key = |question: &Question| format!("confirm/{}", question.id);
    let is_in = |state: &AppState, question: &Question| state.questions.iter().any(|it| it.id == question.id);
    let gone = before.questions.iter().filter(|question| !is_in(after, question));
    let withdrawn = gone.map(|question| NoticeChange::Withdraw(key(question)));
    let new = after.questions.iter().filter(|question| !is_in(before, question));
    let shown = new.map(|question| NoticeChange::Show(asked(key(question), question)));
    withdrawn.chain(shown).collect()
}

fn asked(key: String, question: &Question) -> Notice {
    let program = question.program.as_ref();
    let name = program.map_or_else(|| "A program".to_owned(), |program| label(&program.name));
    let account = match question.account_name.as_str() {
        "" => &question.account,
        name => name,
    };
    let door = question.door.name();
    let who = match program {
        Some(program) => {
            let executable = program
                .executable
                .as_deref()
                .unwrap_or("a program that cannot be seen");
            format!("{}, process {}, through {door}.", label(executable), program.pid)
        }
        None => format!("Through {door}; which program it is cannot be seen."),
    };
    let button = |text: &str, allow| NoticeAction {
        label: text.to_owned(),
        request: Some(Request::Consumers {
            order: ConsumerOrder::Answer {
                question: question.id,
                allow,
            },
        }),
    };
    Notice {
        key,
        title: format!(
            "Allow {name} to use {}?",
            titled(question.chain.as_deref(), account, &question.permission_set)
        ),
        body: format!("{who} It was told to ask again."),
        // A click on the body shows more; without a window, where there is no more, it denies: nobody allows by a slip.
        actions: vec![
            NoticeAction {
                label: "Details".to_owned(),
                request: Some(Request::ShowWindow),
            },
            button("Deny", false),
            button("Allow", true),
        ],
    }
}

/// Roles stopped being kept fresh, because nobody used them: one notice for all of them.
pub fn kept_no_longer(before: &AppState, after: &AppState) -> Option<NoticeChange> {
    let key = "kept".to_owned();
    match (before.kept_no_longer.as_slice(), after.kept_no_longer.as_slice()) {
        (before, after) if before == after => None,
        (_, []) => Some(NoticeChange::Withdraw(key)),
        (_, roles) => Some(NoticeChange::Show(Notice {
            key,
            title: match roles {
                [one] => format!("{} is kept fresh no longer", named(one)),
                several => format!("{} roles are kept fresh no longer", several.len()),
            },
            body: why_no_longer(roles, after.unused_for),
            actions: vec![
                NoticeAction {
                    label: "Keep on".to_owned(),
                    request: Some(Request::KeepOn {
                        roles: roles.iter().map(|role| Role::clone(&role.role)).collect(),
                    }),
                },
                later(),
            ],
        })),
    }
}

/// How many roles a notice names.
const MOST_NAMES: usize = 3;

/// Which roles, and why.
fn why_no_longer(roles: &[NamedRole], unused_for: UnusedFor) -> String {
    let so_long = match unused_for {
        UnusedFor::Time(limit) => in_words(limit.as_secs() / 60),
        UnusedFor::Never => "so long".to_owned(),
    };
    let asleep = "the time in which this machine slept not counted";
    match roles {
        [_] => format!("No program has used it for {so_long}, {asleep}. It is renewed when one does."),
        several => {
            let names: Vec<_> = several.iter().take(MOST_NAMES).map(named).collect();
            let more = match several.len().saturating_sub(MOST_NAMES) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let names = names.join(", ");
            format!(
                "{names}{more}: no program has used them for {so_long}, {asleep}. They are renewed when one does."
            )
        }
    }
}

fn named(role: &NamedRole) -> String {
    let NamedRole {
        role, account_name, ..
    } = role;
    titled(role.chain.as_deref(), account_name, &role.permission_set)
}

/// A role in a title, which has little room.
fn titled(chain: Option<&str>, account: &str, permission_set: &str) -> String {
    match chain {
        Some(chain) => label(chain),
        None => format!("{} / {}", label(account), label(permission_set)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::notices::notices;
    use crate::app::state::tests::now;
    use crate::programs::Program;
    use crate::uses::Door;

    fn question(id: u64, name: &str, executable: &str) -> Question {
        Question {
            id,
            program: Some(Program {
                pid: 7,
                name: name.to_owned(),
                executable: Some(executable.to_owned()),
                below: Vec::new(),
            }),
            door: Door::CredentialProcess,
            portal: "acme".to_owned(),
            account: "111122223333".to_owned(),
            account_name: "acme-prod".to_owned(),
            permission_set: "ReadOnly".to_owned(),
            chain: None,
        }
    }

    fn between(before: &AppState, after: &AppState) -> Vec<NoticeChange> {
        notices(before, after, now(), now())
    }

    #[test]
    fn a6_a_question_is_one_notice_with_both_answers_and_goes_with_the_answer() {
        let quiet = AppState::default();
        let asked = AppState {
            questions: vec![question(3, "aws", "/usr/bin/python3.11")],
            ..AppState::default()
        };
        let changes = between(&quiet, &asked);
        let [NoticeChange::Show(notice)] = changes.as_slice() else {
            panic!("one notice, not {changes:?}")
        };
        assert_eq!(notice.title, "Allow aws to use acme-prod / ReadOnly?");
        assert_eq!(
            notice.body,
            "/usr/bin/python3.11, process 7, through credential-process. It was told to ask again."
        );
        let labels: Vec<_> = notice
            .actions
            .iter()
            .map(|action| action.label.as_str())
            .collect();
        assert_eq!(labels, ["Details", "Deny", "Allow"]);
        assert!(between(&asked, &asked).is_empty());
        assert_eq!(
            between(&asked, &quiet),
            [NoticeChange::Withdraw("confirm/3".to_owned())]
        );
    }

    #[test]
    fn i3_a_program_that_calls_itself_something_else_changes_nothing_around_its_name() {
        let hostile = AppState {
            questions: vec![question(
                3,
                "a\nb\u{202e}c\u{1b}[2J",
                &format!("/tmp/{}", "x".repeat(4096)),
            )],
            ..AppState::default()
        };
        let NoticeChange::Show(notice) = &between(&AppState::default(), &hostile)[0] else {
            panic!("a notice")
        };
        assert!(
            !notice
                .title
                .chars()
                .chain(notice.body.chars())
                .any(char::is_control),
            "{notice:?}"
        );
        assert!(
            !notice.title.contains('\u{202e}') && notice.body.len() < 200,
            "{notice:?}"
        );
    }

    #[test]
    fn roles_that_are_kept_no_longer_are_one_notice_that_offers_to_keep_them_on() {
        let named = |set: &str| NamedRole {
            role: Role {
                portal: "p1".to_owned(),
                account: "111122223333".to_owned(),
                permission_set: set.to_owned(),
                chain: None,
            },
            account_name: "acme-dev".to_owned(),
        };
        let state = |roles: Vec<NamedRole>| AppState {
            kept_no_longer: roles,
            ..AppState::default()
        };
        let both = state(vec![named("A"), named("B")]);
        let changes = between(&state(vec![]), &both);
        let [NoticeChange::Show(notice)] = changes.as_slice() else {
            panic!("one notice, not {changes:?}")
        };
        assert_eq!(notice.title, "2 roles are kept fresh no longer");
        assert_eq!(
            notice.body,
            "acme-dev / A, acme-dev / B: no program has used them for 24 hours, the time in which this machine slept \
             not counted. They are renewed when one does."
        );
        let many = state(["A", "B", "C", "D", "E"].map(named).to_vec());
        let [NoticeChange::Show(more)] = &between(&both, &many)[..] else {
            panic!("one notice")
        };
        assert!(
            more.body
                .starts_with("acme-dev / A, acme-dev / B, acme-dev / C and 2 more: "),
            "{}",
            more.body
        );
        assert!(matches!(&notice.actions[0].request, Some(Request::KeepOn { roles }) if roles.len() == 2));
        assert!(between(&both, &both).is_empty());
        assert_eq!(
            between(&both, &state(vec![])),
            [NoticeChange::Withdraw("kept".to_owned())]
        );
    }
}
