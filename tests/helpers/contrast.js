// Texts of a page whose contrast with what lies behind them is too low, by WCAG 2.1: [text, ratio].
(least) => {
  const parse = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
    return { rgb: [r, g, b], a };
  };
  const luminance = ({ rgb }) => {
    const [r, g, b] = rgb.map((each) => {
      const part = each / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    if (element.closest("svg")) return parse(getComputedStyle(element.parentNode.querySelector("rect")).fill);
    for (let each = element; each; each = each.parentElement) {
      const found = parse(getComputedStyle(each).backgroundColor);
      if (found.a === 1) return found;
      if (found.a !== 0) throw new Error(`a background that is neither opaque nor clear: ${each.outerHTML.slice(0, 99)}`);
    }
    throw new Error("the page has no background");
  };
  const low = [], seen = { count: 0 };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
    if (!text || element.closest("script, style, title") || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const front = luminance(parse(element.closest("svg") ? style.fill : style.color));
    const back = luminance(behind(element));
    const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    seen.count += 1;
    if (ratio < least) low.push([text.slice(0, 60), ratio]);
  }
  return { low, count: seen.count };
}
