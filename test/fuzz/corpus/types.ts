/** A good file, of which damaged ones are made. */
export interface Sample {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The good files of one kind of input. A new one is a file beside this and a line in `index.ts`. */
export interface Corpus {
  readonly name: string;
  samples(): readonly Sample[];
}
