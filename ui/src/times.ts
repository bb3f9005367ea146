// Times as people say them: the clock of the wall, a minute at the finest, never a countdown.
import type { PortalView } from './contract';

const DAY = 24 * 60 * 60 * 1000;
const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** "09:12" today, "Fri 09:12" within six days, else "4 Dec 09:12". `at` is RFC 3339. */
export function clock(at: string, now: Date): string {
  const time = new Date(at);
  const hours = `${String(time.getHours()).padStart(2, '0')}:${String(time.getMinutes()).padStart(2, '0')}`;
  const days = Math.round((midnight(time) - midnight(now)) / DAY);
  if (days === 0) {
    return hours;
  }
  if (Math.abs(days) < 7) {
    return `${WEEKDAYS[time.getDay()]} ${hours}`;
  }
  return `${time.getDate()} ${MONTHS[time.getMonth()]} ${hours}`;
}

/** The state of a portal in words. No end of the session is named before one was learned. */
export function portalLine(portal: PortalView, now: Date): string {
  switch (portal.state) {
    case 'signed_in': {
      if (!portal.session_ends_at) {
        return `Signed in to ${portal.name}`;
      }
      const about = portal.session_end_is_estimate ? 'about ' : '';
      return `Signed in to ${portal.name} until ${about}${clock(portal.session_ends_at, now)}`;
    }
    case 'sign_in_needed':
      return `Sign-in to ${portal.name} needed`;
    case 'signing_in':
      return `Signing in to ${portal.name}`;
    case 'offline':
      return portal.sync.synced_at
        ? `Offline, showing the list of ${clock(portal.sync.synced_at, now)}`
        : `Offline: ${portal.name} cannot be reached`;
    case 'unknown':
      return portal.problem?.what_happened ?? `Reading the sign-in to ${portal.name}…`;
  }
}

function midnight(time: Date): number {
  return new Date(time.getFullYear(), time.getMonth(), time.getDate()).getTime();
}
