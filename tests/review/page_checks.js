// What a reviewer needs of the page, measured in the page: each function returns what is wrong.
({
  contrast: () => {
    // WCAG 2.2, 1.4.3: relative luminance and contrast of every text that is shown
    const channel = v => { v /= 255; return v <= 0.04045 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4); };
    const luminance = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
    const numbers = s => (s.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
    const ground = e => {
      // what shows through layers that are not opaque
      const layers = [];
      for (; e; e = e.parentElement) {
        const c = numbers(getComputedStyle(e).backgroundColor);
        layers.push([c, c.length < 4 ? 1 : c[3]]);
        if (layers[layers.length - 1][1] === 1) break;
      }
      return layers.reverse().reduce((under, [c, a]) => under.map((v, i) => c[i] * a + v * (1 - a)), [255, 255, 255]);
    };
    const poor = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const e = texts.currentNode.parentElement;
      const said = texts.currentNode.textContent.trim();
      const box = e.getBoundingClientRect();
      if (!said || ['STYLE', 'SCRIPT'].includes(e.tagName) || !box.width || getComputedStyle(e).visibility === 'hidden') continue;
      let opacity = 1;
      for (let x = e; x; x = x.parentElement) opacity *= Number(getComputedStyle(x).opacity);
      if (opacity < 0.05) continue;  // a hint that shows when it is pointed at
      const back = ground(e);
      const colour = numbers(getComputedStyle(e).color);
      const alpha = opacity * (colour.length > 3 ? colour[3] : 1);
      const front = colour.slice(0, 3).map((v, i) => v * alpha + back[i] * (1 - alpha));
      const [light, dark] = [luminance(front), luminance(back)].sort((a, b) => b - a);
      const size = parseFloat(getComputedStyle(e).fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(getComputedStyle(e).fontWeight) >= 700);
      const ratio = (light + 0.05) / (dark + 0.05);
      if (ratio < (large ? 3 : 4.5)) poor.push([said.slice(0, 40), Number(ratio.toFixed(2))]);
    }
    return poor;
  },
  hidden: () => {
    // message whole, two lines of the answer, first question with its options: in view without scrolling
    const boxes = [...document.querySelectorAll('.text_field_component')];
    const titled = t => boxes.find(b => b.innerText.trim().startsWith(t));
    const frame = document.querySelector('.record__content').getBoundingClientRect();
    const inside = (top, bottom, f) => top >= f.top - 1 && bottom <= f.bottom + 1;
    const wrong = [];
    const message = titled('The message').getBoundingClientRect();
    if (!inside(message.top, message.bottom, frame)) wrong.push('the message');
    const answer = titled('The answer').querySelector('.content-area').getBoundingClientRect();
    if (!inside(answer.top, answer.top + 48, frame)) wrong.push('the beginning of the answer');
    const form = document.querySelector('.questions-form__content').getBoundingClientRect();
    const first = document.querySelector('.questions > div').getBoundingClientRect();
    if (!inside(first.top, first.bottom, form)) wrong.push('the first question');
    return wrong;
  },
})
