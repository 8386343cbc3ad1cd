import { type Html, html } from '../html.js';
import { ICON } from '../icon.js';
import { warningSign } from '../signs.js';

/**
 * The live page, as it is before anything is known: it holds nothing of what it will show, so that it may be handed to
 * anybody; what there is to see comes as events, to those who may see it. Everything is beside it, under `live/`.
 */
export function livePageHtml(): string {
  return `<!doctype html>\n${html`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Penstock live</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(ICON)}">
<link rel="stylesheet" href="live/style.css">
<script type="module" src="live/theme.js"></script>
<script type="module" src="live/main.js"></script>
</head>
<body>
<main class="live">
<header class="masthead">
<p class="kind" id="kind">Penstock live</p>
<h1><span id="name">Live</span> <span class="status" id="status" role="status">connecting</span></h1>
<button type="button" id="theme" class="quiet" aria-label="Dark colours"><span aria-hidden="true">◐</span></button>
</header>
<noscript><p class="notice">${warningSign} <span>This page draws what happens as it happens, which takes JavaScript.</span></p></noscript>
<p class="notice" id="lost" role="status" hidden>${warningSign} <span></span></p>
<form class="card" id="token-form" hidden>
<h2>A token, please</h2>
<p class="note">This server shows itself to those who know its token. It is kept in this tab until that is closed.</p>
<p class="ask"><label for="token">Token</label><input id="token" type="password" autocomplete="off" spellcheck="false" required><button type="submit">Open</button></p>
<p class="fault" id="token-wrong" role="alert" hidden>That was not it.</p>
</form>
<p class="waiting" id="waiting">Waiting for the first second …</p>
<dl class="facts" id="facts" hidden></dl>
<div class="controls" id="controls" hidden>
<fieldset><legend class="unseen">How much is shown</legend>${lengths()}</fieldset>
<button type="button" id="hold" aria-pressed="false">Hold</button>
</div>
<div class="board">
<section class="card" id="jobs" aria-labelledby="jobs-title" hidden><h2 id="jobs-title">Jobs</h2><ul id="job-list"></ul></section>
<section class="card" id="endpoints" aria-labelledby="endpoints-title" hidden>
<h2 id="endpoints-title">Endpoints</h2>
<div class="wide" id="endpoint-table"></div>
<h2 id="endpoint-title">Over time</h2>
<div id="endpoint-charts"></div>
</section>
<section class="card" id="devices" aria-labelledby="devices-title" hidden>
<h2 id="devices-title">Where the time goes</h2>
<div id="device-charts"></div>
<details><summary>What the headings mean</summary>${meanings()}</details>
</section>
</div>
<footer><span id="version">Penstock</span></footer>
</main>
</body>
</html>`}\n`;
}

function lengths(): Html {
  return html`${[
    [60, '1 min'],
    [300, '5 min'],
    [600, '10 min'],
  ].map(
    ([seconds, text]) =>
      html`<label><input type="radio" name="length" value="${seconds}"${seconds === 60 && html` checked`}><span>${text}</span></label>`,
  )}`;
}

const MEANINGS = [
  ['busy', 'at least one batch was running on the device'],
  ['fetch', 'it was starved: rows were still being read from storage'],
  ['prep', 'it was starved: rows were being decoded, transformed, collated'],
  ['batching', 'it was starved: rows waited in an open batch for company'],
  ['blocked', 'it had to wait since outputs held every slot'],
  ['idle', 'nothing was asked of it'],
] as const;

function meanings(): Html {
  return html`<table class="shares"><caption class="unseen">What a device's time goes to</caption><tbody>${MEANINGS.map(
    ([mark, meaning]) =>
      html`<tr><th scope="row"><i class="swatch fill-${mark}"></i>${mark}</th><td class="meaning">${meaning}</td></tr>`,
  )}</tbody></table>`;
}
