/*
 * The report's fills (style-marks.ts) for canvases: a colour, and over it a pattern of the same kind, so that colour is
 * never the only sign. Both change with the theme, so they are made anew with it.
 */

type Draw = (context: CanvasRenderingContext2D, size: number) => void;

function line(
  context: CanvasRenderingContext2D,
  from: readonly [number, number],
  to: readonly [number, number],
): void {
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}

/** Diagonals that go on over the edges of the tile. */
const rising: Draw = (context, size) => {
  for (const shift of [-size, 0, size]) line(context, [shift, size], [shift + size, 0]);
};
const falling: Draw = (context, size) => {
  for (const shift of [-size, 0, size]) line(context, [shift, 0], [shift + size, size]);
};

/** The pattern of a mark, the length of its tile and the width of its lines, in CSS pixels. */
const PATTERNS: Readonly<
  Record<string, { readonly size: number; readonly width: number; readonly draw: Draw }>
> = {
  fetch: { size: 8, width: 1.4, draw: falling },
  prep: {
    size: 6,
    width: 1,
    draw: (context, size) => {
      context.beginPath();
      context.arc(size / 2, size / 2, 1.3, 0, 2 * Math.PI);
      context.fill();
    },
  },
  decode: { size: 5, width: 1, draw: (context, size) => line(context, [0, size / 2], [size, size / 2]) },
  transform: { size: 5, width: 1, draw: (context, size) => line(context, [size / 2, 0], [size / 2, size]) },
  batching: { size: 8, width: 2.4, draw: rising },
  blocked: {
    size: 9,
    width: 1.4,
    draw: (context, size) => {
      rising(context, size);
      falling(context, size);
    },
  },
  wait: { size: 7, width: 1, draw: rising },
  refused: { size: 7, width: 1.8, draw: rising },
};

/** A mark whose colour is another's. */
const COLOURS: Readonly<Record<string, string>> = {
  decode: 'prep',
  transform: 'prep',
  rate: 'accent',
  memory: 'dim',
  refused: 'bad',
  queued: 'wait',
};

const probe = document.createElement('i');
probe.hidden = true;
document.documentElement.append(probe);

/** What a custom property of the style stands for now; `light-dark()` is no colour to a canvas. */
function colour(property: string): string {
  probe.style.color = `var(--${property})`;
  return getComputedStyle(probe).color;
}

let made = new Map<string, string | CanvasPattern>();

function remember(key: string, make: () => string | CanvasPattern): string | CanvasPattern {
  const known = made.get(key) ?? make();
  made.set(key, known);
  return known;
}

export function strokeOf(mark: string): string {
  return remember(`stroke ${mark}`, () => colour(COLOURS[mark] ?? mark)) as string;
}

/** A light shade of a mark's colour. */
export function shadeOf(mark: string): string {
  return remember(`shade ${mark}`, () => {
    probe.style.color = `color-mix(in srgb, var(--${COLOURS[mark] ?? mark}) 22%, transparent)`;
    return getComputedStyle(probe).color;
  }) as string;
}

/** The fill of a mark, as its swatch has it. */
export function fillOf(mark: string): string | CanvasPattern {
  return remember(`fill ${mark}`, () => {
    const pattern = PATTERNS[mark];
    if (pattern === undefined) return strokeOf(mark);
    const ratio = devicePixelRatio;
    const tile = document.createElement('canvas');
    tile.width = tile.height = Math.round(pattern.size * ratio);
    const context = tile.getContext('2d');
    if (context === null) return strokeOf(mark);
    context.fillStyle = strokeOf(mark);
    context.fillRect(0, 0, tile.width, tile.height);
    context.strokeStyle = context.fillStyle = colour('grain');
    context.scale(tile.width / pattern.size, tile.height / pattern.size);
    context.lineWidth = pattern.width;
    pattern.draw(context, pattern.size);
    return context.createPattern(tile, 'repeat') ?? strokeOf(mark);
  });
}

/** Calls back when colours are others: the button, the system, another screen. */
export function onOtherColours(callback: () => void): void {
  const renew = (): void => {
    made = new Map();
    callback();
  };
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', renew);
  new MutationObserver(renew).observe(document.documentElement, { attributeFilter: ['data-theme'] });
  addEventListener('resize', () => {
    if (made.get('ratio') !== String(devicePixelRatio)) renew();
    made.set('ratio', String(devicePixelRatio));
  });
}
