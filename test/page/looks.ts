/** What is looked for on a page: expressions for the browser, whose value is a list of what is wrong. */

/** Elements that reach over the side of a window of so many pixels; a box of its own may scroll. */
export const spilled = (pixels: number): string => `[...document.querySelectorAll('body *')]
  .filter((e) => !e.closest('.unseen, pre, .wide') && (({ left, right, width }) => width > 0 && (right > ${pixels} + 0.5 || left < -0.5))(e.getBoundingClientRect()))
  .map((e) => e.outerHTML.slice(0, 120))
  .concat(document.documentElement.scrollWidth > ${pixels} ? ['the page'] : [])`;

/** Texts whose contrast to what is behind them is under 4.5 (WCAG 2.1, AA). */
export const FAINT = `(() => {
  const parse = (color) => {
    const [r, g, b, a = 1] = color.match(/[\\d.]+/g).map(Number);
    return color.startsWith('color(srgb') ? [r * 255, g * 255, b * 255, a] : [r, g, b, a];
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = [];
  const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !element.checkVisibility() || element.closest('script, .unseen')) continue;
    const parents = [];
    for (let e = element; e; e = e.parentElement) parents.unshift(e);
    let behind = [255, 255, 255];
    let opacity = 1;
    for (const e of parents) {
      behind = over(parse(getComputedStyle(e).backgroundColor), behind);
      opacity *= Number(getComputedStyle(e).opacity);
    }
    const [r, g, b, a] = parse(getComputedStyle(element).color);
    const [light, dark] = [luminance(over([r, g, b, a * opacity], behind)), luminance(behind)].sort((x, y) => y - x);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) faint.push(element.className + ': ' + node.textContent.trim() + ' ' + contrast.toFixed(2));
  }
  return faint;
})()`;
