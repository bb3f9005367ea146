// What the menus of a row and of a portal hold.
import type { MenuItem } from './components/Menu.svelte';
import { CONSOLE_SERVICES, type PortalView, type Request, type RoleRow } from './contract';

/** Something to confirm first. */
export interface Question {
  question: string;
  explanation: string;
  action: string;
  request: Request;
}

export interface RowDoings {
  /** At a service, or at the console's home. */
  open: (destination: string | null) => void;
  favourite: () => void;
  keep: () => void;
  giveCode: () => void;
  profiles: () => void;
}

export interface PortalDoings {
  filter: (portal: string | null) => void;
  ask: (request: Request) => void;
  signIn: () => void;
  signInAgain: () => void;
  question: (action: 'sign_out' | 'remove') => void;
  uses: () => void;
  profiles: () => void;
  add: () => void;
}

export function rowItems(row: RoleRow, kept: boolean, mac: boolean, doings: RowDoings): MenuItem[] {
  const command = mac ? '⌘' : 'Ctrl ';
  return [
    { label: 'Open console', keys: '↵', run: () => doings.open(null) },
    { label: 'Keep fresh', checked: kept, run: doings.keep },
    { label: 'Favourite', checked: row.favourite, keys: `${command}D`, run: doings.favourite },
    ...(row.chain?.wants_code ? [{ label: 'Enter MFA code…', run: doings.giveCode }] : []),
    ...CONSOLE_SERVICES.map(([name, service], nth) => ({
      label: `Open console at ${name}`,
      apart: nth === 0,
      run: () => doings.open(service),
    })),
    { label: 'AWS profiles', apart: true, run: doings.profiles },
  ];
}

export function portalItems(
  portals: readonly PortalView[],
  portal: PortalView,
  filter: string | null,
  mac: boolean,
  doings: PortalDoings,
): MenuItem[] {
  return [...choices(portals, filter, doings), ...actions(portals, portal, mac, doings)];
}

export function portalQuestion(action: 'sign_out' | 'remove', portal: PortalView): Question {
  if (action === 'sign_out') {
    return {
      question: `Sign out of ${portal.name}?`,
      explanation: 'Credentials that were already handed out stay valid until they expire.',
      action: 'Sign out',
      request: { do: 'sign_out', portal: portal.id },
    };
  }
  return {
    question: `Forget ${portal.name}?`,
    explanation:
      'You are signed out and its list and favourites go. Credentials that were already handed out stay valid until they expire.',
    action: 'Forget the portal',
    request: { do: 'remove_portal', portal: portal.id },
  };
}

function choices(portals: readonly PortalView[], filter: string | null, doings: PortalDoings): MenuItem[] {
  if (portals.length < 2) {
    return [];
  }
  return [
    { label: 'All portals', radio: true, checked: filter === null, run: () => doings.filter(null) },
    ...portals.map((each) => ({
      label: each.name,
      radio: true,
      checked: filter === each.id,
      run: () => doings.filter(each.id),
    })),
  ];
}

function actions(portals: readonly PortalView[], portal: PortalView, mac: boolean, doings: PortalDoings): MenuItem[] {
  const about = portals.length > 1 ? ` (${portal.name})` : '';
  const signedIn = portal.state === 'signed_in' || portal.state === 'offline';
  return [
    { label: `Sync now${about}`, keys: mac ? '⌘R' : 'Ctrl R', apart: portals.length > 1, run: () => doings.ask({ do: 'sync', portal: portal.id }) },
    { label: `Open the access portal${about}`, run: () => doings.ask({ do: 'open_portal', portal: portal.id }) },
    ...(signedIn
      ? [
          { label: `Sign in again${about}`, run: doings.signInAgain },
          { label: `Sign out…${about}`, run: () => doings.question('sign_out') },
        ]
      : portal.state === 'signing_in'
        ? [
            { label: `Open the sign-in page again${about}`, run: () => doings.ask({ do: 'open_sign_in_page', portal: portal.id }) },
            { label: `Cancel signing in${about}`, run: () => doings.ask({ do: 'cancel_sign_in', portal: portal.id }) },
          ]
        : portal.state === 'unknown'
          ? []
          : [{ label: `Sign in${about}`, run: doings.signIn }]),
    { label: 'Renew credentials now', run: () => doings.ask({ do: 'renew_now' }) },
    { label: 'Uses of credentials', run: doings.uses },
    { label: 'AWS profiles', run: doings.profiles },
    { label: 'Add a portal…', apart: true, run: doings.add },
    { label: `Forget this portal…${about}`, run: () => doings.question('remove') },
  ];
}
