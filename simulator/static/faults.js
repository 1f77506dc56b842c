// The panel that orders faults for the platform whose tab is open.
"use strict";

(() => {
  const find = (id) => document.getElementById(id);
  const CODES = { zalo: { busy: "zalo-32", refused: "error_in_200:-201" }, messenger: { busy: "graph:613", refused: "graph:100" } };
  const channel = () => document.querySelector("[data-tab][aria-selected='true']").dataset.tab;

  async function order(body) {
    const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    const answer = await fetch("/api/faults", options).catch(() => null);
    const waiting = answer && answer.ok ? await answer.json() : null;
    const left = waiting ? waiting[`${channel()}_send`] : 0;
    find("faults-waiting").textContent = waiting ? `Còn ${left} lần gửi sẽ hỏng.` : "Không đặt được lỗi này.";
  }

  find("faults").addEventListener("submit", (event) => {
    event.preventDefault();
    const kind = find("fault-kind").value;
    const count = Number(find("fault-count").value);
    order({ endpoint: `${channel()}_send`, kind: CODES[channel()][kind] || kind, count });
  });
  find("faults-clear").addEventListener("click", () => order({ endpoint: `${channel()}_send`, count: 0 }));
})();
