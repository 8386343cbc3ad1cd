export const PLOTS = `
.plot { --gutter: 3.75rem; }
.where { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: 0 1rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.panels { position: relative; padding-left: var(--gutter); }
.panel-head { display: flex; flex-wrap: wrap; align-items: baseline; gap: .1rem 1.25rem; margin: .4rem 0 0 calc(-1 * var(--gutter)); padding: .5rem 0; }
.keys { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; font-size: .875rem; color: var(--dim); }
.keys li { display: flex; align-items: baseline; }
.keys .swatch { align-self: center; }
.keys output, .keys data { color: var(--ink); font-weight: 600; }
.keys output { display: inline-block; flex: none; min-width: 3.6rem; margin-left: .4em; text-align: right; }
.keys data { margin-left: .3em; }
.keys output data { margin: 0; }
.canvas { position: relative; border-bottom: 1px solid var(--dim); }
.tall { height: 11rem; }
.middle { height: 6rem; }
.low { height: 4rem; }
.grid { position: absolute; left: 0; right: 0; border-top: 1px solid var(--rule); }
.grid span { position: absolute; z-index: 2; pointer-events: none; right: calc(100% + .5rem); top: -.65em; font-style: normal; font-size: .75rem; line-height: 1.3; color: var(--dim); white-space: nowrap; font-variant-numeric: tabular-nums; }
.area { position: absolute; inset: 0; }
.lines { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }
.lines path { fill: none; stroke-width: 1.75; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.line-rate { stroke: var(--accent); }
.line-memory { stroke: var(--dim); }
.line-p50 { stroke: var(--busy); }
.line-p99 { stroke: var(--blocked); stroke-dasharray: 6 4; }
.line-penstock { stroke: var(--fetch); }
.line-peer { stroke: var(--blocked); stroke-dasharray: 6 4; }
.fill-penstock { background-color: var(--fetch); }
.fill-peer { background: repeating-linear-gradient(90deg, transparent 0 4px, var(--grain) 4px 6px) var(--blocked); }
.fill-offered { background-color: color-mix(in srgb, var(--dim) 20%, transparent); }
.swatch.fill-offered { border-top: 2px solid var(--dim); border-radius: 0; }
.fill-p50 { background-color: var(--busy); }
.fill-p99 { background-color: var(--blocked); }
.dot { position: absolute; width: 9px; height: 9px; margin: 0 0 -4.5px -4.5px; border-radius: 50%; border: 2px solid var(--card); }
.dot.fill-rate { background-color: var(--accent); }
.dot.fill-p99, .dot.fill-peer { border-radius: 1px; }
.band { position: absolute; top: 0; bottom: 0; overflow: hidden; font-style: normal; background: repeating-linear-gradient(-45deg, transparent 0 5px, var(--rule) 5px 6px); }
.band span { position: absolute; left: .4rem; top: .25rem; font-size: .75rem; color: var(--dim); background: var(--card); padding: 0 .3em; border-radius: 3px; }
.upright { position: absolute; top: 0; bottom: 0; border-left: 1.5px dashed var(--ink); }
.upright.own { border-left: 1.5px dotted var(--dim); }
.upright span { position: absolute; left: .35rem; bottom: .3rem; font-size: .75rem; font-style: normal; line-height: 1.2; white-space: nowrap; color: var(--ink); background: var(--card); padding: 0 .2em; border-radius: 3px; }
.upright.own span { bottom: 1.7rem; }
.upright.late span { left: auto; right: .35rem; }
.middle .upright span { display: none; }
.scrubber { position: absolute; inset: 0 0 0 var(--gutter); cursor: crosshair; touch-action: pan-y; }
.panel-head { position: relative; z-index: 1; pointer-events: none; background: var(--card); }
.crosshair { position: absolute; top: 0; bottom: 0; width: 0; border-left: 1.5px solid var(--ink); pointer-events: none; }
.axis { position: relative; height: 1.5rem; margin-left: var(--gutter); }
.axis span { position: absolute; top: .3rem; transform: translateX(-50%); font-size: .75rem; color: var(--dim); white-space: nowrap; font-variant-numeric: tabular-nums; }
.axis .first { transform: none; }
.plot + details { margin-top: .75rem; font-size: .9375rem; }
details table { width: auto; min-width: 22rem; }
details th, details td { padding-right: 1.5rem; }

.ceilings ol { display: grid; gap: .6rem; margin-top: 1rem; }
.ceiling { display: grid; grid-template-columns: 10rem 1fr 11rem; gap: 0 1rem; align-items: center; }
.ceiling .number { text-align: right; font-weight: 600; line-height: 1.3; }
.ceiling .number small { display: block; }
.ceiling .name { line-height: 1.3; }
.ceiling .name small { display: block; }
.track { position: relative; height: 2.25rem; background: var(--rule); border-radius: 4px; }
.track > i:first-child { display: block; height: 100%; border-radius: 4px 0 0 4px; }
.torn { clip-path: polygon(0 0, 100% 0, calc(100% - 8px) 25%, 100% 50%, calc(100% - 8px) 75%, 100% 100%, 0 100%); }
.beyond { position: absolute; right: 1rem; top: 50%; transform: translateY(-50%); font-size: .75rem; line-height: 1.2; background: var(--card); color: var(--ink); padding: .1em .4em; border-radius: 3px; }
b.whisker { position: absolute; top: calc(50% - 5px); height: 10px; border: solid var(--ink); border-width: 0 1.5px; }
b.whisker::before { content: ""; position: absolute; left: 0; right: 0; top: 4px; border-top: 1.5px solid var(--ink); }
.marker { position: absolute; top: -.3rem; bottom: -.3rem; width: 0; }
.marker.line-pipeline { border-left: 3px solid var(--ink); margin-left: -1.5px; }
.marker.line-loop { border-left: 3px dotted var(--ink); margin-left: -1.5px; }
.swatch.line-pipeline { width: 0; height: 1rem; border-left: 3px solid var(--ink); border-radius: 0; }
.swatch.line-loop { width: 0; height: 1rem; border-left: 3px dotted var(--ink); border-radius: 0; }
.swatch.whisker { height: .6rem; border: solid var(--ink); border-width: 0 1.5px; border-radius: 0; background: linear-gradient(var(--ink), var(--ink)) center / 100% 1.5px no-repeat; }

.fates { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem 2rem; margin-top: 1rem; }
.fates h3 { margin-bottom: .5rem; }
.fates .keys { margin-top: .5rem; }
.fates .list { margin-top: .75rem; }
.scenario .plot, .scenario .more { margin-top: 1.25rem; }
.scenario .more { font-size: .9375rem; }
.scenario .sub { margin-top: 1.5rem; }
.fate { white-space: nowrap; margin-right: .75rem; }
.findings { display: grid; gap: .6rem; max-width: 75ch; }
.stress td, .stress tbody th { font-size: .875rem; padding-right: .6rem; }
.stress .swatch { margin-right: .4rem; }
.list .why { font-weight: 400; max-width: 40ch; }

@media screen and (max-width: 40rem) {
  .fate { white-space: normal; display: block; }
  .plot { --gutter: 3.1rem; }
  .panel-head h3 { width: 100%; }
  .tall { height: 9rem; }
  .axis.dense span:nth-child(even), .axis .close { display: none; }
  .ceiling { grid-template-columns: 1fr auto; }
  .ceiling .track { grid-column: 1 / -1; order: 3; height: 1.5rem; margin-top: .35rem; }
}
`;
