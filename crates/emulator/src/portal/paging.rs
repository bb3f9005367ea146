//! Pages of a list: `max_result`, `next_token`, and where the next page begins.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::PortalError;
use crate::call::Call;

/// Which rows a call asks for. Rows are numbered in the world, where none ever goes away: a page therefore
/// never skips or repeats a row, whatever is assigned or taken back meanwhile.
pub(crate) struct Paging {
    list: String,
    size: usize,
    first_row: usize,
}

/// One page, and the token for the next if there is one.
pub(crate) struct Page<T> {
    pub(crate) rows: Vec<T>,
    pub(crate) next_token: Option<String>,
}

impl Paging {
    /// `list` names what is listed: a token of another list is refused.
    pub(crate) fn of(call: &mut Call, list: String, default_size: usize) -> Result<Self, PortalError> {
        let size = match call.query("max_result") {
            None => default_size,
            Some(text) => text.parse().ok().filter(|size| (1..=100).contains(size)).ok_or(
                PortalError::InvalidRequest("max_result must be between 1 and 100"),
            )?,
        };
        let first_row = match call.query("next_token") {
            None => 0,
            Some(token) => open(&token, &list).ok_or(PortalError::InvalidRequest("Invalid next_token"))?,
        };
        call.list = Some(list.clone());
        Ok(Self {
            list,
            size,
            first_row,
        })
    }

    /// Takes this page of the rows that pass `filter`.
    pub(crate) fn take<T>(&self, all: impl IntoIterator<Item = T>, filter: impl Fn(&T) -> bool) -> Page<T> {
        let later = all.into_iter().enumerate().skip(self.first_row);
        let mut matching = later.filter(|(_, row)| filter(row));
        let rows = matching.by_ref().take(self.size).map(|(_, row)| row).collect();
        let next_token = matching.next().map(|(row, _)| page_token(&self.list, row));
        Page { rows, next_token }
    }
}

pub(crate) fn page_token(list: &str, row: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("{row} {list}"))
}

fn open(token: &str, list: &str) -> Option<usize> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (row, token_list) = text.split_once(' ')?;
    (token_list == list).then(|| row.parse().ok())?
}
