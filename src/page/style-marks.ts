/*
 * Colours after Okabe and Ito (Color Universal Design, 2008), a little lighter on dark paper. Each has a pattern of its
 * own too: fetch is hatched, prep dotted, batching striped the other way, blocked crossed, busy plain.
 */
export const MARKS = `
:root {
  --busy: light-dark(#009e73, #1fb88a);
  --fetch: light-dark(#0072b2, #4aa8e0);
  --prep: light-dark(#e69f00, #f0b030);
  --batching: light-dark(#c2699a, #d98fbb);
  --blocked: light-dark(#d55e00, #ef7a35);
  --wait: light-dark(#8d97a3, #77828e);
  --idle: light-dark(#d3d7dc, #3a434d);
  --grain: light-dark(rgb(255 255 255 / .5), rgb(0 0 0 / .38));
}
[class*="fill-"] { forced-color-adjust: none; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.fill-busy { background-color: var(--busy); }
.fill-fetch { background: repeating-linear-gradient(45deg, transparent 0 4px, var(--grain) 4px 5.5px) var(--fetch); }
.fill-prep { background: radial-gradient(circle, var(--grain) 1.2px, transparent 1.5px) 0 0 / 6px 6px var(--prep); }
.fill-decode { background: repeating-linear-gradient(0deg, transparent 0 4px, var(--grain) 4px 5px) var(--prep); }
.fill-transform { background: repeating-linear-gradient(90deg, transparent 0 4px, var(--grain) 4px 5px) var(--prep); }
.fill-batching { background: repeating-linear-gradient(-45deg, transparent 0 3px, var(--grain) 3px 5.5px) var(--batching); }
.fill-blocked { background: repeating-linear-gradient(45deg, transparent 0 5px, var(--grain) 5px 6.5px), repeating-linear-gradient(-45deg, transparent 0 5px, var(--grain) 5px 6.5px) var(--blocked); }
.fill-wait { background: repeating-linear-gradient(-45deg, transparent 0 4px, var(--grain) 4px 5px) var(--wait); }
.fill-idle { background-color: var(--idle); }
.fill-rate { background-color: color-mix(in srgb, var(--accent) 22%, transparent); }
.fill-memory { background-color: color-mix(in srgb, var(--dim) 22%, transparent); }
.fill-spread { background-color: color-mix(in srgb, var(--accent) 18%, transparent); }
.swatch { display: inline-block; flex: none; width: 1rem; height: .8rem; border-radius: 3px; margin-right: .5rem; }
.swatch.fill-rate { border-top: 2px solid var(--accent); border-radius: 0; }
.swatch.fill-memory { border-top: 2px solid var(--dim); border-radius: 0; }
.bar { display: flex; height: 1.5rem; border-radius: 6px; overflow: hidden; background: var(--rule); }
.bar i { min-width: 1px; }
.bar i + i { border-left: 1px solid var(--card); }
.gauge { position: relative; height: .4rem; border-radius: .2rem; overflow: hidden; background: var(--rule); }
.gauge i { display: block; height: 100%; }
.gauge b { position: absolute; top: 0; bottom: 0; width: 2px; margin-left: -1px; background: var(--ink); }

.flow { display: grid; grid-template-columns: repeat(5, 1fr); gap: 1.5rem; }
.stage { position: relative; display: flex; flex-direction: column; background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 1rem; }
.stage.limiting { border-color: var(--ink); box-shadow: inset 0 0 0 1px var(--ink); }
.stage + .stage::before { content: ""; position: absolute; left: calc(-.75rem - 5px); top: 50%; width: 8px; height: 8px; border: solid var(--dim); border-width: 2px 2px 0 0; transform: translateY(-50%) rotate(45deg); }
.stage h3 { display: flex; align-items: center; justify-content: space-between; gap: .5rem; flex-wrap: wrap; }
.tag { font-size: .75rem; font-weight: 600; line-height: 1; color: var(--card); background: var(--ink); border-radius: 1em; padding: .3em .65em; }
.stage .share { font-size: 1.5rem; line-height: 1.2; font-weight: 640; letter-spacing: -.02em; margin-top: .6rem; }
.stage .what { font-size: .8125rem; line-height: 1.35; color: var(--dim); min-height: 2.7em; }
.stage .gauge { margin: .6rem 0 .75rem; }
.stage li { font-size: .8125rem; line-height: 1.4; color: var(--dim); }
.stage li + li { margin-top: .25rem; }
.stage li data, .stage li b { color: var(--ink); font-weight: 560; }
.backpressure { position: relative; margin: .6rem 10% 1rem; padding-top: .8rem; text-align: center; font-size: .8125rem; color: var(--dim); }
.backpressure::before { content: ""; position: absolute; inset: 0 0 auto; height: .5rem; border: 1.5px dashed var(--dim); border-top: 0; border-radius: 0 0 8px 8px; opacity: .6; }
.backpressure::after { content: ""; position: absolute; left: -4px; top: -3px; border: 5px solid transparent; border-top: 0; border-bottom: 7px solid var(--dim); }
.backpressure data { color: var(--ink); font-weight: 560; }

@media screen and (max-width: 56rem) {
  .flow { grid-template-columns: 1fr; gap: 1.25rem; }
  .stage { display: grid; grid-template-columns: 1fr auto; gap: 0 1rem; }
  .stage + .stage::before { left: 50%; top: calc(-.625rem - 1px); transform: translate(-50%, -50%) rotate(135deg); }
  .stage h3 { justify-content: flex-start; }
  .stage .share { margin: 0; font-size: 1.25rem; }
  .stage .what { min-height: 0; grid-column: 1 / -1; }
  .stage .gauge { grid-column: 1 / -1; }
  .stage ul { grid-column: 1 / -1; }
  .backpressure { margin-inline: 0; padding-top: .25rem; }
  .backpressure::before, .backpressure::after { display: none; }
}
`;
