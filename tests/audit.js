// What keeps people out: texts of too little contrast, pictures without words, controls without a name. (Each a function.)
({
  contrast: () => {
    const parse = text => { const c = (text.match(/[\d.]+/g) ?? []).map(Number); return text.startsWith("color(srgb") ?
      [c[0] * 255, c[1] * 255, c[2] * 255, c[3] ?? 1] : [c[0] ?? 0, c[1] ?? 0, c[2] ?? 0, c[3] ?? 1]; };
    const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
    const light = c => { const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
      return .2126 * r + .7152 * g + .0722 * b; };
    const found = {}, walk = document.createTreeWalker(document.querySelector(".gradio-container"), NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const text = walk.currentNode.nodeValue.trim(), element = walk.currentNode.parentElement, range = document.createRange();
      if (!text || element.closest("script, style, svg, option, .icon, [disabled], [aria-disabled=true], .disabled")) continue;
      range.selectNode(walk.currentNode);
      const box = range.getBoundingClientRect();
      if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || box.width < 2 || box.right < 0) continue;
      const way = []; // from the page down to the element
      for (let each = element; each; each = each.parentElement) way.unshift(each);
      if (way.some(each => each.matches(".sr-only, .visually-hidden, .hide"))) continue;
      let ground = [255, 255, 255, 1], seen = null;
      for (const each of way) {
        const style = getComputedStyle(each), own = parse(style.backgroundColor);
        const image = style.backgroundImage.match(/^linear-gradient\(.*?(rgba?\([^)]*\))/);
        ground = over(own, ground);
        if (image) ground = over(parse(image[1]), ground);
      }
      const style = getComputedStyle(element), opacity = way.reduce((all, each) => all * getComputedStyle(each).opacity, 1);
      const colour = parse(style.color);
      seen = over([...colour.slice(0, 3), colour[3] * opacity], ground);
      const [a, b] = [light(seen), light(ground)].sort((x, y) => y - x), ratio = (a + .05) / (b + .05);
      const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
      if (ratio < (large ? 3 : 4.5)) found[`${ratio.toFixed(2)} ${element.tagName}.${element.className}`] = text.slice(0, 40);
    }
    return found;
  },
  nameless: () => [...document.querySelectorAll(".gradio-container .tabs img")].filter(each => each.offsetParent &&
    !each.closest(".html-container .none") && each.alt.trim().length < 2).map(each => each.outerHTML.slice(0, 200)),
  unlabelled: () => [...document.querySelectorAll(".gradio-container :is(button, a[href], input:not([type=file]), select, textarea)")]
    .filter(each => each.offsetParent && each.tabIndex >= 0).filter(each => !(each.getAttribute("aria-label") || each.title ||
      each.innerText?.trim() || each.labels?.[0]?.innerText.trim() || each.getAttribute("aria-labelledby") ||
      each.querySelector?.("img[alt], [aria-label]"))).map(each => each.outerHTML.slice(0, 200)),
})
