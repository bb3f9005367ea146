// Programs of the demo company that use credentials, and one that waits for a person's word.
import type { Answer, ConsumerOrder, Door, Launch, Program, Question, RevokedProgram, Use } from '../contract';

const PYTHON = '/usr/bin/python3.13';
const TERRAFORM = '/usr/local/bin/terraform';
const MINUTE = 60_000;

export class DemoConsumers {
  revision = 1;
  questions: Question[];
  #uses: Use[];
  #launches: Launch[];
  #revoked: RevokedProgram[] = [];

  constructor(scene: string) {
    this.#launches = [
      { id: '5b8f01c3', door: 'serve', program: program('portray', '/usr/bin/portray', 5120), portal: 'acme', ...DEV, permission_set: 'Developer', chain: null },
    ];
    this.#uses = [
      use(190, 'credential_process', program('aws', PYTHON, 4021, 'zsh', 'gnome-terminal-'), DEV, 'ReadOnly', 1),
      use(122, 'exec', program('terraform', TERRAFORM, 4410, 'portray', 'zsh'), STAGING, 'Deployer', 3, 'a1c92e07'),
      use(64, 'console', program('portray-app', '/usr/bin/portray-app', 2201), PROD, 'ReadOnly', 1),
      refused(31, program('aws', PYTHON, 4790, 'make', 'zsh'), PROD, 'AdministratorAccess'),
      use(12, 'serve', program('node', '/usr/bin/node', 5133, 'code'), DEV, 'Developer', 2, '5b8f01c3'),
      use(3, 'credential_process', program('aws', PYTHON, 5608, 'zsh', 'gnome-terminal-'), DEV, 'ReadOnly', 41),
    ];
    this.questions =
      scene === 'asked'
        ? [{ id: 1, program: program('aws', PYTHON, 5811, 'make', 'zsh'), door: 'credential_process', portal: 'acme', ...PROD, permission_set: 'Deployer', chain: null }]
        : [];
  }

  async order(order: ConsumerOrder, changed: () => void): Promise<Answer> {
    switch (order.what) {
      case 'list': {
        const uses = this.#uses.filter((use) => use.number > order.after).slice(0, 100);
        return { answer: 'uses', view: { uses, launches: this.#launches, revoked: this.#revoked, problem: null } };
      }
      case 'answer':
        this.questions = this.questions.filter((question) => question.id !== order.question);
        changed();
        return { answer: 'done' };
      case 'revoke':
      case 'allow':
        return this.#change(order.what, order.consumer, changed);
    }
  }

  #change(what: 'revoke' | 'allow', consumer: string, changed: () => void): Answer {
    const executable = this.#uses.find((use) => use.consumer === consumer)?.program?.executable ?? consumer;
    this.#launches = this.#launches.filter((launch) => what === 'allow' || launch.id !== consumer);
    this.#revoked = this.#revoked.filter((program) => program.consumer !== consumer);
    if (what === 'revoke') {
      this.#revoked.push({ consumer, executable, since: new Date().toISOString() });
    }
    this.revision += 1;
    changed();
    const words = what === 'revoke' ? 'gets no credentials any more. What it holds stays valid at AWS until it expires.' : 'may get credentials again.';
    return { answer: 'said', words: `${executable} ${words}` };
  }
}

const DEV = { account: '111122223333', account_name: 'acme-dev' };
const STAGING = { account: '222233334444', account_name: 'acme-staging' };
const PROD = { account: '333344445555', account_name: 'acme-prod' };

function program(name: string, executable: string, pid: number, ...above: string[]): Program {
  return { pid, name, executable, below: above.map((name, nth) => ({ pid: pid - 7 * (nth + 1), name })) };
}

function use(minutesAgo: number, door: Door, by: Program, account: typeof DEV, permission_set: string, times: number, launch: string | null = null): Use {
  const at = new Date(Date.now() - minutesAgo * MINUTE).toISOString();
  return {
    number: 1000 - minutesAgo, at, last_at: at, times, door, program: by, launch,
    consumer: launch ?? (by.executable === PYTHON ? 'c0ffee01' : 'beefed02'),
    portal: 'acme', ...account, permission_set, chain: null, assumed: null, outcome: 'handed_out', reason: null,
  };
}

function refused(minutesAgo: number, by: Program, account: typeof DEV, permission_set: string): Use {
  return {
    ...use(minutesAgo, 'credential_process', by, account, permission_set, 1),
    outcome: 'refused',
    reason: `${account.account_name}/${permission_set} is not assigned to you (any more).`,
  };
}
