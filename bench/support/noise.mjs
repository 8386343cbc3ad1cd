/** Numbers from −0.5 to 0.5, the same ones each time: nothing in them repeats, so that nobody can compress them. */
export function noise() {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
}
