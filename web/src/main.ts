import './tokens.css';
import './base.css';

import { mount } from 'svelte';

import App from './App.svelte';
import { speakFirst } from './lang/lang.svelte';
import { session } from './session.svelte';
import { theme } from './theme.svelte';

theme.apply();

const target = document.getElementById('app');
// The words and the session are under way at the same time; the page waits for both so that nothing flickers.
await Promise.all([speakFirst(), session.ask()]);
if (target) mount(App, { target });
