export interface ConstantArrivals {
  readonly kind: 'constant';
  /** Requests a second. */
  readonly perSecond: number;
}

/** One after another, equally far apart. */
export function* constant({ perSecond }: ConstantArrivals): Generator<number> {
  for (let i = 0; ; i++) yield i / perSecond;
}
