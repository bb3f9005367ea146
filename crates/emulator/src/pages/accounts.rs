//! The accounts tab of the access portal: accounts with their permission sets, searched and paged here, without script.

use std::collections::BTreeSet;

use axum::response::Response;

use super::console::query;
use super::layout::{escape, label, name};
use super::sign_in::sign_in_page;
use super::start::{Tab, portal_page};
use crate::call::Call;
use crate::state::State;
use crate::world::{Account, PermissionSet, User, World};

const ACCOUNTS_PER_PAGE: usize = 25;

/// `GET /start?search=…&page=…`, pages from 1.
pub(crate) fn start(state: &mut State, call: &mut Call) -> Response {
    let Some((_, user)) = state.browser_session(call) else {
        return sign_in_page(&state.world, &call.path_and_query(), None);
    };
    let world = &state.world;
    let search = Search::of(call.query("search").unwrap_or_default());
    let found: Vec<&Account> = world
        .accounts
        .iter()
        .filter(|account| search.finds(world, &user, account))
        .collect();
    let wanted = call.query("page").and_then(|text| text.parse().ok());
    let page = Page::of(found.len(), wanted.unwrap_or(1));
    let sections: String = found
        .iter()
        .skip(page.first)
        .take(ACCOUNTS_PER_PAGE)
        .map(|account| account_section(world, &user, account, None))
        .collect();
    let content = match (found.is_empty(), search.text.is_empty()) {
        (true, true) => {
            "<p id=\"nothing-assigned\">No accounts are assigned to you yet. Ask your administrator.</p>\n"
                .to_owned()
        }
        (true, false) => format!(
            "{}<p><a href=\"/start\">Show all accounts</a></p>\n",
            search.form(&format!("No account matches “{}”.", name(&search.text)))
        ),
        (false, _) => format!(
            "{}{sections}{}",
            search.form(&page.sentence()),
            page.links(&search.text)
        ),
    };
    portal_page(world, &user, Tab::Accounts, "Accounts", &content)
}

/// Words that have to be there, in any order, wherever a person would look for them.
struct Search {
    text: String,
    words: Vec<String>,
}

impl Search {
    fn of(text: String) -> Self {
        let words = text.split_whitespace().map(str::to_lowercase).collect();
        Self { text, words }
    }

    /// Among what is assigned to the user: name, number, e-mail address and OU of the account, its permission sets.
    fn finds(&self, world: &World, user: &User, account: &Account) -> bool {
        let mut sets = world.assigned_sets(user, &account.id).peekable();
        if sets.peek().is_none() {
            return false;
        }
        if self.words.is_empty() {
            return true;
        }
        let mut places = [
            &account.name,
            &account.id,
            &account.email,
            &account.organizational_unit,
        ]
        .map(|text| text.to_lowercase())
        .to_vec();
        places.extend(sets.map(str::to_lowercase));
        let is_there = |word: &String| places.iter().any(|place| place.contains(word));
        self.words.iter().all(is_there)
    }

    /// `said` is what came of the last search, as HTML.
    fn form(&self, said: &str) -> String {
        format!(
            r#"<form action="/start" role="search" class="search">
<label for="search">Search accounts and permission sets</label>
<div class="field"><input type="search" id="search" name="search" value="{}" spellcheck="false" autocomplete="off" autocapitalize="none"><button id="find">Search</button></div>
</form>
<p class="quiet small" id="found" role="status">{said}</p>
"#,
            escape(&self.text)
        )
    }
}

/// One page of what was found.
struct Page {
    number: usize,
    last: usize,
    first: usize,
    total: usize,
}

impl Page {
    /// A page that is not there is the nearest that is.
    fn of(total: usize, wanted: usize) -> Self {
        let last = total.div_ceil(ACCOUNTS_PER_PAGE).max(1);
        let number = wanted.clamp(1, last);
        Self {
            number,
            last,
            first: (number - 1) * ACCOUNTS_PER_PAGE,
            total,
        }
    }

    fn sentence(&self) -> String {
        let (first, end) = (self.first + 1, (self.first + ACCOUNTS_PER_PAGE).min(self.total));
        match self.total {
            1 => "1 account".to_owned(),
            total if self.last == 1 => format!("{total} accounts"),
            total => format!("{first}–{end} of {total} accounts"),
        }
    }

    /// Nothing if everything is on one page.
    fn links(&self, search: &str) -> String {
        if self.last == 1 {
            return String::new();
        }
        let link = |is_there: bool, number: usize, relation: &str, text: &str| {
            if !is_there {
                return format!("<span class=\"quiet\">{text}</span>\n");
            }
            let number = number.to_string();
            let address = query(&[("search", search), ("page", &number)]);
            format!(
                "<a href=\"/start?{}\" rel=\"{relation}\">{text}</a>\n",
                escape(&address)
            )
        };
        format!(
            "<nav class=\"pages\" aria-label=\"Pages\">\n{}<span>Page {} of {}</span>\n{}</nav>\n",
            link(self.number > 1, self.number - 1, "prev", "Previous"),
            self.number,
            self.last,
            link(self.number < self.last, self.number + 1, "next", "Next"),
        )
    }
}

/// An account with the permission sets that `user` has there; the console opens at `destination`.
pub(super) fn account_section(
    world: &World,
    user: &User,
    account: &Account,
    destination: Option<&str>,
) -> String {
    let assigned: BTreeSet<&str> = world.assigned_sets(user, &account.id).collect();
    let rows: String = world
        .permission_sets
        .iter()
        .filter(|set| assigned.contains(set.name.as_str()))
        .map(|set| role_row(account, set, destination))
        .collect();
    let about = [&account.id, &account.email, &account.organizational_unit];
    let about: Vec<String> = about
        .iter()
        .filter(|text| !text.is_empty())
        .map(|text| name(text))
        .collect();
    format!(
        "<section class=\"account\" aria-label=\"{}\">\n<h2>{}</h2>\n\
         <p class=\"quiet small\">{}</p>\n<ul class=\"plain\">\n{rows}</ul>\n</section>\n",
        label(&account.name),
        name(&account.name),
        about.join(" · "),
    )
}

fn role_row(account: &Account, set: &PermissionSet, destination: Option<&str>) -> String {
    let mut role = vec![
        ("account_id", account.id.as_str()),
        ("role_name", set.name.as_str()),
    ];
    let keys = query(&role);
    role.extend(destination.map(|destination| ("destination", destination)));
    let what = format!("{} in {}", label(&set.name), label(&account.name));
    let description = if set.description.is_empty() {
        String::new()
    } else {
        format!("{} · ", name(&set.description))
    };
    format!(
        "<li class=\"row\"><span><strong>{}</strong> <span class=\"quiet small\">{description}{:#}</span></span>\
         <span class=\"links\"><a href=\"/start/console?{}\" target=\"_blank\" rel=\"noopener\" aria-label=\"Management console: {what} (opens in a new tab)\">Management console</a>\
         <a href=\"/start/keys?{}\" aria-label=\"Access keys: {what}\">Access keys</a></span></li>\n",
        name(&set.name),
        set.session_duration,
        escape(&query(&role)),
        escape(&keys),
    )
}

#[cfg(test)]
mod tests {
    use crate::World;
    use crate::testing::{Client, Reply, encode};

    async fn search(browser: &mut Client, text: &str) -> Reply {
        browser
            .get(&format!("/start?{}", encode(&[("search", text)])))
            .await
    }

    #[tokio::test]
    async fn a_search_looks_at_what_is_assigned_and_takes_words_in_any_order() {
        let mut browser = Client::new();
        browser.sign_in("amara").await;
        for (text, found) in [
            ("", "9 accounts"),
            ("PAYMENTS", "3 accounts"),
            ("prod payments", "1 account"),
            ("1111 2222", "1 account"),
            ("aws+sandbox", "1 account"),
            ("workloads/staging", "2 accounts"),
            ("deployer", "3 accounts"),
            ("acme-audit", "No account matches “acme-audit”."),
            ("SecurityAudit", "No account matches “SecurityAudit”."),
        ] {
            let page = search(&mut browser, text).await;
            assert_eq!(page.element("found"), found, "{text}");
            assert_eq!(page.attribute("search", "value"), text);
        }
        let page = search(&mut browser, "\"><b>").await;
        assert!(page.text.contains("matches “<bdi>&quot;&gt;&lt;b&gt;</bdi>”"));
    }

    #[tokio::test]
    async fn ten_thousand_accounts_are_pages_of_25() {
        let mut browser = Client::of(World::from_toml(&World::generated(10_000, 2)).unwrap());
        browser.sign_in("amara").await;
        let first = browser.get("/start").await;
        assert_eq!(first.element("found"), "1–25 of 10000 accounts");
        assert_eq!(first.text.matches("<section").count(), 25);
        assert!(
            !first.text.contains("rel=\"prev\"")
                && first.text.contains("/start?search=&amp;page=2\" rel=\"next\"")
        );
        for (path, found) in [
            ("/start?page=400", "9976–10000 of 10000 accounts"),
            ("/start?page=401", "9976–10000 of 10000 accounts"),
            ("/start?page=0", "1–25 of 10000 accounts"),
            ("/start?page=x", "1–25 of 10000 accounts"),
            ("/start?search=big-000&page=3", "51–75 of 100 accounts"),
        ] {
            assert_eq!(browser.get(path).await.element("found"), found, "{path}");
        }
        let third = browser.get("/start?search=big-000&page=3").await;
        assert!(
            third.text.contains("search=big-000&amp;page=4"),
            "the next page is of the same search"
        );
        assert_eq!(
            search(&mut browser, "big-00042").await.element("found"),
            "1 account"
        );
    }

    #[tokio::test]
    async fn who_has_nothing_is_told_so() {
        let mut browser = Client::new();
        browser.sign_in("noor").await;
        let page = browser.get("/start").await;
        assert!(page.text.contains("id=\"nothing-assigned\"") && !page.text.contains("id=\"search\""));
        let page = browser.get("/start/applications").await;
        assert!(page.text.contains("id=\"no-applications\""));
    }
}
