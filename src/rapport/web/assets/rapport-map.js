// rapport-map.js: draws where visitors clicked, by blobs that add up to a colour.
//
// On Rapport's own pages: on each <canvas data-points>, over the picture of a page. On a page of
// the company's site: rapport.js loads it where the address holds `#rapport-map=TOKEN`; it asks for
// the counts that the token allows and draws them on the elements as they stand now.

const RADIUS = 28;
// A canvas of more pixels is drawn coarser: browsers refuse very large ones.
const MOST_PIXELS = 6e6;
// Red, green and blue by how much is clicked: yellow, orange, red, purple.
const RAMP = [[254, 224, 110], [250, 150, 40], [214, 40, 60], [110, 10, 110]];

const colourAt = (share) => {
  const place = share * (RAMP.length - 1);
  const low = Math.min(Math.floor(place), RAMP.length - 2);
  return RAMP[low].map((from, i) => from + (RAMP[low + 1][i] - from) * (place - low));
};

// Points are { x, y, clicks } in CSS pixels of a box of width by height.
const paint = (canvas, width, height, points) => {
  const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (width * height)));
  canvas.width = Math.max(1, width * scale);
  canvas.height = Math.max(1, height * scale);
  if (!points.length) return;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.scale(scale, scale);
  const most = points.reduce((so, { clicks }) => Math.max(so, clicks), 0);
  for (const { x, y, clicks } of points) {
    const blob = pen.createRadialGradient(x, y, 0, x, y, RADIUS);
    blob.addColorStop(0, `rgba(0,0,0,${0.25 + (0.6 * clicks) / most})`);
    blob.addColorStop(1, "rgba(0,0,0,0)");
    pen.fillStyle = blob;
    pen.fillRect(x - RADIUS, y - RADIUS, 2 * RADIUS, 2 * RADIUS);
  }
  const image = pen.getImageData(0, 0, canvas.width, canvas.height);
  const colours = Array.from({ length: 256 }, (_, alpha) => colourAt(alpha / 255));
  for (let i = 0; i < image.data.length; i += 4) {
    const alpha = image.data[i + 3];
    if (alpha) [image.data[i], image.data[i + 1], image.data[i + 2]] = colours[alpha];
  }
  pen.putImageData(image, 0, 0);
};

// ── over a picture, on Rapport's pages ──

const paintPictures = () => {
  for (const canvas of document.querySelectorAll("canvas[data-points]")) {
    const { clientWidth: width, clientHeight: height } = canvas;
    const points = JSON.parse(canvas.dataset.points).map(([x, y, clicks]) => ({ x: x * width, y: y * height, clicks }));
    paint(canvas, width, height, points);
  }
};

// ── on the site itself ──

const OVER = {
  en: "This link is over, or is for another page. Open the map again from Rapport.",
  nl: "Deze link is verlopen of is voor een andere pagina. Open de kaart opnieuw vanuit Rapport.",
  fr: "Ce lien a expiré ou vaut pour une autre page. Rouvrez la carte depuis Rapport.",
  hu: "Ez a hivatkozás lejárt, vagy másik oldalhoz tartozik. Nyissa meg újra a térképet a Rapportból.",
};

const made = (name, style, parent) => {
  const node = document.createElement(name);
  // By script, which a site's policy for styles allows.
  Object.assign(node.style, style);
  parent.append(node);
  return node;
};

const openMap = async (token) => {
  const host = made("rapport-map", {}, document.documentElement);
  // The site's own styles end here.
  const root = host.attachShadow({ mode: "open" });
  const layer = { left: 0, top: 0, pointerEvents: "none", zIndex: 2147483646 };
  const onPage = made("canvas", { ...layer, position: "absolute" }, root);
  const onWindow = made("canvas", { ...layer, position: "fixed" }, root);
  const panel = made("div", {
    position: "fixed", right: "16px", bottom: "16px", zIndex: 2147483647, maxWidth: "320px", padding: "12px 14px",
    font: "14px/1.4 system-ui, sans-serif", color: "#fff", background: "#22252a", borderRadius: "8px",
  }, root);
  panel.setAttribute("role", "status");
  let found;
  try {
    const answer = await fetch(new URL("rapport-map/clicks", import.meta.url), {
      method: "POST", body: JSON.stringify({ token, width: innerWidth }), credentials: "omit",
    });
    if (answer.ok) found = await answer.json();
  } catch {}
  panel.textContent = found ? found.words.summary : OVER[navigator.language.slice(0, 2)] || OVER.en;
  if (!found) return;
  const isFixed = (node) => node && (/fixed|sticky/.test(getComputedStyle(node).position) || isFixed(node.parentElement));
  const draw = () => {
    const page = document.documentElement;
    // Else the canvas itself would keep a page as large as it once was.
    Object.assign(onPage.style, { width: 0, height: 0 });
    const layers = [
      [onPage, scrollX, scrollY, page.scrollWidth, page.scrollHeight, []],
      [onWindow, 0, 0, innerWidth, innerHeight, []],
    ];
    for (const { element, points } of found.elements) {
      let target;
      try {
        target = document.querySelector(element);
      } catch {}
      const box = target?.getBoundingClientRect();
      if (!box?.width) continue;
      const [, left, top, , , list] = layers[isFixed(target) ? 1 : 0];
      for (const [x, y, clicks] of points) list.push({ x: left + box.x + x * box.width, y: top + box.y + y * box.height, clicks });
    }
    for (const [canvas, , , width, height, points] of layers) {
      Object.assign(canvas.style, { width: width + "px", height: height + "px" });
      paint(canvas, width, height, points);
    }
  };
  const watched = new ResizeObserver(draw);
  const close = made("button", { display: "block", marginTop: "8px", font: "inherit", cursor: "pointer" }, panel);
  close.textContent = found.words.close;
  close.onclick = () => {
    watched.disconnect();
    host.remove();
  };
  watched.observe(document.body);
  draw();
};

const token = location.hash.match(/^#rapport-map=([\w.-]+)/)?.[1];
if (token) {
  // The address may be copied or kept: the token is not left in it.
  history.replaceState(history.state, "", location.pathname + location.search);
  openMap(token);
} else if (document.querySelector("canvas[data-points]")) {
  // The picture gives the canvas its height.
  new ResizeObserver(paintPictures).observe(document.querySelector("canvas[data-points]"));
}
