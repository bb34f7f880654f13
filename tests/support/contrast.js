// Returns the texts whose contrast with what is behind them is below `least`: WCAG 2.2, "contrast ratio".
least => {
  const parts = color => (color.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = color => {
    const [r, g, b] = parts(color).slice(0, 3).map(each => each / 255)
      .map(each => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const opaque = color => color.startsWith('rgb') && (parts(color)[3] ?? 1) === 1;
  const behind = (element, box) => {
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const covers = each => {
      const it = each.getBoundingClientRect();
      const holds = it.left <= x && x <= it.right && it.top <= y && y <= it.bottom;
      return holds && opaque(getComputedStyle(each).fill);
    };
    const bars = [...(element.closest('figure')?.querySelectorAll('rect') ?? [])].filter(covers);
    if (element.closest('svg') && bars.length) return getComputedStyle(bars.at(-1)).fill;
    for (let each = element; each; each = each.parentElement) {
      const color = getComputedStyle(each).backgroundColor;
      if (opaque(color)) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const faint = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect(), element = node.parentElement;
    if (!node.data.trim() || !box.width || element.closest('title')) continue;
    const style = getComputedStyle(element), front = element.closest('svg') ? style.fill : style.color;
    const [high, low] = [light(front), light(behind(element, box))].sort((a, b) => b - a);
    const found = (high + 0.05) / (low + 0.05);
    if (found < least) faint.push(`${node.data.trim().slice(0, 60)}: ${found.toFixed(2)}`);
  }
  return faint;
}
