/** What the live page has beside what it shares with the report (style.ts). */
export const LIVE_STYLE = `
:root {
  --answered: light-dark(#3f9bb8, #3e93ae);
  --p50: var(--busy);
  --p95: var(--fetch);
  --p99: var(--blocked);
  --queue: var(--fetch);
  --compute: var(--busy);
}
.fill-answered { background-color: var(--answered); }
.fill-refused { background: repeating-linear-gradient(-45deg, transparent 0 3px, var(--grain) 3px 5px) var(--bad); }
[hidden] { display: none !important; }
.live section { margin-top: 1rem; }
.live .masthead { padding-bottom: .25rem; }
.live .notice { margin-top: 1rem; }
.live .facts { margin-top: 1.25rem; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); }
.live .facts dd { white-space: nowrap; }
.live .facts small { white-space: normal; min-height: 1.4em; font-variant-numeric: tabular-nums; font-weight: 400; }
.live .status { display: inline-flex; align-items: center; gap: .45em; }
#status.ready::before, #status.running::before { content: ""; width: .5em; height: .5em; border-radius: 50%; background: currentColor; animation: breathe 2s ease-in-out infinite; }
@keyframes breathe { 50% { opacity: .25; } }
.status.not-ready, .status.draining, .status.stopped, .status.lost, .status.locked, .status.waiting, .status.connecting { color: var(--warn); }
.waiting { margin-top: 2rem; color: var(--dim); }
.fault { color: var(--bad); overflow-wrap: anywhere; }
#token-form { margin-top: 1.5rem; max-width: 34rem; }
#token-form .note { margin-bottom: .9rem; }
.ask { display: flex; flex-wrap: wrap; align-items: center; gap: .6rem; }
.ask label { font-weight: 560; }
.ask input { flex: 1 1 12rem; min-width: 0; font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--dim); border-radius: 8px; padding: .4rem .7rem; min-height: 2.5rem; }
.ask button { background: var(--accent); border-color: var(--accent); color: var(--card); font-weight: 600; }
.ask + .fault { margin-top: .6rem; }

.controls { display: flex; flex-wrap: wrap; justify-content: flex-end; gap: .75rem; margin-top: 1.25rem; }
fieldset { display: flex; margin: 0; padding: 0; border: 1px solid var(--rule); border-radius: 8px; background: var(--card); overflow: hidden; }
fieldset label { position: relative; display: flex; cursor: pointer; font-size: .875rem; }
fieldset input { position: absolute; opacity: 0; inset: 0; margin: 0; cursor: pointer; }
fieldset span { display: flex; align-items: center; padding: .4rem .9rem; min-height: 2.5rem; }
fieldset label + label { border-left: 1px solid var(--rule); }
fieldset input:hover + span { background: var(--paper); }
fieldset input:checked + span { background: var(--ink); color: var(--card); font-weight: 600; }
fieldset input:focus-visible + span { outline: 2px solid var(--accent); outline-offset: -3px; border-radius: 8px; }
#hold { min-width: 5rem; }
#hold[aria-pressed="true"] { background: var(--ink); border-color: var(--ink); color: var(--card); font-weight: 600; }

.endpoints th, .endpoints td { white-space: nowrap; }
.endpoints thead th.number, .endpoints td.number { text-align: right; }
.endpoints td.number { font-variant-numeric: tabular-nums; font-weight: 560; }
.endpoints td:last-child, .endpoints thead th:last-child { padding-right: .75rem; }
.endpoints thead th { padding-right: .75rem; }
.endpoints thead th:first-child { padding-left: .75rem; }
.endpoints tbody th { padding: 0; }
.endpoints .unit { color: var(--dim); font-weight: 400; }
.endpoints .chosen > * { background: color-mix(in srgb, var(--accent) 11%, transparent); }
.endpoints .chosen > :first-child { border-radius: 8px 0 0 8px; box-shadow: inset 3px 0 var(--accent); }
.endpoints .chosen > :last-child { border-radius: 0 8px 8px 0; }
.choice { width: 100%; text-align: left; background: none; border: 0; border-radius: 8px; padding: .4rem .75rem; font-size: 1rem; font-weight: 560; }
.choice[aria-pressed="true"] { font-weight: 680; }
#endpoint-title { margin-top: 1.75rem; }

.plot .where { min-height: 1.6em; }
.canvas .uplot { position: absolute; inset: 0; width: 100%; }
.canvas .grid { z-index: 1; pointer-events: none; mix-blend-mode: normal; }
.canvas .grid { border-top-color: color-mix(in srgb, var(--dim) 35%, transparent); }
.axis .last { transform: translateX(-100%); }
.keys output { min-width: 4.2rem; }
.swatch.fill-p50, .swatch.fill-p95, .swatch.fill-p99, .swatch.fill-queue, .swatch.fill-compute { height: 0; border-radius: 0; background: none; border-top: 3px solid var(--busy); }
.swatch.fill-p95 { border-top: 3px dotted var(--fetch); }
.swatch.fill-p99 { border-top: 3px dashed var(--blocked); }
.swatch.fill-queue { border-top: 3px solid var(--fetch); }
.swatch.fill-compute { border-top: 3px dashed var(--busy); }
.panel + .panel { margin-top: .35rem; }
#devices details { margin-top: .75rem; font-size: .9375rem; }
#devices details table { min-width: 0; }

.job { display: grid; grid-template-columns: 1fr auto; gap: .25rem 1rem; }
.job + .job { margin-top: 1.1rem; padding-top: 1.1rem; border-top: 1px solid var(--rule); }
.job .gauge { grid-column: 1 / -1; height: .7rem; border-radius: .35rem; }
.job .gauge i { transition: width .4s linear; }
.job .fault { grid-column: 1 / -1; }
.job-name .status { margin-left: .35rem; font-size: .75rem; }
.job-rate, .job-done data { font-weight: 620; }
.job-rate, .job-rows { text-align: right; }
.job-done, .job-rows { font-size: .875rem; color: var(--dim); font-variant-numeric: tabular-nums; }
.job-done data, .job-rows data { color: var(--ink); }
.run .job-name { display: none; }
.run .job-rate { grid-column: 1 / -1; display: none; }
.run .job .gauge { height: 1.1rem; border-radius: .55rem; }
.live footer { margin-top: 2rem; }

#endpoints { container-type: inline-size; }
@container (max-width: 53rem) { .much { display: none; } }
@container (max-width: 34rem) {
  .some { display: none; }
  .endpoints thead th, .endpoints tbody td { padding-right: .4rem; }
  .endpoints { font-size: .875rem; }
  .endpoints thead th { font-size: .6875rem; }
  .endpoints thead th:first-child, .choice { padding-left: .5rem; }
  .choice { font-size: .875rem; padding-right: 0; }
  .endpoints td:last-child, .endpoints thead th:last-child { padding-right: .4rem; }
  .choice small { display: block; }
}
@media screen and (min-width: 84rem) {
  .live.serve { max-width: 108rem; }
  .serve .board { display: grid; grid-template: "endpoints jobs" auto "endpoints devices" 1fr / minmax(0, 1fr) minmax(0, 1fr); column-gap: 1rem; align-items: start; }
  #endpoints { grid-area: endpoints; }
  #jobs { grid-area: jobs; }
  #devices { grid-area: devices; }
}
@media (prefers-reduced-motion: reduce) {
  .status::before { animation: none !important; }
  .job .gauge i { transition: none; }
}
@media screen and (max-width: 40rem) {
  .live .facts { grid-template-columns: 1fr 1fr; }
  .controls { justify-content: space-between; }
  .where small { display: none; }
  .keys output { min-width: 3.4rem; }
  .axis span:nth-child(even) { display: none; }
}
`;
