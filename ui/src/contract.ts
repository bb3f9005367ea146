// What the window sees and may ask for. Generated from crates/core/src/app/contract.rs:
// `UPDATE=1 cargo test -p portray-core contract` writes it anew.

/**
 * Everything that people and programs may ask of the application.
 */
export type Request = { "do": "inspect_start_url", text: string, } | { "do": "add_portal", start_url: string, region: string | null, name: string | null, } | { "do": "find_aws_cli_portals",
/**
 * Its configuration file, if not the usual one.
 */
config: string | null, } | { "do": "import_aws_cli_portal", start_url: string, region: string, config: string | null, } | { "do": "remove_portal", portal: string, } | { "do": "sign_in", portal: string, method: SignInMethod,
/**
 * Ends a live session first, so that the new one gets its full length.
 */
force: boolean, } | { "do": "open_sign_in_page", portal: string, } | { "do": "cancel_sign_in", portal: string, } | { "do": "sign_out", portal: string, } | { "do": "sign_out_left_behind", name: string | null, } | { "do": "sync", portal: string, } | { "do": "open_console", role: Role, destination: string | null, region: string | null,
/**
 * Length of the console session; by default that of the credentials.
 */
duration_seconds: number | null,
/**
 * By default what the settings say.
 */
via: ConsoleVia | null, } | { "do": "open_portal", portal: string, } | { "do": "set_favourite", role: Role, on: boolean, } | { "do": "keep", role: Role, on: boolean, } | { "do": "keep_on", roles: Array<Role>, } | { "do": "consumers", order: ConsumerOrder, } | { "do": "profiles", order: ProfilesOrder, } | { "do": "give_mfa_code", role: Role, code: MfaCode, } | { "do": "renew_now" } | { "do": "show_window" } | { "do": "dismiss_problem" } | { "do": "quit" };

/**
 * What a request gave.
 */
export type Answer = { "answer": "done" } | { "answer": "start_url", view: StartUrlView, } | { "answer": "aws_cli_portals", portals: Array<AwsCliPortal>, } | { "answer": "portal", portal: string, } | { "answer": "sign_in", view: SignInView, } | { "answer": "uses", view: UsesView, } | { "answer": "profiles", view: ProfilesView, } | { "answer": "said", words: string, };

/**
 * An access portal in `~/.aws/config`.
 */
export type AwsCliPortal = {
/**
 * As it is called here, or would be.
 */
name: string, start_url: string, region: string,
/**
 * How many profiles use it.
 */
profiles: number,
/**
 * It is one of the portals here already.
 */
known: boolean,
/**
 * Until when the AWS CLI's sign-in lasts, which can be taken over.
 */
signed_in_until: string | null,
/**
 * Why it, or its sign-in, cannot be used.
 */
problem: ProblemView | null, };

/**
 * A permission set in an account of a portal, or a further role that is assumed from there.
 */
export type Role = {
/**
 * The portal's id.
 */
portal: string,
/**
 * Twelve digits.
 */
account: string, permission_set: string,
/**
 * The further role, by its name in the settings.
 */
chain?: string, };

/**
 * What an MFA device shows, as a person types it: goes in only, and is good for one use.
 */
export type MfaCode = string;

export type SignInMethod = "browser" | "device_code";

export type ConsoleVia = "federation" | "portal";

/**
 * Something that failed, in the words that every surface shows.
 */
export type ProblemView = { code: ProblemCode, what_happened: string, what_to_do: string, };

/**
 * What kind of failure it is: decides exit codes and which button is offered.
 */
export type ProblemCode = "failed" | "wrong_use" | "sign_in_needed" | "mfa_code_needed" | "not_assigned" | "being_listed" | "denied" | "revoked" | "confirmation_needed" | "unreachable" | "no_agent" | "secret_store" | "cancelled";

/**
 * The whole state as a window draws it.
 */
export type Snapshot = {
/**
 * Grows with every snapshot.
 */
revision: number,
/**
 * Grows when rows have changed: search again.
 */
catalogue_revision: number, version: string,
/**
 * The state in words, as the tray's first line says it.
 */
headline: string, mood: Mood, portals: Array<PortalView>, credentials: Array<CredentialsView>,
/**
 * Grows with every use, launch and revocation: ask for the list again.
 */
uses_revision: number,
/**
 * Programs that wait for a person's word.
 */
questions: Array<Question>,
/**
 * What failed last, until it is dismissed or mended.
 */
problem: ProblemView | null, };

/**
 * The state at a glance; the tray icon's shape.
 */
export type Mood = "fresh" | "renewing" | "ends_soon" | "sign_in_needed" | "offline" | "empty";

export type PortalView = { id: string, name: string, start_url: string, region: string, state: PortalState, access_token_expires_at: string | null,
/**
 * When a person will have to sign in again; absent until an end was learned.
 */
session_ends_at: string | null, session_end_is_estimate: boolean, accounts: number, permission_sets: number, sync: SyncView, sign_in: SignInView | null, problem: ProblemView | null, };

export type PortalState = "signed_in" | "sign_in_needed" | "signing_in" | "offline" | "unknown";

/**
 * How current the listing is.
 */
export type SyncView = { synced_at: string | null, complete: boolean,
/**
 * While a sync runs: how many of how many accounts are listed.
 */
running: SyncProgress | null,
/**
 * Why the sync that runs has got no answer for a while; it goes on.
 */
trouble?: ProblemView, };

export type SyncProgress = { done: number, total: number, };

/**
 * A sign-in that waits for a person.
 */
export type SignInView = { method: SignInMethod,
/**
 * To be compared with what the browser shows.
 */
user_code: string | null,
/**
 * Where the code can be typed in on any device; the code is not in it.
 */
verification_url: string | null, expires_at: string, };

/**
 * A further role that is assumed from a permission set.
 */
export type ChainView = {
/**
 * As the settings name it.
 */
name: string,
/**
 * The permission set, as `ACCOUNT/PERMISSION_SET` by the account's name.
 */
from: string, role_arn: string,
/**
 * The account that the role is in.
 */
account: string,
/**
 * What comes last in its ARN.
 */
role_name: string,
/**
 * Each time that it is assumed a code of an MFA device is needed.
 */
wants_code: boolean, };

export type CredentialsView = { role: Role,
/**
 * Of a further role, where the settings still have it.
 */
chain?: ChainView, account_name: string, state: CredentialsState, expires_at: string | null,
/**
 * Kept fresh whether or not anybody asks.
 */
kept: boolean, problem: ProblemView | null, };

export type CredentialsState = "fresh" | "renewing" | "failing" | "unavailable";

/**
 * Asks for rows of the list.
 */
export type SearchRequest = { query: string,
/**
 * Only this portal's rows.
 */
portal: string | null,
/**
 * Sorted as an earlier answer was, by what it said of that; by default by favourites and recents as they are now.
 */
sorted_at: number | null, offset: number,
/**
 * At most 100.
 */
limit: number, };

export type SearchAnswer = { total: number, offset: number, catalogue_revision: number,
/**
 * The revision whose favourites and recents gave the order: to be sent with further requests for this list.
 */
sorted_at: number, rows: Array<RoleRow>, };

/**
 * One permission set in one account, ranked by the query; without one favourites first, then recents, then by name.
 */
export type RoleRow = { role: Role,
/**
 * Of a further role.
 */
chain?: ChainView, portal_name: string, account_name: string, email: string, favourite: boolean,
/**
 * Which characters of the account's name, and of the permission set or the further role's name, matched, by index.
 */
account_name_matches: Array<number>, permission_set_matches: Array<number>, credentials: CredentialsState | null, credentials_expire_at: string | null, };

/**
 * What a start URL turned out to be.
 */
export type StartUrlView = {
/**
 * As it will be kept; absent while the text is none.
 */
start_url: string | null,
/**
 * Where the URL names it.
 */
region: string | null,
/**
 * Those in which the portal can be, the likely ones first; every region while that cannot be told.
 */
regions: Array<string>, problem: ProblemView | null, };

/**
 * What a person orders about those who are handed credentials: a program, or one launch of `exec` or `serve`.
 */
export type ConsumerOrder = { "what": "list", after: number, } | { "what": "revoke", consumer: string, } | { "what": "allow", consumer: string, } | { "what": "answer", question: number, allow: boolean, };

/**
 * What a person orders about the profiles.
 */
export type ProfilesOrder = { "what": "show", change: ProfilesChange,
/**
 * The first line of the difference that is wanted; at most 500 are given.
 */
from: number, } | { "what": "make", change: ProfilesChange, shown: string, };

/**
 * What can be done to the file.
 */
export type ProfilesChange = "write" | "undo" | "remove";

/**
 * A change of the file, as it would be made now.
 */
export type ProfilesView = { change: ProfilesChange, path: string,
/**
 * Tells this change from every other one. Absent where there is nothing to change, or it cannot be done.
 */
shown: string | null,
/**
 * In one sentence.
 */
summary: string,
/**
 * A part of the difference.
 */
lines: Array<DifferenceLine>,
/**
 * Where in the difference that part begins.
 */
from: number,
/**
 * How many lines the difference has.
 */
length: number, added: number, removed: number,
/**
 * What else has to be known about it.
 */
notes: Array<string>,
/**
 * Roles that get no profile, and why.
 */
skipped: Array<string>,
/**
 * What in AWS's files not every tool reads in the same way.
 */
findings: Array<FileFinding>,
/**
 * Where the file is kept as it was before Portray wrote to it.
 */
backup: string | null,
/**
 * Something was changed from the window that can be taken back.
 */
can_undo: boolean,
/**
 * There are profiles of Portray's in the file.
 */
can_remove: boolean,
/**
 * Why this change cannot be made, or was not made as it was shown before.
 */
problem: ProblemView | null, };

/**
 * A line of the difference.
 */
export type DifferenceLine = { sign: LineSign, text: string,
/**
 * It is the last line of the file, and not ended.
 */
unended: boolean, };

export type LineSign = "added" | "removed" | "kept" | "gap";

/**
 * Something in a file of AWS's that not every tool reads in the same way.
 */
export type FileFinding = {
/**
 * The file's name and the line.
 */
place: string, what: string, advice: string, };

/**
 * Who was handed credentials, and who is served now.
 */
export type UsesView = {
/**
 * The oldest first.
 */
uses: Array<Use>,
/**
 * The endpoints that are running.
 */
launches: Array<Launch>,
/**
 * The programs that get nothing.
 */
revoked: Array<RevokedProgram>,
/**
 * Why earlier uses are not here.
 */
problem: ProblemView | null, };

/**
 * One program that was handed a role's credentials, or refused them; also several times in a row.
 */
export type Use = {
/**
 * Tells uses apart, and grows.
 */
number: number, at: string,
/**
 * The last time of those that are counted here.
 */
last_at: string,
/**
 * How often within moments: a program in a loop is one line.
 */
times: number, door: Door,
/**
 * Absent where the system does not tell.
 */
program: Program | null,
/**
 * Which `exec` or `serve`, where it was through one.
 */
launch: string | null,
/**
 * What to revoke: the launch, or the program. Absent where neither is known.
 */
consumer: string | null,
/**
 * The portal's name.
 */
portal: string,
/**
 * Twelve digits.
 */
account: string,
/**
 * Empty while the account is not in the listing.
 */
account_name: string, permission_set: string,
/**
 * The further role that was assumed from it, by its name in the settings.
 */
chain: string | null,
/**
 * That role itself.
 */
assumed: Assumed | null, outcome: UseOutcome,
/**
 * Why it was refused.
 */
reason: string | null, };

/**
 * What came of it.
 */
export type UseOutcome = "handed_out" | "refused";

/**
 * The role that was assumed, as it is written down and asked about.
 */
export type Assumed = { role_arn: string,
/**
 * The account that it is in, twelve digits.
 */
account: string,
/**
 * Empty where that account is in no listing.
 */
account_name: string, role_name: string, };

/**
 * How credentials come to a program.
 */
export type Door = "credential_process" | "credentials" | "env" | "exec_env" | "exec" | "serve" | "container" | "ssh" | "console" | "socket";

/**
 * A process as it was while it asked.
 */
export type Program = { pid: number,
/**
 * What it calls itself: a script's own name, where the executable is its interpreter.
 */
name: string,
/**
 * The path of what runs; absent where the system does not say.
 */
executable: string | null,
/**
 * What started it, and what started that: the nearest first, a few of them.
 */
below: Array<Ancestor>, };

/**
 * A process above another one.
 */
export type Ancestor = { pid: number, name: string, };

/**
 * A running `portray exec` or `portray serve`, with an endpoint of its own.
 */
export type Launch = {
/**
 * Eight hexadecimal digits; no secret.
 */
id: string, door: Door,
/**
 * The command that was started, or `portray serve` itself.
 */
program: Program | null,
/**
 * The portal's name.
 */
portal: string, account: string, account_name: string, permission_set: string,
/**
 * The further role that is assumed from it, by its name in the settings.
 */
chain: string | null, };

/**
 * A program that a person has revoked, until they allow it again.
 */
export type RevokedProgram = { consumer: string, executable: string, since: string, };

/**
 * A program that waits for a person's word.
 */
export type Question = { id: number, program: Program | null, door: Door, portal: string, account: string, account_name: string, permission_set: string,
/**
 * The further role that is assumed from it, by its name in the settings.
 */
chain: string | null, };

/** The services at which menus open the console: name, and keyword of the destination. */
export const CONSOLE_SERVICES: [name: string, service: string][] = [
  ['CloudWatch', 'cloudwatch'],
  ['EC2', 'ec2'],
  ['IAM', 'iam'],
  ['Lambda', 'lambda'],
  ['RDS', 'rds'],
  ['S3', 's3'],
];
