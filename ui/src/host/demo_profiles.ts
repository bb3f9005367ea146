// A configuration file of the demo company: shown, written and taken back as the application does it.
import type { Answer, DifferenceLine, ProfilesChange, ProfilesOrder, ProfilesView, RoleRow } from '../contract';

const PATH = '/home/amara/.aws/config';
const BACKUP = '/home/amara/.local/state/portray/aws-config-5e884898da280471.before';
const PAGE = 500;
const FOREIGN = ['# mine', '[default]', 'region = eu-west-1', '', '[profile reports]', 'region = us-east-1 # reports', 's3 =', '  addressing_style = path'];
const BEGIN = '# >>> portray profiles: written by "portray profiles apply", taken back by "portray profiles remove" >>>';
const END = '# <<< portray profiles <<<';

export class DemoProfiles {
  #ours: string[] = [];
  #before: string[] | null = null;

  async order(order: ProfilesOrder, rows: RoleRow[]): Promise<Answer> {
    if (order.what === 'show') {
      return { answer: 'profiles', view: this.#view(order.change, rows, order.from) };
    }
    const before = this.#ours;
    this.#ours = this.#after(order.change, rows);
    this.#before = order.change === 'undo' ? null : before;
    const words = order.change === 'write' ? `Written to ${PATH}: profiles: ${rows.length} new.` : `${PATH} is what it was before, byte for byte.`;
    return { answer: 'said', words };
  }

  #after(change: ProfilesChange, rows: RoleRow[]): string[] {
    switch (change) {
      case 'write':
        return profiles(rows);
      case 'undo':
        return this.#before ?? this.#ours;
      case 'remove':
        return [];
    }
  }

  #view(change: ProfilesChange, rows: RoleRow[], from: number): ProfilesView {
    const after = this.#after(change, rows);
    const same = after.join('\n') === this.#ours.join('\n');
    const all = same ? [] : [...context(), ...lines(this.#ours, 'removed'), ...lines(after, 'added')];
    return {
      change, path: PATH, shown: same ? null : String(after.length), from, length: all.length, lines: all.slice(from, from + PAGE),
      summary: same ? `Nothing to change in ${PATH}.` : `Profiles in ${PATH}: ${rows.length} new.`,
      added: same ? 0 : after.length, removed: same ? 0 : this.#ours.length, notes: [], skipped: [],
      findings: [{ place: 'config, line 6', what: 'What follows “#” or “;” is a part of the value to the AWS CLI and boto3.', advice: 'Put the comment into a line of its own.' }],
      backup: this.#ours.length > 0 ? BACKUP : null, can_undo: this.#before !== null, can_remove: this.#ours.length > 0, problem: null,
    };
  }
}

function profiles(rows: RoleRow[]): string[] {
  const sections = rows.map((row) => [
    `[profile ${row.account_name}-${row.role.permission_set}]`,
    `credential_process = /usr/bin/portray credential-process --portal acme --account ${row.role.account} --permission-set ${row.role.permission_set}`,
  ]);
  return ['', BEGIN, ...sections.flatMap((section, nth) => (nth === 0 ? section : ['', ...section])), END];
}

function context(): DifferenceLine[] {
  const kept = FOREIGN.slice(-3);
  const gap = `${FOREIGN.length - kept.length} lines stay as they are`;
  return [{ sign: 'gap', text: gap, unended: false }, ...lines(kept, 'kept')];
}

function lines(texts: string[], sign: DifferenceLine['sign']): DifferenceLine[] {
  return texts.map((text) => ({ sign, text, unended: false }));
}
