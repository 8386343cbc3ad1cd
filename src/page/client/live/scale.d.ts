// Served under this name: src/page/scale.ts, which the project of what runs in browsers can't see.

export declare function roundUp(value: number, steps?: readonly number[]): number;
export declare function compact(value: number): string;
