//! The way from one menu to the next: lines that stay are not made anew, so that a click on them is not lost.

use super::MenuItem;
use crate::app::contract::Request;

/// One step. Positions are those at the time of the step, when all steps before it are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// The line means what it meant before; what it shows may be new.
    Update {
        at: usize,
        before: &'a MenuItem,
        now: &'a MenuItem,
    },
    Remove {
        at: usize,
    },
    Insert {
        at: usize,
        item: &'a MenuItem,
    },
}

/// What a line is, whatever it shows.
#[derive(PartialEq)]
enum Identity<'a> {
    Text,
    Separator,
    Action(&'a Request),
    Check(&'a Request),
    Submenu(&'a str),
}

/// What makes `now` of the lines of one level, with as many lines kept as stand in the same order in both. The lines of
/// a submenu that stays are a level of their own.
pub fn steps<'a>(before: &'a [MenuItem], now: &'a [MenuItem]) -> Vec<Step<'a>> {
    let kept = kept(before, now);
    let (mut old, mut new) = (0, 0);
    let mut steps = Vec::new();
    while old < before.len() || new < now.len() {
        let at = new;
        if old < before.len() && (new == now.len() || kept[old][new] == kept[old + 1][new]) {
            steps.push(Step::Remove { at });
            old += 1;
        } else if old == before.len() || kept[old][new] == kept[old][new + 1] {
            let item = &now[new];
            steps.push(Step::Insert { at, item });
            new += 1;
        } else {
            let (before, now) = (&before[old], &now[new]);
            steps.push(Step::Update { at, before, now });
            old += 1;
            new += 1;
        }
    }
    steps
}

/// How much can be kept of what comes after each pair of positions. What can be clicked counts more than all else.
fn kept(before: &[MenuItem], now: &[MenuItem]) -> Vec<Vec<usize>> {
    let much = before.len() + 1;
    let mut kept = vec![vec![0; now.len() + 1]; before.len() + 1];
    for old in (0..before.len()).rev() {
        for new in (0..now.len()).rev() {
            let identity = identity(&before[old]);
            let worth = match identity {
                Identity::Text | Identity::Separator => 1,
                Identity::Action(_) | Identity::Check(_) | Identity::Submenu(_) => much,
            };
            let both = match identity == self::identity(&now[new]) {
                true => kept[old + 1][new + 1] + worth,
                false => 0,
            };
            kept[old][new] = both.max(kept[old + 1][new]).max(kept[old][new + 1]);
        }
    }
    kept
}

fn identity(item: &MenuItem) -> Identity<'_> {
    match item {
        MenuItem::Text(_) => Identity::Text,
        MenuItem::Separator => Identity::Separator,
        MenuItem::Action { request, .. } => Identity::Action(request),
        MenuItem::Check { request, .. } => Identity::Check(request),
        MenuItem::Submenu { label, .. } => Identity::Submenu(label),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(label: &str) -> MenuItem {
        MenuItem::Text(label.to_owned())
    }

    fn portal(id: &str, label: &str) -> MenuItem {
        super::super::action(
            label,
            Request::OpenPortal {
                portal: id.to_owned(),
            },
        )
    }

    fn submenu(label: &str, items: Vec<MenuItem>) -> MenuItem {
        let label = label.to_owned();
        MenuItem::Submenu { label, items }
    }

    /// What a menu is that was drawn and then changed by the steps; with how many lines were made anew.
    fn done(before: &[MenuItem], now: &[MenuItem]) -> (Vec<MenuItem>, usize) {
        let (mut drawn, mut made) = (before.to_vec(), 0);
        for step in steps(before, now) {
            match step {
                Step::Update { at, before, now } => {
                    assert_eq!(drawn[at], *before, "the line that is meant");
                    drawn[at] = now.clone();
                }
                Step::Remove { at } => drop(drawn.remove(at)),
                Step::Insert { at, item } => {
                    drawn.insert(at, item.clone());
                    made += 1;
                }
            }
        }
        (drawn, made)
    }

    #[test]
    fn a_line_that_shows_something_else_is_not_made_anew() {
        let before = [
            text("Signed in until 18:40"),
            portal("a", "One"),
            submenu("x", vec![]),
        ];
        let now = [
            text("Signed in until 19:40"),
            portal("a", "Two"),
            submenu("x", vec![text("y")]),
        ];
        assert_eq!(done(&before, &now), (now.to_vec(), 0));
    }

    #[test]
    fn a_line_that_means_something_else_is_another_one() {
        let before = [portal("a", "Open"), MenuItem::Separator, portal("b", "Open")];
        let now = [portal("c", "Open"), MenuItem::Separator, portal("b", "Open")];
        assert_eq!(done(&before, &now), (now.to_vec(), 1));
    }

    #[test]
    fn lines_come_and_go_around_those_that_stay() {
        let quit = || super::super::action("Quit", Request::Quit);
        let before = [
            text("Signed out"),
            portal("a", "A"),
            MenuItem::Separator,
            portal("b", "B"),
            MenuItem::Separator,
            quit(),
        ];
        let now = [
            text("Signed in"),
            text("A problem"),
            MenuItem::Separator,
            portal("new", "New"),
            portal("b", "B"),
            portal("a", "A"),
            MenuItem::Separator,
            submenu("Accounts", vec![]),
            MenuItem::Separator,
            quit(),
        ];
        // All that is new, and one of the two that changed their places.
        assert_eq!(done(&before, &now), (now.to_vec(), 5));
        assert_eq!(done(&now, &before), (before.to_vec(), 1));
        assert_eq!(done(&[], &now), (now.to_vec(), now.len()));
        assert_eq!(done(&now, &[]), (vec![], 0));
    }
}
