//! The grammar of `portray uses`.

use clap::Args;

#[derive(Debug, Args)]
pub struct Uses {
    /// Go on, and print further uses as they come.
    #[arg(long, conflicts_with_all = ["revoke", "allow"])]
    pub follow: bool,
    /// One JSON document instead of text; with --follow one a use, each on its line.
    #[arg(long)]
    pub json: bool,
    /// Only roles that match these words: account by id or name, permission set.
    #[arg(long, value_name = "WORDS")]
    pub role: Option<String>,
    /// Only this portal.
    #[arg(long)]
    pub portal: Option<String>,
    /// Only programs whose name or path has this in it.
    #[arg(long)]
    pub program: Option<String>,
    /// Hand out nothing more to this launch of exec or serve, or to this program: an id from the first column, or a
    /// program's path. What it holds stays valid at AWS until it expires.
    #[arg(long, value_name = "ID|PATH", conflicts_with_all = ["json", "role", "portal", "program", "allow"])]
    pub revoke: Option<String>,
    /// Let a program have credentials again that was revoked, and those that it waits for.
    #[arg(long, value_name = "ID|PATH", conflicts_with_all = ["json", "role", "portal", "program"])]
    pub allow: Option<String>,
}
