"use strict";
// Comfort only: every form works without this file.

document.addEventListener("submit", (event) => {
  const form = event.target;
  if ("quiet" in form.dataset) { event.preventDefault(); return; } // the unit search answers while one types
  if (form.method !== "post") return;
  if (form.dataset.sent) { event.preventDefault(); return; } // a second press while the first is on its way
  form.dataset.sent = "1";
});

// The page may come back from the browser's memory with its forms marked as sent.
window.addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
});

const count = (area) => {
  const counter = area.form.querySelector(".counter");
  const length = [...area.value.trim()].length;
  const limit = Number(area.dataset.limit);
  counter.textContent = length > limit * 0.8 ? `${length}/${limit}` : "";
  counter.classList.toggle("over", length > limit);
};
document.addEventListener("input", (event) => {
  if (event.target.matches("textarea[data-limit]")) count(event.target);
});

// A half-written answer must not vanish with a stray click.
window.addEventListener("beforeunload", (event) => {
  const written = [...document.querySelectorAll("textarea[data-limit]")].some(
    (area) => area.value !== area.defaultValue && !area.form.dataset.sent,
  );
  if (written && !document.querySelector("form[data-sent]")) event.preventDefault();
});

const lines = document.querySelector(".conversation");
if (lines) lines.scrollTop = lines.scrollHeight; // the newest message first in sight
