// A transform that takes 10 ms of a core for each record batch, as decoding an image might.
export default function transform() {
  const end = performance.now() + 10;
  while (performance.now() < end);
  return {};
}
