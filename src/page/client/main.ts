/*
 * What the page does by itself: everything is drawn already, this only answers. Texts come from the page, so that
 * figures look the same wherever they are shown.
 */

/** Where a plot can be pointed at, and what it says there (plot.ts). */
interface Places {
  readonly edges: readonly number[];
  readonly positions: readonly number[];
  readonly captions: readonly string[];
  /** By series, then by place. */
  readonly texts: readonly (readonly string[])[];
}

function documentOf<T>(id: string): T {
  return JSON.parse(document.getElementById(id)?.textContent ?? 'null') as T;
}

/** A plot's crosshair: follows mouse and finger, and the keys of a slider. */
class Scrubber {
  readonly #places: Places;
  readonly #scrubber: HTMLElement;
  readonly #crosshair: HTMLElement;
  readonly #where: HTMLElement;
  readonly #outputs: readonly HTMLElement[];
  /** What stands there while nothing is pointed at. */
  readonly #atRest: readonly string[];
  #at: number | undefined;

  constructor(plot: HTMLElement) {
    this.#places = documentOf<Places>(plot.dataset.places ?? '');
    const find = (selector: string): HTMLElement => plot.querySelector(selector) as HTMLElement;
    this.#scrubber = find('.scrubber');
    this.#crosshair = find('.crosshair');
    this.#where = find('[data-where]');
    this.#outputs = [...plot.querySelectorAll<HTMLElement>('[data-series]')];
    this.#atRest = this.#outputs.map((output) => output.innerHTML);
    this.#listen();
  }

  #listen(): void {
    const scrubber = this.#scrubber;
    const follow = (event: PointerEvent): void => {
      const { left, width } = scrubber.getBoundingClientRect();
      this.#show(this.#placeAt((event.clientX - left) / width));
    };
    scrubber.addEventListener('pointermove', follow);
    scrubber.addEventListener('pointerdown', follow);
    scrubber.addEventListener('pointerleave', (event) => {
      // A finger leaves by being lifted: what it pointed at stays, to be read.
      if (event.pointerType === 'mouse') this.#rest();
    });
    scrubber.addEventListener('keydown', (event) => this.#onKey(event));
    scrubber.addEventListener('blur', () => this.#rest());
  }

  #onKey(event: KeyboardEvent): void {
    const last = this.#places.positions.length - 1;
    const at = this.#at;
    const page = Math.max(1, Math.round(last / 20));
    const targets: Readonly<Record<string, number>> = {
      ArrowRight: at === undefined ? 0 : at + 1,
      ArrowUp: at === undefined ? 0 : at + 1,
      ArrowLeft: at === undefined ? last : at - 1,
      ArrowDown: at === undefined ? last : at - 1,
      PageUp: (at ?? 0) + page,
      PageDown: (at ?? last) - page,
      Home: 0,
      End: last,
    };
    const target = targets[event.key];
    if (event.key === 'Escape') this.#rest();
    else if (target !== undefined) this.#show(Math.max(0, Math.min(last, target)));
    else return;
    event.preventDefault();
  }

  /** The place that a share of the axis lies in. */
  #placeAt(share: number): number {
    const { edges, positions } = this.#places;
    let at = 0;
    while (at < positions.length - 1 && (edges[at + 1] ?? 1) <= share) at++;
    return at;
  }

  #show(at: number): void {
    const { positions, captions, texts } = this.#places;
    if (positions.length === 0 || at === this.#at) return;
    this.#at = at;
    const caption = captions[at] ?? '';
    this.#crosshair.hidden = false;
    this.#crosshair.style.left = `${(positions[at] ?? 0) * 100}%`;
    this.#where.textContent = caption;
    const said = this.#outputs.map((output, series) => {
      const text = texts[series]?.[at] ?? '';
      output.textContent = text;
      return `${output.previousElementSibling?.textContent ?? ''} ${text}`;
    });
    this.#scrubber.setAttribute('aria-valuenow', String(at));
    this.#scrubber.setAttribute('aria-valuetext', `${caption}: ${said.join(', ')}`);
  }

  #rest(): void {
    if (this.#at === undefined) return;
    this.#at = undefined;
    this.#crosshair.hidden = true;
    const rest = this.#where.dataset.rest ?? '';
    this.#where.textContent = rest;
    for (const [i, output] of this.#outputs.entries()) output.innerHTML = this.#atRest[i] ?? '';
    this.#scrubber.setAttribute('aria-valuenow', '0');
    this.#scrubber.setAttribute('aria-valuetext', rest);
  }
}

/** The document as it was given, for people; lists of numbers take a line each, not a line a number. */
function pretty(value: unknown): string {
  const lists: string[] = [];
  const marked = JSON.stringify(
    value,
    (_, part) => {
      if (!Array.isArray(part) || part.length === 0 || part.some((item) => typeof item === 'object'))
        return part;
      lists.push(`[${part.map((item) => JSON.stringify(item)).join(', ')}]`);
      return `\u0000${lists.length - 1}`;
    },
    2,
  );
  return marked.replace(/"\\u0000(\d+)"/g, (_, i) => lists[Number(i)] ?? '');
}

function setUpRaw(): void {
  const raw = document.getElementById('raw') as HTMLDetailsElement | null;
  const text = raw?.querySelector('pre');
  const button = document.getElementById('copy');
  const said = document.getElementById('copied');
  const fill = (): void => {
    if (text && text.textContent === '') text.textContent = pretty(documentOf('document'));
  };
  raw?.addEventListener('toggle', fill);
  button?.addEventListener('click', async () => {
    const copied = await copy(`${JSON.stringify(documentOf('document'), null, 2)}\n`);
    if (said) said.textContent = copied ? 'Copied' : 'Selected, to be copied by hand';
    if (copied || !raw || !text) return;
    raw.open = true;
    fill();
    getSelection()?.selectAllChildren(text);
  });
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

for (const plot of document.querySelectorAll<HTMLElement>('.plot')) new Scrubber(plot);
setUpRaw();
