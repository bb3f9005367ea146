// What the window sees and may ask for. Generated from crates/core/src/app/contract.rs:
// `UPDATE=1 cargo test -p portray-core contract` writes it anew.

/**
 * Everything that people and programs may ask of the application.
 */
export type Request = { "do": "inspect_start_url", text: string, } | { "do": "add_portal", start_url: string, region: string | null, name: string | null, } | { "do": "remove_portal", portal: string, } | { "do": "sign_in", portal: string, method: SignInMethod,
/**
 * Ends a live session first, so that the new one gets its full length.
 */
force: boolean, } | { "do": "open_sign_in_page", portal: string, } | { "do": "cancel_sign_in", portal: string, } | { "do": "sign_out", portal: string, } | { "do": "sync", portal: string, } | { "do": "open_console", role: Role, destination: string | null, region: string | null,
/**
 * Length of the console session; by default that of the credentials.
 */
duration_seconds: number | null,
/**
 * By default what the settings say.
 */
via: ConsoleVia | null, } | { "do": "open_portal", portal: string, } | { "do": "set_favourite", role: Role, on: boolean, } | { "do": "keep", role: Role, on: boolean, } | { "do": "give_mfa_code", role: Role, code: MfaCode, } | { "do": "renew_now" } | { "do": "show_window" } | { "do": "dismiss_problem" } | { "do": "quit" };

/**
 * What a request gave.
 */
export type Answer = { "answer": "done" } | { "answer": "start_url", view: StartUrlView, } | { "answer": "portal", portal: string, } | { "answer": "sign_in", view: SignInView, };

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
export type ProblemCode = "failed" | "wrong_use" | "sign_in_needed" | "mfa_code_needed" | "not_assigned" | "being_listed" | "denied" | "unreachable" | "no_agent" | "secret_store" | "cancelled";

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
running: SyncProgress | null, };

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

/** The services at which menus open the console: name, and keyword of the destination. */
export const CONSOLE_SERVICES: [name: string, service: string][] = [
  ['CloudWatch', 'cloudwatch'],
  ['EC2', 'ec2'],
  ['IAM', 'iam'],
  ['Lambda', 'lambda'],
  ['RDS', 'rds'],
  ['S3', 's3'],
];
