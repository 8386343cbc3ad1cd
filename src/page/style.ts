import { MARKS } from './style-marks.js';
import { PLOTS } from './style-plots.js';

/** Type, colours and layout. A colour is a pair, for light and dark, of which `color-scheme` takes one. */
const BASE = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#f7f6f2, #101418);
  --card: light-dark(#fff, #181d23);
  --ink: light-dark(#1a2027, #e8ecf0);
  --dim: light-dark(#5a6470, #9aa6b2);
  --rule: light-dark(#e2dfd7, #2b333c);
  --accent: light-dark(#0b6e8f, #63c0de);
  --warn: light-dark(#8a5a00, #f0b84a);
  --warn-paper: light-dark(#fdf3dc, #2c2413);
  --bad: light-dark(#a3330b, #ff9a70);
  --bad-paper: light-dark(#fbeae4, #331d15);
  --good: light-dark(#00694d, #4fcba3);
  --space: 1.25rem;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif;
  -webkit-text-size-adjust: 100%;
  text-size-adjust: 100%;
}
:root[data-theme="light"] { color-scheme: light; }
:root[data-theme="dark"] { color-scheme: dark; }
*, ::before, ::after { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); }
main { max-width: 68rem; margin: 0 auto; padding: 2rem 1.5rem 4rem; }
h1, h2, h3, h4, p, ul, ol, dl, dd, table, figure, pre { margin: 0; padding: 0; }
ul, ol { list-style: none; }
h1 { font-size: clamp(1.75rem, 4.5vw, 2.5rem); line-height: 1.15; letter-spacing: -.02em; font-weight: 680; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; line-height: 1.3; letter-spacing: -.01em; font-weight: 640; margin-bottom: .9rem; }
h3 { font-size: .95rem; font-weight: 640; }
h4 { font-size: .85rem; font-weight: 560; color: var(--dim); }
h2.part { margin-top: 3.5rem; padding-top: 1.5rem; border-top: 2px solid var(--ink); font-size: 1.5rem; }
small { font-size: .8125rem; font-weight: 400; color: var(--dim); }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .85em; }
strong { font-weight: 680; }
data, output, .number { font-variant-numeric: tabular-nums; }
data { white-space: nowrap; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.note { color: var(--dim); max-width: 70ch; }
.sign { flex: none; margin-top: .25em; }
section { margin-top: 2.5rem; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: var(--space); }
.card > .note { margin-bottom: 1rem; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; margin-top: 1rem; }
.columns > .card { margin-top: 0; }
.columns > .card:last-child:nth-child(odd) { grid-column: 1 / -1; }
.columns > .card > h3 { margin-bottom: .75rem; }
.columns > dl { align-content: start; }

.masthead { position: relative; padding-right: 3.5rem; }
.kind { color: var(--accent); font-size: .875rem; font-weight: 600; margin-bottom: .35rem; }
.masthead .note { margin-top: .35rem; }
.status { font-size: .8125rem; font-weight: 600; letter-spacing: 0; vertical-align: middle; white-space: nowrap; padding: .2em .65em; border-radius: 1em; border: 1px solid currentColor; color: var(--good); }
.status.failed { color: var(--bad); }
.status.interrupted { color: var(--warn); }
button { font: inherit; font-size: .875rem; color: inherit; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: .4rem .9rem; min-height: 2.5rem; cursor: pointer; }
button:hover { border-color: var(--dim); }
#theme { position: absolute; top: 0; right: 0; width: 2.5rem; padding: 0; font-size: 1.2rem; line-height: 1; }
.notice, .stop, .warnings li { display: flex; gap: .6rem; padding: .75rem 1rem; border-radius: 10px; background: var(--warn-paper); color: var(--warn); }
.notice { margin-top: 1.25rem; }
.notice span, .warnings span, .stop div { color: var(--ink); overflow-wrap: anywhere; }
.warnings ul { display: grid; gap: .5rem; }
.stop { margin-top: 1.5rem; padding: 1.25rem; }
.stop.failed { background: var(--bad-paper); color: var(--bad); }
.stop p + p { margin-top: .4rem; }
.stop p:first-child { font-weight: 600; }
.verdict { margin-top: 1.5rem; }
.limit { font-size: clamp(1.2rem, 3vw, 1.5rem); line-height: 1.3; letter-spacing: -.01em; }
.limit code { font-size: .55em; letter-spacing: 0; color: var(--dim); border: 1px solid var(--rule); border-radius: 5px; padding: .15em .5em; vertical-align: middle; white-space: nowrap; }
.verdict p + p { margin-top: .4rem; max-width: 70ch; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: 1px; margin-top: 1.75rem; background: var(--rule); border: 1px solid var(--rule); border-radius: 12px; overflow: hidden; }
.facts > div { background: var(--card); padding: .9rem var(--space); }
.facts dt { font-size: .8125rem; color: var(--dim); }
.facts dd { font-size: 1.375rem; line-height: 1.3; font-weight: 620; letter-spacing: -.01em; }
.facts dd data { white-space: normal; }
.facts .unit { font-size: .65em; font-weight: 560; letter-spacing: 0; }
.facts small .unit { font: inherit; }
.facts small { display: block; letter-spacing: 0; line-height: 1.4; }
.list { display: grid; gap: .3rem 2rem; }
.list > div { display: grid; grid-template-columns: 1fr auto; gap: 0 1rem; align-items: baseline; }
.list dt { color: var(--dim); }
.list dd { font-variant-numeric: tabular-nums; font-weight: 560; text-align: right; overflow-wrap: anywhere; }
.list .gauge { grid-column: 1 / -1; margin: .15rem 0 .35rem; }
.list + h4, .bar + .list { margin-top: .9rem; }
.gpu, .chosen { margin-top: 1rem; }
.chosen h3 { margin-bottom: .5rem; }
.chosen tr:first-child > * { border-top: 0; }
.chosen td.number span { font-weight: 600; }
.gpu .columns { column-gap: 2.5rem; }
.chosen .because { color: var(--dim); font-size: .875rem; padding-right: 0; width: 100%; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 560; }
thead th { font-size: .8125rem; font-weight: 400; color: var(--dim); padding-bottom: .35rem; }
tbody th, tbody td { padding: .4rem .75rem .4rem 0; vertical-align: baseline; border-top: 1px solid var(--rule); }
td.number { white-space: nowrap; }
.shares { margin-top: .75rem; }
.shares th { white-space: nowrap; }
.shares td.number { text-align: right; font-weight: 600; }
.shares tr:first-child > * { border-top: 0; }
.shares .meaning { color: var(--dim); font-size: .875rem; padding-right: 0; width: 100%; }
.shares .none > * { opacity: .72; }
.sum { margin-top: .6rem; font-size: .875rem; color: var(--dim); }
.sum data { color: var(--ink); font-weight: 560; }
.gain { min-width: 8rem; }
.gain data { font-weight: 620; }
.sweep td, .sweep tbody th { white-space: nowrap; }
.sweep td[colspan] { white-space: normal; color: var(--bad); }
.sweep .best > * { background: color-mix(in srgb, var(--busy) 12%, transparent); }
.wide { overflow-x: auto; }
details summary { cursor: pointer; padding: .35rem 0; }
.raw pre { max-height: 60vh; overflow: auto; margin-top: .5rem; padding: 1rem; background: var(--paper); border-radius: 8px; white-space: pre-wrap; overflow-wrap: anywhere; }
.raw { position: relative; }
.raw summary { min-height: 2.5rem; margin-right: 9rem; }
.raw p { position: absolute; top: var(--space); right: var(--space); display: flex; align-items: center; gap: .75rem; font-size: .875rem; }
#copied { color: var(--good); font-weight: 560; }
footer { margin-top: 2.5rem; color: var(--dim); font-size: .8125rem; overflow-wrap: anywhere; }

@media screen and (max-width: 40rem) {
  :root { --space: 1rem; }
  main { padding: 1.25rem 1rem 3rem; }
  section { margin-top: 2rem; }
  .facts { grid-template-columns: 1fr 1fr; }
  .facts > div:last-child:nth-child(odd) { grid-column: 1 / -1; }
  .facts dd { font-size: 1.2rem; }
  .shares tr { display: grid; grid-template-columns: 1fr auto; border-top: 1px solid var(--rule); padding: .4rem 0; }
  .shares tr:first-child { border-top: 0; }
  .shares th, .shares td { border: 0; padding: 0; }
  .shares .meaning { grid-column: 1 / -1; padding-left: 1.5rem; }
  .stacks thead { display: none; }
  .stacks tr { display: block; padding: .75rem 0; border-top: 1px solid var(--rule); }
  .stacks th, .stacks td { display: block; padding: 0; border: 0; }
  .stacks td { display: grid; grid-template-columns: 5.5rem 1fr; margin-top: .2rem; }
  .stacks td::before { content: attr(data-name); color: var(--dim); font-size: .8125rem; }
  .stacks td:empty { display: none; }
  .stacks tbody th[data-name]::before { content: attr(data-name) ' '; font-weight: 400; color: var(--dim); }
  .stacks .gain .gauge { grid-column: 2; }
}
@media print {
  :root, :root[data-theme] { color-scheme: light; --paper: #fff; font-size: 11px; }
  main { max-width: none; padding: 0; }
  button, .raw { display: none; }
  .card, .stage, .facts, .panel, .notice, .warnings li { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
`;

export const STYLE = BASE + MARKS + PLOTS;
