"use strict";
// Comfort only: every form works without this file.

document.addEventListener("submit", (event) => {
  const form = event.target;
  if ("quiet" in form.dataset) { event.preventDefault(); return; } // the unit search answers while one types
  if (form.method !== "post") return;
  if (form.dataset.sent) { event.preventDefault(); return; } // a second press while the first is on its way
  form.dataset.sent = "1";
  keep(form);
  if ("forgets" in form.dataset) sessionStorage.clear();
});

// The page may come back from the browser's memory with its forms marked as sent.
window.addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
});

// The words of a form are kept until the server says that it was done: a file too large or a lost connection costs none.
const textOf = (form) => form.querySelector("textarea[name=text]");
const keep = (form) => {
  if (form.dataset.draft && textOf(form)) sessionStorage.setItem(`draft ${form.dataset.draft}`, textOf(form).value);
};
document.querySelectorAll("[data-done]").forEach((told) => sessionStorage.removeItem(`draft ${told.dataset.done}`));
document.querySelectorAll("form[data-draft]").forEach((form) => {
  const key = `draft ${form.dataset.draft}`;
  const kept = sessionStorage.getItem(key);
  const area = textOf(form);
  if (!kept || !area) return;
  sessionStorage.removeItem(key);
  if (area.value) return; // the server gave it back
  area.value = kept;
  for (let panel = form.closest("details"); panel; panel = panel.parentElement.closest("details")) panel.open = true;
});

// A file that the server would refuse is told when it is chosen, and the form does not go.
const problemOf = ({ files, dataset }) => {
  if (files.length > Number(dataset.most)) return dataset.many;
  const tooLarge = (file, limit) => file.size > Number(limit);
  if ([...files].some((file) => tooLarge(file, dataset.largest))) return dataset.large;
  const documents = [...files].filter((file) => !file.type.startsWith("image/"));
  return documents.some((file) => tooLarge(file, dataset.largestDocument)) ? dataset.documentLarge : "";
};
document.addEventListener("change", (event) => {
  const chosen = event.target;
  if (!chosen.matches("input[type=file][data-most]")) return;
  const problem = problemOf(chosen);
  chosen.setCustomValidity(problem);
  document.getElementById(`${chosen.name}-problem`).textContent = problem;
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
