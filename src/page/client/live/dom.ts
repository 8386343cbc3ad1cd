/** Building and changing elements. Texts are texts: nothing here ever parses HTML. */

type Child = Node | string;

/** An element: its name with classes after dots, its attributes, what is in it. */
export function h(
  name: string,
  attributes: Readonly<Record<string, string | number | boolean | undefined>> = {},
  ...children: readonly Child[]
): HTMLElement {
  const [tag = 'div', ...classes] = name.split('.');
  const element = document.createElement(tag);
  if (classes.length > 0) element.className = classes.join(' ');
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(key, '');
    else if (value !== undefined && value !== false) element.setAttribute(key, String(value));
  }
  element.append(...children);
  return element;
}

export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`no #${id}`);
  return element;
}

/** Changes a text where it is another: what stays the same is not drawn again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function swatch(mark: string): HTMLElement {
  return h(`i.swatch.fill-${mark}`);
}

const EXACT = new Intl.NumberFormat('en-US', { maximumFractionDigits: 10 });

/**
 * A figure: as people read it, and exactly as it came, for programs and on hover. `key`: its place in the frame, as in
 * `endpoints.0.answered`.
 */
export class Figure {
  readonly element = document.createElement('data');
  readonly #format: (value: number) => string;
  readonly #number = document.createTextNode('');
  readonly #unit = h('span.unit');

  constructor(key: string, format: (value: number) => string) {
    this.#format = format;
    this.element.dataset.key = key;
    this.element.append(this.#number, this.#unit);
    this.show(null);
  }

  /** Null where there is none. */
  show(value: number | null): void {
    const text = value === null ? '–' : this.#format(value);
    const [, number = text, unit = ''] = /^([\d.,]+)( \S+)$/.exec(text) ?? [];
    if (this.#number.data !== number) this.#number.data = number;
    setText(this.#unit, unit);
    this.element.value = value === null ? '' : String(value);
    this.element.title = value === null ? '' : EXACT.format(value);
  }
}
