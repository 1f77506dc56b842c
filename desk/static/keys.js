"use strict";
// The keyboard: every key presses something that is on the page, so the mouse and the keyboard do the same.

const dialog = document.getElementById("keys");
const typing = (target) => target.matches("input:not([type=checkbox]), textarea, select");
const rows = () => [...document.querySelectorAll("#rows tbody tr")];
let standing = sessionStorage.getItem("standing");

const stand = (row) => {
  rows().forEach((other) => other.classList.toggle("is-standing", other === row));
  if (!row) return;
  standing = row.dataset.code;
  sessionStorage.setItem("standing", standing);
  row.querySelector(".code a").focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
};
const current = () => rows().find((row) => row.dataset.code === standing);
const step = (by) => {
  const all = rows();
  if (!all.length) return;
  const place = all.indexOf(current());
  stand(all[place < 0 ? 0 : Math.min(all.length - 1, Math.max(0, place + by))]);
};

const showChosen = () => {
  const chosen = document.querySelectorAll("#rows input[name=case]:checked").length;
  const words = document.getElementById("chosen");
  if (words) words.textContent = chosen ? `Đã chọn ${chosen} hồ sơ` : "Chọn hồ sơ để làm nhiều việc một lúc";
};
const pick = (row) => {
  const box = row?.querySelector("input[name=case]");
  if (box) box.checked = !box.checked;
  showChosen();
};

const press = (thing) => {
  if (thing.matches("summary")) {
    const panel = thing.parentElement;
    for (let outer = panel.parentElement?.closest("details"); outer; outer = outer.parentElement.closest("details")) outer.open = true;
    panel.open = true;
    panel.scrollIntoView({ block: "nearest" });
    panel.querySelector("textarea, select, input:not([type=hidden])")?.focus();
  } else if (typing(thing)) {
    thing.focus();
    thing.select?.();
  } else {
    thing.click();
  }
};

document.addEventListener("click", (event) => {
  if (event.target.closest("button[data-key='?']")) dialog?.showModal();
});

document.addEventListener("keydown", (event) => {
  const target = event.target;
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && target.form) {
    event.preventDefault();
    target.form.requestSubmit();
    return;
  }
  if (event.key === "Escape" && typing(target)) { target.blur(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(target) || dialog?.open) return;
  const key = event.key.toLowerCase();
  if (key === "?" && dialog) { event.preventDefault(); dialog.showModal(); return; }
  if (rows().length && (key === "j" || key === "k")) { event.preventDefault(); step(key === "j" ? 1 : -1); return; }
  if (rows().length && key === "s") { event.preventDefault(); pick(current()); return; }
  if (rows().length && key === "enter" && current() && target === document.body) {
    current().querySelector(".code a").click();
    return;
  }
  if (key === "t" && rows().length && !document.querySelector("#rows input[name=case]:checked")) pick(current());
  const thing = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (thing) { event.preventDefault(); press(thing); }
});

document.addEventListener("change", (event) => {
  const target = event.target;
  if (target.name === "case") showChosen();
  if (target.dataset.fills) { // a template: into the text, the first blank selected
    const area = document.getElementById(target.dataset.fills);
    area.value = target.value;
    area.focus();
    const blank = /\[[^\]]+\]/.exec(area.value);
    if (blank) area.setSelectionRange(blank.index, blank.index + blank[0].length);
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
  if (target.dataset.body) {
    document.getElementById(target.dataset.body).value = target.selectedOptions[0].dataset.body ?? "";
  }
});

// The table comes anew every few seconds: what was chosen and where one stood stays, what changed is marked.
let before = new Map();
document.addEventListener("htmx:beforeSwap", () => {
  before = new Map(rows().map((row) => [row.dataset.code, [row.dataset.version, row.querySelector("input[name=case]")?.checked]]));
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id !== "queue") return;
  rows().forEach((row) => {
    const [version, checked] = before.get(row.dataset.code) ?? [];
    if (version !== row.dataset.version) row.classList.add("is-fresh");
    const box = row.querySelector("input[name=case]");
    if (box && checked) box.checked = true;
  });
  const row = current();
  if (row) row.classList.add("is-standing");
  showChosen();
});

const undo = document.querySelector("form.undo");
if (undo) setTimeout(() => undo.remove(), Math.max(0, Number(undo.dataset.until) * 1000 - Date.now()));
if (current() && document.referrer.includes("/cases/")) stand(current());
