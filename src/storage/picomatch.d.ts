/** What of picomatch is used here: it comes without types. */
declare module 'picomatch' {
  export default function picomatch(
    glob: string,
    options?: { readonly posix?: boolean; readonly dot?: boolean },
  ): (path: string) => boolean;
}
