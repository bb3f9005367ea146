// Starts the window: in the application it talks to the agent, in a plain browser to a demo company.
import { mount } from 'svelte';

import App from './App.svelte';
import type { Host } from './host/host';
import './styles/tokens.css';
import './styles/base.css';

async function host(): Promise<Host> {
  if ('__TAURI_INTERNALS__' in window) {
    return new (await import('./host/tauri')).TauriHost();
  }
  return new (await import('./host/demo')).DemoHost(location.hash.slice(1));
}

const target = document.getElementById('app');
if (target) {
  mount(App, { target, props: { host: await host() } });
}
