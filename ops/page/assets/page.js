// What the library can't: the session's token, large tables, the keyboard's place, the
// tab's title, a server that is gone, and what stands there before the library runs.
"use strict";
(() => {
  const find = (selector) => document.querySelector(selector);

  // The token comes behind the #, which no browser sends anywhere. It is kept for this
  // tab and this port alone, unlike a cookie, and leaves the address at once.
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  document.addEventListener("submit", (event) => {
    const field = event.target.querySelector("input[name=token]");
    if (field) field.value = sessionStorage.getItem("token") || "";
  });

  // Tables come as data and become text, whatever they hold. A row that is the same as
  // before stays as it is: so do the keyboard's place in it and how far it is scrolled.
  const make = (tag, name, text) => {
    const made = document.createElement(tag);
    if (name) made.className = name;
    if (text) made.textContent = text;
    return made;
  };
  const cell = (told, head) => {
    const made = make(head || told.head ? "th" : "td", told.class);
    if (head || told.head) made.scope = head ? "col" : "row";
    if (told.stroke) made.append(make("span", "stroke"));
    if (told.stroke) made.firstChild.style.borderTop = told.stroke;
    if (told.swatch) made.append(make("span", "swatch"));
    if (told.swatch) made.firstChild.style.background = told.swatch;
    const inside = make(told.href ? "a" : told.time ? "time" : "span", "", told.text);
    if (told.href) inside.href = told.href;
    if (told.time) inside.dateTime = told.time;
    made.append(inside);
    if (told.said) made.append(make("span", "hidden", told.said));
    return made;
  };
  const row = (told, head) => {
    const made = make("tr");
    made.append(...told.map((each) => cell(each, head)));
    made.told = JSON.stringify(told);
    return made;
  };
  const frame = (title) => {
    const made = make("div", "scrolled");
    made.append(make("table"));
    made.firstChild.append(make("caption", "hidden", title), make("thead"), make("tbody"));
    return made;
  };
  const fill = (part, rows, head) => {
    rows.forEach((told, index) => {
      const there = part.rows[index];
      if (!there) part.append(row(told, head));
      else if (there.told !== JSON.stringify(told)) there.replaceWith(row(told, head));
    });
    while (part.rows.length > rows.length) part.deleteRow(-1);
  };
  const table = (place, told, index) => {
    const box = place.children[index] || place.appendChild(frame(told.title));
    const tall = told.rows.length > told.shown;
    box.className = tall ? "scrolled tall" : "scrolled";
    for (const [name, value] of [["role", "region"], ["tabindex", "0"],
      ["aria-label", `${told.title}, ${told.rows.length} rows`]]) {
      if (tall) box.setAttribute(name, value);
      else box.removeAttribute(name);
    }
    fill(box.firstChild.tHead, [told.heads], true);
    fill(box.firstChild.tBodies[0], told.rows, false);
  };
  const tables = () => {
    for (const place of document.querySelectorAll("[data-tables]")) {
      if (place.told === place.dataset.tables) continue;
      place.told = place.dataset.tables;
      const told = JSON.parse(place.told);
      told.forEach((each, index) => table(place, each, index));
      while (place.children.length > told.length) place.lastChild.remove();
    }
  };

  // Another page is read from its top; on the same one the keyboard goes on where it
  // was, though the library has put something new in its place.
  let path = location.pathname;
  let last = null;
  document.addEventListener("focusin", (event) => {
    last = event.target.matches("main, body") ? null : event.target;
  });
  const again = () => {
    if (location.pathname !== path && find("main")) {
      path = location.pathname;
      window.scrollTo(0, 0);
      find("main").focus({preventScroll: true});
    } else if (last && !last.isConnected && document.activeElement === document.body) {
      const links = [...document.querySelectorAll("a[href]")];
      const same = links.find((each) => each.href === last.href)
        || links.find((each) => each.text === last.text);
      if (same) same.focus({preventScroll: true});
    }
  };

  for (const each of document.querySelectorAll("[data-style]")) {
    each.style.cssText = each.dataset.style;
  }
  const name = document.title;
  const titled = () => {
    const bad = find("#banner:not(:empty), .facts strong.bad, [data-state=bad]");
    const title = (bad ? "\u25CF bad: " : "") + name;
    if (document.title !== title) document.title = title;
  };
  tables();
  titled();
  let due = false;
  new MutationObserver(() => {
    if (due) return;
    due = true;
    setTimeout(() => { due = false; tables(); again(); titled(); }, 20);
  }).observe(document.body, {childList: true, subtree: true, attributes: true,
    attributeFilter: ["data-state", "data-tables"]});

  const ask = async () => {
    try {
      find("#lost").hidden = (await fetch("/alive", {cache: "no-store"})).ok;
    } catch {
      find("#lost").hidden = false;
    }
  };
  setInterval(ask, 5000);
})();
