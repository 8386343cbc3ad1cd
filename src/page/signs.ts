import { Html } from './html.js';

/** Drawn by hand on a grid of 16, in the colour of the text around them. */
const sign = (paths: string): Html =>
  new Html(
    `<svg class="sign" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round">${paths}</svg>`,
  );

export const warningSign = sign('<path d="M8 1.8 15 14H1zM8 6.3v3.6M8 12v.01"/>');
