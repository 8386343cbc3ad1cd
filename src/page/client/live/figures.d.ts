// Served under this name: src/util/figures.ts, which the project of what runs in browsers can't see.

export declare function whole(value: number): string;
export declare function counted(value: number, noun: string): string;
export declare function perSecond(value: number, unit: string): string;
export declare function percentExact(share: number): string;
export declare function bytes(value: number): string;
export declare function duration(seconds: number): string;
export declare function stopwatch(seconds: number): string;
export declare function millis(value: number): string;
