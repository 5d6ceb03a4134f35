// rapport.js: tells our company's own collector what happens on its web site.
//
//   <script async src="https://HOST/rapport.js" data-key="WRITE KEY"></script>
//
// What it sends and what it never sends: docs/reference/tracker.md. The visitor decides: before
// consent nothing is stored and nothing is sent; with Global Privacy Control nothing at all.
//
// Served squeezed (squeeze.py), and at most 2,600 bytes of gzip. So: comments stand on lines of
// their own, statements end in semicolons, regular expressions hold no spaces and no quotes, and
// variables have other names than properties where that is no loss, since only then they shrink.
(() => {
  const { dataset, src } = document.currentScript;
  const collector = new URL("v1/batch", src);
  const page = document.documentElement;
  const { round: whole, min: least, max: most } = Math;
  const clock = Date.now;
  // Ids that are made together begin alike, and lie together in the collector's index.
  const newId = () => [clock(), ...crypto.getRandomValues(new Uint32Array(4))].join("-");

  // The visitor's choice by purpose, and their id: all that is ever kept on the device, as one
  // entry of localStorage, which browsers may forbid.
  const remember = (entry) => {
    try {
      if (entry) localStorage.rapport = JSON.stringify(entry);
      else delete localStorage.rapport;
    } catch {}
  };
  let customer;
  let visitor = {};
  try {
    visitor = JSON.parse(localStorage.rapport);
  } catch {}
  visitor.id ||= newId();

  // ── sending ──

  const waiting = [];
  let due;
  // At most 40 events: a beacon may weigh 64 kB.
  const bodyOf = (batch) =>
    JSON.stringify({
      writeKey: dataset.key,
      sentAt: new Date(),
      context: { locale: navigator.language },
      batch,
    });
  const sendIn = (seconds) => {
    // Stays set until the answer is there, so that one request at a time is under way.
    due ||= setTimeout(async () => {
      const part = waiting.slice(0, 40);
      let pause = 5;
      try {
        // Text needs no preflight. What is tried again has its old messageId, and is kept once.
        const { status, headers } = await fetch(collector, { method: "POST", body: bodyOf(part) });
        if (status > 428) pause = headers.get("Retry-After") || pause;
        else waiting.splice(0, part.length);
      } catch {}
      due = 0;
      if (waiting[0]) sendIn(pause);
    }, 1e3 * seconds);
  };
  const add = (type, said) => {
    // A copy, since the site may go on to change what it gave.
    const one = JSON.parse(
      JSON.stringify({ type, messageId: newId(), anonymousId: visitor.id, userId: customer, timestamp: new Date(), ...said }),
    );
    if (waiting.length < 500) waiting.push(one);
    sendIn(5);
    return one.properties;
  };
  const tell = (event, properties) =>
    add("track", { event, properties: { path: shown.path, view: shown.id, ...properties } });

  // ── pages ──

  let shown = {};
  // Parts that hold an e-mail address, a UUID, or 16 letters and digits in a row.
  const scrubbed = (text) => text.replace(/[^/&=]*(@|%40|[\da-f-]{20}|(?=[a-z]*\d)[a-z\d]{16})[^/&=]*/gi, "*");
  // A view begins where the address is another one; an #anchor is a place on the same page.
  const look = () => {
    const { origin, pathname, hash, search } = location;
    // Of a query only the campaign's parameters leave the page; #/ and #!/ are paths.
    const said = (search.match(/utm_\w+=[^&]*/g) || []).join("&");
    const path = scrubbed(pathname + (hash.match(/^#!?[/][^?]*/) || ""));
    const url = origin + path + (said && "?" + scrubbed(said));
    // A page made ready in the background is seen once it is shown.
    if (document.hidden || url == shown.url) return;
    const referrer = shown.url || scrubbed(document.referrer.split(/[?#]/)[0]);
    engage();
    reacted();
    shown = { id: newId(), path, url, began: clock() };
    deepest = 0;
    const properties = add("page", { messageId: shown.id, properties: { path, url, referrer, title: document.title, ...sizes() } });
    // Title and content often follow a moment after the address.
    setTimeout(() => {
      if (url != shown.url) return;
      measure((properties.title = document.title));
      properties.features = [...document.querySelectorAll("[data-rapport]")].map((one) => one.dataset.rapport);
    }, 300);
  };

  // ── how a page is used ──

  let seen;
  let deepest;
  let points = [];
  let spot;
  let sampling;
  const sizes = () => ({
    view_width: innerWidth,
    view_height: innerHeight,
    page_width: page.scrollWidth,
    page_height: page.scrollHeight,
  });
  const measure = () => {
    deepest = most(deepest, whole((100 * (scrollY + innerHeight)) / page.scrollHeight));
  };
  // Quarters of a second since the view began, tens of pixels from the page's corner.
  const sample = () => {
    sampling = 0;
    points.push(...[(clock() - shown.began) / 250, spot.pageX / 10, spot.pageY / 10].map(whole));
    if (points.length > 719) engage();
  };
  const engage = () => {
    const visible = clock() - seen;
    if (visible > 99)
      tell("Page Engaged", {
        visible_seconds: visible / 1e3,
        scroll_depth: least(100, deepest),
        // Each number as its difference from the same of the sample before.
        pointer: points.map((value, i) => value - (points[i - 3] || 0)),
      });
    points = [];
    // Not a number, and so never more than anything, while nobody sees the page.
    seen = document.hidden ? NaN : clock();
  };
  const leave = () => {
    engage();
    // Nobody hears whether a beacon arrived: if this page lives on, its events are sent again.
    for (let i = 0; waiting[i]; i += 40) navigator.sendBeacon(collector, bodyOf(waiting.slice(i, i + 40)));
  };

  // ── clicks ──

  let pressed;
  let moved;
  let watching;
  let burst;
  let previous = {};
  const reacted = () => {
    moved = clock();
  };
  const observer = new MutationObserver(reacted);
  const watch = () => {
    pressed = clock();
    observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    clearTimeout(watching);
    watching = setTimeout(() => observer.disconnect(), 2e3);
  };
  // A click on these is answered by the browser itself, maybe slowly.
  const answered = "input,select,label,a[href]:not([href^='#'])";
  const clicked = (happened) => {
    const { target, clientX, clientY, detail } = happened;
    if (!detail) watch();
    // Where it is, as a CSS selector: from the nearest name or lasting id downwards.
    let element = "";
    let fixed = false;
    let anchor;
    for (let node = target, parent; (parent = node.parentElement); node = parent) {
      fixed ||= /fixed|sticky/.test(getComputedStyle(node).position);
      if (anchor) continue;
      const { id, localName, role, dataset } = node;
      const alike = [...parent.children].filter((one) => one.localName == localName);
      anchor = dataset.rapport ? `[data-rapport="${dataset.rapport}"]` : /^[a-z](?!.*\d{3})[\w-]*$/i.test(id) && "#" + id;
      element =
        (anchor || localName + (role ? `[role=${role}]` : "") + (alike[1] ? `:nth-of-type(${alike.indexOf(node) + 1})` : "")) +
        (element && ">" + element);
    }
    const box = target.getBoundingClientRect();
    // A click by the keyboard has no place of its own.
    const share = (at) => (detail ? whole(1e3 * least(1, most(0, at || 0))) / 1e3 : .5);
    const x = share((clientX - box.x) / box.width);
    const y = share((clientY - box.y) / box.height);
    const properties = {
      element,
      fixed,
      x,
      y,
      page_x: whole(box.x + x * box.width + (fixed ? 0 : scrollX)),
      page_y: whole(box.y + y * box.height + (fixed ? 0 : scrollY)),
      width: whole(box.width),
      height: whole(box.height),
      ...sizes(),
    };
    tell("Element Clicked", properties);
    // Selecting a word or a paragraph by clicks is no rage.
    burst = happened.timeStamp - previous.timeStamp < 500 && Math.hypot(clientX - previous.clientX, clientY - previous.clientY) < 30 && !`${getSelection()}` ? burst + 1 : 1;
    if (burst == 3) tell("Rage Clicked", properties);
    previous = happened;
    const since = pressed;
    if (!target.closest(answered) && (target.closest("a,button,img,svg") || getComputedStyle(target).cursor == "pointer"))
      setTimeout(() => {
        if (visitor.analytics && !(moved >= since) && document.hasFocus())
          tell("Dead Clicked", properties);
      }, 1e3);
  };

  // ── what a site calls ──

  const calls = window.rapport?.q || [];
  const begin = () => {
    if (visitor.analytics) {
      remember(visitor);
      look();
    }
    for (const [word, ...values] of calls.splice(0)) rapport[word](...values);
  };
  const own = {
    track: tell,
    identify: (userId, traits) => {
      customer = userId;
      add("identify", { traits });
    },
    reset: () => {
      visitor.id = newId();
      customer = null;
      remember(visitor.analytics && visitor);
    },
    consent: (said) => {
      const old = visitor;
      const asked = said >= 0 ? { analytics: said } : said;
      visitor = { ...old, ...asked };
      begin();
      if (old.analytics || visitor.analytics)
        for (const purpose in asked)
          if (!asked[purpose] != !old[purpose]) tell("Consent " + (asked[purpose] ? "Given" : "Withdrawn"), { purpose });
      if (visitor.analytics) return;
      // The withdrawal itself is told, then nothing more is known of this visitor.
      leave();
      shown = {};
      visitor = { analytics: false };
      own.reset();
    },
  };
  rapport = {};
  for (const word in own)
    rapport[word] = (...values) => {
      if (visitor.analytics || word == "consent") own[word](...values);
      // Without an answer yet a call waits for it; after a no it is dropped.
      else visitor.analytics ?? calls.push([word, ...values]);
    };

  // ── beginning ──

  // Who looks at the map of clicks is no visitor, and the map's script is fetched for nobody else.
  if ((/#rapport-map=/.test(location.hash) && import(new URL("rapport-map.js", src))) || navigator.globalPrivacyControl) (own.consent = () => remember((visitor.analytics = false)))();
  else if (dataset.consent == "given") visitor.analytics = true;
  const heard = {
    popstate: look,
    hashchange: look,
    submit: reacted,
    input: reacted,
    pointerdown: watch,
    click: clicked,
    visibilitychange: () => look(leave()),
    pagehide: leave,
    scroll: () => {
      reacted();
      measure();
    },
    pointermove: (happened) => {
      spot = happened;
      sampling ||= setTimeout(sample, 250);
    },
    // Back to a page that the browser had kept is a view of its own.
    pageshow: ({ persisted }) => persisted && look((shown = {})),
  };
  for (const word in heard) addEventListener(word, (happened) => visitor.analytics && heard[word](happened), true);
  for (const word of ["pushState", "replaceState"]) {
    const real = history[word];
    history[word] = (...values) => {
      real.apply(history, values);
      visitor.analytics && look();
    };
  }
  begin();
})();
