// The page is whole without this. It sorts the table of clips, shows a film's place in its curves, unfolds all when
// printing, and lets the browser read films as files of their own, which some ask for.
"use strict";

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => {
        const cell = row.cells[column];
        if (column === 0) return cell.textContent;
        return cell && cell.dataset.value !== undefined ? Number(cell.dataset.value) : null;
      };
      const order = (one, other) => {
        const a = key(one), b = key(other);
        if (a === null || b === null) return (a === null) - (b === null);  // what has no number stays last
        const apart = column === 0 ? a.localeCompare(b) : a - b;
        return up ? apart : -apart;
      };
      body.append(...[...body.rows].sort(order));
    });
  });
}

for (const clip of document.querySelectorAll("details.clip")) {
  const video = clip.querySelector("video");
  const plots = [...clip.querySelectorAll("svg[data-from]")];
  if (!video) continue;
  const show = () => {
    for (const plot of plots) {
      const [left, right, from, to] = ["left", "right", "from", "to"].map((name) => Number(plot.dataset[name]));
      const x = left + (right - left) * (video.currentTime - from) / (to - from);
      const line = plot.querySelector(".playhead");
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
      line.classList.toggle("shown", x >= left && x <= right && (video.currentTime > 0 || !video.paused));
    }
    if (!video.paused) requestAnimationFrame(show);
  };
  if (plots.length) {
    clip.querySelector(".film figcaption").append(" A line in the curves follows it; click in a curve to go there.");
  }
  video.addEventListener("play", show);
  video.addEventListener("seeked", show);
  for (const plot of plots) {
    plot.classList.add("seeks");
    plot.addEventListener("click", (event) => {
      const [left, right, from, to] = ["left", "right", "from", "to"].map((name) => Number(plot.dataset[name]));
      const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(plot.getScreenCTM().inverse()).x;
      const time = from + (to - from) * (place - left) / (right - left);
      if (time >= 0 && time <= video.duration) video.currentTime = time;
    });
  }
  const asFile = () => {
    if (!clip.open || !video.src.startsWith("data:")) return;
    const bytes = Uint8Array.from(atob(video.src.slice(video.src.indexOf(",") + 1)), (sign) => sign.charCodeAt(0));
    video.src = URL.createObjectURL(new Blob([bytes], {type: "video/mp4"}));
  };
  clip.addEventListener("toggle", asFile);
  asFile();
}

const unfold = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  const clip = target && target.closest("details");
  if (clip) {
    clip.open = true;
    clip.scrollIntoView();
  }
};
addEventListener("hashchange", unfold);
unfold();

let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const part of folded) part.open = true;
});
addEventListener("afterprint", () => {
  for (const part of folded) part.open = false;
});
