//! The tables of results in the READMEs. Every test compares its own cells; `UPDATE=1` writes them.

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::quality::wants_update;
use crate::sources::{read, root};

/// The pages with tables: the emulator's, and the product's.
pub const OF_EMULATOR: &str = "crates/emulator/README.md";
pub const OF_PORTRAY: &str = "README.md";

const END: &str = "<!-- end of table -->";

/// What a cell says of an operation that the client called with success, and of one that it has not.
const DONE: &str = "✓";
const NOT_CALLED: &str = "–";

/// Every row of the table `operations`.
pub const OPERATIONS: [&str; 12] = [
    "RegisterClient",
    "StartDeviceAuthorization",
    "CreateToken, device code",
    "/authorize",
    "CreateToken, authorization code",
    "CreateToken, refresh token",
    "ListAccounts",
    "ListAccountRoles",
    "GetRoleCredentials",
    "Logout",
    "GetCallerIdentity",
    "AssumeRole",
];

/// A column: a client by its name, and as the page heads it, with the version that a lock file pins.
#[derive(Clone, Debug)]
pub struct Column {
    pub name: &'static str,
    pub heading: String,
}

/// One at a time, since the tests of one binary run side by side.
static PAGE_IN_USE: Mutex<()> = Mutex::new(());

/// Compares a column of the table `operations` with what the audit log says of a client, whose requests name it as
/// `agent` at their beginning. A browser fetches `/authorize` for it.
pub fn compare_operations(column: &Column, agent: &str, records: &[Value]) -> Result<()> {
    let done: BTreeSet<&str> = records
        .iter()
        .filter(|record| record["errorCode"].is_null())
        .filter(|record| record["eventName"] == "Authorize" || is_from(record, agent))
        .filter_map(row_of)
        .collect();
    let cells: Vec<(&str, String)> = OPERATIONS
        .iter()
        .map(|row| {
            (
                *row,
                if done.contains(row) { DONE } else { NOT_CALLED }.to_owned(),
            )
        })
        .collect();
    compare((OF_EMULATOR, "operations"), column, &cells)
}

/// Compares cells of one column, given with their rows, with a table of a page.
pub fn compare((file, table): (&str, &str), column: &Column, cells: &[(&str, String)]) -> Result<()> {
    let _alone = PAGE_IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
    let page = read(file);
    let mut written = Table::find(&page, table).with_context(|| file.to_owned())?;
    let index = written.head(column)?;
    for (row, text) in cells {
        written.set(row, index, text)?;
    }
    let made = written.put_into(&page);
    if wants_update() {
        fs::write(root().join(file), &made)?;
        return Ok(());
    }
    ensure!(
        made == page,
        "{file} says something else of {} in its table of {table} than {cells:?}: \
         UPDATE=1 cargo test -p end-to-end aws_clients",
        column.heading
    );
    Ok(())
}

fn is_from(record: &Value, agent: &str) -> bool {
    record["userAgent"]
        .as_str()
        .is_some_and(|name| name.starts_with(agent))
}

fn row_of(record: &Value) -> Option<&'static str> {
    let operation = record["eventName"].as_str()?;
    let name = match (operation, record["requestParameters"]["grantType"].as_str()) {
        ("CreateToken", Some("urn:ietf:params:oauth:grant-type:device_code")) => "CreateToken, device code",
        ("CreateToken", Some("authorization_code")) => "CreateToken, authorization code",
        ("CreateToken", Some("refresh_token")) => "CreateToken, refresh token",
        ("Authorize", _) => "/authorize",
        (other, _) => other,
    };
    OPERATIONS.into_iter().find(|row| *row == name)
}

/// A table between its marker and the end's, cell by cell; the first row has the columns' headings.
struct Table {
    begin: usize,
    end: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn find(page: &str, name: &str) -> Result<Table> {
        let marker = format!("<!-- table of {name} -->\n");
        let begin = page
            .find(&marker)
            .with_context(|| format!("there is no table of {name}"))?
            + marker.len();
        let length = page[begin..].find(END).context("a table with an end")?;
        let lines = page[begin..begin + length]
            .lines()
            .filter(|line| !line.starts_with("|---"));
        let cells = |line: &str| line.trim_matches('|').split('|').map(trimmed).collect();
        Ok(Table {
            begin,
            end: begin + length,
            rows: lines.map(cells).collect(),
        })
    }

    /// Finds a column by the client's name and heads it anew; returns its place.
    fn head(&mut self, column: &Column) -> Result<usize> {
        let headings = self.rows.first_mut().context("a table with headings")?;
        let index = headings
            .iter()
            .position(|heading| heading.starts_with(column.name))
            .with_context(|| format!("no column of {:?} among {headings:?}", column.name))?;
        headings[index].clone_from(&column.heading);
        Ok(index)
    }

    fn set(&mut self, row: &str, column: usize, text: &str) -> Result<()> {
        let row = self
            .rows
            .iter_mut()
            .find(|cells| cells.first().is_some_and(|first| first == row))
            .with_context(|| format!("no row {row:?}"))?;
        text.clone_into(row.get_mut(column).context("a cell in every column")?);
        Ok(())
    }

    fn put_into(&self, page: &str) -> String {
        let line = |cells: &Vec<String>| format!("| {} |\n", cells.join(" | "));
        let columns = self.rows.first().map_or(0, Vec::len);
        let mut lines: Vec<String> = self.rows.iter().map(line).collect();
        lines.insert(1.min(lines.len()), format!("{}|\n", "|---".repeat(columns)));
        format!("{}{}{}", &page[..self.begin], lines.concat(), &page[self.end..])
    }
}

fn trimmed(cell: &str) -> String {
    cell.trim().to_owned()
}

mod tables_themselves {
    //! A table that was read wrongly would compare with nothing.

    use super::*;

    const TEXT: &str = "a\n<!-- table of things -->\n|  | one | two |\n|---|---|---|\n| x | 1 |  |\n<!-- end of table -->\nb\n";

    #[test]
    fn a_table_is_found_and_put_back_as_it_was() {
        let table = Table::find(TEXT, "things").unwrap();
        assert_eq!(table.put_into(TEXT), TEXT);
        assert!(Table::find(TEXT, "others").is_err());
    }

    #[test]
    fn every_cell_of_the_page_was_written() {
        for (file, name, rows) in [
            (OF_EMULATOR, "operations", 13),
            (OF_EMULATOR, "cache files", 9),
            (OF_EMULATOR, "answers", 10),
            (OF_PORTRAY, "doors", 5),
        ] {
            let table = Table::find(&read(file), name).unwrap();
            assert!(table.rows.len() >= rows, "{name}");
            for row in &table.rows[1..] {
                assert!(row.iter().all(|cell| !cell.is_empty()), "{name}: {row:?}");
            }
        }
    }

    #[test]
    fn one_cell_is_set_and_only_where_row_and_column_are_known() {
        let mut table = Table::find(TEXT, "things").unwrap();
        let column = |name| Column {
            name,
            heading: format!("{name} 2.0"),
        };
        let index = table.head(&column("two")).unwrap();
        table.set("x", index, "2").unwrap();
        let text = table.put_into(TEXT);
        assert!(text.contains("|  | one | two 2.0 |\n"), "{text}");
        assert!(text.contains("| x | 1 | 2 |\n"), "{text}");
        assert!(table.head(&column("three")).is_err());
        assert!(table.set("y", index, "").is_err());
    }
}
