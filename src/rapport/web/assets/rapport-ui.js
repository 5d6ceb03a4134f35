// What pages cannot do without a script: tooltips, keys, and the CSRF header of htmx requests.
// Everything else works without this file.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (tag, className, text) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text != null) node.textContent = text; // never innerHTML: names and quotes are hostile
    return node;
  };

  // Requests by htmx carry the token that forms carry in a hidden field.
  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.querySelector('meta[name="csrf"]');
    if (token && event.detail.verb !== "get") event.detail.headers[token.dataset.header] = token.content;
  });
  document.addEventListener("htmx:sendError", () => {
    const { failureTitle, failureDetail } = document.body.dataset;
    const line = make("div", "flash bad");
    line.append(make("b", "", failureTitle), make("span", "", failureDetail));
    document.getElementById("flash")?.replaceChildren(line);
  });

  // The chosen appearance shows at once; the form then tells the server.
  document.addEventListener("submit", ({ submitter }) => {
    if (submitter?.name !== "theme") return;
    if (submitter.value === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = submitter.value;
  });

  // Text to be pasted elsewhere; browsers let pages copy only over https and on this machine.
  const showCopy = () => {
    if (navigator.clipboard) for (const copy of all("[data-copy]")) copy.hidden = false;
  };
  showCopy();
  document.addEventListener("htmx:afterSettle", showCopy);
  document.addEventListener("click", async ({ target }) => {
    const copy = target.closest("[data-copy]");
    if (!copy) return;
    await navigator.clipboard.writeText(document.getElementById(copy.dataset.copy).textContent);
    copy.querySelector("span").textContent = copy.dataset.copied;
  });

  // Menus and explanations close on a press beside them and on Escape.
  const closeMenus = (except) => {
    for (const menu of all("details[data-menu][open]")) if (!menu.contains(except)) menu.open = false;
  };
  document.addEventListener("pointerdown", ({ target }) => {
    closeMenus(target);
    if (!target.closest(".search")) document.getElementById("search-results")?.replaceChildren();
  });

  // Lists that are worked through: J and K walk, other keys press what carries them.
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    const list = document.querySelector("[data-walk]");
    if (!list || event.ctrlKey || event.metaKey || event.altKey || target.closest("input, textarea, select, [contenteditable]")) return;
    const items = all(":scope > li", list);
    const here = items.findIndex((item) => item.contains(target));
    const step = { j: 1, k: -1 }[key];
    if (step) {
      event.preventDefault();
      items[Math.min(Math.max(here + step, 0), items.length - 1)]?.focus();
    } else if (here >= 0 && /^[a-z0-9]$/.test(key)) {
      const pressed = items[here].querySelector(`[data-key="${key}"]`);
      if (pressed) {
        event.preventDefault();
        pressed.click();
      }
    }
  });

  // Pages that ask one thing at a time: keys press what carries them, wherever one is.
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    const asked = document.querySelector("[data-keys]");
    if (!asked || event.repeat || event.ctrlKey || event.metaKey || event.altKey || target.closest("input, textarea, select, [contenteditable], [role=region]:focus")) return;
    const pressed = asked.querySelector(`[data-key="${CSS.escape(key.toLowerCase())}"]`);
    if (pressed) {
      event.preventDefault();
      pressed.click();
    }
  });

  // The search box: "/" and Ctrl+K go there, arrows walk, Escape leaves. Enter opens the first that
  // was found for what stands there now; before that answer it sends the form.
  const search = document.getElementById("search");
  const found = () => all("#search-results a");
  const typing = (node) => node.closest("input, textarea, select, [contenteditable]");
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (search && ((key === "/" && !typing(target)) || (key === "k" && (event.ctrlKey || event.metaKey)))) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (key === "Escape") {
      const menu = target.closest("details[data-menu][open]");
      closeMenus(null);
      menu?.querySelector("summary").focus();
      if (target.closest(".search")) {
        document.getElementById("search-results").replaceChildren();
        if (target !== search) search.focus();
      }
      hide();
    } else if (target.closest?.(".search")) {
      const results = found();
      if (key === "ArrowDown" || key === "ArrowUp") {
        const here = results.indexOf(document.activeElement) + (key === "ArrowDown" ? 1 : -1);
        event.preventDefault();
        if (here < 0) search.focus();
        else results[Math.min(here, results.length - 1)]?.focus();
      } else if (key === "Enter" && target === search && results[0]?.closest("ul").dataset.query === search.value) {
        event.preventDefault();
        results[0].click();
      }
    }
  });

  // One tooltip for the page, and one line that reads it out.
  const tip = make("div", "tip");
  const spoken = make("div", "sr");
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  spoken.setAttribute("aria-live", "polite");
  document.body.append(tip, spoken);
  let cursor = null;
  function hide() {
    tip.hidden = true;
    cursor?.remove();
    cursor = null;
  }
  function show(content, x, y, aloud) {
    tip.replaceChildren(...content);
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    const left = x + 14 + width > innerWidth ? x - 14 - width : x + 14;
    const top = Math.min(Math.max(y - height / 2, 8), innerHeight - height - 8);
    tip.style.transform = `translate(${Math.max(left, 8)}px, ${top}px)`;
    if (aloud) spoken.textContent = tip.innerText.replace(/\s*\n\s*/g, ", ");
  }

  // A chart's tooltip reads row `index` of its "show data" table.
  function rowTip(plot, index, aloud) {
    const table = plot.parentElement.querySelector(".chart-data table");
    const rows = table ? all("tbody tr", table) : [];
    if (!rows.length) return;
    index = Math.min(Math.max(index, 0), rows.length - 1);
    plot.dataset.at = index;
    const heads = all("thead th", table);
    const [name, ...cells] = rows[index].children;
    const lines = cells.flatMap((cell, column) => {
      if (!cell.textContent) return [];
      const line = make("div");
      line.append(make("i", heads[column].dataset.colour), make("span", "", heads[column].textContent), make("span", "", cell.textContent));
      return [line];
    });
    const area = plot.querySelector(".plot-area");
    const box = area.getBoundingClientRect();
    const share = plot.dataset.plot === "bands" ? (index + 0.5) / rows.length : index / Math.max(rows.length - 1, 1);
    cursor ??= make("span", "plot-cursor");
    cursor.style.left = `${share * 100}%`;
    area.append(cursor);
    show([make("b", "", name.textContent), ...lines], box.left + share * box.width, box.top + box.height / 2, aloud);
  }
  function rowAt(plot, x) {
    const box = plot.querySelector(".plot-area").getBoundingClientRect();
    const count = all(".chart-data tbody tr", plot.parentElement).length;
    const share = (x - box.left) / box.width;
    return plot.dataset.plot === "bands" ? Math.floor(share * count) : Math.round(share * (count - 1));
  }
  function cellTip(cell, aloud) {
    const box = cell.getBoundingClientRect();
    show([make("span", "", cell.dataset.tip)], box.left + box.width / 2, box.top + box.height / 2, aloud);
  }
  const pointed = ({ target, clientX }) => {
    const plot = target.closest("[data-plot]");
    const cell = target.closest("[data-tip]");
    if (plot) rowTip(plot, rowAt(plot, clientX));
    else if (cell) cellTip(cell);
    else hide();
  };
  document.addEventListener("pointermove", pointed);
  document.addEventListener("pointerdown", pointed);
  document.addEventListener("scroll", hide, { passive: true });
  document.addEventListener("focusout", hide);
  document.addEventListener("keydown", (event) => {
    const plot = event.target.closest?.("[data-plot]");
    const grid = event.target.closest?.("[data-cells]");
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (plot && step) {
      event.preventDefault();
      const start = step > 0 ? -1 : Infinity;
      rowTip(plot, cursor ? Number(plot.dataset.at) + step : start + step, true);
    } else if (grid && event.key.startsWith("Arrow")) {
      event.preventDefault();
      const cells = all("tbody tr", grid).map((row) => all("[data-tip]", row));
      let [row, column] = (grid.dataset.at ?? "0,0").split(",").map(Number);
      row += { ArrowDown: 1, ArrowUp: -1 }[event.key] ?? 0;
      column += { ArrowRight: 1, ArrowLeft: -1 }[event.key] ?? 0;
      row = Math.min(Math.max(row, 0), cells.length - 1);
      column = Math.min(Math.max(column, 0), cells[row].length - 1);
      grid.dataset.at = `${row},${column}`;
      cellTip(cells[row][column], true);
    }
  });
})();
